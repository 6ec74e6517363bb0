"""A real SMTP server that keeps what it is sent, and misbehaves when it is told to."""

import datetime
import email
import email.policy
import ipaddress
import socket
import ssl
import time
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

LOGIN = ("shop@example.com", "p:a/ss wörd")


class Mailbox:
    """What arrived, and what is answered next instead of taking a message."""

    def __init__(self) -> None:
        self.messages: list[EmailMessage] = []
        self.recipients: list[list[str]] = []
        self.were_encrypted: list[bool] = []
        # Of each message, the connection that it came by.
        self.sessions: list[Session] = []
        # Answers to the next recipients or messages, one each; a function is called in the place of an answer.
        self.at_recipient: list[str] = []
        self.at_data: list[str | Callable[[SMTP], str]] = []

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list) -> str:
        if self.at_recipient:
            return self.at_recipient.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        answer = self.at_data.pop(0) if self.at_data else "250 OK"
        if isinstance(answer, str) and not answer.startswith("250"):
            return answer
        self.recipients.append(list(envelope.rcpt_tos))
        self.were_encrypted.append(session.ssl is not None)
        self.sessions.append(session)
        # The last, because whoever waits counts these.
        self.messages.append(email.message_from_bytes(envelope.original_content, policy=email.policy.default))
        return answer if isinstance(answer, str) else answer(server)

    def wait(self, count: int, seconds: float = 40.0) -> list[EmailMessage]:
        """The messages, once there are so many."""
        deadline = time.monotonic() + seconds
        while len(self.messages) < count:
            assert time.monotonic() < deadline, f"{len(self.messages)} of {count} messages came"
            time.sleep(0.05)
        return self.messages

    def to(self, address: str) -> list[EmailMessage]:
        """The messages to an address, the oldest first."""
        arrived = zip(list(self.messages), list(self.recipients), strict=False)
        return [message for message, recipients in arrived if address in recipients]

    def find(self, address: str, subject: str, count: int = 1, seconds: float = 40.0) -> EmailMessage:
        """The last message to an address whose subject begins so, once there are so many of them."""
        deadline = time.monotonic() + seconds
        while True:
            sent = self.to(address)
            found = [message for message in sent if message["subject"].startswith(subject)]
            if len(found) >= count:
                return found[-1]
            if time.monotonic() > deadline:
                subjects = [str(message["subject"]) for message in sent]
                raise AssertionError(f"{len(found)} of {count} messages {subject!r} came to {address}: {subjects}")
            time.sleep(0.05)


def hang_up(server: SMTP) -> str:
    """Breaks the connection after the message was taken, before that is said."""
    server.transport.abort()
    return "250 OK"


def kept_port() -> socket.socket:
    """Keeps a port from everybody who asks for a free one, but not from the server that reuses its address."""
    probe = socket.socket()
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    probe.bind(("127.0.0.1", 0))
    return probe


def certificates(folder: Path, name: str) -> tuple[Path, ssl.SSLContext]:
    """The certificate of an authority of our own, and a server's TLS by one that it signed for this name."""
    folder.mkdir(parents=True, exist_ok=True)
    now = datetime.datetime.now(datetime.UTC)

    def sign(subject: str, key, issuer: str, by, is_authority: bool) -> x509.Certificate:
        names = [x509.DNSName(subject)]
        if subject == "localhost":
            names.append(x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
        return (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .sign(by, hashes.SHA256())
        )

    authority, server = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root = sign("Authority of a test", authority, "Authority of a test", authority, True)
    leaf = sign(name, server, "Authority of a test", authority, False)
    pem = serialization.Encoding.PEM
    (folder / "root.pem").write_bytes(root.public_bytes(pem))
    (folder / "leaf.pem").write_bytes(leaf.public_bytes(pem))
    private = server.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "key.pem").write_bytes(private)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "leaf.pem", folder / "key.pem")
    return folder / "root.pem", context


class Catcher:
    """The server. It can be started and stopped again at the same port."""

    def __init__(self, tls: ssl.SSLContext | None = None, **options: object) -> None:
        self.mailbox = Mailbox()
        self._kept = kept_port()
        self.port: int = self._kept.getsockname()[1]
        self._tls = tls
        self._options = options
        self._controller: Controller | None = None

    def start(self) -> "Catcher":
        options: dict[str, object] = dict(self._options)
        if self._tls is not None:
            options |= {
                "tls_context": self._tls,
                "require_starttls": True,
                "authenticator": check_login,
                "auth_required": True,
            }
        self._controller = Controller(self.mailbox, hostname="127.0.0.1", port=self.port, ready_timeout=60, **options)
        self._controller.start()
        return self

    def stop(self) -> None:
        if self._controller is not None:
            self._controller.stop()
            self._controller = None


def check_login(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: LoginPassword) -> AuthResult:
    login = (data.login.decode(), data.password.decode())
    return AuthResult(success=login == LOGIN, handled=login == LOGIN)
