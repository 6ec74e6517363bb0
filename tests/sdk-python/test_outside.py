"""Benefits that Discord and GitHub give, through the official Python SDK, against stand-ins."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from polar_sdk import Polar, models

from harness import Database, Server
from harness.services import Services

# How long an effect of a job may take to appear.
PATIENCE_SECONDS = 20.0


class Seller:
    """A merchant with a token for programs and a browser that is signed in."""

    def __init__(self, server: Server) -> None:
        owner = "seller@example.com"
        server.cli("organization", "create", "--name", "Home", "--slug", "home", "--owner", owner)
        token = server.cli("token", "create", "--user", owner, "--all-scopes")["token"]
        self.server = server
        self.polar = Polar(access_token=token, server_url=server.url)
        self.organization = self.polar.organizations.create(request={"name": "Acme", "slug": "acme"})
        self.browser = httpx.Client(base_url=server.url, timeout=60)
        link = server.cli("user", "login-link", "--user", owner)["url"]
        assert self.browser.get(f"/login?{urlsplit(link).query}").status_code == 303

    def benefit(self, kind: str, **properties: str) -> models.Benefit:
        return self.polar.benefits.create(
            request={
                "type": kind,
                "description": "Given outside",
                "organization_id": self.organization.id,
                "properties": properties,
            }
        )

    def guild_token(self) -> str:
        """A token for the server 10, as the seller gets it after adding the bot there."""
        path = "/v1/integrations/discord/bot"
        state = parameter(self.browser.get(f"{path}/authorize"), "state")
        return parameter(self.browser.get(f"{path}/callback?code=bot&state={state}"), "guild_token")

    def connect_github(self) -> None:
        path = "/v1/integrations/github_repository_benefit/user"
        state = parameter(self.browser.get(f"{path}/authorize"), "state")
        assert self.browser.get(f"{path}/callback?code=1&state={state}").status_code == 303

    def sell(self, benefit: models.Benefit, platform: str, account: str) -> tuple[Polar, str]:
        """Sells a benefit to a new customer who has an account, and waits until it is given."""
        email = f"{platform}-{account}@example.com"
        customer = self.polar.customers.create(request={"email": email, "organization_id": self.organization.id})
        grant = self.server.cli("grant", "--benefit", benefit.id, "--customer", customer.id)
        session = self.polar.customer_sessions.create(request={"customer_id": customer.id})
        visitor = httpx.Client(base_url=self.server.url, timeout=60)
        path = "/v1/customer-portal/oauth-accounts"
        authorized = visitor.get(
            f"{path}/authorize",
            params={"platform": platform, "customer_id": customer.id},
            headers={"authorization": f"Bearer {session.token}"},
        )
        state = parse_qs(urlsplit(authorized.json()["url"]).query)["state"][0]
        back = visitor.get(f"{path}/callback", params={"code": account, "state": state})
        portal = Polar(access_token=parameter(back, "customer_session_token"), server_url=self.server.url)
        chosen = portal.customer_portal.benefit_grants.update(
            id=grant["id"],
            customer_benefit_grant_update={"benefit_type": benefit.TYPE, "properties": {"account_id": account}},
        )
        assert chosen.properties.account_id == account
        assert not chosen.is_granted
        until(lambda: portal.customer_portal.benefit_grants.get(id=grant["id"]).is_granted)
        return portal, grant["id"]


def parameter(response: httpx.Response, name: str) -> str:
    """A parameter of the address that a browser is sent to."""
    assert response.status_code == 303, response.text
    return parse_qs(urlsplit(response.headers["location"]).query)[name][0]


def until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.05)


@pytest.fixture
def services() -> Iterator[Services]:
    services = Services()
    yield services
    services.stop()
    assert services.mistakes == []


@pytest.fixture
def seller(services: Services, database: Database, tmp_path: Path) -> Iterator[Seller]:
    server = Server(database, tmp_path, options=services.options())
    try:
        yield Seller(server.start())
    finally:
        server.clean_up()


def test_a_role_is_created_read_listed_updated_given_and_deleted(seller: Seller, services: Services) -> None:
    benefits = seller.polar.benefits
    made = seller.benefit("discord", guild_token=seller.guild_token(), role_id="11")
    assert isinstance(made, models.BenefitDiscord)
    assert (made.properties.guild_id, made.properties.role_id) == ("10", "11")
    read = benefits.get(id=made.id)
    listed = benefits.list(type_filter="discord", organization_id=seller.organization.id)
    assert [each.id for each in listed.result.items] == [made.id]

    portal, grant = seller.sell(made, "discord", "500")
    assert services.members["500"] == {"11"}
    held = portal.customer_portal.benefit_grants.get(id=grant)
    assert (held.properties.guild_id, held.properties.role_id) == ("10", "11")
    updated = benefits.update(
        id=made.id,
        request_body={
            "type": "discord",
            "properties": {"guild_token": read.properties.guild_token, "role_id": "12"},
        },
    )
    assert updated.properties.role_id == "12"
    until(lambda: services.members["500"] == {"12"})

    for token, role, place in [
        (read.properties.guild_token, "99", ["body", "properties", "role_id"]),
        (read.properties.guild_token, "14", ["body", "properties", "role_id"]),
        ("x", "11", ["body", "discord", "properties", "guild_token"]),
    ]:
        with pytest.raises(models.HTTPValidationError) as refused:
            seller.benefit("discord", guild_token=token, role_id=role)
        assert [each.loc for each in refused.value.data.detail] == [place]

    benefits.delete(id=made.id)
    with pytest.raises(models.ResourceNotFound):
        benefits.get(id=made.id)
    until(lambda: services.members["500"] == set())


def test_a_repository_is_created_read_updated_given_and_deleted(seller: Seller, services: Services) -> None:
    benefits = seller.polar.benefits
    repository = {"repository_owner": "acme", "repository_name": "app"}
    with pytest.raises(models.HTTPValidationError) as refused:
        seller.benefit("github_repository", **repository, permission="pull")
    assert [each.type for each in refused.value.data.detail] == ["invalid_user_auth"]
    seller.connect_github()
    with pytest.raises(models.HTTPValidationError) as refused:
        seller.benefit("github_repository", repository_owner="acme", repository_name="unknown", permission="pull")
    assert [each.type for each in refused.value.data.detail] == ["no_repository_acccess"]

    made = seller.benefit("github_repository", **repository, permission="pull")
    assert isinstance(made, models.BenefitGitHubRepository)
    assert benefits.get(id=made.id).properties.permission == "pull"
    portal, grant = seller.sell(made, "github", "600")
    assert services.collaborators == {"600": "pull"}
    assert portal.customer_portal.benefit_grants.get(id=grant).properties.repository_name == "app"
    updated = benefits.update(
        id=made.id,
        request_body={"type": "github_repository", "properties": {**repository, "permission": "push"}},
    )
    assert updated.properties.permission == "push"
    until(lambda: services.collaborators == {"600": "push"})
    benefits.delete(id=made.id)
    with pytest.raises(models.ResourceNotFound):
        benefits.get(id=made.id)
    until(lambda: services.collaborators == {})
