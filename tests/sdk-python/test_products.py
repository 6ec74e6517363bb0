"""Products and checkout links, as the official Python SDK sees them."""

import base64
import hashlib
import re
import time
from collections.abc import Iterator

import pytest
from polar_sdk import Polar, models

from harness import Server, web

NOBODY = "3f2c1d8e-5b6a-4c7d-8e9f-0a1b2c3d4e5f"
ONCE = {"type": "one_time", "amount_type": "fixed", "price_amount": 1999}
MONTHLY = {"type": "recurring", "amount_type": "fixed", "price_amount": 900, "recurring_interval": "month"}
YEARLY = {**MONTHLY, "price_amount": 9000, "recurring_interval": "year"}


class Seller:
    """A merchant with an organization of his own."""

    def __init__(self, server: Server, name: str) -> None:
        owner = f"{name}@example.com"
        server.cli("organization", "create", "--name", "Home", "--slug", f"home-{name}", "--owner", owner)
        token = server.cli("token", "create", "--user", owner, "--all-scopes")["token"]
        self.server = server
        self.polar = Polar(access_token=token, server_url=server.url)
        self.id = self.polar.organizations.create(request={"name": "Acme Software", "slug": name}).id

    def product(self, **more: object) -> models.Product:
        body = {"name": "Desktop app", "organization_id": self.id, "prices": [ONCE], **more}
        return self.polar.products.create(request=body)

    def picture(self, name: str) -> models.ProductMediaFileRead:
        """A picture that is uploaded."""
        content = name.encode()
        checksum = base64.b64encode(hashlib.sha256(content).digest()).decode()
        part = {"number": 1, "chunk_start": 0, "chunk_end": len(content), "checksum_sha256_base64": checksum}
        announced = self.polar.files.create(
            request={
                "service": "product_media",
                "organization_id": self.id,
                "name": name,
                "mime_type": "image/png",
                "size": len(content),
                "checksum_sha256_base64": checksum,
                "upload": {"parts": [part]},
            }
        )
        signed = announced.upload.parts[0]
        sent = web.put(signed.url, content=content, headers=signed.headers)
        part = {"number": 1, "checksum_etag": sent.headers["etag"], "checksum_sha256_base64": checksum}
        completed = {"id": announced.upload.id, "path": announced.upload.path, "parts": [part]}
        return self.polar.files.uploaded(id=announced.id, file_upload_completed=completed)

    def note(self, description: str) -> models.BenefitCustom:
        return self.polar.benefits.create(
            request={
                "type": "custom",
                "description": description,
                "organization_id": self.id,
                "properties": {"note": "Thanks"},
            }
        )

    def discount(self, *products: models.Product) -> models.Discount:
        return self.polar.discounts.create(
            request={
                "type": "percentage",
                "duration": "once",
                "basis_points": 1000,
                "name": "Ten off",
                "organization_id": self.id,
                "products": [product.id for product in products],
            }
        )

    def link(self, product: models.Product, **more: object) -> models.CheckoutLink:
        body = {"payment_processor": "stripe", "product_id": product.id, **more}
        return self.polar.checkout_links.create(request=body)


@pytest.fixture
def seller(server: Server) -> Seller:
    return Seller(server, "acme")


def every(page) -> Iterator:
    """Every item of every page of a list."""
    while page is not None:
        yield from page.result.items
        page = page.next()


def places(error: pytest.ExceptionInfo) -> list[list]:
    return [problem.loc for problem in error.value.data.detail]


def test_products_of_every_sort_are_created_and_read(seller: Seller) -> None:
    polar = seller.polar
    field = polar.custom_fields.create(
        request={"type": "text", "slug": "seats", "name": "Seats", "properties": {}, "organization_id": seller.id}
    )
    once = seller.product(
        description="For desktops",
        metadata={"sku": "D1", "n": 1, "yes": True},
        attached_custom_fields=[{"custom_field_id": field.id, "required": True}],
    )
    assert (once.name, once.description, once.is_recurring) == ("Desktop app", "For desktops", False)
    assert once.metadata == {"sku": "D1", "n": 1, "yes": True}
    assert isinstance(once.prices[0], models.ProductPriceOneTimeFixed)
    assert (once.prices[0].price_amount, once.prices[0].price_currency) == (1999, "usd")
    assert [(each.custom_field.slug, each.order, each.required) for each in once.attached_custom_fields] == [
        ("seats", 0, True)
    ]
    assert polar.products.get(id=once.id) == once

    cloud = seller.product(name="Cloud", prices=[MONTHLY, YEARLY])
    assert cloud.is_recurring
    assert [(price.recurring_interval, price.price_amount) for price in cloud.prices] == [
        ("month", 900),
        ("year", 9000),
    ]
    amounts = {"minimum_amount": 500, "maximum_amount": 10000, "preset_amount": 1000}
    tips = seller.product(prices=[{"type": "one_time", "amount_type": "custom", **amounts}]).prices[0]
    assert isinstance(tips, models.ProductPriceOneTimeCustom)
    assert (tips.minimum_amount, tips.maximum_amount, tips.preset_amount) == (500, 10000, 1000)
    free = seller.product(prices=[{"type": "one_time", "amount_type": "free"}]).prices[0]
    assert isinstance(free, models.ProductPriceOneTimeFree)
    plan = {"type": "recurring", "amount_type": "free", "recurring_interval": "month"}
    assert isinstance(seller.product(prices=[plan]).prices[0], models.ProductPriceRecurringFree)


# spec 50 §7.1 C5
def test_lists_of_products_are_filtered_and_sorted(seller: Seller) -> None:
    polar = seller.polar
    benefit = seller.note("A note")
    custom = {"type": "one_time", "amount_type": "custom", "minimum_amount": 100}
    made = {
        name: seller.product(name=name, prices=[price]).id
        for name, price in [
            ("b fixed", ONCE),
            ("A free", {"type": "one_time", "amount_type": "free"}),
            ("c custom", custom),
            ("D cloud", MONTHLY),
        ]
    }
    polar.products.update(id=made["c custom"], product_update={"is_archived": True})
    polar.products.update_benefits(id=made["D cloud"], product_benefits_update={"benefits": [benefit.id]})

    def names(**request: object) -> str:
        found = every(polar.products.list(organization_id=seller.id, **request))
        return ", ".join(product.name for product in found)

    for sorting, expected in [
        (["-created_at"], "D cloud, c custom, A free, b fixed"),
        (["created_at"], "b fixed, A free, c custom, D cloud"),
        (["name"], "A free, b fixed, c custom, D cloud"),
        (["-name"], "D cloud, c custom, b fixed, A free"),
        (["price_type", "name"], "A free, b fixed, c custom, D cloud"),
        (["-price_type", "name"], "D cloud, A free, b fixed, c custom"),
        (["price_amount_type", "name"], "A free, c custom, b fixed, D cloud"),
        (["-price_amount_type", "name"], "b fixed, D cloud, c custom, A free"),
        (["price_amount"], "A free, c custom, D cloud, b fixed"),
        (["-price_amount"], "b fixed, D cloud, c custom, A free"),
    ]:
        assert names(sorting=sorting) == expected, sorting
    assert names() == "D cloud, c custom, A free, b fixed"
    assert names(is_archived=True) == "c custom"
    assert names(is_archived=False, sorting=["name"]) == "A free, b fixed, D cloud"
    assert names(is_recurring=True) == "D cloud"
    assert names(is_recurring=False, sorting=["name"]) == "A free, b fixed, c custom"
    assert names(query="CLOUD") == "D cloud"
    assert names(benefit_id=benefit.id) == "D cloud"
    assert names(id=[made["A free"], made["b fixed"]], sorting=["name"]) == "A free, b fixed"
    assert names(limit=1, sorting=["name"]) == "A free, b fixed, c custom, D cloud"


def test_each_member_of_a_product_is_updated_by_itself(seller: Seller) -> None:
    polar = seller.polar
    product = seller.product()

    def update(**changes: object) -> models.Product:
        return polar.products.update(id=product.id, product_update=changes)

    assert update(name="Desktop app 2").name == "Desktop app 2"
    assert update(description="New").description == "New"
    assert update(description="").description == "New"
    assert update(is_archived=True).is_archived
    assert not update(is_archived=False).is_archived
    assert update(metadata={"a": "b"}).metadata == {"a": "b"}
    whole = polar.products.get(id=product.id)
    assert update() == whole
    assert update(name=None, prices=None, medias=None, attached_custom_fields=None) == whole
    priced = update(prices=[MONTHLY])
    both = update(prices=[{"id": priced.prices[0].id}, YEARLY])
    assert (both.prices[0], both.prices[1].price_amount) == (priced.prices[0], 9000)
    assert update(prices=[both.prices[1].model_dump()]).prices == [both.prices[1]]


def test_the_questions_of_a_product_are_set_in_order(seller: Seller) -> None:
    polar = seller.polar
    seats, terms = [
        polar.custom_fields.create(
            request={"type": kind, "slug": slug, "name": slug, "properties": {}, "organization_id": seller.id}
        )
        for kind, slug in (("text", "seats"), ("checkbox", "terms"))
    ]
    product = seller.product()

    def asked(*fields: tuple[models.CustomField, bool]) -> list[tuple]:
        attached = [{"custom_field_id": field.id, "required": required} for field, required in fields]
        changed = polar.products.update(id=product.id, product_update={"attached_custom_fields": attached})
        assert polar.products.get(id=product.id) == changed
        return [(each.custom_field.slug, each.order, each.required) for each in changed.attached_custom_fields]

    assert asked((seats, True)) == [("seats", 0, True)]
    assert asked((terms, False), (seats, True)) == [("terms", 0, False), ("seats", 1, True)]
    kept = polar.products.update(id=product.id, product_update={"attached_custom_fields": None})
    assert len(kept.attached_custom_fields) == 2
    with pytest.raises(models.HTTPValidationError) as error:
        asked((seats, True), (terms.model_copy(update={"id": NOBODY}), True))
    assert places(error) == [["body", "attached_custom_fields", 1]]
    assert asked() == []


def test_pictures_of_a_product_are_shown_in_their_order(seller: Seller) -> None:
    polar = seller.polar
    front, back = seller.picture("front.png"), seller.picture("back.png")
    product = seller.product(medias=[front.id])
    assert product.medias == [front], "a picture of a product is the picture that was uploaded"
    assert web.get(product.medias[0].public_url).content == b"front.png"

    def shown(medias: list[str] | None) -> list[models.ProductMediaFileRead]:
        return polar.products.update(id=product.id, product_update={"medias": medias}).medias

    assert shown([back.id, front.id]) == [back, front]
    assert polar.products.get(id=product.id).medias == [back, front]
    (listed,) = every(polar.products.list(organization_id=seller.id))
    assert listed.medias == [back, front]
    assert shown(None) == [back, front]
    with pytest.raises(models.HTTPValidationError) as error:
        shown([front.id, NOBODY])
    assert places(error) == [["body", "medias", 1]]
    assert shown([]) == []


def test_benefits_of_a_product_are_set_and_buyers_follow(seller: Seller) -> None:
    polar = seller.polar
    product, first, second = seller.product(), seller.note("First"), seller.note("Second")

    def put(*benefits: models.BenefitCustom) -> list[str]:
        ids = [benefit.id for benefit in benefits]
        after = polar.products.update_benefits(id=product.id, product_benefits_update={"benefits": ids})
        return [benefit.description for benefit in after.benefits]

    assert put(second, first) == ["Second", "First"]
    assert polar.products.get(id=product.id).benefits[0].properties.note == "Thanks"
    buyer = polar.customers.create(request={"email": "buyer@example.com", "organization_id": seller.id})
    order = seller.server.cli("grant", "--product", product.id, "--customer", buyer.id)
    assert [grant["is_granted"] for grant in order["grants"]] == [True, True]
    assert put(first) == ["First"]

    def holders(benefit: models.BenefitCustom) -> int:
        return len(list(every(polar.benefits.grants(id=benefit.id, is_granted=True))))

    deadline = time.monotonic() + 20
    while holders(second) > 0 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert (holders(first), holders(second)) == (1, 0)
    assert put() == []


def test_what_is_wrong_with_a_product_is_told_at_its_place(seller: Seller) -> None:
    polar = seller.polar
    amount = ["ProductPriceOneTimeFixedCreate", "price_amount"]
    for body, place in [
        ({"name": "ab"}, ["body", "ProductOneTimeCreate", "name"]),
        ({"prices": []}, ["body", "ProductOneTimeCreate", "prices"]),
        ({"prices": [MONTHLY, MONTHLY]}, ["body", "ProductRecurringCreate", "prices"]),
        ({"prices": [{**ONCE, "price_amount": 49}]}, ["body", "ProductOneTimeCreate", "prices", 0, *amount]),
        ({"prices": [{**ONCE, "price_amount": 100_000_000}]}, ["body", "ProductOneTimeCreate", "prices", 0, *amount]),
        ({"medias": [NOBODY]}, ["body", "medias", 0]),
        ({"organization_id": NOBODY}, ["body", "organization_id"]),
    ]:
        with pytest.raises(models.HTTPValidationError) as error:
            seller.product(**body)
        assert places(error) == [place]
    product = seller.product()
    for changes, place in [
        ({"name": "ab"}, ["body", "name"]),
        ({"prices": [{**ONCE, "price_amount": 49}]}, ["body", "prices", 0, *amount]),
        ({"prices": [{**ONCE, "price_amount": 100_000_000}]}, ["body", "prices", 0, *amount]),
        ({"prices": []}, ["body", "prices"]),
        ({"prices": [{"id": NOBODY}]}, ["body", "prices", 0]),
        ({"medias": [NOBODY]}, ["body", "medias", 0]),
    ]:
        with pytest.raises(models.HTTPValidationError) as error:
            polar.products.update(id=product.id, product_update=changes)
        assert places(error) == [place]
    plan = seller.product(prices=[MONTHLY])
    twice = [{"id": plan.prices[0].id}, {**MONTHLY, "price_amount": 1000}]
    with pytest.raises(models.HTTPValidationError) as error:
        polar.products.update(id=plan.id, product_update={"prices": twice})
    assert places(error) == [["body", "prices"]]
    assert polar.products.get(id=plan.id) == plan
    with pytest.raises(models.HTTPValidationError) as error:
        polar.products.update_benefits(id=product.id, product_benefits_update={"benefits": [NOBODY]})
    assert places(error) == [["body", "benefits", 0]]
    stranger = Seller(seller.server, "other")
    with pytest.raises(models.SDKError) as refused:
        stranger.product(organization_id=seller.id)
    assert refused.value.status_code == 403
    for call in (
        lambda: polar.products.get(id=NOBODY),
        lambda: stranger.polar.products.get(id=product.id),
        lambda: stranger.polar.products.update(id=product.id, product_update={"name": "Mine"}),
        lambda: stranger.polar.products.update_benefits(id=product.id, product_benefits_update={"benefits": []}),
    ):
        with pytest.raises(models.ResourceNotFound):
            call()


def test_a_checkout_link_is_created_read_updated_and_deleted(seller: Seller) -> None:
    links = seller.polar.checkout_links
    product = seller.product()
    discount = seller.discount(product)
    link = seller.link(
        product,
        label="Blog",
        allow_discount_codes=False,
        discount_id=discount.id,
        success_url="https://Example.com?x={CHECKOUT_ID}",
        metadata={"from": "blog"},
    )
    assert re.fullmatch("polar_cl_[0-9A-Za-z]{43}", link.client_secret)
    assert link.url == f"{seller.server.url}/v1/checkout-links/{link.client_secret}/redirect"
    assert (link.label, link.allow_discount_codes, link.metadata) == ("Blog", False, {"from": "blog"})
    assert link.success_url == "https://example.com/?x={CHECKOUT_ID}"
    assert (link.product_id, link.product_price_id, link.product_price) == (product.id, None, None)
    assert link.product.prices == product.prices
    assert link.discount.basis_points == 1000
    assert links.get(id=link.id) == link

    priced = links.create(request={"payment_processor": "stripe", "product_price_id": product.prices[0].id})
    assert (priced.product_id, priced.product_price) == (product.id, product.prices[0])

    def update(**changes: object) -> models.CheckoutLink:
        return links.update(id=link.id, checkout_link_update=changes)

    assert update(label="Shop").label == "Shop"
    assert update(label=None).label is None
    assert update(success_url="https://example.com/thanks").success_url == "https://example.com/thanks"
    assert update(success_url=None).success_url is None
    assert update(allow_discount_codes=True).allow_discount_codes
    assert update(metadata={"a": 1}).metadata == {"a": 1}
    assert update(product_price_id=product.prices[0].id).product_price == product.prices[0]
    assert update(product_price_id=None).product_price is None
    assert update(discount_id=None).discount is None
    assert update(discount_id=discount.id).discount.id == discount.id
    links.delete(id=link.id)
    for call in (links.get, links.delete):
        with pytest.raises(models.ResourceNotFound):
            call(id=link.id)


def test_checkout_links_are_listed_and_what_is_wrong_is_told(seller: Seller) -> None:
    links = seller.polar.checkout_links
    one, two = seller.product(), seller.product()
    made = [seller.link(product).id for product in (one, two, one)]

    def ids(**request: object) -> list[str]:
        return [link.id for link in every(links.list(**request))]

    assert ids() == made
    assert ids(sorting=["-created_at"]) == made[::-1]
    assert ids(organization_id=seller.id, product_id=one.id) == [made[0], made[2]]
    assert ids(product_id=[one.id, two.id], limit=2) == made
    assert ids(organization_id=NOBODY) == []

    discount = seller.discount(two)
    for body, place in [
        ({"product_id": NOBODY}, ["body", "product_id"]),
        ({"discount_id": discount.id}, ["body", "discount_id"]),
        ({"success_url": "ftp://x"}, ["body", "CheckoutLinkProductCreate", "success_url"]),
    ]:
        with pytest.raises(models.HTTPValidationError) as error:
            seller.link(one, **body)
        assert places(error) == [place]
    with pytest.raises(models.HTTPValidationError) as error:
        links.update(id=made[0], checkout_link_update={"product_price_id": two.prices[0].id})
    assert places(error) == [["body", "product_price_id"]]
    for discount_id in (discount.id, NOBODY):
        with pytest.raises(models.HTTPValidationError) as error:
            links.update(id=made[0], checkout_link_update={"discount_id": discount_id})
        assert places(error) == [["body", "discount_id"]]
    assert links.get(id=made[0]).discount is None
    stranger = Seller(seller.server, "other")
    foreign = stranger.product().prices[0].id
    for price_id in (NOBODY, foreign):
        with pytest.raises(models.HTTPValidationError) as error:
            links.create(request={"payment_processor": "stripe", "product_price_id": price_id})
        assert places(error) == [["body", "product_price_id"]]
    theirs = stranger.polar.checkout_links
    for call in (
        lambda: theirs.get(id=made[0]),
        lambda: theirs.update(id=made[0], checkout_link_update={"label": "Mine"}),
        lambda: theirs.delete(id=made[0]),
    ):
        with pytest.raises(models.ResourceNotFound):
            call()
    with pytest.raises(models.HTTPValidationError) as error:
        stranger.link(one)
    assert places(error) == [["body", "product_id"]]
    assert ids() == made
