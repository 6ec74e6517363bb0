"""Paths as clients of other years spell them reach the same operations."""

import pytest

from harness import Shop


@pytest.fixture
def engine() -> str:
    return "sqlite"


def test_lists_of_keys_are_answered_with_and_without_a_slash(shop: Shop) -> None:
    customer = shop.customer()
    key = shop.grant(shop.benefit(), customer)
    portal = shop.portal(customer)
    for http, path in ((shop.http, "/v1/license-keys"), (portal, "/v1/customer-portal/license-keys")):
        for spelling in (path, f"{path}/"):
            response = http.get(spelling)
            assert response.status_code == 200, f"{spelling}: {response.text}"
            assert [each["id"] for each in response.json()["items"]] == [key.id]


@pytest.mark.parametrize("prefix", ["/v1/users", "/api/v1/customer-portal", "/api/v1/users"])
def test_old_prefixes_reach_the_portal(shop: Shop, prefix: str) -> None:
    customer = shop.customer()
    key = shop.grant(shop.benefit(activations=1), customer)
    path = f"{prefix}/license-keys"
    activated = shop.http.post(f"{path}/activate", json={**key.naming, "label": "laptop"})
    assert activated.status_code == 200, activated.text
    naming = {**key.naming, "activation_id": activated.json()["id"]}
    assert shop.http.post(f"{path}/validate", json=naming).status_code == 200
    assert shop.http.post(f"{path}/deactivate", json=naming).status_code == 204
    assert shop.portal(customer).get(f"{path}/{key.id}").json()["id"] == key.id
