"""Contract and Field: one dataset of the house as its ODCS file states it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING, Literal

from bienho.contracts.quality import QualityCheck
from bienho.core.deferred import deferred

if TYPE_CHECKING:
    import pyarrow as pa
else:  # not every process that knows the contracts has rows
    pa = deferred("pyarrow")

DataClass = Literal["open", "personal", "sensitive", "text"]
Shape = Literal["code", "number", "date", "free"]
VAULT_MARKER = "*"
"""What a lake column holds in place of a text that lies in the vault."""

_DECIMAL = re.compile(r"DECIMAL\((\d+),\s*(\d+)\)")


@cache
def _arrow_types() -> dict[str, pa.DataType]:
    return {
        "VARCHAR": pa.string(),
        "BOOLEAN": pa.bool_(),
        "SMALLINT": pa.int16(),
        "INTEGER": pa.int32(),
        "BIGINT": pa.int64(),
        "DOUBLE": pa.float64(),
        "DATE": pa.date32(),
        "TIMESTAMP": pa.timestamp("us"),
        "TIMESTAMPTZ": pa.timestamp("us", tz="UTC"),
    }


def arrow_type(physical_type: str) -> pa.DataType:
    """Arrow type of a DuckDB type; ValueError for a type the profile does not allow."""
    if physical_type.endswith("[]"):
        return pa.list_(arrow_type(physical_type.removesuffix("[]")))
    match = _DECIMAL.fullmatch(physical_type)
    if match:
        return pa.decimal128(int(match[1]), int(match[2]))
    known = _arrow_types()
    if physical_type not in known:
        raise ValueError(f"physical type not in the profile: {physical_type}")
    return known[physical_type]


@dataclass(frozen=True, slots=True)
class Field:
    """One column.

    `physical_type` is the DuckDB type in the lake. `received_type` says what a received text must be readable as:
    None, integer, decimal(p,s), decimal_list, date, date_list, datetime, datetime_list, date_or_datetime,
    partial_datetime.
    `required` is the demand of the decision (`required_from` an edition, `required_until` a day of discharge,
    `required_when` a condition in words); columns of received text stay nullable whatever it says. `max_length` is in
    characters, the largest any source admits. `shape` bounds what may stay in the lake. `stt` is the number in the
    newest decision, None for technical columns and for fields it no longer has. `introduced_in` is the first edition
    with the field, `dropped_in` the first without it; before `renamed_in` it was called `renamed_from`.
    `required_rule` and `format_rule` are numbers of the project's rule list.
    """

    name: str
    logical_type: str
    physical_type: str
    data_class: DataClass
    description: str
    in_vault: bool = False
    required: bool = False
    primary_key: bool = False
    max_length: int | None = None
    code_system: str | None = None
    introduced_in: str | None = None
    renamed_from: str | None = None
    renamed_in: str | None = None
    dropped_in: str | None = None
    received_type: str | None = None
    shape: Shape = "free"
    stt: int | None = None
    required_when: str | None = None
    required_from: str | None = None
    required_until: str | None = None
    required_rule: int | None = None
    format_rule: int | None = None

    @property
    def as_received(self) -> bool:
        """True for an official field of a standard, of the newest edition or an earlier one, kept as received."""
        return self.stt is not None or self.dropped_in is not None


@dataclass(frozen=True, slots=True)
class Wire:
    """Element names of a table's sub-file. Without `row` the fields of the one record stand under `root`.

    `bare`: travels as a file of its own, never inside a dossier envelope.
    """

    root: str
    rows: str | None = None
    row: str | None = None
    bare: bool = False

    @property
    def single(self) -> bool:
        """True when a sub-file holds one record."""
        return self.row is None


@dataclass(frozen=True)
class Contract:
    """One dataset: `id` is zone.name, also its name in SQL; `key` the columns that name a row, `grain` in words."""

    id: str
    zone: str
    name: str
    version: str
    key: tuple[str, ...]
    grain: str
    owner: str
    legal_basis: str
    retention: str
    cadence: str
    versioned: bool
    title_vi: str
    title_en: str
    description: str
    usage: str
    fields: tuple[Field, ...]
    standard_table: str | None = None
    exceptions: str | None = None
    wire: Wire | None = None
    quality: tuple[QualityCheck, ...] = ()

    def ddl(self, catalog: str = "lake") -> str:
        """CREATE TABLE in the lake; only key columns are NOT NULL."""
        columns = ", ".join(
            f'"{field.name}" {field.physical_type}{" NOT NULL" if field.primary_key else ""}' for field in self.fields
        )
        return f"CREATE TABLE IF NOT EXISTS {catalog}.{self.zone}.{self.name} ({columns})"

    def arrow_schema(self) -> pa.Schema:
        """Arrow schema in column order; key columns are not nullable."""
        return self._arrow_schema

    @cached_property
    def _arrow_schema(self) -> pa.Schema:
        return pa.schema(
            [
                pa.field(field.name, arrow_type(field.physical_type), nullable=not field.primary_key)
                for field in self.fields
            ]
        )

    @cached_property
    def by_name(self) -> dict[str, Field]:
        """Fields by name."""
        return {field.name: field for field in self.fields}

    @cached_property
    def official_fields(self) -> tuple[Field, ...]:
        """Fields of the standard, in the order of its editions; those without stt the newest edition has dropped."""
        return tuple(field for field in self.fields if field.as_received)

    @cached_property
    def vault_fields(self) -> tuple[Field, ...]:
        """Fields whose text lies in the vault."""
        return tuple(field for field in self.fields if field.in_vault)

    @cached_property
    def lake_fields(self) -> tuple[Field, ...]:
        """Fields whose text lies in the lake."""
        return tuple(field for field in self.fields if not field.in_vault)
