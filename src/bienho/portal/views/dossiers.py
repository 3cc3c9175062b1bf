"""Dossiers: the list, one dossier, and the look at its identifiers."""

from __future__ import annotations

import re
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_GET, require_POST

from bienho.governance import PURPOSES
from bienho.portal import reasons
from bienho.portal.components import Crumb, Field, Form, State
from bienho.portal.desk import Desk
from bienho.portal.formats import moment, number
from bienho.portal.language import t
from bienho.portal.listing import read_listing
from bienho.portal.pages import Page, download, render_page
from bienho.portal.presenters import dossier as presenter
from bienho.portal.presenters import dossiers, findings
from bienho.portal.presenters.deliveries import short

SHORTEST_REASON, LONGEST_REASON = 10, 300
#: Six digits in a row look like a card, a phone or a paper: a reason must not carry them.
NUMBERS = re.compile(r"(?:\d[\s.-]?){6,}")


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
    return download(request, {"ho-so": listed.table}) or render_page(request, "list.html", page, context)


@require_GET
def dossier(request: HttpRequest, key: str) -> HttpResponse:
    desk = Desk.of(request)
    found = _find(desk, key)
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
    given = {"muc_dich": request.POST.get("muc_dich", ""), "ly_do": request.POST.get("ly_do", "").strip()}
    errors = _errors(desk, given)
    rows = presenter.source_rows(desk, found)
    if errors:
        context: dict[str, Any] = {
            "tables": presenter.source_tables(found, rows, {}),
            "form": _form(desk, found, given, errors),
        }
        return _answer(request, desk, found, "goc", context, status=400)
    account_id = str(desk.actor.account_id)
    written = reasons.write_reason(account_id, found.key, given["muc_dich"], given["ly_do"], desk.now)
    texts, decisions = presenter.identify(desk, found, rows, given["muc_dich"])
    written.decisions = " ".join(decisions)
    written.save(update_fields=["decisions"])
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
    if not purposes:
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
                t("Lý do cụ thể"),
                "area",
                given.get("ly_do", ""),
                help=t(
                    "Ví dụ: đối chiếu đề nghị của cơ sở theo công văn ngày 20/11. Không ghi tên, số giấy tờ người bệnh."
                ),
                error=errors.get("ly_do", ""),
                required=True,
            ),
        ],
        t("Xem định danh"),
        action=f"/ho-so/{found.key}/dinh-danh/",
        method="post",
        title=t("Xem định danh"),
    )


def _errors(desk: Desk, given: dict[str, str]) -> dict[str, str]:
    errors = {}
    if given["muc_dich"] not in dict(_purposes(desk)):
        errors["muc_dich"] = t("Chọn một mục đích trong danh sách.")
    if len(given["ly_do"]) < SHORTEST_REASON:
        errors["ly_do"] = t("Viết lý do dài ít nhất {n} ký tự.", n=SHORTEST_REASON)
    elif len(given["ly_do"]) > LONGEST_REASON:
        errors["ly_do"] = t("Viết lý do ngắn hơn {n} ký tự.", n=LONGEST_REASON)
    elif NUMBERS.search(given["ly_do"]):
        errors["ly_do"] = t("Bỏ các số giấy tờ, số thẻ, số điện thoại khỏi lý do.")
    return errors
