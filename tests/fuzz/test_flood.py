"""Limits on how often the anonymous operations are called: one who floods is told to wait, the others go on."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness import Database, Server, Shop
from harness.shop import statuses

LIMIT = 5

# How many seconds' worth of calls may come at once.
BURST_SECONDS = 4


@pytest.fixture
def engine() -> str:
    return "sqlite"


@pytest.fixture
def server(database: Database, tmp_path: Path) -> Iterator[Server]:
    server = Server(database, tmp_path, options=["--rate-limit-per-key", str(LIMIT)])
    try:
        yield server.start()
    finally:
        server.clean_up()


def test_one_key_that_is_asked_for_too_often_waits_alone(shop: Shop) -> None:
    flooded, other = shop.key(), shop.key()
    started = time.monotonic()
    answers = [flooded.validate() for _ in range(20 * LIMIT)]
    seconds = time.monotonic() - started
    found = statuses(answers)
    assert set(found) == {200, 429}, found
    assert found[200] <= LIMIT * (BURST_SECONDS + seconds) + 1
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert int(refused.headers["Retry-After"]) >= 1
    assert set(refused.json()) >= {"error", "detail"}
    assert other.validate().status_code == 200
    # What was refused is not counted, and the merchant is not held up.
    assert flooded.read()["validations"] == found[200]
