"""Scores of data quality: the province, one facility, the rows behind, another formula tried."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from bienho.governance.purposes import QUALITY
from bienho.portal import formats
from bienho.portal.components import Crumb
from bienho.portal.desk import Desk
from bienho.portal.language import t
from bienho.portal.listing import read_listing
from bienho.portal.pages import Page, download, render_page
from bienho.portal.presenters import score_facility, score_trial, scores


@require_GET
def province(request: HttpRequest) -> HttpResponse:
    desk = Desk.of(request, QUALITY)
    scope = scores.asked(desk, request)
    page = Page(
        t("Chất lượng dữ liệu"),
        t("Đúng, đủ, sạch, sống, thống nhất, dùng chung: mỗi điểm mất mở được đến từng dòng."),
        formats.week(scope.week) if scope else "",
        guide="chat-luong",
    )
    if scope is None:
        return render_page(request, "scores.html", page, {"nothing": scores.nothing_yet()})
    found = scores.of_week(desk, scope)
    ranking, causes = scores.ranking(desk, scope, found), scores.causes(desk, scope)
    shown = scores.commune_map(desk, scope, found)
    things: dict[str, Any] = {one.id: one for one in (ranking, causes, shown.table)}
    file = download(request, things, desk, [(t("Tuần"), formats.week(scope.week))])
    context = {
        "filters": scores.filters(desk, scope, scores.HREF),
        "behind": scores.behind(desk, scope, found),
        "figures": scores.figures(desk, scope, found),
        "map": shown,
        "ranking": ranking,
        "causes": causes,
        "trial": scope.url(scores.TRIAL_HREF),
        "snapshot": desk.snapshot,
    }
    return file or render_page(request, "scores.html", page, context)


@require_GET
def facility(request: HttpRequest) -> HttpResponse:
    desk = Desk.of(request, QUALITY)
    scope = scores.asked(desk, request)
    held = scores.of_week(desk, scope).get(scope.facility) if scope else None
    if scope is None or held is None:
        raise Http404
    readable = scores.may_open_rows(desk)
    causes, trend = scores.causes(desk, scope, readable=readable), score_facility.trend(desk, scope)
    file = download(request, {causes.id: causes, trend.id: trend}, desk, [(t("Cơ sở"), scope.facility)])
    page = Page(
        desk.facility_name(scope.facility),
        t("Mã cơ sở {code}. So với cơ sở cùng loại bằng phần tư, không nêu tên.", code=scope.facility),
        formats.week(scope.week),
        guide="chat-luong",
        crumbs=(Crumb(t("Chất lượng dữ liệu"), scores.HREF),),
    )
    context = {
        "filters": scores.filters(desk, scope, scores.FACILITY_HREF),
        "behind": scores.behind(desk, scope, {scope.facility: held}),
        "figures": score_facility.figures(scope, held, readable=readable),
        "trend": trend,
        "causes": causes,
        "facts": score_facility.facts(desk, scope, held),
        "snapshot": desk.snapshot,
    }
    return file or render_page(request, "score_facility.html", page, context)


@require_GET
def rows(request: HttpRequest) -> HttpResponse:
    desk = Desk.of(request, QUALITY)
    scope = scores.asked(desk, request)
    if scope is None or not scope.facility:
        raise Http404
    listed = read_listing(request, desk, score_facility.rows(scope))
    file = download(request, {"dong-mat-diem": listed.table}, desk, listed.lines)
    page = Page(
        t("Dòng làm mất điểm: {name}", name=desk.facility_name(scope.facility)),
        t("Mã cơ sở {code}, {week}.", code=scope.facility, week=formats.week(scope.week)),
        guide="chat-luong",
        crumbs=(
            Crumb(t("Chất lượng dữ liệu"), scores.HREF),
            Crumb(desk.facility_name(scope.facility), scope.url(scores.FACILITY_HREF)),
        ),
    )
    return file or render_page(request, "list.html", page, {"listed": listed, "before": [], "snapshot": desk.snapshot})


@require_GET
def trial(request: HttpRequest) -> HttpResponse:
    desk = Desk.of(request, QUALITY)
    scope = scores.asked(desk, request)
    page = Page(
        t("Thử trọng số khác"),
        t(
            "Điểm chung của từng cơ sở nếu công thức có trọng số khác; điểm đang có không đổi."
            " Sáu chiều cộng thành 100; các số còn lại là phần nghìn hồ sơ bị trừ."
        ),
        formats.week(scope.week) if scope else "",
        guide="chat-luong",
        crumbs=(Crumb(t("Chất lượng dữ liệu"), scores.HREF),),
    )
    if scope is None:
        return render_page(request, "plain.html", page, {"parts": [scores.nothing_yet()]})
    form, formula = score_trial.form(scope, request.GET.dict())
    found = scores.of_week(desk, scope)
    parts = [form, *([score_trial.trial(desk, scope, found, formula)] if formula else [])]
    return render_page(request, "plain.html", page, {"parts": parts})
