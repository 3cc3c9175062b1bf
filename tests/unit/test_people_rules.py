"""The rules of sign-in and review as tables: time is given, nothing is stored."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bienho.core.errors import UsageError
from bienho.governance.people import passwords, sessions
from bienho.governance.people.rules import (
    NUMBERS,
    Failures,
    failed,
    is_idle,
    locked_until,
    months_after,
    must_change,
    review_state,
    session_state,
    shortest_password,
)

START = datetime(2026, 8, 31, 8, 0, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def test_the_numbers_of_level_3() -> None:
    # written down apart from the file: TCVN 14423:2026, level 3
    assert shortest_password(second_factor=False) == 14
    assert shortest_password(second_factor=True) == 8
    assert NUMBERS.password_history == 10
    assert NUMBERS.administrator_change_months == 2
    assert NUMBERS.idle_disable_days == 45
    assert NUMBERS.review_months == 6
    # OWASP Password Storage Cheat Sheet: Argon2id with at least 19 MiB, 2 passes, 1 lane
    assert passwords.hashed("x").startswith("$argon2id$v=19$m=19456,t=2,p=1$")


@pytest.mark.parametrize(
    ("count", "wait"),
    [(0, None), (4, None), (5, 1), (6, 2), (7, 4), (8, 8), (9, 16), (10, 32), (11, 60), (12, 60), (400, 60)],
)
def test_wait_rises(count: int, wait: int | None) -> None:
    until = locked_until(Failures(count, START), NUMBERS.lock_after)
    assert until == (None if wait is None else START + wait * MINUTE)


def test_old_failures_count_no_more() -> None:
    assert failed(Failures(9, START), START + 24 * HOUR).count == 1
    assert failed(Failures(9, START), START + 24 * HOUR - MINUTE).count == 10


@pytest.mark.parametrize(
    ("months", "expected"),
    [
        (2, datetime(2026, 10, 31, 8, 0, tzinfo=UTC)),
        (6, datetime(2027, 2, 28, 8, 0, tzinfo=UTC)),
        (4, datetime(2026, 12, 31, 8, 0, tzinfo=UTC)),
    ],
)
def test_months(months: int, expected: datetime) -> None:
    assert months_after(START, months) == expected


def test_only_passwords_of_administrators_grow_old() -> None:
    day = datetime(2026, 10, 31, 8, 0, tzinfo=UTC)
    assert must_change(START, day, administrator=True)
    assert not must_change(START, day - MINUTE, administrator=True)
    assert not must_change(START, day + 900 * DAY, administrator=False)


def test_idle_days() -> None:
    assert is_idle(START, START + 45 * DAY)
    assert not is_idle(START, START + 45 * DAY - MINUTE)


@pytest.mark.parametrize(
    ("created", "seen", "ended", "state"),
    [
        (0, 0, None, "live"),
        (0, -14, None, "live"),
        (0, -15, None, "idle"),
        (-719, 0, None, "live"),
        (-720, 0, None, "expired"),
        (-720, -20, None, "expired"),
        (0, 0, 0, "ended"),
    ],
)
def test_session_states(created: int, seen: int, ended: int | None, state: str) -> None:
    end = None if ended is None else START + ended * MINUTE
    assert session_state(START + created * MINUTE, START + seen * MINUTE, end, START) == state


@pytest.mark.parametrize(
    ("day", "state"),
    [
        (datetime(2027, 1, 29, 7, 59, tzinfo=UTC), "confirmed"),
        (datetime(2027, 1, 29, 8, 0, tzinfo=UTC), "due"),
        (datetime(2027, 2, 28, 7, 59, tzinfo=UTC), "due"),
        (datetime(2027, 2, 28, 8, 0, tzinfo=UTC), "late"),
    ],
)
def test_review_states(day: datetime, state: str) -> None:
    assert review_state(START, day) == state


@pytest.mark.parametrize(
    "password",
    [
        "matkhau123", "Mật khẩu 2026!", "M4tKh4u@2026", "mat_khau_gia_lai", "anhyeuem1234567", "12345678901234",
        "19870421198704", "0905123456", "qwertyuiop1234", "qwertyuiopasdfgh", "aaaaaaaaaaaaaaaa", "abababababababab",
        "PASSWORDpassword", "bienhopleiku2026", "abcdefghijklmnop", "SoYTeGiaLai@2026", "benhvien52001!!!!",
        "!!!!!!!!!!!!!!!!",
    ],
)  # fmt: skip
def test_what_is_guessed_first_is_common(password: str) -> None:
    assert passwords.is_common(password)


def test_thousands_of_the_most_used_are_refused_in_any_case() -> None:
    used = [one for one in passwords._most_used() if len(one) >= 8]
    assert len(used) > 3000
    assert {"trustno1", "1qaz2wsx3edc4rfv", "liverpool1"} <= set(used)
    assert all(passwords.is_common(one.title()) for one in used[::50])


@pytest.mark.parametrize(
    "password", ["cầu vồng trên núi Hàm Rồng", "bốn con voi uống trà", "k7!rVw2pQz", "correct horse battery staple"]
)
def test_phrases_are_not_common(password: str) -> None:
    assert not passwords.is_common(password)


def refusal(password: str, *, second_factor: bool = False, former: tuple[str, ...] = ()) -> str:
    try:
        passwords.check(
            password, account_id="an.nguyen", name="Nguyễn Thị An", second_factor=second_factor, former=former
        )
    except UsageError as error:
        told = error
    else:
        return ""
    assert password not in told.message + told.hint
    return told.code


@pytest.mark.parametrize(
    ("password", "second_factor", "code"),
    [
        ("voi uống trà!", False, "USE-PASSWORD-LENGTH"),
        ("voi uống trà!!", False, ""),
        ("voi uống", True, ""),
        ("voi uốn", True, "USE-PASSWORD-LENGTH"),
        ("v" * 129, True, "USE-PASSWORD-LENGTH"),
        ("nguyễn thị an 1987", False, "USE-PASSWORD-COMMON"),
        ("NguyenAn20262026", False, "USE-PASSWORD-COMMON"),
        ("an.nguyen.12345678", False, "USE-PASSWORD-COMMON"),
    ],
)
def test_what_a_password_must_be_like(password: str, second_factor: bool, code: str) -> None:
    assert refusal(password, second_factor=second_factor) == code


def test_length_counts_letters_not_their_marks() -> None:
    decomposed = "voi uô\u0301ng tra\u0300"
    assert len(decomposed) == 14
    assert refusal(decomposed) == "USE-PASSWORD-LENGTH"


def test_both_ways_to_write_a_vietnamese_letter_are_one_password() -> None:
    stored = passwords.hashed("bốn con voi uống trà")
    assert passwords.matches(stored, "bô\u0301n con voi uô\u0301ng tra\u0300")
    assert not passwords.matches(stored, "bon con voi uong tra")
    assert refusal("bô\u0301n con voi uô\u0301ng tra\u0300", former=(stored,)) == "USE-PASSWORD-USED"
    assert not passwords.matches(None, "bốn con voi uống trà")


@pytest.mark.parametrize(
    ("address", "kind"),
    [("127.0.0.1", "loopback"), ("::1", "loopback"), ("10.1.2.3", "private"), ("8.8.8.8", "public"), ("x", "public")],
)
def test_address_kinds(address: str, kind: str) -> None:
    assert sessions.address_kind(address) == kind
