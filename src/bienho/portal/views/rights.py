"""The reader's own rights."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from bienho.contracts import catalogue
from bienho.governance import PURPOSES, explain
from bienho.portal.desk import Desk
from bienho.portal.language import t
from bienho.portal.pages import Page, download, render_page
from bienho.portal.presenters import people
from bienho.portal.presenters import rights as presenter


@require_GET
def mine(request: HttpRequest) -> HttpResponse:
    """My access and why; `?bo_du_lieu=&muc_dich=` tries a question, which opens nothing and leaves no event."""
    desk = Desk.of(request)
    own = presenter.of(desk)
    dataset, purpose = request.GET.get("bo_du_lieu", ""), request.GET.get("muc_dich", "")
    contract = catalogue().get(dataset)
    errors = {}
    if "bo_du_lieu" in request.GET or "muc_dich" in request.GET:
        if contract is None:
            errors["bo_du_lieu"] = t("Chọn một bộ dữ liệu trong danh sách.")
        if purpose not in PURPOSES:
            errors["muc_dich"] = t("Chọn một mục đích trong danh sách.")
    trying: list[object] = [presenter.form(desk, own, dataset, purpose, errors)]
    if contract is not None and purpose in PURPOSES:
        trying.append(presenter.tried(explain.tried(desk.house.database, desk.actor, purpose, contract)))
    page = Page(
        t("Quyền của tôi"),
        t("Bạn được làm gì trong kho, với dòng dữ liệu nào, theo căn cứ nào, và hỏi ai khi cần thêm."),
        guide="quyen",
    )
    context = {
        "tabs": people.tabs(people.MINE),
        "before": [presenter.todo(desk, own)],
        "sections": presenter.sections(desk, own, trying),
    }
    table = presenter.memberships(desk, own)
    return download(request, {table.id: table}) or render_page(request, "sections.html", page, context)
