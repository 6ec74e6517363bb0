"""A shop that is open to the world: with a server for its mail, and a browser for those who buy there."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from harness import Database, Server
from harness.mail import Catcher
from harness.merchants import Merchant


@pytest.fixture
def catcher() -> Iterator[Catcher]:
    catcher = Catcher().start()
    yield catcher
    catcher.stop()


@pytest.fixture
def server(database: Database, tmp_path: Path, catcher: Catcher) -> Iterator[Server]:
    mail = ["--mail", f"smtp://127.0.0.1:{catcher.port}?tls=none", "--mail-from", "shop@example.com"]
    server = Server(database, tmp_path, options=mail)
    try:
        yield server.start()
    finally:
        server.clean_up()


@pytest.fixture
def merchant(server: Server) -> Merchant:
    return Merchant(server, "fjord")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    path = os.environ.get("MERAK_CHROMIUM", "/usr/bin/chromium")
    with sync_playwright() as playwright:
        # In a container there is nobody to protect from the pages, which are our own.
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()
