"""Commands of early warning: where the legal thresholds stand, and what is to be expected."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Literal

import click
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from bienho.cli.data import JSON
from bienho.cli.output import as_csv, as_json, as_table, console, number
from bienho.pipeline import legal as thresholds
from bienho.pipeline import open_app, outlook, series
from bienho.quality.expiry import LOCAL
from bienho.surveillance.cases.series import COLUMNS
from bienho.surveillance.forecast import LEVELS, MEMBERS, evaluate, skill
from bienho.surveillance.forecast.published import BEGIN, HALVES, read

DAY = click.DateTime(["%Y-%m-%d"])
SINCE = click.option("--since", type=DAY, help="Kho có đủ ca từ ngày này; mặc định tự tìm quãng tháng liền có ca.")
BASIS = click.option(
    "--basis", type=click.Choice(sorted(thresholds.BASES)), default="seen", show_default=True,
    help="Đếm theo ngày khám (seen) hay ngày kho nhận (report).",
)  # fmt: skip
CERTAINTY = click.option(
    "--certainty", type=click.Choice(list(thresholds.SURE)), default="probable", show_default=True,
    help="Đếm ca từ mức chắc chắn này.",
)  # fmt: skip
PURPOSE = click.option("--purpose", default="giam-sat", show_default=True, help="Mục đích truy cập.")


@click.command()
@click.option("--as-of", type=DAY, help="Ngày xét; mặc định hôm nay.")
@SINCE
@BASIS
@CERTAINTY
@click.option("--all", "everything", is_flag=True, help="Cả những nơi bình thường có ca.")
@click.option("--csv", "csv_", is_flag=True, help="In CSV.")
@PURPOSE
@JSON
@click.pass_obj
def legal(
    home: Path | None,
    as_of: datetime | None,
    since: datetime | None,
    basis: str,
    certainty: str,
    everything: bool,
    csv_: bool,
    purpose: str,
    json_: bool,
) -> None:
    """Ngưỡng cảnh báo và dịch theo Điều 16 và 22 Thông tư 15/2026/TT-BYT, từng xã và từng bệnh."""
    day = (as_of or datetime.now(LOCAL)).date()
    with open_app(home) as app:
        found = thresholds.standing(
            app, purpose, day, since=since.date() if since else None, basis=basis, sure=certainty, everything=everything
        )
    if json_:
        as_json({"as_of": found.as_of, "since": found.since, "unplaced": found.unplaced, "rows": found.rows})
        return
    if csv_:
        as_csv(pa.Table.from_pylist(found.rows) if found.rows else pa.table({}))
        return
    rows = [
        (row["state_vi"], row["article"] or "", row["name_vi"], row["name"], row["month"], row["week"], row["reason"])
        for row in found.rows
    ]
    as_table(("Mức", "Điều", "Bệnh", "Xã, phường", "Ca trong tháng", "Ca trong tuần", "Vì sao"), rows)
    counted = f"{found.since:%d/%m/%Y}" if found.since else "chưa có tháng nào trọn vẹn"
    console.print(f"Ngày {day:%d/%m/%Y}; kho đếm đủ từ: {counted}; {number(found.unplaced)} ca trong tháng chưa rõ xã.")
    console.print("Đây là ngưỡng theo luật, tính từ ca đã về kho; công bố dịch do người có thẩm quyền quyết định.")


@click.command()
@click.argument("disease")
@click.option("--place", type=click.Choice(list(series.PLACES)), default="province", show_default=True, help="Cấp.")
@click.option(
    "--period", type=click.Choice(["day", "week", "month"]), default="week", show_default=True, help="Kỳ; tuần ISO."
)
@click.option("--by", type=click.Choice(sorted(series.STRATA)), help="Tách thêm theo tuổi hoặc giới.")
@click.option("--as-of", type=DAY, help="Tới ngày này; mặc định hôm nay.")
@SINCE
@BASIS
@CERTAINTY
@PURPOSE
@click.pass_obj
def cases(
    home: Path | None,
    disease: str,
    place: str,
    period: Literal["day", "week", "month"],
    by: str | None,
    as_of: datetime | None,
    since: datetime | None,
    basis: str,
    certainty: str,
    purpose: str,
) -> None:
    """Chuỗi số ca của một bệnh, dạng CSV mà các phương pháp phát hiện đọc được."""
    day = (as_of or datetime.now(LOCAL)).date()
    with open_app(home) as app:
        rows = series.case_series(
            app, purpose, disease, day, place=place, period=period, by=by or "", basis=basis, sure=certainty,
            since=since.date() if since else None,
        )  # fmt: skip
    as_csv(pa.table(dict(zip(COLUMNS, map(list, zip(*rows, strict=True)), strict=True)) if rows else {}))


@click.group()
def forecast() -> None:
    """Dự báo số ca một đến ba tháng tới."""


@forecast.command("show")
@click.argument("disease", type=click.Choice(outlook.DISEASES))
@click.option("--as-of", type=DAY, help="Dự báo từ tháng của ngày này; mặc định hôm nay.")
@click.option(
    "--climate", type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Nhiệt độ trung bình tháng: CSV side, year, month, temperature.",
)  # fmt: skip
@click.option(
    "--place", type=click.Choice(list(outlook.PLACES)), default="side", show_default=True,
    help="Nửa tỉnh (side) hay cụm xã theo huyện cũ (group).",
)  # fmt: skip
@PURPOSE
@JSON
@click.pass_obj
def forecast_show(
    home: Path | None,
    disease: str,
    as_of: datetime | None,
    climate: Path | None,
    place: outlook.Place,
    purpose: str,
    json_: bool,
) -> None:
    """Ba tháng tới theo nửa tỉnh hoặc cụm xã, và cả tỉnh; không hiện khi dự báo không hơn mùa thường lệ."""
    day = (as_of or datetime.now(LOCAL)).date()
    with open_app(home) as app:
        found = outlook.outlook(app, purpose, disease, day, climate.read_bytes() if climate else None, place)
    if json_:
        as_json(found)
        return
    if not found.rows:
        console.print("Dự báo chưa hơn số ca cùng tháng năm trước nên không hiện. Điểm thử nghiệm: --json.")
        return
    rows = [
        (row["place"], f"{row['month']:%m/%Y}", row["q0.5"], f"{row['q0.1']}–{row['q0.9']}",
         f"{row['q0.025']}–{row['q0.975']}", row["limit"], row["above"])
        for row in found.rows
    ]  # fmt: skip
    as_table(("Nơi", "Tháng", "Giữa", "80 %", "95 %", "Ngưỡng (TB + 2 ĐLC)", "Khả năng vượt"), rows)
    console.print(
        f"Mô hình: {found.model}; thử lại {found.origins} tháng, khoảng 80 % chứa {100 * found.within80:.0f} %;"
        f" WIS theo tháng: {found.wis}."
    )


@forecast.command("evaluate")
@click.option(
    "--reference", required=True, type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Thư mục có data/ với chuỗi tháng và trạm khí hậu đã công bố.",
)  # fmt: skip
@click.option("--disease", type=click.Choice(sorted(BEGIN)), default="dengue", show_default=True, help="Bệnh.")
@JSON
def forecast_evaluate(reference: Path, disease: str, json_: bool) -> None:
    """Thử dự báo trên chuỗi tháng đã công bố của hai tỉnh cũ: điểm WIS, độ phủ, so với mô hình tự hồi quy."""
    first, cases, heat = read(reference, disease)
    models = {
        "ensemble": MEMBERS,
        "ar": ("ar",),
        "climate": ("climate",),
        "plain": ("plain",),
        "seasonal": ("seasonal",),
    }
    scored = {name: evaluate(cases, first.month, members, heat) for name, members in models.items()}
    rows = [
        {
            "model": name, "wis": _rounded(one.wis.mean(axis=0)),
            **{f"wis_{half}": _rounded(line) for half, line in zip(HALVES, one.wis, strict=True)},
            "skill": _rounded(skill(one, scored["plain"])), "within50": round(one.within50, 3),
            "within80": round(one.within80, 3), "within95": round(one.within95, 3), "brier": round(one.brier, 3),
            "origins": one.origins,
        }
        for name, one in scored.items()
    ]  # fmt: skip
    if json_:
        as_json({"disease": disease, "first": first, "levels": LEVELS, "rows": rows})
        return
    shown = (
        "Mô hình",
        "WIS 1, 2, 3 tháng",
        *(f"WIS {half}" for half in HALVES),
        "Hơn plain",
        "50 %",
        "80 %",
        "95 %",
        "Brier",
    )
    as_table(shown, [[_shown(name, value) for name, value in row.items() if name != "origins"] for row in rows])
    console.print(f"Thử tại {scored['ensemble'].origins} tháng, mỗi tháng chỉ dùng số liệu trước đó.")


def _rounded(line: npt.NDArray[np.float64]) -> list[float]:
    return [round(float(value), 3) for value in line]


def _shown(name: str, value: object) -> object:
    digits = 2 if name == "skill" else 1
    return " ".join(f"{one:.{digits}f}" for one in value) if isinstance(value, list) else value
