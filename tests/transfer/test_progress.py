"""Whoever waits for a long command is told how far it is."""

import json
import os
import pty
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness import Server, Shop
from harness.database import required
from harness.server import SECRET
from transfer import recorded
from transfer.standin import TOKEN, StandIn, serving

CUSTOMERS = 130


@pytest.fixture
def standin() -> Iterator[StandIn]:
    with serving(recorded.shop(CUSTOMERS)) as standin:
        yield standin


def taking(standin: StandIn) -> list[str]:
    return ["import", "polar", "--from", standin.url, "--token", TOKEN, "--owner", "owner@example.com"]


def test_an_import_tells_how_far_it_is_while_it_goes_on(standin: StandIn, elsewhere: Server) -> None:
    elsewhere.run("migrate")
    let_go = threading.Event()

    def hold(_number: int, path: str, query: dict) -> None:
        if path == "/v1/customers/" and query["page"] == ["2"]:
            assert let_go.wait(60)

    standin.trouble = hold
    importing = elsewhere.begin(*taking(standin), "--json")
    assert importing.stderr is not None
    try:
        told = []
        while not told or not told[-1].startswith("customer"):
            told.append(importing.stderr.readline().rstrip())
            assert told[-1], "it goes on, and says so"
        assert told[-1] == f"customer: 100 seen of {CUSTOMERS}"
        assert importing.poll() is None
    finally:
        let_go.set()
    output, rest = importing.communicate(timeout=120)
    told += rest.splitlines()
    assert importing.returncode == 0
    # The end of each kind, with all that was seen of it; the result stands by itself.
    for line in ("file: 2 seen", f"customer: {CUSTOMERS} seen", f"license key: {CUSTOMERS} seen", "downloadable: 1 seen"):
        assert Counter(told)[line] == 1, told
    assert told.index("file: 2 seen") < told.index(f"customer: {CUSTOMERS} seen")
    assert json.loads(output)["records"]["customer"]["here"] == CUSTOMERS


def test_an_export_tells_what_it_wrote(shop: Shop, server: Server, tmp_path: Path) -> None:
    for _ in range(2):
        shop.key()
    exporting = server.begin("export", str(tmp_path / "shop.ndjson"))
    output, told = exporting.communicate(timeout=60)
    assert exporting.returncode == 0
    # Grants are read benefit by benefit; how many there are stands in the last line about them.
    last = {line.split(":")[0]: line for line in told.splitlines()}
    assert list(last.values()) == [
        "benefit: 2 exported",
        "customer: 2 exported",
        "license key: 2 exported",
        "benefit grant: 2 exported",
    ]
    assert output.rstrip().endswith(f"8 records of {shop.slug}")


def test_on_a_terminal_it_is_one_line_that_changes(shop: Shop, server: Server, tmp_path: Path) -> None:
    shop.key()
    ours, theirs = pty.openpty()
    command = [required("MERAK_BIN"), "export", str(tmp_path / "shop.ndjson")]
    environment = {
        **os.environ,
        "MERAK_DATA_DIR": str(server.folder),
        "MERAK_DATABASE_URL": server.database.url,
        "MERAK_SECRET": SECRET,
    }
    done = subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, stderr=theirs, timeout=60, check=True)
    os.close(theirs)
    told = b""
    try:
        while chunk := os.read(ours, 4096):
            told += chunk
    except OSError:
        # The other end is closed, and all was read.
        pass
    os.close(ours)
    assert done.returncode == 0
    again = "\r\x1b[K"
    # A terminal ends a line with two characters.
    lines = told.decode().removesuffix("\r\n").split("\r\n")
    assert [line.split(again)[-1] for line in lines] == [
        "benefit: 1 exported",
        "customer: 1 exported",
        "license key: 1 exported",
        "benefit grant: 1 exported",
    ]
    assert all(line.startswith(again) for line in lines)
