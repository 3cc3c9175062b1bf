"""`bienho quality`: the rules by which dossiers are judged, which need no home, and the checks of contracts."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from pathlib import Path

import click

from bienho.cli.data import JSON
from bienho.cli.output import as_json, as_table, console
from bienho.pipeline import open_app
from bienho.pipeline.contract_checks import measure_all
from bienho.quality.expiry import LOCAL
from bienho.quality.rule_manual import STATES, as_dict, find, listing, manual


@click.group()
def quality() -> None:
    """Quy tắc chất lượng: hồ sơ được xét thế nào."""


@quality.command("rules")
@click.option("--state", type=click.Choice(sorted(STATES)), help="Chỉ những quy tắc ở tình trạng này.")
@JSON
def quality_rules(state: str | None, json_: bool) -> None:
    """Mọi quy tắc và tình trạng với các danh mục kèm phần mềm: xét được, chưa xét được (thiếu gì), đang tắt."""
    rows = [row for row in listing() if state in (None, row["state"])]
    if json_:
        as_json(rows)
        return
    told = [
        (row["rule"], ", ".join(row["tables"][:2]) + (" …" if len(row["tables"]) > 2 else ""), row["title"],
         STATES[row["state"]], row["lacking"] or None)
        for row in rows
    ]  # fmt: skip
    as_table(("Số", "Bảng", "Quy tắc", "Tình trạng", "Còn thiếu"), told)
    counted = Counter(row["state"] for row in rows)
    console.print("; ".join(f"{STATES[name]}: {count}" for name, count in counted.most_common()))
    console.print("Xem một quy tắc: bienho quality rule SỐ, ví dụ bienho quality rule 48")


@quality.command("rule")
@click.argument("number", type=int)
@JSON
def quality_rule(number: int, json_: bool) -> None:
    """Trang hướng dẫn của một quy tắc: hỏi gì, ở đâu, từ khi nào, ví dụ đúng và sai, nguồn, ai duyệt."""
    rule = find(number)
    if json_:
        as_json({**as_dict(rule), "good": rule.good, "bad": rule.bad, "manual": manual(rule)})
    else:
        console.print(manual(rule))


@quality.command("datasets")
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), help="Tính độ mới đến ngày này; mặc định hôm nay.")
@JSON
@click.pass_obj
def quality_datasets(home: Path | None, as_of: datetime | None, json_: bool) -> None:
    """Đo mục quality của các hợp đồng dữ liệu trên kho: chỉ đếm, không hiện dòng nào."""
    with open_app(home) as app:
        found = measure_all(app, (as_of or datetime.now(LOCAL)).date())
    if json_:
        as_json(
            [
                {
                    "dataset": one.dataset, "check": one.check.name, "column": one.check.column, "number": one.number,
                    "must": f"{one.check.operator} {one.check.limit}", "holds": one.holds,
                    "severity": one.check.severity, "description": one.check.description,
                }
                for one in found
            ]
        )  # fmt: skip
        return
    words = {True: "đạt", False: "KHÔNG ĐẠT", None: "không có gì để đo"}
    rows = [(one.dataset, one.check.description, one.number, words[one.holds]) for one in found]
    as_table(("Bộ dữ liệu", "Điều phải có", "Số đếm", "Kết quả"), rows)
