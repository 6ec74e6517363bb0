"""What follows from a checkout that is paid, as the official Python SDK sees it: orders and subscriptions, for the seller and
for the buyer."""

from collections.abc import Callable

import pytest
from polar_sdk import Polar, models

from harness import Server, web
from harness.merchants import Merchant, Seller, each, every, ids, once, places
from harness.patience import eventually

NOBODY = "3f2c1d8e-5b6a-4c7d-8e9f-0a1b2c3d4e5f"


def refused(call: Callable[[], object], status: int, name: str) -> None:
    """That a call is refused by an error for which the SDK has no class of its own."""
    with pytest.raises(models.SDKError) as error:
        call()
    assert (error.value.status_code, f'"error":"{name}"' in error.value.body) == (status, True), error.value.body


@pytest.fixture
def seller(server: Server) -> Seller:
    return Seller(server, "acme")


@pytest.fixture
def other(server: Server) -> Merchant:
    return Merchant(server, "other")


def test_a_checkout_is_confirmed_once_with_a_card_that_is_good(seller: Seller) -> None:
    book = seller.product("The book", once(1999))
    made = seller.polar.checkouts.custom.create(request={"product_id": book.id})
    client = seller.polar.checkouts.custom
    secret = made.client_secret
    with pytest.raises(models.HTTPValidationError) as error:
        client.client_confirm(client_secret=secret, checkout_confirm_stripe={})
    missing = ["customer_email", "customer_name", "customer_billing_address", "confirmation_token_id"]
    assert places(error) == [["body", member] for member in missing]
    refused(lambda: seller.confirm(secret, "declined"), 400, "PaymentError")
    assert client.client_get(client_secret=secret).status == "open"

    confirmed = seller.confirm(secret, "success")
    assert (confirmed.id, confirmed.STATUS, confirmed.total_amount) == (made.id, "confirmed", 1999)
    assert client.client_get(client_secret=secret).status == "succeeded"
    refused(lambda: seller.confirm(secret, "mastercard"), 403, "NotOpenCheckout")
    with pytest.raises(models.ResourceNotFound):
        seller.confirm("polar_c_nobody", "success")
    buyer = Polar(access_token=confirmed.customer_session_token, server_url=seller.server.url)
    assert buyer.customer_portal.customers.get(id=confirmed.customer_id).email == "ada@example.com"


# spec 50 §7.1 C5
def test_orders_are_listed_read_and_invoiced(seller: Seller, other: Merchant) -> None:
    orders = seller.polar.orders
    book, plan = seller.product("The book", once(1999)), seller.product("Pro plan", each("month", 1000))
    discount = seller.polar.discounts.create(
        request={
            "type": "percentage",
            "duration": "once",
            "basis_points": 1000,
            "name": "Ten off",
            "organization_id": seller.organization.id,
        }
    )
    seller.buy(product_id=book.id)
    seller.buy("bo@example.com", product_id=plan.id, discount_id=discount.id)

    second, first = every(orders.list())
    assert (first.amount, first.billing_reason, first.product.id) == (1999, "purchase", book.id)
    assert (second.amount, second.billing_reason, second.discount_id) == (900, "subscription_create", discount.id)
    assert second.subscription.id == second.subscription_id
    assert (orders.get(id=first.id), orders.get(id=second.id)) == (first, second)
    for request, expected in [
        ({"organization_id": seller.organization.id}, [second, first]),
        ({"product_id": book.id}, [first]),
        ({"product_id": [book.id, plan.id], "limit": 1}, [second, first]),
        ({"product_price_type": "one_time"}, [first]),
        ({"product_price_type": ["recurring"]}, [second]),
        ({"discount_id": discount.id}, [second]),
        ({"customer_id": first.customer_id}, [first]),
        ({"customer_id": NOBODY}, []),
        ({"sorting": ["created_at"]}, [first, second]),
        ({"sorting": ["-amount"]}, [first, second]),
        ({"sorting": ["customer"]}, [first, second]),
        ({"sorting": ["-product"]}, [first, second]),
        ({"sorting": ["discount"]}, [second, first]),
        ({"sorting": ["-subscription"]}, [first, second]),
    ]:
        assert ids(every(orders.list(**request))) == ids(expected), request

    for order in (first, second):
        invoice = web.get(orders.invoice(id=order.id).url)
        assert (invoice.status_code, invoice.headers["content-type"]) == (200, "application/pdf")
        assert invoice.content.startswith(b"%PDF-")
    for call in (
        lambda: orders.get(id=NOBODY),
        lambda: orders.invoice(id=NOBODY),
        lambda: other.polar.orders.get(id=first.id),
        lambda: other.polar.orders.invoice(id=first.id),
    ):
        with pytest.raises(models.ResourceNotFound):
            call()
    assert list(every(other.polar.orders.list())) == []


# spec 50 §7.1 C5
def test_subscriptions_are_listed_exported_changed_canceled_and_ended(seller: Seller, other: Merchant) -> None:
    subscriptions = seller.polar.subscriptions
    small = seller.product("Small plan", each("month", 1000), each("year", 10000))
    big = seller.product("Big plan", each("month", 3000))
    monthly, yearly = sorted(small.prices, key=lambda price: price.recurring_interval)
    seller.buy(product_price_id=monthly.id)
    seller.buy("bo@example.com", product_id=big.id)

    first, second = every(subscriptions.list(sorting=["started_at"]))
    assert (first.status, first.amount, first.recurring_interval) == ("active", 1000, "month")
    for request, expected in [
        ({}, [second, first]),
        ({"organization_id": seller.organization.id, "active": True, "limit": 1}, [second, first]),
        ({"active": False}, []),
        ({"product_id": big.id}, [second]),
        ({"product_id": [small.id]}, [first]),
        ({"customer_id": [first.customer_id]}, [first]),
        ({"discount_id": NOBODY}, []),
        ({"sorting": ["-amount"]}, [second, first]),
        ({"sorting": ["customer"]}, [first, second]),
        ({"sorting": ["product"]}, [second, first]),
        ({"sorting": ["current_period_end"]}, [first, second]),
        ({"sorting": ["status", "-amount"]}, [second, first]),
        ({"sorting": ["discount", "amount"]}, [first, second]),
    ]:
        assert ids(every(subscriptions.list(**request))) == ids(expected), request

    head, *lines = subscriptions.export(organization_id=seller.organization.id).split("\r\n")
    assert head == "Email,Created At,Active,Product,Price,Currency,Interval"
    assert sorted(line.split(",")[0] for line in lines) == ["", "ada@example.com", "bo@example.com"]
    assert any(line.endswith(",true,Big plan,30.0,usd,month") for line in lines)

    def update(subscription: models.Subscription = first, **changes: object) -> models.Subscription:
        return subscriptions.update(id=subscription.id, subscription_update=changes)

    changed = update(product_price_id=big.prices[0].id)
    assert (changed.product.id, changed.amount) == (big.id, 3000)
    assert changed.current_period_end == first.current_period_end
    with pytest.raises(models.HTTPValidationError) as error:
        update(product_price_id=NOBODY)
    assert places(error) == [["body", "product_price_id"]]
    # Another interval begins anew, and is paid for at once.
    anew = update(product_price_id=yearly.id)
    assert (anew.status, anew.recurring_interval, anew.amount) == ("active", "year", 10000)
    reasons = [order.billing_reason for order in every(seller.polar.orders.list(customer_id=first.customer_id))]
    assert reasons == ["subscription_update", "subscription_create"]

    canceled = update(
        cancel_at_period_end=True,
        revoke=None,
        customer_cancellation_reason="too_complex",
        customer_cancellation_comment="Too many knobs",
    )
    assert (canceled.status, canceled.cancel_at_period_end) == ("active", True)
    assert canceled.ends_at == canceled.current_period_end
    assert canceled.customer_cancellation_reason == "too_complex"
    with pytest.raises(models.AlreadyCanceledSubscription):
        update(cancel_at_period_end=True, revoke=None)
    goes_on = update(cancel_at_period_end=False, revoke=None)
    assert (goes_on.cancel_at_period_end, goes_on.ends_at) == (False, None)

    ended = update(second, revoke=True)
    assert (ended.status, ended.ends_at) == ("canceled", ended.ended_at)
    assert subscriptions.revoke(id=first.id).status == "canceled"
    with pytest.raises(models.AlreadyCanceledSubscription):
        subscriptions.revoke(id=first.id)
    for call in (lambda: subscriptions.revoke(id=NOBODY), lambda: other.polar.subscriptions.revoke(id=first.id)):
        with pytest.raises(models.ResourceNotFound):
            call()
    assert set(ids(every(subscriptions.list(active=False)))) == {first.id, second.id}
    assert list(every(other.polar.subscriptions.list())) == []


def test_a_buyer_finds_orders_and_what_came_with_them(seller: Seller) -> None:
    benefit = seller.benefit(prefix="ACME")
    book, plan = seller.product("The book", once(1999)), seller.product("Small plan", each("month", 1000))
    for product in (book, plan):
        seller.polar.products.update_benefits(id=product.id, product_benefits_update={"benefits": [benefit.id]})
    first, _ = seller.buy(product_id=book.id)
    # Whom the seller names is known; an address alone would show what was bought with it just now.
    second, buyer = seller.buy(product_id=plan.id, customer_id=first.customer_id)
    _, stranger = seller.buy("bo@example.com", product_id=book.id)
    mine, theirs = buyer.customer_portal, stranger.customer_portal

    of_plan, of_book = every(mine.orders.list())
    assert (of_plan.amount, of_book.amount) == (1000, 1999)
    assert of_book.product.organization.id == seller.organization.id
    for request, expected in [
        ({"organization_id": seller.organization.id, "limit": 1}, [of_plan, of_book]),
        ({"product_id": book.id}, [of_book]),
        ({"product_price_type": "recurring"}, [of_plan]),
        ({"subscription_id": of_plan.subscription_id}, [of_plan]),
        ({"query": "BOOK"}, [of_book]),
        ({"query": "%"}, []),
        ({"sorting": ["created_at"]}, [of_book, of_plan]),
        ({"sorting": ["-amount"]}, [of_book, of_plan]),
        ({"sorting": ["product"]}, [of_plan, of_book]),
        ({"sorting": ["organization", "amount"]}, [of_plan, of_book]),
    ]:
        assert ids(every(mine.orders.list(**request))) == ids(expected), request
    assert mine.orders.get(id=of_book.id) == of_book
    assert web.get(mine.orders.invoice(id=of_book.id).url).content.startswith(b"%PDF-")
    for call in (lambda: theirs.orders.get(id=of_book.id), lambda: theirs.orders.invoice(id=of_book.id)):
        with pytest.raises(models.ResourceNotFound):
            call()

    def granted(**request: object) -> list[tuple]:
        return [(grant.order_id, grant.subscription_id) for grant in every(mine.benefit_grants.list(**request))]

    eventually(lambda: len(granted()) == 2, "not everything was granted")
    with_book, with_plan = (of_book.id, None), (None, of_plan.subscription_id)
    for request, expected in [
        ({"checkout_id": first.id}, [with_book]),
        ({"order_id": of_book.id}, [with_book]),
        ({"checkout_id": second.id}, [with_plan]),
        ({"subscription_id": of_plan.subscription_id}, [with_plan]),
    ]:
        assert granted(**request) == expected, request
    assert sorted(granted(checkout_id=[first.id, second.id]), key=str) == sorted([with_book, with_plan], key=str)
    assert list(every(theirs.benefit_grants.list(checkout_id=first.id))) == []


def test_a_buyer_changes_cancels_and_goes_on(seller: Seller) -> None:
    book = seller.product("The book", once(1999))
    small, big = seller.product("Small plan", each("month", 1000)), seller.product("Big plan", each("month", 3000))
    _, buyer = seller.buy(product_id=small.id)
    _, stranger = seller.buy("bo@example.com", product_id=book.id)
    mine, theirs = buyer.customer_portal.subscriptions, stranger.customer_portal.subscriptions

    (subscription,) = every(mine.list())
    naming = {"id": subscription.id}
    for request, count in [
        ({"active": True, "organization_id": seller.organization.id, "sorting": ["-started_at"]}, 1),
        ({"active": False}, 0),
        ({"product_id": small.id}, 1),
        ({"product_id": big.id}, 0),
        ({"query": "small", "sorting": ["amount", "status", "organization", "product"]}, 1),
        ({"query": "large"}, 0),
    ]:
        assert len(list(every(mine.list(**request)))) == count, request
    assert mine.get(**naming) == subscription

    def update(**changes: object) -> models.CustomerSubscription:
        return mine.update(**naming, customer_subscription_update=changes)

    assert update(product_price_id=big.prices[0].id).product.id == big.id
    with pytest.raises(models.HTTPValidationError) as error:
        update(product_price_id=book.prices[0].id)
    assert places(error) == [["body", "product_price_id"]]
    canceled = update(cancel_at_period_end=True, cancellation_reason="unused", cancellation_comment="Never")
    assert (canceled.cancel_at_period_end, canceled.customer_cancellation_reason) == (True, "unused")
    with pytest.raises(models.AlreadyCanceledSubscription):
        mine.cancel(**naming)
    assert update(cancel_at_period_end=False).cancel_at_period_end is False
    again = mine.cancel(**naming)
    assert (again.status, again.cancel_at_period_end) == ("active", True)
    for call in (
        lambda: theirs.get(**naming),
        lambda: theirs.cancel(**naming),
        lambda: theirs.update(**naming, customer_subscription_update={"cancel_at_period_end": False}),
    ):
        with pytest.raises(models.ResourceNotFound):
            call()
