"""What a facility's officer does on pages (send, rehearse, name connections), what goes out, what is dropped.

One home holds a dossier each of two facilities (`support.matrix`); the receiver of notices is a function of this file.
"""

from __future__ import annotations

import hashlib
import hmac
import io
import os
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from django.test import Client

from bienho.core.errors import DeniedError
from bienho.database import Role
from bienho.governance import Actor, Gate, Membership, accounts, audit
from bienho.governance.changes import SYSTEM
from bienho.governance.connections import Connections
from bienho.governance.people import memberships, units
from bienho.pipeline import App, open_app, outgoing
from bienho.pipeline.backlog import note_progress
from bienho.pipeline.catalog import current_catalog
from bienho.pipeline.connecting import Connecting
from bienho.pipeline.drop import STABLE_SECONDS, Drops
from bienho.pipeline.forwarding import Told, secret_of
from bienho.pipeline.outward import Answer, Unreached
from bienho.pipeline.sending import Sending
from bienho.standards.xml130.write import write_delivery
from support import matrix, portal
from support.connected import REHEARSED, aligned
from support.fake_gate import NOW
from support.matrix import DELIVERIES, OTHER, OWN, UNITS
from support.xml130_samples import make_tables
from tools.authorisation import TREE

pytestmark = pytest.mark.database
OFFICERS = {OWN: "it.mot", OTHER: "it.hai"}
URL = "https://his.example.vn/bao"


@pytest.fixture(scope="module")
def app() -> Iterator[App]:
    with open_app(portal.base().home.path) as opened:
        aligned(opened)
        yield opened


@pytest.fixture(scope="module")
def gate(app: App) -> Iterator[Gate]:
    units.ensure(app.database, app.home, TREE.values(), NOW)
    for facility, account in OFFICERS.items():
        accounts.create(app.database, app.home, accounts.new(account, account), by=SYSTEM)
        memberships.give(
            app.database, app.home, by=matrix.BY, account_id=account, unit=UNITS[facility],
            role="facility-data-officer", document="1/SYT", now=NOW - timedelta(days=1),
        )  # fmt: skip
    with app.database.connect(Role.WORKER, autocommit=True) as connection:
        note_progress(connection, current_catalog(app.home), 2)
    with matrix.gate_over(app.database, app.keys, app.home) as opened:
        yield opened


def actor(facility: str) -> Actor:
    given = (Membership("facility-data-officer", UNITS[facility], frozenset({facility}), None),)
    return Actor(OFFICERS[facility], OFFICERS[facility], ("facility-data-officer",), "portal", given, "two")


@pytest.fixture(scope="module")
def browsers(app: App, gate: Gate) -> Iterator[dict[str, Client]]:
    before = portal.base()
    known = {account: actor(facility) for facility, account in OFFICERS.items()}
    told = {**REHEARSED, "quarantine": [{"hoso": 1, "code": "IN-NO-XML1", "message": "Thiếu XML1.", "ma_lk": "R-1"}]}
    with Sending(app) as sending:
        portal.use(
            gate, find_actor=known.get, sending=sending, connecting=Connecting(app),  # type: ignore[arg-type]
            rehearse=lambda data, *_: {**told, "quarantined": 1, "bytes": len(data)},
        )  # fmt: skip
        yield {facility: portal.signed_in(account) for facility, account in OFFICERS.items()}
    portal.use(before.gate)  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def _in_no_haste() -> None:
    portal.RATES.forget()


def envelope(facility: str = OWN, number: int = 1) -> bytes:
    sent = [make_tables("3176", seed=number, ma_lk=f"CON-{number}")]
    return write_delivery(sent, facility=facility, created="20260103", version="3176")


def upload(browser: Client, path: str, data: bytes) -> Any:
    return browser.post(path, {"tep": io.BytesIO(data)})


# ── pages ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_file_sent_by_the_page_has_a_receipt_that_its_sender_sees(app: App, browsers: dict[str, Client]) -> None:
    data = envelope(number=3)
    answer = upload(browsers[OWN], "/gui-ho-so/", data)
    assert answer.status_code == 302, answer.content.decode()
    place = answer.headers["Location"]
    header, kept = app.raw.read(int(place.split("/")[2][1:]))
    assert kept == data
    assert (header.source, header.facility_asserted, header.path) == ("upload", OWN, "")
    page = browsers[OWN].get(place).content.decode()
    assert hashlib.sha256(data).hexdigest() in page
    assert "Đã nhận, chờ xử lý" in page
    assert browsers[OTHER].get(place).status_code == 404
    assert browsers[OTHER].get(f"/gui-ho-so/{DELIVERIES[OWN]}/").status_code == 404


def test_what_cannot_be_sent_is_said_beside_the_field(app: App, browsers: dict[str, Client]) -> None:
    before = app.raw.last_seq()
    for data, said in ((b"", "Chưa chọn tệp"), (envelope(OTHER), f"MACSKCB {OTHER}")):
        answer = upload(browsers[OWN], "/gui-ho-so/", data)
        assert answer.status_code == 400
        assert said in answer.content.decode()
    assert browsers[OWN].post("/gui-ho-so/").status_code == 400
    assert app.raw.last_seq() == before


def test_a_rehearsal_is_answered_and_nothing_is_kept(app: App, browsers: dict[str, Client]) -> None:
    before, events = app.raw.last_seq(), audit.recent(app.database, limit=1)[0]["seq"]
    answer = upload(browsers[OWN], "/xet-thu/", b"<x>BN-BI-MAT</x>")
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "R-1" in page, "the visit's number, to be found in the facility's software"
    assert app.raw.last_seq() == before
    told = [one for one in audit.recent(app.database, limit=10) if one["seq"] > events]
    assert told
    assert "R-1" not in str(told)
    assert "BN-BI-MAT" not in str(told)


def test_a_connection_is_named_shown_to_its_facility_only_and_ended(app: App, browsers: dict[str, Client]) -> None:
    page = browsers[OWN].post("/ket-noi/", {"loai": "webhook", "dia_chi": URL}).content.decode()
    (one,) = Connections(app.database, app.keys).of([OWN])
    secret = Connections(app.database, app.keys).secret(one)["secret"]
    assert secret in page
    again = browsers[OWN].get("/ket-noi/").content.decode()
    assert URL in again
    assert secret not in again, "it is shown once"
    assert URL not in browsers[OTHER].get("/ket-noi/").content.decode()
    end = f"/ket-noi/{one.connection_id}/bo/"
    for answer in (browsers[OTHER].get(end), browsers[OTHER].post(end)):
        assert (answer.status_code, answer.headers["Location"]) == (302, "/ket-noi/")
    assert Connections(app.database, app.keys).of([OWN])[0].ended_at is None, "another facility ends nothing"
    assert "his.example.vn" in browsers[OWN].get(end).content.decode()
    assert browsers[OWN].post(end).status_code == browsers[OWN].post(end).status_code == 302
    assert Connections(app.database, app.keys).of([OWN])[0].ended_at is not None
    wrong = browsers[OWN].post("/ket-noi/", {"loai": "webhook", "dia_chi": "http://10.0.0.1/"})
    assert (wrong.status_code, "https" in wrong.content.decode()) == (400, True)
    assert browsers[OWN].post("/ket-noi/", {"loai": "forward", "dia_chi": URL}).status_code == 400


def test_one_factor_names_no_connection(app: App) -> None:
    one = Actor("it.mot", "x", ("facility-data-officer",), "portal", actor(OWN).memberships, "one")
    with pytest.raises(DeniedError, match="DENY-CONNECT-TWO-FACTORS"):
        Connecting(app).add_webhook(one, OWN, URL, NOW)


# ── what goes out ───────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Receiver:
    """A receiver that knows its secret and refuses what is forged or late, as the guide tells it to."""

    secret: str
    status: int = 200
    now: datetime = NOW
    unreached: str = ""
    taken: list[dict[str, Any]] = field(default_factory=list)

    def __call__(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        if self.unreached:
            raise Unreached(self.unreached)
        sent = int(headers["Bienho-Timestamp"])
        right = hmac.new(self.secret.encode(), b"%d.%s" % (sent, body), hashlib.sha256).hexdigest()
        assert hmac.compare_digest(headers["Bienho-Signature"], f"v1={right}")
        assert abs(self.now.timestamp() - sent) <= 300
        told = orjson.loads(body)
        assert headers["Bienho-Notice"] == str(told["notice"])
        self.taken.append(told)
        return Answer(self.status, b"")


@pytest.fixture
def named(app: App, gate: Gate, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """A connection of the first facility made before its delivery, and nothing noted yet."""
    monkeypatch.setattr(App, "reading", lambda _app: nullcontext(gate))
    book = Connections(app.database, app.keys)
    one = book.add(actor(OWN), "webhook", OWN, URL, {"secret": "bi-mat"}, 0, NOW)
    with app.database.connect(Role.WORKER, autocommit=True) as connection:
        connection.execute("DELETE FROM pipeline.outgoing_mark")
    yield Receiver("bi-mat")
    if any(found.connection_id == one.connection_id for found in book.open_ones()):
        book.end(actor(OWN), one.connection_id, [OWN], NOW)


def test_a_notice_is_signed_holds_counts_only_and_comes_once(app: App, named: Receiver) -> None:
    with app.database.connect(Role.WORKER, autocommit=True) as connection:
        assert outgoing.is_due(app, connection)
        assert outgoing.send_due(app, NOW, named) == {"noted": 1, "sent": 1, "refused": 0, "waiting": 0, "dead": 0}
        assert not outgoing.is_due(app, connection)
    (told,) = named.taken
    assert (told["event"], told["delivery"], told["facility"]) == ("results-ready", DELIVERIES[OWN], OWN)
    assert set(told) == {"notice", "event", "delivery", "facility", "outcome", *outgoing.COUNTS}
    outgoing.send_due(app, NOW, named)
    assert len(named.taken) == 1


def test_a_receiver_that_is_away_is_asked_again_later_and_at_last_no_more(app: App, named: Receiver) -> None:
    named.unreached = "time"
    moment, tries = NOW, 0
    while True:
        told = outgoing.send_due(app, moment, named)
        tries += told["waiting"] + told["dead"]
        if told["dead"]:
            break
        assert outgoing.send_due(app, moment, named)["waiting"] == 0, "not at once"
        moment += timedelta(hours=12)
    assert moment - NOW >= outgoing.DEAD_AFTER
    assert tries == 7
    (row,) = [one for one in Connecting(app).told(actor(OWN)) if one.attempts == tries]
    assert (row.state, row.answer, row.delivery) == ("dead", "time", DELIVERIES[OWN])


@pytest.mark.parametrize("status", [302, 404, 500])
def test_only_a_2xx_is_taken(app: App, named: Receiver, status: int) -> None:
    named.status = status
    assert outgoing.send_due(app, NOW, named)["waiting"] == 1


def test_whoever_may_not_see_is_not_told(app: App, gate: Gate, named: Receiver) -> None:
    """The one who made a connection has lost the right since: the gate refuses, nothing is sent."""
    book = Connections(app.database, app.keys)
    (one,) = [found for found in book.open_ones() if found.facility == OWN]
    book.end(actor(OWN), one.connection_id, [OWN], NOW)
    lost = Actor("nv.soan", "x", (), "portal")
    made = book.add(lost, "webhook", OWN, URL, {"secret": "bi-mat"}, 0, NOW)
    foreign = book.add(actor(OTHER), "webhook", OWN, URL, {"secret": "bi-mat"}, 0, NOW)
    assert outgoing.send_due(app, NOW, named)["noted"] == 0
    assert named.taken == []
    for one in (made, foreign):
        book.end(actor(OWN), one.connection_id, [OWN], NOW)


def test_a_file_goes_on_to_the_portal_and_its_answer_stands_beside_ours(
    app: App, browsers: dict[str, Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    forwarded: list[bytes] = []

    def forward(post: Any, base: str, secret: Mapping[str, str], facility: str, data: bytes) -> Told:
        assert (base, secret["username"], facility) == ("https://cong.example.vn", "52_BV", OWN)
        forwarded.append(data)
        return Told("200", orjson.dumps({"maKetQua": "200", "maGiaoDich": "GD-77", "thongDiep": "Tốt"}))

    monkeypatch.setattr(outgoing, "forward", forward)
    given = {"loai": "forward", "dia_chi": "https://cong.example.vn", "tai_khoan": "52_BV", "mat_khau": "x"}
    upload(browsers[OWN], "/gui-ho-so/", envelope(number=20))
    assert browsers[OWN].post("/ket-noi/", given).status_code == 302
    second = browsers[OWN].post("/ket-noi/", given)
    assert second.status_code == 400, "a file goes to the portal once"
    data = envelope(number=21)
    upload(browsers[OWN], "/gui-ho-so/", data)
    upload(browsers[OTHER], "/gui-ho-so/", envelope(OTHER, 22))
    assert outgoing.send_due(app, NOW)["sent"] == 1
    assert forwarded == [data], "what was sent before, or by others, does not go there"
    left = [one["entity"][0]["what"]["identifier"] for one in audit.recent(app.database, limit=20)]
    assert [one for one in left if one.startswith("connect:forward:D")], "what leaves is in the record"
    page = browsers[OWN].get("/ket-noi/").content.decode()
    assert "GD-77" in page
    assert "GD-77" not in browsers[OTHER].get("/ket-noi/").content.decode()
    with app.database.connect(Role.WORKER) as connection:
        stored = str(connection.execute("SELECT * FROM pipeline.outgoing").fetchall())
    assert "GD-77" not in stored, "what was answered lies sealed"
    one = next(one for one in Connections(app.database, app.keys).open_ones() if one.kind == "forward")
    Connecting(app).end(actor(OWN), one.connection_id, NOW)
    book, lost = Connections(app.database, app.keys), Actor("nv.soan", "x", (), "portal")
    made = book.add(lost, "forward", OWN, given["dia_chi"], secret_of("52_BV", "x"), app.raw.last_seq(), NOW)
    upload(browsers[OWN], "/gui-ho-so/", envelope(number=23))
    assert outgoing.send_due(app, NOW)["dead"] == 1, "whoever named the portal may no longer"
    assert forwarded == [data]
    book.end(actor(OWN), made.connection_id, [OWN], NOW)


# ── folders ─────────────────────────────────────────────────────────────────────────────────────────────────────────


class Hand:
    """A clock that is moved by hand."""

    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def folder(app: App, gate: Gate) -> Path:
    made = app.home.path / "drop" / OWN
    made.mkdir(parents=True, exist_ok=True)
    return made


def test_a_dropped_file_is_taken_when_it_no_longer_grows_and_its_receipt_lies_beside_it(app: App, folder: Path) -> None:
    clock, data = Hand(), envelope(number=5)
    drops = Drops(app, clock)
    (folder / "ho-so.xml").write_bytes(data[:100])
    (folder / "con-dang.xml.part").write_bytes(data)
    assert drops.look() == []
    clock.seconds += STABLE_SECONDS
    (folder / "ho-so.xml").write_bytes(data)
    assert drops.look() == [], "it has grown since"
    clock.seconds += STABLE_SECONDS
    assert drops.take() == {"received": 1, "refused": 0, "left": 0}
    receipt = orjson.loads(next((folder / "done").glob("*.json")).read_bytes())
    header, kept = app.raw.read(int(receipt["delivery"][1:]))
    assert kept == data
    assert (header.source, header.facility_asserted) == ("drop", OWN)
    assert (folder / "done" / f"{receipt['delivery']}-ho-so.xml").read_bytes() == data
    assert sorted(path.name for path in folder.iterdir()) == ["con-dang.xml.part", "done", "refused"]
    assert audit.recent(app.database, limit=1)[0]["agent"][0]["who"] == f"drop:{OWN}"


def test_a_file_of_another_facility_is_refused_with_the_reason_beside_it(app: App, folder: Path) -> None:
    clock = Hand()
    drops, before = Drops(app, clock, now=lambda: NOW), app.raw.last_seq()
    (folder / "nham.xml").write_bytes(envelope(OTHER))
    drops.look()
    clock.seconds += STABLE_SECONDS
    assert drops.take()["refused"] == 1
    told = orjson.loads((folder / "refused" / "20261123T013000-nham.xml.json").read_bytes())
    assert told["code"] == "IN-FACILITY-ACCOUNT"
    assert app.raw.last_seq() == before


def test_links_lead_nowhere(app: App, folder: Path, tmp_path: Path) -> None:
    secret = tmp_path / "bi-mat.xml"
    secret.write_bytes(envelope(number=6))
    (folder / "lien-ket.xml").symlink_to(secret)
    os.mkfifo(folder / "ong")
    (folder.parent / "52999").symlink_to(tmp_path)
    other = folder.parent / "52998"
    other.mkdir()
    (other / "done").symlink_to(tmp_path)
    (other / "a.xml").write_bytes(envelope("52998"))
    clock, before = Hand(), app.raw.last_seq()
    drops = Drops(app, clock)
    drops.look()
    clock.seconds += STABLE_SECONDS
    assert [one.facility for one in drops.look()] == ["52998"]
    assert drops.take() == {"received": 0, "refused": 0, "left": 1}
    assert app.raw.last_seq() == before, "where no receipt can be put nothing is received, again and again"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bi-mat.xml"]
    for path in (other / "a.xml", other / "done", folder.parent / "52999", folder / "ong", folder / "lien-ket.xml"):
        path.unlink()
