// Discounts through the official JavaScript SDK.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Polar } from "@polar-sh/sdk";
import { HTTPValidationError } from "@polar-sh/sdk/models/errors/httpvalidationerror.js";
import { ResourceNotFound } from "@polar-sh/sdk/models/errors/resourcenotfound.js";
import { SDKError } from "@polar-sh/sdk/models/errors/sdkerror.js";
import { ENGINES, Merak } from "./merak.js";
import { Shop, all } from "./shop.js";
import { till } from "./till.js";

/** Where the problems of a rejected call are. */
function at(...places) {
  return (error) => {
    assert.ok(error instanceof HTTPValidationError, `${error}`);
    assert.deepEqual(error.detail.map((each) => each.loc), places);
    return true;
  };
}

const NEXT_CENTURY = new Date("2100-01-01T00:00:00Z");

for (const engine of ENGINES) {
  describe(`discounts on ${engine}`, () => {
    let merak;
    let shop;

    before(async () => {
      merak = await Merak.start(engine);
    });

    after(() => merak.stop());

    /** A shop without discounts, so that its lists are known. */
    async function open() {
      shop = await Shop.open(merak);
      return shop.polar.discounts;
    }

    function tenPercent(more = {}) {
      const organizationId = shop.organization.id;
      return { type: "percentage", duration: "once", basisPoints: 1000, name: "Ten off", organizationId, ...more };
    }

    function product() {
      return shop.polar.products.create({
        name: "The app",
        organizationId: shop.organization.id,
        prices: [{ type: "one_time", amountType: "fixed", priceAmount: 1000 }],
      });
    }

    test("amounts and parts are created and read", async () => {
      const discounts = await open();
      const app = await product();
      const percent = await discounts.create(tenPercent({
        duration: "forever",
        code: "FooBar",
        metadata: { a: 1 },
        startsAt: new Date("2025-01-01T00:00:00Z"),
        endsAt: NEXT_CENTURY,
        maxRedemptions: 5,
        products: [app.id],
      }));
      assert.equal(percent.basisPoints, 1000);
      assert.deepEqual([percent.duration, percent.code, percent.maxRedemptions], ["forever", "FooBar", 5]);
      assert.deepEqual([percent.redemptionsCount, percent.endsAt, percent.metadata], [0, NEXT_CENTURY, { a: 1 }]);
      assert.deepEqual(percent.products.map((each) => [each.id, each.name]), [[app.id, "The app"]]);
      assert.deepEqual(await discounts.get({ id: percent.id }), percent);
      const organizationId = shop.organization.id;
      const amount = await discounts.create({ type: "fixed", duration: "once", amount: 500, name: "Five off", organizationId });
      assert.deepEqual([amount.amount, amount.currency, amount.code, amount.products], [500, "usd", null, []]);
      assert.deepEqual(await discounts.get({ id: amount.id }), amount);
    });

    // T-9: this SDK leaves out the months of a repeating discount, both when it sends and when it reads.
    test("a repeating discount is read, and cannot be created without its months", async () => {
      const discounts = await open();
      const body = { type: "percentage", duration: "repeating", basis_points: 1000, name: "Three months" };
      await assert.rejects(
        discounts.create(tenPercent({ duration: "repeating", durationInMonths: 3 })),
        at(["body", "percentage.repeat", "duration_in_months"]),
      );
      const { token } = merak.cli("token", "create", "--user", shop.owner, "--all-scopes");
      const response = await fetch(`${merak.url}/v1/discounts/`, {
        method: "POST",
        headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
        body: JSON.stringify({ ...body, duration_in_months: 3, organization_id: shop.organization.id }),
      });
      const made = await response.json();
      assert.equal(response.status, 201, JSON.stringify(made));
      assert.equal(made.duration_in_months, 3);
      const read = await discounts.get({ id: made.id });
      assert.deepEqual([read.duration, read.basisPoints], ["repeating", 1000]);
    });

    test("a list is filtered and sorted", async () => {
      const discounts = await open();
      const organizationId = shop.organization.id;
      for (const [name, code] of [["zoe", "aaa"], ["Bea", null], ["adam", "bbb"]]) {
        await discounts.create(tenPercent({ name, code }));
      }
      const names = async (request) => (await all(discounts.list({ organizationId, ...request }))).map((each) => each.name);
      assert.deepEqual(await names({}), ["adam", "Bea", "zoe"]);
      for (const [sorting, expected] of [
        [["created_at"], ["zoe", "Bea", "adam"]], [["-created_at"], ["adam", "Bea", "zoe"]],
        [["name"], ["adam", "Bea", "zoe"]], [["-name"], ["zoe", "Bea", "adam"]],
        [["code"], ["zoe", "adam", "Bea"]], [["-code"], ["Bea", "adam", "zoe"]],
        [["redemptions_count", "name"], ["adam", "Bea", "zoe"]], [["-redemptions_count", "-name"], ["zoe", "Bea", "adam"]],
      ]) {
        assert.deepEqual(await names({ sorting }), expected, sorting[0]);
        assert.deepEqual(await names({ sorting, limit: 2 }), expected, `${sorting[0]} page by page`);
      }
      assert.deepEqual(await names({ query: "BB" }), ["adam"]);
      assert.deepEqual(await names({ query: "bea" }), ["Bea"]);
      const stranger = await Shop.open(merak);
      assert.deepEqual(await all(stranger.polar.discounts.list({ organizationId })), []);
    });

    test("each member is updated, and what can be cleared is cleared (D3, D11, D12)", async () => {
      const discounts = await open();
      const app = await product();
      const discount = await discounts.create(tenPercent());
      const update = (discountUpdate) => discounts.update({ id: discount.id, discountUpdate });
      assert.equal((await update({ name: "x" })).name, "x");
      assert.equal((await update({ code: "Sale" })).code, "Sale");
      assert.equal((await update({ basisPoints: 2000 })).basisPoints, 2000);
      assert.equal((await update({ maxRedemptions: 3 })).maxRedemptions, 3);
      assert.deepEqual((await update({ startsAt: new Date("2025-01-01T00:00:00Z") })).startsAt, new Date("2025-01-01T00:00:00Z"));
      assert.deepEqual((await update({ endsAt: NEXT_CENTURY })).endsAt, NEXT_CENTURY);
      assert.deepEqual((await update({ metadata: { a: 1 } })).metadata, { a: 1 });
      assert.deepEqual((await update({ products: [app.id] })).products.map((each) => each.id), [app.id]);
      const cleared = await update({ code: null, startsAt: null, endsAt: null, maxRedemptions: null, products: [] });
      assert.deepEqual(
        [cleared.code, cleared.startsAt, cleared.endsAt, cleared.maxRedemptions, cleared.products],
        [null, null, null, null, []],
      );
      assert.deepEqual([cleared.name, cleared.basisPoints, cleared.metadata], ["x", 2000, { a: 1 }]);
      const organizationId = shop.organization.id;
      const fixed = await discounts.create({ type: "fixed", duration: "once", amount: 500, name: "Five off", organizationId });
      const changed = await discounts.update({ id: fixed.id, discountUpdate: { amount: 700, currency: "usd" } });
      assert.equal(changed.amount, 700);
    });

    test("a deleted discount is gone and its code free (D13)", async () => {
      const discounts = await open();
      const discount = await discounts.create(tenPercent({ code: "Sale" }));
      await discounts.delete({ id: discount.id });
      await assert.rejects(discounts.get({ id: discount.id }), ResourceNotFound);
      await assert.rejects(discounts.delete({ id: discount.id }), ResourceNotFound);
      assert.equal((await discounts.create(tenPercent({ code: "SALE" }))).code, "SALE");
    });

    test("what was redeemed keeps its worth (D2)", async () => {
      const discounts = await open();
      const organizationId = shop.organization.id;
      const app = await product();
      const { buy } = till(merak);
      const percent = await discounts.create(tenPercent());
      const five = await discounts.create({ type: "fixed", duration: "once", amount: 500, name: "Five off", organizationId });
      for (const [{ id }, member, place, worth] of [[percent, "basisPoints", "basis_points", 1000], [five, "amount", "amount", 500]]) {
        const bought = await buy(shop, { productId: app.id, discountId: id }, { customerEmail: `${member}@example.com` });
        assert.equal(bought.discount.id, id);
        const update = (discountUpdate) => discounts.update({ id, discountUpdate });
        await assert.rejects(update({ [member]: worth + 1 }), at(["body", place]));
        const kept = await update({ [member]: worth, name: "Another name" });
        assert.deepEqual([kept[member], kept.name, kept.redemptionsCount], [worth, "Another name", 1]);
      }
    });

    test("errors have the classes of the SDK (D1, D8, D9, D10)", async () => {
      const discounts = await open();
      const discount = await discounts.create(tenPercent({ code: "Sale" }));
      const branch = ["body", "percentage.once_forever"];
      await assert.rejects(discounts.create(tenPercent({ code: "sale" })), at(["body", "code"]));
      await assert.rejects(discounts.create(tenPercent({ code: "a-b-c" })), at([...branch, "code"]));
      await assert.rejects(discounts.create(tenPercent({ basisPoints: 10001 })), at([...branch, "basis_points"]));
      await assert.rejects(discounts.create(tenPercent({ products: [discount.id] })), at(["body", "products", 0]));
      await assert.rejects(discounts.create(tenPercent({ startsAt: NEXT_CENTURY, endsAt: new Date(0) })), at(branch));
      const update = (discountUpdate) => discounts.update({ id: discount.id, discountUpdate });
      await assert.rejects(update({ type: "fixed" }), at(["body", "type"]));
      await assert.rejects(update({ duration: "forever" }), at(["body", "duration"]));
      await assert.rejects(update({ endsAt: new Date(0) }), at(["body", "ends_at"]));
      await discounts.create(tenPercent({ code: "Taken" }));
      await assert.rejects(update({ code: "TAKEN" }), at(["body", "code"]), "D13");
      const stranger = await Shop.open(merak);
      const foreign = await stranger.polar.products.create({
        name: "Theirs", organizationId: stranger.organization.id, prices: [{ type: "one_time", amountType: "free" }],
      });
      await assert.rejects(update({ products: [foreign.id] }), at(["body", "products", 0]));
      await assert.rejects(discounts.create(tenPercent({ products: [foreign.id] })), at(["body", "products", 0]));
      assert.deepEqual(await discounts.get({ id: discount.id }), discount);
      await assert.rejects(stranger.polar.discounts.get({ id: discount.id }), ResourceNotFound);
      await assert.rejects(
        stranger.polar.discounts.update({ id: discount.id, discountUpdate: { name: "Mine" } }),
        ResourceNotFound,
      );
      const anonymous = new Polar({ serverURL: merak.url });
      await assert.rejects(anonymous.discounts.list({}), (error) => {
        assert.ok(error instanceof SDKError, `${error}`);
        assert.equal(error.statusCode, 401);
        return true;
      });
    });
  });
}
