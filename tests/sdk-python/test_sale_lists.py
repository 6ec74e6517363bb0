"""The lists of what was sold, as the official Python SDK sees them: every filter and every order, on rows that differ. No
expected order is the one in which a list stands that was asked for nothing, unless the words ask for just that."""

from collections.abc import Callable

import pytest
from polar_sdk import models

from harness import Server
from harness.merchants import Seller, each, every, ids, once

NOBODY = "3f2c1d8e-5b6a-4c7d-8e9f-0a1b2c3d4e5f"


@pytest.fixture
def seller(server: Server) -> Seller:
    return Seller(server, "acme")


def discount(seller: Seller, name: str) -> models.Discount:
    return seller.polar.discounts.create(
        request={
            "type": "percentage",
            "duration": "forever",
            "basis_points": 1000,
            "name": name,
            "organization_id": seller.organization.id,
        }
    )


def compare(list_: Callable, cases: list[tuple[dict, list]]) -> None:
    for request, expected in cases:
        assert ids(every(list_(**request))) == ids(expected), request


def test_checkouts_are_found_by_seller_and_product_and_sorted(seller: Seller) -> None:
    custom, mine = seller.polar.checkouts.custom, seller.organization.id
    (home,) = [one.id for one in every(seller.polar.organizations.list()) if one.id != mine]
    book, atlas = seller.product("The book", once(1999)), seller.product("The atlas", once(4900))
    lamp = seller.polar.products.create(
        request={"name": "The lamp", "organization_id": home, "prices": [once(2900)]}
    )
    first, second, third = (custom.create(request={"product_id": one.id}) for one in (book, atlas, lamp))
    oldest, newest = [first, second, third], [third, second, first]
    compare(
        custom.list,
        [
            ({}, newest),
            ({"organization_id": mine}, [second, first]),
            ({"organization_id": [home]}, [third]),
            ({"organization_id": [mine, home], "limit": 1}, newest),
            ({"organization_id": NOBODY}, []),
            ({"product_id": [book.id, lamp.id]}, [third, first]),
            ({"product_id": [lamp.id, atlas.id, book.id], "sorting": ["created_at"], "limit": 2}, oldest),
            ({"product_id": [atlas.id, NOBODY]}, [second]),
            ({"organization_id": home, "product_id": [book.id, atlas.id]}, []),
            ({"organization_id": mine, "sorting": ["expires_at"]}, [first, second]),
            ({"sorting": ["expires_at"]}, oldest),
            ({"sorting": ["-expires_at"]}, newest),
            ({"sorting": ["created_at"]}, oldest),
            ({"sorting": ["-created_at"]}, newest),
        ],
    )


def test_orders_are_sorted_by_what_was_paid_with_them(seller: Seller) -> None:
    orders = seller.polar.orders
    book, plan = seller.product("The book", once(1999)), seller.product("Pro plan", each("month", 1000))
    zulu, alpha = discount(seller, "Zulu off"), discount(seller, "alpha off")
    seller.buy(product_id=plan.id, discount_id=alpha.id)
    seller.buy("bo@example.com", product_id=book.id)
    seller.buy("cy@example.com", product_id=plan.id, discount_id=zulu.id)
    third, second, first = every(orders.list())
    assert [first.discount_id, second.discount_id, third.discount_id] == [alpha.id, None, zulu.id]
    assert second.subscription_id is None
    subscribed = sorted([first, third], key=lambda order: order.subscription_id)
    compare(
        orders.list,
        [
            ({"sorting": ["discount"]}, [first, third, second]),
            ({"sorting": ["-discount"]}, [second, third, first]),
            ({"sorting": ["subscription"]}, [*subscribed, second]),
            ({"sorting": ["-subscription"]}, [second, *reversed(subscribed)]),
            ({"discount_id": [alpha.id, zulu.id]}, [third, first]),
            ({"discount_id": alpha.id}, [first]),
        ],
    )


def test_subscriptions_are_found_by_discount_and_sorted_by_it_and_by_how_they_stand(seller: Seller) -> None:
    subscriptions = seller.polar.subscriptions
    plan = seller.product("Pro plan", each("month", 1000))
    zulu, alpha = discount(seller, "Zulu off"), discount(seller, "alpha off")
    seller.buy(product_id=plan.id, discount_id=alpha.id)
    seller.buy("bo@example.com", product_id=plan.id)
    seller.buy("cy@example.com", product_id=plan.id, discount_id=zulu.id)
    third, second, first = every(subscriptions.list())
    assert [first.discount_id, second.discount_id, third.discount_id] == [alpha.id, None, zulu.id]
    subscriptions.update(id=first.id, subscription_update={"cancel_at_period_end": True, "revoke": None})
    subscriptions.revoke(id=second.id)
    compare(
        subscriptions.list,
        [
            ({"discount_id": alpha.id}, [first]),
            ({"discount_id": [zulu.id]}, [third]),
            ({"discount_id": [alpha.id, zulu.id]}, [third, first]),
            ({"discount_id": [alpha.id, zulu.id], "sorting": ["discount"]}, [first, third]),
            ({"sorting": ["discount"]}, [first, third, second]),
            ({"sorting": ["-discount"]}, [second, third, first]),
            ({"sorting": ["status"]}, [third, first, second]),
            ({"sorting": ["-status"]}, [second, first, third]),
            ({"sorting": ["started_at"]}, [first, second, third]),
        ],
    )


def test_a_buyer_sorts_subscriptions_by_everything_that_is_shown_of_them(seller: Seller) -> None:
    small, big = seller.product("Small plan", each("month", 1000)), seller.product("Big plan", each("month", 3000))
    middle = seller.product("Middle plan", each("year", 20000))
    bought, _ = seller.buy(product_id=small.id)
    customer = seller.polar.customers.get(id=bought.customer_id)
    for product in (big, middle):
        seller.buy(product_id=product.id, customer_id=customer.id)
    subscriptions = seller.portal(customer).customer_portal.subscriptions
    third, second, first = every(subscriptions.list())
    assert [one.product.id for one in (first, second, third)] == [small.id, big.id, middle.id]
    seller.polar.subscriptions.revoke(id=first.id)
    subscriptions.cancel(id=third.id)
    compare(
        subscriptions.list,
        [
            ({"sorting": ["started_at"]}, [first, second, third]),
            ({"sorting": ["-started_at"]}, [third, second, first]),
            ({"sorting": ["amount"]}, [first, third, second]),
            ({"sorting": ["-amount"]}, [second, third, first]),
            ({"sorting": ["status"]}, [second, third, first]),
            ({"sorting": ["-status"]}, [first, third, second]),
            ({"sorting": ["product"]}, [second, third, first]),
            ({"sorting": ["-product"]}, [first, third, second]),
            # All are of one seller: what was begun first stands first, or last.
            ({"sorting": ["organization"]}, [first, second, third]),
            ({"sorting": ["-organization"]}, [third, second, first]),
            ({"sorting": ["organization", "-amount"]}, [second, third, first]),
            ({"active": True, "sorting": ["product"]}, [second, third]),
            ({"product_id": [small.id, middle.id], "sorting": ["amount"]}, [first, third]),
        ],
    )
