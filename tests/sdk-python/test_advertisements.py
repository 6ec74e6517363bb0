"""Advertisements, as the official Python SDK sees them, and the routes beside it that count."""

import pytest
from polar_sdk import Polar, models

from harness import Server, web
from harness.merchants import Merchant, every, places


@pytest.fixture
def merchant(server: Server) -> Merchant:
    return Merchant(server, "acme")


@pytest.fixture
def room(merchant: Merchant) -> models.BenefitAds:
    return merchant.polar.benefits.create(
        request={
            "type": "ads",
            "description": "Room for a picture",
            "organization_id": merchant.organization.id,
            "properties": {"image_height": 100, "image_width": 200},
        }
    )


def campaign(merchant: Merchant, room: models.BenefitAds | None, text: str) -> str:
    """The id of a campaign of a new customer, shown in the room if there is one."""
    customer = merchant.customer(f"{text}@example.com")
    line = ["--customer", customer.id, "--image-url", "https://acme.example/ad.png", "--text", text]
    if room is not None:
        grant = merchant.server.cli("grant", "--benefit", room.id, "--customer", customer.id)
        line += ["--grant", grant["id"]]
    return merchant.server.cli("advertisement", "create", *line, "--link-url", "https://acme.example")["id"]


def test_what_is_shown_is_listed_and_read_by_anybody_and_counted(
    merchant: Merchant, room: models.BenefitAds, server: Server
) -> None:
    """A1"""
    anonymous = Polar(access_token="polar_pat_nothing", server_url=server.url).advertisements
    first, second = campaign(merchant, room, "first"), campaign(merchant, room, "second")
    hidden = campaign(merchant, None, "hidden")
    result = anonymous.list(benefit_id=room.id).result
    assert (result.dimensions, result.pagination.total_count) == ([200, 100], 2)
    read = anonymous.get(id=first)
    assert (read.text, read.link_url, read.image_url_dark) == ("first", "https://acme.example/", None)
    with pytest.raises(models.ResourceNotFound):
        anonymous.get(id=hidden)

    address = f"{server.url}/v1/advertisements"
    assert web.post(f"{address}/{second}/view").status_code == 204
    assert web.get(f"{address}/{second}/pixel").headers["content-type"] == "image/gif"
    followed = web.get(f"{address}/{first}/click")
    assert (followed.status_code, followed.headers["location"]) == (303, "https://acme.example/")
    assert web.post(f"{address}/{hidden}/view").status_code == 404

    for sorting, expected in [
        ("created_at", ["first", "second"]), ("-created_at", ["second", "first"]),
        ("granted_at", ["first", "second"]), ("-granted_at", ["second", "first"]),
        ("views", ["first", "second"]), ("-views", ["second", "first"]),
        ("clicks", ["second", "first"]), ("-clicks", ["first", "second"]),
    ]:
        page = anonymous.list(benefit_id=room.id, sorting=[sorting], limit=1)
        assert [each.text for each in every(page)] == expected, sorting
    grants = every(merchant.polar.benefits.grants(id=room.id))
    assert {each.properties.advertisement_campaign_id for each in grants} == {first, second}


def test_only_benefits_of_the_kind_ads_have_a_list(merchant: Merchant) -> None:
    with pytest.raises(models.HTTPValidationError) as refused:
        merchant.polar.advertisements.list(benefit_id=merchant.benefit().id)
    assert places(refused) == [["query", "benefit_id"]]
