"""Indicator definitions: reviewed files that say what a number means, and the explanation shown beside the number."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from bienho.contracts.models import Model, load_models
from bienho.core.documents import read_yaml
from bienho.core.errors import ConfigError, UsageError

UNREVIEWED = "chưa duyệt"
_HERE = Path(__file__).parent
_TEXTS = (
    "id",
    "title_vi",
    "title_en",
    "why",
    "numerator",
    "denominator",
    "unit",
    "model",
    "column",
    "legal_basis",
    "authored_by",
    "checked_by",
)


@dataclass(frozen=True, slots=True)
class Definition:
    """One indicator.

    `model` is the derived table and `column` the column that holds the number; `additive` says whether cells may be
    summed. `checked_by` is 'chưa duyệt' until a person of the owning unit has approved it.
    """

    id: str
    title_vi: str
    title_en: str
    why: str
    numerator: str
    denominator: str
    exclusions: tuple[str, ...]
    unit: str
    model: str
    column: str
    additive: bool
    legal_basis: str
    authored_by: str
    checked_by: str
    date_reviewed: date
    next_review: date

    @property
    def reviewed(self) -> bool:
        return self.checked_by != UNREVIEWED

    def overdue(self, as_of: date) -> bool:
        """Whether the next review was due before `as_of`."""
        return self.next_review < as_of


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything a reader needs to check a number: what it means, how it is computed, from which tables.

    `lineage` holds (table, tables it is computed from) from the number back to the rows as received.
    """

    definition: Definition
    sql: str
    grain: str
    reads: tuple[str, ...]
    lineage: tuple[tuple[str, tuple[str, ...]], ...]


@cache
def models() -> tuple[Model, ...]:
    """Models `conformed.*` → `derived.*`, in an order in which they can run."""
    return load_models(_HERE / "models")


@cache
def load_definitions() -> tuple[Definition, ...]:
    """Every definition, by id; ConfigError CFG-INDICATOR when a file is incomplete or names what is not there."""
    return read_definitions(_HERE / "definitions", models())


def read_definitions(folder: Path, known: tuple[Model, ...]) -> tuple[Definition, ...]:
    """Definitions of a folder, checked against the models that compute them."""
    columns = {m.name: m.columns for m in known}
    found: dict[str, Definition] = {}
    for path in sorted(folder.glob("*.yaml")):
        definition = _definition(read_yaml(path.read_text(encoding="utf-8")), path)
        if definition.model not in columns:
            raise _bad(path, f"không có bảng {definition.model}")
        if definition.column not in columns[definition.model]:
            raise _bad(path, f"bảng {definition.model} không có cột {definition.column}")
        if definition.id in found:
            raise _bad(path, f"mã {definition.id} đã có ở tệp khác")
        found[definition.id] = definition
    return tuple(found[key] for key in sorted(found))


def explain(indicator: str, upstream: tuple[Model, ...] = ()) -> Explanation:
    """The explanation of an indicator; UsageError USE-INDICATOR for an unknown id.

    `upstream` are the models of lower floors (`standards.xml130.map.models()`), so that the lineage reaches the rows as
    received.
    """
    definition = next((d for d in load_definitions() if d.id == indicator), None)
    if definition is None:
        known = ", ".join(d.id for d in load_definitions())
        raise UsageError("USE-INDICATOR", f"Không có chỉ số “{indicator}”.", hint=f"Các chỉ số: {known}")
    by_name = {m.name: m for m in (*upstream, *models())}
    model = by_name[definition.model]
    lineage: dict[str, tuple[str, ...]] = {}
    waiting = [model.name]
    while waiting:
        name = waiting.pop(0)
        if name in by_name and name not in lineage:
            lineage[name] = by_name[name].reads
            waiting += by_name[name].reads
    return Explanation(definition, model.sql, model.grain, model.reads, tuple(lineage.items()))


def _definition(raw: Any, path: Path) -> Definition:
    if not isinstance(raw, dict):
        raise _bad(path, "không phải một bảng khóa, giá trị")
    expected = {*_TEXTS, "exclusions", "additive", "date_reviewed", "next_review"}
    if set(raw) != expected:
        missing, extra = sorted(expected - set(raw)), sorted(set(raw) - expected)
        raise _bad(path, f"thiếu {missing}, thừa {extra}")
    texts = {key: raw[key] for key in _TEXTS}
    empty = [key for key, value in texts.items() if not isinstance(value, str) or not value.strip()]
    if empty:
        raise _bad(path, f"để trống {empty}")
    days = raw["date_reviewed"], raw["next_review"]
    if not all(isinstance(day, date) for day in days) or days[1] <= days[0]:
        raise _bad(path, "lần soát sau phải là một ngày sau lần soát này")
    if not isinstance(raw["additive"], bool) or not isinstance(raw["exclusions"], list):
        raise _bad(path, "additive phải là true hoặc false, exclusions phải là danh sách")
    return Definition(
        **texts,
        exclusions=tuple(raw["exclusions"]),
        additive=raw["additive"],
        date_reviewed=days[0],
        next_review=days[1],
    )


def _bad(path: Path, what: str) -> ConfigError:
    return ConfigError("CFG-INDICATOR", f"Định nghĩa chỉ số {path.name}: {what}.")
