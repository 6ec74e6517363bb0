"""A merchant with an organization, and what he sells, made through the command line and raw HTTP."""

import itertools
import uuid
from collections.abc import Sequence

import httpx

from harness.server import Server

NUMBERS = itertools.count(1)


class Shop:
    """An organization with a merchant whose token has every scope."""

    def __init__(
        self, server: Server, name: str = "Acme Software", slug: str | None = None, owner: str | None = None
    ) -> None:
        self.number = next(NUMBERS)
        self.slug = slug or f"acme-{self.number}"
        self.owner = owner or f"merchant-{self.number}@example.com"
        self.server = server
        self.organization_id = server.cli(
            "organization", "create", "--name", name, "--slug", self.slug, "--owner", self.owner
        )["id"]
        self.token = server.cli("token", "create", "--user", self.owner, "--all-scopes")["token"]
        self.http = self.client(server)
        self._emails = itertools.count(1)

    def client(self, server: Server, token: str | None = None) -> httpx.Client:
        """A client of a server, with the merchant's rights unless another token is given."""
        headers = {"Authorization": f"Bearer {token or self.token}"}
        return httpx.Client(base_url=server.url, headers=headers, timeout=30)

    def move_to(self, server: Server) -> None:
        """Goes on with another server, or the same after its restart, on the same database."""
        self.server = server
        self.http = self.client(server)

    def benefit(
        self, activations: int | None = None, usage: int | None = None, prefix: str | None = "ACME"
    ) -> dict:
        limit = {"limit": activations, "enable_customer_admin": True} if activations else None
        body = {
            "type": "license_keys",
            "description": "The application",
            "organization_id": self.organization_id,
            "properties": {"prefix": prefix, "activations": limit, "limit_usage": usage},
        }
        return created(self.http.post("/v1/benefits/", json=body))

    def customer(self) -> dict:
        email = f"buyer-{self.number}-{next(self._emails)}@example.com"
        body = {"email": email, "organization_id": self.organization_id}
        return created(self.http.post("/v1/customers/", json=body))

    def key(self, activations: int | None = None, usage: int | None = None) -> "Key":
        """A license key of a new customer with the given limits."""
        return self.grant(self.benefit(activations, usage), self.customer())

    def grant(self, benefit: dict, customer: dict, order: bool = False) -> "Key":
        """The key of a benefit given by hand. Each order has a key of its own; without one it is always the same."""
        naming = ["--benefit", benefit["id"], "--customer", customer["id"]]
        if order:
            naming += ["--order", str(uuid.uuid4())]
        grant = self.server.cli("grant", *naming)
        return Key(self, grant["license_key"]["id"], grant["license_key"]["key"])

    def product(self, **price: object) -> dict:
        """A product with one price of a fixed amount."""
        prices = [{"amount_type": "fixed", "price_amount": 1000, **price}]
        body = {"name": "The application", "organization_id": self.organization_id, "prices": prices}
        return created(self.http.post("/v1/products/", json=body))

    def checkout(self, http: httpx.Client, product: dict, **members: object) -> dict:
        """A new checkout, through any client of the merchant."""
        return created(http.post("/v1/checkouts/custom/", json={"product_id": product["id"], **members}))

    def confirm(self, http: httpx.Client, checkout: dict) -> httpx.Response:
        """Confirms a checkout with a card of the sandbox, each for another buyer, through any client."""
        body = {
            "customer_name": "A buyer",
            "customer_email": f"{checkout['id']}@example.com",
            "customer_billing_address": {"country": "FR"},
            "confirmation_token_id": "ctoken_sandbox_success",
        }
        return http.post(f"/v1/checkouts/custom/client/{checkout['client_secret']}/confirm", json=body)

    def orders(self) -> list[dict]:
        """All orders of the shop, the oldest first: one that is made meanwhile moves none to another page."""
        orders, page = [], 0
        while True:
            page += 1
            query = {
                "organization_id": self.organization_id, "sorting": "created_at", "limit": 100, "page": page
            }
            response = self.http.get("/v1/orders/", params=query)
            assert response.status_code == 200, response.text
            orders += response.json()["items"]
            if page >= response.json()["pagination"]["max_page"]:
                return orders

    def portal(self, customer: dict) -> httpx.Client:
        """A client with the rights of a customer."""
        session = created(self.http.post("/v1/customer-sessions/", json={"customer_id": customer["id"]}))
        return self.client(self.server, session["token"])


class Key:
    """A license key, and the operations on it that need no credentials."""

    def __init__(self, shop: Shop, key_id: str, key: str) -> None:
        self.shop = shop
        self.id = key_id
        self.key = key
        self.naming = {"key": key, "organization_id": shop.organization_id}

    def read(self) -> dict:
        """The key with its activations, as the merchant sees it."""
        response = self.shop.http.get(f"/v1/license-keys/{self.id}")
        assert response.status_code == 200, response.text
        return response.json()

    def update(self, **changes: object) -> httpx.Response:
        return self.shop.http.patch(f"/v1/license-keys/{self.id}", json=changes)

    def call(self, http: httpx.Client, action: str, **members: object) -> httpx.Response:
        """Calls `activate`, `validate` or `deactivate` through any client."""
        return http.post(f"/v1/customer-portal/license-keys/{action}", json={**self.naming, **members})

    def activate(self, **members: object) -> httpx.Response:
        return self.call(self.shop.http, "activate", **{"label": "device", **members})

    def validate(self, **members: object) -> httpx.Response:
        return self.call(self.shop.http, "validate", **members)

    def deactivate(self, activation_id: str) -> httpx.Response:
        return self.call(self.shop.http, "deactivate", activation_id=activation_id)


def created(response: httpx.Response) -> dict:
    assert response.status_code == 201, response.text
    return response.json()


def statuses(responses: Sequence[httpx.Response]) -> dict[int, int]:
    """How often each status was answered."""
    found: dict[int, int] = {}
    for response in responses:
        found[response.status_code] = found.get(response.status_code, 0) + 1
    return found
