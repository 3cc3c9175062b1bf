"""The record of decisions: the list by key, one decision in words and facts, and the same decision judged again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from urllib.parse import urlencode

from django.http import HttpRequest

from bienho.contracts import catalogue
from bienho.governance import PURPOSES, decisions
from bienho.governance.decisions import Told, Wanted
from bienho.governance.purposes import STANDING_RULE
from bienho.portal import formats, governed
from bienho.portal.components import (
    Cell,
    Column,
    Field,
    Form,
    Pagination,
    State,
    Table,
)
from bienho.portal.desk import Desk
from bienho.portal.export import Line
from bienho.portal.formats import DASH, number
from bienho.portal.language import later, t
from bienho.portal.listing import EXPORT_ROWS
from bienho.portal.paging import PER_PAGE

HREF = "/nhat-ky/"
CODES_SHOWN = 5
LAST_YEAR = 9000
LONGEST_FILTER = 80
CHECK_MOST = 300_000
"""A chain longer than this is walked by the command, not while a reader waits."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address asks of the list: the filter, the words it was typed in, what could not be read, the key."""

    wanted: Wanted
    texts: Mapping[str, str]
    errors: Mapping[str, str]
    before: int | None
    after: int | None

    def url(self, **more: str) -> str:
        """The list's address with this filter and more."""
        query = urlencode({name: text for name, text in {**self.texts, **more}.items() if text})
        return f"{HREF}?{query}" if query else HREF


def asked(request: HttpRequest, account: str) -> Asked:
    """The filter of an address; `account` not '' holds it to that person."""
    names = ("tu_ngay", "den_ngay", "nguoi", "muc_dich", "bo_du_lieu", "ket_qua", "co_so")
    texts = {name: request.GET.get(name, "").replace("\0", "").strip()[:LONGEST_FILTER] for name in names}
    errors = {}
    days: dict[str, date | None] = {}
    for name in ("tu_ngay", "den_ngay"):
        days[name] = day_of(texts[name])
        if texts[name] and days[name] is None:
            errors[name] = t("Ghi ngày dạng dd/MM/yyyy, ví dụ 18/11/2026.")
    wanted = Wanted(
        days["tu_ngay"],
        days["den_ngay"],
        account or texts["nguoi"],
        texts["muc_dich"] if texts["muc_dich"] in PURPOSES else "",
        texts["bo_du_lieu"] if texts["bo_du_lieu"] in catalogue() else "",
        texts["ket_qua"] if texts["ket_qua"] in governed.OUTCOMES else "",
        texts["co_so"],
    )
    if account:
        texts["nguoi"] = ""
    return Asked(wanted, texts, errors, _number(request.GET.get("truoc", "")), _number(request.GET.get("sau", "")))


def day_of(text: str) -> date | None:
    try:
        found = datetime.strptime(text, "%d/%m/%Y").date()
    except ValueError:
        return None
    return found if found.year < LAST_YEAR else None


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 18 else None


def read(desk: Desk, ask: Asked, *, everything: bool) -> tuple[list[Told], Pagination | None]:
    """One page of the record by key, or for a file its first ten thousand events."""
    database = desk.house.database
    if everything:
        return [decisions.told(event) for event in decisions.page(database, ask.wanted, limit=EXPORT_ROWS)], None
    events = decisions.page(database, ask.wanted, limit=PER_PAGE + 1, before=ask.before, after=ask.after)
    more = len(events) > PER_PAGE
    if ask.after is not None:
        shown = events[-PER_PAGE:] if more else events
        newer, older = more, True
    else:
        shown = events[:PER_PAGE]
        newer, older = ask.before is not None, more
    if not shown:
        return [], None
    summary = t(
        "{n} sự kiện, từ {first} đến {last}",
        n=number(len(shown)),
        first=formats.moment(datetime.fromisoformat(shown[-1]["recorded"])),
        last=formats.moment(datetime.fromisoformat(shown[0]["recorded"])),
    )
    return [decisions.told(event) for event in shown], Pagination(
        summary,
        ask.url(sau=str(shown[0]["seq"])) if newer else "",
        ask.url(truoc=str(shown[-1]["seq"])) if older else "",
        pages="",
        label=t("Nhật ký quyết định"),
    )


def table(ask: Asked, told: Sequence[Told], pages: Pagination | None) -> Table:
    """One line per event: when, who, what, why, under which paper, by which rule, how far, with which answer."""
    used = bool(ask.url() != HREF)
    empty = State(
        "empty",
        t("Không có sự kiện nào khớp bộ lọc") if used else t("Chưa có sự kiện nào"),
        t("Mỗi lần ai đó xem dữ liệu, sự kiện được ghi ở đây trước khi dữ liệu hiện ra."),
        href=HREF if used else "",
        link=t("Bỏ lọc"),
    )
    return Table(
        "nhat-ky",
        t("Các quyết định của cổng kiểm soát"),
        [
            Column("luc", t("Lúc"), "date", lead=True, about=t("Giờ của máy chủ cơ sở dữ liệu khi ghi sự kiện")),
            Column("ai", t("Ai")),
            Column("viec", t("Việc")),
            Column("vi", t("Vì sao"), about=t("Mục đích đã chọn, lý do và số văn bản nếu có")),
            Column("tt", t("Thỏa thuận")),
            Column("qt", t("Quy tắc"), about=t("Chính sách đã cho phép hoặc từ chối, và điều luật của nó")),
            Column("gh", t("Giới hạn dòng"), about=t("Cơ sở, xã mà câu trả lời được phép chứa")),
            Column("kq", t("Kết quả")),
        ],
        [_line(one) for one in told],
        pagination=pages,
        empty=empty,
        csv_url=ask.url(xuat="nhat-ky.csv"),
    )


def _line(one: Told) -> dict[str, Cell]:
    badge = governed.outcome(one.outcome)
    return {
        "luc": Cell(formats.moment(one.at), f"{HREF}{one.seq}/", note=t("số {n}", n=one.seq), raw=one.at),
        "ai": Cell(one.name, note=one.account),
        "viec": Cell(governed.action(one.subtype), note=", ".join(one.datasets) or house_of(one)),
        "vi": Cell(governed.purpose(one.purpose) or DASH, note=why(one)),
        "tt": Cell(paper(one), raw=", ".join(one.agreements) or DASH),
        "qt": Cell(", ".join(one.rules) or DASH, note="; ".join(one.articles)),
        "gh": Cell(rows_limit(one)),
        "kq": Cell("", badge=badge, raw=badge.text),
    }


def house_of(one: Told) -> str:
    """Of what is no dataset: codes of accounts and commands; keys of persons are said to be there only."""
    named = [
        entity["what"]["identifier"] for entity in one.event["entity"] if entity["type"] not in ("query", "Patient")
    ]
    return ", ".join(str(name)[:60] for name in named[:3])


def paper(one: Told) -> str:
    """Under which papers; the standing rule of the Department has no code that people use."""
    return ", ".join(t("nội bộ Sở") if code == STANDING_RULE else code for code in one.agreements) or DASH


def why(one: Told) -> str:
    said = [governed.reason(code) for code in one.reasons]
    return "; ".join([*([t("KHẨN CẤP")] if one.emergency else []), *said, *one.documents])


def rows_limit(one: Told) -> str:
    """The limit the decision put on rows, in words."""
    if one.outcome != "allowed" or not one.datasets:
        return DASH
    if one.rows is None:
        return t("không giới hạn")
    if isinstance(one.rows, str):
        return t("không rõ")
    return "; ".join(reach(facilities, communes) for facilities, communes in one.rows)


def reach(facilities: frozenset[str] | None, communes: frozenset[str] | None) -> str:
    parts = []
    for codes, text in ((facilities, later("cơ sở {codes}")), (communes, later("xã {codes}"))):
        if codes is not None:
            shown = ", ".join(sorted(codes)[:CODES_SHOWN])
            more = t(" và {n} nơi khác", n=number(len(codes) - CODES_SHOWN)) if len(codes) > CODES_SHOWN else ""
            parts.append(t(text, codes=(shown or t("không nơi nào")) + more))
    return ", ".join(parts) or t("không giới hạn")


def filters(ask: Asked, *, everyone: bool) -> Form:
    """The filter; the person is asked for only where all persons may be seen."""

    def choice(name: str, label: str, options: Sequence[tuple[str, str]]) -> Field:
        return Field(name, label, "choice", ask.texts[name], options=[("", t("Tất cả")), *options])

    def text(name: str, label: str, hint: str) -> Field:
        return Field(name, label, value=ask.texts[name], hint=hint, error=ask.errors.get(name, ""))

    fields = [text("tu_ngay", t("Từ ngày"), "dd/MM/yyyy"), text("den_ngay", t("Đến ngày"), "dd/MM/yyyy")]
    if everyone:
        fields.append(text("nguoi", t("Tài khoản"), ""))
    fields += [
        choice("muc_dich", t("Mục đích"), [(one.code, one.title_vi) for one in PURPOSES.values()]),
        choice("bo_du_lieu", t("Bộ dữ liệu"), [(name, name) for name in sorted(catalogue())]),
        choice("ket_qua", t("Kết quả"), [(code, t(text)) for code, (text, _) in governed.OUTCOMES.items()]),
        text("co_so", t("Mã cơ sở giới hạn"), ""),
    ]
    return Form(
        "nhat-ky-loc",
        fields,
        t("Lọc"),
        inline=True,
        title=t("Lọc nhật ký"),
        reset_url=HREF if ask.url() != HREF else "",
    )


def lines(ask: Asked, shown: int) -> list[Line]:
    """Which events a file has, in words."""
    said = "; ".join(f"{name}: {text}" for name, text in ask.texts.items() if text)
    cut = t("{n} sự kiện mới nhất; lọc hẹp lại để lấy phần còn lại", n=number(EXPORT_ROWS))
    return [
        (t("Bộ lọc"), said or t("không lọc")),
        (t("Số dòng"), cut if shown >= EXPORT_ROWS else number(shown)),
    ]


def may_check(desk: Desk) -> bool:
    """Whether the chain is short enough to be walked while a reader waits."""
    return decisions.length(desk.house.database) <= CHECK_MOST


def chain(desk: Desk) -> State:
    """Whether the chain of events was found whole, and when that was looked at."""
    last = decisions.last_check(desk.house.database)
    held = t("Nhật ký đang có {n} sự kiện.", n=number(decisions.length(desk.house.database)))
    do = t("Bấm «Kiểm tra chuỗi ngay».") if may_check(desk) else t("Chạy `bienho audit verify` trên máy chủ.")
    if last is None:
        return State("partial", t("Chuỗi nhật ký chưa được kiểm tra ở trang này"), held, do=do)
    when = t("Kiểm tra lúc {when}, người kiểm tra {name}.", when=formats.moment(last.at), name=last.name)
    if last.ok:
        return State("good", t("Chuỗi nhật ký nguyên vẹn ở lần kiểm tra gần nhất"), f"{when} {held}")
    return State(
        "error",
        t("Chuỗi nhật ký không nguyên vẹn"),
        f"{last.message_vi} {when}",
        do=t("Giữ nguyên máy, báo cán bộ an toàn thông tin; chạy `bienho doctor`."),
    )
