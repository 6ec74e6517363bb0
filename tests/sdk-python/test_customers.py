"""Customers through the official Python SDK: every field, every order, the search, and errors as it types them."""

import pytest
from polar_sdk import models

from harness import Server
from harness.merchants import Merchant, every

NOBODY = "3f2c1d8e-5b6a-4c7d-8e9f-0a1b2c3d4e5f"

CARLA, ANNA, BRUNO, SURE = "carla@example.com", "anna@example.com", "bruno@example.org", "100%_sure@example.com"
PEOPLE = {CARLA: "Ångström", ANNA: "Zoë Ångström", BRUNO: None, SURE: "李小龙"}


@pytest.fixture
def merchant(server: Server) -> Merchant:
    merchant = Merchant(server, "acme")
    for email, name in PEOPLE.items():
        merchant.polar.customers.create(
            request={"email": email, "name": name, "organization_id": merchant.organization.id}
        )
    return merchant


def emails(merchant: Merchant, **wanted: object) -> list[str]:
    wanted.setdefault("organization_id", merchant.organization.id)
    return [customer.email for customer in every(merchant.polar.customers.list(**wanted))]


def test_customers_are_listed_in_every_order(merchant: Merchant) -> None:
    for sorting, expected in {
        "created_at": [CARLA, ANNA, BRUNO, SURE],
        "-created_at": [SURE, BRUNO, ANNA, CARLA],
        "email": [SURE, ANNA, BRUNO, CARLA],
        "-email": [CARLA, BRUNO, ANNA, SURE],
        "name": [ANNA, CARLA, SURE, BRUNO],
        "-name": [BRUNO, SURE, CARLA, ANNA],
    }.items():
        assert emails(merchant, sorting=[models.CustomerSortProperty(sorting)]) == expected, sorting
    assert emails(merchant) == [SURE, BRUNO, ANNA, CARLA]
    assert emails(merchant, limit=1) == [SURE, BRUNO, ANNA, CARLA]
    assert emails(merchant, organization_id=NOBODY) == []
    assert len(emails(merchant, organization_id=[merchant.organization.id, NOBODY])) == 4


def test_customers_are_found_by_a_part_of_address_or_name(merchant: Merchant) -> None:
    sorting = [models.CustomerSortProperty.CREATED_AT]
    for query, expected in {
        "EXAMPLE.COM": [CARLA, ANNA, SURE],
        "ångSTRÖM": [CARLA, ANNA],
        "小龙": [SURE],
        "龙": [SURE],
        "%_": [SURE],
        "zzz": [],
        "a": [CARLA, ANNA, BRUNO, SURE],
    }.items():
        assert emails(merchant, query=query, sorting=sorting) == expected, query


def test_a_customer_is_read_changed_and_deleted(merchant: Merchant) -> None:
    customers = merchant.polar.customers
    found = every(customers.list(query="bruno", organization_id=merchant.organization.id))
    (bruno,) = found
    assert customers.get(id=bruno.id).email == BRUNO
    changed = customers.update(
        id=bruno.id,
        customer_update={
            "email": "benno@example.org",
            "name": "Benno",
            "billing_address": {"country": "NO", "city": "Oslo"},
            "tax_id": ["NO123456789MVA", "no_vat"],
        },
    )
    assert (changed.email, changed.name, changed.billing_address.city) == ("benno@example.org", "Benno", "Oslo")
    assert emails(merchant, query="bruno") == []
    assert emails(merchant, query="BENNO") == ["benno@example.org"]
    with pytest.raises(models.HTTPValidationError):
        customers.update(id=bruno.id, customer_update={"email": ANNA})
    customers.delete(id=bruno.id)
    assert emails(merchant, query="benno") == []
    for call in (customers.get, customers.delete):
        with pytest.raises(models.ResourceNotFound):
            call(id=bruno.id)
