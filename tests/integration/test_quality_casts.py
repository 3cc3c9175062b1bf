"""Cast findings over rows as the reader makes them, in a DuckDB with the standard tables."""

from __future__ import annotations

from collections.abc import Callable

import duckdb

from bienho.contracts import casts, catalogue
from bienho.quality import describe_cast_finding
from bienho.standards.xml130 import TABLES, Dossier, columns, read_delivery
from bienho.standards.xml130.write import write_delivery
from support.cast_sql import cast_findings_sql
from support.xml130_samples import make_tables, tables_of, versioned

Tables = dict[str, list[dict[str, str]]]


def findings(version: str, change: Callable[[Tables], None]) -> list[tuple]:
    tables = make_tables(version, lines=3, tables=tables_of(version))
    change(tables)
    data = write_delivery([tables], facility="64001", created="20260103", version=version)
    (dossier,) = read_delivery(data).dossiers
    assert isinstance(dossier, Dossier)
    with duckdb.connect() as connection:
        connection.execute(casts.MACROS)
        connection.execute("CREATE SCHEMA standard")
        for dataset, table in columns.build([versioned(dossier)]).items():
            connection.register("incoming", table)
            connection.execute(f"CREATE TABLE {dataset} AS FROM incoming")
        found = []
        for table in TABLES:
            sql = cast_findings_sql(catalogue()[columns.dataset_of(table)])
            assert sql is not None
            found += connection.execute(f"SELECT * FROM ({sql}) ORDER BY ALL").fetchall()
        return found


def test_sound_rows_have_none() -> None:
    for version in ("4210", "130", "4750", "3176"):
        assert findings(version, lambda tables: None) == []


def test_each_misfit_is_named_once_with_its_rule() -> None:
    def change(tables: Tables) -> None:
        tables["XML1"][0].update(NGAY_VAO="202602300930", GT_THE_TU="20260101;", CAN_NANG="55,5", NGAY_SINH="19900203")
        tables["XML2"][1].update(SO_LUONG="1,5", DON_GIA="1e5", THANH_TIEN_BV="")
        tables["XML4"][2]["NGAY_KQ"] = "2026"

    version = 1_000_001
    assert findings("3176", change) == [
        (version, "XML1", 1, "CAN_NANG", "IN-CAST", 3),
        (version, "XML1", 1, "GT_THE_TU", "IN-CAST", 25),
        (version, "XML1", 1, "NGAY_SINH", "IN-CAST", 29),
        (version, "XML1", 1, "NGAY_VAO", "IN-CAST", 34),
        (version, "XML2", 2, "DON_GIA", "IN-CAST", 84),
        (version, "XML2", 2, "SO_LUONG", "IN-CAST", 84),
        (version, "XML4", 3, "NGAY_KQ", "IN-CAST", None),
    ]


def test_a_birth_date_of_eight_digits_is_right_in_4210() -> None:
    assert findings("4210", lambda tables: tables["XML1"][0].update(NGAY_SINH="19900203")) == []


def test_message_says_what_was_expected() -> None:
    finding = describe_cast_finding("XML1", 1, "NGAY_VAO", "IN-CAST", 34)
    assert (finding.severity, finding.rule, finding.row, finding.field) == ("error", 34, 1, "NGAY_VAO")
    assert "yyyymmddHHMM" in finding.message


def test_nothing_declared_gives_no_sql() -> None:
    assert cast_findings_sql(catalogue()["standard.delivery"]) is None
