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

async function confirm(product) {
  const checkout = await shop.call("POST", "/v1/checkouts/custom/", { product_id: product.id });
  await shop.call("POST", `/v1/checkouts/custom/client/${checkout.client_secret}/confirm`, {
    customer_name: "Ada Lovelace", customer_email: "ada@example.com", customer_billing_address: { country: "FR" },
    confirmation_token_id: "ctoken_sandbox_success",
  });
}

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
  for (const product of [yearly, book]) await confirm(product);
  for (let tries = 0; tries < 400; tries++) {
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
  await look(browser, "portal-expired", `${home}?customer_session_token=polar_cst_of_yesterday`);
  await look(browser, "portal-request-problem", `${home}/request`, async (page) => {
    await page.getByLabel("E-mail").fill("ada");
    await page.getByRole("button", { name: "Send me a code" }).click();
    await page.locator(".problem").waitFor();
  });
  await look(browser, "portal-code-problem", `${home}/authenticate`, async (page) => {
    await page.getByLabel("Code").fill("ABC123");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.locator(".problem").waitFor();
  });
  const email = "maximiliane.von-der-langenstrasse+invoices@accounting.subsidiary.very-long-company-name.example";
  const nobody = await shop.make("customers", { email, name: "Maximiliane von der Langenstrasse" });
  const { token } = await shop.call("POST", "/v1/customer-sessions/", { customer_id: nobody.id });
  await look(browser, "portal-empty", `${home}?customer_session_token=${token}`);
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

test("what is granted meanwhile appears by itself, with and without a stream", { timeout: 60000 }, async () => {
  for (const isHeard of [true, false]) {
    const note = `It came ${isHeard ? "at once" : "a little later"}`;
    const benefit = await shop.make("benefits", { type: "custom", description: "News", properties: { note } });
    const product = await shop.make("products", { name: "News of the fjord", prices: [once(5000)] });
    await shop.call("POST", `/v1/products/${product.id}/benefits`, { benefits: [benefit.id] });
    const faults = [];
    const page = await strictPage(browser, faults);
    // Either it is told or it looks for itself.
    if (isHeard) await page.addInitScript(() => { window.setInterval = () => 0; });
    else await page.route("**/portal/stream", (route) => route.fulfill({ status: 429 }));
    const listens = isHeard ? page.waitForResponse("**/portal/state") : Promise.resolve();
    await page.goto(portal);
    await listens;
    assert.equal(await page.getByText(note).count(), 0);
    await confirm(product);
    await page.getByText(note).waitFor();
    assert.deepEqual(faults, []);
    await page.context().close();
  }
});

test("without scripts a subscription is canceled and goes on", { timeout: 60000 }, async () => {
  const page = await strictPage(browser, [], { javaScriptEnabled: false });
  await page.goto(portal);
  await link(page, "Fjord Editor");
  await page.getByText("Cancel", { exact: true }).click();
  await page.getByLabel("Why? (optional)").selectOption("unused");
  await page.getByRole("button", { name: "Cancel the subscription" }).click();
  await page.getByText("The subscription was canceled").waitFor();
  await look(browser, "portal-canceled", portal, async (seen) => {
    await link(seen, "Fjord Editor");
    await seen.getByRole("button", { name: "Keep the subscription" }).waitFor();
  });
  await page.getByRole("button", { name: "Keep the subscription" }).click();
  await page.getByText("Your subscription continues").waitFor();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByText("You are signed out").waitFor();
  await page.context().close();
});

test("a seller finds an order and gives money back", { timeout: 300000 }, async () => {
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
  await look(browser, "dashboard-nobody", orders);
  await look(browser, "dashboard-nothing-found", orders, enter((page) => page.goto(`${orders}?query=nobody`)));
  await look(browser, "dashboard-refund-problem", orders, enter(async (page) => {
    await page.getByRole("link", { name: "ada@example.com" }).first().click();
    await page.getByLabel("Amount, including tax").fill("a lot");
    page.once("dialog", (dialog) => dialog.accept());
    await page.getByRole("button", { name: "Refund" }).click();
    await page.locator("#amount-problem").waitFor();
  }));
  // A part of it for each look.
  await look(browser, "dashboard-refunded", orders, enter(async (page) => {
    await page.getByRole("link", { name: "ada@example.com" }).first().click();
    await page.getByLabel("Amount, including tax").fill("5.00");
    page.once("dialog", (dialog) => dialog.accept());
    await page.getByRole("button", { name: "Refund" }).click();
    await page.getByText("The refund is on its way.").waitFor();
  }));
});

test("a disputed order stands out", { timeout: 300000 }, async () => {
  const book = await shop.make("products", { name: "The Fjord Atlas", prices: [once(4900)] });
  const checkout = await shop.call("POST", "/v1/checkouts/custom/", { product_id: book.id });
  await shop.call("POST", `/v1/checkouts/custom/client/${checkout.client_secret}/confirm`, {
    customer_name: "Eve", customer_email: "eve@example.com", customer_billing_address: { country: "FR" },
    confirmation_token_id: "ctoken_sandbox_dispute_lost",
  });
  const enter = (then) => async (page) => {
    const { pathname, search } = new URL(merak.cli("user", "login-link", "--user", "nora@example.com").url);
    await page.goto(merak.url + pathname + search);
    await page.goto(`${orders}?show=disputed`);
    await then(page);
  };
  const page = await strictPage(browser, []);
  await enter(async () => {})(page);
  // The sandbox's bank takes its time.
  for (let tries = 0; tries < 120 && !await page.getByRole("link", { name: "eve@example.com" }).count(); tries++) {
    await page.waitForTimeout(500);
    await page.reload();
  }
  await page.getByRole("link", { name: "eve@example.com" }).click();
  await page.getByText("The customer's bank wants this payment back.").or(page.getByText("The bank has decided")).first().waitFor();
  await page.context().close();
  await look(browser, "dashboard-disputed", orders, enter(async () => {}));
  await look(browser, "dashboard-disputed-order", orders, enter((page) => page.getByRole("link", { name: "eve@example.com" }).click()));
});

test("a payment that is owed stands out", { timeout: 300000 }, async () => {
  const { items } = await shop.call("GET", "/v1/products/?query=teams");
  const checkout = await shop.call("POST", "/v1/checkouts/custom/", { product_id: items[0].id });
  await shop.call("POST", `/v1/checkouts/custom/client/${checkout.client_secret}/confirm`, {
    customer_name: "Linus", customer_email: "linus@example.com", customer_billing_address: { country: "FR" },
    confirmation_token_id: "ctoken_sandbox_declined_later",
  });
  const found = await shop.call("GET", "/v1/customers/?email=linus@example.com");
  const session = await shop.call("POST", "/v1/customer-sessions/", { customer_id: found.items[0].id });
  const mine = `${home}?customer_session_token=${session.token}`;
  merak.cli("clock", "advance", "--organization", "fjordsoft", "--by", "760h");
  const page = await strictPage(browser, []);
  for (let tries = 0; tries < 400; tries++) {
    await page.goto(mine);
    if (await page.getByText("Payment due").count()) break;
    await page.waitForTimeout(200);
  }
  await page.context().close();
  await look(browser, "portal-due", mine);
  await look(browser, "portal-subscription-due", mine, (page) => link(page, "Fjord Editor for teams"));
  await look(browser, "portal-subscription-due-problem", mine, async (page) => {
    await link(page, "Fjord Editor for teams");
    await page.getByText("Pay with another card").click();
    await page.locator(".due").getByLabel("Card number").fill("4000000000000002");
    await page.locator(".due").getByLabel("Expires").fill("12 / 40");
    await page.locator(".due").getByLabel("Security code").fill("123");
    await page.getByRole("button", { name: "Pay $" }).click();
    await page.locator(".told.bad").waitFor();
  });
});
