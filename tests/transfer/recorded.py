"""A shop at the reference, as it shows it to its merchant: members and their order are those of its answers."""

import base64
import hashlib
import uuid

from transfer.standin import StandIn

ORGANIZATION = "6f3c1b1e-8f0f-4a5e-9a53-0d3c6b8f2a01"
BENEFIT = "1c0f5f0a-0b67-4f6e-8b39-7c2b5a7d9e02"
NOTE = "2d1f6a1b-1c78-4a7f-9c4a-8d3c6b8e0f03"
DOWNLOADS = "3e2a7b2c-2d89-4b8a-8d5b-9e4d7c9f1a04"
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


PICTURE = b'<svg xmlns="http://www.w3.org/2000/svg"/>'
MANUAL = b"hello world"


def file(number: int, service: str, name: str, mime_type: str, content: bytes, url: str | None = None) -> dict:
    identity = identifier(0x6000_0000 + number)
    digest = hashlib.sha256(content).digest()
    members = {
        "id": identity,
        "organization_id": ORGANIZATION,
        "name": name,
        "path": f"{service}/{ORGANIZATION}/{identity}/{name}",
        "mime_type": mime_type,
        "size": len(content),
        "storage_version": None,
        "checksum_etag": '"241d8a27c836427bd7f04461b60e7359-1"',
        "checksum_sha256_base64": base64.b64encode(digest).decode(),
        "checksum_sha256_hex": digest.hex(),
        "last_modified_at": "2024-11-23T11:40:05Z",
        "version": None,
        "service": service,
        "is_uploaded": True,
        "created_at": AT,
        "size_readable": f"{len(content)}.0 B",
    }
    return {**members, "public_url": url} if service == "product_media" else members


def custom_field() -> dict:
    return {
        "created_at": AT,
        "modified_at": None,
        "id": identifier(0x7000_0001),
        "metadata": {},
        "type": "select",
        "slug": "source",
        "name": "How did you hear of us?",
        "organization_id": ORGANIZATION,
        "properties": {"form_label": "Source", "options": [{"value": "a", "label": "A friend"}]},
    }


def price(number: int, product_id: str, interval: str | None, amount: int) -> dict:
    members = {
        "created_at": AT,
        "modified_at": None,
        "id": identifier(0x8000_0000 + number),
        "amount_type": "fixed",
        "is_archived": False,
        "product_id": product_id,
        "price_currency": "usd",
        "price_amount": amount,
        "type": "recurring" if interval else "one_time",
    }
    return {**members, "recurring_interval": interval} if interval else members


def product(number: int, name: str, prices: list[tuple[str | None, int]], more: dict) -> dict:
    identity = identifier(0x9000_0000 + number)
    return {
        "created_at": AT,
        "modified_at": AT,
        "id": identity,
        "name": name,
        "description": "For your desk",
        "is_recurring": all(interval for interval, _ in prices),
        "is_archived": False,
        "organization_id": ORGANIZATION,
        "metadata": {"line": "desk"},
        "prices": [price(10 * number + n, identity, *each) for n, each in enumerate(prices)],
        "benefits": [],
        "medias": [],
        "attached_custom_fields": [],
        **more,
    }


def discount(number: int, effect: dict, code: str | None, products: list[dict]) -> dict:
    return {
        **effect,
        "created_at": AT,
        "modified_at": None,
        "id": identifier(0xA000_0000 + number),
        "metadata": {},
        "name": f"Discount {number}",
        "code": code,
        "starts_at": None,
        "ends_at": "2030-01-01T00:00:00Z",
        "max_redemptions": 100,
        "redemptions_count": 7,
        "organization_id": ORGANIZATION,
        "products": [{name: each[name] for name in list(each)[:8]} for each in products],
    }


def checkout_link(sold: dict, reduction: dict) -> dict:
    secret = "polar_cl_of-the-stand-in"
    return {
        "created_at": AT,
        "modified_at": None,
        "id": identifier(0xB000_0001),
        "metadata": {},
        "payment_processor": "stripe",
        "client_secret": secret,
        "success_url": "https://acme.example/thanks",
        "label": "On the web page",
        "allow_discount_codes": True,
        "product_id": sold["id"],
        "product_price_id": sold["prices"][0]["id"],
        "discount_id": reduction["id"],
        "product": {
            **{name: sold[name] for name in list(sold)[:8]},
            "prices": sold["prices"],
            "benefits": [{name: each[name] for name in list(each)[:8]} for each in sold["benefits"]],
            "medias": sold["medias"],
        },
        "product_price": sold["prices"][0],
        "discount": {name: reduction[name] for name in reduction if name != "products"},
        "url": f"https://api.example.com/v1/checkout-links/{secret}/redirect",
    }


def downloads(files: list[dict]) -> dict:
    return {
        **benefit(),
        "id": DOWNLOADS,
        "type": "downloadables",
        "description": "The manual",
        "properties": {"archived": {}, "files": [each["id"] for each in files]},
    }


def catalogue(standin: StandIn) -> None:
    """What the shop sells. The address of the picture is known when the server has one: see `serving`."""
    picture = file(1, "product_media", "box.svg", "image/svg+xml", PICTURE, "{url}/picture")
    manual = file(2, "downloadable", "manual.txt", "text/plain", MANUAL)
    field = custom_field()
    attached = {"custom_field_id": field["id"], "custom_field": field, "order": 0, "required": True}
    app = product(
        1,
        "Desktop app",
        [("month", 900), ("year", 9000)],
        {"benefits": [benefit(), note()], "medias": [picture], "attached_custom_fields": [attached]},
    )
    book = product(2, "Manual", [(None, 1500)], {"benefits": [downloads([manual])]})
    part = {"duration": "repeating", "duration_in_months": 3, "type": "percentage", "basis_points": 2500}
    fixed = {"duration": "once", "type": "fixed", "amount": 500, "currency": "usd"}
    reductions = [discount(1, part, "SPRING", [app]), discount(2, fixed, None, [])]
    standin.lists["/v1/benefits/"].append(downloads([manual]))
    standin.lists |= {
        "/v1/files/": [manual, picture],
        "/v1/custom-fields/": [field],
        "/v1/products/": [app, book],
        "/v1/discounts/": reductions,
        "/v1/checkout-links/": [checkout_link(app, reductions[0])],
        f"/v1/benefits/{DOWNLOADS}/grants": [
            grant(200_000, DOWNLOADS, standin.lists["/v1/customers/"][0], {"files": [manual["id"]]})
        ],
    }
    standin.pages["/picture"] = PICTURE


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
        "/v1/license-keys": keys,
        # The newest first, as the reference lists them.
        f"/v1/benefits/{BENEFIT}/grants": of_keys[::-1],
        f"/v1/benefits/{NOTE}/grants": of_notes[::-1],
    }
    catalogue(standin)
    for number, key in enumerate(keys):
        standin.details[f"/v1/license-keys/{key['id']}"] = {**key, "activations": [activation(number, key)]}
    return standin
