"""Mail to a real SMTP server, which is not always there or does not always want it."""

import email.utils
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from harness import Database, Server, Shop
from harness.mail import LOGIN, Catcher, certificates, hang_up

REQUEST = "/v1/customer-portal/customer-session/request"
AUTHENTICATE = "/v1/customer-portal/customer-session/authenticate"
SENDER = "Merak Søndre <shop@bücher.example>"


@pytest.fixture
def catcher() -> Iterator[Catcher]:
    catcher = Catcher().start()
    yield catcher
    catcher.stop()


@pytest.fixture
def opened(database: Database, tmp_path: Path) -> Iterator[Callable[[str], Server]]:
    """Starts a server that sends its mail to an address."""
    servers: list[Server] = []

    def start(mail: str) -> Server:
        server = Server(database, tmp_path / f"merak-{len(servers)}", options=["--mail", mail, "--mail-from", SENDER])
        servers.append(server)
        return server.start()

    yield start
    for server in servers:
        server.clean_up()


def plain(catcher: Catcher) -> str:
    return f"smtp://127.0.0.1:{catcher.port}?tls=none"


def customer(shop: Shop, address: str) -> dict:
    body = {"email": address, "organization_id": shop.organization_id}
    answer = shop.http.post("/v1/customers/", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


def ask(shop: Shop, address: str) -> None:
    answer = shop.http.post(REQUEST, json={"email": address, "organization_id": shop.organization_id})
    assert (answer.status_code, answer.text) == (202, "null")


def code_in(message: email.message.EmailMessage) -> str:
    text = message.get_body(("plain",)).get_content()
    return next(line for line in text.splitlines() if len(line) == 6 and line.isalnum())


def set_aside(server: Server, seconds: float = 30.0) -> str:
    """What is set aside, once something is."""
    deadline = time.monotonic() + seconds
    while not (listed := server.run("jobs", "list", "--failed", "--json")):
        assert time.monotonic() < deadline, "nothing is set aside"
        time.sleep(0.2)
    return listed


def test_a_code_comes_by_mail_and_signs_in(opened: Callable[[str], Server], catcher: Catcher) -> None:
    shop = Shop(opened(plain(catcher)), name="Bücher & Søn, 書店")
    customer(shop, "zoe@bücher.example")
    ask(shop, "ZOE@bücher.example")
    [message] = catcher.mailbox.wait(1)
    assert catcher.mailbox.recipients == [["zoe@xn--bcher-kva.example"]]
    name, sender = email.utils.parseaddr(str(message["from"]))
    assert message["from"].addresses[0].display_name == "Bücher & Søn, 書店 via Merak Søndre", name
    assert sender == "shop@xn--bcher-kva.example"
    assert message["subject"] == "Your sign-in code for Bücher & Søn, 書店"
    assert message["message-id"].endswith("@xn--bcher-kva.example>")
    assert message["auto-submitted"] == "auto-generated"
    assert "Bücher &#38; Søn, 書店" in message.get_body(("html",)).get_content()
    answer = shop.http.post(AUTHENTICATE, json={"code": code_in(message).lower()})
    assert answer.status_code == 200, answer.text
    assert shop.http.post(AUTHENTICATE, json={"code": code_in(message)}).status_code == 401


def test_a_connection_is_used_again_and_each_mail_comes_once(opened: Callable[[str], Server], catcher: Catcher) -> None:
    shop = Shop(opened(plain(catcher)))
    addresses = [f"buyer-{number}@example.com" for number in range(12)]
    for address in addresses:
        customer(shop, address)
        ask(shop, address)
    messages = catcher.mailbox.wait(12)
    time.sleep(2)
    assert sorted(recipients[0] for recipients in catcher.mailbox.recipients) == sorted(addresses)
    assert len({message["message-id"] for message in messages}) == 12
    assert len({id(session) for session in catcher.mailbox.sessions}) < 12
    # Nobody got another's code.
    for message, recipients in zip(messages, catcher.mailbox.recipients, strict=True):
        assert message["to"] == recipients[0]


def test_a_server_that_is_down_gets_the_mail_when_it_is_back(opened: Callable[[str], Server]) -> None:
    catcher = Catcher()
    shop = Shop(opened(plain(catcher)))
    customer(shop, "zoe@example.com")
    ask(shop, "zoe@example.com")
    time.sleep(3)
    catcher.start()
    try:
        catcher.mailbox.wait(1)
        time.sleep(2)
        assert len(catcher.mailbox.messages) == 1
    finally:
        catcher.stop()


def test_a_connection_lost_after_the_message_sends_it_again_with_the_same_id(
    opened: Callable[[str], Server], catcher: Catcher
) -> None:
    shop = Shop(opened(plain(catcher)))
    customer(shop, "zoe@example.com")
    catcher.mailbox.at_data = [hang_up]
    ask(shop, "zoe@example.com")
    first, second = catcher.mailbox.wait(2)
    assert first["message-id"] == second["message-id"]
    assert (first["date"], first.get_body(("plain",)).get_content()) == (
        second["date"],
        second.get_body(("plain",)).get_content(),
    )
    time.sleep(12)
    assert len(catcher.mailbox.messages) == 2
    # Either of the two is as good as the other.
    assert shop.http.post(AUTHENTICATE, json={"code": code_in(first)}).status_code == 200


def test_a_busy_server_is_asked_again(opened: Callable[[str], Server], catcher: Catcher) -> None:
    shop = Shop(opened(plain(catcher)))
    customer(shop, "zoe@example.com")
    catcher.mailbox.at_recipient = ["450 4.2.0 Greylisted"]
    catcher.mailbox.at_data = ["451 4.3.0 Try again"]
    ask(shop, "zoe@example.com")
    catcher.mailbox.wait(1, seconds=60)
    assert not shop.server.run("jobs", "list", "--failed", "--json")


@pytest.mark.parametrize("where", ["recipient", "data"])
def test_what_is_refused_for_good_is_set_aside(
    opened: Callable[[str], Server], catcher: Catcher, where: str
) -> None:
    server = opened(plain(catcher))
    shop = Shop(server)
    customer(shop, "zoe@example.com")
    refusal = "550 5.1.1 No such mailbox"
    if where == "recipient":
        catcher.mailbox.at_recipient = [refusal]
    else:
        catcher.mailbox.at_data = [refusal]
    ask(shop, "zoe@example.com")
    listed = set_aside(server)
    assert "send_email" in listed and "550" in listed, listed
    time.sleep(2)
    assert catcher.mailbox.messages == []
    server.run("jobs", "retry", "--all", "--json")
    catcher.mailbox.wait(1)


def test_an_address_that_the_server_cannot_take_is_set_aside(opened: Callable[[str], Server]) -> None:
    old, new = Catcher(enable_SMTPUTF8=False).start(), Catcher(enable_SMTPUTF8=True).start()
    try:
        for number, catcher in enumerate([new, old]):
            server = opened(plain(catcher))
            shop = Shop(server, slug=f"utf8-{number}")
            customer(shop, "zoë@example.com")
            ask(shop, "zoë@example.com")
            if catcher is new:
                catcher.mailbox.wait(1)
                assert catcher.mailbox.recipients == [["zoë@example.com"]]
                server.kill()
            else:
                assert "SMTPUTF8" in set_aside(server)
                assert catcher.mailbox.messages == []
    finally:
        old.stop()
        new.stop()


def test_names_smuggle_nothing_into_headers(opened: Callable[[str], Server], catcher: Catcher) -> None:
    server = opened(plain(catcher))
    names = ['Evil" <x@evil.example>, "', "Evil\r\nBcc: x@evil.example\r\n\r\nRead this", "=?utf-8?q?Evil=0D=0ABcc:_x?="]
    for number, name in enumerate(names, start=1):
        shop = Shop(server, name="Acme", slug=f"evil-{number}")
        # As whoever reaches the database or imports a shop can set it, past every check.
        changed = shop.http.patch(f"/v1/organizations/{shop.organization_id}", json={"name": name})
        assert changed.status_code in (200, 422), changed.text
        if changed.status_code == 422:
            continue
        customer(shop, "zoe@example.com")
        before = len(catcher.mailbox.messages)
        ask(shop, "zoe@example.com")
        message = catcher.mailbox.wait(before + 1)[-1]
        assert catcher.mailbox.recipients[-1] == ["zoe@example.com"]
        assert [address.addr_spec for address in message["from"].addresses] == ["shop@xn--bcher-kva.example"]
        assert message["bcc"] is None and message["x-evil"] is None
        assert len(message.get_all("to")) == 1
    assert catcher.mailbox.messages, "one of the names at least is allowed"


class TestTls:
    """Mail over connections that nobody else can read."""

    @pytest.fixture
    def engine(self) -> str:
        """What a mail server is told does not depend on the engine."""
        return "sqlite"

    def address(self, catcher: Catcher, password: str = LOGIN[1], host: str = "localhost") -> str:
        return f"smtp://{quote(LOGIN[0], '')}:{quote(password, '')}@{host}:{catcher.port}?tls=starttls"

    def test_the_login_and_the_mail_are_encrypted(
        self, opened: Callable[[str], Server], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        root, tls = certificates(tmp_path / "tls", "localhost")
        monkeypatch.setenv("SSL_CERT_FILE", str(root))
        catcher = Catcher(tls=tls).start()
        try:
            shop = Shop(opened(self.address(catcher)))
            customer(shop, "zoe@example.com")
            ask(shop, "zoe@example.com")
            catcher.mailbox.wait(1)
            assert catcher.mailbox.were_encrypted == [True]
        finally:
            catcher.stop()

    @pytest.mark.parametrize("wrong", ["trust", "name", "password", "plain"])
    def test_nothing_goes_to_a_server_that_is_not_the_right_one(
        self, opened: Callable[[str], Server], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: str
    ) -> None:
        root, tls = certificates(tmp_path / "tls", "other.example" if wrong == "name" else "localhost")
        other, _ = certificates(tmp_path / "other", "localhost")
        monkeypatch.setenv("SSL_CERT_FILE", str(other if wrong == "trust" else root))
        catcher = Catcher(tls=None if wrong == "plain" else tls).start()
        try:
            password = "not-the-password" if wrong == "password" else LOGIN[1]
            server = opened(self.address(catcher, password))
            shop = Shop(server)
            customer(shop, "zoe@example.com")
            ask(shop, "zoe@example.com")
            deadline = time.monotonic() + 30
            while "cannot be reached" not in (waiting := server.run("jobs", "list", "--json")):
                assert time.monotonic() < deadline, waiting
                time.sleep(0.2)
            assert catcher.mailbox.messages == []
            assert not server.run("jobs", "list", "--failed", "--json"), "it waits for the operator to mend it"
            log = (tmp_path / "merak-0" / "log").read_text()
            assert "zoe@example.com" not in log and password not in log
        finally:
            catcher.stop()
