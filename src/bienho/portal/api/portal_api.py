"""The door that speaks as the insurance portal does: HTTP only; what is said is `sources.portal_api`.

Answers have status 200 and their result in maKetQua, as clients expect it; 413 and 408 are the server's, before a form
is read. A view of senders lets in whoever shows a token, its second half and the password's digest, from a listed
address; a cookie counts for nothing.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, lru_cache
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from bienho.config import Home, load_profile
from bienho.core.errors import BienhoError, BusyError, DeniedError
from bienho.database import Database
from bienho.governance import people
from bienho.governance.actor import Actor
from bienho.governance.people.portal_api import DOOR, Comparer
from bienho.governance.people.systems import SystemClient
from bienho.governance.purposes import OPERATIONS
from bienho.portal import entry
from bienho.portal.api.wire import MOST_LARGE
from bienho.portal.desk import Desk
from bienho.portal.house import House
from bienho.portal.rates import RATES
from bienho.sources import portal_api

REACH_KEPT = timedelta(seconds=30)
"""How long the facilities a client speaks for are remembered; its token, client and addresses are asked every time."""
_ROWS = ("delivery_id", "received_at", "accepted", "accepted_with_findings", "quarantined", "duplicates", "reason")
_FOUND = 1_000
"""Problems of one file that are told; the pages show them all."""


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends with this request, as governance and as the portal's API know it."""

    client: SystemClient
    actor: Actor
    account: portal_api.Account


class _Reaches:
    """What clients reach, for a moment each: to find it out reads every unit there is."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[tuple[Database, str], tuple[datetime, Sender | None]] = {}

    def sender(self, house: House, client: SystemClient, now: datetime) -> Sender | None:
        key = (house.database, client.client_id)
        with self._lock:
            kept = self._kept.get(key)
        if kept is not None and timedelta(0) <= now - kept[0] < REACH_KEPT:
            return kept[1]
        actor = people.actor_of_client(house.database, client, DOOR, now)
        found = None
        if actor is not None:
            facilities = frozenset().union(*(one.facilities or () for one in actor.memberships))
            found = Sender(client, actor, portal_api.Account(client.client_id, facilities, _provinces(house.province)))
        with self._lock:
            if len(self._kept) > _FOUND:
                self._kept.clear()
            self._kept[key] = (now, found)
        return found


_REACHES = _Reaches()


@cache
def _provinces(name: str) -> frozenset[str]:
    """Codes a form may carry: before the merger each side had its own, and facilities keep theirs."""
    profile = load_profile(name)
    return frozenset({profile.province_code, *(side.old_province_code for side in profile.sides)})


@lru_cache(maxsize=4)
def _comparer(database: Database, home: Home) -> Comparer:
    return Comparer(database, home)


def for_senders(view: Any) -> Any:
    """Marks a view that only whoever is logged in as the portal's clients are may reach."""
    view.senders = True
    return csrf_exempt(view)  # there is no cookie that a foreign page could make use of


def admit(request: HttpRequest) -> HttpResponse | None:
    """None for a sender that may be here (`request.sender` is set), else the answer."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    house, address = entry.house(), entry.address(request)
    try:
        _by_https(request)
        query = portal_api.read_query(request.META.get("QUERY_STRING", "").encode("latin-1"))
        service = portal_api.SERVICES.get(_service(request))
        shown = portal_api.proof_of(service, request.headers, query)
        now = house.clock()
        client = _comparer(house.database, house.home).client(
            shown.access, shown.identity, shown.password, address, now
        )
        if shown.username and shown.username.lower() != client.client_id:
            raise people.portal_api.refused()
        sender = _REACHES.sender(house, client, now)
        if sender is None:
            raise people.portal_api.refused()
    except portal_api.Refused as refused:
        return _answer(refused.reply)
    except DeniedError as error:
        if not RATES.take(f"address\0{address}", people.NUMBERS.address_minute_requests):
            return _too_often()
        return _denied(error)
    except BienhoError as error:
        return _answer(portal_api.refusal(error))
    if not RATES.take(f"sender\0{client.client_id}", people.NUMBERS.portal_api_minute_requests):
        return _too_often()
    request.sender, request.query = sender, query
    return None


@csrf_exempt
@entry.open_to_all
@require_POST
def take(request: HttpRequest) -> HttpResponse:
    """/api/token/take: a token for a log-in; guessing has to wait as at every other door."""
    house, address = entry.house(), entry.address(request)
    if not RATES.take(f"address\0{address}", people.NUMBERS.address_minute_requests):
        return _too_often()
    try:
        _by_https(request)
        form = portal_api.read_body(request.META.get("CONTENT_TYPE", ""), request.read())
        issued = people.portal_api.log_in(
            house.database, house.home, username=form.text("username"), password=form.text("password"),
            address=address, now=house.clock(),
        )  # fmt: skip
    except portal_api.Refused as refused:
        return _answer(refused.reply)
    except DeniedError as error:
        return _denied(error)
    except BienhoError as error:
        return _answer(portal_api.refusal(error))
    return _answer(portal_api.token_reply(issued.access, issued.identity, issued.client.client_id, issued.expires_at))


@for_senders
@require_POST
def send(request: HttpRequest, service: str) -> HttpResponse:
    """One file; the answer comes when its bytes are on disk."""
    house, sender = entry.house(), request.sender
    reception = house.reception
    if reception is None:
        return _answer(portal_api.refusal(BusyError("BUSY-RECEPTION", "Kho đang không nhận tệp.")))
    tried: list[portal_api.Parcel] = []

    def keep(parcel: portal_api.Parcel) -> portal_api.Kept:
        tried.append(parcel)
        return reception.keep(parcel)

    reply = portal_api.accept(
        sender.account, portal_api.SERVICES[service], request.query, request.META.get("CONTENT_TYPE", ""),
        request.read(), keep, house.limits.delivery_bytes,
    )  # fmt: skip
    if reply.code == portal_api.DENIED and not tried:  # what was tried and refused has been noted there
        error = DeniedError("DENY-FACILITY", "Mẫu gửi nêu cơ sở mà tài khoản không gửi thay.")
        reception.note(error, min(sender.account.facilities, default=""), 0)
    return _answer(reply)


@for_senders
@require_POST
def results(request: HttpRequest, service: str) -> HttpResponse:
    """What became of files: of days, of one day, of one file. Read through the gate as the sender's own unit."""
    sender: Sender = request.sender
    if "receipt" not in sender.client.scopes:
        return _denied(DeniedError("DENY-SCOPE", "Tài khoản này không có phạm vi receipt."))
    try:
        form = request.query
        if body := request.read():
            form = form.joined(portal_api.read_body(request.META.get("CONTENT_TYPE", ""), body))
        return _answer(_ANSWERS[service](Desk(entry.house(), sender.actor, OPERATIONS), form))
    except portal_api.Refused as refused:
        return _answer(refused.reply)
    except DeniedError as error:
        return _denied(error)
    except BienhoError as error:
        return _answer(portal_api.refusal(error))


def _days(desk: Desk, form: portal_api.Form) -> portal_api.Reply:
    return portal_api.by_day(_deliveries(desk, *portal_api.days_of(form)))


def _day(desk: Desk, form: portal_api.Form) -> portal_api.Reply:
    return portal_api.details(_deliveries(desk, *portal_api.day_of(form)))


def _file(desk: Desk, form: portal_api.Form) -> portal_api.Reply:
    number = form.text("maGiaoDich")
    asked = [("delivery_id", "=", number)]
    if not desk.rows("standard.delivery", ["delivery_id"], asked, limit=1):
        return portal_api.unknown()
    found = desk.rows("quality.finding", ["code", "message"], asked, [("code", "asc")], limit=_FOUND)
    aside = desk.rows("quality.quarantine", ["code", "message"], asked, [("code", "asc")], limit=_FOUND)
    return portal_api.problems(portal_api.Problem(row["code"], row["message"]) for row in [*aside, *found])


def _deliveries(desk: Desk, first: datetime, until: datetime) -> list[portal_api.Delivery]:
    asked = [("received_at", ">=", first), ("received_at", "<", until)]
    rows = desk.rows("standard.delivery", _ROWS, asked, [("delivery_id", "asc")], limit=portal_api.MOST_ROWS)
    return [portal_api.Delivery.of(row) for row in rows]


_ANSWERS = dict(zip(portal_api.RESULTS, (_days, _day, _file), strict=True))


def most_body(given: dict[str, Any]) -> int:
    """Bytes a request's body may have: many only where it shows a token that lives, before any of them is read."""
    house = entry.house()
    try:
        query = portal_api.read_query(given["QUERY_STRING"].encode("latin-1"))
        service = portal_api.SERVICES.get(str(given["PATH_INFO"]).rpartition("/")[2])
        if service is None:
            return 0
        headers = {name: given.get(f"HTTP_{name.upper()}", "") for name in ("accessToken", "tokenId", "passwordHash")}
        shown = portal_api.proof_of(service, headers, query)
        _comparer(house.database, house.home).alive(shown.access, shown.identity, shown.password, house.clock())
    except (portal_api.Refused, BienhoError):
        return 0
    return MOST_LARGE


def _service(request: HttpRequest) -> str:
    return request.path.rpartition("/")[2]


def _by_https(request: HttpRequest) -> None:
    """In production nobody's password is taken from a line that others can read."""
    if entry.house().home.mode == "production" and not request.is_secure():
        raise DeniedError("DENY-HTTPS", "Cửa này chỉ nhận qua HTTPS.", hint="Đổi địa chỉ thành https://.")


def _answer(reply: portal_api.Reply) -> HttpResponse:
    return JsonResponse(reply.as_dict(), json_dumps_params={"ensure_ascii": False})


def _denied(error: DeniedError) -> HttpResponse:
    reply = portal_api.refusal(error)
    return _answer(portal_api.Reply(portal_api.UNKNOWN, reply.text) if error.code == "DENY-PORTAL-API" else reply)


def _too_often() -> HttpResponse:
    return _answer(portal_api.refusal(BusyError("BUSY-RATE", "Hỏi quá dày.", hint="Đợi một phút rồi hỏi thưa hơn.")))
