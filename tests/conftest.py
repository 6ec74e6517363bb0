"""Fixtures of the black-box suites: a database, a server and a shop for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness import ENGINES, Database, Server, Shop


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def database(engine: str, tmp_path: Path) -> Iterator[Database]:
    database = Database(engine, tmp_path)
    yield database
    database.drop()


@pytest.fixture
def server(database: Database, tmp_path: Path) -> Iterator[Server]:
    server = Server(database, tmp_path)
    try:
        yield server.start()
    finally:
        server.clean_up()


@pytest.fixture
def elsewhere(engine: str, tmp_path: Path) -> Iterator[Server]:
    """Another installation, with a database of its own on the same engine. It is not started."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    database = Database(engine, folder)
    server = Server(database, folder)
    try:
        yield server
    finally:
        server.clean_up()
        database.drop()


@pytest.fixture
def shop(server: Server) -> Shop:
    return Shop(server)
