"""A new lake from raw beside the old, and the comparison that holds law 4: incremental = rebuild."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from typing import Any

import duckdb
import psycopg

from bienho.contracts import catalogue
from bienho.core.errors import BienhoError
from bienho.database import Role
from bienho.database.lake_schemas import create_lake_schema, drop_lake_schema, empty_lake_schema, lake_schemas
from bienho.lake import SUPERSEDED, Lake
from bienho.pipeline import persons, scores
from bienho.pipeline.app import App, prepare
from bienho.pipeline.catalog import DEFAULT_CATALOG, current_catalog, lake_folders, next_catalog, use_catalog
from bienho.pipeline.heads import Heads
from bienho.pipeline.ingest import compute_derived, open_writer, process_pending
from bienho.pipeline.isolation import forget, known_poison
from bienho.pipeline.signatures import judge_all, judged

# The journal tells how the rows came to be, not what they are: its batches differ between two ways to the same end.
log = logging.getLogger(__name__)
COMPARED_ZONES = ("standard", "conformed", "quality", "derived", "reference")


@dataclass(frozen=True, slots=True)
class RebuildReport:
    """Digests per table of the rebuilt lake, and of the old one where they were compared.

    `dropped_versions`: replaced versions whose rows a job has removed from the old lake; left out on both sides.
    """

    deliveries: int
    digests: dict[str, str]
    compared: dict[str, str] | None
    catalog: str
    vault_written: int
    dropped_versions: int = 0

    @property
    def different(self) -> list[str]:
        """Tables whose rows differ; empty when nothing was compared or all is equal."""
        return [name for name, digest in (self.compared or {}).items() if self.digests.get(name) != digest]

    def as_dict(self) -> dict[str, Any]:
        return {
            "deliveries": self.deliveries,
            "catalog": self.catalog,
            "vault_written": self.vault_written,
            "dropped_versions": self.dropped_versions,
            "compared": self.compared is not None,
            "equal": self.compared is not None and not self.different,
            "different": self.different,
            "digests": self.digests,
        }


def rebuild(app: App, *, compare: bool, progress: Callable[[int, int], None] | None = None) -> RebuildReport:
    """Read everything in raw again into a new lake.

    With `compare` the digests of both lakes are reported and nothing is changed; without, the new lake is put in use
    by one rename and the old one stays until `bienho job clean`.
    """
    app.home.require_raw()
    with app.database.writer_lock(), app.database.connect(Role.WORKER, autocommit=True) as connection:
        name = next_catalog(app.home)
        heads = Heads(connection, name)
        # what a rebuild that was killed had noted of its attempts stays: this one must get past the same place
        _discard(app, heads, name)
        dropped, compared = 0, None
        try:
            create_lake_schema(app.database, name)
            with (
                _in_use(app) if compare else nullcontext() as used,
                Lake.open(app.home, app.database, read_only=False, catalog=name) as fresh,
            ):
                # what waits in the lake in use for a job of its own (persons, signatures, scores) is no difference
                poison = known_poison(used) if used else _poison(app)
                link = used is None or persons.follows(used)
                deliveries, written = _fill(app, fresh, name, poison, progress, link=link)
                judge_all(fresh, app.raw, app.limits, judged(used) if used else None)
                if used is None or scores.follows(used):
                    scores.refresh(fresh)
                if used is not None:
                    gone = _dropped(used)
                    dropped = len(gone)
                    _drop(fresh, gone)
                digests = digest_all(fresh)
                if used is not None:
                    compared = _digests_in_use(used)
        except BaseException:
            # where the database went away, the next rebuild or `job clean` clears up; what went wrong is told
            with suppress(psycopg.Error, BienhoError):
                _discard(app, heads, name)
                forget(connection, name)
            raise
        if compare:
            _discard(app, heads, name)
            forget(connection, name)
        else:
            persons.tell(app, current_catalog(app.home), name)
            use_catalog(app.home, name)
    return RebuildReport(deliveries, digests, compared, name, written, dropped)


def digest_all(lake: Lake) -> dict[str, str]:
    """Order-independent digests of every compared table, over current rows; `standard` over all versions too."""
    names = [name for name, contract in catalogue().items() if contract.zone in COMPARED_ZONES]
    digests = lake.table_digests(names, versions="current")
    versioned = [name for name in names if catalogue()[name].versioned]
    # where nothing was replaced, all versions are the current ones
    replaced = lake.table_counts()[SUPERSEDED]
    every = lake.table_digests(versioned, versions="all") if replaced else {name: digests[name] for name in versioned}
    return {**digests, **{f"{name} (mọi phiên bản)": digest for name, digest in every.items()}}


def _fill(
    app: App,
    lake: Lake,
    name: str,
    aside: dict[int, str],
    progress: Callable[[int, int], None] | None,
    *,
    link: bool,
) -> tuple[int, int]:
    prepare(lake)
    total = app.raw.last_seq()
    deliveries = written = 0
    with open_writer(app, lake, name) as writer:
        writer.isolation.aside.update(aside)
        for batch in process_pending(app.raw, writer):
            deliveries += len(batch.outcomes)
            written += batch.vault_written
            if progress:
                progress(batch.outcomes[-1].judged.header.seq, total)
            del batch  # all that was read, while the next is read
        compute_derived(writer)
        if link:
            persons.refresh(app, lake, writer.judge, name, told=False)
    return deliveries, written


@contextmanager
def _in_use(app: App) -> Iterator[Lake]:
    """The lake in use, to look at only."""
    with Lake.open(app.home, app.database, read_only=True, catalog=current_catalog(app.home)) as lake:
        yield lake


def _poison(app: App) -> dict[int, str]:
    """What the lake in use says cannot be processed: it is not tried again here, `quarantine replay` does that.

    A lake too broken to be asked is what a rebuild is for; then everything is tried.
    """
    try:
        with _in_use(app) as lake:
            return known_poison(lake)
    except (BienhoError, duckdb.Error) as error:
        log.warning("rebuild: the lake in use could not be asked (%s)", type(error).__name__)
        return {}


def _digests_in_use(lake: Lake) -> dict[str, str]:
    """Digests of the lake in use, without those of tables that a job of its own has still to make."""
    found = digest_all(lake)
    left_out = [] if scores.follows(lake) else list(scores.TABLES)
    if persons.made(lake) and not persons.follows(lake):
        left_out.append(persons.LINK)
    return {name: one for name, one in found.items() if name not in left_out}


def _dropped(lake: Lake) -> list[int]:
    """Versions that the lake in use knows to be replaced and no longer holds (`bienho job drop-superseded`).

    A version of which only some rows are gone is not among them: that must show as a difference.
    """
    rows = lake.connection.execute(
        "SELECT version_id FROM lake.standard.superseded"
        " ANTI JOIN lake.standard.xml130_dossier USING (version_id) ORDER BY version_id"
    ).fetchall()
    return [version for (version,) in rows]


def _drop(lake: Lake, versions: Sequence[int]) -> None:
    """Take the same versions out of the rebuilt lake before it is compared (and thrown away)."""
    if not versions:
        return

    def work(connection: duckdb.DuckDBPyConnection) -> None:
        for name, contract in catalogue().items():
            if contract.versioned:
                connection.execute(f"DELETE FROM lake.{name} WHERE version_id IN (SELECT unnest(?))", [list(versions)])

    lake.commit(work, author="bienho-worker", message="compare", deliveries=())


def clean(app: App) -> list[str]:
    """Remove every lake of this home but the one in use: those a rebuild replaced, and those a kill left behind."""
    current = current_catalog(app.home)
    with app.database.connect(Role.WORKER, autocommit=True) as connection:
        names = sorted({*lake_schemas(app.database), *lake_folders(app.home)} - {current, DEFAULT_CATALOG})
        for name in names:
            _discard(app, Heads(connection, name), name)
            forget(connection, name)
        for name in persons.indexes(app) - {current}:
            persons.discard(app, name)
        if current != DEFAULT_CATALOG:
            # its schema came with the database and is emptied, not dropped
            Heads(connection, DEFAULT_CATALOG).forget()
            forget(connection, DEFAULT_CATALOG)
            if empty_lake_schema(app.database, DEFAULT_CATALOG) or (app.home.lake_dir / DEFAULT_CATALOG).exists():
                Lake.remove_files(app.home, DEFAULT_CATALOG)
                names.append(DEFAULT_CATALOG)
    return names


def _discard(app: App, heads: Heads, name: str) -> None:
    heads.forget()
    persons.discard(app, name)
    drop_lake_schema(app.database, name)
    Lake.remove_files(app.home, name)
