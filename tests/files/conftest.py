"""A shop whose files are in a folder or in a stand-in of S3."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness import Database, Server, Shop, Storage


@pytest.fixture(params=["local", "s3"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Storage | None]:
    """The stand-in of S3; none for the folder."""
    if request.param == "local":
        yield None
        return
    storage = Storage(tmp_path)
    try:
        yield storage.start()
    finally:
        storage.stop()


@pytest.fixture
def engine() -> str:
    """What the storage does with bytes does not depend on the engine; both are tested beside the code."""
    return "sqlite"


@pytest.fixture
def server(database: Database, storage: Storage | None, tmp_path: Path) -> Iterator[Server]:
    server = Server(database, tmp_path / "merak", options=storage.options if storage else [])
    try:
        yield server.start()
    finally:
        server.clean_up()


@pytest.fixture
def shop(server: Server) -> Shop:
    return Shop(server)
