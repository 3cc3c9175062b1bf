"""What a glance says of many texts holds of each of them, by the patterns and casts it stands in for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bienho.contracts import casts, catalogue
from bienho.contracts.glance import glance_at, glances_at
from bienho.quality import BIRTH, odd_texts_sql, surely_read, typed_fields
from bienho.standards.xml130.read_check_all import _columns, _is_sound
from bienho.standards.xml130.read_checks import PLAIN
from support.examples import some

DAYS = st.datetimes(datetime(1700, 1, 1), datetime(2300, 1, 1)).map(lambda moment: f"{moment:%Y%m%d%H%M}")
TEXTS = st.sampled_from(
    [
        st.text("0123456789", max_size=20),
        st.text("0123456789", min_size=1, max_size=6),
        st.from_regex(r"[0-9]{1,17}(\.[0-9]{1,14})?", fullmatch=True),
        st.from_regex(r"0?[0-9]{0,3}\.?[0-9]{0,3}", fullmatch=True),
        st.text("019./", max_size=9),
        st.text("0123", min_size=12, max_size=12).map(lambda text: "20" + text[2:]),
        DAYS,
        DAYS.map(lambda text: text[:8]),
        st.sampled_from(["20230229", "20240229", "19000229", "20000229", "20250431", "202501012400", "202501010060"]),
        st.text("aZ09.,;:/+_()#%-", max_size=18),
        st.sampled_from(["012345678", "84123456789", "+84123456789", "GD1234567890123", "A1", "K80.2;I10"]),
        st.just("*"),
        st.text(" \t\u00a0\u2003\u3000\u1680Aế", min_size=1, max_size=3),
        st.text(max_size=6),
    ]
)
COLUMNS = TEXTS.flatmap(lambda one: st.lists(st.one_of(one, one, st.sampled_from(["", None])), max_size=12))
TYPES = sorted({
    kind for contract in catalogue().in_zone("standard") for field in typed_fields(contract) for kind in field.kinds
})  # fmt: skip
SHAPED = {judged.field.shape: judged for judged in _columns("XML3") if judged.plain and judged.field.max_length}


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:
        opened.execute(casts.MACROS)
        yield opened


def column(texts: list[str | None], skip: int) -> pa.StringArray:
    return pa.array([*["1"] * skip, *texts], pa.string()).slice(skip)


@settings(max_examples=some(60), deadline=None)
@given(st.lists(COLUMNS, min_size=4, max_size=4), st.integers(0, 2))
def test_what_surely_reads_is_never_odd(
    connection: duckdb.DuckDBPyConnection, columns: list[list[str | None]], skip: int
) -> None:
    sure = [
        (kind, text)
        for texts in columns
        for kind in TYPES
        if surely_read(kind, glance_at(column(texts, skip)))
        for text in texts
    ]
    given = [pa.array([pair[at] for pair in sure], pa.string()) for at in range(2)]
    pairs = pa.table(given, names=["kind", "text"])
    connection.register("given", pairs)
    assert connection.execute(odd_texts_sql(TYPES, "given")).fetchall() == []


@settings(max_examples=some(300), deadline=None)
@given(COLUMNS, st.integers(0, 2), st.sampled_from(sorted(SHAPED)))
def test_what_is_sound_at_a_glance_is_sound(texts: list[str | None], skip: int, shape: str) -> None:
    array, judged = column(texts, skip), SHAPED[shape]
    glance, _ = glances_at(pa.concat_arrays([array, column(["x"] * len(texts), 0)]), 2)
    said = [text or "" for text in texts]
    assert glance.is_said().tolist() == [bool(text) and not text.isspace() for text in said]
    assert glance.says_something() == (bool(said) and all(text and not text.isspace() for text in said))
    if _is_sound(judged, glance, array):
        assert all(re.fullmatch(PLAIN[judged.field.shape], text) for text in said)
        assert all(len(text) <= (judged.field.max_length or 0) for text in said)


@pytest.mark.parametrize(
    ("texts", "kinds"),
    [
        (["202501010930", ""], {"datetime", "date_or_datetime", "partial_datetime", "datetime_list", BIRTH, "integer"}),
        (["20240229"], {"date", "date_or_datetime", "partial_datetime", "date_list", "integer"}),
        (["20230229"], {"integer"}),
        (["20250000"], {"integer"}),
        (["12.50", "3", None], {"decimal_list"}),
        (["5."], set()),
        ([".5"], set()),
        (["1.2.3"], set()),
        (["1" * 19], set()),
        (["A"], set()),
    ],
)
def test_a_glance_tells_what_is_plain(texts: list[str | None], kinds: set[str]) -> None:
    """Or the tests above would compare nothing."""
    glance = glance_at(column(texts, 1))
    assert {kind for kind in TYPES if surely_read(kind, glance) and "decimal" not in kind} == kinds - {"decimal_list"}
    if texts[0] in ("12.50", "5.", ".5", "1.2.3"):
        assert surely_read("decimal_list", glance) == ("decimal_list" in kinds)
    assert all(surely_read(kind, glance_at(column(["*", "", "*"], 2))) for kind in TYPES)


def test_every_shape_is_asked() -> None:
    assert set(SHAPED) == {"code", "number", "date"}
