"""The plan of notices over drawn days: nothing lost, nothing twice, nothing in quiet hours, a digest collects."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from bienho.core.errors import UsageError
from bienho.governance.notices import KINDS, MODES, Notice, Preference
from bienho.governance.notices.plan import (
    MOST,
    QUIET_MOST,
    awake,
    checked,
    due,
    due_at,
    is_quiet,
    next_try,
)

START = datetime(2026, 11, 20, tzinfo=UTC)
TICK = timedelta(minutes=30)
HOURS = st.integers(0, 23).map(time)


def valid(preference: Preference) -> bool:
    try:
        return checked(preference) is preference
    except UsageError:
        return False


preferences = st.builds(
    Preference,
    language=st.sampled_from(["vi", "en"]),
    modes=st.dictionaries(st.sampled_from(sorted(KINDS)), st.sampled_from(MODES)),
    digest_at=HOURS,
    quiet=st.none() | st.tuples(HOURS, HOURS),
).filter(valid)
moments = st.integers(0, 3 * 24 * 60).map(lambda minutes: START + timedelta(minutes=minutes))
notices = st.lists(
    st.builds(lambda kind, at: Notice("", kind, at, date(2026, 11, 20), "/"), st.sampled_from(sorted(KINDS)), moments),
    max_size=12,
).map(lambda found: [replace(one, key=str(place)) for place, one in enumerate(found)])


def walked(found: list[Notice], preference: Preference, stops: list[datetime]) -> list[tuple[datetime, Notice]]:
    """What a house that looks at these moments tells, and when."""
    told: list[tuple[datetime, Notice]] = []
    gone: set[str] = set()
    for now in stops:
        plan = due([one for one in found if one.at <= now and one.key not in gone], preference, now)
        told += [(now, one) for one in plan.message]
        gone |= {one.key for one in (*plan.message, *plan.dropped)}
    return told


@settings(max_examples=150, deadline=None)
@given(notices, preferences, st.integers(0, 29))
def test_each_wanted_notice_goes_out_once_at_the_first_look_after_it_is_due(
    found: list[Notice], preference: Preference, late: int
) -> None:
    stops = [START + timedelta(minutes=late) + TICK * place for place in range(2 * 24 * 6)]
    told = walked(found, preference, stops)
    wanted = {one.key: due_at(one, preference) for one in found}
    assert sorted(one.key for _, one in told) == sorted(key for key, moment in wanted.items() if moment is not None)
    for now, one in told:
        moment = wanted[one.key]
        assert moment is not None
        assert one.at <= moment
        assert now == next(stop for stop in stops if stop >= moment and not is_quiet(stop, preference.quiet))


@settings(max_examples=150, deadline=None)
@given(notices, preferences, st.lists(st.integers(0, 14 * 24 * 60), min_size=1, max_size=8))
def test_a_house_that_slept_loses_nothing_and_tells_nothing_twice(
    found: list[Notice], preference: Preference, minutes: list[int]
) -> None:
    last = [START + timedelta(days=20) + TICK * place for place in range(48)]
    told = walked(found, preference, [START + timedelta(minutes=one) for one in sorted(minutes)] + last)
    keys = [one.key for _, one in told]
    assert len(keys) == len(set(keys))
    assert set(keys) == {one.key for one in found if due_at(one, preference) is not None}


@settings(max_examples=100, deadline=None)
@given(st.lists(moments, min_size=1, max_size=MOST + 20), preferences)
def test_a_digest_collects_everything_up_to_its_hour(at: list[datetime], preference: Preference) -> None:
    chosen = replace(preference, modes={"silent": "digest"})
    found = [Notice(str(place), "silent", one, one.date(), "/") for place, one in enumerate(at)]
    moment = max(filter(None, (due_at(one, chosen) for one in found)))
    message = due(found, chosen, moment).message
    assert len(message) == min(len(found), MOST)
    assert [one.at for one in message] == sorted(one.at for one in message)
    days = {due_at(one, chosen) for one in found}
    assert all(a == b or abs(a - b) >= timedelta(days=1) for a in days for b in days if a and b)


@settings(max_examples=200, deadline=None)
@given(moments, st.none() | st.tuples(HOURS, HOURS), st.integers(0, 9))
def test_waking_is_the_first_moment_outside_quiet_hours(
    moment: datetime, quiet: tuple[time, time] | None, attempts: int
) -> None:
    """Against an oracle that walks minute by minute."""
    if quiet is not None and not valid(Preference(quiet=quiet)):
        quiet = None
    step, walker = timedelta(minutes=1), moment
    while is_quiet(walker, quiet):
        walker += step
        assert walker - moment <= QUIET_MOST
    assert awake(moment, quiet) == walker
    again = next_try(moment, attempts, quiet)
    assert again > moment
    assert not is_quiet(again, quiet)
