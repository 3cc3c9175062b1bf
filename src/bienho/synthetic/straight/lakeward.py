"""A twin straight into the lake and the vault of a home of its own, for size: stencils, stamp, seals, block by block.

Clean first dossiers only: no dirt, no resends, no bare files. Truth lies beside, as Parquet: every person, every visit
with its version in the lake.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from bienho.config import load_profile
from bienho.core.garbage import uncollected
from bienho.pipeline import App
from bienho.pipeline.judge import Judge
from bienho.pipeline.straight import Rows, Straight, finish, straight, twin_home
from bienho.standards.xml130.versions import TABLES
from bienho.synthetic.crew import workers
from bienho.synthetic.events import effects_table, outbreaks_table
from bienho.synthetic.places import Map
from bienho.synthetic.plan import Plan
from bienho.synthetic.straight import costs, rows, stamp
from bienho.synthetic.straight.rows import Block, Twin
from bienho.synthetic.straight.seals import KEYS, Sealers, sealers
from bienho.synthetic.straight.stencil import CORE, Numbered, Stencils

Progress = Callable[[int, int], None]
"""Called with (dossiers in the lake, dossiers in all)."""
BLOCK = 60_000
"""Visits that go to the lake together: what memory must hold."""
VARIANTS = 6
"""Stencils of one class of visits at most."""
SHARED = 100
"""Visits of a class for each further stencil of it: rare classes have one."""
_SENT = 16_384
"""Rows of a chunk: a part of a table is sent to another process with all the bytes of its chunks."""
_HEAD = "standard.xml130_dossier"
_COSTLY = frozenset(map(stamp.stencils, costs.LINES))


@dataclass(slots=True)
class LakeSummary:
    """What went in: `lines` counts rows of all XML tables, `stencils` the dossiers that were built."""

    persons: int = 0
    dossiers: int = 0
    lines: int = 0
    stencils: int = 0
    classes: int = 0
    rows: dict[str, int] = field(default_factory=dict)

    def as_dict(self) -> dict[str, object]:
        """Plain values for `--json`."""
        return asdict(self)


def fill(
    plan: Plan,
    app: App,
    truth: Path | None = None,
    progress: Progress | None = None,
    *,
    conform: bool = True,
    processes: int | None = None,
    block: int = BLOCK,
    variants: int = VARIANTS,
    shared: int = SHARED,
) -> LakeSummary:
    """Put a twin into the empty home of `app`, and what follows from it into `conformed` and `derived`.

    `truth`: a folder for people.parquet, visits.parquet and plan.json. Without `conform` the blocks go to `standard`
    alone and are mapped whole at the end. `processes` seal, None: as many as `BIENHO_CORES` allows.
    Errors: ConfigError CFG-HOME-TWIN, UsageError (plan), StorageError.
    """
    twin_home(app.home)
    atlas = Map(load_profile("gialai"), plan.facilities)
    twin = Twin(plan, atlas, processes or workers())
    total = len(twin.events.visits)
    judge = Judge(app.vault, app.keys, app.limits)
    sealing = sealers(app.vault, judge, atlas, plan.seed, processes or workers(1 if total < block else None))
    summary = LakeSummary(persons=twin.persons)
    with uncollected(), _Truth(truth, plan, twin) as told, sealing as crew:
        with straight(app, conform=conform) as writer, app.vault.filling():
            press = Press(writer, crew, atlas, plan.seed, variants, shared)
            for one, counts in press.take(twin.blocks(block)):
                summary.dossiers += counts.pop(_HEAD)
                counts.pop("standard.delivery")
                for name, count in counts.items():
                    table = f"XML{name.rpartition('_')[2]}"
                    summary.rows[table] = summary.rows.get(table, 0) + count
                told.add(press, one)
                if progress:
                    progress(summary.dossiers, total)
            summary.stencils, summary.classes = press.made, len(press.classes)
        finish(app, conformed=conform)
    summary.lines = sum(summary.rows.values())
    return summary


@dataclass(frozen=True, slots=True)
class _Ahead:
    """A block that has been looked at: the visits whose stencils it lacks, their texts, and what all its visits are
    sealed by."""

    block: Block
    numbered: list[Numbered]
    texts: dict[int, dict[str, Any]]
    keys: pa.Table


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
        self._seed, self._variants, self._shared = seed, variants, shared
        self.connection = writer.connection
        self._looking = writer.connection.cursor()
        self.made = 0
        self.classes: dict[str, list[int]] = {}
        self._seen: dict[str, int] = {}
        self._deliveries = 0
        self._known: set[str] = set()
        for name, table in (
            ("facilities", rows.facility_table(atlas)),
            ("communes", rows.commune_table(atlas)),
            ("olds", rows.old_table(atlas)),
        ):
            self._see(name, table)

    def take(self, blocks: Iterable[Block]) -> Iterator[tuple[Block, dict[str, int]]]:
        """Blocks into vault and lake, each committed when it is given, with its rows per dataset.

        Those who seal and cut go from one to the other: as soon as the stencils of a block are made its records are
        sealed, and as soon as these are in the vault the stencils of the next are made. Meanwhile this process writes
        the lines of the block, looks at the next one beside, and commits when the vault has the records.
        """
        coming = iter(blocks)
        ahead = self._look(next(coming, None))
        if ahead is not None:
            self._sealing.begin(ahead.numbered, ahead.texts)
        with ThreadPoolExecutor(2) as beside:
            while (now := ahead) is not None:
                made = self._sealing.made()
                self._sealing.start([form for one in made for form in one.forms], now.keys)
                first, count = self._number(made)
                del made
                looked = beside.submit(lambda: self._look(next(coming, None)))
                sealed = beside.submit(self._sealed, looked)
                names = [f"standard.xml130_{table.removeprefix('XML')}" for table in TABLES]
                queries = {name: stamp.lines(name) for name in names if stamp.stencils(name) in self._known}
                queries["standard.delivery"] = stamp.DELIVERIES
                block_rows = Rows(queries, {_HEAD: stamp.HEADS}, first, self._deliveries, count)
                counts = self._writer.write(block_rows, partial(self._hold_sealed, sealed))
                ahead = looked.result()
                yield now.block, counts

    def _hold_sealed(self, sealed: Future[pa.Table]) -> None:
        self.hold("sealed", sealed.result())

    def _sealed(self, looked: Future[_Ahead | None]) -> pa.Table:
        """Wait until a block is sealed, and have the stencils of the one ahead begun."""
        done, ahead = self._sealing.wait(), looked.result()
        if ahead is not None:
            self._sealing.begin(ahead.numbered, ahead.texts)
        return done

    def _look(self, block: Block | None) -> _Ahead | None:
        """Look up what is known of the visits of a block, and choose those whose stencils are wanted yet."""
        if block is None:
            return None
        connection = self._looking
        self._see("block_people", block.people)
        self._see("block_homes", block.homes)
        self._see("block_courses", block.courses)
        self._see("block_births", block.births)
        self._see("block_visits", block.visits)
        for name, query in stamp.LOOKED_UP.items():
            connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {query}")
        counted = connection.execute("SELECT class, count(*) FROM classed GROUP BY class").fetchall()
        lacking = []
        for name, count in counted:
            seen = self._seen[name] = self._seen.get(name, 0) + count
            lacking.append(min(self._variants, 1 + seen // self._shared) - len(self.classes.get(name, ())))
        self._see("lacking", pa.table([[name for name, _ in counted], lacking], schema=_LACKING))
        connection.execute(
            "CREATE OR REPLACE TEMP TABLE wanted AS SELECT visit_no, class FROM classed JOIN lacking USING (class)"
            " QUALIFY row_number() OVER (PARTITION BY class ORDER BY visit_no) <= lacking"
        )
        chosen = stamp.texts(self._seed, "(FROM known SEMI JOIN wanted USING (visit_no))")
        wanted = connection.execute(
            f"SELECT visit_no, class, newborn, young, {', '.join(CORE)} FROM ({chosen}) JOIN wanted USING (visit_no)"
            " ORDER BY visit_no"
        ).to_arrow_table().to_pylist()  # fmt: skip
        numbers = [told["visit_no"] for told in wanted]
        objects = block.objects(numbers)
        numbered = [(self.made + place, number, objects[number]) for place, number in enumerate(numbers, 1)]
        self.made += len(wanted)
        for (number, _, _), told in zip(numbered, wanted, strict=True):
            self.classes.setdefault(told["class"], []).append(number)
        return _Ahead(block, numbered, {told["visit_no"]: told for told in wanted}, self._keys(numbered))

    def _keys(self, numbered: list[Numbered]) -> pa.Table:
        """Give the visits of a block their stencils and their numbers in the lake; what they are sealed by."""
        own = pa.table([[n for _, n, _ in numbered], [n for n, _, _ in numbered]], schema=_OWN)
        self._see("own_stencils", own)
        self._see("classes", pa.table([list(self.classes), list(self.classes.values())], schema=_CLASSES))
        query = stamp.NUMBERED.format(last=self._deliveries)
        self._looking.execute(f"CREATE OR REPLACE TEMP TABLE numbered AS {query}")
        wanted = ", ".join(dict.fromkeys((*KEYS, *CORE)))
        named = f"SELECT {wanted} FROM ({stamp.named(self._seed)}) ORDER BY version_id"
        return self._looking.execute(named).to_arrow_table(_SENT)

    def _number(self, made: Iterable[Stencils]) -> tuple[int, int]:
        """Keep the stencils of a block and give its visits what they cost; the first of its deliveries, and how many
        visits."""
        parts: dict[str, list[pa.Table]] = {}
        for some in made:
            for dataset, table in some.tables.items():
                parts.setdefault(stamp.stencils(dataset), []).append(table)
        for name, tables in parts.items():
            self._keep(name, pa.concat_tables(tables))
        # no table of the one connection alone: it is made on this one and written on the other
        self._looking.execute(f"CREATE OR REPLACE TABLE memory.visits AS {stamp.told(self._seed)}")
        first, (self._deliveries, count) = self._deliveries + 1, self._asked("max(delivery_seq), count(*)")
        return first, count

    def _keep(self, name: str, table: pa.Table) -> None:
        costly = costs.LINE_TEXTS if name in _COSTLY else ""
        connection = self._looking if name == costs.SUMS else self.connection
        if name in self._known:
            _show(connection, f"INSERT INTO temp.{name} BY NAME SELECT *{costly} FROM incoming", table)
        else:
            self._known.add(name)
            _show(connection, f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT *{costly} FROM incoming", table)

    def hold(self, name: str, table: pa.Table) -> None:
        """A table of this process's DuckDB: copied, for its scan of Arrow refuses filters that joins push down."""
        _show(self.connection, f"CREATE OR REPLACE TEMP TABLE {name} AS FROM incoming", table)

    def _see(self, name: str, table: pa.Table) -> None:
        """As `hold`, for the connection that looks at blocks."""
        _show(self._looking, f"CREATE OR REPLACE TEMP TABLE {name} AS FROM incoming", table)

    def _asked(self, what: str) -> tuple[int, int]:
        row = self._looking.execute(f"SELECT {what} FROM memory.visits").fetchone()
        return (int(row[0]), int(row[1])) if row and row[1] else (self._deliveries, 0)


def _show(connection: duckdb.DuckDBPyConnection, statement: str, table: pa.Table) -> None:
    """Run a statement that finds the table as `incoming`."""
    connection.register("incoming", table)
    connection.execute(statement)
    connection.unregister("incoming")


_LACKING = pa.schema([("class", pa.string()), ("lacking", pa.int64())])
_OWN = pa.schema([("visit_no", pa.int64()), ("stencil_no", pa.int64())])
_CLASSES = pa.schema([("class", pa.string()), ("numbers", pa.list_(pa.int64()))])


class _Truth:
    """Who is who and which version of the lake is whose visit; nothing where no folder is given."""

    def __init__(self, folder: Path | None, plan: Plan, twin: Twin) -> None:
        self._folder = folder
        self._writers: dict[str, pq.ParquetWriter] = {}
        self._people: pa.Table | None = None
        if folder is None:
            return
        folder.mkdir(parents=True, exist_ok=True)
        events, world = twin.events, twin.maker.world
        tables = {
            "births": events.births, "courses": events.courses, "cases": events.cases,
            "immunisations": events.immunisations, "outbreaks": outbreaks_table(world, events.cases),
            "scenarios": effects_table(world),
        }  # fmt: skip
        for name, table in tables.items():
            pq.write_table(table, folder / f"{name}.parquet", compression="zstd")
        text = json.dumps(plan.as_dict(), ensure_ascii=False, indent=2, sort_keys=True)
        (folder / "plan.json").write_text(text + "\n", encoding="utf-8")

    def add(self, press: Press, block: Block) -> None:
        """The visits of a block that has been written."""
        if self._folder is None:
            return
        press.hold("told_visits", block.visits)  # `block_visits` are the next block's by now
        named = press.connection.execute(
            "SELECT b.*, v.ma_lk, v.ma_bn, v.version_id"
            " FROM told_visits AS b JOIN visits AS v USING (visit_no) ORDER BY visit_no"
        ).to_arrow_table()
        self._write("visits", named)
        if self._people is None or self._people.column("person_no")[0] != block.people.column("person_no")[0]:
            self._people = block.people
            self._write("people", block.people)

    def _write(self, name: str, table: pa.Table) -> None:
        assert self._folder is not None  # noqa: S101 - asked for before
        if name not in self._writers:
            path = self._folder / f"{name}.parquet"
            self._writers[name] = pq.ParquetWriter(path, table.schema, compression="zstd")
        self._writers[name].write_table(table)

    def __enter__(self) -> _Truth:
        return self

    def __exit__(self, *_: object) -> None:
        for writer in self._writers.values():
            writer.close()
