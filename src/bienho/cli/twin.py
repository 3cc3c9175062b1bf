"""The twin's command: synthetic people as real-format files, or straight in the lake of a home of their own."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bienho.cli.data import JSON
from bienho.cli.output import as_json, as_table, console, number
from bienho.config import Home, create_key
from bienho.core.errors import UsageError
from bienho.pipeline import open_app, setup
from bienho.pipeline.straight import twin_home
from bienho.synthetic import Plan, Summary, describe, generate, tally_plan, tally_twin
from bienho.synthetic.straight.lakeward import LakeSummary, fill

_MEASURES = {
    "population": "dân số theo xã",
    "age_sex": "tuổi và giới",
    "ethnic": "dân tộc",
    "family": "họ người Kinh",
    "season": "tháng mắc bệnh",
}
_GROUPS = {"": None, "east": "phía đông", "west": "phía tây", "published": "cả nước, để biết"}


@click.group(invoke_without_command=True)
@click.option("--out", type=click.Path(path_type=Path), help="Thư mục ghi tệp; phải trống.")
@click.option(
    "--into",
    type=click.Path(path_type=Path),
    help="Thay cho tệp: thư mục dữ liệu mới, đưa thẳng vào kho và két; không có dữ liệu gốc, không nhận thêm được.",
)
@click.option("--persons", default=3_000, show_default=True, type=click.IntRange(1))
@click.option("--months", default=12, show_default=True, type=click.IntRange(1, 120))
@click.option("--seed", default=1, show_default=True)
@click.option("--start", type=click.DateTime(["%Y-%m-%d"]), default="2025-09-01", show_default=True)
@click.option("--dirt", default=0.0, show_default=True, type=click.FloatRange(0, 1), help="Tỷ lệ hồ sơ bị cài lỗi.")
@click.option(
    "--entry-errors",
    default=0.0,
    show_default=True,
    type=click.FloatRange(0, 100),
    metavar="FACTOR",
    help="Lỗi gõ nhầm khi nhập liệu: 1 là hay gặp như đã công bố, 2 là gấp đôi.",
)
@click.option(
    "--violations",
    default=0.0,
    show_default=True,
    type=click.FloatRange(0, 1),
    metavar="RATE",
    help="Tỷ lệ hồ sơ vi phạm một quy tắc trong danh mục quy tắc.",
)
@click.option(
    "--share-late",
    default=0.0,
    show_default=True,
    type=click.FloatRange(0, 1),
    metavar="RATE",
    help="Tỷ lệ tệp gửi muộn nhiều tuần.",
)
@click.option(
    "--share-missing",
    default=0.0,
    show_default=True,
    type=click.FloatRange(0, 1),
    metavar="RATE",
    help="Tỷ lệ tệp không bao giờ được gửi.",
)
@click.option("--scenario", "scenarios", multiple=True, help="Kịch bản, có thể lặp lại: dengue-year, …")
@click.option(
    "--until", type=click.DateTime(["%Y-%m-%d"]),
    help="Ngày gửi cuối cùng; chạy lại với ngày sau trong cùng thư mục thì chỉ thêm tệp mới.",
)  # fmt: skip
@JSON
@click.pass_context
def synth(
    ctx: click.Context,
    out: Path | None,
    into: Path | None,
    persons: int,
    months: int,
    seed: int,
    start: datetime,
    dirt: float,
    entry_errors: float,
    violations: float,
    share_late: float,
    share_missing: float,
    scenarios: tuple[str, ...],
    until: datetime | None,
    json_: bool,
) -> None:
    """Tạo hồ sơ giả lập đúng khuôn dạng thật, kèm sự thật để đối chiếu.

    Các tỷ lệ lỗi là trung bình: mỗi cơ sở có tỷ lệ riêng. Mọi lỗi đã cài đều ghi trong truth/errors.parquet.
    """
    if ctx.invoked_subcommand:
        return
    last = until.date() if until else None
    plan = Plan(
        persons, months, seed, start.date(), dirt=dirt, scenarios=scenarios, until=last, entry_errors=entry_errors,
        violations=violations, share_late=share_late, share_missing=share_missing,
    )  # fmt: skip
    if (out is None) == (into is None):
        raise UsageError("USE-SYNTH-WAY", "Chọn một trong hai: --out (tệp) hoặc --into (đưa thẳng vào kho).")
    if into is not None:
        if any((dirt, entry_errors, violations, share_late, share_missing, until)):
            raise UsageError(
                "USE-SYNTH-WAY",
                "Đưa thẳng vào kho chỉ có hồ sơ sạch của cả thời kỳ: không có --dirt, --entry-errors, --violations,"
                " --share-late, --share-missing, --until.",
            )
        straight = make_lake(plan, into, quiet=json_)
        if json_:
            as_json(straight.as_dict())
        else:
            console.print(f"{number(straight.dossiers)} hồ sơ, {number(straight.lines)} dòng trong kho tại {into}.")
        return
    assert out is not None  # noqa: S101 - one of the two is there
    summary = make_files(plan, out, quiet=json_)
    if json_:
        as_json(summary.as_dict())
    else:
        console.print(f"{number(summary.dossiers)} hồ sơ trong {number(summary.files)} tệp tại {out}.")


@synth.command("describe")
@click.argument("twin", required=False, type=click.Path(path_type=Path))
@click.option(
    "--reference", type=click.Path(path_type=Path), help="Thư mục số liệu tham chiếu; mặc định số liệu kèm theo."
)
@click.option("--persons", type=click.IntRange(1), help="Số người khi không có TWIN; mặc định cả tỉnh.")
@click.option("--seed", default=1, show_default=True)
@JSON
def describe_(twin: Path | None, reference: Path | None, persons: int | None, seed: int, json_: bool) -> None:
    """So dân số mô phỏng với số liệu đã công bố: theo xã, tuổi và giới, dân tộc, họ, tháng mắc bệnh.

    TWIN là thư mục do `bienho synth --out` ghi ra; không có thì tạo người mới để so.
    """
    fits = describe(tally_twin(twin) if twin else tally_plan(seed, persons), reference)
    if json_:
        as_json([fit.as_dict() for fit in fits])
        return
    as_table(
        ("so sánh", "nhóm", "số mục", "lệch nhất ở", "giá trị", "giới hạn", "đạt"),
        [
            (
                _MEASURES[fit.measure], _GROUPS.get(fit.group, fit.group), number(fit.parts), fit.worst or None,
                _amount(fit.measure, fit.value), None if fit.limit is None else _amount(fit.measure, fit.limit),
                None if fit.met is None else "có" if fit.met else "không",
            )
            for fit in fits
        ],
    )  # fmt: skip


def _amount(measure: str, value: float) -> str:
    if measure == "season":
        return f"r = {value:.2f}".replace(".", ",")
    text = f"{value:.3f} điểm %" if measure == "age_sex" else f"{value * 100:.2f} %"
    return text.replace(".", ",")


def make_lake(plan: Plan, path: Path, *, quiet: bool) -> LakeSummary:
    """A new home for a twin alone, and the twin in it, with a progress bar; truth lies in its folder `truth`."""
    home = twin_home(Home.create(path, origin="twin"))
    create_key(home)
    with open_app(home.path) as app, _bar(quiet=quiet) as bar:
        setup.first_run(app)
        task = bar.add_task("synth", total=None)
        return fill(plan, app, home.path / "truth", lambda done, total: bar.update(task, completed=done, total=total))


def _bar(*, quiet: bool) -> Progress:
    columns = (TextColumn("Tạo dữ liệu giả lập"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console, transient=True, disable=quiet)


def make_files(plan: Plan, out: Path, *, quiet: bool) -> Summary:
    """Run the twin with a progress bar."""
    with _bar(quiet=quiet) as bar:
        task = bar.add_task("synth", total=None)
        return generate(plan, out, progress=lambda done, total: bar.update(task, completed=done, total=total))
