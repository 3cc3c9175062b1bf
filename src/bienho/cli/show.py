"""Commands that open the portal: serve, and demo which builds a small province first."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import click
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from bienho.cli.output import console, number
from bienho.cli.twin import make_files
from bienho.config import Home, create_key, default_home, read_doors
from bienho.core.errors import ConfigError
from bienho.governance import Actor, people
from bienho.pipeline import App, ask, cast, jobs, open_app, setup
from bienho.pipeline.connecting import Connecting
from bienho.pipeline.ingest import ingest
from bienho.pipeline.reception import Reception
from bienho.pipeline.rehearsal import Rehearsal
from bienho.pipeline.reviewing import Reviews
from bienho.pipeline.sending import Sending
from bienho.pipeline.start import Step, steps
from bienho.pipeline.visits import Writing
from bienho.pipeline.worker.standing import Standing, standing
from bienho.pipeline.worker.supervisor import supervised
from bienho.portal import serve as server
from bienho.portal import settings, signin
from bienho.portal.house import House
from bienho.sources import FoundFile
from bienho.synthetic import Plan

PORT = click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535))
DEMO_SEED = 20261123
DEMO_MONTHS = 13
DEMO_DIRT = 0.02
EVENING = time(11)
"""In UTC: six o'clock in the province."""


@click.command()
@PORT
@click.pass_obj
def serve(home: Path | None, port: int) -> None:
    """Mở cổng thông tin trên máy này (127.0.0.1); ở chế độ trình diễn in đường dẫn đăng nhập dùng một lần."""
    with open_app(home) as app:
        if app.home.mode == "production" and not people.mfa_ready(app.database, datetime.now(UTC)):
            raise ConfigError(
                "CFG-NO-MFA",
                "Chế độ vận hành cần ít nhất một người quản trị có mật khẩu và lớp xác thực thứ hai.",
                hint="Người quản trị chạy `bienho account password`, rồi `bienho account second-factor`.",
                who="người quản trị",
            )
        open_portal(app, port)


def open_portal(app: App, port: int) -> None:
    """Serve until interrupted; the sign-in link of the caller's own account is printed once the portal answers."""
    caller = ask.permit(app, "serve", "portal")
    doors = read_doors(app.home)
    with app.reading() as gate, Reception(app) as reception, Sending(app) as sending:

        def find_actor(account_id: str) -> Actor | None:
            return people.actor_of(app.database, account_id, "portal", "none", datetime.now(UTC))

        def how_work_stands(now: datetime) -> Standing:
            return standing(app.home, app.database, app.raw, app.limits, now)

        def first_steps(now: datetime) -> list[Step]:
            return steps(app, now)

        house = House(
            app.home, app.keys, app.database, gate, find_actor, limits=app.limits, standing=how_work_stands,
            doors=doors, first_steps=first_steps, reception=reception, sending=sending, visits=Writing(app),
            rehearse=Rehearsal(app.limits), connecting=Connecting(app), reviews=Reviews(app),
        )  # fmt: skip
        settings.set_up(house)
        demo = app.home.mode == "demo"
        links = list(_links(app, caller, port)) if demo else []

        def ready() -> None:
            if not demo:
                console.print(f"\nCổng thông tin mở: {doors.address or f'http://localhost:{port}'}. Dừng: Ctrl-C")
                return
            console.print("\nMở cổng thông tin bằng đường dẫn này (dùng một lần, trong 10 phút):")
            console.print(f"  {links[0][1]}\n", markup=False, highlight=False, soft_wrap=True)
            for who, address in links[1:]:
                console.print(f"Thử với vai {who}:\n  {address}", markup=False, highlight=False, soft_wrap=True)
            console.print("Dừng: Ctrl-C")

        with supervised(app.home):
            server.listen("127.0.0.1", port, on_ready=ready)


def _links(app: App, caller: Actor, port: int) -> Iterator[tuple[str, str]]:
    """Who may sign in by a one-time link, and the link: the caller first, then those who play in the demonstration."""
    now = datetime.now(UTC)
    yield "", server.link(signin.new_token(caller.account_id, now), port=port)
    for part in cast.playing(app, now):
        yield part.work, server.link(signin.new_token(part.account_id, now), port=port)


@click.command()
@PORT
@click.option("--persons", default=2_400, show_default=True, type=click.IntRange(1), help="Số người giả lập.")
@click.option("--serve/--no-serve", "serve_", default=True, show_default=True, help="Mở cổng thông tin khi xong.")
@click.option("--today", type=click.DateTime(["%Y-%m-%d"]), help="Ngày coi là hôm nay; mặc định ngày của máy.")
@click.pass_obj
def demo(home: Path | None, port: int, persons: int, serve_: bool, today: datetime | None) -> None:
    """Tạo một tỉnh thu nhỏ với một năm dữ liệu đến hôm nay, nhận từ tệp, tính chỉ số rồi mở cổng thông tin.

    Chạy lại vào một ngày sau thì nhận thêm những gì các cơ sở đã gửi từ lần trước.
    """
    made = Home.create(home or default_home(), "demo")
    if made.mode != "demo":
        raise ConfigError("CFG-NOT-DEMO", "Thư mục này không ở chế độ trình diễn.", hint="Chọn thư mục khác: --home.")
    create_key(made)
    # beside the home, not in it: these are the senders' files, with names in clear
    files = made.path.with_name(made.path.name + "-deliveries")
    plan = demo_plan(files, persons, today.date() if today else date.today())
    there = set(delivery_files(files))
    summary = make_files(plan, files, quiet=False)
    console.print(f"Đã tạo {number(summary.dossiers)} hồ sơ giả lập trong {number(summary.files)} tệp.")
    with open_app(made.path) as app:
        setup.first_run(app)
        cast.gather(app, datetime.now(UTC))
        sent = [path for path in delivery_files(files) if path not in there or app.raw.last_seq() == 0]
        if sent:
            _take_in(app, sent, plan)
            jobs.run(app, "scores")
        if serve_:
            open_portal(app, port)


def demo_plan(files: Path, persons: int, today: date) -> Plan:
    """A year and the days of this month up to `today`; the twin that lies in `files` goes on up to then."""
    told = files / "truth" / "plan.json"
    if told.is_file():
        before = json.loads(told.read_text(encoding="utf-8"))
        persons, start = before["persons"], date.fromisoformat(before["start"])
        today = max(today, date.fromisoformat(before["until"]))
    else:
        start = today.replace(year=today.year - 1, day=1)
    plan = Plan(persons, DEMO_MONTHS, DEMO_SEED, start, dirt=DEMO_DIRT, scenarios=("news",))
    return replace(plan, until=min(today, plan.end - timedelta(days=1)))


def delivery_files(files: Path) -> list[Path]:
    """What facilities have sent, day by day."""
    return sorted((p for p in files.glob("*/*") if p.parent.name != "truth"), key=lambda p: (p.name[:8], p))


def came_on(file: FoundFile, plan: Plan) -> datetime:
    """When a file of the twin came: the evening of the day in its name, and old files on the first day of the year."""
    day = max(datetime.strptime(file.path.name[:8], "%Y%m%d").date(), plan.start)
    return datetime.combine(day, EVENING, UTC)


def _take_in(app: App, files: list[Path], plan: Plan) -> None:
    columns = (TextColumn("Nhận dữ liệu"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("ingest", total=None)
        report = ingest(
            app,
            files,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
            came=lambda file: came_on(file, plan),
        )
    console.print(
        f"Đã nhận {number(report.dossiers)} hồ sơ: {number(report.accepted)} sạch, "
        f"{number(report.accepted_with_findings)} có phát hiện, {number(report.quarantined)} cách ly, "
        f"{number(report.duplicates)} trùng, thay {number(report.superseded)} phiên bản."
    )
