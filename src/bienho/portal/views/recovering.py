"""Recovery of somebody's account by two other persons: one asks, the other approves and hands over the invitation."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods

from bienho.core.errors import BienhoError, UsageError
from bienho.governance import people
from bienho.portal import entry
from bienho.portal.components import Crumb, Field, Form, Secret, State
from bienho.portal.language import t
from bienho.portal.pages import Page, render_page
from bienho.portal.presenters import own as presenter
from bienho.portal.views.signing import problem_of

PATH = "/tai-khoan/khoi-phuc/"


@require_http_methods(["GET", "POST"])
def recover(request: HttpRequest) -> HttpResponse:
    """Both steps on one page. What needs two factors sends whoever has shown fewer to sign in first."""
    if request.method == "GET":
        return _page(request)
    act = {"xin": _ask, "duyet": _approve}.get(request.POST.get("viec", ""))
    if act is None:
        return _page(request)
    try:
        return act(request)
    except BienhoError as error:
        if error.code == "DENY-TWO-FACTORS":
            raise  # the way to the second factor
        problem, status = problem_of(error)
        return _page(request, [problem], status)


def _ask(request: HttpRequest) -> HttpResponse:
    house = entry.house()
    made = people.recovery.ask(
        house.database,
        house.home,
        by=request.actor,
        account_id=request.POST.get("tai_khoan", "").strip().lower().replace("\0", ""),
        document=request.POST.get("so_van_ban", ""),
        now=house.clock(),
    )
    done = State(
        "good",
        t("Đã lập yêu cầu số {n}", n=made.recovery_id),
        t("Một người quản trị hoặc cán bộ an toàn thông tin khác duyệt trong {n} giờ.", n=_hours()),
    )
    return _page(request, [done])


def _approve(request: HttpRequest) -> HttpResponse:
    house = entry.house()
    try:
        number = int(request.POST.get("so", ""))
        if not 0 < number < 2**63:
            raise ValueError
    except ValueError:
        raise UsageError("USE-RECOVERY", "Số yêu cầu không đúng.", hint="Chọn một số trong danh sách.") from None
    token = people.recovery.approve(
        house.database, house.home, by=request.actor, recovery_id=number, now=house.clock()
    )  # fmt: skip
    address = house.doors.address or f"{request.scheme}://{request.get_host()}"
    link = Secret(
        t("Đường dẫn đặt mật khẩu mới, chỉ hiện một lần"),
        [f"{address}/dang-nhap/loi-moi/?ma={token}"],
        t("Trao tận tay chủ tài khoản; dùng một lần, trong {n} giờ.", n=people.NUMBERS.invitation_hours),
    )
    text = t("Mật khẩu, lớp thứ hai và danh tính ngoài đã xóa; mọi phiên đã kết thúc.")
    return _page(request, [State("good", t("Đã duyệt"), text), link])


def _hours() -> int:
    return people.NUMBERS.recovery_request_hours


def _page(request: HttpRequest, told: list[object] | None = None, status: int = 200) -> HttpResponse:
    house = entry.house()
    if not people.recovery.may(request.actor):
        told = [
            *(told or []),
            State(
                "denied",
                t("Tài khoản này không khôi phục được tài khoản khác"),
                t("Khôi phục do người quản trị hoặc cán bộ an toàn thông tin thực hiện, hai người khác nhau."),
            ),
        ]
        waiting, forms = [], []
    else:
        waiting = people.recovery.waiting(house.database, house.clock())
        forms = _forms([one.recovery_id for one in waiting])
    page = Page(
        t("Khôi phục tài khoản"),
        t("Một người lập yêu cầu theo văn bản; một người thứ hai duyệt và trao đường dẫn đặt mật khẩu mới."),
        guide="dang-nhap",
        crumbs=(Crumb(t("Đăng nhập của tôi"), "/tai-khoan/"),),
    )
    parts = [*(told or []), *([presenter.recovery_table(waiting)] if forms else []), *forms]
    return render_page(request, "plain.html", page, {"parts": parts}, status=status)


def _forms(waiting: list[int]) -> list[object]:
    ask = Form(
        "xin",
        [
            Field("viec", "", "hidden", "xin"),
            Field("tai_khoan", t("Tài khoản cần khôi phục")),
            Field("so_van_ban", t("Số văn bản làm căn cứ"), help=t("Như 123/QĐ-SYT.")),
        ],
        t("Lập yêu cầu"),
        PATH,
        "post",
        title=t("Lập yêu cầu khôi phục"),
    )
    if not waiting:
        return [ask]
    choice = Field("so", t("Duyệt yêu cầu số"), "choice", options=[(str(one), str(one)) for one in waiting])
    approve = Form(
        "duyet",
        [Field("viec", "", "hidden", "duyet"), choice],
        t("Duyệt và lấy đường dẫn"),
        PATH,
        "post",
        title=t("Duyệt yêu cầu khôi phục"),
    )
    return [approve, ask]
