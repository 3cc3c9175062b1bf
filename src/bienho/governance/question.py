"""A structured question to SQL: names are checked against the contract, values travel as parameters."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from bienho.contracts import Contract
from bienho.core.errors import LimitError, UsageError
from bienho.governance.sql_check import shown

Filter = Sequence[tuple[str, str, Any]]
Order = Sequence["str | tuple[str, str]"]
GroupBy = Sequence["str | tuple[str, str]"]
Measures = Mapping[str, tuple[str, "str | None"]]

COMPARISONS = frozenset({"=", "!=", "<", "<=", ">", ">="})
OPERATORS = COMPARISONS | {"in", "like", "is_null", "not_null"}
MEASURES = {
    "count": "count({})",
    "count_distinct": "count(DISTINCT {})",
    "sum": "sum({})",
    "avg": "avg({})",
    "min": "min({})",
    "max": "max({})",
}
PERIODS = frozenset({"day", "week", "month", "quarter", "year"})
IN_MAX = 10_000
_MEASURE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}\Z")
_KEY_NAME = re.compile(r".*(_key|_id|_seq|_no)\Z")
_PLAIN = str | int | float | bool | date | datetime | Decimal


@dataclass(slots=True)
class Question:
    """A SELECT whose relation is still open; `values` are its parameters, `touched` every column it looks at."""

    select: str
    tail: str = ""
    values: list[Any] = field(default_factory=list)
    touched: tuple[str, ...] = ()

    def over(self, relation: str) -> str:
        """The whole statement over one relation expression."""
        return f"SELECT {self.select} FROM {relation} AS t{self.tail}"


def quoted(name: str) -> str:
    """A name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def column(contract: Contract, name: str) -> str:
    """The name, when the contract has it; UsageError USE-COLUMN otherwise."""
    if name not in contract.by_name:
        raise UsageError(
            "USE-COLUMN", f"{contract.id} không có cột {shown(name)}.", hint=f"Xem `bienho catalogue {contract.id}`."
        )
    return name


def rows(
    contract: Contract,
    columns: Sequence[str],
    filter: Filter,
    order: Order,
    limit: int | None,
    offset: int,
) -> Question:
    """SELECT columns … WHERE … ORDER BY … LIMIT … OFFSET."""
    question = Question(", ".join(quoted(column(contract, name)) for name in columns))
    where = _where(contract, filter, question.values)
    ordering = [_ordering(item, contract.by_name) for item in order]
    question.tail = where + _order_by(ordering) + _bounds(limit, offset, question.values)
    question.touched = (*columns, *(name for name, _, _ in filter), *(name for name, _ in ordering))
    return question


def groups(
    contract: Contract,
    group_by: GroupBy,
    measures: Measures,
    filter: Filter,
    order: Order,
    limit: int | None,
) -> Question:
    """SELECT groups, measures … GROUP BY; a group is a column or (period, column) giving `column_period`."""
    keys = [_group(contract, item) for item in group_by]
    computed = [_measure(contract, name, *spec) for name, spec in measures.items()]
    if not computed:
        raise UsageError("USE-MEASURE", "Cần ít nhất một số đo.")
    names = [name for name, _, _ in keys] + [name for name, _, _ in computed]
    if len(set(names)) != len(names):
        raise UsageError("USE-MEASURE", "Tên nhóm và tên số đo bị trùng.")
    question = Question(", ".join(f"{text} AS {quoted(name)}" for name, text, _ in [*keys, *computed]))
    where = _where(contract, filter, question.values)
    grouped = f" GROUP BY {', '.join(str(place + 1) for place in range(len(keys)))}" if keys else ""
    ordering = [_ordering(item, names) for item in order]
    question.tail = where + grouped + _order_by(ordering) + _bounds(limit, 0, question.values)
    touched = [source for _, _, source in [*keys, *computed] if source]
    question.touched = (*touched, *(name for name, _, _ in filter))
    return question


def described(contract: Contract, filter: Filter, digest: Callable[[object], str]) -> list[dict[str, Any]]:
    """The filter for the audit log: values as keyed digests, except keys, which are digests or counters already."""
    return [
        {"column": name, "op": op, "value": _recorded(name, value, digest)}
        if op in OPERATORS and name in contract.by_name
        else {"op": "?"}
        for name, op, value in filter
    ]


def _recorded(name: str, value: Any, digest: Callable[[object], str]) -> Any:
    if value is None:
        return None
    if isinstance(value, list | tuple | set | frozenset):
        return [_recorded(name, item, digest) for item in list(value)[:100]]
    is_key = isinstance(value, int) or (isinstance(value, str) and re.fullmatch(r"[0-9a-f]{32}|D[0-9]{12}", value))
    return value if _KEY_NAME.match(name) and is_key else {"digest": digest(value)}


def _where(contract: Contract, filter: Filter, values: list[Any]) -> str:
    parts = [_condition(contract, *item, values=values) for item in filter]
    return f" WHERE {' AND '.join(parts)}" if parts else ""


def _condition(contract: Contract, name: str, op: str, value: Any, *, values: list[Any]) -> str:
    target = quoted(column(contract, name))
    if op in ("is_null", "not_null"):
        return f"{target} IS {'NOT ' if op == 'not_null' else ''}NULL"
    if op == "in":
        items = _items(value)
        values.extend(items)
        return f"{target} IN ({', '.join('?' * len(items))})" if items else "false"
    if op == "like":
        if not isinstance(value, str):
            raise UsageError("USE-FILTER", "Điều kiện like cần một chuỗi.")
    elif op not in COMPARISONS:
        raise UsageError("USE-FILTER", f"Không có phép so sánh {shown(op)}.", hint=" ".join(sorted(OPERATORS)))
    values.append(_plain(value))
    return f"{target} {'LIKE' if op == 'like' else op} ?"


def _items(value: Any) -> list[Any]:
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        raise UsageError("USE-FILTER", "Điều kiện in cần một danh sách.")
    items = [_plain(item) for item in value]
    if len(items) > IN_MAX:
        raise LimitError("LIM-FILTER", f"Danh sách trong điều kiện in quá {IN_MAX} giá trị.")
    return items


def _plain(value: Any) -> Any:
    if not isinstance(value, _PLAIN):
        raise UsageError("USE-FILTER", "Giá trị lọc phải là chuỗi, số, ngày hoặc đúng/sai.")
    return value


def _ordering(item: str | tuple[str, str], known: Iterable[str]) -> tuple[str, str]:
    if isinstance(item, str):
        item = (item.removeprefix("-"), "desc" if item.startswith("-") else "asc")
    name, direction = item
    if name not in known or direction.lower() not in ("asc", "desc"):
        raise UsageError("USE-ORDER", f"Không sắp xếp được theo {shown(name)}.")
    return name, direction.upper()


def _order_by(ordering: Sequence[tuple[str, str]]) -> str:
    return " ORDER BY " + ", ".join(f"{quoted(name)} {way} NULLS LAST" for name, way in ordering) if ordering else ""


def _bounds(limit: int | None, offset: int, values: list[Any]) -> str:
    text = ""
    for word, number in (("LIMIT", limit), ("OFFSET", offset or None)):
        if number is None:
            continue
        if isinstance(number, bool) or not isinstance(number, int) or number < 0:
            raise UsageError("USE-LIMIT", "Số dòng cần lấy phải là số nguyên không âm.")
        text += f" {word} ?"
        values.append(number)
    return text


def _group(contract: Contract, item: str | tuple[str, str]) -> tuple[str, str, str]:
    if isinstance(item, str):
        return item, quoted(column(contract, item)), item
    period, name = item
    if period not in PERIODS:
        raise UsageError("USE-GROUP", f"Không nhóm được theo {shown(period)}.", hint=" ".join(sorted(PERIODS)))
    return f"{name}_{period}", f"date_trunc('{period}', {quoted(column(contract, name))})", name


def _measure(contract: Contract, name: str, function: str, source: str | None) -> tuple[str, str, str | None]:
    if not _MEASURE_NAME.match(name):
        raise UsageError("USE-MEASURE", f"Tên số đo {shown(name)} không hợp lệ.")
    if function not in MEASURES:
        raise UsageError("USE-MEASURE", f"Không có số đo {shown(function)}.", hint=" ".join(MEASURES))
    if source is None:
        if function != "count":
            raise UsageError("USE-MEASURE", f"Số đo {function} cần một cột.")
        return name, "count(*)", None
    return name, MEASURES[function].format(quoted(column(contract, source))), source
