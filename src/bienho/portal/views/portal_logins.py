"""Systems of facilities that send as clients of the insurance portal do: the list, and a password for one."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods

from bienho.core.errors import UsageError
from bienho.governance import people, permits
from bienho.portal.desk import Desk
from bienho.portal.language import t
from bienho.portal.pages import Page, Section, render_page
from bienho.portal.presenters import members
from bienho.portal.presenters import portal_logins as presenter


@require_http_methods(["GET", "POST"])
def show(request: HttpRequest) -> HttpResponse:
    """The answer to the form shows a password once; it is kept nowhere in clear, and no address leads to it."""
    desk = Desk.of(request)
    house = desk.house
    given: dict[str, str] = {}
    errors: dict[str, str] = {}
    before = []
    permits.permit(house.database, house.keys, house.home, desk.actor, "list-accounts", "portal-api")
    if request.method == "POST":
        names = ("co_so", "dia_chi", "den_ngay", "so_van_ban")
        given = {name: request.POST.get(name, "").strip() for name in names}
        client = _give(desk, given, errors)
        before = [presenter.made(*client)] if client else []
    page = Page(
        t("Cửa gửi của cơ sở"),
        t("Phần mềm bệnh viện gửi hồ sơ về đây như gửi cổng giám định: mỗi cơ sở một tài khoản, từ địa chỉ đã khai."),
        guide="cong-nghe-thong-tin",
    )
    sections = [
        Section("tai-khoan", t("Tài khoản gửi hồ sơ của cơ sở"), [presenter.table(desk)]),
        Section("cap", t("Cấp mật khẩu"), [presenter.form({} if before else given, errors)], panel=True),
    ]
    context = {"before": before, "sections": sections}
    return render_page(request, "sections.html", page, context, status=400 if errors else 200)


def _give(desk: Desk, given: dict[str, str], errors: dict[str, str]) -> tuple[str, str] | None:
    """(client, password), or what is to be mended in `errors`."""
    try:
        until = members.day_after(given["den_ngay"])
    except (ValueError, OverflowError):
        until = None
    if until is None:
        errors["den_ngay"] = t("Ghi ngày như 31/12/2027.")
        return None
    try:
        return people.portal_api.enrol(
            desk.house.database, desk.house.home, by=desk.actor, facility=given["co_so"],
            addresses=given["dia_chi"].replace(";", ",").split(","), document=given["so_van_ban"], expires_at=until,
            now=desk.now,
        )  # fmt: skip
    except UsageError as error:
        if error.code not in presenter.FIELDS:
            raise
        errors[presenter.FIELDS[error.code]] = error.message
        return None
