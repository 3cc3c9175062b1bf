"""How commands speak: Vietnamese for people, stable JSON for machines, one exit code per error class."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

import click
import orjson
import pyarrow as pa
from pyarrow import csv
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bienho.core.errors import BienhoError

# Paths and values are text, never markup: a file may be called "[/red]".
console = Console(markup=False, emoji=False, highlight=False)


def speak_utf8() -> None:
    """Vietnamese on every stream: a pipe on Windows has an encoding that cannot write it."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.encoding.lower() != "utf-8":
            stream.reconfigure(encoding="utf-8")


def as_json(value: Any) -> None:
    """Print one JSON document and nothing else."""
    options = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE | orjson.OPT_NON_STR_KEYS
    sys.stdout.write(orjson.dumps(value, option=options, default=str).decode())


def _plain(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS, default=str).decode()


def as_records(table: pa.Table) -> list[dict[str, Any]]:
    """Rows for `as_json`: columns of one name are told apart (a, a_2), whole numbers of any length are numbers."""
    names: list[str] = []
    for wanted in table.column_names:
        free = (f"{wanted}_{number}" for number in range(2, table.num_columns + 2))
        names.append(wanted if wanted not in names else next(name for name in free if name not in names))
    whole = {
        name
        for name, field in zip(names, table.schema, strict=True)
        if pa.types.is_decimal(field.type) and field.type.scale == 0
    }
    return [
        {name: _whole(cell) if name in whole else cell for name, cell in row.items()}
        for row in table.rename_columns(names).to_pylist()
    ]


def _whole(cell: Any) -> Any:
    """A count as a number; one that JSON readers would round stays text."""
    return int(cell) if cell is not None and abs(cell) < 2**53 else cell


def as_csv(table: pa.Table) -> None:
    """Print an Arrow table as CSV with a header; lists and structures become JSON text in their cell."""
    for place, field in enumerate(table.schema):
        if pa.types.is_nested(field.type) or pa.types.is_interval(field.type):
            cells = [None if cell is None else _plain(cell) for cell in table.column(place).to_pylist()]
            table = table.set_column(place, field.name, pa.array(cells, pa.string()))
    sys.stdout.flush()
    csv.write_csv(table, sys.stdout.buffer)


def as_table(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, title: str | None = None) -> None:
    """Print rows for a person; no value is a dash."""
    view = Table(title=title, title_justify="left", show_lines=False)
    for column in columns:
        view.add_column(column, overflow="fold")
    for row in rows:
        view.add_row(*(Text("–" if value is None else str(value)) for value in row))
    console.print(view)


def number(value: int) -> str:
    """1.234.567 as Vietnamese write it."""
    return f"{value:,}".replace(",", ".")


def told(error: BienhoError) -> NoReturn:
    """Leave with an error's exit code after the answer itself was printed: stdout is not touched any more."""
    _explain(error)
    sys.exit(error.exit_code)


def fail(error: BienhoError, *, json: bool) -> NoReturn:
    """Report an error and leave with its exit code."""
    if json:
        as_json({"error": error.as_dict()})
    else:
        _explain(error)
    sys.exit(error.exit_code)


def _explain(error: BienhoError) -> None:
    click.echo(f"Lỗi [{error.code}]: {error.message}", err=True)
    if error.hint:
        click.echo(f"Cách xử lý: {error.hint}", err=True)
    if error.who:
        click.echo(f"Người xử lý: {error.who}", err=True)
