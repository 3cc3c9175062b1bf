"""Signing out, the language, the search box."""

from __future__ import annotations

import re

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_GET, require_POST

from bienho.portal import entry
from bienho.portal.components import State
from bienho.portal.entry import also_while, open_to_all
from bienho.portal.language import LANGUAGES, t
from bienho.portal.pages import Page, render_page

DELIVERY = re.compile(r"[Dd]\d{1,12}")
DOSSIER = re.compile(r"[0-9a-f]{32}")
YEAR = 365 * 24 * 3600


@also_while("idle", "second-factor", "enrol", "password")
@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """End the session, also one that is locked or not complete yet."""
    return entry.leave(request, HttpResponseRedirect(entry.SIGN_IN))


@open_to_all
@require_POST
def language(request: HttpRequest) -> HttpResponse:
    """Remember the reader's language in a cookie that holds nothing else."""
    chosen = request.POST.get("ngon_ngu", "vi")
    response = HttpResponseRedirect(entry.following(request))
    of = entry.house()
    response.set_cookie(
        entry.language_cookie(of),
        chosen if chosen in LANGUAGES else "vi",
        max_age=YEAR,
        secure=of.home.mode == "production",
        httponly=True,
        samesite="Lax",
    )
    return response


@require_POST
def search(request: HttpRequest) -> HttpResponse:
    """By delivery id or dossier key only. POST, so that whatever is typed stays out of addresses and logs."""
    typed = request.POST.get("q", "").strip()
    if DELIVERY.fullmatch(typed):
        return HttpResponseRedirect(f"/giao-nhan/D{int(typed[1:]):012d}/")
    if DOSSIER.fullmatch(typed.lower()):
        return HttpResponseRedirect(f"/ho-so/{typed.lower()}/")
    state = State(
        "empty",
        t("Chưa hiểu mã đã nhập"),
        t("Ô tìm nhận mã giao nhận (chữ D và các số) hoặc khóa hồ sơ (32 ký tự). Không tìm theo tên hay số giấy tờ."),
        href="/ho-so/",
        link=t("Lọc trong danh sách hồ sơ"),
    )
    return render_page(request, "plain.html", Page(t("Tìm kiếm"), guide="tim-kiem"), {"parts": [state]}, status=400)


@open_to_all
@require_GET
def robots(request: HttpRequest) -> HttpResponse:
    return HttpResponse("User-agent: *\nDisallow: /\n", content_type="text/plain; charset=utf-8")
