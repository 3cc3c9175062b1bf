"""One table of records in the memory of an engine: features, candidate pairs, codes. Nothing spills to disk."""

from __future__ import annotations

from types import TracebackType
from typing import Self

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bienho.linkage.model.blocking import CROWD, RULES
from bienho.linkage.model.features import make_features
from bienho.linkage.model.score import code_sql
from bienho.linkage.model.terms import count


def engine() -> duckdb.DuckDBPyConnection:
    """A DuckDB that lives in memory alone: what does not fit is an error, never a file."""
    con = duckdb.connect(":memory:")
    con.execute("SET temp_directory = ''")
    con.execute("SET preserve_insertion_order = false")
    con.execute("SET enable_progress_bar = false")
    con.execute("SET python_enable_replacements = false")
    return con


def salt_of(seed: int) -> str:
    """The weights' own salt, 32 hex digits."""
    return np.random.default_rng([seed, 0x5A17]).bytes(16).hex()


class Workspace:
    """Records are numbered in the order of their ids, so that l < r says left < right."""

    def __init__(self, clean: pa.Table) -> None:
        self.con = engine()
        self.size = clean.num_rows
        ids = clean["record_id"].combine_chunks()
        if self.size > 1 and not pc.all(pc.less(ids[:-1], ids[1:])).as_py():
            clean = clean.take(pc.sort_indices(ids))
        self._clean = clean.add_column(0, "i", pa.array(np.arange(self.size, dtype=np.int32)))
        self.con.register("clean", self._clean)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.con.close()

    def count_terms(self, salt: str) -> dict[str, dict[str, int]]:
        """See `terms.count`."""
        return count(self.con, "clean", salt)

    def make_features(self, salt: str, classes: dict[str, dict[str, int]], *, broad: bool) -> None:
        """The table `feature`."""
        make_features(self.con, "clean", "feature", salt, classes, broad=broad)

    def pair(self) -> None:
        """The table `pair` (l, r, rules: one bit a rule)."""
        con = self.con
        con.execute("CREATE OR REPLACE TEMP TABLE met (l INTEGER, r INTEGER, rules INTEGER)")
        for number, rule in enumerate(RULES):
            con.execute(f"""
                CREATE OR REPLACE TEMP TABLE held AS
                SELECT {rule.hashed()} AS h, list(i) AS who FROM feature
                WHERE {rule.there()} GROUP BY 1 HAVING count(*) BETWEEN 2 AND {CROWD}
            """)
            con.execute(f"""
                INSERT INTO met SELECT l, r, {1 << number}
                FROM (SELECT who, unnest(who) AS l FROM held), unnest(who) AS u(r) WHERE l < r
            """)
        con.execute("DROP TABLE held")
        con.execute("CREATE OR REPLACE TABLE pair AS SELECT l, r, bit_or(rules) AS rules FROM met GROUP BY l, r")
        con.execute("DROP TABLE met")

    def code(self) -> None:
        """The table `coded` (l, r, code) of `pair`."""
        self.con.execute(f"CREATE OR REPLACE TABLE coded AS {code_sql('pair', 'feature')}")

    def met(self) -> pa.Table:
        """left, right of all candidate pairs, as record ids."""
        return self.con.execute("""
            SELECT a.record_id AS "left", b.record_id AS "right"
            FROM pair AS p JOIN feature AS a ON a.i = p.l JOIN feature AS b ON b.i = p.r
        """).to_arrow_table()
