"""The rules of sign-in and review: pure, time is given. The numbers are in `level3.yaml`, with their sources."""

from __future__ import annotations

import calendar
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

from bienho.core.documents import read_yaml

_FILE = Path(__file__).parent / "level3.yaml"

SessionState = Literal["live", "idle", "expired", "ended"]
ReviewState = Literal["confirmed", "due", "late"]


@dataclass(frozen=True, slots=True)
class Numbers:
    """One value per line of `level3.yaml`; units are in the names."""

    password_length_alone: int
    password_length_with_factor: int
    password_length_most: int
    password_history: int
    administrator_change_months: int
    idle_disable_days: int
    review_months: int
    review_lead_days: int
    review_grace_days: int
    session_idle_minutes: int
    session_absolute_hours: int
    lock_after: int
    lock_address_after: int
    lock_first_minutes: int
    lock_most_minutes: int
    lock_forget_hours: int
    totp_drift_steps: int
    recovery_codes: int
    recovery_request_hours: int
    invitation_hours: int
    challenge_minutes: int
    identity_code_hours: int
    token_minutes: int
    assertion_minutes: int
    portal_api_token_minutes: int
    portal_api_minute_requests: int
    client_minute_requests: int
    account_minute_requests: int
    address_minute_requests: int
    argon2_memory_kib: int
    argon2_passes: int
    argon2_lanes: int


def read_numbers() -> Numbers:
    """The file's numbers; KeyError for a missing one, ValueError for one without a source or a name of no rule."""
    lines = read_yaml(_FILE.read_text(encoding="utf-8"))
    names = {field.name for field in fields(Numbers)}
    wrong = [name for name, line in lines.items() if name not in names or not line["source"] or line["value"] <= 0]
    if wrong:
        raise ValueError(f"level3.yaml: {', '.join(wrong)}")
    return Numbers(**{name: int(lines[name]["value"]) for name in names})


NUMBERS = read_numbers()


@dataclass(frozen=True, slots=True)
class Failures:
    """Failed sign-ins of one account name or address: how many in a row, and when the newest was."""

    count: int = 0
    last_at: datetime | None = None


def remembered(failures: Failures, now: datetime) -> Failures:
    """Failures that still count; none when the newest is older than a day."""
    if failures.last_at is None or now - failures.last_at >= timedelta(hours=NUMBERS.lock_forget_hours):
        return Failures()
    return failures


def locked_until(failures: Failures, after: int) -> datetime | None:
    """When the next try may be made; None: at once. From the `after`th failure on the wait doubles up to its limit."""
    if failures.last_at is None or failures.count < after:
        return None
    doubled = min(failures.count - after, 30)
    minutes = min(NUMBERS.lock_first_minutes * 2**doubled, NUMBERS.lock_most_minutes)
    return failures.last_at + timedelta(minutes=minutes)


def failed(failures: Failures, now: datetime) -> Failures:
    """One more failure."""
    return Failures(remembered(failures, now).count + 1, now)


def months_after(moment: datetime, months: int) -> datetime:
    """The same day and hour some months later; the last day of the month where there is no such day."""
    month = moment.month - 1 + months
    year, month = moment.year + month // 12, month % 12 + 1
    return moment.replace(year=year, month=month, day=min(moment.day, calendar.monthrange(year, month)[1]))


def shortest_password(*, second_factor: bool) -> int:
    """Characters a password must have at least."""
    return NUMBERS.password_length_with_factor if second_factor else NUMBERS.password_length_alone


def must_change(set_at: datetime, now: datetime, *, administrator: bool) -> bool:
    """Whether the password has to be changed before anything else; only those of administrators grow old."""
    return administrator and now >= months_after(set_at, NUMBERS.administrator_change_months)


def is_idle(last_use: datetime, now: datetime) -> bool:
    """Whether the account has been idle for so long that it is disabled."""
    return now - last_use >= timedelta(days=NUMBERS.idle_disable_days)


def session_state(created: datetime, last_seen: datetime, ended: datetime | None, now: datetime) -> SessionState:
    """`idle` asks for the password again; `expired` and `ended` are over."""
    if ended is not None and ended <= now:
        return "ended"
    if now - created >= timedelta(hours=NUMBERS.session_absolute_hours):
        return "expired"
    return "idle" if now - last_seen >= timedelta(minutes=NUMBERS.session_idle_minutes) else "live"


def review_due(confirmed_at: datetime) -> datetime:
    """Until when a membership given or confirmed then must be confirmed again."""
    return months_after(confirmed_at, NUMBERS.review_months)


def review_ends(confirmed_at: datetime) -> datetime:
    """When a membership given or confirmed then ends by itself, because nobody has said that it is still needed."""
    return review_due(confirmed_at) + timedelta(days=NUMBERS.review_grace_days)


def review_state(confirmed_at: datetime, now: datetime) -> ReviewState:
    """`due` is on the worklist, `late` is over time and shown as such."""
    due = review_due(confirmed_at)
    if now >= due:
        return "late"
    return "due" if now >= due - timedelta(days=NUMBERS.review_lead_days) else "confirmed"
