// Benefits that Discord and GitHub give, through the official JavaScript SDK, against stand-ins.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { HTTPValidationError } from "@polar-sh/sdk/models/errors/httpvalidationerror.js";
import { ResourceNotFound } from "@polar-sh/sdk/models/errors/resourcenotfound.js";
import { ENGINES, Merak } from "./merak.js";
import { Services } from "./services.js";
import { Shop, all } from "./shop.js";

/** How long an effect of a job may take to appear. */
const PATIENCE_MS = 20_000;

for (const engine of ENGINES) {
  describe(`benefits given outside on ${engine}`, () => {
    let services;
    let merak;
    let shop;
    let cookie;

    before(async () => {
      services = await Services.start();
      merak = await Merak.start(engine, services.environment());
      shop = await Shop.open(merak);
      cookie = await shop.signIn();
    });

    after(async () => {
      await merak.stop();
      await services.stop();
    });

    /** Where the seller's browser is sent. */
    async function location(path, headers = { cookie }) {
      const response = await fetch(new URL(path, merak.url), { redirect: "manual", headers });
      assert.equal(response.status, 303, await response.text());
      return new URL(response.headers.get("location"));
    }

    /** A token for the server 10, as the seller gets it after adding the bot there. */
    async function guildToken() {
      const away = await location("/v1/integrations/discord/bot/authorize?return_to=/");
      const state = away.searchParams.get("state");
      const back = await location(`/v1/integrations/discord/bot/callback?code=bot&state=${state}`);
      return back.searchParams.get("guild_token");
    }

    async function connectSeller() {
      const path = "/v1/integrations/github_repository_benefit/user";
      const away = await location(`${path}/authorize`);
      const back = await location(`${path}/callback?code=1&state=${away.searchParams.get("state")}`);
      assert.equal(back.searchParams.get("error"), null);
    }

    /** Connects an account to a customer, in the portal and back. */
    async function connect(customer, platform, account) {
      const { token } = await shop.polar.customerSessions.create({ customerId: customer.id });
      const path = `/v1/customer-portal/oauth-accounts/authorize?platform=${platform}&customer_id=${customer.id}`;
      const headers = { authorization: `Bearer ${token}` };
      const { url } = await (await fetch(new URL(path, merak.url), { headers })).json();
      const state = new URL(url).searchParams.get("state");
      const callback = `/v1/customer-portal/oauth-accounts/callback?code=${account}&state=${state}`;
      const back = await location(callback, {});
      assert.match(back.searchParams.get("customer_session_token"), /^polar_cst_/);
    }

    /** Sells a benefit to a new customer who has an account, and waits until it is given. */
    async function sell(benefit, platform, account) {
      const customer = await shop.customer(`${platform}-${account}@example.com`);
      merak.cli("grant", "--benefit", benefit.id, "--customer", customer.id);
      await connect(customer, platform, account);
      const portal = await shop.portal(customer);
      const [grant] = await all(portal.customerPortal.benefitGrants.list({ benefitId: benefit.id }));
      assert.equal(grant.isGranted, false);
      assert.equal(grant.customer.oauthAccounts[`${platform}:${account}`].accountId, account);
      const chosen = await portal.customerPortal.benefitGrants.update({
        id: grant.id,
        customerBenefitGrantUpdate: { benefitType: benefit.type, properties: { accountId: account } },
      });
      assert.equal(chosen.isGranted, false);
      await until(async () => (await portal.customerPortal.benefitGrants.get({ id: grant.id })).isGranted);
      return customer;
    }

    test("a role is created, read, listed, updated, given and deleted", async () => {
      const { benefits } = shop.polar;
      const organizationId = shop.organization.id;
      const make = (properties) =>
        benefits.create({ type: "discord", description: "Buyers' room", organizationId, properties });
      const made = await make({ guildToken: await guildToken(), roleId: "11" });
      assert.deepEqual([made.type, made.properties.guildId, made.properties.roleId], ["discord", "10", "11"]);
      const read = await benefits.get({ id: made.id });
      assert.equal(typeof read.properties.guildToken, "string");
      const listed = await all(benefits.list({ organizationId, typeFilter: "discord" }));
      assert.deepEqual(listed.map((each) => each.id), [made.id]);

      const customer = await sell(made, "discord", "500");
      assert.deepEqual([...services.members.get("500")], ["11"]);
      const updated = await benefits.update({
        id: made.id,
        requestBody: { type: "discord", properties: { guildToken: read.properties.guildToken, roleId: "12" } },
      });
      assert.equal(updated.properties.roleId, "12");
      await until(async () => services.members.get("500").has("12"));
      assert.deepEqual([...services.members.get("500")], ["12"]);
      const grants = await all(benefits.grants({ id: made.id, isGranted: true }));
      assert.deepEqual(grants.map((grant) => grant.customerId), [customer.id]);

      for (const [properties, loc] of [
        [{ guildToken: read.properties.guildToken, roleId: "99" }, ["body", "properties", "role_id"]],
        [{ guildToken: read.properties.guildToken, roleId: "14" }, ["body", "properties", "role_id"]],
        [{ guildToken: "x", roleId: "11" }, ["body", "discord", "properties", "guild_token"]],
      ]) {
        await assert.rejects(make(properties), (error) => {
          assert.ok(error instanceof HTTPValidationError, `${error}`);
          assert.deepEqual(error.detail.map((each) => each.loc), [loc]);
          return true;
        });
      }
      await benefits.delete({ id: made.id });
      await assert.rejects(benefits.get({ id: made.id }), ResourceNotFound);
      await until(async () => services.members.get("500").size === 0);
    });

    test("a repository is created, read, updated, given and deleted", async () => {
      const { benefits } = shop.polar;
      const organizationId = shop.organization.id;
      const make = (repositoryName) =>
        benefits.create({
          type: "github_repository",
          description: "The source",
          organizationId,
          properties: { repositoryOwner: "acme", repositoryName, permission: "pull" },
        });
      await assert.rejects(make("app"), (error) => {
        assert.ok(error instanceof HTTPValidationError, `${error}`);
        assert.deepEqual(error.detail.map((each) => each.type), ["invalid_user_auth"]);
        return true;
      });
      await connectSeller();
      await assert.rejects(make("unknown"), (error) => {
        assert.ok(error instanceof HTTPValidationError, `${error}`);
        assert.deepEqual(error.detail.map((each) => each.type), ["no_repository_acccess"]);
        return true;
      });
      const made = await make("app");
      assert.equal(made.properties.permission, "pull");
      assert.equal((await benefits.get({ id: made.id })).properties.repositoryOwner, "acme");

      await sell(made, "github", "600");
      assert.equal(services.collaborators.get("600"), "pull");
      const updated = await benefits.update({
        id: made.id,
        requestBody: {
          type: "github_repository",
          properties: { repositoryOwner: "acme", repositoryName: "app", permission: "push" },
        },
      });
      assert.equal(updated.properties.permission, "push");
      await until(async () => services.collaborators.get("600") === "push");
      await benefits.delete({ id: made.id });
      await assert.rejects(benefits.get({ id: made.id }), ResourceNotFound);
      await until(async () => !services.collaborators.has("600"));
    });

    test("the services had nothing to complain about", () => assert.deepEqual(services.mistakes, []));
  });
}

async function until(isSo) {
  const deadline = Date.now() + PATIENCE_MS;
  while (!(await isSo())) {
    assert.ok(Date.now() < deadline, "it did not come to pass");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
