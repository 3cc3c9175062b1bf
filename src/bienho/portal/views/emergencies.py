"""Emergencies: open one dossier, see it while it is open, review what others opened."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from bienho.core.errors import UsageError
from bienho.governance import EMERGENCIES, Emergency, permits, reasons
from bienho.governance.break_glass import EXPLANATIONS, GROUNDS, VERDICTS
from bienho.portal.components import Crumb, Form, State
from bienho.portal.desk import Desk
from bienho.portal.formats import number
from bienho.portal.language import t
from bienho.portal.pages import Page, download, render_page
from bienho.portal.presenters import emergencies as presenter
from bienho.portal.presenters.deliveries import short


@require_GET
def emergency_list(request: HttpRequest) -> HttpResponse:
    """What waits for review, for whoever may review; and the reader's own openings."""
    desk = Desk.of(request)
    reviews = desk.may("emergency-review")
    opens = presenter.may_open(desk.actor)
    desk.permit("emergency-review" if reviews or not opens else "audit-own", "emergencies")
    book = presenter.book(desk)
    tables = []
    todo = None
    if reviews:
        waiting = book.waiting()
        todo = presenter.todo(desk, waiting)
        tables = [presenter.waiting_table(desk, waiting), presenter.reviewed_table(desk, book.reviewed())]
    if opens:
        tables.append(presenter.own_table(desk, book.of_account(desk.actor.account_id)))
    lead = (
        t("Mỗi lần mở khẩn cấp phải có người khác xét lại trong 3 ngày làm việc.")
        if reviews
        else t("Mở khẩn cấp chỉ để cấp cứu người bệnh hoặc điều tra ổ dịch; người khác xét lại từng lần.")
    )
    page = Page(t("Mở khẩn cấp"), lead, guide="khan-cap")
    file = download(request, {table.id: table for table in tables}, desk)
    return file or render_page(request, "emergencies.html", page, {"todo": todo, "tables": tables})


@require_http_methods(["GET", "POST"])
def open_one(request: HttpRequest, key: str) -> HttpResponse:
    """The form that opens one dossier, with what follows from it; the dossier may be out of the reader's reach."""
    desk = Desk.of(request, presenter.RECORD_LOOKUP)
    given = {
        name: request.POST.get(name, "").replace("\0", "").strip() for name in ("ly_do", "so_van_ban", "giai_trinh")
    }
    errors: dict[str, str] = {}
    if request.method == "POST":
        errors = _opening_errors(given)
        if not errors:
            house = desk.house
            made = permits.break_glass(
                house.database, house.keys, house.home, desk.actor, presenter.purpose(desk.actor), key,
                given["ly_do"], given["so_van_ban"], desk.now, given["giai_trinh"],
            )  # fmt: skip
            return HttpResponseRedirect(f"{presenter.HREF}{made.emergency_id}/")
    elif not presenter.may_open(desk.actor):
        desk.permit("break-glass", key)  # refused and recorded
    page = Page(
        t("Mở khẩn cấp hồ sơ {key}", key=short(key)),
        t("Chỉ mở khi không mở thì hại người bệnh hoặc lọt ổ dịch. Không chắc thì đừng mở."),
        guide="khan-cap",
        crumbs=(Crumb(t("Mở khẩn cấp"), presenter.HREF),),
    )
    context = {"form": presenter.open_form(key, given, errors), "follows": presenter.follows()}
    return render_page(request, "emergency_open.html", page, context, status=400 if errors else 200)


@require_GET
def emergency(request: HttpRequest, key: str) -> HttpResponse:
    desk = Desk.of(request)
    return _answer(request, desk, _find(desk, key))


@require_POST
def look(request: HttpRequest, key: str) -> HttpResponse:
    """Show the sealed texts of the dossier once. The answer is never stored, and no address leads to it."""
    desk = Desk.of(request)
    found = _find(desk, key)
    payload = desk.house.gate.payload(desk.actor, found.purpose, "", emergency=found.emergency_id)
    opened = State(
        "partial",
        t("Đang hiện định danh, còn {n} phút", n=number(presenter.minutes_left(found, desk))),
        t("Lần xem này đã ghi vào nhật ký với tên {name} và lý do đã nêu.", name=desk.actor.name)
        if payload
        else t("Kho không giữ định danh nào của hồ sơ này: khóa sai, hồ sơ chưa gửi, hoặc đã xóa theo quy định."),
        do=t("Không chụp, không chép ra ngoài. Rời trang là các giá trị này được che lại."),
        href=f"{presenter.HREF}{key}/",
        link=t("Che lại ngay"),
    )
    return _answer(request, desk, found, {"opened": opened, "texts": presenter.opened_tables(payload)})


@require_POST
def review(request: HttpRequest, key: str) -> HttpResponse:
    """The verdict of somebody else."""
    desk = Desk.of(request)
    found = _find(desk, key)
    given: dict[str, Any] = {
        "ket_luan": request.POST.get("ket_luan", ""),
        "can_cu": request.POST.getlist("can_cu")[: len(GROUNDS)],
        "so_van_ban": request.POST.get("so_van_ban", "").replace("\0", "").strip(),
    }
    errors: dict[str, str] = {}
    if given["ket_luan"] not in VERDICTS:
        errors["ket_luan"] = t("Chọn một kết luận trong danh sách.")
    if not given["can_cu"] or not set(given["can_cu"]) <= GROUNDS.keys():
        errors["can_cu"] = t("Chọn ít nhất một căn cứ.")
    _read_number(given, errors)
    if errors:
        return _answer(request, desk, found, {"verdict": presenter.review_form(found, given, errors)}, status=400)
    house = desk.house
    try:
        permits.review_emergency(
            house.database, house.keys, house.home, desk.actor, found.emergency_id, given["ket_luan"], desk.now,
            given["can_cu"], given["so_van_ban"],
        )  # fmt: skip
    except UsageError:
        said = State("partial", t("Người khác vừa kết luận lần mở này"), t("Kết luận của bạn chưa ghi."))
        return _answer(request, desk, _find(desk, key), {"said": said}, status=409)
    return HttpResponseRedirect(presenter.HREF)


def _find(desk: Desk, key: str) -> Emergency:
    """One opening, for whoever opened it or may review it."""
    found = presenter.book(desk).find(key)
    own = found is not None and found.account_id == desk.actor.account_id
    desk.permit("audit-own" if own else "emergency-review", f"emergency:{key}")
    if found is None:
        raise Http404
    return found


def _answer(
    request: HttpRequest, desk: Desk, found: Emergency, more: dict[str, Any] | None = None, status: int = 200
) -> HttpResponse:
    own = found.account_id == desk.actor.account_id
    running = own and any(
        one.emergency_id == found.emergency_id for one in presenter.book(desk).running(desk.actor.account_id)
    )
    waits = not found.verdict
    if running:
        lead = t("Còn {n} phút. Chỉ hiện định danh khi thật cần.", n=number(presenter.minutes_left(found, desk)))
    elif own:
        lead = (
            t("Đã hết giờ. Người khác xét lại; bạn không tự xét được.") if waits else t("Lần mở này đã được xét lại.")
        )
    else:
        lead = t("Xem đã mở gì, hỏi người đã mở, rồi kết luận.") if waits else t("Lần mở này đã được xét lại.")
    page = Page(
        t("Lần mở khẩn cấp {key}", key=short(found.emergency_id)),
        lead,
        guide="khan-cap",
        crumbs=(Crumb(t("Mở khẩn cấp"), presenter.HREF),),
    )
    context = {
        "facts": presenter.facts(desk, found),
        "looks": presenter.looks(desk, found),
        "show": Form("hien", [], t("Hiện định danh"), f"{presenter.HREF}{found.emergency_id}/xem/", "post")
        if running
        else None,
        "verdict": presenter.review_form(found, {}, {}) if waits and not own else None,
        "afterwards": t(presenter.AFTERWARDS),
        "urgent": None,
        **(more or {}),
    }
    return render_page(request, "emergency.html", page, context, status=status)


def _opening_errors(given: dict[str, str]) -> dict[str, str]:
    errors: dict[str, str] = {}
    reason = EMERGENCIES.get(given["ly_do"])
    if reason is None:
        errors["ly_do"] = t("Chọn một lý do trong danh sách.")
    if given["giai_trinh"] and given["giai_trinh"] not in EXPLANATIONS:
        errors["giai_trinh"] = t("Chọn một giải trình trong danh sách.")
    _read_number(given, errors)
    missing = reason is not None and reason.needs_document and not given["so_van_ban"] and not given["giai_trinh"]
    if missing and "so_van_ban" not in errors:
        errors["so_van_ban"] = t("Lý do này cần số văn bản, hoặc chọn giải trình khi chưa có văn bản.")
    return errors


def _read_number(given: dict[str, Any], errors: dict[str, str]) -> None:
    """The document's number in its one spelling; what is none may be a name or a card and is not shown again."""
    try:
        given["so_van_ban"] = reasons.document_number(given["so_van_ban"])
    except UsageError:
        given["so_van_ban"] = ""
        errors["so_van_ban"] = t("Ghi số và ký hiệu như 123/SYT-NVY hoặc 45/2026/QĐ-UBND.")
