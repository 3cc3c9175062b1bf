"""The first steps of a new house; the page changes nothing."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from bienho.governance import permits
from bienho.portal.components import State
from bienho.portal.desk import Desk
from bienho.portal.formats import moment
from bienho.portal.language import t
from bienho.portal.pages import Page, Section, render_page
from bienho.portal.presenters import start as presenter


@require_GET
def show(request: HttpRequest) -> HttpResponse:
    desk = Desk.of(request)
    if desk.house.first_steps is None:
        raise Http404
    house = desk.house
    permits.permit(house.database, house.keys, house.home, desk.actor, "list-accounts", "first-steps")
    steps = desk.house.first_steps(desk.now)
    demo = State(
        "partial",
        t("Đây là bản trình diễn"),
        t("Các bước được xét như kho thật; chưa xong bước nào cũng không ảnh hưởng bản trình diễn."),
    )
    page = Page(
        t("Những bước đầu tiên"),
        presenter.line(steps),
        t("Xem lúc {when}", when=moment(desk.now)),
        guide="nguoi-quan-tri",
    )
    context = {
        "before": [demo if house.home.mode == "demo" else None, presenter.todo(steps)],
        "sections": [Section("cac-buoc-h", t("Các bước"), [presenter.table(steps)])],
    }
    return render_page(request, "sections.html", page, context)
