"""Changes of a checkout, and amounts that a buyer chooses, as the official Python SDK sees them."""

from collections.abc import Callable

import pytest
from polar_sdk import Polar, models

from harness import Server
from harness.merchants import Merchant, Seller, each, every, places

NOBODY = "3f2c1d8e-5b6a-4c7d-8e9f-0a1b2c3d4e5f"


@pytest.fixture
def seller(server: Server) -> Seller:
    return Seller(server, "acme")


def refused(call: Callable[[], object], *place: str) -> None:
    with pytest.raises(models.HTTPValidationError) as error:
        call()
    assert places(error) == [list(place)]


def costs(amount: int, subtotal: int) -> dict:
    return {"amount": amount, "subtotal_amount": subtotal, "total_amount": subtotal}


def test_whatever_a_seller_changes_is_changed_and_nothing_else(seller: Seller) -> None:
    custom = seller.polar.checkouts.custom
    plan = seller.product("Pro plan", each("month", 1000), each("year", 10000))
    (yearly,) = [price for price in plan.prices if price.recurring_interval == "year"]
    discount = seller.polar.discounts.create(
        request={
            "type": "percentage",
            "duration": "once",
            "basis_points": 1000,
            "name": "Ten off",
            "organization_id": seller.organization.id,
        }
    )
    made = custom.create(request={"product_id": plan.id})

    def update(**changes: object) -> models.Checkout:
        return custom.update(id=made.id, checkout_update=changes)

    address = {"country": "DE", "line1": "Unter den Linden 1", "line2": None, "postal_code": "10117"}
    address |= {"city": "Berlin", "state": None}
    kept = made.model_dump()
    price = {"product_price_id": yearly.id, "product_price": yearly.model_dump()}
    for change, expected in [
        ({"product_price_id": yearly.id}, {**price, **costs(10000, 10000)}),
        ({"customer_name": "Ada Lovelace"}, None),
        ({"customer_email": "ada@example.com"}, None),
        ({"customer_billing_address": address}, {"customer_billing_address": address, "tax_amount": 0}),
        ({"customer_tax_id": "DE136695976"}, None),
        ({"customer_ip_address": "198.51.100.7"}, None),
        ({"customer_metadata": {"crm": 17}}, None),
        ({"metadata": {"from": "blog", "is_new": True}}, None),
        ({"discount_id": discount.id}, {"discount_id": discount.id, **costs(10000, 9000)}),
        ({"allow_discount_codes": False}, None),
        ({"embed_origin": "https://seller.example"}, None),
        (
            {"success_url": "https://seller.example/thanks?id={CHECKOUT_ID}"},
            {"success_url": f"https://seller.example/thanks?id={made.id}"},
        ),
        # At a fixed price an amount means nothing.
        ({"amount": 4242}, {}),
        ({"discount_id": None}, {"discount_id": None, "discount": None, **costs(10000, 10000)}),
        ({"customer_tax_id": None}, None),
        ({"customer_email": None}, None),
    ]:
        after = update(**change)
        now = after.model_dump()
        # What is made of a discount is asserted by its id and the amounts.
        of_discount = {"discount": now["discount"]} if "discount_id" in change else {}
        wanted = change if expected is None else expected
        assert now == {**kept, **wanted, **of_discount, "modified_at": now["modified_at"]}, change
        assert (after.discount.id if after.discount else None) == after.discount_id
        assert custom.get(id=made.id) == after
        kept = now

    for member, value in [
        ("product_price_id", NOBODY),
        ("discount_id", NOBODY),
        ("customer_email", "ada"),
        ("customer_tax_id", "DE1"),
        ("customer_ip_address", "here"),
        ("amount", 49),
    ]:
        refused(lambda: update(**{member: value}), "body", member)
    assert custom.get(id=made.id).model_dump() == kept
    other = Merchant(seller.server, "other")
    with pytest.raises(models.ResourceNotFound):
        other.polar.checkouts.custom.update(id=made.id, checkout_update={"customer_name": "Eve"})


def test_a_buyer_pays_what_they_want_within_the_bounds_of_the_seller(seller: Seller) -> None:
    custom = seller.polar.checkouts.custom
    browser = Polar(access_token="none", server_url=seller.server.url).checkouts.custom
    choice = {"type": "one_time", "amount_type": "custom"}
    bounds = {"minimum_amount": 500, "maximum_amount": 5000, "preset_amount": 1500}
    song = seller.product("A song", {**choice, **bounds})
    (price,) = song.prices
    assert (price.minimum_amount, price.maximum_amount, price.preset_amount) == (500, 5000, 1500)
    made = custom.create(request={"product_id": song.id})
    assert (made.amount, made.total_amount, made.currency) == (1500, 1500, "usd")
    secret = made.client_secret

    # What no price allows is refused before anybody looks for the price; a request of two shapes names its shape then.
    for set_, shape in [
        (lambda cents: custom.create(request={"product_id": song.id, "amount": cents}), ["CheckoutProductCreate"]),
        (lambda cents: custom.update(id=made.id, checkout_update={"amount": cents}), []),
        (lambda cents: browser.client_update(client_secret=secret, checkout_update_public={"amount": cents}), []),
    ]:
        for cents in (0, 49, 100_000_000):
            refused(lambda: set_(cents), "body", *shape, "amount")
        for cents in (499, 5001):
            refused(lambda: set_(cents), "body", "amount")
        for cents in (500, 5000, 1234):
            now = set_(cents)
            assert (now.amount, now.subtotal_amount, now.total_amount) == (cents, cents, cents)
    for cents in (499, 5001):
        refused(lambda: seller.confirm(secret, "success", amount=cents), "body", "amount")
        seen = browser.client_get(client_secret=secret)
        assert (seen.status, seen.amount) == ("open", 1234), "nothing was paid, and nothing changed"
    confirmed = seller.confirm(secret, "success", amount=777)
    assert (confirmed.amount, confirmed.total_amount) == (777, 777)
    (order,) = every(seller.polar.orders.list())
    assert (order.amount, order.product_price.id, order.billing_reason) == (777, price.id, "purchase")

    # Where the seller proposes nothing, ten dollars are proposed; the least that anybody can be asked for is half a dollar.
    tip = seller.product("A tip", choice)
    assert custom.create(request={"product_id": tip.id}).amount == 1000
    bought, _ = seller.buy("bo@example.com", product_id=tip.id, amount=50)
    (small,) = every(seller.polar.orders.list(product_id=tip.id))
    assert (bought.total_amount, small.amount, small.customer.email) == (50, 50, "bo@example.com")
