"""The twin's command: real-format files of synthetic people."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bienho.cli.data import JSON
from bienho.cli.output import as_json, console, number
from bienho.synthetic import Plan, Summary, generate


@click.command()
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Thư mục ghi tệp; phải trống.")
@click.option("--persons", default=3_000, show_default=True, type=click.IntRange(1))
@click.option("--months", default=12, show_default=True, type=click.IntRange(1, 120))
@click.option("--seed", default=1, show_default=True)
@click.option("--start", type=click.DateTime(["%Y-%m-%d"]), default="2025-09-01", show_default=True)
@click.option("--dirt", default=0.0, show_default=True, type=click.FloatRange(0, 1), help="Tỷ lệ hồ sơ bị cài lỗi.")
@JSON
def synth(out: Path, persons: int, months: int, seed: int, start: datetime, dirt: float, json_: bool) -> None:
    """Tạo hồ sơ giả lập đúng khuôn dạng thật, kèm sự thật để đối chiếu."""
    plan = Plan(persons=persons, months=months, seed=seed, dirt=dirt, start=start.date())
    summary = make_files(plan, out, quiet=json_)
    if json_:
        as_json(summary.as_dict())
    else:
        console.print(f"{number(summary.dossiers)} hồ sơ trong {number(summary.files)} tệp tại {out}.")


def make_files(plan: Plan, out: Path, *, quiet: bool) -> Summary:
    """Run the twin with a progress bar."""
    columns = (TextColumn("Tạo dữ liệu giả lập"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=quiet) as bar:
        task = bar.add_task("synth", total=None)
        return generate(plan, out, progress=lambda done, total: bar.update(task, completed=done, total=total))
