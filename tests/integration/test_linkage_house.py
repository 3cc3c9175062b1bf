"""Persons in the house: one table follows the index, decisions come in as deliveries, a rebuild finds the same."""

from __future__ import annotations

import base64
import random
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.faults.history import ASKS, CONFIRMS, envelope, equal_to_a_rebuild, hoso
from bienho.core.errors import InputError
from bienho.database import Role
from bienho.lake import Lake
from bienho.pipeline import App, erasure, jobs, open_app
from bienho.pipeline.ingest import ingest
from bienho.pipeline.person_decisions import receive_decisions
from bienho.pipeline.persons import LINK, follows
from bienho.pipeline.rebuild import clean, rebuild
from bienho.standards.decision import PersonDecisions, Verdict
from support.homes import temporary_home
from support.province import whole_lake

pytestmark = pytest.mark.database
PAPER = {"decision": "QĐ 1", "article": "Điều 14 Luật 91/2025/QH15", "retention": "hết thời hạn"}
ONE = {
    "NGAY_SINH": "19850311", "GIOI_TINH": "2", "SO_CCCD": "064185012345", "MA_THE_BHYT": "GD4646412345678",
    "DIEN_THOAI": "0905123456", "DIA_CHI": "Làng Kép, xã Ia Mơ Nông", "MAXA_CU_TRU": "23722", "MATINH_CU_TRU": "52",
    "MA_DANTOC": "01",
}  # fmt: skip
TWO = ONE | {
    "NGAY_SINH": "19910720", "GIOI_TINH": "1", "SO_CCCD": "052091054321", "MA_THE_BHYT": "GD4525287654321",
    "DIEN_THOAI": "0977000111", "DIA_CHI": "Tổ 3",
}  # fmt: skip
WANTING = {"SO_CCCD": "", "MA_THE_BHYT": "", "DIEN_THOAI": ""}
DAY = ("I10", "20260105", False)


def dossier(facility: str, visit: str, name: str, said: dict[str, str]) -> bytes:
    more = "".join(f"<{field}>{text}</{field}>" for field, text in said.items())
    made = envelope(facility, [_named(hoso(visit, facility, DAY, more), name)])
    return made


def _named(part: str, name: str) -> str:
    """`hoso` calls everybody alike."""
    packed = re.search(r"<NOIDUNGFILE>(.*?)</NOIDUNGFILE>", part)
    assert packed
    text = base64.b64decode(packed[1]).decode().replace("Nguyễn Văn A", name)
    return part.replace(packed[1], base64.b64encode(text.encode()).decode())


@pytest.fixture(scope="module")
def app() -> Iterator[App]:
    with temporary_home(ready=True) as made, open_app(made.home.path) as app:
        yield app


def send(app: App, folder: Path, *files: bytes) -> None:
    paths = [folder / f"{app.raw.last_seq()}-{number}.xml" for number in range(len(files))]
    for path, data in zip(paths, files, strict=True):
        path.write_bytes(data)
    ingest(app, paths)


def links(app: App) -> dict[str, tuple[str, str]]:
    with app.writing() as lake:
        rows = lake.connection.execute(f"SELECT patient_key, person_key, basis FROM lake.{LINK}").fetchall()
    return {patient: (person, basis) for patient, person, basis in rows}


def key(app: App, facility: str, visit: str) -> str:
    return app.vault.patient_key(facility, f"N{visit}", None)


def tables(app: App) -> dict[str, str]:
    with app.writing() as lake:
        return {name: digest for name, digest in _digests(lake).items() if name.startswith(("conformed", "derived"))}


def _digests(lake: Lake) -> dict[str, str]:
    return lake.table_digests([one.full_name for one in lake.tables() if one.zone in ("conformed", "derived")])


def say(app: App, verdict: str, *keys: str, authority: str = "department") -> None:
    left, right = sorted(keys)
    said = Verdict(left, right, verdict, "papers")  # type: ignore[arg-type]
    receive_decisions(app, PersonDecisions(authority, "an", "binh", (said,)))
    jobs.run(app, "link")


def test_a_patient_is_their_own_person_until_the_index_was_asked(app: App, tmp_path: Path) -> None:
    send(
        app, tmp_path,
        dossier("64001", "A1", "Nguyễn Thị Hồng Vân", ONE),
        dossier("64020", "A2", "NGUYEN THI HONG VAN", ONE | {"DIEN_THOAI": ""}),
        dossier("64020", "B1", "Trần Quốc Bảo", TWO),
        dossier("64001", "B2", "Trần Quốc Bảo", WANTING | {"NGAY_SINH": "19910720", "GIOI_TINH": "1"}),
    )  # fmt: skip
    a1, a2, b1, b2 = (key(app, *of) for of in (("64001", "A1"), ("64020", "A2"), ("64020", "B1"), ("64001", "B2")))
    assert links(app) == {one: (one, "identity") for one in (a1, a2, b1, b2)}
    before = tables(app)
    jobs.run(app, "link")
    found = links(app)
    assert found[a2] == (a1, "index")
    assert found[a1] == (a1, "index")
    assert found[b1][0] != a1
    after = tables(app)
    assert {name for name in before if before[name] != after[name]} == {LINK}, "only one table changes with persons"
    assert jobs.run(app, "link") == {"added": 0, "removed": 0, "decisions": 0, "written": 0}


def test_a_correction_takes_a_person_apart_and_the_next_one_brings_them_together(app: App, tmp_path: Path) -> None:
    a1, a2 = key(app, "64001", "A1"), key(app, "64020", "A2")
    for said, name, together in (
        (TWO | {"SO_CCCD": "064091000777"}, "Rơ Châm Y Bluk", False),
        (ONE, "Nguyễn Thị Hồng Vân", True),
    ):
        send(app, tmp_path, dossier("64020", "A2", name, said))
        jobs.run(app, "link")
        assert (links(app)[a2][0] == a1) is together


def test_decisions_are_deliveries(app: App) -> None:
    a1, b1 = key(app, "64001", "A1"), key(app, "64020", "B1")
    say(app, "same", a1, b1)
    assert links(app)[b1][0] == a1, "people may say what no rule would"
    say(app, "different", a1, b1, authority="facility")
    assert links(app)[b1][0] == a1, "a facility does not overrule the department"
    say(app, "different", a1, b1)
    assert links(app)[b1][0] == b1
    equal_to_a_rebuild(app)
    with app.database.connect(Role.WORKER) as connection:
        told = connection.execute(
            "SELECT encode(before, 'hex'), encode(after, 'hex'), cause FROM governance.person_change"
            " WHERE record_id = %s ORDER BY change", (bytes.fromhex(b1),)
        ).fetchall()  # fmt: skip
    assert told[-2:] == [(b1, a1, "decision"), (a1, b1, "decision")]
    with pytest.raises(InputError, match="IN-DECISION"):
        receive_decisions(
            app, PersonDecisions("department", "an", "an", (Verdict(*sorted((a1, b1)), "same", "papers"),))
        )


def test_a_rebuilt_lake_has_its_index_with_it(app: App, tmp_path: Path) -> None:
    before = links(app)
    rebuild(app, compare=False)
    assert links(app) == before
    with app.writing() as lake:
        assert follows(lake)
    clean(app)
    send(app, tmp_path, dossier("64020", "A3", "Nguyễn Thị Hồng Vân", ONE))
    jobs.run(app, "link")
    assert links(app)[key(app, "64020", "A3")][0] == key(app, "64001", "A1")


def test_index_and_lake_agree_wherever_one_was_left(app: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed after the index has followed and before the lake has: the next run compares everything."""
    send(app, tmp_path, dossier("64001", "A4", "Nguyễn Thị Hồng Vân", ONE))
    commit = Lake.commit

    def dies(lake: Lake, work: object, *, message: str, **given: object) -> object:
        if message.startswith("persons"):
            raise MemoryError
        return commit(lake, work, message=message, **given)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(Lake, "commit", dies)
        with pytest.raises(MemoryError):
            jobs.run(app, "link")
    assert links(app)[key(app, "64001", "A4")][1] == "identity"
    jobs.run(app, "link")
    assert links(app)[key(app, "64001", "A4")][0] == key(app, "64001", "A1")


def test_an_erased_person_leaves_index_history_and_decisions(app: App) -> None:
    a1, a2 = key(app, "64001", "A1"), key(app, "64020", "A2")
    asked = erasure.ask(app, ASKS, **PAPER, patients=[a1])
    erasure.confirm(app, CONFIRMS, asked.erasure_id)
    found = links(app)
    assert a1 not in found
    assert a1 not in {person for person, _ in found.values()}
    assert found[a2][0] == found[key(app, "64020", "A3")][0], "those who stay are still one person"
    with app.database.connect(Role.WORKER) as connection:
        for table in ("governance.person_change", *(f"linkage.{name}" for name in _tables(connection))):
            rows = connection.execute(f"SELECT t::text FROM {table} AS t").fetchall()
            assert not [row for (row,) in rows if a1 in row], table
    assert not whole_lake(app).get("reference.person_decision")


def _tables(connection: object) -> list[str]:
    rows = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'linkage'")  # type: ignore[attr-defined]
    return [name for (name,) in rows]


@pytest.mark.parametrize("seed", [1])
def test_any_order_of_decisions_and_deliveries(app: App, tmp_path: Path, seed: int) -> None:
    """At the end of all that was done to this home, the erasure too, a rebuild finds the same."""
    rng = random.Random(seed)
    keys = list(links(app))
    for step in range(5):
        if rng.random() < 0.5:
            say(app, rng.choice(["same", "different"]), *rng.sample(keys, 2))
        else:
            send(app, tmp_path, dossier("64001", f"C{step}", "Trần Quốc Bảo", rng.choice([TWO, ONE | WANTING])))
    jobs.run(app, "link")
    equal_to_a_rebuild(app)
