// The hosted checkout in a real browser.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { launch, look, stay, strictPage } from "./browser.js";
import { code } from "./mails.js";
import { Merak } from "./merak.js";
import { Shop, chosen, each, free, once } from "./shop.js";

let merak, shop, browser, mails;

before(async () => {
  mails = mkdtempSync(join(tmpdir(), "merak-mails-"));
  merak = await Merak.start("sqlite", { MERAK_MAIL: `folder:${mails}` });
  shop = await Shop.open(merak);
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await merak?.stop();
  if (mails) rmSync(mails, { recursive: true });
});

async function fill(page, card = "4242424242424242") {
  await page.getByLabel("E-mail").fill("ada@example.com");
  await page.getByLabel("Name").fill("Ada Lovelace");
  await page.getByLabel("Country").selectOption("FR");
  await page.getByLabel("Card number").fill(card);
  await page.getByLabel("Expires").fill("12 / 40");
  await page.getByLabel("Security code").fill("123");
}

const pay = (page) => page.locator("button[value=pay]").click();

async function rich() {
  const keys = await shop.make("benefits", { type: "license_keys", description: "A license key for two seats", properties: {} });
  const news = await shop.make("benefits", { type: "custom", description: "Updates for a year", properties: { note: null } });
  const field = await shop.make("custom-fields", {
    type: "text", slug: `company-${Date.now()}`, name: "Company", properties: { form_label: "Company", form_help_text: "As it stands on your papers." },
  });
  await shop.make("discounts", { type: "percentage", duration: "once", basis_points: 2000, name: "Spring", code: `SPRING${Date.now() % 1e6}` });
  return {
    name: "Fjord Editor",
    description: "An editor for people who write all day.\n\nIt starts at once, keeps out of the way, and never loses a word.",
    prices: [each("month", 900), each("year", 9000)],
    benefits: [keys.id, news.id],
    attached_custom_fields: [{ custom_field_id: field.id, required: false }],
  };
}

test("the form looks well and everybody can use it", { timeout: 300000 }, async () => {
  const url = await shop.checkout(await rich());
  await look(browser, "checkout-subscription", url);
  await look(browser, "checkout-united-states", url, async (page) => {
    await page.getByLabel("Country").selectOption("US");
    await page.getByLabel("ZIP code").waitFor();
  });
  await look(browser, "checkout-problems", url, async (page) => {
    await page.getByLabel("Card number").fill("1");
    await pay(page);
    await page.locator("#problems").waitFor();
    assert.equal(await page.evaluate(() => document.activeElement.id), "problems");
  });
  await look(browser, "checkout-once", await shop.checkout({ prices: [once(2900)] }));
  await look(browser, "checkout-free", await shop.checkout({ prices: [free] }));
  await look(browser, "checkout-chosen", await shop.checkout({ prices: [chosen] }));
  await look(browser, "checkout-gone", `${merak.url}/checkout/polar_c_unknown`);
});

// Everything is as long and as much as it can be.
async function full() {
  const field = async (name, type, properties = {}) => {
    const slug = `${type}-${Date.now()}`;
    const made = await shop.make("custom-fields", { type, slug, name, properties: { form_label: name, ...properties } });
    return { custom_field_id: made.id, required: type === "checkbox" };
  };
  const options = [{ value: "a", label: "A friend" }, { value: "b", label: "A search for the best editor of text in the whole wide world" }];
  const fields = [
    await field("How many people are you?", "number", { form_help_text: "Count those who write." }),
    await field("When do you begin?", "date"),
    await field("How did you hear of us?", "select", { options }),
    await field("Anything else?", "text", { textarea: true, form_placeholder: "We read all of it" }),
    await field("I have read the terms and accept them", "checkbox"),
  ];
  return {
    name: "Fjord Editor Professional, Collaborative & Scriptable, 2026 Anniversary Edition for Extraordinarilylongwindedwriters",
    description: "All of it.",
    prices: [once(99_999_999)],
    attached_custom_fields: fields,
  };
}

test("much and long things have room", { timeout: 300000 }, async () => {
  const url = await shop.checkout(await full());
  await look(browser, "checkout-full", url);
  await look(browser, "checkout-full-problems", url, async (page) => {
    await page.getByLabel("E-mail").fill("maximiliane.von-der-langenstrasse+invoices@accounting.subsidiary.very-long-company-name.example");
    await page.getByLabel("How many").fill("many");
    await pay(page);
    await page.locator("#problems").waitFor();
  });
});

test("a discount, an address and a tax number have their places", { timeout: 300000 }, async () => {
  const product = await rich();
  const { items } = await shop.call("GET", "/v1/discounts/?sorting=-created_at");
  const url = await shop.checkout(product);
  const apply = async (page) => {
    await page.getByLabel("Discount code").fill(items[0].code);
    await page.getByRole("button", { name: "Apply" }).click();
    await page.getByRole("button", { name: "Remove the discount" }).waitFor();
  };
  await look(browser, "checkout-no-such-code", url, async (page) => {
    await page.getByLabel("Discount code").fill("NOSUCHCODE");
    await page.getByRole("button", { name: "Apply" }).click();
    await page.locator("[data-field=discount_code] .problem").waitFor();
  });
  const page = await strictPage(browser, []);
  await page.goto(url);
  await apply(page);
  await page.context().close();
  await look(browser, "checkout-discount", url);
  await look(browser, "checkout-business", url, async (page) => {
    await page.getByLabel("Country").selectOption("DE");
    await page.locator("#field-customer_billing_address-postal_code").waitFor({ state: "attached" });
    await page.getByText("Add an address or a tax ID").click();
    await page.getByLabel("VAT number").fill("DE123");
    await page.locator("[data-field=customer_tax_id] .problem").waitFor();
  });
});

test("a tax is shown before it is paid", { timeout: 300000 }, async () => {
  const taxed = await Merak.start("sqlite", { MERAK_TAXES: "rates", MERAK_TAX_SELLER_COUNTRY: "DE" });
  const theirs = await Shop.open(taxed);
  const url = await theirs.checkout({ prices: [once(2900)] });
  await look(browser, "checkout-tax", url, async (page) => {
    await page.getByLabel("Country").selectOption("FR");
    await page.getByRole("button", { name: "Pay $34.80" }).waitFor();
  });
  await taxed.stop();
});

test("every end of a purchase has a page", { timeout: 300000 }, async () => {
  const confirmations = [];
  const bought = async (card, more = {}, cents = 2900) => {
    const page = await strictPage(browser, []);
    const url = await shop.checkout({ prices: [once(cents)] }, more);
    confirmations.push(`${url}/confirmation`);
    await page.goto(url);
    await fill(page, card);
    await pay(page);
    return page;
  };
  const asked = await bought("4000002500003155");
  await asked.getByRole("button", { name: "Approve" }).waitFor();
  const bank = asked.url();
  await look(browser, "bank", bank);
  const way = confirmations.at(-1);
  await look(browser, "confirmation-bank", merak.url, async (page) => {
    await stay(page, way);
    await page.locator("[data-outcome=bank]").getByRole("link", { name: "Continue to your bank" }).waitFor();
  });
  await asked.getByRole("button", { name: "Approve" }).click();
  await asked.getByRole("heading", { name: "Thank you" }).waitFor();
  await asked.context().close();
  await look(browser, "bank-answered", bank);

  const waits = await bought("4000000000000408");
  await waits.locator("[data-outcome=waiting]").waitFor();
  await look(browser, "confirmation-waiting", waits.url());
  await waits.context().close();

  const fails = await bought("4000000000000507");
  await fails.locator("[data-outcome=failed]").waitFor({ timeout: 60000 });
  await look(browser, "confirmation-failed", fails.url());
  await fails.context().close();

  const thanks = "https://seller.example/thanks?of={CHECKOUT_ID}";
  const leaves = await strictPage(browser, []);
  await leaves.route("https://seller.example/**", (route) => route.fulfill({ contentType: "text/html", body: "Thanks!" }));
  const url = await shop.checkout({ prices: [once(2900)] }, { success_url: thanks });
  await leaves.goto(url);
  await fill(leaves);
  await pay(leaves);
  await leaves.getByText("Thanks!").waitFor();
  assert.match(leaves.url(), /\/thanks\?of=[0-9a-f-]{36}&customer_session_token=polar_cst_/);
  await leaves.context().close();
  await look(browser, "confirmation-leaving", merak.url, async (page) => {
    await stay(page, `${url}/confirmation`);
    await page.locator("[data-outcome=leaving]").getByRole("link", { name: "Continue to seller.example" }).waitFor();
  });
});

test("what is changed is put into the page, and paying goes on to the keys", { timeout: 120000 }, async () => {
  const faults = [];
  const url = await shop.checkout(await rich());
  const page = await strictPage(browser, faults);
  await page.goto(url);
  await page.getByText("$90.00 a year").click();
  await page.getByRole("button", { name: "Pay $90.00" }).waitFor();
  await fill(page);
  await pay(page);
  await page.getByRole("heading", { name: "Thank you" }).waitFor();
  await page.getByText("License key", { exact: true }).waitFor();
  assert.match(page.url(), /customer_session_token=polar_cst_/);
  assert.deepEqual(faults, []);
  const bought = page.url();
  await page.context().close();
  await look(browser, "confirmation-bought", bought);
});

test("a problem of a field stands beside it while it is typed", { timeout: 60000 }, async () => {
  const faults = [];
  const page = await strictPage(browser, faults);
  await page.goto(await shop.checkout({ prices: [chosen] }));
  await page.getByLabel("What you pay").fill("1");
  await page.getByText("The least amount is").waitFor();
  assert.equal(await page.getByLabel("What you pay").getAttribute("aria-invalid"), "true");
  assert.equal(await page.getByLabel("What you pay").inputValue(), "1");
  await page.getByLabel("What you pay").fill("12.50");
  await page.getByRole("button", { name: "Pay $12.50" }).waitFor();
  assert.equal(await page.getByText("The least amount is").count(), 0);
  assert.deepEqual(faults, []);
  await page.context().close();
});

test("a declined card is told, and the bank is asked", { timeout: 120000 }, async () => {
  const faults = [];
  const page = await strictPage(browser, faults);
  await page.goto(await shop.checkout({ prices: [once(2900)] }));
  await fill(page, "4000000000000002");
  await pay(page);
  await page.getByText("Your card was declined.").waitFor();
  await page.getByLabel("Card number").fill("4000002500003155");
  await pay(page);
  await page.getByRole("button", { name: "Approve" }).click();
  await page.getByRole("heading", { name: "Thank you" }).waitFor();
  await page.getByText("View your purchases").waitFor();
  assert.deepEqual(faults, []);
  await page.context().close();
});

test("all goes without a script", { timeout: 60000 }, async () => {
  const page = await strictPage(browser, [], { javaScriptEnabled: false });
  await page.goto(await shop.checkout({ prices: [once(2900)] }));
  await fill(page);
  await pay(page);
  await page.getByRole("heading", { name: "Thank you" }).waitFor();
  await page.context().close();
});

/** A customer who has signed in and saved these cards in the portal; the cookies of their browser. */
async function known(email, ...numbers) {
  await shop.make("customers", { email, name: "Grace Hopper", billing_address: { country: "FR" } });
  const page = await strictPage(browser, []);
  await page.goto(`${merak.url}/fjordsoft/portal/request`);
  await page.getByLabel("E-mail").fill(email);
  await page.getByRole("button", { name: "Send me a code" }).click();
  await page.getByLabel("Code").fill(await code(mails, email));
  await page.locator("form button").first().click();
  await page.getByText("Add a card").waitFor();
  for (const number of numbers) {
    await page.getByText("Add a card").click();
    await page.getByLabel("Card number").fill(number);
    await page.getByLabel("Expires").fill("12 / 40");
    await page.getByLabel("Security code").fill("123");
    await page.getByRole("button", { name: "Save card" }).click();
    await page.getByText("The card was saved.").waitFor();
  }
  const cookies = await page.context().cookies();
  await page.context().close();
  return cookies;
}

async function linked() {
  const product = await shop.make("products", { name: "Fjord Editor", prices: [once(2900)] });
  return shop.call("POST", "/v1/checkout-links/", { payment_processor: "stripe", product_id: product.id });
}

test("a link leads to a checkout, and what leads nowhere says so", { timeout: 300000 }, async () => {
  const faults = [];
  const link = await linked();
  const page = await strictPage(browser, faults);
  await page.goto(`${link.url}?customer_email=ada@example.com`);
  assert.ok(page.url().startsWith(`${merak.url}/checkout/`), page.url());
  assert.equal(await page.getByLabel("E-mail").inputValue(), "ada@example.com");
  await fill(page);
  await pay(page);
  await page.getByRole("heading", { name: "Thank you" }).waitFor();

  await shop.call("PATCH", `/v1/products/${link.product_id}`, { is_archived: true });
  const tells = async (url, status, heading) => {
    assert.equal((await page.goto(url)).status(), status);
    await page.getByRole("heading", { level: 1, name: heading }).waitFor();
  };
  await tells(link.url, 422, "This cannot be bought right now");
  await look(browser, "link-not-sold", link.url);
  const unknown = link.url.replace(link.client_secret, "polar_cl_unknown");
  await tells(unknown, 404, "There is nothing to buy here");
  await look(browser, "link-withdrawn", unknown);
  const program = await fetch(unknown);
  assert.equal((await program.json()).error, "ResourceNotFound", "programs are told as before");
  assert.deepEqual(faults, []);
  await page.context().close();
});

test("who follows links too fast is told by a page", { timeout: 120000 }, async () => {
  const strict = await Merak.start("sqlite", { MERAK_RATE_LIMIT_PER_ADDRESS: "1" });
  const link = `${strict.url}/v1/checkout-links/polar_cl_unknown/redirect`;
  await look(browser, "link-too-often", link, async (page) => {
    for (let tries = 0; tries < 50 && (await page.goto(link)).status() !== 429; tries++);
    await page.getByRole("heading", { name: "Please wait a moment" }).waitFor();
  });
  await strict.stop();
});

test("who is signed in pays with a saved card, with and without a script", { timeout: 300000 }, async () => {
  const cookies = await known("grace@example.com", "4242424242424242", "5555555555554444");
  for (const javaScriptEnabled of [true, false]) {
    const faults = [];
    const url = await shop.checkout({ prices: [once(2900)] });
    const page = await strictPage(browser, faults, { javaScriptEnabled });
    await page.goto(url);
    assert.equal(await page.getByText("ending in").count(), 0, "nobody is signed in yet");
    await page.context().addCookies(cookies);
    await page.goto(url);
    assert.ok(await page.getByLabel("Mastercard ending in 4444").isChecked(), "the newest is chosen");
    const number = page.getByLabel("Card number");
    assert.ok(!await number.isVisible());
    await page.getByLabel("Another card").check();
    assert.ok(await number.isVisible());
    await page.getByLabel("Visa ending in 4242").check();
    assert.ok(!await number.isVisible());
    // Whatever is blank is known of them.
    await pay(page);
    await page.getByRole("heading", { name: "Thank you" }).waitFor();
    await page.getByText("grace@example.com").waitFor();
    assert.deepEqual(faults, []);
    await page.context().close();
  }
  const url = await shop.checkout({ prices: [each("month", 900)] });
  const come = (then) => async (page) => {
    await page.context().addCookies(cookies);
    await page.goto(url);
    await then(page);
  };
  await look(browser, "checkout-saved-cards", url, come(async () => {}));
  await look(browser, "checkout-saved-cards-another", url, come((page) => page.getByLabel("Another card").check()));
  const left = await strictPage(browser, []);
  await left.context().addCookies(cookies);
  await left.goto(url);
  const other = await left.context().newPage();
  await other.goto(`${merak.url}/fjordsoft/portal`);
  await other.getByRole("button", { name: "Sign out" }).click();
  await other.getByText("You are signed out").waitFor();
  await pay(left);
  await left.getByText("You are not signed in any more").waitFor();
  assert.equal(await left.getByText("ending in").count(), 0);
  await left.getByLabel("Card number").waitFor();
  await left.context().close();
});

/** A page of a seller, on an origin of its own. */
async function seller(html) {
  const server = createServer((_, response) => {
    response.setHeader("content-type", "text/html");
    response.end(`<!doctype html><html lang="en"><meta name="viewport" content="width=device-width"><title>Seller</title><body><h1>Seller</h1>${html()}</body>`);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { origin: `http://127.0.0.1:${server.address().port}`, close: () => server.close() };
}

test("a seller shows the checkout over a page of their own", { timeout: 120000 }, async () => {
  let url = "";
  const page_ = await seller(() =>
    `<script src="${merak.url}/embed/checkout.js" data-auto-init></script>
     <a href="${url}" data-polar-checkout data-polar-checkout-theme="light">Buy</a>`);
  url = await shop.checkout({ prices: [once(2900)] }, { embed_origin: page_.origin });
  const faults = [];
  const page = await strictPage(browser, faults, { colorScheme: "dark" });
  const isLight = async () => {
    assert.equal(await frame.locator("html").getAttribute("data-theme"), "light");
    assert.equal(await frame.locator(".shop-main").evaluate((main) => getComputedStyle(main).colorScheme), "light");
  };
  await page.goto(page_.origin);
  await page.evaluate(() => {
    window.heard = [];
    addEventListener("message", ({ data }) => window.heard.push(data));
  });
  await page.getByText("Buy").click();
  const frame = page.frameLocator("iframe");
  await frame.getByRole("button", { name: "Pay $29.00" }).waitFor();
  await isLight();
  await frame.getByRole("button", { name: "Close" }).click();
  await page.locator("iframe").waitFor({ state: "detached" });

  await page.getByText("Buy").click();
  await fill(frame, "4000002500003155");
  await pay(frame);
  await frame.getByRole("button", { name: "Approve" }).click();
  await frame.getByRole("heading", { name: "Thank you" }).waitFor();
  await page.waitForFunction(() => heard.at(-1)?.event === "success");
  await isLight();
  const heard = await page.evaluate(() => window.heard);
  assert.ok(heard.every(({ type }) => type === "POLAR_CHECKOUT"));
  const events = heard.map(({ event }) => event).filter((event, at, all) => event !== all[at - 1]);
  assert.deepEqual(events, ["loaded", "close", "loaded", "confirmed", "loaded", "success"]);
  assert.equal(heard.at(-1).redirect, false);
  assert.match(heard.at(-1).successURL, /\/confirmation\?customer_session_token=/);
  assert.deepEqual(faults, []);
  await page.context().close();
  page_.close();
});

/** Opens a page of a seller, and the checkout at this address over it. Its events are in `window.heard`. */
async function opened(page_, url) {
  const page = await strictPage(browser, []);
  await page.goto(page_.origin);
  await page.evaluate(async (url) => {
    window.heard = [];
    addEventListener("message", ({ data }) => window.heard.push(data.event));
    window.open_ = Polar.EmbedCheckout.create(url).then((checkout) => { window.checkout = checkout; });
  }, url);
  return page;
}

test("whoever looks elsewhere leaves, but not while they pay", { timeout: 120000 }, async () => {
  const page_ = await seller(() => `<script src="${merak.url}/embed/checkout.js"></script>`);
  const url = await shop.checkout({ prices: [once(2900)] }, { embed_origin: page_.origin });
  const beside = (frame) => frame.locator("html").click({ position: { x: 4, y: 300 } });
  const escape = (frame) => frame.getByLabel("E-mail").press("Escape");
  for (const leave of [beside, escape]) {
    const page = await opened(page_, url);
    const frame = page.frameLocator("iframe");
    await frame.getByRole("button", { name: "Pay $29.00" }).waitFor();
    // What is pressed within the form is no wish to leave.
    await frame.getByText("Fjord Editor").first().click();
    assert.deepEqual(await page.evaluate(() => heard), ["loaded"]);
    await leave(frame);
    await page.locator("iframe").waitFor({ state: "detached" });
    assert.equal(await page.evaluate(() => document.body.style.overflow), "");
    await page.context().close();
  }
  const page = await opened(page_, url);
  const frame = page.frameLocator("iframe");
  await fill(frame, "4000000000000408");
  await pay(frame);
  await frame.locator("[data-outcome=waiting]").waitFor();
  // The script of this page listens.
  await page.waitForFunction(() => heard.filter((event) => event === "loaded").length === 2);
  await beside(frame);
  await frame.locator("html").press("Escape");
  await page.waitForFunction(() => heard.filter((event) => event === "close").length === 2);
  assert.equal(await page.locator("iframe").count(), 1);
  await page.context().close();
  page_.close();
});

test("a seller's page prevents what is done about an event", { timeout: 120000 }, async () => {
  const page_ = await seller(() => `<script src="${merak.url}/embed/checkout.js"></script>`);
  const prevent = (page, event) => page.evaluate(async (event) => {
    await open_;
    checkout.addEventListener(event, (each) => { each.preventDefault(); window.prevented = each.detail; }, { once: true });
  }, event);
  const prevented = (page, event) => page.waitForFunction((event) => window.prevented?.event === event, event);

  const url = await shop.checkout({ prices: [once(2900)] }, { embed_origin: page_.origin });
  let page = await opened(page_, url);
  let frame = page.frameLocator("iframe");
  await prevent(page, "close");
  await frame.getByRole("button", { name: "Close" }).click();
  await prevented(page, "close");
  assert.equal(await page.locator("iframe").count(), 1, "the first time was prevented");
  await prevent(page, "confirmed");
  await fill(frame, "4000000000000408");
  await pay(frame);
  await prevented(page, "confirmed");
  await frame.locator("[data-outcome=waiting]").waitFor();
  await frame.getByRole("button", { name: "Close" }).click();
  await page.locator("iframe").waitFor({ state: "detached" });
  await page.context().close();

  const success_url = `${page_.origin}/thanks`;
  page = await opened(page_, await shop.checkout({ prices: [free] }, { embed_origin: page_.origin, success_url }));
  frame = page.frameLocator("iframe");
  await prevent(page, "success");
  await frame.getByLabel("E-mail").fill("ada@example.com");
  await pay(frame);
  await prevented(page, "success");
  const { successURL, redirect } = await page.evaluate(() => prevented);
  assert.ok(successURL.startsWith(success_url) && redirect);
  assert.equal(new URL(page.url()).pathname, "/", "it went nowhere");
  await page.context().close();
  page_.close();
});

test("a link opens over a seller's page, and one that leads nowhere can be left", { timeout: 120000 }, async () => {
  const { url, client_secret } = await linked();
  const page_ = await seller(() => `<script src="${merak.url}/embed/checkout.js"></script>`);
  const page = await opened(page_, url);
  const frame = page.frameLocator("iframe");
  await fill(frame);
  await pay(frame);
  await frame.getByRole("heading", { name: "Thank you" }).waitFor();
  await page.waitForFunction(() => heard.at(-1) === "success");
  await frame.getByRole("button", { name: "Close" }).click();
  await page.locator("iframe").waitFor({ state: "detached" });
  await page.context().close();
  for (const leave of [(page) => page.mouse.click(640, 400), (page) => page.keyboard.press("Escape")]) {
    const lost = await opened(page_, url.replace(client_secret, "polar_cl_unknown"));
    await lost.locator("iframe").waitFor();
    await leave(lost);
    await lost.locator("iframe").waitFor({ state: "detached" });
    assert.equal(await lost.getByRole("status").count(), 0);
    await lost.context().close();
  }
  page_.close();
});

test("a declined card does not lock the buyer in", { timeout: 120000 }, async () => {
  let url = "";
  const page_ = await seller(() =>
    `<script src="${merak.url}/embed/checkout.js" data-auto-init></script><a href="${url}" data-polar-checkout>Buy</a>`);
  url = await shop.checkout({ prices: [once(2900)] }, { embed_origin: page_.origin });
  const faults = [];
  const page = await strictPage(browser, faults);
  await page.goto(page_.origin);
  const frame = page.frameLocator("iframe");
  for (const decline of [false, true]) {
    await page.getByText("Buy").click();
    await frame.getByRole("button", { name: "Pay $29.00" }).waitFor();
    await page.evaluate(() => {
      window.heard = [];
      addEventListener("message", ({ data }) => window.heard.push(data.event));
    });
    if (decline) {
      await fill(frame, "4000000000000002");
      await pay(frame);
      await frame.getByText("Your card was declined.").waitFor();
      assert.deepEqual(await page.evaluate(() => window.heard.includes("confirmed")), true);
    }
    await frame.getByRole("button", { name: "Close" }).click();
    await page.locator("iframe").waitFor({ state: "detached" });
  }
  assert.deepEqual(faults, []);
  await page.context().close();
  page_.close();
});

// Stripe's own script cannot be reached from a test; this one finds every card incomplete.
const STRIPE = `window.Stripe = () => ({ elements: () => ({
  create: () => ({ mount() {} }), update() {}, submit: async () => ({ error: { message: "Your card number is incomplete." } }),
}) });`;

test("a card that Stripe's form refuses does not lock the buyer in", { timeout: 120000 }, async () => {
  const elsewhere = await Merak.start("sqlite", {
    MERAK_PAYMENT_PROCESSOR: "stripe", MERAK_STRIPE_SECRET_KEY: "sk_test_1", MERAK_STRIPE_PUBLISHABLE_KEY: "pk_test_1",
    MERAK_STRIPE_WEBHOOK_SECRET: "whsec_1", MERAK_STRIPE_API_URL: "http://127.0.0.1:9",
  });
  const theirs = await Shop.open(elsewhere);
  let url = "";
  const page_ = await seller(() =>
    `<script src="${elsewhere.url}/embed/checkout.js" data-auto-init></script><a href="${url}" data-polar-checkout>Buy</a>`);
  url = await theirs.checkout({ prices: [once(2900)] }, { embed_origin: page_.origin, payment_processor: "stripe" });
  const page = await strictPage(browser, []);
  await page.route("https://js.stripe.com/**", (route) => route.fulfill({ contentType: "text/javascript", body: STRIPE }));
  await page.goto(page_.origin);
  await page.getByText("Buy").click();
  const frame = page.frameLocator("iframe");
  await frame.getByLabel("E-mail").fill("ada@example.com");
  await pay(frame);
  await frame.getByText("Your card number is incomplete.").waitFor();
  await frame.getByRole("button", { name: "Close" }).click();
  await page.locator("iframe").waitFor({ state: "detached" });
  await page.context().close();
  page_.close();
  await elsewhere.stop();
});

test("the form over a page of a seller looks well", { timeout: 120000 }, async () => {
  let url = "";
  const page_ = await seller(() =>
    `<script src="${merak.url}/embed/checkout.js" data-auto-init></script><a href="${url}" data-polar-checkout>Buy</a>`);
  url = await shop.checkout(await rich(), { embed_origin: page_.origin });
  await look(browser, "embed", page_.origin, async (page) => {
    await page.getByText("Buy").click();
    await page.frameLocator("iframe").getByRole("button", { name: /^Pay/ }).waitFor();
  });
  await look(browser, "embed-bought", page_.origin, async (page) => {
    url = await shop.checkout({ prices: [free] }, { embed_origin: page_.origin });
    await page.reload();
    await page.getByText("Buy").click();
    const frame = page.frameLocator("iframe");
    await frame.getByLabel("E-mail").fill("ada@example.com");
    await pay(frame);
    await frame.getByRole("heading", { name: "Thank you" }).waitFor();
  });
  page_.close();
});

test("a seller's own page of success is gone to by the page around", { timeout: 60000 }, async () => {
  let url = "";
  const page_ = await seller(() =>
    `<script src="${merak.url}/embed/checkout.js"></script><p data-merak-checkout="${url}">Buy</p>
     <script>Polar.EmbedCheckout.init()</script>`);
  url = await shop.checkout({ prices: [free] }, { embed_origin: page_.origin, success_url: `${page_.origin}/thanks` });
  const page = await strictPage(browser, []);
  await page.goto(page_.origin);
  await page.getByText("Buy").click();
  const frame = page.frameLocator("iframe");
  await frame.getByLabel("E-mail").fill("ada@example.com");
  await pay(frame);
  await page.waitForURL(/\/thanks\?customer_session_token=/);
  await page.context().close();
  page_.close();
});

test("nobody else shows it in a frame", { timeout: 60000 }, async () => {
  const url = await shop.checkout({ prices: [free] }, { embed_origin: "https://seller.example" });
  const page_ = await seller(() => `<iframe src="${url}?embed=true"></iframe>`);
  const page = await strictPage(browser, []);
  await page.goto(page_.origin);
  await page.waitForTimeout(1000);
  assert.equal(await page.frameLocator("iframe").locator("[data-checkout]").count(), 0);
  await page.context().close();
  page_.close();
});
