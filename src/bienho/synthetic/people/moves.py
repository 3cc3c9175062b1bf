"""Who moved during the window: families and young people between communes, families into the province."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bienho.synthetic.draws import Choice, Draws, Ints
from bienho.synthetic.people.crowd import Block, Crowd
from bienho.synthetic.places import Map, distance_km

# A year, planning figures: households that come from elsewhere, that change commune, young people who do so alone.
_ARRIVING, _MOVING, _YOUNG = 0.007, 0.009, 0.025
_STAY = 30  # days at least between a move and the end of the window or a death
_NEAR = 12  # kilometres within which distance matters little


@dataclass(frozen=True, slots=True)
class Moves:
    """Rows (people of the block), the day, the place they came from as its number in the atlas."""

    row: Ints
    day: Ints
    origin: Ints


def move(
    atlas: Map, block: Block, crowd: Crowd, root: Ints, draws: Draws, window: tuple[int, int]
) -> tuple[Ints, Moves]:
    """(day since when everyone lives in the province, moves within it). A child moves only if it is born by then.

    Whole households move on one day, those with someone who dies or leaves do not.
    """
    first, last = window
    count, years = len(root), (last + 1 - first) / 365.25
    day = first + draws.below(count, last + 1 - first)
    settled = np.bincount(root, crowd.until <= last, minlength=count)[root] == 0
    movable = settled & (day[root] <= last - _STAY)
    roll = draws.raw(count)[root]
    arriving, moving = round(_ARRIVING * years * 65_536), round((_ARRIVING + _MOVING) * years * 65_536)
    here = np.where(movable & (roll < arriving), np.maximum(day[root], crowd.birth), crowd.birth)
    together = movable & (roll >= arriving) & (roll < moving)
    age = last - crowd.birth
    alone = settled & (roll >= moving) & (day <= last - _STAY) & (age >= 6_600) & (age < 11_000)
    alone &= draws.chance(count, min(1.0, _YOUNG * years))
    at = np.where(together, day[root], day)
    row = np.flatnonzero((together & (crowd.birth < at)) | alone)
    leader = np.where(together, root, np.arange(count))[row]  # a family comes from one place
    raw = draws.raw(count)
    origins = Choice([_origins(atlas, part.place.code) for part in block.parts])
    return here, Moves(row, at[row], origins.pick(crowd.place[row], raw[leader]))


def _origins(atlas: Map, code: str) -> dict[int, float]:
    """Where people of a commune come from: large and near places first."""
    home = next(place for place in atlas.places if place.code == code)
    return {
        number: place.population / (_NEAR + distance_km(home, place)) ** 2
        for number, place in enumerate(atlas.places)
        if place.code != code
    }
