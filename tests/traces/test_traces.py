"""The reference's recorded answers: ours are the same, but where the reference was wrong and a reason says so."""

import os
from pathlib import Path

import httpx
import pytest

from harness import Server
from traces.fixtures import recorded_shops
from traces.recording import Replay, cases

LICENSE_KEYS = ("license-keys.jsonl", "/v1/customer-portal/license-keys")
ORGANIZATIONS = ("catalog.jsonl", "/v1/organizations")
BENEFITS = ("catalog.jsonl", "/v1/benefits")

# Cases that we answer otherwise, with the status we give.
OTHERWISE = {
    # The reference lowers the usage below zero.
    "validate increment negative": 422,
    # The reference fails with 500 on numbers beyond its column, unpaired surrogates and U+0000.
    "validate increment huge": 422,
    "activate invalid UTF-8 escape": 422,
    "activate label with NUL": 422,
    # The reference activates keys that do not validate.
    "activate revoked": 403,
    "activate disabled": 403,
    "activate expired": 403,
    # The reference lets a benefit give away a file that is not there.
    "benefit create downloadables unknown file": 422,
}

# Members that are not compared, in one case or in all.
UNLIKE = {
    # Nobody but a customer's own sign-in verifies an address, and the recording's customer had signed in.
    "": "email_verified",
    # The reference's database reorders the members of stored objects. Ours keep their order.
    "validate activation conditions match": "activation.meta: members",
    "validate activation conditions 1.0 equals 1": "activation.meta: members",
    # More activations than 50 are no error here.
    "benefit create license keys bad limits": "body.detail: 4 items expected, found 3",
    # The reference shows how its own language writes the types.
    "benefit create unknown type": "expected_tags",
    # Discord's benefits come later, and need a real server's token to be more than refused.
    "benefit create discord bad token": "body",
    # One benefit less, because of the file that is not there.
    "benefit list": "total_count",
}

# Cases in which only the status and the name of the error are compared: the reference tells names of its own types.
INTERNAL_NAMES = {"benefit list bad type", "benefit update no type", "benefits update unknown"}


@pytest.fixture(scope="session")
def recordings() -> Path:
    folder = os.environ.get("MERAK_CONTRACT")
    if not folder:
        pytest.skip("the contract is not beside this checkout")
    return Path(folder) / "traces"


@pytest.mark.parametrize("recording", [LICENSE_KEYS, ORGANIZATIONS, BENEFITS], ids=lambda each: each[1])
def test_answers_are_the_recorded_ones(recordings: Path, server: Server, recording: tuple[str, str]) -> None:
    file, beginning = recording
    found = []
    with httpx.Client(base_url=server.url) as http:
        replay = Replay(http, recorded_shops(server))
        for case in cases(recordings / file, beginning):
            name = case["name"]
            response = replay.play(case)
            if name in OTHERWISE:
                if response.status_code != OTHERWISE[name]:
                    found.append(f"{name}: status {OTHERWISE[name]} expected, found {response.status_code}")
                continue
            if name in INTERNAL_NAMES:
                del case["response"]["body"]["detail"]
                response = without_detail(response)
            unlike = [UNLIKE[each] for each in ("", name) if each in UNLIKE]
            differences = replay.compare(case, response)
            found += [f"{name}: {line}" for line in differences if not any(each in line for each in unlike)]
    assert not found, "\n".join(found)


def without_detail(response: httpx.Response) -> httpx.Response:
    body = response.json()
    body.pop("detail")
    return httpx.Response(response.status_code, headers={"content-type": "application/json"}, json=body)
