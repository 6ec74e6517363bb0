"""A stand-in for Stripe: localstripe, in a process of its own. It signs and sends events as Stripe does; what it lacks is
added by `harness.stripe_gaps`."""

import hashlib
import hmac
import json
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

OWNER = {"Authorization": f"Bearer {SECRET_KEY}"}

WEBHOOK = "/v1/integrations/stripe/webhook"

# Stripe's test cards.
GOOD_CARD = "4242424242424242"
POOR_CARD = "4000000000009995"
# Its bank asks when it is used by its owner, and not for what is charged later.
ASKING_CARD = "4000002500003155"
# Its bank always asks.
ALWAYS_ASKING_CARD = "4000002760003184"
# Can be saved, and is declined whenever it is charged.
CARD_DECLINED_LATER = "4000000000000341"


class Stripe:
    """An account at Stripe."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._log = folder / "stripe.log"
        # Where its log begins that is looked at.
        self._begin = 0
        self._process: subprocess.Popen[bytes] | None = None
        # One for all calls: to make one costs more than to call.
        self._http = httpx.Client(timeout=30)
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

    def options(self, url: str = "") -> list[str]:
        """What the program is told of it, if it is at its own address or reached at another one."""
        return [
            *("--payment-processor", "stripe", "--stripe-api-url", url or self.url),
            *("--stripe-secret-key", SECRET_KEY, "--stripe-publishable-key", PUBLISHABLE_KEY),
            *("--stripe-webhook-secret", WEBHOOK_SECRET),
        ]

    def call(self, path: str, form: dict[str, str]) -> dict:
        """Does something in the account, as its owner does in Stripe's dashboard."""
        return self._answer("POST", path, data=form)

    def find(self, path: str, **query: object) -> dict:
        """Reads something of the account."""
        return self._answer("GET", path, params=query)

    def list(self, path: str, **query: object) -> list[dict]:
        """All things of a kind, the oldest first."""
        return sorted(self.find(path, limit=100, **query)["data"], key=lambda thing: thing["created"])

    def token(self, number: str = GOOD_CARD) -> str:
        """What a browser gets for a card that its owner has typed into Stripe's form."""
        card = {"number": number, "exp_month": "12", "exp_year": "2040", "cvc": "123"}
        form = {f"payment_method_data[card][{name}]": value for name, value in card.items()}
        form["payment_method_data[type]"] = "card"
        return self.call("/v1/test_helpers/confirmation_tokens", form)["id"]

    def approve(self, client_secret: str, says_yes: bool = True) -> None:
        """The owner of a card tells their bank whether it is they, in a browser: with the key that everybody may know."""
        intent = client_secret.split("_secret_")[0]
        form = {"key": PUBLISHABLE_KEY, "client_secret": client_secret}
        if intent.startswith("seti_"):
            path = f"/v1/setup_intents/{intent}/{'confirm' if says_yes else 'cancel'}"
        else:
            path = f"/v1/payment_intents/{intent}/_authenticate"
            form["success"] = str(says_yes).lower()
        self._http.post(self.url + path, data=form).raise_for_status()

    def clear(self) -> None:
        """Makes it an account in which nothing has happened, and which tells nobody."""
        self._http.delete(f"{self.url}/_config/account", headers=OWNER).raise_for_status()
        self._begin = self._log.stat().st_size

    def forget_keys(self) -> None:
        """Forgets the idempotency keys, as Stripe does after a day."""
        self._http.delete(f"{self.url}/_config/keys", headers=OWNER).raise_for_status()

    def tell(self, url: str, secret: str = WEBHOOK_SECRET) -> None:
        """Sends events to this address from now on."""
        form = {"url": url, "secret": secret}
        self._http.post(f"{self.url}/_config/webhooks/merak", data=form).raise_for_status()

    def send(self, url: str, event: dict, seconds_ago: int = 0) -> int:
        """Sends an event once more, signed some seconds ago, and returns the status of the answer."""
        body = json.dumps(event).encode()
        signed_at = int(time.time()) - seconds_ago
        signature = hmac.new(WEBHOOK_SECRET.encode(), b"%d.%s" % (signed_at, body), hashlib.sha256).hexdigest()
        headers = {"Content-Type": "application/json", "Stripe-Signature": f"t={signed_at},v1={signature}"}
        return self._http.post(url, content=body, headers=headers).status_code

    def delivered(self, event: str) -> str:
        """What came of sending an event of this type: `successfully delivered`, or with which status it failed."""
        return self._wait_for(f'webhook "{event}" ').split('" ', 1)[1]

    def log(self) -> str:
        """What it has said so far."""
        return self._log.read_bytes()[self._begin :].decode(errors="replace")

    def show_log(self) -> None:
        """Prints the end of the log, which pytest shows when the test fails."""
        print(self.log()[-5000:], file=sys.stderr)

    def stop(self) -> None:
        """Ends the stand-in."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._http.close()

    def _answer(self, method: str, path: str, **request: object) -> dict:
        answer = self._http.request(method, self.url + path, headers=OWNER, **request)
        assert answer.is_success, answer.text
        return answer.json()

    def _wait_for(self, words: str) -> str:
        """The first line of its log with these words."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            for line in self.log().splitlines(keepends=True):
                if words in line and line.endswith("\n"):
                    return line.rstrip()
            time.sleep(0.05)
        raise RuntimeError(f"nothing of {words!r}: {self.log()}")


def serve() -> None:
    """The stand-in itself. Its own command listens on every address and keeps what it knows on the disk."""
    from aiohttp import web
    from localstripe import resources

    resources.Store.dump_to_disk = lambda _: None
    # The server takes its routes as they are when it is imported.
    from harness import stripe_gaps
    from localstripe import server

    server.app.middlewares.insert(0, stripe_gaps.once_for_a_key)
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    log = logging.getLogger("aiohttp.access")
    log.setLevel(logging.INFO)
    log.addHandler(logging.StreamHandler())
    print(f"listening on http://127.0.0.1:{listener.getsockname()[1]}")
    web.run_app(server.app, sock=listener, access_log=log, print=None)


if __name__ == "__main__":
    serve()
