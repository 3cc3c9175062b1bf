"""One slip of the hand, and what is known of the person beside the dossier."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from bienho.synthetic.dirt.cells import Cells
from bienho.synthetic.people import Person, residence
from bienho.synthetic.places import MERGED

BEFORE = MERGED - timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Around:
    """What a clerk may write instead: of the mother of a child, of the place before the merger, of older papers."""

    mother_name: str = ""
    mother_id: str = ""
    age: float = 40.0
    people: str = ""
    former_id: str = ""
    address_before: str = ""
    codes_before: Mapping[str, str] = dataclasses.field(default_factory=dict)


def around(person: Person, day: date) -> Around:
    """The surroundings of a patient on the day of a visit."""
    mother = person.parents[0]
    return Around(
        mother.name if mother else "",
        mother.personal_id if mother else "",
        person.age_on(day),
        person.people,
        person.former_id,
        person.address_on(BEFORE),
        residence(person, BEFORE),
    )


@dataclass(frozen=True, slots=True)
class Slip:
    """One error: the new text of a cell, of others in the row that go with it, what stood there (a class, no value)."""

    field: str
    text: str
    was: str
    note: str = ""
    table: str = "XML1"
    row: int = 1
    also: Mapping[str, str] = dataclasses.field(default_factory=dict)


Maker = Callable[[Cells, Around, random.Random], Slip | None]
"""A slip where the dossier has something it can happen to."""


def pick(r: random.Random, cells: Cells, table: str, field: str) -> tuple[int, str] | None:
    """A row of a table with a text in a field, and the text; None without any."""
    found = [(row, text) for row in cells.rows(table) if (text := cells.get(table, row, field))]
    return r.choice(found) if found else None
