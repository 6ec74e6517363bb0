"""Two nodes on one PostgreSQL sell for one shop at the same moment: every buyer is answered, and the books hold."""

from concurrent.futures import ThreadPoolExecutor

import httpx

from harness import Database, Server, Shop
from harness.shop import created, statuses

BUYERS = 32


def confirm_all(shop: Shop, clients: list[httpx.Client], checkouts: list[dict]) -> list[httpx.Response]:
    """Confirms all checkouts at once, in turn on each node."""
    with ThreadPoolExecutor(BUYERS) as pool:
        nodes = (clients[number % len(clients)] for number in range(len(checkouts)))
        return list(pool.map(shop.confirm, nodes, checkouts))


def assert_sold(shop: Shop, database: Database, sold: set[str]) -> None:
    """Checks that there is one order for each of these checkouts and for no other, and that the books are right."""
    orders = shop.orders()
    assert len(orders) == len(sold)
    assert {order["checkout_id"] for order in orders} == sold
    numbers = database.ask("SELECT invoice_number FROM orders ORDER BY invoice_number")
    assert numbers == [str(number) for number in range(1, len(sold) + 1)]
    shop.server.run("audit")


def test_all_who_buy_at_once_have_bought(
    database: Database, nodes: list[Server], shop: Shop, clients: list[httpx.Client]
) -> None:
    product = shop.product(type="one_time")
    checkouts = [shop.checkout(clients[0], product) for _ in range(2 * BUYERS)]
    answers = confirm_all(shop, clients, checkouts)
    assert statuses(answers) == {200: len(checkouts)}, [each.text for each in answers if each.status_code != 200]
    assert_sold(shop, database, {checkout["id"] for checkout in checkouts})


def test_a_discount_is_redeemed_as_often_as_it_may_be(
    database: Database, nodes: list[Server], shop: Shop, clients: list[httpx.Client]
) -> None:
    product = shop.product(type="one_time")
    reduction = {"type": "percentage", "basis_points": 2500, "duration": "once", "max_redemptions": 7}
    body = {"name": "The first seven", "organization_id": shop.organization_id, **reduction}
    discount = created(shop.http.post("/v1/discounts/", json=body))
    checkouts = [shop.checkout(clients[0], product, discount_id=discount["id"]) for _ in range(BUYERS)]
    answers = confirm_all(shop, clients, checkouts)
    assert statuses(answers) == {200: 7, 422: BUYERS - 7}
    sold = {checkout["id"] for checkout, answer in zip(checkouts, answers, strict=True) if answer.status_code == 200}
    assert_sold(shop, database, sold)
    assert {order["amount"] for order in shop.orders()} == {750}
    response = shop.http.get(f"/v1/discounts/{discount['id']}")
    assert response.json()["redemptions_count"] == 7
