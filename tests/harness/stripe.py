"""A stand-in for Stripe: localstripe, in a process of its own. It signs and sends events as Stripe does."""

import logging
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Self

import httpx

from harness.server import PATIENCE_SECONDS

SECRET_KEY = "sk_test_merak"
PUBLISHABLE_KEY = "pk_test_merak"
WEBHOOK_SECRET = "whsec_merak"

WEBHOOK = "/v1/integrations/stripe/webhook"


class Stripe:
    """An account at Stripe."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._log = folder / "stripe.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.url = ""

    def start(self) -> Self:
        """Starts the stand-in on a free port."""
        with self._log.open("wb") as log:
            command = [sys.executable, "-u", "-m", "harness.stripe"]
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=Path(__file__).parents[1]
            )
        self.url = self._wait_for("listening on ").split()[-1]
        return self

    @property
    def options(self) -> list[str]:
        """What the program is told of it."""
        return [
            *("--payment-processor", "stripe", "--stripe-api-url", self.url),
            *("--stripe-secret-key", SECRET_KEY, "--stripe-publishable-key", PUBLISHABLE_KEY),
            *("--stripe-webhook-secret", WEBHOOK_SECRET),
        ]

    def call(self, path: str, form: dict[str, str]) -> dict:
        """Does something in the account, as its owner does in Stripe's dashboard."""
        answer = httpx.post(self.url + path, data=form, headers={"Authorization": f"Bearer {SECRET_KEY}"})
        answer.raise_for_status()
        return answer.json()

    def tell(self, url: str, secret: str = WEBHOOK_SECRET) -> None:
        """Sends events to this address from now on."""
        form = {"url": url, "secret": secret}
        httpx.post(f"{self.url}/_config/webhooks/merak", data=form).raise_for_status()

    def delivered(self, event: str) -> str:
        """What came of sending an event of this type: `successfully delivered`, or with which status it failed."""
        return self._wait_for(f'webhook "{event}" ').split('" ', 1)[1]

    def stop(self) -> None:
        """Ends the stand-in."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        print(self._log.read_text(errors="replace")[-5000:], file=sys.stderr)

    def _wait_for(self, words: str) -> str:
        """The first line of its log with these words."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            for line in self._log.read_text(errors="replace").splitlines(keepends=True):
                if words in line and line.endswith("\n"):
                    return line.rstrip()
            time.sleep(0.05)
        raise RuntimeError(f"nothing of {words!r}: {self._log.read_text(errors='replace')}")


def serve() -> None:
    """The stand-in itself. Its own command listens on every address and keeps what it knows on the disk."""
    from aiohttp import web
    from localstripe import resources, server

    resources.Store.dump_to_disk = lambda _: None
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    log = logging.getLogger("aiohttp.access")
    log.setLevel(logging.INFO)
    log.addHandler(logging.StreamHandler())
    print(f"listening on http://127.0.0.1:{listener.getsockname()[1]}")
    web.run_app(server.app, sock=listener, access_log=log, print=None)


if __name__ == "__main__":
    serve()
