"""`bienho check`: the verdict of the warehouse on a hospital's own PC, with nothing stored and nothing sent."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn

from bienho.cli.output import as_json, as_table, console, number
from bienho.core.errors import InputError, LimitError
from bienho.pipeline.check import CheckReport, tally
from bienho.pipeline.check import check as check_files
from bienho.pipeline.national import Answered, answers
from bienho.portal.words import OWNERS, SEVERITIES, fix
from bienho.quality.expiry import LOCAL

SHOWN = 20
KNOWN = {
    "letter": "công văn hướng dẫn",
    "client": "phần mềm của bệnh viện",
    "catalogue": "một danh mục dịch vụ công khai",
    "told": "một nơi cho biết",
}
WHOLE = "cả tệp"
LISTS = {"facility": "cơ sở khám chữa bệnh", "icd10": "mã bệnh ICD-10"}


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path())
@click.option("--facility", help="Mã cơ sở của bạn; khác MACSKCB trong tệp thì ghi một phát hiện.")
@click.option(
    "--reference",
    multiple=True,
    type=click.Path(path_type=Path, exists=True),
    help="Danh mục của tỉnh: tệp facility.csv, icd10.csv hoặc thư mục chứa chúng.",
)
@click.option(
    "--rules-on",
    type=click.DateTime(["%Y-%m-%d"]),
    help="So với quy tắc của ngày này: cùng hồ sơ thì thêm, bớt những phát hiện nào.",
)
@click.option(
    "--portal", is_flag=True, help="Kèm mô phỏng mã trả lời của cổng giám định BHYT (theo tài liệu công khai)."
)
@click.option(
    "--send-at",
    type=click.DateTime(["%Y-%m-%dT%H:%M"]),
    help="Lúc định gửi lên cổng giám định, giờ Việt Nam; mặc định là bây giờ. Cùng với --portal.",
)
@click.option("--show-keys", is_flag=True, help="Kèm MA_LK của từng hồ sơ; chỉ dùng trên máy của cơ sở.")
@click.option("--json", "json_", is_flag=True, help="In JSON cho máy đọc.")
def check(
    paths: tuple[str, ...],
    facility: str | None,
    reference: tuple[Path, ...],
    rules_on: datetime | None,
    portal: bool,
    send_at: datetime | None,
    show_keys: bool,
    json_: bool,
) -> None:
    """Xét thử tệp hồ sơ trước khi gửi: không lưu, không gửi, không cần mạng.

    Kết luận như khi kho của tỉnh nhận các tệp này. Mã thoát: 0 gửi được; 3 có lỗi phải sửa hoặc hồ sơ sẽ bị cách ly;
    8 có tệp vượt giới hạn nên sẽ bị từ chối.
    """
    columns = (TextColumn("Xét tệp"), BarColumn(), DownloadColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=json_) as bar:
        task = bar.add_task("check", total=None)
        report = check_files(
            paths,
            facility=facility,
            lists=reference,
            with_keys=show_keys,
            rules_on=rules_on.date() if rules_on else None,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    moment = send_at.replace(tzinfo=LOCAL) if send_at else datetime.now(LOCAL)
    national = {file.path: answers(file, moment) for file in report.files} if portal else {}
    if json_:
        told = report.as_dict()
        if portal:
            told["national"] = [
                {"path": path, **one.as_dict()} for path, answered in national.items() for one in answered
            ]
        as_json(told)
    else:
        _print(report, show_keys)
        _print_national(national)
    sys.exit(exit_code(report))


def exit_code(report: CheckReport) -> int:
    """0, or the code of the error class that says who must act: the sender mends (3), the sender splits (8)."""
    if any(file.outcome == "refused" and str(file.reason).startswith("LIM-") for file in report.files):
        return LimitError.exit_code
    return InputError.exit_code if report.must_mend else 0


def _print(report: CheckReport, show_keys: bool) -> None:
    totals = report.totals
    console.print(
        f"{number(len(report.files))} tệp, {number(totals.dossiers)} hồ sơ: {number(totals.accepted)} nhận, "
        f"{number(totals.accepted_with_findings)} nhận có phát hiện, {number(totals.quarantined)} cách ly, "
        f"{number(totals.duplicates)} trùng; từ chối {number(totals.refused)} tệp. Không lưu, không gửi gì."
    )
    aside = [
        (file.path, row["hoso"] or WHOLE, row["message"], row["code"])
        for file in report.files
        for row in file.quarantine
    ]
    refused = [(file.path, WHOLE, file.reason, file.reason or "") for file in report.files if file.outcome == "refused"]
    lost = [*refused, *aside]
    if lost:
        rows = [(path, hoso, why, fix(code)) for path, hoso, why, code in lost[:SHOWN]]
        as_table(("Tệp", "Hồ sơ thứ", "Lý do", "Cách sửa"), rows, title=_title(len(lost), "phần sẽ không vào kho"))
    kinds = tally(report)
    if kinds:
        told = [(number(times), _rule(row), f"{_owner(row)}: {fix(row['code'])}") for row, times, _ in kinds]
        title = f"{number(totals.findings)} phát hiện, theo quy tắc"
        as_table(("Số lần", "Mức, quy tắc, trường", "Ai sửa, cách sửa"), told, title=title)
        _print_places(report, show_keys)
    _print_signatures(report)
    _print_lists(report)
    if report.rules_on is not None:
        rows = [
            ("thêm" if row["change"] == "added" else "bớt", row["path"], row["hoso"], row["message"])
            for row in report.rules_on[:SHOWN]
        ]
        title = f"{number(len(report.rules_on))} chỗ khác khi xét theo quy tắc của ngày đã nêu"
        as_table(("Thay đổi", "Tệp", "Hồ sơ thứ", "Phát hiện"), rows, title=title)


def _print_national(national: Mapping[str, Sequence[Answered]]) -> None:
    """Once per code: in how many files or dossiers, and what to do."""
    kinds: dict[str, list[Answered]] = {}
    for answered in national.values():
        for one in answered:
            kinds.setdefault(one.code.code, []).append(one)
    rows = [
        (code, number(len(told)), told[0].code.title, told[0].code.fix, KNOWN[told[0].code.known])
        for code, told in kinds.items()
    ]
    if rows:
        heads = ("Mã", "Số tệp hoặc hồ sơ", "Nghĩa", "Cách sửa", "Biết từ")
        as_table(heads, rows, title="Cổng giám định BHYT trả lời gì (mô phỏng, không phải kết quả giám định)")


def _print_signatures(report: CheckReport) -> None:
    """What is wrong with signatures, once per kind: in how many files, and the first of them."""
    kinds: dict[str, list[tuple[str, dict[str, Any]]]] = {}
    for file in report.files:
        for row in file.signature:
            kinds.setdefault(row["code"], []).append((file.path, row))
    rows = [
        (
            number(len(places)),
            f"{SEVERITIES[places[0][1]['severity']][0]} · {code}",
            places[0][1]["message"],
            places[0][0],
        )
        for code, places in sorted(kinds.items())
    ]
    if rows:
        as_table(("Số tệp", "Mức, quy tắc", "Việc cần làm", "Tệp đầu tiên"), rows, title="Chữ ký số")


def _title(count: int, what: str) -> str:
    shown = f"; {number(SHOWN)} chỗ đầu ở đây, đủ mọi chỗ: thêm --json" if count > SHOWN else ""
    return f"{number(count)} {what}{shown}"


def _rule(row: dict[str, Any]) -> str:
    severity, _ = SEVERITIES[row["severity"]]
    rule = "" if row["rule"] is None else f" (kiểm tra số {row['rule']})"
    place = ".".join(part for part in (row["table"], row["field"]) if part)
    return f"{severity} · {row['code']}{rule}" + (f"\n{place}" if place else "")


def _owner(row: dict[str, Any]) -> str:
    return OWNERS.get(row["owner"], row["owner"])


def _print_places(report: CheckReport, show_keys: bool) -> None:
    """Where the first findings that count stand."""
    heads = ["Tệp", "Hồ sơ thứ", *(["MA_LK"] if show_keys else []), "Điều sai"]
    places = [(file.path, row) for file in report.files for row in file.findings if row["severity"] != "info"]
    rows = [
        (path, row["hoso"] or WHOLE, *([row["ma_lk"]] if show_keys else []), row["message"])
        for path, row in places[:SHOWN]
    ]
    if rows:
        as_table(heads, rows, title=_title(len(places), "chỗ cần sửa hoặc cần xem"))


def _print_lists(report: CheckReport) -> None:
    closed = [LISTS[verdict.kind] for verdict in report.lists if not verdict.evaluable]
    if closed:
        console.print(f"Chưa kiểm được vì không có danh mục: {', '.join(closed)}. Thêm bằng --reference THƯ_MỤC.")
    for verdict in report.lists:
        if verdict.evaluable:
            console.print(f"Danh mục {LISTS[verdict.kind]}: {number(len(verdict.unknown))} mã không có trong danh mục.")
        if verdict.unknown:
            rows = [(one["path"], one["hoso"], one["table"], one["field"]) for one in verdict.unknown[:SHOWN]]
            as_table(("Tệp", "Hồ sơ thứ", "Bảng", "Trường"), rows)
