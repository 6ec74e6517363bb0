"""A shop that is paid through Stripe, whose stand-in makes the payments, and the wire between the two."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness import Database, Server, Stripe, Wire
from payments.till import Till


@pytest.fixture(scope="session")
def standin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stripe]:
    standin = Stripe(tmp_path_factory.mktemp("stripe"))
    try:
        yield standin.start()
    finally:
        standin.stop()


@pytest.fixture
def stripe(standin: Stripe) -> Iterator[Stripe]:
    standin.clear()
    yield standin
    standin.show_log()


@pytest.fixture
def wire(stripe: Stripe) -> Iterator[Wire]:
    wire = Wire(stripe.url)
    yield wire
    wire.stop()
    writes: dict[str, set[tuple]] = {}
    for call in wire.calls:
        if call.line.startswith("POST "):
            assert call.key, f"{call.line} has no Idempotency-Key"
            writes.setdefault(call.key, set()).add((call.line, *call.form.items()))
    wishes = {key: wish for key, wish in writes.items() if len(wish) > 1}
    assert wishes == {}, "a key names one wish, however often it is asked"


@pytest.fixture
def server(database: Database, stripe: Stripe, wire: Wire, tmp_path: Path) -> Iterator[Server]:
    # Its pages stay where they are when it is started anew at another port. A test may move them: the address is the last.
    settings = ["--taxes", "rates", "--tax-registration", "FR", "--public-url", "http://shop.example.com"]
    server = Server(database, tmp_path / "merak", options=[*stripe.options(wire.url), *settings])
    try:
        yield server.start()
    finally:
        server.clean_up()


@pytest.fixture
def till(server: Server, stripe: Stripe) -> Till:
    return Till(server, stripe)
