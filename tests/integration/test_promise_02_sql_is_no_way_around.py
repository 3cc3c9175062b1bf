"""Promise 2: a question in SQL can do no more than a question by form."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bienho.config import Limits
from bienho.contracts import catalogue
from bienho.core.errors import BienhoError, LimitError, UsageError
from bienho.governance import ROLES, Denied
from support.governed import PEOPLE, Governed, actor, governed

pytestmark = pytest.mark.database


@pytest.fixture(scope="module")
def house() -> Iterator[Governed]:
    with governed(Limits(query_rows=5_000, query_seconds=2)) as made:
        yield made


def hostile(canary: Path) -> list[str]:
    return [
        f"SELECT * FROM read_text('{canary}')",
        f"SELECT * FROM '{canary}'",
        f"FROM read_csv('{canary}')",
        f"COPY standard.xml130_1 TO '{canary}.out'",
        f"ATTACH '{canary}' AS x",
        "SELECT * FROM postgres_query('bienho_catalog', 'SELECT * FROM vault.record')",
        "SELECT * FROM duckdb_secrets()",
        "SELECT * FROM duckdb_databases()",
        "SELECT * FROM ducklake_list_files('lake', 'xml130_1')",
        "SELECT * FROM lake.standard.xml130_1",
        "SELECT * FROM standard.xml130_1 AT (VERSION => 1)",
        "SELECT getenv('HOME')",
        "DROP SCHEMA standard",
        "SET memory_limit = '1TB'",
        "WITH x AS (SELECT 1) SELECT * FROM duckdb_settings",
    ]


def test_hostile_statements_reach_nothing(house: Governed, tmp_path: Path) -> None:
    canary = tmp_path / "canary.csv"
    canary.write_text("chim,hoang,yen\n", encoding="utf-8")
    for sql in hostile(canary):
        with pytest.raises(BienhoError) as refusal:
            house.gate.query(actor(), "van-hanh", sql)
        assert refusal.value.code.startswith("USE-SQL-"), sql
        assert "canary" not in refusal.value.message
    assert not (tmp_path / "canary.csv.out").exists()


def test_sql_and_form_allow_the_same(house: Governed) -> None:
    """Over role × purpose × dataset both doors say yes with the same columns, or both say no by the same rule."""
    # one dataset of each kind the rules tell apart
    datasets = ["derived.facility_week_chapter", "quality.finding", "standard.delivery", "conformed.encounter"]
    purposes = ("van-hanh", "tra-cuu-ho-so")
    allowed = 0
    for role, purpose, dataset in itertools.product(ROLES, purposes, datasets):
        answers = []
        for door in ("form", "sql"):
            try:
                if door == "form":
                    decision, reader = house.gate.read(actor(role), purpose, dataset, None, limit=1)
                else:
                    decision, reader = house.gate.query(actor(role), purpose, f"SELECT * FROM {dataset} LIMIT 1")
                answers.append((decision.rule, tuple(reader.schema.names)))
            except Denied as denied:
                answers.append((denied.decision.rule, ()))
        assert answers[0] == answers[1]
        allowed += bool(answers[0][1])
    assert 0 < allowed < len(ROLES) * len(purposes) * len(datasets)


def test_a_long_question_is_stopped(house: Governed) -> None:
    start = time.monotonic()
    with pytest.raises(LimitError, match="LIM-QUERY-SECONDS"):
        house.gate.query(
            actor(), "van-hanh", "SELECT count(*) FROM range(100000000) a(i), range(100000000) b(j) WHERE i * j % 7 = 3"
        )
    assert time.monotonic() - start < 10
    _, reader = house.gate.query(actor(), "van-hanh", "SELECT count(*) AS n FROM standard.xml130_1")
    assert reader.read_all().to_pylist() == [{"n": 2}]


def test_a_large_answer_is_refused_not_cut(house: Governed) -> None:
    with pytest.raises(LimitError, match="LIM-QUERY-ROWS"):
        house.gate.query(actor(), "van-hanh", "SELECT i FROM range(5001) r(i)")
    assert house.gate.query(actor(), "van-hanh", "SELECT i FROM range(5000) r(i)")[1].read_all().num_rows == 5_000


def test_as_of_is_the_argument_and_both_doors_see_the_same_past(house: Governed) -> None:
    now = house.gate.query(actor(), "van-hanh", "SELECT MA_BENH_CHINH AS m FROM standard.xml130_1 ORDER BY version_id")
    sql = "SELECT MA_BENH_CHINH AS m FROM standard.xml130_1 ORDER BY version_id"
    then, by_sql = house.gate.query(actor(), "van-hanh", sql, at=house.first_snapshot)
    _, by_form = house.gate.read(
        actor(), "van-hanh", "standard.xml130_1", ["MA_BENH_CHINH"], order=["version_id"], at=house.first_snapshot
    )
    assert [row["m"] for row in now[1].read_all().to_pylist()] == ["A09", "J01"]
    assert [row["m"] for row in by_sql.read_all().to_pylist()] == ["J00", "A09"]
    assert by_form.read_all().column(0).to_pylist() == ["J00", "A09"]
    assert then.snapshot == house.first_snapshot
    everything = house.gate.query(actor(), "van-hanh", sql, versions="all")[1].read_all()
    assert everything.num_rows == 3


WITH_NAMES = [
    ("SELECT HO_TEN FROM standard.xml130_1 ORDER BY version_id", ["HO_TEN"]),
    ("SELECT x.HO_TEN AS ten FROM standard.xml130_1 AS x ORDER BY x.version_id", ["ten"]),
    ('SELECT ho_ten FROM "standard"."xml130_1" ORDER BY version_id', ["HO_TEN"]),
    (
        "SELECT d.facility_code, x.HO_TEN FROM standard.xml130_dossier d JOIN standard.xml130_1 x USING (version_id)"
        " ORDER BY x.version_id",
        ["facility_code", "HO_TEN"],
    ),
    (
        "SELECT HO_TEN, row_number() OVER (ORDER BY version_id) AS n FROM standard.xml130_1 WHERE version_id IN"
        " (SELECT version_id FROM standard.xml130_dossier) ORDER BY n",
        ["HO_TEN", "n"],
    ),
]


@pytest.mark.parametrize(("sql", "names"), WITH_NAMES)
def test_names_come_back_in_place(house: Governed, sql: str, names: list[str]) -> None:
    decision, reader = house.gate.query(actor(), "tra-cuu-ho-so", sql, with_identifiers=True)
    assert decision.allowed
    answer = reader.read_all()
    assert answer.schema.names == names
    column = next(name for name in names if name.lower() in ("ho_ten", "ten"))
    assert answer.column(column).to_pylist() == [PEOPLE[1][0], PEOPLE[0][0]]


def test_a_star_opens_every_vault_column_row_by_row(house: Governed) -> None:
    for star in ("*", "x.*"):
        sql = f"SELECT {star} FROM standard.xml130_5 x ORDER BY version_id, row_no DESC"
        rows = house.gate.query(actor(), "tra-cuu-ho-so", sql, with_identifiers=True)[1].read_all().to_pylist()
        assert [row["row_no"] for row in rows] == [2, 1, 2, 1]
        assert [row["DIEN_BIEN_LS"] for row in rows] == ["Đỡ ho, ăn uống được", "Bệnh nhân tỉnh, tiếp xúc tốt"] * 2
        assert [row["MA_LK"] for row in rows] == ["LK0002", "LK0002", "LK0001", "LK0001"]
        assert list(rows[0]) == [field.name for field in catalogue()["standard.xml130_5"].fields]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT upper(HO_TEN) FROM standard.xml130_1",
        "SELECT count(*) FROM standard.xml130_1",
        "SELECT HO_TEN, count(*) FROM standard.xml130_1 GROUP BY HO_TEN",
        "SELECT DISTINCT HO_TEN FROM standard.xml130_1",
        "SELECT max(HO_TEN) FROM standard.xml130_1",
        "SELECT HO_TEN FROM (SELECT HO_TEN FROM standard.xml130_1) x",
        "WITH a AS (SELECT HO_TEN FROM standard.xml130_1) SELECT HO_TEN FROM a",
        "SELECT HO_TEN FROM standard.xml130_1 UNION ALL SELECT HO_TEN FROM standard.xml130_1",
        "SELECT MA_BENH_CHINH FROM standard.xml130_1",
        "SELECT facility_code FROM standard.xml130_dossier",
        "SELECT x.HO_TEN, y.DIEN_BIEN_LS FROM standard.xml130_1 x JOIN standard.xml130_5 y USING (version_id)",
        "SELECT x.HO_TEN, y.HO_TEN FROM standard.xml130_1 x JOIN standard.xml130_1 y USING (version_id)",
        "SELECT unnest([1, 2]), HO_TEN FROM standard.xml130_1",
        "VALUES (1)",
        "SELECT (SELECT HO_TEN FROM standard.xml130_1 LIMIT 1)",
        "SELECT HO_TEN FROM standard.xml130_1 AS x(HO_TEN)",
        "SELECT HO_TEN FROM standard.xml130_dossier AS x(HO_TEN)",
    ],
)
def test_shapes_without_one_row_behind_each_row_show_no_name(house: Governed, sql: str) -> None:
    with pytest.raises(UsageError, match="USE-IDENTIFY"):
        house.gate.query(actor(), "tra-cuu-ho-so", sql, with_identifiers=True)


def test_a_renamed_column_cannot_borrow_another_ones_name(house: Governed) -> None:
    """`AS x(a, b, HO_TEN)` gives one vault column the name of another: the text put back would be the wrong one."""
    fields = [field.name for field in catalogue()["standard.xml130_1"].fields]
    names = ["version_id", "row_no", *(f"c{place}" for place in range(2, len(fields)))]
    names[fields.index("DIA_CHI")] = "HO_TEN"
    with pytest.raises(UsageError, match="USE-IDENTIFY"):
        house.gate.query(
            actor(),
            "tra-cuu-ho-so",
            f"SELECT HO_TEN FROM standard.xml130_1 AS x({', '.join(names)})",
            with_identifiers=True,
        )
