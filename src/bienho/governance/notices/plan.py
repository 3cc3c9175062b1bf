"""When a notice goes out: notices, what the account chose, and a moment give the message that is due. Pure; no clock.

Times of day are those of the reader, in Vietnam. What comes up in quiet hours waits until they end; a digest collects
everything up to its hour. Whatever is due at one moment goes in one message, each notice in one message only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta

from bienho.core.errors import UsageError
from bienho.governance.notices.kinds import KINDS, MODES, Kind, Mode, Notice
from bienho.quality.expiry import LOCAL

LANGUAGES = ("vi", "en")
DIGEST_AT = time(7)
QUIET = (time(21), time(6))
QUIET_MOST = timedelta(hours=16)
"""Quiet hours leave a third of the day, so that what waits goes out every day."""
MOST = 100
"""Notices in one message; the next one has the others."""
STEPS = (60, 300, 1_800, 7_200, 21_600)
"""Seconds before another try of a message; the last counts for all that follow."""
DEAD_AFTER = timedelta(days=3)
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Preference:
    """What an account chose. `modes` names the kinds it chose for; for the others `usual` of the kind holds.
    `quiet`: from and to, local, None for no quiet hours."""

    language: str = "vi"
    modes: Mapping[str, Mode] = field(default_factory=dict)
    digest_at: time = DIGEST_AT
    quiet: tuple[time, time] | None = QUIET

    def mode(self, kind: Kind) -> Mode:
        return self.modes.get(kind.code, kind.usual)


@dataclass(frozen=True, slots=True)
class Due:
    """What is to be done with waiting notices: `message` goes out now, `dropped` never goes, the others wait."""

    message: tuple[Notice, ...] = ()
    dropped: tuple[Notice, ...] = ()


def checked(preference: Preference) -> Preference:
    """The preference, when the house can keep it; UsageError USE-NOTICES says what is wrong."""
    if preference.language not in LANGUAGES:
        raise _wrong("Chọn một ngôn ngữ trong danh sách.", ", ".join(LANGUAGES))
    if not set(preference.modes) <= set(KINDS) or not set(preference.modes.values()) <= set(MODES):
        raise _wrong("Chọn loại thông báo và cách nhận trong danh sách.", ", ".join(KINDS))
    if preference.quiet and _length(*preference.quiet) > QUIET_MOST:
        raise _wrong("Giờ yên tĩnh dài quá.", f"Nhiều nhất {QUIET_MOST // timedelta(hours=1)} giờ mỗi ngày.")
    return preference


def is_quiet(moment: datetime, quiet: tuple[time, time] | None) -> bool:
    """Whether a moment lies in quiet hours: their first minute does, their last does not."""
    if quiet is None:
        return False
    now, (first, last) = moment.astimezone(LOCAL).time(), quiet
    return first <= now < last if first <= last else now >= first or now < last


def awake(moment: datetime, quiet: tuple[time, time] | None) -> datetime:
    """The moment, or the end of the quiet hours it lies in."""
    if quiet is None or not is_quiet(moment, quiet):
        return moment
    return _next(moment, quiet[1])


def due_at(notice: Notice, preference: Preference) -> datetime | None:
    """When a notice goes out, None when its account does not want it."""
    mode = preference.mode(KINDS[notice.kind])
    if mode == "off":
        return None
    start = notice.at if mode == "now" else _next(notice.at, preference.digest_at)
    return awake(start, preference.quiet)


def due(waiting: Iterable[Notice], preference: Preference, now: datetime) -> Due:
    """What of the waiting notices goes out at this moment, oldest first; nothing in quiet hours."""
    found, dropped = list[tuple[datetime, Notice]](), list[Notice]()
    for notice in waiting:
        moment = due_at(notice, preference)
        if moment is None:
            dropped.append(notice)
        elif moment <= now:
            found.append((moment, notice))
    if is_quiet(now, preference.quiet):
        found = []
    found.sort(key=lambda one: (one[0], one[1].at, one[1].key))
    return Due(tuple(notice for _, notice in found[:MOST]), tuple(dropped))


def next_try(now: datetime, attempts: int, quiet: tuple[time, time] | None) -> datetime:
    """When a message that was not taken is tried again; `attempts`: how often it was tried before this time."""
    return awake(now + timedelta(seconds=STEPS[min(attempts, len(STEPS) - 1)]), quiet)


def _next(moment: datetime, at: time) -> datetime:
    """The first moment of that time of day, not before `moment`, in the zone of `moment`."""
    local = moment.astimezone(LOCAL)
    found = datetime.combine(local.date(), at, LOCAL)
    return (found if found >= local else found + DAY).astimezone(moment.tzinfo)


def _length(first: time, last: time) -> timedelta:
    start, end = (timedelta(hours=one.hour, minutes=one.minute) for one in (first, last))
    return (end - start) % DAY


def _wrong(what: str, hint: str) -> UsageError:
    return UsageError("USE-NOTICES", what, hint=hint)
