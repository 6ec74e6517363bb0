// Custom fields through the official JavaScript SDK.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Polar } from "@polar-sh/sdk";
import { HTTPValidationError } from "@polar-sh/sdk/models/errors/httpvalidationerror.js";
import { ResourceNotFound } from "@polar-sh/sdk/models/errors/resourcenotfound.js";
import { SDKError } from "@polar-sh/sdk/models/errors/sdkerror.js";
import { ENGINES, Merak } from "./merak.js";
import { Shop, all } from "./shop.js";

/** Where the problems of a rejected call are. */
function at(...places) {
  return (error) => {
    assert.ok(error instanceof HTTPValidationError, `${error}`);
    assert.deepEqual(error.detail.map((each) => each.loc), places);
    return true;
  };
}

for (const engine of ENGINES) {
  describe(`custom fields on ${engine}`, () => {
    let merak;
    let shop;

    before(async () => {
      merak = await Merak.start(engine);
    });

    after(() => merak.stop());

    /** A shop without fields, so that its lists are known. */
    async function open() {
      shop = await Shop.open(merak);
      return shop.polar.customFields;
    }

    function text(slug, more = {}) {
      const organizationId = shop.organization.id;
      return { type: "text", slug, name: "Company", organizationId, properties: {}, ...more };
    }

    test("each type is created and read (C2)", async () => {
      const customFields = await open();
      const organizationId = shop.organization.id;
      const metadata = { plan: "pro", seats: 5, vip: true };
      const company = await customFields.create(text("my-field", {
        metadata,
        properties: { formLabel: "Your company", textarea: true, minLength: 1, maxLength: 20 },
      }));
      assert.deepEqual(company.properties, { formLabel: "Your company", textarea: true, minLength: 1, maxLength: 20 });
      assert.deepEqual(company.metadata, metadata);
      assert.deepEqual(await customFields.get({ id: company.id }), company);
      for (const [type, properties] of [
        ["number", { ge: 1, le: 10 }],
        ["date", { ge: 1735689600, formHelpText: "From 2025 on" }],
        ["checkbox", { formPlaceholder: "Terms" }],
        ["select", { options: [{ value: "a", label: "A" }, { value: "b", label: "B" }] }],
      ]) {
        const field = await customFields.create({ type, slug: `_valid_${type}2`, name: type, organizationId, properties });
        assert.equal(field.type, type);
        assert.deepEqual(field.properties, properties);
        assert.deepEqual(await customFields.get({ id: field.id }), field);
      }
    });

    test("a list is filtered and sorted (C8)", async () => {
      const customFields = await open();
      const organizationId = shop.organization.id;
      for (const [type, slug, name] of [["text", "b", "zoe"], ["checkbox", "a", "Bea"], ["number", "c", "adam"]]) {
        await customFields.create({ type, slug, name, organizationId, properties: {} });
      }
      const slugs = async (request) => (await all(customFields.list({ organizationId, ...request }))).map((each) => each.slug);
      assert.deepEqual(await slugs({}), ["a", "b", "c"]);
      for (const [sorting, expected] of [
        [["slug"], "abc"], [["-slug"], "cba"], [["name"], "cab"], [["-name"], "bac"], [["type"], "acb"], [["-type"], "bca"],
        [["created_at"], "bac"], [["-created_at"], "cab"],
      ]) {
        assert.equal((await slugs({ sorting })).join(""), expected, sorting[0]);
        assert.equal((await slugs({ sorting, limit: 1 })).join(""), expected, `${sorting[0]} page by page`);
      }
      assert.deepEqual(await slugs({ query: "BE" }), ["a"]);
      assert.deepEqual(await slugs({ query: "c" }), ["c"]);
      assert.deepEqual(await slugs({ typeFilter: "text" }), ["b"]);
      assert.deepEqual(await slugs({ typeFilter: ["text", "number"] }), ["b", "c"]);
      const stranger = await Shop.open(merak);
      assert.deepEqual(await all(stranger.polar.customFields.list({ organizationId })), []);
    });

    test("each member is updated, and null changes nothing", async () => {
      const customFields = await open();
      const field = await customFields.create(text("company", { properties: { formLabel: "Yours" } }));
      const update = (change) => customFields.update({ id: field.id, customFieldUpdate: { type: "text", ...change } });
      assert.equal((await update({ name: "Firm" })).name, "Firm");
      assert.equal((await update({ slug: "firm" })).slug, "firm");
      assert.deepEqual((await update({ metadata: { a: 1 } })).metadata, { a: 1 });
      assert.deepEqual((await update({ properties: { maxLength: 5 } })).properties, { maxLength: 5 });
      const kept = await update({ name: null, slug: null, metadata: null, properties: null });
      assert.deepEqual([kept.name, kept.slug, kept.metadata, kept.properties], ["Firm", "firm", { a: 1 }, { maxLength: 5 }]);
      assert.ok(kept.modifiedAt instanceof Date);
    });

    test("the properties of each type are updated", async () => {
      const customFields = await open();
      const organizationId = shop.organization.id;
      const option = (value) => ({ value, label: value.toUpperCase() });
      for (const [type, before, after] of [
        ["number", { ge: 1, le: 10 }, { le: 20, formPlaceholder: "Seats" }],
        ["date", { ge: 1735689600, formLabel: "From" }, { le: 1767225600 }],
        ["checkbox", { formLabel: "Terms" }, { formHelpText: "All of them" }],
        ["select", { options: [option("a"), option("b")], formLabel: "Plan" }, { options: [option("c"), option("a")] }],
      ]) {
        const field = await customFields.create({ type, slug: type, name: type, organizationId, properties: before });
        const changed = await customFields.update({ id: field.id, customFieldUpdate: { type, properties: after } });
        assert.deepEqual(changed.properties, after, type);
        assert.deepEqual(await customFields.get({ id: field.id }), changed);
      }
    });

    test("a deleted field is gone from its products, and its slug is free (C7)", async () => {
      const customFields = await open();
      const field = await customFields.create(text("company"));
      const product = await shop.polar.products.create({
        name: "The app",
        organizationId: shop.organization.id,
        prices: [{ type: "one_time", amountType: "fixed", priceAmount: 1000 }],
        attachedCustomFields: [{ customFieldId: field.id, required: true }],
      });
      assert.deepEqual(product.attachedCustomFields.map((each) => each.customField.slug), ["company"]);
      await customFields.delete({ id: field.id });
      assert.deepEqual((await shop.polar.products.get({ id: product.id })).attachedCustomFields, []);
      await assert.rejects(customFields.get({ id: field.id }), ResourceNotFound);
      await assert.rejects(customFields.delete({ id: field.id }), ResourceNotFound);
      await customFields.create(text("company"));
    });

    test("errors have the classes of the SDK (C1, C6)", async () => {
      const customFields = await open();
      const field = await customFields.create(text("company"));
      await assert.rejects(customFields.create(text("company")), at(["body", "slug"]));
      await assert.rejects(customFields.create(text("Company")), at(["body", "text", "slug"]));
      await assert.rejects(customFields.create(text("")), at(["body", "text", "slug"]));
      await assert.rejects(
        customFields.create(text("x", { properties: { minLength: -1 } })),
        at(["body", "text", "properties", "min_length"]),
      );
      await assert.rejects(
        customFields.create(text("x", { type: "select", properties: { options: [] } })),
        at(["body", "properties", "options"]),
      );
      await assert.rejects(
        customFields.update({ id: field.id, customFieldUpdate: { type: "number", name: "X" } }),
        at(["body", "type"]),
      );
      await customFields.create(text("seats"));
      const change = (members) => customFields.update({ id: field.id, customFieldUpdate: { type: "text", ...members } });
      for (const [members, place] of [
        [{ slug: "seats" }, ["body", "slug"]],
        [{ slug: "Seats" }, ["body", "text", "slug"]],
        [{ slug: "" }, ["body", "text", "slug"]],
        [{ name: "" }, ["body", "text", "name"]],
        [{ properties: { minLength: -1 } }, ["body", "text", "properties", "min_length"]],
        [{ properties: { formLabel: "" } }, ["body", "text", "properties", "form_label"]],
      ]) {
        await assert.rejects(change(members), at(place));
      }
      const option = { value: "a", label: "A" };
      const choice = await customFields.create(text("x", { type: "select", properties: { options: [option] } }));
      for (const options of [[], [option, option]]) {
        await assert.rejects(
          customFields.update({ id: choice.id, customFieldUpdate: { type: "select", properties: { options } } }),
          (error) => {
            assert.ok(error instanceof HTTPValidationError, `${error}`);
            assert.deepEqual(error.detail[0].loc.slice(0, 3), ["body", "properties", "options"]);
            return true;
          },
        );
      }
      assert.deepEqual([await customFields.get({ id: field.id }), await customFields.get({ id: choice.id })], [field, choice]);
      const stranger = await Shop.open(merak);
      await assert.rejects(stranger.polar.customFields.get({ id: field.id }), ResourceNotFound);
      await assert.rejects(
        stranger.polar.customFields.update({ id: field.id, customFieldUpdate: { type: "text" } }),
        ResourceNotFound,
      );
      const anonymous = new Polar({ serverURL: merak.url });
      await assert.rejects(anonymous.customFields.list({}), (error) => {
        assert.ok(error instanceof SDKError, `${error}`);
        assert.equal(error.statusCode, 401);
        return true;
      });
    });
  });
}
