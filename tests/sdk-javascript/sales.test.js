// What follows from a checkout that is paid, through the official JavaScript SDK: orders and subscriptions, as the seller
// and as the buyer sees them.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { AlreadyCanceledSubscription } from "@polar-sh/sdk/models/errors/alreadycanceledsubscription.js";
import { ResourceNotFound } from "@polar-sh/sdk/models/errors/resourcenotfound.js";
import { SDKError } from "@polar-sh/sdk/models/errors/sdkerror.js";
import { ENGINES, Merak } from "./merak.js";
import { Shop, all } from "./shop.js";
import { NOBODY, at, each, ids, once, till } from "./till.js";

/** How long what is done behind a call may take. */
const PATIENCE_MS = 20_000;

/** A refusal for which the SDK has no class of its own. */
const refused = (status, name) => (error) => {
  assert.ok(error instanceof SDKError, `${error}`);
  assert.deepEqual([error.statusCode, JSON.parse(error.body).error], [status, name]);
  return true;
};

async function eventually(look, what) {
  const deadline = Date.now() + PATIENCE_MS;
  while (!(await look())) {
    assert.ok(Date.now() < deadline, what);
    await sleep(50);
  }
}

for (const engine of ENGINES) {
  describe(`sales on ${engine}`, () => {
    let merak, browser, product, confirm, buy, portal;

    before(async () => {
      merak = await Merak.start(engine);
      ({ browser, product, confirm, buy, portal } = till(merak));
    });

    after(() => merak.stop());

    test("a checkout is confirmed by a browser once, with a card that is good", async () => {
      const shop = await Shop.open(merak);
      const book = await product(shop, "The book", once(1999));
      const made = await shop.polar.checkouts.custom.create({ productId: book.id });
      const { clientSecret } = made;
      const empty = browser.checkouts.custom.clientConfirm({ clientSecret, checkoutConfirmStripe: {} });
      const missing = ["customer_email", "customer_name", "customer_billing_address", "confirmation_token_id"];
      await assert.rejects(empty, at(...missing.map((member) => ["body", member])));
      await assert.rejects(confirm(made, "declined"), refused(400, "PaymentError"));
      assert.equal((await browser.checkouts.custom.clientGet({ clientSecret })).status, "open");

      const confirmed = await confirm(made, "success");
      assert.deepEqual([confirmed.id, confirmed.status, confirmed.totalAmount], [made.id, "confirmed", 1999]);
      assert.match(confirmed.customerSessionToken, /^polar_cst_/);
      assert.equal((await browser.checkouts.custom.clientGet({ clientSecret })).status, "succeeded");
      await assert.rejects(confirm(made, "mastercard"), refused(403, "NotOpenCheckout"));
      await assert.rejects(confirm({ clientSecret: "polar_c_nobody" }, "success"), ResourceNotFound);
      const me = await portal(confirmed.customerSessionToken).customers.get({ id: confirmed.customerId });
      assert.equal(me.email, "ada@example.com");
    });

    test("orders are listed, read and invoiced", async () => {
      const shop = await Shop.open(merak);
      const { orders } = shop.polar;
      const book = await product(shop, "The book", once(1999));
      const plan = await product(shop, "Pro plan", each("month", 1000));
      const discount = await shop.polar.discounts.create({
        type: "percentage",
        duration: "once",
        basisPoints: 1000,
        name: "Ten off",
        organizationId: shop.organization.id,
      });
      await buy(shop, { productId: book.id });
      await buy(shop, { productId: plan.id, discountId: discount.id }, { customerEmail: "bo@example.com" });
      const seen = (request) => all(orders.list(request));
      const [second, first] = await seen({});
      assert.deepEqual([first.amount, first.billingReason, first.product.id], [1999, "purchase", book.id]);
      assert.deepEqual([second.amount, second.billingReason, second.discountId], [900, "subscription_create", discount.id]);
      assert.equal(second.subscription.id, second.subscriptionId);
      assert.deepEqual(await orders.get({ id: first.id }), first);
      assert.deepEqual(await orders.get({ id: second.id }), second);

      for (const [request, expected] of [
        [{ organizationId: shop.organization.id }, [second, first]],
        [{ productId: book.id }, [first]],
        [{ productId: [book.id, plan.id], limit: 1 }, [second, first]],
        [{ productPriceType: "one_time" }, [first]],
        [{ productPriceType: ["recurring"] }, [second]],
        [{ discountId: discount.id }, [second]],
        [{ customerId: first.customerId }, [first]],
        [{ customerId: NOBODY }, []],
        [{ sorting: ["created_at"] }, [first, second]],
        [{ sorting: ["-amount"] }, [first, second]],
        [{ sorting: ["customer"] }, [first, second]],
        [{ sorting: ["-product"] }, [first, second]],
        [{ sorting: ["discount", "amount"] }, [second, first]],
        [{ sorting: ["-subscription"] }, [first, second]],
      ]) {
        assert.deepEqual(ids(await seen(request)), ids(expected), JSON.stringify(request));
      }

      for (const order of [first, second]) {
        const { url } = await orders.invoice({ id: order.id });
        const invoice = await fetch(url);
        assert.equal(invoice.headers.get("content-type"), "application/pdf");
        assert.match(await invoice.text(), /^%PDF-/);
      }
      await assert.rejects(orders.get({ id: NOBODY }), ResourceNotFound);
      await assert.rejects(orders.invoice({ id: NOBODY }), ResourceNotFound);
      const other = await Shop.open(merak);
      await assert.rejects(other.polar.orders.get({ id: first.id }), ResourceNotFound);
      await assert.rejects(other.polar.orders.invoice({ id: first.id }), ResourceNotFound);
      assert.deepEqual(await all(other.polar.orders.list({})), []);
    });

    test("subscriptions are listed, exported, changed, canceled and ended", async () => {
      const shop = await Shop.open(merak);
      const { subscriptions } = shop.polar;
      const small = await product(shop, "Small plan", each("month", 1000), each("year", 10000));
      const big = await product(shop, "Big plan", each("month", 3000));
      await buy(shop, { productId: small.id });
      await buy(shop, { productId: big.id }, { customerEmail: "bo@example.com" });
      const seen = (request) => all(subscriptions.list(request));
      const [first, second] = await seen({ sorting: ["started_at"] });
      assert.deepEqual([first.status, first.amount, first.recurringInterval], ["active", 1000, "month"]);
      for (const [request, expected] of [
        [{}, [second, first]],
        [{ organizationId: shop.organization.id, active: true, limit: 1 }, [second, first]],
        [{ active: false }, []],
        [{ productId: big.id }, [second]],
        [{ productId: [small.id] }, [first]],
        [{ customerId: [first.customerId] }, [first]],
        [{ discountId: NOBODY }, []],
        [{ sorting: ["-amount"] }, [second, first]],
        [{ sorting: ["customer"] }, [first, second]],
        [{ sorting: ["product"] }, [second, first]],
        [{ sorting: ["current_period_end"] }, [first, second]],
        [{ sorting: ["status", "-amount"] }, [second, first]],
        [{ sorting: ["discount", "amount"] }, [first, second]],
      ]) {
        assert.deepEqual(ids(await seen(request)), ids(expected), JSON.stringify(request));
      }

      const table = (await subscriptions.export({ organizationId: shop.organization.id })).split("\r\n");
      assert.equal(table[0], "Email,Created At,Active,Product,Price,Currency,Interval");
      assert.deepEqual(table.slice(1, 3).map((line) => line.split(",")[0]).sort(), ["ada@example.com", "bo@example.com"]);
      assert.ok(table.some((line) => line.endsWith(",true,Big plan,30.0,usd,month")), table);

      const update = (subscriptionUpdate, { id } = first) => subscriptions.update({ id, subscriptionUpdate });
      const changed = await update({ productPriceId: big.prices[0].id });
      assert.deepEqual([changed.product.id, changed.amount], [big.id, 3000]);
      assert.deepEqual(changed.currentPeriodEnd, first.currentPeriodEnd);
      await assert.rejects(update({ productPriceId: NOBODY }), at(["body", "product_price_id"]));
      // Another interval begins anew, and is paid for at once.
      const yearly = await update({ productPriceId: small.prices.find(({ recurringInterval }) => recurringInterval === "year").id });
      assert.deepEqual([yearly.status, yearly.recurringInterval, yearly.amount], ["active", "year", 10000]);
      assert.deepEqual(
        (await all(shop.polar.orders.list({ customerId: first.customerId }))).map((order) => order.billingReason),
        ["subscription_update", "subscription_create"],
      );

      const canceled = await update({
        cancelAtPeriodEnd: true,
        revoke: null,
        customerCancellationReason: "too_complex",
        customerCancellationComment: "Too many knobs",
      });
      assert.deepEqual([canceled.status, canceled.cancelAtPeriodEnd], ["active", true]);
      assert.deepEqual(canceled.endsAt, canceled.currentPeriodEnd);
      assert.equal(canceled.customerCancellationReason, "too_complex");
      await assert.rejects(update({ cancelAtPeriodEnd: true, revoke: null }), AlreadyCanceledSubscription);
      const goesOn = await update({ cancelAtPeriodEnd: false, revoke: null });
      assert.deepEqual([goesOn.cancelAtPeriodEnd, goesOn.endsAt, goesOn.customerCancellationReason], [false, null, null]);

      const ended = await update({ revoke: true }, second);
      assert.deepEqual([ended.status, ended.endsAt], ["canceled", ended.endedAt]);
      assert.equal((await subscriptions.revoke({ id: first.id })).status, "canceled");
      await assert.rejects(subscriptions.revoke({ id: first.id }), AlreadyCanceledSubscription);
      await assert.rejects(subscriptions.revoke({ id: NOBODY }), ResourceNotFound);
      assert.equal((await seen({ active: false })).length, 2);
      const other = await Shop.open(merak);
      await assert.rejects(other.polar.subscriptions.revoke({ id: first.id }), ResourceNotFound);
      assert.deepEqual(await all(other.polar.subscriptions.list({})), []);
    });

    test("a buyer looks after what was bought", async () => {
      const shop = await Shop.open(merak);
      const benefit = await shop.benefit({ prefix: "ACME" });
      const book = await product(shop, "The book", once(1999));
      const small = await product(shop, "Small plan", each("month", 1000));
      const big = await product(shop, "Big plan", each("month", 3000));
      for (const { id } of [book, small]) {
        await shop.polar.products.updateBenefits({ id, productBenefitsUpdate: { benefits: [benefit.id] } });
      }
      const first = await buy(shop, { productId: book.id });
      // Whom the seller names is known; an address alone would show what was bought with it just now.
      const second = await buy(shop, { productId: small.id, customerId: first.customerId });
      const mine = portal(second.token);
      const theirs = portal((await buy(shop, { productId: book.id }, { customerEmail: "bo@example.com" })).token);

      const orders = (request) => all(mine.orders.list(request));
      const [ofPlan, ofBook] = await orders({});
      assert.deepEqual([ofPlan.amount, ofBook.amount], [1000, 1999]);
      assert.equal(ofBook.product.organization.id, shop.organization.id);
      for (const [request, expected] of [
        [{ organizationId: shop.organization.id, limit: 1 }, [ofPlan, ofBook]],
        [{ productId: book.id }, [ofBook]],
        [{ productPriceType: "recurring" }, [ofPlan]],
        [{ subscriptionId: ofPlan.subscriptionId }, [ofPlan]],
        [{ query: "BOOK" }, [ofBook]],
        [{ query: "%" }, []],
        [{ sorting: ["created_at"] }, [ofBook, ofPlan]],
        [{ sorting: ["-amount"] }, [ofBook, ofPlan]],
        [{ sorting: ["product"] }, [ofPlan, ofBook]],
        [{ sorting: ["organization", "amount"] }, [ofPlan, ofBook]],
      ]) {
        assert.deepEqual(ids(await orders(request)), ids(expected), JSON.stringify(request));
      }
      assert.deepEqual(await mine.orders.get({ id: ofBook.id }), ofBook);
      const invoice = await fetch((await mine.orders.invoice({ id: ofBook.id })).url);
      assert.equal(invoice.headers.get("content-type"), "application/pdf");
      await assert.rejects(theirs.orders.get({ id: ofBook.id }), ResourceNotFound);
      await assert.rejects(theirs.orders.invoice({ id: ofBook.id }), ResourceNotFound);

      const granted = (request) => all(mine.benefitGrants.list(request));
      await eventually(async () => (await granted({})).length === 2, "not everything was granted");
      for (const [request, orderId, subscriptionId] of [
        [{ checkoutId: first.id }, ofBook.id, null],
        [{ orderId: ofBook.id }, ofBook.id, null],
        [{ checkoutId: second.id }, null, ofPlan.subscriptionId],
        [{ subscriptionId: ofPlan.subscriptionId }, null, ofPlan.subscriptionId],
      ]) {
        const found = await granted(request);
        const told = JSON.stringify(request);
        assert.deepEqual(found.map((grant) => [grant.orderId, grant.subscriptionId]), [[orderId, subscriptionId]], told);
      }
      assert.equal((await granted({ checkoutId: [first.id, second.id] })).length, 2);
      assert.deepEqual(await all(theirs.benefitGrants.list({ checkoutId: first.id })), []);

      const [subscription] = await all(mine.subscriptions.list({}));
      const { id } = subscription;
      assert.deepEqual([id, subscription.product.id], [ofPlan.subscriptionId, small.id]);
      for (const [request, count] of [
        [{ active: true, organizationId: shop.organization.id, sorting: ["-started_at"] }, 1],
        [{ active: false }, 0],
        [{ productId: big.id }, 0],
        [{ query: "small", sorting: ["amount", "status", "organization", "product"] }, 1],
        [{ query: "large" }, 0],
      ]) {
        assert.equal((await all(mine.subscriptions.list(request))).length, count, JSON.stringify(request));
      }
      assert.deepEqual(await mine.subscriptions.get({ id }), subscription);
      const update = (customerSubscriptionUpdate) => mine.subscriptions.update({ id, customerSubscriptionUpdate });
      assert.equal((await update({ productPriceId: big.prices[0].id })).product.id, big.id);
      await assert.rejects(update({ productPriceId: book.prices[0].id }), at(["body", "product_price_id"]));
      const canceled = await update({ cancelAtPeriodEnd: true, cancellationReason: "unused", cancellationComment: "Never" });
      assert.deepEqual([canceled.cancelAtPeriodEnd, canceled.customerCancellationReason], [true, "unused"]);
      await assert.rejects(mine.subscriptions.cancel({ id }), AlreadyCanceledSubscription);
      assert.equal((await update({ cancelAtPeriodEnd: false })).cancelAtPeriodEnd, false);
      const again = await mine.subscriptions.cancel({ id });
      assert.deepEqual([again.status, again.cancelAtPeriodEnd], ["active", true]);
      await assert.rejects(theirs.subscriptions.get({ id }), ResourceNotFound);
      await assert.rejects(theirs.subscriptions.cancel({ id }), ResourceNotFound);
      await assert.rejects(theirs.subscriptions.update({ id, customerSubscriptionUpdate: { cancelAtPeriodEnd: false } }), ResourceNotFound);
    });
  });
}
