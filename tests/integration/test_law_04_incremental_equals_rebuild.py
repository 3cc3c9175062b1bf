"""Law 4 over random histories: deliveries, resends, copies, broken files, replays, code lists, crashes.

Each history is lived incrementally and then compared with a lake made anew from raw. A second oracle, which shares no
code with the pipeline, says which content of each dossier must be the current one: the last one received.
"""

from __future__ import annotations

import base64
import os
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import duckdb
import pytest

from bienho.config import DEFAULT
from bienho.core.errors import UsageError
from bienho.lake import Lake
from bienho.pipeline import App, jobs, open_app
from bienho.pipeline.heads import Heads
from bienho.pipeline.ingest import ingest
from bienho.pipeline.rebuild import rebuild
from bienho.pipeline.replay import replay
from support.homes import temporary_home

pytestmark = pytest.mark.database

TIGHT = replace(DEFAULT, text_bytes=200)
FACILITIES = ("64001", "64020")
VISITS = ("A", "B", "C")
STEPS = ("deliver", "deliver", "deliver", "again", "broken", "mend", "drop")
INSTANTS = (
    ("deliver", 1, "before"),
    ("deliver", 1, "after"),
    ("end", 1, "before"),
    ("end", 1, "after"),
    ("codes", 1, "after"),
)
"""A step, and on which side of its n-th commit the process dies."""
Content = tuple[str, str, bool]
"""Main diagnosis, day of discharge, and whether it is too long for the tight limits."""


class Killed(BaseException):
    """Stands for the process that is no more."""


def hoso(visit: str, facility: str, content: Content) -> str:
    diagnosis, day, long = content
    name = "Nguyễn Văn " + "A" * (300 if long else 1)
    xml = (
        f"<TONG_HOP><MA_LK>{visit}</MA_LK><MA_BN>N{visit}</MA_BN><HO_TEN>{name}</HO_TEN><MA_CSKCB>{facility}</MA_CSKCB>"
        f"<MA_BENH_CHINH>{diagnosis}</MA_BENH_CHINH><NGAY_VAO>{day}0800</NGAY_VAO><NGAY_RA>{day}0900</NGAY_RA>"
        f"<T_TONGCHI_BV>1000</T_TONGCHI_BV></TONG_HOP>"
    )
    packed = base64.b64encode(xml.encode()).decode()
    return f"<HOSO><FILEHOSO><LOAIHOSO>XML1</LOAIHOSO><NOIDUNGFILE>{packed}</NOIDUNGFILE></FILEHOSO></HOSO>"


def envelope(facility: str, parts: list[str], declared: int | None = None) -> bytes:
    return (
        f"<GIAMDINHHS><THONGTINDONVI><MACSKCB>{facility}</MACSKCB></THONGTINDONVI><THONGTINHOSO>"
        f"<SOLUONGHOSO>{len(parts) if declared is None else declared}</SOLUONGHOSO>"
        f"<DANHSACHHOSO>{''.join(parts)}</DANHSACHHOSO></THONGTINHOSO></GIAMDINHHS>"
    ).encode()


class History:
    """One random life of a home, and what must be current at its end."""

    def __init__(self, app: App, folder: Path, seed: int) -> None:
        self.app = app
        self.folder = folder
        self.chance = random.Random(seed)
        self.files: list[tuple[Path, list[tuple[str, str, Content]]]] = []
        self.current: dict[tuple[str, str], Content] = {}
        self.hurried = 0.3  # share of ingests that leave `derived` for later
        app.limits = TIGHT

    def content(self) -> Content:
        chance = self.chance
        return chance.choice(("I10", "J00")), chance.choice(("20260105", "20260301")), chance.random() < 0.3

    def deliver(self) -> None:
        facility = self.chance.choice(FACILITIES)
        said = [(facility, self.chance.choice(VISITS), self.content()) for _ in range(self.chance.randint(1, 4))]
        parts = [hoso(visit, place, content) for place, visit, content in said]
        if self.chance.random() < 0.3:
            parts.insert(1, "<HOSO><FILEHOSO><LOAIHOSO>XML1</LOAIHOSO><NOIDUNGFILE>@</NOIDUNGFILE></FILEHOSO></HOSO>")
        path = self.folder / f"{len(self.files)}.xml"
        path.write_bytes(envelope(facility, parts, self.chance.choice((None, None, 9))))
        self.files.append((path, said))
        self.take_in(*self.files[-1])

    def deliver_long(self) -> None:
        """A dossier that only the wider limits read."""
        self.app.limits = TIGHT
        content: Content = (self.chance.choice(("I10", "J00")), "20260105", True)
        path = self.folder / f"{len(self.files)}.xml"
        path.write_bytes(envelope("64001", [hoso("A", "64001", content)]))
        self.files.append((path, [("64001", "A", content)]))
        self.take_in(*self.files[-1])

    def take_in(self, path: Path, said: list[tuple[str, str, Content]]) -> None:
        ingest(self.app, [path], compute=self.chance.random() >= self.hurried)
        self.remember(said)

    def remember(self, said: list[tuple[str, str, Content]]) -> None:
        self.current |= {(facility, visit): content for facility, visit, content in said}

    def said_last(self) -> None:
        """The last file has its receipt, although its ingest did not live to say so."""
        self.remember(self.files[-1][1])

    def again(self) -> None:
        if self.files:
            self.take_in(*self.chance.choice(self.files))

    def broken(self) -> None:
        path = self.folder / f"broken{len(list(self.folder.iterdir()))}.xml"
        path.write_bytes(self.chance.choice((b"", b"<html>", b"%PDF", envelope("64001", ["<HOSO/>"])[:-60])))
        ingest(self.app, [path])

    def mend(self) -> None:
        """A limit is raised, some of what was set aside is read again, the limit falls back."""
        self.app.limits = DEFAULT
        sequences = list(range(1, self.app.raw.last_seq() + 1))
        try:
            replay(self.app, self.chance.sample(sequences, min(2, len(sequences))))
        except UsageError:
            replay(self.app)
        self.app.limits = TIGHT

    def codes(self) -> None:
        path = self.folder / "icd.csv"
        name = f"Tên {self.chance.random()}"
        path.write_text(
            "code,code_nodot,name_vi,name_en,chapter,block,category3\n"
            f"I10,I10,{name},Hypertension,IX,I10-I15,I10\nJ00,J00,{name},Cold,X,J00-J06,J00\n",
            encoding="utf-8",
        )
        year = self.chance.randint(2015, 2026)
        jobs.import_codes(self.app, "icd10", path, f"bản {name}", date(year, self.chance.randint(1, 12), 1))

    def drop(self) -> None:
        jobs.run(self.app, self.chance.choice(("drop-superseded", "compact")))

    def end(self) -> None:
        """Everything is readable at last, and read."""
        self.app.limits = DEFAULT
        replay(self.app)
        jobs.bring_up_to_date(self.app)

    def agrees(self) -> None:
        """The current contents are those last received."""
        current = current_contents(self.app)
        assert {key: current[key] for key in self.current} == {
            key: (diagnosis, day) for key, (diagnosis, day, _) in self.current.items()
        }


def equal_to_a_rebuild(app: App) -> None:
    report = rebuild(app, compare=True)
    assert report.compared
    assert report.different == []


def current_contents(app: App) -> dict[tuple[str, str], tuple[str, str]]:
    keys = {app.vault.dossier_key(place, visit): (place, visit) for place in FACILITIES for visit in (*VISITS, *"QLS")}
    with app.writing() as lake:
        rows = lake.connection.execute(
            "SELECT e.encounter_key, c.icd10, strftime(e.service_date, '%Y%m%d') FROM lake.conformed.encounter AS e"
            " JOIN lake.conformed.condition AS c USING (version_id)"
            " ANTI JOIN lake.standard.superseded USING (version_id)"
        ).fetchall()
    assert len({row[0] for row in rows}) == len(rows), "two current versions of one dossier"
    return {keys[key]: (diagnosis, day) for key, diagnosis, day in rows}


HISTORIES = int(os.environ.get("BIENHO_HISTORIES", "1"))
"""One in the everyday run; set it higher for a long one."""


@pytest.fixture(scope="module")
def app() -> Iterator[App]:
    """One home for all: each history goes on where the one before it ended."""
    with temporary_home(ready=True) as made, open_app(made.home.path) as app:
        yield app


@pytest.mark.parametrize("seed", range(HISTORIES))
def test_any_history_equals_its_rebuild(app: App, tmp_path: Path, seed: int) -> None:
    history = History(app, tmp_path, seed)
    history.deliver()
    for _ in range(5):
        getattr(history, history.chance.choice(STEPS))()
    history.end()
    equal_to_a_rebuild(app)
    history.agrees()


def test_what_a_replay_finds_changes_what_came_after_it(app: App, tmp_path: Path) -> None:
    """A, then B unreadable, then A again (a copy of the first, until B is read), then B (a version, until then)."""
    plain, long = ("I10", "20260105", False), ("J00", "20260301", True)
    app.limits = TIGHT
    first = app.raw.last_seq() + 1
    for number, said in enumerate((plain, long, plain)):
        (tmp_path / f"{number}.xml").write_bytes(envelope("64001", [hoso("Q", "64001", said)]))
    assert ingest(app, [tmp_path]).duplicates == 1
    (tmp_path / "two.xml").write_bytes(
        envelope("64001", [hoso("L", "64001", ("J00", "20260301", False)), hoso("L", "64001", long)], 7)
    )
    ingest(app, [tmp_path / "two.xml"])
    app.limits = DEFAULT
    ingest(app, [tmp_path / "two.xml"])
    report = replay(app, [first + 1, first + 3, first + 3])
    assert (report.dossiers, report.quarantined, len(report.deliveries)) == (2, 0, 2)
    assert {entry.outcome for entry in report.deliveries} == {"accepted_with_findings"}
    equal_to_a_rebuild(app)
    with app.writing() as lake:
        versions = lake.connection.execute(
            "SELECT count(*) FROM lake.standard.xml130_dossier WHERE dossier_key = ?",
            [app.vault.dossier_key("64001", "Q")],
        ).fetchone()
    assert versions == (3,)


def test_a_dossier_that_a_replay_takes_out_is_no_copy_when_it_comes_again(app: App, tmp_path: Path) -> None:
    long = hoso("S", "64001", ("I10", "20260105", True))
    broken = "<HOSO><FILEHOSO><LOAIHOSO>XML1</LOAIHOSO><NOIDUNGFILE>@</NOIDUNGFILE></FILEHOSO></HOSO>"
    (tmp_path / "one.xml").write_bytes(envelope("64001", [long, broken]))
    (tmp_path / "two.xml").write_bytes(envelope("64001", [long]))
    app.limits = DEFAULT
    seq = app.raw.last_seq() + 1
    assert ingest(app, [tmp_path / "one.xml"]).quarantined == 1
    app.limits = TIGHT
    replay(app, [seq])
    app.limits = DEFAULT
    report = ingest(app, [tmp_path / "two.xml"])
    assert (report.duplicates, report.accepted + report.accepted_with_findings) == (0, 1)
    replay(app, [seq])
    equal_to_a_rebuild(app)


def test_killed_around_any_commit_the_end_is_the_undisturbed_one(
    app: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Law 2: the lake's commits are the instants at which anything changes; the process dies on either side of one."""
    history = History(app, tmp_path, seed=100)
    history.hurried = 0
    history.deliver()
    for work, number, when in INSTANTS:
        history.deliver_long()
        with monkeypatch.context() as patch:
            patch.setattr(Lake, "commit", dying_commit(number, when))
            with pytest.raises(Killed):
                getattr(history, work)()
        if work.startswith("deliver"):
            history.said_last()
    jobs.bring_up_to_date(app)  # else the remap that is due would die, before there is a receipt
    with monkeypatch.context() as patch:
        patch.setattr(Heads, "move", dying_commit(1, "before"))
        with pytest.raises(Killed):
            history.deliver()
    history.said_last()
    history.end()
    equal_to_a_rebuild(app)
    history.agrees()


def dying_commit(number: int, when: str) -> Callable[..., object]:
    """`Lake.commit` that is the last thing its process does, on its n-th call."""
    commit, done = Lake.commit, 0

    def dying(self: Lake, *args: object, **options: object) -> object:
        nonlocal done
        done += 1
        if done == number and when == "before":
            raise Killed
        result = commit(self, *args, **options)  # type: ignore[arg-type]
        if done == number:
            raise Killed
        return result

    return dying


def test_rows_made_by_older_models_are_mapped_again_before_anything_new(app: App, tmp_path: Path) -> None:
    """After an upgrade the next ingest must not hide that the rows before it came from other models."""
    history = History(app, tmp_path, seed=78)
    history.deliver()

    def older(connection: duckdb.DuckDBPyConnection) -> None:
        connection.execute("UPDATE lake.conformed.claim SET total_hospital = 1")
        connection.execute("UPDATE lake.journal.batch SET model_revision = 'older' WHERE stage <> 'reference'")

    with app.writing() as lake:
        lake.commit(older, author="test", message="older", deliveries=())
    history.deliver()
    history.end()
    equal_to_a_rebuild(app)
