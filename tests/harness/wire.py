"""The way between the program and somebody it calls: it notes what is asked, and loses answers when it is told to."""

import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

import httpx


@dataclass(frozen=True)
class Call:
    """What was asked."""

    line: str
    key: str | None
    form: dict[str, str]


class Wire:
    """Passes requests on to an address."""

    def __init__(self, url: str) -> None:
        self.calls: list[Call] = []
        # How many requests with a line are still lost: before they are passed on, or when they are answered.
        self._lost: dict[tuple[str, bool], float] = {}
        self._held: dict[str, tuple[threading.Event, threading.Event]] = {}
        self._far = httpx.Client(base_url=url, timeout=30)
        wire = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                line = f"{self.command} {urlsplit(self.path).path}"
                wire.calls.append(Call(line, self.headers.get("idempotency-key"), dict(parse_qsl(body.decode()))))
                if wire._loses(line, False):
                    return self.hang_up()
                headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
                far = wire._far.request(self.command, self.path, headers=headers, content=body)
                reached, go_on = wire._held.get(line, (None, None))
                if reached is not None and go_on is not None:
                    reached.set()
                    go_on.wait()
                if wire._loses(line, True):
                    return self.hang_up()
                self.send_response(far.status_code)
                self.send_header("content-type", far.headers["content-type"])
                self.send_header("content-length", str(len(far.content)))
                self.end_headers()
                self.wfile.write(far.content)

            do_GET = do_POST = do_DELETE = answer

            def hang_up(self) -> None:
                self.close_connection = True

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: object) -> None:
                """Who has asked may be gone when the answer comes."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def lose_request(self, line: str) -> None:
        """Breaks the connection instead of passing on the next request with this line, as in `POST /v1/refunds`."""
        self._lost[line, False] = 1

    def lose_answer(self, line: str) -> None:
        """Breaks the connection when the next request with this line was passed on and answered."""
        self._lost[line, True] = 1

    @contextmanager
    def silent(self, line: str, is_reached: bool) -> Iterator[None]:
        """Answers no request with this line meanwhile, though it may have reached where it goes."""
        self._lost[line, is_reached] = math.inf
        try:
            yield
        finally:
            del self._lost[line, is_reached]

    @contextmanager
    def hold_answers(self, line: str) -> Iterator[threading.Event]:
        """Keeps answers to requests with this line back meanwhile. The event is set once there is one."""
        reached, go_on = threading.Event(), threading.Event()
        self._held[line] = reached, go_on
        try:
            yield reached
        finally:
            del self._held[line]
            go_on.set()

    def asked(self, line: str) -> list[Call]:
        """What was asked with this line, in order."""
        return [call for call in list(self.calls) if call.line == line]

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._far.close()

    def _loses(self, line: str, was_answered: bool) -> bool:
        left = self._lost.get((line, was_answered), 0)
        if left > 0:
            self._lost[line, was_answered] = left - 1
        return left > 0
