"""Stand-ins of Discord and GitHub: one server that checks what is sent, and remembers who has what."""

import base64
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

BOT = "900"
GUILD = "/discord/api/v10/guilds/10"
INSTALLATION = {"id": 70, "account": {"login": "acme", "type": "Organization"}}

# The key with which the tests of the server sign; here nobody looks at the signature.
KEY = Path(__file__).parents[2] / "crates/server/tests/api/services/app-key-for-tests.pem"

Answer = tuple[int, object]


class Services:
    """Both services behind one port."""

    def __init__(self) -> None:
        # Discord: the roles of each account on the server 10.
        self.members: dict[str, set[str]] = {BOT: {"13"}}
        # GitHub: the permission of each account on acme/app.
        self.collaborators: dict[str, str] = {}
        # Requests that were not as they should be.
        self.mistakes: list[str] = []
        services = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                text = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
                line = f"{self.command} {urlsplit(self.path).path}"
                scheme, _, token = self.headers.get("authorization", "").partition(" ")
                answer = services.discord(line, scheme, token, text) or services.github(line, token, text)
                status, body = answer or (404, {"message": "Not Found"})
                # Whether something is a repository, or was called so, may be asked.
                is_question = line.startswith("GET /api/repos/") and line.endswith("/installation")
                if status >= 400 and not (status == 404 and is_question):
                    services.mistakes.append(f"{line}: {status}")
                data = b"" if status == 204 else json.dumps(body).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                if status != 204:
                    self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PUT = do_DELETE = answer

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def options(self) -> list[str]:
        """Options of a server that is connected to the stand-ins."""
        return [
            f"--discord-url={self.url}/discord",
            "--discord-client-id=discord-client",
            "--discord-client-secret=discord-secret",
            "--discord-bot-token=bot-token",
            f"--github-url={self.url}/github",
            f"--github-api-url={self.url}/api",
            "--github-app-id=4711",
            f"--github-app-private-key-file={KEY}",
            "--github-app-client-id=app-client",
            "--github-app-client-secret=app-secret",
        ]

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def discord(self, line: str, scheme: str, token: str, text: str) -> Answer | None:
        if " /discord/" not in line:
            return None
        if line == "POST /discord/api/v10/oauth2/token":
            if (scheme, base64.b64decode(token)) != ("Basic", b"discord-client:discord-secret"):
                return 401, {"error": "invalid_client"}
            # The code says whose the account is.
            account = parse_qs(text)["code"][0]
            tokens = {"access_token": f"access-{account}", "refresh_token": "r", "expires_in": 604800}
            return 200, {**tokens, "guild": {"id": "10"}} if account == "bot" else tokens
        if scheme == "Bearer" and line == "GET /discord/api/v10/users/@me":
            account = token.removeprefix("access-")
            return 200, {"id": account, "username": f"user{account}"}
        if (scheme, token) != ("Bot", "bot-token"):
            return 401, {"message": "401: Unauthorized"}
        if line == "GET /discord/api/v10/users/@me":
            return 200, {"id": BOT, "username": "merak"}
        if line == f"GET {GUILD}":
            roles = [{"id": str(10 + n), "name": f"Role {n}", "position": n, "managed": n == 3} for n in (1, 2, 3, 4)]
            roles[2]["tags"] = {"bot_id": BOT}
            return 200, {"id": "10", "name": "Acme", "roles": roles}
        found = re.fullmatch(rf"(GET|PUT|DELETE) {GUILD}/members/(\d+)(?:/roles/(\d+))?", line)
        if not found:
            return None
        method, account, role = found.groups()
        if method == "GET":
            return 200, {"roles": sorted(self.members[account])}
        if role is None:
            body = json.loads(text)
            if body["access_token"] != f"access-{account}":
                return 403, {"message": "Invalid OAuth2 access token"}
            if account in self.members:
                return 204, None
            self.members[account] = set(body["roles"])
            return 201, {}
        if method == "PUT":
            self.members[account].add(role)
        else:
            self.members[account].discard(role)
        return 204, None

    def github(self, line: str, token: str, text: str) -> Answer | None:
        if line == "POST /github/login/oauth/access_token":
            form = {name: values[0] for name, values in parse_qs(text).items()}
            if form["client_secret"] != "app-secret":
                return 200, {"error": "incorrect_client_credentials"}
            return 200, {"access_token": f"ghu_{form['code']}", "token_type": "bearer"}
        if token.startswith("ghu_"):
            account = int(token.removeprefix("ghu_"))
            return {
                "GET /api/user": (200, {"id": account, "login": f"user{account}"}),
                "GET /api/user/installations": (200, {"installations": [INSTALLATION]}),
                "GET /api/user/installations/70/repositories": (
                    200,
                    {"repositories": [{"id": 900, "name": "app", "owner": INSTALLATION["account"]}]},
                ),
            }.get(line)
        if token != "ghs_70":
            return {
                "GET /api/repos/acme/app/installation": (200, INSTALLATION),
                "POST /api/app/installations/70/access_tokens": (201, {"token": "ghs_70"}),
            }.get(line)
        if found := re.fullmatch(r"GET /api/user/(\d+)", line):
            return 200, {"id": int(found[1]), "login": f"user{found[1]}"}
        if line == "GET /api/repos/acme/app/invitations":
            return 200, []
        if found := re.fullmatch(r"(PUT|DELETE) /api/repos/acme/app/collaborators/user(\d+)", line):
            method, account = found.groups()
            if method == "PUT":
                self.collaborators[account] = json.loads(text)["permission"]
                return 201, {}
            self.collaborators.pop(account, None)
            return 204, None
        return None
