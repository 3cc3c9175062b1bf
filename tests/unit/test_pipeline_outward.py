"""Sending outside: no way into a private network, no redirects, the name is proved, what comes back is bounded."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from bienho.core.errors import UsageError
from bienho.governance.connections import checked
from bienho.pipeline import outward
from bienho.pipeline.outward import ANSWER_BYTES_MAX, Outward, Unreached
from support.peopled import START

LOOPBACK = ("127.0.0.0/8",)


class Receiver(BaseHTTPRequestHandler):
    """Says back what came; /away points elsewhere, /much says more than anybody asked for."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        much = self.path == "/much"
        self.send_response(302 if self.path == "/away" else 200)
        if self.path == "/away":
            self.send_header("Location", "https://169.254.169.254/")
        self.end_headers()
        self.wfile.write(b"x" * (2 * ANSWER_BYTES_MAX) if much else body + self.headers["Mark"].encode())

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, ssl.SSLContext]]:
    """A port of this machine that answers by TLS as `localhost`, and a context that trusts it and nobody else."""
    key, paper = ec.generate_private_key(ec.SECP256R1()), tmp_path_factory.mktemp("tls") / "paper.pem"
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    made = x509.CertificateBuilder(
        name, name, key.public_key(), 7, START - timedelta(days=1), START + timedelta(days=1)
    )
    made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
    made = made.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    certificate = made.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)
    paper.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + certificate)
    with _listening(paper) as port:
        trusting = ssl.create_default_context(cadata=certificate.decode())
        yield port, trusting


@contextmanager
def _listening(paper: Path) -> Iterator[int]:
    server = HTTPServer(("127.0.0.1", 0), Receiver)
    own = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    own.load_cert_chain(paper)
    server.socket = own.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()
    thread.join()


def test_what_is_sent_arrives_and_what_is_said_comes_back(served: tuple[int, ssl.SSLContext]) -> None:
    port, trusting = served
    answer = Outward(LOOPBACK, trusting)(f"https://localhost:{port}/a?b=1", b"noi dung", {"Mark": "M"})
    assert (answer.status, answer.body) == (200, b"noi dungM")
    assert (
        len(Outward(LOOPBACK, trusting)(f"https://localhost:{port}/much", b"", {"Mark": ""}).body) == ANSWER_BYTES_MAX
    )


def test_a_redirect_is_an_answer_and_is_not_followed(served: tuple[int, ssl.SSLContext]) -> None:
    port, trusting = served
    assert Outward(LOOPBACK, trusting)(f"https://localhost:{port}/away", b"", {"Mark": ""}).status == 302


def test_this_network_is_not_reached_unless_it_is_allowed(served: tuple[int, ssl.SSLContext]) -> None:
    port, trusting = served
    for allowed in ((), ("10.0.0.0/8",)):
        with pytest.raises(Unreached, match="private-address"):
            Outward(allowed, trusting)(f"https://localhost:{port}/", b"", {})


def test_who_cannot_prove_the_name_gets_nothing(served: tuple[int, ssl.SSLContext]) -> None:
    port, trusting = served
    for context, host in ((None, "localhost"), (trusting, "127.0.0.1")):
        with pytest.raises(Unreached, match="tls"):
            Outward(LOOPBACK, context)(f"https://{host}:{port}/", b"bi mat", {"Mark": ""})
    with pytest.raises(Unreached, match="https"):
        Outward(LOOPBACK)(f"http://localhost:{port}/", b"", {})


@pytest.mark.parametrize(
    "found",
    [
        ["127.0.0.1"], ["10.1.2.3"], ["172.16.0.1"], ["192.168.1.1"], ["169.254.169.254"], ["0.0.0.0"], ["100.64.0.1"],
        ["224.0.0.1"], ["255.255.255.255"], ["::1"], ["fe80::1%eth0"], ["fc00::1"], ["::ffff:10.0.0.1"], ["::"],
        ["2002:a00:1::"], ["ff02::1"], ["8.8.8.8", "10.0.0.1"], [],
    ],
)  # fmt: skip
def test_a_name_that_stands_for_a_private_address_is_refused(found: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    told = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, 443)) for one in found]
    monkeypatch.setattr(outward.socket, "getaddrinfo", lambda *_, **__: told)
    with pytest.raises(Unreached, match="private-address"):
        Outward().place("cong.example.vn", 443)


def test_an_open_address_is_reached_and_is_the_one_that_was_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def once(*given: Any, **_: Any) -> Any:
        asked.append(given)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("203.162.0.1" if len(asked) == 1 else "127.0.0.1", 443))]

    def connect(place: Any, *_: Any) -> Any:
        asked.append(place)
        raise OSError

    monkeypatch.setattr(outward.socket, "getaddrinfo", once)
    monkeypatch.setattr(outward.socket, "create_connection", connect)
    with pytest.raises(Unreached, match="connection"):
        Outward()("https://cong.example.vn/", b"", {})
    assert asked[1] == ("203.162.0.1", 443)


@pytest.mark.parametrize(
    "url",
    [
        "http://a.vn/", "https://", "https://a:b@c.vn/", "https://a.vn/#x", "https://a.vn:0/", "https://a.vn:x/",
        "ftp://a.vn", "https://[::1]/", "https://a.vn/\n", "https://ä.vn/", "javascript:1", "https://a.vn/ b",
        "https://a.vn/" + "x" * 500,
    ],
)  # fmt: skip
def test_what_is_no_plain_address_is_not_registered(url: str) -> None:
    with pytest.raises(UsageError, match="USE-CONNECTION-URL"):
        checked(url)
    assert checked(" https://his.example.vn:8443/bao?a=1 ") == "https://his.example.vn:8443/bao?a=1"
