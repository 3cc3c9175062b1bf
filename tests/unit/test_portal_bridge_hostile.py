"""What comes over the wire, before any page sees it: names and values of headers, paths, lengths, bodies."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bienho.portal.api.wire import MOST_DRAINED, MOST_PAGE
from bienho.portal.bridge import Bridge, environ
from bienho.portal.middleware import HEADERS

SCOPE = {"type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": []}


def echo(given: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    start("200 OK", [("Content-Type", "text/plain; charset=utf-8")])
    return [str(len(given["wsgi.input"].read())).encode()]


def ask(parts: list[bytes], wsgi: Any = echo, **changes: Any) -> tuple[int, dict[bytes, bytes], bytes]:
    """One exchange through the bridge: status, headers, body."""
    waiting = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
    waiting.append({"type": "http.request", "body": b"", "more_body": False})
    sent: list[Any] = []

    async def receive() -> Any:
        return waiting.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    bridge = Bridge(wsgi, threads=1)
    try:
        asyncio.run(bridge(SCOPE | changes, receive, send))
    finally:
        bridge.close()
    return sent[0]["status"], dict(sent[0]["headers"]), sent[1]["body"]


@pytest.mark.parametrize("size", [0, 1, MOST_PAGE])
def test_a_body_within_the_limit_arrives_whole_whatever_its_length_says(size: int) -> None:
    lying = [(b"content-length", b"5"), (b"content-length", b"999999"), (b"transfer-encoding", b"chunked")]
    assert ask([b"x" * size], headers=lying)[2] == str(size).encode()


@pytest.mark.parametrize("size", [MOST_PAGE + 1, MOST_DRAINED + 2 * MOST_PAGE])
def test_a_body_beyond_the_limit_reaches_no_page_and_the_answer_has_the_headers_of_a_page(size: int) -> None:
    status, headers, body = ask([b"x" * MOST_PAGE] * (size // MOST_PAGE) + [b"x" * (size % MOST_PAGE)])
    assert status == 413
    assert body.startswith(b"[LIM-BODY]")
    assert {name: headers[name.lower().encode()].decode() for name in HEADERS} == HEADERS
    assert headers[b"cache-control"] == b"no-store"


def test_a_header_cannot_be_set_under_another_spelling() -> None:
    sent = [(b"x_forwarded_host", b"evil"), (b"content_length", b"0"), (b"cookie", b"a=1"), (b"cookie", b"b=2")]
    made = environ(SCOPE | {"headers": [*sent, (b"content_type", b"text/evil")]}, b"four")
    assert made["CONTENT_LENGTH"] == "4"
    assert made["HTTP_COOKIE"] == "a=1; b=2"
    assert "evil" not in str({name: value for name, value in made.items() if name != "wsgi.input"})


@given(st.binary(max_size=30), st.binary(max_size=30), st.text(max_size=30), st.binary(max_size=30))
def test_whatever_is_sent_becomes_texts_and_overwrites_nothing_of_the_servers(
    name: bytes, value: bytes, path: str, query: bytes
) -> None:
    made = environ(SCOPE | {"headers": [(name, value)], "path": path, "query_string": query}, b"")
    assert made["SERVER_NAME"] == "127.0.0.1"
    assert made["REMOTE_ADDR"] == ""
    assert made["PATH_INFO"].encode("latin-1").decode() == path
    assert made["QUERY_STRING"].encode("latin-1") == query
    assert made["CONTENT_LENGTH"] == "0"
    own = {key for key in made if not key.startswith(("HTTP_", "wsgi.", "CONTENT_TYPE"))}
    assert own == {key for key in environ(dict(SCOPE), b"") if not key.startswith(("HTTP_", "wsgi."))}


def send_file(bridge: Bridge, *parts: bytes, stops: bool = False, path: str = "/tep/") -> tuple[int, bytes]:
    """One body to where files come in; `stops`: after its parts nothing comes any more."""
    waiting = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
    sent: list[Any] = []

    async def receive() -> Any:
        if not waiting and stops:
            await asyncio.sleep(60)
        return waiting.pop(0) if waiting else {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(bridge(SCOPE | {"path": path}, receive, send))
    return sent[0]["status"], sent[1]["body"]


def test_files_have_room_where_they_come_in_and_nowhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    bridge = Bridge(echo, threads=1, roomy={"/tep/": 3 * MOST_PAGE})
    part = b"x" * MOST_PAGE
    try:
        assert send_file(bridge, part, part, part) == (200, str(3 * MOST_PAGE).encode())
        assert send_file(bridge, part, part, part, b"x")[0] == 413
        assert send_file(bridge, part, part, path="/tep")[0] == 413
        bridge._held.most = MOST_PAGE
        assert send_file(bridge, part, part, part)[0] == 503, "the whole server holds so much and no more"
        assert send_file(bridge, part, part)[0] == 200, "what was refused is not held any more"
        monkeypatch.setattr("bienho.portal.api.wire.FILE_SECONDS", 0.05)
        assert send_file(bridge, part, stops=True)[0] == 408
        assert bridge._held.size == 0
    finally:
        bridge.close()
