"""What a strict file of one edition looks like: element names, fields in order, sizes.

Source of names and order: the annexes of decisions 4210/QĐ-BYT, 130/QĐ-BYT, 4750/QĐ-BYT and 3176/QĐ-BYT as held by the
contracts room; sizes that differ from the newest ones by edition in `versions.yaml`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Literal

from bienho.contracts import Wire
from bienho.core.errors import InputError
from bienho.standards.xml130.versions import (
    TABLES,
    contract_of,
    known_tables,
    rank_of,
    sizes,
    wire_names,
    wire_of,
)

FormatVersion = Literal["4210", "130", "4750", "3176"]
VERSIONS: tuple[FormatVersion, ...] = ("4210", "130", "4750", "3176")


def shape(table: str, version: str) -> Wire:
    """Element names of a table; 4210 has no CHITIEU_ wrapper, its list element is the root."""
    wire = wire_of(table)
    if version == "4210" and wire.rows is not None:
        return Wire(wire.rows, None, wire.row)
    return wire


@dataclass(frozen=True, slots=True)
class WireField:
    """One field of one version: official name, name on the wire, size in characters (None: free), required or not."""

    official: str
    wire: str
    max_length: int | None
    required: bool


@cache
def layout(table: str, version: str) -> tuple[WireField, ...]:
    """Fields of a table in the order of the decision, as that version knows them; InputError for unknown names."""
    if table not in TABLES or version not in VERSIONS or known_tables()[table] > rank_of(version):
        raise InputError("IN-WRITE-TABLE", f"Không ghi được bảng {table} theo chuẩn {version}.")
    rank, names = rank_of(version), wire_names(table, version)
    fields = []
    for field in contract_of(table).official_fields:
        if rank_of(field.introduced_in or "4210") > rank or (field.dropped_in and rank_of(field.dropped_in) <= rank):
            continue
        size = sizes(version).get(f"{table}.{field.name}", field.max_length)
        required = field.required and field.required_until is None and rank_of(field.required_from or "4210") <= rank
        fields.append(WireField(field.name, names.get(field.name, field.name), size, required))
    return tuple(fields)
