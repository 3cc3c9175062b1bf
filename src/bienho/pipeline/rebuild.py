"""A new lake from raw beside the old, and the comparison that holds law 4: incremental = rebuild."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bienho.contracts import catalogue
from bienho.database import Role
from bienho.database.lake_schemas import create_lake_schema, drop_lake_schema
from bienho.lake import Lake
from bienho.pipeline.app import App, prepare
from bienho.pipeline.catalog import current_catalog, next_catalog, use_catalog
from bienho.pipeline.derive import derive
from bienho.pipeline.heads import Heads
from bienho.pipeline.ingest import open_writer, process_pending

# The journal tells how the rows came to be, not what they are: its batches differ between two ways to the same end.
COMPARED_ZONES = ("standard", "conformed", "quality", "derived", "reference")


@dataclass(frozen=True, slots=True)
class RebuildReport:
    """Digests per table of the rebuilt lake, and of the old one where they were compared."""

    deliveries: int
    digests: dict[str, str]
    compared: dict[str, str] | None
    catalog: str
    vault_written: int

    @property
    def different(self) -> list[str]:
        """Tables whose rows differ; empty when nothing was compared or all is equal."""
        return [name for name, digest in (self.compared or {}).items() if self.digests.get(name) != digest]

    def as_dict(self) -> dict[str, Any]:
        return {
            "deliveries": self.deliveries,
            "catalog": self.catalog,
            "vault_written": self.vault_written,
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
    name = next_catalog(app.home)
    create_lake_schema(app.database, name)
    with app.database.writer_lock(), app.database.connect(Role.WORKER, autocommit=True) as connection:
        heads = Heads(connection, name)
        heads.forget()
        try:
            with Lake.open(app.home, app.database, read_only=False, catalog=name) as fresh:
                deliveries, written = _fill(app, fresh, name, progress)
                digests = digest_all(fresh)
            compared = _compare_with_current(app) if compare else None
        except BaseException:
            _discard(app, heads, name)
            raise
        if compare:
            _discard(app, heads, name)
        else:
            use_catalog(app.home, name)
    return RebuildReport(deliveries, digests, compared, name, written)


def digest_all(lake: Lake) -> dict[str, str]:
    """Order-independent digests of every compared table, over current rows; `standard` over all versions too."""
    names = [name for name, contract in catalogue().items() if contract.zone in COMPARED_ZONES]
    digests = lake.table_digests(names, versions="current")
    every = lake.table_digests([name for name in names if catalogue()[name].versioned], versions="all")
    return {**digests, **{f"{name} (mọi phiên bản)": digest for name, digest in every.items()}}


def _fill(app: App, lake: Lake, name: str, progress: Callable[[int, int], None] | None) -> tuple[int, int]:
    prepare(lake)
    total = app.raw.last_seq()
    deliveries = written = 0
    with open_writer(app, lake, name) as writer:
        for batch in process_pending(app.raw, writer):
            deliveries += len(batch.outcomes)
            written += batch.vault_written
            if progress:
                progress(batch.outcomes[-1].judged.header.seq, total)
        derive(lake, writer.runner.revision)
    return deliveries, written


def _compare_with_current(app: App) -> dict[str, str]:
    with Lake.open(app.home, app.database, read_only=True, catalog=current_catalog(app.home)) as lake:
        return digest_all(lake)


def _discard(app: App, heads: Heads, name: str) -> None:
    heads.forget()
    drop_lake_schema(app.database, name)
    Lake.remove_files(app.home, name)
