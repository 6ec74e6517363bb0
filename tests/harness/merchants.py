"""A merchant, and what he sells, made through the official Python SDK."""

from collections.abc import Iterator

from polar_sdk import Polar, models

from harness.server import Server


class Merchant:
    """A merchant whose token comes from the command line and whose organization comes from the SDK."""

    def __init__(self, server: Server, name: str) -> None:
        owner = f"{name}@example.com"
        server.cli("organization", "create", "--name", "Home", "--slug", f"home-{name}", "--owner", owner)
        token = server.cli("token", "create", "--user", owner, "--all-scopes")["token"]
        self.server = server
        self.polar = Polar(access_token=token, server_url=server.url)
        self.organization = self.polar.organizations.create(request={"name": "Acme Software", "slug": name})

    def benefit(self, **properties: object) -> models.BenefitLicenseKeys:
        return self.polar.benefits.create(
            request={
                "type": "license_keys",
                "description": "The application",
                "organization_id": self.organization.id,
                "properties": properties,
            }
        )

    def customer(self, email: str) -> models.Customer:
        return self.polar.customers.create(request={"email": email, "organization_id": self.organization.id})

    def grant(self, benefit: models.BenefitLicenseKeys, customer: models.Customer) -> models.LicenseKeyWithActivations:
        """Grants a benefit on the command line and reads the new key through the SDK."""
        grant = self.server.cli("grant", "--benefit", benefit.id, "--customer", customer.id)
        return self.polar.license_keys.get(id=grant["license_key"]["id"])

    def portal(self, customer: models.Customer) -> Polar:
        session = self.polar.customer_sessions.create(request={"customer_id": customer.id})
        return Polar(access_token=session.token, server_url=self.server.url)

    def naming(self, key: models.LicenseKeyWithActivations) -> dict:
        return {"key": key.key, "organization_id": self.organization.id}


class Seller(Merchant):
    """A merchant whose program confirms for his buyers. The SDK sends its token along, which counts for nothing there."""

    def product(self, name: str, *prices: dict) -> models.Product:
        body = {"name": name, "organization_id": self.organization.id, "prices": list(prices)}
        return self.polar.products.create(request=body)

    def confirm(
        self, client_secret: str, card: str, email: str = "ada@example.com", **more: object
    ) -> models.CheckoutPublicConfirmed:
        """Confirms a checkout with a card of the sandbox."""
        return self.polar.checkouts.custom.client_confirm(
            client_secret=client_secret,
            checkout_confirm_stripe={
                "customer_name": "Ada",
                "customer_email": email,
                "customer_billing_address": {"country": "FR"},
                "confirmation_token_id": f"ctoken_sandbox_{card}",
                **more,
            },
        )

    def buy(self, email: str = "ada@example.com", **request: object) -> tuple[models.Checkout, Polar]:
        """Buys; the checkout as it is then, and a client with the rights of the buyer."""
        made = self.polar.checkouts.custom.create(request=request)
        token = self.confirm(made.client_secret, "success", email).customer_session_token
        bought = self.polar.checkouts.custom.get(id=made.id)
        assert bought.status == "succeeded"
        return bought, Polar(access_token=token, server_url=self.server.url)


def once(cents: int) -> dict:
    return {"type": "one_time", "amount_type": "fixed", "price_amount": cents}


def each(interval: str, cents: int) -> dict:
    return {"type": "recurring", "recurring_interval": interval, "amount_type": "fixed", "price_amount": cents}


def every(page) -> Iterator:
    """Every item of every page of a list."""
    while page is not None:
        yield from page.result.items
        page = page.next()


def places(refused) -> list:
    """Where the problems of a refused call are; for what `pytest.raises(models.HTTPValidationError)` gives."""
    return [error.loc for error in refused.value.data.detail]


def ids(items) -> list[str]:
    return [item.id for item in items]
