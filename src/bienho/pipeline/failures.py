"""What a command says when PostgreSQL or the lake is lost under it, at a place that has no word of its own for that."""

from __future__ import annotations

import duckdb
import psycopg

from bienho.core.errors import BienhoError
from bienho.database.failures import translate
from bienho.lake.failures import translated


def lost_store(error: Exception) -> BienhoError | None:
    """The error of the tree for a failure of a store; None for a fault of the program, which keeps its traceback.

    What DuckDB says of values is never passed on: it quotes them.
    """
    if isinstance(error, psycopg.Error):
        return translate(error, "PostgreSQL")
    if isinstance(error, duckdb.CatalogException | duckdb.BinderException | duckdb.ParserException):
        return None
    return translated(error, "Lệnh chưa làm xong") if isinstance(error, duckdb.Error) else None
