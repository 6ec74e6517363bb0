"""Custom fields, as the official Python SDK sees them."""

import pytest
from polar_sdk import Polar, models

from harness import Server
from harness.merchants import Merchant, every, places

TYPES = {
    "text": {"form_label": "Your company", "textarea": True, "min_length": 1, "max_length": 20},
    "number": {"ge": 1, "le": 10},
    "date": {"ge": 1735689600, "form_help_text": "From 2025 on"},
    "checkbox": {"form_placeholder": "Terms"},
    "select": {"options": [{"value": "a", "label": "A"}, {"value": "b", "label": "B"}]},
}


@pytest.fixture
def merchant(server: Server) -> Merchant:
    return Merchant(server, "acme")


def create(merchant: Merchant, slug: str, type: str = "text", **members: object) -> models.CustomField:
    body = {"type": type, "slug": slug, "name": "Company", "properties": {}, **members}
    return merchant.polar.custom_fields.create(request={**body, "organization_id": merchant.organization.id})


def test_each_type_is_created_and_read(merchant: Merchant) -> None:
    """C2"""
    for number, (type, properties) in enumerate(TYPES.items()):
        metadata = {"plan": "pro", "seats": 5, "vip": True}
        made = create(merchant, f"_valid-slug_{number}", type, properties=properties, metadata=metadata)
        assert (made.TYPE, made.metadata) == (type, metadata)
        assert made.properties.model_dump(exclude_unset=True) == properties
        assert merchant.polar.custom_fields.get(id=made.id) == made


def test_a_list_is_filtered_and_sorted(merchant: Merchant, server: Server) -> None:
    """C8"""
    for type, slug, name in [("text", "b", "zoe"), ("checkbox", "a", "Bea"), ("number", "c", "adam")]:
        create(merchant, slug, type, name=name)

    def slugs(**wanted: object) -> str:
        return "".join(each.slug for each in every(merchant.polar.custom_fields.list(**wanted)))

    assert slugs() == "abc"
    for sorting, expected in [
        ("slug", "abc"), ("-slug", "cba"), ("name", "cab"), ("-name", "bac"),
        ("type", "acb"), ("-type", "bca"), ("created_at", "bac"), ("-created_at", "cab"),
    ]:
        assert slugs(sorting=[sorting]) == expected, sorting
        assert slugs(sorting=[sorting], limit=1) == expected, sorting
    assert slugs(query="BE") == "a"
    assert slugs(type_filter="text") == "b"
    assert slugs(type_filter=["text", "number"], organization_id=merchant.organization.id) == "bc"
    stranger = Merchant(server, "other")
    assert list(every(stranger.polar.custom_fields.list(organization_id=merchant.organization.id))) == []


def test_each_member_is_updated_and_null_changes_nothing(merchant: Merchant) -> None:
    made = create(merchant, "company", properties={"form_label": "Yours"})

    def update(**change: object) -> models.CustomField:
        return merchant.polar.custom_fields.update(id=made.id, custom_field_update={"type": "text", **change})

    assert update(name="Firm").name == "Firm"
    assert update(slug="firm").slug == "firm"
    assert update(metadata={"a": 1}).metadata == {"a": 1}
    assert update(properties={"max_length": 5}).properties.model_dump(exclude_unset=True) == {"max_length": 5}
    kept = update(name=None, slug=None, metadata=None, properties=None)
    assert (kept.name, kept.slug, kept.metadata, kept.properties.max_length) == ("Firm", "firm", {"a": 1}, 5)


def test_the_properties_of_each_type_are_updated(merchant: Merchant) -> None:
    changes = {
        "number": {"le": 20, "form_placeholder": "Seats"},
        "date": {"le": 1767225600},
        "checkbox": {"form_help_text": "All of them"},
        "select": {"options": [{"value": "c", "label": "C"}, {"value": "a", "label": "A"}]},
    }
    for type, properties in changes.items():
        made = create(merchant, type, type, properties=TYPES[type])
        change = {"type": type, "properties": properties}
        changed = merchant.polar.custom_fields.update(id=made.id, custom_field_update=change)
        assert changed.properties.model_dump(exclude_unset=True) == properties
        assert merchant.polar.custom_fields.get(id=made.id) == changed


def test_a_deleted_field_is_gone_and_its_slug_free(merchant: Merchant) -> None:
    """C7"""
    custom_fields = merchant.polar.custom_fields
    made = create(merchant, "company")
    custom_fields.delete(id=made.id)
    with pytest.raises(models.ResourceNotFound):
        custom_fields.get(id=made.id)
    with pytest.raises(models.ResourceNotFound):
        custom_fields.delete(id=made.id)
    assert create(merchant, "company").slug == "company"


def test_errors_have_the_classes_of_the_sdk(merchant: Merchant, server: Server) -> None:
    """C1 and C6"""
    custom_fields = merchant.polar.custom_fields
    made = create(merchant, "company")
    for slug, members, place in [
        ("company", {}, ["body", "slug"]),
        ("Company", {}, ["body", "text", "slug"]),
        ("888!", {}, ["body", "text", "slug"]),
        ("x", {"name": ""}, ["body", "text", "name"]),
        ("x", {"properties": {"form_label": ""}}, ["body", "text", "properties", "form_label"]),
        ("x", {"type": "select", "properties": {"options": []}}, ["body", "properties", "options"]),
    ]:
        with pytest.raises(models.HTTPValidationError) as refused:
            create(merchant, slug, **members)
        assert places(refused) == [place]
    with pytest.raises(models.HTTPValidationError) as refused:
        custom_fields.update(id=made.id, custom_field_update={"type": "number", "name": "X"})
    assert places(refused) == [["body", "type"]]
    create(merchant, "seats")
    option = {"value": "a", "label": "A"}
    choice = create(merchant, "choice", "select", properties={"options": [option]})
    for field, change, place in [
        (made, {"slug": "seats"}, ["body", "slug"]),
        (made, {"slug": "Seats"}, ["body", "text", "slug"]),
        (made, {"slug": ""}, ["body", "text", "slug"]),
        (made, {"name": ""}, ["body", "text", "name"]),
        (made, {"properties": {"min_length": -1}}, ["body", "text", "properties", "min_length"]),
        (made, {"properties": {"form_label": ""}}, ["body", "text", "properties", "form_label"]),
        (choice, {"type": "select", "properties": {"options": []}}, ["body", "properties", "options"]),
        (choice, {"type": "select", "properties": {"options": [option, option]}}, ["body", "properties", "options"]),
    ]:
        with pytest.raises(models.HTTPValidationError) as refused:
            custom_fields.update(id=field.id, custom_field_update={"type": "text", **change})
        assert [found[: len(place)] for found in places(refused)] == [place]
        assert custom_fields.get(id=field.id) == field
    stranger = Merchant(server, "other").polar.custom_fields
    with pytest.raises(models.ResourceNotFound):
        stranger.get(id=made.id)
    with pytest.raises(models.ResourceNotFound):
        stranger.update(id=made.id, custom_field_update={"type": "text", "name": "Mine"})
    with pytest.raises(models.SDKError) as denied:
        Polar(access_token="polar_pat_nothing", server_url=server.url).custom_fields.list()
    assert denied.value.status_code == 401
