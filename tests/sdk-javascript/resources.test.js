// Organizations, customers and benefits through the official JavaScript SDK, and errors as it types them.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Polar } from "@polar-sh/sdk";
import { HTTPValidationError } from "@polar-sh/sdk/models/errors/httpvalidationerror.js";
import { ResourceNotFound } from "@polar-sh/sdk/models/errors/resourcenotfound.js";
import { SDKError } from "@polar-sh/sdk/models/errors/sdkerror.js";
import { Unauthorized } from "@polar-sh/sdk/models/errors/unauthorized.js";
import { ENGINES, Merak } from "./merak.js";
import { Shop, all } from "./shop.js";

/** A well-formed identifier of nothing. */
const NOBODY = "3f2c1d8e-5b6a-4c7d-8e9f-0a1b2c3d4e5f";

for (const engine of ENGINES) {
  describe(`resources on ${engine}`, () => {
    let merak;
    let shop;

    before(async () => {
      merak = await Merak.start(engine);
      shop = await Shop.open(merak);
    });

    after(() => merak.stop());

    test("an organization is listed, read and updated", async () => {
      const { polar, organization } = shop;
      const listed = await all(polar.organizations.list({ slug: shop.slug }));
      assert.deepEqual(listed.map((each) => each.id), [organization.id]);
      const updated = await polar.organizations.update({
        id: organization.id,
        organizationUpdate: { name: "Acme Works", profileSettings: { description: "Tools" } },
      });
      assert.equal(updated.name, "Acme Works");
      assert.equal(updated.profileSettings.description, "Tools");
      assert.equal((await polar.organizations.get({ id: organization.id })).name, "Acme Works");
    });

    test("a customer is created, found, updated and deleted", async () => {
      const { customers } = shop.polar;
      const customer = await customers.create({
        email: "vat@example.com",
        organizationId: shop.organization.id,
        billingAddress: { country: "FR", city: "Paris" },
        taxId: ["FR61954506077", "eu_vat"],
      });
      assert.equal(customer.billingAddress.country, "FR");
      assert.deepEqual(customer.taxId, ["FR61954506077", "eu_vat"]);
      const renamed = await customers.update({ id: customer.id, customerUpdate: { name: "Jean" } });
      assert.equal(renamed.name, "Jean");
      assert.equal((await all(customers.list({ query: "JEAN" }))).length, 1);
      await customers.delete({ id: customer.id });
      await assert.rejects(customers.get({ id: customer.id }), ResourceNotFound);
    });

    test("a list goes on page by page", async () => {
      const created = [];
      for (const letter of ["a", "b", "c", "d", "e"]) {
        created.push((await shop.customer(`page-${letter}@example.com`)).email);
      }
      const sorting = ["email"];
      const pages = await shop.polar.customers.list({ query: "page-", limit: 2, sorting });
      const emails = await all(pages);
      assert.deepEqual(emails.map((each) => each.email), created);
      const first = await shop.polar.customers.list({ query: "page-", limit: 2, sorting });
      assert.deepEqual(first.result.pagination, { totalCount: 5, maxPage: 3 });
    });

    test("every kind of benefit that needs no other service is created, updated and deleted", async () => {
      const { benefits } = shop.polar;
      const organizationId = shop.organization.id;
      const custom = await benefits.create({
        type: "custom",
        description: "Thanks",
        organizationId,
        properties: { note: "In the credits" },
      });
      assert.equal(custom.properties.note, "In the credits");
      const keys = await shop.benefit({ expires: { ttl: 1, timeframe: "year" } });
      assert.deepEqual(keys.properties.expires, { ttl: 1, timeframe: "year" });
      const updated = await benefits.update({
        id: keys.id,
        requestBody: { type: "license_keys", description: "Renamed" },
      });
      assert.equal(updated.description, "Renamed");
      assert.deepEqual(updated.properties.expires, { ttl: 1, timeframe: "year" });
      const listed = await all(benefits.list({ organizationId, typeFilter: "custom" }));
      assert.deepEqual(listed.map((each) => each.id), [custom.id]);
      await benefits.delete({ id: custom.id });
      await assert.rejects(benefits.get({ id: custom.id }), ResourceNotFound);
    });

    test("errors have the classes of the SDK", async () => {
      const { polar } = shop;
      const { licenseKeys } = polar.customerPortal;
      const anonymous = new Polar({ serverURL: merak.url });
      await assert.rejects(anonymous.licenseKeys.list({}), Unauthorized);
      await assert.rejects(polar.licenseKeys.get({ id: NOBODY }), ResourceNotFound);
      await assert.rejects(polar.licenseKeys.get({ id: "x" }), HTTPValidationError);
      await assert.rejects(
        licenseKeys.validate({ key: "none", organizationId: shop.organization.id }),
        ResourceNotFound,
      );
      await assert.rejects(licenseKeys.validate({ key: "none", organizationId: "x" }), (error) => {
        assert.ok(error instanceof HTTPValidationError, `${error}`);
        assert.deepEqual(error.detail.map((each) => each.loc), [["body", "organization_id"]]);
        return true;
      });
      await shop.customer("twice@example.com");
      await assert.rejects(shop.customer("TWICE@example.com"), (error) => {
        assert.ok(error instanceof HTTPValidationError, `${error}`);
        assert.deepEqual(error.detail.map((each) => each.loc), [["body", "email"]]);
        return true;
      });
    });

    test("a key of another merchant is unauthorized and not listed", async () => {
      const other = await Shop.open(merak);
      const key = await other.grant(await other.benefit({}), await other.customer("other@example.com"));
      await assert.rejects(shop.polar.licenseKeys.get({ id: key.id }), Unauthorized);
      const listed = await all(shop.polar.licenseKeys.list({ organizationId: other.organization.id }));
      assert.deepEqual(listed, []);
    });

    test("a used up key answers 400, which the SDK leaves untyped", async () => {
      const benefit = await shop.benefit({ limitUsage: 1 });
      const key = await shop.grant(benefit, await shop.customer("usage@example.com"));
      const { licenseKeys } = shop.polar.customerPortal;
      await licenseKeys.validate({ ...shop.naming(key), incrementUsage: 1 });
      await assert.rejects(licenseKeys.validate({ ...shop.naming(key), incrementUsage: 1 }), (error) => {
        assert.ok(error instanceof SDKError, `${error}`);
        assert.equal(error.statusCode, 400);
        assert.equal(JSON.parse(error.body).error, "BadRequest");
        return true;
      });
    });
  });
}
