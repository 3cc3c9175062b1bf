"""One POST to an address that a facility named: https only, no redirects, no way into this network, a short time.

The name is looked up once and the address found is the one connected to, so that a name which answers differently the
second time leads nowhere else. An address that is not of the open internet is refused unless the operator allowed its
network (`outgoing` of doors.yaml).
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

SECONDS = 10.0
ANSWER_BYTES_MAX = 65_536


class Unreached(Exception):
    """No answer could be had; `why` is a word of this module, never a text of the other side."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the status and at most `ANSWER_BYTES_MAX` bytes."""

    status: int
    body: bytes


class Post(Protocol):
    """How something is sent; tests put a receiver of their own in this place."""

    def __call__(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer: ...


@dataclass(frozen=True, slots=True)
class Outward:
    """Posts for real. `allowed`: private networks that may be reached; `context`: whom to trust, the system's list."""

    allowed: Sequence[str] = ()
    context: ssl.SSLContext | None = None

    def __call__(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """The answer; Unreached: https, name, private-address, time, tls, connection, answer."""
        parts = urlsplit(url)
        if parts.scheme != "https" or not parts.hostname:
            raise Unreached("https")
        end = time.monotonic() + SECONDS
        place = self.place(parts.hostname, parts.port or 443)
        connection = _Pinned(parts.hostname, parts.port or 443, place, self.context or ssl.create_default_context())
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        try:
            connection.request("POST", target, body, {"Connection": "close", **headers})
            return _read(connection, end)
        except TimeoutError:
            raise Unreached("time") from None
        except ssl.SSLError:
            raise Unreached("tls") from None
        except OSError:
            raise Unreached("connection") from None
        except http.client.HTTPException:
            raise Unreached("answer") from None
        finally:
            connection.close()

    def place(self, host: str, port: int) -> str:
        """The address to connect to; Unreached when one of those the name stands for is not to be reached."""
        try:
            found = {str(told[4][0]) for told in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
        except (OSError, UnicodeError):
            raise Unreached("name") from None
        places = sorted(found)
        if not places or not all(self._may_reach(one) for one in places):
            raise Unreached("private-address")
        return places[0]

    def _may_reach(self, text: str) -> bool:
        address: ipaddress.IPv4Address | ipaddress.IPv6Address = ipaddress.ip_address(text.partition("%")[0])
        if isinstance(address, ipaddress.IPv6Address):
            address = address.ipv4_mapped or address.sixtofour or address
        if any(address in network for network in map(ipaddress.ip_network, self.allowed)):
            return True
        return address.is_global and not address.is_multicast and not address.is_reserved


class _Pinned(http.client.HTTPSConnection):
    """Connects to one address and asks the other side to prove the name."""

    def __init__(self, host: str, port: int, place: str, context: ssl.SSLContext) -> None:
        super().__init__(host, port, timeout=SECONDS, context=context)
        self._place = place
        self._trusts = context

    def connect(self) -> None:
        line = socket.create_connection((self._place, self.port), self.timeout)
        try:
            self.sock = self._trusts.wrap_socket(line, server_hostname=self.host)
        except BaseException:
            line.close()
            raise


def _read(connection: http.client.HTTPSConnection, end: float) -> Answer:
    """The whole answer, cut at its limit; TimeoutError at `end` even when it trickles."""
    line = connection.sock
    pieces: list[bytes] = []
    with connection.getresponse() as response:
        while sum(map(len, pieces)) < ANSWER_BYTES_MAX:
            if (left := end - time.monotonic()) <= 0:
                raise TimeoutError
            if line is not None:
                line.settimeout(left)
            piece = response.read1(8_192)
            if not piece:
                break
            pieces.append(piece)
        return Answer(response.status, b"".join(pieces)[:ANSWER_BYTES_MAX])
