// Checkout links through the official JavaScript SDK.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { HTTPValidationError } from "@polar-sh/sdk/models/errors/httpvalidationerror.js";
import { ResourceNotFound } from "@polar-sh/sdk/models/errors/resourcenotfound.js";
import { ENGINES, Merak } from "./merak.js";
import { Shop, all } from "./shop.js";

const NOBODY = "3f2c1d8e-5b6a-4c7d-8e9f-0a1b2c3d4e5f";

/** Where the problems of a rejected call are. */
function at(...places) {
  return (error) => {
    assert.ok(error instanceof HTTPValidationError, `${error}`);
    assert.deepEqual(error.detail.map((each) => each.loc), places);
    return true;
  };
}

for (const engine of ENGINES) {
  describe(`checkout links on ${engine}`, () => {
    let merak;
    let shop;

    before(async () => {
      merak = await Merak.start(engine);
    });

    after(() => merak.stop());

    async function open() {
      shop = await Shop.open(merak);
      return shop.polar.checkoutLinks;
    }

    function product() {
      const prices = [{ type: "one_time", amountType: "fixed", priceAmount: 1999 }];
      return shop.polar.products.create({ name: "Desktop app", organizationId: shop.organization.id, prices });
    }

    function discount(products) {
      const organizationId = shop.organization.id;
      return shop.polar.discounts.create({ type: "percentage", duration: "once", basisPoints: 1000, name: "Ten off", organizationId, products });
    }

    test("a link is created for a product or a price, and read", async () => {
      const links = await open();
      const app = await product();
      const off = await discount([app.id]);
      const link = await links.create({
        paymentProcessor: "stripe",
        productId: app.id,
        label: "Blog",
        allowDiscountCodes: false,
        discountId: off.id,
        successUrl: "https://Example.com?x={CHECKOUT_ID}",
        metadata: { from: "blog" },
      });
      assert.match(link.clientSecret, /^polar_cl_[0-9A-Za-z]{43}$/);
      assert.equal(link.url, `${merak.url}/v1/checkout-links/${link.clientSecret}/redirect`);
      assert.deepEqual([link.label, link.allowDiscountCodes, link.metadata], ["Blog", false, { from: "blog" }]);
      assert.equal(link.successUrl, "https://example.com/?x={CHECKOUT_ID}");
      assert.deepEqual([link.productId, link.productPriceId, link.productPrice], [app.id, null, null]);
      assert.deepEqual(link.product.prices, app.prices);
      assert.deepEqual([link.discountId, link.discount.basisPoints], [off.id, 1000]);
      assert.deepEqual(await links.get({ id: link.id }), link);
      const priced = await links.create({ paymentProcessor: "stripe", productPriceId: app.prices[0].id });
      assert.deepEqual([priced.productId, priced.productPriceId, priced.productPrice], [app.id, app.prices[0].id, app.prices[0]]);
      assert.equal(priced.allowDiscountCodes, true);
    });

    test("lists are filtered and sorted", async () => {
      const links = await open();
      const [one, two] = [await product(), await product()];
      const made = [];
      for (const { id } of [one, two, one]) {
        made.push((await links.create({ paymentProcessor: "stripe", productId: id })).id);
      }
      const ids = async (request) => (await all(links.list(request))).map((each) => each.id);
      const organizationId = shop.organization.id;
      assert.deepEqual(await ids({}), made, "the oldest first");
      assert.deepEqual(await ids({ sorting: ["-created_at"] }), [...made].reverse());
      assert.deepEqual(await ids({ organizationId, productId: one.id }), [made[0], made[2]]);
      assert.deepEqual(await ids({ productId: [one.id, two.id], limit: 2 }), made, "page by page");
      assert.deepEqual(await ids({ organizationId: NOBODY }), []);
    });

    test("each member is updated by itself, and a link is deleted", async () => {
      const links = await open();
      const app = await product();
      const off = await discount();
      const { id } = await links.create({ paymentProcessor: "stripe", productId: app.id });
      const update = (checkoutLinkUpdate) => links.update({ id, checkoutLinkUpdate });
      assert.equal((await update({ label: "Blog" })).label, "Blog");
      assert.equal((await update({ label: null })).label, null);
      assert.equal((await update({ successUrl: "https://example.com/thanks" })).successUrl, "https://example.com/thanks");
      assert.equal((await update({ successUrl: null })).successUrl, null);
      assert.equal((await update({ allowDiscountCodes: false })).allowDiscountCodes, false);
      assert.deepEqual((await update({ metadata: { a: 1 } })).metadata, { a: 1 });
      assert.equal((await update({ productPriceId: app.prices[0].id })).productPrice.id, app.prices[0].id);
      assert.equal((await update({ productPriceId: null })).productPrice, null);
      assert.equal((await update({ discountId: off.id })).discount.id, off.id);
      assert.equal((await update({ discountId: null })).discount, null);
      await links.delete({ id });
      await assert.rejects(links.get({ id }), ResourceNotFound);
      await assert.rejects(links.delete({ id }), ResourceNotFound);
    });

    test("what is wrong is told at its place", async () => {
      const links = await open();
      const [app, other] = [await product(), await product()];
      const off = await discount([other.id]);
      const create = (more) => links.create({ paymentProcessor: "stripe", ...more });
      await assert.rejects(create({ productId: NOBODY }), at(["body", "product_id"]));
      await assert.rejects(create({ productPriceId: NOBODY }), at(["body", "product_price_id"]));
      await assert.rejects(create({ productId: app.id, discountId: off.id }), at(["body", "discount_id"]));
      await assert.rejects(create({ productId: app.id, successUrl: "ftp://x" }), at(["body", "CheckoutLinkProductCreate", "success_url"]));
      const { id } = await create({ productId: app.id });
      await assert.rejects(
        links.update({ id, checkoutLinkUpdate: { productPriceId: other.prices[0].id } }),
        at(["body", "product_price_id"]),
      );
      for (const discountId of [off.id, NOBODY]) {
        await assert.rejects(links.update({ id, checkoutLinkUpdate: { discountId } }), at(["body", "discount_id"]));
      }
      assert.equal((await links.get({ id })).discountId, null);
      const stranger = await Shop.open(merak);
      await assert.rejects(stranger.polar.checkoutLinks.get({ id }), ResourceNotFound);
      await assert.rejects(stranger.polar.checkoutLinks.update({ id, checkoutLinkUpdate: { label: "x" } }), ResourceNotFound);
      await assert.rejects(stranger.polar.checkoutLinks.delete({ id }), ResourceNotFound);
      await assert.rejects(stranger.polar.checkoutLinks.create({ paymentProcessor: "stripe", productId: app.id }), at(["body", "product_id"]));
    });
  });
}
