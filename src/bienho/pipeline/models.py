"""Runs the rooms' SQL models: on the rows of one batch, on everything, or on touched partitions.

A model reads `standard.x`, `conformed.x`, `reference.x`. Those names are bound in the session's memory catalog to
the right rows first, so one SQL text serves every way of running (law 4).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from functools import cache, partial

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from bienho.contracts import casts, catalogue, quick_casts
from bienho.contracts.models import Model, order_models

ZONES = ("standard", "conformed", "reference", "quality", "derived")


MANY = 1_000
"""Rows of a table from which on it pays to compose its different texts by themselves."""
SHARED = 4
"""How many rows a text must be said by, on average, for that."""


class ModelRunner:
    """Binds names and computes models into temporary tables; storing them is the caller's transaction.

    A name is bound when the first model asks for it: most batches hold few of the tables, binding and planning cost
    more than the rows of a small batch, and rows nobody asks for go to the lake from where they lie.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, models: Sequence[Model]) -> None:
        self._connection = connection
        self._bound: set[str] = set()
        self._empty: set[str] = set()
        self._held: set[str] = set()
        self._waiting: dict[str, Callable[[], None]] = {}
        self._rows: dict[str, pa.Table] = {}
        self._fits: dict[str, dict[str, quick_casts.Fits]] = {}
        self.models = order_models(models)
        self._cast = frozenset(field for model in self.models for field in quick_casts.cast_fields(model.sql))
        connection.execute(quick_casts.MACROS)
        for zone in ZONES:
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS memory.{zone}")

    @property
    def revision(self) -> str:
        """Changes when any model's SQL or the casts change; stored in the journal with what was computed by it."""
        return revision_of(self.models)

    def bind_rows(self, tables: Mapping[str, pa.Table]) -> None:
        """Bind names to Arrow tables: the rows of one batch.

        Copied, not scanned where they lie: between some sizes DuckDB pushes a Bloom filter of a join into the scan,
        and its scan of Arrow refuses that ("not supported in PyArrow Scans"), which would stop the batch for ever.
        """
        for name, table in tables.items():
            if table.num_rows:
                self._empty.discard(name)
                self._rows[name] = table
                self._waiting[name] = partial(self._bind_rows, name)
        self.bind_empty(name for name, table in tables.items() if not table.num_rows)

    def _bind_rows(self, name: str) -> None:
        received = self._rows[name]
        fits = quick_casts.fits_of(received, self._cast)
        told = self._told(name, received, fits) if received.num_rows >= MANY else received
        self._bind(name, told)
        self._held.add(name)
        self._fits[name] = fits
        if told is not received:
            self._rows[name] = received  # what is stored is what was received

    def _told(self, name: str, table: pa.Table, fits: dict[str, quick_casts.Fits]) -> pa.Table:
        """The rows with those texts composed of which models ask nothing but how they read: each different one once.

        `fits` then says so of these columns.
        """
        alone = _texts_alone(self.models, name)
        open_texts = [field for field, kinds in fits.items() if field in alone and "text" not in kinds]
        spelled = {field: pc.dictionary_encode(table.column(field).combine_chunks()) for field in sorted(open_texts)}
        few = {field: column for field, column in spelled.items() if SHARED * len(column.dictionary) <= len(column)}
        if not few:
            return table
        texts = pa.concat_arrays([column.dictionary for column in few.values()])
        self._connection.register("incoming", pa.table({"text": texts}))
        said = self._connection.execute(quick_casts.SAID).to_arrow_table().column("text").combine_chunks()
        self._connection.unregister("incoming")
        start = 0
        for field, column in few.items():
            end = start + len(column.dictionary)
            read = said.slice(start, end - start).take(column.indices)
            table = table.set_column(table.schema.get_field_index(field), table.schema.field(field), read)
            fits[field] = frozenset(("text",))
            start = end
        return table

    def _bind(self, name: str, table: pa.Table) -> None:
        self._connection.register("incoming", table)
        self._see(name, "SELECT * FROM incoming", kind="TABLE")
        self._connection.unregister("incoming")

    def bind_empty(self, names: Iterable[str]) -> None:
        """Bind names to no rows."""
        for name in (name for name in names if name not in self._empty):
            columns = ", ".join(f'NULL::{field.physical_type} AS "{field.name}"' for field in catalogue()[name].fields)
            bind = partial(self._see, name, f"SELECT {columns} WHERE false", empty=True)
            if name in self._bound:
                bind()
            else:
                self._empty.add(name)
                self._rows.pop(name, None)
                self._waiting[name] = bind

    def _see(self, name: str, query: str, *, kind: str = "VIEW", empty: bool = False) -> None:
        statement = f"CREATE OR REPLACE {kind} memory.{name} AS {query}"
        try:
            self._connection.execute(statement)
        except duckdb.CatalogException:
            # what has the name is of the other kind, which CREATE does not replace
            self._connection.execute(f"DROP {'VIEW' if kind == 'TABLE' else 'TABLE'} IF EXISTS memory.{name}")
            self._connection.execute(statement)
        self._bound.add(name)
        self._waiting.pop(name, None)
        self._rows.pop(name, None)
        self._fits.pop(name, None)
        self._held.discard(name)
        (self._empty.add if empty else self._empty.discard)(name)

    def store_rows(self, connection: duckdb.DuckDBPyConnection, names: Iterable[str]) -> None:
        """Append the rows that names were bound to, to their lake tables, inside the caller's transaction."""
        for name in names:
            if name in self._rows:
                connection.register("incoming", self._rows[name])
                connection.execute(f"INSERT INTO lake.{name} BY NAME FROM incoming")
                connection.unregister("incoming")
            else:
                # bound already: to show an Arrow table to DuckDB once more costs milliseconds
                connection.execute(f"INSERT INTO lake.{name} BY NAME FROM memory.{name}")

    def let_go(self) -> None:
        """Let go of a batch's rows and of what was computed of them: the next one needs the room."""
        for name in self._rows:
            self._waiting.pop(name, None)
        self._rows.clear()
        for name in self._held & self._bound:
            self._connection.execute(f"DROP TABLE memory.{name}")
            self._bound.discard(name)
            self._fits.pop(name, None)
        self._held.clear()

    def forget(self) -> None:
        """Take names as not bound: another runner of this connection has bound some to other rows."""
        self._bound.clear()
        self._empty.clear()
        self._fits.clear()

    def bind_queries(self, queries: Mapping[str, str]) -> None:
        """Bind names to queries over the lake."""
        for name, query in queries.items():
            self._see(name, query)

    def bind_copies(self, names: Iterable[str], kept: MutableMapping[str, pa.Table]) -> None:
        """Bind names to copies in memory of small lake tables (the reference lists), read once for many batches.

        `kept` holds what was read of them before, and takes what is read now.
        """
        for name in names:
            self._waiting[name] = partial(self._copy, name, kept)

    def ready(self, names: Iterable[str]) -> None:
        """Bind those of the names that wait to be asked for; for statements that are no models."""
        for name in self._waiting.keys() & set(names):
            self._waiting.pop(name)()

    def _copy(self, name: str, kept: MutableMapping[str, pa.Table]) -> None:
        if name not in kept:
            kept[name] = self._connection.execute(f"FROM lake.{name}").to_arrow_table()
        self._bind(name, kept[name])

    def compute(self) -> dict[str, str]:
        """Run the models in order; returns model name → table in memory that holds its rows.

        A model none of whose rows are in the batch is not run and not in the answer.
        """
        outputs = {}
        for model in self.models:
            if rows_of(model) and rows_of(model) <= self._empty:
                self.bind_empty([model.name])
                continue
            self.ready(model.reads)
            self._see(model.name, self._short(model), kind="TABLE")
            self._held.add(model.name)
            outputs[model.name] = f"memory.{model.name}"
        return outputs

    def _short(self, model: Model) -> str:
        """A model's SQL with casts as short as the rows allow that are bound now; unchanged over rows not looked at."""
        fits: dict[str, quick_casts.Fits] = {}
        for name in model.reads:
            if not name.startswith("standard.") or name in self._empty:
                continue
            if name not in self._fits:
                return model.sql
            for field, kinds in self._fits[name].items():
                fits[field] = fits.get(field, kinds) & kinds
        return quick_casts.quicker(model.sql, fits)


def revision_of(models: Iterable[Model]) -> str:
    """Changes when the SQL of one of the models, in their order, or the casts change."""
    digest = hashlib.sha256(casts.MACROS.encode())
    for model in models:
        digest.update(f"{model.name}\0{model.sql}\0".encode())
    return digest.hexdigest()[:12]


@cache
def _texts_alone(models: tuple[Model, ...], name: str) -> frozenset[str]:
    """Of a standard table the fields of which its models ask nothing but how they read as texts."""
    if not name.startswith("standard."):
        return frozenset()
    return quick_casts.texts_alone(model.sql for model in models if name in model.reads)


def rows_of(model: Model) -> set[str]:
    """What gives a model its rows; dossier heads and code lists only add to them (a test holds that)."""
    return {name for name in model.reads if name != "standard.xml130_dossier" and not name.startswith("reference.")}


def store(connection: duckdb.DuckDBPyConnection, outputs: Mapping[str, str]) -> None:
    """Append computed rows to their lake tables, inside the caller's transaction."""
    for name, held in outputs.items():
        # to ask is a tenth of what it costs to write nothing
        if connection.execute(f"FROM {held} LIMIT 1").fetchone() is not None:
            connection.execute(f"INSERT INTO lake.{name} BY NAME SELECT * FROM {held}")
