"""Bodies as they come over the wire: how large, how slow, and how much of them all may be held at once.

A page's body is small. The door of senders takes files, but a large body only from whoever has shown a token that
lives; nobody else can make this process hold more than a page's worth. What is refused is not read to its end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any, Literal

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Refusal = Literal["large", "slow", "full"]

MOST_PAGE = 1024 * 1024
MOST_LARGE = 96 * MOST_PAGE
"""The largest delivery (64 MiB) in base64, with every sign of it that a form escapes."""
MOST_DRAINED = 16 * MOST_PAGE
"""A page's body over the limit is read this far and thrown away: a browser that is cut off while it sends never sees
why."""
MOST_HELD = 384 * MOST_PAGE
"""All large bodies on their way in, together."""
IDLE_SECONDS = 15.0
WHOLE_SECONDS = 120.0
FILE_SECONDS = 600.0
"""A file from a person's page or over a slow line."""
SENDERS = ("/api/token/", "/api/qd130/", "/api/egw/")


@dataclass(slots=True)
class Held:
    """Bytes of large bodies in memory now. Used by one event loop."""

    size: int = 0
    most: int = MOST_HELD

    def grow(self, size: int) -> bool:
        """Whether there is room for so many more; then they count."""
        if self.size + size > self.most:
            return False
        self.size += size
        return True


def of_senders(path: str) -> bool:
    """Whether a path belongs to the door of senders."""
    return path.startswith(SENDERS)


def declared(scope: MutableMapping[str, Any]) -> int | None:
    """What Content-Length says; None when it is missing or no number."""
    for name, value in scope["headers"]:
        if name.lower() == b"content-length":
            return int(value) if value.isdigit() and len(value) < 20 else None
    return None


async def read(
    receive: Receive, most: int, drained: int, held: Held, seconds: float = WHOLE_SECONDS
) -> bytes | Refusal:
    """A body of at most `most` bytes; above it, `drained` bytes are read and thrown away before the answer.

    Counts in `held` what is above a page; whoever got the bytes gives them back with `give_back`.
    """
    parts: list[bytes] = []
    size = counted = 0
    end = asyncio.get_running_loop().time() + seconds
    refused: Refusal | None = None
    try:
        while True:
            left = min(IDLE_SECONDS, end - asyncio.get_running_loop().time())
            message = await asyncio.wait_for(receive(), max(left, 0.01))
            if message["type"] == "http.disconnect":
                return b""
            part = message.get("body", b"")
            size += len(part)
            if size > most:
                refused = "large"
            elif size > MOST_PAGE:
                grown = size - max(MOST_PAGE, size - len(part))
                if held.grow(grown):
                    counted += grown
                else:
                    refused = "full"
            if refused:
                parts.clear()
                if refused == "full" or size > drained or not message.get("more_body"):
                    return refused
                continue
            parts.append(part)
            if not message.get("more_body"):
                counted, kept = 0, b"".join(parts)
                return kept
    except TimeoutError:
        return "slow"
    finally:
        held.size -= counted


def give_back(held: Held, body: bytes) -> None:
    """A body that was read is no longer held."""
    held.size -= max(0, len(body) - MOST_PAGE)
