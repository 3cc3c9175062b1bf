"""Indicators: the list, and one number explained."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from bienho.portal.components import Chart, Crumb, Table
from bienho.portal.desk import SURVEILLANCE, Desk
from bienho.portal.language import t
from bienho.portal.pages import Page, download, render_page
from bienho.portal.presenters import numbers as presenter
from bienho.portal.presenters.linked import quality


@require_GET
def number_list(request: HttpRequest) -> HttpResponse:
    desk = Desk.of(request, SURVEILLANCE)
    page = Page(t("Chỉ số"), t("Mỗi con số mở được định nghĩa, câu lệnh tính và dữ liệu đứng sau nó."), guide="chi-so")
    context = {"figures": desk.try_part(lambda: presenter.figures(desk)), "snapshot": desk.snapshot}
    return render_page(request, "numbers.html", page, context)


@require_GET
def number(request: HttpRequest, indicator: str) -> HttpResponse:
    definition = presenter.find(indicator)
    if definition is None:
        raise Http404
    desk, scope = Desk.of(request, SURVEILLANCE), presenter.Scope.asked(request)
    chart = presenter.by_week(desk, definition, scope)
    chapters = presenter.by_chapter(desk, definition, scope)
    things: dict[str, Chart | Table] = {}
    if isinstance(chart, Chart):
        things["theo-tuan"] = chart
    if chapters:
        things["theo-chuong"] = chapters
    file = download(request, things, desk, [(t("Phạm vi"), presenter.scope_words(desk, scope))])
    if file:
        return file
    sql, lineage = presenter.query(definition)
    context = {
        "filters": presenter.filters(desk, definition, scope),
        "answer": presenter.answer(desk, definition, scope),
        "chart": chart,
        "chapters": chapters,
        "meaning": presenter.meaning(definition),
        "definition": definition,
        "linked": quality() if presenter.counts_patients(definition) else None,
        "sql": sql,
        "lineage": lineage,
        "behind": desk.try_part(lambda: presenter.behind(desk, scope)),
        "snapshot": desk.snapshot,
    }
    page = Page(presenter.title(definition), definition.why, guide="chi-so", crumbs=(Crumb(t("Chỉ số"), "/chi-so/"),))
    return render_page(request, "number.html", page, context)
