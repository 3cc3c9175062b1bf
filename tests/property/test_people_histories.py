"""Lock, password history, review: random histories against plain slow references that begin anew each time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from argon2 import PasswordHasher
from hypothesis import given
from hypothesis import strategies as st

from bienho.core.errors import UsageError
from bienho.governance.people import passwords
from bienho.governance.people.rules import NUMBERS, Failures, failed, locked_until, remembered, review_due, review_state

START = datetime(2026, 1, 31, tzinfo=UTC)
waits = st.one_of(st.integers(0, 180), st.integers(0, 400_000)).map(lambda seconds: timedelta(seconds=seconds))


def slow_wait(history: list[datetime], now: datetime) -> bool:
    """Whether one must wait, from the moments of failures since the last success, reckoned from the beginning."""
    count, last = 0, None
    for moment in history:
        count = 1 if last is None or (moment - last).total_seconds() >= 86_400 else count + 1
        last = moment
    if last is None or count < 5:
        return False
    minutes = 1
    for _ in range(count - 5):
        minutes = min(minutes * 2, 60)
    return now < last + timedelta(minutes=minutes)


@given(st.lists(st.tuples(waits, st.booleans()), max_size=60))
def test_lock_is_the_one_of_the_whole_history(steps: list[tuple[timedelta, bool]]) -> None:
    now, kept = START, Failures()
    history: list[datetime] = []
    for wait, right in steps:
        now += wait
        until = locked_until(kept, NUMBERS.lock_after)
        assert (until is not None and now < until) is slow_wait(history, now)
        if until is not None and now < until:
            continue
        kept = failed(kept, now)
        history.append(now)
        if right:
            kept, history = Failures(), []
        assert remembered(kept, now) == kept


@given(st.lists(st.integers(0, 13), max_size=40))
def test_the_last_ten_passwords_are_barred_and_no_other(choices: list[int]) -> None:
    quick = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    words = [f"bốn con voi uống trà {chr(97 + n)}" for n in range(14)]
    used: list[int] = []
    kept: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_HASHER", quick)
        for choice in choices:
            former = kept[-NUMBERS.password_history :]
            try:
                passwords.check(words[choice], account_id="x1", name="Y", second_factor=True, former=former)
                refusal = ""
            except UsageError as error:
                refusal = error.code
            refused = refusal == "USE-PASSWORD-USED"
            assert refused or not refusal
            assert refused is (choice in used[-10:])
            if not refused:
                used.append(choice)
                kept.append(passwords.hashed(words[choice]))


def slow_months_later(day: datetime, months: int) -> datetime:
    """Day by day: the same day of the month, or the last one before the month ends."""
    found, passed = day, 0
    while passed < months:
        following = found + timedelta(days=1)
        if following.month != found.month:
            passed += 1
        found = following
    while found.day < day.day and (found + timedelta(days=1)).month == found.month:
        found += timedelta(days=1)
    return found


@given(st.lists(st.tuples(st.integers(0, 400), st.booleans()), min_size=1, max_size=12))
def test_review_counts_from_the_last_confirmation(steps: list[tuple[int, bool]]) -> None:
    now, confirmed = START, START
    for days, confirms in steps:
        now += timedelta(days=days)
        due = slow_months_later(confirmed, 6)
        assert review_due(confirmed) == due
        expected = "late" if now >= due else "due" if now >= due - timedelta(days=30) else "confirmed"
        assert review_state(confirmed, now) == expected
        if confirms:
            confirmed = now
