"""Reminders on pages: those a facility got and answers, those the Department sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

from bienho.core.errors import UsageError
from bienho.governance import reasons
from bienho.governance.reminders import ANSWERS, MATTERS, Reminder, Reminders, Word
from bienho.portal import formats
from bienho.portal.components import Badge, Cell, Column, Fact, Facts, Field, Form, State, Table, Todo
from bienho.portal.desk import Desk
from bienho.portal.formats import DASH
from bienho.portal.language import current_language, t

SEND_HREF, ANSWER_HREF = "/theo-doi/nhac/", "/theo-doi/tra-loi/"
DAYS_GIVEN = 3


def doors(desk: Desk) -> Reminders:
    house = desk.house
    return Reminders(house.database, house.keys, house.home)


def word(table: Mapping[str, Word], code: str) -> str:
    found = table.get(code)
    return code if found is None else found.title_en if current_language() == "en" else found.title_vi


def _options(table: Mapping[str, Word]) -> list[tuple[str, str]]:
    return [("", t("Chọn trong danh sách")), *((code, word(table, code)) for code in table)]


def state(one: Reminder, today: date) -> Badge:
    if one.answered:
        return Badge(t("Đã trả lời"), "ok")
    return Badge(t("Quá hạn"), "act") if one.overdue(today) else Badge(t("Chờ trả lời"), "warn")


def answer_words(one: Reminder) -> tuple[str, str]:
    """(the newest answer, who gave it when)."""
    if not one.answers:
        return DASH, ""
    last = one.answers[-1]
    until = t(": {d}", d=formats.day(last.until)) if last.until else ""
    paper = t(", văn bản {n}", n=last.document) if last.document else ""
    return word(ANSWERS, last.answer) + until, f"{last.by}, {formats.moment(last.at)}{paper}"


def todos(desk: Desk, found: Sequence[Reminder]) -> list[Todo]:
    """What a facility has not answered yet."""
    today = formats.local(desk.now).date()
    return [
        Todo(
            "act", t("Sở Y tế nhắc: {what}", what=word(MATTERS, one.matter)),
            t("{name}, mã {code}. Nhắc lúc {when}.", name=desk.facility_name(one.facility_code), code=one.facility_code,
              when=formats.moment(one.at)),
            t("Cơ sở gửi dữ liệu"),
            t("quá hạn {d}", d=formats.day(one.due)) if one.overdue(today) else formats.day(one.due),
            f"{ANSWER_HREF}{one.reminder_id}/", t("Trả lời"),
        )
        for one in found if not one.answered
    ]  # fmt: skip


def table(desk: Desk, found: Sequence[Reminder], href: str, *, answering: bool) -> Table:
    """Reminders, the newest first; `answering`: for the facility they went to."""
    today = formats.local(desk.now).date()
    rows = []
    for one in found:
        said, who = answer_words(one)
        badge = state(one, today)
        rows.append(
            {
                "nd": Cell(word(MATTERS, one.matter), f"{ANSWER_HREF}{one.reminder_id}/" if answering else "",
                           note=one.document),
                "cs": Cell(desk.facility_name(one.facility_code), note=one.facility_code),
                "khi": Cell(formats.moment(one.at), raw=one.at, note=one.by),
                "han": Cell(formats.day(one.due), raw=one.due),
                "tt": Cell("", badge=badge, raw=badge.text),
                "tl": Cell(said, note=who),
            }
        )  # fmt: skip
    return Table(
        "nhac",
        t("Lời nhắc và trả lời"),
        [
            Column("nd", t("Nhắc việc gì"), lead=True),
            Column("cs", t("Cơ sở")),
            Column("khi", t("Nhắc lúc"), "date"),
            Column("han", t("Hạn"), "date"),
            Column("tt", t("Tình trạng")),
            Column("tl", t("Trả lời")),
        ],
        rows,
        empty=State("empty", t("Chưa có lời nhắc nào"), t("Lời nhắc của Sở Y tế và trả lời của cơ sở hiện ở đây.")),
        csv_url=f"{href}{'&' if '?' in href else '?'}xuat=nhac.csv",
        dense=True,
    )


def send_form(desk: Desk, facilities: Sequence[str], given: Mapping[str, str], errors: Mapping[str, str]) -> Form:
    """Whom, what of, until when, by which document."""
    named = sorted(((code, f"{desk.facility_name(code)} ({code})") for code in facilities), key=lambda one: one[1])
    soon = formats.day(formats.local(desk.now).date() + timedelta(days=DAYS_GIVEN))
    fields = [
        Field("co_so", t("Cơ sở"), "choice", given.get("co_so", ""), options=[("", t("Chọn cơ sở")), *named],
              error=errors.get("co_so", ""), required=True),
        Field("noi_dung", t("Nhắc việc gì"), "choice", given.get("noi_dung", ""), options=_options(MATTERS),
              error=errors.get("noi_dung", ""), required=True),
        Field("han", t("Hạn trả lời"), value=given.get("han", soon), hint="dd/MM/yyyy", error=errors.get("han", ""),
              required=True),
        _document(given, errors),
    ]  # fmt: skip
    return Form("nhac-co-so", fields, t("Ghi lời nhắc"), SEND_HREF, "post", title=t("Nhắc một cơ sở"))


def answer_form(one: Reminder, given: Mapping[str, str], errors: Mapping[str, str]) -> Form:
    fields = [
        Field("tra_loi", t("Trả lời"), "choice", given.get("tra_loi", ""), options=_options(ANSWERS),
              error=errors.get("tra_loi", ""), required=True),
        Field("ngay", t("Ngày sẽ gửi"), value=given.get("ngay", ""), hint="dd/MM/yyyy", error=errors.get("ngay", ""),
              help=t("Chỉ cần khi đang sửa.")),
        _document(given, errors),
    ]  # fmt: skip
    return Form("tra-loi", fields, t("Gửi trả lời"), f"{ANSWER_HREF}{one.reminder_id}/", "post",
                title=t("Trả lời lời nhắc"))  # fmt: skip


def _document(given: Mapping[str, str], errors: Mapping[str, str]) -> Field:
    return Field(
        "so_van_ban", t("Số văn bản"), "text", given.get("so_van_ban", ""), error=errors.get("so_van_ban", ""),
        help=t("Số và ký hiệu công văn, quyết định, nếu có. Không ghi tên hay số giấy tờ người bệnh."),
        hint="123/SYT-NVY",
    )  # fmt: skip


def facts(desk: Desk, one: Reminder) -> Facts:
    """One reminder, and what was answered so far."""
    items = [
        Fact(t("Nhắc việc gì"), word(MATTERS, one.matter)),
        Fact(t("Cơ sở"), desk.facility_name(one.facility_code), note=one.facility_code),
        Fact(t("Nhắc lúc"), formats.moment(one.at), note=one.by),
        Fact(t("Hạn"), formats.day(one.due), badge=None),
        Fact(t("Tình trạng"), "", badge=state(one, formats.local(desk.now).date())),
    ]
    if one.document:
        items.append(Fact(t("Số văn bản"), one.document))
    if one.answers:
        said, who = answer_words(one)
        items.append(Fact(t("Trả lời mới nhất"), said, note=who))
    return Facts(items)


def read_day(text: str) -> date | None:
    """A day typed as dd/MM/yyyy; None for anything else."""
    try:
        found = datetime.strptime(text, "%d/%m/%Y").date()
    except ValueError:
        return None
    return found if 2000 <= found.year <= 2100 else None


def checked_document(given: dict[str, str], errors: dict[str, str]) -> None:
    """The number in its one spelling; what is none may be a name or a card and is not shown again."""
    try:
        given["so_van_ban"] = reasons.document_number(given["so_van_ban"])
    except UsageError:
        given["so_van_ban"] = ""
        errors["so_van_ban"] = t("Ghi số và ký hiệu như 123/SYT-NVY hoặc 45/2026/QĐ-UBND.")
