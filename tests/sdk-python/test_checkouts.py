"""Checkouts, as the official Python SDK sees them."""

import re
from collections.abc import Iterator

import pytest
from polar_sdk import Polar, models

from harness import Server

NOBODY = "3f2c1d8e-5b6a-4c7d-8e9f-0a1b2c3d4e5f"
ONCE = {"type": "one_time", "amount_type": "fixed", "price_amount": 1999}


class Seller:
    """A merchant with an organization of his own."""

    def __init__(self, server: Server, name: str) -> None:
        owner = f"{name}@example.com"
        server.cli("organization", "create", "--name", "Home", "--slug", f"home-{name}", "--owner", owner)
        token = server.cli("token", "create", "--user", owner, "--all-scopes")["token"]
        self.server = server
        self.polar = Polar(access_token=token, server_url=server.url)
        self.id = self.polar.organizations.create(request={"name": "Acme Software", "slug": name}).id

    def product(self) -> models.Product:
        body = {"name": "Desktop app", "organization_id": self.id, "prices": [ONCE]}
        return self.polar.products.create(request=body)

    def discount(self, product: models.Product) -> models.Discount:
        return self.polar.discounts.create(
            request={
                "type": "percentage",
                "duration": "once",
                "basis_points": 1000,
                "name": "Ten off",
                "organization_id": self.id,
                "products": [product.id],
            }
        )


def every(page) -> Iterator:
    """Every item of every page of a list."""
    while page is not None:
        yield from page.result.items
        page = page.next()


def places(error: pytest.ExceptionInfo) -> list[list]:
    return [problem.loc for problem in error.value.data.detail]


@pytest.fixture
def seller(server: Server) -> Seller:
    return Seller(server, "acme")


@pytest.fixture
def buyer(server: Server) -> Polar:
    """A browser, which has no credential of its own; the SDK wants one, which nobody looks at."""
    return Polar(access_token="none", server_url=server.url)


def test_a_checkout_is_made_read_changed_and_listed(seller: Seller) -> None:
    custom = seller.polar.checkouts.custom
    product = seller.product()
    discount = seller.discount(product)
    made = custom.create(
        request={
            "product_id": product.id,
            "discount_id": discount.id,
            "customer_email": "ada@example.com",
            "customer_billing_address": {"country": "FR"},
            "success_url": "https://example.com?id={CHECKOUT_ID}",
            "metadata": {"from": "blog"},
        }
    )
    assert re.fullmatch("polar_c_[0-9A-Za-z]{43}", made.client_secret)
    assert made.url == f"{seller.server.url}/checkout/{made.client_secret}"
    assert made.success_url == f"https://example.com/?id={made.id}"
    assert (made.amount, made.subtotal_amount, made.total_amount, made.tax_amount) == (1999, 1799, 1799, 0)
    assert made.discount.basis_points == 1000
    assert made.product.prices == product.prices
    assert custom.get(id=made.id) == made
    priced = custom.create(request={"product_price_id": product.prices[0].id})
    assert priced.product_price == product.prices[0]

    def update(**changes: object) -> models.Checkout:
        return custom.update(id=made.id, checkout_update=changes)

    assert update(customer_name="Ada").customer_name == "Ada"
    assert update(metadata={"a": 1}).customer_name == "Ada"
    assert update(customer_name=None).customer_name is None
    assert update(discount_id=None).total_amount == 1999
    found = [checkout.id for checkout in every(custom.list(product_id=product.id, sorting=["created_at"]))]
    assert found == [made.id, priced.id]
    with pytest.raises(models.ResourceNotFound):
        custom.get(id=NOBODY)
    with pytest.raises(models.HTTPValidationError) as error:
        custom.create(request={"product_id": NOBODY})
    assert places(error) == [["body", "product_id"]]


def test_a_browser_fills_a_checkout_in(seller: Seller, buyer: Polar) -> None:
    product = seller.product()
    made = seller.polar.checkouts.custom.create(request={"product_id": product.id})
    client = buyer.checkouts.custom
    seen = client.client_get(client_secret=made.client_secret)
    assert (seen.id, seen.organization.id) == (made.id, seller.id)
    filled = client.client_update(
        client_secret=made.client_secret,
        checkout_update_public={"customer_name": "Ada", "customer_billing_address": {"country": "US", "state": "ny"}},
    )
    assert (filled.customer_name, filled.customer_billing_address.state) == ("Ada", "US-NY")
    with pytest.raises(models.HTTPValidationError) as error:
        client.client_update(client_secret=made.client_secret, checkout_update_public={"discount_code": "none"})
    assert places(error) == [["body", "discount_code"]]
    with pytest.raises(models.ResourceNotFound):
        client.client_get(client_secret="polar_c_nobody")


def test_the_operations_of_before_still_work(seller: Seller, buyer: Polar) -> None:
    product = seller.product()
    # A token that is looked at must be a good one.
    made = seller.polar.checkouts.create(
        request={
            "product_price_id": product.prices[0].id,
            "success_url": "https://example.com/{CHECKOUT_SESSION_ID}",
            "customer_email": "ada@example.com",
        }
    )
    assert made.customer_email == "ada@example.com"
    assert made.url.startswith(f"{seller.server.url}/checkout/polar_c_")
    assert buyer.checkouts.get(id=made.id) == made
