"""The work behind the pages."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from bienho.portal.components import Crumb
from bienho.portal.desk import Desk
from bienho.portal.formats import moment
from bienho.portal.language import t
from bienho.portal.pages import Page, download, render_page
from bienho.portal.presenters import work
from bienho.portal.presenters.notices import DEAD_HREF


@require_GET
def show(request: HttpRequest) -> HttpResponse:
    desk = Desk.of(request)
    stands = work.ask(desk)
    if stands is None:
        raise Http404
    table = work.table(stands)
    page = Page(
        t("Việc nền"),
        work.line(stands),
        t("Xem lúc {when}", when=moment(desk.now)),
        guide="giao-nhan",
        crumbs=(Crumb(t("Giao nhận"), "/giao-nhan/"),),
    )
    file = download(request, {table.id: table}, desk)
    context = {"todo": work.todo(stands), "table": table, "notices_href": DEAD_HREF if desk.may("job") else ""}
    return file or render_page(request, "work.html", page, context)
