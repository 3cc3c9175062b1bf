"""The fix loop of a facility: what to mend, each row, the file of them, what a resend closed, the calendar."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_GET, require_POST

from bienho.governance.purposes import QUALITY
from bienho.portal import formats
from bienho.portal.components import Badge, Chart, Crumb, Figure, State, Table, Todo, TodoList
from bienho.portal.desk import Desk
from bienho.portal.formats import number
from bienho.portal.language import t
from bienho.portal.pages import Page, Section, download, file_of, render_page
from bienho.portal.paging import asked_page
from bienho.portal.presenters import care_days, contacts, mended, mending, mending_rows, quarantine, reminding
from bienho.portal.presenters.mending import Scope, Worklist
from bienho.quality.sending_days import RECENT_DAYS

GUIDE = "sua-du-lieu"
MOST_TODO = 5


def _crumbs(scope: Scope) -> tuple[Crumb, ...]:
    return (Crumb(t("Sửa dữ liệu"), Scope(scope.facility, several=scope.several).url(mending.HREF)),)


def _named(desk: Desk, request: HttpRequest) -> Scope:
    """The scope of a page that is about one facility; Http404 where the address names none."""
    scope = mending.asked(desk, request)
    if scope is None:
        raise Http404
    return scope


def _of(desk: Desk, scope: Scope) -> str:
    return t("{name}, mã {code}", name=desk.facility_name(scope.facility), code=scope.facility)


@require_GET
def worklist(request: HttpRequest) -> HttpResponse:
    desk = Desk.of(request, QUALITY)
    scope = mending.asked(desk, request)
    if scope is None:
        return _choose(request, desk)
    found = mending.worklist(desk, scope)
    table = mending.table(scope, found.kinds)
    trend = desk.try_part(lambda: mended.trend(desk, scope))
    things: dict[str, Any] = {one.id: one for one in (table, trend) if isinstance(one, Chart | Table)}
    file = download(request, things, desk, mending_rows.lines(desk, scope, len(found.kinds)))
    if file:
        return file
    page = Page(
        t("Sửa dữ liệu"),
        _of(desk, scope),
        t("đến {when}", when=formats.moment(desk.now)),
        guide=GUIDE,
    )
    sections = [
        Section("viec", t("Việc phải sửa"), [mending.filters(scope, mending.wards(desk, scope)), table]),
        Section("xu-huong-muc", t("Xu hướng của cơ sở"), [trend]),
        Section("lien-he", t("Cần hỏi"), [desk.try_part(lambda: contacts.of_department(desk))], panel=True),
    ]
    context = {
        "todo": _todo(desk, scope, found),
        "figures": _figures(desk, scope, found),
        "links": _links(scope),
        "sections": sections,
        "snapshot": desk.snapshot,
    }
    return render_page(request, "figured.html", page, context)


def _links(scope: Scope) -> list[tuple[str, str]]:
    plain = Scope(scope.facility, several=scope.several)
    return [
        (scope.url(mending.ROWS_HREF), t("Mọi chỗ phải sửa")),
        (plain.url(mending.DONE_HREF), t("Đã hết nhờ gửi lại")),
        (plain.url(care_days.HREF), t("Lịch gửi hồ sơ")),
    ]


def _choose(request: HttpRequest, desk: Desk) -> HttpResponse:
    table = mending.chooser(desk)
    page = Page(t("Sửa dữ liệu"), t("Việc phải sửa của từng cơ sở, theo quy tắc, tiền và công."), guide=GUIDE)
    return download(request, {table.id: table}, desk) or render_page(
        request, "plain.html", page, {"parts": [table]}
    )  # fmt: skip


def _todo(desk: Desk, scope: Scope, found: Worklist) -> TodoList:
    """Reminders to answer, what is set aside, yesterday's findings, the line that pays most."""
    items: list[Todo] = []
    if desk.may("remind-answer"):
        mine = [
            one for one in reminding.doors(desk).received(desk.actor, desk.now) if one.facility_code == scope.facility
        ]
        items += reminding.todos(desk, mine)
    facility, soon = t("Cơ sở gửi dữ liệu"), t("hôm nay")
    aside = sum(row["n"] for row in quarantine.by_facility(desk) if row["facility_code"] == scope.facility)
    if aside:
        items.append(
            Todo("act", t("{n} mục đang cách ly, chưa vào kho", n=number(aside)),
                 t("Hồ sơ cách ly không được tính vào đâu cho đến khi gửi lại đúng."), facility, soon,
                 f"/cach-ly/?co_so={scope.facility}", t("Xem lý do"))
        )  # fmt: skip
    fresh = mending.yesterday(desk, scope)
    counted = found.fresh
    if counted["n"] and not scope.filtered:
        items.append(
            Todo("act", t("Nhận hôm qua: {n} chỗ phải sửa ở {k} hồ sơ", n=number(counted["n"]),
                          k=number(counted["dossiers"])),
                 t("Sửa khi người nhập còn nhớ thì nhanh nhất."), facility, soon, fresh.url(mending.HREF),
                 t("Xem vì sao"))
        )  # fmt: skip
    if found.kinds:
        first = found.kinds[0]
        items.append(
            Todo("warn", t("Sửa trước: {title}", title=first.title),
                 t("{n} chỗ. Sửa tại: {where}", n=number(first.row["n"]), where=first.place), facility,
                 t("trước khi tuần được chốt"), scope.url(mending.ROWS_HREF, loai=first.kind, sap=""),
                 t("Xem từng chỗ"))
        )  # fmt: skip
    good = State("good", t("Không có việc phải làm"), t("Không hồ sơ nào của cơ sở đang có phát hiện mở."))
    return TodoList(t("Việc cần làm bây giờ"), items[:MOST_TODO], good)


def _figures(desk: Desk, scope: Scope, found: Worklist) -> list[Figure]:
    whole = found.whole
    recent = care_days.recent(desk, scope)
    missing, late = sum(one.mood == "missing" for one in recent), sum(one.late > 0 for one in recent)
    easy = sum(one.row["n"] for one in found.kinds if one.effort == "low")
    filtered = t("theo bộ lọc đang chọn") if scope.filtered else t("mọi hồ sơ hiện hành")
    return [
        Figure(t("Đang phải sửa"), number(whole["n"]), t("chỗ"), t("ở {n} hồ sơ", n=number(whole["dossiers"])),
               filtered, Badge(t("phải sửa"), "act") if whole["n"] else Badge(t("không có"), "ok"), "#viec"),
        Figure(t("Sửa nhanh được"), number(easy), t("chỗ"), t("một ô ở một màn hình"), filtered,
               Badge(t("làm trước"), "info"), scope.url(mending.HREF, sap="de")),
        Figure(t("Tiền của các hồ sơ này"), *_split(formats.money(whole["money"])),
               t("bảo hiểm thanh toán {m}", m=formats.money(whole["insured"])), filtered,
               Badge(t("mỗi hồ sơ tính một lần"), "info"), scope.url(mending.HREF, sap="tien")),
        Figure(t("Ngày thiếu hồ sơ"), number(missing), t("ngày"), t("{n} ngày có hồ sơ chậm", n=number(late)),
               t("{n} ngày khám gần nhất", n=RECENT_DAYS),
               Badge(t("đối chiếu"), "act") if missing else Badge(t("không có"), "ok"),
               scope.url(care_days.HREF, ngay="", khoa="", muc_do="", sap="")),
    ]  # fmt: skip


def _split(amount: str) -> tuple[str, str]:
    """An amount as its number and its unit."""
    value, _, unit = amount.partition(" ")
    return value, unit


@require_GET
def rows(request: HttpRequest) -> HttpResponse:
    desk = Desk.of(request, QUALITY)
    scope = _named(desk, request)
    whole, number_of = request.GET.get("xuat", "").startswith("dong-sua."), asked_page(request)
    found = mending_rows.rows(desk, scope, number_of, whole=whole)
    table = mending_rows.table(scope, found, number_of, whole=whole)
    total = found[0]["total"] if found else 0
    file = download(request, {table.id: table}, desk, mending_rows.lines(desk, scope, total))
    page = Page(mending_rows.title(scope), _of(desk, scope), guide=GUIDE, crumbs=_crumbs(scope))
    context = {
        "filters": mending.filters(scope, mending.wards(desk, scope), mending.ROWS_HREF),
        "help_beside": mending_rows.help_beside(desk, scope, found),
        "table": table,
        "numbers": mending_rows.numbers_form(scope) if found and mending_rows.may_number(desk) else None,
        "snapshot": desk.snapshot,
    }
    return file or render_page(request, "mending_rows.html", page, context)


@require_POST
def numbers(request: HttpRequest) -> HttpResponse:
    """The file of the rows with the facility's own numbers. Never stored here; every dossier is recorded."""
    desk = Desk.of(request, QUALITY)
    scope = _named(desk, request)
    found = mending_rows.rows(desk, scope, 1, whole=True)
    own = mending_rows.own_numbers(desk, found)
    table = mending_rows.table(scope, found, 1, own, whole=True)
    lines = mending_rows.lines(desk, scope, found[0]["total"] if found else 0)
    return file_of(table, desk, lines, "dong-sua.csv" if request.POST.get("dang") == "csv" else "dong-sua.xlsx")


@require_GET
def done(request: HttpRequest) -> HttpResponse:
    desk = Desk.of(request, QUALITY)
    scope = _named(desk, request)
    whole = request.GET.get("xuat", "").startswith("da-xong.")
    table = mended.table(desk, scope, asked_page(request), whole=whole)
    page = Page(
        t("Đã hết nhờ gửi lại"),
        t("Phát hiện tự đóng khi bản gửi lại không còn điều sai ở chỗ đó; không phải báo ai."),
        _of(desk, scope),
        guide=GUIDE,
        crumbs=_crumbs(scope),
    )
    file = download(request, {table.id: table}, desk, mending_rows.lines(desk, scope, len(table.rows)))
    return file or render_page(request, "plain.html", page, {"parts": [table]})


@require_GET
def calendar(request: HttpRequest) -> HttpResponse:
    desk = Desk.of(request, QUALITY)
    scope = _named(desk, request)
    first, last = care_days.months(desk, request.GET.get("thang", "").strip())
    shown = care_days.calendar(scope, care_days.read(desk, scope, first, last), first, last)
    page = Page(
        t("Lịch gửi hồ sơ"),
        t("Ngày nào đã gửi, gửi chậm, ít hơn thường lệ, còn thiếu; so với sổ của cơ sở rồi gửi bù."),
        _of(desk, scope),
        guide=GUIDE,
        crumbs=_crumbs(scope),
    )
    file = download(request, {shown.table.id: shown.table}, desk, [(t("Cơ sở"), scope.facility)])
    parts = [care_days.chooser(desk, scope, last), shown]
    return file or render_page(request, "plain.html", page, {"parts": parts})
