"""What was sold once goes on for a year and then ends: with the official SDK, a browser, a mail server and a clock that is
moved."""

import datetime
import json
import math
import re

import pytest
from playwright.sync_api import Browser
from polar_sdk import models

from harness import web
from harness.mail import Catcher
from harness.merchants import Merchant, every
from harness.patience import eventually
from story.buyer import (
    ASKING_CARD,
    CARD_DECLINED_LATER,
    DECLINED_CARD,
    GOOD_CARD,
    OTHER_CARD,
    Buyer,
    text_of,
)

PRODUCT = "Fjord Editor"
PRICE = 1200
KEY = re.compile(r"FJORD(?:-[0-9A-F]+){5}")


class Shop:
    """What the merchant of the story sells, and what becomes of it."""

    def __init__(self, merchant: Merchant) -> None:
        self.merchant = merchant
        self.server = merchant.server
        self.slug = merchant.organization.slug
        self.portal = f"{self.server.url}/{self.slug}/portal"
        polar = merchant.polar
        price = {
            "type": "recurring",
            "recurring_interval": "month",
            "amount_type": "fixed",
            "price_amount": PRICE,
        }
        self.product = polar.products.create(
            request={"name": PRODUCT, "organization_id": merchant.organization.id, "prices": [price]}
        )
        benefit = merchant.benefit(prefix="FJORD", activations={"limit": 2, "enable_customer_admin": True})
        polar.products.update_benefits(id=self.product.id, product_benefits_update={"benefits": [benefit.id]})

    def checkout(self) -> str:
        """The address of a new checkout."""
        return self.merchant.polar.checkouts.custom.create(request={"product_id": self.product.id}).url

    def subscriptions(self) -> list[models.Subscription]:
        found = self.merchant.polar.subscriptions.list(product_id=self.product.id, sorting=["started_at"])
        return list(every(found))

    def subscription(self, buyer: Buyer) -> models.Subscription:
        return next(each for each in self.subscriptions() if each.customer.email == buyer.email)

    def orders(self, buyer: Buyer) -> list[models.Order]:
        """The orders of a buyer, the oldest first."""
        customer = self.subscription(buyer).customer_id
        return list(every(self.merchant.polar.orders.list(customer_id=customer, sorting=["created_at"], limit=5)))

    def now(self) -> datetime.datetime:
        return datetime.datetime.fromisoformat(self.server.cli("clock", "show", "--organization", self.slug)["now"])

    def pass_periods(self) -> None:
        """Moves the clock behind the end of the period that runs."""
        end = max(each.current_period_end for each in self.subscriptions() if each.status == "active")
        hours = math.ceil((end - self.now()).total_seconds() / 3600)
        self.server.cli("clock", "advance", "--organization", self.slug, "--by", f"{hours}h")
        assert self.now() > end

    def validate(self, key: str) -> models.ValidatedLicenseKey:
        keys = self.merchant.polar.customer_portal.license_keys
        return keys.validate(request={"key": key, "organization_id": self.merchant.organization.id})

    def activate(self, key: str, label: str) -> models.LicenseKeyActivationRead:
        keys = self.merchant.polar.customer_portal.license_keys
        return keys.activate(
            request={"key": key, "organization_id": self.merchant.organization.id, "label": label}
        )

    def is_valid(self, key: str) -> bool:
        try:
            return self.validate(key).status == "granted"
        except models.ResourceNotFound:
            return False


def test_a_year_from_the_checkout_to_the_last_day(merchant: Merchant, catcher: Catcher, chromium: Browser) -> None:
    shop = Shop(merchant)
    ada, bo, cy = buyers = [Buyer(chromium, catcher, name) for name in ("Ada Lovelace", "Bo Berg", "Cy Young")]

    # They pay: with a good card, with a declined one and then a good one, and with the leave of a bank.
    keys = {}
    for buyer in buyers:
        buyer.open_checkout(shop.checkout())
        if buyer is bo:
            buyer.pay(DECLINED_CARD)
            buyer.sees("Your card was declined.")
        buyer.pay(ASKING_CARD if buyer is cy else GOOD_CARD)
        if buyer is cy:
            buyer.page.get_by_role("button", name="Approve").click()
        keys[buyer] = buyer.bought_key()

        # The receipt has the same key.
        receipt = text_of(buyer.letter(f"Your subscription to {PRODUCT}"))
        assert KEY.findall(receipt) == [keys[buyer]]
        assert "$12.00" in receipt
    assert len(set(keys.values())) == 3
    key = keys[ada]
    activation = shop.activate(key, "Ada's laptop")
    assert activation.license_key.key == key
    assert shop.validate(key).customer.email == ada.email

    # A year goes by.
    for month in range(1, 13):
        if month == 5:
            shop_declines(shop, ada, key)
        else:
            shop.pass_periods()
        for buyer in buyers:
            orders = shop.orders(buyer)
            assert len(orders) == month + 1, f"{buyer.name} after {month} months"
            assert (orders[-1].billing_reason, orders[-1].amount) == ("subscription_cycle", PRICE)
            assert shop.is_valid(keys[buyer])
    for buyer in buyers:
        reasons = [order.billing_reason for order in shop.orders(buyer)]
        assert reasons == ["subscription_create"] + ["subscription_cycle"] * 12
        # The mail that told her that she has everything back was the twelfth one.
        buyer.letter(f"Receipt for {PRODUCT}", 11 if buyer is ada else 12)
    periods = shop.subscription(ada)
    assert (periods.current_period_start.year, periods.current_period_start.month) == a_year_after(periods.started_at)

    # She cancels, and has what she paid for until it ends.
    ada.sign_in(shop.portal)
    ada.sees(key)
    ada.open_subscription(shop.portal, PRODUCT)
    form = ada.unfold("Cancel")
    form.get_by_label("Why?").select_option("unused")
    form.get_by_role("button", name="Cancel the subscription").click()
    ada.page.get_by_role("button", name="Keep the subscription").wait_for()
    canceled = shop.subscription(ada)
    assert (canceled.status, canceled.cancel_at_period_end) == ("active", True)
    assert canceled.customer_cancellation_reason == "unused"
    assert key in text_of(ada.letter(f"Your subscription to {PRODUCT} ends on"))
    assert shop.is_valid(key)

    shop.pass_periods()
    eventually(lambda: not shop.is_valid(key), "the key still works")
    with pytest.raises(models.ResourceNotFound):
        shop.validate(key)
    ada.letter(f"Your subscription to {PRODUCT} has ended")
    ended = shop.subscription(ada)
    assert (ended.status, ended.ended_at) == ("canceled", canceled.current_period_end)
    assert [len(shop.orders(buyer)) for buyer in buyers] == [13, 14, 14]
    assert shop.is_valid(keys[bo]) and shop.is_valid(keys[cy])

    # Every order has an invoice, and the books are right.
    sold = [order for buyer in buyers for order in shop.orders(buyer)]
    numbers = sorted(invoice_number(merchant, order) for order in sold)
    assert numbers == list(range(1, 42))
    [home, books] = sorted(audit(shop), key=lambda ledger: ledger["organization"] == shop.slug)
    assert (home["findings"], books["findings"], books["organization"]) == (0, 0, shop.slug)
    balances = {each["account"]: each["amount"] for each in books["balances"]}
    assert sum(balances.values()) == 0
    assert balances["revenue"] == -41 * PRICE
    assert balances["processor_clearing"] + balances.get("processor_fees", 0) == 41 * PRICE
    assert balances.get("customer_receivable", 0) == 0
    for buyer in buyers:
        buyer.leave()


def shop_declines(shop: Shop, ada: Buyer, key: str) -> None:
    """The card that she has named meanwhile is declined at the next renewal; she pays with another one."""
    orders = len(shop.orders(ada))
    ada.sign_in(shop.portal)
    ada.open_subscription(shop.portal, PRODUCT)
    form = ada.unfold("Change the card")
    ada.type_card(form, CARD_DECLINED_LATER)
    form.get_by_role("button", name="Save and use it").click()
    ada.sees("0341")
    shop.pass_periods()
    assert shop.subscription(ada).status == "past_due"
    assert len(shop.orders(ada)) == orders
    eventually(lambda: not shop.is_valid(key), "the key works though it is not paid for")
    assert "$12.00" in text_of(ada.letter(f"Your payment for {PRODUCT} failed"))

    ada.open_subscription(shop.portal, PRODUCT)
    form = ada.unfold("Pay with another card")
    ada.type_card(form, OTHER_CARD)
    form.get_by_role("button", name="Pay $12.00").click()
    eventually(lambda: shop.subscription(ada).status == "active", "it is not paid")
    eventually(lambda: shop.is_valid(key), "the key does not come back")
    back = text_of(ada.letter(f"Your subscription to {PRODUCT}", 2))
    assert (KEY.findall(back), "$12.00" in back) == ([key], True)


def a_year_after(instant: datetime.datetime) -> tuple[int, int]:
    return (instant.year + 1, instant.month)


def invoice_number(merchant: Merchant, order: models.Order) -> int:
    """The number of the invoice that is handed out for an order."""
    answer = web.get(merchant.polar.orders.invoice(id=order.id).url)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf")
    assert answer.content.startswith(b"%PDF-")
    return int(re.search(r"-(\d+)\.pdf", answer.headers["content-disposition"]).group(1))


def audit(shop: Shop) -> list[dict]:
    """What the audit finds; it fails if anything does not hold."""
    return [json.loads(line) for line in shop.server.run("audit", "--json").splitlines()]
