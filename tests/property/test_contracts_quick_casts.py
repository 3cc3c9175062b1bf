"""The shorter casts say of every column they are used for what the casts say; and models let them be used."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from datetime import datetime

import duckdb
import pyarrow as pa
import pytest
import sqlglot
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlglot import exp

from bienho.contracts import casts, quick_casts
from bienho.contracts.models import Model
from bienho.standards.xml130.map import models
from support.examples import some

DAYS = st.datetimes(datetime(1700, 1, 1), datetime(2300, 1, 1)).map(lambda moment: f"{moment:%Y%m%d%H%M}")
TEXTS = st.sampled_from(
    [
        st.text("0123456789", max_size=20),
        st.text("0123456789.", max_size=15),
        st.text("0123456789./", max_size=5),
        st.text("0129", min_size=12, max_size=12),
        DAYS,
        DAYS.map(lambda text: text[:8]),
        st.one_of(DAYS, DAYS.map(lambda text: text[:8]), DAYS.map(lambda text: text[:6] + "00")),
        st.text("aA1*-", max_size=3),
        st.text(" \tA*\u0301\u00a0\ufeffế", max_size=5).map(lambda text: unicodedata.normalize("NFD", text)),
        st.text(max_size=6),
    ]
)
COLUMNS = TEXTS.flatmap(lambda one: st.lists(st.one_of(one, st.sampled_from(["", None])), min_size=1, max_size=12))


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:
        opened.execute(casts.MACROS)
        opened.execute(quick_casts.MACROS)
        yield opened


@settings(max_examples=some(60), deadline=None)
@given(COLUMNS, st.integers(0, 3))
def test_a_shorter_cast_gives_the_same(
    connection: duckdb.DuckDBPyConnection, texts: list[str | None], skip: int
) -> None:
    """Whatever `fits_of` says of a column, also of one cut out of a longer one."""
    table = pa.table({"T": pa.array(texts, pa.string())}).slice(skip)
    fits = quick_casts.fits_of(table, {"T", "ELSEWHERE"})
    plain = ", ".join(f"vn_{cast}(x.T) AS {cast}" for cast in quick_casts.NEEDS)
    quick = quick_casts.quicker(plain, fits)
    assert quick.count("vn_quick") == sum(need in fits["T"] for need in quick_casts.NEEDS.values())
    connection.register("given", table)
    run = connection.execute
    assert run(f"SELECT {quick} FROM given AS x").fetchall() == run(f"SELECT {plain} FROM given AS x").fetchall()


@settings(max_examples=some(60), deadline=None)
@given(st.lists(st.one_of(st.none(), st.text(" \t\n*aế\u0301\u00a0\ufeff\u2003", max_size=4)), min_size=1, max_size=20))
def test_something_is_said_where_a_text_is_left(connection: duckdb.DuckDBPyConnection, texts: list[str | None]) -> None:
    """`vn_said` counts the marker of the vault as a text; `vn_text` does not."""
    asked = "SELECT vn_said(t), vn_text(replace(t, '*', 'x')) IS NOT NULL, vn_text(t)"
    rows = connection.execute(f"{asked} FROM (SELECT unnest($1::TEXT[]) AS t)", [texts]).fetchall()
    kept = [unicodedata.normalize("NFC", text or "").strip(" \t\n\r\u00a0\ufeff") for text in texts]
    assert rows == [(bool(text), bool(text), text if text not in ("", "*") else None) for text in kept]


@settings(max_examples=some(60), deadline=None)
@given(st.lists(st.one_of(st.none(), st.text(" \t\n*aế\u0301\u00a0\ufeff\u2003", max_size=4)), min_size=1, max_size=20))
def test_what_is_said_in_place_of_a_text_reads_as_the_text(
    connection: duckdb.DuckDBPyConnection, texts: list[str | None]
) -> None:
    connection.register("incoming", pa.table({"text": pa.array(texts, pa.string())}))
    said = connection.execute(quick_casts.SAID).to_arrow_table()
    connection.register("said", said)
    run = connection.execute
    short = run("SELECT vn_quick_text(text), vn_text(text), vn_said(text), vn_said('x' || text) FROM said").fetchall()
    plain = run("SELECT vn_text(text), vn_text(text), vn_said(text), vn_said('x' || text) FROM incoming").fetchall()
    for one, other, text in zip(short, plain, texts, strict=True):
        # only of a text, not of none, is it asked
        assert text is None or one == other


def test_fields_of_which_nothing_else_is_asked() -> None:
    sqls = [
        "SELECT 'C' AS c, vn_text(x.A), vn_text(B), vn_text(C), vn_text(D), vn_text(E) -- and B",
        "SELECT vn_text(A) WHERE vn_said(concat(A, C,\n x.G)) AND vn_said(E) AND B > 'D' AND vn_said(lower(D))",
    ]
    assert quick_casts.texts_alone(sqls) == {"A", "C", "E"}


@pytest.mark.parametrize(
    ("texts", "fits"),
    [
        (["202501010930", "20250101", "", None], {"text", "moment", "decimal", "integer"}),
        (["202500000000"], {"text", "decimal", "integer"}),
        (["12.50", "3"], {"text", "decimal"}),
        (["5."], {"text"}),
        (["12345678901234"], {"text", "integer"}),
        (["A01", " B02"], set()),
        (["Gia Lai", "Pleiku"], {"text"}),
        (["Biển Hồ"], set()),
        ([], {"text", "moment", "decimal", "integer"}),
    ],
)
def test_what_a_column_is_known_to_hold(texts: list[str | None], fits: set[str]) -> None:
    assert quick_casts.fits_of(pa.table({"T": pa.array(texts, pa.string())}), {"T"}) == {"T": fits}


def test_casts_of_other_things_stay() -> None:
    """What is no received field by its own name, and a field of which too little is known."""
    sql = "SELECT vn_text(x.A), vn_text(B), vn_date(A), vn_text(lower(A)), vn_text(x.y.A), vn_icd10(A), vn_text(name)"
    assert quick_casts.quicker(sql, {"A": frozenset(["text"])}) == sql.replace("vn_text(x.A)", "vn_quick_text(x.A)")


@pytest.mark.parametrize("model", models(), ids=lambda model: model.name)
def test_models_give_the_name_of_a_field_to_nothing_else(model: Model) -> None:
    """A look at the columns received tells what a cast in a model will see only while their names mean them."""
    parsed = sqlglot.parse_one(model.sql, dialect="duckdb")
    for alias in parsed.find_all(exp.Alias):
        if alias.alias.isupper():
            assert alias.this.name == alias.alias, f"{alias.sql()} gives a field's name to something else"
    for union in parsed.find_all(exp.Union):
        if not union.args.get("by_name"):
            for left, right in zip(union.left.selects, union.right.selects, strict=True):
                assert not left.alias_or_name.isupper() or left.alias_or_name == right.alias_or_name
