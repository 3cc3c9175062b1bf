"""Texts in the standard zone that do not read as their declared type: one scan per table, with rule numbers."""

from __future__ import annotations

from functools import cache

from bienho.contracts import Contract, catalogue
from bienho.contracts.casts import BLANK, sql_check
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


def cast_findings_sql(contract: Contract, relation: str | None = None) -> str | None:
    """SELECT giving (version_id, table_name, row_no, field, code, rule) of every text that does not fit its type.

    Reads `relation` (default: the view named by the contract) once. NULL, empty text and the vault marker are no
    findings. None when the contract declares no received type. Needs the macros of `contracts.casts`.
    A birth date of 8 digits is as 4210 writes it and passes only there; then `standard.xml130_dossier` is read too.
    """
    checks = [
        (field.name, sql, "NULL::INTEGER" if field.format_rule is None else field.format_rule)
        for field in contract.official_fields
        if (sql := sql_check(field, f'"{field.name}"'))
    ]
    if not checks:
        return None
    flags = ", ".join(f'NOT {sql} AS "{name}"' for name, sql, _ in checks)
    places = ", ".join(
        f"""CASE WHEN "{name}" THEN {{'field': '{name}', 'rule': {rule}}} END""" for name, _, rule in checks
    )
    anything = " OR ".join(f'"{name}"' for name, _, _ in checks)
    source = relation or contract.id
    found = (
        f"SELECT version_id, row_no, unnest(list_filter([{places}], lambda x: x IS NOT NULL)) AS place "
        f"FROM (SELECT version_id, row_no, {flags} FROM {source}) WHERE {anything}"
    )
    parts = [_columns(contract, found)]
    # a size of 8 says that this table wants the day alone
    births = {
        field.name: "NULL::INTEGER" if field.format_rule is None else field.format_rule
        for field in contract.official_fields
        if field.received_type == "partial_datetime" and field.max_length != 8
    }
    for name, rule in births.items():
        short = (
            f"SELECT version_id, row_no, {{'field': '{name}', 'rule': {rule}}} AS place "
            f"FROM {source} ANTI JOIN "
            "(SELECT version_id FROM standard.xml130_dossier WHERE format_version = '4210') USING (version_id) "
            f"""WHERE length(trim("{name}", '{BLANK}')) = 8 AND vn_timestamp("{name}") IS NOT NULL"""
        )
        parts.append(_columns(contract, short))
    return " UNION ALL ".join(parts)


def _columns(contract: Contract, inner: str) -> str:
    table = contract.standard_table or contract.name
    return (
        f"SELECT version_id, '{table}' AS table_name, row_no, place.field AS field, '{CODE}' AS code, "
        f"place.rule AS rule FROM ({inner})"
    )


@cache
def _received_type(table: str, field: str) -> str:
    for contract in catalogue().values():
        if contract.standard_table == table:
            return contract.by_name[field].received_type or ""
    raise KeyError(table)


def describe_cast_finding(table: str, row_no: int, field: str, code: str, rule: int | None) -> Finding:
    """The finding of one row of `cast_findings_sql`; the message says what was expected, never what was there."""
    kind = _received_type(table, field)
    what = _WHAT.get(kind, "một số, phần lẻ sau dấu chấm")
    message = f"{table} dòng {row_no} {field}: nội dung không đọc được thành {what}."
    return Finding(code, "error", message, table=table, row=row_no, field=field, rule=rule)
