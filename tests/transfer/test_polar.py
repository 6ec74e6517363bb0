"""A shop comes in from a server that speaks the API: another Merak, and a stand-in for the reference."""

import json
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx
import pytest

from harness import Database, Server, Shop, web
from transfer import recorded
from transfer.field import App, merchant, shown, without_places
from transfer.standin import TOKEN, Answer, StandIn, serving

CUSTOMERS = 230


@pytest.fixture
def standin() -> Iterator[StandIn]:
    with serving(recorded.shop(CUSTOMERS)) as standin:
        yield standin


def take(
    server: Server, url: str, token: str = TOKEN, owner: str = "owner@example.com", more: Sequence[str] = ()
) -> dict:
    return server.cli("import", "polar", "--from", url, "--token", token, "--owner", owner, *more)


def test_apps_go_on_after_a_move_from_another_merak(shop: Shop, server: Server, elsewhere: Server) -> None:
    benefit, buyer = shop.benefit(activations=3, usage=100), shop.customer()
    key = shop.grant(benefit, buyer)
    app = App(key, "studio")
    assert app.validate(server, increment_usage=4).status_code == 200
    own = shop.grant(benefit, shop.customer())
    assert own.update(limit_activations=7, status="disabled").status_code == 200
    before = shown(shop.http)

    report = take(elsewhere, server.url, shop.token, shop.owner)
    assert report["organization_id"] == shop.organization_id
    assert report["remarks"] == []
    assert {kind: counts["new"] for kind, counts in report["records"].items()} == {
        "benefit": 1,
        "customer": 2,
        "license_key": 2,
        "benefit_grant": 2,
    }
    elsewhere.start()
    assert shown(merchant(elsewhere, shop)) == before
    answer = app.validate(elsewhere, increment_usage=1)
    assert answer.status_code == 200, answer.text
    assert (answer.json()["usage"], answer.json()["validations"]) == (5, 2)
    # A change of the benefit leaves alone what was set for one key by hand, as it would have there.
    changed = {"type": "license_keys", "properties": {"activations": {"limit": 9, "enable_customer_admin": True}}}
    http = merchant(elsewhere, shop)
    assert http.patch(f"/v1/benefits/{benefit['id']}", json=changed).status_code == 200
    wait_until(lambda: http.get(f"/v1/license-keys/{key.id}").json()["limit_activations"] == 9)
    assert http.get(f"/v1/license-keys/{own.id}").json()["limit_activations"] == 7
    assert app.deactivate(elsewhere).status_code == 204


def test_a_whole_catalogue_comes_from_another_merak(
    database: Database, elsewhere: Server, tmp_path: Path
) -> None:
    there = Server(database, tmp_path)
    demo = there.begin("demo", "--json", "--listen", "127.0.0.1:0")
    try:
        assert demo.stdout is not None
        shop = json.loads(demo.stdout.readline())
        before = shown(bearing(shop["url"], shop["access_token"]))
        report = take(elsewhere, shop["url"], shop["access_token"], "ada@nimbus.example")
        kinds = {"product": 6, "discount": 4, "custom_field": 3, "checkout_link": 2, "file": 7, "benefit": 4}
        news = {kind: (counts["new"], counts["behind"]) for kind, counts in report["records"].items()}
        assert {kind: news[kind] for kind in kinds} == {kind: (count, 0) for kind, count in kinds.items()}
        # Sellers are not shown the bytes of downloads, all else that the demo has comes along.
        assert [(each["kind"], each["subjects"]) for each in report["remarks"]] == [("file", ["nimbus-themes-1.2.zip"])]

        elsewhere.start()
        token = elsewhere.cli("token", "create", "--user", "ada@nimbus.example", "--all-scopes")["token"]
        http = bearing(elsewhere.url, token)
        after = shown(http)
        assert without_places(after) == without_places(before)
        for path in ("/v1/products/", "/v1/discounts/", "/v1/custom-fields/", "/v1/checkout-links/"):
            assert len(after[path]) == len(before[path]) > 0, path
        prices = [price for product in after["/v1/products/"].values() for price in product["prices"]]
        assert {(price["type"], price["amount_type"]) for price in prices} == {
            ("one_time", "fixed"), ("one_time", "custom"), ("one_time", "free"), ("recurring", "fixed"), ("recurring", "free"),
        }
        # Pictures are fetched and shown from here, with the bytes that they have there.
        pictures = 0
        for product_id, product in after["/v1/products/"].items():
            for here, original in zip(product["medias"], before["/v1/products/"][product_id]["medias"], strict=True):
                assert here["public_url"].startswith(elsewhere.url)
                assert web.get(here["public_url"]).content == web.get(original["public_url"]).content
                pictures += 1
        assert pictures == 6
        # A link leads to a checkout here, and asks and reduces as it does there.
        link = next(iter(after["/v1/checkout-links/"].values()))
        url = f"{elsewhere.url}/v1/checkout-links/{link['client_secret']}/redirect"
        assert web.get(url).status_code == 307
        [made] = http.get("/v1/checkouts/custom/").json()["items"]
        sold = made["product_id"], (made["discount"] or {}).get("id")
        assert sold == (link["product_id"], link["discount_id"])

        again = take(elsewhere, shop["url"], shop["access_token"])
        assert all(counts["new"] == 0 for counts in again["records"].values())
    finally:
        demo.terminate()
        demo.communicate()


def test_a_second_run_changes_nothing(shop: Shop, server: Server, elsewhere: Server) -> None:
    App(shop.key(activations=2), "laptop")
    take(elsewhere, server.url, shop.token, shop.owner)
    elsewhere.start()
    http = merchant(elsewhere, shop)
    before = shown(http)
    again = take(elsewhere, server.url, shop.token)
    assert [(counts["new"], counts["known"]) for counts in again["records"].values()] == [(0, 1)] * 4
    assert shown(http) == before


def test_the_reference_is_read_to_the_last_row(standin: StandIn, elsewhere: Server) -> None:
    report = take(elsewhere, standin.url)
    counts = {kind: (each["new"], each["behind"]) for kind, each in report["records"].items()}
    assert counts == {
        "file": (2, 0),
        "custom_field": (1, 0),
        "benefit": (3, 0),
        "product": (2, 0),
        "discount": (2, 0),
        "checkout_link": (1, 0),
        "customer": (CUSTOMERS, 0),
        "license_key": (CUSTOMERS, 0),
        "benefit_grant": (CUSTOMERS + 78, 0),
        "downloadable": (1, 0),
        # Prices come with their products.
        "product_price": (0, 0),
    }
    remarks = [(each["kind"], each["subjects"]) for each in report["remarks"]]
    # Sellers are not shown the bytes of downloads, and the picture of the organization is no file of it.
    assert remarks == [("file", ["manual.txt"]), ("organization", [recorded.organization()["avatar_url"]])]
    assert any("conditions" in what for what in report["not_shown"])
    http = owner_of(elsewhere.start())
    assert_like(http, standin)
    # Apps in the field send what they know of the reference.
    known = standin.details["/v1/license-keys/" + recorded.identifier(0x2000_0000 + 5)]
    naming = {"key": known["key"], "organization_id": recorded.ORGANIZATION}
    seat = {"activation_id": known["activations"][0]["id"]}
    path = "/v1/customer-portal/license-keys"
    answer = http.post(f"{path}/validate", json={**naming, **seat, "increment_usage": 1})
    assert answer.status_code == 200, answer.text
    assert (answer.json()["usage"], answer.json()["validations"]) == (known["usage"] + 1, known["validations"] + 1)
    assert answer.json()["activation"] == known["activations"][0]
    assert http.post(f"{path}/deactivate", json={**naming, **seat}).status_code == 204
    for number, status in ((2, 404), (3, 404)):
        key = standin.lists["/v1/license-keys"][number]["key"]
        assert http.post(f"{path}/validate", json={**naming, "key": key}).status_code == status


def test_bytes_of_downloads_come_from_a_folder(standin: StandIn, elsewhere: Server, tmp_path: Path) -> None:
    take(elsewhere, standin.url)
    manual, picture = standin.lists["/v1/files/"]
    folder = tmp_path / "bytes"
    folder.mkdir()
    (folder / manual["id"]).write_bytes(b"hello wordl")
    report = take(elsewhere, standin.url, more=("--files", str(folder)))
    [remark, _] = report["remarks"]
    assert remark["remark"] == "its bytes are not what they should be: their SHA-256 is another"
    (folder / manual["id"]).write_bytes(recorded.MANUAL)
    report = take(elsewhere, standin.url, more=("--files", str(folder)))
    assert [each["kind"] for each in report["remarks"]] == ["organization"]
    http = owner_of(elsewhere.start())
    [media] = http.get("/v1/products/", params={"query": "Desktop"}).json()["items"][0]["medias"]
    assert media["id"] == picture["id"]
    assert web.get(media["public_url"]).content == recorded.PICTURE
    buyer = standin.lists["/v1/customers/"][0]["id"]
    session = http.post("/v1/customer-sessions/", json={"customer_id": buyer}).json()["token"]
    portal = {"Authorization": f"Bearer {session}"}
    [item] = web.get(f"{elsewhere.url}/v1/customer-portal/downloadables/", headers=portal).json()["items"]
    assert web.get(item["file"]["download"]["url"], follow_redirects=True).content == recorded.MANUAL


def test_a_run_that_is_killed_goes_on_where_it_stopped(standin: StandIn, elsewhere: Server) -> None:
    elsewhere.run("migrate")
    standin.delay = 0.02
    for asked in (8, 60, 160):
        importing = elsewhere.begin(
            "import", "polar", "--from", standin.url, "--token", TOKEN, "--owner", "owner@example.com"
        )
        wait_until(lambda asked=asked: len(standin.asked) >= asked)
        importing.kill()
        importing.communicate()
    standin.delay = 0.0
    before = len(standin.asked)
    report = take(elsewhere, standin.url)
    assert report["is_resumed"]
    assert "/v1/customers/" not in [path for path, _ in standin.asked[before:]], "that step was done"
    here = {kind: counts["here"] for kind, counts in report["records"].items()}
    many = {"customer": CUSTOMERS, "license_key": CUSTOMERS, "benefit_grant": CUSTOMERS + 78}
    few = {"file": 2, "custom_field": 1, "benefit": 3, "product": 2, "product_price": 3, "discount": 2}
    assert here == {**many, **few, "checkout_link": 1, "downloadable": 1}
    assert_like(owner_of(elsewhere.start()), standin)


def test_a_file_that_came_is_not_brought_again(standin: StandIn, elsewhere: Server) -> None:
    elsewhere.run("migrate")
    places = [f"/picture-{number}" for number in range(5)]
    for number, place in enumerate(places):
        picture = recorded.file(10 + number, "product_media", f"{number}.svg", "image/svg+xml", recorded.PICTURE, f"{{url}}{place}")
        standin.lists["/v1/files/"].append(picture)
        standin.pages[place] = recorded.PICTURE
    let_go = threading.Event()

    def hold(_number: int, path: str, _query: dict) -> None:
        if path == places[3]:
            let_go.wait(60)

    standin.trouble = hold
    importing = elsewhere.begin(
        "import", "polar", "--from", standin.url, "--token", TOKEN, "--owner", "owner@example.com"
    )
    assert importing.stderr is not None
    assert importing.stderr.readline() == "file: 2 seen of 7\n", "of files that come, each is told when it is here"
    wait_until(lambda: places[3] in [path for path, _ in standin.asked])
    importing.kill()
    importing.communicate()
    let_go.set()
    report = take(elsewhere, standin.url)
    assert report["is_resumed"]
    brought = [path for path, _ in standin.asked]
    assert [brought.count(place) for place in places] == [1, 1, 1, 2, 1]
    assert report["records"]["file"] == {"here": 7, "new": 2, "known": 5, "behind": 0}
    assert [each["subjects"] for each in report["remarks"] if each["kind"] == "file"] == [["manual.txt"]]
    files = owner_of(elsewhere.start()).get("/v1/files/", params={"organization_id": recorded.ORGANIZATION}).json()
    assert [web.get(each["public_url"]).content for each in files["items"] if "public_url" in each] == [recorded.PICTURE] * 6


@pytest.mark.parametrize("goes_at", ["license keys", "grants of keys", "grants", "more grants"])
def test_a_benefit_that_is_deleted_while_it_is_read_is_told(
    standin: StandIn, elsewhere: Server, goes_at: str
) -> None:
    grants, key = f"/v1/benefits/{recorded.BENEFIT}/grants", standin.lists["/v1/license-keys"][3]["id"]
    gone = {"is_so": False}

    def delete(_number: int, path: str, query: dict) -> Answer | None:
        gone["is_so"] |= {
            "license keys": path == f"/v1/license-keys/{key}",
            "grants of keys": path == grants and "customer_id" in query,
            "grants": path == grants and "customer_id" not in query,
            "more grants": path == grants and query["page"] == ["2"] and "customer_id" not in query,
        }[goes_at]
        is_of_it = path == grants or path == f"/v1/license-keys/{key}"
        return (404, {}, {"error": "ResourceNotFound", "detail": "Not found"}) if gone["is_so"] and is_of_it else None

    standin.trouble = delete
    report = take(elsewhere, standin.url)
    remarks = {each["kind"]: each for each in report["remarks"]}
    assert remarks["benefit"]["remark"].startswith("it was deleted there while the shop was read; what hangs on it")
    assert remarks["benefit"]["subjects"] == ["The application"]
    is_key_gone = goes_at in ("license keys", "grants of keys")
    assert ("license_key" in remarks) == is_key_gone
    assert report["records"]["license_key"]["here"] == CUSTOMERS - is_key_gone
    # The walk went on: what others hold came along, and of this one what had been read.
    before = 100 if goes_at == "more grants" else 0
    assert report["records"]["benefit_grant"]["here"] == 78 + before
    assert report["records"]["downloadable"]["here"] == 1
    if is_key_gone:
        assert remarks["license_key"]["subjects"] == [standin.lists["/v1/license-keys"][3]["display_key"]]

    # The server had only lost sight of it.
    standin.trouble = lambda *_: None
    report = take(elsewhere, standin.url)
    assert [each["kind"] for each in report["remarks"]] == ["file", "organization"]
    assert report["records"]["benefit_grant"]["here"] == CUSTOMERS + 78
    assert report["records"]["license_key"]["here"] == CUSTOMERS


def test_a_key_that_was_lost_sight_of_is_its_grants_again(standin: StandIn, elsewhere: Server) -> None:
    key = standin.lists["/v1/license-keys"][5]
    nothing: Answer = (404, {}, {"error": "ResourceNotFound", "detail": "Not found"})
    standin.trouble = lambda _number, path, _query: nothing if path == f"/v1/license-keys/{key['id']}" else None
    report = take(elsewhere, standin.url)
    remarks = {each["kind"]: each for each in report["remarks"]}
    assert remarks["license_key"]["subjects"] == [key["display_key"]]
    assert remarks["benefit_grant"]["remark"] == "its license key did not come in"
    assert (remarks["benefit_grant"]["count"], report["records"]["benefit_grant"]["behind"]) == (1, 0)

    standin.trouble = lambda *_: None
    report = take(elsewhere, standin.url)
    assert [each["kind"] for each in report["remarks"]] == ["file", "organization"]
    http = owner_of(elsewhere.start())
    of_buyer = {"customer_id": key["customer_id"], "limit": 100}
    grants = http.get(f"/v1/benefits/{recorded.BENEFIT}/grants", params=of_buyer).json()["items"]
    assert [each["properties"]["license_key_id"] for each in grants] == [key["id"]]
    # So a change of the benefit is one of this key, and the buyer gets no second one.
    changed = {"type": "license_keys", "properties": {"limit_usage": 12345}}
    assert http.patch(f"/v1/benefits/{recorded.BENEFIT}", json=changed).status_code == 200
    wait_until(lambda: http.get(f"/v1/license-keys/{key['id']}").json()["limit_usage"] == 12345)
    assert http.get("/v1/license-keys", params={"limit": 1}).json()["pagination"]["total_count"] == CUSTOMERS


def test_a_proxy_that_knows_nothing_is_not_believed(standin: StandIn, elsewhere: Server) -> None:
    standin.trouble = lambda _number, path, _query: (
        (404, {}, b"404 page not found") if path.endswith("/grants") or path.startswith("/v1/license-keys/") else None
    )
    status, sentence = elsewhere.fail(
        "import", "polar", "--from", standin.url, "--token", TOKEN, "--owner", "owner@example.com"
    )
    assert status == 1
    assert "the answer is 404 Not Found; is this the address of the API?" in sentence
    standin.trouble = lambda *_: None
    report = take(elsewhere, standin.url)
    assert report["is_resumed"]
    assert [each["kind"] for each in report["remarks"]] == ["file", "organization"]
    assert report["records"]["license_key"]["here"] == CUSTOMERS


def test_a_busy_server_is_asked_again(standin: StandIn, elsewhere: Server) -> None:
    def trouble(number: int, _path: str, _query: dict) -> tuple | None:
        if number % 7 == 3:
            return 429, {"Retry-After": "0"}, {"detail": "Too many requests"}
        return (502, {}, b"<html>bad gateway</html>") if number % 11 == 5 else None

    standin.trouble = trouble
    report = take(elsewhere, standin.url)
    assert report["records"]["license_key"]["here"] == CUSTOMERS


def test_a_server_that_stays_down_is_told_and_the_run_goes_on_later(standin: StandIn, elsewhere: Server) -> None:
    def gone(_number: int, path: str, _query: dict) -> tuple | None:
        return (403, {}, {"error": "insufficient_scope"}) if path.startswith("/v1/license-keys") else None

    standin.trouble = gone
    status, sentence = elsewhere.fail(
        "import", "polar", "--from", standin.url, "--token", TOKEN, "--owner", "owner@example.com"
    )
    assert status == 1
    assert "/v1/license-keys: the answer is 403 Forbidden; the token lacks a scope" in sentence
    assert TOKEN not in sentence
    standin.trouble = lambda *_: None
    report = take(elsewhere, standin.url)
    assert report["is_resumed"]
    assert report["records"]["license_key"]["here"] == CUSTOMERS


def test_the_token_goes_to_no_other_server(standin: StandIn, elsewhere: Server) -> None:
    with serving(StandIn()) as stranger:
        standin.trouble = lambda _number, path, _query: (307, {"Location": f"{stranger.url}{path}"}, {})
        status, sentence = elsewhere.fail(
            "import", "polar", "--from", standin.url, "--token", TOKEN, "--owner", "owner@example.com"
        )
        assert status == 1
        assert "it sends to another server" in sentence
        assert stranger.asked == []


def test_a_wrong_token_is_told(standin: StandIn, elsewhere: Server) -> None:
    status, sentence = elsewhere.fail(
        "import", "polar", "--from", standin.url, "--token", "wrong", "--owner", "owner@example.com"
    )
    assert status == 1
    assert "401 Unauthorized; the token is unknown or has ended" in sentence


def test_an_organization_of_several_must_be_named(standin: StandIn, elsewhere: Server) -> None:
    other = {**recorded.organization(), "id": recorded.identifier(9), "slug": "second-shop", "name": "Second"}
    standin.lists["/v1/organizations/"].append(other)
    arguments = ("import", "polar", "--from", standin.url, "--token", TOKEN, "--owner", "owner@example.com")
    status, sentence = elsewhere.fail(*arguments)
    assert (status, "--source: acme-software, second-shop" in sentence) == (2, True)
    report = take(elsewhere, standin.url, more=("--source", "second-shop"))
    assert report["organization_slug"] == "second-shop"


def test_what_cannot_come_along_is_told(standin: StandIn, elsewhere: Server) -> None:
    customers = standin.lists["/v1/customers/"]
    customers[3] = {**customers[3], "email": "no address"}
    standin.lists["/v1/benefits/"].append(
        {
            **recorded.benefit(), "id": recorded.identifier(77), "type": "discord", "description": "Members' room",
            "properties": {"guild_id": "1", "role_id": "2", "guild_token": "x"},
        }
    )
    grants = f"/v1/benefits/{recorded.identifier(77)}/grants"
    role = {"account_id": "3", "guild_id": "1", "role_id": "2"}
    # Of one holder who does not come in, too: all grants of a benefit are counted.
    standin.lists[grants] = [
        recorded.grant(9000 + n, recorded.identifier(77), customers[n], role) for n in range(2, 5)
    ]
    report = take(elsewhere, standin.url)
    remarks = {(each["kind"], each["count"]): each["remark"] for each in report["remarks"]}
    assert remarks[("customer", 1)].startswith("it cannot be read: ")
    assert remarks[("license_key", 1)] == "its customer did not come in"
    assert remarks[("benefit_grant", 2)] == "its customer did not come in"
    assert remarks[("benefit", 1)].startswith("Discord has to say here whose server it is: connect the server,")
    assert remarks[("benefit_grant", 3)] == f"its benefit did not come in: Members' room ({recorded.identifier(77)})"
    assert "not connected" not in str(report["remarks"])
    assert report["records"]["benefit"]["behind"] == 1
    assert report["records"]["license_key"] == {"here": CUSTOMERS - 1, "new": CUSTOMERS - 1, "known": 0, "behind": 1}


def test_what_stays_there_is_told_with_its_number(standin: StandIn, elsewhere: Server) -> None:
    room = {
        **recorded.benefit(), "id": recorded.identifier(78), "type": "ads", "description": "A place on the page",
        "properties": {"image_height": 100, "image_width": 100},
    }
    standin.lists["/v1/benefits/"].append(room)
    standin.lists[f"/v1/benefits/{room['id']}/grants"] = []
    assert take(elsewhere, standin.url)["not_carried"] == [], "a server without such lists has nothing of it"
    mine = {"organization_id": recorded.ORGANIZATION}
    standin.lists["/v1/subscriptions/"] = [mine] * 300 + [{"organization_id": recorded.identifier(1)}]
    standin.lists["/v1/advertisements/"] = [{"benefit_id": room["id"]}, {"benefit_id": recorded.identifier(79)}]
    report = take(elsewhere, standin.url)
    assert [(each["kind"], each["count"]) for each in report["not_carried"]] == [
        ("subscriptions", 300),
        ("advertisement_campaigns", 1),
    ]
    assert any("refunds" in what for what in report["not_shown"])

    def forbid(_number: int, path: str, _query: dict) -> Answer | None:
        return (403, {}, {"error": "insufficient_scope"}) if path == "/v1/subscriptions/" else None

    standin.trouble = forbid
    report = take(elsewhere, standin.url)
    assert (report["not_carried"][0]["kind"], report["not_carried"][0]["count"]) == ("subscriptions", None)


def test_rows_that_vanish_while_pages_are_read_hide_no_others(standin: StandIn, elsewhere: Server) -> None:
    customers = standin.lists["/v1/customers/"]
    late = customers[100]["id"]

    def vanish(_number: int, path: str, query: dict) -> None:
        # The first page was read, and before the second is, a row of it is gone: row 100 moves to the first page.
        if path == "/v1/customers/" and query["page"] == ["2"] and len(customers) == CUSTOMERS:
            del customers[0]

    standin.trouble = vanish
    report = take(elsewhere, standin.url)
    assert report["records"]["customer"]["here"] == CUSTOMERS
    assert owner_of(elsewhere.start()).get(f"/v1/customers/{late}").status_code == 200


@pytest.mark.parametrize("stops_at", [2, 3])
def test_rows_that_vanish_between_two_runs_hide_no_others(
    standin: StandIn, elsewhere: Server, stops_at: int
) -> None:
    customers = standin.lists["/v1/customers/"]
    late = customers[100 * (stops_at - 1)]["id"]

    def stop(_number: int, path: str, query: dict) -> tuple | None:
        if path == "/v1/customers/" and query["page"] == [str(stops_at)]:
            return 403, {}, {"error": "insufficient_scope"}
        return None

    standin.trouble = stop
    elsewhere.fail("import", "polar", "--from", standin.url, "--token", TOKEN, "--owner", "owner@example.com")
    # The row after the last that was read moves to the page before.
    del customers[0]
    standin.trouble = lambda *_: None
    report = take(elsewhere, standin.url)
    assert report["is_resumed"]
    assert report["records"]["customer"]["here"] == CUSTOMERS
    assert owner_of(elsewhere.start()).get(f"/v1/customers/{late}").status_code == 200


def owner_of(server: Server) -> httpx.Client:
    token = server.cli("token", "create", "--user", "owner@example.com", "--all-scopes")["token"]
    return bearing(server.url, token)


def bearing(url: str, token: str) -> httpx.Client:
    return httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=30)


def assert_like(http: httpx.Client, standin: StandIn) -> None:
    """Everything that the stand-in shows is shown here, row by row; pictures are made anew."""
    here = shown(http)
    for path, shown_here in here.items():
        if path in ("/v1/organizations/", "grants"):
            continue
        items = standin.lists.get(path) or standin.lists[path.rstrip("/")]
        there = {item["id"]: standin.details.get(f"{path}{item['id']}", item) for item in items}
        assert without_places(shown_here) == without_places(there), path
    for benefit_id, grants in here["grants"].items():
        there = {grant["id"]: grant for grant in standin.lists[f"/v1/benefits/{benefit_id}/grants"]}
        assert without_places(grants) == without_places(there)
    # The order of lists is that of the grants, although keys themselves do not tell their time.
    listed = http.get("/v1/license-keys/", params={"limit": 100}).json()["items"]
    assert [key["id"] for key in listed] == [key["id"] for key in standin.lists["/v1/license-keys"][:100]]


def wait_until(is_so, seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)
