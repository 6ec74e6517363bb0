// A merchant with an organization, and what he sells, made through the SDK.

import { Polar } from "@polar-sh/sdk";

let shops = 0;

export class Shop {
  /** Opens a shop: the merchant and his token come from the command line, all else from the SDK. */
  static async open(merak) {
    const shop = new Shop();
    shops += 1;
    const owner = `merchant-${shops}@example.com`;
    merak.cli("organization", "create", "--name", "Home", "--slug", `home-${shops}`, "--owner", owner);
    const { token } = merak.cli("token", "create", "--user", owner, "--all-scopes");
    shop.merak = merak;
    shop.owner = owner;
    shop.slug = `acme-${shops}`;
    shop.polar = new Polar({ serverURL: merak.url, accessToken: token });
    shop.organization = await shop.polar.organizations.create({ name: "Acme Software", slug: shop.slug });
    return shop;
  }

  /** A benefit whose grants are license keys. */
  benefit(properties) {
    return this.polar.benefits.create({
      type: "license_keys",
      description: "The application",
      organizationId: this.organization.id,
      properties,
    });
  }

  customer(email, name = "Jane Buyer") {
    return this.polar.customers.create({ email, name, organizationId: this.organization.id });
  }

  /** Grants a benefit on the command line and reads the new key through the SDK. */
  async grant(benefit, customer) {
    const grant = this.merak.cli("grant", "--benefit", benefit.id, "--customer", customer.id);
    return this.polar.licenseKeys.get({ id: grant.license_key.id });
  }

  /** Signs the merchant's browser in, and answers its cookie. */
  async signIn() {
    const { url } = this.merak.cli("user", "login-link", "--user", this.owner);
    const link = new URL(`/login${new URL(url).search}`, this.merak.url);
    const response = await fetch(link, { redirect: "manual" });
    return response.headers.getSetCookie()[0].split(";")[0];
  }

  /** A client with the rights of a customer of this shop. */
  async portal(customer) {
    const session = await this.polar.customerSessions.create({ customerId: customer.id });
    return new Polar({ serverURL: this.merak.url, accessToken: session.token });
  }

  /** What the anonymous operations on a key take. */
  naming(key) {
    return { key: key.key, organizationId: this.organization.id };
  }
}

/** Every item of every page of a list. */
export async function all(pages) {
  const items = [];
  for await (const page of await pages) items.push(...page.result.items);
  return items;
}
