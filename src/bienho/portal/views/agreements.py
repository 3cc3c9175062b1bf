"""Agreements: the list, one of them, drafting, and each step by whoever the policies let."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from bienho.core.errors import BusyError, DeniedError, UsageError
from bienho.governance import Agreements, Denied, permits
from bienho.governance.agreements import MOVES, STATES, checked
from bienho.portal.components import Crumb, State
from bienho.portal.desk import Desk
from bienho.portal.formats import moment, number
from bienho.portal.language import t
from bienho.portal.pages import Page, download, render_page
from bienho.portal.presenters import agreement_form as drafting
from bienho.portal.presenters import agreements as presenter


@require_GET
def agreement_list(request: HttpRequest) -> HttpResponse:
    desk = Desk.of(request)
    desk.permit("agreement-read", "list")
    found = presenter.books(desk)
    chosen = request.GET.get("tinh_trang", "")
    chosen = chosen if chosen in STATES else ""
    table = presenter.table(desk, [book for book in found if chosen in ("", book.state)])
    page = Page(
        t("Thỏa thuận chia sẻ"),
        t("Mỗi thỏa thuận nói ai nhận dữ liệu nào, để làm gì, từ ngày nào. Chưa có hiệu lực thì không xem được."),
        guide="thoa-thuan",
    )
    context = {
        "todo": presenter.todo(desk, found),
        "tabs": presenter.tabs(found, chosen) if found else None,
        "table": table,
        "may_draft": desk.may("agreement-draft"),
    }
    return download(request, {table.id: table}, desk) or render_page(request, "agreements.html", page, context)


@require_GET
def agreement(request: HttpRequest, code: str) -> HttpResponse:
    desk = Desk.of(request)
    desk.permit("agreement-read", f"show:{code}")
    return _answer(request, desk, _find(desk, code))


@require_POST
def move(request: HttpRequest, code: str) -> HttpResponse:
    """One step; the page it was pressed on must still be true."""
    desk = Desk.of(request)
    given = {
        name: request.POST.get(name, "").replace("\0", "").strip() for name in ("buoc", "ban", "thay", "so_van_ban")
    }
    if given["buoc"] not in MOVES or not given["ban"].isascii() or not given["ban"].isdigit():
        raise Http404
    book = _find(desk, code)
    if given["thay"] != str(book.steps[-1].step):
        desk.permit("agreement-read", f"show:{code}")
        return _answer(request, desk, book, _overtaken(), status=409)
    house = desk.house
    try:
        permits.move_agreement(
            house.database, house.keys, house.home, desk.actor, code, given["buoc"], desk.now, given["so_van_ban"],
            int(given["ban"][:6]),
        )  # fmt: skip
    except BusyError:
        return _answer(request, desk, _find(desk, code), _overtaken(), status=409)
    except Denied:
        raise
    except DeniedError as error:
        other = State("denied", t("Bước này phải do người khác làm"), error.message, do=error.hint, code=error.code)
        return _answer(request, desk, book, other, status=403)
    except UsageError as error:
        wrong = {}
        if error.code in ("USE-DOCUMENT", "USE-AGREEMENT-DOCUMENT"):
            given["so_van_ban"] = given["so_van_ban"] if error.code == "USE-AGREEMENT-DOCUMENT" else ""
            wrong["so_van_ban"] = t("Ghi số và ký hiệu như 123/SYT-NVY hoặc 45/2026/QĐ-UBND.")
        said = None if wrong else _overtaken()
        return _answer(request, desk, book, said, given, wrong, status=400)
    return HttpResponseRedirect(f"{presenter.HREF}{code}/")


@require_http_methods(["GET", "POST"])
def draft(request: HttpRequest, code: str = "") -> HttpResponse:
    """New words: of a new agreement, of a draft, or a new revision of one that is in force."""
    desk = Desk.of(request)
    desk.permit("agreement-draft", code or "new")
    book = _find(desk, code) if code else None
    if book is not None and book.newest.state in ("legal-review", "security-review", "to-sign", "signed"):
        return _answer(request, desk, book, _under_review(), status=409 if request.method == "POST" else 200)
    texts = presenter.plain(book.newest.agreement) if book else {}
    wrong: dict[str, str] = {}
    if request.method == "POST":
        texts = drafting.sent(request.POST) | ({"code": code} if code else {})
        wrong = drafting.errors(texts)
        if not code and "code" not in wrong and presenter.find(desk, texts["code"]):
            wrong["code"] = t("Mã này đã có. Mở thỏa thuận đó rồi soạn bản mới.")
        if not wrong:
            made = checked(drafting.values(texts))
            try:
                Agreements(desk.house.database).draft(made, desk.actor.account_id, desk.now)
            except BusyError:
                return _answer(request, desk, _find(desk, made.code), _overtaken(), status=409)
            return HttpResponseRedirect(f"{presenter.HREF}{made.code}/")
    crumbs = [Crumb(t("Thỏa thuận chia sẻ"), presenter.HREF)]
    lead = t("Dự thảo chưa cho ai xem gì. Sau khi lưu, trình để người khác thẩm định và ký.")
    if book:
        crumbs.append(Crumb(book.code, f"{presenter.HREF}{book.code}/"))
        if book.newest.state != "draft":
            lead = t("Bản đang có hiệu lực vẫn dùng cho đến khi bản mới được đưa vào hiệu lực; bản cũ vẫn giữ.")
    page = Page(t("Soạn thỏa thuận"), lead, guide="thoa-thuan", crumbs=tuple(crumbs))
    form = drafting.form(texts, wrong, request.path, fixed=bool(code))
    return render_page(request, "form.html", page, {"form": form}, status=400 if wrong else 200)


def _find(desk: Desk, code: str) -> presenter.Book:
    found = presenter.find(desk, code)
    if found is None:
        raise Http404
    return found


def _overtaken() -> State:
    return State(
        "partial",
        t("Thỏa thuận đã đổi trong lúc bạn xem"),
        t("Chưa ghi gì. Xem lại tình trạng dưới đây rồi làm lại nếu còn cần."),
    )


def _under_review() -> State:
    return State(
        "partial",
        t("Đang thẩm định hoặc chờ ký nên chưa sửa được"),
        t("Muốn sửa thì người thẩm định trả lại dự thảo trước."),
    )


def _answer(
    request: HttpRequest,
    desk: Desk,
    book: presenter.Book,
    said: State | None = None,
    given: Mapping[str, str] | None = None,
    wrong: Mapping[str, str] | None = None,
    status: int = 200,
) -> HttpResponse:
    names = presenter.names(desk)
    asked = request.GET.get("buoc", "")
    old = next((step for step in book.steps if str(step.step) == asked), None)
    shown = old or book.stands
    history = presenter.history(book, names)
    buttons = presenter.buttons(desk, book, given or {}, wrong or {})
    page = Page(
        book.stands.agreement.title_vi,
        presenter.lead(desk, book),
        t("Mã {code}", code=book.code),
        guide="thoa-thuan",
        crumbs=(Crumb(t("Thỏa thuận chia sẻ"), presenter.HREF),),
    )
    context: dict[str, Any] = {
        "said": said,
        "old": t("Nội dung ở bước {n}, lúc {when}", n=number(old.step), when=moment(old.at)) if old else "",
        "here": f"{presenter.HREF}{book.code}/",
        "way": presenter.way(book, names),
        "summary": presenter.summary(desk, book),
        "scope": presenter.scope(desk, shown.agreement),
        "newer": presenter.scope(desk, book.newest.agreement) if book.revised and not old else None,
        "newer_title": t("Nội dung bản {n} đang soạn", n=number(book.newest.revision)),
        "steps": [one for one in buttons if one.onward],
        "other_steps": [one for one in buttons if not one.onward],
        "history": history,
        "life": presenter.life(),
        "draft": presenter.draft_link(desk, book),
    }
    return download(request, {history.id: history}, desk) or render_page(
        request, "agreement.html", page, context, status=status
    )
