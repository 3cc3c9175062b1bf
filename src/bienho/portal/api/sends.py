"""A file in: kept with a receipt, or judged and forgotten. The body is the file as it is, XML or zip."""

from __future__ import annotations

import re

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_POST

from bienho.core.errors import BienhoError, UsageError
from bienho.portal import entry, words
from bienho.portal.api.asking import answer, asked
from bienho.portal.api.door import for_systems, of_error, problem

SENDS = ("send",)
SOURCE = "api"
KINDS = ("application/xml", "text/xml", "application/zip", "application/octet-stream")
_FACILITY = re.compile(r"[0-9A-Za-z._-]{1,40}")


@for_systems(*SENDS)
@require_POST
@asked("facility")
def send(request: HttpRequest) -> HttpResponse:
    """201 with the receipt once the bytes are on disk; findings follow when the worker has read them."""
    data = _body(request)
    if wrong := _kind(request):
        return wrong
    sending = entry.house().sending
    if sending is None:
        raise _closed()
    try:
        sent = sending.send(request.actor, data, _facility(request), SOURCE)
    except BienhoError as error:
        return _refused(error)
    place = f"/api/v1/deliveries/{sent.delivery}"
    return answer({"state": "received", **sent.as_dict()}, 201, Location=place)


@for_systems(*SENDS)
@require_POST
@asked("facility", "keys")
def rehearse(request: HttpRequest) -> HttpResponse:
    """What the house, and as far as it is known the insurance portal, would say of a file. Nothing is kept of it.

    `keys=1` adds MA_LK to what is said of a dossier, for a program that knows its visits by no other name.
    """
    data = _body(request)
    if wrong := _kind(request):
        return wrong
    house = entry.house()
    if house.sending is None or house.rehearse is None:
        raise _closed()
    if request.GET.get("keys", "0") not in ("0", "1"):
        raise UsageError("USE-PARAMETER", "keys là 0 hoặc 1.")
    try:
        own = house.sending.facility_of(request.actor, _facility(request))
        told = house.rehearse(data, own, request.GET.get("keys") == "1", house.clock())
    except BienhoError as error:
        return _refused(error)
    for row in (*told["findings"], *told["quarantine"]):
        row["fix"] = words.fix(row["code"])
    return answer(told)


def _body(request: HttpRequest) -> bytes:
    data = bytes(request.read())
    if not data:
        raise UsageError("USE-BODY", "Chưa có tệp nào trong nội dung gửi lên.", hint="Đặt cả tệp làm thân của yêu cầu.")
    return data


def _facility(request: HttpRequest) -> str:
    found = request.GET.get("facility", "")
    if found and not _FACILITY.fullmatch(found):
        raise UsageError("USE-PARAMETER", "facility phải là một mã cơ sở.")
    return found


def _kind(request: HttpRequest) -> HttpResponse | None:
    if request.content_type in KINDS:
        return None
    return problem(415, "USE-CONTENT-TYPE", "Loại nội dung này không nhận.", f"Nhận: {', '.join(KINDS)}.")


def _refused(error: BienhoError) -> HttpResponse:
    """A sender that sends too much waits; any other limit is about this file."""
    if error.code == "LIM-SENDER":
        return problem(429, error.code, error.message, error.hint, **{"Retry-After": "600"})
    return of_error(error)


def _closed() -> UsageError:
    return UsageError("USE-CLOSED", "Cổng này không nhận gửi.", hint="Hỏi người vận hành địa chỉ nhận của kho.")
