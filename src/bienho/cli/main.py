"""The `bienho` command. Commands are imported when they are called, so that a small one starts fast."""

from __future__ import annotations

import logging
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from bienho.cli.output import fail, speak_utf8
from bienho.core.errors import BienhoError, UsageError

PLACES = {
    "ingest": "data",
    "check": "check",
    "findings": "data",
    "dossier": "data",
    "quarantine": "data",
    "sql": "data",
    "catalogue": "datasets",
    "quality": "scores",
    "codes": "data",
    "init": "operate",
    "start": "operate",
    "run": "operate",
    "work": "work",
    "rebuild": "operate",
    "job": "operate",
    "backup": "operate",
    "restore": "operate",
    "doctor": "operate",
    "stop": "operate",
    "keys": "keys",
    "erase": "erase",
    "account": "people",
    "audit": "people",
    "unit": "units",
    "member": "units",
    "review": "units",
    "client": "units",
    "agreement": "papers",
    "emergency": "papers",
    "report": "reports",
    "notices": "notices",
    "detect": "detect",
    "link": "link",
    "cases": "warning",
    "legal": "warning",
    "forecast": "warning",
    "synth": "twin",
    "demo": "show",
    "serve": "show",
}
"""Command → module of this room."""
_STORES = frozenset({"psycopg", "duckdb", "_duckdb"})
"""Packages whose errors may mean that the database or the lake was lost under a command."""


class Commands(click.Group):
    """Finds commands by name; turns errors of the tree into a message and an exit code; a bug keeps its traceback."""

    def main(self, *args: Any, **extra: Any) -> Any:
        speak_utf8()
        return super().main(*args, **extra)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(PLACES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        place = PLACES.get(cmd_name)
        if place is None:
            return None
        command: click.Command = getattr(import_module(f"bienho.cli.{place}"), cmd_name)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BienhoError as error:
            fail(error, json="--json" in sys.argv)
        except KeyboardInterrupt:
            click.echo("\nĐã dừng theo yêu cầu. Tệp đã có biên nhận không mất; làm nốt bằng `bienho run`.", err=True)
            sys.exit(130)
        except click.UsageError as error:
            if "--json" not in sys.argv:
                raise
            fail(UsageError("USE-COMMAND", error.format_message(), hint="Xem --help của lệnh."), json=True)
        except Exception as error:
            if type(error).__module__.partition(".")[0] not in _STORES:
                raise
            failures = import_module("bienho.pipeline.failures")  # not before: small commands start fast
            if (known := failures.lost_store(error)) is None:
                raise
            fail(known, json="--json" in sys.argv)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option("--home", type=click.Path(path_type=Path), help="Thư mục dữ liệu; mặc định BIENHO_HOME hoặc ./var.")
@click.version_option(package_name="bienho")
@click.pass_context
def main(ctx: click.Context, home: Path | None) -> None:
    """Biển Hồ: kho dữ liệu y tế dùng chung."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s %(message)s")
    ctx.obj = home
