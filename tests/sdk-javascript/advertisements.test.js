// Advertisements through the official JavaScript SDK, and the routes beside it that count.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Polar } from "@polar-sh/sdk";
import { HTTPValidationError } from "@polar-sh/sdk/models/errors/httpvalidationerror.js";
import { ResourceNotFound } from "@polar-sh/sdk/models/errors/resourcenotfound.js";
import { ENGINES, Merak } from "./merak.js";
import { Shop, all } from "./shop.js";

for (const engine of ENGINES) {
  describe(`advertisements on ${engine}`, () => {
    let merak;
    let shop;
    let room;

    before(async () => {
      merak = await Merak.start(engine);
      shop = await Shop.open(merak);
      room = await shop.polar.benefits.create({
        type: "ads",
        description: "Room for a picture",
        organizationId: shop.organization.id,
        properties: { imageHeight: 100, imageWidth: 200 },
      });
    });

    after(() => merak.stop());

    /** A campaign of a new customer, shown in the room if the customer has bought it. */
    async function campaign(email, isShown = true) {
      const customer = await shop.customer(email);
      const line = ["advertisement", "create", "--customer", customer.id, "--image-url", "https://acme.example/ad.png"];
      line.push("--text", email, "--link-url", "https://acme.example");
      if (isShown) {
        const grant = merak.cli("grant", "--benefit", room.id, "--customer", customer.id);
        line.push("--grant", grant.id);
      }
      return merak.cli(...line);
    }

    test("what is shown is listed and read by anybody, and counted (A1)", async () => {
      const anonymous = new Polar({ serverURL: merak.url });
      const first = await campaign("first@example.com");
      const second = await campaign("second@example.com");
      const hidden = await campaign("hidden@example.com", false);
      const { result } = await anonymous.advertisements.list({ benefitId: room.id });
      assert.deepEqual(result.dimensions, [200, 100]);
      assert.deepEqual(result.pagination, { totalCount: 2, maxPage: 1 });
      const read = await anonymous.advertisements.get({ id: first.id });
      assert.deepEqual([read.text, read.linkUrl, read.imageUrlDark], ["first@example.com", "https://acme.example/", null]);
      await assert.rejects(anonymous.advertisements.get({ id: hidden.id }), ResourceNotFound);

      const call = (method, id, path) => fetch(`${merak.url}/v1/advertisements/${id}/${path}`, { method, redirect: "manual" });
      assert.equal((await call("POST", second.id, "view")).status, 204);
      const pixel = await call("GET", second.id, "pixel");
      assert.deepEqual([pixel.status, pixel.headers.get("content-type")], [200, "image/gif"]);
      const click = await call("GET", first.id, "click");
      assert.deepEqual([click.status, click.headers.get("location")], [303, "https://acme.example/"]);
      assert.equal((await call("POST", hidden.id, "view")).status, 404);

      const texts = async (sorting) => {
        const items = await all(anonymous.advertisements.list({ benefitId: room.id, sorting: [sorting], limit: 1 }));
        return items.map((each) => each.text.split("@")[0]);
      };
      for (const [sorting, expected] of [
        ["created_at", ["first", "second"]], ["-created_at", ["second", "first"]],
        ["granted_at", ["first", "second"]], ["-granted_at", ["second", "first"]],
        ["views", ["first", "second"]], ["-views", ["second", "first"]],
        ["clicks", ["second", "first"]], ["-clicks", ["first", "second"]],
      ]) {
        assert.deepEqual(await texts(sorting), expected, sorting);
      }
      const grants = await all(shop.polar.benefits.grants({ id: room.id }));
      assert.equal(grants.length, 2);
    });

    test("only benefits of the kind ads have a list", async () => {
      const keys = await shop.benefit({});
      await assert.rejects(shop.polar.advertisements.list({ benefitId: keys.id }), (error) => {
        assert.ok(error instanceof HTTPValidationError, `${error}`);
        assert.deepEqual(error.detail.map((each) => each.loc), [["query", "benefit_id"]]);
        return true;
      });
    });
  });
}
