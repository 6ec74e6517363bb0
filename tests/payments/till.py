"""A merchant who is paid through Stripe, seen from both sides: what was sold here, and what was charged there."""

import json
from collections import Counter

import httpx
from polar_sdk import Polar, models

from harness import Server, Stripe
from harness.merchants import Seller, every
from harness.patience import eventually
from harness.stripe import GOOD_CARD, WEBHOOK

BUYER = "ada@example.com"

# Nobody listens there.
NOWHERE = "http://127.0.0.1:9/"


class Till(Seller):
    """The merchant. Stripe tells their shop what happens."""

    def __init__(self, server: Server, stripe: Stripe) -> None:
        super().__init__(server, "acme")
        self.stripe = stripe
        self.is_told = True
        self._http = httpx.Client(timeout=40)
        self.find_shop()

    def find_shop(self) -> None:
        """Finds the shop where it is now."""
        token = self.polar.sdk_configuration.security.access_token
        self.polar = Polar(access_token=token, server_url=self.server.url)
        if self.is_told:
            self.stripe.tell(self.server.url + WEBHOOK)

    def cut_off(self) -> None:
        """From now on events are sent by hand, or not at all."""
        self.is_told = False
        self.stripe.tell(NOWHERE)

    def send(self, event: dict, seconds_ago: int = 0) -> int:
        """Sends an event once more, signed some seconds ago, and returns the status of the answer."""
        return self.stripe.send(self.server.url + WEBHOOK, event, seconds_ago)

    def restart(self) -> None:
        """Starts the shop anew, which has ended."""
        self.server.start()
        self.find_shop()

    def later(self, days: int) -> None:
        """Lets days go by: with real payments no command moves the clock, so it is put ahead while nobody looks at it."""
        self.server.terminate()
        ahead = f"SELECT id, {days * 86_400_000_000}, created_at FROM organizations WHERE true"
        self.server.database.change(
            f"INSERT INTO organization_clocks (organization_id, ahead_us, created_at) {ahead}"
            " ON CONFLICT (organization_id) DO UPDATE SET ahead_us = organization_clocks.ahead_us + excluded.ahead_us"
        )
        self.restart()

    # What is sold here

    def sell(self, *prices: dict) -> models.Product:
        """A product with a license key."""
        product = self.product("The editor", *prices)
        benefit = self.benefit(prefix="ED")
        return self.polar.products.update_benefits(id=product.id, product_benefits_update={"benefits": [benefit.id]})

    def offer(self, product: models.Product, **more: object) -> models.Checkout:
        return self.polar.checkouts.custom.create(request={"product_id": product.id, **more})

    def checkout(self, made: models.Checkout) -> models.Checkout:
        return self.polar.checkouts.custom.get(id=made.id)

    def confirm(self, made: models.Checkout, token: str, **more: object) -> httpx.Response:
        """Confirms a checkout as a browser does: the SDK drops what the page needs for the bank."""
        body = {
            "customer_name": "Ada",
            "customer_email": BUYER,
            "customer_billing_address": {"country": "FR"},
            "confirmation_token_id": token,
            **more,
        }
        path = f"{self.server.url}/v1/checkouts/custom/client/{made.client_secret}/confirm"
        return self._http.post(path, json=body)

    def pay(self, made: models.Checkout, number: str = GOOD_CARD, **more: object) -> dict:
        """Confirms a checkout with a card that is typed in now, and is not declined."""
        answer = self.confirm(made, self.stripe.token(number), **more)
        assert answer.status_code == 200, answer.text
        assert answer.json()["status"] == "confirmed"
        return answer.json()

    def orders(self) -> list[models.Order]:
        """All orders, the oldest first."""
        found = self.polar.orders.list(organization_id=self.organization.id, sorting=["created_at"], limit=100)
        return list(every(found))

    def subscription(self) -> models.Subscription:
        [found] = self.polar.subscriptions.list(organization_id=self.organization.id).result.items
        return found

    def keys(self) -> list[str]:
        """How the license keys stand."""
        found = self.polar.license_keys.list(organization_id=self.organization.id)
        return sorted(key.status for key in every(found))

    def portal(self, customer_id: str) -> httpx.Client:
        """A browser in the portal of a customer, who came along a link."""
        session = self.polar.customer_sessions.create(request={"customer_id": customer_id})
        browser = httpx.Client(base_url=f"{self.server.url}/{self.organization.slug}/portal", timeout=30)
        browser.cookies.set("merak_customer_session", session.token)
        return browser

    def refund(self, order: models.Order, *arguments: str) -> dict:
        return self.server.cli("refund", order.id, *arguments, *self.server.options)

    def audit(self) -> dict[str, int]:
        """The balances of the books, which hold."""
        found = [json.loads(line) for line in self.server.run("audit", "--json").splitlines()]
        [books] = [each for each in found if each["organization"] == self.organization.slug]
        assert books["findings"] == 0, books
        return {each["account"]: each["amount"] for each in books["balances"]}

    # What was charged there

    def intents(self) -> list[dict]:
        return self.stripe.list("/v1/payment_intents")

    def charged(self) -> list[int]:
        """What was taken, in order."""
        return [charge["amount"] for charge in self.stripe.list("/v1/charges") if charge["status"] == "succeeded"]

    def outcomes(self) -> Counter:
        """How many payments stand how."""
        return Counter(intent["status"] for intent in self.intents())

    def stands(self, orders: int, charged: list[int], keys: list[str]) -> None:
        """That so much is bought and taken, and the keys stand so, once jobs and sweeps have come to it."""
        expected = (orders, charged, keys)

        def holds() -> bool:
            return (len(self.orders()), self.charged(), self.keys()) == expected

        eventually(holds, f"it does not become {expected}")

    def told(self, kind: str) -> dict:
        """The last event of a type, once there is one."""
        eventually(lambda: self.stripe.list("/v1/events", type=kind) != [], f"there is no {kind}")
        return self.stripe.list("/v1/events", type=kind)[-1]
