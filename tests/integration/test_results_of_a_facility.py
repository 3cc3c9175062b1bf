"""The modern door: a facility's program sends, learns what became of it, and never sees another facility.

What each address gives about the own and about another facility is written by hand in `data/results_scope.csv`.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from django.urls import reverse

from bienho.database import Role
from bienho.governance import Gate, audit
from bienho.governance.people import units
from bienho.pipeline import App, open_app
from bienho.pipeline.sending import Sending
from bienho.portal.api import openapi
from bienho.portal.urls import urlpatterns
from bienho.standards.xml130.write import write_delivery
from support import matrix, portal
from support.archives import zipped
from support.connected import REHEARSED, System, aligned, connect
from support.fake_gate import NOW
from support.matrix import DELIVERIES, DOSSIERS, OTHER, OWN, UNITS
from support.xml130_samples import make_tables
from tools.authorisation import TREE

pytestmark = pytest.mark.database
SCOPE = Path(__file__).parent / "data" / "results_scope.csv"


@pytest.fixture(scope="module")
def app() -> Iterator[App]:
    with open_app(portal.base().home.path) as opened:
        aligned(opened)
        yield opened


@pytest.fixture(scope="module")
def gate(app: App) -> Iterator[Gate]:
    units.ensure(app.database, app.home, TREE.values(), NOW)
    with matrix.gate_over(app.database, app.keys, app.home) as opened:
        yield opened


@pytest.fixture(scope="module")
def systems(app: App, gate: Gate) -> Iterator[dict[str, System]]:
    """A program of each of two facilities, and the house behind the pages that knows them."""
    before = portal.base()

    def rehearse(data: bytes, facility: str, keys: bool, moment: datetime) -> dict[str, Any]:
        return {**REHEARSED, "bytes": len(data)}

    with Sending(app) as sending:
        portal.use(gate, sending=sending, rehearse=rehearse)  # type: ignore[arg-type]
        yield {
            facility: connect(app.database, app.home, f"his-{facility}", unit, NOW) for facility, unit in UNITS.items()
        }
    portal.use(before.gate)  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def _in_no_haste(systems: dict[str, System]) -> None:
    portal.RATES.forget()


def envelope(facility: str, number: int = 1) -> bytes:
    sent = [make_tables("3176", seed=number, ma_lk=f"RESULT-{number}")]
    return write_delivery(sent, facility=facility, created="20260103", version="3176")


def lines() -> list[dict[str, str]]:
    text = [line for line in SCOPE.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    return list(csv.DictReader(text))


def ask(system: System, line: dict[str, str], about: str) -> Any:
    given = {"delivery": DELIVERIES[about], "dossier": DOSSIERS[about], "facility": about}
    method, *parts = line["way"].format(**given).split()
    named = dict(part.split("=", 1) for part in parts if part[0] not in "?+")
    address = reverse(line["name"], kwargs=named) + "".join(part for part in parts if part[0] == "?")
    fields = dict(part[1:].split("=", 1) for part in parts if part[0] == "+")
    if method == "GET":
        return system.get(address)
    return system.post(address, fields or envelope(about))


def test_every_address_of_systems_has_a_line() -> None:
    named = {str(one.name) for one in urlpatterns if str(one.pattern).startswith("api/v1/")} - {"api-document"}
    assert {line["name"] for line in lines()} == named


@pytest.mark.parametrize("line", lines(), ids=lambda line: line["name"])
def test_a_facility_gets_its_own_and_nothing_of_another(line: dict[str, str], systems: dict[str, System]) -> None:
    schemas = openapi.document("")["components"]["schemas"]
    for facility, other in ((OWN, OTHER), (OTHER, OWN)):
        for about, expected in ((facility, line["own"]), (other, line["other"])):
            answer = ask(systems[facility], line, about)
            text = answer.content.decode()
            assert answer.status_code == int(expected), (line["name"], about, text)
            hidden = (other, DELIVERIES[other], DOSSIERS[other][:8])
            assert not [mark for mark in hidden if mark in text], (line["name"], about, text)
            if answer.status_code >= 400:
                jsonschema.validate(answer.json(), schemas["Problem"])


def test_without_the_scope_nothing_is_sent_or_told(app: App, systems: dict[str, System]) -> None:
    narrow = connect(app.database, app.home, "his-hep", UNITS[OWN], NOW, "reference")
    for line in lines():
        if line["name"] not in ("api-me", "api-datasets"):
            answer = ask(narrow, line, OWN)
            assert (answer.status_code, answer.json()["code"]) == (403, "DENY-SCOPE"), line


def test_what_is_sent_has_a_receipt_is_seen_by_its_sender_only_and_lies_in_raw(
    app: App, systems: dict[str, System]
) -> None:
    data = envelope(OWN, 7)
    answer = systems[OWN].post("/api/v1/dossiers", data)
    told = answer.json()
    assert answer.status_code == 201, told
    assert (told["state"], told["facility"], told["sha256"]) == ("received", OWN, hashlib.sha256(data).hexdigest())
    header, kept = app.raw.read(int(told["delivery"][1:]))
    assert kept == data
    assert (header.source, header.facility_asserted, header.path) == ("api", OWN, "")
    place = f"/api/v1/deliveries/{told['delivery']}"
    mine = systems[OWN].get(place)
    assert (mine.status_code, mine.json()) == (200, told)
    assert systems[OTHER].get(place).status_code == systems[OTHER].get("/api/v1/deliveries/D999999999999").status_code
    assert systems[OTHER].get(place).json() == systems[OTHER].get("/api/v1/deliveries/D999999999999").json()
    event = next(one for one in audit.recent(app.database, limit=20) if one["subtype"] == "send")
    assert event["agent"][0]["who"] == f"client:his-{OWN}"


def test_a_file_of_another_facility_is_refused_and_the_attempt_is_logged(app: App, systems: dict[str, System]) -> None:
    before, logged = app.raw.last_seq(), refused(app)
    answer = systems[OWN].post("/api/v1/dossiers", envelope(OTHER))
    assert (answer.status_code, answer.json()["code"]) == (400, "IN-FACILITY-ACCOUNT")
    assert app.raw.last_seq() == before
    assert refused(app) == logged + 1


def refused(app: App) -> int:
    """How often a file of another facility was refused here."""
    asked = "SELECT coalesce(sum(times), 0) FROM pipeline.refused_attempt WHERE code = 'IN-FACILITY-ACCOUNT'"
    with app.database.connect(Role.WORKER) as connection:
        return int((connection.execute(asked).fetchone() or (0,))[0])


@pytest.mark.parametrize(
    ("body", "kind", "status", "code"),
    [
        (b"", "application/xml", 400, "USE-BODY"),
        (b"x", "text/plain", 415, "USE-CONTENT-TYPE"),
        (zipped({"a.zip": b"PK\x03\x04" + bytes(40)}), "application/zip", 400, "LIM-ZIP-NESTED"),
    ],
)  # fmt: skip
def test_what_is_no_file_is_refused(systems: dict[str, System], body: bytes, kind: str, status: int, code: str) -> None:
    answer = systems[OWN].post("/api/v1/dossiers", body, kind)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_days_count_what_came_and_show_those_on_which_nothing_did(systems: dict[str, System]) -> None:
    """Two facilities have one delivery each, received at half past two in the afternoon of 2 November here."""
    days = systems[OWN].get("/api/v1/days", until="2026-11-03", count="3").json()["days"]
    assert [(one["day"], one["deliveries"], one["findings"]["error"]) for one in days] == [
        ("2026-11-01", 0, 0), ("2026-11-02", 1, 1), ("2026-11-03", 0, 0),
    ]  # fmt: skip
    assert len(systems[OWN].get("/api/v1/days").json()["days"]) == 7
    for wrong in ({"count": "0"}, {"count": "63"}, {"until": "x"}, {"since": "2026-11-01"}):
        assert systems[OWN].get("/api/v1/days", **wrong).status_code == 400


def test_findings_come_with_how_to_mend_them_page_by_page(gate: Gate, systems: dict[str, System]) -> None:
    place = f"/api/v1/deliveries/{DELIVERIES[OWN]}/findings"
    first = systems[OWN].get(place, limit="1").json()
    assert first["next"] is None
    (row,) = first["findings"]
    assert (row["dossier"], row["severity"], row["hoso"]) == (DOSSIERS[OWN], "error", 1)
    assert row["fix"]
    assert systems[OWN].get(place, cursor=row["id"]).json()["findings"] == []
    for wrong in ({"limit": "0"}, {"limit": "501"}, {"limit": "x"}, {"cursor": "' OR 1=1"}, {"so": "1"}):
        assert systems[OWN].get(place, **wrong).status_code == 400
    listed = systems[OWN].get("/api/v1/deliveries", cursor=DELIVERIES[OWN])
    assert listed.json() == {"deliveries": [], "next": None}


def test_a_list_is_compared_with_what_is_here(app: App, systems: dict[str, System]) -> None:
    data = envelope(OWN, 9)
    sent = systems[OWN].post("/api/v1/dossiers", data).json()
    absent = "0" * 64
    told = systems[OWN].post("/api/v1/reconciliation", {"sha256": [sent["sha256"], absent], "ma_lk": ["A-1"]}).json()
    assert [one["state"] for one in told["files"]] == ["received", "missing"]
    assert told["files"][0]["delivery"] in {sent["delivery"]}
    assert [one["stored"] for one in told["dossiers"]] == [False]
    theirs = systems[OTHER].post("/api/v1/reconciliation", {"sha256": [sent["sha256"]]}).json()
    assert [one["state"] for one in theirs["files"]] == ["missing"]
    events = str(audit.recent(app.database, limit=10))
    assert "A-1" not in events
    for wrong in ({"sha256": ["x"]}, {"ma_lk": [1]}, {"x": 1}, {"facility": 3}):
        assert systems[OWN].post("/api/v1/reconciliation", wrong).json()["code"] == "USE-BODY"
