"""A mail server inside the test process: it takes, refuses or breaks off, in clear or after STARTTLS."""

from __future__ import annotations

import base64
import ipaddress
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any, cast

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass
class Mailbox:
    """What came, and how the server behaves: `refuse` a code for every recipient, `hang_up` before the answer to DATA's
    end, once taken (`lose`)."""

    port: int = 0
    letters: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    logins: list[tuple[str, str]] = field(default_factory=list)
    refuse: int = 0
    lose: bool = False
    tls: ssl.SSLContext | None = None
    password: str = ""

    def bodies(self) -> list[str]:
        return [str(one.get_content()).replace("\r\n", "\n") for one in self.letters]


@contextmanager
def mailbox(**behaviour: Any) -> Iterator[Mailbox]:
    """A server on 127.0.0.1 until the block ends."""
    box = Mailbox(**behaviour)
    handler = type("Handler", (_Dialogue,), {"box": box})
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        box.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        try:
            yield box
        finally:
            server.shutdown()


class _Dialogue(socketserver.StreamRequestHandler):
    box: Mailbox

    def handle(self) -> None:
        self._say("220 box")
        while words := self.rfile.readline().decode().strip():
            verb = words.partition(" ")[0].upper()
            if verb == "EHLO":
                secured = isinstance(self.connection, ssl.SSLSocket)
                offered = ["250-box", *(["250-STARTTLS"] if self.box.tls and not secured else [])]
                for line in (*offered, "250-AUTH PLAIN" if self.box.password else "250-8BITMIME", "250 SIZE 1000000"):
                    self._say(line)
            elif verb == "STARTTLS" and self.box.tls:
                self._say("220 go")
                try:
                    self.connection = self.box.tls.wrap_socket(self.connection, server_side=True)
                except OSError:  # the other side did not trust the certificate
                    return
                self.rfile, self.wfile = self.connection.makefile("rb"), cast("Any", self.connection.makefile("wb", 0))
            elif verb == "AUTH":
                _, user, password = base64.b64decode(words.split()[2]).decode().split("\0")
                self.box.logins.append((user, password))
                self._say("235 in" if password == self.box.password else "535 wrong")
            elif verb == "RCPT":
                self.box.recipients.append(words)
                self._say(f"{self.box.refuse} no" if self.box.refuse else "250 fine")
            elif verb == "DATA":
                self._say("354 go")
                if not self._take():
                    return
            elif verb == "QUIT":
                self._say("221 bye")
                return
            else:
                self._say("250 fine")

    def finish(self) -> None:
        super().finish()
        self.connection.close()  # after STARTTLS another one than the server knows

    def _take(self) -> bool:
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line[1:] if line.startswith(b"..") else line)
        self.box.letters.append(cast("EmailMessage", message_from_bytes(b"".join(lines), policy=default)))
        if self.box.lose:
            return False
        self._say("250 taken")
        return True

    def _say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())


def certified(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """(what the server shows, what trusts it): a certificate of its own for 127.0.0.1."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "box")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "box.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + made.public_bytes(serialization.Encoding.PEM)
    )
    shows = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    shows.load_cert_chain(path)
    return shows, ssl.create_default_context(cadata=made.public_bytes(serialization.Encoding.PEM).decode())
