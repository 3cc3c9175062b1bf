"""One page: its title, where it stands, its help, and the answer to the browser."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from bienho.config import load_profile
from bienho.governance import PURPOSES
from bienho.governance.roles import ADMINISTRATOR
from bienho.portal.components import Chart, Crumb, Crumbs, Table
from bienho.portal.desk import Desk
from bienho.portal.export import Line, Sheet, table_csv, table_xlsx
from bienho.portal.formats import moment
from bienho.portal.guide import help_for
from bienho.portal.language import current_language, later, t
from bienho.portal.presenters import emergencies
from bienho.portal.ways import is_open

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
NAVIGATION = (
    ("/", later("Tổng quan"), "home"),
    ("/kham-benh/", later("Khám bệnh"), "paper"),
    ("/giao-nhan/", later("Giao nhận"), "inbox"),
    ("/gui-ho-so/", later("Gửi hồ sơ"), "send"),
    ("/ho-so/", later("Hồ sơ"), "folder"),
    ("/phat-hien/", later("Phát hiện sai"), "flag"),
    ("/cach-ly/", later("Cách ly"), "shield"),
    ("/sua-du-lieu/", later("Sửa dữ liệu"), "list"),
    ("/theo-doi/", later("Theo dõi gửi"), "inbox"),
    ("/chat-luong/", later("Chất lượng"), "list"),
    ("/chi-so/", later("Chỉ số"), "chart"),
    ("/bao-cao/", later("Báo cáo định kỳ"), "paper"),
    ("/con-nguoi/xet/", later("Xét người"), "pair"),
    ("/danh-muc-du-lieu/", later("Danh mục dữ liệu"), "book"),
    ("/quyen/", later("Quyền truy cập"), "key"),
    ("/thoa-thuan/", later("Thỏa thuận"), "paper"),
    ("/nhat-ky/", later("Nhật ký"), "list"),
    ("/khan-cap/", later("Mở khẩn cấp"), "alarm"),
    ("/huong-dan/", later("Hướng dẫn"), "help"),
)


@dataclass(frozen=True, slots=True)
class Page:
    """`lead` is the one sentence under the title; `fresh` says as of when the numbers stand; `guide` names its help."""

    title: str
    lead: str = ""
    fresh: str = ""
    guide: str = ""
    crumbs: tuple[Crumb, ...] = ()


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a page under a heading of its own. `panel` puts it on paper; `closed` shows the heading alone at first,
    unless a form in it has something to mend (`open`)."""

    id: str
    title: str
    parts: Sequence[Any]
    lead: str = ""
    panel: bool = False
    closed: bool = False
    open: bool = False


def render_page(
    request: HttpRequest, template: str, page: Page, context: Mapping[str, Any], *, status: int = 200
) -> HttpResponse:
    """Render with the frame: navigation, breadcrumb, help beside."""
    actor = getattr(request, "actor", None)
    home = () if request.path == "/" else (Crumb(t("Tổng quan"), "/"),)
    frame = {
        "page": page,
        "lang": current_language(),
        "crumbs": Crumbs((*home, *page.crumbs, Crumb(page.title))) if home else None,
        "navigation": [
            (href, t(title), icon, _here(request.path, href))
            for href, title, icon in NAVIGATION
            if actor is None or is_open(actor, href)
        ],
        "urgent": emergencies.banner(Desk.of(request)) if actor is not None else None,
        "province": load_profile().full_name_vi,
        "help": help_for(page.guide) if page.guide else None,
        "has_start": _leads_first_steps(request),
        "has_work": settings.BIENHO_HOUSE.standing is not None,
    }
    return render(request, template, {**frame, **context}, status=status)


def _leads_first_steps(request: HttpRequest) -> bool:
    actor = getattr(request, "actor", None)
    return settings.BIENHO_HOUSE.first_steps is not None and ADMINISTRATOR in getattr(actor, "roles", ())


def _here(path: str, href: str) -> bool:
    return path == "/" if href == "/" else path.startswith(href)


def download(
    request: HttpRequest, things: Mapping[str, Chart | Table], desk: Desk | None = None, lines: Sequence[Line] = ()
) -> HttpResponse | None:
    """The same rows and rights as the page, as a file: `?xuat=<id>.xlsx`, `.csv` or `.svg`; None when none is asked.

    `lines` say above a workbook's table which rows it has; who, for what and as of when comes from the desk.
    """
    wanted = request.GET.get("xuat", "")
    name, _, kind = wanted.rpartition(".")
    thing = things.get(name)
    if thing is None:
        return None
    if kind == "svg" and isinstance(thing, Chart):
        return _file(thing.wide.encode(), "image/svg+xml", wanted)
    table = thing.table if isinstance(thing, Chart) else thing
    return file_of(table, desk, lines, wanted) if kind in ("csv", "xlsx") else None


def file_of(table: Table, desk: Desk | None, lines: Sequence[Line], name: str) -> HttpResponse:
    """A table as the file `name`: `.csv`, or `.xlsx` with what it is above it."""
    if name.endswith(".csv"):
        return _file(table_csv(table), "text/csv; charset=utf-8", name)
    now = settings.BIENHO_HOUSE.clock()
    return _file(table_xlsx(Sheet(table, [*_about(desk, now), *lines]), now), XLSX, name)


def _about(desk: Desk | None, now: datetime) -> list[Line]:
    """When the list was made, by whom, for what, and of which state of the store."""
    lines = [(t("Lập lúc"), moment(now))]
    if desk:
        lines += [(t("Người lập"), desk.actor.name), (t("Mục đích"), PURPOSES[desk.purpose].title_vi)]
        if desk.snapshot is not None:
            lines.append((t("Ảnh chụp của kho"), str(desk.snapshot)))
    return lines


def _file(content: bytes, kind: str, name: str) -> HttpResponse:
    return HttpResponse(content, content_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})
