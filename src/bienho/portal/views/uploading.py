"""A facility's own file: sent with a receipt, or rehearsed and forgotten. Both work as a plain form."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_GET, require_http_methods

from bienho.core.errors import BienhoError, DeniedError, UsageError
from bienho.portal.components import Crumb, State
from bienho.portal.desk import Desk
from bienho.portal.language import t
from bienho.portal.pages import Page, render_page
from bienho.portal.presenters import deliveries
from bienho.portal.presenters import uploading as presenter

SOURCE = "upload"
GUIDE = "gui-ho-so"


@require_http_methods(["GET", "POST"])
def send(request: HttpRequest) -> HttpResponse:
    desk = Desk.of(request)
    desk.permit("send", "form")
    error: BienhoError | None = None
    if request.method == "POST":
        try:
            data = _file(request)
            if desk.house.sending is None:
                raise UsageError("USE-CLOSED", presenter.closed().title)
            made = desk.house.sending.send(desk.actor, data, request.POST.get("co_so", ""), SOURCE)
            return HttpResponseRedirect(f"{presenter.SEND}{made.delivery}/")
        except DeniedError:
            raise
        except BienhoError as wrong:
            error = wrong
    page = Page(
        t("Gửi hồ sơ"),
        t("Tệp nằm chắc trên đĩa của kho rồi mới có biên nhận; phát hiện hiện ra sau ít giây."),
        guide=GUIDE,
        crumbs=(Crumb(t("Giao nhận"), "/giao-nhan/"),),
    )
    context = {"form": _form(desk, presenter.SEND, request, error), "other": presenter.REHEARSE, "upload": True}
    context["connects"] = desk.may("connect")
    return render_page(request, "sending.html", page, context, status=400 if error else 200)


@require_GET
def sent(request: HttpRequest, delivery_id: str) -> HttpResponse:
    """The receipt, before and after the delivery is in the lake."""
    desk = Desk.of(request)
    row = deliveries.find(desk, delivery_id)
    waits = desk.house.sending.waiting(desk.actor, delivery_id) if row is None and desk.house.sending else None
    if row is None and waits is None:
        raise Http404
    page = Page(
        t("Biên nhận {id}", id=delivery_id),
        t("Kho đã giữ tệp này nguyên vẹn."),
        guide=GUIDE,
        crumbs=(Crumb(t("Giao nhận"), "/giao-nhan/"), Crumb(t("Gửi hồ sơ"), presenter.SEND)),
    )
    context = {
        "receipt": presenter.receipt(desk, row, waits),
        "delivery": delivery_id if row else "",
        "again": request.path,
    }
    return render_page(request, "sent.html", page, context)


@require_http_methods(["GET", "POST"])
def rehearse(request: HttpRequest) -> HttpResponse:
    """The verdict stands in the answer to the form and nowhere else."""
    desk = Desk.of(request)
    desk.permit("send", "rehearse")
    error: BienhoError | None = None
    told: dict[str, Any] | None = None
    if request.method == "POST":
        try:
            data = _file(request)
            if desk.house.sending is None or desk.house.rehearse is None:
                raise UsageError("USE-CLOSED", presenter.closed().title)
            own = desk.house.sending.facility_of(desk.actor, request.POST.get("co_so", ""))
            told = desk.house.rehearse(data, own, True, desk.now)
        except DeniedError:
            raise
        except BienhoError as wrong:
            error = wrong
    page = Page(
        t("Xét thử"),
        t("Xem kho sẽ nói gì về tệp trước khi gửi. Không lưu, không ghi lại gì của tệp."),
        guide=GUIDE,
        crumbs=(Crumb(t("Giao nhận"), "/giao-nhan/"),),
    )
    context: dict[str, Any] = {
        "form": _form(desk, presenter.REHEARSE, request, error), "other": presenter.SEND, "upload": True,
    }  # fmt: skip
    if told is not None:
        context |= {
            "verdict": presenter.verdict(told), "counts": presenter.counts(told),
            "national": presenter.national(told), "sections": presenter.dossiers(told),
        }  # fmt: skip
    return render_page(request, "sending.html", page, context, status=400 if error else 200)


def _form(desk: Desk, action: str, request: HttpRequest, error: BienhoError | None) -> Any:
    house = desk.house
    able = house.sending is not None and (action == presenter.SEND or house.rehearse is not None)
    closed: State = presenter.closed()
    return presenter.form(desk, action, request.POST.dict(), error) if able else closed


def _file(request: HttpRequest) -> bytes:
    """The bytes of the file of the form; its name is left where it is: it may hold a patient's."""
    found = request.FILES.get("tep")
    data = bytes(found.read()) if found is not None else b""
    if not data:
        raise UsageError(
            "USE-FILE", t("Chưa chọn tệp, hoặc tệp rỗng."), hint=t("Chọn một tệp XML hoặc zip rồi gửi lại.")
        )
    return data
