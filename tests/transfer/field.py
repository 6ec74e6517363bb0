"""An app in the field, which knows a key, the organization's id and its own activation, and nothing else."""

from collections.abc import Sequence

import httpx

from harness import Server, Shop
from harness.shop import Key


class App:
    """One device on which a key is activated."""

    def __init__(self, key: Key, label: str, conditions: dict | None = None) -> None:
        self.naming = key.naming
        answer = key.activate(label=label, conditions=conditions or {}, meta={"cores": 8, "name": label})
        assert answer.status_code == 200, answer.text
        self.activation_id = answer.json()["id"]

    def validate(self, server: Server, **members: object) -> httpx.Response:
        body = {**self.naming, "activation_id": self.activation_id, **members}
        return httpx.post(f"{server.url}/v1/customer-portal/license-keys/validate", json=body, timeout=30)

    def deactivate(self, server: Server) -> httpx.Response:
        body = {**self.naming, "activation_id": self.activation_id}
        return httpx.post(f"{server.url}/v1/customer-portal/license-keys/deactivate", json=body, timeout=30)


def merchant(server: Server, shop: Shop) -> httpx.Client:
    """A client with the rights of the shop's merchant in the installation that it came into."""
    token = server.cli("token", "create", "--user", shop.owner, "--all-scopes")["token"]
    return shop.client(server, token)


def everything(http: httpx.Client, path: str, **query: object) -> list[dict]:
    """All pages of a list."""
    items: list[dict] = []
    for page in range(1, 10_000):
        answer = http.get(path, params={**query, "page": page, "limit": 100})
        assert answer.status_code == 200, answer.text
        items += answer.json()["items"]
        if page >= answer.json()["pagination"]["max_page"]:
            return items
    raise AssertionError("the list does not end")


def shown(http: httpx.Client) -> dict:
    """Everything that a merchant is shown of a shop, by ids."""
    found: dict = {path: by_id(everything(http, path)) for path in LISTS}
    for key_id, key in found["/v1/license-keys/"].items():
        key["activations"] = http.get(f"/v1/license-keys/{key_id}").json()["activations"]
    found["grants"] = {
        benefit_id: by_id(everything(http, f"/v1/benefits/{benefit_id}/grants"))
        for benefit_id in found["/v1/benefits/"]
    }
    return found


LISTS = (
    "/v1/organizations/",
    "/v1/custom-fields/",
    "/v1/benefits/",
    "/v1/products/",
    "/v1/discounts/",
    "/v1/checkout-links/",
    "/v1/customers/",
    "/v1/license-keys/",
)


def by_id(items: Sequence[dict]) -> dict[str, dict]:
    return {item["id"]: item for item in items}


def without_places(value: object) -> object:
    """What is shown, without what a server makes of its own address or its storage."""
    if isinstance(value, dict):
        return {name: without_places(each) for name, each in value.items() if name not in MADE_ANEW}
    return [without_places(each) for each in value] if isinstance(value, list) else value


MADE_ANEW = ("avatar_url", "url", "public_url", "path", "checksum_etag", "last_modified_at", "storage_version")
