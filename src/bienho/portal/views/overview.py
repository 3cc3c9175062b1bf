"""The first page."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from bienho.portal.components import Chart, Map, Table
from bienho.portal.desk import Desk
from bienho.portal.language import t
from bienho.portal.pages import Page, download, render_page
from bienho.portal.presenters.overview import overview


@require_GET
def show(request: HttpRequest) -> HttpResponse:
    desk = Desk.of(request)
    made = overview(desk)
    things: dict[str, Chart | Table] = {}
    if isinstance(made.per_day, Chart):
        things["theo-ngay"] = made.per_day
    if isinstance(made.per_week, Chart):
        things["theo-tuan"] = made.per_week
    if isinstance(made.facilities, Table):
        things["co-so-bang"] = made.facilities
    if isinstance(made.map, Map):
        things["ban-do-bang"] = made.map.table
    page = Page(
        t("Tổng quan"),
        t("Cái gì đã về, từ ai, chậm bao lâu, và việc cần làm bây giờ."),
        made.fresh,
        guide="tong-quan",
    )
    return download(request, things) or render_page(
        request, "overview.html", page, {"made": made, "snapshot": desk.snapshot}
    )
