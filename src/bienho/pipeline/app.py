"""One opened Bienho: the home, its keys, its database, and the stores that stand on them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import duckdb

from bienho.config import DEFAULT, Home, KeyRing, Limits, load_keys
from bienho.contracts import casts, catalogue
from bienho.core.errors import StorageError
from bienho.database import Database, open_database, storage_errors
from bienho.governance import Gate
from bienho.lake import Lake, RawStore
from bienho.lake.failures import lake_errors
from bienho.pipeline.catalog import current_catalog
from bienho.pipeline.journal import note_tables, tables_of
from bienho.privacy import Vault

WORN = 20_000
"""Versions after which another DuckDB takes over: over six commands of 13,000 dossiers, models and commits of the last
three took a tenth more CPU in one DuckDB than in one for each (an uneven machine, one row of each). Why is unknown."""


@dataclass(slots=True)
class App:
    """Everything a command needs; made by `open_app`, passed down, never global."""

    home: Home
    keys: KeyRing
    database: Database
    raw: RawStore
    vault: Vault
    limits: Limits
    _kept: Lake | None = field(default=None, repr=False)

    @contextmanager
    def reading(self, *, threads: int | None = None) -> Iterator[Gate]:
        """A gate over a sandboxed read-only lake: the only way doors read."""
        with Lake.open(
            self.home, self.database, read_only=True, threads=threads, sandbox=True, catalog=current_catalog(self.home)
        ) as lake:
            gate = Gate(lake, self.database, self.keys, self.home, limits=self.limits)
            try:
                yield gate
            finally:
                gate.close()

    @contextmanager
    def writing(self, *, threads: int | None = None, on_wait: Callable[[], None] | None = None) -> Iterator[Lake]:
        """The lake for the single writer, under the writer lock, with its tables there.

        StorageError and its kin when PostgreSQL or the lake fail in the middle: whatever was not committed is done
        again by the next run, and what DuckDB said stays unsaid, for it may quote a value.
        """
        with (
            storage_errors(self.database.place),
            lake_errors("Ghi kho dữ liệu"),
            self.database.writer_lock(on_wait=on_wait),
        ):
            lake = self._lent(threads)
            try:
                yield lake
                lake.forget()
            except BaseException:
                lake.close()  # whatever failed may have left anything in it
                raise
            self._kept = lake

    def _lent(self, threads: int | None) -> Lake:
        """The lake kept from before, as it is now; another where it is gone, worn, of another catalog or threads.

        To attach a lake costs as much as to take a small delivery in.
        """
        catalog = current_catalog(self.home)
        kept, self._kept = self._kept, None
        if kept is not None:
            try:
                if (kept.catalog, kept.threads) == (catalog, threads) and kept.written < WORN:
                    _bring_tables(kept)
                    return kept
            except (duckdb.Error, StorageError):
                pass  # the server was away since
            kept.close()
        lake = Lake.open(self.home, self.database, read_only=False, threads=threads, catalog=catalog)
        try:
            prepare(lake)
        except BaseException:
            lake.close()
            raise
        return lake

    def close(self) -> None:
        """Close the lake that was kept for the next writing."""
        kept, self._kept = self._kept, None
        if kept is not None:
            kept.close()


def prepare(lake: Lake) -> None:
    """Tables from the contracts and the macros the models use."""
    _bring_tables(lake)
    lake.install_macros(casts.MACROS)


def _bring_tables(lake: Lake) -> None:
    """Tables from the contracts.

    To compare every column costs more than a small delivery, so the journal notes what the tables were made from.
    """
    wanted = _tables_wanted()
    if tables_of(lake) != wanted:
        lake.create_tables(list(catalogue().values()))
        note_tables(lake, wanted)


@cache
def _tables_wanted() -> str:
    """Names the tables the contracts of this program ask for."""
    texts = [f"{contract.ddl()}{contract.versioned}" for contract in catalogue().values()]
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16]


@contextmanager
def open_app(path: Path | None = None, *, keep_running: bool = False, limits: Limits = DEFAULT) -> Iterator[App]:
    """Open an existing home; its database is started when needed and stopped again by the last user."""
    home = Home.open(path)
    keys = load_keys(home)
    with open_database(home, keys, keep_running=keep_running) as database:
        app = App(home, keys, database, RawStore(home, keys), Vault(keys, database), limits)
        try:
            yield app
        finally:
            app.close()
