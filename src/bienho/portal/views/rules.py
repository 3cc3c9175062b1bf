"""Rules of quality: the list, and one page each."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from bienho.governance.purposes import QUALITY
from bienho.portal import formats
from bienho.portal.components import Chart, Crumb, Table
from bienho.portal.desk import Desk
from bienho.portal.language import t
from bienho.portal.pages import Page, Section, download, render_page
from bienho.portal.presenters import rule, rules
from bienho.portal.presenters.scores import HREF as SCORES
from bienho.quality.rule_model import rules as every_rule


def _seen(desk: Desk, request: HttpRequest) -> rules.Seen:
    """What the reader may know; a facility of which they may count nothing is not there."""
    seen = rules.look(desk, request)
    if seen.facility and seen.last is None:
        raise Http404
    return seen


def _of(desk: Desk, seen: rules.Seen) -> str:
    name = desk.facility_name(seen.facility)
    return t("Chỉ số liệu của {name} (mã {code}).", name=name, code=seen.facility) if seen.facility else ""


@require_GET
def rule_list(request: HttpRequest) -> HttpResponse:
    desk = Desk.of(request, QUALITY)
    seen, asked = _seen(desk, request), rules.Asked.of(request)
    found = rules.counts(desk, seen)
    whole = bool(request.GET.get("xuat"))
    table = rules.table(asked, seen, found, whole=whole)
    about = [(t("Cơ sở"), seen.facility)] if seen.facility else []
    file = download(request, {table.id: table}, desk, about)
    page = Page(
        t("Quy tắc xét hồ sơ"),
        _of(desk, seen) or t("Hồ sơ bị hỏi những gì, câu nào chưa hỏi được và vì sao, câu nào hay sai nhất."),
        formats.week(seen.last) if seen.last else "",
        guide="chat-luong",
        crumbs=(Crumb(t("Chất lượng dữ liệu"), SCORES),),
    )
    parts = [rules.tabs(asked, seen), rules.filters(asked, seen), table]
    return file or render_page(request, "plain.html", page, {"parts": parts})


@require_GET
def one_rule(request: HttpRequest, number: int) -> HttpResponse:
    found = next((one for one in every_rule() if one.id == number), None)
    if found is None:
        raise Http404
    desk = Desk.of(request, QUALITY)
    seen = _seen(desk, request)
    waiting = rule.opened(desk, found, seen)
    weeks, where = rule.weeks(desk, found, seen), rule.facilities(desk, found, seen, waiting)
    places = rule.places(desk, found, seen)
    things: dict[str, Any] = {one.id: one for one in (weeks, where, places) if isinstance(one, Chart | Table)}
    file = download(request, things, desk, [(t("Quy tắc"), str(number))])
    page = Page(
        t("Quy tắc {n}: {title}", n=number, title=rules.title(found)),
        _of(desk, seen) or t("Hỏi gì, vì sao, hay sai ở đâu, sửa thế nào."),
        formats.week(seen.last) if seen.last else "",
        guide="chat-luong",
        crumbs=(Crumb(t("Chất lượng dữ liệu"), SCORES), Crumb(t("Quy tắc xét hồ sơ"), seen.url(rules.HREF))),
    )
    sections = [
        Section("co-so", t("Ở đâu"), [where, places]),
        Section("theo-tuan", t("Theo tuần"), [weeks]),
        Section("hoi", t("Hỏi gì"), [rule.questions(found)]),
        Section("vi-du-muc", t("Ví dụ"), [rule.examples(found)]),
        Section("mien", t("Miễn có thời hạn"), [rule.waivers(desk, found, seen)]),
        Section("can-cu", t("Căn cứ"), [rule.facts(found, seen)], panel=True),
    ]
    context = {
        "todo": rule.todo(desk, found, seen, waiting),
        "figures": rule.figures(desk, found, seen, waiting),
        "sections": sections,
        "snapshot": desk.snapshot,
    }
    return file or render_page(request, "figured.html", page, context)
