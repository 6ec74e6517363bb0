"""The stand-in answers in the shapes of the reference: those of its recorded answers, member for member and in their order,
and where nothing was recorded those of its document.

Both are in a folder `shared` beside the checkout, and not ours to pass on: without it there is nothing to compare with."""

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from transfer import recorded
from transfer.standin import TOKEN, StandIn

CONTRACT = Path(__file__).parents[3] / "shared" / "contract"

pytestmark = pytest.mark.skipif(not CONTRACT.is_dir(), reason="it needs `shared/contract` beside the checkout")

# Where the members are the seller's, or an app's, or say by which benefit something is held.
FREE = ("metadata", "meta")

# What is recorded elsewhere than the stand-in shows it, and which members it has there besides.
ELSEWHERE = {
    "license-keys": ("customer-portal/license-keys/validate", ("activation",)),
    "license-keys.customer": ("customer-portal/license-keys/validate.customer", ()),
    "license-keys.user": ("customer-portal/license-keys/validate.user", ()),
    "license-keys.activations": ("customer-portal/license-keys/validate.activation", ()),
    "customers": ("customer-portal/license-keys/validate.customer", ()),
    "customers.billing_address": ("customer-portal/license-keys/validate.customer.billing_address", ()),
}

# What there are recordings of, so that this compares something whatever becomes of them.
COMPARED = {
    "organizations", "organizations.profile_settings", "organizations.profile_settings.subscribe",
    "organizations.feature_settings", "benefits license_keys", "benefits license_keys.properties",
    "benefits license_keys.properties.activations", "benefits custom", "benefits custom.properties",
    "benefits downloadables", "benefits downloadables.properties", "products", "products.prices recurring fixed",
    "products.prices one_time fixed", "products.benefits license_keys", "products.benefits custom",
    "products.attached_custom_fields", "custom-fields select",
    "custom-fields select.properties.options", "discounts fixed", "license-keys", "license-keys.customer",
    "license-keys.user", "license-keys.activations", "customers",
}


@pytest.fixture(scope="module")
def standin() -> StandIn:
    return recorded.shop(9)


def asked(standin: StandIn, path: str) -> tuple[int, dict]:
    status, _, body = standin.answer(f"{path}?limit=100", f"Bearer {TOKEN}")
    assert isinstance(body, dict)
    return status, body


def answers(standin: StandIn) -> Iterator[tuple[str, dict]]:
    """All that the stand-in knows, by the path at which it is asked."""
    for path in [*standin.lists, *standin.details]:
        yield path, asked(standin, path)[1]


def place_of(path: str) -> str:
    """Whether one is asked or all, and whatever is done to it, the same things are shown."""
    parts = path.split("?")[0].strip("/").split("/")[1:]
    if parts[0] == "customer-portal":
        return "/".join(parts)
    return "grants" if parts[-1] == "grants" else parts[0]


def objects(place: str, value: object) -> Iterator[tuple[str, dict]]:
    """Every object in an answer, with its place there, which tells kinds apart that have members of their own."""
    if isinstance(value, list):
        for each in value:
            yield from objects(place, each)
    elif isinstance(value, dict):
        kinds = [value[name] for name in ("type", "amount_type") if isinstance(value.get(name), str)]
        if value.get("duration") == "repeating":
            kinds.append("repeating")
        place = " ".join([place, *kinds])
        yield place, value
        for name, each in value.items():
            if name not in FREE:
                yield from objects(f"{place}.{name}", each)


def shown(path: str, body: dict) -> Iterator[tuple[str, dict]]:
    items = body["items"] if "pagination" in body else [body]
    return objects(place_of(path), items)


def cases() -> Iterator[dict]:
    for file in sorted((CONTRACT / "traces").glob("*.jsonl")):
        # The first line tells of what was there when it was recorded.
        for line in file.read_text().splitlines()[1:]:
            if line and not line.startswith("#"):
                yield json.loads(line)


def test_members_and_their_order_are_the_recorded_ones(standin: StandIn) -> None:
    known: dict[str, set[tuple]] = defaultdict(set)
    for case in cases():
        body = case["response"].get("body")
        if case["response"]["status"] in (200, 201) and isinstance(body, dict):
            for place, found in shown(case["request"]["path"], body):
                known[place].add(tuple(found))
    compared = set()
    for path, body in answers(standin):
        for place, found in shown(path, body):
            there, besides = ELSEWHERE.get(place, (place, ()))
            members = {tuple(name for name in each if name not in besides) for each in known.get(there, ())}
            # A key by itself has its activations too.
            own = tuple(name for name in found if (place, name) != ("license-keys", "activations"))
            # A question has those settings that its seller made.
            if members and not place.endswith("select.properties"):
                compared.add(place)
                assert own in members, f"{place} at {path}"
    assert compared >= COMPARED, COMPARED - compared


def test_pages_and_refusals_are_the_recorded_ones(standin: StandIn) -> None:
    pages, refusals = set(), set()
    for case in cases():
        status, body = case["response"]["status"], case["response"].get("body")
        if isinstance(body, dict) and "pagination" in body:
            pages.add((tuple(body), tuple(body["pagination"])))
        if status == 404 and isinstance(body, dict):
            refusals.add(tuple(body))
    for path in standin.lists:
        body = asked(standin, path)[1]
        assert (tuple(body), tuple(body["pagination"])) in pages, path
    status, body = asked(standin, "/v1/nothing/")
    assert status == 404
    assert tuple(body) in refusals


def test_everything_fits_the_document_of_the_reference(standin: StandIn) -> None:
    [document] = CONTRACT.glob("openapi-*.json")
    schemas = json.loads(document.read_text())
    for path, body in answers(standin):
        parts = path.split("/")
        template = "/".join("{id}" if len(part) == 36 else part for part in parts)
        schema = schemas["paths"][template]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        assert list(problems(schemas, schema, body, path)) == []


def problems(document: dict, schema: dict, value: object, place: str) -> Iterator[str]:
    """Where the members of a value are not those of its schema."""
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    branches = schema.get("anyOf") or schema.get("oneOf")
    if "$ref" in schema:
        yield from problems(document, schema, value, place)
    elif branches:
        of_branches = [list(problems(document, branch, value, place)) for branch in branches]
        yield from min(of_branches, key=len)
    elif "const" in schema or "enum" in schema:
        if value not in schema.get("enum", [schema.get("const")]):
            yield f"{place} is {value!r}"
    elif schema.get("type") == "object" or "properties" in schema:
        if not isinstance(value, dict):
            yield f"{place} is no object"
            return
        members = schema.get("properties", {})
        yield from (f"{place} lacks {name}" for name in schema.get("required", []) if name not in value)
        if members and schema.get("additionalProperties") in (None, False):
            yield from (f"{place} has {name}" for name in value if name not in members)
        for name, member in members.items():
            if name in value:
                yield from problems(document, member, value[name], f"{place}.{name}")
    elif schema.get("type") == "array":
        if not isinstance(value, list):
            yield f"{place} is no list"
            return
        for each in value:
            yield from problems(document, schema.get("items", {}), each, f"{place}[]")
    elif not isinstance(value, JSON_TYPES.get(schema.get("type", ""), object)):
        yield f"{place} is {value!r}"


JSON_TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "null": type(None),
}
