// The lists of what was sold, through the official JavaScript SDK: every filter and every order, on rows that differ. No
// expected order is the one in which a list stands that was asked for nothing, unless the words ask for just that.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Polar } from "@polar-sh/sdk";
import { ENGINES, Merak } from "./merak.js";
import { Shop, all } from "./shop.js";
import { NOBODY, each, ids, once, till } from "./till.js";

for (const engine of ENGINES) {
  describe(`lists of sales on ${engine}`, () => {
    let merak, product, buy;

    before(async () => {
      merak = await Merak.start(engine);
      ({ product, buy } = till(merak));
    });

    after(() => merak.stop());

    async function compare(list, cases) {
      for (const [request, expected] of cases) {
        assert.deepEqual(ids(await all(list(request))), ids(expected), JSON.stringify(request));
      }
    }

    function discount(shop, name) {
      return shop.polar.discounts.create({
        type: "percentage", duration: "forever", basisPoints: 1000, name, organizationId: shop.organization.id,
      });
    }

    test("checkouts are found by seller and product, and sorted", async () => {
      const shop = await Shop.open(merak);
      const { custom } = shop.polar.checkouts;
      const mine = shop.organization;
      const home = (await all(shop.polar.organizations.list({}))).find(({ id }) => id !== mine.id);
      const book = await product(shop, "The book", once(1999));
      const atlas = await product(shop, "The atlas", once(4900));
      const lamp = await product({ polar: shop.polar, organization: home }, "The lamp", once(2900));
      const [first, second, third] =
        [await custom.create({ productId: book.id }), await custom.create({ productId: atlas.id }), await custom.create({ productId: lamp.id })];
      const newest = [third, second, first];
      const oldest = [first, second, third];
      await compare((request) => custom.list(request), [
        [{}, newest],
        [{ organizationId: mine.id }, [second, first]],
        [{ organizationId: [home.id] }, [third]],
        [{ organizationId: [mine.id, home.id], limit: 1 }, newest],
        [{ organizationId: NOBODY }, []],
        [{ productId: [book.id, lamp.id] }, [third, first]],
        [{ productId: [lamp.id, atlas.id, book.id], sorting: ["created_at"], limit: 2 }, oldest],
        [{ productId: [atlas.id, NOBODY] }, [second]],
        [{ organizationId: home.id, productId: [book.id, atlas.id] }, []],
        [{ organizationId: mine.id, sorting: ["expires_at"] }, [first, second]],
        [{ sorting: ["expires_at"] }, oldest],
        [{ sorting: ["-expires_at"] }, newest],
        [{ sorting: ["created_at"] }, oldest],
        [{ sorting: ["-created_at"] }, newest],
      ]);
    });

    test("orders are sorted by what was paid with them", async () => {
      const shop = await Shop.open(merak);
      const book = await product(shop, "The book", once(1999));
      const plan = await product(shop, "Pro plan", each("month", 1000));
      const [zulu, alpha] = [await discount(shop, "Zulu off"), await discount(shop, "alpha off")];
      await buy(shop, { productId: plan.id, discountId: alpha.id });
      await buy(shop, { productId: book.id }, { customerEmail: "bo@example.com" });
      await buy(shop, { productId: plan.id, discountId: zulu.id }, { customerEmail: "cy@example.com" });
      const list = (request) => shop.polar.orders.list(request);
      const [third, second, first] = await all(list({}));
      assert.deepEqual([first.discountId, second.discountId, third.discountId], [alpha.id, null, zulu.id]);
      assert.ok(second.subscriptionId === null && first.subscriptionId !== third.subscriptionId);
      const subscribed = [first, third].sort((one, other) => (one.subscriptionId < other.subscriptionId ? -1 : 1));
      await compare(list, [
        [{ sorting: ["discount"] }, [first, third, second]],
        [{ sorting: ["-discount"] }, [second, third, first]],
        [{ sorting: ["subscription"] }, [...subscribed, second]],
        [{ sorting: ["-subscription"] }, [second, ...subscribed.toReversed()]],
        [{ discountId: [alpha.id, zulu.id] }, [third, first]],
        [{ discountId: alpha.id }, [first]],
      ]);
    });

    test("subscriptions are found by discount, and sorted by it and by how they stand", async () => {
      const shop = await Shop.open(merak);
      const { subscriptions } = shop.polar;
      const plan = await product(shop, "Pro plan", each("month", 1000));
      const [zulu, alpha] = [await discount(shop, "Zulu off"), await discount(shop, "alpha off")];
      await buy(shop, { productId: plan.id, discountId: alpha.id });
      await buy(shop, { productId: plan.id }, { customerEmail: "bo@example.com" });
      await buy(shop, { productId: plan.id, discountId: zulu.id }, { customerEmail: "cy@example.com" });
      const list = (request) => subscriptions.list(request);
      const [third, second, first] = await all(list({}));
      assert.deepEqual([first.discountId, second.discountId, third.discountId], [alpha.id, null, zulu.id]);
      await subscriptions.update({ id: first.id, subscriptionUpdate: { cancelAtPeriodEnd: true, revoke: null } });
      await subscriptions.revoke({ id: second.id });
      await compare(list, [
        [{ discountId: alpha.id }, [first]],
        [{ discountId: [zulu.id] }, [third]],
        [{ discountId: [alpha.id, zulu.id] }, [third, first]],
        [{ discountId: [alpha.id, zulu.id], sorting: ["discount"] }, [first, third]],
        [{ sorting: ["discount"] }, [first, third, second]],
        [{ sorting: ["-discount"] }, [second, third, first]],
        [{ sorting: ["status"] }, [third, first, second]],
        [{ sorting: ["-status"] }, [second, first, third]],
        [{ sorting: ["started_at"] }, [first, second, third]],
      ]);
    });

    test("a buyer sorts subscriptions by everything that is shown of them", async () => {
      const shop = await Shop.open(merak);
      const [small, big, middle] = [
        await product(shop, "Small plan", each("month", 1000)),
        await product(shop, "Big plan", each("month", 3000)),
        await product(shop, "Middle plan", each("year", 20000)),
      ];
      const { customerId } = await buy(shop, { productId: small.id });
      await buy(shop, { productId: big.id, customerId });
      await buy(shop, { productId: middle.id, customerId });
      const session = await shop.polar.customerSessions.create({ customerId });
      const { subscriptions } = new Polar({ serverURL: merak.url, accessToken: session.token }).customerPortal;
      const list = (request) => subscriptions.list(request);
      const [third, second, first] = await all(list({}));
      assert.deepEqual([first, second, third].map((one) => one.product.id), ids([small, big, middle]));
      await shop.polar.subscriptions.revoke({ id: first.id });
      await subscriptions.cancel({ id: third.id });
      await compare(list, [
        [{ sorting: ["started_at"] }, [first, second, third]],
        [{ sorting: ["-started_at"] }, [third, second, first]],
        [{ sorting: ["amount"] }, [first, third, second]],
        [{ sorting: ["-amount"] }, [second, third, first]],
        [{ sorting: ["status"] }, [second, third, first]],
        [{ sorting: ["-status"] }, [first, third, second]],
        [{ sorting: ["product"] }, [second, third, first]],
        [{ sorting: ["-product"] }, [first, third, second]],
        // All are of one seller: what was begun first stands first, or last.
        [{ sorting: ["organization"] }, [first, second, third]],
        [{ sorting: ["-organization"] }, [third, second, first]],
        [{ sorting: ["organization", "-amount"] }, [second, third, first]],
        [{ active: true, sorting: ["product"] }, [second, third]],
        [{ productId: [small.id, middle.id], sorting: ["amount"] }, [first, third]],
      ]);
    });
  });
}
