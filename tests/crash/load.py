"""Clients that activate and validate as fast as they can, and remember what the server acknowledged."""

import random
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Sequence

import httpx

from harness.shop import Key, Shop

CLIENTS = 6


class Load:
    """A running load on some keys. Ends by itself when the server is gone."""

    def __init__(self, shop: Shop, keys: Sequence[Key], seed: int) -> None:
        self.activations: dict[str, set[str]] = defaultdict(set)
        self.validations: Counter[str] = Counter()
        self.unexpected: list[str] = []
        self._shop = shop
        self._keys = keys
        self._lock = threading.Lock()
        self._enough = threading.Event()
        self._threads = [
            threading.Thread(target=self._client, args=(random.Random(f"{seed}/{number}"),))
            for number in range(CLIENTS)
        ]
        for thread in self._threads:
            thread.start()

    def acknowledged(self) -> int:
        with self._lock:
            return sum(len(each) for each in self.activations.values()) + self.validations.total()

    def wait_for(self, more: int) -> None:
        """Waits until some more answers have come, so that what follows comes in the middle of work on any machine."""
        enough = self.acknowledged() + more
        deadline = time.monotonic() + 60
        while self.acknowledged() < enough:
            assert time.monotonic() < deadline, f"only {self.acknowledged()} answers: {self.unexpected}"
            time.sleep(0.001)

    def join(self) -> None:
        """Waits until every client has ended, and fails if the server answered what it never should."""
        self._enough.set()
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive(), "a client got neither an answer nor an end of its connection"
        assert not self.unexpected, self.unexpected

    def _client(self, dice: random.Random) -> None:
        with self._shop.client(self._shop.server) as http:
            while not self._enough.is_set():
                key = dice.choice(self._keys)
                action = dice.choice(["activate", "validate"])
                members = {"label": "device"} if action == "activate" else {"increment_usage": 1}
                try:
                    response = key.call(http, action, **members)
                except httpx.TransportError:
                    return
                with self._lock:
                    self._remember(key, action, response)

    def _remember(self, key: Key, action: str, response: httpx.Response) -> None:
        if response.status_code == 200 and action == "activate":
            self.activations[key.id].add(response.json()["id"])
        elif response.status_code == 200:
            self.validations[key.id] += 1
        # A key whose seats or usages are taken refuses; a server that is about to end may say so.
        elif response.status_code not in (400, 403, 503):
            self.unexpected.append(f"{action}: {response.status_code} {response.text}")


def assert_kept(keys: Sequence[Key], loads: Sequence[Load], unanswered: int) -> None:
    """Checks that everything acknowledged is there, that no limit is passed, and that nothing was made up: beyond what
    was acknowledged there is at most what was under way when the server ended."""
    beyond = 0
    for key in keys:
        read = key.read()
        present = {activation["id"] for activation in read["activations"]}
        activated = set().union(*(load.activations[key.id] for load in loads))
        validated = sum(load.validations[key.id] for load in loads)
        assert activated <= present, f"lost activations: {activated - present}"
        assert len(present) <= read["limit_activations"]
        assert read["usage"] <= read["limit_usage"]
        assert read["validations"] == read["usage"], "each validation of the load counts one usage"
        assert read["validations"] >= validated, "lost validations"
        beyond += len(present - activated) + read["validations"] - validated
    assert beyond <= unanswered
