"""Commands of the twin: synth, and demo which joins everything."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bienho.cli.data import JSON
from bienho.cli.output import as_json, console, number
from bienho.config import Home, create_key, default_home
from bienho.core.errors import ConfigError
from bienho.pipeline import open_app, setup
from bienho.pipeline.ingest import ingest
from bienho.portal import serve as portal
from bienho.synthetic import Plan, Summary, generate

DEMO = Plan(persons=3_000, months=12, seed=20261123)


@click.command()
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Thư mục ghi tệp; phải trống.")
@click.option("--persons", default=3_000, show_default=True, type=click.IntRange(1))
@click.option("--months", default=12, show_default=True, type=click.IntRange(1, 120))
@click.option("--seed", default=1, show_default=True)
@click.option("--start", type=click.DateTime(["%Y-%m-%d"]), help="Ngày bắt đầu.")
@click.option("--dirt", default=0.0, show_default=True, type=click.FloatRange(0, 1), help="Tỷ lệ hồ sơ bị cài lỗi.")
@JSON
def synth(out: Path, persons: int, months: int, seed: int, start: datetime | None, dirt: float, json_: bool) -> None:
    """Tạo hồ sơ giả lập đúng khuôn dạng thật, kèm sự thật để đối chiếu."""
    plan = Plan(persons=persons, months=months, seed=seed, dirt=dirt, **({"start": start.date()} if start else {}))
    summary = _generate(plan, out, quiet=json_)
    if json_:
        as_json(summary.as_dict())
    else:
        console.print(f"{number(summary.dossiers)} hồ sơ trong {number(summary.files)} tệp tại {out}.")


def _generate(plan: Plan, out: Path, *, quiet: bool) -> Summary:
    columns = (TextColumn("Tạo dữ liệu giả lập"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=quiet) as bar:
        task = bar.add_task("synth", total=None)
        return generate(plan, out, progress=lambda done, total: bar.update(task, completed=done, total=total))


@click.command()
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535))
@click.option("--persons", default=DEMO.persons, show_default=True, type=click.IntRange(1))
@click.option("--serve/--no-serve", default=True, show_default=True, help="Mở cổng thông tin khi xong.")
@click.pass_obj
def demo(home: Path | None, port: int, persons: int, serve: bool) -> None:
    """Tạo một tỉnh thu nhỏ, nhận dữ liệu từ tệp, tính chỉ số rồi mở cổng thông tin."""
    made = Home.create(home or default_home(), "demo")
    if made.mode != "demo":
        raise ConfigError(
            "CFG-NOT-DEMO", "Thư mục này không ở chế độ trình diễn.", hint="Chọn thư mục khác bằng --home."
        )
    create_key(made)
    files = made.path / "demo-deliveries"
    if not (files / "truth").exists():
        plan = Plan(persons=persons, months=DEMO.months, seed=DEMO.seed, dirt=0.02)
        summary = _generate(plan, files, quiet=False)
        console.print(f"Đã tạo {number(summary.dossiers)} hồ sơ giả lập trong {number(summary.files)} tệp.")
    with open_app(made.path) as app:
        setup.first_run(app)
        if app.raw.last_seq() == 0:
            columns = (TextColumn("Nhận dữ liệu"), BarColumn(), TimeElapsedColumn())
            with Progress(*columns, console=console, transient=True) as bar:
                task = bar.add_task("ingest", total=None)
                report = ingest(app, [files], progress=lambda d, t: bar.update(task, completed=d, total=t))
            console.print(
                f"Đã nhận {number(report.dossiers)} hồ sơ: {number(report.accepted)} sạch, "
                f"{number(report.accepted_with_findings)} có phát hiện, {number(report.quarantined)} cách ly, "
                f"{number(report.duplicates)} trùng."
            )
    if serve:
        portal.run(made.path, port=port)


COMMANDS = (synth, demo)
