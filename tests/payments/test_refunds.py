"""Money goes back: by our command, by Stripe's dashboard, and not at all."""

from harness import Wire
from harness.merchants import once
from harness.patience import eventually
from payments.till import Till

REFUNDS = "POST /v1/refunds"


def given_back(till: Till) -> int:
    """What our books say."""
    return till.audit().get("refunds", 0)


def test_what_is_given_back_reaches_the_account(till: Till, wire: Wire) -> None:
    product = till.sell(once(2000))
    for orders in (1, 2):
        till.pay(till.offer(product))
        till.stands(orders, [2400] * orders, ["granted"] * orders)
    first, second = till.orders()

    part = till.refund(first, "--amount", "600")
    assert (part["status"], part["amount"], part["tax_amount"]) == ("succeeded", 600, 100)
    [there] = till.stripe.list("/v1/refunds")
    assert (there["amount"], there["metadata"]["reference"]) == (600, part["id"])
    till.stands(2, [2400, 2400], ["granted", "granted"])

    # The rest takes back what came with it, unless it is said otherwise.
    rest = till.refund(first)
    assert (rest["status"], rest["amount"], rest["revokes_benefits"]) == ("succeeded", 1800, True)
    till.stands(2, [2400, 2400], ["granted", "revoked"])
    assert till.refund(second, "--keep-benefits")["amount"] == 2400
    assert sorted(refund["amount"] for refund in till.stripe.list("/v1/refunds")) == [600, 1800, 2400]
    status, sentence = till.server.fail("refund", second.id, *till.server.options)
    assert (status, "Nothing is left" in sentence) == (2, True), sentence

    # Stripe tells of what was asked of it: nothing new.
    assert till.stripe.delivered("refund.created") == "successfully delivered"
    for event in till.stripe.list("/v1/events", type="refund.created"):
        assert till.send(event) == 202
    assert (given_back(till), len(till.stripe.list("/v1/refunds"))) == (4000, 3)
    till.stands(2, [2400, 2400], ["granted", "revoked"])
    assert len({call.key for call in wire.asked(REFUNDS)}) == 3


def test_what_is_given_back_in_the_dashboard_is_noted(till: Till) -> None:
    product = till.sell(once(2000))
    till.pay(till.offer(product))
    till.stands(1, [2400], ["granted"])
    [intent], [order] = till.intents(), till.orders()
    till.stripe.call("/v1/refunds", {"payment_intent": intent["id"], "amount": "600"})
    eventually(lambda: given_back(till) == 500, "a refund of the dashboard is not noted")

    # Of one that we have not heard of yet, Stripe says that there is not so much left.
    till.cut_off()
    till.stripe.call("/v1/refunds", {"payment_intent": intent["id"], "amount": "1000"})
    refused = till.refund(order, "--left", "1800")
    assert (refused["status"], given_back(till)) == ("failed", 500)
    assert "greater" in refused["failure"]
    till.stands(1, [2400], ["granted"])
    event = till.told("refund.created")
    assert [till.send(event) for _ in range(2)] == [202, 202]
    assert till.refund(order)["amount"] == 800
    assert given_back(till) == 2000
    assert sum(refund["amount"] for refund in till.stripe.list("/v1/refunds")) == 2400
    till.stands(1, [2400], ["revoked"])
