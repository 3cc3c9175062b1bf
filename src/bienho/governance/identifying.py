"""Putting the vault's text back into an answer: which output columns ask for it, and where each cell's text lies.

A query may be answered with identifiers only when its outermost SELECT reads one `standard.xml130_N` relation directly
and selects vault columns of it as they are. Then every output row comes from one row of that relation, and the gate can
carry the place of that row (record, row number) beside it. Grouped, merged or nested results have no such place.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import sqlglot
from sqlglot import exp

from bienho.contracts import VAULT_MARKER, Contract
from bienho.core.errors import UsageError
from bienho.governance.sql_check import RESERVED, CheckedSql, Relation

Payload = Mapping[str, Sequence[Mapping[str, Any]]]

_XML130 = re.compile(r"standard\.xml130_([0-9]{1,2})\Z")
_TABLE = re.compile(r"XML([0-9]{1,2})\Z")
DOSSIER = "standard.xml130_dossier"
ORIGIN = f"{RESERVED}_origin__"
OWN_NUMBER = "MA_LK"
"""The number under which the facility that sent a dossier knows it."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Which output places (0-based) hold which vault field of `dataset`; `dossier` stands for the dossier table."""

    dataset: str
    table: str
    fields: dict[int, str]
    dossier: str


def xml_table(dataset: str) -> str | None:
    """`standard.xml130_2` → `XML2`; None for other datasets."""
    match = _XML130.match(dataset)
    return f"XML{match[1]}" if match else None


def dataset_of(table: str) -> str:
    """`XML2` → `standard.xml130_2`; UsageError for anything else."""
    match = _TABLE.match(table)
    if not match:
        raise UsageError("USE-IDENTIFY", "Tên bảng của dòng cần định danh phải có dạng XML1, XML2…")
    return f"standard.xml130_{match[1]}"


def plan(checked: CheckedSql, contracts: Mapping[str, Contract]) -> Plan:
    """Find the vault columns of the outermost SELECT and add hidden columns with the place of each row.

    Changes `checked.tree`; the caller renders it again. UsageError USE-IDENTIFY when the query has another shape.
    """
    tree = checked.tree
    if (
        not isinstance(tree, exp.Select)
        or any(tree.args.get(part) for part in ("group", "distinct", "having"))
        or _aggregates(tree)
    ):
        raise _shape("câu lệnh gộp, nhóm hoặc ghép kết quả")
    sources = _direct_sources(tree, checked)
    candidates = [relation for relation in sources if xml_table(relation.dataset) and not relation.renamed]
    if not candidates:
        raise _shape("không đọc trực tiếp bảng standard.xml130_…")
    _expand_star(tree, candidates, contracts, alone=len(_tables(tree)) == 1)
    found: dict[str, dict[int, str]] = {}
    for place, expression in enumerate(tree.expressions):
        relation, field = _vault_column(expression, candidates, contracts, alone=len(sources) == len(_tables(tree)))
        if relation is not None:
            found.setdefault(relation.placeholder, {})[place] = field
    if len(found) != 1:
        raise _shape("không có cột định danh nào" if not found else "lấy cột định danh từ hơn một bảng")
    placeholder, fields = next(iter(found.items()))
    relation = next(r for r in candidates if r.placeholder == placeholder)
    dossier = f"{RESERVED}_dossier__"
    _carry_places(tree, relation, dossier)
    return Plan(relation.dataset, str(xml_table(relation.dataset)), fields, dossier)


def restored(
    relation: pa.Table,
    fields: Mapping[int, str],
    places: Sequence[tuple[str | None, str, int]],
    payloads: Mapping[str, Payload],
) -> tuple[pa.Table, int]:
    """The relation with `*` replaced by the exact text, and how many cells had none (an erased person).

    `fields` maps column place → field; `places` gives (record_id, table, row from 1) of every row.
    """
    missing = 0
    for place, field in fields.items():
        column = relation.column(place)
        values = column.to_pylist()
        for row, value in enumerate(values):
            if value != VAULT_MARKER:
                continue
            text = _text(payloads, *places[row], field)
            if text is None:
                missing += 1
            else:
                values[row] = text
        relation = relation.set_column(place, relation.schema.field(place).name, pa.array(values, pa.string()))
    return relation, missing


def places(relation: pa.Table) -> list[tuple[str | None, str, int]]:
    """(record_id, table, row) of every row of a relation given to `identify`."""
    names, count = relation.column_names, relation.num_rows
    records = relation.column("record_id").to_pylist()
    tables = relation.column("table_name").to_pylist() if "table_name" in names else ["XML1"] * count
    rows = relation.column("row_no").to_pylist() if "row_no" in names else [1] * count
    return [(record, table or "", row or 0) for record, table, row in zip(records, tables, rows, strict=True)]


def _text(payloads: Mapping[str, Payload], record: str | None, table: str, row: int, field: str) -> str | None:
    rows = payloads.get(record, {}).get(table, ()) if record else ()
    if not 0 < row <= len(rows):
        return None
    value = rows[row - 1].get(field)
    return value if isinstance(value, str) else None


def _shape(why: str) -> UsageError:
    return UsageError(
        "USE-IDENTIFY",
        f"Không hiện định danh được: {why}.",
        hint="Viết SELECT cột định danh trực tiếp từ một bảng standard.xml130_N, ví dụ SELECT HO_TEN FROM"
        " standard.xml130_1 WHERE version_id = 1000001.",
    )


def _aggregates(tree: exp.Select) -> bool:
    """True when an output expression folds many rows into one (a window function does not)."""
    return any(
        not isinstance(node.parent, exp.Window | exp.Filter)
        for expression in tree.expressions
        for node in expression.find_all(exp.AggFunc, exp.Explode)
    )


def _tables(tree: exp.Select) -> list[exp.Expression]:
    joins = [join.this for join in tree.args.get("joins") or []]
    clause = tree.args.get("from")
    return ([clause.this] if clause else []) + joins


def _direct_sources(tree: exp.Select, checked: CheckedSql) -> list[Relation]:
    named = {relation.placeholder: relation for relation in checked.relations}
    kinds = [str(join.args.get("kind") or "").upper() for join in tree.args.get("joins") or []]
    tables = _tables(tree)
    kept = [table for place, table in enumerate(tables) if not (place and kinds[place - 1] in ("SEMI", "ANTI"))]
    return [named[table.name] for table in kept if isinstance(table, exp.Table) and table.name in named]


def _expand_star(
    tree: exp.Select, candidates: Sequence[Relation], contracts: Mapping[str, Contract], *, alone: bool
) -> None:
    """`*` over a single relation and `x.*` over a relation named x, written out in the contract's order."""
    expressions: list[exp.Expression] = []
    for expression in tree.expressions:
        relation = None
        if _plain_star(expression) and alone:
            relation = candidates[0]
        elif isinstance(expression, exp.Column) and _plain_star(expression.this):
            relation = next((r for r in candidates if r.alias.lower() == expression.table.lower()), None)
        if relation is None:
            expressions.append(expression)
            continue
        expressions.extend(
            exp.column(field.name, table=relation.alias, quoted=True) for field in contracts[relation.dataset].fields
        )
    tree.set("expressions", expressions)


def _plain_star(expression: exp.Expression) -> bool:
    return type(expression) is exp.Star and not any(expression.args.values())


def _vault_column(
    expression: exp.Expression, candidates: Sequence[Relation], contracts: Mapping[str, Contract], *, alone: bool
) -> tuple[Relation | None, str]:
    column = expression.this if isinstance(expression, exp.Alias) else expression
    if not isinstance(column, exp.Column) or isinstance(column.this, exp.Star) or column.db:
        return None, ""
    for relation in candidates:
        if column.table and column.table.lower() != relation.alias.lower():
            continue
        names = {field.name.lower(): field.name for field in contracts[relation.dataset].vault_fields}
        field = names.get(column.name.lower())
        if field is None:
            continue
        if not column.table and not alone:
            raise _shape("cột định danh cần viết kèm tên bảng")
        return relation, field
    return None, ""


def _carry_places(tree: exp.Select, relation: Relation, dossier: str) -> None:
    """One hidden column at the end: where the row comes from and whom it is about."""
    alias = exp.to_identifier(relation.alias, quoted=True).sql(dialect="duckdb")
    origin = sqlglot.parse_one(
        f"(SELECT {{'record': d.record_id, 'person': d.patient_key, 'dossier': d.dossier_key, 'row': {alias}.row_no}}"
        f" FROM {dossier} AS d WHERE d.version_id = {alias}.version_id)",
        read="duckdb",
    )
    tree.append("expressions", exp.alias_(origin, ORIGIN))
