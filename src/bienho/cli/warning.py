"""Commands of early warning: where the legal thresholds stand, and what is to be expected."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click
import pyarrow as pa

from bienho.cli.data import JSON
from bienho.cli.output import as_csv, as_json, as_table, console, number
from bienho.pipeline import legal as thresholds
from bienho.pipeline import open_app
from bienho.quality.expiry import LOCAL

DAY = click.DateTime(["%Y-%m-%d"])
PURPOSE = click.option("--purpose", default="giam-sat", show_default=True, help="Mục đích truy cập.")


@click.command()
@click.option("--as-of", type=DAY, help="Ngày xét; mặc định hôm nay.")
@click.option("--since", type=DAY, help="Kho có đủ ca từ ngày này; mặc định tự tìm quãng tháng liền có ca.")
@click.option(
    "--basis", type=click.Choice(sorted(thresholds.BASES)), default="seen", show_default=True,
    help="Đếm theo ngày khám (seen) hay ngày kho nhận (report).",
)  # fmt: skip
@click.option(
    "--certainty", type=click.Choice(list(thresholds.SURE)), default="probable", show_default=True,
    help="Đếm ca từ mức chắc chắn này.",
)  # fmt: skip
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
