"""What every block of a twin shares: conditions, facilities, the calendar, diseases with their seasons, outbreaks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np

from bienho.synthetic import reference
from bienho.synthetic.events.climate import SIDES, season
from bienho.synthetic.events.days import Days, day_of, number
from bienho.synthetic.events.draw import Array, Choice, generator
from bienho.synthetic.events.nearby import Nearby
from bienho.synthetic.events.scenarios import Staging, stage
from bienho.synthetic.places import Map
from bienho.synthetic.plan import ARCHIVE, Plan, version_on
from bienho.synthetic.reference import Condition, conditions, document

AGES = np.array([1, 5, 10, 15, 25, 45, 65])  # first ages of the age groups of diseases, after the first
_PYRAMID = np.array([1.6, 6.6, 8.0, 7.6, 14.5, 30.5, 21.5, 9.7])  # people in a hundred, to set levels only
BANDS = np.array(reference.BANDS)
VERSIONS = tuple(ARCHIVE)
PROVINCE = 3_583_691
_YEARS = 12  # more than any window spans


@dataclass(frozen=True, slots=True)
class Disease:
    """One notifiable disease: `hazard` by age group (a day, for a person in an ordinary commune at mean season)."""

    key: str
    number: int
    told: dict[str, Any]
    codes: Array
    shares: Array
    hazard: Array
    patch: Array


@dataclass(frozen=True, slots=True)
class Outbreak:
    """One injected outbreak: `hazard` is the cases expected per person of mean age in its communes (`places`)."""

    number: int
    disease: int
    places: Array
    first: int
    days: int
    size: float
    hazard: float
    scenario: str


@dataclass(frozen=True, slots=True)
class Segment:
    """A year of the window, or the rest of one: first day and the day after the last."""

    number: int
    first: int
    end: int


class World:
    """Everything about a twin that does not hang on its people. Made once per process, used for every block."""

    def __init__(self, plan: Plan, atlas: Map) -> None:
        self.plan, self.atlas = plan, atlas
        self.seed = plan.seed
        self.first, self.end = number(plan.start), number(plan.end)
        self.staging: Staging = stage(plan, atlas)
        self.cases: tuple[Condition, ...] = conditions()
        self.code_of = {c.code: n for n, c in enumerate(self.cases)}
        self.places = {p.code: n for n, p in enumerate(atlas.places)}
        self.old_places = {old.code: n for n, p in enumerate(atlas.places) for old in p.old}
        self.side = np.array([SIDES.index(p.side) for p in atlas.places], dtype=np.int8)
        self.clinics = {c.code: n for n, c in enumerate(atlas.clinics)}
        old = [number(first) for first, _ in ARCHIVE.values()]
        self.days = Days(min(self.first, *old) - 31, self.end + 200)
        years = range(-(-(self.end - self.first) // 366))
        bounds = [self.first + 366 * n for n in years] + [self.end]
        self.segments = [Segment(n, bounds[n], bounds[n + 1]) for n in years]
        self._conditions()
        self.nearby = Nearby(plan.seed, atlas, self._specialties)
        self.versions = np.array(
            [VERSIONS.index(version_on(day_of(day))) for day in range(self.first, self.end)], dtype=np.int8
        )
        self.coverage = self._coverage()
        self.diseases = [self._disease(n, key, told) for n, (key, told) in enumerate(document("diseases.yaml").items())]
        self.intensity = np.array([self._intensity(one) for one in self.diseases])
        self.outbreaks = self._outbreaks()

    def special_of(self, name: str) -> int:
        """Number of a specialty."""
        return self._specialties.index(name)

    @staticmethod
    def day(day: date) -> int:
        """Days since 1970."""
        return number(day)

    @property
    def disease_names(self) -> list[str]:
        """Diseases of the cases: those drawn as such, and tuberculosis, which comes of its courses."""
        return [*(one.key for one in self.diseases), "tuberculosis"]

    def age(self, birth: Array, day: Array | int) -> Array:
        """Age in years."""
        return (day - birth) / 365.25

    def _conditions(self) -> None:
        cases = self.cases
        kinds = {kind: [n for n, c in enumerate(cases) if c.kind == kind] for kind in {c.kind for c in cases}}
        self.kinds = {kind: np.array(numbers) for kind, numbers in kinds.items()}
        self._specialties = ["", *sorted({c.specialty for c in cases} - {""})]
        self.special = np.array([self._specialties.index(c.specialty) for c in cases], dtype=np.int8)
        self.level = np.array([c.level for c in cases], dtype=np.int8)
        self.inpatient = np.array([c.inpatient for c in cases])
        self.stay = np.array([c.stay for c in cases])
        self.injury = np.array([c.kind == "injury" for c in cases])
        self.common = np.array([c.kind == "acute" for c in cases])
        self.needled = np.array([any(s.key == "acup" for s in c.treatments) for c in cases])
        self.weights = np.array([c.weights for c in cases])  # (condition, band)
        self.risk = np.array([[c.side[side] for side in SIDES] for c in cases])
        self.for_sex = np.array([[c.sex in ("", "M"), c.sex in ("", "F")] for c in cases])
        monthly = np.array([[c.season[side] for side in SIDES] for c in cases])
        notifiable = {self.code_of[code] for told in document("diseases.yaml").values() for code in told["codes"]}
        everyday = (self.common | self.injury) & ~np.isin(np.arange(len(cases)), list(notifiable))
        # (condition, band, sex, side, month)
        table = (self.weights * everyday[:, None])[:, :, None, None, None] * self.for_sex[:, None, :, None, None]
        table = table * self.risk[:, None, None, :, None] * monthly[:, None, None, :, :]
        self.everyday = Choice(table.reshape(len(cases), -1).T)

    def _coverage(self) -> Array:
        """Share of children reached by immunisation, by commune: less and less even in the west (a planning figure)."""
        drawn = generator(self.seed, "coverage").standard_normal(len(self.side))
        usual = np.where(self.side == 0, 0.95, 0.89) + np.where(self.side == 0, 0.02, 0.05) * drawn
        usual = np.clip(usual, 0.5, 0.99)
        for code, share in self.staging.coverage.items():
            usual[self.places[code]] = share
        return usual

    def _disease(self, place: int, key: str, told: dict[str, Any]) -> Disease:
        ages = np.array(told["ages"], dtype=float)
        hazard = told["rate"] / 1e5 / 365.25 * ages / (ages * _PYRAMID).sum() * _PYRAMID.sum()
        shape = told["patch"]
        patch = generator(self.seed, "patch", key).gamma(shape, 1 / shape, len(self.side))
        patch *= np.array(told["side"])[self.side] * self.staging.factors.get(key, 1.0)
        codes = np.array([self.code_of[code] for code in told["codes"]])
        return Disease(key, place, told, codes, np.array(list(told["codes"].values())), hazard, np.round(patch, 9))

    def _intensity(self, one: Disease) -> Array:
        """(side, day of the window): relative risk, mean about 1 in an ordinary year."""
        run = np.arange(self.first, self.end)
        since = run - number(self.plan.start.replace(month=1, day=1))
        of_year, weeks = (since % 365.25).astype(int), since // 7
        spread, noise = one.told["years"], one.told["weeks"]
        found = []
        for side in SIDES:
            r = generator(self.seed, "year", one.key, side)
            level = np.exp(spread * r.standard_normal(_YEARS) - spread**2 / 2)
            # A year of the window has one level, so that its months keep their shape; the next takes over in weeks.
            turns = np.concatenate([[0.0, 1.0], *([n + 0.15, n + 1.0] for n in range(1, _YEARS))])
            smooth = np.interp((run - self.first) / 365.25, turns, np.repeat(level, 2))
            week = np.exp(noise * r.standard_normal(_YEARS * 53)[weeks] - noise**2 / 2)
            found.append(season(side, one.told["season"])[of_year] * smooth * week)
        return np.round(np.array(found), 9)

    def _outbreaks(self) -> list[Outbreak]:
        """Injected outbreaks of the plan and of its scenarios, numbered from 1."""
        r = generator(self.seed, "outbreaks")
        length = self.end - self.first
        able = [one for one in self.diseases if "outbreak" in one.told]
        weights = np.array([one.told["outbreak"]["weight"] for one in able], dtype=float)
        population = np.array([p.population for p in self.atlas.places], dtype=float)
        found: list[Outbreak] = []
        for _ in range(int(r.poisson(self.plan.outbreaks * length / 365.25))):
            one = able[int(r.choice(len(able), p=weights / weights.sum()))]
            told = one.told["outbreak"]
            place = int(r.choice(len(population), p=population / population.sum()))
            first = self.first + int(r.integers(length))
            size, weeks = int(r.integers(*_range(told["size"]))), int(r.integers(*_range(told["weeks"])))
            found.append(self._outbreak(len(found) + 1, one, place, first, weeks, size, 0, ""))
        for extra in self.staging.outbreaks:
            one = next(d for d in self.diseases if d.key == extra.disease)
            place, first = self.places[extra.place.code], number(extra.first)
            name = ", ".join(self.plan.scenarios)
            found.append(self._outbreak(len(found) + 1, one, place, first, extra.weeks, extra.size, extra.least, name))
        return found

    def _outbreak(
        self, number_: int, one: Disease, place: int, first: int, weeks: int, size: int, least: int, scenario: str
    ) -> Outbreak:
        share = min(1.0, self.plan.persons / PROVINCE)
        expected = max(size * share, least)
        people = np.array([p.population for p in self.atlas.places]) * share
        near = np.argsort(self.nearby_places(place), kind="stable")
        held = np.cumsum(people[near])
        pool = near[: int(np.searchsorted(held, 4 * expected)) + 1]
        mean = self._susceptible(one, pool)
        hazard = expected / max(1.0, people[pool].sum()) / mean
        return Outbreak(number_, one.number, pool, first, weeks * 7, expected, hazard, scenario)

    def nearby_places(self, place: int) -> Array:
        """Squared distance of every commune from one, in degrees."""
        x, y = (np.array([getattr(one, axis) for one in self.atlas.places]) for axis in ("lon", "lat"))
        return (x - x[place]) ** 2 + (y - y[place]) ** 2

    def _susceptible(self, one: Disease, pool: Array) -> float:
        """Mean of relative age risk times the share unprotected, over the people of some communes."""
        relative = one.hazard / one.hazard.mean()
        share = np.full(len(relative), one.told.get("grown", 1.0))
        if "antigen" in one.told:
            reached = self.coverage[pool].mean()
            share[:2] = (1.0, 1 - 0.9 * reached)
        return float((relative * share * _PYRAMID).sum() / _PYRAMID.sum())

    @property
    def last_sending(self) -> int:
        """The last day on which anything of the window is sent."""
        return number(self.plan.end - timedelta(days=1))


def _range(told: list[int]) -> tuple[int, int]:
    """Least and most as bounds of a draw."""
    return told[0], told[1] + 1
