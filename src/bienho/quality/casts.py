"""Texts in the standard zone that do not read as their declared type, with rule numbers."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cache

from bienho.contracts import VAULT_MARKER, Contract, Field, catalogue
from bienho.contracts.casts import BLANK, decimal_sizes, fits
from bienho.contracts.glance import Glance
from bienho.core.finding import Finding

CODE = "IN-CAST"
_WHAT = {
    "integer": "một số nguyên",
    "date": "một ngày dạng yyyymmdd",
    "datetime": "một thời điểm dạng yyyymmddHHMM",
    "date_or_datetime": "một ngày yyyymmdd hoặc thời điểm yyyymmddHHMM",
    "partial_datetime": "một thời điểm yyyymmddHHMM (phần chưa biết ghi 0000)",
    "datetime_list": "các thời điểm dạng yyyymmddHHMM nối bằng dấu chấm phẩy",
    "date_list": "các ngày dạng yyyymmdd nối bằng dấu chấm phẩy",
    "decimal_list": "các số nối bằng dấu chấm phẩy, phần lẻ sau dấu chấm",
}

_WHOLE = 18
_SIZES = {
    "date": (8,),
    "datetime": (12,),
    "date_or_datetime": (8, 12),
    "partial_datetime": (8, 12),
    "date_list": (8,),
    "datetime_list": (12,),
}
"""Digits of a moment of which every part is known, alone in a list or not."""
BIRTH = "day of birth alone"
"""Reads as a moment and is of eight digits: what 4210 writes as a birth date, and only it may."""


@dataclass(frozen=True, slots=True)
class TypedField:
    """A field whose texts have a type to read as; `kinds` are the tests a text of it may fail (`odd_texts_sql`)."""

    name: str
    kinds: tuple[str, ...]
    rule: int | None


def typed_fields(contract: Contract) -> tuple[TypedField, ...]:
    """The fields of a standard table that declare a received type, in order of name."""
    return tuple(
        TypedField(field.name, _kinds(field, field.received_type), field.format_rule)
        for field in sorted(contract.official_fields, key=lambda field: field.name)
        if field.received_type is not None
    )


def _kinds(field: Field, kind: str) -> tuple[str, ...]:
    # a size of 8 says that this table wants the day alone
    return (kind, BIRTH) if kind == "partial_datetime" and field.max_length != 8 else (kind,)


def odd_texts_sql(kinds: Collection[str], relation: str) -> str:
    """SELECT giving those rows (kind, text) of `relation` whose text does not read as its kind.

    NULL, empty text and the vault marker are never odd. Needs the macros of `contracts.casts`.
    """
    tests = {kind: fits(kind, "text") for kind in sorted(kinds) if kind != BIRTH}
    tests[BIRTH] = f"NOT (length(trim(text, '{BLANK}')) = 8 AND vn_timestamp(text) IS NOT NULL)"
    cases = " ".join(f"WHEN '{kind}' THEN {test}" for kind, test in tests.items())
    said = f"SELECT kind, text FROM {relation} WHERE text NOT IN ('', '*')"
    return f"{said} AND NOT coalesce(CASE kind {cases} END, false)"


def surely_read(kind: str, glance: Glance) -> bool:
    """Whether a glance tells of some texts that none is odd by `odd_texts_sql`; False leaves it open."""
    if glance.longest <= 1 and glance.marks(ord(VAULT_MARKER)):
        return True
    if kind == BIRTH:
        return glance.sized((12,)) and glance.moments()
    if kind == "integer":
        return glance.longest <= _WHOLE and glance.digits()
    if kind in _SIZES:
        return glance.sized(_SIZES[kind]) and glance.moments()
    if kind == "decimal_list":
        return glance.numbers(16, 12)
    size = decimal_sizes(kind)
    # one digit less than there is room for: what stands behind the dot may round up
    return size is not None and glance.numbers(size[0] - size[1] - 1, 12)


@cache
def _received_type(table: str, field: str) -> str:
    for contract in catalogue().values():
        if contract.standard_table == table:
            return contract.by_name[field].received_type or ""
    raise KeyError(table)


def describe_cast_finding(table: str, row_no: int, field: str, code: str, rule: int | None) -> Finding:
    """The finding of one text; the message says what was expected, never what was there."""
    kind = _received_type(table, field)
    what = _WHAT.get(kind, "một số, phần lẻ sau dấu chấm")
    message = f"{table} dòng {row_no} {field}: nội dung không đọc được thành {what}."
    return Finding(code, "error", message, table=table, row=row_no, field=field, rule=rule)
