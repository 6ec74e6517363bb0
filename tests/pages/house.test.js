// What the server itself shows: its first page, the reference, mail that was sent, signing in, and what is not there.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { after, before, test } from "node:test";

import { launch, look, picture, strictPage } from "./browser.js";
import { Merak } from "./merak.js";
import { assertPrinted, pictured } from "./paper.js";

let merak, browser, demo;

before(async () => {
  merak = await Merak.demo();
  demo = merak.demo;
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await merak?.stop();
});

async function call(method, path, body) {
  const response = await fetch(merak.url + path, {
    method,
    headers: { authorization: `Bearer ${demo.access_token}`, "content-type": "application/json" },
    body: body && JSON.stringify(body),
  });
  assert.ok(response.ok, `${method} ${path}: ${response.status}`);
  return response.json();
}

/** Buys what sells under this name, with the test card of that name. */
async function buy(name, card, email = "grace@example.com") {
  const { items } = await call("GET", `/v1/products/?query=${encodeURIComponent(name)}`);
  const product = items.find((each) => each.name === name);
  const checkout = await call("POST", "/v1/checkouts/custom/", { product_id: product.id });
  await call("POST", `/v1/checkouts/custom/client/${checkout.client_secret}/confirm`, {
    customer_name: "Grace Hopper", customer_email: email, customer_billing_address: { country: "FR" },
    confirmation_token_id: `ctoken_sandbox_${card}`,
  });
}

async function eventually(found, what) {
  for (let tries = 0; tries < 200; tries++) {
    const value = await found();
    if (value) return value;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.fail(`there is no ${what}`);
}

/** The mails of the list, the newest first: subject and address. */
async function mails() {
  const page = await strictPage(browser, []);
  await page.goto(`${merak.url}/mail`);
  const found = await page.locator("main a[href^='/mail/']").evaluateAll((links) =>
    links.map((link) => ({ subject: link.textContent.trim(), url: link.href })));
  await page.context().close();
  return found;
}

const advance = (by) => merak.cli("clock", "advance", "--organization", demo.organization_slug, "--by", by);

test("the first page and the reference look well", { timeout: 300000 }, async () => {
  await look(browser, "landing", merak.url);
  await look(browser, "docs", `${merak.url}/docs`);
  await look(browser, "docs-operation", `${merak.url}/docs`, async (page) => {
    await page.locator("main").getByRole("link", { name: /Activate License Key/ }).click();
    await page.getByRole("heading", { level: 1, name: /Activate License Key/ }).waitFor();
  });
  await look(browser, "docs-search", `${merak.url}/docs?q=license-keys`);
  await look(browser, "docs-missing", `${merak.url}/docs/nothing-here`);
  await look(browser, "not-connected", `${merak.url}/not-connected`);
  await look(browser, "sign-in", `${merak.url}/login/by-mail?token=x`);
  await look(browser, "sign-in-stale", `${merak.url}/login?token=x`);
});

test("mail looks well in the list and by itself", { timeout: 600000 }, async () => {
  await buy("Nimbus theme pack", "success");
  await buy("Nimbus Pro", "success");
  await buy("Nimbus Pro", "declined_later", "linus@example.com");
  const { items } = await eventually(async () => {
    const found = await call("GET", "/v1/subscriptions/");
    const buyers = found.items.map(({ customer }) => customer.email);
    return ["grace@example.com", "linus@example.com"].every((buyer) => buyers.includes(buyer)) && found;
  }, "subscription");
  const page = await strictPage(browser, []);
  await page.goto(`${merak.url}/${demo.organization_slug}/portal/request`);
  await page.getByLabel("E-mail").fill("grace@example.com");
  await page.locator("main button").click();
  await page.waitForURL(/authenticate/);
  await page.context().close();
  const own = items.find(({ customer }) => customer.email === "grace@example.com");
  await call("PATCH", `/v1/subscriptions/${own.id}`, { cancel_at_period_end: true });
  await call("PATCH", `/v1/subscriptions/${own.id}`, { cancel_at_period_end: false });
  advance("760h");
  await eventually(async () => (await mails()).some(({ subject }) => /failed/.test(subject)), "mail of a failed payment");
  await eventually(async () => (await mails()).some(({ subject }) => /Receipt/.test(subject)), "receipt");
  await call("PATCH", `/v1/subscriptions/${own.id}`, { cancel_at_period_end: true });
  advance("760h");
  await eventually(async () => (await mails()).some(({ subject }) => /has ended/.test(subject)), "mail of an end");
  await look(browser, "mail-list", `${merak.url}/mail`);
  const seen = new Set();
  for (const { subject, url } of await mails()) {
    const kind = subject.replace(/\d+ \w+ \d{4}/, "").replace(/[^a-z]+/gi, "-").replace(/^-|-$/g, "").toLowerCase();
    if (seen.has(kind)) continue;
    seen.add(kind);
    if (seen.size === 1) await look(browser, "mail-one", url);
    await look(browser, `mail-${kind}`, `${url}/html`);
  }
  assert.ok(seen.size >= 9, [...seen].join());
});

test("an invoice looks well on paper", { timeout: 60000 }, async () => {
  const { items } = await eventually(async () => {
    const found = await call("GET", "/v1/orders/?sorting=-created_at");
    return found.items.length && found;
  }, "order");
  const { url } = await call("GET", `/v1/orders/${items[0].id}/invoice`);
  const pdf = await fetch(url);
  assert.equal(pdf.headers.get("content-type"), "application/pdf");
  const path = picture("invoice").replace(/png$/, "pdf");
  writeFileSync(path, Buffer.from(await pdf.arrayBuffer()));
  const printed = pictured(path);
  assertPrinted(printed);
  // A test of paper has to see what is wrong with it.
  const { width, height, shades } = printed;
  const changed = (change) => {
    const copy = Uint8Array.from(shades);
    change(copy);
    return { width, height, shades: copy };
  };
  const half = Math.floor(height / 2) * width;
  for (const [change, told] of [
    [(copy) => copy.fill(255), /nothing stands in the part/],
    [(copy) => copy.fill(0), /of the page is dark/],
    [(copy) => copy.fill(255, 0, half), /in the part: head/],
    [(copy) => copy.fill(255, half), /in the part: foot/],
    [(copy) => { copy[half] = 200; }, /in the margin: left/],
    [(copy) => { copy[half - 1] = 200; }, /in the margin: right/],
    [(copy) => { copy[width / 2 | 0] = 200; }, /in the margin: top/],
    [(copy) => { copy[width * height - (width / 2 | 0)] = 200; }, /in the margin: bottom/],
  ]) {
    assert.throws(() => assertPrinted(changed(change)), told);
  }
});

test("the portal of somebody who has much looks well", { timeout: 300000 }, async () => {
  const portal = `${merak.url}/${demo.organization_slug}/portal`;
  await look(browser, "demo-portal", `${portal}?customer_session_token=${demo.customer_session_token}`);
});

test("what the demo shop has sold looks well to its seller", { timeout: 300000 }, async () => {
  const page = await strictPage(browser, []);
  await page.goto(demo.sign_in_url);
  const cookies = await page.context().cookies();
  await page.context().close();
  await look(browser, "demo-orders", merak.url, async (seen) => {
    await seen.context().addCookies(cookies);
    await seen.goto(demo.orders_url);
    await seen.getByText("Theo Brandt").or(seen.getByText("theo@brandt.example")).first().waitFor();
  });
});

test("what is not there says so", { timeout: 300000 }, async () => {
  for (const path of ["/nothing", "/mail/nothing", "/invoices/nothing", "/sandbox/authenticate/nothing"]) {
    const response = await fetch(merak.url + path);
    assert.equal(response.status, 404, path);
  }
  await look(browser, "missing", `${merak.url}/nothing`);
});
