"""Bodies over the wire: bounded each and all together, not waited for without end, not read past what is refused."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from test_portal_bridge_hostile import SCOPE, echo

from bienho.portal.api import wire
from bienho.portal.api.wire import MOST_LARGE, MOST_PAGE, Held, read
from bienho.portal.bridge import Bridge

DOOR = {"path": "/api/qd130/guiHoSoXmlQD3176"}


class Line:
    """A client that sends `piece` so many times, or waits for ever after that."""

    def __init__(self, piece: bytes, times: int, *, ends: bool = True) -> None:
        self.piece, self.left, self.ends, self.taken = piece, times, ends, 0

    async def receive(self) -> Any:
        if not self.left:
            if not self.ends:
                await asyncio.sleep(3600)
            return {"type": "http.request", "body": b"", "more_body": False}
        self.left -= 1
        self.taken += len(self.piece)
        return {"type": "http.request", "body": self.piece, "more_body": True}


def ask(line: Line, allowed: int = 0, **scope: Any) -> tuple[int, bytes]:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    bridge = Bridge(echo, threads=1, senders=1, most_large=lambda _: allowed)
    try:
        asyncio.run(bridge(SCOPE | scope, line.receive, send))
    finally:
        bridge.close()
    return sent[0]["status"], sent[1]["body"]


def test_a_body_that_says_it_is_too_large_is_not_read_at_all() -> None:
    for declared in (MOST_PAGE + 1, 10**12):
        line = Line(b"x", 10)
        status, body = ask(line, headers=[(b"Content-Length", str(declared).encode())], **DOOR)
        assert (status, json.loads(body)["maKetQua"], line.taken) == (413, "1001", 0)


def test_a_body_without_a_length_is_read_to_the_limit_and_no_further() -> None:
    line = Line(b"x" * 65_536, 10_000)
    status, body = ask(line, **DOOR)
    assert (status, json.loads(body)["maKetQua"]) == (413, "1001")
    assert line.taken == MOST_PAGE + 65_536


def test_a_large_body_is_for_whoever_showed_a_token_that_lives() -> None:
    size = 3 * MOST_PAGE
    headers = [(b"content-length", str(size).encode())]
    assert ask(Line(b"x" * MOST_PAGE, 3), 0, headers=headers, **DOOR)[0] == 413
    assert ask(Line(b"x" * MOST_PAGE, 3), MOST_LARGE, headers=headers, **DOOR) == (200, str(size).encode())
    assert ask(Line(b"x" * MOST_PAGE, 3), MOST_LARGE, headers=headers)[0] == 413, "a page takes none from anybody"


@pytest.mark.parametrize("sent", [0, 3])
def test_who_sends_too_slowly_is_told_so(monkeypatch: pytest.MonkeyPatch, sent: int) -> None:
    monkeypatch.setattr(wire, "IDLE_SECONDS", 0.05)
    status, body = ask(Line(b"x", sent, ends=False), **DOOR)
    assert (status, json.loads(body)["maKetQua"]) == (408, "500")
    assert ask(Line(b"x", sent, ends=False))[0] == 408


def test_a_body_that_trickles_ends_too() -> None:
    line = Line(b"x", 10**9)
    receive = line.receive

    async def trickling() -> Any:
        await asyncio.sleep(0.01)
        return await receive()

    assert asyncio.run(read(trickling, MOST_PAGE, 0, Held(), seconds=0.1)) == "slow"
    assert line.taken < 50


def test_all_large_bodies_together_are_bounded_and_given_back() -> None:
    async def both() -> None:
        held = Held(most=2 * MOST_PAGE)
        first = await read(Line(b"x" * MOST_PAGE, 3).receive, MOST_LARGE, 0, held)
        assert len(first) == 3 * MOST_PAGE
        assert held.size == 2 * MOST_PAGE
        assert await read(Line(b"x" * MOST_PAGE, 2).receive, MOST_LARGE, 0, held) == "full"
        small = await read(Line(b"x" * MOST_PAGE, 1).receive, MOST_LARGE, 0, held)
        assert len(small) == MOST_PAGE, "a small one needs no room"
        assert isinstance(first, bytes)
        wire.give_back(held, first)
        assert held.size == 0
        assert await read(Line(b"x", 0, ends=True).receive, MOST_LARGE, 0, held) == b""

    asyncio.run(both())


def test_a_client_that_goes_away_leaves_nothing_behind() -> None:
    async def gone() -> None:
        held, pieces = Held(), [b"x" * MOST_PAGE] * 3

        async def receive() -> Any:
            if pieces:
                return {"type": "http.request", "body": pieces.pop(), "more_body": True}
            return {"type": "http.disconnect"}

        assert await read(receive, MOST_LARGE, 0, held) == b""
        assert held.size == 0

    asyncio.run(gone())


@pytest.mark.parametrize("length", [b"x", b"-1", b"1" * 30, b"+5", b"1_0"])
def test_a_length_that_is_no_number_counts_as_none(length: bytes) -> None:
    assert wire.declared({"headers": [(b"content-length", length)]}) is None
