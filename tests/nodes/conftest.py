"""Two nodes on one PostgreSQL, and a shop that both of them serve."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from harness import Database, Server, Shop


@pytest.fixture
def engine() -> str:
    return "postgres"


@pytest.fixture
def nodes(database: Database, tmp_path: Path) -> Iterator[list[Server]]:
    """Two nodes that start at the same moment on an empty database, so that both want to migrate it."""
    nodes = [Server(database, tmp_path / name) for name in ("a", "b")]
    try:
        for node in nodes:
            node.launch()
        yield [node.wait_until_ready() for node in nodes]
    finally:
        for node in nodes:
            node.clean_up()


@pytest.fixture
def shop(nodes: list[Server]) -> Shop:
    return Shop(nodes[0])


@pytest.fixture
def clients(nodes: list[Server], shop: Shop) -> Iterator[list[httpx.Client]]:
    clients = [shop.client(node) for node in nodes]
    yield clients
    for client in clients:
        client.close()
