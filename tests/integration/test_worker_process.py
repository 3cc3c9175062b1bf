"""The worker process: taking in beside it, jobs tried again, processes that die, rights on the queue."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from bienho.config import Limits
from bienho.core.errors import BusyError
from bienho.database import Role
from bienho.pipeline import App, ask, open_app
from bienho.pipeline import ingest as direct
from bienho.pipeline.backlog import read_progress
from bienho.pipeline.doctor import diagnose
from bienho.pipeline.isolation import POISON
from bienho.pipeline.report import DeliveryReport, IngestReport
from bienho.pipeline.worker import through
from bienho.pipeline.worker.process import work
from bienho.pipeline.worker.standing import Standing, standing
from bienho.pipeline.worker.supervisor import log_path, supervised
from bienho.sources import Delivery, receive
from bienho.standards.xml130.write import write_delivery
from support.homes import Made, temporary_home
from support.province import PURPOSE, whole_lake
from support.worker import BUSY_ONCE, PLANTED, SOON, alive, command, start, wait_for, working
from support.xml130_samples import make_tables

pytestmark = pytest.mark.database


@pytest.fixture(scope="module")
def made() -> Iterator[Made]:
    with temporary_home("nhà có thợ", ready=True) as made:
        yield made


@pytest.fixture(scope="module")
def app(made: Made) -> Iterator[App]:
    with open_app(made.home.path) as opened:
        yield opened


def envelope(number: int, *, mark: str = "") -> bytes:
    sent = [make_tables("3176", seed=number, ma_lk=f"WORK-{number}")]
    data = write_delivery(sent, facility="64001", created="20260103", version="3176")
    return data + f"<!-- {mark} -->".encode() if mark else data


def files(folder: Path, *numbers: int) -> list[Path]:
    paths = []
    for number in numbers:
        paths.append(folder / f"{number:03d}.xml")
        paths[-1].write_bytes(envelope(number))
    return paths


def by_path(report: IngestReport) -> list[DeliveryReport]:
    return sorted(report.deliveries, key=lambda entry: entry.path)


def how(app: App) -> Standing:
    return standing(app.home, app.database, app.raw, app.limits, datetime.now(UTC))


def state(app: App, kind: str) -> str:
    return next(one.state for one in how(app).kinds if one.name == kind)


def states(app: App) -> set[str]:
    return {one.state for one in how(app).kinds}


def put(app: App, *contents: bytes) -> int:
    """Received, and nobody told: as if the process had died right after the receipt."""
    moment = datetime(2026, 1, 3, tzinfo=UTC)
    return receive(app.raw, [Delivery(data, moment, source="cli") for data in contents])[-1].seq


def taken_in(app: App, seq: int) -> bool:
    with app.database.connect(Role.WEB, autocommit=True) as connection:
        progress = read_progress(connection, "lake")
    return progress.last_seq >= seq


def test_beside_a_worker_an_ingest_leaves_the_writing_to_it(
    made: Made, app: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Oracle: the report of an ingest that writes itself, in another home."""
    paths = [*files(tmp_path, 1, 2, 3), tmp_path / "again.xml", tmp_path / "bad.xml", tmp_path / "huge.xml"]
    paths[3].write_bytes(paths[0].read_bytes())
    paths[4].write_bytes(b"<html>")
    paths[5].write_bytes(b"x" * (app.limits.delivery_bytes + 1))
    seen: list[tuple[int, int]] = []
    with working(made, app, BUSY_ONCE):
        with monkeypatch.context() as patched:
            patched.setattr(App, "writing", None)
            report = through.ingest(app, paths, facility="64001", progress=lambda *both: seen.append(both))
        with pytest.raises(BusyError, match="BUSY-WORKER"):
            work(app)
        wait_for(lambda: state(app, "signatures") == "done", "signatures were not judged")
        assert {one.name for one in how(app).kinds if one.is_bad} == set()
        assert how(app).backlog.deliveries == how(app).derived_behind == 0
    assert not how(app).worker
    with app.database.connect(Role.WEB) as connection:
        tried = connection.execute("SELECT max(attempts) FROM jobs.standing WHERE task = 'take-in'").fetchone()
    assert tried == (2,), "the busy house was met, and the job done a little later"
    with temporary_home(ready=True) as other, open_app(other.home.path) as alone:
        expected = direct.ingest(alone, paths, facility="64001", compute=False)
    key = {"rows": {}, "deliveries": []}
    assert {**report.as_dict(), **key} == {**expected.as_dict(), **key}
    assert by_path(report) == by_path(expected)
    assert +report.rows == +expected.rows
    total = sum(path.stat().st_size for path in paths)
    assert seen[-1] == (total, total)
    assert seen == sorted(seen)


def test_what_raises_and_what_kills_the_process_is_found_and_the_rest_is_taken_in(made: Made, app: App) -> None:
    contents = [envelope(20, mark="RAISES-HERE"), envelope(21), envelope(22, mark="KILLS-HERE"), envelope(23)]
    first = app.raw.last_seq() + 1
    last = put(app, *contents)
    with supervised(made.home, command(made, SOON + PLANTED)):
        wait_for(lambda: taken_in(app, last), "the batch was not taken in")
    rows = {row["delivery_seq"]: row for row in whole_lake(app)["standard.delivery"].to_pylist()}
    assert [rows[seq]["reason"] for seq in range(first, last + 1)] == [POISON, None, POISON, None]
    said = log_path(made.home).read_text()
    assert "a patient's value" not in said
    assert "ZeroDivisionError" in said
    with app.database.connect(Role.WORKER) as connection:
        assert connection.execute("SELECT count(*) FROM pipeline.attempt").fetchone() == (0,)
    told = {row["message"] for row in ask.quarantine(app, PURPOSE, as_of=datetime.now(UTC).date())}
    assert any("tiến trình dừng đột ngột" in message for message in told)


def test_a_worker_without_its_parent_ends(made: Made, app: App) -> None:
    process = start(made, "", "--beside", "1")
    assert process.wait(30) == 0, process.communicate()[1]
    process.communicate()


def test_a_full_house_refuses_while_it_stands_still_and_a_dead_workers_job_is_taken_up(
    made: Made, app: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = files(tmp_path, 50, 51)
    monkeypatch.setattr(through, "PATIENCE_SECONDS", 0.3)
    last = put(app, envelope(52))
    small: Any = Limits(waiting_deliveries=1, batch_dossiers=1)
    with open_app(made.home.path, limits=small) as tight:
        with app.database.writer_lock():
            process = start(made)
            try:
                # take-in, or what the worker before had left to do: whichever was begun waits for the lock held here
                wait_for(lambda: "running" in states(app), "nothing was begun", process)
                with pytest.raises(BusyError) as refused:
                    through.ingest(tight, paths)
                assert (refused.value.code, refused.value.exit_code) == ("BUSY-BACKLOG", 6)
                assert "phút" in refused.value.hint
                assert app.raw.last_seq() == last
            finally:
                process.kill()
                process.communicate()
            wait_for(lambda: not alive(app), "the dead worker is said to be alive")
            assert "running" not in states(app)
        monkeypatch.setattr(through, "PATIENCE_SECONDS", 60.0)
        with working(made, app):
            assert through.ingest(tight, paths).accepted == 2
    assert taken_in(app, last)


def test_without_a_worker_for_long_the_caller_writes(
    made: Made, app: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(through, "GRACE_SECONDS", 0.2)
    answers = iter([True])
    monkeypatch.setattr(through, "is_running", lambda _: next(answers, False))
    assert through.ingest(app, files(tmp_path, 60)).accepted == 1


def test_rights_on_the_queue(made: Made) -> None:
    refused = {
        Role.WEB: [
            "INSERT INTO jobs.procrastinate_jobs (queue_name, task_name) VALUES ('bienho', 'compact')",
            "SELECT args FROM jobs.procrastinate_jobs",
            "UPDATE pipeline.progress SET last_seq = 0",
            "SELECT * FROM pipeline.attempt",
        ],
        Role.WORKER: ["DROP TABLE jobs.procrastinate_jobs", "CREATE TABLE jobs.other (n int)"],
        Role.GOVERNANCE: ["SELECT * FROM jobs.standing"],
        Role.PORTAL: ["SELECT * FROM jobs.standing", "SELECT * FROM pipeline.progress"],
    }
    for role, statements in refused.items():
        for statement in statements:
            with made.database.connect(role) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)
    with made.database.connect(Role.WEB) as connection:
        connection.execute("SELECT * FROM jobs.standing, pipeline.progress")


def test_the_doctor_says_what_waits_and_what_failed(made: Made, app: App) -> None:
    put(app, envelope(70))
    with app.database.connect(Role.ADMIN, autocommit=True, options="-c search_path=jobs") as admin:
        # of the workers before, who were stopped, something may be waiting still
        admin.execute("DELETE FROM procrastinate_jobs WHERE task_name = 'compact' AND status = 'todo'")
        admin.execute("INSERT INTO procrastinate_jobs (queue_name, task_name) VALUES ('bienho', 'compact')")
        for status in ("doing", "failed"):
            admin.execute(
                "UPDATE procrastinate_jobs SET status = %s WHERE lock IS NULL AND status IN ('todo', 'doing')",
                (status,),
            )
    found = {check.code: check for check in diagnose(made.home.path)}
    assert (found["worker"].status, found["jobs"].status) == ("warn", "fail")
    assert "1 lần nhận" in found["worker"].found
    assert "compact" in found["jobs"].found
    assert found["worker"].repair
    assert found["jobs"].repair
