"""Passwords: what one must be like, how it is kept and compared. No database here."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterable
from functools import cache
from importlib.metadata import distribution
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import Type

from bienho.core.errors import UsageError
from bienho.core.text import nfc, unaccented
from bienho.governance.people.rules import NUMBERS, shortest_password

_HASHER = PasswordHasher(
    time_cost=NUMBERS.argon2_passes,
    memory_cost=NUMBERS.argon2_memory_kib,
    parallelism=NUMBERS.argon2_lanes,
    type=Type.ID,
)
_SIGNS = str.maketrans("013457@$!", "oieastasi")
_PATHS = ("0123456789", "1234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm", "abcdefghijklmnopqrstuvwxyz")
_FEW = 5


def hashed(password: str) -> str:
    """The Argon2id text that is kept."""
    return _HASHER.hash(nfc(password))


def matches(stored: str | None, password: str) -> bool:
    """Whether the password is the kept one; for None the same work is done in vain, so that time tells nothing."""
    try:
        # never longer than a password may be: the work of a refusal stays bounded
        given = nfc(password[: NUMBERS.password_length_most + 1])
        _HASHER.verify(_nobody() if stored is None else stored, given)
    except (VerificationError, InvalidHashError):
        return False
    return stored is not None


def is_outdated(stored: str) -> bool:
    """Whether a kept text was made with other parameters than today's."""
    return _HASHER.check_needs_rehash(stored)


def check(password: str, *, account_id: str, name: str, second_factor: bool, former: Iterable[str]) -> None:
    """Refuse what may not become a password of this person: UsageError USE-PASSWORD-… that says why, never repeats it.

    `former`: kept texts of the passwords that are barred, the one in use among them.
    """
    text = nfc(password)
    least = shortest_password(second_factor=second_factor)
    if not least <= len(text) <= NUMBERS.password_length_most:
        raise UsageError(
            "USE-PASSWORD-LENGTH",
            f"Mật khẩu phải có từ {least} đến {NUMBERS.password_length_most} ký tự.",
            hint="Dùng một câu dễ nhớ, có dấu cách cũng được."
            + (
                ""
                if second_factor
                else f" Có lớp xác thực thứ hai thì chỉ cần {shortest_password(second_factor=True)}."
            ),
        )
    if is_common(text) or _names(text, account_id, name):
        raise UsageError(
            "USE-PASSWORD-COMMON",
            "Mật khẩu này dễ đoán.",
            hint="Tránh từ quen thuộc, dãy số, dãy phím, tên người, tên đơn vị; ghép vài từ không liên quan.",
        )
    if any(matches(stored, text) for stored in former):
        raise UsageError(
            "USE-PASSWORD-USED",
            f"Mật khẩu này đã dùng; {NUMBERS.password_history} mật khẩu gần nhất không được dùng lại.",
            hint="Chọn mật khẩu mới.",
        )


def is_common(password: str) -> bool:
    """Whether it is made of nothing but what is guessed first: listed words, digits, keyboard paths, few characters.

    Or it is one of the passwords that people use most.
    """
    plain = _plain(password)
    if nfc(password).strip().lower() in _most_used():
        return True
    letters = re.sub(r"[^a-z]", "", plain)
    if not letters or len(set(plain)) < _FEW or _is_path(plain):
        return True
    spelled = re.sub(r"[^a-z]", "", plain.translate(_SIGNS))
    bare = re.sub(r"^[^a-z]+|[^a-z]+$", "", plain)
    # taken for letters, taken away inside, taken away at the ends only: 'm4tkh4u', 'mat_khau', 'matkhau2026!'
    return any(_made_of_words(text) for text in (spelled, letters, re.sub(r"[^a-z]", "", bare.translate(_SIGNS))))


def _plain(text: str) -> str:
    return unaccented(nfc(text)).casefold()


def _made_of_words(text: str) -> bool:
    """Whether the letters fall apart into listed words without a rest."""
    reachable = {0}
    for end in range(1, len(text) + 1):
        if any(text[start:end] in _words() for start in reachable):
            reachable.add(end)
    return len(text) in reachable


def _is_path(text: str) -> bool:
    """Whether all of it runs along a row of keys or the alphabet, forth or back, perhaps again and again."""
    pieces = {path[at : at + 3] for row in _PATHS for path in (row, row[::-1]) for at in range(len(path) - 2)}
    steps = [text[at : at + 3] in pieces for at in range(len(text) - 2)]
    return bool(steps) and sum(steps) >= 0.6 * len(steps)


def _names(text: str, account_id: str, name: str) -> bool:
    """Whether little is left of the password when the account's own names are taken out of it."""
    left = re.sub(r"[^a-z0-9]", "", _plain(text))
    whole = len(left)
    own = {re.sub(r"[^a-z0-9]", "", _plain(one)) for one in (account_id, name, *name.split(), *account_id.split("."))}
    for one in sorted(own, key=len, reverse=True):
        if len(one) >= 3:
            left = left.replace(one, "")
    return len(left) < whole and len(re.sub(r"[0-9]", "", left)) < 4


@cache
def _words() -> frozenset[str]:
    lines = (Path(__file__).parent / "common_passwords.txt").read_text(encoding="utf-8").splitlines()
    return frozenset(line for line in lines if line and not line.startswith("#"))


@cache
def _most_used() -> frozenset[str]:
    """Some 20,000 passwords in small letters, as Django brings them; the file is read, no code of Django runs."""
    found = distribution("django").locate_file("django/contrib/auth/common-passwords.txt.gz")
    with gzip.open(str(found), "rt", encoding="utf-8") as lines:
        return frozenset(line.strip() for line in lines)


@cache
def _nobody() -> str:
    """The kept text of an account that does not exist."""
    return hashed("không ai có mật khẩu này")
