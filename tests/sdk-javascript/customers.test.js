// Customers through the official JavaScript SDK: every field, every order, the search, and errors as it types them.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { HTTPValidationError } from "@polar-sh/sdk/models/errors/httpvalidationerror.js";
import { ResourceNotFound } from "@polar-sh/sdk/models/errors/resourcenotfound.js";
import { ENGINES, Merak } from "./merak.js";
import { Shop, all } from "./shop.js";

/** A well-formed identifier of nothing. */
const NOBODY = "3f2c1d8e-5b6a-4c7d-8e9f-0a1b2c3d4e5f";

const PEOPLE = [
  ["carla@example.com", "Ångström"],
  ["anna@example.com", "Zoë Ångström"],
  ["bruno@example.org", null],
  ["100%_sure@example.com", "李小龙"],
];

for (const engine of ENGINES) {
  describe(`customers on ${engine}`, () => {
    let merak;
    let shop;
    const ids = [];

    before(async () => {
      merak = await Merak.start(engine);
      shop = await Shop.open(merak);
      for (const [email, name] of PEOPLE) {
        const customer = await shop.polar.customers.create({ email, name, organizationId: shop.organization.id });
        ids.push(customer.id);
      }
    });

    after(() => merak.stop());

    const emails = async (request) => (await all(shop.polar.customers.list(request))).map((each) => each.email);
    const [carla, anna, bruno, sure] = PEOPLE.map(([email]) => email);

    test("they are listed in every order, both ways", async () => {
      assert.deepEqual(await emails({}), [sure, bruno, anna, carla]);
      assert.deepEqual(await emails({ sorting: ["created_at"] }), [carla, anna, bruno, sure]);
      assert.deepEqual(await emails({ sorting: ["-created_at"] }), [sure, bruno, anna, carla]);
      assert.deepEqual(await emails({ sorting: ["email"] }), [sure, anna, bruno, carla]);
      assert.deepEqual(await emails({ sorting: ["-email"] }), [carla, bruno, anna, sure]);
      assert.deepEqual(await emails({ sorting: ["name"] }), [anna, carla, sure, bruno]);
      assert.deepEqual(await emails({ sorting: ["-name"] }), [bruno, sure, carla, anna]);
    });

    test("they are found by a part of address or name, in any letter case", async () => {
      for (const [query, found] of [
        ["EXAMPLE.COM", [carla, anna, sure]],
        ["ångSTRÖM", [carla, anna]],
        ["小龙", [sure]],
        ["龙", [sure]],
        ["%_", [sure]],
        ["zzz", []],
        ["a", [carla, anna, bruno, sure]],
      ]) {
        assert.deepEqual(await emails({ query, sorting: ["created_at"] }), found, query);
      }
      assert.deepEqual(await emails({ query: "example.com", sorting: ["-email"] }), [carla, anna, sure]);
    });

    test("an organization narrows the list, and its pages add up", async () => {
      assert.equal((await emails({ organizationId: shop.organization.id })).length, 4);
      assert.equal((await emails({ organizationId: [shop.organization.id, NOBODY] })).length, 4);
      assert.deepEqual(await emails({ organizationId: NOBODY }), []);
      assert.equal((await emails({ query: "example", limit: 1 })).length, 4);
    });

    test("a customer is read, changed and found as changed", async () => {
      const { customers } = shop.polar;
      assert.equal((await customers.get({ id: ids[2] })).email, bruno);
      const customerUpdate = {
        email: "benno@example.org",
        name: "Benno",
        billingAddress: { country: "NO", city: "Oslo" },
        taxId: ["NO123456789MVA", "no_vat"],
      };
      const changed = await customers.update({ id: ids[2], customerUpdate });
      assert.deepEqual(
        [changed.email, changed.name, changed.billingAddress.city, changed.taxId[1]],
        ["benno@example.org", "Benno", "Oslo", "no_vat"],
      );
      assert.deepEqual(await emails({ query: "bruno" }), []);
      assert.deepEqual(await emails({ query: "BENNO" }), ["benno@example.org"]);
    });

    test("a deleted customer is found no more, and errors have their types", async () => {
      const { customers } = shop.polar;
      const email = "short@example.com";
      const { id } = await customers.create({ email, organizationId: shop.organization.id });
      await assert.rejects(customers.create({ email, organizationId: shop.organization.id }), HTTPValidationError);
      await customers.delete({ id });
      assert.deepEqual(await emails({ query: "short@" }), []);
      await assert.rejects(customers.get({ id }), ResourceNotFound);
      await assert.rejects(customers.delete({ id }), ResourceNotFound);
      await assert.rejects(customers.update({ id: NOBODY, customerUpdate: {} }), ResourceNotFound);
    });
  });
}
