// Accounts elsewhere that a customer connects in the portal, and chooses from. Discord is played.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, test } from "node:test";

import { launch, look, strictPage } from "./browser.js";
import { Merak } from "./merak.js";
import { Shop, once } from "./shop.js";

const ROLES = [["10", "@everyone", 0], ["11", "Buyers", 1], ["13", "Merak", 2]];

let merak, shop, browser, discord, portal;
/** Who has which roles, and who agrees next to a connection. */
const members = new Map([["900", ["13"]]]);
let next = "500";

// What Discord answers to our server. A token is the account that it is for.
function answer(method, path, form, authorization) {
  const [what, id, more, user, , role] = path.split("/").slice(3);
  if (what === "oauth2") {
    const token = { token_type: "Bearer", access_token: form.get("code"), refresh_token: form.get("code"), expires_in: 604800, scope: "identify" };
    return { ...token, ...(form.get("code") === "bot" && { guild: { id: "10", name: "Fjordsoft" } }) };
  }
  const account = authorization.startsWith("Bearer ") ? authorization.slice(7) : "900";
  if (what === "users") return { id: account, username: account === "900" ? "merak" : `ada-${account}` };
  assert.deepEqual([what, id], ["guilds", "10"]);
  if (!more) return { id, name: "Fjordsoft", roles: ROLES.map(([id, name, position]) => ({ id, name, position, color: 0, managed: false })) };
  if (method === "GET") return members.has(user) && { user: { id: user }, roles: members.get(user) };
  if (!role) members.set(user, members.get(user) ?? ["11"]);
  else members.set(user, method === "PUT" ? [role] : []);
  return {};
}

before(async () => {
  discord = createServer(async (request, response) => {
    const url = new URL(request.url, "http://discord.example");
    if (url.pathname === "/oauth2/authorize") {
      // Whoever comes agrees.
      const back = new URL(url.searchParams.get("redirect_uri"));
      const isSeller = url.searchParams.get("scope").includes("bot");
      back.search = new URLSearchParams({ code: isSeller ? "bot" : next, state: url.searchParams.get("state"), guild_id: "10" });
      response.writeHead(302, { location: back.href }).end();
      return;
    }
    let body = "";
    for await (const part of request) body += part;
    const found = answer(request.method, url.pathname, new URLSearchParams(body), request.headers.authorization);
    response.writeHead(found ? 200 : 404, { "content-type": "application/json" });
    response.end(JSON.stringify(found || { message: "Unknown Member", code: 10007 }));
  });
  await new Promise((resolve) => discord.listen(0, "127.0.0.1", resolve));
  merak = await Merak.start("sqlite", {
    MERAK_DISCORD_URL: `http://127.0.0.1:${discord.address().port}`,
    MERAK_DISCORD_CLIENT_ID: "client", MERAK_DISCORD_CLIENT_SECRET: "secret", MERAK_DISCORD_BOT_TOKEN: "bot",
  });
  shop = await Shop.open(merak);
  browser = await launch();
  portal = await sell();
});

after(async () => {
  await browser?.close();
  await merak?.stop();
  discord?.close();
});

// A role that somebody has bought; the address of their portal.
async function sell() {
  const page = await strictPage(browser, []);
  const { pathname, search } = new URL(merak.cli("user", "login-link", "--user", "nora@example.com").url);
  await page.goto(merak.url + pathname + search);
  await page.goto(`${merak.url}/v1/integrations/discord/bot/authorize?return_to=/`);
  const guild_token = new URL(page.url()).searchParams.get("guild_token");
  await page.context().close();
  const role = await shop.make("benefits", { type: "discord", description: "The room for buyers", properties: { guild_token, role_id: "11" } });
  const room = await shop.make("benefits", { type: "ads", description: "Your picture on our front page", properties: { image_width: 400, image_height: 200 } });
  const product = await shop.make("products", { name: "Friends of the fjord", prices: [once(2900)] });
  await shop.call("POST", `/v1/products/${product.id}/benefits`, { benefits: [role.id, room.id] });
  const checkout = await shop.call("POST", "/v1/checkouts/custom/", { product_id: product.id });
  await shop.call("POST", `/v1/checkouts/custom/client/${checkout.client_secret}/confirm`, {
    customer_name: "Ada Lovelace", customer_email: "ada@example.com", customer_billing_address: { country: "FR" },
    confirmation_token_id: "ctoken_sandbox_success",
  });
  const { items } = await shop.call("GET", "/v1/customers/");
  const { token } = await shop.call("POST", "/v1/customer-sessions/", { customer_id: items[0].id });
  return `${merak.url}/fjordsoft/portal?customer_session_token=${token}`;
}

test("a customer connects accounts and chooses one, with and without a script", { timeout: 300000 }, async () => {
  const first = await strictPage(browser, []);
  await first.goto(portal);
  await first.getByText("Connect an account").waitFor();
  await first.context().close();
  await look(browser, "portal-account-connect", portal);
  for (const [account, javaScriptEnabled] of [["500", true], ["600", false]]) {
    const faults = [];
    const page = await strictPage(browser, faults, { javaScriptEnabled });
    await page.goto(portal);
    next = account;
    await page.getByRole("link", { name: account === "500" ? "Connect Discord" : "Connect another account" }).click();
    await page.waitForURL(/\/fjordsoft\/portal$/);
    if (account === "500") await page.getByText("Choose an account").waitFor();
    await page.getByLabel("Discord account").selectOption(`ada-${account}`);
    if (account === "500") await look(browser, "portal-account-choose", portal);
    await page.getByRole("button", { name: "Use this account" }).click();
    await page.getByText("The account was chosen").waitFor();
    for (let tries = 0; tries < 400 && members.get(account)?.[0] !== "11"; tries++) await page.waitForTimeout(100);
    assert.deepEqual(members.get(account), ["11"]);
    // With a script it tells by itself; without one it does when it is looked at again.
    if (!javaScriptEnabled) {
      for (let tries = 0; tries < 50 && !await page.getByText("Connected", { exact: true }).count(); tries++) await page.reload();
    }
    await page.getByText("Connected", { exact: true }).waitFor();
    assert.equal(await page.getByLabel("Discord account").inputValue(), account);
    assert.deepEqual(faults, []);
    await page.context().close();
  }
  assert.deepEqual(members.get("500"), [], "the role has moved");
  await look(browser, "portal-account-connected", portal);
});
