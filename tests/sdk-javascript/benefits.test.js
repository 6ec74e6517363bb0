// Benefits that need no other service, kind by kind, through the official JavaScript SDK: what is changed, deleted, granted
// and refused.

import assert from "node:assert/strict";
import { createHash, randomUUID } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { HTTPValidationError } from "@polar-sh/sdk/models/errors/httpvalidationerror.js";
import { NotPermitted } from "@polar-sh/sdk/models/errors/notpermitted.js";
import { ResourceNotFound } from "@polar-sh/sdk/models/errors/resourcenotfound.js";
import { SDKError } from "@polar-sh/sdk/models/errors/sdkerror.js";
import { ENGINES, Merak } from "./merak.js";
import { Shop, all } from "./shop.js";

/** A well-formed identifier of nothing. */
const NOBODY = "3f2c1d8e-5b6a-4c7d-8e9f-0a1b2c3d4e5f";
const TEXT = "hello world";
const CHECKSUM = createHash("sha256").update(TEXT).digest("base64");

/** Where the problems of a rejected call are. */
function at(...places) {
  return (error) => {
    assert.ok(error instanceof HTTPValidationError, `${error}`);
    assert.deepEqual(error.detail.map((each) => each.loc), places);
    return true;
  };
}

for (const engine of ENGINES) {
  describe(`benefits on ${engine}`, () => {
    let merak;
    let shop;

    before(async () => {
      merak = await Merak.start(engine);
      shop = await Shop.open(merak);
    });

    after(() => merak.stop());

    function create(type, properties, more = {}) {
      const organizationId = shop.organization.id;
      return shop.polar.benefits.create({ type, description: "A benefit", organizationId, properties, ...more });
    }

    async function file(name) {
      const { files } = shop.polar;
      const part = { number: 1, chunkStart: 0, chunkEnd: TEXT.length, checksumSha256Base64: CHECKSUM };
      const announced = await files.create({
        service: "downloadable", organizationId: shop.organization.id, name, mimeType: "text/plain",
        size: TEXT.length, checksumSha256Base64: CHECKSUM, upload: { parts: [part] },
      });
      const { url, headers } = announced.upload.parts[0];
      const sent = await fetch(url, { method: "PUT", headers, body: TEXT });
      const parts = [{ number: 1, checksumEtag: sent.headers.get("etag"), checksumSha256Base64: CHECKSUM }];
      const { id, path } = announced.upload;
      return (await files.uploaded({ id: announced.id, fileUploadCompleted: { id, path, parts } })).id;
    }

    test("every kind is read, changed in each of its members, and deleted", async () => {
      const { benefits } = shop.polar;
      const [one, two] = [await file("one.txt"), await file("two.txt")];
      for (const [type, before, after] of [
        ["custom", { note: "In the credits" }, { note: null }],
        ["ads", { imageHeight: 400, imageWidth: 300 }, { imageHeight: 100, imageWidth: 200 }],
        ["downloadables", { files: [one], archived: {} }, { files: [two, one], archived: { [one]: true } }],
        [
          "license_keys",
          { prefix: "ACME", expires: { ttl: 1, timeframe: "year" }, activations: { limit: 3, enableCustomerAdmin: true }, limitUsage: 9 },
          { prefix: "NEW", expires: { ttl: 6, timeframe: "month" }, activations: { limit: 5, enableCustomerAdmin: false }, limitUsage: 2 },
        ],
      ]) {
        const made = await create(type, before);
        assert.deepEqual([made.type, made.description, made.properties], [type, "A benefit", before]);
        assert.deepEqual([made.selectable, made.deletable], [true, true]);
        assert.deepEqual(await benefits.get({ id: made.id }), made, type);
        const update = (changes) => benefits.update({ id: made.id, requestBody: { type, ...changes } });
        const renamed = await update({ description: "Renamed" });
        assert.deepEqual([renamed.description, renamed.properties], ["Renamed", before], type);
        const changed = await update({ properties: after });
        assert.deepEqual([changed.description, changed.properties], ["Renamed", after], type);
        const both = await update({ description: "Both", properties: before });
        assert.deepEqual([both.description, both.properties], ["Both", before], type);
        const nothing = await update({});
        assert.deepEqual([nothing.description, nothing.properties], ["Both", before], type);
        assert.deepEqual(await benefits.get({ id: made.id }), nothing);
        const ids = async () =>
          (await all(benefits.list({ organizationId: shop.organization.id, typeFilter: type }))).map((each) => each.id);
        assert.ok((await ids()).includes(made.id), type);
        await benefits.delete({ id: made.id });
        assert.ok(!(await ids()).includes(made.id), type);
        await assert.rejects(benefits.get({ id: made.id }), ResourceNotFound);
        await assert.rejects(benefits.delete({ id: made.id }), ResourceNotFound);
        await assert.rejects(update({ description: "Gone" }), ResourceNotFound);
      }
    });

    test("lists of several types go page by page, the types in their order", async () => {
      const other = await Shop.open(merak);
      const organizationId = other.organization.id;
      for (const [type, description, properties] of [
        ["license_keys", "First key", {}], ["custom", "First note", { note: null }],
        ["ads", "A place", { imageHeight: 1, imageWidth: 1 }], ["license_keys", "Second key", {}],
        ["custom", "Second note", { note: null }],
      ]) {
        await other.polar.benefits.create({ type, description, organizationId, properties });
      }
      const list = async (request) =>
        (await all(other.polar.benefits.list({ organizationId, ...request }))).map((each) => each.description);
      const sold = ["First note", "Second note", "First key", "Second key"];
      for (const limit of [100, 3, 1]) {
        assert.deepEqual(await list({ limit }), ["A place", ...sold]);
        assert.deepEqual(await list({ limit, typeFilter: ["license_keys", "custom"] }), sold);
        assert.deepEqual(await list({ limit, typeFilter: "ads" }), ["A place"]);
      }
      const [page] = [await other.polar.benefits.list({ organizationId, typeFilter: ["custom", "ads"], page: 2, limit: 2 })];
      assert.deepEqual(page.result.items.map((each) => each.description), ["Second note"]);
      assert.deepEqual(page.result.pagination, { totalCount: 3, maxPage: 2 });
    });

    test("what cannot be deleted is not (B9)", async () => {
      const { benefits } = shop.polar;
      const made = await create("custom", { note: "For ever" });
      const id = undeletable(made.id);
      assert.deepEqual([(await benefits.get({ id })).deletable, made.deletable], [false, true]);
      await assert.rejects(benefits.delete({ id }), NotPermitted);
      assert.equal((await benefits.get({ id })).description, made.description);
      await benefits.delete({ id: made.id });
    });

    /** A copy of a benefit that cannot be deleted. The API makes none; such a one comes in from elsewhere. */
    function undeletable(original) {
      const folder = mkdtempSync(join(tmpdir(), "merak-benefit-"));
      const file = join(folder, "shop.ndjson");
      merak.cli("export", file, "--organization", shop.slug);
      const lines = readFileSync(file, "utf8").trim().split("\n").map((line) => JSON.parse(line));
      const { data, type } = lines.find((line) => line.data?.id === original);
      const id = randomUUID();
      const copy = { type, data: { ...data, id, deletable: false } };
      const changed = [...lines.slice(0, 2), copy, { type: "end", records: 1, uncarried: {} }];
      writeFileSync(file, changed.map((line) => `${JSON.stringify(line)}\n`).join(""));
      merak.cli("import", file);
      rmSync(folder, { recursive: true });
      return id;
    }

    test("members of license keys that are left out are taken away", async () => {
      const { id } = await create("license_keys", { prefix: "ACME", limitUsage: 9 });
      const changed = await shop.polar.benefits.update({ id, requestBody: { type: "license_keys", properties: {} } });
      assert.deepEqual(changed.properties, { prefix: null, expires: null, activations: null, limitUsage: null });
    });

    test("grants are listed by their state and their customer", async () => {
      const { benefits } = shop.polar;
      const { id } = await create("custom", { note: null });
      const [holder, former] = [await shop.customer("holder@example.com"), await shop.customer("former@example.com")];
      for (const { id: customer } of [holder, former]) merak.cli("grant", "--benefit", id, "--customer", customer);
      merak.cli("grant", "--benefit", id, "--customer", former.id, "--revoke");
      const holders = async (filter) => (await all(benefits.grants({ id, ...filter }))).map((each) => each.customerId);
      assert.deepEqual(await holders({}), [former.id, holder.id]);
      assert.deepEqual(await holders({ isGranted: true }), [holder.id]);
      assert.deepEqual(await holders({ isGranted: false }), [former.id]);
      assert.deepEqual(await holders({ customerId: holder.id }), [holder.id]);
      assert.deepEqual(await holders({ customerId: [holder.id, former.id], limit: 1 }), [former.id, holder.id]);
      assert.deepEqual(await holders({ customerId: holder.id, isGranted: false }), []);
      assert.deepEqual(await holders({ customerId: NOBODY }), []);
      const [revoked] = await all(benefits.grants({ id, isGranted: false }));
      assert.deepEqual([revoked.isGranted, revoked.isRevoked, revoked.grantedAt], [false, true, null]);
      assert.equal(revoked.customer.email, "former@example.com");
      await assert.rejects(benefits.grants({ id: NOBODY }), ResourceNotFound);
    });

    test("what is wrong is told at its place", async () => {
      const { benefits } = shop.polar;
      for (const description of ["ab", "x".repeat(43)]) {
        await assert.rejects(create("custom", { note: null }, { description }), at(["body", "custom", "description"]));
      }
      const stranger = await Shop.open(merak);
      for (const organizationId of [undefined, NOBODY, stranger.organization.id]) {
        await assert.rejects(create("custom", { note: null }, { organizationId }), at(["body", "organization_id"]));
      }
      const ttl = { expires: { ttl: 2147483647, timeframe: "year" } };
      await assert.rejects(create("license_keys", ttl), at(["body", "properties", "expires", "ttl"]));
      await assert.rejects(create("downloadables", { files: [NOBODY], archived: {} }), at(["body", "properties", "files", 0]));
      await assert.rejects(
        create("license_keys", { activations: { limit: 0, enableCustomerAdmin: true } }),
        at(["body", "license_keys", "properties", "activations", "limit"]),
      );
      // This installation is connected to neither service.
      await assert.rejects(create("discord", { guildToken: "x", roleId: "1" }), at(["body", "type"]));
      const { id } = await create("custom", { note: null });
      const update = (requestBody) => benefits.update({ id, requestBody });
      await assert.rejects(
        update({ type: "custom", description: "x".repeat(43) }),
        at(["body", "BenefitCustomUpdate", "description"]),
      );
      await assert.rejects(update({ type: "ads", description: "Another" }), (error) => {
        assert.ok(error instanceof SDKError, `${error}`);
        assert.deepEqual([error.statusCode, JSON.parse(error.body).error], [400, "BadRequest"]);
        return true;
      });
      for (const call of [
        () => stranger.polar.benefits.get({ id }),
        () => stranger.polar.benefits.update({ id, requestBody: { type: "custom", description: "Mine" } }),
        () => stranger.polar.benefits.delete({ id }),
        () => stranger.polar.benefits.grants({ id }),
      ]) {
        await assert.rejects(call, ResourceNotFound);
      }
    });
  });
}
