"""One opened Bienho: the home, its keys, its database, and the stores that stand on them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from bienho.config import DEFAULT, Home, KeyRing, Limits, load_keys
from bienho.contracts import casts, catalogue
from bienho.database import Database, open_database, storage_errors
from bienho.governance import Gate
from bienho.lake import Lake, RawStore
from bienho.lake.failures import lake_errors
from bienho.pipeline.catalog import current_catalog
from bienho.pipeline.journal import note_tables, tables_of
from bienho.privacy import Vault


@dataclass(slots=True)
class App:
    """Everything a command needs; made by `open_app`, passed down, never global."""

    home: Home
    keys: KeyRing
    database: Database
    raw: RawStore
    vault: Vault
    limits: Limits

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
            Lake.open(
                self.home, self.database, read_only=False, threads=threads, catalog=current_catalog(self.home)
            ) as lake,
        ):
            prepare(lake)
            yield lake


def prepare(lake: Lake) -> None:
    """Tables from the contracts and the macros the models use.

    To compare every column costs more than a small delivery, so the journal notes what the tables were made from.
    """
    wanted = _tables_wanted()
    if tables_of(lake) != wanted:
        lake.create_tables(list(catalogue().values()))
        note_tables(lake, wanted)
    lake.install_macros(casts.MACROS)


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
        database.migrate()
        yield App(home, keys, database, RawStore(home, keys), Vault(keys, database), limits)
