"""`kill -9` while a shop sells and renews: who was told that they have bought has, and nobody pays twice."""

import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable

import httpx

from harness import Server, Shop

BUYERS = 8
SUBSCRIBERS = 10
ROUNDS = 3
PATIENCE_SECONDS = 90.0


class Sale:
    """Buyers who buy as fast as they can, and remember what they were told. It ends when the server is gone."""

    def __init__(self, shop: Shop, product: dict) -> None:
        self.sold: set[str] = set()
        self.begun: set[str] = set()
        self.unexpected: list[str] = []
        self._shop = shop
        self._product = product
        self._threads = [threading.Thread(target=self._buy) for _ in range(BUYERS)]
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive(), "a buyer got neither an answer nor an end of the connection"
        assert not self.unexpected, self.unexpected

    def _buy(self) -> None:
        with self._shop.client(self._shop.server) as http:
            try:
                while True:
                    checkout = self._shop.checkout(http, self._product)
                    self.begun.add(checkout["id"])
                    answer = self._shop.confirm(http, checkout)
                    if answer.status_code != 200:
                        self.unexpected.append(f"{answer.status_code} {answer.text}")
                        return
                    self.sold.add(checkout["id"])
            except httpx.TransportError:
                return


def eventually(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


def test_what_was_bought_survives_kill_9(server: Server, shop: Shop) -> None:
    product = shop.product(type="one_time")
    sold, begun = set(), set()
    for number in range(ROUNDS):
        sale = Sale(shop, product)
        eventually(lambda sale=sale, enough=12 + 7 * number: len(sale.sold) >= enough, "hardly anything is sold")
        server.kill()
        sale.join()
        shop.move_to(server.start())
        sold |= sale.sold
        begun |= sale.begun
        orders = Counter(order["checkout_id"] for order in shop.orders())
        assert set(orders.values()) == {1}
        assert sold <= set(orders) <= begun
        server.run("audit")


def test_kill_9_among_renewals_leaves_one_order_for_each_period(server: Server, shop: Shop) -> None:
    product = shop.product(type="recurring", recurring_interval="month")
    for _ in range(SUBSCRIBERS):
        assert shop.confirm(shop.http, shop.checkout(shop.http, product)).status_code == 200
    for period in itertools.islice(itertools.count(2), ROUNDS):
        before = SUBSCRIBERS * (period - 1)
        assert len(shop.orders()) == before
        moving = server.begin("clock", "advance", "--organization", shop.slug, "--by", "31d")
        eventually(lambda before=before: len(shop.orders()) > before, "nothing is renewed")
        server.kill()
        shop.move_to(server.start())
        moving.communicate(timeout=PATIENCE_SECONDS)
        eventually(lambda period=period: len(shop.orders()) == SUBSCRIBERS * period, "not all is renewed")
        orders = Counter(order["subscription_id"] for order in shop.orders())
        assert set(orders.values()) == {period}
        server.run("audit")
