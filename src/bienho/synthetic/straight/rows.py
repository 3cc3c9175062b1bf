"""Blocks of people and visits as the stamp takes them, and the lists of places beside them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from bienho.synthetic.crew import in_order
from bienho.synthetic.dossiers.visits import Visit
from bienho.synthetic.events import Events, Maker, together
from bienho.synthetic.events.adapt import visits as visits_of
from bienho.synthetic.people import OLD_PROVINCE, blocks, make, persons
from bienho.synthetic.places import MERGED, Map
from bienho.synthetic.plan import Plan

HOMES = pa.schema(
    [
        ("person_no", pa.int64()), ("until", pa.date32()), ("home_commune", pa.string()), ("home_old", pa.string()),
        ("home_hamlet", pa.string()),
    ]
)  # fmt: skip
"""Where people lived until the day before `until`; PEOPLE says where they live at the end, which is on their card."""
_GROWN = 17 * 366
_OF_BLOCKS = ("visits", "births", "courses")
"""Tables of the events of which a block of people has rows of its own that lie together."""


@dataclass(frozen=True, slots=True)
class Block:
    """Visits (VISITS of the events), the PEOPLE they are of and their kin, former HOMES of these, the COURSES and
    BIRTHS the visits are part of; `objects` makes some visits as the builder takes them."""

    people: pa.Table
    homes: pa.Table
    courses: pa.Table
    births: pa.Table
    visits: pa.Table
    objects: Callable[[Sequence[int]], Mapping[int, Visit]]


class Twin:
    """The visits of a plan, numbered within their facilities, held as columns; people are made again block by block."""

    def __init__(self, plan: Plan, atlas: Map, crew: int = 1) -> None:
        """`crew`: how many processes make the events; what they make does not depend on it."""
        self._plan, self._atlas = plan, atlas
        self.maker = Maker(plan, atlas)
        every = list(blocks(plan, atlas))

        def portion(place: int, _: int) -> tuple[int, Events]:
            people, moves = make(plan, atlas, every[place])
            return people.num_rows, self.maker.make(every[place].number, people, moves)

        made = list(in_order(portion, [(place, place + 1) for place in range(len(every))], crew))
        self.persons = sum(persons for persons, _ in made)
        self._counts = [[getattr(events, name).num_rows for name in _OF_BLOCKS] for _, events in made]
        self.events = together(events for _, events in made)

    def blocks(self, most: int) -> Iterator[Block]:
        """The visits that are sent at all, about so many at a time at most; none of a person in two blocks."""
        held: list[Block] = []
        for one in self._pieces(most):
            if held and (_are_alike(held[-1], one) or sum(part.visits.num_rows for part in (*held, one)) > most):
                yield _joined(held)
                held = []
            held.append(one)
        if held:
            yield _joined(held)

    def _pieces(self, most: int) -> Iterator[Block]:
        """Blocks of people one by one, in pieces where there are more visits."""
        firsts = [0] * len(_OF_BLOCKS)
        for block, counts in zip(blocks(self._plan, self._atlas), self._counts, strict=True):
            people, moves = make(self._plan, self._atlas, block)
            visits, births, courses = (
                getattr(self.events, name).slice(*cut) for name, *cut in zip(_OF_BLOCKS, firsts, counts, strict=True)
            )
            firsts = [first + count for first, count in zip(firsts, counts, strict=True)]
            visits = visits.filter(pc.greater_equal(visits["delay_days"], 0))
            own = replace(self.events, births=births, courses=courses)
            for start, end in _pieces(visits["person_no"].to_numpy(), most):
                yield self._block(people, moves, replace(own, visits=visits.slice(start, end - start)))

    def _block(self, people: pa.RecordBatch, moves: pa.RecordBatch, events: Events) -> Block:
        visits = events.visits

        def objects(numbers: Sequence[int]) -> Mapping[int, Visit]:
            chosen = visits.filter(pc.is_in(visits["visit_no"], pa.array(numbers, pa.int64())))
            return _objects(replace(events, visits=chosen), people, moves, self._atlas) if chosen.num_rows else {}

        return Block(
            _plain(pa.table(people)),
            _homes(moves, self._atlas),
            _courses(events),
            _births(events),
            _plain(visits),
            objects,
        )


def _are_alike(one: Block, other: Block) -> bool:
    """Whether blocks are of the same people: pieces of one."""
    return bool(one.people["person_no"][0].equals(other.people["person_no"][0]))


def _joined(blocks: Sequence[Block]) -> Block:
    """Blocks of different people as one."""
    names = ("people", "homes", "courses", "births", "visits")
    people, homes, courses, births, visits = (pa.concat_tables(getattr(one, name) for one in blocks) for name in names)

    def objects(numbers: Sequence[int]) -> Mapping[int, Visit]:
        return {number: visit for one in blocks for number, visit in one.objects(numbers).items()}

    return Block(people, homes, courses, births, visits, objects)


def _pieces(persons: npt.NDArray[np.int64], most: int) -> Iterator[tuple[int, int]]:
    """Where to cut visits ordered by person so that about `most` at most lie together, and all of a person do."""
    pieces = -(-len(persons) // most)
    cuts = [0, *(int(np.searchsorted(persons, persons[len(persons) * at // pieces])) for at in range(1, pieces))]
    ends = [*cuts[1:], len(persons)]
    return ((start, end) for start, end in zip(cuts, ends, strict=True) if end > start)


def _objects(events: Events, people: pa.RecordBatch, moves: pa.RecordBatch, atlas: Map) -> Mapping[int, Visit]:
    """The visits of `events` as objects, with the people they are of, the parents of the young, and children."""
    mine = pa.array(events.visits["person_no"].unique())
    births = _births(events)
    kin = people.filter(pc.is_in(people["person_no"], mine))
    # whoever is older has papers without parents
    young = kin.filter(pc.greater(kin["birth"], pc.min(events.visits["start"]).as_py().date() - timedelta(_GROWN)))
    columns = [mine, young["mother_no"], young["father_no"], *births["child_no"].chunks]
    wanted = pa.concat_arrays([column.cast(pa.int64()) for column in columns]).unique()
    found = persons(
        people.filter(pc.is_in(people["person_no"], wanted)),
        moves.filter(pc.is_in(moves["person_no"], wanted)),
        atlas,
    )
    few = replace(events, births=births, courses=_courses(events))
    made = visits_of(few, {person.index: person for person in found}, atlas)
    return dict(zip(events.visits["visit_no"].to_pylist(), made, strict=True))


def _courses(events: Events) -> pa.Table:
    """COURSES that the visits are part of."""
    return events.courses.filter(pc.is_in(events.courses["course_no"], pa.array(events.visits["course_no"].unique())))


def _births(events: Events) -> pa.Table:
    """BIRTHS that the visits are part of."""
    return events.births.filter(pc.is_in(events.births["delivery_no"], pa.array(events.visits["delivery_no"].unique())))


def _homes(moves: pa.RecordBatch, atlas: Map) -> pa.Table:
    """HOMES of those who moved, as `people.persons` sees them."""
    places = {place.code: place for place in atlas.places}
    new_of = {old.code: place.code for place in atlas.places for old in place.old}
    rows = []
    for move in moves.to_pylist():
        code, day, number = move["from_commune"], move["day"], move["person_no"]
        if day >= MERGED:
            olds = places[code].old
            rows.append((number, day, code, olds[number % len(olds)].code, move["from_hamlet"]))
        else:
            rows.append((number, day, new_of[code], code, move["from_hamlet"]))
    return _table(HOMES, rows)


def _plain(table: pa.Table) -> pa.Table:
    """Texts as texts, where they stood as numbers of a dictionary."""
    for place, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type):
            table = table.set_column(place, field.name, table.column(place).cast(pa.string()))
    return table


def facility_table(atlas: Map) -> pa.Table:
    """Every facility: code, level, private, its number as text of three digits."""
    rows = [(c.code, c.level, c.private, f"{int(c.code[2:]):03d}") for c in atlas.clinics]
    kinds = [("facility", pa.string()), ("level", pa.int8()), ("private", pa.bool_()), ("unit", pa.string())]
    return _table(pa.schema(kinds), rows)


def commune_table(atlas: Map) -> pa.Table:
    """Every commune: name, and where its people are registered at both levels."""
    rows = [(p.code, p.name, atlas.registered(p, 1), atlas.registered(p, 2)) for p in atlas.places]
    return _table(pa.schema([(name, pa.string()) for name in ("commune", "commune_name", "station", "centre")]), rows)


def old_table(atlas: Map) -> pa.Table:
    """Every commune of before 2025-07-01 with its district and province."""
    rows = [
        (o.code, o.name, o.district_code, o.district, o.province_code, OLD_PROVINCE[o.province_code])
        for place in atlas.places
        for o in place.old
    ]
    columns = ("old_commune", "old_name", "old_district", "district_name", "old_province", "province_name")
    return _table(pa.schema([(name, pa.string()) for name in columns]), list(dict.fromkeys(rows)))


def _table(schema: pa.Schema, rows: Iterable[tuple[object, ...]]) -> pa.Table:
    told = list(rows)
    columns = zip(*told, strict=True) if told else ([] for _ in schema)
    return pa.Table.from_arrays([pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)], schema=schema)
