"""Commands that open the portal: serve, and demo which builds a small province first."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from bienho.cli.output import console, number
from bienho.cli.twin import make_files
from bienho.config import Home, create_key, default_home, read_doors
from bienho.core.errors import ConfigError
from bienho.governance import Actor, people
from bienho.pipeline import App, ask, open_app, setup
from bienho.pipeline.ingest import ingest
from bienho.pipeline.start import Step, steps
from bienho.pipeline.worker.standing import Standing, standing
from bienho.pipeline.worker.supervisor import supervised
from bienho.portal import serve as server
from bienho.portal import settings, signin
from bienho.portal.house import House
from bienho.synthetic import Plan

PORT = click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535))
DEMO_SEED = 20261123
DEMO_MONTHS = 12
DEMO_DIRT = 0.02


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
    with app.reading() as gate:

        def find_actor(account_id: str) -> Actor | None:
            return people.actor_of(app.database, account_id, "portal", "none", datetime.now(UTC))

        def how_work_stands(now: datetime) -> Standing:
            return standing(app.home, app.database, app.raw, app.limits, now)

        def first_steps(now: datetime) -> list[Step]:
            return steps(app, now)

        house = House(
            app.home, app.keys, app.database, gate, find_actor, limits=app.limits, standing=how_work_stands,
            doors=doors, first_steps=first_steps,
        )  # fmt: skip
        settings.set_up(house)
        demo = app.home.mode == "demo"
        address = server.link(signin.new_token(caller.account_id, datetime.now(UTC)), port=port) if demo else ""

        def ready() -> None:
            if not demo:
                console.print(f"\nCổng thông tin mở: {doors.address or f'http://localhost:{port}'}. Dừng: Ctrl-C")
                return
            console.print("\nMở cổng thông tin bằng đường dẫn này (dùng một lần, trong 10 phút):")
            console.print(f"  {address}\n", markup=False, highlight=False, soft_wrap=True)
            console.print("Dừng: Ctrl-C")

        with supervised(app.home):
            server.listen("127.0.0.1", port, on_ready=ready)


@click.command()
@PORT
@click.option("--persons", default=2_400, show_default=True, type=click.IntRange(1), help="Số người giả lập.")
@click.option("--serve/--no-serve", "serve_", default=True, show_default=True, help="Mở cổng thông tin khi xong.")
@click.pass_obj
def demo(home: Path | None, port: int, persons: int, serve_: bool) -> None:
    """Tạo một tỉnh thu nhỏ, nhận dữ liệu từ tệp, tính chỉ số rồi mở cổng thông tin."""
    made = Home.create(home or default_home(), "demo")
    if made.mode != "demo":
        raise ConfigError("CFG-NOT-DEMO", "Thư mục này không ở chế độ trình diễn.", hint="Chọn thư mục khác: --home.")
    create_key(made)
    # beside the home, not in it: these are the senders' files, with names in clear
    files = made.path.with_name(made.path.name + "-deliveries")
    if not (files / "truth").exists():
        plan = Plan(persons=persons, months=DEMO_MONTHS, seed=DEMO_SEED, dirt=DEMO_DIRT)
        summary = make_files(plan, files, quiet=False)
        console.print(f"Đã tạo {number(summary.dossiers)} hồ sơ giả lập trong {number(summary.files)} tệp.")
    with open_app(made.path) as app:
        setup.first_run(app)
        if app.raw.last_seq() == 0:
            _take_in(app, files)
        if serve_:
            open_portal(app, port)


def _take_in(app: App, files: Path) -> None:
    columns = (TextColumn("Nhận dữ liệu"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("ingest", total=None)
        report = ingest(app, [files], progress=lambda done, total: bar.update(task, completed=done, total=total))
    console.print(
        f"Đã nhận {number(report.dossiers)} hồ sơ: {number(report.accepted)} sạch, "
        f"{number(report.accepted_with_findings)} có phát hiện, {number(report.quarantined)} cách ly, "
        f"{number(report.duplicates)} trùng, thay {number(report.superseded)} phiên bản."
    )
