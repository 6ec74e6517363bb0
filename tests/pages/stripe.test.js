// Checkouts and cards in the portal where Stripe takes the money: our part in a real browser. Stripe's script and Stripe itself are played.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { createServer } from "node:http";
import { after, before, test } from "node:test";

import { launch, look, stay, strictPage } from "./browser.js";
import { Merak } from "./merak.js";
import { Shop, once } from "./shop.js";

// What our scripts call of Stripe's. Its form is a sentence, and its bank says yes.
const SCRIPT = `
  window.Stripe = (key) => ({
    elements: (options) => ({
      create: (kind) => ({ mount: (place) => { place.textContent = ["Form of Stripe", key, options.mode, kind].join(" "); } }),
      submit: async () => ({}),
      update: () => {},
    }),
    createConfirmationToken: async () => window.token.startsWith("ctoken_")
      ? { confirmationToken: { id: window.token } } : { error: { message: "Your card number is incomplete." } },
    handleNextAction: async ({ clientSecret }) => {
      await fetch("https://api.stripe.com/approve", { method: "POST", body: clientSecret });
      return {};
    },
  });`;

let merak, shop, browser, portal, api;
const intents = new Map();
/** What was answered to a key. */
const answered = new Map();

function approve(secret) {
  const intent = intents.get(secret.replace(/_secret$/, ""));
  delete intent.next_action;
  Object.assign(intent, {
    status: "succeeded", latest_charge: { id: `ch_${intent.id}`, balance_transaction: { fee: 114, currency: "usd" } },
    payment_method: {
      id: `pm_${intent.id}`, type: "card", card: { brand: "visa", last4: "4242", exp_month: 8, exp_year: 2040, country: "US" },
    },
  });
  return intent;
}

// Tells the server as Stripe does, of a payment; whoever saves a card comes back with the word of it.
async function tell(intent) {
  if (intent.object !== "payment_intent") return;
  const created = Math.floor(Date.now() / 1000);
  const body = JSON.stringify({ id: `evt_${intent.id}`, type: "payment_intent.succeeded", created, data: { object: intent } });
  const signature = createHmac("sha256", "whsec_1").update(`${created}.${body}`).digest("hex");
  const headers = { "stripe-signature": `t=${created},v1=${signature}` };
  const { status } = await fetch(`${merak.url}/v1/integrations/stripe/webhook`, { method: "POST", headers, body });
  assert.ok(status < 300, `the event was answered by ${status}`);
}

// Customers, set-ups and payments. A card is good at once, or its bank asks: at an address, or by the script.
function answer(method, path, form) {
  if (method === "GET") return intents.get(path.split("/").at(-1));
  const object = path.endsWith("/setup_intents") ? "setup_intent" : path.endsWith("/payment_intents") && "payment_intent";
  if (!object) return { id: `cus_${answered.size}` };
  const id = `${object === "setup_intent" ? "seti" : "pi"}_${intents.size}`;
  const intent = {
    id, object, client_secret: `${id}_secret`, return_url: form.get("return_url"), status: "requires_action",
    amount: Number(form.get("amount")), currency: form.get("currency"), metadata: { reference: form.get("metadata[reference]") },
  };
  intents.set(id, intent);
  const token = form.get("confirmation_token");
  if (token === "ctoken_good") return approve(intent.client_secret);
  intent.next_action = token === "ctoken_address"
    ? { type: "redirect_to_url", redirect_to_url: { url: `https://bank.example/${id}` } } : { type: "use_stripe_sdk" };
  return intent;
}

before(async () => {
  api = createServer(async (request, response) => {
    let body = "";
    for await (const part of request) body += part;
    response.setHeader("content-type", "application/json");
    const key = request.headers["idempotency-key"] ?? Symbol("none");
    if (!answered.has(key)) answered.set(key, answer(request.method, request.url.split("?")[0], new URLSearchParams(body)));
    response.end(JSON.stringify(answered.get(key)));
  });
  await new Promise((resolve) => api.listen(0, "127.0.0.1", resolve));
  merak = await Merak.start("sqlite", {
    MERAK_PAYMENT_PROCESSOR: "stripe", MERAK_STRIPE_API_URL: `http://127.0.0.1:${api.address().port}`,
    MERAK_STRIPE_SECRET_KEY: "sk_test_1", MERAK_STRIPE_PUBLISHABLE_KEY: "pk_test_1", MERAK_STRIPE_WEBHOOK_SECRET: "whsec_1",
  });
  shop = await Shop.open(merak);
  const { id } = await shop.make("customers", { email: "ada@example.com" });
  const session = await shop.call("POST", "/v1/customer-sessions/", { customer_id: id });
  portal = `${merak.url}/fjordsoft/portal?customer_session_token=${session.token}`;
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await merak?.stop();
  api?.close();
});

async function play(page) {
  await page.route("https://js.stripe.com/**", (route) => route.fulfill({ contentType: "text/javascript", body: SCRIPT }));
  await page.route("https://api.stripe.com/approve", async (route) => {
    await tell(approve(route.request().postData()));
    return route.fulfill({ headers: { "access-control-allow-origin": "*" }, body: "" });
  });
  await page.route("https://bank.example/**", (route) => {
    const intent = approve(`${new URL(route.request().url()).pathname.slice(1)}_secret`);
    return route.fulfill({ contentType: "text/html", body: `<a href="${intent.return_url}">It is I</a>` });
  });
}

test("a card is typed into the form of Stripe, and its bank is asked", { timeout: 120000 }, async () => {
  const faults = [];
  const page = await strictPage(browser, faults);
  await play(page);
  await page.goto(portal);
  for (const token of ["incomplete", "ctoken_good", "ctoken_script", "ctoken_address"]) {
    await page.getByText("Add a card").click();
    await page.getByText("Form of Stripe pk_test_1 setup payment").waitFor();
    await page.evaluate((token) => { window.token = token; }, token);
    await page.getByRole("button", { name: "Save card" }).click();
    if (token === "incomplete") {
      await page.getByRole("alert").getByText("Your card number is incomplete.").waitFor();
      await page.goto(portal);
      continue;
    }
    if (token === "ctoken_address") {
      // The page that leads to the bank is not one to come back to.
      await page.getByText("It is I").waitFor();
      await page.goBack();
      await page.getByRole("heading", { name: "Your purchases" }).waitFor();
      await page.goForward();
      await page.getByText("It is I").click();
    }
    await page.getByText("The card was saved").waitFor();
  }
  assert.equal(await page.getByText("Visa ending in 4242").count(), 3);
  assert.deepEqual(faults, []);
  await page.context().close();
});

test("a purchase is approved by the script of Stripe, over the page", { timeout: 300000 }, async () => {
  const url = await shop.checkout({ prices: [once(2900)] }, { payment_processor: "stripe" });
  const faults = [];
  const page = await strictPage(browser, faults);
  await play(page);
  // The bank waits until the page was looked at.
  let answers;
  const seen = new Promise((resolve) => { answers = resolve; });
  await page.route("https://api.stripe.com/approve", async (route) => { await seen; await route.fallback(); });
  await page.goto(url);
  await page.getByText("Form of Stripe pk_test_1 payment payment").waitFor();
  await page.getByLabel("E-mail").fill("grace@example.com");
  await page.getByLabel("Name").fill("Grace Hopper");
  await page.getByLabel("Country").selectOption("FR");
  await page.evaluate(() => { window.token = "ctoken_script"; });
  await page.locator("button[value=pay]").click();
  await page.locator("[data-outcome=stripe]").getByRole("heading", { name: "Confirm with your bank" }).waitFor();
  await look(browser, "confirmation-stripe", merak.url, async (other) => {
    await play(other);
    await stay(other, `${url}/confirmation`);
    await other.locator("[data-outcome=stripe]").waitFor();
  });
  // Who waits already when the bank begins to ask is led to it.
  const early = await page.context().newPage();
  await play(early);
  await early.route("https://api.stripe.com/approve", () => {});
  await early.route(`${url}/confirmation`, async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, body: (await response.text()).replace('data-outcome="stripe"', 'data-outcome="waiting"') });
  }, { times: 1 });
  await early.goto(`${url}/confirmation`);
  await early.locator("[data-outcome=stripe]").waitFor();
  answers();
  await page.getByRole("heading", { name: "Thank you" }).waitFor();
  await page.getByText("grace@example.com").waitFor();
  assert.deepEqual(faults, []);
  await page.context().close();
});

test("the page before the bank looks well", { timeout: 120000 }, async () => {
  await look(browser, "portal-approve", `${merak.url}/fjordsoft/portal/request`, async (page) => {
    await play(page);
    await page.goto(portal);
    await page.getByText("Add a card").click();
    await page.getByText("Form of Stripe").waitFor();
    await page.evaluate(() => { window.token = "ctoken_address"; });
    await page.route("https://bank.example/**", (route) => route.fulfill({ contentType: "text/html", body: "The bank" }));
    let payment;
    page.on("request", (request) => { if (request.url().includes("/portal/payments/")) payment = request.url(); });
    await page.getByRole("button", { name: "Save card" }).click();
    // The page leads to the bank at once, but for who comes back without having answered.
    await page.getByText("The bank").waitFor();
    await page.goto(`${payment.split("?")[0]}?asked=true`);
    await page.getByRole("heading", { name: "Confirm with your bank" }).waitFor();
  });
});
