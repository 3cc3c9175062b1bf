"""What a glance at the bytes of many texts tells of all of them at once: that they are digits, moments, numbers, codes.

Most columns of a batch hold one plain kind of text. To see that in the bytes, as they lie in Arrow, costs a hundredth
of what a pattern over each different text costs. A glance only ever says that all texts are of a kind; what it does not
say it leaves open, and whoever asks looks at the texts themselves. Empty texts, and NULL, are of every kind.
"""

from __future__ import annotations

import string
from collections.abc import Collection

import numpy as np
import numpy.typing as npt
import pyarrow as pa

_Bytes = npt.NDArray[np.uint8]
_Places = npt.NDArray[np.int32]
_ZERO, _NINE, _DOT = ord("0"), ord("9"), ord(".")
_CODE = np.zeros(256, bool)
_CODE[[*(string.ascii_letters + string.digits).encode(), *b".,;:/+_()#%-"]] = True
_BLANK_BEGINS = frozenset(tuple(chr(code).encode().ljust(2)[:2]) for code in range(0x3001) if chr(code).isspace())
"""The first two bytes of each white space Unicode knows, a blank behind what has only one."""
_BLANK_FIRST = np.zeros(256, bool)
_BLANK_FIRST[[first for first, _ in _BLANK_BEGINS]] = True
_BLANK_SECOND = np.zeros(256, bool)
_BLANK_SECOND[[second for first, second in _BLANK_BEGINS if first >= 0x80]] = True
_NOWHERE = np.empty(0, np.intp)
_DAYS = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], np.int16)
_LEAP_DAYS = _DAYS + (np.arange(13) == 2)


class Glance:
    """A look at some texts that follow one another in Arrow. `sizes` in bytes; `longest` and `shortest` are theirs."""

    __slots__ = ("_data", "_digits", "_ends", "_moments", "_starts", "_within", "longest", "shortest", "sizes")

    def __init__(self, data: _Bytes, offsets: _Places, sizes: _Places, longest: int, shortest: int) -> None:
        self._data = data
        self._within = data[offsets[0] : offsets[-1]]
        self._starts, self._ends = offsets[:-1], offsets[1:]
        self.sizes, self.longest, self.shortest = sizes, longest, shortest
        self._digits: bool | None = None
        self._moments: bool | None = None

    def says_something(self) -> bool:
        """Whether every text has more than white space."""
        if not self.shortest:
            return False
        return not len(self._maybe_blank(self._starts)) or bool(self.is_said().all())

    def is_said(self) -> npt.NDArray[np.bool_]:
        """Of each text whether it has more than white space. Only what begins as some may is looked at as a text."""
        said = self.sizes > 0
        there = np.flatnonzero(said)
        doubtful = there[self._maybe_blank(self._starts[there])]
        starts, ends = self._starts[doubtful].tolist(), self._ends[doubtful].tolist()
        blank = [bytes(self._data[start:end]).decode().isspace() for start, end in zip(starts, ends, strict=True)]
        said[doubtful[np.array(blank, bool)]] = False
        return said

    def _maybe_blank(self, starts: _Places) -> npt.NDArray[np.intp]:
        """Places of the starts at which a white space may stand: told by its first byte, or its first two."""
        first = self._data[starts]
        if len(first) and first.min() > 0x20 and first.max() < 0x80:
            return _NOWHERE
        found = np.flatnonzero(_BLANK_FIRST[first])
        longer = first[found] >= 0x80  # then there is a second byte: it is UTF-8
        behind = self._data[starts[found[longer]] + 1]
        return np.concatenate([found[~longer], found[longer][_BLANK_SECOND[behind]]])

    def digits(self) -> bool:
        """Whether all texts are made of digits."""
        if self._digits is None:
            within = self._within
            self._digits = not len(within) or bool(within.min() >= _ZERO and within.max() <= _NINE)
        return self._digits

    def marks(self, mark: int) -> bool:
        """Whether all texts are one byte."""
        within = self._within
        return self.longest <= 1 and (not len(within) or bool((within == mark).all()))

    def sized(self, sizes: Collection[int]) -> bool:
        """Whether every text is of one of the sizes, or empty."""
        if self.longest > max(sizes):
            return False
        fit = np.zeros(self.longest + 1, bool)
        fit[[0, *(size for size in sizes if size <= self.longest)]] = True
        return bool(fit[self.sizes].all())

    def centuries(self, first: int, last: int) -> bool:
        """Whether every text begins with one of the centuries, as digits; of texts made of digits."""
        starts = self._there()
        century = self._two(starts, 0)
        return not len(century) or bool(century.min() >= first and century.max() <= last)

    def moments(self) -> bool:
        """Whether all texts are eight or twelve digits, a day or a minute that there is, of 1800 to 2199."""
        if self._moments is None:
            self._moments = self._are_moments()
        return self._moments

    def _are_moments(self) -> bool:
        if not (self.digits() and self.sized((8, 12)) and self.centuries(18, 21)):
            return False
        starts = self._there()
        month, day = self._two(starts, 4), self._two(starts, 6)
        if not len(starts):
            return True
        if month.min() < 1 or month.max() > 12 or day.min() < 1:
            return False
        year = self._two(starts, 0) * 100 + self._two(starts, 2)
        leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
        if (day > np.where(leap, _LEAP_DAYS[month], _DAYS[month])).any():
            return False
        minutes = starts[self.sizes[self.sizes > 0] == 12]
        return not len(minutes) or bool(self._two(minutes, 8).max() <= 23 and self._two(minutes, 10).max() <= 59)

    def numbers(self, whole: int, parts: int, *, zeros: int | None = None) -> bool:
        """Whether all texts are digits, at least one and at most `whole`, and after a dot at least one and at most
        `parts`; of more than `zeros` digits before the dot, the first is none."""
        ends = self._ends
        if not self.digits():
            if not parts or self._within.min() < _DOT or self._within.max() > _NINE or (self._within == 0x2F).any():
                return False
            dots = np.flatnonzero(self._within == _DOT).astype(np.int32) + self._starts[0]
            owners = np.searchsorted(ends, dots, "right")
            if (owners[1:] == owners[:-1]).any():
                return False
            behind = ends[owners] - dots - 1
            if behind.min() < 1 or behind.max() > parts or (dots == self._starts[owners]).any():
                return False
            ends = ends.copy()
            ends[owners] = dots
        sizes = ends - self._starts
        if sizes.max(initial=0) > whole:
            return False
        if zeros is None or sizes.max(initial=0) <= zeros:
            return True
        return not (self._data[self._starts[sizes > zeros]] == _ZERO).any()

    def codes(self) -> bool:
        """Whether all texts are letters, digits and marks of ASCII as codes are written with, and none is long enough
        to be a card or a number of a person and begins as one."""
        if not _CODE[self._within].all():
            return False
        if self.longest < 9:
            return True
        first = self._data[self._starts[self.sizes >= 9]]
        if np.isin(first, (_ZERO, ord("8"), ord("+"))).any():
            return False
        return self.longest < 15 or bool((self._data[self._starts[self.sizes >= 15]] <= _NINE).all())

    def _there(self) -> _Places:
        return self._starts if self.shortest else self._starts[self.sizes > 0]

    def _two(self, starts: _Places, place: int) -> npt.NDArray[np.int16]:
        """The number that two digits make, so far behind each start."""
        tens = self._data[starts + place].astype(np.int16)
        return tens * 10 + self._data[starts + (place + 1)] - 11 * _ZERO


def glance_at(texts: pa.StringArray) -> Glance:
    """A look at the texts of an array."""
    return glances_at(texts, 1)[0]


def glances_at(texts: pa.StringArray, columns: int) -> list[Glance]:
    """A look at each of so many columns that lie in an array one behind the other, all as long."""
    _, where, held = texts.buffers()
    rows = len(texts) // columns
    if not rows:
        nothing = np.zeros(1, np.int32)
        return [Glance(np.empty(0, np.uint8), nothing, nothing[1:], 0, 0)] * columns
    offsets = np.frombuffer(where, np.int32)[texts.offset : texts.offset + len(texts) + 1]
    data = np.empty(0, np.uint8) if held is None else np.frombuffer(held, np.uint8)
    sizes = (offsets[1:] - offsets[:-1]).reshape(columns, rows)
    longest, shortest = sizes.max(axis=1).tolist(), sizes.min(axis=1).tolist()
    return [
        Glance(data, offsets[at * rows : (at + 1) * rows + 1], sizes[at], longest[at], shortest[at])
        for at in range(columns)
    ]
