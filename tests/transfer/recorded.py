"""A shop at the reference, as it shows it to its merchant: members and their order are those of its answers."""

import uuid

from transfer.standin import StandIn

ORGANIZATION = "6f3c1b1e-8f0f-4a5e-9a53-0d3c6b8f2a01"
BENEFIT = "1c0f5f0a-0b67-4f6e-8b39-7c2b5a7d9e02"
NOTE = "2d1f6a1b-1c78-4a7f-9c4a-8d3c6b8e0f03"
AT = "2024-11-23T11:39:35.665677Z"


def identifier(number: int) -> str:
    """A UUID of version 4, as the reference gives them."""
    return str(uuid.UUID(int=(0xABCD << 112) | number, version=4))


def organization() -> dict:
    return {
        "created_at": AT,
        "modified_at": None,
        "id": ORGANIZATION,
        "name": "Acme Software",
        "slug": "acme-software",
        "avatar_url": "https://avatars.example.com/acme.png",
        "bio": None,
        "company": None,
        "blog": None,
        "location": None,
        "email": None,
        "twitter_username": None,
        "pledge_minimum_amount": 2000,
        "pledge_badge_show_amount": True,
        "default_upfront_split_to_contributors": None,
        "profile_settings": {
            "enabled": None,
            "description": None,
            "featured_projects": None,
            "featured_organizations": None,
            "links": None,
            "subscribe": {"promote": True, "show_count": True, "count_free": True},
            "accent_color": None,
        },
        "feature_settings": {"issue_funding_enabled": False},
    }


def benefit() -> dict:
    return {
        "created_at": AT,
        "modified_at": None,
        "id": BENEFIT,
        "type": "license_keys",
        "description": "The application",
        "selectable": True,
        "deletable": True,
        "organization_id": ORGANIZATION,
        "properties": {
            "prefix": "ACME",
            "expires": None,
            "activations": {"limit": 3, "enable_customer_admin": True},
            "limit_usage": None,
        },
    }


def note() -> dict:
    return {
        "created_at": AT,
        "modified_at": None,
        "id": NOTE,
        "type": "custom",
        "description": "Priority support",
        "selectable": True,
        "deletable": True,
        "organization_id": ORGANIZATION,
        "properties": {"note": "Write to help@example.com"},
        "is_tax_applicable": True,
    }


def customer(number: int) -> dict:
    return {
        "created_at": AT,
        "modified_at": None,
        "id": identifier(0x1000_0000 + number),
        "metadata": {"number": number},
        "email": f"buyer-{number}@example.com",
        "email_verified": True,
        "name": f"Buyer {number}",
        "billing_address": {
            "line1": None,
            "line2": None,
            "postal_code": "0150",
            "city": "Oslo",
            "state": None,
            "country": "NO",
        },
        "tax_id": None,
        "organization_id": ORGANIZATION,
        "avatar_url": "https://www.gravatar.com/avatar/6a6c26195c3682faa816966af789717c?d=blank",
    }


def license_key(number: int, holder: dict) -> dict:
    text = f"ACME-{identifier(0x2000_0000 + number)}".upper()
    return {
        "id": identifier(0x2000_0000 + number),
        "organization_id": ORGANIZATION,
        "user_id": holder["id"],
        "customer_id": holder["id"],
        "user": {"id": holder["id"], "email": holder["email"], "public_name": "B", "avatar_url": None},
        "customer": holder,
        "benefit_id": BENEFIT,
        "key": text,
        "display_key": f"****-{text[-6:]}",
        "status": ("granted", "granted", "disabled", "revoked")[number % 4],
        "limit_activations": 3,
        "usage": number,
        "limit_usage": None,
        "validations": 2 * number,
        "last_validated_at": "2024-12-24T12:14:24.463188Z" if number else None,
        "expires_at": None,
    }


def activation(number: int, key: dict) -> dict:
    return {
        "id": identifier(0x3000_0000 + number),
        "license_key_id": key["id"],
        "label": f"device {number}",
        "meta": {"os": "linux"},
        "created_at": "2024-12-01T08:00:00.000001Z",
        "modified_at": None,
    }


def grant(number: int, benefit_id: str, holder: dict, properties: dict, is_granted: bool = True) -> dict:
    time = f"2024-11-24T{number // 60 % 24:02}:{number % 60:02}:00.000005Z"
    return {
        "created_at": time,
        "modified_at": time,
        "id": identifier(0x4000_0000 + number),
        "granted_at": time if is_granted else None,
        "is_granted": is_granted,
        "revoked_at": None if is_granted else time,
        "is_revoked": not is_granted,
        "subscription_id": None,
        "order_id": identifier(0x5000_0000 + number),
        "customer_id": holder["id"],
        "user_id": holder["id"],
        "benefit_id": benefit_id,
        "customer": holder,
        "properties": properties,
    }


def shop(customers: int) -> StandIn:
    """A shop with so many customers, of whom each has a key with one activation, and every third a note."""
    standin = StandIn()
    holders = [customer(number) for number in range(customers)]
    keys = [license_key(number, holder) for number, holder in enumerate(holders)]
    of_keys = [
        grant(
            number, BENEFIT, holder, {"license_key_id": key["id"], "display_key": key["display_key"]},
            key["status"] != "revoked",
        )
        for number, (holder, key) in enumerate(zip(holders, keys, strict=True))
    ]
    of_notes = [grant(100_000 + number, NOTE, holder, {}) for number, holder in enumerate(holders) if number % 3 == 0]
    standin.lists = {
        "/v1/organizations/": [organization()],
        "/v1/benefits/": [note(), benefit()],
        "/v1/customers/": holders,
        "/v1/license-keys/": keys,
        # The newest first, as the reference lists them.
        f"/v1/benefits/{BENEFIT}/grants": of_keys[::-1],
        f"/v1/benefits/{NOTE}/grants": of_notes[::-1],
    }
    for number, key in enumerate(keys):
        standin.details[f"/v1/license-keys/{key['id']}"] = {**key, "activations": [activation(number, key)]}
    return standin
