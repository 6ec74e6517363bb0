"""Stripe tells what happened: its stand-in makes payments, signs events and sends them to the program."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from harness import Database, Server, Stripe
from harness.stripe import WEBHOOK

CARD = {
    "type": "card",
    "card[number]": "4242424242424242",
    "card[exp_month]": "12",
    "card[exp_year]": "2030",
    "card[cvc]": "123",
}


@pytest.fixture
def stripe(tmp_path: Path) -> Iterator[Stripe]:
    stripe = Stripe(tmp_path)
    try:
        yield stripe.start()
    finally:
        stripe.stop()


@pytest.fixture
def server(database: Database, stripe: Stripe, tmp_path: Path) -> Iterator[Server]:
    server = Server(database, tmp_path / "merak", options=stripe.options)
    try:
        yield server.start()
    finally:
        server.clean_up()


def pay(stripe: Stripe) -> dict:
    """Somebody pays ten dollars."""
    customer = stripe.call("/v1/customers", {"email": "nora@example.com"})["id"]
    method = stripe.call("/v1/payment_methods", CARD)["id"]
    stripe.call(f"/v1/payment_methods/{method}/attach", {"customer": customer})
    return stripe.call(
        "/v1/payment_intents",
        {
            "amount": "1000",
            "currency": "usd",
            "customer": customer,
            "payment_method": method,
            "confirm": "true",
            "metadata[reference]": "attempt-1",
        },
    )


def test_events_that_stripe_signs_are_heard(stripe: Stripe, server: Server) -> None:
    stripe.tell(server.url + WEBHOOK)
    assert pay(stripe)["status"] == "succeeded"
    assert stripe.delivered("payment_intent.succeeded") == "successfully delivered"


def test_events_of_somebody_else_are_not_heard(stripe: Stripe, server: Server) -> None:
    stripe.tell(server.url + WEBHOOK, secret="whsec_of_somebody_else")
    pay(stripe)
    assert stripe.delivered("payment_intent.succeeded") == "failed with response code 401"


def test_the_sandbox_is_closed_where_money_moves(server: Server) -> None:
    assert httpx.post(f"{server.url}/v1/integrations/sandbox/webhook", content=b"{}").status_code == 404
    assert httpx.get(f"{server.url}/sandbox/authenticate/anything").status_code == 404
