"""Bytes as they were received, taken apart: their text, and beside it what its long runs of base64 say.

Whoever keeps the one keeps the other: a run is taken out only where encoding its bytes again gives the same run. So
base64 is decoded once on its way through the house, and the text in which records are looked for is short.
"""

from __future__ import annotations

import binascii
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import pybase64

MARK = b"\0"
"""Stands in the text for a run. What holds this byte itself is not taken apart."""
RUN_MIN = 64
"""Bytes of base64 for which it is worth while."""
LINE_MIN = 32
"""Shortest line of a folded run: shorter ones would make more pieces than bytes are worth."""
_BLANKS = b" \t\r\n"
_ENDS = (b"\n", b"\r\n")


class Fold(NamedTuple):
    """How a run is cut into lines: `width` characters in each but the last, `end` between two."""

    width: int
    end: bytes


@dataclass(slots=True)
class Parted:
    """`text` has one MARK for each of `bodies`, in order; `folds`: place in `bodies` → how that run is cut into lines.

    `size`, which is also its length: bytes of the whole.
    """

    text: bytes
    bodies: Sequence[bytes]
    size: int
    folds: Mapping[int, Fold] = field(default_factory=dict)

    def __len__(self) -> int:
        return self.size

    def whole(self) -> bytes:
        """The bytes as they were received, made anew."""
        return self.filled(self.text)

    def filled(self, text: bytes, first: int = 0) -> bytes:
        """A piece of the text with its runs in it; `first`: how many marks stand before the piece."""
        return b"".join(self.pieces(text, first))

    def pieces(self, text: bytes, first: int = 0) -> Iterator[bytes]:
        """As `filled`, one after the other."""
        start, *others = text.split(MARK)
        yield start
        for place, piece in enumerate(others, first):
            yield _encoded(self.bodies[place], self.folds.get(place))
            yield piece

    def run_bytes(self, first: int, stop: int) -> int:
        """How long the runs of bodies [first, stop) are."""
        return sum(_run_bytes(len(self.bodies[place]), self.folds.get(place)) for place in range(first, stop))


def part(data: bytes, opening: bytes) -> Parted | None:
    """Bytes with the runs of base64 behind every `opening` taken out; None where there are none, or MARK is there."""
    pieces: list[bytes] = []
    bodies: list[bytes] = []
    folds: dict[int, Fold] = {}
    view = memoryview(data)
    done, place = 0, data.find(opening)
    while place >= 0:
        start = place + len(opening)
        end = data.find(b"<", start)
        if end - start >= RUN_MIN:
            body = _decoded(view[start:end])
            if body is None or not _is_run(data, start, end, body):
                start, end, body, fold = _folded(data, start, end)
                if fold is not None:
                    folds[len(bodies)] = fold
            if body is not None:
                pieces.append(data[done:start])
                bodies.append(body)
                done = end
        elif end < 0:
            break
        place = data.find(opening, end)
    if not bodies:
        return None
    pieces.append(data[done:])
    text = MARK.join(pieces)
    return Parted(text, bodies, len(data), folds) if text.count(MARK) == len(bodies) else None


def whole(content: bytes | Parted) -> bytes:
    """The bytes as they were received, whichever way they are held."""
    return content if isinstance(content, bytes) else content.whole()


def _is_run(data: bytes, start: int, end: int, body: bytes) -> bool:
    """Whether encoding the bytes that a run was decoded to gives the same run.

    A decoder that takes nothing but the alphabet makes three bytes of every whole group, in one way alone. So a run of
    the right length can differ only in its last group, where padding begins and bits may be left over.
    """
    size, last = len(body), (len(body) - 1) // 3 * 3
    if (size + 2) // 3 * 4 != end - start:
        return False
    return size % 3 == 0 or data.startswith(_encoded(body[last:]), end - 4)


def _folded(data: bytes, start: int, end: int) -> tuple[int, int, bytes | None, Fold | None]:
    """(start, end, bytes, lines) of a run with blanks around it or in lines of one length; no bytes: it is none."""
    given = data[start:end]
    left = given.lstrip(_BLANKS)
    start += len(given) - len(left)
    run = left.rstrip(_BLANKS)
    width = run.find(b"\n")
    fold = None
    if width >= 0:
        line_end = b"\r\n" if run[width - 1 : width] == b"\r" else b"\n"
        fold = Fold(width - len(line_end) + 1, line_end)
        if fold.width < LINE_MIN:
            return start, end, None, None
    tight = run if fold is None else _unfolded(run, fold)
    body = _decoded(tight) if tight is not None and len(run) >= RUN_MIN else None
    if tight is None or body is None or not _is_run(tight, 0, len(tight), body):
        return start, end, None, None
    return start, start + len(run), body, fold


def _unfolded(run: bytes, fold: Fold) -> bytes | None:
    """A run without the ends of its lines; None when they stand anywhere but where a fold puts them."""
    tight = run.translate(None, b"\r\n")
    ends = max(len(tight) - 1, 0) // fold.width
    if len(run) - len(tight) != ends * len(fold.end):
        return None
    for place, byte in enumerate(fold.end):
        if run[fold.width + place :: fold.width + len(fold.end)] != bytes([byte]) * ends:
            return None
    return tight


def parted(text: bytes, bodies: Sequence[bytes], size: int, folds: Mapping[int, Fold]) -> Parted:
    """What was kept apart, put side by side again. ValueError when it is not of one piece, or is not `size` long."""
    made = Parted(text, bodies, size, folds)
    if text.count(MARK) != len(bodies):
        raise ValueError("marks and bodies do not match")
    if any(fold.width < LINE_MIN or fold.end not in _ENDS for fold in folds.values()):
        raise ValueError("lines of a length that is never written")
    if len(text) - len(bodies) + made.run_bytes(0, len(bodies)) != size:
        raise ValueError("not as long as it should be")
    return made


def _decoded(run: bytes | memoryview) -> bytes | None:
    try:
        return pybase64.b64decode(run, validate=True)
    except (binascii.Error, ValueError):
        return None


def _encoded(body: bytes, fold: Fold | None = None) -> bytes:
    run = pybase64.b64encode(body)
    if fold is None:
        return run
    return fold.end.join([run[at : at + fold.width] for at in range(0, len(run), fold.width)])


def _run_bytes(size: int, fold: Fold | None) -> int:
    run = (size + 2) // 3 * 4
    return run + ((run - 1) // fold.width * len(fold.end) if fold and run else 0)
