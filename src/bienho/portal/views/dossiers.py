"""Dossiers: the list, one dossier, and the look at its identifiers."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_GET, require_POST

from bienho.core.errors import UsageError
from bienho.governance import PURPOSES, REASONS, permits, reasons
from bienho.portal.components import Crumb, Field, Form, State
from bienho.portal.desk import Desk
from bienho.portal.formats import moment, number
from bienho.portal.language import current_language, t
from bienho.portal.listing import read_listing
from bienho.portal.pages import Page, download, render_page
from bienho.portal.presenters import dossier as presenter
from bienho.portal.presenters import dossiers, emergencies, findings
from bienho.portal.presenters.deliveries import short


@require_GET
def dossier_list(request: HttpRequest) -> HttpResponse:
    desk = Desk.of(request)
    listed = read_listing(request, desk, dossiers.listing(desk, request))
    missing = dossiers.not_standardised(desk)
    lead = t("Mỗi dòng là bản hiện hành của một lượt khám. Tên và số giấy tờ không hiện ở đây.")
    fresh = t("{n} hồ sơ khác đã nhận nhưng chưa chuẩn hóa được.", n=number(missing)) if missing else ""
    page = Page(t("Hồ sơ"), lead, fresh, guide="ho-so")
    active = [words for _, _, words in dossiers.extra_filters(request)]
    note = State("partial", t("Đang lọc thêm theo đường dẫn"), "; ".join(active), href="/ho-so/", link=t("Bỏ lọc"))
    context = {"listed": listed, "before": [note] if active else [], "snapshot": desk.snapshot}
    lines = [*listed.lines, *((t("Lọc thêm"), word) for word in active)]
    return download(request, {"ho-so": listed.table}, desk, lines) or render_page(request, "list.html", page, context)


@require_GET
def dossier(request: HttpRequest, key: str) -> HttpResponse:
    desk = Desk.of(request)
    if not (found := presenter.find(desk, key)):
        return _out_of_reach(request, key)
    part = request.GET.get("phan", "goc")
    if part not in presenter.PARTS:
        raise Http404
    if part == "goc":
        rows = presenter.source_rows(desk, found)
        context: dict[str, Any] = {
            "tables": presenter.source_tables(found, rows, {}),
            "form": _form(desk, found, {}, {}),
        }
    elif part == "chuan-hoa":
        context = {"tables": presenter.conformed_tables(desk, found), "number_url": presenter.number_url(found)}
    elif part == "phat-hien":
        context = {"findings": findings.of_dossier(desk, found.version_id)}
    else:
        context = {"tables": [presenter.versions(desk, found)]}
    return _answer(request, desk, found, part, context)


@require_POST
def identify(request: HttpRequest, key: str) -> HttpResponse:
    """Show the sealed texts once. The answer is never stored, and no address leads to it."""
    desk = Desk.of(request)
    found = _find(desk, key)
    given = {name: request.POST.get(name, "").strip() for name in ("muc_dich", "ly_do", "so_van_ban")}
    errors = _errors(desk, given)
    rows = presenter.source_rows(desk, found)
    if errors:
        context: dict[str, Any] = {
            "tables": presenter.source_tables(found, rows, {}),
            "form": _form(desk, found, given, errors),
        }
        return _answer(request, desk, found, "goc", context, status=400)
    reason = reasons.written(given["ly_do"], given["so_van_ban"])
    texts = presenter.identify(desk, found, rows, given["muc_dich"], reason)
    context = {
        "tables": presenter.source_tables(found, rows, texts),
        "opened": State(
            "partial",
            t("Đang hiện định danh"),
            t("Lần xem này đã ghi vào nhật ký với tên {name} và lý do đã nêu.", name=desk.actor.name),
            do=t("Không chụp, không chép ra ngoài. Rời trang là các giá trị này được che lại."),
            href=f"/ho-so/{found.key}/",
            link=t("Che lại ngay"),
        ),
    }
    return _answer(request, desk, found, "goc", context)


def _find(desk: Desk, key: str) -> presenter.Dossier:
    found = presenter.find(desk, key)
    if found is None:
        raise Http404
    return found


def _out_of_reach(request: HttpRequest, key: str) -> HttpResponse:
    """No such dossier, or none in the reader's reach: whoever may open in an emergency is told how."""
    if not emergencies.may_open(request.actor):
        raise Http404
    state = State(
        "empty",
        t("Không thấy hồ sơ này trong phạm vi của bạn"),
        t("Khóa sai, hồ sơ chưa gửi, hoặc của cơ sở khác. Khi cấp cứu hoặc điều tra ổ dịch, vẫn mở khẩn cấp được."),
        href=f"/khan-cap/mo/{key}/",
        link=t("Mở khẩn cấp"),
    )
    page = Page(t("Hồ sơ {key}", key=short(key)), guide="khan-cap", crumbs=(Crumb(t("Hồ sơ"), "/ho-so/"),))
    return render_page(request, "plain.html", page, {"parts": [state]}, status=404)


def _answer(
    request: HttpRequest,
    desk: Desk,
    found: presenter.Dossier,
    part: str,
    context: dict[str, Any],
    status: int = 200,
) -> HttpResponse:
    page = Page(
        t("Hồ sơ {key}", key=short(found.key)),
        desk.facility_name(found.row["facility_code"]),
        t("Bản hiện hành nhận lúc {when}", when=moment(found.row["received_at"])),
        guide="ho-so",
        crumbs=(Crumb(t("Hồ sơ"), "/ho-so/"),),
    )
    frame = {
        "trail": presenter.trail(found, part),
        "facts": presenter.facts(desk, found),
        "tabs": presenter.tabs(found, part),
        "part": part,
        "emergency_url": f"/khan-cap/mo/{found.key}/" if emergencies.may_open(desk.actor) else "",
        "snapshot": desk.snapshot,
    }
    return render_page(request, "dossier.html", page, {**frame, **context}, status=status)


def _purposes(desk: Desk) -> list[tuple[str, str]]:
    """Purposes under which this actor may open identifiers."""
    roles = set(desk.actor.roles)
    return [(p.code, p.title_vi) for p in PURPOSES.values() if p.identifies and roles & p.roles]


def _form(desk: Desk, found: presenter.Dossier, given: dict[str, str], errors: dict[str, str]) -> Form | None:
    """The form that opens identifiers; None for whoever has no purpose that allows it."""
    purposes = _purposes(desk)
    if not any(permits.may(desk.actor, "identify", code) for code, _ in purposes):
        return None
    return Form(
        "dinh-danh",
        [
            Field(
                "muc_dich",
                t("Mục đích"),
                "choice",
                given.get("muc_dich", ""),
                options=[("", t("Chọn mục đích")), *purposes],
                error=errors.get("muc_dich", ""),
                required=True,
            ),
            Field(
                "ly_do",
                t("Lý do"),
                "choice",
                given.get("ly_do", ""),
                options=[("", t("Chọn lý do")), *_reasons()],
                error=errors.get("ly_do", ""),
                required=True,
            ),
            Field(
                "so_van_ban",
                t("Số văn bản"),
                "text",
                given.get("so_van_ban", ""),
                help=t("Số và ký hiệu công văn, quyết định, nếu có. Không ghi tên hay số giấy tờ người bệnh."),
                error=errors.get("so_van_ban", ""),
                hint="123/SYT-NVY",
            ),
        ],
        t("Xem định danh"),
        action=f"/ho-so/{found.key}/dinh-danh/",
        method="post",
        title=t("Xem định danh"),
    )


def _reasons() -> list[tuple[str, str]]:
    english = current_language() == "en"
    return [(reason.code, reason.title_en if english else reason.title_vi) for reason in REASONS.values()]


def _errors(desk: Desk, given: dict[str, str]) -> dict[str, str]:
    errors = {}
    if given["muc_dich"] not in dict(_purposes(desk)):
        errors["muc_dich"] = t("Chọn một mục đích trong danh sách.")
    reason = REASONS.get(given["ly_do"])
    if reason is None:
        errors["ly_do"] = t("Chọn một lý do trong danh sách.")
    try:
        number = reasons.document_number(given["so_van_ban"])
    except UsageError:
        given["so_van_ban"] = ""  # what is no document number may be a name or a card: it is not shown again
        errors["so_van_ban"] = t("Ghi số và ký hiệu như 123/SYT-NVY hoặc 45/2026/QĐ-UBND.")
    else:
        if reason is not None and reason.needs_document and not number:
            errors["so_van_ban"] = t("Lý do này cần kèm số văn bản.")
    return errors
