"""Who speaks for whom, default deny, safe headers, the language of the request."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from django.http import HttpRequest, HttpResponse

from bienho.governance import people
from bienho.portal import entry
from bienho.portal.api import door, portal_api
from bienho.portal.api.door import CERTIFICATE
from bienho.portal.language import DEFAULT_LANGUAGE, use_language
from bienho.portal.rates import RATES
from bienho.portal.views import errors

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
FORWARDED = ("HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO", "HTTP_X_CLIENT_CERT_SHA256")
"""What only a proxy of `doors.yaml` may say: where a request comes from, that it came by HTTPS, whose certificate."""
_THUMBPRINT = re.compile(r"[0-9a-f]{64}")


class Proxy:
    """Believe what a listed proxy says of a request; take the same words away from everybody else."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        meta = request.META
        said = {name: meta.pop(name, "") for name in FORWARDED}
        if entry.address(request) in entry.house().doors.proxies:
            if said["HTTP_X_FORWARDED_PROTO"] == "https":
                meta["wsgi.url_scheme"] = "https"
            if origin := said["HTTP_X_FORWARDED_FOR"].rpartition(",")[2].strip():
                meta["REMOTE_ADDR"] = origin  # the last one: that is whom the proxy itself saw
            thumbprint = said["HTTP_X_CLIENT_CERT_SHA256"].replace(":", "").lower()
            if entry.house().doors.certificates and _THUMBPRINT.fullmatch(thumbprint):
                meta[CERTIFICATE] = bytes.fromhex(thumbprint)
        answer = self.get_response(request)
        if request.is_secure():
            answer.headers.setdefault("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
        return answer


class SecurityHeaders:
    """The same headers on every answer; pages (not static files) are never stored by a browser or proxy."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        if not request.path.startswith("/tinh/"):
            response.headers["Cache-Control"] = "no-store"
        return response


class Language:
    """Vietnamese unless the reader chose English."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        use_language(request.COOKIES.get(entry.language_cookie(entry.house()), DEFAULT_LANGUAGE))
        return self.get_response(request)


class SignedIn:
    """Default deny: a view that is not marked `open_to_all` is reached only by whoever is wholly signed in.

    A session that still lacks something reaches the pages marked for that step (`also_while`). Views of systems
    (`api.door.for_systems`) and of senders (`api.portal_api`) take no cookie; they are let in here by what they show.
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: Any, kwargs: Any
    ) -> HttpResponse | None:
        request.actor, request.session_seen = None, None
        scopes = getattr(view, "systems", None)
        if scopes is not None:
            return door.admit(request, scopes)
        if getattr(view, "senders", False):
            return portal_api.admit(request)
        house = entry.house()
        token = request.COOKIES.get(entry.cookie_name(house), "")
        session = people.sessions.look(house.database, token, house.clock()) if token else None
        request.session_seen = session
        if session is not None and session.opens:
            actor: Any = house.find_actor(session.account_id)
            request.actor = replace(actor, assurance=session.assurance) if actor is not None else None
            if not RATES.take(f"account\0{session.account_id}", people.NUMBERS.account_minute_requests):
                return errors.too_often(request)
        if request.actor is not None or getattr(view, "open_to_all", False):
            return None
        if session is not None and session.state in ("live", "idle") and not session.opens:
            step = "idle" if session.state == "idle" else session.pending
            if step in getattr(view, "steps", ()):
                return None
            return entry.to_next(request, session)
        return entry.to_next(request, None)
