"""The people of a unit: the list, and what changes it. Every change is made by governance, which records it first."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from bienho.core.errors import UsageError
from bienho.governance import people
from bienho.portal.components import Crumb, State
from bienho.portal.desk import Desk
from bienho.portal.language import t
from bienho.portal.pages import Page, Section, download, render_page
from bienho.portal.paging import asked_page
from bienho.portal.presenters import members as presenter
from bienho.portal.presenters import people as shown


@require_GET
def unit(request: HttpRequest) -> HttpResponse:
    desk = Desk.of(request)
    made = _room(desk, request.GET.get("don_vi", ""))
    if made is None:
        sections = presenter.others(desk, shown.standing(desk))
        context = {"tabs": shown.tabs(shown.PEOPLE), "sections": sections}
        return render_page(request, "sections.html", _page(), context)
    whole = {"nguoi-va-vai-tro": presenter.table(desk, made, 0)} if "xuat" in request.GET else {}
    done = presenter.DONE.get(request.GET.get("xong", ""))
    told = State("good", t(done[0]), t(done[1])) if done else None
    return download(request, whole) or _show(request, desk, made, told)


@require_POST
def give(request: HttpRequest) -> HttpResponse:
    desk, made, given = _asked(request)
    errors: dict[str, str] = {}
    until = _until(given, errors)
    if not errors:
        try:
            people.memberships.give(
                desk.house.database, desk.house.home, by=desk.actor, account_id=given["tai_khoan"],
                unit=made.unit.code, role=given["vai_tro"], document=given["so_van_ban"], now=desk.now, until=until,
            )  # fmt: skip
            return HttpResponseRedirect(f"{made.href}&xong=giao")
        except UsageError as error:
            errors[_field(error)] = _mend(error)
    return _show(request, desk, made, None, giving=(given, errors))


@require_POST
def invite(request: HttpRequest) -> HttpResponse:
    """The answer shows the invitation once; it is kept nowhere in clear, and no address leads to it."""
    desk, made, given = _asked(request)
    errors: dict[str, str] = {}
    until = _until(given, errors)
    if not errors:
        try:
            token = people.joining.join(
                desk.house.database, desk.house.home, by=desk.actor, account_id=given["tai_khoan"],
                name=given["ho_ten"], unit=made.unit.code, role=given["vai_tro"], document=given["so_van_ban"],
                now=desk.now, until=until,
            )  # fmt: skip
        except UsageError as error:
            errors[_field(error)] = _mend(error)
        else:
            fresh = _room(desk, made.unit.code)
            return _show(request, desk, fresh or made, _invited(given, token))
    return _show(request, desk, made, None, inviting=(given, errors))


@require_http_methods(["GET", "POST"])
def end(request: HttpRequest, membership_id: int) -> HttpResponse:
    """Asks once more, with the document, before a role is ended."""
    desk = Desk.of(request)
    tree = shown.standing(desk)
    led = shown.led(desk, tree)
    one = _find(desk, membership_id)
    if one.unit not in led or not one.in_force(desk.now):
        raise Http404
    given = {"so_van_ban": request.POST.get("so_van_ban", "").strip()}
    errors: dict[str, str] = {}
    if request.method == "POST":
        try:
            people.memberships.end(
                desk.house.database, desk.house.home, by=desk.actor, membership_id=membership_id,
                document=given["so_van_ban"], now=desk.now,
            )  # fmt: skip
            return HttpResponseRedirect(f"{shown.PEOPLE}?don_vi={one.unit}&xong=ket-thuc")
        except UsageError as error:
            errors[_field(error)] = _mend(error)
            given = {}
    page = Page(
        t("Kết thúc vai trò"),
        t("Quyền hết ngay khi bấm nút, kể cả ở phiên đang mở. Giao lại được, bằng một văn bản khác."),
        guide="quyen",
        crumbs=(
            Crumb(t("Quyền của tôi"), shown.MINE),
            Crumb(t("Người và vai trò"), f"{shown.PEOPLE}?don_vi={one.unit}"),
        ),
    )
    sections = [
        Section(
            "vai-tro", t("Vai trò sẽ kết thúc"), [presenter.member_facts(tree, shown.names(desk), one)], panel=True
        ),
        Section("can-cu", t("Căn cứ"), [presenter.end_form(one, given, errors)], panel=True),
    ]
    return render_page(request, "sections.html", page, {"sections": sections}, status=400 if errors else 200)


def _page(fresh: str = "") -> Page:
    return Page(
        t("Người và vai trò trong đơn vị"),
        t("Ai giữ vai trò gì, từ ngày nào đến ngày nào, theo văn bản nào. Mọi thay đổi đều vào nhật ký."),
        fresh,
        guide="quyen",
        crumbs=(Crumb(t("Quyền của tôi"), shown.MINE),),
    )


def _room(desk: Desk, code: str) -> presenter.Room | None:
    """The chosen unit; None for a reader who leads nobody. Http404 for a unit the reader does not answer for."""
    tree = shown.standing(desk)
    led = shown.led(desk, tree)
    if not led:
        return None
    made = presenter.room(desk, tree, led, code or presenter.top(desk, led))
    if made is None:
        raise Http404
    return made


def _asked(request: HttpRequest) -> tuple[Desk, presenter.Room, dict[str, str]]:
    desk = Desk.of(request)
    made = _room(desk, request.POST.get("don_vi", ""))
    if made is None:
        raise Http404
    names = ("tai_khoan", "ho_ten", "vai_tro", "den_ngay", "so_van_ban")
    return desk, made, {name: request.POST.get(name, "").strip() for name in names}


Answered = tuple[Mapping[str, str], Mapping[str, str]]


def _show(
    request: HttpRequest,
    desk: Desk,
    made: presenter.Room,
    told: State | None,
    *,
    giving: Answered = ({}, {}),
    inviting: Answered = ({}, {}),
) -> HttpResponse:
    table = presenter.table(desk, made, asked_page(request))
    below = presenter.below(made)
    sections = [
        Section("don-vi", made.unit.name, [presenter.facts(desk, made)], panel=True),
        Section("nguoi", t("Người và vai trò"), [table], t("Cả các đơn vị cấp dưới.") if below.lines else ""),
        Section(
            "giao", t("Giao vai trò"), [presenter.give_form(desk, made, *giving)],
            t("cho người đã có tài khoản"), closed=True, open=bool(giving[1]),
        ),
        Section(
            "moi", t("Mời người mới"), [presenter.invite_form(desk, made, *inviting)],
            t("tạo tài khoản, giao vai trò và in mã mời"), closed=True, open=bool(inviting[1]),
        ),
        *([Section("cap-duoi-h", t("Đơn vị cấp dưới"), [below], closed=True)] if below.lines else []),
    ]  # fmt: skip
    before = [told, presenter.todo(desk, made), presenter.chooser(made)]
    context = {"tabs": shown.tabs(shown.PEOPLE), "before": before, "sections": sections}
    wrong = bool(giving[1] or inviting[1])
    return render_page(request, "sections.html", _page(), context, status=400 if wrong else 200)


def _until(given: Mapping[str, str], errors: dict[str, str]) -> datetime | None:
    try:
        return presenter.day_after(given["den_ngay"])
    except (ValueError, OverflowError):
        errors["den_ngay"] = t("Ghi ngày như 31/12/2027.")
        return None


def _field(error: UsageError) -> str:
    if error.code not in presenter.FIELDS:
        raise error
    return presenter.FIELDS[error.code]


def _mend(error: UsageError) -> str:
    return " ".join(part for part in (error.message, error.hint) if part and "`" not in part)


def _find(desk: Desk, membership_id: int) -> people.memberships.Member:
    try:
        return people.memberships.find(desk.house.database, membership_id)
    except UsageError:
        raise Http404 from None


def _invited(given: Mapping[str, str], token: str) -> State:
    hours = people.NUMBERS.invitation_hours
    return State(
        "good",
        t("Đã mời {name}", name=given["ho_ten"]),
        t("Tài khoản {account} đã có vai trò. Mã mời dưới đây chỉ hiện lần này.", account=given["tai_khoan"]),
        do=t(
            "Trao tận tay mã này, không gửi qua tin nhắn. Trong {hours} giờ, người được mời mở trang đăng nhập, chọn"
            " Tôi có mã mời và đặt mật khẩu.",
            hours=hours,
        ),
        code=token,
    )
