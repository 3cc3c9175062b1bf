"""What comes back to the system of a facility: its deliveries, their dossiers and findings, its days, what is missing.

Every row comes through the gate under the system's own reach: a delivery of another facility is not there at all.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

import orjson
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET, require_POST

from bienho.core.errors import UsageError
from bienho.core.ids import delivery_seq
from bienho.portal import words
from bienho.portal.api.asking import answer, asked, limit_of, page
from bienho.portal.api.door import for_systems, problem
from bienho.portal.desk import Desk, Row
from bienho.portal.formats import LOCAL

RESULTS = ("receipt",)
DELIVERY = (
    "delivery_id", "facility_code", "source", "bytes", "sha256", "received_at", "outcome", "reason", "hoso_found",
    "accepted", "accepted_with_findings", "quarantined", "duplicates", "superseded",
)  # fmt: skip
FINDING = {
    "id": "finding_id", "code": "code", "delivery": "delivery_id", "dossier": "dossier_key",
    "facility": "facility_code", "table": "table_name", "row": "row_no", "field": "field", "rule": "rule",
    "severity": "severity", "owner": "owner", "message": "message",
}  # fmt: skip
ASIDE = ("hoso", "code", "message")
MOST_DAYS, USUAL_DAYS, MOST_ASKED = 62, 7, 1_000
MOST_ASIDE = 2_000
COUNTS = ("accepted", "accepted_with_findings", "quarantined", "duplicates", "superseded")
SEVERITIES = tuple(words.SEVERITIES)
_SHA256 = re.compile(r"[0-9a-f]{64}")
_FACILITY = re.compile(r"[0-9A-Za-z._-]{1,40}")
_FINDING = re.compile(r"[0-9A-Za-z-]{1,60}")
EPOCH, EARLIEST, LATEST = date(1970, 1, 1), date(2000, 1, 1), date(2999, 12, 31)
#: Days are cut in the province, seven hours ahead of the epoch's and never shifted.
DAY = "CAST(floor((epoch({column}) + 25200) / 86400) AS BIGINT)"


@for_systems(*RESULTS)
@require_GET
@asked("since", "until", "cursor", "limit")
def deliveries(request: HttpRequest) -> HttpResponse:
    """Own deliveries, oldest first, so that whoever keeps `next` is told of each once."""
    desk, limit = Desk.of(request), limit_of(request)
    filters: list[tuple[str, str, Any]] = []
    if (cursor := request.GET.get("cursor")) is not None:
        filters.append(("delivery_seq", ">", delivery_seq(cursor)))
    first, last = request.GET.get("since"), request.GET.get("until")
    if first is not None:
        filters.append(("received_at", ">=", _midnight(_day("since", first))))
    if last is not None:
        filters.append(("received_at", "<", _midnight(_day("until", last) + timedelta(days=1))))
    rows = desk.rows("standard.delivery", DELIVERY, filters, [("delivery_seq", "asc")], limit + 1)
    return answer(page("deliveries", [_delivery(row) for row in rows], limit, lambda one: str(one["delivery"])))


@for_systems(*RESULTS)
@require_GET
@asked()
def delivery(request: HttpRequest, delivery_id: str) -> HttpResponse:
    """How one delivery fares: `received` while it waits, `taken-in` with its counts and what was set aside."""
    desk = Desk.of(request)
    found = _of_delivery(desk, delivery_id)
    if found is not None:
        aside = desk.rows(
            "quality.quarantine", ASIDE, [("delivery_id", "=", delivery_id)], [("hoso", "asc")], MOST_ASIDE
        )
        told = [{**row, "fix": words.fix(row["code"])} for row in aside]
        return answer({**_delivery(found), "set_aside": told})
    sent = desk.house.sending.waiting(desk.actor, delivery_id) if desk.house.sending else None
    return _nothing() if sent is None else answer({"state": "received", **sent.as_dict()})


@for_systems(*RESULTS)
@require_GET
@asked("cursor", "limit")
def dossiers(request: HttpRequest, delivery_id: str) -> HttpResponse:
    """The dossiers a delivery brought, by their place in it, each with its open findings counted by severity.

    `current` is false where a later delivery replaced it; then its findings are closed.
    """
    desk, limit = Desk.of(request), limit_of(request)
    if _of_delivery(desk, delivery_id) is None:
        return _nothing()
    filters: list[tuple[str, str, Any]] = [("delivery_id", "=", delivery_id)]
    if (cursor := request.GET.get("cursor")) is not None:
        filters.append(("hoso", ">", _number("cursor", cursor)))
    names = ("version_id", "hoso", "dossier_key", "document", "format_version")
    rows = desk.rows(
        "standard.xml130_dossier", names, filters, [("hoso", "asc")], limit + 1, versions="all"
    )  # fmt: skip
    versions = [row["version_id"] for row in rows]
    replaced = _replaced(desk, versions)
    counts = _findings_by(desk, "version_id", versions)
    told = [
        {
            "hoso": row["hoso"], "dossier": row["dossier_key"], "document": row["document"],
            "format": row["format_version"], "current": row["version_id"] not in replaced,
            "findings": counts.get(row["version_id"], dict.fromkeys(SEVERITIES, 0)),
        }
        for row in rows
    ]  # fmt: skip
    return answer(page("dossiers", told, limit, lambda one: str(one["hoso"]), delivery=delivery_id))


@for_systems(*RESULTS)
@require_GET
@asked("cursor", "limit")
def findings(request: HttpRequest, delivery_id: str) -> HttpResponse:
    """The open findings of a delivery in file order, those about the file as a whole first."""
    desk, limit = Desk.of(request), limit_of(request)
    if _of_delivery(desk, delivery_id) is None:
        return _nothing()
    return answer(_findings(request, desk, limit, "delivery_id", delivery_id, delivery=delivery_id))


@for_systems(*RESULTS)
@require_GET
@asked("cursor", "limit")
def dossier_findings(request: HttpRequest, key: str) -> HttpResponse:
    """The open findings of one dossier, those of its current version."""
    desk, limit = Desk.of(request), limit_of(request)
    found = desk.rows("standard.xml130_dossier", ("delivery_id", "hoso"), [("dossier_key", "=", key)], limit=1)
    if not found:
        return _nothing()
    place = {"dossier": key, "delivery": found[0]["delivery_id"], "hoso": found[0]["hoso"]}
    return answer(_findings(request, desk, limit, "dossier_key", key, **place))


@for_systems(*RESULTS)
@require_GET
@asked("until", "count")
def days(request: HttpRequest) -> HttpResponse:
    """Day by day what was received and what became of it; a day on which nothing came is there, with zeros."""
    desk = Desk.of(request)
    first, last = _span(request)
    start, end = (first - EPOCH).days, (last - EPOCH).days
    day = DAY.format(column="received_at")
    sums = ", ".join(f"coalesce(sum({name}), 0) AS {name}" for name in COUNTS)
    rows = desk.answer(
        f"SELECT {day} AS day, count(*) AS deliveries, {sums} FROM standard.delivery"
        f" WHERE {day} BETWEEN {start} AND {end} GROUP BY {day}"
    )
    found = desk.answer(
        f"SELECT {DAY.format(column='d.received_at')} AS day, f.severity AS severity, count(*) AS n"
        " FROM quality.finding AS f JOIN standard.delivery AS d ON d.delivery_seq = f.delivery_seq"
        f" WHERE {DAY.format(column='d.received_at')} BETWEEN {start} AND {end} GROUP BY 1, 2"
    )
    sent = {int(row["day"]): row for row in rows}
    open_now = {(int(row["day"]), row["severity"]): int(row["n"]) for row in found}
    told = []
    for number in range(start, end + 1):
        row = sent.get(number, {})
        counted = {name: int(row.get(name, 0)) for name in COUNTS}
        told.append(
            {
                "day": (EPOCH + timedelta(days=number)).isoformat(),
                "deliveries": int(row.get("deliveries", 0)),
                "dossiers": sum(counted[name] for name in COUNTS if name != "superseded"),
                **counted,
                "findings": {severity: open_now.get((number, severity), 0) for severity in SEVERITIES},
            }
        )
    return answer({"days": told})


@for_systems(*RESULTS)
@require_POST
@asked()
def reconciliation(request: HttpRequest) -> HttpResponse:
    """What of a list is here: files by their SHA-256, visits by their MA_LK. The list is in the body, never in an
    address, and is kept nowhere; a number is turned into the dossier's key and only that is looked up.
    """
    desk = Desk.of(request)
    facility, digests, numbers = _list(request)
    if desk.house.sending is None:
        raise UsageError("USE-FACILITY", "Cổng này không nhận gửi.")
    own = desk.house.sending.facility_of(desk.actor, facility)
    return answer(
        {
            "facility": own,
            "files": _files(desk, digests, own),
            "dossiers": _visits(desk, desk.house.sending.keys(own, numbers)),
        }
    )


def _files(desk: Desk, digests: Sequence[str], facility: str) -> list[dict[str, Any]]:
    rows = (
        desk.rows(
            "standard.delivery", ("sha256", "delivery_id", "outcome"),
            [("sha256", "in", sorted(set(digests))), ("facility_code", "=", facility)], [("delivery_seq", "asc")],
        )
        if digests
        else []
    )  # fmt: skip
    taken = {row["sha256"]: row for row in rows}  # of one sent twice the last time
    missing = {one for one in digests if one not in taken}
    waiting = desk.house.sending.waiting_files(desk.actor, missing) if missing and desk.house.sending else {}
    told = []
    for one in digests:
        row = taken.get(one)
        state = "taken-in" if row else "received" if one in waiting else "missing"
        delivery_id = row["delivery_id"] if row else waiting.get(one)
        told.append(
            {"sha256": one, "state": state, "delivery": delivery_id, "outcome": row["outcome"] if row else None}
        )
    return told


def _visits(desk: Desk, keys: Sequence[str]) -> list[dict[str, Any]]:
    wanted = sorted({key for key in keys if key})
    names = ("dossier_key", "version_id", "delivery_id", "hoso", "received_at")
    rows = desk.rows("standard.xml130_dossier", names, [("dossier_key", "in", wanted)]) if wanted else []
    found = {row["dossier_key"]: row for row in rows}
    counts = _findings_by(desk, "dossier_key", wanted)
    told = []
    for place, key in enumerate(keys):
        row = found.get(key)
        told.append(
            {
                "place": place, "stored": row is not None, "dossier": key if row else None,
                "delivery": row["delivery_id"] if row else None, "hoso": row["hoso"] if row else None,
                "received_at": row["received_at"].isoformat() if row else None,
                "findings": counts.get(key, dict.fromkeys(SEVERITIES, 0)) if row else None,
            }
        )  # fmt: skip
    return told


def _list(request: HttpRequest) -> tuple[str, list[str], list[str]]:
    """(facility or '', file digests, visit numbers) of a body; UsageError USE-BODY for what does not fit."""
    try:
        given = orjson.loads(request.body)
    except orjson.JSONDecodeError:
        given = None
    if not isinstance(given, dict) or set(given) - {"facility", "sha256", "ma_lk"}:
        raise _body("một đối tượng JSON với facility, sha256, ma_lk")
    facility, digests, numbers = given.get("facility", ""), given.get("sha256", []), given.get("ma_lk", [])
    if not isinstance(facility, str) or (facility and not _FACILITY.fullmatch(facility)):
        raise _body("facility là một mã cơ sở")
    for name, found in (("sha256", digests), ("ma_lk", numbers)):
        if not isinstance(found, list) or len(found) > MOST_ASKED or not all(isinstance(one, str) for one in found):
            raise _body(f"{name} là danh sách tối đa {MOST_ASKED} chuỗi")
    if not all(_SHA256.fullmatch(one) for one in digests):
        raise _body("sha256 viết bằng 64 chữ số thập lục phân thường")
    if not all(len(one.strip()) > 0 and len(one) <= 100 and one.isprintable() for one in numbers):
        raise _body("mỗi ma_lk có từ 1 đến 100 ký tự")
    return facility, digests, numbers


def _body(wanted: str) -> UsageError:
    return UsageError("USE-BODY", "Nội dung gửi lên không đúng dạng.", hint=f"Cần: {wanted}.")


def _findings(request: HttpRequest, desk: Desk, limit: int, column: str, value: str, **about: Any) -> dict[str, Any]:
    filters: list[tuple[str, str, Any]] = [(column, "=", value)]
    if (cursor := request.GET.get("cursor")) is not None:
        if not _FINDING.fullmatch(cursor):
            raise UsageError("USE-PARAMETER", "cursor không phải của danh sách này.")
        filters.append(("finding_id", ">", cursor))
    rows = desk.rows("quality.finding", [*FINDING.values(), "version_id"], filters, [("finding_id", "asc")], limit + 1)
    told = [
        {key: row[name] for key, name in FINDING.items()}
        | {"hoso": row["version_id"] % 1_000_000 if row["version_id"] else 0, "fix": words.fix(row["code"])}
        for row in rows
    ]
    return page("findings", told, limit, lambda one: str(one["id"]), **about)


def _findings_by(desk: Desk, column: str, values: Collection[Any]) -> dict[Any, dict[str, int]]:
    """Value → open findings by severity."""
    if not values:
        return {}
    rows = desk.totals("quality.finding", [column, "severity"], {"n": ("count", None)}, [(column, "in", [*values])])
    found: dict[Any, dict[str, int]] = {}
    for row in rows:
        found.setdefault(row[column], dict.fromkeys(SEVERITIES, 0))[row["severity"]] = int(row["n"])
    return found


def _replaced(desk: Desk, versions: Sequence[int]) -> set[int]:
    if not versions:
        return set()
    rows = desk.rows("standard.superseded", ["version_id"], [("version_id", "in", versions)])
    return {row["version_id"] for row in rows}


def _of_delivery(desk: Desk, delivery_id: str) -> Row | None:
    rows = desk.rows("standard.delivery", DELIVERY, [("delivery_id", "=", delivery_id)], limit=1)
    return rows[0] if rows else None


def _delivery(row: Row) -> dict[str, Any]:
    counted = {name: row[name] or 0 for name in COUNTS}
    return {
        "state": "taken-in", "delivery": row["delivery_id"], "facility": row["facility_code"], "source": row["source"],
        "bytes": row["bytes"], "sha256": row["sha256"], "received_at": row["received_at"].isoformat(),
        "outcome": row["outcome"], "reason": row["reason"], "hoso_found": row["hoso_found"] or 0, **counted,
    }  # fmt: skip


def _nothing() -> HttpResponse:
    """The same for what is not there and for what is somebody else's."""
    return problem(404, "USE-UNKNOWN", "Không có lần gửi hoặc hồ sơ này.", "Xem lại mã; chỉ thấy những gì của cơ sở.")


def _span(request: HttpRequest) -> tuple[date, date]:
    """First and last day: `count` days up to `until`, without them the last seven up to today."""
    today = Desk.of(request).now.astimezone(LOCAL).date()
    last = _day("until", request.GET.get("until", today.isoformat()))
    text = request.GET.get("count", str(USUAL_DAYS))
    if not (text.isascii() and text.isdigit() and len(text) < 4 and 1 <= int(text) <= MOST_DAYS):
        raise UsageError("USE-PARAMETER", f"count phải là số từ 1 đến {MOST_DAYS}.")
    return last - timedelta(days=int(text) - 1), last


_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
"""Python reads days by weeks too, and the description does not promise them."""


def _day(name: str, text: str) -> date:
    """A day as written; one from before or after anything there can be counts as the nearest that can."""
    try:
        found = date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        found = None
    if found is None:
        raise UsageError("USE-PARAMETER", f"{name} phải là một ngày dạng 2026-11-23.")
    return min(max(found, EARLIEST), LATEST)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), LOCAL)


def _number(name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise UsageError("USE-PARAMETER", f"{name} không phải của danh sách này.")
    return int(text)
