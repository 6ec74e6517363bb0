// What a customer sees in the portal, through the official JavaScript SDK, and what open pages hear.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { ResourceNotFound } from "@polar-sh/sdk/models/errors/resourcenotfound.js";
import { ENGINES, Merak } from "./merak.js";
import { Shop, all } from "./shop.js";

const NOBODY = "3f2c1d8e-5b6a-4c7d-8e9f-0a1b2c3d4e5f";

/** How long a message may take. */
const PATIENCE_MS = 20_000;

for (const engine of ENGINES) {
  describe(`the portal on ${engine}`, () => {
    let merak;
    let shop;

    before(async () => {
      merak = await Merak.start(engine);
      shop = await Shop.open(merak);
    });

    after(async () => assert.equal(await merak.stop(), 0, "the server ends with exit status 0, whoever listens"));

    const note = (description) =>
      shop.polar.benefits.create({
        type: "custom",
        description,
        organizationId: shop.organization.id,
        properties: { note: "Thank you" },
      });

    test("grants are sorted, filtered, and nobody else's", async () => {
      const [first, second] = [await note("First note"), await shop.benefit({ prefix: "ACME" })];
      const customer = await shop.customer("grants@example.com");
      const other = await shop.customer("other@example.com");
      for (const benefit of [first, second]) {
        merak.cli("grant", "--benefit", benefit.id, "--customer", customer.id);
      }
      merak.cli("grant", "--benefit", first.id, "--customer", other.id);
      const portal = (await shop.portal(customer)).customerPortal;
      const seen = async (request) =>
        (await all(portal.benefitGrants.list(request))).map((grant) => grant.benefit.description);

      assert.deepEqual(await seen({}), ["The application", "First note"]);
      assert.deepEqual(await seen({ sorting: ["granted_at"] }), ["First note", "The application"]);
      assert.deepEqual(await seen({ sorting: ["type"], limit: 1 }), ["First note", "The application"]);
      assert.deepEqual(await seen({ sorting: ["-type", "organization"] }), ["The application", "First note"]);
      assert.deepEqual(await seen({ typeFilter: "custom" }), ["First note"]);
      assert.deepEqual(await seen({ benefitId: [second.id, NOBODY] }), ["The application"]);
      assert.deepEqual(await seen({ organizationId: shop.organization.id, typeFilter: ["ads"] }), []);
      for (const filter of ["checkoutId", "orderId", "subscriptionId"]) {
        assert.deepEqual(await seen({ [filter]: NOBODY }), [], filter);
      }

      const [theirs] = await all((await shop.portal(other)).customerPortal.benefitGrants.list({}));
      await assert.rejects(portal.benefitGrants.get({ id: theirs.id }), ResourceNotFound);
      await assert.rejects(portal.customers.get({ id: other.id }), ResourceNotFound);
      await assert.rejects(portal.organizations.get({ slug: "nobody" }), ResourceNotFound);
      const me = await portal.customers.get({ id: customer.id });
      assert.deepEqual([me.email, me.oauthAccounts], ["grants@example.com", {}]);
      assert.equal((await portal.organizations.get({ slug: shop.slug.toUpperCase() })).slug, shop.slug);
    });

    test("a page that listens hears what its customer gets, from whichever process", async () => {
      const benefit = await note("Heard of");
      const customer = await shop.customer("listener@example.com");
      const { token } = await shop.polar.customerSessions.create({ customerId: customer.id });
      const page = await listen("/v1/customer-portal/customers/stream", { authorization: `Bearer ${token}` });
      merak.cli("grant", "--benefit", benefit.id, "--customer", customer.id);
      assert.deepEqual(await page.next(), {
        key: "benefit.granted",
        payload: { benefit_id: benefit.id, benefit_type: "custom" },
      });
      await shop.polar.benefits.delete({ id: benefit.id });
      assert.equal((await page.next()).key, "benefit.revoked");
      page.close();
    });

    test("a signed-in member hears that the organization changed", async () => {
      const cookie = await shop.signIn();
      const { id } = shop.organization;
      const pages = [await listen("/v1/stream/user", { cookie }), await listen(`/v1/stream/organizations/${id}`, { cookie })];
      await shop.polar.organizations.update({ id, organizationUpdate: { name: "Acme Works" } });
      for (const page of pages) {
        assert.deepEqual(await page.next(), { key: "organization.updated", payload: { organization_id: id } });
      }
      // These stay open: the end of the server is the end of them.
    });

    /** Listens to a stream. */
    async function listen(path, headers) {
      const abort = new AbortController();
      const response = await fetch(new URL(path, merak.url), { headers, signal: abort.signal });
      assert.equal(response.status, 200);
      assert.equal(response.headers.get("content-type"), "text/event-stream; charset=utf-8");
      const messages = read(response.body);
      return {
        next: () => within(PATIENCE_MS, messages.next().then(({ value }) => value)),
        close: () => abort.abort(),
      };
    }
  });
}

/** The messages of a stream, without their ids. */
async function* read(body) {
  let text = "";
  for await (const chunk of body.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    const blocks = text.split("\r\n\r\n");
    text = blocks.pop();
    for (const block of blocks.filter((each) => !each.startsWith(":"))) {
      assert.match(block, /^data: \{"id":"[0-9a-f-]{36}","key":/);
      const { key, payload } = JSON.parse(block.slice("data: ".length));
      yield { key, payload };
    }
  }
}

function within(milliseconds, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error("nothing was heard in time")), milliseconds);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
