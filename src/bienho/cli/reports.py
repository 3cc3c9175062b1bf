"""Commands about scheduled reports: one's own, and those addressed to one."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from bienho.cli.data import JSON
from bienho.cli.output import as_csv, as_json, as_table, console, number
from bienho.governance.reports import CADENCES, checked, next_due
from bienho.pipeline import ask, open_app, reports
from bienho.quality.expiry import LOCAL

DAY = click.DateTime(["%Y-%m-%d"])


@click.group()
def report() -> None:
    """Báo cáo định kỳ: lập, bỏ, chạy, mở."""


@report.command("list")
@JSON
@click.pass_obj
def report_list(home: Path | None, json_: bool) -> None:
    """Báo cáo của tôi và báo cáo gửi cho tôi, lần chạy gần nhất, lần sau."""
    today = datetime.now(LOCAL).date()
    with open_app(home) as app:
        doors = reports.doors(app)
        mine = doors.listed(ask.caller(app))
        last = {run.name: run for run in reversed(doors.book.runs(most=10_000))}
        found = [(one, last.get(one.name)) for one in mine]
    columns = ("report", "title", "owner", "dataset", "cadence", "purpose", "readers", "last_due", "last_state", "next")
    rows = [
        (
            one.name, one.title_vi, one.owner, one.dataset, one.cadence, one.purpose, " ".join(one.readers),
            run.due if run else None, f"{run.state} {run.code}".strip() if run else "",
            next_due(one.cadence, today),
        )
        for one, run in found
    ]  # fmt: skip
    if json_:
        as_json([dict(zip(columns, row, strict=True)) for row in rows])
    else:
        titles = (
            "Báo cáo",
            "Tiêu đề",
            "Người lập",
            "Bộ dữ liệu",
            "Nhịp",
            "Mục đích",
            "Gửi cho",
            "Kỳ gần nhất",
            "Kết quả",
            "Kỳ sau",
        )
        as_table(titles, rows)


@report.command("add")
@click.argument("name")
@click.option("--title", required=True, help="Tiêu đề; không ghi gì về người bệnh.")
@click.option("--dataset", default="derived.facility_week_chapter", show_default=True, help="Bảng số liệu.")
@click.option("--column", "columns", multiple=True, required=True, help="Một cột; ghi nhiều lần.")
@click.option("--facility", "facilities", multiple=True, help="Chỉ cơ sở này; ghi nhiều lần.")
@click.option("--cadence", type=click.Choice(sorted(CADENCES)), default="week", show_default=True, help="Nhịp.")
@click.option("--to", "readers", multiple=True, required=True, help="Mã tài khoản người nhận; ghi nhiều lần.")
@click.option("--purpose", default="giam-sat", show_default=True, help="Mục đích.")
@click.pass_obj
def report_add(
    home: Path | None,
    name: str,
    title: str,
    dataset: str,
    columns: tuple[str, ...],
    facilities: tuple[str, ...],
    cadence: str,
    readers: tuple[str, ...],
    purpose: str,
) -> None:
    """Lập báo cáo định kỳ, hoặc sửa báo cáo cùng tên của mình."""
    now = datetime.now(UTC)
    with open_app(home) as app:
        actor = ask.caller(app)
        given = {
            "name": name, "title_vi": title, "owner": actor.account_id, "purpose": purpose, "dataset": dataset,
            "columns": columns, "facilities": facilities, "cadence": cadence, "readers": readers,
            "since": now.astimezone(LOCAL).date(),
        }  # fmt: skip
        made = reports.doors(app).add(actor, checked(given), now)
    console.print(f"Đã lập báo cáo {made.name}; chạy lần đầu {next_due(made.cadence, made.since):%d/%m/%Y}.")


@report.command("remove")
@click.argument("name")
@click.pass_obj
def report_remove(home: Path | None, name: str) -> None:
    """Bỏ báo cáo của mình; kết quả đã có vẫn giữ."""
    with open_app(home) as app:
        reports.doors(app).end(ask.caller(app), name, datetime.now(UTC))
    console.print(f"Đã bỏ báo cáo {name}.")


@report.command("run")
@click.option("--due", type=DAY, help="Chạy những gì đến hạn tới ngày này; mặc định hôm nay.")
@JSON
@click.pass_obj
def report_run(home: Path | None, due: datetime | None, json_: bool) -> None:
    """Chạy báo cáo đến hạn mà chưa có kết quả, mỗi báo cáo với quyền của người lập."""
    now = datetime.now(UTC)
    day = (due or now.astimezone(LOCAL)).date()
    with open_app(home) as app:
        ask.permit(app, "run", "reports")
        done = reports.run_due(app, day, now, again=True)
    if json_:
        as_json(done)
    else:
        told = (done["made"], done["refused"], done["failed"])
        console.print("Đã có kết quả {}, bị từ chối {}, không xong {}.".format(*map(number, told)))


@report.command("open")
@click.argument("name")
@click.argument("due", type=DAY)
@JSON
@click.pass_obj
def report_open(home: Path | None, name: str, due: datetime, json_: bool) -> None:
    """Mở kết quả một kỳ, dạng CSV; cổng kiểm soát xét lại quyền của người mở."""
    with open_app(home) as app:
        actor = ask.caller(app)
        with app.reading() as gate:
            _, result = reports.doors(app).open(gate, actor, name, due.date())
    if json_:
        as_json(result.table.to_pylist())
    else:
        as_csv(result.table)
