"""Persons kept up to date as records come and go."""

from bienho.linkage.index.digests import digester
from bienho.linkage.index.index import Changes, Index
from bienho.linkage.index.memory import MemoryStore
from bienho.linkage.index.postgres import PostgresStore
from bienho.linkage.index.store import Cause, Matcher, Move, Store, Tie
from bienho.linkage.index.tables import drop_tables, empty_tables, open_tables

__all__ = [
    "Cause", "Changes", "Index", "Matcher", "MemoryStore", "Move", "PostgresStore", "Store", "Tie", "digester",
    "drop_tables", "empty_tables", "open_tables",
]  # fmt: skip
