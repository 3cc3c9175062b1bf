"""Casts from received text to typed values, as DuckDB macros, and the test whether a text fits its declared type.

Design 8.6 and 8.15: a text that does not fit gives NULL, never an error; the finding is made by `quality`.
Times are local without zone. Amounts round half away from zero ("half-up"). The decimal mark is a dot only.
DuckDB pastes a macro wherever it is used, and planning what was pasted is most of what a small batch costs, so each
names its text as few times as it can.
"""

from __future__ import annotations

import re

# What is no text at the ends of one: blank, tab, line ends, the blank that does not break, the mark of a byte order.
_BLANKS = " \t\n\r\u00a0\ufeff"
BLANK = " \t\n\r"
"""What may stand at the ends of a value: the blanks of XML, which programs indent with."""
_ENDS = f"[{BLANK}]*"
_MOMENT = f"^{_ENDS}((?:1[89]|2[01])[0-9]{{2}}[0-9]{{4}}(?:(?:[01][0-9]|2[0-3])[0-5][0-9])?){_ENDS}$"
_ICD10 = "^([A-Z][0-9]{2})[.]?([0-9]{0,2})([†*+]?)$"
_WHOLE = f"^{_ENDS}[+-]?[0-9]{{1,18}}{_ENDS}$"
_DECIMAL_TEXT = rf"^{_ENDS}[+-]?[0-9]{{1,16}}(\.[0-9]{{1,12}})?{_ENDS}$"
_DECIMAL_TYPE = re.compile(r"decimal\((\d+),(\d+)\)")

MACROS = rf"""
CREATE OR REPLACE MACRO vn_text(t) AS
  CASE WHEN NOT regexp_full_match(t, '[{_BLANKS}]*[*]?[{_BLANKS}]*') THEN trim(nfc_normalize(t), '{_BLANKS}') END;
CREATE OR REPLACE MACRO vn_said(t) AS coalesce(regexp_matches(t, '[^{_BLANKS}]'), false);
CREATE OR REPLACE MACRO vn_moment_text(t) AS rpad(regexp_extract(t, '{_MOMENT}', 1), 12, '0');
CREATE OR REPLACE MACRO vn_timestamp(t) AS
  try_strptime(
    regexp_replace(regexp_replace(vn_moment_text(t), '^([12]...)0000', '\10101'), '^([12].....)00', '\101'),
    '%Y%m%d%H%M');
CREATE OR REPLACE MACRO vn_date(t) AS CAST(vn_timestamp(t) AS DATE);
CREATE OR REPLACE MACRO vn_precision(t) AS
  CASE WHEN vn_timestamp(t) IS NULL THEN NULL
       WHEN vn_moment_text(t) LIKE '____00%' THEN 'year'
       WHEN vn_moment_text(t) LIKE '______00%' THEN 'month'
       WHEN vn_moment_text(t) LIKE '%0000' THEN 'day'
       ELSE 'minute' END;
CREATE OR REPLACE MACRO vn_decimal_text(t) AS CASE WHEN regexp_matches(t, '{_DECIMAL_TEXT}') THEN t END;
CREATE OR REPLACE MACRO vn_decimal2(t) AS TRY_CAST(vn_decimal_text(t) AS DECIMAL(18,2));
CREATE OR REPLACE MACRO vn_decimal3(t) AS TRY_CAST(vn_decimal_text(t) AS DECIMAL(18,3));
CREATE OR REPLACE MACRO vn_rate(t) AS TRY_CAST(vn_decimal_text(t) AS DECIMAL(6,2));
CREATE OR REPLACE MACRO vn_integer(t) AS TRY_CAST(CASE WHEN regexp_matches(t, '{_WHOLE}') THEN t END AS BIGINT);
CREATE OR REPLACE MACRO vn_icd10_part(t, part) AS
  regexp_extract(regexp_replace(upper(nfc_normalize(t)), '\s', '', 'g'), '{_ICD10}', part);
CREATE OR REPLACE MACRO vn_icd10(t) AS
  nullif(vn_icd10_part(t, 1), '') || CASE WHEN vn_icd10_part(t, 2) <> '' THEN '.' || vn_icd10_part(t, 2) ELSE '' END;
CREATE OR REPLACE MACRO vn_icd10_mark(t) AS nullif(replace(vn_icd10_part(t, 3), '+', '†'), '');
"""
"""Session macros, run once per connection before any model.

vn_text: NFC, trimmed, '' and the vault marker → NULL. vn_said: whether there is a text, be it the marker of the
vault. vn_timestamp / vn_date: yyyymmdd or yyyymmddHHMM; month, day or
time written 0000 are unknown and read as the first. vn_precision: year, month, day or minute, telling how much is
known. vn_decimal2 (18,2), vn_decimal3 (18,3), vn_rate (6,2), vn_integer (BIGINT). Blanks, tabs and line ends at the
ends are forgiven; a comma, a blank inside or an exponent gives NULL. vn_icd10 is an ICD-10 code as A00 or A00.1,
vn_icd10_mark its † or *; NULL for a text that is no code. vn_moment_text, vn_decimal_text and vn_icd10_part are inner
parts.
"""


def decimal_sizes(received_type: str) -> tuple[int, int] | None:
    """Digits in all and behind the dot of a `decimal(p,s)`; None for another type."""
    decimal = _DECIMAL_TYPE.fullmatch(received_type)
    return (int(decimal[1]), int(decimal[2])) if decimal else None


def fits(received_type: str, column: str) -> str:
    """SQL, TRUE when the text in `column` (an SQL expression) reads as `received_type`.

    ValueError for a type the house does not know.
    """
    sizes = decimal_sizes(received_type)
    if sizes:
        size = f"DECIMAL({sizes[0]},{sizes[1]})"
        return f"TRY_CAST(vn_decimal_text({column}) AS {size}) IS NOT NULL"
    trimmed = f"trim({column}, '{BLANK}')"
    full_day = f"substr({trimmed}, 7, 2) <> '00' AND vn_timestamp({column}) IS NOT NULL"
    checks = {
        "integer": f"vn_integer({column}) IS NOT NULL",
        "date": f"(length({trimmed}) = 8 AND {full_day})",
        "datetime": f"(length({trimmed}) = 12 AND {full_day})",
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
