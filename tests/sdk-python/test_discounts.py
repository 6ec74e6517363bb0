"""Discounts, as the official Python SDK sees them."""

from datetime import UTC, datetime

import pytest
from polar_sdk import Polar, models

from harness import Server
from harness.merchants import Merchant, Seller, every, places

NEXT_CENTURY = datetime(2100, 1, 1, tzinfo=UTC)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
def merchant(server: Server) -> Merchant:
    return Merchant(server, "acme")


def ten_percent(merchant: Merchant, **members: object) -> models.Discount:
    body = {"type": "percentage", "duration": "once", "basis_points": 1000, "name": "Ten off", **members}
    request = models.DiscountPercentageOnceForeverDurationCreate(**body, organization_id=merchant.organization.id)
    return merchant.polar.discounts.create(request=request)


def product(merchant: Merchant) -> models.Product:
    price = {"type": "one_time", "amount_type": "fixed", "price_amount": 1000}
    body = {"name": "The app", "prices": [price], "organization_id": merchant.organization.id}
    return merchant.polar.products.create(request=body)


def test_each_shape_is_created_and_read(merchant: Merchant) -> None:
    discounts = merchant.polar.discounts
    common = {"name": "Sale", "organization_id": merchant.organization.id, "metadata": {"a": 1}}
    for request, answer in [
        (
            models.DiscountFixedOnceForeverDurationCreate(type="fixed", duration="once", amount=500, **common),
            models.DiscountFixedOnceForeverDuration,
        ),
        (
            models.DiscountFixedRepeatDurationCreate(
                type="fixed", duration="repeating", duration_in_months=3, amount=500, **common
            ),
            models.DiscountFixedRepeatDuration,
        ),
        (
            models.DiscountPercentageOnceForeverDurationCreate(
                type="percentage", duration="forever", basis_points=2500, **common
            ),
            models.DiscountPercentageOnceForeverDuration,
        ),
        (
            models.DiscountPercentageRepeatDurationCreate(
                type="percentage", duration="repeating", duration_in_months=12, basis_points=1, **common
            ),
            models.DiscountPercentageRepeatDuration,
        ),
    ]:
        made = discounts.create(request=request)
        assert isinstance(made, answer)
        assert (made.duration, made.type, made.metadata) == (request.duration, request.type, {"a": 1})
        assert (made.redemptions_count, made.code, made.products) == (0, None, [])
        assert discounts.get(id=made.id) == made
    app = product(merchant)
    full = ten_percent(
        merchant, code=" FooBar ", starts_at=LONG_AGO, ends_at=NEXT_CENTURY, max_redemptions=5, products=[app.id]
    )
    assert (full.code, full.starts_at, full.ends_at, full.max_redemptions) == ("FooBar", LONG_AGO, NEXT_CENTURY, 5)
    assert [each.id for each in full.products] == [app.id]


def test_a_list_is_filtered_and_sorted(merchant: Merchant, server: Server) -> None:
    for name, code in [("zoe", "aaa"), ("Bea", None), ("adam", "bbb")]:
        ten_percent(merchant, name=name, code=code)

    def names(**wanted: object) -> list[str]:
        return [each.name for each in every(merchant.polar.discounts.list(**wanted))]

    assert names() == ["adam", "Bea", "zoe"]
    for sorting, expected in [
        (["created_at"], ["zoe", "Bea", "adam"]), (["-created_at"], ["adam", "Bea", "zoe"]),
        (["name"], ["adam", "Bea", "zoe"]), (["-name"], ["zoe", "Bea", "adam"]),
        (["code"], ["zoe", "adam", "Bea"]), (["-code"], ["Bea", "adam", "zoe"]),
        (["redemptions_count", "name"], ["adam", "Bea", "zoe"]),
        (["-redemptions_count", "-name"], ["zoe", "Bea", "adam"]),
    ]:
        assert names(sorting=sorting) == expected, sorting
        assert names(sorting=sorting, limit=2) == expected, sorting
    assert names(query="BB", organization_id=merchant.organization.id) == ["adam"]
    assert names(query="BEA") == ["Bea"]
    stranger = Merchant(server, "other")
    assert list(every(stranger.polar.discounts.list(organization_id=merchant.organization.id))) == []


def test_each_member_is_updated_and_cleared(merchant: Merchant) -> None:
    """D3, D11 and D12: the SDK sends a currency with every change."""
    app, made = product(merchant), ten_percent(merchant)

    def update(**change: object) -> models.Discount:
        return merchant.polar.discounts.update(id=made.id, discount_update=change)

    assert update(name="x").name == "x"
    assert update(code="Sale").code == "Sale"
    assert update(basis_points=2000).basis_points == 2000
    assert update(max_redemptions=3).max_redemptions == 3
    assert update(starts_at=LONG_AGO).starts_at == LONG_AGO
    assert update(ends_at=NEXT_CENTURY).ends_at == NEXT_CENTURY
    assert update(metadata={"a": 1}).metadata == {"a": 1}
    assert [each.id for each in update(products=[app.id]).products] == [app.id]
    cleared = update(code=None, starts_at=None, ends_at=None, max_redemptions=None, products=[])
    assert (cleared.code, cleared.starts_at, cleared.ends_at, cleared.max_redemptions) == (None, None, None, None)
    assert (cleared.products, cleared.name, cleared.basis_points, cleared.metadata) == ([], "x", 2000, {"a": 1})
    repeating = merchant.polar.discounts.create(
        request=models.DiscountFixedRepeatDurationCreate(
            type="fixed", duration="repeating", duration_in_months=3, amount=500, name="Five off",
            organization_id=merchant.organization.id,
        )
    )
    change = {"amount": 700, "duration_in_months": 6}
    changed = merchant.polar.discounts.update(id=repeating.id, discount_update=change)
    assert (changed.amount, changed.duration_in_months, changed.currency) == (700, 6, "usd")


def test_a_deleted_discount_is_gone_and_its_code_free(merchant: Merchant) -> None:
    """D13"""
    discounts = merchant.polar.discounts
    made = ten_percent(merchant, code="Sale")
    discounts.delete(id=made.id)
    with pytest.raises(models.ResourceNotFound):
        discounts.get(id=made.id)
    with pytest.raises(models.ResourceNotFound):
        discounts.delete(id=made.id)
    assert ten_percent(merchant, code="SALE").code == "SALE"


def test_what_was_redeemed_keeps_its_worth(server: Server) -> None:
    """D2"""
    seller = Seller(server, "acme")
    app, percent = product(seller), ten_percent(seller)
    five = seller.polar.discounts.create(
        request=models.DiscountFixedOnceForeverDurationCreate(
            type="fixed", duration="once", amount=500, name="Five off", organization_id=seller.organization.id
        )
    )
    for made, member in ((percent, "basis_points"), (five, "amount")):
        bought, _ = seller.buy(f"{member}@example.com", product_id=app.id, discount_id=made.id)
        assert bought.discount.id == made.id
        worth = getattr(made, member)
        with pytest.raises(models.HTTPValidationError) as refused:
            seller.polar.discounts.update(id=made.id, discount_update={member: worth + 1})
        assert places(refused) == [["body", member]]
        change = {member: worth, "name": "Another name"}
        kept = seller.polar.discounts.update(id=made.id, discount_update=change)
        assert (getattr(kept, member), kept.name, kept.redemptions_count) == (worth, "Another name", 1)


def test_errors_have_the_classes_of_the_sdk(merchant: Merchant, server: Server) -> None:
    """D1, D8, D9, D10 and D13"""
    made = ten_percent(merchant, code="Sale")
    branch = ["body", "percentage.once_forever"]
    for members, place in [
        ({"code": "sale"}, ["body", "code"]),
        ({"code": "a-b-c"}, [*branch, "code"]),
        ({"basis_points": 0}, [*branch, "basis_points"]),
        ({"name": ""}, [*branch, "name"]),
        ({"products": [made.id]}, ["body", "products", 0]),
        ({"starts_at": NEXT_CENTURY, "ends_at": LONG_AGO}, branch),
    ]:
        with pytest.raises(models.HTTPValidationError) as refused:
            ten_percent(merchant, **members)
        assert places(refused) == [place]
    discounts = merchant.polar.discounts
    ten_percent(merchant, code="Taken")
    theirs = Merchant(server, "other")
    foreign = product(theirs)
    for change, place in [
        ({"code": "TAKEN"}, ["body", "code"]),
        ({"products": [foreign.id]}, ["body", "products", 0]),
        ({"type": "fixed"}, ["body", "type"]),
        ({"duration": "forever"}, ["body", "duration"]),
        ({"ends_at": LONG_AGO}, ["body", "ends_at"]),
        ({"max_redemptions": 0}, ["body", "max_redemptions"]),
    ]:
        with pytest.raises(models.HTTPValidationError) as refused:
            discounts.update(id=made.id, discount_update=change)
        assert places(refused) == [place]
    assert discounts.get(id=made.id) == made
    stranger = theirs.polar.discounts
    with pytest.raises(models.ResourceNotFound):
        stranger.get(id=made.id)
    with pytest.raises(models.ResourceNotFound):
        stranger.update(id=made.id, discount_update={"name": "Mine"})
    with pytest.raises(models.SDKError) as denied:
        Polar(access_token="polar_pat_nothing", server_url=server.url).discounts.list()
    assert denied.value.status_code == 401
