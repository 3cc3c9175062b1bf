"""The state of a long list, kept in the address: filters, order, chosen columns, page. Works without script."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from functools import cached_property
from typing import Any, Literal
from urllib.parse import urlencode

from django.http import HttpRequest

from bienho.contracts import catalogue
from bienho.portal.components import Cell, Column, Field, Form, State, Table
from bienho.portal.desk import Desk, Row
from bienho.portal.export import Line
from bienho.portal.formats import LOCAL, number
from bienho.portal.house import Versions
from bienho.portal.language import t
from bienho.portal.paging import PER_PAGE, asked_page, last_page, turning

EXPORT_ROWS = 10_000


@dataclass(frozen=True, slots=True)
class Select:
    """A filter of a list. `column` is the dataset's column; kinds: choice and text are equality, days a date range."""

    name: str
    label: str
    column: str
    kind: Literal["choice", "text", "since", "until"] = "choice"
    options: Sequence[tuple[str, str]] = ()
    convert: Callable[[str], Any] = str


@dataclass(frozen=True, slots=True)
class Show:
    """A column of a list: `make` turns a row into its cell; `sort` names the dataset's column it sorts by.

    `about` says what it means where the contract's words on that column do not.
    """

    key: str
    title: str
    make: Callable[[Row], Cell]
    kind: Literal["text", "number", "code", "date"] = "text"
    sort: str = ""
    lead: bool = False
    shown: bool = True
    about: str = ""


@dataclass(frozen=True, slots=True)
class Listing:
    """What to list and how. `order` is the dataset's column and `asc` or `desc` used when the reader chose none.

    `keeps` are parts of the address beside the filters that filtering must not lose.
    """

    id: str
    caption: str
    dataset: str
    needs: Sequence[str]
    shows: Sequence[Show]
    order: tuple[str, str]
    tie: str
    selects: Sequence[Select] = ()
    fixed: Sequence[tuple[str, str, Any]] = ()
    empty: State | None = None
    prepare: Callable[[list[Row]], None] | None = None
    versions: Versions = "current"
    keeps: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Listed:
    """A list as read: its table, its filter form, its column chooser; `lines` say which rows, above a workbook."""

    table: Table
    filters: Form | None
    chooser: Form
    total: int
    lines: Sequence[Line] = ()


class Asked:
    """What the address asks of a list."""

    def __init__(self, request: HttpRequest, listing: Listing) -> None:
        self.path = request.path
        self.given = {key: request.GET.getlist(key) for key in request.GET if key != "xuat"}
        self.listing = listing
        known = {select.name: select for select in listing.selects}
        self.values = {name: request.GET.get(name, "").replace("\0", "").strip() for name in known}
        sortable = {show.sort for show in listing.shows if show.sort}
        wanted = request.GET.get("sap", "")
        column, direction = wanted.removeprefix("-"), "desc" if wanted.startswith("-") else "asc"
        self.order = (column, direction) if column in sortable else listing.order
        self.page = asked_page(request)
        keys = {show.key for show in listing.shows}
        chosen = [key for key in request.GET.getlist("cot") if key in keys]
        self.columns = chosen or [show.key for show in listing.shows if show.shown]

    @property
    def filter(self) -> list[tuple[str, str, Any]]:
        """Conditions for the gate; a value that does not read as its kind is no condition but one of `errors`."""
        read = (_condition(select, self.values[select.name]) for select in self.applied)
        return [*self.listing.fixed, *(condition for condition in read if condition)]

    @property
    def applied(self) -> list[Select]:
        """Filters that hold: given, and read as their kind."""
        return [
            select for select in self.listing.selects if self.values[select.name] and select.name not in self.errors
        ]

    @cached_property
    def errors(self) -> dict[str, str]:
        """Filters whose value could not be read: name → how to write it."""
        given = [(select, self.values[select.name]) for select in self.listing.selects]
        return {
            select.name: t("Ghi ngày dạng dd/MM/yyyy, ví dụ 18/11/2026.")
            if select.kind in ("since", "until")
            else t("Chọn hoặc ghi đúng một giá trị có trong danh sách.")
            for select, text in given
            if text and _condition(select, text) is None
        }

    @property
    def bare(self) -> str:
        """This list's address without its filters; what the list keeps beside them stays."""
        kept = {name: self.given[name] for name in ("cot", *self.listing.keeps) if name in self.given}
        return f"{self.path}?{urlencode(kept, doseq=True)}" if kept else self.path

    def url(self, **changes: str) -> str:
        """This list's address with some parts changed; an empty value removes the part."""
        merged = {**self.given, **{key: [value] if value else [] for key, value in changes.items()}}
        query = urlencode({key: values for key, values in merged.items() if values}, doseq=True)
        return f"{self.path}?{query}" if query else self.path


def read_listing(request: HttpRequest, desk: Desk, listing: Listing) -> Listed:
    """Read one page of the list (or, for a download, its first ten thousand rows) through the gate."""
    asked = Asked(request, listing)
    everything = request.GET.get("xuat") in (f"{listing.id}.csv", f"{listing.id}.xlsx")
    total = desk.count(listing.dataset, asked.filter, listing.versions)
    page = min(asked.page, last_page(total))
    order = [asked.order] if asked.order[0] == listing.tie else [asked.order, (listing.tie, "desc")]
    limit, offset = (EXPORT_ROWS, 0) if everything else (PER_PAGE, (page - 1) * PER_PAGE)
    rows = desk.rows(listing.dataset, listing.needs, asked.filter, order, limit, offset, listing.versions, everything)
    if listing.prepare:
        listing.prepare(rows)
    shows = [show for show in listing.shows if show.key in asked.columns]
    table = Table(
        id=listing.id,
        caption=listing.caption,
        columns=[_column(show, asked, listing.dataset) for show in shows],
        rows=[{show.key: show.make(row) for show in shows} for row in rows],
        pagination=turning(page, total, lambda there: asked.url(trang=str(there)), listing.caption) if total else None,
        empty=_empty(listing, asked),
        csv_url=asked.url(xuat=f"{listing.id}.csv"),
        note=_cut(total) if total > EXPORT_ROWS else "",
    )
    return Listed(table, _filters(listing, asked), _chooser(listing, asked), total, _lines(asked, total))


def _cut(total: int) -> str:
    return t(
        "Tệp tải về chỉ có {n} dòng đầu trong {total} dòng, theo thứ tự đang xem. Lọc hẹp lại để lấy phần còn lại.",
        n=number(EXPORT_ROWS),
        total=number(total),
    )


def _lines(asked: Asked, total: int) -> list[Line]:
    """Which rows a downloaded list has, in words."""
    said = [
        f"{select.label}: {dict(select.options).get(asked.values[select.name], asked.values[select.name])}"
        for select in asked.applied
    ]
    rows = _cut(total) if total > EXPORT_ROWS else number(total)
    return [(t("Bộ lọc"), "; ".join(said) or t("không lọc")), (t("Số dòng"), rows)]


def _condition(select: Select, text: str) -> tuple[str, str, Any] | None:
    """The condition of one filter; None when the text does not read as its kind."""
    try:
        if select.kind == "since":
            return select.column, ">=", _midnight(text)
        if select.kind == "until":
            return select.column, "<", _midnight(text) + timedelta(days=1)
        return select.column, "=", select.convert(text)
    except (ValueError, OverflowError):  # 31/12/9999 has no day after it
        return None


def _midnight(text: str) -> datetime:
    """Local midnight of a day typed as dd/MM/yyyy."""
    return datetime.combine(datetime.strptime(text, "%d/%m/%Y").date(), time(), LOCAL)


def _column(show: Show, asked: Asked, dataset: str) -> Column:
    now = asked.order[1] if show.sort and asked.order[0] == show.sort else ""
    url = asked.url(sap=show.sort if now == "desc" else f"-{show.sort}", trang="") if show.sort else ""
    known = catalogue()[dataset].by_name.get(show.sort)
    about = show.about or (known.description if known else "")
    origin = f"{dataset}.{show.sort}" if known else ""
    return Column(show.key, show.title, show.kind, show.lead, url, now, about, origin)


def _empty(listing: Listing, asked: Asked) -> State | None:
    if any(asked.values.values()):
        return State(
            "empty",
            t("Không có dòng nào khớp bộ lọc"),
            t("Bỏ bớt điều kiện lọc để thấy nhiều hơn."),
            href=asked.bare,
            link=t("Bỏ lọc"),
        )
    return listing.empty


def _filters(listing: Listing, asked: Asked) -> Form | None:
    if not listing.selects:
        return None
    fields = [
        Field(
            select.name,
            select.label,
            kind="choice" if select.kind == "choice" else "text",
            hint="" if select.kind in ("choice", "text") else "dd/MM/yyyy",
            value=asked.values[select.name],
            error=asked.errors.get(select.name, ""),
            options=[("", t("Tất cả")), *select.options],
        )
        for select in listing.selects
    ]
    kept = [
        Field(name, "", kind="hidden", value=value)
        for name in ("cot", *listing.keeps)
        for value in asked.given.get(name, [])
    ]
    used = any(asked.values.values())
    form = Form(f"{listing.id}-loc", [*fields, *kept], t("Lọc"), inline=True, title=t("Lọc danh sách"))
    return replace(form, reset_url=asked.bare) if used else form


def _chooser(listing: Listing, asked: Asked) -> Form:
    options = [(show.key, show.title) for show in listing.shows]
    kept = [
        Field(name, "", kind="hidden", value=value)
        for name, values in asked.given.items()
        if name not in ("cot", "trang")
        for value in values
    ]
    checks = Field("cot", t("Cột hiện trong bảng"), kind="checks", values=asked.columns, options=options)
    return Form(f"{listing.id}-cot", [checks, *kept], t("Áp dụng"))
