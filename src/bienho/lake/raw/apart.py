"""How what was taken apart lies in a payload: first how long each part is, then the text, then the bodies.

payload = number of bodies u32, bytes of text u32, one of each per body, text, body, body, …
one of each = bytes of the body u32, its lines u32: 0 for one line, else twice their length and 1 more where they
              end with CRLF          (all numbers little-endian)
"""

from __future__ import annotations

import struct

from bienho.core.parted import Fold, Parted, parted

_START = struct.Struct("<II")
_EACH = struct.Struct("<II")


def pieces(given: Parted) -> list[bytes]:
    """The payload in pieces."""
    start = _START.pack(len(given.bodies), len(given.text))
    sizes = [number for place, body in enumerate(given.bodies) for number in (len(body), _lines(given, place))]
    return [start, struct.pack(f"<{len(sizes)}I", *sizes), given.text, *given.bodies]


def _lines(given: Parted, place: int) -> int:
    fold = given.folds.get(place)
    return 0 if fold is None else fold.width * 2 + (fold.end == b"\r\n")


def most(size: int) -> int:
    """Bytes a payload may have whose whole is `size` bytes: to tell a body takes less than its base64 is longer."""
    return _START.size + size


def put_together(payload: bytes, size: int) -> Parted:
    """What lies in a payload. ValueError when it says anything that was never written, or is not `size` bytes."""
    if len(payload) < _START.size:
        raise ValueError("no start")
    count, text_bytes = _START.unpack_from(payload)
    at = _START.size + count * _EACH.size
    if at + text_bytes > len(payload):
        raise ValueError("more parts than there is room for")
    sizes = struct.unpack_from(f"<{2 * count}I", payload, _START.size)
    if at + text_bytes + sum(sizes[::2]) != len(payload):
        raise ValueError("parts of another length")
    text = payload[at : at + text_bytes]
    at += text_bytes
    bodies = []
    for length in sizes[::2]:
        bodies.append(payload[at : at + length])
        at += length
    folds = {place: _fold(lines) for place, lines in enumerate(sizes[1::2]) if lines}
    return parted(text, bodies, size, folds)


def _fold(lines: int) -> Fold:
    return Fold(lines >> 1, b"\r\n" if lines & 1 else b"\n")
