"""Somebody buys once: what Stripe is asked for, and what follows from what it says."""

from polar_sdk import Polar

from harness.merchants import once
from harness.patience import eventually
from harness.stripe import ALWAYS_ASKING_CARD, ASKING_CARD, POOR_CARD
from payments.till import BUYER, Till


def test_a_purchase_is_charged_once_with_its_discount_and_tax(till: Till) -> None:
    product = till.sell(once(2000))
    discount = till.polar.discounts.create(
        request={
            "name": "A quarter",
            "type": "percentage",
            "basis_points": 2500,
            "duration": "once",
            "organization_id": till.organization.id,
        }
    )
    made = till.offer(product, discount_id=discount.id)
    address = {"country": "FR", "line1": "1 rue de la Paix", "postal_code": "75002", "city": "Paris"}
    confirmed = till.pay(made, customer_billing_address=address)
    # 2000 less 25 %, and 20 % tax on top of that.
    assert (confirmed["subtotal_amount"], confirmed["tax_amount"], confirmed["total_amount"]) == (1500, 300, 1800)

    [intent] = till.intents()
    assert (intent["status"], intent["amount"], intent["currency"]) == ("succeeded", 1800, "usd")
    facts = {"checkout_id": made.id, "type": "product", "tax_amount": "300", "tax_country": "FR"}
    assert intent["metadata"].items() >= facts.items()
    [customer] = till.stripe.list("/v1/customers")
    assert intent["customer"] == customer["id"] == confirmed["payment_processor_metadata"]["customer_id"]
    assert (customer["email"], customer["name"]) == (BUYER, "Ada")
    assert {name: customer["address"][name] for name in address} == address
    # It is paid once, so the card is not kept.
    assert intent["setup_future_usage"] is None
    assert till.stripe.find(f"/v1/customers/{customer['id']}/payment_methods", type="card")["data"] == []

    # Before any event: the answer was enough.
    done = till.checkout(made)
    assert (done.status, done.customer_email) == ("succeeded", BUYER)
    [order] = till.orders()
    assert (order.amount, order.tax_amount, order.billing_reason) == (1500, 300, "purchase")
    assert (order.checkout_id, order.customer_id) == (made.id, done.customer_id)
    till.stands(1, [1800], ["granted"])
    buyer = Polar(access_token=confirmed["customer_session_token"], server_url=till.server.url)
    [key] = buyer.customer_portal.license_keys.list().result.items
    assert (key.status, key.key[:3]) == ("granted", "ED-")

    # The event says nothing new.
    assert till.stripe.delivered("payment_intent.succeeded") == "successfully delivered"
    till.stands(1, [1800], ["granted"])
    books = till.audit()
    assert (books["processor_clearing"], books["revenue"], books["tax_payable"]) == (1800, -1500, -300)

    # Who buys again is the same customer there, told anew as they are now.
    till.pay(till.offer(product), customer_name="Ada Lovelace")
    [customer] = till.stripe.list("/v1/customers")
    assert customer["name"] == "Ada Lovelace"
    assert {name: value for name, value in customer["address"].items() if value} == {"country": "FR"}
    assert till.charged() == [1800, 2400]


def test_a_declined_card_can_be_replaced(till: Till) -> None:
    made = till.offer(till.sell(once(2000)))
    for _ in range(2):
        declined = till.confirm(made, till.stripe.token(POOR_CARD))
        assert (declined.status_code, declined.json()["error"]) == (400, "PaymentError")
        assert "Your card has insufficient funds." in declined.json()["detail"]
        assert (till.checkout(made).status, till.orders(), till.keys()) == ("open", [], [])
    till.pay(made)
    assert till.checkout(made).status == "succeeded"
    till.stands(1, [2400], ["granted"])
    assert till.outcomes() == {"requires_payment_method": 2, "succeeded": 1}

    # What is told of the cards that were declined comes late, and changes nothing.
    assert till.stripe.delivered("payment_intent.payment_failed") == "successfully delivered"
    assert till.stripe.delivered("payment_intent.succeeded") == "successfully delivered"
    assert till.checkout(made).status == "succeeded"
    till.stands(1, [2400], ["granted"])
    till.audit()


def test_a_bank_asks_before_the_money_moves(till: Till) -> None:
    product = till.sell(once(2000))
    made = till.offer(product)
    asked = till.pay(made, ASKING_CARD)["payment_processor_metadata"]
    assert asked["intent_status"] == "requires_action"
    assert (till.checkout(made).status, till.orders(), till.charged(), till.keys()) == ("confirmed", [], [], [])

    till.stripe.approve(asked["intent_client_secret"])
    eventually(lambda: till.checkout(made).status == "succeeded", "an approved payment is not heard of")
    till.stands(1, [2400], ["granted"])

    other = till.offer(product)
    asked = till.pay(other, ALWAYS_ASKING_CARD)["payment_processor_metadata"]
    till.stripe.approve(asked["intent_client_secret"], says_yes=False)
    eventually(lambda: till.checkout(other).status == "failed", "a payment that was not approved is not heard of")
    till.stands(1, [2400], ["granted"])
    till.audit()
