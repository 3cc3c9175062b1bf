"""Commands that keep a home running: init, run, work, rebuild, job, doctor, stop."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from bienho.cli.data import JSON
from bienho.cli.output import as_json, as_table, console, number, told
from bienho.config import Home, create_key, default_home, key_path
from bienho.core.errors import IntegrityError
from bienho.pipeline import ask, jobs, open_app, setup
from bienho.pipeline import backup as backups
from bienho.pipeline import start as first_steps
from bienho.pipeline.doctor import diagnose
from bienho.pipeline.rebuild import rebuild as rebuild_lake


@click.command()
@click.option("--production", is_flag=True, help="Chế độ vận hành: không có tài khoản trình diễn.")
@click.pass_obj
def init(home: Path | None, production: bool) -> None:
    """Tạo thư mục dữ liệu mới và khóa của nó."""
    made = Home.create(home or default_home(), "production" if production else "demo")
    create_key(made)
    with open_app(made.path) as app:
        setup.first_run(app)
    console.print(
        f"Thư mục dữ liệu: {made.path}\nTệp khóa: {key_path(made)} — sao lưu ở nơi khác, mất khóa là mất dữ liệu."
    )


@click.command()
@JSON
@click.pass_obj
def start(home: Path | None, json_: bool) -> None:
    """Các bước đầu tiên của một kho mới: bước nào xong, bước nào chưa, làm bằng lệnh nào."""
    with open_app(home) as app:
        found = first_steps.steps(app, datetime.now(UTC))
    if json_:
        as_json([step.as_dict() for step in found])
        return
    for step in found:
        guide = first_steps.GUIDES[step.code]
        sign, colour = ("✓", "green") if step.done else ("✗", "red")
        console.print(Text.assemble((sign, colour), f" {guide.title_vi}: {number(step.have)}/{number(step.want)}"))
        if not step.done:
            console.print(f"    {guide.why_vi}\n    Lệnh: {guide.command}", soft_wrap=True)
    left = sum(not step.done for step in found)
    console.print(f"Còn {left} bước." if left else "Đã xong mọi bước đầu tiên.")


@click.command()
@JSON
@click.pass_obj
def run(home: Path | None, json_: bool) -> None:
    """Làm nốt mọi việc còn dở: đọc lần nhận chưa xử lý, ánh xạ lại khi mô hình đổi, tính chỉ số, xét chữ ký."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with open_app(home) as app, Progress(*columns, console=console, transient=True, disable=json_) as bar:
        ask.permit(app, "run")
        task = bar.add_task("Xử lý lần nhận", total=None)
        done = jobs.bring_up_to_date(
            app,
            lambda made, total: bar.update(task, completed=made, total=total),
            lambda: bar.update(task, description="Chờ tiến trình đang ghi"),
        )
    if json_:
        as_json(done)
    else:
        console.print(
            f"Đã xử lý {done['deliveries']} lần nhận, tính lại {done['derived']} bảng chỉ số,"
            f" xét chữ ký {done['signatures']} lần nhận."
        )


@click.command()
@click.option("--compare", is_flag=True, help="Chỉ so sánh với kho đang dùng, không đổi gì.")
@JSON
@click.pass_obj
def rebuild(home: Path | None, compare: bool, json_: bool) -> None:
    """Dựng kho mới từ dữ liệu gốc, bên cạnh kho đang dùng."""
    with open_app(home) as app:
        ask.permit(app, "rebuild", "compare" if compare else "")
        report = rebuild_lake(app, compare=compare)
    if json_:
        as_json(report.as_dict())
    else:
        rows = [(name, digest, _same(name in report.different, compare)) for name, digest in report.digests.items()]
        as_table(("Bảng", "Dấu vân", "So với kho đang dùng"), rows)
        console.print(f"Dựng lại từ {number(report.deliveries)} lần nhận.")
        if report.dropped_versions:
            console.print(f"Không so {number(report.dropped_versions)} phiên bản cũ đã được dọn khỏi kho đang dùng.")
    if report.different:
        told(
            IntegrityError(
                "INT-REBUILD-DIFFERS",
                f"{len(report.different)} bảng khác với kho đang dùng: {', '.join(report.different)}.",
                hint="Kho đang dùng có dòng mà dữ liệu gốc, đọc bằng bản phần mềm này, không cho ra. Nếu vừa nâng cấp"
                " phần mềm thì có thể do bộ đọc mới. Chạy `bienho rebuild` để thay bằng kho dựng lại.",
            )
        )


def _same(differs: bool, compared: bool) -> str:
    if not compared:
        return "–"
    return "KHÁC" if differs else "bằng"


@click.command()
@click.argument("name", type=click.Choice(sorted(jobs.JOBS)))
@JSON
@click.pass_obj
def job(home: Path | None, name: str, json_: bool) -> None:
    """Chạy một việc: gộp tệp, xóa bản cũ theo thời hạn, dọn phiên bản đã thay, xét chữ ký."""
    with open_app(home) as app:
        ask.permit(app, "job", name)
        result = jobs.run(app, name)
    if json_:
        as_json(result)
    else:
        as_table(("Việc", "Kết quả"), result.items())


@click.command()
@click.argument("target", type=click.Path(path_type=Path))
@JSON
@click.pass_obj
def backup(home: Path | None, target: Path, json_: bool) -> None:
    """Sao lưu mã hóa: dữ liệu gốc, két, nhật ký. Khóa không nằm trong bản sao."""
    with open_app(home) as app:
        ask.permit(app, "backup")
        report = backups.backup(app, target)
    if json_:
        as_json(report.as_dict())
    else:
        console.print(f"Đã sao lưu {number(report.deliveries)} lần nhận, {number(report.size)} byte vào {target}.")
        console.print("Việc cần làm: cất tệp khóa ở nơi khác với bản sao này, và thử khôi phục định kỳ.")


@click.command()
@click.argument("source", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--erasures",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Danh sách đã xóa (.erasures), khi nó không nằm cạnh tệp khóa.",
)
@JSON
@click.pass_obj
def restore(home: Path | None, source: Path, erasures: Path | None, json_: bool) -> None:
    """Khôi phục bản sao lưu vào thư mục trống, xóa lại ai đã xóa sau đó, và dựng lại kho từ dữ liệu gốc."""
    report = backups.restore(source, home or default_home(), erasures)
    with open_app(home or default_home()) as app:  # who holds the key restores; the accounts are only now there to ask
        ask.restored(app)
    if json_:
        as_json(report.as_dict())
    else:
        console.print(f"Đã khôi phục {number(report.deliveries)} lần nhận và dựng lại kho.")
        console.print(
            f"Đã xóa lại {number(report.erasures)} người theo danh sách đã xóa."
            if report.erasures
            else "Không có ai phải xóa lại. Nếu sau bản sao này đã có lần xóa, khôi phục lại với --erasures TỆP."
        )


@click.command()
@JSON
@click.pass_obj
def doctor(home: Path | None, json_: bool) -> None:
    """Khám kho: lỗi gì, sửa thế nào."""
    checks = diagnose(home or default_home())
    if json_:
        as_json([check.as_dict() for check in checks])
    else:
        for check in checks:
            sign, colour = {"ok": ("✓", "green"), "warn": ("!", "yellow"), "fail": ("✗", "red")}[check.status]
            console.print(Text.assemble((sign, colour), f" {check.title_vi}: {check.found}"))
            if check.status != "ok" and check.repair:
                console.print(f"    Cách sửa: {check.repair}")
    if any(check.status == "fail" for check in checks):
        raise SystemExit(IntegrityError.exit_code)


@click.command()
@click.pass_obj
def stop(home: Path | None) -> None:
    """Dừng cơ sở dữ liệu nhúng của thư mục này."""
    stopped = setup.stop(home)
    console.print("Đã dừng." if stopped else "Không có gì đang chạy.")
