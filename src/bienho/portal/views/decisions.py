"""The record of decisions: the list, one decision, and a check of the chain."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_GET, require_POST

from bienho.governance import decisions
from bienho.portal import formats
from bienho.portal.components import Crumb, Form
from bienho.portal.desk import Desk
from bienho.portal.language import t
from bienho.portal.pages import Page, download, render_page
from bienho.portal.presenters import decision as single
from bienho.portal.presenters import decisions as presenter


@require_GET
def decision_list(request: HttpRequest) -> HttpResponse:
    """All events for whoever may audit, else those of the reader's own account."""
    desk = Desk.of(request)
    everyone = desk.may("audit")
    ask = presenter.asked(request, "" if everyone else str(desk.actor.account_id))
    everything = request.GET.get("xuat") in ("nhat-ky.csv", "nhat-ky.xlsx")
    what = f"{'export' if everything else 'list'}:{ask.wanted.said()}".rstrip(":")
    desk.permit("audit" if everyone else "audit-own", what)
    told, pages = presenter.read(desk, ask, everything=everything)
    table = presenter.table(ask, told, pages)
    lead = (
        t("Ai đã hỏi gì, vì sao, và cổng kiểm soát trả lời thế nào. Xem dòng từ chối và mở khẩn cấp trước.")
        if everyone
        else t("Những lần truy cập của chính bạn. Có lần nào không phải bạn làm thì báo người quản trị ngay.")
    )
    page = Page(t("Nhật ký quyết định"), lead, guide="nhat-ky")
    context = {
        "chain": presenter.chain(desk) if everyone else None,
        "check": Form("kiem-tra", [], t("Kiểm tra chuỗi ngay"), f"{presenter.HREF}kiem-tra/", "post")
        if everyone and presenter.may_check(desk)
        else None,
        "filters": presenter.filters(ask, everyone=everyone),
        "table": table,
    }
    file = download(request, {table.id: table}, desk, presenter.lines(ask, len(told)))
    return file or render_page(request, "decisions.html", page, context)


@require_POST
def check(request: HttpRequest) -> HttpResponse:
    """Walk the whole chain now; what was found is an event of the chain."""
    desk = Desk.of(request)
    desk.permit("audit", "verify")
    house = desk.house
    if not presenter.may_check(desk):
        return HttpResponseRedirect(presenter.HREF)
    decisions.check(house.database, house.keys, house.home, desk.actor)
    return HttpResponseRedirect(presenter.HREF)


@require_GET
def decision(request: HttpRequest, seq: int) -> HttpResponse:
    desk = Desk.of(request)
    everyone = desk.may("audit")
    found = decisions.one(desk.house.database, seq)
    own = found is not None and found["agent"][0]["who"] == desk.actor.account_id
    desk.permit("audit-own" if own and not everyone else "audit", f"show:{seq}")
    if found is None:
        raise Http404
    one = decisions.told(found)
    text = request.GET.get("ngay", "").replace("\0", "").strip()[:20]
    day, error = single.asked_day(text, formats.local(desk.now).date())
    page = Page(
        t("Quyết định số {n}", n=seq),
        single.sentence(one),
        t("Ghi lúc {when}", when=formats.moment(one.at)),
        guide="nhat-ky",
        crumbs=(Crumb(t("Nhật ký quyết định"), presenter.HREF),),
    )
    context = {
        "answer": single.answer(one),
        "rules": single.rules(one),
        "entities": single.entities(one),
        "facts": single.facts(one),
        "again": single.again(desk, one, day),
        "day": single.day_form(one, text or formats.day(day), error),
    }
    return render_page(request, "decision.html", page, context, status=400 if error else 200)
