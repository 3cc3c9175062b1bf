"""One page: its title, where it stands, its help, and the answer to the browser."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from bienho.config import load_profile
from bienho.portal.components import Chart, Crumb, Crumbs, Table
from bienho.portal.guide import help_for
from bienho.portal.language import current_language, later, t

NAVIGATION = (
    ("/", later("Tổng quan"), "home"),
    ("/giao-nhan/", later("Giao nhận"), "inbox"),
    ("/ho-so/", later("Hồ sơ"), "folder"),
    ("/phat-hien/", later("Phát hiện sai"), "flag"),
    ("/cach-ly/", later("Cách ly"), "shield"),
    ("/chi-so/", later("Chỉ số"), "chart"),
    ("/danh-muc-du-lieu/", later("Danh mục dữ liệu"), "book"),
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


def render_page(
    request: HttpRequest, template: str, page: Page, context: Mapping[str, Any], *, status: int = 200
) -> HttpResponse:
    """Render with the frame: navigation, breadcrumb, help beside."""
    home = () if request.path == "/" else (Crumb(t("Tổng quan"), "/"),)
    frame = {
        "page": page,
        "lang": current_language(),
        "crumbs": Crumbs((*home, *page.crumbs, Crumb(page.title))) if home else None,
        "navigation": [(href, t(title), icon, _here(request.path, href)) for href, title, icon in NAVIGATION],
        "province": load_profile().full_name_vi,
        "help": help_for(page.guide) if page.guide else None,
    }
    return render(request, template, {**frame, **context}, status=status)


def _here(path: str, href: str) -> bool:
    return path == "/" if href == "/" else path.startswith(href)


def download(request: HttpRequest, things: Mapping[str, Chart | Table]) -> HttpResponse | None:
    """`?xuat=<id>.csv` or `.svg`: the same rows and rights as the page, as a file; None when none is asked for."""
    wanted = request.GET.get("xuat", "")
    name, _, kind = wanted.rpartition(".")
    thing = things.get(name)
    if thing is None:
        return None
    if kind == "svg" and isinstance(thing, Chart):
        return _file(thing.wide.encode(), "image/svg+xml", wanted)
    if kind == "csv":
        table = thing.table if isinstance(thing, Chart) else thing
        return _file(table_csv(table), "text/csv; charset=utf-8", wanted)
    return None


def _file(content: bytes, kind: str, name: str) -> HttpResponse:
    return HttpResponse(content, content_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})


def table_csv(table: Table) -> bytes:
    """CSV with a byte order mark, so that Excel reads Vietnamese; a cell that looks like a formula is made text."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([column.title for column in table.columns])
    for line in table.lines:
        writer.writerow([_plain(cell.badge.text if cell.badge else cell.text, cell.raw) for _, cell in line])
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def _plain(text: str, raw: Any) -> Any:
    value = text if raw is None else raw
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return "'" + value
    return value
