"""The press: blocks become stencils, sealed records and lines, what is next being made while one is written."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass

import pyarrow as pa

from bienho.pipeline.straight import Rows, Straight
from bienho.standards.xml130.versions import TABLES
from bienho.synthetic.crew import beside
from bienho.synthetic.places import Map
from bienho.synthetic.straight import costs, stamp
from bienho.synthetic.straight.looking import Ahead, Looker, show
from bienho.synthetic.straight.rows import Block
from bienho.synthetic.straight.seals import Sealers
from bienho.synthetic.straight.stencil import Stencils

VARIANTS = 6
"""Stencils of one class of visits at most."""
SHARED = 100
"""Visits of a class for each further stencil of it: rare classes have one."""
AHEAD = 2
"""Blocks made ready beside the one that is written, at most: memory must hold them."""
HEAD = "standard.xml130_dossier"
_NAMES = [f"standard.xml130_{table.removeprefix('XML')}" for table in TABLES]
_COSTLY = frozenset(map(stamp.stencils, costs.LINES))


@dataclass(frozen=True, slots=True)
class Ready:
    """A block whose records are in the vault: its new stencils, the table with its visits (`Looker.visits`), SEALED,
    and what is told of its visits as truth."""

    block: Block
    stencils: dict[str, list[pa.Table]]
    visits: str
    first: int
    last: int
    count: int
    sealed: pa.Table
    told: pa.Table


class Press:
    """Stamps blocks. The stencils of a class are made when its first visits come, and serve all later ones."""

    def __init__(
        self,
        writer: Straight,
        sealing: Sealers,
        atlas: Map,
        seed: int,
        variants: int = VARIANTS,
        shared: int = SHARED,
    ) -> None:
        self._writer, self._sealing = writer, sealing
        self._connection = writer.connection
        self.looker = Looker(writer.connection.cursor(), atlas, seed, variants, shared)
        self._known: set[str] = set()

    def take(self, blocks: Iterable[Block]) -> Generator[tuple[Ready, dict[str, int]], None, None]:
        """Blocks into vault and lake, each committed when it is given, with its rows per dataset.

        This process writes the lines of one block; the next ones are made ready beside, by a thread that looks at them
        and the processes that cut and seal.
        """
        with closing(beside(self._ready(blocks), AHEAD)) as coming:
            for ready in coming:
                yield ready, self._write(ready)

    def _ready(self, blocks: Iterable[Block]) -> Iterator[Ready]:
        """Have stencils cut and records sealed. While a block is sealed the next one is looked at."""
        coming = iter(blocks)
        ahead = self._looked(coming)
        while (now := ahead) is not None:
            self._sealing.begin(now.numbered, now.texts)
            made = self._sealing.made()
            self._sealing.start([form for one in made for form in one.forms], now.keys)
            stencils = _of_all(made)
            visits = self.looker.visits(stencils.pop(costs.SUMS, ()))
            ahead = self._looked(coming)
            yield Ready(now.block, stencils, *visits, self._sealing.wait(), now.told())

    def _looked(self, coming: Iterator[Block]) -> Ahead | None:
        block = next(coming, None)
        return self.looker.look(block) if block else None

    def _write(self, ready: Ready) -> dict[str, int]:
        for name, tables in ready.stencils.items():
            self._keep(name, pa.concat_tables(tables))
        show(self._connection, "CREATE OR REPLACE TEMP TABLE sealed AS FROM incoming", ready.sealed)
        queries = {name: stamp.lines(name, ready.visits) for name in _NAMES if stamp.stencils(name) in self._known}
        queries["standard.delivery"] = stamp.DELIVERIES.format(visits=ready.visits)
        queries[HEAD] = stamp.HEADS.format(visits=ready.visits)
        counts = self._writer.write(Rows(queries, ready.first, ready.last, ready.count))
        self._connection.execute(f"DROP TABLE {ready.visits}")
        return counts

    def _keep(self, name: str, table: pa.Table) -> None:
        """Stencils of a dataset beside those there are."""
        chosen = f"SELECT *{costs.LINE_TEXTS if name in _COSTLY else ''} FROM incoming"
        if name in self._known:
            show(self._connection, f"INSERT INTO temp.{name} BY NAME {chosen}", table)
        else:
            self._known.add(name)
            show(self._connection, f"CREATE OR REPLACE TEMP TABLE {name} AS {chosen}", table)


def _of_all(made: Iterable[Stencils]) -> dict[str, list[pa.Table]]:
    """Name of the table of stencils → its new rows, in parts."""
    parts: dict[str, list[pa.Table]] = {}
    for some in made:
        for dataset, table in some.tables.items():
            parts.setdefault(stamp.stencils(dataset), []).append(table)
    return parts
