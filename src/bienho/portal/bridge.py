"""The pages (WSGI) inside the server (ASGI), in this process and on a few threads.

The server's own WSGI mode works in a child process; the gate's open stores must not be carried across a fork, so the
pages stay here. asgiref's bridge runs one request at a time; this one has a pool.
"""

from __future__ import annotations

import asyncio
import io
import sys
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from bienho.portal.middleware import HEADERS

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
MOST_BODY = 1024 * 1024
# A body over the limit is still read this far and thrown away: a client that is cut off while it sends never sees why.
MOST_DRAINED = 16 * MOST_BODY
REFUSED = [(b"content-type", b"text/plain; charset=utf-8"), (b"cache-control", b"no-store")]
REFUSED += [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
TOO_LARGE = (413, REFUSED, "[LIM-BODY] Nội dung gửi lên quá lớn.".encode())
Answer = tuple[int, list[tuple[bytes, bytes]], bytes]


class Bridge:
    """An ASGI application that answers with a WSGI one. Bodies are held in memory: pages are small, limits are set."""

    def __init__(self, wsgi: Wsgi, threads: int = 4) -> None:
        self._wsgi = wsgi
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="portal")

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        body = await _body(receive)
        if body is None:
            status, headers, content = TOO_LARGE
        else:
            loop = asyncio.get_running_loop()
            status, headers, content = await loop.run_in_executor(self._pool, self._answer, environ(scope, body))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    def close(self) -> None:
        self._pool.shutdown(wait=True)

    def _answer(self, given: dict[str, Any]) -> Answer:
        started: list[tuple[str, list[tuple[str, str]]]] = []

        def start(status: str, headers: list[tuple[str, str]], _error: Any = None) -> None:
            started.append((status, headers))

        parts = self._wsgi(given, start)
        try:
            content = b"".join(parts)
        finally:
            close = getattr(parts, "close", None)
            if close:
                close()
        status, headers = started[-1]
        encoded = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        return int(status.split(" ", 1)[0]), encoded, content


async def _body(receive: Receive) -> bytes | None:
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return b""
        part = message.get("body", b"")
        size += len(part)
        if size <= MOST_BODY:
            parts.append(part)
        else:
            parts.clear()
        if size > MOST_DRAINED or not message.get("more_body"):
            return b"".join(parts) if size <= MOST_BODY else None


def environ(scope: MutableMapping[str, Any], body: bytes) -> dict[str, Any]:
    """The WSGI environ (PEP 3333) of an ASGI HTTP scope."""
    host, port = scope.get("server") or ("127.0.0.1", 80)
    client = scope.get("client") or ("", 0)
    made: dict[str, Any] = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": scope["path"].encode().decode("latin-1"),
        "QUERY_STRING": scope.get("query_string", b"").decode("latin-1"),
        "SERVER_NAME": str(host),
        "SERVER_PORT": str(port),
        "SERVER_PROTOCOL": f"HTTP/{scope.get('http_version', '1.1')}",
        "REMOTE_ADDR": str(client[0]),
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.get("scheme", "http"),
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in scope["headers"]:
        if b"_" in name:  # would be mistaken for the header with a dash, which a proxy vouches for
            continue
        key = name.decode("latin-1").upper().replace("-", "_")
        text = value.decode("latin-1")
        if key == "CONTENT_TYPE":
            made[key] = text
        elif key != "CONTENT_LENGTH":
            key = f"HTTP_{key}"
            joiner = "; " if key == "HTTP_COOKIE" else ","
            made[key] = f"{made[key]}{joiner}{text}" if key in made else text
    return made
