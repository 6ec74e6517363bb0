"""A license key from its sale to its end, as the official Python SDK sees it."""

import asyncio

import pytest
from polar_sdk import models

from harness import Server
from harness.merchants import Merchant, every

NOBODY = "3f2c1d8e-5b6a-4c7d-8e9f-0a1b2c3d4e5f"


@pytest.fixture
def merchant(server: Server) -> Merchant:
    return Merchant(server, "acme")


def test_a_key_is_sold_used_up_to_its_limits_and_disabled(merchant: Merchant) -> None:
    polar = merchant.polar
    benefit = merchant.benefit(
        prefix="ACME", activations={"limit": 2, "enable_customer_admin": True}, limit_usage=5
    )
    assert isinstance(benefit, models.BenefitLicenseKeys)
    customer = merchant.customer("jane@example.com")
    key = merchant.grant(benefit, customer)
    assert key.key.startswith("ACME-")
    assert key.display_key == f"****-{key.key[-6:]}"
    assert (key.status, key.limit_activations, key.limit_usage) == ("granted", 2, 5)
    assert key.activations == []

    listed = every(polar.license_keys.list(organization_id=merchant.organization.id))
    assert [each.id for each in listed] == [key.id]

    naming = merchant.naming(key)
    license_keys = polar.customer_portal.license_keys
    validated = license_keys.validate(request={**naming, "benefit_id": benefit.id, "customer_id": customer.id})
    assert (validated.id, validated.validations) == (key.id, 1)
    assert validated.last_validated_at is not None

    first = license_keys.activate(request={**naming, "label": "laptop"})
    assert (first.label, first.license_key.id) == ("laptop", key.id)
    second = license_keys.activate(request={**naming, "label": "desktop"})
    with pytest.raises(models.NotPermitted):
        license_keys.activate(request={**naming, "label": "phone"})

    on_laptop = license_keys.validate(request={**naming, "activation_id": first.id, "increment_usage": 2})
    assert (on_laptop.activation.id, on_laptop.usage) == (first.id, 2)

    license_keys.deactivate(request={**naming, "activation_id": first.id})
    with pytest.raises(models.ResourceNotFound):
        license_keys.deactivate(request={**naming, "activation_id": first.id})
    third = license_keys.activate(request={**naming, "label": "phone"})

    read = polar.license_keys.get(id=key.id)
    assert [each.id for each in read.activations] == [second.id, third.id]
    assert polar.license_keys.get_activation(id=key.id, activation_id=third.id).label == "phone"

    disabled = polar.license_keys.update(id=key.id, license_key_update={"status": "disabled"})
    assert disabled.status == "disabled"
    with pytest.raises(models.ResourceNotFound):
        license_keys.validate(request=naming)
    with pytest.raises(models.NotPermitted):
        license_keys.activate(request={**naming, "label": "tablet"})
    polar.license_keys.update(id=key.id, license_key_update={"status": "granted"})
    assert license_keys.validate(request=naming).status == "granted"


def test_the_customer_sees_keys_and_grants_in_the_portal(merchant: Merchant) -> None:
    benefit = merchant.benefit(activations={"limit": 1, "enable_customer_admin": True})
    customer = merchant.customer("portal@example.com")
    key = merchant.grant(benefit, customer)
    portal = merchant.portal(customer).customer_portal

    portal.license_keys.activate(request={**merchant.naming(key), "label": "laptop"})
    assert [each.id for each in every(portal.license_keys.list())] == [key.id]
    assert [each.label for each in portal.license_keys.get(id=key.id).activations] == ["laptop"]
    (grant,) = every(portal.benefit_grants.list())
    assert grant.properties.license_key_id == key.id
    assert portal.benefit_grants.get(id=grant.id).is_granted
    assert portal.customers.get(id=customer.id).email == "portal@example.com"
    assert portal.organizations.get(slug="acme").id == merchant.organization.id


def test_a_list_goes_on_page_by_page(merchant: Merchant) -> None:
    created = [merchant.customer(f"page-{letter}@example.com").email for letter in "abcde"]
    page = merchant.polar.customers.list(query="page-", limit=2, sorting=["email"])
    assert (page.result.pagination.total_count, page.result.pagination.max_page) == (5, 3)
    assert [each.email for each in every(page)] == created


def test_errors_have_the_classes_of_the_sdk(merchant: Merchant, server: Server) -> None:
    polar = merchant.polar
    license_keys = polar.customer_portal.license_keys
    with pytest.raises(models.ResourceNotFound):
        polar.license_keys.get(id=NOBODY)
    with pytest.raises(models.HTTPValidationError) as refused:
        license_keys.validate(request={"key": "none", "organization_id": "x"})
    assert [error.loc for error in refused.value.data.detail] == [["body", "organization_id"]]

    merchant.customer("twice@example.com")
    with pytest.raises(models.HTTPValidationError) as refused:
        merchant.customer("TWICE@example.com")
    assert [error.loc for error in refused.value.data.detail] == [["body", "email"]]

    other = Merchant(server, "other")
    key = other.grant(other.benefit(), other.customer("other@example.com"))
    with pytest.raises(models.Unauthorized):
        polar.license_keys.get(id=key.id)

    used_up = merchant.grant(merchant.benefit(limit_usage=1), merchant.customer("usage@example.com"))
    with pytest.raises(models.SDKError) as refused:
        license_keys.validate(request={**merchant.naming(used_up), "increment_usage": 2})
    assert refused.value.status_code == 400


def test_asynchronous_clients_share_a_limit(merchant: Merchant) -> None:
    benefit = merchant.benefit(activations={"limit": 3, "enable_customer_admin": False})
    key = merchant.grant(benefit, merchant.customer("many@example.com"))
    activate = merchant.polar.customer_portal.license_keys.activate_async

    async def activate_at_once() -> list:
        calls = (activate(request={**merchant.naming(key), "label": str(at)}) for at in range(16))
        return await asyncio.gather(*calls, return_exceptions=True)

    outcomes = asyncio.run(activate_at_once())
    refused = [outcome for outcome in outcomes if isinstance(outcome, models.NotPermitted)]
    assert len(refused) == 13, outcomes
    assert len(merchant.polar.license_keys.get(id=key.id).activations) == 3
