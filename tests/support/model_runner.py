"""Runs SQL models in a plain in-memory DuckDB over hand-made rows, without lake or PostgreSQL."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from bienho.contracts import casts, catalogue
from bienho.contracts.models import Model
from bienho.terminology import builtin_editions, reference_tables

RECEIVED = datetime(2026, 11, 1, 8, 0, tzinfo=UTC)
_numbers = itertools.count()
Rows = Mapping[str, Sequence[Mapping[str, Any]]]


def dossier(
    version_id: int, facility: str = "52001", version: str = "3176", patient: str | None = None
) -> dict[str, Any]:
    """A row of standard.xml130_dossier."""
    return {
        "version_id": version_id,
        "delivery_seq": version_id // 1_000_000,
        "hoso": version_id % 1_000_000,
        "facility_code": facility,
        "dossier_key": f"{version_id:032x}",
        "document": "visit",
        "encounter_key": f"{version_id:032x}",
        "patient_key": patient or f"{version_id * 7:032x}",
        "format_version": version,
        "received_at": RECEIVED,
    }


def arrow_rows(dataset: str, rows: Iterable[Mapping[str, Any]]) -> pa.Table:
    """Rows as an Arrow table of the dataset's contract; fields not given are NULL (absent)."""
    contract = catalogue()[dataset]
    schema = pa.schema([field.with_nullable(True) for field in contract.arrow_schema()])
    listed = list(rows)
    unknown = {name for row in listed for name in row} - set(schema.names)
    assert not unknown, f"{dataset} has no field {sorted(unknown)}"
    return pa.Table.from_pylist([{name: row.get(name) for name in schema.names} for row in listed], schema=schema)


@cache
def built_in() -> Mapping[str, pa.Table]:
    """Reference tables of the lists that come with the program."""
    return reference_tables(builtin_editions())


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    """Holds `made`, a warehouse with nothing received, and its copies; goes with the process."""
    folder = tempfile.TemporaryDirectory(prefix="warehouse-")
    with duckdb.connect(Path(folder.name, "made")) as connection:
        connection.execute("SET threads=1")
        connection.execute(casts.MACROS)
        for zone in ("standard", "conformed", "derived", "reference"):
            connection.execute(f"CREATE SCHEMA {zone}")
        for name in ("dossier", *(str(number) for number in range(16))):
            dataset = f"standard.xml130_{name}"
            put(connection, dataset, arrow_rows(dataset, ()))
        for dataset, table in built_in().items():
            put(connection, dataset, table)
    return folder


def warehouse(standard: Rows, reference: Mapping[str, pa.Table] | None = None) -> duckdb.DuckDBPyConnection:
    """A connection with macros, reference tables and the `standard.*` tables filled; empty where nothing is given."""
    copied = Path(_folder().name, f"copy-{next(_numbers)}")
    shutil.copyfile(Path(_folder().name, "made"), copied)
    connection = duckdb.connect(copied)
    connection.execute("SET threads=1")
    for dataset in standard:
        put(connection, dataset, arrow_rows(dataset, standard[dataset]))
    for dataset, table in (reference or {}).items():
        put(connection, dataset, table)
    return connection


def put(connection: duckdb.DuckDBPyConnection, dataset: str, table: pa.Table) -> None:
    connection.register("incoming", table)
    connection.execute(f"CREATE OR REPLACE TABLE {dataset} AS SELECT * FROM incoming")
    connection.unregister("incoming")


def run(connection: duckdb.DuckDBPyConnection, models: Iterable[Model]) -> None:
    """Create each model's table as its contract says and insert what the model gives, by name, as the pipeline does."""
    for model in models:
        ddl = catalogue()[model.name].ddl().replace("lake.", "", 1)
        connection.execute(ddl)
        connection.execute(f"DELETE FROM {model.name}")
        connection.execute(f"INSERT INTO {model.name} BY NAME {model.sql}")


def fetch(connection: duckdb.DuckDBPyConnection, sql: str) -> list[dict[str, Any]]:
    """Rows of a query as dictionaries."""
    result = connection.execute(sql)
    names = [column[0] for column in result.description]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]
