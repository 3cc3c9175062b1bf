"""The pages (WSGI) inside the server (ASGI), in this process and on a few threads.

The server's own WSGI mode works in a child process; the gate's open stores must not be carried across a fork, so the
pages stay here. asgiref's bridge runs one request at a time; this one has a pool.
"""

from __future__ import annotations

import asyncio
import io
import sys
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from types import MappingProxyType
from typing import Any

import orjson

from bienho.portal.api import wire
from bienho.portal.api.wire import Held, Message, Receive, Refusal
from bienho.portal.middleware import HEADERS
from bienho.sources import portal_api

Send = Callable[[Message], Awaitable[None]]
Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
REFUSED = [(b"content-type", b"text/plain; charset=utf-8"), (b"cache-control", b"no-store")]
REFUSED += [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
Answer = tuple[int, list[tuple[bytes, bytes]], bytes]


_REFUSALS: dict[Refusal, tuple[int, str, str]] = {
    "large": (413, portal_api.TOO_LARGE, "[LIM-BODY] Nội dung gửi lên quá lớn."),
    "slow": (408, portal_api.BROKEN, "[LIM-BODY-SECONDS] Nội dung gửi lên quá chậm."),
    "full": (503, portal_api.AGAIN, "[BUSY-BODIES] Quá nhiều tệp đang gửi cùng lúc. Gửi lại sau ít phút."),
}


def _refused(refusal: Refusal, *, to_sender: bool) -> Answer:
    """The answer to a body that is not taken, in the words of the door it was sent to."""
    status, code, text = _REFUSALS[refusal]
    if not to_sender:
        return status, REFUSED, text.encode()
    headers = [(b"content-type", b"application/json"), *REFUSED[1:]]
    return status, headers, orjson.dumps(portal_api.Reply(code, text).as_dict())


class Bridge:
    """An ASGI application that answers with a WSGI one. Bodies are held in memory: pages are small, limits are set.

    Senders have threads of their own: each of them waits for the disk, and pages wait for none of them. `most_large`
    says how many bytes a request of a sender may have that is larger than a page's. `roomy`: other paths at which files
    come in, and how many bytes a body may have there.
    """

    def __init__(
        self,
        wsgi: Wsgi,
        threads: int = 4,
        senders: int = 32,
        most_large: Callable[[dict[str, Any]], int] = lambda _: 0,
        roomy: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        self._wsgi = wsgi
        self._roomy = roomy
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="portal")
        self._senders = ThreadPoolExecutor(senders, thread_name_prefix="senders")
        self._most_large = most_large
        self._held = Held()

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        status, headers, content = await self._served(scope, receive)
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    async def _served(self, scope: MutableMapping[str, Any], receive: Receive) -> Answer:
        loop = asyncio.get_running_loop()
        to_sender = wire.of_senders(scope["path"])
        pool = self._senders if to_sender else self._pool
        most, drained, seconds = wire.MOST_PAGE, wire.MOST_DRAINED, wire.WHOLE_SECONDS
        if to_sender:
            size = wire.declared(scope)
            if size is None or size > most:
                most = max(most, await loop.run_in_executor(pool, self._most_large, environ(scope, b"")))
            drained = 0
            if size is not None and size > most:
                return _refused("large", to_sender=True)
        elif scope["path"] in self._roomy:
            most, seconds = self._roomy[scope["path"]], wire.FILE_SECONDS
        body = await wire.read(receive, most, drained, self._held, seconds)
        if isinstance(body, str):
            return _refused(body, to_sender=to_sender)
        try:
            return await loop.run_in_executor(pool, self._answer, environ(scope, body))
        finally:
            wire.give_back(self._held, body)

    def close(self) -> None:
        self._pool.shutdown(wait=True)
        self._senders.shutdown(wait=True)

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
