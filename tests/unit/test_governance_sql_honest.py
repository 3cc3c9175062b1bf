"""Honest SQL must run and give exactly what the engine gives for the same text over the same tables."""

# ruff: noqa: E501 - one statement a line reads better than a broken one

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from bienho.governance.engine_check import second_opinion
from bienho.governance.sql_check import RESERVED, check

DATASETS = {"standard.xml130_1", "standard.xml130_2", "conformed.encounter", "derived.facility_week", "quality.finding"}

HONEST = [
    "SELECT 1",
    "VALUES (1, 'a'), (2, 'b')",
    "SELECT * FROM standard.xml130_1 ORDER BY version_id",
    "FROM standard.xml130_1 ORDER BY version_id LIMIT 3",
    "select ma_benh_chinh, count(*) n from standard.xml130_1 group by all order by all",
    "SELECT xml130_1.MA_BENH_CHINH FROM standard.xml130_1 ORDER BY 1",
    "SELECT standard.xml130_1.MA_BENH_CHINH FROM standard.xml130_1 ORDER BY 1",
    'SELECT "t"."MA_BENH_CHINH" AS "Mã bệnh" FROM "standard"."xml130_1" AS "t" ORDER BY 1',
    "SELECT * FROM STANDARD.XML130_1 ORDER BY version_id -- ghi chú",
    "/* ghi chú */ SELECT count(DISTINCT facility_code) FROM conformed.encounter",
    "SELECT count(*) FILTER (WHERE total_cost > 100), sum(total_cost), avg(total_cost) FROM conformed.encounter",
    "SELECT facility_code, median(total_cost), quantile_cont(total_cost, 0.9) FROM conformed.encounter GROUP BY 1 ORDER BY 1",
    "SELECT date_trunc('month', admitted) m, count(*) FROM conformed.encounter GROUP BY m ORDER BY m",
    "SELECT extract(year FROM admitted), extract('week' FROM admitted) FROM conformed.encounter ORDER BY 1, 2",
    "SELECT version_id, date_diff('day', admitted, discharged) d FROM conformed.encounter ORDER BY 1",
    "SELECT strftime(admitted, '%d/%m/%Y'), dayname(admitted), isodow(admitted) FROM conformed.encounter ORDER BY version_id",
    "SELECT version_id FROM conformed.encounter WHERE admitted >= DATE '2026-01-02' AND admitted < DATE '2026-01-05' ORDER BY 1",
    "SELECT version_id, admitted + INTERVAL 3 DAY, admitted - INTERVAL '2 hours' FROM conformed.encounter ORDER BY 1",
    "SELECT e.version_id, x.MA_BENH_CHINH FROM conformed.encounter e JOIN standard.xml130_1 x USING (version_id) ORDER BY 1",
    "SELECT e.version_id, x.TEN_THUOC FROM conformed.encounter e LEFT JOIN standard.xml130_2 x ON e.version_id = x.version_id"
    " AND x.row_no = 1 ORDER BY 1, 2",
    "SELECT version_id FROM conformed.encounter ANTI JOIN standard.xml130_2 USING (version_id) ORDER BY 1",
    "WITH a AS (SELECT facility_code f, count(*) n FROM conformed.encounter GROUP BY 1), b AS (SELECT f, n * 2 AS m FROM a)"
    " SELECT a.f, a.n, b.m FROM a JOIN b ON a.f = b.f ORDER BY 1",
    "WITH standard AS (SELECT 7 AS v) SELECT standard.v, count(*) FROM standard, standard.xml130_1 GROUP BY 1",
    "WITH a(x, y) AS (VALUES (1, 2), (3, 4)) SELECT sum(x), sum(y) FROM a",
    "WITH a AS (SELECT 1 AS v), b AS (WITH a AS (SELECT v + 1 AS v FROM a) SELECT v FROM a) SELECT a.v, b.v FROM a, b",
    "SELECT version_id, row_number() OVER (PARTITION BY facility_code ORDER BY version_id) FROM conformed.encounter ORDER BY 1",
    "SELECT version_id, sum(total_cost) OVER w FROM conformed.encounter WINDOW w AS (ORDER BY version_id"
    " ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) ORDER BY 1",
    "SELECT * FROM conformed.encounter QUALIFY rank() OVER (PARTITION BY facility_code ORDER BY total_cost DESC) = 1"
    " ORDER BY version_id",
    "SELECT facility_code FROM conformed.encounter UNION ALL SELECT code FROM quality.finding ORDER BY 1",
    "SELECT version_id FROM conformed.encounter EXCEPT SELECT version_id FROM quality.finding ORDER BY 1",
    "SELECT version_id FROM conformed.encounter e WHERE EXISTS (SELECT 1 FROM quality.finding q WHERE q.version_id ="
    " e.version_id) ORDER BY 1",
    "SELECT version_id FROM conformed.encounter WHERE facility_code IN (SELECT facility_code FROM derived.facility_week)"
    " ORDER BY 1",
    "SELECT (SELECT max(total_cost) FROM conformed.encounter) - total_cost FROM conformed.encounter ORDER BY 1",
    "SELECT upper(MA_BENH_CHINH) || '-' || substr(MA_BENH_CHINH, 1, 1), length(MA_BENH_CHINH) FROM standard.xml130_1 ORDER BY 1",
    "SELECT TEN_THUOC, regexp_extract(TEN_THUOC, '([a-z]+)', 1), TEN_THUOC ILIKE '%para%', strip_accents(TEN_THUOC)"
    " FROM standard.xml130_2 ORDER BY version_id, row_no",
    "SELECT MA_BENH_CHINH FROM standard.xml130_1 WHERE regexp_matches(MA_BENH_CHINH, '^J[0-9]') ORDER BY 1",
    "SELECT try_cast(SO_LUONG AS DECIMAL(18,3)), SO_LUONG::VARCHAR, cast(version_id AS DOUBLE) FROM standard.xml130_2 ORDER BY 1, 3",
    "SELECT CASE WHEN total_cost > 200 THEN 'cao' ELSE 'thấp' END AS muc, count(*) FROM conformed.encounter GROUP BY 1 ORDER BY 1",
    "SELECT coalesce(MA_BENH_KT, ''), nullif(MA_BENH_CHINH, 'J00'), greatest(1, version_id) FROM standard.xml130_1 ORDER BY 3",
    "SELECT string_split(MA_BENH_KT, ';')[1], len(string_split(MA_BENH_KT, ';')) FROM standard.xml130_1 ORDER BY version_id",
    "SELECT version_id, unnest(string_split(MA_BENH_KT, ';')) AS ma FROM standard.xml130_1 ORDER BY 1, 2",
    "SELECT x.version_id, u.ma FROM standard.xml130_1 x, unnest(string_split(x.MA_BENH_KT, ';')) AS u(ma) ORDER BY 1, 2",
    "SELECT list(version_id ORDER BY version_id), string_agg(facility_code, ',' ORDER BY version_id) FROM conformed.encounter",
    "SELECT list_transform([1, 2, 3], x -> x * 2), list_filter([1, 2, 3], x -> x > 1), [y + 1 for y in [1, 2] if y > 1]",
    "SELECT d.range AS ngay, count(e.version_id) FROM range(DATE '2026-01-01', DATE '2026-01-06', INTERVAL 1 DAY) d LEFT JOIN"
    " conformed.encounter e ON e.admitted::DATE = d.range GROUP BY 1 ORDER BY 1",
    "SELECT g.i FROM generate_series(1, 5) AS g(i) ORDER BY 1 DESC",
    "SELECT * EXCLUDE (total_cost) FROM conformed.encounter ORDER BY version_id LIMIT 2 OFFSET 1",
    "SELECT * REPLACE (round(total_cost / 3, 1) AS total_cost) FROM conformed.encounter ORDER BY version_id",
    "SELECT DISTINCT ON (facility_code) facility_code, version_id FROM conformed.encounter ORDER BY facility_code, version_id",
    "SELECT facility_code, count(*) FROM conformed.encounter GROUP BY ROLLUP (facility_code) ORDER BY 1 NULLS LAST",
    "SELECT facility_code, code, count(*) FROM quality.finding GROUP BY GROUPING SETS ((facility_code), (code), ()) ORDER BY ALL",
    "SELECT total_cost // 7, total_cost % 7, -total_cost, abs(-3), 2 ** 3, 7 & 3 FROM conformed.encounter ORDER BY 1, 2",
    "SELECT s.a, s['b'] FROM (SELECT {'a': 1, 'b': 'x'} AS s)",
    "SELECT e.version_id, n.c FROM conformed.encounter e, LATERAL (SELECT count(*) AS c FROM standard.xml130_2 x WHERE"
    " x.version_id = e.version_id) n ORDER BY 1",
    "SELECT lpad(facility_code, 8, '0'), total_cost BETWEEN 100 AND 200, NOT (total_cost > 100) FROM conformed.encounter"
    " ORDER BY version_id",
    "SELECT version_id FROM standard.xml130_1 WHERE MA_BENH_KT IS NULL OR MA_BENH_KT IS NOT DISTINCT FROM '' ORDER BY 1",
    "SELECT count(*) FROM (SELECT version_id FROM conformed.encounter LIMIT 3) AS t",
    "SELECT arg_max(version_id, total_cost), any_value(facility_code) IS NOT NULL, count_if(total_cost > 1)"
    " FROM conformed.encounter",
    "SELECT strptime('20260105', '%Y%m%d'), make_date(2026, 1, 5), last_day(DATE '2026-02-03'), epoch(TIMESTAMP '2026-01-01')",
    "SELECT COLUMNS('.*_code') FROM conformed.encounter ORDER BY version_id",
]


@pytest.fixture(scope="module")
def engine() -> Iterator[duckdb.DuckDBPyConnection]:
    con = duckdb.connect()
    con.execute("""
        CREATE SCHEMA standard; CREATE SCHEMA conformed; CREATE SCHEMA derived; CREATE SCHEMA quality;
        CREATE TABLE standard.xml130_1 AS SELECT i AS version_id, 1 AS row_no, ['J00', 'A09', 'I10'][i % 3 + 1]
            AS MA_BENH_CHINH, [NULL, '', 'E11;I10', 'K29'][i % 4 + 1] AS MA_BENH_KT FROM range(1, 9) r(i);
        CREATE TABLE standard.xml130_2 AS SELECT i // 2 AS version_id, i % 2 + 1 AS row_no, 'paracetamol ' || i
            AS TEN_THUOC, ['1', '2.5', 'x'][i % 3 + 1] AS SO_LUONG FROM range(2, 12) r(i);
        CREATE TABLE conformed.encounter AS SELECT i AS version_id, ['52001', '52002', '64003'][i % 3 + 1] AS facility_code,
            TIMESTAMP '2026-01-01 08:30:00' + to_days(i::INT % 5) AS admitted, TIMESTAMP '2026-01-04 10:00:00'
            + to_days(i::INT) AS discharged, (i * 37.5)::DECIMAL(18,2) AS total_cost FROM range(1, 9) r(i);
        CREATE TABLE derived.facility_week AS SELECT '52001' AS facility_code, 3 AS encounters;
        CREATE TABLE quality.finding AS SELECT i AS version_id, '52001' AS facility_code, 'IN-X' AS code
            FROM range(1, 4) r(i);
    """)
    yield con
    con.close()


@pytest.mark.parametrize("sql", HONEST)
def test_honest_sql_runs_and_agrees_with_the_engine(engine: duckdb.DuckDBPyConnection, sql: str) -> None:
    checked = check(sql, DATASETS)
    names = [relation.placeholder for relation in checked.relations] + checked.cte_names
    second_opinion(engine, checked.text, names)
    text = checked.text
    for relation in checked.relations:
        text = text.replace(relation.placeholder, f"(SELECT * FROM {relation.dataset})")
    expected = engine.execute(sql)
    rows, names = expected.fetchall(), [column[0] for column in expected.description or []]
    got = engine.execute(text)
    got_names = [column[0] for column in got.description or []]
    # The engine names a nameless expression after its text, which is written anew; chosen names must be kept.
    plain = [place for place, name in enumerate(names) if name.isidentifier()]
    assert [got_names[place] for place in plain] == [names[place] for place in plain]
    assert not any(RESERVED in name for name in got_names)
    assert got.fetchall() == rows


def test_there_are_enough_honest_statements() -> None:
    assert len(HONEST) >= 30
