"""Who a system is that asks: by a short token (RFC 6750) or its certificate. Cookies count for nothing here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from bienho.core.errors import BienhoError, BusyError, DeniedError, InputError, UsageError
from bienho.governance import people
from bienho.governance.people.systems import SystemClient
from bienho.portal import entry
from bienho.portal.rates import RATES

DOOR = "api"
REALM = 'Bearer realm="bienho"'
CERTIFICATE = "bienho.certificate_sha256"
_STATUS = ((DeniedError, 403), (UsageError, 400), (InputError, 400), (BusyError, 429))


def for_systems(*scopes: str) -> Callable[[Any], Any]:
    """Marks a view for systems that hold one of these scopes; the middleware lets them in, and nobody else."""

    def mark(view: Any) -> Any:
        view.systems = frozenset(scopes)
        return csrf_exempt(view)  # there is no cookie that a foreign page could make use of

    return mark


def certificate_of(request: HttpRequest) -> bytes | None:
    """SHA-256 of the certificate the client showed to a trusted proxy; None without one."""
    found = request.META.get(CERTIFICATE)
    return found if isinstance(found, bytes) else None


def problem(status: int, code: str, message: str, hint: str = "", **headers: str) -> HttpResponse:
    """An answer that says what was wrong, as JSON."""
    told = {"code": code, "message": message, "hint": hint}
    return JsonResponse(told, status=status, headers=headers, json_dumps_params={"ensure_ascii": False})


def of_error(error: BienhoError) -> HttpResponse:
    """The answer for an error of the project's tree."""
    status = next((status for kind, status in _STATUS if isinstance(error, kind)), 503)
    return problem(status, error.code, error.message, error.hint)


def too_often() -> HttpResponse:
    """Somebody asked more often than they may."""
    return problem(429, "BUSY-RATE", "Hỏi quá dày.", "Đợi một phút rồi hỏi thưa hơn.", **{"Retry-After": "60"})


def admit(request: HttpRequest, scopes: frozenset[str]) -> HttpResponse | None:
    """None for a system that may be here (`actor`, `client` and `scopes` of the request are set), else an answer."""
    try:
        return _admit(request, scopes)
    except BienhoError as error:
        return of_error(error)


def _admit(request: HttpRequest, scopes: frozenset[str]) -> HttpResponse | None:
    house = entry.house()
    now, shown = house.clock(), certificate_of(request)
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    client: SystemClient | None = None
    given: tuple[str, ...] = ()
    if kind.lower() == "bearer":
        grant = people.tokens.look(house.database, token.strip(), shown, now)
        if grant is not None:
            client, given = grant.client, grant.scopes
    elif not kind and shown is not None:
        client = people.systems.by_thumbprint(house.database, shown, now)
        given = client.scopes if client else ()
    actor = people.actor_of_client(house.database, client, DOOR, now) if client else None
    if client is None or actor is None:
        if not RATES.take(f"address\0{entry.address(request)}", people.NUMBERS.address_minute_requests):
            return too_often()
        told = REALM + (', error="invalid_token"' if kind else "")
        hint = "Lấy thẻ mới ở /oauth2/token, hoặc đưa chứng thư đã đăng ký."
        return problem(401, "DENY-TOKEN", "Chưa xác thực được hệ thống.", hint, **{"WWW-Authenticate": told})
    if not RATES.take(f"client\0{client.client_id}", people.NUMBERS.client_minute_requests):
        return too_often()
    if scopes and not scopes & set(given):
        told = f'{REALM}, error="insufficient_scope", scope="{" ".join(sorted(scopes))}"'
        hint = f"Cần một phạm vi: {', '.join(sorted(scopes))}."
        return problem(403, "DENY-SCOPE", "Thẻ này không có phạm vi cần thiết.", hint, **{"WWW-Authenticate": told})
    request.actor, request.client, request.scopes = actor, client, given
    return None
