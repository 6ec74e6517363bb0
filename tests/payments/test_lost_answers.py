"""Connections break, and the program is killed: an answer that never came is had by asking again, and nothing is charged
twice."""

import threading
from collections.abc import Callable

import httpx
from polar_sdk import models

from harness import Wire
from harness.merchants import each, once
from harness.patience import eventually
from payments.till import Till

CUSTOMERS = "POST /v1/customers"
INTENTS = "POST /v1/payment_intents"
REFUNDS = "POST /v1/refunds"
SEARCH = "GET /v1/payment_intents/search"


def is_asked_again(wire: Wire, line: str, times: int = 2) -> None:
    """That the same was asked at least so often, with the same key."""
    calls = wire.asked(line)
    assert len(calls) >= times
    assert calls == [calls[0]] * len(calls)


def let_be_due(till: Till, table: str, is_old: bool = False) -> None:
    """Lets it be due to ask for what was planned and never answered: two minutes went by, or many days."""
    if till.server.is_running():
        till.server.terminate()
    planned = ", planned_at = '2025-01-01T00:00:00.000000Z'" if is_old else ""
    till.server.database.change(f"UPDATE {table} SET ask_at = planned_at{planned} WHERE ask_at IS NOT NULL")
    till.restart()


def test_who_waits_is_charged_once(till: Till, wire: Wire) -> None:
    product = till.sell(once(2000))
    for orders, (lose, line) in enumerate(
        [(wire.lose_answer, CUSTOMERS), (wire.lose_request, INTENTS), (wire.lose_answer, INTENTS)], start=1
    ):
        wire.calls.clear()
        lose(line)
        till.pay(till.offer(product))
        till.stands(orders, [2400] * orders, ["granted"] * orders)
        is_asked_again(wire, line)
    assert till.outcomes() == {"succeeded": 3}
    assert len(till.stripe.list("/v1/customers")) == 1
    till.audit()


def never_answered(till: Till, wire: Wire, is_reached: bool = True) -> tuple[models.Checkout, str]:
    """A checkout whose payment has no answer, however often it was asked for, and the card that is to pay it."""
    made, token = till.offer(till.sell(once(2000))), till.stripe.token()
    with wire.silent(INTENTS, is_reached):
        answer = till.confirm(made, token)
    assert (answer.status_code, answer.json()["error"]) == (503, "ServiceUnavailable"), answer.text
    is_asked_again(wire, INTENTS)
    # Nobody can pay by another card meanwhile.
    refused = till.confirm(made, till.stripe.token())
    assert (refused.status_code, refused.json()["error"]) == (403, "NotOpenCheckout")
    return made, token


def test_an_event_brings_the_answer(till: Till, wire: Wire) -> None:
    made, token = never_answered(till, wire)
    till.stands(1, [2400], ["granted"])
    assert till.checkout(made).status == "succeeded"
    # Who comes again with the same card has paid.
    again = till.confirm(made, token)
    assert (again.status_code, again.json()["status"]) == (200, "confirmed")
    till.stands(1, [2400], ["granted"])
    is_asked_again(wire, INTENTS)
    till.audit()


def test_an_answer_is_had_without_events(till: Till, wire: Wire) -> None:
    till.cut_off()
    made, _ = never_answered(till, wire)
    assert (till.checkout(made).status, till.orders()) == ("open", [])
    calls = len(wire.asked(INTENTS))
    let_be_due(till, "payments")
    till.stands(1, [2400], ["granted"])
    assert till.checkout(made).status == "succeeded"
    is_asked_again(wire, INTENTS, calls + 1)

    # A refund, too.
    [order] = till.orders()
    wire.lose_answer(REFUNDS)
    assert till.refund(order, "--amount", "600")["status"] == "pending"
    let_be_due(till, "refunds")
    eventually(lambda: till.audit().get("refunds") == 500, "what became of a refund is not known")
    is_asked_again(wire, REFUNDS)
    assert [refund["amount"] for refund in till.stripe.list("/v1/refunds")] == [600]


def test_an_answer_is_had_though_our_address_changed(till: Till, wire: Wire) -> None:
    till.cut_off()
    made, _ = never_answered(till, wire)
    asked = wire.asked(INTENTS)[0]
    wire.calls.clear()
    till.server.options[-1] = "http://elsewhere.example.com"
    let_be_due(till, "payments")
    till.stands(1, [2400], ["granted"])
    assert till.checkout(made).status == "succeeded"
    # The buyer would come back to another page, so Stripe takes it for another wish.
    [again] = wire.asked(INTENTS)
    assert (again.key, again.form["return_url"] == asked.form["return_url"]) == (asked.key, False)
    assert len(wire.asked(SEARCH)) == 1


def test_what_was_asked_long_ago_is_looked_up(till: Till, wire: Wire) -> None:
    till.cut_off()
    made, _ = never_answered(till, wire)
    wire.calls.clear()
    till.stripe.forget_keys()
    let_be_due(till, "payments", is_old=True)
    till.stands(1, [2400], ["granted"])
    assert till.checkout(made).status == "succeeded"
    assert (wire.asked(INTENTS), len(wire.asked(SEARCH))) == ([], 1)

    [order] = till.orders()
    wire.lose_answer(REFUNDS)
    assert till.refund(order, "--amount", "600")["status"] == "pending"
    till.stripe.forget_keys()
    let_be_due(till, "refunds", is_old=True)
    eventually(lambda: till.audit().get("refunds") == 500, "what became of a refund is not known")
    assert (len(wire.asked(REFUNDS)), len(till.stripe.list("/v1/refunds"))) == (1, 1)


def test_what_never_arrived_is_not_owed(till: Till, wire: Wire) -> None:
    till.cut_off()
    made, _ = never_answered(till, wire, is_reached=False)
    let_be_due(till, "payments", is_old=True)
    # It was never made: the checkout is as it was.
    eventually(lambda: till.confirm(made, till.stripe.token()).status_code == 200, "nobody can pay")
    assert len(wire.asked(SEARCH)) == 1
    till.stands(1, [2400], ["granted"])
    assert till.checkout(made).status == "succeeded"
    till.audit()


def killed_meanwhile(till: Till, wire: Wire, begin: Callable[[], None]) -> None:
    """Kills the program when Stripe has done what it was asked for, and has not been heard yet."""
    with wire.hold_answers(INTENTS) as reached:
        begin()
        assert reached.wait(40)
        till.server.kill()


def test_a_kill_before_the_answer_charges_once(till: Till, wire: Wire) -> None:
    made, token = till.offer(till.sell(each("month", 1000))), till.stripe.token()
    till.cut_off()

    def confirm() -> None:
        try:
            till.confirm(made, token)
        except httpx.HTTPError:
            pass  # Nobody is there any more to answer.

    killed_meanwhile(till, wire, threading.Thread(target=confirm).start)
    assert till.charged() == [1200]
    till.restart()
    assert (till.checkout(made).status, till.orders()) == ("open", [])
    # Stripe tells again what nobody has heard.
    assert till.send(till.told("payment_intent.succeeded")) == 202
    till.stands(1, [1200], ["granted"])
    again = till.confirm(made, token)
    assert (again.status_code, again.json()["status"]) == (200, "confirmed")

    # The same at a renewal, which nobody waits for, and of which no event tells.
    killed_meanwhile(till, wire, lambda: till.later(days=31))
    assert till.charged() == [1200, 1200]
    till.restart()
    till.stands(1, [1200, 1200], ["granted"])
    let_be_due(till, "payments")
    till.stands(2, [1200, 1200], ["granted"])
    assert till.orders()[-1].billing_reason == "subscription_cycle"
    assert till.subscription().status == "active"
    keys = [call.key for call in wire.asked(INTENTS)]
    assert (len(keys), len(set(keys))) == (3, 2)
    till.audit()
