"""My own sign-in: password, second factors, sessions."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from bienho.governance import people
from bienho.governance.people.factors import grouped
from bienho.portal import entry, signin
from bienho.portal.components import Crumb, Field, Form, Passkey, Secret, State
from bienho.portal.entry import also_while
from bienho.portal.language import t
from bienho.portal.pages import Page, render_page
from bienho.portal.presenters import own as presenter
from bienho.portal.views.signing import enroller, new_password_fields, same_twice, show, tried

HOME = "/tai-khoan/"
CODE_MOST = 40


def _crumbs() -> tuple[Crumb, ...]:
    return (Crumb(t("Đăng nhập của tôi"), HOME),)


@require_GET
def overview(request: HttpRequest) -> HttpResponse:
    """How I sign in, and where I am signed in."""
    house, actor, session = entry.house(), request.actor, request.session_seen
    db, account_id = house.database, actor.account_id
    found = people.sessions.list_open(db, account_id, house.clock())
    keys = people.passkeys.list_passkeys(db, account_id)
    password, device = people.credentials.has_password(db, account_id), people.factors.has_device(db, account_id)
    bound = people.external.list_bound(db, account_id)
    page = Page(
        t("Đăng nhập của tôi"), t("Bạn chứng minh mình bằng gì, và đang mở phiên ở những đâu."), guide="dang-nhap"
    )
    context = {
        "advice": presenter.advice(device or bool(keys), password, len(found) - 1),
        "facts": presenter.facts(account_id, session, password, device, keys, bound),
        "sessions": presenter.session_table(found, session),
        "keys": presenter.key_table(keys) if keys else None,
        "others": len(found) > 1,
        "password": password,
        "recovers": people.recovery.may(actor),
        "done": request.GET.get("xong") == "noi-khac",
    }
    return render_page(request, "own.html", page, context)


@require_POST
def elsewhere(request: HttpRequest) -> HttpResponse:
    """End my other sessions."""
    house = entry.house()
    token = request.COOKIES.get(entry.cookie_name(house), "")
    people.signing_in.sign_out_elsewhere(
        house.database, house.home, by=request.actor, token=token, now=house.clock()
    )  # fmt: skip
    return HttpResponseRedirect(f"{HOME}?xong=noi-khac")


@also_while("password")
@require_http_methods(["GET", "POST"])
def password(request: HttpRequest) -> HttpResponse:
    """Exchange my password: when I like, or before anything else when it has grown old."""
    if request.method == "GET":
        return _password_page(request)
    return tried(request, lambda: _changed(request), lambda told, status: _password_page(request, told, status))


def _changed(request: HttpRequest) -> HttpResponse:
    house, session = entry.house(), request.session_seen
    people.credentials.change(
        house.database,
        house.home,
        account_id=session.account_id,
        current=request.POST.get("dang_dung", ""),
        new=same_twice(request),
        address=entry.address(request),
        door=entry.DOOR,
        now=house.clock(),
    )
    done = State(
        "good",
        t("Đã đổi mật khẩu"),
        t("Mọi phiên của tài khoản đã kết thúc, kể cả phiên này."),
        do=t("Đăng nhập lại bằng mật khẩu mới."),
        href="/dang-nhap/",
        link=t("Đến trang đăng nhập"),
    )
    request.actor = None  # the session is over
    return entry.leave(request, show(request, t("Đổi mật khẩu"), [done]))


def _password_page(request: HttpRequest, problem: State | None = None, status: int = 200) -> HttpResponse:
    session = request.session_seen
    account_id = session.account_id if session else ""
    fields = [Field("dang_dung", t("Mật khẩu đang dùng"), "password", autocomplete="current-password")]
    form = Form(
        "doi", [*fields, *new_password_fields()], t("Đổi mật khẩu"), entry.PASSWORD, "post", username=account_id
    )
    forced = session is not None and session.pending == "password"
    lead = (
        t("Mật khẩu của người quản trị đổi {n} tháng một lần; đổi xong mới vào được.", n=_months())
        if forced
        else t("Đổi xong, mọi phiên của tài khoản kết thúc và đăng nhập lại bằng mật khẩu mới.")
    )
    return show(
        request, t("Đổi mật khẩu"), [form], lead=lead, problem=problem, status=status, leave=forced, crumbs=_crumbs()
    )


def _months() -> int:
    return people.NUMBERS.administrator_change_months


@also_while("enrol")
@require_http_methods(["GET", "POST"])
def factors(request: HttpRequest) -> HttpResponse:
    """Set up a second factor: a first one before anything else, further ones with two factors shown."""
    if request.method == "GET":
        return _factors_page(request)
    act = {"bat-dau": _begun, "ma": _confirmed, "khoa": _keyed}.get(request.POST.get("viec", ""), _factors_page)
    return tried(request, lambda: act(request), lambda told, status: _factors_page(request, told, status))


def _first(request: HttpRequest) -> bool:
    return request.actor is None


def _factors_page(request: HttpRequest, problem: State | None = None, status: int = 200) -> HttpResponse:
    again = request.POST.get("viec") == "ma"
    fields = [_act("bat-dau"), _onward(request)]
    begin = Form("bat-dau", fields, t("Dùng ứng dụng tạo mã"), entry.ENROL, "post", quiet=again)
    parts: list[object] = [_code_form(request), begin] if again else [begin]
    if entry.passkey_place(request) is not None:
        label = t("Tên thiết bị, để bạn nhận ra")
        parts.append(
            Passkey(
                "them-khoa", "create", t("Thêm khóa truy cập trên thiết bị này"), entry.ENROL,
                following=entry.following(request), name_label=label,
            )
        )  # fmt: skip
    lead = (
        t("Trước khi vào, hãy thêm lớp thứ hai: ứng dụng tạo mã trên điện thoại, hoặc khóa truy cập của thiết bị.")
        if _first(request)
        else t("Thêm một thiết bị nữa, hoặc thay ứng dụng tạo mã; ứng dụng cũ chạy đến khi cái mới được xác nhận.")
    )
    title = t("Thêm lớp thứ hai")
    first = _first(request)
    return show(request, title, parts, lead=lead, problem=problem, status=status, leave=first, crumbs=_crumbs())


def _act(value: str) -> Field:
    return Field("viec", "", "hidden", value)


def _onward(request: HttpRequest) -> Field:
    return Field("tiep", "", "hidden", entry.following(request))


def _code_form(request: HttpRequest) -> Form:
    field = Field(
        "ma_so",
        t("Mã đang hiện trong ứng dụng"),
        help=t("Sáu chữ số; đổi mỗi 30 giây."),
        autocomplete="one-time-code",
        digits=True,
    )
    return Form("ma", [_act("ma"), field, _onward(request)], t("Xác nhận"), entry.ENROL, "post")


def _begun(request: HttpRequest) -> HttpResponse:
    house, by = entry.house(), enroller(request)
    if by is None:
        raise people.signing_in.no_session()
    address = people.factors.begin_totp(house.database, house.home, by=by, now=house.clock())
    secret = parse_qs(urlsplit(address).query)["secret"][0]
    key = Secret(
        t("Khóa của ứng dụng, chỉ hiện một lần"),
        [grouped(secret).replace("-", " ")],
        t("Trong ứng dụng chọn «nhập khóa», loại «theo thời gian», tên `{name}`.", name=f"Biển Hồ: {by.account_id}"),
        href=address,
        link=t("Mở trong ứng dụng trên thiết bị này"),
    )
    lead = t("Một: đưa khóa vào ứng dụng tạo mã. Hai: nhập mã mà ứng dụng đang hiện.")
    parts = [key, _code_form(request)]
    return show(request, t("Thêm ứng dụng tạo mã"), parts, lead=lead, leave=_first(request), crumbs=_crumbs())


def _confirmed(request: HttpRequest) -> HttpResponse:
    house, now = entry.house(), entry.house().clock()
    code = request.POST.get("ma_so", "").replace("\0", "")[:CODE_MOST]
    first = _first(request)
    made = None
    if first:
        made, codes = people.signing_in.enrol_code(
            house.database,
            house.home,
            token=request.COOKIES.get(entry.cookie_name(house), ""),
            code=code,
            address=entry.address(request),
            now=now,
        )
    else:
        by = request.actor
        codes = people.factors.confirm_totp(house.database, house.home, by=by, code=code, now=now)
    onward = entry.following(request) if first else HOME
    parts = [
        Secret(
            t("Mã khôi phục, chỉ hiện một lần"),
            codes,
            t("Mỗi mã thay mã của ứng dụng đúng một lần. In hoặc chép lại, cất nơi an toàn, không cất trong máy này."),
        ),
        State("good", t("Lớp thứ hai đã bật"), href=onward, link=t("Tôi đã cất mã, tiếp tục")),
    ]
    title = t("Cất mã khôi phục")
    if made is None:
        return show(request, title, parts, crumbs=_crumbs())
    signin.note_sign_in(made.account_id, now)
    here = {"title": title, "parts": parts, "here": HOME}
    return entry.carry(request, render(request, "alone.html", here), made)


def _keyed(request: HttpRequest) -> HttpResponse:
    house, place = entry.house(), entry.passkey_place(request)
    if place is None:
        raise people.signing_in.no_session()
    name = " ".join(request.POST.get("ten", "").replace("\0", "").split())[:60] or t("Khóa truy cập")
    given = {"answer": request.POST.get("tra_loi", ""), "name": name, "rp_id": place[0], "origin": place[1]}
    if not _first(request):
        by = request.actor
        people.passkeys.register(house.database, house.home, by=by, now=house.clock(), **given)
        return HttpResponseRedirect(HOME)
    token = request.COOKIES.get(entry.cookie_name(house), "")
    made = people.signing_in.enrol_passkey(
        house.database, house.home, token=token, address=entry.address(request), now=house.clock(), **given
    )
    signin.note_sign_in(made.account_id, house.clock())
    return entry.enter(request, made, entry.following(request))
