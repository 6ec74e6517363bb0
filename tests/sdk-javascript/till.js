// What a sale takes: prices, a browser that confirms with cards of the sandbox, and what was bought.

import assert from "node:assert/strict";
import { Polar } from "@polar-sh/sdk";
import { HTTPValidationError } from "@polar-sh/sdk/models/errors/httpvalidationerror.js";

export const NOBODY = "3f2c1d8e-5b6a-4c7d-8e9f-0a1b2c3d4e5f";

export const once = (priceAmount) => ({ type: "one_time", amountType: "fixed", priceAmount });
export const each = (recurringInterval, priceAmount) =>
  ({ type: "recurring", recurringInterval, amountType: "fixed", priceAmount });

export const ids = (items) => items.map((item) => item.id);

/** Where the problems of a rejected call are. */
export function at(...places) {
  return (error) => {
    assert.ok(error instanceof HTTPValidationError, `${error}`);
    assert.deepEqual(error.detail.map(({ loc }) => loc), places);
    return true;
  };
}

/** What sells and buys on this server. */
export function till(merak) {
  const browser = new Polar({ serverURL: merak.url });

  function product(shop, name, ...prices) {
    return shop.polar.products.create({ name, organizationId: shop.organization.id, prices });
  }

  /** Confirms a checkout with a card of the sandbox. */
  function confirm({ clientSecret }, card, more = {}) {
    return browser.checkouts.custom.clientConfirm({
      clientSecret,
      checkoutConfirmStripe: {
        customerName: "Ada",
        customerEmail: "ada@example.com",
        customerBillingAddress: { country: "FR" },
        confirmationTokenId: `ctoken_sandbox_${card}`,
        ...more,
      },
    });
  }

  /** Buys, and answers the checkout as its seller sees it then. */
  async function buy(shop, request, more = {}) {
    const { custom } = shop.polar.checkouts;
    const made = await custom.create(request);
    const confirmed = await confirm(made, "success", more);
    assert.equal(confirmed.status, "confirmed");
    const bought = await custom.get({ id: made.id });
    assert.equal(bought.status, "succeeded");
    return { ...bought, token: confirmed.customerSessionToken };
  }

  const portal = (token) => new Polar({ serverURL: merak.url, accessToken: token }).customerPortal;

  return { browser, product, confirm, buy, portal };
}
