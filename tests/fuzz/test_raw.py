"""Requests that no client library would send. Whatever comes, the server refuses it and stays well."""

import json
import socket
import time
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest

from harness import Database, Server, Shop
from harness.shop import Key

ACTIVATE = "/v1/customer-portal/license-keys/activate"
VALIDATE = "/v1/customer-portal/license-keys/validate"
MEBIBYTE = 1024 * 1024


@pytest.fixture(scope="module")
def sold(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Key]:
    """One key on one server for all tests. One engine is enough: what is tested lies in front of the database."""
    folder = tmp_path_factory.mktemp("raw")
    server = Server(Database("sqlite", folder), folder)
    try:
        yield Shop(server.start()).key(activations=1_000)
    finally:
        server.clean_up()


@pytest.fixture
def server(sold: Key) -> Server:
    return sold.shop.server


@pytest.fixture
def key(server: Server, sold: Key) -> Iterator[Key]:
    """The key, whose server must be as well after the test as before."""
    yield sold
    assert server.is_running()
    assert sold.activate().status_code == 200


class Answer:
    """What the server sent back, if anything."""

    def __init__(self, received: bytes) -> None:
        head, _, self.body = received.partition(b"\r\n\r\n")
        words = head.split(b" ", 2)
        self.status = int(words[1]) if head.startswith(b"HTTP/1.") else None

    def refuses(self) -> bool:
        return self.status is not None and 400 <= self.status < 500


def connect(server: Server) -> socket.socket:
    address = urlsplit(server.url)
    return socket.create_connection((address.hostname, address.port), timeout=30)


def send(server: Server, request: bytes) -> Answer:
    """Sends bytes and reads until the server closes the connection or the answer is whole."""
    with connect(server) as connection:
        try:
            connection.sendall(request)
        except (BrokenPipeError, ConnectionResetError):
            pass  # The server may close before it has read all of what it refuses.
        return receive(connection)


def receive(connection: socket.socket) -> Answer:
    received = b""
    try:
        while chunk := connection.recv(65_536):
            received += chunk
    except ConnectionResetError:
        pass
    return Answer(received)


def request(path: str, body: bytes = b"", content_type: str = "application/json", method: str = "POST") -> bytes:
    head = f"{method} {path} HTTP/1.1\r\nHost: merak\r\nConnection: close\r\n"
    if body:
        head += f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n"
    return f"{head}\r\n".encode() + body


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"{]",
        b'{"key": }',
        b'"key"',
        b"null",
        b"[]",
        b"123",
        b"NaN",
        b'{"key": NaN}',
        b'{"key": 1e999999999}',
        b'{"key": "a"} trailing',
        b'\xef\xbb\xbf{"key": "a"}',
        b'{"key": "\\ud800"}',
        b'{"key": "\\u0000"}',
        b'{"key": "tab\tinside"}',
        b"[" * 100_000,
        b'{"conditions":' * 5_000 + b"1" + b"}" * 5_000,
        b'{"key": ' + b"9" * 100_000 + b"}",
    ],
    ids=lambda body: repr(body[:24]),
)
def test_a_body_that_is_no_json_object_is_refused(server: Server, key: Key, body: bytes) -> None:
    answer = send(server, request(ACTIVATE, body))
    assert answer.status == 422, answer.body
    assert b'"error":"RequestValidationError"' in answer.body


@pytest.mark.parametrize("body", [b'{"key": "\xff\xfe"}', b"\xff\xfe{\x00}\x00", b"\xc0\x80"], ids=repr)
def test_a_body_that_is_no_text_is_refused(server: Server, key: Key, body: bytes) -> None:
    answer = send(server, request(ACTIVATE, body))
    assert answer.status == 400, answer.body


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "multipart/form-data", "/", "x" * 500])
def test_an_unknown_content_type_is_refused(server: Server, key: Key, content_type: str) -> None:
    body = json.dumps({**key.naming, "label": "device"}).encode()
    answer = send(server, request(ACTIVATE, body, content_type))
    assert answer.refuses(), answer.body


def test_text_that_no_database_stores_is_refused(server: Server, key: Key) -> None:
    for member in ({"label": "a\0b"}, {"label": "x", "meta": {"a": "\0"}}, {"label": "x", "meta": {"\0": 1}}):
        response = key.activate(**member)
        assert response.status_code == 422, response.text
    assert key.validate(key="a\0b").status_code == 422


def test_a_huge_body_is_refused(server: Server, key: Key) -> None:
    meta = b'{"a": "' + b"x" * (32 * MEBIBYTE) + b'"}'
    body = b'{"label": "x", "meta": ' + meta + b"}"
    answer = send(server, request(ACTIVATE, body))
    # Closing while we still send is a refusal as well, but one that need not reach us.
    assert answer.status in (413, None), answer.body


def test_a_body_that_is_announced_huge_is_refused_without_being_read(server: Server, key: Key) -> None:
    head = f"POST {ACTIVATE} HTTP/1.1\r\nHost: merak\r\nConnection: close\r\nContent-Type: application/json\r\n"
    answer = send(server, f"{head}Content-Length: {10**12}\r\n\r\n{{".encode())
    assert answer.status == 413, answer.body


def test_slow_bodies_keep_nobody_waiting(server: Server, key: Key) -> None:
    head = f"POST {VALIDATE} HTTP/1.1\r\nHost: merak\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n"
    connections = [connect(server) for _ in range(200)]
    try:
        for connection in connections:
            connection.sendall(head.encode() + b'{"key": "')
        started = time.monotonic()
        for _ in range(20):
            assert key.validate().status_code == 200
        assert time.monotonic() - started < 10
        assert receive(connections[0]).status == 408, "the server waits without end"
    finally:
        for connection in connections:
            connection.close()


@pytest.mark.parametrize("name", ["page", "organization_id", "unknown"])
def test_thousands_of_query_parameters_are_answered_soon(server: Server, key: Key, name: str) -> None:
    authorization = f"Authorization: Bearer {key.shop.token}"
    for count in (1_000, 10_000):
        query = "&".join(f"{name}={number}" for number in range(1, count))
        head = f"GET /v1/license-keys?{query} HTTP/1.1\r\nHost: merak\r\nConnection: close\r\n{authorization}\r\n\r\n"
        started = time.monotonic()
        answer = send(server, head.encode())
        assert answer.status == 200 or answer.refuses(), answer.body[:200]
        assert time.monotonic() - started < 10


def test_many_identifiers_in_a_filter_are_answered_soon(key: Key) -> None:
    identifiers = [f"3f2c1d8e-5b6a-4c7d-8e9f-{number:012x}" for number in range(1_000)]
    started = time.monotonic()
    response = key.shop.http.get("/v1/license-keys", params={"organization_id": identifiers})
    assert response.status_code in (200, 414, 422, 431), response.text
    assert time.monotonic() - started < 10


@pytest.mark.parametrize("query", ["page=99999999999999999999", "page=0", "page=-1", "limit=1e3", "page=%FF", "page=%00"])
def test_bad_page_numbers_are_refused(key: Key, query: str) -> None:
    response = key.shop.http.get(f"/v1/license-keys?{query}")
    assert response.status_code == 422, response.text


@pytest.mark.parametrize("page", [2**31, 2**62, 2**63 - 1])
def test_pages_far_beyond_the_end_are_empty(key: Key, page: int) -> None:
    response = key.shop.http.get("/v1/license-keys", params={"page": page, "limit": 100})
    assert response.status_code in (200, 422), response.text


@pytest.mark.parametrize(
    "token",
    [b"\xff\xfe", b"", b"polar_pat_", b"x" * 4_000, "ключ".encode(), b"a b c"],
    ids=lambda token: repr(token[:12]),
)
def test_a_strange_token_is_unauthorized(server: Server, key: Key, token: bytes) -> None:
    head = b"GET /v1/license-keys HTTP/1.1\r\nHost: merak\r\nConnection: close\r\nAuthorization: Bearer "
    answer = send(server, head + token + b"\r\n\r\n")
    assert answer.status == 401, answer.body


@pytest.mark.parametrize(
    "path",
    [
        "/v1/license-keys/%00",
        "/v1/license-keys/%FF",
        "/v1/license-keys/..%2f..%2fetc%2fpasswd",
        "/v1/license-keys/" + "a" * 8_000,
        "/../../etc/passwd",
        "//v1//license-keys",
        "/v1/customer-portal/organizations/%F0%9F%92%A9",
        "/v1/customer-portal/organizations/%00",
    ],
    ids=lambda path: path[:40],
)
def test_strange_paths_are_refused(server: Server, key: Key, path: str) -> None:
    answer = send(server, request(path, method="GET"))
    assert answer.refuses(), answer.body


def header_flood() -> bytes:
    lines = "".join(f"X-{number}: {'y' * 100}\r\n" for number in range(5_000))
    return f"GET /v1/license-keys HTTP/1.1\r\nHost: merak\r\n{lines}\r\n".encode()


@pytest.mark.parametrize(
    "make",
    [
        lambda: b"\x00" * 1_000,
        lambda: b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x11" * 600,
        lambda: b"GET\r\n\r\n",
        lambda: b"GET / HTTP/9.9\r\n\r\n",
        lambda: b"POST " + ACTIVATE.encode() + b" HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        lambda: b"POST " + ACTIVATE.encode() + b" HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
        lambda: b"POST " + ACTIVATE.encode() + b" HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
        header_flood,
    ],
)
def test_what_is_no_http_is_refused_or_dropped(server: Server, key: Key, make: Callable[[], bytes]) -> None:
    with connect(server) as connection:
        try:
            connection.sendall(make())
            connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        answer = receive(connection)
        assert answer.status is None or answer.refuses()


def test_many_clients_that_leave_in_the_middle_leave_nothing_behind(server: Server, key: Key) -> None:
    body = json.dumps({**key.naming, "label": "device"}).encode()
    whole = request(VALIDATE, body)
    for at in range(1, len(whole), 3):
        with connect(server) as connection:
            connection.sendall(whole[:at])
    for _ in range(50):
        with connect(server) as connection:
            connection.sendall(whole)
