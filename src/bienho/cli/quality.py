"""`bienho quality`: the rules by which dossiers are judged; it needs no home and reads no data."""

from __future__ import annotations

from collections import Counter

import click

from bienho.cli.data import JSON
from bienho.cli.output import as_json, as_table, console
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
