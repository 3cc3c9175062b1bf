"""Cast findings by one plain query per table: what the house finds by different texts must be the same."""

from __future__ import annotations

from bienho.contracts import Contract, Field
from bienho.contracts.casts import BLANK, fits

CODE = "IN-CAST"


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


def sql_check(field: Field, column: str) -> str | None:
    """SQL, TRUE when a present text in `column` fits the field's received type; None when nothing is declared.

    NULL, empty text and the vault marker count as fitting: they are judged elsewhere.
    """
    if field.received_type is None:
        return None
    return f"({column} IS NULL OR {column} IN ('', '*') OR coalesce({fits(field.received_type, column)}, false))"
