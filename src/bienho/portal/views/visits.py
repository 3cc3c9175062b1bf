"""Visits of practices without a system of their own: begin, write, send, correct, copy, print.

What a patient is called stands in forms and answers only, never in an address: a visit's is a number drawn by chance.
"""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from bienho.core.errors import BusyError, InputError, LimitError
from bienho.governance.visit_book import Draft
from bienho.pipeline.visits import Fault, Practice, Sheet, Writing
from bienho.portal.components import Crumb, Form, State
from bienho.portal.desk import CARE, Desk
from bienho.portal.formats import local
from bienho.portal.language import DEFAULT_LANGUAGE, t, use_language
from bienho.portal.pages import Page, render_page
from bienho.portal.paging import asked_page
from bienho.portal.presenters import visit_form, visit_lists
from bienho.portal.presenters import visits as presenter

PAGES_MOST = 500
ADDED = 3


class Room:
    """One clinician at their practices: the leave is asked for, and recorded, before anything is opened."""

    def __init__(self, request: HttpRequest, what: str, *, record: bool = True) -> None:
        self.desk = Desk.of(request, CARE)
        if record or not self.desk.may("visit-write"):
            self.desk.permit("visit-write", what)
        found = self.desk.house.visits
        if found is None:
            raise Http404
        self.writing: Writing = found
        self.practices = found.practices(self.desk.actor, self.desk.now)
        if not self.practices:
            raise presenter.no_practice()
        self.facilities = [one.facility for one in self.practices]

    def practice(self, facility: str) -> Practice:
        return next((one for one in self.practices if one.facility == facility), self.practices[0])

    def draft(self, key: str) -> Draft | None:
        return self.writing.book.draft(key, self.facilities)


@require_GET
def visit_list(request: HttpRequest) -> HttpResponse:
    room = Room(request, "list")
    book = room.writing.book
    book.prune(room.desk.now)
    number = min(asked_page(request), PAGES_MOST)
    found = book.sent(room.facilities, presenter.PER_PAGE + 1, (number - 1) * presenter.PER_PAGE)
    page = Page(
        t("Khám bệnh"),
        t("Ghi lượt khám, in đơn thuốc, gửi về kho; phần mềm xét và báo chỗ cần sửa."),
        guide="kham-benh",
    )
    parts = [
        presenter.start_form(room.practices),
        presenter.drafts(book.drafts(room.facilities)),
        presenter.sent(room.desk, room.writing, found, number),
    ]
    return render_page(request, "plain.html", page, {"parts": [part for part in parts if part]})


@require_POST
def begin(request: HttpRequest) -> HttpResponse:
    """A new draft, blank or of the same patient as a visit that was sent."""
    room = Room(request, "begin")
    like, facility = None, request.POST.get("co_so", "")
    key = request.POST.get("tu", "")
    if key:
        versions = room.writing.book.versions(key, room.facilities)
        if not versions:
            raise Http404
        like, facility = room.writing.read(versions[0]), versions[0].facility
    try:
        made = room.writing.begin(room.desk.actor, room.practice(facility).facility, room.desk.now, like)
    except LimitError as error:
        return _told(request, error)
    return HttpResponseRedirect(f"{presenter.HREF}{made}/")


@require_http_methods(["GET", "POST"])
def visit(request: HttpRequest, key: str) -> HttpResponse:
    room = Room(request, f"open:{key}" if request.method == "GET" else f"write:{key}")
    draft = room.draft(key)
    if draft is None:
        return _sent(request, room, key)
    if request.method == "GET":
        return _form(request, room, draft)
    return _written(request, room, draft)


@require_POST
def save(request: HttpRequest, key: str) -> HttpResponse:
    """What the script sends while somebody types; the leave was recorded when the page was opened."""
    room = Room(request, f"save:{key}", record=False)
    draft = room.draft(key)
    if draft is None:
        raise Http404
    sheet = Sheet.of(request.POST.dict())
    try:
        revision = room.writing.book.save(
            key, room.facilities, _revision(request), sheet.plain(), room.desk.actor.account_id, room.desk.now
        )
    except BusyError:
        return JsonResponse({"ban": draft.revision}, status=409)
    return JsonResponse({"ban": revision, "luc": f"{local(room.desk.now):%H:%M}"})


@require_POST
def find(request: HttpRequest) -> HttpResponse:
    """Diseases for words typed. The words come in the body: an address would keep them in a log."""
    room = Room(request, "codes", record=False)
    found = visit_lists.find_diseases(room.desk, request.POST.get("tu", "")[:100])
    return JsonResponse({"ma": [[one.code, one.name] for one in found]})


@require_POST
def mend(request: HttpRequest, key: str) -> HttpResponse:
    """A draft that corrects what was sent; sending it replaces the version before."""
    room = Room(request, f"correct:{key}")
    versions = room.writing.book.versions(key, room.facilities)
    if not versions:
        raise Http404
    room.writing.reopen(room.desk.actor, versions[0], room.desk.now)
    return HttpResponseRedirect(f"{presenter.HREF}{key}/")


@require_POST
def drop(request: HttpRequest, key: str) -> HttpResponse:
    """Take a draft away for good."""
    room = Room(request, f"drop:{key}")
    if not room.writing.book.drop(key, room.facilities):
        raise Http404
    return HttpResponseRedirect(presenter.HREF)


@require_GET
def paper(request: HttpRequest, key: str, paper: str) -> HttpResponse:
    """A paper to print: of the draft where there is one, else of what was sent. It is a Vietnamese paper."""
    room = Room(request, f"print:{key}")
    if paper not in presenter.PAPERS:
        raise Http404
    draft = room.draft(key)
    versions = [] if draft else room.writing.book.versions(key, room.facilities)
    if not draft and not versions:
        raise Http404
    sheet = Sheet.kept(draft.texts) if draft else room.writing.read(versions[0])
    facility = draft.facility if draft else versions[0].facility
    checked, faults = room.writing.check(sheet, room.desk.now)
    if checked is None:
        return _form(request, room, draft, faults=faults) if draft else _told(request, _gone())
    if paper == presenter.PAPERS[1] and checked.referral is None:
        raise Http404
    use_language(DEFAULT_LANGUAGE)
    made = presenter.paper(room.desk, paper, room.practice(facility), sheet, checked, draft is not None)
    page = Page(made.title, crumbs=(Crumb(t("Khám bệnh"), presenter.HREF),))
    return render_page(request, "visit_paper.html", page, {"paper": made, "back": f"{presenter.HREF}{key}/"})


def _written(request: HttpRequest, room: Room, draft: Draft) -> HttpResponse:
    """A press of a button of the form: what was typed is kept first, whatever else is asked."""
    desk, book = room.desk, room.writing.book
    work = request.POST.get("viec", "luu")
    sheet, told = visit_form.resolved(desk, Sheet.of(request.POST.dict()))
    if work == "bo":
        book.drop(draft.visit_id, room.facilities)
        return HttpResponseRedirect(presenter.HREF)
    try:
        book.save(draft.visit_id, room.facilities, _revision(request), sheet.plain(), desk.actor.account_id, desk.now)
    except BusyError as error:
        typed = Draft(
            draft.visit_id, draft.facility, draft.account_id, draft.revision, draft.started_at, draft.saved_at,
            sheet.plain(),
        )  # fmt: skip
        said = State("partial", error.message, t("Nội dung bạn vừa gõ vẫn ở trang này."), do=error.hint)
        return _form(request, room, typed, said=said, status=409)
    stored = room.draft(draft.visit_id)
    if stored is None:
        raise Http404
    if work == "them":
        return _form(request, room, stored, more=ADDED)
    if work not in ("gui", "in"):
        return HttpResponseRedirect(f"{presenter.HREF}{draft.visit_id}/")
    checked, faults = room.writing.check(sheet, desk.now)
    if checked is None:
        return _form(request, room, stored, faults=faults, told=told, status=400)
    if work == "in":
        return HttpResponseRedirect(f"{presenter.HREF}{draft.visit_id}/in/{presenter.PAPERS[0]}/")
    try:
        room.writing.send(desk.actor, stored, checked, desk.now)
    except (BusyError, InputError) as error:
        said = State(
            "error", t("Chưa gửi được lượt khám"), error.message, safe=t("Bản nháp đã lưu, không mất gì."),
            do=error.hint, code=error.code,
        )  # fmt: skip
        return _form(request, room, stored, said=said, status=503)
    return HttpResponseRedirect(f"{presenter.HREF}{draft.visit_id}/")


def _revision(request: HttpRequest) -> int:
    text = request.POST.get("ban", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 0


def _form(
    request: HttpRequest,
    room: Room,
    draft: Draft,
    *,
    faults: list[Fault] | None = None,
    told: dict[str, str] | None = None,
    more: int = 0,
    said: State | None = None,
    status: int = 200,
) -> HttpResponse:
    sheet = Sheet.kept(draft.texts)
    before = room.writing.book.versions(draft.visit_id, room.facilities)
    practice = room.practice(draft.facility)
    page = Page(
        t("Sửa lượt khám đã gửi") if before else t("Lượt khám"),
        t("Bản gửi lại thay bản trước.") if before else t("Enter sang ô sau, Ctrl+Enter gửi. Nháp tự lưu."),
        f"{practice.name} · {practice.facility}",
        guide="kham-benh",
        crumbs=(Crumb(t("Khám bệnh"), presenter.HREF),),
    )
    form = visit_form.form(room.desk, draft.visit_id, sheet, draft.revision, draft.saved_at, faults or (), told, more)
    drop = Form("bo", [], t("Bỏ bản nháp"), f"{presenter.HREF}{draft.visit_id}/bo/", "post", quiet=True)
    context = {"said": said, "form": form, "drop": drop, "visit_script": True}
    return render_page(request, "visit.html", page, context, status=status)


def _sent(request: HttpRequest, room: Room, key: str) -> HttpResponse:
    """One visit that was sent: receipt, findings, what may be done with it."""
    versions = room.writing.book.versions(key, room.facilities)
    if not versions or request.method == "POST":
        raise Http404
    newest = versions[0]
    try:
        sheet = room.writing.read(newest)
    except InputError as error:
        return _told(request, error)
    here, again = f"{presenter.HREF}{key}/", [visit_form.same_patient(key)]
    page = Page(
        t("Lượt khám đã gửi"),
        t("Có phát hiện sai thì bấm Sửa và gửi lại; bản mới thay bản trước."),
        guide="kham-benh",
        crumbs=(Crumb(t("Khám bệnh"), presenter.HREF),),
    )
    context: dict[str, Any] = {
        "receipt": presenter.receipt(room.desk, versions),
        "judged": room.desk.try_part(lambda: presenter.judged(room.desk, newest)),
        "told": presenter.told(sheet),
        "mend": Form("sua", [], t("Sửa và gửi lại"), f"{here}sua/", "post", quiet=True),
        "copy": Form("chep", again, t("Khám lại người bệnh này"), f"{presenter.HREF}moi/", "post"),
        "papers": [
            (f"{here}in/don-thuoc/", t("In đơn thuốc")) if sheet.drugs else None,
            (f"{here}in/giay-chuyen/", t("In giấy chuyển")) if sheet["chuyen"] else None,
        ],
    }
    return render_page(request, "visit_sent.html", page, context)


def _gone() -> InputError:
    return InputError("IN-VISIT-OLD", "Lượt khám này ghi theo mẫu cũ nên không in lại được ở đây.")


def _told(request: HttpRequest, error: InputError) -> HttpResponse:
    """A page that says what cannot be done."""
    state = State("error", t("Chưa làm được việc này"), error.message, do=error.hint, code=error.code)
    page = Page(t("Khám bệnh"), guide="kham-benh")
    return render_page(request, "plain.html", page, {"parts": [state]}, status=409)
