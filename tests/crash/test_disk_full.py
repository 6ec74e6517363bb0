"""A full disk: writes are refused clearly, reads go on, and nothing needs a restart when there is room again."""

import errno
import os
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness import Database, Server, Shop
from harness.database import required
from harness.server import SECRET
from harness.shop import Key

SIZE = "16m"


@pytest.fixture
def engine() -> str:
    return "sqlite"


@pytest.fixture
def small_disk(tmp_path: Path) -> list[str]:
    """A command that runs another with a small disk of its own in place of a folder, holding what the folder held. The
    disk lives in a mount namespace of the program and ends with it."""
    folder = shlex.quote(str(tmp_path))
    mount = f"mount -t tmpfs -o size={SIZE} merak-small-disk {folder}"
    fill = f'copy=$(mktemp -d) && cp -a {folder}/. "$copy" && {mount} && cp -a "$copy"/. {folder} && rm -rf "$copy"'
    for unshare in (["unshare", "--mount"], ["unshare", "--mount", "--map-root-user"]):
        if subprocess.run([*unshare, "sh", "-c", mount], capture_output=True, check=False).returncode == 0:
            return [*unshare, "sh", "-c", f'{fill} && exec "$@"', "sh"]
    pytest.skip("this system lets us make no small disk")


@pytest.fixture
def server(database: Database, tmp_path: Path, small_disk: list[str]) -> Iterator[Server]:
    """A server that will run on the small disk."""
    server = Server(database, tmp_path, before=small_disk)
    yield server
    server.clean_up()


@pytest.fixture
def key(server: Server, database: Database, tmp_path: Path) -> Key:
    """A key that was sold before the disk became small."""
    outside = Server(database, tmp_path).start()
    shop = Shop(outside)
    key = shop.key(activations=1_000)
    assert outside.terminate() == 0
    shop.move_to(server.start())
    return key


class Ballast:
    """A file that takes all the room there is on the disk of a process."""

    def __init__(self, pid: int, folder: Path) -> None:
        self._file = Path(f"/proc/{pid}/root{folder}/ballast")

    def take_all_room(self) -> None:
        with self._file.open("ab", buffering=0) as file:
            for size in (65_536, 4_096, 1):
                try:
                    while True:
                        file.write(b"\0" * size)
                except OSError as error:
                    assert error.errno == errno.ENOSPC

    def leave(self) -> None:
        self._file.unlink()


def test_a_full_disk_refuses_writes_and_recovers(server: Server, key: Key, tmp_path: Path) -> None:
    ballast = Ballast(server.pid, tmp_path)
    acknowledged = {key.activate().json()["id"] for _ in range(5)}

    for _ in range(2):
        ballast.take_all_room()
        refused = 0
        # The write-ahead log may have room left in its last pages, so the first writes may still succeed.
        for _ in range(400):
            response = key.activate(meta={"filling": "x" * 4_000})
            if response.status_code == 200:
                acknowledged.add(response.json()["id"])
                continue
            refused += 1
            assert response.status_code == 503, response.text
            assert set(response.json()) >= {"error", "detail"}
            if refused == 5:
                break
        assert refused == 5, "the disk never got full"
        assert server.is_running()
        assert {each["id"] for each in key.read()["activations"]} == acknowledged

        ballast.leave()
        for _ in range(5):
            response = key.activate()
            assert response.status_code == 200, response.text
            acknowledged.add(response.json()["id"])
        assert {each["id"] for each in key.read()["activations"]} == acknowledged


@pytest.mark.parametrize(
    ("command", "room", "reason"),
    [
        ("backup", "128k", "there is no space left on its disk"),
        # Room for the copy and the ballast, but not for what SQLite needs beside it.
        ("backup", "whole", "there is no space left on its disk"),
        ("export", "4k", "No space left on device (os error 28)"),
    ],
)
def test_a_file_that_finds_no_room_is_told_by_its_name(
    database: Database, tmp_path: Path, small_disk: list[str], command: str, room: str, reason: str
) -> None:
    """The disk of the file that is to be made is full. The database lies on another."""
    merak = Server(database, tmp_path)
    merak.run("organization", "create", "--name", "Acme", "--slug", "acme", "--owner", "owner@example.com")
    if room == "whole":
        merak.run("backup", str(tmp_path / "whole"))
        room = str((tmp_path / "whole").stat().st_size + 4096 + 8192)
    folder = tmp_path / "full"
    folder.mkdir()
    file, place = folder / "shop", shlex.quote(str(folder))
    mount = f"mount -t tmpfs -o size={room} merak-full-disk {place} && head -c 4096 /dev/zero > {place}/ballast"
    script = f'{mount} && {{ "$@"; status=$?; ls -A {place}; exit $status; }}'
    done = subprocess.run(
        [*small_disk[: small_disk.index("sh")], "sh", "-c", script, "sh", required("MERAK_BIN"), command, str(file)],
        env={**os.environ, "MERAK_DATA_DIR": str(tmp_path), "MERAK_DATABASE_URL": database.url, "MERAK_SECRET": SECRET},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout.split()) == (1, ["ballast"]), done.stderr
    assert done.stderr.splitlines()[-1] == f"merak: cannot write {file}: {reason}"
