"""Law 4 over random histories (bench/faults/history.py), and the turns of fate that once went wrong."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import duckdb
import psycopg
import pytest

from bench.faults.history import TIGHT, History, envelope, equal_to_a_rebuild, hoso, live
from bienho.config import DEFAULT
from bienho.lake import Lake
from bienho.pipeline import App, jobs, open_app, parts
from bienho.pipeline import rebuild as rebuilds
from bienho.pipeline.heads import Heads
from bienho.pipeline.ingest import ingest
from bienho.pipeline.replay import replay
from support.homes import temporary_home

pytestmark = pytest.mark.database


@pytest.fixture(scope="module")
def app() -> Iterator[App]:
    """One home for all: each history goes on where the one before it ended."""
    with temporary_home(ready=True) as made, open_app(made.home.path) as app:
        yield app


def wrong(lake: Lake) -> int:
    ((count,),) = lake.connection.execute(
        "SELECT count(*) FROM lake.conformed.claim WHERE total_hospital = 424242"
    ).fetchall()
    return int(count)


def test_rows_made_by_older_models_are_mapped_again_before_anything_new(
    app: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After an upgrade the next ingest must not hide that the rows before it came from other models.

    They are mapped and judged a few versions at a time, as a large lake is, and not every part has rows of each table.
    """
    monkeypatch.setattr(parts, "CHUNK", 2)
    history = History(app, tmp_path, seed=78)
    history.deliver()

    def older(connection: duckdb.DuckDBPyConnection) -> None:
        connection.execute("UPDATE lake.conformed.claim SET total_hospital = 424242")
        connection.execute("UPDATE lake.journal.batch SET model_revision = 'older' WHERE stage <> 'reference'")

    with app.writing() as lake:
        lake.commit(older, author="test", message="older", deliveries=())
    with app.writing() as lake:
        assert wrong(lake) > 0
    history.deliver()
    history.end()
    with app.writing() as lake:
        assert wrong(lake) == 0
        assert lake.table_counts()["conformed.claim"] > 2 * parts.CHUNK


def test_a_rebuild_that_loses_the_database_says_what_went_wrong_first(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(*_: object, **__: object) -> None:
        monkeypatch.setattr(Heads, "forget", gone)  # from now on nothing can be cleared up either
        raise duckdb.IOException("Unable to connect to Postgres")

    def gone(_: Heads) -> None:
        raise psycopg.errors.AdminShutdown("terminating connection")

    with monkeypatch.context() as patched:
        patched.setattr(rebuilds, "_fill", lost)
        with pytest.raises(duckdb.IOException):
            rebuilds.rebuild(app, compare=True)
    monkeypatch.undo()
    assert rebuilds.rebuild(app, compare=True).different == []


def test_what_a_replay_finds_changes_what_came_after_it(app: App, tmp_path: Path) -> None:
    """A, then B unreadable, then A again (a copy of the first, until B is read), then B (a version, until then)."""
    plain, long = ("I10", "20260105", False), ("J00", "20260301", True)
    app.limits = TIGHT
    first = app.raw.last_seq() + 1
    for number, said in enumerate((plain, long, plain)):
        (tmp_path / f"{number}.xml").write_bytes(envelope("64001", [hoso("Q", "64001", said)]))
    assert ingest(app, [tmp_path], compute=False).duplicates == 1
    (tmp_path / "two.xml").write_bytes(
        envelope("64001", [hoso("L", "64001", ("J00", "20260301", False)), hoso("L", "64001", long)], 7)
    )
    ingest(app, [tmp_path / "two.xml"], compute=False)
    app.limits = DEFAULT
    ingest(app, [tmp_path / "two.xml"], compute=False)
    report = replay(app, [first + 1, first + 3, first + 3])
    assert (report.dossiers, report.quarantined, len(report.deliveries)) == (2, 0, 2)
    assert {entry.outcome for entry in report.deliveries} == {"accepted_with_findings"}
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
    assert ingest(app, [tmp_path / "one.xml"], compute=False).quarantined == 1
    app.limits = TIGHT
    replay(app, [seq])
    app.limits = DEFAULT
    report = ingest(app, [tmp_path / "two.xml"], compute=False)
    assert (report.duplicates, report.accepted + report.accepted_with_findings) == (0, 1)
    replay(app, [seq])


def test_random_histories_side_by_side_equal_their_rebuild(app: App, tmp_path: Path) -> None:
    """A few here, with what the tests before this one did in the same home; `make soak` lives a thousand."""
    live(app, tmp_path, 3, lives=3, steps=4)


def test_lists_and_waivers_have_the_rules_judge_again_and_a_resend_closes_what_they_found(
    app: App, tmp_path: Path
) -> None:
    """The sum of a visit without lines is wrong (55), and no list of diseases is there (11) until one comes. Only the
    vault has the text that breaks 28."""
    app.limits = DEFAULT
    broken = hoso("R", "64001", ("J00", "20260105", False), "<SO_CCCD>12</SO_CCCD>")
    (tmp_path / "r.xml").write_bytes(envelope("64001", [broken]))
    ingest(app, [tmp_path / "r.xml"])
    first = open_findings(app, "R")
    assert {28, 55} <= first
    assert 11 not in first
    take(app, tmp_path, "icd10", "code,name_vi\nI10,Tăng huyết áp\n")
    assert open_findings(app, "R") == first | {11}
    columns = "rule,facility_code,reason,decided_by,valid_to\n"
    waivers = [f"{rule},64001,thay phần mềm,Sở Y tế,2026-02-01\n" for rule in (55, 28)]
    take(app, tmp_path, "rule-waiver", columns + "".join(waivers))
    assert open_findings(app, "R") == (first | {11}) - {28, 55}
    assert open_findings(app, "R", "finding_waived") == {28, 55}
    equal_to_a_rebuild(app)
    take(app, tmp_path, "rule-waiver", columns + waivers[0])
    assert open_findings(app, "R") == (first | {11}) - {55}, "28 is open again, and nobody asked the vault"
    mended = hoso("R", "64001", ("I10", "20260301", False))
    (tmp_path / "again.xml").write_bytes(envelope("64001", [mended]))
    ingest(app, [tmp_path / "again.xml"])
    assert open_findings(app, "R") == first - {28}, "11 and 28 are closed; the waiver ended before this visit"


def open_findings(app: App, visit: str, table: str = "finding") -> set[int]:
    """Rules that find something in the current version of a dossier."""
    with app.writing() as lake:
        rows = lake.connection.execute(
            f"SELECT DISTINCT rule FROM lake.quality.{table} ANTI JOIN lake.standard.superseded USING (version_id)"
            " WHERE starts_with(code, 'RULE-') AND dossier_key = ?",
            [app.vault.dossier_key("64001", visit)],
        ).fetchall()
    return {rule for (rule,) in rows}


def take(app: App, folder: Path, kind: str, lines: str) -> None:
    path = folder / f"{kind}.csv"
    path.write_text(lines, encoding="utf-8")
    jobs.import_codes(app, kind, path, "thử", date(2020, 1, 1))
