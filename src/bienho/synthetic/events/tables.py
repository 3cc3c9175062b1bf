"""The tables of a block of events in Arrow: visits, births, courses, cases, doses; and outbreaks of the whole twin."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bienho.synthetic.events.births import Births
from bienho.synthetic.events.chronic import Courses
from bienho.synthetic.events.days import number
from bienho.synthetic.events.draw import Array
from bienho.synthetic.events.folk import Folk
from bienho.synthetic.events.frame import FAR, Rows
from bienho.synthetic.events.immunise import Doses, vaccines
from bienho.synthetic.events.infection import Cases
from bienho.synthetic.events.world import VERSIONS, World
from bienho.synthetic.reference import conditions

PER_BLOCK = 1 << 22  # numbers of a block: more than it has visits
TEXT = pa.dictionary(pa.int16(), pa.string())
VISITS = pa.schema(
    [
        ("visit_no", pa.int64()), ("person_no", pa.int64()), ("facility", TEXT), ("condition", TEXT), ("kind", TEXT),
        ("start", pa.timestamp("s")), ("end", pa.timestamp("s")), ("days", pa.int16()), ("emergency", pa.bool_()),
        ("others", pa.list_(pa.string())), ("referred_from", TEXT), ("referred_to", TEXT), ("referral", pa.string()),
        ("serial", pa.int64()), ("bed", pa.int32()), ("version", TEXT), ("delivery_no", pa.int64()),
        ("course_no", pa.int64()),
        ("expected", pa.date32()), ("outbreak_no", pa.int32()), ("delay_days", pa.int16()), ("died", pa.bool_()),
    ]
)  # fmt: skip
BIRTHS = pa.schema(
    [
        ("delivery_no", pa.int64()), ("place", pa.int16()), ("mother_no", pa.int64()), ("child_no", pa.int64()),
        ("born", pa.timestamp("s")), ("sex", pa.string()), ("name", pa.string()), ("weight_g", pa.int16()),
        ("weeks", pa.int16()), ("birth_order", pa.int16()), ("living", pa.int16()), ("father", pa.string()),
    ]
)  # fmt: skip
COURSES = pa.schema(
    [
        ("course_no", pa.int64()), ("person_no", pa.int64()), ("kind", pa.string()), ("condition", pa.string()),
        ("began", pa.date32()), ("due", pa.int32()), ("kept", pa.int32()), ("confirmed", pa.bool_()),
        ("retreated", pa.bool_()), ("hiv_confirmed", pa.date32()), ("hiv_arv", pa.date32()),
        ("hiv_switched", pa.date32()),
    ]
)  # fmt: skip
CASES = pa.schema(
    [
        ("case_no", pa.int64()), ("person_no", pa.int64()), ("disease", TEXT), ("commune", TEXT),
        ("onset", pa.date32()), ("visited", pa.date32()), ("sent", pa.date32()), ("reported", pa.date32()),
        ("outbreak_no", pa.int32()), ("visit_no", pa.int64()),
    ]
)  # fmt: skip
IMMUNISATIONS = pa.schema(
    [
        ("person_no", pa.int64()), ("vaccine", TEXT), ("dose", pa.int16()), ("day", pa.date32()), ("facility", TEXT),
    ]
)  # fmt: skip
OUTBREAKS = pa.schema(
    [
        ("outbreak_no", pa.int32()), ("disease", pa.string()), ("commune", pa.string()),
        ("communes", pa.list_(pa.string())), ("first", pa.date32()), ("end", pa.date32()), ("expected", pa.float64()),
        ("cases", pa.int64()), ("visited", pa.int64()), ("scenario", pa.string()),
    ]
)  # fmt: skip
EFFECTS = pa.schema(
    [
        ("scenario", pa.string()), ("does", pa.string()), ("facility", pa.string()), ("first", pa.date32()),
        ("end", pa.date32()), ("strength", pa.float64()),
    ]
)  # fmt: skip
_KINDS = ["", *(f"{n:02d}" for n in range(1, 10))]


@dataclass(slots=True)
class Events:
    """What happened to the people of one block (or, put together, of all)."""

    visits: pa.Table
    births: pa.Table
    courses: pa.Table
    cases: pa.Table
    immunisations: pa.Table


def _coded(numbers: Array, texts: Sequence[str]) -> Any:
    """Texts that repeat; -1 is the text ''."""
    indices = np.where(numbers < 0, len(texts), numbers).astype(np.int16)
    return pa.DictionaryArray.from_arrays(pa.array(indices), pa.array([*texts, ""]))


def _dates(days: Array, missing: Array | None = None) -> Any:
    return pa.array(days.astype(np.int32), mask=missing).cast(pa.date32())


def _moments(minutes: Array) -> Any:
    return pa.array(minutes.astype(np.int64) * 60).cast(pa.timestamp("s"))


def _numbered(block: int, local: Array) -> Array:
    return np.where(local >= 0, local + np.int64(block) * PER_BLOCK, -1)


def visits_table(w: World, folk: Folk, block: int, rows: Rows, delay: Array) -> pa.Table:
    """VISITS of a block; `serial` and `bed` are 0 until all blocks are made (`with_serials`)."""
    size = len(rows)
    codes = [c.code for c in w.cases]
    facilities = [c.code for c in w.atlas.clinics]
    rest = np.column_stack([rows[f"rest{n}"] for n in range(4)])
    told = rest >= 0
    offsets = np.concatenate([[0], np.cumsum(told.sum(axis=1))]).astype(np.int32)
    others = pa.ListArray.from_arrays(pa.array(offsets), pa.array(codes).take(pa.array(rest[told].astype(np.int32))))
    expected = rows["expected"]
    columns = {
        "visit_no": _numbered(block, np.arange(size)),
        "person_no": folk.no[rows["person"]],
        "facility": _coded(rows["clinic"], facilities),
        "condition": _coded(rows["condition"], codes),
        "kind": _coded(rows["kind"], _KINDS),
        "start": _moments(rows["start"]),
        "end": _moments(rows["end"]),
        "days": rows["days"],
        "emergency": rows["emergency"],
        "others": others,
        "referred_from": _coded(rows["origin"], facilities),
        "referred_to": _coded(rows["target"], facilities),
        "referral": _slips(rows),
        "serial": np.zeros(size, dtype=np.int64),
        "bed": np.zeros(size, dtype=np.int32),
        "version": _coded(rows["version"], VERSIONS),
        "delivery_no": _numbered(block, rows["delivery"]),
        "course_no": _numbered(block, rows["course"]),
        "expected": _dates(expected, expected == 0),
        "outbreak_no": rows["outbreak"],
        "delay_days": delay.astype(np.int16),
        "died": rows["died"],
    }
    return pa.table([pa.array(v) if isinstance(v, np.ndarray) else v for v in columns.values()], schema=VISITS)


def _slips(rows: Rows) -> Any:
    """Numbers of referral slips: the year in which the first visit ended, then a number."""
    slip, pair = rows["slip"], rows["pair"]
    at = np.flatnonzero(slip >= 0)
    of = np.where(pair[at] >= 0, pair[at], at)
    year = (rows.last_day[of].astype("datetime64[D]").astype("datetime64[Y]").astype(int) + 1970) % 100
    texts = [f"{y:02d}/GCT-{n:05d}" for y, n in zip(year.tolist(), slip[at].tolist(), strict=True)]
    place = np.zeros(len(rows), dtype=np.int32)
    place[at] = np.arange(1, len(at) + 1)
    return pa.array(["", *texts]).take(pa.array(place))


def births_table(folk: Folk, block: int, births: Births) -> pa.Table:
    """BIRTHS of a block, one row per child."""
    of = births.of
    count = np.bincount(of, minlength=len(births.mother))
    place = np.arange(len(of)) - (np.cumsum(count) - count)[of] + 1
    columns = [
        _numbered(block, of), place, folk.no[births.mother[of]],
        np.where(births.child >= 0, folk.no[births.child], -1), _moments(births.born),
        pa.array(["M", "F"]).take(pa.array(births.female.astype(np.int8))), births.name,
        births.weight, births.weeks[of], births.order[of], births.living[of],
        births.father.take(pa.array(of)),
    ]  # fmt: skip
    return _table(columns, BIRTHS)


def _table(columns: Sequence[Any], schema: pa.Schema) -> pa.Table:
    cast = [
        pa.array(value, field.type) if isinstance(value, np.ndarray) else value
        for value, field in zip(columns, schema, strict=True)
    ]
    return pa.table(cast, schema=schema)


def courses_table(w: World, folk: Folk, block: int, courses: Courses, rows: Rows) -> pa.Table:
    """COURSES of a block; `kept` counts the visits that took place."""
    if not courses.size:
        return COURSES.empty_table()
    person, condition, began, due = (
        np.concatenate(column) for column in (courses.person, courses.condition, courses.began, courses.due)
    )
    kept = np.bincount(rows["course"][rows["course"] >= 0], minlength=courses.size)
    confirmed, retreated = np.zeros(courses.size, dtype=bool), np.zeros(courses.size, dtype=bool)
    hiv = np.full((3, courses.size), FAR)
    for place, (sure, again, facts) in courses.facts.items():
        confirmed[place], retreated[place] = sure, again
        if facts:
            hiv[:, place] = [number(day) for day in (facts.confirmed, facts.arv, facts.switched)]
    columns = [
        _numbered(block, np.arange(courses.size)), folk.no[person],
        *(pa.array([getattr(case, name) for case in w.cases]).take(pa.array(condition)) for name in ("kind", "code")),
        _dates(began), due.astype(np.int32), kept.astype(np.int32), confirmed, retreated,
        *(_dates(line, line == FAR) for line in hiv),
    ]  # fmt: skip
    return _table(columns, COURSES)


def cases_table(w: World, rng: Any, folk: Folk, block: int, cases: Cases, rows: Rows, delay: Array) -> pa.Table:
    """CASES of a block: when each was seen, when its dossier left, when it stood at the province."""
    size = len(cases.person)
    at = np.flatnonzero((rows["case"] >= 0) & (rows["origin"] < 0))
    visit = np.full(size, -1)
    visit[rows["case"][at]] = at
    unseen = visit < 0
    # The last place stands for no visit at all.
    begun, ended, late = (np.append(column, -1) for column in (rows["start"] // 1440, rows.last_day, delay))
    sent = np.where(late[visit] < 0, FAR, ended[visit] + late[visit])
    lag = {"24h": 2, "48h": 3, "week": 1}
    report = [*(one.told["report"] for one in w.diseases), "week"]  # the last is tuberculosis
    most = np.array([lag[text] for text in report])[cases.disease]
    reported = sent + (rng.random(size) * most).astype(np.int64)
    weekly = np.array([text == "week" for text in report])[cases.disease]
    # What is told by the week arrives on the Wednesday after it.
    reported = np.where(weekly, sent + 1 + (1 - (sent + 3)) % 7, reported)
    unsent = unseen | (sent >= FAR)
    columns = [
        _numbered(block, np.arange(size)), folk.no[cases.person],
        _coded(cases.disease, w.disease_names), _coded(cases.place, [p.code for p in w.atlas.places]),
        _dates(cases.onset), _dates(begun[visit], unseen),
        _dates(np.where(unsent, 0, sent), unsent), _dates(np.where(unsent, 0, reported), unsent),
        cases.outbreak, _numbered(block, visit),
    ]  # fmt: skip
    return _table(columns, CASES)


def immunisations_table(w: World, folk: Folk, doses: Doses) -> pa.Table:
    """IMMUNISATIONS of a block."""
    columns = [
        folk.no[doses.person], _coded(doses.vaccine, vaccines()), doses.dose, _dates(doses.day),
        _coded(doses.clinic, [c.code for c in w.atlas.clinics]),
    ]  # fmt: skip
    return _table(columns, IMMUNISATIONS)


def outbreaks_table(w: World, cases: pa.Table) -> pa.Table:
    """OUTBREAKS of the twin, with the cases that came of them in all blocks."""
    numbers = cases["outbreak_no"].to_numpy()
    seen = pc.is_valid(cases["visited"]).to_numpy()
    size = len(w.outbreaks) + 1
    struck = np.bincount(numbers[numbers > 0], minlength=size)
    visited = np.bincount(numbers[(numbers > 0) & seen], minlength=size)
    codes = [p.code for p in w.atlas.places]
    told = [
        {
            "outbreak_no": one.number, "disease": w.diseases[one.disease].key, "commune": codes[one.places[0]],
            "communes": [codes[n] for n in one.places], "first": one.first, "end": one.first + one.days,
            "expected": one.size, "cases": int(struck[one.number]), "visited": int(visited[one.number]),
            "scenario": one.scenario,
        }
        for one in w.outbreaks
    ]  # fmt: skip
    columns = []
    for field in OUTBREAKS:
        values = [row[field.name] for row in told]
        columns.append(
            _dates(np.array(values, dtype=int)) if field.type == pa.date32() else pa.array(values, field.type)
        )
    return pa.table(columns, schema=OUTBREAKS)


def effects_table(w: World) -> pa.Table:
    """What facilities do under the scenarios of the plan."""
    rows = [{field.name: getattr(one, field.name) for field in EFFECTS} for one in w.staging.effects]
    return pa.Table.from_pylist(rows, schema=EFFECTS)


def together(parts: Iterable[Events]) -> Events:
    """The events of several blocks, in their order, with serial numbers."""
    found = list(parts)
    names = ("visits", "births", "courses", "cases", "immunisations")
    tables = [pa.concat_tables([getattr(part, name) for part in found]) for name in names]
    return Events(with_serials(tables[0]), *tables[1:])


def with_serials(visits: pa.Table) -> pa.Table:
    """Visits of all blocks, ordered by person, with `serial` and `bed`, both counted from 1 by start, then person.

    `serial` counts the visits of a facility; `bed` those who stay in a department of it (kinds 03, 04, 06; 0 for all
    others), so that two beds of one number are far apart in time.
    """
    facility = _coding(visits["facility"])
    wards = {case.code: case.department for case in conditions()}
    names = sorted(set(wards.values()))
    department = _coding(visits["condition"], {code: names.index(name) for code, name in wards.items()})
    stays = _coding(visits["kind"], dict.fromkeys(("03", "04", "06"), 1)).astype(bool)
    order = _sorting(visits["start"].cast(pa.int64()).to_numpy() // 60)
    numbers = {
        "serial": _ranked(facility, order),
        "bed": _ranked(facility * len(names) + department, order[stays[order]]),
    }
    for name, values in numbers.items():
        place = visits.schema.get_field_index(name)
        visits = visits.set_column(place, VISITS.field(name), pa.array(values, VISITS.field(name).type))
    return visits


def _coding(column: pa.ChunkedArray, numbers: dict[str, int] | None = None) -> Array:
    """Numbers of texts that repeat: those given, or their places in the dictionary."""
    coded = column.unify_dictionaries().combine_chunks()
    if not isinstance(coded, pa.DictionaryArray):  # no rows at all
        return np.empty(0, dtype=np.int64)
    values = coded.dictionary.to_pylist()
    table = np.array([numbers.get(text, 0) if numbers else place for place, text in enumerate(values)], dtype=np.int64)
    return table[coded.indices.to_numpy()]


def _ranked(group: Array, order: Array) -> Array:
    """Places from 1 of some rows within their group, in the order given; 0 for all others."""
    order = order[_sorting(group[order])]
    counts = np.bincount(group[order], minlength=1)
    found = np.zeros(len(group), dtype=np.int64)
    found[order] = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts) + 1
    return found


def _sorting(numbers: Array) -> Array:
    """Rows by a number of 0 … 2^32 - 1, equal ones as they stood: by either half, which NumPy sorts in linear time."""
    order = np.argsort(numbers.astype(np.uint16), kind="stable")
    return order[np.argsort((numbers >> 16).astype(np.uint16)[order], kind="stable")]
