"""What a customer sees in the portal, as the official Python SDK sees it, and what an open page hears."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.request import Request, urlopen

import pytest
from polar_sdk import models

from harness import Server
from harness.merchants import Merchant, every

NOBODY = "3f2c1d8e-5b6a-4c7d-8e9f-0a1b2c3d4e5f"

PATIENCE_SECONDS = 20


@pytest.fixture
def merchant(server: Server) -> Merchant:
    return Merchant(server, "acme")


def note(merchant: Merchant, description: str) -> models.BenefitCustom:
    return merchant.polar.benefits.create(
        request={
            "type": "custom",
            "description": description,
            "organization_id": merchant.organization.id,
            "properties": {"note": "Thank you"},
        }
    )


def test_grants_are_sorted_and_filtered_and_nobody_elses(merchant: Merchant) -> None:
    first, second = note(merchant, "First note"), merchant.benefit(prefix="ACME")
    customer, other = merchant.customer("grants@example.com"), merchant.customer("other@example.com")
    for benefit, holder in [(first, customer), (second, customer), (first, other)]:
        merchant.server.cli("grant", "--benefit", benefit.id, "--customer", holder.id)
    portal = merchant.portal(customer).customer_portal

    def seen(**request: object) -> list[str]:
        return [grant.benefit.description for grant in every(portal.benefit_grants.list(**request))]

    assert seen() == ["The application", "First note"]
    assert seen(sorting=["granted_at"]) == ["First note", "The application"]
    assert seen(sorting=["type"], limit=1) == ["First note", "The application"]
    assert seen(sorting=["-type", "organization"]) == ["The application", "First note"]
    assert seen(type_filter="custom") == ["First note"]
    assert seen(benefit_id=[second.id, NOBODY]) == ["The application"]
    assert seen(organization_id=merchant.organization.id, type_filter=["ads"]) == []
    for filter_ in ("checkout_id", "order_id", "subscription_id"):
        assert seen(**{filter_: NOBODY}) == [], filter_

    (theirs,) = every(merchant.portal(other).customer_portal.benefit_grants.list())
    for refused in (
        lambda: portal.benefit_grants.get(id=theirs.id),
        lambda: portal.customers.get(id=other.id),
        lambda: portal.organizations.get(slug="nobody"),
    ):
        with pytest.raises(models.ResourceNotFound):
            refused()
    assert portal.customers.get(id=customer.id).oauth_accounts == {}
    assert portal.organizations.get(slug="ACME").slug == "acme"


def test_a_page_that_listens_hears_what_its_customer_gets(merchant: Merchant) -> None:
    benefit, customer = note(merchant, "Heard of"), merchant.customer("listener@example.com")
    token = merchant.polar.customer_sessions.create(request={"customer_id": customer.id}).token
    with listening(merchant.server, token) as messages:
        merchant.server.cli("grant", "--benefit", benefit.id, "--customer", customer.id)
        heard = next(messages)
        assert (heard["key"], heard["payload"]) == (
            "benefit.granted",
            {"benefit_id": benefit.id, "benefit_type": "custom"},
        )
        merchant.polar.benefits.delete(id=benefit.id)
        assert next(messages)["key"] == "benefit.revoked"


@contextmanager
def listening(server: Server, token: str) -> Iterator[Iterator[dict]]:
    """The messages to a customer from now on."""
    url = f"{server.url}/v1/customer-portal/customers/stream"
    request = Request(url, headers={"Authorization": f"Bearer {token}"})
    with urlopen(request, timeout=PATIENCE_SECONDS) as response:
        assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
        yield (json.loads(line[len(b"data: ") :]) for line in response if line.startswith(b"data: "))
