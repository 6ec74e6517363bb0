"""A stand-in for the reference: an HTTP server that gives answers in its shapes and its order of members.

What it answers was written for these tests after recordings of the reference, with which `test_recorded.py` compares it; it
knows the few lists that an import reads, their pages and filters, and can be told to be slow, busy or out of order."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

TOKEN = "polar_pat_of-the-stand-in"

Answer = tuple[int, dict[str, str], object]


class StandIn:
    """What the server has and how it behaves."""

    def __init__(self) -> None:
        self.url = ""
        self.lists: dict[str, list[dict]] = {}
        self.details: dict[str, dict] = {}
        # What everybody may read, as it is.
        self.pages: dict[str, bytes] = {}
        self.asked: list[tuple[str, dict[str, list[str]]]] = []
        self.tokens: set[str] = set()
        # May answer instead of the server; called with the number of the question, its path and its query.
        self.trouble: Callable[[int, str, dict[str, list[str]]], Answer | None] = lambda *_: None
        self.delay = 0.0
        self._lock = threading.Lock()

    def answer(self, address: str, token: str) -> Answer:
        parts = urlsplit(address)
        query = parse_qs(parts.query)
        with self._lock:
            self.asked.append((parts.path, query))
            self.tokens.add(token)
            number = len(self.asked)
        time.sleep(self.delay)
        if (trouble := self.trouble(number, parts.path, query)) is not None:
            return trouble
        if parts.path in self.pages:
            return 200, {"Content-Type": "image/svg+xml"}, self.pages[parts.path]
        if token != f"Bearer {TOKEN}":
            problem = {"error": "invalid_token", "error_description": "The access token provided is invalid."}
            return 401, {}, problem
        if parts.path in self.details:
            return 200, {}, self.details[parts.path]
        if parts.path not in self.lists:
            return 404, {}, {"error": "ResourceNotFound", "detail": "Not found"}
        return 200, {}, page(self.lists[parts.path], query)


def page(items: list[dict], query: dict[str, list[str]]) -> dict:
    """A page as the reference cuts it, of the rows that the filters let through."""
    for name in ("organization_id", "benefit_id", "customer_id", "slug"):
        if name in query:
            items = [item for item in items if name not in item or item[name] in query[name]]
    number, limit = int(query.get("page", ["1"])[0]), min(int(query.get("limit", ["10"])[0]), 100)
    pages = -(-len(items) // limit)
    return {
        "items": items[(number - 1) * limit : number * limit],
        "pagination": {"total_count": len(items), "max_page": pages},
    }


@contextmanager
def serving(standin: StandIn) -> Iterator[StandIn]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            status, headers, content = standin.answer(self.path, self.headers.get("Authorization", ""))
            body = content if isinstance(content, bytes) else json.dumps(content).encode()
            # Addresses of the server's own are written so in what it answers.
            body = body.replace(b"{url}", standin.url.encode())
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", **headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Says nothing; what was asked stands in `asked`."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    standin.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield standin
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
