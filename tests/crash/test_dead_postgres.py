"""A PostgreSQL that goes away: requests are refused clearly and soon, and go on when it is back."""

import os
import shlex
import subprocess
import time

import httpx
import pytest

from crash.load import CLIENTS, Load, assert_kept
from harness import Server, Shop
from harness.shop import Key

# What a caller may have to wait for a refusal.
SOON_SECONDS = 15.0

# What the server may take to notice that the database is back.
RECOVERY_SECONDS = 30.0


@pytest.fixture
def engine() -> str:
    return "postgres"


@pytest.fixture
def control() -> list[str]:
    """The command that stops and starts the PostgreSQL under test."""
    command = os.environ.get("MERAK_TEST_POSTGRES_CONTROL")
    if not command:
        pytest.skip("the PostgreSQL under test is not ours to stop")
    return shlex.split(command)


def ask(request: httpx.Client, key: Key) -> list[httpx.Response]:
    """A write, a write of one statement, and a read, each answered soon."""
    responses = []
    for call in (key.activate, key.validate, lambda: request.get(f"/v1/license-keys/{key.id}")):
        started = time.monotonic()
        responses.append(call())
        assert time.monotonic() - started < SOON_SECONDS
    return responses


def test_a_dead_postgres_is_said_and_survived(server: Server, shop: Shop, control: list[str]) -> None:
    key = shop.key(activations=1_000)
    acknowledged = {key.activate().json()["id"] for _ in range(5)}

    for mode in ("immediate", "fast"):
        subprocess.run([*control, "stop", f"--mode={mode}"], check=True)
        try:
            for _ in range(3):
                for response in ask(shop.http, key):
                    assert response.status_code == 503, response.text
                    assert set(response.json()) >= {"error", "detail"}
        finally:
            subprocess.run([*control, "start"], check=True)
        assert server.is_running()

        # Each of the server's connections comes back by itself, so all calls must succeed, and several times.
        deadline = time.monotonic() + RECOVERY_SECONDS
        in_a_row = 0
        while in_a_row < 5:
            assert time.monotonic() < deadline, "the server does not recover"
            answers = ask(shop.http, key)
            in_a_row = in_a_row + 1 if all(answer.status_code == 200 for answer in answers) else 0
        acknowledged.add(key.activate().json()["id"])
        present = {each["id"] for each in key.read()["activations"]}
        assert acknowledged <= present
        acknowledged = present


def test_a_postgres_that_dies_under_load_loses_nothing(server: Server, shop: Shop, control: list[str]) -> None:
    keys = [shop.key(activations=1_000, usage=1_000_000) for _ in range(4)]
    keys += [shop.key(activations=limit, usage=limit) for limit in (3, 50)]
    load = Load(shop, keys, seed=0)
    load.wait_for(100)
    subprocess.run([*control, "stop", "--mode=immediate"], check=True)
    subprocess.run([*control, "start"], check=True)
    load.wait_for(100)
    load.join()
    assert_kept(keys, [load], unanswered=CLIENTS)
