"""Scheduled reports: the list, making one, one of them, and what a run brought."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from bienho.core.errors import UsageError
from bienho.governance.reports import checked
from bienho.portal.components import Crumb, Form
from bienho.portal.desk import Desk
from bienho.portal.formats import moment
from bienho.portal.language import t
from bienho.portal.pages import Page, download, render_page
from bienho.portal.presenters import reports as presenter

FIELDS = ("ten", "tieu_de", "bo", "co_so", "nhip", "muc_dich", "gui")
MOST_TEXT = 2_000


@require_GET
def report_list(request: HttpRequest) -> HttpResponse:
    desk = Desk.of(request)
    mine = presenter.doors(desk).listed(desk.actor)
    last = presenter.last_runs(desk)
    table = presenter.table(desk, mine, last)
    page = Page(
        t("Báo cáo định kỳ"),
        t("Mỗi kỳ chạy với quyền của người lập ngày đó; ai mở, cổng kiểm soát xét lại quyền của người mở."),
        guide="bao-cao",
    )
    context = {"todo": presenter.todo(desk, mine, last), "table": table, "may_make": desk.may("report")}
    return download(request, {table.id: table}, desk) or render_page(request, "reports.html", page, context)


@require_http_methods(["GET", "POST"])
def make(request: HttpRequest) -> HttpResponse:
    """The form of a report; saving it asks the policies, and the gate for what the owner may read today."""
    desk = Desk.of(request)
    given: dict[str, Any] = {name: request.POST.get(name, "").replace("\0", "").strip()[:MOST_TEXT] for name in FIELDS}
    error = ""
    if request.method == "POST":
        desk.permit("report", "form")
        given["cot"] = request.POST.getlist("cot")[:100]
        try:
            made = presenter.doors(desk).add(desk.actor, checked(presenter.said(given, desk)), desk.now)
            return HttpResponseRedirect(f"{presenter.HREF}{made.name}/")
        except UsageError as wrong:
            error = f"{wrong.message} {wrong.hint}".strip()
    else:
        desk.permit("report", "form")
        wanted = request.GET.get("ten", "")
        own = (one for one in presenter.doors(desk).mine(desk.actor) if one.owner == desk.actor.account_id)
        given = next((presenter.words(one) for one in own if one.name == wanted), {})
    page = Page(
        t("Lập báo cáo định kỳ"),
        t("Báo cáo không cho thêm quyền: mất quyền đọc thì kỳ sau bị từ chối và ghi lại."),
        guide="bao-cao",
        crumbs=(Crumb(t("Báo cáo định kỳ"), presenter.HREF),),
    )
    form = presenter.form(desk, given, error)
    return render_page(request, "form.html", page, {"form": form}, status=400 if error else 200)


@require_GET
def report(request: HttpRequest, name: str) -> HttpResponse:
    desk = Desk.of(request)
    found = presenter.doors(desk).one(desk.actor, name)
    own = found.owner == desk.actor.account_id
    page = Page(
        found.title_vi,
        t("Mở một kỳ để xem số liệu; mỗi lần mở được ghi vào nhật ký."),
        guide="bao-cao",
        crumbs=(Crumb(t("Báo cáo định kỳ"), presenter.HREF),),
    )
    end = Form("bo", [], t("Bỏ báo cáo này"), f"{presenter.HREF}{name}/bo/", "post", quiet=True) if own else None
    context = {"facts": presenter.facts(desk, found), "runs": presenter.runs_table(desk, found), "end": end}
    context["mend"] = f"{presenter.HREF}lap/?ten={name}" if own else ""
    return render_page(request, "report.html", page, context)


@require_POST
def end(request: HttpRequest, name: str) -> HttpResponse:
    """No further runs; what was made stays with whoever may open it."""
    desk = Desk.of(request)
    presenter.doors(desk).end(desk.actor, name, desk.now)
    return HttpResponseRedirect(presenter.HREF)


@require_GET
def result(request: HttpRequest, name: str, due: int) -> HttpResponse:
    """What a run brought, for whoever may read it at this moment."""
    desk = Desk.of(request)
    try:
        day = date(due // 10_000, due // 100 % 100, due % 100)
    except ValueError:
        raise Http404 from None
    try:
        found, brought = presenter.doors(desk).open(desk.house.gate, desk.actor, name, day)
    except UsageError:
        raise Http404 from None
    desk.purpose = found.purpose
    table = presenter.result_table(found, brought)
    page = Page(
        t("{title}, kỳ {period}", title=found.title_vi, period=presenter.period(found, day)),
        t("Số liệu như kho có lúc chạy; kho đổi sau đó thì chạy lại kỳ mới đổi."),
        t("Chạy lúc {ran}, mở lúc {when}", ran=moment(presenter.ran_at(desk, found, day)), when=moment(desk.now)),
        guide="bao-cao",
        crumbs=(Crumb(t("Báo cáo định kỳ"), presenter.HREF), Crumb(found.title_vi, f"{presenter.HREF}{name}/")),
    )
    file = download(request, {table.id: table}, desk)
    return file or render_page(request, "report_result.html", page, {"table": table})
