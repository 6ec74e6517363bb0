// The portal of customers and the orders of sellers in a real browser.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { launch, look, strictPage } from "./browser.js";
import { Merak } from "./merak.js";
import { Shop, each, once } from "./shop.js";

let merak, shop, browser, home, portal, orders;

before(async () => {
  merak = await Merak.start("sqlite");
  shop = await Shop.open(merak);
  browser = await launch();
  await buy();
  const { items } = await shop.call("GET", "/v1/customers/");
  const session = await shop.call("POST", "/v1/customer-sessions/", { customer_id: items[0].id });
  home = `${merak.url}/fjordsoft/portal`;
  portal = `${home}?customer_session_token=${session.token}`;
  orders = `${merak.url}/dashboard/fjordsoft/orders`;
});

after(async () => {
  await browser?.close();
  await merak?.stop();
});

// A subscription and a purchase of one customer, with all that can come with them.
async function buy() {
  const keys = await shop.make("benefits", {
    type: "license_keys", description: "A license key for two devices",
    properties: { prefix: "FJORD", limit_usage: 100, activations: { limit: 2, enable_customer_admin: true }, expires: { ttl: 1, timeframe: "year" } },
  });
  const note = await shop.make("benefits", {
    type: "custom", description: "Updates for a year", properties: { note: "Write to ada@example.com for the beta.\nIt is ready when it is ready." },
  });
  const yearly = await shop.make("products", { name: "Fjord Editor", prices: [each("month", 900), each("year", 9000)] });
  await shop.call("POST", `/v1/products/${yearly.id}/benefits`, { benefits: [keys.id, note.id] });
  const team = await shop.make("products", { name: "Fjord Editor for teams", prices: [each("month", 2900)] });
  assert.ok(team.id);
  const book = await shop.make("products", { name: "The Fjord Handbook, third edition", prices: [once(2900)] });
  for (const product of [yearly, book]) {
    const checkout = await shop.call("POST", "/v1/checkouts/custom/", { product_id: product.id });
    await shop.call("POST", `/v1/checkouts/custom/client/${checkout.client_secret}/confirm`, {
      customer_name: "Ada Lovelace", customer_email: "ada@example.com", customer_billing_address: { country: "FR" },
      confirmation_token_id: "ctoken_sandbox_success",
    });
  }
  for (let tries = 0; tries < 100; tries++) {
    const { items } = await shop.call("GET", "/v1/license-keys/");
    if (items.length > 0) {
      await shop.call("POST", "/v1/customer-portal/license-keys/activate",
        { key: items[0].key, organization_id: shop.organization.id, label: "Ada's laptop" });
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.fail("no key was granted");
}

const link = (page, name) => page.getByRole("link", { name, exact: true }).first().click();

test("the portal looks well and everybody can use it", { timeout: 300000 }, async () => {
  await look(browser, "portal-home", portal);
  await look(browser, "portal-subscription", portal, (page) => link(page, "Fjord Editor"));
  await look(browser, "portal-cancel", portal, async (page) => {
    await link(page, "Fjord Editor");
    await page.getByText("Cancel", { exact: true }).click();
    await page.getByText("Change the card").click();
    await page.getByText("Change the plan").click();
  });
  await look(browser, "portal-plan", portal, async (page) => {
    await link(page, "Fjord Editor");
    await page.getByText("Change the plan").click();
    await page.getByText("$29.00 / month").click();
    await page.getByRole("button", { name: "See what changes" }).click();
    await page.getByRole("heading", { name: "Change the plan" }).waitFor();
  });
  await look(browser, "portal-order", portal, (page) => link(page, "The Fjord Handbook, third edition"));
  await look(browser, "portal-request", `${home}/request`);
  await look(browser, "portal-code", `${home}/authenticate`);
  await look(browser, "portal-nothing", `${merak.url}/nobody/portal`);
});

test("scripts add copying and asking first, and break no rule", { timeout: 60000 }, async () => {
  const faults = [];
  const page = await strictPage(browser, faults, { permissions: ["clipboard-read", "clipboard-write"] });
  await page.goto(portal);
  assert.equal(page.url(), home, "the token has left the address");
  await page.getByRole("button", { name: "Copy" }).first().click();
  assert.match(await page.evaluate(() => navigator.clipboard.readText()), /^FJORD-/);
  page.once("dialog", (dialog) => dialog.dismiss());
  await page.getByRole("button", { name: "Remove Ada's laptop" }).click();
  assert.equal(page.url(), home, "who says no sends nothing");
  page.once("dialog", (dialog) => dialog.accept());
  await page.getByRole("button", { name: "Remove Ada's laptop" }).click();
  await page.getByText("The activation was removed").waitFor();
  assert.deepEqual(faults, []);
  await page.context().close();
});

test("without scripts a subscription is canceled and goes on", { timeout: 60000 }, async () => {
  const page = await strictPage(browser, [], { javaScriptEnabled: false });
  await page.goto(portal);
  await link(page, "Fjord Editor");
  await page.getByText("Cancel", { exact: true }).click();
  await page.getByLabel("Why? (optional)").selectOption("unused");
  await page.getByRole("button", { name: "Cancel the subscription" }).click();
  await page.getByText("The subscription was canceled").waitFor();
  await page.getByRole("button", { name: "Go on after all" }).click();
  await page.getByText("The subscription goes on").waitFor();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByText("You are signed out").waitFor();
  await page.context().close();
});

test("a seller finds an order and gives money back", { timeout: 120000 }, async () => {
  // The link is for the usual port; this server listens on a free one.
  const opened = () => {
    const { pathname, search } = new URL(merak.cli("user", "login-link", "--user", "nora@example.com").url);
    return merak.url + pathname + search;
  };
  const enter = (then) => async (page) => {
    await page.goto(opened());
    await page.goto(orders);
    await then(page);
  };
  await look(browser, "dashboard-orders", orders, enter(async () => {}));
  await look(browser, "dashboard-order", orders, enter(async (page) => {
    await page.getByRole("link", { name: "ada@example.com" }).first().click();
    await page.getByText("Ledger").click();
  }));
});
