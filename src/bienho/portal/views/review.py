"""Access review: the worklist, one membership, and keeping several that were looked at."""

from __future__ import annotations

from collections.abc import Collection

from django.core import signing
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from bienho.governance import people
from bienho.governance.people.reviews import REASONS
from bienho.portal.components import Crumb, State
from bienho.portal.desk import Desk
from bienho.portal.language import t
from bienho.portal.pages import Page, Section, download, render_page
from bienho.portal.presenters import people as shown
from bienho.portal.presenters import review as presenter

LOOKED = "bienho_ra_soat"
LOOKED_SECONDS = people.NUMBERS.session_absolute_hours * 3600


@require_GET
def worklist(request: HttpRequest) -> HttpResponse:
    desk = Desk.of(request)
    made = _work(desk)
    if made is None:
        state = State(
            "empty",
            t("Bạn không phải rà soát quyền của ai"),
            t("Lãnh đạo đơn vị và người quản trị rà soát; hạn rà soát quyền của bạn ở trang Quyền của tôi."),
            href=shown.MINE,
            link=t("Xem quyền của tôi"),
        )
        context = {"tabs": shown.tabs(shown.REVIEW), "before": [state]}
        return render_page(request, "sections.html", _page(), context)
    looked = _looked(request, desk)
    table = presenter.table(desk, made, looked)
    return download(request, {table.id: table}) or _show(request, desk, made, looked)


@require_http_methods(["GET", "POST"])
def one(request: HttpRequest, membership_id: int) -> HttpResponse:
    """Looking at it is what lets it be kept together with others; answering leads to the next one."""
    desk = Desk.of(request)
    made = _work(desk)
    item = made.find(membership_id) if made else None
    if made is None or item is None or not people.reviews.may_answer(desk.actor, made.tree, item.member):
        raise Http404
    error = ""
    if request.method == "POST":
        reason = request.POST.get("ly_do", "")
        given = {"by": desk.actor, "membership_id": membership_id, "now": desk.now}
        place = desk.house.database, desk.house.home
        if request.POST.get("tra_loi") == "giu":
            people.reviews.confirm(*place, **given)
            return _next(request, desk, made, "giu")
        if reason in REASONS:
            people.reviews.end(*place, **given, reason=reason)
            return _next(request, desk, made, "het")
        error = t("Chọn một lý do trong danh sách.")
    page = Page(
        t("Quyền này còn cần không?"),
        f"{made.names.get(item.member.account_id, item.member.account_id)} · {shown.role(item.member.role)}",
        guide="quyen",
        crumbs=(Crumb(t("Quyền của tôi"), shown.MINE), Crumb(t("Rà soát quyền"), shown.REVIEW)),
    )
    sections = [
        Section("quyen", t("Quyền đang xét"), [presenter.facts(desk, made, item)], panel=True),
        *presenter.answer_sections(item, error),
        Section("khac", t("Vai trò khác của người này"), [presenter.others(made, item)]),
    ]
    answer = render_page(request, "sections.html", page, {"sections": sections}, status=400 if error else 200)
    _remember(request, answer, desk, _looked(request, desk) | {membership_id})
    return answer


@require_POST
def keep(request: HttpRequest) -> HttpResponse:
    """Keep those that were ticked: each must be one the reader has opened, and may answer for."""
    desk = Desk.of(request)
    made = _work(desk)
    if made is None:
        raise Http404
    looked = _looked(request, desk)
    ready = {item.member.membership_id for item in presenter.mine(desk, made)} & looked
    chosen = {int(text) for text in request.POST.getlist("giu") if text.isdigit() and len(text) < 19}
    if not chosen or not chosen <= ready:
        error = t("Chọn ít nhất một quyền.") if not chosen else t("Có quyền bạn chưa mở xem: mở từng quyền trước.")
        return _show(request, desk, made, looked, error)
    for membership_id in sorted(chosen):
        people.reviews.confirm(
            desk.house.database, desk.house.home, by=desk.actor, membership_id=membership_id, now=desk.now
        )
    return HttpResponseRedirect(f"{shown.REVIEW}?xong=giu")


def _page() -> Page:
    return Page(
        t("Rà soát quyền"),
        t("Sáu tháng một lần, lãnh đạo trả lời từng quyền trong đơn vị: còn cần thì giữ, không thì kết thúc."),
        guide="quyen",
        crumbs=(Crumb(t("Quyền của tôi"), shown.MINE),),
    )


def _work(desk: Desk) -> presenter.Work | None:
    tree = shown.standing(desk)
    led = shown.led(desk, tree)
    return presenter.work(desk, tree, led) if led else None


def _show(
    request: HttpRequest, desk: Desk, made: presenter.Work, looked: Collection[int], error: str = ""
) -> HttpResponse:
    done = presenter.DONE.get(request.GET.get("xong", ""))
    told = State("good", t(done[0]), t(done[1])) if done else None
    wrong = State("error", t("Chưa giữ được"), error, safe=t("Chưa quyền nào thay đổi.")) if error else None
    sections = [
        Section("tien-do", t("Tiến độ"), [presenter.progress(made)], panel=True),
        Section("viec", t("Quyền chờ rà soát"), [presenter.table(desk, made, looked)]),
        Section("giu-nhieu-h", t("Giữ nhiều quyền đã xem"), [presenter.bulk(desk, made, looked)], panel=True),
        Section("da-tra-loi-h", t("Đã trả lời trong sáu tháng qua"), [presenter.answered(desk, made)]),
        Section("tu-het-h", t("Đã tự hết vì không ai rà soát"), [presenter.lapsed(desk, made)]),
    ]
    before = [told, wrong, presenter.todo(desk, made, looked)]
    context = {"tabs": shown.tabs(shown.REVIEW), "before": before, "sections": sections}
    return render_page(request, "sections.html", _page(), context, status=400 if error else 200)


def _next(request: HttpRequest, desk: Desk, made: presenter.Work, done: str) -> HttpResponse:
    """To the next that waits; to the list when there is none."""
    left = presenter.work(desk, made.tree, made.led)
    target = presenter.following(desk, left, _looked(request, desk))
    return HttpResponseRedirect(target if target != shown.REVIEW else f"{shown.REVIEW}?xong={done}")


def _salt(desk: Desk) -> str:
    return f"{LOOKED}:{desk.actor.account_id}"


def _looked(request: HttpRequest, desk: Desk) -> set[int]:
    """Memberships this reader has opened since a shift ago; the cookie is signed, and for this account only."""
    try:
        said = request.get_signed_cookie(LOOKED, default="", salt=_salt(desk), max_age=LOOKED_SECONDS)
    except signing.BadSignature:
        return set()
    return {int(text) for text in said.split(".") if text.isdigit()}


def _remember(request: HttpRequest, answer: HttpResponse, desk: Desk, looked: Collection[int]) -> None:
    newest = sorted(looked)[-presenter.MOST :]
    answer.set_signed_cookie(
        LOOKED, ".".join(str(one) for one in newest), salt=_salt(desk), max_age=LOOKED_SECONDS, path=shown.REVIEW,
        httponly=True, samesite="Strict", secure=request.is_secure(),
    )  # fmt: skip
