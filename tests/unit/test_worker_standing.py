"""What is said of a kind of job, and which failures are tried again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from bienho.config import DEFAULT, Limits
from bienho.core.errors import BusyError, InputError, StorageError
from bienho.pipeline.backlog import Backlog, refuse_when_full
from bienho.pipeline.worker.queue import KINDS, TABLE
from bienho.pipeline.worker.standing import Job, judge
from bienho.pipeline.worker.tasks import LONGEST_WAIT, MOST_RETRIES, Patience, broken

NOW = datetime(2026, 11, 26, 8, 0, tzinfo=UTC)


def ago(hours: float) -> datetime:
    return NOW - timedelta(hours=hours)


def job(status: str, *, asked: float, ended: float | None = None, due: float | None = None, attempts: int = 0) -> Job:
    return Job(
        "compact",
        status,
        attempts,
        None if due is None else ago(due),
        ago(asked),
        ago(asked),
        None if ended is None else ago(ended),
    )


@pytest.mark.parametrize(
    ("rows", "alive", "state"),
    [
        ([], True, "never"),
        ([job("succeeded", asked=3, ended=2)], True, "done"),
        ([job("succeeded", asked=3, ended=2), job("failed", asked=1, ended=0.5)], True, "failed"),
        ([job("failed", asked=3, ended=2), job("succeeded", asked=1, ended=0.5)], True, "done"),
        ([job("failed", asked=3, ended=2), job("doing", asked=0.1)], True, "running"),
        ([job("doing", asked=0.1)], False, "waiting"),
        ([job("todo", asked=0.1)], True, "waiting"),
        ([job("todo", asked=1)], True, "late"),
        ([job("todo", asked=1, due=-0.01, attempts=3)], True, "again"),
        ([job("succeeded", asked=41, ended=40)], True, "late"),
        ([job("succeeded", asked=41, ended=40)], False, "done"),
    ],
)
def test_the_state_of_a_kind_follows_from_its_jobs(rows: list[Job], alive: bool, state: str) -> None:
    assert judge("compact", rows, alive, NOW).state == state


def test_transient_failures_wait_longer_each_time_and_not_for_ever() -> None:
    patience = Patience()

    def wait(error: Exception, attempts: int) -> float | None:
        given: Any = SimpleNamespace(attempts=attempts)
        before = datetime.now(UTC)
        decision = patience.get_retry_decision(exception=error, job=given)
        return None if decision is None or decision.retry_at is None else (decision.retry_at - before).total_seconds()

    waits = [wait(StorageError("STO-DISK-FULL", "x"), attempts) for attempts in range(MOST_RETRIES)]
    rounded = [round(one) for one in waits if one is not None]
    assert rounded == [2, 4, 8, 16, 32, 60, 60, 60]
    assert max(rounded) == LONGEST_WAIT
    assert wait(StorageError("STO-DISK-FULL", "x"), MOST_RETRIES) is None
    assert wait(BusyError("BUSY-RAW", "x"), 0) is not None
    for error in (InputError("IN-X", "x"), ValueError(), StorageError("STO-LAKE", "x"), broken("derive", _raised())):
        assert wait(error, 0) is None


def _raised() -> Exception:
    try:
        raise ValueError("Nguyễn Thị Giả")
    except ValueError as error:
        return error


def test_a_broken_job_is_told_without_its_words() -> None:
    assert "Giả" not in str(broken("derive", _raised()))


def test_what_is_received_goes_before_everything_of_its_lock() -> None:
    assert tuple(TABLE) == KINDS
    writing = [kind for kind in TABLE.values() if kind.lock == TABLE["take-in"].lock]
    assert all(kind.priority < TABLE["take-in"].priority for kind in writing if kind.name != "take-in")


@pytest.mark.parametrize(
    ("deliveries", "size", "full"),
    [
        (DEFAULT.waiting_deliveries - 1, DEFAULT.waiting_bytes - 1, False),
        (DEFAULT.waiting_deliveries, 0, True),
        (0, DEFAULT.waiting_bytes, True),
    ],
)
def test_a_full_backlog_says_when_to_come_again(deliveries: int, size: int, full: bool) -> None:
    backlog = Backlog(deliveries, size, seconds=1200.0)
    assert backlog.is_full(Limits()) is full
    if not full:
        refuse_when_full(backlog, Limits())
        return
    with pytest.raises(BusyError) as refused:
        refuse_when_full(backlog, Limits())
    assert "10 phút" in refused.value.hint
    assert refused.value.who
