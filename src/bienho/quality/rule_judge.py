"""The checks over the rows of a batch: what they find, as places. Set-based, in exact numbers, without a clock.

A check finds something when its `when` is true and its `must` is false; NULL finds nothing, so what cannot be read is
left to the cast checks. A field the vault holds can only be judged where its text is at hand.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache

import numpy as np
import pyarrow as pa

from bienho.quality.rule_eval import Evaluator, Sums
from bienho.quality.rule_lists import CodeLists
from bienho.quality.rule_model import EDITIONS, Check, Lookup, Partner, rules, sums
from bienho.quality.rule_rows import VISIT, BatchRows, contract_of, wanted_of
from bienho.quality.rule_text import Ask, Tree, learn, leaves, tree_of
from bienho.quality.rule_values import Array, Mask

Windows = Sequence[tuple[int, int]]
"""From which day a code is in a list and from which it is no more, in days since 1970."""
_TRUE: Tree = ("constant", "truth", True, 0)
_SUM = re.compile(r"\bs\.([a-z_0-9]+)")
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A check whose texts are read. `when` is the condition of its being asked, `finds` what it finds where it is."""

    check: Check
    when: Tree | None
    finds: Tree | None = None
    of: Tree = _TRUE
    inside: Tree = _TRUE
    same: tuple[Tree, ...] = ()
    field: Tree = _TRUE
    only: tuple[tuple[Tree, str], ...] = ()

    @property
    def seat(self) -> str:
        """The table over whose rows it is asked."""
        return VISIT if self.check.whole_table else self.check.table

    def reads(self) -> Iterator[tuple[str, str, str]]:
        """(table, space, field) of what it reads."""
        partner = self.check.partner
        other = (partner.table if partner else None) or self.check.table
        own = [self.when or _TRUE, self.finds or _TRUE, self.of, self.field, *self.same, *(one for one, _ in self.only)]
        yield from _columns(own, self.check.table)
        if partner is not None:
            yield from _columns([self.inside, *self.same], other)


def _columns(read: Sequence[Tree], table: str) -> Iterator[tuple[str, str, str]]:
    for tree in read:
        for space, name in leaves(tree):
            if space == "s":
                given, texts = sums()[name], list(_sum_texts(name))
                inner = [tree_of(text) for text in texts]
                if "sum" in given:
                    inner.append(("column", "p", given["sum"].partition(".")[2]))
                for one in given["tables"]:
                    yield from _columns(inner, one)
            elif space.startswith("v"):
                if space != "v":
                    yield VISIT, space[1:], name
            else:
                if name not in contract_of(table).by_name:
                    raise ValueError(f"{table} has no field {name}")
                yield table, space, name


def _asked(checks: Sequence[Check]) -> tuple[_Asked, ...]:
    return tuple(_one(check) for check in checks)


def _texts(check: Check) -> Iterator[str]:
    """Whatever SQL a check says, and that of the sums it names."""
    own = list(_own_texts(check))
    yield from own
    for name in {name for text in own for name in _SUM.findall(text)}:
        yield from _sum_texts(name)


def _sum_texts(name: str) -> Iterator[str]:
    yield from (text for key, text in sums()[name].items() if key != "tables")


def _own_texts(check: Check) -> Iterator[str]:
    yield from (text for text in (check.when, check.must) if text is not None)
    if check.lookup:
        yield from (name for name, _ in check.lookup.only)
    if check.partner:
        yield from (check.partner.of, check.partner.inside, *check.partner.same)


def _one(check: Check) -> _Asked:
    when = tree_of(check.when) if check.when else None
    if check.must is not None:
        finds: Tree = ("not", tree_of(check.must))
        declared = contract_of(check.table).by_name[check.field] if check.field else None
        if declared and declared.format_rule == check.rule and declared.max_length is not None:
            # sizes are judged by reading
            length = ("call", "length", ("column", "x", declared.name))
            fits = ("compare", "<=", length, ("constant", "number", declared.max_length, 0))
            finds = ("and", ("coalesce", fits, _TRUE), finds)
        return _Asked(check, when, finds)
    if check.lookup is not None:
        only = tuple((tree_of(name), listed) for name, listed in check.lookup.only)
        return _Asked(check, when, field=("column", "x", check.field), only=only)
    asked = check.partner
    if asked is None:
        raise ValueError(f"rule {check.rule} asks nothing")
    same = tuple(tree_of(name) for name in asked.same)
    return _Asked(check, when, of=tree_of(asked.of), inside=tree_of(asked.inside), same=same)


@cache
def checks() -> tuple[Check, ...]:
    """The checks of this release."""
    return tuple(check for rule in rules() if rule.on for check in rule.checks)


def of_vault(asked: Sequence[Check], ask: Ask) -> tuple[Check, ...]:
    """Those that the lake alone cannot answer, as they must see a text of the vault; and what else the same rule asks
    of the same field, as a place is told once."""
    learn({text for check in asked for text in _texts(check)}, ask)
    held = {_place(one.check) for one in _asked(asked) if any(_is_held(*leaf) for leaf in one.reads())}
    return tuple(check for check in asked if _place(check) in held)


def _place(check: Check) -> tuple[int, str, str | None]:
    return check.rule, check.table, check.field


def _is_held(table: str, space: str, name: str) -> bool:
    return space != "p" and contract_of(table).by_name[name].in_vault


@dataclass(frozen=True, slots=True)
class Plan:
    """Checks that can be asked: of the lists there are, of the tables present, in their order.

    `columns`: table → fields of the lake they read; `texts`: table → fields whose texts of the vault they read.
    """

    checks: tuple[Check, ...]
    asked: tuple[_Asked, ...] = field(repr=False)
    wanted: dict[str, set[tuple[str, str]]] = field(repr=False)

    @property
    def texts(self) -> dict[str, tuple[str, ...]]:
        found = {
            table: tuple(sorted({name for space, name in read if _is_held(table, space, name)}))
            for table, read in self.wanted.items()
        }
        return {table: names for table, names in found.items() if names}

    @property
    def columns(self) -> dict[str, tuple[str, ...]]:
        return {table: tuple(sorted({name for _, name in read})) for table, read in self.wanted.items()}


def plan(asked: Sequence[Check], present: frozenset[str], lists: frozenset[str], ask: Ask) -> Plan:
    """The checks that can be asked of the tables `present` with the `lists` there are."""
    kept = tuple(
        check for check in asked if set(check.needs) <= lists and (check.whole_table or check.table in present)
    )
    learn({text for check in kept for text in _texts(check)}, ask)
    return _planned(kept, present)


@cache
def _planned(kept: tuple[Check, ...], present: frozenset[str]) -> Plan:
    read = _asked(kept)
    wanted = wanted_of(leaf for one in read for leaf in one.reads() if leaf[0] in present)
    return Plan(kept, read, {table: columns for table, columns in wanted.items() if table in present})


HITS = pa.schema([("version_id", pa.int64()), ("row_no", pa.int32()), ("hit", pa.int32()), ("day", pa.date32())])


def judge(
    ask: Ask,
    asked: Plan,
    tables: Mapping[str, pa.Table],
    texts: Mapping[str, pa.Table],
    lists: CodeLists,
    as_of: date | None = None,
) -> pa.Table:
    """What the checks of a plan find, as HITS: `hit` is a position in its `checks`, `day` that of service.

    `tables`: dataset → rows as the lake has them, the heads among them; `texts`: `text.xml130_N` → the texts of the
    plan's vault fields, row by row as the tables have them. `as_of` stands in the place of every dossier's day of
    service: the rules of another day. `ask` knows the macros of
    `rule_rows.MACROS` and the reference tables.
    """
    if not tables["standard.xml130_dossier"].num_rows:
        return HITS.empty_table()
    batch = BatchRows(ask, tables, texts, asked.wanted, as_of)
    sums = Sums(batch)
    try:
        return _Judge(ask, batch, lists, sums).run(asked)
    finally:
        sums.forget()


class _Judge:
    def __init__(self, ask: Ask, batch: BatchRows, lists: CodeLists, sums: Sums) -> None:
        self._ask, self._batch, self._lists, self._sums = ask, batch, lists, sums
        self._windows: dict[tuple[object, ...], Mask] = {}
        self._codes: dict[tuple[object, ...], list[list[str]]] = {}

    def run(self, asked: Plan) -> pa.Table:
        self._prepare(asked.asked)
        versions, numbers, hits, days = [], [], [], []
        for number, one in enumerate(asked.asked):
            if one.check.lookup is not None:
                places = self._looked_up(one, one.check.lookup)
            elif one.check.partner is not None:
                places = self._partnered(one, one.check.partner)
            else:
                places = self._broken(one)
            if len(places):
                visit = self._sums.over(one.seat).visit[places]
                versions.append(self._batch.version[visit])
                numbers.append(self._row_no(one.seat, places))
                hits.append(np.full(len(places), number, np.int32))
                days.append(self._batch.head["day"].data[visit].astype(np.int32))
        if not hits:
            return HITS.empty_table()
        columns = [np.concatenate(part) for part in (versions, numbers, hits)]
        arrays = [pa.array(column, kind) for column, kind in zip(columns, HITS.types, strict=False)]
        return pa.Table.from_arrays([*arrays, pa.array(np.concatenate(days)).cast(pa.date32())], schema=HITS)

    def _row_no(self, table: str, places: Array) -> Array:
        rows = self._batch.tables.get(table)
        return np.ones(len(places), np.int32) if rows is None else rows.row_no[places]

    def _window(self, check: Check) -> Mask:
        """The visits whose edition and day of service a check is of."""
        is_visit = check.table == VISIT or check.whole_table
        key = (is_visit, check.first, check.last, check.since, check.until)
        if key not in self._windows:
            head = self._batch.head
            edition, day = head["edition"].data, head["day"].data
            found = head["is_visit"].data.copy() if is_visit else np.ones(self._batch.count, bool)
            if check.first > 0:
                found &= edition >= check.first
            if check.last < len(EDITIONS) - 1:
                found &= (edition >= 0) & (edition <= check.last)
            if check.since:
                found &= day >= (check.since - _EPOCH).days
            if check.until:
                found &= day < (check.until - _EPOCH).days
            self._windows[key] = found
        return self._windows[key]

    def _guarded(self, one: _Asked, places: Array | None = None) -> Array:
        """Of those places, or of all rows, those of which a check is asked."""
        over, window = self._sums.over(one.seat), self._window(one.check)
        if not window.any():
            return np.empty(0, np.int64)
        if places is None:
            asked = window[over.visit]
            if one.check.first_row:
                asked &= self._batch.tables[one.seat].row_no == 1
            if one.when is not None:
                asked &= over.true(one.when)
            return np.nonzero(asked)[0]
        places = places[window[over.visit[places]]]
        if one.check.first_row:
            places = places[self._batch.tables[one.seat].row_no[places] == 1]
        if one.when is not None and len(places):
            places = places[over.narrowed(places).true(one.when)]
        return places

    def _broken(self, one: _Asked) -> Array:
        over = self._sums.over(one.seat)
        if one.finds is None or not self._window(one.check).any():
            return np.empty(0, np.int64)
        if _is_narrow(one.finds):
            found = over.value(one.finds)
            if not found.data.any():
                return np.empty(0, np.int64)
            return self._guarded(one, np.nonzero(over.true(one.finds))[0])
        places = self._guarded(one)
        if not len(places):
            return places
        if 2 * len(places) < len(over.visit):
            return places[over.narrowed(places).true(one.finds)]
        return places[over.true(one.finds)[places]]

    def _prepare(self, asked: Sequence[_Asked]) -> None:
        """Learn of the codes this batch says what the lists say of them."""
        wanted: dict[str, set[str]] = {}
        for one in asked:
            if one.check.lookup is not None and self._window(one.check).any():
                said = wanted.setdefault(one.check.lookup.list, set())
                for codes in self._split(one, one.check.lookup):
                    said.update(codes)
                for tree, listed in one.only:
                    texts = self._sums.over(one.seat).value(tree).data
                    wanted.setdefault(listed, set()).update(text for text in texts if text is not None)
        self._lists.learn(self._ask, wanted)

    def _split(self, one: _Asked, asked: Lookup) -> list[list[str]]:
        """The codes of each different text."""
        disease = asked.list == "icd10" or asked.list.startswith("value_set ICD10")
        key = (one.seat, one.field, asked.each, disease)
        if key not in self._codes:
            made = []
            for text in self._sums.over(one.seat).value(one.field).data.tolist():
                text = (text.rstrip("†*+") if disease else text) if text is not None else ""
                codes = text.split(asked.each) if asked.each else [text]
                made.append([code for code in (part.strip(" ") for part in codes) if code])
            self._codes[key] = made
        return self._codes[key]

    def _looked_up(self, one: _Asked, asked: Lookup) -> Array:
        over, split = self._sums.over(one.seat), self._split(one, asked)
        day = self._batch.head["day"].data
        low, high = int(day.min()), int(day.max())
        find = self._lists.of(asked.list)
        if asked.forbid:
            doubtful = [not find.keys().isdisjoint(codes) for codes in split]
        else:
            sure = {code for code, windows in find.items() if _covers(windows, low, high)}
            doubtful = [not sure.issuperset(codes) for codes in split]
        if not any(doubtful):
            return np.empty(0, np.int64)
        value = over.value(one.field)
        codes = over.own_codes(value.domain) if value.domain else np.zeros(len(over.visit), np.int64)
        places = self._guarded(one, np.nonzero(np.array(doubtful)[codes])[0])
        windows = [
            [find.get(code, ()) for code in of] if doubt else [] for of, doubt in zip(split, doubtful, strict=True)
        ]
        places = places[_outside(windows, codes[places], day[over.visit[places]], asked.forbid)]
        for tree, listed in one.only:
            also = self._lists.of(listed)
            texts = np.broadcast_to(over.narrowed(places).rows(tree).data, len(places)).tolist()
            days = day[over.visit[places]].tolist()
            known = [_covers(also.get(text, ()), when, when) for text, when in zip(texts, days, strict=True)]
            places = places[np.array(known, bool)]
        return places

    def _partnered(self, one: _Asked, asked: Partner) -> Array:
        over = self._sums.over(one.seat)
        places = self._guarded(one, np.nonzero(over.true(one.of))[0])
        if not len(places):
            return places
        if asked.unique:
            (keys,) = _keys(one.same, (over, places))
            numbers = self._row_no(one.seat, places)
            order = np.lexsort((numbers, keys))
            firsts = np.append(True, keys[order][1:] != keys[order][:-1])
            first = numbers[order][np.nonzero(firsts)[0][np.cumsum(firsts) - 1]]
            return np.sort(places[order][first < numbers[order]])
        other = self._sums.over(asked.table or one.seat)
        mine = np.zeros(self._batch.count, bool)
        mine[over.visit[places]] = True
        inside = np.nonzero(other.true(one.inside) & mine[other.visit])[0]
        keys, partners = _keys(one.same, (over, places), (other, inside))
        return places[np.isin(keys, partners[partners >= 0]) == asked.forbid]


def _is_narrow(tree: Tree) -> bool:
    """Whether it reads one field of the row alone, so that it can be asked of the different texts of it."""
    read = set(leaves(tree))
    return len({name for _, name in read}) == 1 and not any(space[0] in "vs" for space, _ in read)


def _covers(windows: Windows, low: int, high: int) -> bool:
    return any(start <= low and high < end for start, end in windows)


def _outside(windows: Sequence[Sequence[Windows]], texts: Array, days: Array, forbid: bool) -> Mask:
    """Of each row, whether one of the codes of its text is in no window on its day; with `forbid`, whether in one."""
    plain = np.array([len(of) == 1 for of in windows], bool)
    found = np.zeros(len(texts), bool)
    for at in range(max((len(of[0]) for of in windows if len(of) == 1), default=0)):
        window = np.array(
            [of[0][at] if one and at < len(of[0]) else (0, 0) for of, one in zip(windows, plain, strict=True)]
        )
        found |= (window[texts, 0] <= days) & (days < window[texts, 1])
    found = plain[texts] & (found == forbid)
    for row in np.nonzero(~plain[texts])[0].tolist():
        day = int(days[row])
        found[row] = any(_covers(code, day, day) == forbid for code in windows[texts[row]])
    return found


def _keys(same: Sequence[Tree], *sides: tuple[Evaluator, Array]) -> list[Array]:
    """Of each side the rows at its places as numbers: alike in two rows where dossier and values are. Below 0 where a
    value is missing."""
    keys = [over.visit[places].astype(np.int64) for over, places in sides]
    missing = [np.zeros(len(places), bool) for _, places in sides]
    for tree in same:
        known: dict[object, int] = {}
        values = [over.numbered(tree, known) for over, _ in sides]
        if max((int(key.max(initial=0)) for key in keys), default=0) * (len(known) + 1) >= 2**62:
            every = np.unique(np.concatenate(keys), return_inverse=True)[1]
            keys = np.split(every, np.cumsum([len(key) for key in keys])[:-1])
        for side, (value, (_, places)) in enumerate(zip(values, sides, strict=True)):
            missing[side] |= value[places] < 0
            keys[side] = keys[side] * (len(known) + 1) + value[places] + 1
    return [np.where(gone, -1 - key, key) for gone, key in zip(missing, keys, strict=True)]
