"""Every operation of the official Python SDK refuses what it must, and the SDK understands it. What each does when all is well
is in the other files."""

import json
from collections.abc import Callable, Iterator

import httpx
import pytest
from polar_sdk import Polar, models
from polar_sdk.basesdk import BaseSDK
from pydantic import ValidationError

from harness import Server
from harness.merchants import Merchant

NOBODY = "3f2c1d8e-5b6a-4c7d-8e9f-0a1b2c3d4e5f"
ID = {"id": NOBODY}
OWNER = {"organization_id": NOBODY}

# What the program does not serve yet.
TO_COME = ("external_organizations.", "repositories.", "oauth2.", "metrics.")

ONCE = {"type": "one_time", "amount_type": "fixed", "price_amount": 1999}
FILE = {
    "service": "downloadable",
    **OWNER,
    "name": "a.txt",
    "mime_type": "text/plain",
    "size": 1,
    "upload": {"parts": [{"number": 1, "chunk_start": 0, "chunk_end": 1}]},
}

# What needs a credential, and something to call it with.
CLOSED = {
    "organizations.list": {},
    "organizations.create": {"request": {"name": "Acme", "slug": "acme"}},
    "organizations.get": ID,
    "organizations.update": {**ID, "organization_update": {}},
    "subscriptions.list": {},
    "subscriptions.export": {},
    "subscriptions.update": {**ID, "subscription_update": {"product_price_id": NOBODY}},
    "subscriptions.revoke": ID,
    "benefits.list": {},
    "benefits.create": {
        "request": {"type": "custom", "description": "A note", **OWNER, "properties": {"note": None}},
    },
    "benefits.get": ID,
    "benefits.update": {**ID, "request_body": {"type": "custom", "description": "A note"}},
    "benefits.delete": ID,
    "benefits.grants": ID,
    "products.list": {},
    "products.create": {"request": {"name": "The app", **OWNER, "prices": [ONCE]}},
    "products.get": ID,
    "products.update": {**ID, "product_update": {"name": "The app"}},
    "products.update_benefits": {**ID, "product_benefits_update": {"benefits": []}},
    "orders.list": {},
    "orders.get": ID,
    "orders.invoice": ID,
    "checkouts.custom.list": {},
    "checkouts.custom.create": {"request": {"product_id": NOBODY}},
    "checkouts.custom.get": ID,
    "checkouts.custom.update": {**ID, "checkout_update": {}},
    "files.list": OWNER,
    "files.create": {"request": FILE},
    "files.uploaded": {**ID, "file_upload_completed": {"id": "x", "path": "x", "parts": []}},
    "files.update": {**ID, "file_patch": {"name": "b.txt"}},
    "files.delete": ID,
    "license_keys.list": {},
    "license_keys.get": ID,
    "license_keys.update": {**ID, "license_key_update": {}},
    "license_keys.get_activation": {**ID, "activation_id": NOBODY},
    "checkout_links.list": {},
    "checkout_links.create": {"request": {"payment_processor": "stripe", "product_id": NOBODY}},
    "checkout_links.get": ID,
    "checkout_links.update": {**ID, "checkout_link_update": {}},
    "checkout_links.delete": ID,
    "custom_fields.list": {},
    "custom_fields.create": {
        "request": {"type": "text", "slug": "company", "name": "Company", **OWNER, "properties": {}},
    },
    "custom_fields.get": ID,
    "custom_fields.update": {**ID, "custom_field_update": {"type": "text"}},
    "custom_fields.delete": ID,
    "discounts.list": {},
    "discounts.create": {
        "request": {"type": "fixed", "duration": "once", "amount": 500, "name": "Five off", **OWNER},
    },
    "discounts.get": ID,
    "discounts.update": {**ID, "discount_update": {"name": "Less"}},
    "discounts.delete": ID,
    "customers.list": {},
    "customers.create": {"request": {"email": "ada@example.com", **OWNER}},
    "customers.get": ID,
    "customers.update": {**ID, "customer_update": {}},
    "customers.delete": ID,
    "customer_sessions.create": {"request": {"customer_id": NOBODY}},
    "customer_portal.benefit_grants.list": {},
    "customer_portal.benefit_grants.get": ID,
    "customer_portal.benefit_grants.update": {**ID, "customer_benefit_grant_update": {"benefit_type": "custom"}},
    "customer_portal.customers.get": ID,
    "customer_portal.downloadables.list": {},
    "customer_portal.license_keys.list": {},
    "customer_portal.license_keys.get": ID,
    "customer_portal.orders.list": {},
    "customer_portal.orders.get": ID,
    "customer_portal.orders.invoice": ID,
    "customer_portal.subscriptions.list": {},
    "customer_portal.subscriptions.get": ID,
    "customer_portal.subscriptions.update": {**ID, "customer_subscription_update": {"product_price_id": NOBODY}},
    "customer_portal.subscriptions.cancel": ID,
}

# For which the contract announces a 403 that means something else than a scope that is missing.
HAS_ANOTHER_403 = {
    "organizations.update",
    "subscriptions.update",
    "subscriptions.revoke",
    "benefits.update",
    "benefits.delete",
    "products.update",
    "products.update_benefits",
    "files.uploaded",
    "files.update",
    "files.delete",
}

NAMING = {"key": "none", **OWNER}

# What anybody may call, about something that is not there: how it is refused.
OPEN = {
    "advertisements.list": ({"benefit_id": NOBODY}, "HTTPValidationError"),
    "advertisements.get": (ID, "ResourceNotFound"),
    "checkouts.create": (
        {"request": {"product_price_id": NOBODY, "success_url": "https://example.com/"}},
        "HTTPValidationError",
    ),
    "checkouts.get": (ID, "ResourceNotFound"),
    "checkouts.custom.client_get": ({"client_secret": "x"}, "ResourceNotFound"),
    "checkouts.custom.client_update": ({"client_secret": "x", "checkout_update_public": {}}, "ResourceNotFound"),
    "checkouts.custom.client_confirm": ({"client_secret": "x", "checkout_confirm_stripe": {}}, "ResourceNotFound"),
    "customer_portal.downloadables.get": ({"token": "i-am-hacker"}, "ResourceNotFound"),
    "customer_portal.license_keys.validate": ({"request": NAMING}, "ResourceNotFound"),
    "customer_portal.license_keys.activate": ({"request": {**NAMING, "label": "laptop"}}, "ResourceNotFound"),
    "customer_portal.license_keys.deactivate": (
        {"request": {**NAMING, "activation_id": NOBODY}},
        "ResourceNotFound",
    ),
    "customer_portal.organizations.get": ({"slug": "nobody"}, "ResourceNotFound"),
}


def without_credential(request: httpx.Request) -> None:
    request.headers.pop("authorization", None)


@pytest.fixture
def anonymous(server: Server) -> Iterator[Polar]:
    """The SDK wants a credential, which does not leave the house."""
    with httpx.Client(event_hooks={"request": [without_credential]}, timeout=60) as client:
        yield Polar(access_token="none", server_url=server.url, client=client)


def operations(client: BaseSDK, path: str = "") -> Iterator[str]:
    """The operations of a client and of what hangs on it."""
    for name, part in vars(client).items():
        if isinstance(part, BaseSDK):
            yield from operations(part, f"{path}{name}.")
    for name, value in vars(type(client)).items():
        if callable(value) and not name.startswith("_") and not name.endswith("_async"):
            yield path + name


def refusal(client: Polar, name: str, arguments: dict) -> str:
    """How a call is refused."""
    call: Callable = client
    for step in name.split("."):
        call = getattr(call, step)
    try:
        call(**arguments)
    except models.SDKError as error:
        # Refusals that an operation does not announce have no class of their own.
        return json.loads(error.body)["error"]
    except (models.Unauthorized, models.ResourceNotFound, models.HTTPValidationError) as error:
        return type(error).__name__
    return "not at all"


def test_no_operation_is_left_out(anonymous: Polar) -> None:
    known = {name for name in operations(anonymous) if not name.startswith(TO_COME)}
    assert {*CLOSED, *OPEN} == known


def test_what_needs_a_credential_is_nobodys_without_one(anonymous: Polar) -> None:
    for name, arguments in CLOSED.items():
        assert refusal(anonymous, name, arguments) == "Unauthorized", name


def test_what_needs_a_scope_is_refused_to_a_token_without_it(server: Server) -> None:
    owner = "clerk@example.com"
    server.cli("organization", "create", "--name", "Home", "--slug", "home", "--owner", owner)
    token = server.cli("token", "create", "--user", owner, "--scopes", "openid")["token"]
    clerk = Polar(access_token=token, server_url=server.url)
    for name, arguments in CLOSED.items():
        if name.startswith("customer_portal."):
            continue
        if name in HAS_ANOTHER_403:
            # Its class does not fit, and the SDK tells what came instead.
            with pytest.raises(ValidationError, match="insufficient_scope"):
                refusal(clerk, name, arguments)
        else:
            assert refusal(clerk, name, arguments) == "insufficient_scope", name
    # Advertisements are for everybody, whatever a token may do.
    assert refusal(clerk, "advertisements.get", ID) == "ResourceNotFound"


def test_what_anybody_may_call_is_refused_where_there_is_nothing(anonymous: Polar) -> None:
    for name, (arguments, expected) in OPEN.items():
        assert refusal(anonymous, name, arguments) == expected, name


def test_an_organization_is_listed_read_and_updated(server: Server) -> None:
    merchant = Merchant(server, "acme")
    organizations, made = merchant.polar.organizations, merchant.organization
    assert [each.id for each in organizations.list(slug="acme").result.items] == [made.id]
    changed = organizations.update(
        id=made.id,
        organization_update={"name": "Acme Works", "profile_settings": {"description": "Tools"}},
    )
    assert (changed.name, changed.profile_settings.description) == ("Acme Works", "Tools")
    assert organizations.get(id=made.id).name == "Acme Works"
    with pytest.raises(models.HTTPValidationError):
        organizations.create(request={"name": "Acme", "slug": "acme"})
