"""Who goes where: facilities near every commune as tables, so that choices are drawn by the column."""

from __future__ import annotations

import numpy as np

from bienho.synthetic.events.draw import Array, generator
from bienho.synthetic.places import Map

_MOST = 4


class Nearby:
    """Facilities by commune, level and specialty, drawn by distance and size. Facilities are places in `atlas.clinics`.

    `habit`: 0 sends every day, 1 every week, 2 every month; `late`: share of dossiers that miss their turn; `at_home`:
    share of re-examinations kept as treatment at home.
    """

    def __init__(self, seed: int, atlas: Map, specialties: list[str]) -> None:
        clinics, places = atlas.clinics, atlas.places
        self.level = np.array([c.level for c in clinics], dtype=np.int8)
        self._own = np.array([specialties.index(c.specialty) if c.specialty in specialties else -1 for c in clinics])
        x, y = (np.array([getattr(one, axis) for one in places]) for axis in ("lon", "lat"))
        at = np.array([next(n for n, p in enumerate(places) if p is c.place) for c in clinics])
        east = (x[:, None] - x[at]) * 111.32 * np.cos(np.radians((y[:, None] + y[at]) / 2))
        self._far = np.round(np.hypot(east, (y[:, None] - y[at]) * 110.57), 6)
        self._traits(seed, [c.code for c in clinics])
        tables = [self._table(level, special) for level, special in self._kinds(len(specialties))]
        self._who = np.array([who for who, _ in tables])
        self._bounds = np.array([bounds for _, bounds in tables])
        self._programme = {
            (name, level): self._nearest([n for n, c in enumerate(clinics) if c.runs(name)], level)
            for name in ("tb", "hiv") for level in (2, 3)
        }  # fmt: skip

    @staticmethod
    def _kinds(specialties: int) -> list[tuple[int, int]]:
        return [(1, 0), (2, 0), *((3, number) for number in range(specialties))]

    def _traits(self, seed: int, codes: list[str]) -> None:
        drawn = np.array([generator(seed, "facility", code).random(4) for code in codes])
        size, habit, late, home = drawn.T
        self._size = 0.6 + 0.8 * size
        monthly, daily = (self.level == 1) & (habit < 0.8), (self.level == 3) & (habit < 0.25)
        self.habit = np.where(monthly, 2, np.where(daily, 0, 1)).astype(np.int8)
        self.late = 0.01 + 0.07 * late
        self.at_home = 0.35 + 0.4 * home

    def _table(self, level: int, special: int) -> tuple[Array, Array]:
        """(places, most) facilities and cumulative shares."""
        right = np.flatnonzero((self.level == level) & (self._own == special))
        general = np.flatnonzero((self.level == level) & (self._own == 0))
        pool = right if len(right) else general
        if not len(pool):
            gap = np.abs(self.level - level)
            pool = np.flatnonzero(gap == gap.min())
        most = {1: 1, 2: 2, 3: _MOST}[level]
        order = np.argsort(self._far[:, pool], axis=1, kind="stable")[:, :most]
        who = pool[order]
        weights = self._size[who] / (5 + np.take_along_axis(self._far, who, axis=1)) ** (1.5 if level == 3 else 4)
        bounds = np.cumsum(weights / weights.sum(axis=1, keepdims=True), axis=1)
        spare = _MOST - who.shape[1]
        who = np.concatenate([who, np.repeat(who[:, -1:], spare, axis=1)], axis=1)
        return who.astype(np.int16), np.concatenate([bounds, np.ones((len(who), spare))], axis=1)

    def _nearest(self, pool: list[int], level: int) -> Array | None:
        some = [n for n in pool if self.level[n] >= level] or pool
        return np.array(some)[np.argmin(self._far[:, some], axis=1)] if some else None

    def draw(self, rng: np.random.Generator, place: Array, level: Array, special: Array) -> Array:
        """A facility of a level near a commune, of the specialty where a hospital has it."""
        table = np.where(level < 3, level - 1, 2 + special)
        drawn = rng.random(len(place))
        column = (drawn[:, None] >= self._bounds[table, place]).sum(axis=1)
        return self._who[table, place, np.minimum(column, _MOST - 1)]

    def first(self, place: Array, level: int) -> Array:
        """The nearest facility of a level without specialty."""
        return self._who[level - 1, place, 0]

    def programme(self, name: str, level: int, place: Array) -> Array | None:
        """The nearest facility that runs a programme, of that level or more where there is one."""
        table = self._programme[name, level]
        return None if table is None else table[place]
