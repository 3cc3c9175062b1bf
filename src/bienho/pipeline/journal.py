"""What `journal.batch` says of a lake: how far it reaches, and by which texts its rows were made.

Every command asks it a dozen things, and each question to a lake costs its catalog more than the rows do. So it is read
once between two commits of the one writer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import duckdb

from bienho.lake import Lake

INGEST, REMAP, REPLAY, ERASE, TWIN = "ingest", "remap", "replay", "erase", "twin"
REWRITING = (REMAP, REPLAY, ERASE)
"""Stages that took rows out or wrote them anew."""
TABLES = "tables"
MAPPING = (INGEST, *REWRITING, TWIN)
"""Stages that wrote rows of `conformed`; their batches have numbers of their own."""
_SUMMARY = """
    SELECT stage, max(batch_id), coalesce(max(last_seq), 0), arg_max({'text': model_revision}, batch_id).text,
        coalesce(max(batch_id) FILTER (versions IS NULL OR versions > 0), 0)
    FROM lake.journal.batch WHERE NOT starts_with(stage, 'signatures ') GROUP BY stage
"""


@dataclass(frozen=True, slots=True)
class Stage:
    """The newest batch of a stage, its model text, the highest receipt, the newest batch that added or replaced rows
    (one that does not say is taken to have)."""

    batch_id: int
    last_seq: int
    revision: str | None
    changed: int


@dataclass(frozen=True, slots=True)
class Journal:
    """The journal by stage."""

    stages: Mapping[str, Stage]

    @property
    def last_batch(self) -> int:
        """Number of the newest batch, 0 in an empty lake."""
        return max((stage.batch_id for stage in self.stages.values()), default=0)

    @property
    def last_seq(self) -> int:
        """Receipt sequence up to which deliveries are in the lake."""
        return self.stages[INGEST].last_seq if INGEST in self.stages else 0

    @property
    def mapped_by(self) -> str | None:
        """The model text of the newest batch that wrote `conformed`; None where none was written."""
        newest = max((self.stages[name] for name in MAPPING if name in self.stages), key=_number, default=None)
        return None if newest is None else newest.revision or ""

    @property
    def last_change(self) -> int:
        """The newest batch that added, replaced or rewrote versions."""
        added = (self.stages[name].changed for name in (INGEST, TWIN) if name in self.stages)
        return max((self.last_rewrite, *added))

    @property
    def last_rewrite(self) -> int:
        """The newest batch of a replay, a remap or an erasure."""
        return max((self.stages[name].batch_id for name in REWRITING if name in self.stages), default=0)


def read_journal(lake: Lake) -> Journal:
    """The journal as the last commit of `lake` left it; the writer lock keeps others from writing to it."""
    commits, journal = _READ.get(lake, (-1, Journal({})))
    if commits != lake.commits:
        rows = lake.connection.execute(_SUMMARY).fetchall()
        commits, journal = lake.commits, Journal({stage: Stage(*said) for stage, *said in rows})
        _READ[lake] = commits, journal
    return journal


def follow(lake: Lake, before: int, added: Mapping[str, Stage]) -> None:
    """Let what was read of the journal follow the one commit since `before`, which only added these rows to it.

    `added` is the row of each stage: its batch, never older than those before; its last receipt; its text; and the
    batch again where versions came or went, 0 where not.
    """
    commits, journal = _READ.get(lake, (-1, Journal({})))
    if commits == before and lake.commits == before + 1:
        stages = {name: _joined(journal.stages.get(name), row) for name, row in added.items()}
        _READ[lake] = lake.commits, Journal({**journal.stages, **stages})


def _joined(old: Stage | None, row: Stage) -> Stage:
    if old is None:
        return row
    return Stage(row.batch_id, max(old.last_seq, row.last_seq), row.revision, max(old.changed, row.changed))


def tables_of(lake: Lake) -> str | None:
    """What `note_tables` noted; None in a lake without a journal."""
    try:
        known = read_journal(lake).stages.get(TABLES)
    except duckdb.CatalogException:
        return None
    return known.revision if known else None


def note_tables(lake: Lake, revision: str) -> None:
    """Note what the tables of the lake were made from."""

    def work(connection: duckdb.DuckDBPyConnection) -> None:
        # batch 0: it orders nothing
        connection.execute("DELETE FROM lake.journal.batch WHERE stage = ?", [TABLES])
        connection.execute(
            "INSERT INTO lake.journal.batch BY NAME SELECT 0 AS batch_id, ? AS stage, ? AS model_revision",
            [TABLES, revision],
        )

    lake.commit(work, author="bienho", message="tables", deliveries=())


def _number(stage: Stage) -> int:
    return stage.batch_id


_READ: WeakKeyDictionary[Lake, tuple[int, Journal]] = WeakKeyDictionary()
