"""Casts from received text to typed values, as DuckDB macros, and the test whether a text fits its declared type.

Design 8.6 and 8.15: a text that does not fit gives NULL, never an error; the finding is made by `quality`.
Times are local without zone. Amounts round half away from zero ("half-up"). The decimal mark is a dot only.
"""

from __future__ import annotations

import re

from bienho.contracts.model import Field

_BLANKS = "' ' || chr(9) || chr(10) || chr(13) || chr(160) || chr(65279)"
_MOMENT = r"^(1[89]|2[01])[0-9]{2}[0-9]{4}(([01][0-9]|2[0-3])[0-5][0-9])?$"
_ICD10 = "^([A-Z][0-9]{2})[.]?([0-9]{0,2})([†*+]?)$"
_WHOLE = r"^[+-]?[0-9]{1,18}$"
_DECIMAL_TEXT = r"^[+-]?[0-9]{1,16}(\.[0-9]{1,12})?$"
_DECIMAL_TYPE = re.compile(r"decimal\((\d+),(\d+)\)")

MACROS = rf"""
CREATE OR REPLACE MACRO vn_text(t) AS
  nullif(nullif(trim(nfc_normalize(CAST(t AS VARCHAR)), {_BLANKS}), ''), '*');
CREATE OR REPLACE MACRO vn_moment_text(t) AS
  CASE WHEN regexp_matches(trim(CAST(t AS VARCHAR)), '{_MOMENT}')
         AND NOT (substr(trim(t), 5, 2) = '00' AND substr(trim(t), 7, 2) <> '00')
       THEN substr(trim(t), 1, 4) || '-' || replace(substr(trim(t), 5, 2), '00', '01')
         || '-' || replace(substr(trim(t), 7, 2), '00', '01')
         || ' ' || rpad(substr(trim(t), 9, 2), 2, '0') || ':' || rpad(substr(trim(t), 11, 2), 2, '0') END;
CREATE OR REPLACE MACRO vn_timestamp(t) AS TRY_CAST(vn_moment_text(t) AS TIMESTAMP);
CREATE OR REPLACE MACRO vn_date(t) AS CAST(vn_timestamp(t) AS DATE);
CREATE OR REPLACE MACRO vn_precision(t) AS
  CASE WHEN vn_timestamp(t) IS NULL THEN NULL
       WHEN substr(trim(t), 5, 2) = '00' THEN 'year'
       WHEN substr(trim(t), 7, 2) = '00' THEN 'month'
       WHEN length(trim(t)) = 8 OR substr(trim(t), 9, 4) = '0000' THEN 'day'
       ELSE 'minute' END;
CREATE OR REPLACE MACRO vn_decimal_text(t) AS
  CASE WHEN regexp_matches(trim(CAST(t AS VARCHAR)), '{_DECIMAL_TEXT}') THEN trim(CAST(t AS VARCHAR)) END;
CREATE OR REPLACE MACRO vn_decimal2(t) AS TRY_CAST(vn_decimal_text(t) AS DECIMAL(18,2));
CREATE OR REPLACE MACRO vn_decimal3(t) AS TRY_CAST(vn_decimal_text(t) AS DECIMAL(18,3));
CREATE OR REPLACE MACRO vn_rate(t) AS TRY_CAST(vn_decimal_text(t) AS DECIMAL(6,2));
CREATE OR REPLACE MACRO vn_integer(t) AS
  CASE WHEN regexp_matches(trim(CAST(t AS VARCHAR)), '{_WHOLE}') THEN TRY_CAST(trim(CAST(t AS VARCHAR)) AS BIGINT) END;
CREATE OR REPLACE MACRO vn_icd10_part(t, part) AS
  regexp_extract(regexp_replace(upper(nfc_normalize(t)), '\s', '', 'g'), '{_ICD10}', part);
CREATE OR REPLACE MACRO vn_icd10(t) AS
  nullif(vn_icd10_part(t, 1), '') || CASE WHEN vn_icd10_part(t, 2) <> '' THEN '.' || vn_icd10_part(t, 2) ELSE '' END;
CREATE OR REPLACE MACRO vn_icd10_mark(t) AS nullif(replace(vn_icd10_part(t, 3), '+', '†'), '');
"""
"""Session macros, run once per connection before any model.

vn_text: NFC, trimmed, '' and the vault marker → NULL. vn_timestamp / vn_date: yyyymmdd or yyyymmddHHMM; month, day or
time written 0000 are unknown and read as the first. vn_precision: year, month, day or minute, telling how much is
known. vn_decimal2 (18,2), vn_decimal3 (18,3), vn_rate (6,2), vn_integer (BIGINT). Blanks at the ends are forgiven;
a comma, a blank inside or an exponent gives NULL. vn_icd10 is an ICD-10 code as A00 or A00.1, vn_icd10_mark its † or *;
NULL for a text that is no code. vn_moment_text, vn_decimal_text and vn_icd10_part are inner parts.
"""


def fits(received_type: str, column: str) -> str:
    """SQL, TRUE when the text in `column` (an SQL expression) reads as `received_type`.

    ValueError for a type the house does not know.
    """
    decimal = _DECIMAL_TYPE.fullmatch(received_type)
    if decimal:
        size = f"DECIMAL({decimal[1]},{decimal[2]})"
        return f"TRY_CAST(vn_decimal_text({column}) AS {size}) IS NOT NULL"
    full_day = f"substr(trim({column}), 7, 2) <> '00' AND vn_timestamp({column}) IS NOT NULL"
    checks = {
        "integer": f"vn_integer({column}) IS NOT NULL",
        "date": f"(length(trim({column})) = 8 AND {full_day})",
        "datetime": f"(length(trim({column})) = 12 AND {full_day})",
        "date_or_datetime": f"({full_day})",
        "partial_datetime": f"vn_timestamp({column}) IS NOT NULL",
        "date_list": _each(column, "length(x) = 8 AND substr(x, 7, 2) <> '00' AND vn_timestamp(x) IS NOT NULL"),
        "datetime_list": _each(column, "length(x) = 12 AND substr(x, 7, 2) <> '00' AND vn_timestamp(x) IS NOT NULL"),
        "decimal_list": _each(column, "vn_decimal_text(x) IS NOT NULL"),
    }
    if received_type not in checks:
        raise ValueError(f"unknown received type: {received_type}")
    return checks[received_type]


def _each(column: str, test: str) -> str:
    return f"len(list_filter(string_split({column}, ';'), lambda x: NOT coalesce({test}, false))) = 0"


def sql_check(field: Field, column: str) -> str | None:
    """SQL, TRUE when a present text in `column` fits the field's received type; None when nothing is declared.

    NULL, empty text and the vault marker count as fitting: they are judged elsewhere.
    """
    if field.received_type is None:
        return None
    return f"({column} IS NULL OR {column} IN ('', '*') OR coalesce({fits(field.received_type, column)}, false))"
