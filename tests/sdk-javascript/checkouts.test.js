// Checkouts through the official JavaScript SDK.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { ResourceNotFound } from "@polar-sh/sdk/models/errors/resourcenotfound.js";
import { ENGINES, Merak } from "./merak.js";
import { Shop, all } from "./shop.js";
import { NOBODY, at, each, once, till } from "./till.js";

for (const engine of ENGINES) {
  describe(`checkouts on ${engine}`, () => {
    let merak, shop, browser, product, confirm, buy;

    before(async () => {
      merak = await Merak.start(engine);
      ({ browser, product, confirm, buy } = till(merak));
    });

    after(() => merak.stop());

    async function open() {
      shop = await Shop.open(merak);
      return product(shop, "Desktop app", once(1999));
    }

    test("a checkout is made, read, changed and listed", async () => {
      const app = await open();
      const { custom } = shop.polar.checkouts;
      const made = await custom.create({
        productId: app.id,
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
      const priced = await custom.create({ productPriceId: app.prices[0].id });
      assert.deepEqual(priced.productPrice, app.prices[0]);
      const update = (checkoutUpdate) => custom.update({ id: made.id, checkoutUpdate });
      assert.equal((await update({ customerName: "Ada" })).customerName, "Ada");
      assert.equal((await update({ metadata: { a: 1 } })).customerName, "Ada");
      assert.equal((await update({ customerName: null })).customerName, null);
      const found = await all(custom.list({ productId: app.id, sorting: ["created_at"] }));
      assert.deepEqual(found.map((checkout) => checkout.id), [made.id, priced.id]);
      await assert.rejects(custom.get({ id: app.id }), ResourceNotFound);
      await assert.rejects(custom.create({ productId: made.id }), at(["body", "product_id"]));
    });

    test("whatever a seller changes is changed, and nothing else", async () => {
      shop = await Shop.open(merak);
      const { custom } = shop.polar.checkouts;
      const plan = await product(shop, "Pro plan", each("month", 1000), each("year", 10000));
      const yearly = plan.prices.find(({ recurringInterval }) => recurringInterval === "year");
      const discount = await shop.polar.discounts.create({
        type: "percentage", duration: "once", basisPoints: 1000, name: "Ten off", organizationId: shop.organization.id,
      });
      const made = await custom.create({ productId: plan.id });
      const update = (checkoutUpdate, { id } = made) => custom.update({ id, checkoutUpdate });
      const address = { country: "DE", line1: "Unter den Linden 1", line2: null, postalCode: "10117", city: "Berlin", state: null };
      const costs = (amount, subtotalAmount) => ({ amount, subtotalAmount, totalAmount: subtotalAmount });
      let before = made;
      for (const [change, expected = change] of [
        [{ productPriceId: yearly.id }, { productPriceId: yearly.id, productPrice: yearly, ...costs(10000, 10000) }],
        [{ customerName: "Ada Lovelace" }],
        [{ customerEmail: "ada@example.com" }],
        [{ customerBillingAddress: address }, { customerBillingAddress: address, taxAmount: 0 }],
        [{ customerTaxId: "DE136695976" }],
        [{ customerIpAddress: "198.51.100.7" }],
        [{ customerMetadata: { crm: 17 } }],
        [{ metadata: { from: "blog", isNew: true } }],
        [{ discountId: discount.id }, { discountId: discount.id, ...costs(10000, 9000) }],
        [{ allowDiscountCodes: false }],
        [{ embedOrigin: "https://seller.example" }],
        [{ successUrl: "https://seller.example/thanks?id={CHECKOUT_ID}" }, { successUrl: `https://seller.example/thanks?id=${made.id}` }],
        // At a fixed price an amount means nothing.
        [{ amount: 4242 }, {}],
        [{ discountId: null }, { discountId: null, discount: null, ...costs(10000, 10000) }],
        [{ customerTaxId: null }],
        [{ customerEmail: null }],
      ]) {
        const after = await update(change);
        // What is made of a discount is asserted by its id and the amounts.
        const discountOf = "discountId" in change ? { discount: after.discount } : {};
        assert.deepEqual(after, { ...before, ...expected, ...discountOf, modifiedAt: after.modifiedAt }, JSON.stringify(change));
        assert.equal(after.discount?.id ?? null, after.discountId);
        assert.deepEqual(await custom.get({ id: made.id }), after);
        before = after;
      }
      for (const [change, member] of [
        [{ productPriceId: NOBODY }, "product_price_id"],
        [{ discountId: NOBODY }, "discount_id"],
        [{ customerEmail: "ada" }, "customer_email"],
        [{ customerTaxId: "DE1" }, "customer_tax_id"],
        [{ customerIpAddress: "here" }, "customer_ip_address"],
        [{ amount: 49 }, "amount"],
      ]) {
        await assert.rejects(update(change), at(["body", member]), JSON.stringify(change));
      }
      assert.deepEqual(await custom.get({ id: made.id }), before);
      const other = await Shop.open(merak);
      await assert.rejects(other.polar.checkouts.custom.update({ id: made.id, checkoutUpdate: { customerName: "Eve" } }), ResourceNotFound);
    });

    test("a buyer pays what they want, within the bounds of the seller", async () => {
      shop = await Shop.open(merak);
      const { custom } = shop.polar.checkouts;
      const choice = { type: "one_time", amountType: "custom", minimumAmount: 500, maximumAmount: 5000, presetAmount: 1500 };
      const song = await product(shop, "A song", choice);
      const price = song.prices[0];
      assert.deepEqual([price.amountType, price.minimumAmount, price.maximumAmount, price.presetAmount], ["custom", 500, 5000, 1500]);
      const made = await custom.create({ productId: song.id });
      assert.deepEqual([made.amount, made.totalAmount, made.currency], [1500, 1500, "usd"]);
      const { clientSecret } = made;
      // What no price allows is refused before anybody looks for the price; a request of two shapes names its shape then.
      const ways = [
        [(amount) => custom.create({ productId: song.id, amount }), ["CheckoutProductCreate"]],
        [(amount) => custom.update({ id: made.id, checkoutUpdate: { amount } }), []],
        [(amount) => browser.checkouts.custom.clientUpdate({ clientSecret, checkoutUpdatePublic: { amount } }), []],
      ];
      for (const [at_, [set, shape]] of ways.entries()) {
        for (const amount of [0, 49, 100_000_000]) {
          await assert.rejects(set(amount), at(["body", ...shape, "amount"]), `${at_}: ${amount}`);
        }
        for (const amount of [499, 5001]) {
          await assert.rejects(set(amount), at(["body", "amount"]), `${at_}: ${amount}`);
        }
        for (const amount of [500, 5000, 1234]) {
          const now = await set(amount);
          assert.deepEqual([now.amount, now.subtotalAmount, now.totalAmount], [amount, amount, amount], `${at_}`);
        }
      }
      for (const amount of [499, 5001]) {
        await assert.rejects(confirm(made, "success", { amount }), at(["body", "amount"]));
        const { status, amount: kept } = await browser.checkouts.custom.clientGet({ clientSecret });
        assert.deepEqual([status, kept], ["open", 1234], "nothing was paid, and nothing changed");
      }
      const confirmed = await confirm(made, "success", { amount: 777 });
      assert.deepEqual([confirmed.status, confirmed.amount, confirmed.totalAmount], ["confirmed", 777, 777]);
      const [order] = await all(shop.polar.orders.list({}));
      assert.deepEqual([order.amount, order.productPrice.id, order.billingReason], [777, price.id, "purchase"]);

      // Where the seller proposes nothing, ten dollars are proposed; the least that anybody can be asked for is half a dollar.
      const tip = await product(shop, "A tip", { type: "one_time", amountType: "custom" });
      assert.equal((await custom.create({ productId: tip.id })).amount, 1000);
      const bought = await buy(shop, { productId: tip.id, amount: 50 }, { customerEmail: "bo@example.com" });
      const [small] = await all(shop.polar.orders.list({ productId: tip.id }));
      assert.deepEqual([bought.totalAmount, small.amount, small.customer.email], [50, 50, "bo@example.com"]);
    });

    test("a browser fills a checkout in", async () => {
      const app = await open();
      const made = await shop.polar.checkouts.custom.create({ productId: app.id });
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
      const app = await open();
      const made = await browser.checkouts.create({
        productPriceId: app.prices[0].id,
        successUrl: "https://example.com/{CHECKOUT_SESSION_ID}",
        customerEmail: "ada@example.com",
      });
      assert.equal(made.customerEmail, "ada@example.com");
      assert.ok(made.url.startsWith(`${merak.url}/checkout/polar_c_`));
      assert.deepEqual(await browser.checkouts.get({ id: made.id }), made);
    });

    test("a checkout link leads to a new checkout", async () => {
      const app = await open();
      const link = await shop.polar.checkoutLinks.create({ paymentProcessor: "stripe", productId: app.id });
      const response = await fetch(`${link.url}?utm=1`, { redirect: "manual" });
      assert.equal(response.status, 307);
      const [made] = await all(shop.polar.checkouts.custom.list({ productId: app.id }));
      assert.equal(response.headers.get("location"), `${made.url}?utm=1`);
    });
  });
}
