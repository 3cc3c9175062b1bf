"""Law 4 over random histories (bench/faults/history.py), and the turns of fate that once went wrong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from bench.faults.history import TIGHT, History, envelope, equal_to_a_rebuild, hoso, live
from bienho.config import DEFAULT
from bienho.pipeline import App, open_app
from bienho.pipeline.ingest import ingest
from bienho.pipeline.replay import replay
from support.homes import temporary_home

pytestmark = pytest.mark.database


@pytest.fixture(scope="module")
def app() -> Iterator[App]:
    """One home for all: each history goes on where the one before it ended."""
    with temporary_home(ready=True) as made, open_app(made.home.path) as app:
        yield app


def test_random_histories_side_by_side_equal_their_rebuild(app: App, tmp_path: Path) -> None:
    """A few in the everyday run; `make soak` lives a thousand."""
    live(app, tmp_path, 3, lives=3, steps=4)


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
