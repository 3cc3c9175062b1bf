"""Default deny, safe headers, the language of the request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from bienho.portal.language import COOKIE, DEFAULT_LANGUAGE, use_language
from bienho.portal.signin import SESSION_ACCOUNT

Handler = Callable[[HttpRequest], HttpResponse]
CONTENT_POLICY = "; ".join(
    (
        "default-src 'self'",
        "img-src 'self' data:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": CONTENT_POLICY,
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
}


class SecurityHeaders:
    """The same headers on every answer; pages (not static files) are never stored by a browser or proxy."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        if not request.path.startswith(settings.STATIC_URL):
            response.headers["Cache-Control"] = "no-store"
        return response


class Language:
    """Vietnamese unless the reader chose English."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        use_language(request.COOKIES.get(COOKIE, DEFAULT_LANGUAGE))
        return self.get_response(request)


class SignedIn:
    """Default deny: a view that is not marked `open_to_all` is reached by a signed-in actor only."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: Any, kwargs: Any
    ) -> HttpResponse | None:
        account_id = request.session.get(SESSION_ACCOUNT)
        request.actor = settings.BIENHO_HOUSE.find_actor(account_id) if account_id else None
        if request.actor is None and account_id:
            request.session.flush()
        if request.actor is not None or getattr(view, "open_to_all", False):
            return None
        return HttpResponseRedirect(f"/dang-nhap/?tiep={quote(request.path)}")
