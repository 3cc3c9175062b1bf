"""Stores as text files, for a search of their bytes: lake tables by SELECT, PostgreSQL tables by COPY."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.csv

from bienho.database import Role
from bienho.pipeline import App
from support.province import whole_lake


def dump(table: pa.Table, path: Path) -> None:
    """A table as text, every column, nothing quoted away."""
    columns = {name: table.column(name).cast(pa.string(), safe=False) for name in _plain(table)}
    for name in set(table.column_names) - set(columns):
        columns[name] = pa.array([repr(value) for value in table.column(name).to_pylist()])
    pyarrow.csv.write_csv(pa.table(columns), path)


def _plain(table: pa.Table) -> Iterator[str]:
    for field in table.schema:
        if not pa.types.is_nested(field.type) and not pa.types.is_binary(field.type):
            yield field.name


def dump_lake(app: App, folder: Path) -> Path:
    """Every table of the lake, all versions, as CSV below `folder`, which is made."""
    folder.mkdir()
    for name, table in whole_lake(app).items():
        dump(table, folder / f"{name}.csv")
    return folder


def dump_postgresql(app: App, folder: Path) -> Path:
    """Every table of every schema as COPY text, DuckLake's statistics and the portal's sessions among them."""
    folder.mkdir()
    with app.database.connect(Role.ADMIN) as admin:
        for schema, name in admin.execute(
            "SELECT schemaname, tablename FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        ).fetchall():
            with (
                (folder / f"{schema}.{name}.txt").open("wb") as out,
                admin.cursor().copy(f'COPY "{schema}"."{name}" TO STDOUT') as copy,
            ):
                for block in copy:
                    out.write(block)
        admin.execute("CHECKPOINT")
    return folder


def postgresql_folder(app: App) -> Path:
    """Where PostgreSQL keeps its data; its logs lie beside."""
    with app.database.connect(Role.ADMIN) as admin:
        row = admin.execute("SHOW data_directory").fetchone()
        assert row is not None
        return Path(row[0])
