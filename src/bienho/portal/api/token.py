"""The token endpoint (RFC 6749 section 4.4): a system proves itself and gets a token for some minutes.

In one of three ways: a certificate over mutual TLS (RFC 8705), an assertion signed with that certificate's key
(RFC 7523), or its secret, in the Basic header or the form. Whatever is wrong with the proof has one answer.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any
from urllib.parse import unquote_plus

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from bienho.core.errors import BusyError
from bienho.governance import people
from bienho.governance.people import failures, systems, tokens
from bienho.governance.people.systems import SystemClient
from bienho.portal import entry
from bienho.portal.api.door import DOOR, certificate_of, too_often
from bienho.portal.rates import RATES

PATH = "/oauth2/token"
FORM = "application/x-www-form-urlencoded"
_MOST = 200


@csrf_exempt
@entry.open_to_all
@require_POST
def give(request: HttpRequest) -> HttpResponse:
    """A token, or one of the errors of RFC 6749 section 5.2."""
    if not RATES.take(f"address\0{entry.address(request)}", people.NUMBERS.address_minute_requests):
        return too_often()
    if request.content_type != FORM or any(len(values) > 1 for _, values in request.POST.lists()):
        return _wrong("invalid_request")
    if request.POST.get("grant_type") != "client_credentials":
        return _wrong("unsupported_grant_type" if request.POST.get("grant_type") else "invalid_request")
    try:
        client = _proved(request)
    except BusyError:
        return too_often()
    except _Unclear:
        return _wrong("invalid_request")
    house = entry.house()
    now = house.clock()
    actor = people.actor_of_client(house.database, client, DOOR, now) if client else None
    if client is None or actor is None:
        return _wrong("invalid_client", 401, **{"WWW-Authenticate": 'Basic realm="bienho"'})
    if not RATES.take(f"client\0{client.client_id}", people.NUMBERS.client_minute_requests):
        return too_often()
    asked = request.POST.get("scope", "").split() or list(client.scopes)
    if set(asked) - set(client.scopes):
        return _wrong("invalid_scope")
    tokens.record(house.database, house.home, actor, asked)
    token, until = tokens.issue(house.database, client, asked, certificate_of(request), now)
    told = {
        "access_token": token,
        "token_type": "Bearer",
        "expires_in": int((until - now).total_seconds()),
        "scope": " ".join(scope for scope in client.scopes if scope in asked),
    }
    return JsonResponse(told, headers={"Pragma": "no-cache"})


class _Unclear(Exception):
    """More than one proof, or none that is complete."""


def _proved(request: HttpRequest) -> SystemClient | None:
    house, form = entry.house(), request.POST
    now = house.clock()
    basic = request.headers.get("Authorization", "")
    assertion = form.get("client_assertion", "")
    proofs = [bool(basic), bool(form.get("client_secret")), bool(assertion)]
    if sum(proofs) > 1:
        raise _Unclear
    if assertion:
        if form.get("client_assertion_type") != tokens.ASSERTION_TYPE:
            raise _Unclear
        client = tokens.by_assertion(house.database, assertion, _audiences(), now)
        return _same(client, form.get("client_id"))
    if basic or form.get("client_secret"):
        client_id, secret = _basic(basic) if basic else (form.get("client_id", ""), form["client_secret"])
        return _same(_by_secret(request, client_id, secret), form.get("client_id"))
    shown = certificate_of(request)
    if shown is None or not form.get("client_id"):
        raise _Unclear
    return _same(systems.by_thumbprint(house.database, shown, now), form["client_id"])


def _same(client: SystemClient | None, client_id: str | None) -> SystemClient | None:
    """The client, unless the form names another one."""
    return client if client is not None and client_id in (None, "", client.client_id) else None


def _by_secret(request: HttpRequest, client_id: str, secret: str) -> SystemClient | None:
    """Guessing has to wait as at the sign-in of people: counted per client name and address before it is judged."""
    house = entry.house()
    now = house.clock()
    of = failures.counted(house.home, f"client:{client_id[:_MOST]}", entry.address(request))
    failures.begin(house.database, of, now)
    clean = "\0" not in client_id and len(client_id) <= _MOST
    client = systems.by_secret(house.database, client_id, secret, now) if clean else None
    if client is None:
        people.credentials.note_failure(house.database, house.home, None, of, DOOR)
        return None
    failures.forgive(house.database, of, now, wholly=True)
    return client


def _basic(header: str) -> tuple[str, str]:
    kind, _, given = header.partition(" ")
    try:
        told = base64.b64decode(given.strip(), validate=True).decode() if kind.lower() == "basic" else ""
    except (binascii.Error, ValueError):
        raise _Unclear from None
    name, colon, secret = told.partition(":")
    if not colon:
        raise _Unclear
    return unquote_plus(name), unquote_plus(secret)


def _audiences() -> tuple[str, ...]:
    """How an assertion may call us: the house, or its token endpoint."""
    address = entry.house().doors.address
    return (address, address + PATH) if address else (PATH,)


def _wrong(error: str, status: int = 400, **headers: str) -> HttpResponse:
    told: dict[str, Any] = {"error": error}
    return JsonResponse(told, status=status, headers={"Pragma": "no-cache", **headers})
