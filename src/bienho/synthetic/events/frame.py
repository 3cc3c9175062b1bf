"""Visits while they are being made: equal columns of numbers, moments in minutes of local time since 1970."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from bienho.synthetic.events.draw import Array

DAY = 1440
FAR = 2**30  # a day after everything
_AT_HOME = (5, 7)  # kinds whose days of treatment are spent at home; those of 02 bring the person back every few days
_COLUMNS: dict[str, tuple[type, int]] = {
    # person: row of the block; condition, clinic, origin, target: places in the lists of the world; kind: MA_LOAI_KCB.
    "person": (np.int32, -1),
    "condition": (np.int16, -1),
    "kind": (np.int8, 1),
    "start": (np.int64, 0),
    "end": (np.int64, 0),
    "days": (np.int16, 1),
    "emergency": (np.bool_, 0),
    "clinic": (np.int16, -1),
    "origin": (np.int16, -1),
    "target": (np.int16, -1),
    "slip": (np.int32, -1),
    "pair": (np.int64, -1),  # of a visit after a referral: place of the first one among the rows
    "outbreak": (np.int32, -1),
    "case": (np.int32, -1),
    "delivery": (np.int32, -1),
    "course": (np.int32, -1),
    "expected": (np.int32, 0),
    "firm": (np.bool_, 0),  # does not wait for other visits: births, the last stay
    "died": (np.bool_, 0),
    "version": (np.int8, -1),
    **{f"rest{n}": (np.int16, -1) for n in range(4)},
}


def _column(name: str, size: int, value: Array | int) -> Array:
    column: Array = np.empty(size, dtype=_COLUMNS[name][0])
    column[...] = value
    return column


class Rows:
    """A set of visits by column. What is not given has the default of its column."""

    __slots__ = ("_columns", "_size")

    def __init__(self, size: int, **columns: Array | int) -> None:
        self._size = size
        self._columns: dict[str, Array] = {name: _column(name, size, value) for name, value in columns.items()}

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, name: str) -> Array:
        if name not in self._columns:
            self._columns[name] = _column(name, self._size, _COLUMNS[name][1])
        return self._columns[name]

    def __setitem__(self, name: str, value: Array | int) -> None:
        self._columns[name] = _column(name, self._size, value)

    def take(self, places: Array) -> Rows:
        """Rows at some places, or where a mask holds, in that order. Pairs point as they did, or nowhere."""
        if places.dtype == np.bool_:
            places = np.flatnonzero(places)
        taken = Rows(len(places))
        taken._columns = {name: values.take(places) for name, values in self._columns.items()}
        if "pair" in taken._columns:
            now = np.full(self._size + 1, -1, dtype=np.int64)
            now[places] = np.arange(len(places))
            taken._columns["pair"] = now[taken._columns["pair"]]  # -1 looks at the last place, which is -1
        return taken

    @classmethod
    def concat(cls, parts: Iterable[Rows]) -> Rows:
        """All rows one after another; pairs keep pointing at their rows."""
        kept = [part for part in parts if len(part)]
        joined = cls(sum(map(len, kept)))
        firsts = np.cumsum([0, *map(len, kept)])
        for name in {name for part in kept for name in part._columns}:
            column = joined[name]
            for part, first in zip(kept, firsts, strict=False):
                if name in part._columns:
                    told = part._columns[name]
                    column[first : first + len(part)] = (
                        np.where(told >= 0, told + first, -1) if name == "pair" else told
                    )
        return joined

    @property
    def busy(self) -> Array:
        """The minute until which the person cannot be elsewhere."""
        at_home = np.logical_or.reduce([self["kind"] == kind for kind in _AT_HOME])
        return np.where(at_home, np.minimum(self["start"] + 180, self["end"]), self["end"])

    @property
    def last_day(self) -> Array:
        """Day of the end."""
        return self["end"] // DAY
