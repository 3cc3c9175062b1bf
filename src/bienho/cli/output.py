"""How commands speak: Vietnamese for people, stable JSON for machines, one exit code per error class."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Any

import click
import orjson
import pyarrow as pa
from pyarrow import csv
from rich.console import Console
from rich.table import Table

from bienho.core.errors import BienhoError

console = Console()


def as_json(value: Any) -> None:
    """Print one JSON document and nothing else."""
    options = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE | orjson.OPT_NON_STR_KEYS
    sys.stdout.write(orjson.dumps(value, option=options, default=str).decode())


def as_csv(table: pa.Table) -> None:
    """Print an Arrow table as CSV with a header."""
    sys.stdout.flush()
    csv.write_csv(table, sys.stdout.buffer)


def as_table(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, title: str | None = None) -> None:
    """Print rows for a person; no value is a dash."""
    view = Table(title=title, title_justify="left", show_lines=False)
    for column in columns:
        view.add_column(column, overflow="fold")
    for row in rows:
        view.add_row(*("–" if value is None else str(value) for value in row))
    console.print(view)


def number(value: int) -> str:
    """1.234.567 as Vietnamese write it."""
    return f"{value:,}".replace(",", ".")


def fail(error: BienhoError, *, json: bool) -> None:
    """Report an error and leave with its exit code."""
    if json:
        as_json({"error": error.as_dict()})
    else:
        click.echo(f"Lỗi [{error.code}]: {error.message}", err=True)
        if error.hint:
            click.echo(f"Cách xử lý: {error.hint}", err=True)
        if error.who:
            click.echo(f"Người xử lý: {error.who}", err=True)
    sys.exit(error.exit_code)
