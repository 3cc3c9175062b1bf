"""Runs the rooms' SQL models: on the rows of one batch, on everything, or on touched partitions.

A model reads `standard.x`, `conformed.x`, `reference.x`. Those names are bound in the session's memory catalog to
the right rows first, so one SQL text serves every way of running (law 4).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence

import duckdb
import pyarrow as pa

from bienho.contracts import casts
from bienho.contracts.models import Model, order_models

ZONES = ("standard", "conformed", "reference", "quality", "derived")


class ModelRunner:
    """Binds names and computes models into temporary tables; storing them is the caller's transaction."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, models: Sequence[Model]) -> None:
        self._connection = connection
        self.models = order_models(models)
        for zone in ZONES:
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS memory.{zone}")

    @property
    def revision(self) -> str:
        """Changes when any model's SQL or the casts change; stored in the journal with what was computed by it."""
        digest = hashlib.sha256(casts.MACROS.encode())
        for model in self.models:
            digest.update(f"{model.name}\0{model.sql}\0".encode())
        return digest.hexdigest()[:12]

    def bind_rows(self, tables: Mapping[str, pa.Table]) -> None:
        """Bind names to Arrow tables: the rows of one batch."""
        for name, table in tables.items():
            alias = "batch_" + name.replace(".", "_")
            self._connection.register(alias, table)
            self._connection.execute(f"CREATE OR REPLACE TEMP VIEW bound_{alias} AS SELECT * FROM {alias}")
            self._connection.execute(f"CREATE OR REPLACE VIEW memory.{name} AS SELECT * FROM {alias}")

    def bind_queries(self, queries: Mapping[str, str]) -> None:
        """Bind names to queries over the lake."""
        for name, query in queries.items():
            self._connection.execute(f"CREATE OR REPLACE VIEW memory.{name} AS {query}")

    def bind_copies(self, names: Iterable[str]) -> None:
        """Bind names to copies in memory of small lake tables (the reference lists), read once for many batches."""
        for name in names:
            self._connection.execute(f"CREATE OR REPLACE TABLE memory.{name} AS SELECT * FROM lake.{name}")

    def compute(self) -> dict[str, str]:
        """Run every model in order; returns model name → temporary table that holds its rows."""
        outputs = {}
        for model in self.models:
            temporary = "out_" + model.name.replace(".", "_")
            self._connection.execute(f"CREATE OR REPLACE TEMP TABLE {temporary} AS {model.sql}")
            self._connection.execute(f"CREATE OR REPLACE VIEW memory.{model.name} AS SELECT * FROM {temporary}")
            outputs[model.name] = temporary
        return outputs


def store(connection: duckdb.DuckDBPyConnection, outputs: Mapping[str, str]) -> None:
    """Append computed rows to their lake tables, inside the caller's transaction."""
    for name, temporary in outputs.items():
        connection.execute(f"INSERT INTO lake.{name} BY NAME SELECT * FROM {temporary}")
