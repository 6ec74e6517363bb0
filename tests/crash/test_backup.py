"""A backup under load: it holds everything that was acknowledged before it began, and a new installation starts from it."""

from pathlib import Path

import pytest

from crash.load import CLIENTS, Load
from harness import Database, Server, Shop


@pytest.fixture
def engine() -> str:
    """PostgreSQL has tools of its own for this."""
    return "sqlite"


def test_a_backup_under_load_is_whole(server: Server, shop: Shop, tmp_path: Path) -> None:
    keys = [shop.key(activations=1_000, usage=1_000_000) for _ in range(4)]
    load = Load(shop, keys, seed=0)
    load.wait_for(100)
    before = {key.id: set(load.activations[key.id]) for key in keys}
    server.run("backup", str(tmp_path / "backup.db"))
    load.wait_for(100)
    load.join()
    assert server.terminate() == 0

    folder = tmp_path / "restored"
    folder.mkdir()
    restored = Server(Database("sqlite", folder), folder)
    restored.run("restore", str(tmp_path / "backup.db"))
    try:
        shop.move_to(restored.start())
        for key in keys:
            read = key.read()
            present = {activation["id"] for activation in read["activations"]}
            assert before[key.id] <= present <= load.activations[key.id]
            assert read["usage"] == read["validations"] <= load.validations[key.id] + CLIENTS
            assert key.activate().status_code == 200
    finally:
        restored.clean_up()
