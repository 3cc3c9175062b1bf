"""What scores read of a lake: current rows only, and nothing of a dataset without rows."""

from __future__ import annotations

import duckdb
import pyarrow as pa

from bienho.contracts import catalogue
from bienho.lake import SUPERSEDED
from bienho.pipeline import scores
from bienho.quality.scores import READS

DOSSIER = "standard.xml130_dossier"


def test_replaced_versions_are_left_out_and_what_has_no_rows_is_not_asked() -> None:
    with duckdb.connect() as connection:
        connection.execute("ATTACH ':memory:' AS lake; CREATE SCHEMA lake.standard")
        for name in (DOSSIER, SUPERSEDED):
            connection.execute(catalogue()[name].ddl("lake"))
        connection.execute(f"INSERT INTO lake.{DOSSIER} BY NAME SELECT unnest([1, 2]) AS version_id")
        counts = dict.fromkeys(READS, 0) | {DOSSIER: 2}

        def versions() -> list[int]:
            rows = connection.execute(f"SELECT version_id FROM ({scores._current(DOSSIER, counts)})").fetchall()
            return sorted(version for (version,) in rows)

        assert versions() == [1, 2]
        connection.execute(f"INSERT INTO lake.{SUPERSEDED} BY NAME SELECT 1 AS version_id")
        counts[SUPERSEDED] = 1
        assert versions() == [2]
    for name in READS.keys() - {DOSSIER, SUPERSEDED}:
        empty = scores._current(name, counts)
        assert isinstance(empty, pa.Table)
        assert {*READS[name]} <= {*empty.column_names}
        assert empty.num_rows == 0
