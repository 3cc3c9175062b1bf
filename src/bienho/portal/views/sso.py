"""Signing in by an outside service (OpenID Connect): there and back. Without one configured these pages lead home."""

from __future__ import annotations

import base64
import binascii

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_GET

from bienho.core.errors import BienhoError
from bienho.governance import people
from bienho.governance.people import oidc
from bienho.portal import entry
from bienho.portal.entry import open_to_all
from bienho.portal.language import t
from bienho.portal.rates import RATES
from bienho.portal.views.signing import entered, problem_of, show

CALLBACK = "/dang-nhap/dich-vu/tro-ve/"
COOKIE = "__Host-bienho-sso"
_SECONDS = people.NUMBERS.challenge_minutes * 60


def _service() -> oidc.Service | None:
    house = entry.house()
    if house.doors.sso is None:
        return None
    return oidc.Service(house.database, house.home, house.doors.sso, house.doors.address + CALLBACK, house.fetch)


@open_to_all
@require_GET
def begin(request: HttpRequest) -> HttpResponse:
    """Send the browser to the service; a cookie keeps what must fit when it comes back."""
    service = _service()
    if service is None or not _often(request):
        return HttpResponseRedirect(entry.SIGN_IN)
    try:
        started = service.start(entry.house().clock())
    except BienhoError as error:
        return _failed(request, error)
    onward = base64.urlsafe_b64encode(entry.following(request).encode()).decode()
    answer = HttpResponseRedirect(started.url)
    # Lax: the way back is a top-level navigation from another site
    kept = f"{started.kept}.{onward}"
    answer.set_cookie(COOKIE, kept, max_age=_SECONDS, path="/", secure=True, httponly=True, samesite="Lax")
    return answer


@open_to_all
@require_GET
def back(request: HttpRequest) -> HttpResponse:
    """Who came back with what the service says; the cookie is used up either way."""
    service = _service()
    if service is None or not _often(request):
        return HttpResponseRedirect(entry.SIGN_IN)
    kept, _, onward = request.COOKIES.get(COOKIE, "").partition(".")
    house = entry.house()
    try:
        identity = service.finish(request.GET.dict(), kept, house.clock())
        made = people.signing_in.with_identity(
            house.database,
            house.home,
            identity=identity,
            address=entry.address(request),
            door=entry.DOOR,
            now=house.clock(),
        )
    except BienhoError as error:
        answer = _failed(request, error)
    else:
        request.GET = request.GET.copy()
        request.GET["tiep"] = _path(onward)
        answer = entered(request, made)
    answer.delete_cookie(COOKIE, path="/", samesite="Lax")
    return answer


def _often(request: HttpRequest) -> bool:
    return RATES.take(f"address\0{entry.address(request)}", people.NUMBERS.address_minute_requests)


def _path(encoded: str) -> str:
    try:
        return entry.local(base64.urlsafe_b64decode(encoded.encode()).decode())
    except (binascii.Error, ValueError):
        return "/"


def _failed(request: HttpRequest, error: BienhoError) -> HttpResponse:
    problem, status = problem_of(error)
    links = [("/dang-nhap/", t("Về trang đăng nhập"))]
    request.actor = None  # the page of somebody who is on the way in
    return show(request, t("Đăng nhập"), [], problem=problem, status=status, links=links, here="/dang-nhap/")
