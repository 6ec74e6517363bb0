// The portal in a real browser that runs no scripts: everything that is offered there can be done.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { launch, strictPage } from "./browser.js";
import { code } from "./mails.js";
import { Merak } from "./merak.js";
import { Shop, each } from "./shop.js";

const ADA = "ada@example.com";
const MANUAL = "The manual, line by line.\n";

let merak, shop, browser, mails, home, page;
const faults = [];

before(async () => {
  mails = mkdtempSync(join(tmpdir(), "merak-mails-"));
  merak = await Merak.start("sqlite", { MERAK_MAIL: `folder:${mails}` });
  shop = await Shop.open(merak);
  home = `${merak.url}/fjordsoft/portal`;
  browser = await launch();
  await buy();
  page = await strictPage(browser, faults, { javaScriptEnabled: false });
});

after(async () => {
  await browser?.close();
  await merak?.stop();
  if (mails) rmSync(mails, { recursive: true });
});

/** A file that buyers can load. */
async function uploaded(name, text) {
  const checksum_sha256_base64 = createHash("sha256").update(text).digest("base64");
  const part = { number: 1, chunk_start: 0, chunk_end: text.length, checksum_sha256_base64 };
  const announced = await shop.make("files", {
    service: "downloadable", name, mime_type: "text/plain", size: text.length, checksum_sha256_base64, upload: { parts: [part] },
  });
  const { id, path, parts: [{ url, headers }] } = announced.upload;
  const sent = await fetch(url, { method: "PUT", headers, body: text });
  const parts = [{ number: 1, checksum_etag: sent.headers.get("etag"), checksum_sha256_base64 }];
  return shop.call("POST", `/v1/files/${announced.id}/uploaded`, { id, path, parts });
}

/** Ada's subscription, with a key that one device uses, and a file. */
async function buy() {
  const keys = await shop.make("benefits", {
    type: "license_keys", description: "A license key for two devices",
    properties: { activations: { limit: 2, enable_customer_admin: true } },
  });
  const file = await uploaded("manual.txt", MANUAL);
  const files = await shop.make("benefits", {
    type: "downloadables", description: "The manual", properties: { files: [file.id] },
  });
  const editor = await shop.make("products", { name: "Fjord Editor", prices: [each("month", 900)] });
  await shop.call("POST", `/v1/products/${editor.id}/benefits`, { benefits: [keys.id, files.id] });
  await shop.make("products", { name: "Fjord Editor for teams", prices: [each("month", 2900)] });
  const checkout = await shop.call("POST", "/v1/checkouts/custom/", { product_id: editor.id });
  await shop.call("POST", `/v1/checkouts/custom/client/${checkout.client_secret}/confirm`, {
    customer_name: "Ada Lovelace", customer_email: ADA, customer_billing_address: { country: "FR" },
    confirmation_token_id: "ctoken_sandbox_success",
  });
  await eventually("granted", async () => (await all("license-keys")).length === 1 && (await all("subscriptions")).length === 1);
  const [{ key }] = await all("license-keys");
  await shop.call("POST", "/v1/customer-portal/license-keys/activate",
    { key, organization_id: shop.organization.id, label: "Ada's laptop" });
}

const all = async (noun) => (await shop.call("GET", `/v1/${noun}/`)).items;

async function eventually(what, holds) {
  for (let tries = 0; tries < 200; tries++) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.fail(`it never was: ${what}`);
}

const link = (name) => page.getByRole("link", { name, exact: true }).first().click();

/** What the browser gets that saves what a link leads to. */
async function saved(name) {
  const [download] = await Promise.all([page.waitForEvent("download"), link(name)]);
  assert.equal(await download.failure(), null);
  return { name: download.suggestedFilename(), bytes: readFileSync(await download.path()) };
}

test("a code signs in, and no other", { timeout: 60000 }, async () => {
  await page.goto(home);
  await page.getByLabel("E-mail").fill(ADA);
  await page.getByRole("button", { name: "Send me a code" }).click();
  const right = await code(mails, ADA);
  const wrong = right.replace(/^./, (first) => (first === "Q" ? "R" : "Q"));
  await page.getByLabel("Code").fill(wrong);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.locator("#code-problem").waitFor();
  await page.getByLabel("Code").fill(right.toLowerCase());
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { name: "Your purchases" }).waitFor();
  assert.equal(page.url(), home);
  await page.getByText(ADA).first().waitFor();
  assert.equal(await page.getByRole("button", { name: "Copy" }).count(), 0, "what only scripts can do is not offered");
});

test("a file is loaded", { timeout: 60000 }, async () => {
  await page.goto(home);
  const file = await saved("manual.txt");
  assert.deepEqual([file.name, file.bytes.toString()], ["manual.txt", MANUAL]);
});

test("an activation is removed", { timeout: 60000 }, async () => {
  await page.goto(home);
  await page.getByRole("button", { name: "Remove Ada's laptop" }).click();
  await page.getByText("The activation was removed").waitFor();
  assert.equal(await page.getByText("Ada's laptop").count(), 0);
  const [key] = await all("license-keys");
  assert.deepEqual((await shop.call("GET", `/v1/license-keys/${key.id}`)).activations, []);
});

test("another card pays from now on, and an earlier one again", { timeout: 60000 }, async () => {
  await page.goto(home);
  await link("Fjord Editor");
  const facts = page.locator("section[aria-labelledby=facts]");
  await facts.getByText("4242").waitFor();
  const typed = async (number) => {
    await page.getByText("Change the card").click();
    await page.getByLabel("Card number").fill(number);
    await page.getByLabel("Expires").fill("12 / 40");
    await page.getByLabel("Security code").fill("123");
    await page.getByRole("button", { name: "Save and use it" }).click();
  };
  await typed("4000000000000002");
  await page.getByText("Your card was declined.").waitFor();
  await facts.getByText("4242").waitFor();
  await typed("5555555555554444");
  await facts.getByText("Mastercard ending in 4444").waitFor();
  await typed("378282246310005");
  await facts.getByText("0005").waitFor();
  await page.getByText("Change the card").click();
  const names = await page.getByLabel("Saved card").locator("option").allTextContents();
  assert.equal(names.some((name) => name.includes("4242")), false, "whoever bought had not shown to be Ada");
  await page.getByLabel("Saved card").selectOption({ label: names.find((name) => name.includes("4444")) });
  await page.getByRole("button", { name: "Pay with this card" }).click();
  await page.getByText("This card pays the subscription from now on.").waitFor();
  await facts.getByText("4444").waitFor();
});

test("the plan is changed, as the page said before", { timeout: 60000 }, async () => {
  await page.goto(home);
  await link("Fjord Editor");
  // With the card that she typed in herself, which pays what is dearer.
  await page.getByText("Change the plan").click();
  await page.getByText("$29.00 / month").click();
  await page.getByRole("button", { name: "See what changes" }).click();
  await page.getByRole("heading", { name: "Change the plan" }).waitFor();
  assert.deepEqual((await all("subscriptions")).map(({ amount }) => amount), [900], "looking changes nothing");
  await page.getByRole("button", { name: "Change the plan" }).click();
  await page.getByText("The plan was changed.").waitFor();
  await page.getByRole("heading", { name: "Fjord Editor for teams", level: 1 }).waitFor();
  const [{ amount, product }] = await all("subscriptions");
  assert.deepEqual([amount, product.name], [2900, "Fjord Editor for teams"]);
});

test("an invoice is loaded", { timeout: 60000 }, async () => {
  const [order] = await all("orders");
  await page.goto(`${home}/orders/${order.id}`);
  const address = await page.getByRole("link", { name: "Invoice (PDF)" }).getAttribute("href");
  // With the browser's own cookies; what a browser shows of a PDF is its own affair.
  const invoice = await page.context().request.get(new URL(address, merak.url).href);
  assert.equal(invoice.headers()["content-type"], "application/pdf");
  assert.match((await invoice.body()).toString("latin1"), /^%PDF-/);
});

test("nothing was wrong with any page, and signing out ends it", { timeout: 60000 }, async () => {
  assert.deepEqual(faults, []);
  await page.goto(home);
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByText("You are signed out").waitFor();
  await page.goto(home);
  await page.getByLabel("E-mail").waitFor();
});
