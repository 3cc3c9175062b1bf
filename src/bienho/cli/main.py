"""The `bienho` command."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Any

import click

from bienho.cli import data, operate, twin
from bienho.cli.output import fail
from bienho.core.errors import BienhoError


class Commands(click.Group):
    """Turns errors of the tree into a message and an exit code; a bug keeps its traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BienhoError as error:
            fail(error, json="--json" in sys.argv)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option("--home", type=click.Path(path_type=Path), help="Thư mục dữ liệu; mặc định BIENHO_HOME hoặc ./var.")
@click.version_option(package_name="bienho")
@click.pass_context
def main(ctx: click.Context, home: Path | None) -> None:
    """Biển Hồ: kho dữ liệu y tế dùng chung."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s %(message)s")
    ctx.obj = home


for command in (*data.COMMANDS, *operate.COMMANDS, *twin.COMMANDS):
    main.add_command(command)
