"""What a tree of `rule_text` is worth over the rows of one table: worked out over as few values as it takes.

A tree that reads one field is worth something for each different text of it; one that reads XML1 and the dossier alone,
for each visit; any other, for each row. A part is worked out once, however many rules say it.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from bienho.quality.rule_model import sums
from bienho.quality.rule_rows import VISIT, BatchRows, Rows
from bienho.quality.rule_text import Tree, tree_of
from bienho.quality.rule_values import (
    Array,
    Mask,
    Value,
    absolute,
    any_of,
    both,
    chosen,
    compared,
    constant,
    either,
    first_there,
    greatest,
    negated,
    plus,
    times,
    truth,
    whole,
)

_ROOM = 2**62
_KINDS = {"x": "text", "p": "truth", "t": "moment", "d": "day"}


def _pattern(text: str) -> re.Pattern[str]:
    # the end of a text is its very end, and a dot is any character
    return re.compile(re.sub(r"(?<!\\)\$", r"\\Z", text), re.DOTALL)


def _full(text: str, pattern: re.Pattern[str]) -> bool:
    return pattern.fullmatch(text) is not None


def _matches(text: str, pattern: re.Pattern[str]) -> bool:
    return pattern.search(text) is not None


def _part(text: str, mark: str, number: int) -> str:
    parts = text.split(mark)
    return parts[number - 1] if number <= len(parts) else ""


_TEXT_FUNCTIONS: dict[str, tuple[str, Callable[..., Any]]] = {
    "contains": ("truth", lambda text, part: part in text),
    "starts_with": ("truth", str.startswith),
    "regexp_full_match": ("truth", _full),
    "regexp_matches": ("truth", _matches),
    "list_contains": ("truth", lambda texts, text: text in texts),
    "length": ("number", len),
    "len": ("number", len),
    "lower": ("text", str.lower),
    "nfc_normalize": ("text", lambda text: unicodedata.normalize("NFC", text)),
    "left": ("text", lambda text, count: text[:count]),
    "rtrim": ("text", str.rstrip),
    "||": ("text", lambda text, more: text + more),
    "split_part": ("text", _part),
    "string_split": ("list", str.split),
}
"""Name → kind of the result, and what it says of values that are there."""
_EMPTY: dict[str, tuple[Any, Any]] = {
    "truth": (bool, False),
    "number": (np.int64, 0),
    "text": (object, None),
    "list": (object, None),
}


class Evaluator:
    """Over the rows of `table`, or those of them at the places `select`; `exact`: in whole numbers of any size."""

    def __init__(
        self, batch: BatchRows, table: str, sums: Sums, select: Array | None = None, exact: bool = False
    ) -> None:
        self._batch, self.table, self._sums, self._select, self._exact = batch, table, sums, select, exact
        self._rows: Rows | None = batch.tables.get(table)
        if self._rows is not None:
            visit = self._rows.visit
        else:
            visit = np.arange(batch.count if table == VISIT else 0)
        self.visit = visit if select is None else visit[select]
        self._memo: dict[tuple[Tree, str], Value] = {}

    def narrowed(self, places: Array, *, exact: bool = False) -> Evaluator:
        """Over some of the rows."""
        inner = places if self._select is None else self._select[places]
        return Evaluator(self._batch, self.table, self._sums, inner, exact)

    def rows(self, tree: Tree) -> Value:
        """What it is worth for each row."""
        return self._lifted(tree, "rows", len(self.visit))

    def true(self, tree: Tree) -> Mask:
        """The rows for which it is true."""
        return np.broadcast_to(self.rows(tree).data, len(self.visit)).astype(bool, copy=False)

    def value(self, tree: Tree) -> Value:
        """What it is worth, over what it is worked out for."""
        key = (tree, "")
        if key not in self._memo:
            self._memo[key] = self._worth(tree)
        return self._memo[key]

    def numbered(self, tree: Tree, known: dict[object, int]) -> Array:
        """For each row the number of what it is worth among the values `known`, which gain what is new; -1 for NULL."""
        value = self.value(tree)
        if value.kind == "number":
            raise ValueError("no rule may pair rows by a number: its decimals may differ")
        numbers = np.array([known.setdefault(one, len(known)) for one in value.data.tolist()], np.int64)
        if value.null is not None:
            numbers = np.where(value.null, -1, numbers)
        lifted = numbers[np.zeros(len(self.visit), np.int64)] if value.domain == "" else numbers
        if value.domain not in ("", "rows"):
            lifted = self._lift(replace(value, kind="number", data=numbers, null=None), "rows").data
        return lifted

    def own_codes(self, domain: tuple[str, str, bool]) -> Array:
        """For each row the place of its text among the different texts of a column."""
        rows = self._batch.tables[domain[0]]
        codes = rows.codes("x" if domain[2] else "p", domain[1])
        if domain[0] == self.table:
            return codes if self._select is None else codes[self._select]
        return codes[self.visit]

    def _lifted(self, tree: Tree, domain: Any, count: int | None = None) -> Value:
        value = self.value(tree)
        if value.domain in ("", domain):
            return value
        key = (tree, domain)
        if key not in self._memo:
            self._memo[key] = self._lift(value, domain)
        return self._memo[key]

    def _lift(self, value: Value, domain: Any) -> Value:
        if value.domain == "visit":
            return value.at(self.visit, domain)
        if domain == "visit":
            table, name, beside = value.domain
            return value.at(self._batch.tables[table].codes("x" if beside else "p", name), domain)
        return value.at(self.own_codes(value.domain), domain)

    def _common(self, parts: Sequence[Tree]) -> Any:
        """What several parts can be brought over together."""
        domains = {self.value(part).domain for part in parts} - {""}
        if len(domains) < 2:
            return next(iter(domains), "")
        if self.table != VISIT and all(one == "visit" or one[0] == VISIT for one in domains):
            return "visit"
        return "rows"

    def _together(self, parts: Sequence[Tree]) -> tuple[list[Value], Any]:
        domain = self._common(parts)
        return [self._lifted(part, domain) for part in parts], domain

    def _worth(self, tree: Tree) -> Value:
        operation = tree[0]
        if operation == "column":
            return self._column(tree[1], tree[2])
        if operation == "constant":
            return constant(*tree[1:])
        if operation == "compare":
            return self._compare(tree)
        if operation == "call":
            return self._call(tree[1], tree[2:])
        if operation == "in":
            return self._among(tree[1], tree[2:])
        parts, domain = self._together(tree[1:])
        if operation == "and":
            return both(parts, domain)
        if operation == "or":
            return any_of(parts, domain)
        if operation == "not":
            return negated(parts[0])
        if operation == "coalesce":
            return first_there(parts, domain)
        if operation == "case":
            return chosen(parts[0], parts[1], parts[2], domain)
        if operation == "is there":
            null = parts[0].null
            return Value("truth", np.ones(len(parts[0].data), bool) if null is None else ~null, None, domain)
        raise ValueError(f"no rule may say {operation}")

    def _column(self, space: str, name: str) -> Value:
        if space == "s":
            return self._whole(self._sums.value(name))
        if space == "v":
            return self._batch.head[name]
        table = VISIT if space.startswith("v") else self.table
        space = space.removeprefix("v")
        rows = self._batch.tables.get(table)
        if rows is None:
            return _nothing(_KINDS.get(space, "number"))
        return self._whole(rows.value(space, name))

    def _whole(self, value: Value) -> Value:
        if self._exact and value.kind == "number":
            return replace(value, data=value.data.astype(object))
        return value

    def _compare(self, tree: Tree) -> Value:
        (left, right), domain = self._together(tree[2:])
        found, unsure = compared(tree[1], left, right, domain)
        if unsure is not None:
            places = np.nonzero(unsure)[0]
            found.data[places] = self.narrowed(places, exact=True).true(tree)
        return found

    def _among(self, item: Tree, items: Sequence[Tree]) -> Value:
        value = self.value(item)
        given = [self.value(one) for one in items]
        if value.kind == "text":
            known = {one.data[0] for one in given}
            data = np.fromiter((text in known for text in value.data), bool, len(value.data))
            return truth(data, value.null, value.domain)
        return any_of([compared("=", value, one, value.domain)[0] for one in given], value.domain)

    def _call(self, name: str, parts: Sequence[Tree]) -> Value:
        if name.startswith("regexp_"):
            text = self.value(parts[0])
            return _mapped(name, [text, constant("list", _pattern(parts[1][2]))], text.domain)
        values, domain = self._together(parts)
        if name in _TEXT_FUNCTIONS:
            return _mapped(name, values, domain)
        if name == "*":
            return times(values[0], values[1], domain)
        if name in ("+", "-"):
            return _moved(values[0], values[1], 1 if name == "+" else -1, domain)
        if name == "abs":
            return absolute(values[0])
        if name == "greatest":
            return greatest(values[0], values[1], domain)
        if name in ("floor", "trunc"):
            return whole(values[0])
        if name == "to_hours":
            return replace(values[0], kind="span", data=values[0].data * 60)
        if name == "year" and values[0].kind == "moment":
            years = values[0].data.astype("datetime64[m]").astype("datetime64[Y]").astype(np.int64) + 1970
            return replace(values[0], kind="number", data=years)
        raise ValueError(f"no rule may call {name}")


def _nothing(kind: str) -> Value:
    """A column of a table that is not there."""
    if kind == "truth":
        return constant(kind, False)
    return replace(constant(kind, None if kind == "text" else 0), null=np.ones(1, bool))


def _mapped(name: str, values: Sequence[Value], domain: Any) -> Value:
    """A function of texts, where all it is asked of is there."""
    kind, function = _TEXT_FUNCTIONS[name]
    size = max((len(value.data) for value in values if value.domain != ""), default=1)
    null = either(*(value.null for value in values))
    there = np.arange(size) if null is None else np.nonzero(~np.broadcast_to(null, size))[0]
    given: list[Any] = [
        itertools.repeat(value.data[0]) if value.domain == "" else np.broadcast_to(value.data, size)[there].tolist()
        for value in values
    ]
    varying = [number for number, value in enumerate(values) if value.domain != ""]
    made = map(function, *given)
    if len(varying) == 1 and isinstance(domain, str):  # of visits or rows many say the same
        texts = list(given[varying[0]])
        different = list(dict.fromkeys(texts))
        given[varying[0]] = different
        made = map(dict(zip(different, map(function, *given), strict=False)).__getitem__, texts)
    data = np.full(size, _EMPTY[kind][1], _EMPTY[kind][0])
    data[there] = np.fromiter(made, data.dtype, len(there))
    return Value(kind, data, null, domain)


def _moved(left: Value, right: Value, sign: int, domain: Any) -> Value:
    """Sum or difference: of numbers, of days (a number), of moments (a span), of a day
    and a number, of a moment and a span."""
    kinds = (left.kind, right.kind)
    if kinds == ("number", "number"):
        return plus(left, right, sign, domain)
    if kinds == ("day", "number"):
        right = whole(right)
    elif kinds not in (("day", "day"), ("moment", "moment"), ("moment", "span")):
        raise ValueError(f"no rule may add {right.kind} to {left.kind}")
    kind = {"day": "number", "moment": "span"}[left.kind] if left.kind == right.kind else left.kind
    return Value(kind, left.data + sign * right.data, either(left.null, right.null), domain)


class Sums:
    """What rules call s.NAME, once per visit."""

    def __init__(self, batch: BatchRows) -> None:
        self._batch = batch
        self._made: dict[str, Value] = {}
        self._over: dict[str, Evaluator] = {}

    def over(self, table: str) -> Evaluator:
        """The one evaluator of all the rows of a table."""
        if table not in self._over:
            self._over[table] = Evaluator(self._batch, table, self)
        return self._over[table]

    def forget(self) -> None:
        """Let go of the evaluators, which know these sums: in a circle the rows of a batch outlive it."""
        self._over.clear()

    def value(self, name: str) -> Value:
        if name not in self._made:
            given = sums()[name]
            total = replace(constant("number", 0), domain="visit")
            total = replace(total, data=np.zeros(self._batch.count, np.int64))
            for table in given["tables"]:
                if table in self._batch.tables:
                    total = plus(total, self._of(given, self.over(table)), 1, "visit")
            self._made[name] = total
        return self._made[name]

    def _of(self, given: Any, over: Evaluator) -> Value:
        count, visit = self._batch.count, over.visit
        if "rows" in given:
            return Value(
                "number", np.bincount(visit[over.true(tree_of(given["rows"]))], minlength=count), None, "visit"
            )
        if "days" in given:
            days = over.rows(tree_of(given["days"]))
            there = np.ones(len(visit), bool) if days.null is None else ~days.null
            pairs = np.unique(visit[there] * 2**24 + days.data[there] + 2**23)
            return Value("number", np.bincount(pairs // 2**24, minlength=count), None, "visit")
        amount = over.rows(tree_of(given["sum"]))
        there_tree = ("column", "p", given["sum"].partition(".")[2])
        data = amount.data
        if "where" in given:
            data = data * over.true(tree_of(given["where"]))
        null = None
        if amount.null is not None:
            null = np.zeros(count, bool)
            null[visit[over.true(there_tree) & amount.null]] = True
        return Value("number", _summed(data, visit, count), null, "visit", amount.scale)


def _summed(data: Array, visit: Array, count: int) -> Array:
    """The sum of the rows of each visit, in whole numbers."""
    if len(data) and (visit[1:] < visit[:-1]).any():
        order = np.argsort(visit, kind="stable")
        data, visit = data[order], visit[order]
    if len(data) and max(int(data.max()), -int(data.min())) * len(data) >= _ROOM:
        data = data.astype(object)
    total = np.zeros(count, data.dtype)
    if len(data):
        firsts = np.nonzero(np.append(True, visit[1:] != visit[:-1]))[0]
        total[visit[firsts]] = np.add.reduceat(data, firsts)
    return total
