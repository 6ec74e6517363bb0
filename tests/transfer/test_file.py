"""A shop goes out as a file and comes into another installation, where apps in the field go on."""

import json
import uuid
from pathlib import Path

import httpx
import pytest

from harness import Database, Server, Shop, web
from transfer.field import App, merchant, shown, without_places


def test_apps_go_on_after_a_move(shop: Shop, server: Server, elsewhere: Server, tmp_path: Path) -> None:
    key = shop.key(activations=3, usage=100)
    app = App(key, "studio", conditions={"host": "studio"})
    other = App(key, "laptop")
    assert other.deactivate(server).status_code == 204
    for increment in (2, 3):
        assert app.validate(server, conditions={"host": "studio"}, increment_usage=increment).status_code == 200
    before = shown(shop.http)

    file = tmp_path / "shop.ndjson"
    told = server.cli("export", str(file))
    assert told == {"organization_id": shop.organization_id, "records": 4, "file": str(file)}
    assert file.stat().st_mode & 0o777 == 0o600
    report = elsewhere.cli("import", str(file))
    assert report["organization_id"] == shop.organization_id
    assert report["remarks"] == []
    assert {kind: counts["new"] for kind, counts in report["records"].items()} == {
        "benefit": 1,
        "customer": 1,
        "license_key": 1,
        "benefit_grant": 1,
    }

    elsewhere.start()
    assert shown(merchant(elsewhere, shop)) == before
    assert app.validate(elsewhere, conditions={"host": "another"}).status_code == 404
    answer = app.validate(elsewhere, conditions={"host": "studio"}, increment_usage=5)
    assert answer.status_code == 200, answer.text
    assert (answer.json()["usage"], answer.json()["validations"]) == (10, 3)
    assert answer.json()["activation"]["meta"] == {"cores": 8, "name": "studio"}
    assert app.deactivate(elsewhere).status_code == 204
    assert app.deactivate(elsewhere).status_code == 404


def test_everything_of_the_demo_shop_moves_with_the_bytes_of_its_files(
    elsewhere: Server, database: Database, tmp_path: Path
) -> None:
    source = Server(database, tmp_path)
    demo = source.begin("demo", "--json", "--listen", "127.0.0.1:0")
    try:
        assert demo.stdout is not None
        shop = json.loads(demo.stdout.readline())
        there = httpx.Client(base_url=shop["url"], headers=bearer(shop["access_token"]), timeout=30)
        before = shown(there)
        folder, file = tmp_path / "bytes", tmp_path / "shop.ndjson"
        source.run("export", str(file), "--with-files", str(folder))
        assert {each.name for each in folder.iterdir()} == set(shop["file_ids"])
        without = elsewhere.cli("import", str(file))
        assert [(each["kind"], each["count"]) for each in without["remarks"]] == [("file", 7)]
        report = elsewhere.cli("import", str(file), "--files", str(folder))
        assert report["remarks"] == []
        stays = {each["kind"]: each["count"] for each in report["not_carried"]}
        assert stays.keys() == {"subscriptions", "orders", "payments"}
        assert stays["orders"] == report["records"]["order"]["here"]
        assert stays == {each["kind"]: each["count"] for each in without["not_carried"]}
        assert all(counts["new"] == 0 for counts in report["records"].values())

        elsewhere.start()
        token = elsewhere.cli("token", "create", "--user", "ada@nimbus.example", "--all-scopes")["token"]
        here = httpx.Client(base_url=elsewhere.url, headers=bearer(token), timeout=30)
        after = shown(here)
        assert without_places(after) == without_places(before)
        pictures = [media for product in after["/v1/products/"].values() for media in product["medias"]]
        assert len(pictures) == 6
        for picture in pictures:
            answer = web.get(picture["public_url"])
            assert (answer.status_code, answer.content) == (200, (folder / picture["id"]).read_bytes())
        [theme_pack] = [each for each in after["grants"] if after["/v1/benefits/"][each]["type"] == "downloadables"]
        buyer = next(iter(after["grants"][theme_pack].values()))["customer_id"]
        session = here.post("/v1/customer-sessions/", json={"customer_id": buyer}).json()["token"]
        path = f"{elsewhere.url}/v1/customer-portal/downloadables/"
        [item] = web.get(path, headers=bearer(session)).json()["items"]
        downloaded = web.get(item["file"]["download"]["url"], follow_redirects=True)
        assert downloaded.content == (folder / item["file"]["id"]).read_bytes()
    finally:
        demo.terminate()
        demo.communicate()


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_a_second_run_changes_nothing(shop: Shop, server: Server, elsewhere: Server, tmp_path: Path) -> None:
    App(shop.key(activations=2), "laptop")
    first, second = tmp_path / "first.ndjson", tmp_path / "second.ndjson"
    server.run("export", str(first))
    elsewhere.cli("import", str(first))
    elsewhere.run("export", str(second), "--organization", shop.slug)
    again = elsewhere.cli("import", str(first))
    assert [(counts["new"], counts["known"]) for counts in again["records"].values()] == [(0, 1)] * 4
    third = tmp_path / "third.ndjson"
    elsewhere.run("export", str(third))
    records = [file.read_text().splitlines()[1:] for file in (first, second, third)]
    assert records[0] == records[1] == records[2]


def test_what_is_new_at_the_source_comes_with_the_next_run(
    shop: Shop, server: Server, elsewhere: Server, tmp_path: Path
) -> None:
    benefit = shop.benefit(activations=2)
    shop.grant(benefit, shop.customer())
    server.run("export", str(tmp_path / "first.ndjson"))
    elsewhere.cli("import", str(tmp_path / "first.ndjson"))
    key = shop.grant(benefit, shop.customer())
    app = App(key, "laptop")
    server.run("export", str(tmp_path / "second.ndjson"))
    report = elsewhere.cli("import", str(tmp_path / "second.ndjson"))
    assert {kind: (counts["new"], counts["known"]) for kind, counts in report["records"].items()} == {
        "benefit": (0, 1),
        "customer": (1, 1),
        "license_key": (1, 1),
        "benefit_grant": (1, 1),
    }
    assert app.validate(elsewhere.start()).status_code == 200


def test_a_shop_moves_from_one_engine_to_the_other(
    shop: Shop, server: Server, engine: str, tmp_path: Path
) -> None:
    app = App(shop.key(activations=2), "laptop")
    file = tmp_path / "shop.ndjson"
    server.run("export", str(file))
    folder = tmp_path / "other-engine"
    folder.mkdir()
    database = Database("postgres" if engine == "sqlite" else "sqlite", folder)
    other = Server(database, folder)
    try:
        other.run("import", str(file))
        back = tmp_path / "back.ndjson"
        other.run("export", str(back))
        assert back.read_text().splitlines()[1:] == file.read_text().splitlines()[1:]
        assert app.validate(other.start()).status_code == 200
    finally:
        other.clean_up()
        database.drop()


def customers_in(server: Server, file: Path) -> int:
    """How many customers the installation exports; none while there is no organization yet."""
    file.unlink(missing_ok=True)
    if server.begin("export", str(file)).wait() != 0:
        return 0
    return sum(json.loads(line)["type"] == "customer" for line in file.read_text().splitlines())


def test_a_run_that_is_killed_goes_on_where_it_stopped(elsewhere: Server, tmp_path: Path) -> None:
    customers = 4_000
    file = tmp_path / "big.ndjson"
    file.write_text("".join(f"{json.dumps(line)}\n" for line in made_up_shop(customers)))
    elsewhere.run("migrate")
    importing = elsewhere.begin("import", str(file))
    assert importing.stderr is not None
    while not importing.stderr.readline().startswith("customer: "):
        assert importing.poll() is None, "it tells how far it is"
    importing.kill()
    importing.communicate()
    assert 0 < customers_in(elsewhere, tmp_path / "partial.ndjson") < customers
    report = elsewhere.cli("import", str(file))
    assert report["is_resumed"]
    of_customers = report["records"]["customer"]
    assert of_customers["here"] == customers
    # Nothing that an earlier run had taken was even looked at again.
    assert 0 < of_customers["new"] < customers
    assert of_customers["known"] == 0
    back = tmp_path / "back.ndjson"
    elsewhere.run("export", str(back))
    lines = [[json.loads(line) for line in each.read_text().splitlines()[2:]] for each in (file, back)]
    assert lines[0] == lines[1]


def test_an_export_beside_a_busy_server_is_whole(shop: Shop, server: Server, elsewhere: Server, tmp_path: Path) -> None:
    benefit = shop.benefit(activations=5)
    App(shop.grant(benefit, shop.customer()), "device")
    for number in range(3):
        file = tmp_path / f"{number}.ndjson"
        before = shop.http.get("/v1/license-keys").json()["pagination"]["total_count"]
        exporting = server.begin("export", str(file))
        while exporting.poll() is None:
            App(shop.grant(benefit, shop.customer()), "device")
        after = shop.http.get("/v1/license-keys").json()["pagination"]["total_count"]
        assert exporting.wait() == 0 and after > before
        report = elsewhere.cli("import", str(file))
        assert report["remarks"] == []
        assert before <= report["records"]["license_key"]["here"] <= after


def test_a_shop_goes_into_an_organization_that_is_named(
    shop: Shop, server: Server, elsewhere: Server, tmp_path: Path
) -> None:
    app = App(shop.key(activations=2), "laptop")
    file = tmp_path / "shop.ndjson"
    server.run("export", str(file))
    named = ("--name", "Other Shop", "--slug", "other-shop", "--owner", "owner@example.com")
    other = elsewhere.cli("organization", "create", *named)["id"]
    told = elsewhere.run("import", str(file), "--organization", "other-shop")
    assert f"The organization's id is {other} here and was {shop.organization_id} there" in told
    elsewhere.start()
    assert app.validate(elsewhere).status_code == 404
    assert app.validate(elsewhere, organization_id=other).status_code == 200


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda lines: lines[1:], "line 1: this is no export of Merak"),
        (lambda lines: [lines[0].replace('"version":1', '"version":2'), *lines[1:]], "version 2"),
        (lambda lines: lines[:-1], "the file ends here, but it is not complete"),
        (lambda lines: [*lines[:-2], lines[-1]], "the file held 4 records, but 3 are in it"),
        (lambda lines: [*lines[:3], "{", *lines[3:]], "line 4: this is no record"),
        (lambda lines: [*lines[:3], lines[3].replace('"customer"', '"wish"', 1), *lines[4:]], "line 4: this release"),
        (lambda lines: [lines[0], *lines[2:]], "line 2: the organization must stand here"),
    ],
)
def test_a_damaged_file_is_refused(
    shop: Shop, server: Server, elsewhere: Server, tmp_path: Path, damage, reason: str
) -> None:
    shop.key(activations=2)
    file = tmp_path / "shop.ndjson"
    server.run("export", str(file))
    file.write_text("".join(f"{line}\n" for line in damage(file.read_text().splitlines())))
    status, sentence = elsewhere.fail("import", str(file))
    assert status == 2
    assert reason in sentence
    server.run("export", str(tmp_path / "whole.ndjson"))
    report = elsewhere.cli("import", str(tmp_path / "whole.ndjson"))
    assert report["records"]["license_key"]["here"] == 1


def test_an_export_replaces_nothing_and_needs_one_shop(shop: Shop, server: Server, tmp_path: Path) -> None:
    file = tmp_path / "shop.ndjson"
    file.write_text("precious")
    assert "exists" in server.fail("export", str(file))[1]
    assert file.read_text() == "precious"
    Shop(server)
    status, sentence = server.fail("export", str(tmp_path / "two.ndjson"))
    assert (status, "--organization" in sentence) == (2, True)
    assert not list(tmp_path.glob("two*"))
    streamed = server.run("export", "-", "--organization", shop.slug).splitlines()
    assert json.loads(streamed[0])["type"] == "merak.export"
    assert json.loads(streamed[1])["data"]["slug"] == shop.slug
    assert json.loads(streamed[-1]) == {"type": "end", "records": 0, "uncarried": {}}


def made_up_shop(customers: int) -> list[dict]:
    """The lines of a shop with many customers."""
    at = "2025-01-07T10:00:00Z"
    nothing = (
        "avatar_url bio company blog location email twitter_username default_upfront_split_to_contributors "
        "billing_email default_badge_custom_content total_monthly_spending_limit per_user_monthly_spending_limit "
        "onboarded_at"
    )
    organization = {
        "id": str(uuid.UUID(int=1)), "created_at": at, "modified_at": None, "name": "Acme", "slug": "acme",
        "pledge_minimum_amount": 2000, "pledge_badge_show_amount": True, "members": ["owner@example.com"],
        "profile_settings": None, "feature_settings": None, **dict.fromkeys(nothing.split()),
    }
    lines: list[dict] = [
        {"type": "merak.export", "version": 1, "exported_at": at},
        {"type": "organization", "data": organization},
    ]
    for number in range(customers):
        data = {
            "id": str(uuid.UUID(int=0x1000 + number)), "created_at": at, "modified_at": None, "deleted_at": None,
            "email": f"buyer-{number}@example.com", "email_verified": False, "name": None, "billing_address": None,
            "tax_id": None, "metadata": {"number": number},
        }
        lines.append({"type": "customer", "data": data})
    return [*lines, {"type": "end", "records": customers, "uncarried": {}}]
