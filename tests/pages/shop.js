// A seller with something to sell, made through the API.

export class Shop {
  static async open(merak) {
    const shop = new Shop();
    shop.merak = merak;
    const owner = "nora@example.com";
    merak.cli("organization", "create", "--name", "Fjordsoft", "--slug", "fjordsoft", "--owner", owner);
    shop.token = merak.cli("token", "create", "--user", owner, "--all-scopes").token;
    const { items } = await shop.call("GET", "/v1/organizations/");
    shop.organization = items[0];
    return shop;
  }

  async call(method, path, body) {
    const response = await fetch(this.merak.url + path, {
      method,
      headers: { authorization: `Bearer ${this.token}`, "content-type": "application/json" },
      body: body && JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return response.json();
  }

  make(noun, body) {
    return this.call("POST", `/v1/${noun}/`, { organization_id: this.organization.id, ...body });
  }

  /** A checkout of a new product; its address. */
  async checkout(product, more = {}) {
    const { benefits = [], ...rest } = product;
    const made = await this.make("products", { name: "Fjord Editor", ...rest });
    if (benefits.length) await this.call("POST", `/v1/products/${made.id}/benefits`, { benefits });
    const checkout = await this.call("POST", "/v1/checkouts/custom/", { product_id: made.id, ...more });
    return `${this.merak.url}/checkout/${checkout.client_secret}`;
  }
}

export const once = (cents) => ({ type: "one_time", amount_type: "fixed", price_amount: cents });
export const each = (interval, cents) =>
  ({ type: "recurring", recurring_interval: interval, amount_type: "fixed", price_amount: cents });
export const free = { type: "one_time", amount_type: "free" };
export const chosen = { type: "one_time", amount_type: "custom", minimum_amount: 500, preset_amount: 1500 };
