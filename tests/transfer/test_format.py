"""The file of an export is what `docs/export-format.md` says, and nothing else."""

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from harness import Database, Server

DOCUMENT = Path(__file__).parents[2] / "docs" / "export-format.md"

# A row of a table: what the first column names, and all that stands in the second.
ROW = re.compile(r"^\| (in )?`([a-z_]+)` \| (.*) \|$", re.MULTILINE)


def words(text: str) -> set[str]:
    """The members that a text names: what stands in it as code, word by word."""
    return {word for code in re.findall("`([^`]+)`", text) for word in code.split()}


def documented() -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    """The members of the records by their kind, and those of the objects in their lists by the list's name."""
    section = DOCUMENT.read_text().split("| `type` | Members of `data` |")[1].split("\n\n")[0]
    records: dict[str, set[str]] = {}
    nested: dict[str, set[str]] = defaultdict(set)
    for is_nested, name, members in ROW.findall(section):
        # Of what has members of its own, these stand in brackets behind it.
        for names, inner in re.findall(r"((?:`\w+`(?: and )?)+) \(([^)]*)\)", members):
            for each in words(names):
                nested[each] |= words(inner)
        plain = words(re.sub(r"\([^)]*\)", "", members))
        if is_nested:
            nested[name] |= plain
        else:
            records[name] = plain
    return records, {name: members for name, members in nested.items() if members}


@pytest.fixture
def exported(database: Database, tmp_path: Path) -> Iterator[tuple[list[dict], dict]]:
    """The lines of an export of a shop that has something of everything, and the organization as the API shows it."""
    server = Server(database, tmp_path)
    demo = server.begin("demo", "--json", "--listen", "127.0.0.1:0")
    try:
        assert demo.stdout is not None
        shop = json.loads(demo.stdout.readline())
        bearer = {"Authorization": f"Bearer {shop['access_token']}"}
        http = httpx.Client(base_url=shop["url"], headers=bearer, timeout=30)
        organization = {"organization_id": shop["organization_id"]}
        # What the demo does not have: a price with every amount, a place to advertise and a refund.
        amounts = {"minimum_amount": 100, "maximum_amount": 900, "preset_amount": 500}
        price = {"type": "one_time", "amount_type": "custom", **amounts}
        made(http.post("/v1/products/", json={"name": "Tips", "prices": [price], **organization}))
        room = {"type": "ads", "description": "A place", "properties": {}}
        room = made(http.post("/v1/benefits/", json={**room, **organization}))
        grant = server.cli("grant", "--benefit", room["id"], "--customer", shop["customer_id"])
        sponsor = ("--customer", shop["customer_id"], "--grant", grant["id"])
        campaign = ("--image-url", "https://e.com/a.png", "--text", "A", "--link-url", "https://e.com/")
        server.cli("advertisement", "create", *sponsor, *campaign)
        server.cli("refund", paid(http), "--amount", "100")
        file = tmp_path / "shop.ndjson"
        server.cli("export", str(file))
        [shown] = http.get("/v1/organizations/").json()["items"]
        yield [json.loads(line) for line in file.read_text().splitlines()], shown
    finally:
        demo.terminate()
        demo.communicate()


def made(answer: httpx.Response) -> dict:
    assert answer.status_code == 201, answer.text
    return answer.json()


def paid(http: httpx.Client) -> str:
    """An order that was paid once."""
    orders = http.get("/v1/orders/", params={"limit": 100}).json()["items"]
    return next(order["id"] for order in orders if order["amount"] > 100 and order["subscription_id"] is None)


def test_what_is_written_is_what_is_documented(exported: tuple[list[dict], dict]) -> None:
    lines, shown = exported
    first, *records, last = lines
    kinds: dict[str, set[str]] = defaultdict(set)
    lists: dict[str, set[str]] = defaultdict(set)
    for record in records:
        assert record.keys() == {"type", "data"}
        kinds[record["type"]] |= record["data"].keys()
        for name, value in record["data"].items():
            # Addresses of people are texts, and what the seller or an app wrote itself has no members of ours.
            if isinstance(value, list) and name != "members":
                for each in value:
                    lists[name] |= each.keys()
    told, told_of_lists = documented()
    told["organization"] |= shown.keys()
    assert kinds == told
    assert lists == told_of_lists
    # Kind by kind, in the order of the table.
    assert list(dict.fromkeys(record["type"] for record in records)) == list(told)

    document = DOCUMENT.read_text()
    section = document.split("| Line | Is |")[1].split("\n\n")[0]
    shapes = [set(re.findall(r'[{,]"(\w+)":', re.sub(r'"uncarried":\{[^}]*\}', '"uncarried":0', code)))
              for code in re.findall(r"`(\{.*?\})`", section)]
    assert shapes == [first.keys(), {"type", "data"}, last.keys()]
    assert last["records"] == len(records) - 1
    stays = document.split("| | What that means |")[1].split("\n\n")[0]
    assert set(last["uncarried"]) == {name for _, name, _ in ROW.findall(stays)}
