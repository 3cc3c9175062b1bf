"""Looks at blocks before they are stamped, on a connection of its own: stencils wanted, keys to seal by, visits."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bienho.synthetic.places import Map
from bienho.synthetic.straight import costs, rows, stamp
from bienho.synthetic.straight.rows import Block
from bienho.synthetic.straight.seals import KEYS
from bienho.synthetic.straight.stencil import CORE, Numbered

_SENT = 16_384
"""Rows of a chunk: a part of a table is sent to another process with all the bytes of its chunks."""
_TOLD = ("ma_lk", "ma_bn", "version_id")
_OF_STENCIL = ("visit_no", "newborn", "young", *CORE)
_KEPT = ", ".join(dict.fromkeys((*_OF_STENCIL, *_TOLD, *KEYS)))
_LACKING = pa.schema([("class", pa.string()), ("lacking", pa.int64())])
_OWN = pa.schema([("visit_no", pa.int64()), ("stencil_no", pa.int64())])
_CLASSES = pa.schema([("class", pa.string()), ("numbers", pa.list_(pa.int64()))])


@dataclass(frozen=True, slots=True)
class Ahead:
    """A block that has been looked at: the visits whose stencils it lacks, their texts, and what all its visits are
    sealed by (KEYS and CORE, `visit_no`)."""

    block: Block
    numbered: list[Numbered]
    texts: dict[int, dict[str, Any]]
    keys: pa.Table

    def told(self) -> pa.Table:
        """VISITS of the block with their numbers in the lake, by `visit_no`."""
        visits = self.block.visits.take(_order(self.block.visits, "visit_no"))
        numbers = self.keys.select(["visit_no", *_TOLD]).take(_order(self.keys, "visit_no"))
        if not visits.column("visit_no").equals(numbers.column("visit_no")):
            raise ValueError("what was looked at is not the visits of the block")
        for name in _TOLD:
            visits = visits.append_column(name, numbers.column(name))
        return visits


def _order(table: pa.Table, by: str) -> pa.Array:
    return pa.array(np.argsort(table.column(by).to_numpy(), kind="stable"))


class Looker:
    """What is known of the blocks so far. Blocks are looked at one by one, and each becomes its visits before the
    next."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, atlas: Map, seed: int, variants: int, shared: int
    ) -> None:
        """`connection`: of the database the blocks are written by, and used for nothing else."""
        self._connection = connection
        self._seed, self._variants, self._shared = seed, variants, shared
        self.made = 0
        self.classes: dict[str, list[int]] = {}
        self._seen: dict[str, int] = {}
        self._deliveries = 0
        self._blocks = 0
        for name, table in (
            ("facilities", rows.facility_table(atlas)),
            ("communes", rows.commune_table(atlas)),
            ("olds", rows.old_table(atlas)),
        ):
            self._see(name, table)

    def look(self, block: Block) -> Ahead:
        """Look up what is known of the visits of a block, and choose those whose stencils are wanted yet."""
        connection = self._connection
        self._see("block_people", block.people)
        self._see("block_homes", block.homes)
        self._see("block_courses", block.courses)
        self._see("block_births", block.births)
        self._see("block_visits", block.visits)
        for name, query in stamp.LOOKED_UP.items():
            connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {query}")
        counted = connection.execute("SELECT class, count(*) FROM known GROUP BY class").fetchall()
        lacking = {}
        for name, count in counted:
            seen = self._seen[name] = self._seen.get(name, 0) + count
            more = min(self._variants, 1 + seen // self._shared) - len(self.classes.get(name, ()))
            if more > 0:
                lacking[name] = more
        self._see("lacking", pa.table([list(lacking), list(lacking.values())], schema=_LACKING))
        wanted = connection.execute(
            "SELECT visit_no, class FROM known JOIN lacking USING (class)"
            " QUALIFY row_number() OVER (PARTITION BY class ORDER BY visit_no) <= lacking ORDER BY visit_no"
        ).fetchall()
        numbers = [number for number, _ in wanted]
        objects = block.objects(numbers)
        numbered = [(self.made + place, number, objects[number]) for place, number in enumerate(numbers, 1)]
        self.made += len(wanted)
        for (number, _, _), (_, name) in zip(numbered, wanted, strict=True):
            self.classes.setdefault(name, []).append(number)
        keys = self._keys(numbered, [name for name, _ in counted])
        few = keys.select(_OF_STENCIL).filter(pc.is_in(keys["visit_no"], pa.array(numbers, pa.int64())))
        return Ahead(block, numbered, {told["visit_no"]: told for told in few.to_pylist()}, keys)

    def _keys(self, numbered: list[Numbered], classes: list[str]) -> pa.Table:
        """Give the visits of a block, which are of `classes`, their stencils and their numbers in the lake; what they
        are sealed by."""
        own = pa.table([[n for _, n, _ in numbered], [n for n, _, _ in numbered]], schema=_OWN)
        self._see("own_stencils", own)
        self._see("classes", pa.table([classes, [self.classes[name] for name in classes]], schema=_CLASSES))
        query = stamp.NUMBERED.format(last=self._deliveries)
        self._connection.execute(f"CREATE OR REPLACE TEMP TABLE numbered AS {query}")
        named = f"SELECT {_KEPT} FROM ({stamp.named(self._seed)})"
        keys = self._connection.execute(named).to_arrow_table()
        order = _order(keys, "version_id")  # Arrow orders so many columns at a fraction of what DuckDB takes
        return pa.concat_tables(keys.take(order[at : at + _SENT]) for at in range(0, len(order), _SENT))

    def visits(self, sums: Iterable[pa.Table]) -> tuple[str, int, int, int]:
        """Give the visits of the block looked at last what they cost, by the SUMS of its stencils: the table of the
        database that then holds them, its first and last delivery, how many visits. The table is the caller's to drop.
        """
        held = f"SELECT stencil_no, insured, {costs.SUM_TEXTS} FROM incoming"
        for table in sums:
            self._show(f"CREATE TEMP TABLE IF NOT EXISTS {costs.SUMS} AS {held} LIMIT 0", table)
            self._show(f"INSERT INTO temp.{costs.SUMS} BY NAME {held}", table)
        self._blocks += 1
        # no table of the one connection alone: it is made on this one and read on the other
        name = f"memory.visits_{self._blocks}"
        self._connection.execute(f"CREATE TABLE {name} AS {stamp.told(self._seed)}")
        row = self._connection.execute(f"SELECT max(delivery_seq), count(*) FROM {name}").fetchone()
        first = self._deliveries + 1
        if row and row[1]:
            self._deliveries = int(row[0])
        return name, first, self._deliveries, int(row[1]) if row else 0

    def _see(self, name: str, table: pa.Table) -> None:
        """A table of this connection: copied, for DuckDB's scan of Arrow refuses filters that joins push down."""
        self._show(f"CREATE OR REPLACE TEMP TABLE {name} AS FROM incoming", table)

    def _show(self, statement: str, table: pa.Table) -> None:
        show(self._connection, statement, table)


def show(connection: duckdb.DuckDBPyConnection, statement: str, table: pa.Table) -> None:
    """Run a statement that finds the table as `incoming`."""
    connection.register("incoming", table)
    connection.execute(statement)
    connection.unregister("incoming")
