// Products through the official JavaScript SDK.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { HTTPValidationError } from "@polar-sh/sdk/models/errors/httpvalidationerror.js";
import { ResourceNotFound } from "@polar-sh/sdk/models/errors/resourcenotfound.js";
import { SDKError } from "@polar-sh/sdk/models/errors/sdkerror.js";
import { ENGINES, Merak } from "./merak.js";
import { Shop, all } from "./shop.js";

const NOBODY = "3f2c1d8e-5b6a-4c7d-8e9f-0a1b2c3d4e5f";
const ONCE = { type: "one_time", amountType: "fixed", priceAmount: 1999 };
const MONTHLY = { type: "recurring", amountType: "fixed", priceAmount: 900, recurringInterval: "month" };
const YEARLY = { type: "recurring", amountType: "fixed", priceAmount: 9000, recurringInterval: "year" };

/** Where the problems of a rejected call are. */
function at(...places) {
  return (error) => {
    assert.ok(error instanceof HTTPValidationError, `${error}`);
    assert.deepEqual(error.detail.map((each) => each.loc), places);
    return true;
  };
}

for (const engine of ENGINES) {
  describe(`products on ${engine}`, () => {
    let merak;
    let shop;

    before(async () => {
      merak = await Merak.start(engine);
    });

    after(() => merak.stop());

    /** A shop without products, so that its lists are known. */
    async function open() {
      shop = await Shop.open(merak);
      return shop.polar.products;
    }

    function app(more = {}) {
      return { name: "Desktop app", organizationId: shop.organization.id, prices: [ONCE], ...more };
    }

    /** A picture that is uploaded. */
    async function picture(name) {
      const { files } = shop.polar;
      const checksumSha256Base64 = createHash("sha256").update(name).digest("base64");
      const announced = await files.create({
        service: "product_media", organizationId: shop.organization.id, name, mimeType: "image/png", size: name.length,
        checksumSha256Base64, upload: { parts: [{ number: 1, chunkStart: 0, chunkEnd: name.length, checksumSha256Base64 }] },
      });
      const { url, headers } = announced.upload.parts[0];
      const sent = await fetch(url, { method: "PUT", headers, body: name });
      const parts = [{ number: 1, checksumEtag: sent.headers.get("etag"), checksumSha256Base64 }];
      const { id, path } = announced.upload;
      return files.uploaded({ id: announced.id, fileUploadCompleted: { id, path, parts } });
    }

    function note(description) {
      const organizationId = shop.organization.id;
      return shop.polar.benefits.create({ type: "custom", description, organizationId, properties: { note: "Thanks" } });
    }

    test("products of every sort are created and read", async () => {
      const products = await open();
      const field = await shop.polar.customFields.create({
        type: "text", slug: "seats", name: "Seats", properties: {}, organizationId: shop.organization.id,
      });
      const once = await products.create(app({
        description: "For desktops",
        metadata: { sku: "D1", n: 1, yes: true },
        attachedCustomFields: [{ customFieldId: field.id, required: true }],
      }));
      assert.deepEqual([once.name, once.description, once.isRecurring, once.isArchived], ["Desktop app", "For desktops", false, false]);
      assert.deepEqual(once.metadata, { sku: "D1", n: 1, yes: true });
      assert.deepEqual([once.prices[0].type, once.prices[0].amountType, once.prices[0].priceAmount], ["one_time", "fixed", 1999]);
      assert.deepEqual(once.attachedCustomFields.map((each) => [each.customField.slug, each.order, each.required]), [["seats", 0, true]]);
      assert.deepEqual([once.benefits, once.medias], [[], []]);
      assert.deepEqual(await products.get({ id: once.id }), once);

      const cloud = await products.create(app({ name: "Cloud", prices: [MONTHLY, YEARLY] }));
      assert.ok(cloud.isRecurring);
      assert.deepEqual(cloud.prices.map((each) => [each.recurringInterval, each.priceAmount]), [["month", 900], ["year", 9000]]);
      const tips = await products.create(app({
        prices: [{ type: "one_time", amountType: "custom", minimumAmount: 500, maximumAmount: 10000, presetAmount: 1000 }],
      }));
      assert.deepEqual([tips.prices[0].minimumAmount, tips.prices[0].maximumAmount, tips.prices[0].presetAmount], [500, 10000, 1000]);
      const free = await products.create(app({ prices: [{ type: "one_time", amountType: "free" }] }));
      assert.equal(free.prices[0].amountType, "free");
      const plan = await products.create(app({ prices: [{ type: "recurring", amountType: "free", recurringInterval: "month" }] }));
      assert.deepEqual([plan.prices[0].amountType, plan.isRecurring], ["free", true]);
    });

    // T-8: what a server cannot see; documented here so that nobody looks for it in vain.
    test("a one-time price without a type becomes a free one in this SDK", async () => {
      const products = await open();
      const product = await products.create(app({ prices: [{ priceAmount: 1999 }] }));
      assert.equal(product.prices[0].amountType, "free");
    });

    test("lists are filtered and sorted", async () => {
      const products = await open();
      const organizationId = shop.organization.id;
      const benefit = await note("A note");
      const names = async (request) => (await all(products.list({ organizationId, ...request }))).map((each) => each.name);
      const made = {};
      for (const [name, prices] of [
        ["b fixed", [ONCE]],
        ["A free", [{ type: "one_time", amountType: "free" }]],
        ["c custom", [{ type: "one_time", amountType: "custom", minimumAmount: 100 }]],
        ["D cloud", [MONTHLY]],
      ]) {
        made[name] = await products.create(app({ name, prices }));
      }
      await products.update({ id: made["c custom"].id, productUpdate: { isArchived: true } });
      await products.updateBenefits({ id: made["D cloud"].id, productBenefitsUpdate: { benefits: [benefit.id] } });
      assert.deepEqual(await names({}), ["D cloud", "c custom", "A free", "b fixed"]);
      assert.deepEqual(await names({ sorting: ["created_at"] }), ["b fixed", "A free", "c custom", "D cloud"]);
      assert.deepEqual(await names({ sorting: ["name"] }), ["A free", "b fixed", "c custom", "D cloud"]);
      assert.deepEqual(await names({ sorting: ["-name"] }), ["D cloud", "c custom", "b fixed", "A free"]);
      assert.deepEqual(await names({ sorting: ["price_type", "name"] }), ["A free", "b fixed", "c custom", "D cloud"]);
      assert.deepEqual(await names({ sorting: ["-price_type", "name"] }), ["D cloud", "A free", "b fixed", "c custom"]);
      assert.deepEqual(await names({ sorting: ["price_amount_type", "name"] }), ["A free", "c custom", "b fixed", "D cloud"]);
      assert.deepEqual(await names({ sorting: ["-price_amount_type", "name"] }), ["b fixed", "D cloud", "c custom", "A free"]);
      assert.deepEqual(await names({ sorting: ["price_amount"] }), ["A free", "c custom", "D cloud", "b fixed"]);
      assert.deepEqual(await names({ sorting: ["-price_amount"] }), ["b fixed", "D cloud", "c custom", "A free"]);
      assert.deepEqual(await names({ isArchived: true }), ["c custom"]);
      assert.deepEqual(await names({ isArchived: false, sorting: ["name"] }), ["A free", "b fixed", "D cloud"]);
      assert.deepEqual(await names({ isRecurring: true }), ["D cloud"]);
      assert.deepEqual(await names({ isRecurring: false, sorting: ["name"] }), ["A free", "b fixed", "c custom"]);
      assert.deepEqual(await names({ query: "CLOUD" }), ["D cloud"]);
      assert.deepEqual(await names({ benefitId: benefit.id }), ["D cloud"]);
      assert.deepEqual(await names({ benefitId: [benefit.id, NOBODY] }), ["D cloud"]);
      assert.deepEqual(await names({ id: [made["A free"].id, made["b fixed"].id], sorting: ["name"] }), ["A free", "b fixed"]);
      assert.deepEqual(await names({ limit: 1, sorting: ["name"] }), ["A free", "b fixed", "c custom", "D cloud"], "page by page");
      await assert.rejects(products.list({ limit: 0 }), at(["query", "limit"]));
    });

    test("each member is updated by itself", async () => {
      const products = await open();
      const field = await shop.polar.customFields.create({
        type: "checkbox", slug: "terms", name: "Terms", properties: {}, organizationId: shop.organization.id,
      });
      const { id } = await products.create(app());
      const update = (productUpdate) => products.update({ id, productUpdate });
      assert.equal((await update({ name: "Desktop app 2" })).name, "Desktop app 2");
      assert.equal((await update({ description: "New" })).description, "New");
      assert.equal((await update({ description: "" })).description, "New", "it cannot be taken away");
      assert.equal((await update({ isArchived: true })).isArchived, true);
      assert.equal((await update({ isArchived: false })).isArchived, false);
      assert.deepEqual((await update({ metadata: { a: "b" } })).metadata, { a: "b" });
      assert.equal((await update({ attachedCustomFields: [{ customFieldId: field.id, required: true }] })).attachedCustomFields.length, 1);
      assert.equal((await update({ attachedCustomFields: [] })).attachedCustomFields.length, 0);
      const whole = await products.get({ id });
      assert.deepEqual(await update({}), whole);
      assert.deepEqual(await update({ name: null, prices: null, medias: null }), whole);
      const priced = await update({ prices: [MONTHLY] });
      const both = await update({ prices: [{ id: priced.prices[0].id }, YEARLY] });
      assert.deepEqual(both.prices[0], priced.prices[0]);
      assert.equal(both.prices[1].priceAmount, 9000);
      const kept = await update({ prices: [both.prices[1]] });
      assert.deepEqual(kept.prices, [both.prices[1]], "a price that was read is a price to be kept");
    });

    test("pictures are shown in their order", async () => {
      const products = await open();
      const [front, back] = [await picture("front.png"), await picture("back.png")];
      const product = await products.create(app({ medias: [front.id] }));
      assert.deepEqual(product.medias, [front], "a picture of a product is the picture that was uploaded");
      assert.equal(await (await fetch(product.medias[0].publicUrl)).text(), "front.png");
      const update = async (medias) => (await products.update({ id: product.id, productUpdate: { medias } })).medias;
      assert.deepEqual(await update([back.id, front.id]), [back, front]);
      assert.deepEqual((await products.get({ id: product.id })).medias, [back, front]);
      const [listed] = await all(products.list({ organizationId: shop.organization.id }));
      assert.deepEqual(listed.medias, [back, front]);
      assert.deepEqual(await update(null), [back, front]);
      await assert.rejects(update([front.id, NOBODY]), at(["body", "medias", 1]));
      assert.deepEqual(await update([]), []);
    });

    test("benefits are set, and buyers follow", async () => {
      const products = await open();
      const { id } = await products.create(app());
      const first = await note("First");
      const second = await note("Second");
      const set = (benefits) => products.updateBenefits({ id, productBenefitsUpdate: { benefits } });
      const shown = (product) => product.benefits.map((each) => each.description);
      assert.deepEqual(shown(await set([second.id, first.id])), ["Second", "First"]);
      assert.equal((await products.get({ id })).benefits[0].properties.note, "Thanks");
      const buyer = await shop.customer("buyer@example.com");
      const order = merak.cli("grant", "--product", id, "--customer", buyer.id);
      assert.deepEqual(order.grants.map((each) => each.is_granted), [true, true]);
      assert.deepEqual(shown(await set([first.id])), ["First"]);
      const holders = async (benefit) => (await all(shop.polar.benefits.grants({ id: benefit.id, isGranted: true }))).length;
      for (let attempt = 0; attempt < 400 && (await holders(second)) > 0; attempt += 1) {
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      assert.deepEqual([await holders(first), await holders(second)], [1, 0]);
      assert.deepEqual(shown(await set([])), []);
    });

    test("what is wrong is told at its place", async () => {
      const products = await open();
      await assert.rejects(products.create(app({ name: "ab" })), at(["body", "ProductOneTimeCreate", "name"]));
      await assert.rejects(products.create(app({ prices: [] })), at(["body", "ProductOneTimeCreate", "prices"]));
      await assert.rejects(products.create(app({ prices: [MONTHLY, MONTHLY] })), at(["body", "ProductRecurringCreate", "prices"]));
      const amount = ["ProductPriceOneTimeFixedCreate", "price_amount"];
      for (const priceAmount of [49, 100_000_000]) {
        await assert.rejects(
          products.create(app({ prices: [{ ...ONCE, priceAmount }] })),
          at(["body", "ProductOneTimeCreate", "prices", 0, ...amount]),
        );
      }
      await assert.rejects(products.create(app({ medias: [NOBODY] })), at(["body", "medias", 0]));
      await assert.rejects(
        products.create(app({ attachedCustomFields: [{ customFieldId: NOBODY, required: true }] })),
        at(["body", "attached_custom_fields", 0]),
      );
      await assert.rejects(products.create(app({ organizationId: NOBODY })), at(["body", "organization_id"]));
      const stranger = await Shop.open(merak);
      // The contract documents no 403 here, so the SDK has no type of its own for it.
      await assert.rejects(stranger.polar.products.create(app()), (error) => error instanceof SDKError && error.statusCode === 403);
      const { id } = await products.create(app());
      await assert.rejects(products.update({ id, productUpdate: { prices: [] } }), at(["body", "prices"]));
      await assert.rejects(products.update({ id, productUpdate: { prices: [{ id: NOBODY }] } }), at(["body", "prices", 0]));
      for (const priceAmount of [49, 100_000_000]) {
        await assert.rejects(
          products.update({ id, productUpdate: { prices: [{ ...ONCE, priceAmount }] } }),
          at(["body", "prices", 0, ...amount]),
        );
      }
      await assert.rejects(products.update({ id, productUpdate: { name: "ab" } }), at(["body", "name"]));
      const plan = await products.create(app({ prices: [MONTHLY] }));
      await assert.rejects(
        products.update({ id: plan.id, productUpdate: { prices: [{ id: plan.prices[0].id }, { ...MONTHLY, priceAmount: 1000 }] } }),
        at(["body", "prices"]),
      );
      assert.deepEqual(await products.get({ id: plan.id }), plan);
      await assert.rejects(
        products.updateBenefits({ id, productBenefitsUpdate: { benefits: [NOBODY] } }),
        at(["body", "benefits", 0]),
      );
      for (const call of [
        () => products.get({ id: NOBODY }),
        () => stranger.polar.products.get({ id }),
        () => stranger.polar.products.update({ id, productUpdate: { name: "Mine" } }),
        () => stranger.polar.products.updateBenefits({ id, productBenefitsUpdate: { benefits: [] } }),
      ]) {
        await assert.rejects(call, ResourceNotFound);
      }
    });
  });
}
