"""What localstripe lacks of what is asked of Stripe. All of this file is ours, by Stripe's documentation. What money does,
what stands in the account, and how events are signed and sent is localstripe's.

| Added | Why |
| --- | --- |
| `Idempotency-Key` | localstripe does not look at it |
| `POST /v1/test_helpers/confirmation_tokens`, `confirmation_token` | the card that a browser has given to Stripe |
| `setup_future_usage`, `return_url`, `automatic_payment_methods`, `off_session` | refused or without effect |
| set-ups that are made and confirmed by one call | they take two calls |
| cards that are declined when they are charged | they are declined only when they are attached |
| cards whose bank is not asked without the owner | it is |
| `GET /v1/payment_intents/search`, `GET /v1/customers/{id}/payment_methods` | missing |
| in errors: `type`, `code`, `decline_code`, `param`, `payment_intent`, `setup_intent` | missing or another |
| a refund is of no more than is left, and what belongs to nobody cannot be detached | not checked |
| events of refunds, set-ups, canceled intents, detached methods and failed approvals | not sent |
| `DELETE /_config/keys`, `DELETE /_config/account` | Stripe forgets keys after a day; tests need an account each |

It is imported before localstripe's server, which takes its routes from `extra_apis` when it is imported.
"""

import asyncio
import re

from aiohttp import web
from localstripe import webhooks
from localstripe.errors import UserError
from localstripe.resources import (
    Charge,
    Event,
    List,
    PaymentIntent,
    PaymentMethod,
    Refund,
    SetupIntent,
    StripeObject,
    extra_apis,
    store,
)

# Why Stripe declines its test cards: code, the bank's word, and a sentence.
DECLINES = {
    "4000000000000002": ("card_declined", "generic_decline", "Your card was declined."),
    "4000000000009995": ("card_declined", "insufficient_funds", "Your card has insufficient funds."),
    "4000000000009987": ("card_declined", "lost_card", "Your card was declined."),
    "4000000000009979": ("card_declined", "stolen_card", "Your card was declined."),
    "4000000000000069": ("expired_card", "expired_card", "Your card has expired."),
    "4000000000000127": ("incorrect_cvc", "incorrect_cvc", "Your card's security code is incorrect."),
    "4000000000000119": ("processing_error", "processing_error", "An error occurred while processing your card."),
}
DECLINED = ("card_declined", "generic_decline", "Your card was declined.")
MUST_ASK = ("authentication_required", "authentication_required", "Your card was declined. It requires authentication.")

# The bank of this card asks its owner once, and not for what is charged later without them.
ASKED_ONCE = "4000002500003155"


def replace(path: str, function) -> None:
    """Answers calls of a path by another function. The routes hold the functions of before by themselves."""
    for number, (method, known, _) in enumerate(extra_apis):
        if known == path:
            extra_apis[number] = (method, path, function)
            return
    raise LookupError(path)


def refuse(message: str, **error: object) -> UserError:
    return UserError(400, message, error)


def missing(what: str, param: str, code: int = 400) -> UserError:
    return UserError(code, f"No such {what}", {"code": "resource_missing", "param": param})


def tell(kind: str, thing: StripeObject) -> None:
    webhooks.schedule_webhook(Event(kind, thing))


def require_customer(customer: str | None) -> None:
    if customer is not None and f"customer:{customer}" not in store:
        raise missing("customer", "customer")


# -- Confirmation tokens

TOKENS: dict[str, PaymentMethod] = {}


class ConfirmationToken(StripeObject):
    """What a browser gets for the card that somebody has typed into Stripe's form."""

    object = "confirmation_token"
    _id_prefix = "ctoken_"

    def __init__(self, payment_method_data: dict | None = None, payment_method: str | None = None) -> None:
        super().__init__()
        if payment_method_data is not None:
            TOKENS[self.id] = PaymentMethod(**payment_method_data)
        else:
            TOKENS[self.id] = PaymentMethod._api_retrieve(payment_method)


extra_apis.append(("POST", "/v1/test_helpers/confirmation_tokens", ConfirmationToken._api_create))


def source(customer: str | None, token: str | None, method_id: str | None) -> PaymentMethod:
    """With what is paid. A token is good once, and a saved method for its customer."""
    if token is not None:
        if f"confirmation_token:{token}" not in store:
            raise missing("confirmation_token", "confirmation_token")
        if token not in TOKENS:
            raise refuse("This confirmation token has been used already.", param="confirmation_token")
        return TOKENS.pop(token)
    if f"payment_method:{method_id}" not in store:
        raise missing("PaymentMethod", "payment_method")
    method = PaymentMethod._api_retrieve(method_id)
    if method.customer != customer:
        raise refuse("The PaymentMethod does not belong to the Customer you supplied.", param="payment_method")
    return method


def require_way_back(return_url: str | None, automatic: dict | None) -> None:
    if return_url is None and (automatic or {}).get("allow_redirects") != "never":
        raise refuse("You must provide a `return_url`, or not allow redirects.", param="return_url")


# -- Cards

is_declined_later = PaymentMethod._charging_is_declined
PaymentMethod._charging_is_declined = lambda method: is_declined_later(method) or method._attaching_is_declined()


def why(method: PaymentMethod) -> tuple[str, str, str]:
    return DECLINES.get(getattr(method, "_card_number", ""), DECLINED)


def decline(charge: Charge) -> None:
    intent = store.get(f"payment_intent:{charge.payment_intent}")
    is_asked = getattr(intent, "_asks_nobody", False)
    reason = MUST_ASK if is_asked else why(PaymentMethod._api_retrieve(charge.payment_method))
    charge.status = "failed"
    charge.failure_code, charge._decline_code, charge.failure_message = reason


def raise_decline(charge: Charge) -> None:
    error = {"code": charge.failure_code, "decline_code": charge._decline_code, "charge": charge.id}
    if charge.payment_intent is not None:
        error["payment_intent"] = PaymentIntent._api_retrieve(charge.payment_intent)._export()
    raise UserError(402, charge.failure_message, error)


begin_charge = Charge._initialize_charge


def begin(charge: Charge, *arguments: object, **named: object) -> None:
    if getattr(store.get(f"payment_intent:{charge.payment_intent}"), "_asks_nobody", False):
        charge._authorized = False
    begin_charge(charge, *arguments, **named)


Charge._set_auth_failure, Charge._raise_failure, Charge._initialize_charge = decline, raise_decline, begin


# -- Payment intents


def create_intent(
    cls,
    customer=None,
    confirm=None,
    confirmation_token=None,
    payment_method=None,
    off_session=None,
    setup_future_usage=None,
    return_url=None,
    automatic_payment_methods=None,
    **rest,
) -> PaymentIntent:
    require_customer(customer)
    is_confirmed = confirm == "true"
    if is_confirmed:
        require_way_back(return_url, automatic_payment_methods)
    if confirmation_token or payment_method:
        payment_method = source(customer, confirmation_token, payment_method).id
    intent = cls(customer=customer, payment_method=payment_method, **rest)
    intent.setup_future_usage = setup_future_usage
    intent._is_off_session = off_session == "true"
    if is_confirmed:
        intent._confirm(on_failure_now=intent._report_failure)
    return intent


confirm_intent = PaymentIntent._confirm


def confirm(intent: PaymentIntent, on_failure_now) -> None:
    method = PaymentMethod._api_retrieve(intent.payment_method)
    if not intent._is_off_session or not method._requires_authentication():
        return confirm_intent(intent, on_failure_now)
    # Its owner is not there to be asked.
    is_asked_once = method._card_number == ASKED_ONCE and getattr(method, "_is_set_up", False)
    intent._asks_nobody = not is_asked_once
    return intent._create_charge(on_failure_now=on_failure_now)


succeed = PaymentIntent._on_success


def on_success(intent: PaymentIntent) -> None:
    if intent.setup_future_usage == "off_session":
        keep(PaymentMethod._api_retrieve(intent.payment_method), intent.customer)
    succeed(intent)


def keep(method: PaymentMethod, customer: str) -> None:
    """Saves a method for what is charged later."""
    method.customer = customer
    method._is_set_up = True


last_error = PaymentIntent.last_payment_error


def last_payment_error(intent: PaymentIntent) -> dict | None:
    error = last_error.fget(intent)
    if error is not None:
        error["type"] = "card_error"
        if "charge" in error:
            error["decline_code"] = intent.latest_charge._decline_code
    return error


cancel_intent, authenticate_intent = PaymentIntent._api_cancel, PaymentIntent._api_authenticate


def cancel(id: str, **rest) -> PaymentIntent:
    if PaymentIntent._api_retrieve(id).status in ("succeeded", "processing", "canceled"):
        raise refuse("You cannot cancel this PaymentIntent.", code="payment_intent_unexpected_state")
    intent = cancel_intent(id, **rest)
    tell("payment_intent.canceled", intent)
    return intent


def authenticate(id: str, **rest) -> PaymentIntent:
    intent = authenticate_intent(id, **rest)
    if intent.status == "requires_payment_method":
        tell("payment_intent.payment_failed", intent)
    return intent


def search(query: str, limit: str | None = None) -> List:
    wanted = re.fullmatch(r"metadata\['(\w+)'\]:'([\w-]+)'", query)
    found = List("/v1/payment_intents/search", limit=limit)
    found.object = "search_result"
    found._list = [
        intent
        for intent in store.values()
        if isinstance(intent, PaymentIntent) and intent.metadata.get(wanted.group(1)) == wanted.group(2)
    ]
    return found


PaymentIntent._api_create = classmethod(create_intent)
PaymentIntent._confirm, PaymentIntent._on_success = confirm, on_success
PaymentIntent.last_payment_error = property(last_payment_error)
replace("/v1/payment_intents/{id}/cancel", cancel)
replace("/v1/payment_intents/{id}/_authenticate", authenticate)
extra_apis.append(("GET", "/v1/payment_intents/search", search))


# -- Set-up intents


def create_setup(
    cls,
    customer=None,
    confirm=None,
    confirmation_token=None,
    payment_method=None,
    return_url=None,
    automatic_payment_methods=None,
    **rest,
) -> SetupIntent:
    require_customer(customer)
    method = None
    if confirm == "true":
        require_way_back(return_url, automatic_payment_methods)
        method = source(customer, confirmation_token, payment_method)
    intent = cls(customer=customer, **rest)
    intent.last_setup_error = None
    if method is not None:
        intent._attach_pm(method)
    return intent


attach_method = SetupIntent._attach_pm


def attach(intent: SetupIntent, method: PaymentMethod) -> None:
    if not method._attaching_is_declined():
        attach_method(intent, method)
        return settle_setup(intent)
    code, decline_code, message = why(method)
    intent.payment_method, intent.status = None, "requires_payment_method"
    error = {"type": "card_error", "code": code, "decline_code": decline_code, "message": message}
    intent.last_setup_error = error
    tell("setup_intent.setup_failed", intent)
    raise UserError(402, message, {**error, "setup_intent": intent._export()})


def settle_setup(intent: SetupIntent) -> None:
    if intent.status == "succeeded":
        keep(PaymentMethod._api_retrieve(intent.payment_method), intent.customer)
        tell("setup_intent.succeeded", intent)


confirm_setup_intent = SetupIntent._api_confirm


def confirm_setup(id: str, **rest) -> SetupIntent:
    """The owner of the card has said yes: localstripe's script calls this then."""
    intent = confirm_setup_intent(id, **rest)
    settle_setup(intent)
    return intent


SetupIntent._api_create, SetupIntent._attach_pm = classmethod(create_setup), attach
replace("/v1/setup_intents/{id}/confirm", confirm_setup)


# -- Saved methods

detach_method = PaymentMethod._api_detach


def detach(id: str, **rest) -> PaymentMethod:
    if PaymentMethod._api_retrieve(id).customer is None:
        raise refuse("The payment method you provided is not attached to a customer so detachment is impossible.")
    method = detach_method(id, **rest)
    tell("payment_method.detached", method)
    return method


def saved(id: str, type: str = "card", limit: str | None = None) -> List:
    found = PaymentMethod._api_list_all(f"/v1/customers/{id}/payment_methods", customer=id, type=type, limit=limit)
    found._list.reverse()
    return found


replace("/v1/payment_methods/{id}/detach", detach)
extra_apis.append(("GET", "/v1/customers/{id}/payment_methods", saved))


# -- Refunds


def create_refund(cls, payment_intent=None, amount=None, **rest) -> Refund:
    intent = store.get(f"payment_intent:{payment_intent}")
    if intent is None:
        raise missing("payment_intent", "payment_intent")
    charge = intent.latest_charge
    if charge is None or charge.status != "succeeded":
        raise refuse("This PaymentIntent does not have a successful charge to refund.")
    left = charge.amount - charge.amount_refunded
    if left == 0:
        raise refuse("The charge has already been refunded.", code="charge_already_refunded")
    if amount is not None and int(amount) > left:
        raise refuse("The refund is greater than what is left of the charge.", param="amount")
    refund = cls(payment_intent=payment_intent, amount=left if amount is None else amount, **rest)
    tell("refund.created", refund)
    tell("charge.refunded", charge)
    return refund


Refund._api_create = classmethod(create_refund)


# -- Errors


def to_response(error: UserError) -> web.Response:
    said = error.body["error"]
    if error.code == 402:
        said["type"] = "card_error"
    if error.code == 404:
        said.setdefault("code", "resource_missing")
    return web.json_response(error.body, status=error.code)


UserError.to_response = to_response


# -- Idempotency keys

# What was asked with each key, and what was answered; nothing while that is not known yet.
KEPT: dict[str, tuple[str, web.Response | None]] = {}


def forget_all() -> None:
    """Empties the account, and keeps back the events that are still to be sent."""
    store.clear()
    TOKENS.clear()
    webhooks._webhooks.clear()
    for task in asyncio.all_tasks():
        if task.get_coro().__qualname__ == webhooks._send_webhook.__qualname__:
            task.cancel()


@web.middleware
async def once_for_a_key(request: web.Request, handler) -> web.StreamResponse:
    if request.method == "DELETE" and request.path in ("/_config/keys", "/_config/account"):
        KEPT.clear()
        if request.path.endswith("/account"):
            forget_all()
        return web.Response()
    key = request.headers.get("Idempotency-Key")
    if request.method != "POST" or key is None:
        return await handler(request)
    wish = f"{request.path}?{await request.text()}"
    if key not in KEPT:
        KEPT[key] = (wish, None)
        try:
            answer = await handler(request)
        except BaseException:
            del KEPT[key]
            raise
        if answer.status < 400 or answer.status == 402:
            KEPT[key] = (wish, answer)
        else:
            # What is refused before anything was done is not kept.
            del KEPT[key]
        return answer
    known, answer = KEPT[key]
    if known != wish:
        message = "Keys for idempotent requests can only be used with the same parameters they were first used with."
        return web.json_response({"error": {"type": "idempotency_error", "message": message}}, status=400)
    if answer is None:
        error = {"type": "idempotency_error", "code": "idempotency_key_in_use"}
        return web.json_response({"error": error}, status=409)
    replayed = {"Idempotent-Replayed": "true"}
    return web.Response(body=answer.body, status=answer.status, content_type="application/json", headers=replayed)
