"""Signing in and out, the language, the search box."""

from __future__ import annotations

import re
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from bienho.portal import signin
from bienho.portal.components import State
from bienho.portal.language import COOKIE, LANGUAGES, t
from bienho.portal.pages import Page, render_page

DELIVERY = re.compile(r"[Dd]\d{1,12}")
DOSSIER = re.compile(r"[0-9a-f]{32}")
YEAR = 365 * 24 * 3600


def open_to_all(view: Any) -> Any:
    """Marks one of the few views that need no signed-in actor."""
    view.open_to_all = True
    return view


def _local(path: str) -> str:
    return path if url_has_allowed_host_and_scheme(path, allowed_hosts=None) and path.startswith("/") else "/"


@open_to_all
@require_http_methods(["GET", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """GET shows the button, POST uses the token up: a link scanner that only fetches cannot."""
    token = request.POST.get("ma") or request.GET.get("ma", "")
    following = _local(request.POST.get("tiep") or request.GET.get("tiep", "/"))
    problem = None
    if request.method == "POST":
        now = settings.BIENHO_HOUSE.clock()
        linked = token and settings.BIENHO_HOUSE.home.mode == "demo"  # elsewhere people sign in with two factors
        account_id = signin.consume(token, now) if linked else None
        actor = settings.BIENHO_HOUSE.find_actor(account_id) if account_id else None
        if actor is not None:
            request.session.cycle_key()
            request.session[signin.SESSION_ACCOUNT] = account_id
            signin.note_sign_in(str(account_id), now)
            return HttpResponseRedirect(following)
        token = ""
        problem = State(
            "error",
            t("Đường dẫn đăng nhập không dùng được"),
            t("Đường dẫn chỉ dùng một lần và hết hạn sau 10 phút."),
            safe=t("Không ai vào được bằng đường dẫn này nữa."),
            do=t("Lấy đường dẫn mới bằng lệnh `bienho serve` trên máy chủ."),
            code="WEB-LINK",
        )
    context = {"token": token, "following": following, "problem": problem}
    return render(request, "sign_in.html", context, status=403 if problem else 200)


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    request.session.flush()
    return HttpResponseRedirect("/dang-nhap/")


@open_to_all
@require_POST
def language(request: HttpRequest) -> HttpResponse:
    """Remember the reader's language in a cookie that holds nothing else."""
    chosen = request.POST.get("ngon_ngu", "vi")
    response = HttpResponseRedirect(_local(request.POST.get("tiep", "/")))
    response.set_cookie(COOKIE, chosen if chosen in LANGUAGES else "vi", max_age=YEAR, httponly=True, samesite="Lax")
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
    return HttpResponse("User-agent: *\nDisallow: /\n", content_type="text/plain")
