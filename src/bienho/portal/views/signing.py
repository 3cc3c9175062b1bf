"""Signing in: account and password, second factor or passkey, first password by invitation, unlocking."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.http import require_http_methods, require_POST

from bienho.core.errors import BienhoError, BusyError, DeniedError, UsageError
from bienho.governance import accounts, people
from bienho.governance.actor import Actor
from bienho.governance.people.signing_in import Entered
from bienho.portal import entry, signin
from bienho.portal.components import Field, Form, Passkey, State
from bienho.portal.entry import also_while, open_to_all
from bienho.portal.language import t
from bienho.portal.pages import Page, render_page
from bienho.portal.rates import RATES

ACCOUNT_MOST = 100


def problem_of(error: BienhoError) -> tuple[State, int]:
    """What a page says of an error at a step of signing in, and its status."""
    status = 429 if isinstance(error, BusyError) else 403 if isinstance(error, DeniedError) else 400
    status = status if isinstance(error, BusyError | DeniedError | UsageError) else 503
    return State("error", error.message, do=error.hint, code=error.code), status


def show(
    request: HttpRequest,
    title: str,
    parts: Sequence[Any],
    *,
    lead: str = "",
    problem: State | None = None,
    status: int = 200,
    template: str = "alone.html",
    **more: Any,
) -> HttpResponse:
    """A page of one step: in the frame for whoever is signed in, alone for others."""
    passkey = any(isinstance(part, Passkey) for part in parts)
    if request.actor is not None and template == "alone.html":
        page = Page(title, lead, guide="dang-nhap", crumbs=more.pop("crumbs", ()))
        shown = [*([problem] if problem else []), *parts]
        return render_page(request, "plain.html", page, {"parts": shown, "passkey": passkey}, status=status)
    more.pop("crumbs", None)
    here = request.get_full_path() if request.method == "GET" else request.path
    context = {"title": title, "lead": lead, "parts": parts, "problem": problem, "passkey": passkey, "here": here}
    return render(request, template, {**context, **more}, status=status)


def tried(
    request: HttpRequest, attempt: Callable[[], HttpResponse], again: Callable[[State, int], HttpResponse]
) -> HttpResponse:
    """The answer of an attempt, or the same page once more with what went wrong. One address may try only so often."""
    if not RATES.take(f"address\0{entry.address(request)}", people.NUMBERS.address_minute_requests):
        text = t("Từ địa chỉ này vừa có quá nhiều lần thử trong một phút.")
        return again(State("error", t("Hỏi quá dày"), text, do=t("Đợi một phút rồi thử lại."), code="WEB-429"), 429)
    try:
        return attempt()
    except BienhoError as error:
        return again(*problem_of(error))


def entered(request: HttpRequest, made: Entered) -> HttpResponse:
    """Go on with a session that was just made."""
    if not made.pending:
        signin.note_sign_in(made.account_id, entry.house().clock())
    return entry.enter(request, made, entry.following(request))


@open_to_all
@require_http_methods(["GET", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """By one-time link in a demo (GET shows the button, POST uses the token up), by password, or by passkey."""
    if request.method == "GET":
        return _sign_in_page(request)
    if "ma" in request.POST:
        return tried(request, lambda: _by_link(request), lambda told, status: _sign_in_page(request, told, status))
    by = _by_passkey if request.POST.get("viec") == "khoa" else _by_password
    return tried(request, lambda: by(request), lambda told, status: _sign_in_page(request, told, status))


def _sign_in_page(request: HttpRequest, problem: State | None = None, status: int = 200) -> HttpResponse:
    house, onward = entry.house(), entry.following(request)
    demo = house.home.mode == "demo"
    token = request.GET.get("ma", "") if request.method == "GET" and demo else ""
    if request.GET.get("can") == "hai-lop" and problem is None:
        problem = State(
            "partial",
            t("Việc này cần đăng nhập hai lớp"),
            do=t("Đăng nhập bằng mật khẩu và mã dùng một lần, hoặc bằng khóa truy cập; rồi trang sẽ mở lại."),
            code="DENY-TWO-FACTORS",
        )
    form = Form(
        "vao",
        [
            Field("tai_khoan", t("Tài khoản"), autocomplete="username"),
            Field("mat_khau", t("Mật khẩu"), "password", autocomplete="current-password"),
            Field("tiep", "", "hidden", onward),
        ],
        t("Đăng nhập"),
        "/dang-nhap/",
        "post",
        quiet=bool(token),
    )
    shown = t(
        "Mọi người bệnh trong bản trình diễn đều là giả lập. Trên bản thật, mỗi lần xem hồ sơ đều được ghi tên"
        " người xem và lý do."
    )
    lost = t("Quên mật khẩu hoặc mất thiết bị: báo người quản trị; hai người cùng duyệt để khôi phục tài khoản.")
    links = [("/dang-nhap/loi-moi/", t("Tôi có mã mời: đặt mật khẩu đầu tiên"))]
    if house.doors.sso is not None:
        links.insert(0, (entry.with_following("/dang-nhap/dich-vu/", onward), house.doors.sso.title_vi))
    return show(
        request,
        t("Đăng nhập"),
        [form, *_passkey(request, "/dang-nhap/")],
        problem=problem,
        status=status,
        template="sign_in.html",
        token=token,
        following=onward,
        demo=demo,
        links=links,
        note=shown if demo else lost,
    )


def _passkey(request: HttpRequest, action: str) -> list[Passkey]:
    if entry.passkey_place(request) is None:
        return []
    return [Passkey("khoa", "get", t("Dùng khóa truy cập"), action, following=entry.following(request))]


def _by_link(request: HttpRequest) -> HttpResponse:
    house = entry.house()
    now = house.clock()
    linked = house.home.mode == "demo"  # elsewhere people sign in with two factors
    account_id = signin.consume(request.POST["ma"], now) if linked else None
    if account_id is None or house.find_actor(account_id) is None:
        told = State(
            "error",
            t("Đường dẫn đăng nhập không dùng được"),
            t("Đường dẫn chỉ dùng một lần và hết hạn sau 10 phút."),
            safe=t("Không ai vào được bằng đường dẫn này nữa."),
            do=t("Lấy đường dẫn mới bằng lệnh `bienho serve` trên máy chủ."),
            code="WEB-LINK",
        )
        return _sign_in_page(request, told, 403)
    made = people.signing_in.with_link(
        house.database, house.home, account_id=account_id, address=entry.address(request), door=entry.DOOR, now=now
    )
    return entered(request, made)


def _by_password(request: HttpRequest) -> HttpResponse:
    house = entry.house()
    # what can be no account's name is still asked for, so that the answer takes as long
    account_id = request.POST.get("tai_khoan", "").strip().lower().replace("\0", "\ufffd")[:ACCOUNT_MOST]
    made = people.signing_in.with_password(
        house.database,
        house.home,
        account_id=account_id,
        password=request.POST.get("mat_khau", ""),
        address=entry.address(request),
        door=entry.DOOR,
        now=house.clock(),
    )
    return entered(request, made)


def _by_passkey(request: HttpRequest) -> HttpResponse:
    house, place = entry.house(), entry.passkey_place(request)
    if place is None:
        raise people.credentials.refused()
    made = people.signing_in.with_passkey(
        house.database,
        house.home,
        answer=request.POST.get("tra_loi", ""),
        rp_id=place[0],
        origin=place[1],
        address=entry.address(request),
        door=entry.DOOR,
        now=house.clock(),
    )
    return entered(request, made)


@also_while("second-factor")
@require_http_methods(["GET", "POST"])
def second_factor(request: HttpRequest) -> HttpResponse:
    """The code of the device, a recovery code, or a passkey of the account whose password was right."""
    if request.actor is not None:
        return HttpResponseRedirect(entry.following(request))
    if request.method == "GET":
        return _second_page(request)
    by = _by_passkey if request.POST.get("viec") == "khoa" else _by_code
    return tried(request, lambda: by(request), lambda told, status: _second_page(request, told, status))


def _by_code(request: HttpRequest) -> HttpResponse:
    house = entry.house()
    made = people.signing_in.with_code(
        house.database,
        house.home,
        token=request.COOKIES.get(entry.cookie_name(house), ""),
        code=request.POST.get("ma_so", "").replace("\0", "")[:ACCOUNT_MOST],
        address=entry.address(request),
        now=house.clock(),
    )
    return entered(request, made)


def _second_page(request: HttpRequest, problem: State | None = None, status: int = 200) -> HttpResponse:
    form = Form(
        "lop-hai",
        [
            Field(
                "ma_so",
                t("Mã dùng một lần"),
                help=t("Sáu chữ số đang hiện trong ứng dụng tạo mã; hoặc một mã khôi phục đã cất."),
                autocomplete="one-time-code",
            ),
            Field("tiep", "", "hidden", entry.following(request)),
        ],
        t("Tiếp tục"),
        entry.SECOND,
        "post",
    )
    parts = [form, *_passkey(request, entry.SECOND)]
    lead = t("Mật khẩu đúng. Còn một bước: chứng minh bằng thiết bị của bạn.")
    return show(request, t("Lớp xác thực thứ hai"), parts, lead=lead, problem=problem, status=status, leave=True)


@open_to_all
@require_POST
def passkey_options(request: HttpRequest) -> HttpResponse:
    """What the browser is to ask a device for, as JSON. New keys are for whoever may add a factor."""
    house, place = entry.house(), entry.passkey_place(request)
    if not RATES.take(f"address\0{entry.address(request)}", people.NUMBERS.address_minute_requests):
        return HttpResponse(status=429)
    session, now = request.session_seen, house.clock()
    if place is None:
        return HttpResponse(status=404)
    if request.POST.get("viec") == "create":
        by = enroller(request)
        if by is None:
            return HttpResponse(status=403)
        options = people.passkeys.registration_options(house.database, by=by, rp_id=place[0], now=now)
    else:
        waits = session is not None and session.state == "live" and session.pending == "second-factor"
        account_id = session.account_id if waits else None
        options = people.passkeys.authentication_options(house.database, account_id=account_id, rp_id=place[0], now=now)
    return HttpResponse(options, content_type="application/json")


def enroller(request: HttpRequest) -> Any | None:
    """Who may set up a factor here: whoever is signed in, or has a first one to set up; None for others."""
    session = request.session_seen
    if request.actor is not None:
        return request.actor
    if session is None or session.state != "live" or session.pending != "enrol":
        return None
    account = accounts.find(entry.house().database, session.account_id)
    return Actor(account.account_id, account.name, (), entry.DOOR, assurance="one") if account else None


@open_to_all
@require_http_methods(["GET", "POST"])
def invitation(request: HttpRequest) -> HttpResponse:
    """Set the first password with an invitation, handed over in person or after a recovery."""
    if request.method == "GET":
        return _invitation_page(request)
    return tried(request, lambda: _accept(request), lambda told, status: _invitation_page(request, told, status))


def same_twice(request: HttpRequest) -> str:
    """The new password, typed twice alike; UsageError USE-PASSWORD-TWICE otherwise."""
    new = request.POST.get("moi", "")
    if new != request.POST.get("moi_lai", ""):
        raise UsageError(
            "USE-PASSWORD-TWICE", "Hai lần gõ mật khẩu mới không giống nhau.", hint="Gõ lại cả hai ô mật khẩu mới."
        )
    return new


def new_password_fields() -> list[Field]:
    """The two fields of a new password, with what it must be like."""
    numbers = people.NUMBERS
    rule = t(
        "Từ {alone} ký tự; đã có lớp thứ hai thì từ {least}. Một câu vài từ không liên quan là tốt nhất.",
        alone=numbers.password_length_alone,
        least=numbers.password_length_with_factor,
    )
    return [
        Field("moi", t("Mật khẩu mới"), "password", help=rule, autocomplete="new-password"),
        Field("moi_lai", t("Gõ lại mật khẩu mới"), "password", autocomplete="new-password"),
    ]


def _accept(request: HttpRequest) -> HttpResponse:
    house = entry.house()
    account_id = people.credentials.accept(
        house.database,
        house.home,
        token=request.POST.get("ma_moi", "").strip(),
        password=same_twice(request),
        door=entry.DOOR,
        now=house.clock(),
    )
    done = State(
        "good",
        t("Đã đặt mật khẩu"),
        t("Tài khoản của bạn là `{account}`.", account=account_id),
        do=t("Đăng nhập bằng tài khoản và mật khẩu này; lần đầu sẽ thiết lập lớp thứ hai."),
        href="/dang-nhap/",
        link=t("Đến trang đăng nhập"),
    )
    return show(request, t("Đặt mật khẩu đầu tiên"), [done], template="alone.html")


def _invitation_page(request: HttpRequest, problem: State | None = None, status: int = 200) -> HttpResponse:
    token = request.POST.get("ma_moi", "") or request.GET.get("ma", "")
    form = Form(
        "loi-moi",
        [Field("ma_moi", t("Mã mời"), value=token), *new_password_fields()],
        t("Đặt mật khẩu"),
        "/dang-nhap/loi-moi/",
        "post",
    )
    lead = t("Người quản trị trao mã mời tận tay; mã dùng một lần, trong {n} giờ.", n=people.NUMBERS.invitation_hours)
    return show(
        request,
        t("Đặt mật khẩu đầu tiên"),
        [form],
        lead=lead,
        problem=problem,
        status=status,
        links=[("/dang-nhap/", t("Về trang đăng nhập"))],
    )


@also_while("idle")
@require_http_methods(["GET", "POST"])
def unlock(request: HttpRequest) -> HttpResponse:
    """Go on with a session that nobody used for a while, by the password, and return to where one was."""
    if request.actor is not None:
        return HttpResponseRedirect(entry.following(request))
    if request.method == "GET":
        return _unlock_page(request)
    return tried(request, lambda: _unlocked(request), lambda told, status: _unlock_page(request, told, status))


def _unlocked(request: HttpRequest) -> HttpResponse:
    house = entry.house()
    people.signing_in.unlock(
        house.database,
        house.home,
        token=request.COOKIES.get(entry.cookie_name(house), ""),
        password=request.POST.get("mat_khau", ""),
        address=entry.address(request),
        now=house.clock(),
    )
    return HttpResponseRedirect(entry.following(request))


def _unlock_page(request: HttpRequest, problem: State | None = None, status: int = 200) -> HttpResponse:
    session = request.session_seen
    form = Form(
        "mo-khoa",
        [
            Field("mat_khau", t("Mật khẩu"), "password", autocomplete="current-password"),
            Field("tiep", "", "hidden", entry.following(request)),
        ],
        t("Mở khóa"),
        entry.UNLOCK,
        "post",
        username=session.account_id,
    )
    lead = t(
        "Phiên của tài khoản {account} đã khóa vì {n} phút không dùng. Nhập mật khẩu để trở lại đúng trang đang mở.",
        account=session.account_id,
        n=people.NUMBERS.session_idle_minutes,
    )
    return show(request, t("Phiên đã khóa"), [form], lead=lead, problem=problem, status=status, leave=True)
