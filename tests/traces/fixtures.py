"""The shops that the recordings tell of."""

import uuid
from datetime import UTC, datetime, timedelta

from harness import Server, Shop
from harness.shop import Key, created

READ_KEYS = "license_keys:read"


def recorded_shops(server: Server) -> dict[str, str]:
    """Sets up what the recordings begin with and returns the values of their placeholders."""
    shop = Shop(server, name="Acme Software", slug="acme-software", owner="merchant@example.com")
    other = Shop(server, name="Other Corp", slug="other-corp", owner="other@example.com")
    buyer = created(
        shop.http.post(
            "/v1/customers/",
            json={"email": "buyer@example.com", "name": "Jane Buyer", "organization_id": shop.organization_id},
        )
    )
    second = shop.customer()
    benefit, plain = shop.benefit(activations=50), shop.benefit(prefix=None)
    values = {
        "base": server.url,
        "org": shop.organization_id,
        "org_b": other.organization_id,
        "customer": buyer["id"],
        "customer2": second["id"],
        "benefit": benefit["id"],
        "benefit2": plain["id"],
        "unknown_id": str(uuid.UUID(int=0x1B7A9C3E5D2F4A6B8C0D1E2F3A4B5C6D, version=4)),
        "pat": shop.token,
        "pat_b": other.token,
        "pat_lk_read": server.cli("token", "create", "--user", shop.owner, "--scopes", READ_KEYS)["token"],
    }

    now = datetime.now(UTC)
    yesterday, in_ten_years = ((now + timedelta(days=days)).isoformat() for days in (-1, 3650))
    keys: dict[str, tuple[Key, dict]] = {name: (shop.grant(benefit, buyer, order=True), {}) for name in ("key1", "key2", "key3")}
    limit_3 = {"limit_activations": 3}
    for name, changes in {
        "k_plain": {},
        "k_limit1": {"limit_activations": 1},
        "k_limit3": limit_3,
        "k_usage": {"limit_usage": 10},
        "k_revoked": {"status": "revoked", **limit_3},
        "k_disabled": {"status": "disabled", **limit_3},
        "k_expired": {"expires_at": yesterday, **limit_3},
        "k_future": {"expires_at": in_ten_years, "limit_usage": 5, **limit_3},
    }.items():
        keys[name] = (shop.grant(plain, buyer, order=True), changes)
    foreign = other.benefit()
    values["benefit_b"] = foreign["id"]
    keys["k_other"] = (other.grant(foreign, other.customer()), {})
    for name, (key, changes) in keys.items():
        if changes:
            assert key.update(**changes).status_code == 200
        values[name], values[f"{name}_id"] = key.key, key.id
    return values
