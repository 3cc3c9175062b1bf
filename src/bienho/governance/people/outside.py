"""One question to an outside sign-in service: https only, no redirects, one short time for it all, a bounded answer."""

from __future__ import annotations

import http.client
import socket
import ssl
import time
from collections.abc import Mapping
from typing import Protocol
from urllib.parse import urlencode, urlsplit

from bienho.core.errors import StorageError

SECONDS = 5.0
ANSWER_BYTES_MAX = 262_144


class Fetch(Protocol):
    """How a question is asked; tests put a provider of their own in this place."""

    def __call__(self, url: str, form: Mapping[str, str] | None, headers: Mapping[str, str]) -> bytes:
        """The body of a 200 answer to GET (`form` None) or POST; StorageError STO-SSO for anything else."""
        ...


def https(url: str, form: Mapping[str, str] | None, headers: Mapping[str, str]) -> bytes:
    """Ask for real."""
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname:
        raise away("địa chỉ không phải https")
    end = time.monotonic() + SECONDS
    connection = http.client.HTTPSConnection(
        parts.hostname, parts.port, timeout=SECONDS, context=ssl.create_default_context()
    )
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    sent = {"Accept": "application/json", "Connection": "close", **headers}
    try:
        if form is None:
            connection.request("GET", target, None, sent)
        else:
            sent["Content-Type"] = "application/x-www-form-urlencoded"
            connection.request("POST", target, urlencode(form).encode(), sent)
        return _body(connection, end)
    except (OSError, http.client.HTTPException) as error:
        raise away(_why(error)) from None
    finally:
        connection.close()


def _why(error: Exception) -> str:
    """What went wrong on the way there, in words."""
    if isinstance(error, TimeoutError):
        return "quá thời hạn"
    if isinstance(error, ssl.SSLError):
        return "không tin được chứng thư của máy chủ"
    if isinstance(error, socket.gaierror):
        return "không tìm thấy địa chỉ máy chủ"
    return "không nối được tới máy chủ" if isinstance(error, OSError) else "câu trả lời không đúng dạng"


def _body(connection: http.client.HTTPSConnection, end: float) -> bytes:
    """The whole answer; TimeoutError at `end` even when it trickles."""
    line = connection.sock
    pieces: list[bytes] = []
    with connection.getresponse() as response:
        if response.status != 200:
            raise away(f"mã trả lời {response.status}")
        while True:
            if (left := end - time.monotonic()) <= 0:
                raise TimeoutError
            if line is not None:
                line.settimeout(left)
            piece = response.read1(8_192)
            if not piece:
                return b"".join(pieces)
            pieces.append(piece)
            if sum(map(len, pieces)) > ANSWER_BYTES_MAX:
                raise away("câu trả lời quá lớn")


def away(reason: str) -> StorageError:
    """The service did not answer as it should; nothing was opened."""
    return StorageError(
        "STO-SSO",
        f"Dịch vụ đăng nhập bên ngoài không trả lời được: {reason}.",
        hint="Đăng nhập bằng mật khẩu và mã dùng một lần, hoặc thử lại sau vài phút.",
        who="người vận hành",
    )
