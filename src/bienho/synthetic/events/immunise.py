"""Doses of the national programme given to the children of a block, and who is left unprotected on a day."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bienho.synthetic.events.acute import Chance
from bienho.synthetic.events.draw import Array, generator
from bienho.synthetic.events.folk import Folk
from bienho.synthetic.events.frame import FAR
from bienho.synthetic.events.world import World
from bienho.synthetic.reference import document

_SESSION = 28  # days between two sessions of a station
_LEFT_OUT = 0.5  # of the children a commune does not reach for a dose, those it never reaches
_GAP = 27  # days at least between two doses of one vaccine


@dataclass(slots=True)
class Doses:
    """Doses by column (`person`: row of the block; `vaccine`: place in VACCINES) and who is protected by them.

    `cohort`: rows of the children whose doses are told; `by_antigen`: (child of the cohort, dose) days, FAR for none.
    """

    person: Array
    vaccine: Array
    dose: Array
    day: Array
    clinic: Array
    cohort: Array
    by_antigen: dict[str, Array]

    def unprotected(self, folk: Folk, antigen: str, grown: float, who: Array, day: Array) -> Array:
        """Chance of each person to be open to a disease on a day."""
        if not len(self.cohort):
            return np.full(len(who), grown)
        shares = np.array(document("immunisation.yaml")["unprotected"][antigen])
        open_ = np.full(folk.size, -1)
        open_[self.cohort] = np.arange(len(self.cohort))
        child = open_[who]
        given = (self.by_antigen[antigen][child] < day[:, None]).sum(axis=1)
        return np.where(child >= 0, shares[np.minimum(given, len(shares) - 1)], grown)


def vaccines() -> list[str]:
    """Names of the vaccines, in the order of the schedule."""
    return list(dict.fromkeys(d["vaccine"] for d in document("immunisation.yaml")["doses"]))


def immunise(w: World, rng: Chance, folk: Folk) -> Doses:
    """The doses of the children of a block, up to the end of the window, their death or leaving."""
    told = document("immunisation.yaml")
    names = vaccines()
    cohort = np.flatnonzero((folk.birth >= w.first - int(told["born_within_years"] * 365.25)) & (folk.birth < w.end))
    size, place, birth = len(cohort), folk.place[cohort], folk.birth[cohort]
    cover = w.coverage[place]
    never = (1 - cover) * _LEFT_OUT
    reached = rng.random(size) >= never
    takes = cover / (1 - never)
    weekday = generator(w.seed, "session").integers(_SESSION, size=len(w.side))[place]
    station, hospital = w.nearby.first(place, 1), w.nearby.first(place, 2)
    last = {name: np.full(size, -FAR) for name in names}
    antigens: dict[str, list[Array]] = {name: [] for name in told["unprotected"]}
    parts = []
    for one in told["doses"]:
        due = birth + one["age"]
        if one["at"] == "birth":
            day = due + (rng.random(size) < 0.15)
            clinic = hospital
        else:
            late = np.maximum(due + rng.geometric(1 / 12, size) - 1, last[one["vaccine"]] + _GAP)
            day = late + (weekday - late) % _SESSION
            clinic = station
        given = reached & (rng.random(size) < takes * one["share"])
        if one["dose"] > 1 and one["vaccine"] != "DPT":
            given &= last[one["vaccine"]] > -FAR
        given &= (day < w.end) & (day <= folk.leave[cohort])
        last[one["vaccine"]] = np.where(given, day, last[one["vaccine"]] if one["dose"] == 1 else -FAR)
        for antigen in one.get("antigens", ()):
            antigens[antigen].append(np.where(given, day, FAR))
        at = np.flatnonzero(given)
        number = names.index(one["vaccine"])
        parts.append((cohort[at], np.full(len(at), number), np.full(len(at), one["dose"]), day[at], clinic[at]))
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    order = np.argsort((columns[0] << 40) + (columns[3] << 8) + columns[1], kind="stable")
    person, vaccine, dose, day, clinic = (column[order] for column in columns)
    days = {name: np.column_stack(given) for name, given in antigens.items()}
    return Doses(person, vaccine, dose, day, clinic, cohort, days)
