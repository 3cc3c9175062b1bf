"""Where a facility is told, where its files go on: the list, the log, a new one, ending one."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_http_methods

from bienho.core.errors import BienhoError, DeniedError, UsageError
from bienho.pipeline.connecting import Connecting
from bienho.portal.components import Crumb, Form, Secret
from bienho.portal.desk import Desk
from bienho.portal.language import t
from bienho.portal.pages import Page, Section, render_page
from bienho.portal.presenters import connections as presenter

GUIDE = "gui-ho-so"
FIELDS = ("loai", "dia_chi", "co_so", "tai_khoan")
MOST_TEXT = 500


@require_http_methods(["GET", "POST"])
def connections(request: HttpRequest) -> HttpResponse:
    desk = Desk.of(request)
    desk.permit("connect", "form")
    given = {name: request.POST.get(name, "").replace("\0", "").strip()[:MOST_TEXT] for name in FIELDS}
    secret: Secret | None = None
    error: BienhoError | None = None
    if request.method == "POST":
        try:
            secret = _add(desk, given, request.POST.get("mat_khau", ""))
            if secret is None:
                return HttpResponseRedirect(presenter.HREF)
            given = {}
        except DeniedError:
            raise
        except BienhoError as wrong:
            error = wrong
    connecting = desk.house.connecting
    found = connecting.listed(desk.actor) if connecting else []
    told = connecting.told(desk.actor) if connecting else []
    wrong_kind = given.get("loai")
    forms = {
        kind: presenter.form(desk, kind, given if wrong_kind == kind else {}, error if wrong_kind == kind else None)
        for kind in ("webhook", "forward")
    }
    sections = [
        Section("dang-dung", t("Kết nối"), [presenter.table(desk, found)]),
        Section("so", t("Đã gửi gì"), [presenter.log(found, told)]),
        Section("bao", t("Thêm nơi nhận báo kết quả"), [forms["webhook"]], t("Chỉ số đếm, có chữ ký."), True),
        Section(
            "chuyen", t("Thêm nơi chuyển tiếp"), [forms["forward"]], t("Một lần gửi vào kho, kho gửi tiếp nguyên tệp."),
            True,
        ),
    ]  # fmt: skip
    page = Page(
        t("Kết nối của cơ sở"),
        t("Kho báo cho phần mềm của cơ sở khi có kết quả, và chuyển tiếp hồ sơ nếu cơ sở muốn."),
        guide=GUIDE,
        crumbs=(Crumb(t("Gửi hồ sơ"), "/gui-ho-so/"),),
    )
    context = {"before": [secret] if secret else [], "sections": sections}
    return render_page(request, "sections.html", page, context, status=400 if error else 200)


@require_http_methods(["GET", "POST"])
def end(request: HttpRequest, key: str) -> HttpResponse:
    """Asks once more, then ends it; what waits for it is not sent. One that is ended, or not one's own, leads back."""
    desk = Desk.of(request)
    desk.permit("connect", "end")
    connecting = desk.house.connecting
    found = (
        next((one for one in connecting.listed(desk.actor) if one.connection_id == key), None) if connecting else None
    )
    if connecting is None or found is None or found.ended_at is not None:
        return HttpResponseRedirect(presenter.HREF)
    if request.method == "POST":
        connecting.end(desk.actor, key, desk.now)
        return HttpResponseRedirect(presenter.HREF)
    page = Page(
        t("Kết thúc kết nối"),
        t("Không gửi gì tới {host} nữa; muốn dùng lại thì khai kết nối mới.", host=found.host),
        guide=GUIDE,
        crumbs=(Crumb(t("Kết nối của cơ sở"), presenter.HREF),),
    )
    form = Form("bo", [], t("Kết thúc"), request.path, "post")
    return render_page(request, "form.html", page, {"form": form})


def _add(desk: Desk, given: dict[str, str], password: str) -> Secret | None:
    connecting: Connecting | None = desk.house.connecting
    if connecting is None or given["loai"] not in presenter.KINDS:
        raise UsageError("USE-CLOSED", t("Cổng này không nhận gửi"))
    about: dict[str, Any] = {"facility": given["co_so"], "url": given["dia_chi"], "now": desk.now}
    if given["loai"] == "forward":
        if not given["tai_khoan"] or not password.strip():
            raise UsageError("USE-CONNECTION-ACCOUNT", t("Cần tài khoản và mật khẩu của cơ sở ở cổng đó."))
        connecting.add_forward(desk.actor, username=given["tai_khoan"], password=password, **about)
        return None
    _, secret = connecting.add_webhook(desk.actor, **about)
    return Secret(t("Bí mật để kiểm chữ ký, chỉ hiện lần này"), [secret])
