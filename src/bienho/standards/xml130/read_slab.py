"""Plainly written sub-files of one table read together: from bytes to columns without an object per text.

Where a row is a fixed sequence of `<NAME>text</NAME>` with nothing between the tags, every `<` of the joined bytes has
a place that is known beforehand. So all rows are cut at once into markup, which is compared with what it must be, and
texts, which become columns of Arrow. A sub-file that is not exactly so is left to `read_plain`, which is also the
oracle of this module's tests.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from bienho.config.limits import Limits
from bienho.standards.xml130.read_block import Block, Layout, Slab, SlabBlock
from bienho.standards.xml130.read_plain import references_known, tight_layouts, unescaped
from bienho.standards.xml130.versions import wire_of

FEW = 3
"""Sub-files up to which one after the other is cheaper."""
SAMPLE = 32
"""Sub-files looked at to learn in which sequences the others may be written."""
PART_BYTES = 1 << 21
"""Bytes worked on together: few enough to stay near the processor, and what is done once a slab is done seldom."""
_LOOKS = 4
"""At most so many times something odd is found in texts: each look takes out bodies for one reason."""
Places = npt.NDArray[np.int32]
"""Places in what was joined, which is shorter than 2 GiB: half as many bytes to go through as with longer numbers."""
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class _Frame:
    """The tags of a row in their order, and what stands around the rows.

    `start`: what a sub-file begins with, up to its first text; `opening`, `closing`: its `wrappers`. `lengths`: bytes
    of each tag; `opens`: from which on to which every other has a text behind it. `markup`: the bytes of a row without
    its texts, `pieces` their lengths between two texts.
    """

    layout: Layout
    start: bytes
    opening: bytes
    closing: bytes
    wrappers: int
    lengths: Places
    opens: tuple[int, int]
    markup: npt.NDArray[np.uint8]
    pieces: Places


@lru_cache(maxsize=512)
def _frames(table: str, layout: Layout, names: tuple[str, ...]) -> tuple[_Frame, ...]:
    wire = wire_of(table)
    tags = [tag for name in names for tag in (f"<{name}>", f"</{name}>")]
    first = 0
    if wire.row:
        tags, first = [f"<{wire.row}>", *tags, f"</{wire.row}>"], 1
    made = [tag.encode() for tag in tags]
    opens = range(first, len(made) - first, 2)
    cuts = [0, *(place + 1 for place in opens), len(made)]
    pieces = [b"".join(made[low:high]) for low, high in pairwise(cuts)]
    chains = [(wire.root, wire.rows), (wire.rows,)] if wire.rows else [(wire.root,)]
    return tuple(
        _Frame(
            layout,
            opening + pieces[0],
            opening,
            "".join(f"</{name}>" for name in reversed(chain)).encode(),
            len(chain),
            np.array([len(tag) for tag in made], np.int32),
            (first, len(made) - first),
            np.frombuffer(b"".join(pieces), np.uint8),
            np.array([len(piece) for piece in pieces], np.int32),
        )
        for chain in chains
        for opening in ("".join(f"<{name}>" for name in chain).encode(),)
    )


def read_slabs(table: str, bodies: Sequence[bytes], limits: Limits) -> list[Block | None]:
    """As `read_block` for each of the bodies (UTF-8, no declaration); None also for one it could read."""
    result: list[Block | None] = [None] * len(bodies)
    waiting = [place for place, body in enumerate(bodies) if len(body) <= limits.text_bytes]
    if len(waiting) <= FEW:
        return result
    sample = [bodies[place] for place in waiting[:: len(waiting) // SAMPLE + 1]]
    for layout, names in tight_layouts(table, sample):
        if len(names) > limits.elements_per_row:
            continue
        for frame in _frames(table, layout, names):
            fitting = [
                place
                for place in waiting
                if bodies[place].startswith(frame.start) and bodies[place].endswith(frame.closing)
            ]
            if len(fitting) <= FEW:
                continue
            for part in _parts(fitting, bodies):
                _take(frame, part, bodies, limits.rows_per_subfile if wire_of(table).row else 1, result)
            waiting = [place for place in waiting if result[place] is None]
    return result


def _parts(fitting: Sequence[int], bodies: Sequence[bytes]) -> Iterator[list[int]]:
    part: list[int] = []
    size = 0
    for place in fitting:
        if size > PART_BYTES:
            yield part
            part, size = [], 0
        part.append(place)
        size += len(bodies[place])
    yield part


def _take(frame: _Frame, part: Sequence[int], bodies: Sequence[bytes], most: int, result: list[Block | None]) -> None:
    """Read those of the bodies at `part` that are made of rows of a frame, at most so many each."""
    joined = b"".join([bodies[place] for place in part])
    ends = np.cumsum([len(bodies[place]) for place in part], dtype=np.int32)
    tags = _places_of(np.frombuffer(joined, np.uint8) == ord("<"))
    last = np.searchsorted(tags, ends).astype(np.int32)
    owned = np.diff(last, prepend=0) - 2 * frame.wrappers
    counts, rest = np.divmod(owned, len(frame.lengths))
    good = (rest == 0) & (counts > 0) & (counts <= most)
    if not good.any():
        return
    found = _Found(frame, joined, tags, np.where(good, counts, 0), last - owned - frame.wrappers, ends)
    slab = found.slab()
    if slab is None:
        return
    start = 0
    for place, rows in zip(part, found.counts.tolist(), strict=True):
        if rows:
            result[place] = SlabBlock(slab, start, rows)
            start += rows


class _Found:
    """Bodies that may be made of rows of one frame, joined. `tags`: where each `<` is; `counts`: rows of each body, 0
    of one that is not read here; `firsts`: the number of its first row's first tag; `ends`: where it ends."""

    def __init__(
        self, frame: _Frame, joined: bytes, tags: Places, counts: Places, firsts: Places, ends: Places
    ) -> None:
        self._frame = frame
        self._joined = joined
        self._ends = ends
        self.counts = counts
        width = len(frame.lengths)
        before = np.cumsum(counts, dtype=np.int32) - counts
        rows = np.repeat(firsts - before * width, counts) + np.arange(counts.sum(), dtype=np.int32) * width
        placed = tags[rows[:, None] + np.arange(width, dtype=np.int32)]
        #: where a row begins, its texts begin and end, and it ends
        self._cuts = np.empty((len(rows), 2 * len(frame.pieces)), np.int32)
        self._cuts[:, 0] = placed[:, 0]
        first, last = frame.opens
        np.add(placed[:, first:last:2], frame.lengths[first:last:2], out=self._cuts[:, 1:-1:2])
        self._cuts[:, 2::2] = placed[:, first + 1 : last + 1 : 2]
        self._cuts[:, -1] = placed[:, -1] + frame.lengths[-1]

    def slab(self) -> Slab | None:
        """The rows of all bodies that are as they should be, `counts` being theirs; None where there are none."""
        self._keep(self._measured())
        if not len(self._cuts):
            return None
        cells = self._cells()
        self._keep(self._named(cells))
        for _ in range(_LOOKS):
            if not len(self._cuts):
                return None
            slab, sound = self._texts(self._cells())
            if slab is not None:
                return slab
            self._keep(sound)
        return None

    def _keep(self, rows: Flags) -> None:
        """Go on with bodies all of whose rows are sound."""
        if rows.all():
            return
        there = np.flatnonzero(self.counts)
        firsts = (np.cumsum(self.counts) - self.counts)[there]
        sound = np.logical_and.reduceat(rows, firsts)
        kept = np.repeat(sound, self.counts[there])
        self.counts[there[~sound]] = 0
        self._cuts = self._cuts[kept]

    def _measured(self) -> Flags:
        """Rows whose tags lie as far from one another as they should, with nothing before, between and behind."""
        frame, cuts = self._frame, self._cuts
        sound = _rows_all(cuts[:, 1::2] - cuts[:, 0::2] == frame.pieces)
        sound &= _rows_all(cuts[:, 2::2] >= cuts[:, 1:-1:2])
        there = np.flatnonzero(self.counts)
        lasts = np.cumsum(self.counts)[there] - 1
        firsts = lasts + 1 - self.counts[there]
        before = np.append(np.int32(0), cuts[:-1, -1])
        starts = np.append(np.int32(0), self._ends[:-1])[there]
        before[firsts] = starts + len(frame.opening)
        sound &= cuts[:, 0] == before
        sound[lasts] &= cuts[lasts, -1] == self._ends[there] - len(frame.closing)
        return sound

    def _cells(self) -> pa.BinaryArray:
        """What lies between the cuts, without a copy: of each row markup and texts in turn, then what follows it."""
        offsets = np.append(self._cuts.ravel(), np.int32(len(self._joined)))
        return pa.BinaryArray.from_buffers(
            pa.binary(), len(offsets) - 1, [None, pa.py_buffer(offsets), pa.py_buffer(self._joined)]
        )

    def _named(self, cells: pa.BinaryArray) -> Flags:
        """Rows all of whose tags are those of the frame."""
        rows, width = self._cuts.shape
        firsts = np.arange(0, rows * width, width, dtype=np.int32)
        markup = cells.take(pa.array((firsts[:, None] + np.arange(0, width, 2, dtype=np.int32)).ravel()))
        written = np.frombuffer(markup.buffers()[2], np.uint8, len(self._frame.markup) * rows)
        return _rows_all(written.reshape(rows, -1) == self._frame.markup)

    def _texts(self, cells: pa.BinaryArray) -> tuple[Slab | None, Flags]:
        """The slab, or None and the rows in which nothing is odd. Names are ASCII, so only texts are looked at."""
        rows, width = self._cuts.shape
        firsts = np.arange(0, rows * width, width, dtype=np.int32)
        taken = cells.take(pa.array((np.arange(1, width - 1, 2, dtype=np.int32)[:, None] + firsts).ravel()))
        _, offsets, data = taken.buffers()
        texts: Any = pa.StringArray.from_buffers(len(taken), offsets, data)
        ends = np.frombuffer(offsets, np.int32, len(taken) + 1)
        said = np.frombuffer(data, np.uint8, ends[-1])
        sound = np.ones(rows, bool)
        sound[_rows_of(_odd(said), ends, rows)] = False
        if b"]" in self._joined and b"]]>" in self._joined:
            brackets = _different(_owners(_places_of(said == ord("]")), ends))
            sound[brackets[_holding(texts.take(pa.array(brackets)), "]]>")] % rows] = False
        if sound.all():
            try:
                texts.validate(full=True)
            except pa.ArrowInvalid:
                sound[:] = [_is_utf8(cells, row, width) for row in range(rows)]
        if sound.all() and b"&" in self._joined:
            texts = _read_references(texts, _different(_owners(_places_of(said == ord("&")), ends)), sound, rows)
            _, offsets, data = texts.buffers()
            said = np.frombuffer(data, np.uint8, np.frombuffer(offsets, np.int32, len(taken) + 1)[-1])
        if not sound.all():
            return None, sound
        # most files hold nothing of what JSON escapes, and bytes are looked for far quicker than compared
        doubtful = b"&" in self._joined or any(code in self._joined for code in (b'"', b"\\", b"\t", b"\n", b"\r"))
        return Slab(self._frame.layout, rows, texts, escaped=doubtful and _escaped(said)), sound


def _rows_all(flags: Flags) -> Flags:
    """Rows all of whose flags are set; mostly they all are, and that is told at once."""
    every: Flags = np.ones(len(flags), bool) if flags.all() else np.logical_and.reduce(flags, axis=1)
    return every


def _odd(said: npt.NDArray[np.uint8]) -> Places:
    """Places of bytes that send a sub-file the other way: controls, what may be a character XML forbids."""
    least, most = (said.min(), said.max()) if len(said) else (32, 0)  # most texts have neither
    low = _places_of(said < 32) if least < 32 else np.empty(0, np.int32)
    high = _places_of(said == 0xEF) if most >= 0xEF else np.empty(0, np.int32)
    return np.concatenate([low[(said[low] != 9) & (said[low] != 10)], high])


def _escaped(said: npt.NDArray[np.uint8]) -> bool:
    """Whether JSON escapes any of the bytes; of the controls, texts read here have only tabs and line ends."""
    codes = b'\t\n\r"\\' if len(said) and said.min() < 32 else b'"\\'
    return any((said == code).any() for code in codes)


def _rows_of(places: Places, ends: npt.NDArray[np.int32], rows: int) -> Places:
    """The rows of the texts in which bytes lie."""
    return np.unique(_owners(places, ends) % rows)


def _owners(places: Places, ends: npt.NDArray[np.int32]) -> Places:
    """The texts in which bytes lie."""
    return np.searchsorted(ends, places, "right").astype(np.int32) - np.int32(1)


def _different(ascending: Places) -> Places:
    """Each of the numbers once."""
    return ascending[np.flatnonzero(np.diff(ascending, prepend=np.int32(-1)))]


def _places_of(flags: Flags) -> Places:
    return np.flatnonzero(flags).astype(np.int32)


def _holding(texts: pa.StringArray, piece: str) -> Places:
    """Places of the texts that hold a piece."""
    found: Places = pc.indices_nonzero(pc.match_substring(texts, piece)).to_numpy().astype(np.int32)
    return found


def _read_references(texts: pa.StringArray, places: Places, sound: Flags, rows: int) -> pa.StringArray:
    """The texts with their references, which are at `places`, read; rows with one that is not known are no longer
    `sound`."""
    if not len(places):
        return texts
    written = texts.take(pa.array(places)).to_pylist()
    sound[[int(place) % rows for place, text in zip(places, written, strict=True) if not references_known(text)]] = (
        False
    )
    held = np.zeros(len(texts), bool)
    held[places] = True
    return pc.replace_with_mask(texts, pa.array(held), pa.array(map(unescaped, written), pa.string()))


def _is_utf8(cells: pa.BinaryArray, row: int, width: int) -> bool:
    try:
        for place in range(row * width + 1, (row + 1) * width, 2):
            cells[place].as_py().decode()
    except UnicodeDecodeError:
        return False
    return True
