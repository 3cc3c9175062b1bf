"""Hostile SQL must be refused before anything runs, by the checker or by the engine's second opinion."""

from __future__ import annotations

import duckdb
import pytest

from bienho.core.errors import BienhoError, LimitError
from bienho.governance.engine_check import second_opinion
from bienho.governance.sql_check import SqlRefused, check, masked

DATASETS = {"standard.xml130_1", "standard.xml130_2", "conformed.encounter"}

HOSTILE = [
    # other statements
    "INSERT INTO standard.xml130_1 VALUES (1)",
    "UPDATE standard.xml130_1 SET row_no = 2",
    "DELETE FROM standard.xml130_1",
    "CREATE TABLE x AS SELECT * FROM standard.xml130_1",
    "CREATE OR REPLACE VIEW standard.xml130_1 AS SELECT 1",
    "CREATE MACRO leak() AS TABLE SELECT 1",
    "CREATE SECRET s (TYPE postgres, HOST 'x')",
    "DROP TABLE standard.xml130_1",
    "ALTER TABLE standard.xml130_1 ADD COLUMN x INT",
    "COPY standard.xml130_1 TO '/tmp/out.csv'",
    "COPY (SELECT * FROM standard.xml130_1) TO '/tmp/out.parquet'",
    "EXPORT DATABASE '/tmp/out'",
    "IMPORT DATABASE '/tmp/out'",
    "ATTACH '/etc/passwd' AS p",
    "DETACH lake",
    "USE lake",
    "INSTALL httpfs",
    "LOAD '/tmp/evil.duckdb_extension'",
    "SET enable_external_access = true",
    "RESET ALL",
    "PRAGMA database_list",
    "CALL lake.set_option('encrypted', 'false')",
    "CALL ducklake_cleanup_old_files('lake')",
    "EXPLAIN ANALYZE SELECT * FROM standard.xml130_1",
    "DESCRIBE standard.xml130_1",
    "SUMMARIZE standard.xml130_1",
    "SHOW ALL TABLES",
    "FROM (SUMMARIZE standard.xml130_1)",
    "FROM (DESCRIBE standard.xml130_1)",
    "FROM (SHOW ALL TABLES)",
    "PREPARE q AS SELECT 1",
    "EXECUTE q",
    "VACUUM",
    "CHECKPOINT",
    "BEGIN",
    "PIVOT standard.xml130_1 ON row_no",
    "SELECT * FROM (PIVOT standard.xml130_1 ON row_no USING count(*))",
    "UNPIVOT standard.xml130_1 ON COLUMNS(*) INTO NAME n VALUE v",
    "SELECT 1; DROP TABLE standard.xml130_1",
    "SELECT 1; SELECT 2",
    "",
    ";",
    "-- chỉ có ghi chú",
    "SELECT * INTO x FROM standard.xml130_1",
    "SELECT * FROM standard.xml130_1 FOR UPDATE",
    # files
    "SELECT * FROM '/etc/passwd'",
    "SELECT * FROM 'lake/data/*.parquet'",
    'SELECT * FROM "/etc/passwd.csv"',
    "FROM 's3://bucket/x.parquet'",
    "SELECT * FROM standard.xml130_1, 'x.csv'",
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM read_csv_auto('/etc/passwd')",
    "SELECT * FROM READ_PARQUET(['a.parquet'])",
    "SELECT * FROM \"read_csv\"('/etc/passwd')",
    "SELECT * FROM main.read_text('/etc/passwd')",
    "SELECT * FROM system.main.read_blob('/etc/passwd')",
    "SELECT * FROM read_json('/x.json')",
    "SELECT * FROM read_ndjson_objects('/x')",
    "SELECT * FROM read_duckdb('/x.db')",
    "SELECT * FROM parquet_scan('x.parquet')",
    "SELECT * FROM parquet_metadata('x.parquet')",
    "SELECT * FROM parquet_schema('x.parquet')",
    "SELECT * FROM parquet_kv_metadata('x.parquet')",
    "SELECT * FROM sniff_csv('/etc/passwd')",
    "SELECT * FROM glob('/**')",
    "SELECT read_text('/etc/passwd')",
    "SELECT (SELECT content FROM read_text('/etc/passwd'))",
    "SELECT 1 WHERE EXISTS (FROM read_csv('/etc/passwd'))",
    "SELECT 1 ORDER BY (SELECT count(*) FROM glob('/*'))",
    "SELECT * FROM standard.xml130_1 x JOIN read_csv('/etc/passwd') AS standard ON true",
    "WITH a AS (SELECT * FROM read_csv('/etc/passwd')) SELECT * FROM a",
    "SELECT * FROM standard.xml130_1, LATERAL (SELECT * FROM read_text('/etc/passwd')) t",
    "SELECT * FROM standard.xml130_1 LIMIT (SELECT count(*) FROM glob('/*'))",
    # catalogs, settings, secrets, other databases
    "SELECT * FROM __ducklake_metadata_lake.lake.ducklake_data_file",
    "SELECT * FROM lake.__ducklake_metadata_lake.ducklake_data_file",
    "SELECT * FROM __ducklake_metadata_lake.ducklake_data_file",
    "SELECT * FROM lake.standard.xml130_1",
    "SELECT * FROM memory.standard.xml130_1",
    "SELECT * FROM postgres_query('pg', 'SELECT * FROM vault.record')",
    "SELECT * FROM postgres_scan('host=x', 'vault', 'record')",
    "SELECT * FROM postgres_attach('x')",
    "CALL postgres_execute('pg', 'DROP SCHEMA vault')",
    "SELECT * FROM ducklake_snapshots('lake')",
    "SELECT * FROM ducklake_table_info('lake')",
    "SELECT * FROM ducklake_list_files('lake', 'x')",
    "SELECT * FROM lake.snapshots()",
    "SELECT * FROM duckdb_secrets()",
    "SELECT * FROM duckdb_settings()",
    "SELECT * FROM duckdb_tables()",
    "SELECT * FROM duckdb_views",
    "SELECT * FROM duckdb_logs",
    "SELECT * FROM which_secret('x', 's3')",
    "SELECT * FROM pragma_database_list()",
    "SELECT * FROM pragma_table_info('x')",
    "SELECT * FROM pg_catalog.pg_tables",
    "SELECT * FROM pg_class",
    "SELECT * FROM sqlite_master",
    "SELECT * FROM information_schema.tables",
    'SELECT * FROM "information_schema"."columns"',
    "SELECT * FROM standard.superseded_missing",
    "SELECT * FROM vault.record",
    "SELECT * FROM journal.batch",
    "SELECT * FROM governance.audit_event",
    "SELECT * FROM xml130_1",
    "SELECT current_setting('secret_directory')",
    "SELECT getenv('HOME')",
    "SELECT getvariable('x')",
    "SELECT current_user, session_user",
    "SELECT current_database()",
    "SELECT version()",
    "SELECT pg_get_viewdef('x')",
    "SELECT txid_current()",
    "SELECT currval('s'), nextval('s')",
    "SELECT in_search_path('a', 'b')",
    # text that becomes code
    "SELECT * FROM query('SELECT * FROM duckdb_secrets()')",
    "SELECT * FROM query_table('standard.xml130_1')",
    "SELECT * FROM query_table(['a', 'b'])",
    "FROM \"query\"('SELECT 1')",
    "SELECT * FROM sql_auto_complete('SEL')",
    "SELECT json_serialize_sql('SELECT 1')",
    "SELECT json_execute_serialized_sql('x')",
    "FROM json_execute_serialized_sql('x')",
    "SELECT list_aggregate([1], 'sum')",
    "SELECT error('x')",
    "SELECT write_log('x')",
    "SELECT '1'::my_type",
    "SELECT 'x'::regclass",
    "SELECT CAST('x' AS system.main.evil)",
    # shadowing and disguise
    "WITH standard AS (SELECT 1) SELECT * FROM standard.secret",
    "WITH a AS (WITH sqlite_master AS (SELECT 1) SELECT 1) SELECT * FROM sqlite_master",
    "WITH a AS (SELECT * FROM b), b AS (SELECT 1) SELECT * FROM a",
    "WITH a AS (SELECT 1), a AS (SELECT 2) SELECT * FROM a",
    "SELECT * FROM (WITH duckdb_tables AS (SELECT 1) SELECT 1) x, duckdb_tables",
    "WITH RECURSIVE t AS (SELECT 'a' s UNION ALL SELECT s || s FROM t) SELECT * FROM t",
    "SELECT * FROM standard.xml130_1 AS read_csv, read_csv('/etc/passwd')",
    'SELECT * FROM standard . /* x */ "xml130_9"',
    "SELECT * FROM ｓtandard.xml130_1",
    "SELECT * FROM stаndard.xml130_1",
    "SELECT * FROM standard.xml130_1\u200b",
    "SELECT * FROM re\u0430d_csv('/etc/passwd')",
    "SELECT * FROM __bienho_rel_0__",
    "SELECT '__bienho_rel_0__'",
    'SELECT 1 AS "__BIENHO_x"',
    "SELECT 1 /* */ ; /* */ COPY standard.xml130_1 TO 'x'",
    "SELECT 1 UNION SELECT * FROM read_csv('/etc/passwd')",
    "SELECT CASE WHEN true THEN getenv('HOME') END",
    "SELECT sum(getenv('HOME')::INT) OVER ()",
    "SELECT list_transform([1], x -> getenv('HOME'))",
    "SELECT [getenv('HOME') for x in [1]]",
    "SELECT 'HOME'.getenv()",
    "SELECT standard.getenv('HOME')",
    "SELECT * FROM standard.xml130_1 t, t.read_csv('x')",
    "SELECT * FROM unnest((SELECT list(x) FROM read_csv('x') x))",
    "SELECT * FROM VALUES (getenv('HOME')) t",
    # time travel, chance, clock, growth
    "SELECT * FROM standard.xml130_1 AT (VERSION => 1)",
    "SELECT * FROM standard.xml130_1 AT (TIMESTAMP => '2020-01-01')",
    "SELECT * FROM standard.xml130_1 TABLESAMPLE 10%",
    "SELECT * FROM standard.xml130_1 USING SAMPLE 5 ROWS",
    "SELECT random()",
    "SELECT uuid()",
    "SELECT now()",
    "SELECT current_date",
    "SELECT age(TIMESTAMP '2020-01-01')",
    "SELECT repeat('a', 1000000000)",
    "SELECT lpad('a', 1000000000, 'x')",
    "SELECT lpad('a', version_id, 'x') FROM standard.xml130_1",
    "SELECT range(1000000000)",
    "SELECT printf('%1000000000d', 1)",
    "SELECT $1",
    "SELECT ?",
    "SELECT * FROM standard.xml130_1 WHERE version_id = :v",
    "SELECT * FROM repeat_row('x', num_rows = 1000000000)",
    "SELECT * FROM test_all_types()",
    "SELECT * FROM standard.xml130_1 WHERE " + "(" * 70 + "1" + ")" * 70,
    "SELECT " + "+".join(["1"] * 9000),
    "SELECT '" + "a" * 30_000 + "'",
]


def _judge(sql: str) -> None:
    checked = check(sql, DATASETS)
    second_opinion(duckdb.connect(), checked.text, [r.placeholder for r in checked.relations] + checked.cte_names)


@pytest.mark.parametrize("sql", HOSTILE)
def test_hostile_sql_is_refused(sql: str) -> None:
    with pytest.raises(BienhoError) as refusal:
        _judge(sql)
    assert refusal.type in (SqlRefused, LimitError)
    assert refusal.value.code.startswith(("USE-SQL-", "LIM-SQL-"))
    assert "/etc/passwd" not in refusal.value.message


def test_there_are_enough_hostile_statements() -> None:
    assert len(HOSTILE) >= 60


ENGINE_ONLY = [
    "SELECT * FROM __bienho_rel_0__ AT (VERSION => 1)",
    "SELECT * FROM main.__bienho_rel_0__",
    "SELECT * FROM duckdb_secrets()",
    "SELECT getenv('HOME') FROM __bienho_rel_0__",
    "SELECT * FROM '/etc/passwd'",
    "SELECT range(1000000000)",
    "SELECT 1; SELECT 2",
    "SUMMARIZE __bienho_rel_0__",
    "COPY __bienho_rel_0__ TO 'x'",
    "WITH RECURSIVE t AS (SELECT 1 UNION ALL SELECT 1 FROM t) SELECT * FROM t",
    "FROM __bienho_rel_0__ TABLESAMPLE 5%",
    "SELECT sum(x) OVER () FROM unnest([1]) t(x), read_csv('x')",
    "SELECT system.main.getenv('x')",
]


@pytest.mark.parametrize("text", ENGINE_ONLY)
def test_the_second_opinion_alone_refuses_what_the_first_should_have(text: str) -> None:
    with pytest.raises(SqlRefused):
        second_opinion(duckdb.connect(), text, ["__bienho_rel_0__", "t"])


def test_what_is_kept_of_a_statement_for_the_log_holds_no_value() -> None:
    checked = check(
        "SELECT 'Nguyễn Văn A' AS \"Trần Thị B\", MA_BENH_CHINH FROM standard.xml130_1 -- 0912345678\n"
        "WHERE MA_BENH_CHINH = '052090001234' AND version_id = 1000001 AND row_no = 3",
        DATASETS,
    )
    text = masked(checked.tree, {"ma_benh_chinh", "version_id", "row_no", "xml130_1"})
    for value in ("Nguyễn", "Trần", "0912345678", "052090001234", "1000001"):
        assert value not in text
    assert "MA_BENH_CHINH" in text
    assert "row_no = 3" in text
