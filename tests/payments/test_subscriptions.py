"""What is paid again and again: the card that was saved is charged once for each period, while its owner is not there."""

import httpx

from harness import Wire
from harness.merchants import each
from harness.patience import eventually
from harness.stripe import ALWAYS_ASKING_CARD, ASKING_CARD, CARD_DECLINED_LATER, GOOD_CARD
from payments.till import Till

INTENTS = "POST /v1/payment_intents"
SETUPS = "POST /v1/setup_intents"


def cards(till: Till) -> list[dict]:
    """The cards that Stripe keeps of the one customer."""
    [customer] = till.stripe.list("/v1/customers")
    return till.stripe.find(f"/v1/customers/{customer['id']}/payment_methods", type="card")["data"]


def has_renewed(till: Till, orders: int) -> None:
    eventually(lambda: len(till.orders()) == orders, f"there are no {orders} orders")
    assert till.orders()[-1].billing_reason == "subscription_cycle"
    assert till.subscription().status == "active"


def type_card(till: Till, number: str) -> tuple[httpx.Client, httpx.Response]:
    """Types a card into the portal to pay the subscription with. The browser, and the page it is led to."""
    subscription = till.subscription()
    browser = till.portal(subscription.customer_id)
    form = {"confirmation_token_id": till.stripe.token(number)}
    return browser, browser.post(f"/subscriptions/{subscription.id}/pay", data=form, follow_redirects=True)


def test_each_period_is_charged_once_by_the_saved_card(till: Till, wire: Wire) -> None:
    # Its bank asks when it is saved, and not again.
    asked = till.pay(till.offer(till.sell(each("month", 1000))), ASKING_CARD)["payment_processor_metadata"]
    till.stripe.approve(asked["intent_client_secret"])
    till.stands(1, [1200], ["granted"])
    first = till.subscription()
    assert (first.status, first.amount, till.orders()[0].billing_reason) == ("active", 1000, "subscription_create")
    [card] = cards(till)
    [call] = wire.asked(INTENTS)
    assert (call.form["setup_future_usage"], call.form.get("off_session")) == ("off_session", None)

    # Where money moves, no command moves time.
    status, sentence = till.server.fail(
        "clock", "advance", "--organization", "acme", "--by", "1mo", *till.server.options
    )
    assert (status, "sandbox" in sentence) == (2, True), sentence

    for months in (1, 2):
        before = till.subscription()
        till.later(days=31)
        has_renewed(till, months + 1)
        till.stands(months + 1, [1200] * (months + 1), ["granted"])
        assert till.subscription().current_period_start == before.current_period_end
        call = wire.asked(INTENTS)[-1]
        expected = {"amount": "1200", "payment_method": card["id"], "customer": card["customer"], "off_session": "true"}
        assert call.form.items() >= expected.items()
        assert "confirmation_token" not in call.form
    assert till.outcomes() == {"succeeded": 3}
    assert len({call.key for call in wire.asked(INTENTS)}) == len(wire.asked(INTENTS)) == 3
    # A start of the program charges nothing again.
    till.later(days=1)
    assert till.subscription().status == "active"
    till.stands(3, [1200] * 3, ["granted"])
    assert till.audit()["processor_clearing"] == 3600


def test_who_could_not_be_charged_pays_with_another_card(till: Till, wire: Wire) -> None:
    asked = till.pay(till.offer(till.sell(each("month", 1000))), ALWAYS_ASKING_CARD)["payment_processor_metadata"]
    till.stripe.approve(asked["intent_client_secret"])
    till.stands(1, [1200], ["granted"])

    # Its bank wants to ask at the renewal, too, and nobody is there.
    till.later(days=31)
    eventually(lambda: till.subscription().status == "past_due", "a declined renewal is not noted")
    till.stands(1, [1200], ["revoked"])
    assert till.intents()[-1]["last_payment_error"]["code"] == "authentication_required"
    assert "Your card was declined." in type_card(till, CARD_DECLINED_LATER)[1].text
    assert till.subscription().status == "past_due"
    till.stands(1, [1200], ["revoked"])

    type_card(till, GOOD_CARD)
    eventually(lambda: till.subscription().status == "active", "what was owed is not paid")
    till.stands(2, [1200, 1200], ["granted"])
    assert till.orders()[-1].billing_reason == "subscription_cycle"
    assert till.outcomes() == {"succeeded": 2, "requires_payment_method": 2}

    # The tries that were planned are not made any more, and the new card pays what comes next.
    till.later(days=8)
    till.later(days=23)
    has_renewed(till, 3)
    till.stands(3, [1200] * 3, ["granted"])
    assert wire.asked(INTENTS)[-1].form["payment_method"] == cards(till)[0]["id"]
    till.audit()


def test_a_card_is_saved_where_nothing_is_due_yet(till: Till, wire: Wire) -> None:
    product = till.sell(each("month", 1000))
    discount = till.polar.discounts.create(
        request={
            "name": "The first month",
            "type": "percentage",
            "basis_points": 10_000,
            "duration": "once",
            "organization_id": till.organization.id,
        }
    )
    made = till.offer(product, discount_id=discount.id)
    declined = till.confirm(made, till.stripe.token("4000000000000002"))
    assert (declined.status_code, declined.json()["error"]) == (400, "PaymentError")
    # It is saved once, though the answer is lost.
    wire.lose_answer(SETUPS)
    till.pay(made)
    till.stands(1, [], ["granted"])
    calls = wire.asked(SETUPS)[1:]
    assert (len(calls), calls[0]) == (2, calls[1])
    setups = till.stripe.list("/v1/setup_intents")
    assert [setup["status"] for setup in setups] == ["requires_payment_method", "succeeded"]

    # Another card, whose bank asks, is saved in the portal and pays from now on.
    browser, bank = type_card(till, ASKING_CARD)
    till.stripe.approve(bank.text.split('data-secret="')[1].split('"')[0])
    assert "Visa ending in 3155" in browser.get(str(bank.url), follow_redirects=True).text
    assert (till.charged(), len(cards(till))) == ([], 2)

    till.later(days=31)
    has_renewed(till, 2)
    till.stands(2, [1200], ["granted"])
    [chosen] = [card for card in cards(till) if card["card"]["last4"] == "3155"]
    assert wire.asked(INTENTS)[-1].form["payment_method"] == chosen["id"]
    till.audit()
