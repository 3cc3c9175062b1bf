"""Scheduled reports on pages: what there is, how the last run ended, what to do about it now."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from bienho.contracts import Field as ContractField
from bienho.contracts import catalogue
from bienho.governance import PURPOSES, accounts
from bienho.governance.report_doors import ReportDoors
from bienho.governance.reports import CADENCES, ZONE, Report, Result, Run, covered, next_due
from bienho.portal import formats, governed
from bienho.portal.components import Badge, Cell, Column, Fact, Facts, Field, Form, State, Table, Todo, TodoList
from bienho.portal.components.badge import Tone
from bienho.portal.desk import Desk
from bienho.portal.formats import DASH, number
from bienho.portal.language import current_language, later, t

HREF = "/bao-cao/"
NUMBERS = ("int", "bigint", "decimal", "double")
CADENCE = {"day": later("Hằng ngày"), "week": later("Hằng tuần"), "month": later("Hằng tháng")}
STATES: dict[str, tuple[str, Tone]] = {
    "made": (later("Đã có kết quả"), "ok"),
    "refused": (later("Bị từ chối"), "act"),
    "failed": (later("Không xong"), "warn"),
}


def doors(desk: Desk) -> ReportDoors:
    return ReportDoors(desk.house.database, desk.house.keys, desk.house.home)


def today(desk: Desk) -> date:
    return formats.local(desk.now).date()


def last_runs(desk: Desk) -> dict[str, Run]:
    """The run of the newest due day of each report."""
    return {run.name: run for run in reversed(doors(desk).book.runs(most=10_000))}


def todo(desk: Desk, mine: Sequence[Report], last: Mapping[str, Run]) -> TodoList:
    """What the reader does now: their own reports that brought nothing, then new results addressed to them."""
    items = []
    for one in mine:
        run = last.get(one.name)
        if run is None:
            continue
        own = one.owner == desk.actor.account_id
        if run.state != "made" and own:
            items.append(
                Todo(
                    "act", t("Báo cáo «{title}» không có kết quả kỳ này", title=one.title_vi), _why(run),
                    t("Người lập báo cáo"), formats.day(run.due), f"{HREF}{one.name}/", t("Xem và sửa"),
                )
            )  # fmt: skip
        elif run.state == "made" and not own:
            items.append(
                Todo(
                    "info", t("Mở kỳ mới của «{title}»", title=one.title_vi),
                    t("Kỳ {period}", period=period(one, run.due)),
                    t("Bạn"), DASH, result_href(one.name, run.due), t("Mở"),
                )
            )  # fmt: skip
    items.sort(key=lambda item: item.tone != "act")
    good = State("good", t("Không có báo cáo nào cần bạn làm gì"), t("Báo cáo đến hạn tự chạy lúc 6 giờ sáng."))
    return TodoList(t("Việc cần làm bây giờ"), items[:5], good)


def table(desk: Desk, mine: Sequence[Report], last: Mapping[str, Run]) -> Table:
    names = _names(desk)
    rows = []
    for one in mine:
        run = last.get(one.name)
        rows.append(
            {
                "ten": Cell(one.title_vi, f"{HREF}{one.name}/", note=one.name, raw=one.title_vi),
                "nguoi": Cell(names.get(one.owner, one.owner)),
                "nhip": Cell(t(CADENCE[one.cadence])),
                "gan": _state_cell(run, period(one, run.due)) if run else Cell(DASH),
                "sau": Cell(formats.day(next_due(one.cadence, today(desk))), raw=next_due(one.cadence, today(desk))),
            }
        )
    return Table(
        "bao-cao",
        t("Báo cáo của bạn và gửi cho bạn"),
        [
            Column("ten", t("Báo cáo"), lead=True),
            Column("nguoi", t("Người lập")),
            Column("nhip", t("Nhịp")),
            Column("gan", t("Kỳ gần nhất")),
            Column("sau", t("Chạy lần sau"), "date"),
        ],
        rows,
        empty=State("empty", t("Chưa có báo cáo nào"), t("Báo cáo bạn lập và báo cáo gửi cho bạn hiện ở đây.")),
        csv_url="?xuat=bao-cao.csv",
    )


def facts(desk: Desk, one: Report) -> Facts:
    """What a report asks, for whom, under which purpose."""
    names = _names(desk)
    contract = catalogue()[one.dataset]
    readers = ", ".join(names.get(code, code) for code in one.readers)
    return Facts(
        [
            Fact(t("Bộ dữ liệu"), contract.title_vi, f"/danh-muc-du-lieu/{one.dataset}/", note=one.dataset),
            Fact(t("Cột"), ", ".join(one.columns), code=True),
            Fact(t("Cơ sở"), ", ".join(one.facilities) or t("mọi cơ sở người lập được xem")),
            Fact(t("Nhịp"), t(CADENCE[one.cadence]), note=t("lần sau {day}", day=_next(desk, one))),
            Fact(t("Mục đích"), governed.purpose(one.purpose), note=PURPOSES[one.purpose].agreement),
            Fact(t("Người lập"), names.get(one.owner, one.owner), note=one.owner),
            Fact(t("Gửi cho"), readers),
        ]
    )


def runs_table(desk: Desk, one: Report) -> Table:
    """The runs of a report, the newest due first."""
    rows = []
    for run in doors(desk).book.runs(one.name):
        href = result_href(one.name, run.due) if run.state == "made" else ""
        rows.append(
            {
                "ky": Cell(period(one, run.due), href, raw=run.due),
                "kq": _state_cell(run, ""),
                "dong": Cell(number(run.lines), raw=run.lines),
                "luc": Cell(formats.moment(run.at), raw=run.at),
            }
        )
    return Table(
        "cac-ky",
        t("Các kỳ đã chạy"),
        [
            Column("ky", t("Kỳ"), lead=True),
            Column("kq", t("Kết quả")),
            Column("dong", t("Số dòng"), "number"),
            Column("luc", t("Chạy lúc"), "date"),
        ],
        rows,
        empty=State("empty", t("Chưa chạy lần nào"), t("Lần đầu chạy ngày {day}.", day=_next(desk, one))),
    )


def result_table(one: Report, result: Result) -> Table:
    """What a run brought, as it was sealed."""
    contract = catalogue()[one.dataset]
    kinds = {field.name: field.physical_type.lower() for field in contract.fields}
    columns = [
        Column(
            name, _heading(contract.by_name[name]),
            "number" if kinds[name].startswith(NUMBERS) else "date" if kinds[name] == "date" else "text",
            lead=not place, about=contract.by_name[name].description, origin=f"{one.dataset}.{name}",
        )
        for place, name in enumerate(one.columns)
    ]  # fmt: skip
    rows = [
        {
            name: Cell(
                DASH if value is None else formats.day(value) if isinstance(value, date)
                else number(value) if isinstance(value, int) else str(value),
                raw=value,
            )
            for name, value in row.items()
        }
        for row in result.table.to_pylist()
    ]  # fmt: skip
    return Table(
        "ket-qua",
        t("Kết quả"),
        columns,
        rows,
        caption_hidden=True,
        empty=State("empty", t("Kỳ này không có dòng nào")),
        csv_url="?xuat=ket-qua.csv",
    )


def form(desk: Desk, given: Mapping[str, Any], error: str) -> Form:
    """A new report, or new words of one's own."""
    datasets = [(name, one.title_vi) for name, one in catalogue().items() if one.zone == ZONE]
    columns = {field.name: field.description for name, _ in datasets for field in catalogue()[name].fields}
    purposes = [(code, one.title_vi) for code, one in PURPOSES.items() if one.roles & frozenset(desk.actor.roles)]
    return Form(
        "bao-cao",
        [
            Field(
                "ten", t("Mã báo cáo"), value=given.get("ten", ""), hint="tuan-dich", required=True, error=error,
                help=t("Chữ thường không dấu, số và dấu gạch. Trùng mã báo cáo của bạn là sửa báo cáo đó."),
            ),
            Field(
                "tieu_de", t("Tiêu đề"), value=given.get("tieu_de", ""), required=True,
                help=t("Không ghi gì về người bệnh."),
            ),
            Field("bo", t("Bộ dữ liệu"), "choice", given.get("bo", datasets[0][0]), options=datasets, required=True),
            Field(
                "cot", t("Cột"), "checks", values=given.get("cot", ()), required=True,
                options=[(name, f"{name}: {text}" if text else name) for name, text in columns.items()],
            ),
            Field(
                "co_so", t("Chỉ các cơ sở"), value=given.get("co_so", ""), hint="64001 64002",
                help=t("Mã cơ sở, cách nhau bằng dấu cách. Để trống: mọi cơ sở bạn được xem."),
            ),
            Field(
                "nhip", t("Nhịp"), "choice", given.get("nhip", "week"), required=True,
                options=[(code, t(CADENCE[code])) for code in CADENCES],
                help=t("Tuần dịch tễ từ thứ Hai đến Chủ nhật; tháng gồm các tuần trọn bắt đầu trong tháng."),
            ),
            Field("muc_dich", t("Mục đích"), "choice", given.get("muc_dich", ""), options=purposes, required=True),
            Field(
                "gui", t("Gửi cho"), value=given.get("gui", ""), required=True, hint="nv.an nv.binh",
                help=t("Mã tài khoản trong nhà, cách nhau bằng dấu cách. Người nhận chỉ mở được phần mình được xem."),
            ),
        ],
        t("Lưu báo cáo"),
        f"{HREF}lap/",
        "post",
        title=t("Lập báo cáo định kỳ"),
    )  # fmt: skip


def words(one: Report) -> dict[str, Any]:
    """A report as its form shows it."""
    return {
        "ten": one.name, "tieu_de": one.title_vi, "bo": one.dataset, "cot": one.columns, "nhip": one.cadence,
        "co_so": " ".join(one.facilities), "muc_dich": one.purpose, "gui": " ".join(one.readers),
    }  # fmt: skip


def said(given: Mapping[str, Any], desk: Desk) -> dict[str, Any]:
    """The words of a form as `reports.checked` takes them."""
    return {
        "name": given["ten"], "title_vi": given["tieu_de"], "owner": desk.actor.account_id, "dataset": given["bo"],
        "columns": given["cot"], "facilities": given["co_so"].split(), "cadence": given["nhip"],
        "purpose": given["muc_dich"], "readers": given["gui"].split(), "since": today(desk),
    }  # fmt: skip


def ran_at(desk: Desk, one: Report, due: date) -> datetime | None:
    """When the run of a due day was made."""
    return next((run.at for run in doors(desk).book.runs(one.name, most=10_000) if run.due == due), None)


def result_href(name: str, due: date) -> str:
    return f"{HREF}{name}/{due:%Y%m%d}/"


def _heading(field: ContractField) -> str:
    """A column as people read it: the beginning of what it means; in English, where that is not said, its name."""
    return re.split("[,;(]", field.description)[0].strip() if current_language() == "vi" else field.name


def _state_cell(run: Run, note: str) -> Cell:
    text, tone = STATES[run.state]
    badge = Badge(t(text), tone)
    return Cell("", badge=badge, note=note if run.state == "made" else _why(run), raw=badge.text)


def _why(run: Run) -> str:
    """What a code of a run means to whoever made the report."""
    if run.code == "DENY-ACCOUNT":
        return t("Tài khoản người lập đã đóng hoặc bị khóa.")
    if run.state == "refused":
        return t("Người lập không còn được đọc số liệu này: {code}", code=run.code)
    return t("Báo cáo chạy không xong: {code}", code=run.code)


def period(one: Report, due: date) -> str:
    """The days a run due that day is about."""
    first, last = covered(one.cadence, due)
    return f"{formats.day(first)} – {formats.day(last)}"


def _next(desk: Desk, one: Report) -> str:
    return formats.day(next_due(one.cadence, today(desk)))


def _names(desk: Desk) -> dict[str, str]:
    return {one.account_id: one.name for one in accounts.list_accounts(desk.house.database)}
