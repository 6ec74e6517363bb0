// Checkouts through the official JavaScript SDK.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Polar } from "@polar-sh/sdk";
import { HTTPValidationError } from "@polar-sh/sdk/models/errors/httpvalidationerror.js";
import { ResourceNotFound } from "@polar-sh/sdk/models/errors/resourcenotfound.js";
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
  describe(`checkouts on ${engine}`, () => {
    let merak;
    let shop;
    let browser;

    before(async () => {
      merak = await Merak.start(engine);
      browser = new Polar({ serverURL: merak.url });
    });

    after(() => merak.stop());

    async function open() {
      shop = await Shop.open(merak);
      const prices = [{ type: "one_time", amountType: "fixed", priceAmount: 1999 }];
      return shop.polar.products.create({ name: "Desktop app", organizationId: shop.organization.id, prices });
    }

    test("a checkout is made, read, changed and listed", async () => {
      const product = await open();
      const { custom } = shop.polar.checkouts;
      const made = await custom.create({
        productId: product.id,
        customerEmail: "ada@example.com",
        customerBillingAddress: { country: "FR" },
        successUrl: "https://example.com?id={CHECKOUT_ID}",
        metadata: { from: "blog" },
      });
      assert.match(made.clientSecret, /^polar_c_[0-9A-Za-z]{43}$/);
      assert.equal(made.url, `${merak.url}/checkout/${made.clientSecret}`);
      assert.equal(made.successUrl, `https://example.com/?id=${made.id}`);
      assert.deepEqual([made.status, made.amount, made.totalAmount, made.taxAmount], ["open", 1999, 1999, 0]);
      assert.deepEqual(made.metadata, { from: "blog" });
      assert.deepEqual(await custom.get({ id: made.id }), made);
      const priced = await custom.create({ productPriceId: product.prices[0].id });
      assert.deepEqual(priced.productPrice, product.prices[0]);
      const update = (checkoutUpdate) => custom.update({ id: made.id, checkoutUpdate });
      assert.equal((await update({ customerName: "Ada" })).customerName, "Ada");
      assert.equal((await update({ metadata: { a: 1 } })).customerName, "Ada");
      assert.equal((await update({ customerName: null })).customerName, null);
      const found = await all(custom.list({ productId: product.id, sorting: ["created_at"] }));
      assert.deepEqual(found.map((checkout) => checkout.id), [made.id, priced.id]);
      await assert.rejects(custom.get({ id: product.id }), ResourceNotFound);
      await assert.rejects(custom.create({ productId: made.id }), at(["body", "product_id"]));
    });

    test("a browser fills a checkout in", async () => {
      const product = await open();
      const made = await shop.polar.checkouts.custom.create({ productId: product.id });
      const { custom } = browser.checkouts;
      const { clientSecret } = made;
      const seen = await custom.clientGet({ clientSecret });
      assert.deepEqual([seen.id, seen.organization.id], [made.id, shop.organization.id]);
      const fill = (checkoutUpdatePublic) => custom.clientUpdate({ clientSecret, checkoutUpdatePublic });
      const filled = await fill({ customerName: "Ada", customerBillingAddress: { country: "US", state: "ny" } });
      assert.deepEqual([filled.customerName, filled.customerBillingAddress.state], ["Ada", "US-NY"]);
      await assert.rejects(fill({ discountCode: "none" }), at(["body", "discount_code"]));
      await assert.rejects(custom.clientGet({ clientSecret: "polar_c_nobody" }), ResourceNotFound);
    });

    test("the operations of before still work", async () => {
      const product = await open();
      const made = await browser.checkouts.create({
        productPriceId: product.prices[0].id,
        successUrl: "https://example.com/{CHECKOUT_SESSION_ID}",
        customerEmail: "ada@example.com",
      });
      assert.equal(made.customerEmail, "ada@example.com");
      assert.ok(made.url.startsWith(`${merak.url}/checkout/polar_c_`));
      assert.deepEqual(await browser.checkouts.get({ id: made.id }), made);
    });

    test("a checkout link leads to a new checkout", async () => {
      const product = await open();
      const link = await shop.polar.checkoutLinks.create({ paymentProcessor: "stripe", productId: product.id });
      const response = await fetch(`${link.url}?utm=1`, { redirect: "manual" });
      assert.equal(response.status, 307);
      const [made] = await all(shop.polar.checkouts.custom.list({ productId: product.id }));
      assert.equal(response.headers.get("location"), `${made.url}?utm=1`);
    });
  });
}
