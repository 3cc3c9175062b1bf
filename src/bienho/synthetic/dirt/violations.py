"""Rules of the project's rule list broken on purpose: one line of data/violations.csv is one way to break one rule.

Written from the text of the rules alone; no check of the house is asked. A line says what becomes of one cell
(`change`), in which rows (`when`) and in which editions (`versions`, from-to).

| change | the cell |
|---|---|
| blank, = TEXT | is emptied, says TEXT |
| append TEXT, head TEXT, cut N | ends with TEXT, begins with it instead of its own letters, loses N letters |
| + N, - N | is N more, less |
| at FIELD ±N | is N minutes after or before a moment of the row, or of XML1 (XML1.FIELD) |
| double, remove | the row stands there twice, the table is left out |

`when` (`;` between conditions): FIELD set · FIELD unset · FIELD in A B · FIELD over N; of the row, of XML1
(XML1.FIELD), or of the service the row is a result of (XML3.FIELD).
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import cache

from bienho.standards.xml130.versions import rank_of
from bienho.synthetic.chance import stream
from bienho.synthetic.dirt.cells import Cells
from bienho.synthetic.dirt.model import CLEAN, Injected
from bienho.synthetic.dirt.told import told
from bienho.synthetic.reference import rows

_SPREAD = 0.6
"""Standard deviation of the logarithm of a facility's rate."""
Place = tuple[str, int, str]
"""Table, row and field of a cell."""
_MOMENT = "%Y%m%d%H%M"


@dataclass(frozen=True, slots=True)
class Violation:
    """One way to break one rule."""

    rule: int
    table: str
    field: str
    change: str
    when: tuple[tuple[str, str, tuple[str, ...]], ...]
    first: str
    last: str

    @property
    def kind(self) -> str:
        """Name in the truth."""
        return f"rule_{self.rule}"

    def known_in(self, version: str) -> bool:
        """Whether the rule is one of an edition."""
        return rank_of(self.first) <= rank_of(version) <= rank_of(self.last)


def _condition(text: str) -> tuple[str, str, tuple[str, ...]]:
    field, test, *values = text.split()
    return field, test, tuple(values)


@cache
def violations() -> tuple[Violation, ...]:
    """Every way known, in the order of the rules."""
    found = []
    for row in rows("violations.csv"):
        first, _, last = row["versions"].partition("-")
        when = tuple(_condition(part) for part in row["when"].split(";") if part)
        found.append(
            Violation(
                int(row["rule"]), row["table"], row["field"], row["change"], when, first or "4210", last or "3176"
            )
        )
    return tuple(found)


def violate(
    cells: Cells, seed: int, facility: str, share: float, key: str, taken: frozenset[Place] = frozenset()
) -> Injected | None:
    """With the facility's own rate (on average `share`), one rule broken in a dossier; its key seeds the choice.

    Cells `taken` by other errors stay as they are.
    """
    hand = math.exp(stream(seed, "rules", facility).gauss(-_SPREAD * _SPREAD / 2, _SPREAD))
    r = stream(seed, "broken rule", key)
    if r.random() >= share * hand:
        return None
    ways = [way for way in violations() if cells.has(way.table) and way.known_in(cells.version)]
    r.shuffle(ways)
    return next((done for way in ways if (done := break_rule(way, cells, r, taken))), None)


def break_rule(
    way: Violation, cells: Cells, r: random.Random, taken: frozenset[Place] = frozenset()
) -> Injected | None:
    """The rule broken in one row that allows it; None when no row does."""
    fitting = [row for row in cells.rows(way.table) if all(_holds(cells, way.table, row, one) for one in way.when)]
    r.shuffle(fitting)
    discharge = cells.get("XML1", 1, "NGAY_RA") or ""
    for row in fitting:
        if way.change == "remove":
            cells.remove(way.table)
            return Injected(way.kind, way.table, "", CLEAN, way.rule, "table left out")
        if way.change == "double":
            cells.double(way.table, row)
            return Injected(way.kind, way.table, "", CLEAN, way.rule, "row twice", row=row + 1)
        before = cells.get(way.table, row, way.field)
        after = None if before is None else _changed(cells, way, row, before)
        if before is None or after is None or after == before or (way.table, row, way.field) in taken:
            continue
        cells.put(way.table, row, way.field, after)
        outcome, code = told(way.table, way.field, cells.version, after, discharge=discharge)
        was = "nothing" if not before else "a text that keeps the rule"
        return Injected(way.kind, way.table, way.field, outcome, way.rule, way.change, code, row=row, was=was)
    return None


def _text(cells: Cells, table: str, row: int, place: str) -> str:
    """A text of the row, of XML1 or of the row's service in XML3 when the place says so."""
    of, dot, field = place.rpartition(".")
    if of == "XML3":
        code = cells.get(table, row, "MA_DICH_VU")
        row = next((number for number in cells.rows(of) if cells.get(of, number, "MA_DICH_VU") == code), 0)
        return (cells.get(of, row, field) or "") if row and code else ""
    return (cells.get(of, 1, field) if dot else cells.get(table, row, field)) or ""


def _holds(cells: Cells, table: str, row: int, condition: tuple[str, str, tuple[str, ...]]) -> bool:
    place, test, values = condition
    text = _text(cells, table, row, place)
    if test == "over":
        return bool(text) and Decimal(text) > Decimal(values[0])
    return {"set": bool(text), "unset": not text, "in": text in values}[test]


def _changed(cells: Cells, way: Violation, row: int, before: str) -> str | None:
    verb, _, rest = way.change.partition(" ")
    if verb == "at":
        place, minutes = rest.split()
        try:
            moment = datetime.strptime(_text(cells, way.table, row, place), _MOMENT)
        except ValueError:
            return None
        return (moment + timedelta(minutes=int(minutes))).strftime(_MOMENT)
    return _EDITS[verb](before, rest)


def _added(before: str, more: str, sign: int) -> str | None:
    try:
        return str(Decimal(before) + sign * Decimal(more))
    except InvalidOperation:
        return None


_EDITS: dict[str, Callable[[str, str], str | None]] = {
    "blank": lambda before, rest: "",
    "=": lambda before, rest: rest,
    "append": lambda before, rest: before + rest,
    "head": lambda before, rest: rest + before[len(rest) :],
    "cut": lambda before, rest: before[: -int(rest)],
    "+": lambda before, rest: _added(before, rest, 1),
    "-": lambda before, rest: _added(before, rest, -1),
}
