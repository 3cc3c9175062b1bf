"""`bienho quality score` and its kin: scores in six dimensions, opened down to the row; what if the formula changed."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from importlib import resources
from pathlib import Path
from typing import Any

import click

from bienho.cli.data import JSON
from bienho.cli.output import as_json, as_table, console, number
from bienho.cli.quality import quality
from bienho.core.epiweek import EpiWeek
from bienho.core.errors import UsageError
from bienho.pipeline import open_app, score_ask
from bienho.pipeline.score_ask import Wanted
from bienho.quality.scores import DIMENSIONS, TOTAL, standing

__all__ = ["quality"]
FACILITY = click.argument("facility", required=False)
WEEK = click.argument("week", required=False)
DATASET = click.option("--dataset", help="Bộ dữ liệu: xml130.visit, xml130.check_in, xml130.assessment.")
PURPOSE = click.option("--purpose", default="", help="Mục đích truy cập; mặc định đánh giá chất lượng dữ liệu.")
STANDING = {"closed": "đã qua hạn gửi", "provisional": "tạm tính"}
_WEEK = re.compile(r"(\d{4})-?W(\d{1,2})", re.IGNORECASE)
OWNERS = {"facility": "cơ sở", "so-y-te": "Sở Y tế"}


def _wanted(facility: str | None, week: str | None, dataset: str | None) -> Wanted:
    return Wanted(facility, _monday(week) if week else None, dataset)


def _monday(text: str) -> date:
    found = _WEEK.fullmatch(text)
    try:
        return EpiWeek(int(found[1]), int(found[2])).start if found else date.fromisoformat(text)
    except ValueError:
        raise UsageError(
            "USE-WEEK", f"Không hiểu tuần {text!r}.", hint="Viết 2026-W47, hoặc một ngày trong tuần."
        ) from None


@quality.command("score")
@FACILITY
@WEEK
@DATASET
@click.option("--explain", is_flag=True, help="Từng dòng làm mất điểm và số điểm của dòng.")
@PURPOSE
@JSON
@click.pass_obj
def quality_score(
    home: Path | None, facility: str | None, week: str | None, dataset: str | None, explain: bool, purpose: str,
    json_: bool,
) -> None:  # fmt: skip
    """Điểm sáu chiều của một cơ sở (mã như gửi) trong một tuần; không ghi tuần: tuần mới nhất đã qua hạn gửi."""
    wanted = _wanted(facility, week, dataset)
    if explain and not (facility and week):
        raise UsageError("USE-SCORE-EXPLAIN", "Giải thích điểm cần mã cơ sở và tuần.", hint="Ví dụ: … 52001 2026-W47.")
    with open_app(home) as app:
        rows = score_ask.scores(app, purpose, wanted)
        losses = score_ask.explain(app, purpose, wanted) if explain else []
    if json_:
        as_json({"scores": rows, "losses": losses} if explain else rows)
        return
    _print_scores(rows)
    if explain:
        _print_losses(losses)


def _print_scores(rows: list[dict[str, Any]]) -> None:
    cells: dict[tuple[Any, ...], dict[str, dict[str, Any]]] = {}
    for row in rows:
        cells.setdefault((row["facility_code"], row["dataset"], row["week_start"]), {})[row["dimension"]] = row
    names = [one.title_vi for one in standing().dimensions]
    told = []
    for (facility, dataset, week), held in sorted(cells.items(), key=_lowest_first):
        one = held.get(TOTAL) or next(iter(held.values()))
        told.append(
            (facility, dataset, _week(week),
             *(_shown(held.get(name)) for name in (TOTAL, *DIMENSIONS)), number(one["dossiers"] or 0),
             None if one["expected"] is None else number(one["expected"]), STANDING[one["standing"]])
        )  # fmt: skip
    as_table(("Cơ sở", "Bộ dữ liệu", "Tuần", "Điểm", *names, "Hồ sơ", "Mong đợi", "Tình trạng"), told)
    if not told:
        console.print("Chưa có điểm. Điểm được tính mỗi giờ, hoặc ngay bằng `bienho job scores`.")


def _lowest_first(item: tuple[tuple[Any, ...], dict[str, dict[str, Any]]]) -> tuple[Any, ...]:
    key, held = item
    return (key[2], held[TOTAL]["score"] if TOTAL in held else Decimal(-1), key)


def _print_losses(rows: list[dict[str, Any]]) -> None:
    told = [
        (row["dimension"], row["code"], row["rule"], row["table_name"], row["row_no"], row["field"], row["delivery_id"],
         (row["dossier_key"] or "")[:8] or None, f"{row['day']:%d/%m/%Y}", _owner(row["owner"]),
         _points(row["points"], 6), _points(row["points_total"], 6))
        for row in rows
    ]  # fmt: skip
    titles = ("Chiều", "Mã", "Quy tắc", "Bảng", "Dòng", "Trường", "Lần nhận", "Hồ sơ", "Ngày", "Ai sửa", "Điểm chiều")
    as_table((*titles, "Điểm chung"), told)
    lost = sum((row["points_total"] for row in rows), Decimal(0))
    console.print(f"Cộng {number(len(rows))} dòng: mất {_points(lost, 6)} điểm chung.")


@quality.command("improve")
@FACILITY
@WEEK
@DATASET
@PURPOSE
@JSON
@click.pass_obj
def quality_improve(
    home: Path | None, facility: str | None, week: str | None, dataset: str | None, purpose: str, json_: bool
) -> None:
    """Sửa gì thì điểm tăng nhiều nhất: nguyên nhân xếp theo số điểm, ai sửa, bao nhiêu dòng."""
    with open_app(home) as app:
        found = score_ask.causes(app, purpose, _wanted(facility, week, dataset))
    if json_:
        as_json(found)
        return
    told = [
        (row["dimension"], row["code"], row["rule"], row["table_name"], row["field"], _owner(row["owner"]),
         number(row["rows"]), _points(row["points_total"]))
        for row in found
    ]  # fmt: skip
    as_table(("Chiều", "Mã", "Quy tắc", "Bảng", "Trường", "Ai sửa", "Số dòng", "Điểm chung"), told)


@quality.command("simulate")
@click.option(
    "--formula", "file", required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Tệp công thức đã sửa.",
)  # fmt: skip
@FACILITY
@WEEK
@DATASET
@PURPOSE
@JSON
@click.pass_obj
def quality_simulate(
    home: Path | None,
    file: Path,
    facility: str | None,
    week: str | None,
    dataset: str | None,
    purpose: str,
    json_: bool,
) -> None:
    """Điểm nếu dùng công thức khác, cạnh điểm đang có; không lưu gì."""
    with open_app(home) as app:
        text = file.read_text(encoding="utf-8", errors="replace")
        rows = score_ask.simulate(app, purpose, text, _wanted(facility, week, dataset))
    if json_:
        as_json(rows)
        return
    titles = {one.id: one.title_vi for one in standing().dimensions} | {TOTAL: "Điểm chung"}
    told = [
        (row["facility_code"], row["dataset"], _week(row["week_start"]),
         titles[row["dimension"]], _points(row["standing_score"]), _points(row["score"]), _points(row["difference"]))
        for row in rows if row["difference"] != 0
    ]  # fmt: skip
    as_table(("Cơ sở", "Bộ dữ liệu", "Tuần", "Chiều", "Đang có", "Thử", "Chênh lệch"), told)
    console.print(f"{number(len(told))} trong {number(len(rows))} điểm thay đổi.")


@quality.command("formula")
@JSON
def quality_formula(json_: bool) -> None:
    """Công thức đang dùng, nguyên văn tệp, để đọc hoặc sửa thử."""
    text = (resources.files("bienho.quality.scores") / "formula.yaml").read_text("utf-8")
    if json_:
        as_json({"formula": standing().name, "in_force_from": standing().in_force_from, "text": text})
    else:
        click.echo(text, nl=False)


@quality.command("verify")
@PURPOSE
@JSON
@click.pass_obj
def quality_verify(home: Path | None, purpose: str, json_: bool) -> None:
    """Kiểm lại các tuần đã chốt: chữ ký của kho và từng dòng điểm."""
    with open_app(home) as app:
        weeks = score_ask.verify(app, purpose)
    if json_:
        as_json(weeks)
        return
    yes = {True: "đúng", False: "SAI"}
    told = [
        (_week(row["week_start"]), row["formula"], f"{row['as_of']:%d/%m/%Y}", number(row["rows"]),
         row["digest"][:16], yes[row["genuine"]], yes[row["unchanged"]])
        for row in weeks
    ]  # fmt: skip
    as_table(("Tuần", "Công thức", "Tính đến ngày", "Số dòng", "Dấu vân", "Chữ ký", "Dòng điểm"), told)


def _week(monday: date) -> str:
    one = EpiWeek.of(monday)
    return f"{one.year}-W{one.week:02}"


def _owner(owner: str) -> str:
    return OWNERS.get(owner, owner)


def _shown(row: dict[str, Any] | None) -> str | None:
    return _points(row["score"]) if row else None


def _points(value: Decimal | None, digits: int = 1) -> str | None:
    """Points as people read them: rounded, with a decimal comma; all six digits where a sum must come out."""
    return None if value is None else f"{value:.{digits}f}".replace(".", ",")
