"""The SQL casts against Python's own decimal and datetime, on random and on hand-picked texts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bienho.contracts import casts
from support.examples import some

BLANKS = " \t\r\n"
DIGITS = st.text("0123456789", max_size=14)
NUMBERISH = st.text("0123456789.,-+e \t\n", max_size=14)
AMOUNTS = st.decimals(-(10**12), 10**12, places=4, allow_nan=False).map(lambda number: f"{number:f}")
MOMENTS = st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)).map(lambda moment: f"{moment:%Y%m%d%H%M}")
PARTIAL = st.one_of(
    MOMENTS,
    MOMENTS.map(lambda text: text[:8]),
    MOMENTS.map(lambda text: text[:8] + "0000"),
    MOMENTS.map(lambda text: text[:4] + "00000000"),
    MOMENTS.map(lambda text: text[:6] + "000000"),
    MOMENTS.map(lambda text: text[:4] + "00" + text[6:]),
)


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:
        opened.execute(casts.MACROS)
        yield opened


def oracle_decimal(text: str, digits: int, scale: int) -> Decimal | None:
    text = text.strip(BLANKS)
    if not re.fullmatch(r"[+-]?[0-9]{1,16}(\.[0-9]{1,12})?", text):
        return None
    number = Decimal(text).quantize(Decimal(1).scaleb(-scale), ROUND_HALF_UP)
    return number if abs(number) < 10 ** (digits - scale) else None


def oracle_moment(text: str) -> tuple[datetime | None, str | None]:
    text = text.strip(BLANKS)
    if not re.fullmatch(r"[0-9]{8}([0-9]{4})?", text) or not 1800 <= int(text[:4]) < 2200:
        return None, None
    month, day = text[4:6], text[6:8]
    if month == "00" and day != "00":
        return None, None
    precision = "year" if month == "00" else "month" if day == "00" else "day" if text[8:] in ("", "0000") else "minute"
    full = text[:4] + month.replace("00", "01") + day.replace("00", "01") + (text[8:] or "0000")
    try:
        return datetime.strptime(full, "%Y%m%d%H%M"), precision
    except ValueError:
        return None, None


ODD_NUMBERS = st.sampled_from(["1.005", "-1.005", "0.005", "1,5", "1e5", "1 0", ".5", "5.", " 7 ", "\r\n\t8 "])
ODD_MOMENTS = st.sampled_from(
    ["202502300000", "202501022400", "20251301", "2025 0101", "", "\n\t202501020930\r\n", "20250102 ", "202501\n02"]
)


def ask(connection: duckdb.DuckDBPyConnection, macros: str, texts: list[str]) -> list[tuple]:
    return connection.execute(f"SELECT {macros} FROM (SELECT unnest(CAST($1 AS VARCHAR[])) AS t)", [texts]).fetchall()


@settings(max_examples=some(40), deadline=None)
@given(st.lists(st.one_of(NUMBERISH, AMOUNTS, ODD_NUMBERS), min_size=1, max_size=20))
def test_decimals_are_half_up_with_a_dot(connection: duckdb.DuckDBPyConnection, texts: list[str]) -> None:
    got = ask(connection, "vn_decimal2(t), vn_decimal3(t), vn_rate(t)", texts)
    assert got == [tuple(oracle_decimal(text, *size) for size in ((18, 2), (18, 3), (6, 2))) for text in texts]


@settings(max_examples=some(40), deadline=None)
@given(st.lists(st.one_of(DIGITS, PARTIAL, ODD_MOMENTS), min_size=1, max_size=20))
def test_moments_and_their_precision(connection: duckdb.DuckDBPyConnection, texts: list[str]) -> None:
    expected = [oracle_moment(text) for text in texts]
    got = ask(connection, "vn_timestamp(t), vn_date(t), vn_precision(t)", texts)
    assert got == [(moment, moment.date() if moment else None, precision) for moment, precision in expected]


@settings(max_examples=some(20), deadline=None)
@given(st.lists(st.one_of(NUMBERISH, DIGITS), min_size=1, max_size=20))
def test_integers(connection: duckdb.DuckDBPyConnection, texts: list[str]) -> None:
    right = [int(text) if re.fullmatch(r"[+-]?[0-9]{1,18}", text.strip(BLANKS)) else None for text in texts]
    assert ask(connection, "vn_integer(t)", texts) == [(number,) for number in right]


def test_text_is_composed_trimmed_and_never_the_marker(connection: duckdb.DuckDBPyConnection) -> None:
    texts = ["\u00a0 Đa\u0302\u0323ng\r\n", "", " ", "*", None, "a*"]
    got = [connection.execute("SELECT vn_text($1)", [text]).fetchone() for text in texts]
    assert got == [("Đậng",), (None,), (None,), (None,), (None,), ("a*",)]


@pytest.mark.parametrize(
    ("kind", "right", "wrong"),
    [
        ("integer", ["0", "12", "\n12\t"], ["1.0", "x", "1 2"]),
        ("decimal(18,2)", ["1", "1.239"], ["1,2", "12345678901234567"]),
        ("date", ["20250101", "\n 20250101\r\n"], ["202501010000", "20250100", "20250001", "20250230"]),
        ("datetime", ["202501012359", "\t202501010000\n"], ["20250101", "202501000000", "202501012400"]),
        ("date_or_datetime", ["20250101", "202501010930"], ["2025", "20250000"]),
        ("partial_datetime", ["199000000000", "199002000000", "199002031530", "19900203"], ["1990", "199013010000"]),
        ("date_list", ["20250101", "20250101;20250102"], ["20250101;", "20250101;x", "20250101,20250102"]),
        ("datetime_list", ["202501011530", "202501011530;202501020000"], ["20250101", "202501011530;", "202501002400"]),
        ("decimal_list", ["3100", "3100;2900.5"], ["3100;", "3,1"]),
    ],
)
def test_fits(connection: duckdb.DuckDBPyConnection, kind: str, right: list[str], wrong: list[str]) -> None:
    sql = f"SELECT {casts.fits(kind, 'c')} FROM (SELECT CAST($1 AS VARCHAR) AS c)"
    for text in right + wrong:
        assert connection.execute(sql, [text]).fetchone() == (text in right,), text
