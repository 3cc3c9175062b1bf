"""The data catalogue and the user guide."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from bienho.contracts import catalogue
from bienho.portal import guide
from bienho.portal.components import Crumb
from bienho.portal.desk import Desk
from bienho.portal.language import current_language, t
from bienho.portal.pages import Page, download, render_page
from bienho.portal.presenters import catalogue as presenter


@require_GET
def dataset_list(request: HttpRequest) -> HttpResponse:
    zone = request.GET.get("vung", "")
    desk = Desk.of(request)
    table = presenter.datasets(desk, zone)
    page = Page(
        t("Danh mục dữ liệu"),
        t("Kho có những bộ dữ liệu nào, ai là chủ, căn cứ nào, trường nào được giữ kín."),
        guide="danh-muc-du-lieu",
    )
    return download(request, {"danh-muc": table}) or render_page(
        request, "plain.html", page, {"parts": [presenter.zone_tabs(zone), table]}
    )


@require_GET
def dataset(request: HttpRequest, dataset_id: str) -> HttpResponse:
    contract = catalogue().get(dataset_id)
    if contract is None:
        raise Http404
    desk = Desk.of(request)
    table = presenter.fields(contract)
    page = Page(
        presenter.title(contract),
        contract.description if current_language() == "vi" else "",
        guide="danh-muc-du-lieu",
        crumbs=(Crumb(t("Danh mục dữ liệu"), "/danh-muc-du-lieu/"),),
    )
    context = {"contract": contract, "facts": presenter.facts(desk, contract), "table": table}
    return download(request, {"cac-truong": table}) or render_page(request, "dataset.html", page, context)


@require_GET
def guide_index(request: HttpRequest) -> HttpResponse:
    groups = [
        (
            heading,
            [
                (f"/huong-dan/{guide.slug(n)}/", guide.chapter(n)[0])
                for n in guide.chapters()
                if guide.by_role(n) is roles
            ],
        )
        for heading, roles in ((t("Theo công việc"), True), (t("Theo trang"), False))
    ]
    page = Page(t("Hướng dẫn"), t("Cùng nội dung với phần trợ giúp bên cạnh mỗi trang."))
    return render_page(request, "guide_index.html", page, {"groups": groups})


@require_GET
def guide_chapter(request: HttpRequest, slug: str) -> HttpResponse:
    name = next((known for known in guide.chapters() if guide.slug(known) == slug), None)
    if name is None:
        raise Http404
    title, body = guide.chapter(name)
    page = Page(title, crumbs=(Crumb(t("Hướng dẫn"), "/huong-dan/"),))
    return render_page(request, "guide.html", page, {"body": body})
