"""Scenarios: named changes to a twin, read from data and made concrete for one plan (which commune, facility, days)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from bienho.synthetic.chance import stream
from bienho.synthetic.places import Clinic, Map, Place, distance_km
from bienho.synthetic.plan import Plan
from bienho.synthetic.reference import document

_FIRST = 12  # a commune or facility is drawn among so many of the largest


@dataclass(frozen=True, slots=True)
class Effect:
    """What one facility does from a day (`first`) until before another (`end`): `does` is billing, silence or entry."""

    scenario: str
    does: str
    facility: str
    first: date
    end: date
    strength: float

    def holds(self, facility: str, day: date) -> bool:
        """Whether it covers a facility on a day."""
        return facility == self.facility and self.first <= day < self.end


@dataclass(frozen=True, slots=True)
class Injected:
    """One outbreak a scenario asks for, around a commune, from a day, in full size and least size in a sample."""

    disease: str
    place: Place
    first: date
    weeks: int
    size: int
    least: int


@dataclass(frozen=True, slots=True)
class Staging:
    """Everything the scenarios of a plan change."""

    factors: Mapping[str, float]
    coverage: Mapping[str, float]
    outbreaks: tuple[Injected, ...]
    effects: tuple[Effect, ...]

    def entry_errors(self, facility: str, day: date) -> float:
        """Share of dossiers of a facility spoilt at entry on a day, beyond the plan's own."""
        spoilt = (e.strength for e in self.effects if e.does == "entry" and e.holds(facility, day))
        return max(spoilt, default=0.0)


def stage(plan: Plan, atlas: Map) -> Staging:
    """The scenarios of a plan, made concrete: the same plan gives the same."""
    factors: dict[str, float] = {}
    coverage: dict[str, float] = {}
    outbreaks: list[Injected] = []
    effects: list[Effect] = []
    length = (plan.end - plan.start).days

    def day(share: float) -> date:
        return plan.start + timedelta(days=round(share * length))

    for name in plan.scenarios:
        told = document("scenarios.yaml")[name]
        for disease, factor in told.get("factors", {}).items():
            factors[disease] = factors.get(disease, 1.0) * factor
        poor = None
        if low := told.get("coverage"):
            poor = _commune(plan, atlas, name, low["side"])
            coverage[poor.code] = low["share"]
        for number, one in enumerate(told.get("outbreaks", ())):
            place = poor if one.get("commune") else None
            place = place or _commune(plan, atlas, f"{name}/{number}", one["side"])
            outbreaks.append(Injected(one["disease"], place, day(one["at"]), one["weeks"], one["size"], one["least"]))
        if what := told.get("facility"):
            clinic = _facility(plan, atlas, name, what)
            first, end = day(what["from"]), day(what["to"])
            effects.append(Effect(name, what["does"], clinic.code, first, end, what.get("strength", 1.0)))
    return Staging(factors, coverage, tuple(outbreaks), tuple(effects))


def _commune(plan: Plan, atlas: Map, purpose: str, side: str) -> Place:
    """One of the larger communes of a side."""
    large = sorted((p for p in atlas.places if p.side == side), key=lambda p: (-p.population, p.code))[:_FIRST]
    return stream(plan.seed, "scenario", purpose).choice(large)


def _facility(plan: Plan, atlas: Map, purpose: str, told: Mapping[str, Any]) -> Clinic:
    """One of the facilities of a level that most people live near."""
    pool = [c for c in atlas.clinics if c.level == told["level"] and not c.specialty] or list(atlas.clinics)
    near = dict.fromkeys((c.code for c in pool), 0)
    for place in atlas.places:
        near[min(pool, key=lambda c: (distance_km(place, c.place), c.code)).code] += place.population
    busy = sorted(pool, key=lambda c: (-near[c.code], c.code))[:_FIRST]
    return stream(plan.seed, "scenario", purpose).choice(busy)
