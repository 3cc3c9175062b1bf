"""Law 13: a person is erased on a decision of two, from vault, raw and lake, and nothing brings them back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bench.faults.history import equal_to_a_rebuild
from bienho.core.errors import BienhoError
from bienho.database import Role, remove_database
from bienho.governance import audit
from bienho.governance.decision import Denied
from bienho.pipeline import backup as backups
from bienho.pipeline import erasure, erasure_list, jobs, open_app
from bienho.pipeline.doctor import diagnose
from bienho.pipeline.ingest import ingest
from bienho.pipeline.replay import replay
from support.erased import (
    ASKS,
    CONFIRMS,
    FACILITY,
    PAPER,
    House,
    Person,
    check_ins,
    nowhere,
    own_house,
    said_in_raw,
    sent,
    written,
    zipped,
)
from support.province import whole_lake

pytestmark = pytest.mark.database
GONE, SELDOM = Person("Rơ Châm H'Bluk Thử", "70010001"), Person("Kpuih Y Mẫu", "70010002")
STAYS, MIXED = Person("Đặng Ngọc Còn", "70010003"), Person("Siu Thị Lẫn", "70010004")
FILES = (
    sent(STAYS.visit("S1"), GONE.visit("G1"), SELDOM.visit("E1")),
    sent(GONE.visit("G1", "J00"), STAYS.visit("S2")),
    sent(GONE.visit("G1", "J00")),
    check_ins(STAYS.check_in("S1"), GONE.check_in("G1")),
    zipped(**{f"{GONE.name} 1": sent(STAYS.visit("S3")), f"{GONE.name} 2": sent(GONE.visit("G2"), STAYS.visit("S4"))}),
    sent(MIXED.visit("M1"), GONE.visit("G3", patient=MIXED.number)),
    sent(GONE.visit("G3")),
    sent(STAYS.visit("S5"), GONE.visit("G4").replace("<FILEHOSO>", "<FILEHOSO", 1)),
)
UNREADABLE = (8, 2)


def key_of(house: House, person: Person) -> str:
    return house.app.vault.patient_key(FACILITY, person.number, None)


def erased(house: House, person: Person, places: tuple[tuple[int, int], ...] = ()) -> erasure.Erasure:
    asked = erasure.ask(house.app, ASKS, **PAPER, patients=[key_of(house, person)], places=places)
    return erasure.confirm(house.app, CONFIRMS, asked.erasure_id)


def erased_places(house: House, places: tuple[tuple[int, int], ...]) -> erasure.Erasure:
    asked = erasure.ask(house.app, ASKS, **PAPER, places=places)
    return erasure.confirm(house.app, CONFIRMS, asked.erasure_id)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Everything received, and one backup made before anybody is erased."""
    folder = tmp_path_factory.mktemp("erase")
    with own_house(folder) as house:
        ingest(house.app, written(folder, *FILES, name=GONE.name))
        backups.backup(house.app, folder / "before.bienho")
        yield house


@pytest.fixture(scope="module")
def before(house: House) -> Path:
    return house.made.config.parent / "before.bienho"


def test_it_takes_two_with_a_paper(house: House) -> None:
    app, patients = house.app, [key_of(house, SELDOM)]
    for paper, code in (
        ("decision", "USE-ERASE-DECISION"),
        ("article", "USE-ERASE-ARTICLE"),
        ("retention", "USE-ERASE-RETENTION"),
    ):
        with pytest.raises(BienhoError) as told:
            erasure.ask(app, ASKS, **{**PAPER, paper: " "}, patients=patients)
        assert told.value.code == code
    for named in ({"patients": ["0" * 32]}, {"dossiers": ["0" * 32]}, {"places": [(99, 1)]}, {}):
        with pytest.raises(BienhoError) as told:
            erasure.ask(app, ASKS, **PAPER, **named)
        assert told.value.code == "USE-ERASE-NOBODY"
    with pytest.raises(Denied):
        erasure.ask(app, CONFIRMS, **PAPER, patients=patients)
    asked = erasure.ask(app, ASKS, **PAPER, dossiers=[app.vault.dossier_key(FACILITY, "E1")])
    assert (asked.state, asked.patients) == ("asked", tuple(patients))
    for actor, error, code in (
        (ASKS, Denied, "DENY-"),
        (replace(CONFIRMS, account_id=ASKS.account_id), BienhoError, "USE-ERASE-TWO"),
    ):
        with pytest.raises(error) as told:
            erasure.confirm(app, actor, asked.erasure_id)
        assert told.value.code.startswith(code)
    with pytest.raises(BienhoError) as told:
        erasure.confirm(app, CONFIRMS, asked.erasure_id, datetime.now(UTC) + timedelta(days=31))
    assert told.value.code == "USE-ERASE-OLD"
    with pytest.raises(Exception, match="two_persons"), app.database.connect(Role.GOVERNANCE) as connection:
        connection.execute("UPDATE vault.erasure SET confirmed_by = asked_by, confirmed_at = now()")
    assert SELDOM.name.encode() in said_in_raw(app)[1]


def test_a_person_goes_and_everybody_else_stays(house: House, tmp_path: Path) -> None:
    app = house.app
    lake = whole_lake(app)
    proofs = {header.seq: (header.size, header.sha256, header.received_at) for header in app.raw.headers()}
    with app.writing() as writing:
        old = writing.connection.execute("SELECT max(snapshot_id) FROM ducklake_snapshots('lake')").fetchone()
    done = erased(house, GONE, (UNREADABLE,))
    assert done.state == "done"
    assert {place[:2] for place in done.taken.places} == {
        (1, 2), (2, 1), (3, 1), (4, 2), (5, 2), (6, 2), (7, 1), UNREADABLE
    }  # fmt: skip
    assert len(done.taken.records) == 1, "the visit written under another patient's number"
    nowhere(app, GONE)
    assert proofs == {header.seq: (header.size, header.sha256, header.received_at) for header in app.raw.headers()}
    header, left = app.raw.read(6)
    (stone,) = header.tombstones
    assert (stone.hoso, stone.erasure, stone.article) == ((2,), done.erasure_id, PAPER["article"])
    assert (ASKS.account_id in stone.who, CONFIRMS.account_id in stone.who) == (True, True)
    assert b"HOSO></HOSO" in left
    now = whole_lake(app)
    keys = {key_of(house, GONE), *done.taken.dossiers}
    for name, table in now.items():
        for column in {"patient_key", "dossier_key", "encounter_key"} & set(table.column_names):
            assert not keys & set(table.column(column).to_pylist()), name
    heads = "standard.xml130_dossier"
    kept = [row for row in lake[heads].to_pylist() if row["dossier_key"] not in done.taken.dossiers]
    assert sorted(map(repr, now[heads].to_pylist())) == sorted(map(repr, kept))
    with app.writing() as writing, pytest.raises(Exception, match="snapshot"):
        writing.connection.execute(f"SELECT * FROM lake.{heads} AT (VERSION => {old[0] if old else 0})").fetchall()
    jobs.run(app, "signatures")
    told = next(event for event in audit.recent(app.database, limit=9) if event["entity"][0]["type"] == "erasure")
    assert told["entity"][0]["detail"]["tombstone"] == done.digest
    assert told["purposeOfEvent"][1] == f"document:{PAPER['decision']}"
    assert audit.verify(app.database, app.keys, house.made.home).ok
    with pytest.raises(BienhoError) as twice:
        erasure.confirm(app, CONFIRMS, done.erasure_id)
    assert twice.value.code == "USE-ERASE-CONFIRMED"
    with pytest.raises(Exception, match="never taken back"), app.database.connect(Role.GOVERNANCE) as connection:
        connection.execute("UPDATE vault.erasure SET confirmed_at = now() WHERE done_at IS NOT NULL")


def test_what_comes_again_waits_for_a_decision(house: House, tmp_path: Path) -> None:
    """The same bytes, and a visit never seen before: both are set aside, neighbours are taken in."""
    app = house.app
    again = ingest(app, written(tmp_path, FILES[1], sent(GONE.visit("G9"), STAYS.visit("S9"))))
    assert (again.quarantined, again.duplicates, again.accepted + again.accepted_with_findings) == (2, 1, 1)
    assert {entry.reason for entry in again.deliveries} == {"IN-ERASED"}
    sequences = [int(entry.id[1:]) for entry in again.deliveries]
    assert replay(app, sequences).quarantined == 2
    done = erased_places(house, tuple((seq, 1) for seq in sequences))
    assert {place[:2] for place in done.taken.places} == {(seq, 1) for seq in sequences}
    nowhere(app, GONE)
    equal_to_a_rebuild(app)


def test_the_doctor_tells_what_was_left_in_the_middle_and_a_list_that_lacks_one(house: House) -> None:
    def told() -> tuple[str, str]:
        (found,) = (one for one in diagnose(house.made.home.path) if one.code == "erasures")
        return found.status, found.found

    with house.app.database.connect(Role.ADMIN, autocommit=True) as admin:
        admin.execute(
            "INSERT INTO vault.erasure (erasure_id, decision, article, retention, asked_by, patients, places,"
            " confirmed_by, confirmed_at) VALUES (repeat('a', 12), '1', '2', '3', 'an',"
            " ARRAY[decode(repeat('00', 16), 'hex')], '[]', 'b', now())"
        )
        try:
            status, found = told()
            assert (status, "aaaaaaaaaaaa" in found) == ("fail", True)
            admin.execute("UPDATE vault.erasure SET done_at = now() WHERE erasure_id = repeat('a', 12)")
            status, found = told()
            assert (status, ".erasures" in found) == ("fail", True)
        finally:
            admin.execute("DELETE FROM vault.erasure WHERE erasure_id = repeat('a', 12)")
    assert told()[0] == "ok"


def test_a_backup_made_before_forgets_them_when_it_is_restored(house: House, before: Path, tmp_path: Path) -> None:
    path = erasure_list.list_path(house.made.home)
    forged = tmp_path / "khác.erasures"
    forged.write_bytes(path.read_bytes().replace(b"12/Q", b"13/Q"))
    folder = tmp_path / "diễn tập"
    with pytest.raises(BienhoError) as told:
        backups.restore(before, tmp_path / "giả", forged)
    assert told.value.code == "IN-ERASURES"
    report = backups.restore(before, folder)
    try:
        assert (report.deliveries, report.erasures) == (len(FILES), 2)
        with open_app(folder) as app:
            home = app.home
            nowhere(app, GONE)
            assert SELDOM.name.encode() in said_in_raw(app)[1]
            assert [one.digest for one in erasure.register(app) if one.state == "done"] == [
                one.digest for one in erasure.register(house.app) if one.state == "done"
            ]
            assert audit.verify(app.database, app.keys, app.home).ok
    finally:
        remove_database(home)
