"""Stripe tells what happened: twice, late, in the wrong order, about what is not ours, and by somebody else's voice."""

from concurrent.futures import ThreadPoolExecutor

from polar_sdk import models

from harness import Server, Stripe, Wire, web
from harness.merchants import each, once
from harness.patience import eventually
from harness.stripe import ASKING_CARD, POOR_CARD, WEBHOOK
from payments.till import Till

INTENTS = "POST /v1/payment_intents"


def pay(stripe: Stripe) -> dict:
    """Somebody pays ten dollars, and not through us."""
    form = {"amount": "1000", "currency": "usd", "confirm": "true", "return_url": "https://example.com/"}
    customer = stripe.call("/v1/customers", {"email": "nora@example.com"})["id"]
    token = stripe.token()
    return stripe.call("/v1/payment_intents", {**form, "customer": customer, "confirmation_token": token})


def asked(till: Till, made: models.Checkout) -> str:
    """What lets the browser go on with a payment whose bank asks."""
    return till.pay(made, ASKING_CARD)["payment_processor_metadata"]["intent_client_secret"]


def saying(event: dict, kind: str, intent: dict, number: int = 1) -> dict:
    """An event like another one that says something else."""
    return {**event, "id": f"evt_told_{kind}_{number}", "type": kind, "data": {"object": intent}}


def test_stripe_alone_is_heard(stripe: Stripe, server: Server) -> None:
    stripe.tell(server.url + WEBHOOK, secret="whsec_of_somebody_else")
    pay(stripe)
    assert stripe.delivered("payment_intent.succeeded") == "failed with response code 401"
    stripe.tell(server.url + WEBHOOK)
    pay(stripe)
    heard = 'webhook "payment_intent.succeeded" successfully delivered'
    eventually(lambda: heard in stripe.log(), "what Stripe signs is not heard")
    # Where money moves, the sandbox is closed.
    assert web.post(f"{server.url}/v1/integrations/sandbox/webhook", content=b"{}").status_code == 404
    assert web.get(f"{server.url}/sandbox/authenticate/anything").status_code == 404


def test_events_are_hints_that_count_once(till: Till) -> None:
    till.cut_off()
    made = till.offer(till.sell(once(2000)))
    secret = asked(till, made)
    [waiting] = till.intents()
    # Whoever says that it is paid is not believed before it is.
    early = saying(till.told("customer.created"), "payment_intent.succeeded", waiting)
    assert till.send(early) == 202
    assert (till.checkout(made).status, till.orders()) == ("confirmed", [])

    till.stripe.approve(secret)
    event = till.told("payment_intent.succeeded")
    for seconds_ago in (310, 86_400, -310):
        assert till.send(event, seconds_ago) == 401
    assert (till.checkout(made).status, till.orders()) == ("confirmed", [])
    # Five minutes are allowed for the way; an hour later Stripe tells again and signs anew.
    for seconds_ago in (290, 0, 0):
        assert till.send(event, seconds_ago) == 202
    till.stands(1, [2400], ["granted"])
    assert till.checkout(made).status == "succeeded"

    # What was before comes after it.
    for kind in ("payment_intent.payment_failed", "payment_intent.canceled", "payment_intent.succeeded"):
        assert till.send(saying(event, kind, waiting, 2)) == 202
    till.stands(1, [2400], ["granted"])
    assert till.checkout(made).status == "succeeded"
    till.audit()


def test_a_late_failure_of_another_card_changes_nothing(till: Till) -> None:
    till.cut_off()
    made = till.offer(till.sell(once(2000)))
    assert till.confirm(made, till.stripe.token(POOR_CARD)).status_code == 400
    failed = till.told("payment_intent.payment_failed")
    secret = asked(till, made)
    assert till.send(failed) == 202
    assert till.checkout(made).status == "confirmed"
    till.stripe.approve(secret)
    succeeded = till.told("payment_intent.succeeded")
    for event in (succeeded, saying(failed, "payment_intent.payment_failed", failed["data"]["object"], 2)):
        assert till.send(event) == 202
    till.stands(1, [2400], ["granted"])
    assert till.checkout(made).status == "succeeded"


# spec 30 §7.7.43, §7.11.76
def test_what_is_told_of_others_is_passed_over(till: Till, wire: Wire) -> None:
    till.cut_off()
    made = till.offer(till.sell(once(2000)))
    others = pay(till.stripe)
    till.stripe.call("/v1/refunds", {"payment_intent": others["id"], "amount": "400"})
    paid, refunded = till.told("payment_intent.succeeded"), till.told("refund.created")
    books = till.audit()
    for event in (paid, refunded, till.told("charge.refunded"), till.told("customer.created")):
        assert till.send(event) == 202
    assert (till.audit(), till.orders(), till.checkout(made).status) == (books, [], "open")

    # While it is not known what a payment of ours is called, it may be this one: whoever is refused tells again.
    again = [saying(event, event["type"], event["data"]["object"], 2) for event in (paid, refunded)]
    with ThreadPoolExecutor(1) as pool, wire.hold_answers(INTENTS) as reached:
        paying = pool.submit(till.pay, made)
        assert reached.wait(40)
        assert [till.send(event) for event in again] == [400, 400]
        assert till.checkout(made).status == "open"
        # One that overtakes the answer to its own payment names it, so that all of it is known at once.
        [ours] = [intent for intent in till.intents() if intent["id"] != others["id"]]
        assert till.send(saying(paid, "payment_intent.succeeded", ours, 3)) == 202
        assert till.checkout(made).status == "succeeded"
    paying.result()
    till.stands(1, [1000, 2400], ["granted"])
    assert [till.send(event) for event in again] == [202, 202]
    assert till.audit().get("refunds") is None


# spec 30 §7.7.43
def test_what_was_canceled_there_is_not_bought_here(till: Till) -> None:
    till.cut_off()
    made = till.offer(till.sell(each("month", 1000)))
    asked(till, made)
    [intent] = till.intents()
    till.stripe.call(f"/v1/payment_intents/{intent['id']}/cancel", {})
    canceled = till.told("payment_intent.canceled")
    # Also if it is said that it was paid.
    assert till.send(saying(canceled, "payment_intent.succeeded", intent)) == 202
    assert till.checkout(made).status == "failed"
    assert till.send(canceled) == 202
    till.stands(0, [], [])
    assert till.checkout(made).status == "failed"


def test_a_card_that_is_removed_there_pays_nothing_here(till: Till) -> None:
    till.pay(till.offer(till.sell(each("month", 1000))))
    till.stands(1, [1200], ["granted"])
    [customer] = till.stripe.list("/v1/customers")
    [card] = till.stripe.find(f"/v1/customers/{customer['id']}/payment_methods", type="card")["data"]
    till.stripe.call(f"/v1/payment_methods/{card['id']}/detach", {})
    assert till.stripe.delivered("payment_method.detached") == "successfully delivered"
    till.later(days=31)
    eventually(lambda: till.subscription().status == "past_due", "nothing is owed")
    till.stands(1, [1200], ["revoked"])
    assert till.outcomes() == {"succeeded": 1}
