"""Deliveries, findings, quarantine."""

from __future__ import annotations

from collections.abc import Sequence

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from bienho.portal.components import Crumb
from bienho.portal.desk import Desk
from bienho.portal.formats import moment
from bienho.portal.language import t
from bienho.portal.listing import Listing, read_listing
from bienho.portal.pages import Page, download, render_page
from bienho.portal.presenters import deliveries, findings, quarantine, signatures, work


def answer_list(
    request: HttpRequest, desk: Desk, listing: Listing, page: Page, before: Sequence[object] = ()
) -> HttpResponse:
    """A page that is one list, or that list as a file."""
    listed = read_listing(request, desk, listing)
    context = {"listed": listed, "before": [part for part in before if part], "snapshot": desk.snapshot}
    file = download(request, {listing.id: listed.table}, desk, listed.lines)
    return file or render_page(request, "list.html", page, context)


@require_GET
def delivery_list(request: HttpRequest) -> HttpResponse:
    desk = Desk.of(request)
    page = Page(t("Giao nhận"), t("Mỗi lần cơ sở gửi là một dòng, kèm biên nhận và kết quả."), guide="giao-nhan")
    return answer_list(request, desk, deliveries.listing(desk), page, [desk.try_part(lambda: work.brief(desk))])


@require_GET
def delivery(request: HttpRequest, delivery_id: str) -> HttpResponse:
    desk = Desk.of(request)
    row = deliveries.find(desk, delivery_id)
    if row is None:
        raise Http404
    listed = read_listing(request, desk, deliveries.dossiers(desk, delivery_id))
    page = Page(
        t("Lần nhận {id}", id=delivery_id),
        desk.facility_name(row["facility_code"]),
        t("Nhận lúc {when}", when=moment(row["received_at"])),
        guide="giao-nhan",
        crumbs=(Crumb(t("Giao nhận"), "/giao-nhan/"),),
    )
    context = {
        "receipt": deliveries.receipt(desk, row),
        "listed": listed,
        "signature": desk.try_part(lambda: signatures.of_delivery(desk, delivery_id)),
        "aside": deliveries.set_aside(desk, delivery_id) if desk.sees("quality.quarantine", action="read") else None,
        "findings": findings.of_delivery(desk, delivery_id) if desk.sees("quality.finding", action="read") else None,
        "snapshot": desk.snapshot,
    }
    file = download(request, {"ho-so-trong-lan": listed.table}, desk, [(t("Lần nhận"), delivery_id), *listed.lines])
    return file or render_page(request, "delivery.html", page, context)


@require_GET
def finding_list(request: HttpRequest) -> HttpResponse:
    desk = Desk.of(request)
    page = Page(t("Phát hiện sai"), t("Điều sai, đơn vị phải sửa và cách sửa."), guide="phat-hien")
    filtered = any(request.GET.get(name) for name in ("muc_do", "co_so", "don_vi", "ma", "kiem_tra"))
    before = [
        findings.severity_tabs(desk, request.GET.get("muc_do", "")),
        None if filtered else findings.top_codes(desk),
    ]
    return answer_list(request, desk, findings.listing(desk), page, before)


@require_GET
def quarantine_list(request: HttpRequest) -> HttpResponse:
    desk = Desk.of(request)
    chosen = quarantine.EXPIRED if request.GET.get("tinh_trang") == quarantine.EXPIRED else ""
    page = Page(t("Cách ly"), quarantine.lead(desk, chosen), guide="cach-ly")
    return answer_list(request, desk, quarantine.listing(desk, chosen), page, [quarantine.tabs(desk, chosen)])
