"""Benefits that need no other service, kind by kind, as the official Python SDK sees them: what is changed, deleted, granted
and refused."""

import base64
import hashlib
import json
from pathlib import Path

import pytest
from polar_sdk import models

from harness import Server, web
from harness.merchants import Merchant, every, places

NOBODY = "3f2c1d8e-5b6a-4c7d-8e9f-0a1b2c3d4e5f"
TEXT = b"hello world"
CHECKSUM = base64.b64encode(hashlib.sha256(TEXT).digest()).decode()


@pytest.fixture
def merchant(server: Server) -> Merchant:
    return Merchant(server, "acme")


def create(merchant: Merchant, kind: str, properties: dict, **more: object) -> models.Benefit:
    owner = {"organization_id": merchant.organization.id}
    body = {"type": kind, "description": "A benefit", "properties": properties, **owner, **more}
    return merchant.polar.benefits.create(request=body)


def file(merchant: Merchant, name: str) -> str:
    files = merchant.polar.files
    part = {"number": 1, "chunk_start": 0, "chunk_end": len(TEXT), "checksum_sha256_base64": CHECKSUM}
    announced = files.create(
        request={
            "service": "downloadable",
            "organization_id": merchant.organization.id,
            "name": name,
            "mime_type": "text/plain",
            "size": len(TEXT),
            "upload": {"parts": [part]},
        }
    )
    signed = announced.upload.parts[0]
    sent = web.put(signed.url, content=TEXT, headers=signed.headers)
    part = {"number": 1, "checksum_etag": sent.headers["etag"], "checksum_sha256_base64": CHECKSUM}
    completed = {"id": announced.upload.id, "path": announced.upload.path, "parts": [part]}
    return files.uploaded(id=announced.id, file_upload_completed=completed).id


def test_every_kind_is_read_changed_in_each_of_its_members_and_deleted(merchant: Merchant) -> None:
    benefits = merchant.polar.benefits
    one, two = file(merchant, "one.txt"), file(merchant, "two.txt")
    for kind, before, after in [
        ("custom", {"note": "In the credits"}, {"note": None}),
        ("ads", {"image_height": 400, "image_width": 300}, {"image_height": 100, "image_width": 200}),
        ("downloadables", {"files": [one], "archived": {}}, {"files": [two, one], "archived": {one: True}}),
        (
            "license_keys",
            {
                "prefix": "ACME",
                "expires": {"ttl": 1, "timeframe": "year"},
                "activations": {"limit": 3, "enable_customer_admin": True},
                "limit_usage": 9,
            },
            {
                "prefix": "NEW",
                "expires": {"ttl": 6, "timeframe": "month"},
                "activations": {"limit": 5, "enable_customer_admin": False},
                "limit_usage": 2,
            },
        ),
    ]:
        made = create(merchant, kind, before)
        assert (made.TYPE, made.description, made.properties.model_dump()) == (kind, "A benefit", before)
        assert (made.selectable, made.deletable) == (True, True)
        assert benefits.get(id=made.id) == made

        def told(**changes: object) -> tuple:
            changed = benefits.update(id=made.id, request_body={"type": kind, **changes})
            assert benefits.get(id=made.id) == changed
            return changed.description, changed.properties.model_dump()

        assert told(description="Renamed") == ("Renamed", before)
        assert told(properties=after) == ("Renamed", after)
        assert told(description="Both", properties=before) == ("Both", before)
        assert told() == ("Both", before)

        def ids() -> list[str]:
            listed = benefits.list(organization_id=merchant.organization.id, type_filter=kind)
            return [each.id for each in every(listed)]

        assert made.id in ids()
        benefits.delete(id=made.id)
        assert made.id not in ids()
        for call in (
            lambda: benefits.get(id=made.id),
            lambda: benefits.delete(id=made.id),
            lambda: told(description="Gone"),
        ):
            with pytest.raises(models.ResourceNotFound):
                call()


# spec 50 §7.1 C5
def test_lists_of_several_types_go_page_by_page_the_types_in_their_order(merchant: Merchant) -> None:
    for kind, description, properties in [
        ("license_keys", "First key", {}),
        ("custom", "First note", {"note": None}),
        ("ads", "A place", {"image_height": 1, "image_width": 1}),
        ("license_keys", "Second key", {}),
        ("custom", "Second note", {"note": None}),
    ]:
        create(merchant, kind, properties, description=description)

    def told(**filters: object) -> list[str]:
        listed = merchant.polar.benefits.list(organization_id=merchant.organization.id, **filters)
        return [each.description for each in every(listed)]

    sold = ["First note", "Second note", "First key", "Second key"]
    for limit in (100, 3, 1):
        assert told(limit=limit) == ["A place", *sold]
        assert told(limit=limit, type_filter=["license_keys", "custom"]) == sold
        assert told(limit=limit, type_filter="ads") == ["A place"]
    page = merchant.polar.benefits.list(type_filter=["custom", "ads"], page=2, limit=2).result
    assert [each.description for each in page.items] == ["Second note"]
    assert (page.pagination.total_count, page.pagination.max_page) == (3, 2)


def test_what_cannot_be_deleted_is_not(merchant: Merchant, server: Server, tmp_path: Path) -> None:
    """B9. The API makes no such benefit; one comes in from elsewhere."""
    benefits = merchant.polar.benefits
    made = create(merchant, "custom", {"note": "For ever"})
    exported = tmp_path / "shop.ndjson"
    server.cli("export", str(exported), "--organization", merchant.organization.slug)
    lines = [json.loads(line) for line in exported.read_text().splitlines()]
    (copy,) = (line for line in lines if line.get("data", {}).get("id") == made.id)
    copy["data"] |= {"id": NOBODY, "deletable": False}
    changed = [*lines[:2], copy, {"type": "end", "records": 1, "uncarried": {}}]
    exported.write_text("".join(f"{json.dumps(line)}\n" for line in changed))
    server.cli("import", str(exported))
    assert not benefits.get(id=NOBODY).deletable
    with pytest.raises(models.NotPermitted):
        benefits.delete(id=NOBODY)
    assert benefits.get(id=NOBODY).description == made.description
    benefits.delete(id=made.id)


def test_grants_are_listed_by_their_state_and_their_customer(merchant: Merchant, server: Server) -> None:
    benefits = merchant.polar.benefits
    note = create(merchant, "custom", {"note": None})
    holder, former = merchant.customer("holder@example.com"), merchant.customer("former@example.com")
    for customer in (holder, former):
        server.cli("grant", "--benefit", note.id, "--customer", customer.id)
    server.cli("grant", "--benefit", note.id, "--customer", former.id, "--revoke")

    def holders(**filters: object) -> list[str]:
        return [grant.customer_id for grant in every(benefits.grants(id=note.id, **filters))]

    assert holders() == [former.id, holder.id]
    assert holders(is_granted=True) == [holder.id]
    assert holders(is_granted=False) == [former.id]
    assert holders(customer_id=holder.id) == [holder.id]
    assert holders(customer_id=[holder.id, former.id], limit=1) == [former.id, holder.id]
    assert holders(customer_id=holder.id, is_granted=False) == []
    assert holders(customer_id=NOBODY) == []
    (revoked,) = every(benefits.grants(id=note.id, is_granted=False))
    assert (revoked.is_granted, revoked.is_revoked) == (False, True)
    assert revoked.customer.email == "former@example.com"
    with pytest.raises(models.ResourceNotFound):
        benefits.grants(id=NOBODY)


def test_what_is_wrong_with_a_benefit_is_told_at_its_place(merchant: Merchant, server: Server) -> None:
    benefits = merchant.polar.benefits
    stranger = Merchant(server, "other")
    note, seats = {"note": None}, {"limit": 0, "enable_customer_admin": True}
    for kind, properties, more, place in [
        ("custom", note, {"description": "ab"}, ["body", "custom", "description"]),
        ("custom", note, {"description": "x" * 43}, ["body", "custom", "description"]),
        ("custom", note, {"organization_id": None}, ["body", "organization_id"]),
        ("custom", note, {"organization_id": NOBODY}, ["body", "organization_id"]),
        ("custom", note, {"organization_id": stranger.organization.id}, ["body", "organization_id"]),
        (
            "license_keys",
            {"expires": {"ttl": 2147483647, "timeframe": "year"}},
            {},
            ["body", "properties", "expires", "ttl"],
        ),
        ("license_keys", {"activations": seats}, {}, ["body", "license_keys", "properties", "activations", "limit"]),
        ("downloadables", {"files": [NOBODY], "archived": {}}, {}, ["body", "properties", "files", 0]),
        # This installation is connected to neither service.
        ("discord", {"guild_token": "x", "role_id": "1"}, {}, ["body", "type"]),
    ]:
        with pytest.raises(models.HTTPValidationError) as refused:
            create(merchant, kind, properties, **more)
        assert places(refused) == [place]
    made = create(merchant, "custom", note)
    with pytest.raises(models.HTTPValidationError) as refused:
        benefits.update(id=made.id, request_body={"type": "custom", "description": "x" * 43})
    assert places(refused) == [["body", "BenefitCustomUpdate", "description"]]
    with pytest.raises(models.SDKError) as other_kind:
        benefits.update(id=made.id, request_body={"type": "ads", "description": "Another"})
    assert (other_kind.value.status_code, json.loads(other_kind.value.body)["error"]) == (400, "BadRequest")
    theirs = stranger.polar.benefits
    for call in (
        lambda: theirs.get(id=made.id),
        lambda: theirs.update(id=made.id, request_body={"type": "custom", "description": "Mine"}),
        lambda: theirs.delete(id=made.id),
        lambda: theirs.grants(id=made.id),
    ):
        with pytest.raises(models.ResourceNotFound):
            call()
