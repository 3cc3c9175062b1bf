"""The door through the whole house: zips, refusals and their log, limits per sender, quarantine and its expiry."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bienho.config import Limits
from bienho.core.errors import LimitError
from bienho.database import Role
from bienho.pipeline import App, ask, open_app
from bienho.pipeline.door import Door, refused_attempts
from bienho.pipeline.ingest import ingest
from bienho.pipeline.rebuild import rebuild
from bienho.pipeline.replay import replay
from bienho.pipeline.report import IngestReport
from bienho.sources import FoundFile
from bienho.standards.xml130 import Unreadable, read_archive
from bienho.standards.xml130.write import write_delivery
from support.archives import zipped
from support.homes import temporary_home
from support.province import PURPOSE, whole_lake
from support.xml130_samples import make_tables

pytestmark = pytest.mark.database
PATIENT = "Nguyễn Thị Giả"


@pytest.fixture(scope="module")
def app() -> Iterator[App]:
    with temporary_home("nhà có cửa", ready=True) as made, open_app(made.home.path) as opened:
        yield opened


def envelope(*numbers: int, facility: str = "64001") -> bytes:
    sent = [make_tables("3176", seed=number, ma_lk=f"DOOR-{number}") for number in numbers]
    return write_delivery(sent, facility=facility, created="20260103", version="3176")


def send(app: App, folder: Path, name: str, data: bytes, **options: Any) -> IngestReport:
    path = folder / name
    path.write_bytes(data)
    return ingest(app, [path], compute=False, **options)


def row_of(app: App, report: IngestReport) -> dict[str, Any]:
    asked = "SELECT * FROM lake.standard.delivery WHERE delivery_id = ?"
    with app.writing() as lake:
        (row,) = lake.connection.execute(asked, [report.deliveries[0].id]).to_arrow_table().to_pylist()
    return dict(row)


def test_a_zip_is_one_delivery_and_its_dossiers_are_those_of_its_members(app: App, tmp_path: Path) -> None:
    files = {f"{PATIENT}.xml": envelope(1, 2), "b.pdf": b"%PDF-1.7", "c.xml": envelope(3, facility="64002")}
    data = zipped(files)
    report = send(app, tmp_path, "gói.zip", data)
    assert (report.dossiers, report.quarantined, len(report.deliveries)) == (4, 1, 1)
    row = row_of(app, report)
    assert (row["hoso_found"], row["facility_code"], row["bytes"]) == (4, None, len(data))
    assert app.raw.read(row["delivery_seq"])[1] == data
    (aside,) = ask.quarantine(app, PURPOSE, as_of=date(2030, 1, 1), seq=row["delivery_seq"])
    assert (aside["code"], aside["hoso"]) == ("IN-NOT-XML", 3)
    assert "Tệp thứ 2 trong tệp nén" in aside["message"]
    for facility, number in (("64001", 1), ("64001", 2), ("64002", 3)):
        found = ask.dossier(app, "tra-cuu-ho-so", facility, f"DOOR-{number}", with_identifiers=False)
        assert found["delivery"] == report.deliveries[0].id
    for name, table in whole_lake(app).items():
        assert PATIENT not in str(table.to_pylist()), name


def test_members_sent_again_plainly_are_copies(app: App, tmp_path: Path) -> None:
    send(app, tmp_path, "a.zip", zipped({"a": envelope(11), "b": envelope(12)}))
    again = send(app, tmp_path, "plain.xml", envelope(11, 12))
    assert (again.dossiers, again.duplicates) == (2, 2)


def test_a_zip_asserted_of_a_facility_that_one_member_is_not_of_is_found(app: App, tmp_path: Path) -> None:
    data = zipped({"a": envelope(21), "b": envelope(22, facility="64002")})
    report = send(app, tmp_path, "hai.zip", data, facility="64001")
    seq = row_of(app, report)["delivery_seq"]
    assert "IN-FACILITY-ASSERTED" in {row["code"] for row in ask.findings(app, PURPOSE, seq=seq)}


def test_a_replay_of_a_zip_numbers_anew_and_equals_a_rebuild(
    app: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The middle member could not be read; once it can, those behind it move to other numbers."""
    odd = envelope(32, 33)
    data = zipped({"a": envelope(31), "b": odd, "c": envelope(34)})
    with monkeypatch.context() as patch:
        sound = read_archive.read_delivery

        def faulty(content: bytes, *rest: Any, **more: Any) -> Any:
            if content == odd:
                raise Unreadable("IN-READER", "a fault of the reader")
            return sound(content, *rest, **more)

        patch.setattr(read_archive, "read_delivery", faulty)
        report = send(app, tmp_path, "ba.zip", data)
    copy = send(app, tmp_path, "copy.xml", envelope(34))
    assert (report.dossiers, report.quarantined, copy.duplicates) == (3, 1, 1)
    seq = row_of(app, report)["delivery_seq"]
    told = replay(app, [seq])
    assert (told.quarantined, told.accepted + told.accepted_with_findings) == (0, 4)
    found = ask.dossier(app, "tra-cuu-ho-so", "64001", "DOOR-34", with_identifiers=False)
    assert (found["versions"], found["delivery"]) == (1, report.deliveries[0].id)
    assert rebuild(app, compare=True).different == []


def test_what_is_refused_leaves_no_byte_but_a_line_in_the_log(
    app: App, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before = app.raw.last_seq()
    deep = envelope(41).replace(b"<HOSO>", b"<HOSO>" + b"<a>" * 10_000, 1)
    with caplog.at_level(logging.WARNING):
        report = send(app, tmp_path, f"{PATIENT}.xml", deep)
        send(app, tmp_path, f"{PATIENT}.xml", deep)
    (one,) = report.deliveries
    assert (one.id, one.outcome, one.reason) == (None, "refused", "LIM-DEPTH")
    assert "64 tầng" in one.message
    assert app.raw.last_seq() == before
    (row,) = [row for row in ask.refused(app) if row["code"] == "LIM-DEPTH"]
    assert (row["sender"], row["source"], row["bytes"], row["times"]) == ("64001", "cli", len(deep), 2)
    assert len(row["sha256"]) == 64
    assert PATIENT not in str(row) + caplog.text
    assert "LIM-DEPTH" in caplog.text


def test_a_refusal_touches_no_neighbour(app: App, tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_bytes(envelope(51))
    (tmp_path / "b.zip").write_bytes(zipped({"x": bytes(20_000_000)}))
    (tmp_path / "c.xml").write_bytes(envelope(52))
    report = ingest(app, [tmp_path], compute=False)
    assert [one.outcome == "refused" for one in report.deliveries] != [False] * 3
    assert (report.refused, report.dossiers) == (1, 2)


def found_file(folder: Path, name: str, size: int = 100) -> FoundFile:
    path = folder / name
    path.write_bytes(b"x" * size)
    return FoundFile(path, name, size)


def test_one_sender_cannot_exhaust_the_house(app: App, tmp_path: Path) -> None:
    limits = Limits(sender_hour_deliveries=3, sender_day_deliveries=5, sender_day_bytes=10_000)
    moment = [datetime(2026, 3, 1, 7, 59, tzinfo=UTC)]
    with app.database.connect(Role.WORKER, autocommit=True) as connection:
        door = Door(connection, limits, source="api", now=lambda: moment[0])

        def outcome(sender: str | None, size: int = 100) -> str:
            try:
                door.admit(found_file(tmp_path, "f", size), sender)
            except LimitError as error:
                return error.code
            return "in"

        assert [outcome("64001") for _ in range(5)] == ["in"] * 3 + ["LIM-SENDER"] * 2
        assert outcome("64002") == "in", "another sender is not touched"
        assert [outcome(None) for _ in range(9)] == ["in"] * 9, "nobody asserted, nobody counted"
        moment[0] += timedelta(hours=1)
        assert [outcome("64001") for _ in range(3)] == ["in", "in", "LIM-SENDER"], "five a day"
        moment[0] += timedelta(hours=24)
        assert outcome("64001", 9_000) == "in"
        assert outcome("64001", 9_000) == "LIM-SENDER", "by bytes"
        assert outcome("64001", 100) == "in"
        rows = [row for row in refused_attempts(connection, 100) if row["code"] == "LIM-SENDER"]
    assert sorted(row["times"] for row in rows) == [1, 1, 2]
    assert {(row["source"], row["sender"], row["sha256"]) for row in rows} == {("api", "64001", None)}


def test_the_look_has_a_time_that_only_the_door_knows(app: App, tmp_path: Path) -> None:
    path = tmp_path / "slow.xml"
    path.write_bytes(b"<GIAMDINHHS>" + (b"<a>" * 50 + b"</a>" * 50) * 1000 + b"</GIAMDINHHS>")
    seconds = iter(range(0, 10_000, 6))
    with app.database.connect(Role.WORKER, autocommit=True) as connection:
        door = Door(connection, Limits(), source="api", clock=lambda: float(next(seconds)))
        with pytest.raises(LimitError, match="LIM-TIME"):
            door.admit(FoundFile(path, "slow.xml", path.stat().st_size), None)


def test_old_notes_are_pruned(app: App, tmp_path: Path) -> None:
    then = datetime(2020, 1, 1, tzinfo=UTC)
    with app.database.connect(Role.WORKER, autocommit=True) as connection:
        door = Door(connection, Limits(delivery_bytes=10), source="old", now=lambda: then)
        with pytest.raises(LimitError):
            door.admit(found_file(tmp_path, "f"), "64001")
        assert [row for row in refused_attempts(connection, 1000) if row["source"] == "old"]
        Door(connection, Limits(), source="new")
        assert not [row for row in refused_attempts(connection, 1000) if row["source"] == "old"]
        count = connection.execute("SELECT count(*) FROM pipeline.sender_use WHERE hour < '2021-01-01'").fetchone()
    assert count == (0,)


def test_quarantine_expires_by_the_day_one_asks_about_and_keeps_the_bytes(app: App, tmp_path: Path) -> None:
    report = send(app, tmp_path, "x.pdf", b"%PDF-1.7")
    row = row_of(app, report)
    last = row["received_at"].astimezone(UTC).date() + timedelta(days=app.limits.quarantine_days)
    for day, closed in ((last - timedelta(days=1), False), (last + timedelta(days=2), True)):
        (aside,) = ask.quarantine(app, PURPOSE, as_of=day, seq=row["delivery_seq"])
        assert aside["expired"] is closed
        assert aside["received"] == row["received_at"]
    assert app.raw.read(row["delivery_seq"])[1] == b"%PDF-1.7"
    assert replay(app, [row["delivery_seq"]]).quarantined == 1, "expired or not, a replay may be asked for"


def test_the_empty_file_is_received_and_set_aside(app: App, tmp_path: Path) -> None:
    report = send(app, tmp_path, "empty.xml", b"")
    assert (report.deliveries[0].outcome, report.quarantined, report.refused) == ("quarantined", 1, 0)
    assert report.deliveries[0].id is not None
