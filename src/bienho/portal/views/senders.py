"""The Department's watch over senders, its reminders, and the answers of facilities."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_GET, require_http_methods

from bienho.governance.purposes import QUALITY
from bienho.governance.reminders import ANSWERS, MATTERS, MOST_DAYS, Reminder
from bienho.portal import formats
from bienho.portal.components import Chart, Crumb, State, Table
from bienho.portal.desk import Desk
from bienho.portal.language import t
from bienho.portal.pages import Page, Section, download, render_page
from bienho.portal.paging import asked_page
from bienho.portal.presenters import contacts, mending, reminding, senders

GUIDE = "theo-doi"
POSTED = ("co_so", "noi_dung", "han", "so_van_ban", "tra_loi", "ngay")


@require_GET
def watch(request: HttpRequest) -> HttpResponse:
    desk = Desk.of(request, QUALITY)
    may_remind = desk.may("remind")
    sent = reminding.doors(desk).sent(desk.actor, desk.now) if may_remind else []
    reminded = senders.newest(sent)
    heard = senders.last_by_facility(desk)
    never = senders.never(desk, heard)
    whole = bool(request.GET.get("xuat"))
    page_of = None if whole else asked_page(request)
    silent = senders.silent(desk, heard, contacts.by_facility(desk), reminded, page_of, may_remind=may_remind)
    tardy = senders.late(desk, reminded, may_remind=may_remind, whole=whole)
    slow, count = (tardy, None) if isinstance(tardy, State) else tardy
    absent = senders.never_table(desk, never, may_remind=may_remind)
    wrong = senders.errors(desk, whole=whole)
    by_ward = desk.try_part(lambda: senders.wards(desk, whole=whole))
    told = reminding.table(desk, sent, senders.HREF, answering=False) if may_remind else None
    every = (silent, slow, absent, wrong, by_ward, told)
    things: dict[str, Any] = {one.id: one for one in every if isinstance(one, Chart | Table)}
    file = download(request, things, desk)
    page = Page(
        t("Theo dõi gửi dữ liệu"),
        t("Ai im lặng, ai gửi chậm, sai từ đâu, đã nhắc ai và ai đã trả lời."),
        t("đến {when}", when=formats.moment(desk.now)),
        guide=GUIDE,
    )
    sections = [
        Section("im-lang-muc", t("Im lặng"), [silent]),
        Section("gui-cham-muc", t("Gửi chậm"), [slow]),
        Section("sai-tu-dau-muc", t("Sai từ đâu"), [wrong, by_ward]),
        *([Section("nhac-muc", t("Đã nhắc, ai trả lời"), [told])] if told else []),
        Section("chua-gui-muc", t("Chưa gửi lần nào: {n} cơ sở", n=formats.number(len(never))), [absent], closed=True),
    ]
    context = {
        "todo": None,
        "figures": senders.figures(desk, heard, never, count, sent),
        "sections": sections,
        "snapshot": desk.snapshot,
    }
    return file or render_page(request, "figured.html", page, context)


@require_http_methods(["GET", "POST"])
def remind(request: HttpRequest) -> HttpResponse:
    """Write a reminder. Who may not is refused when asking for the form too."""
    desk = Desk.of(request, QUALITY)
    if not desk.may("remind"):
        desk.permit("remind", "form")
    facilities = sorted(desk.profile.facility_by_code)
    given, errors = _given(request), dict[str, str]()
    if request.method == "POST":
        due = reminding.read_day(given["han"])
        if given["co_so"] not in facilities:
            errors["co_so"] = t("Chọn một cơ sở trong danh sách.")
        if given["noi_dung"] not in MATTERS:
            errors["noi_dung"] = t("Chọn một nội dung trong danh sách.")
        if due is None or not 0 <= (due - formats.local(desk.now).date()).days <= MOST_DAYS:
            errors["han"] = t("Ghi ngày dạng dd/MM/yyyy, từ hôm nay đến {n} ngày tới.", n=MOST_DAYS)
        reminding.checked_document(given, errors)
        if not errors and due is not None:
            reminding.doors(desk).send(
                by=desk.actor, facility=given["co_so"], matter=given["noi_dung"], due=due,
                document=given["so_van_ban"], now=desk.now, known=facilities,
            )  # fmt: skip
            return HttpResponseRedirect(f"{senders.HREF}#nhac-muc")
    page = Page(
        t("Nhắc một cơ sở"),
        t("Lời nhắc hiện ngay ở trang Sửa dữ liệu của cơ sở; cơ sở trả lời tại đó. Ai nhắc, ai trả lời đều được ghi."),
        guide=GUIDE,
        crumbs=(Crumb(t("Theo dõi gửi dữ liệu"), senders.HREF),),
    )
    first = {name: value for name, value in given.items() if value or request.method == "POST"}
    context = {"before": [], "form": reminding.send_form(desk, facilities, first, errors)}
    return render_page(request, "form.html", page, context, status=400 if errors else 200)


@require_http_methods(["GET", "POST"])
def answer(request: HttpRequest, key: str) -> HttpResponse:
    """One reminder as its facility sees it, and the answer to it."""
    desk = Desk.of(request, QUALITY)
    doors = reminding.doors(desk)
    found = doors.one(desk.actor, key, desk.now)
    given, errors = _given(request), dict[str, str]()
    if request.method == "POST":
        until = reminding.read_day(given["ngay"])
        if given["tra_loi"] not in ANSWERS:
            errors["tra_loi"] = t("Chọn một câu trả lời trong danh sách.")
        elif ANSWERS[given["tra_loi"]].needs_day and (
            until is None or not 0 <= (until - formats.local(desk.now).date()).days <= MOST_DAYS
        ):
            errors["ngay"] = t("Ghi ngày dạng dd/MM/yyyy, từ hôm nay đến {n} ngày tới.", n=MOST_DAYS)
        reminding.checked_document(given, errors)
        if not errors:
            doors.answer(
                by=desk.actor, reminder_id=key, answer=given["tra_loi"], until=until, document=given["so_van_ban"],
                now=desk.now,
            )  # fmt: skip
            return HttpResponseRedirect(f"{reminding.ANSWER_HREF}{key}/")
    return _answered(request, desk, found, given, errors)


def _answered(
    request: HttpRequest, desk: Desk, found: Reminder, given: dict[str, str], errors: dict[str, str]
) -> HttpResponse:
    page = Page(
        t("Lời nhắc của Sở Y tế"),
        t("Trả lời để Sở Y tế biết; trả lời mới nhất là câu được tính."),
        guide=GUIDE,
        crumbs=(Crumb(t("Sửa dữ liệu"), mending.HREF),),
    )
    said = State("good", t("Đã trả lời"), t("Có thể trả lời lại khi có thay đổi.")) if found.answered else None
    sections = [
        Section("loi-nhac", t("Lời nhắc"), [reminding.facts(desk, found)], panel=True),
        Section("tra-loi-muc", t("Trả lời"), [reminding.answer_form(found, given, errors)], panel=True),
    ]
    context = {"before": [said] if said else [], "sections": sections}
    return render_page(request, "sections.html", page, context, status=400 if errors else 200)


def _given(request: HttpRequest) -> dict[str, str]:
    fields = request.POST if request.method == "POST" else request.GET
    return {name: fields.get(name, "").replace("\0", "").strip()[:40] for name in POSTED}
