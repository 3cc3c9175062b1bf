"""Blind indexes: finding a vault record by a value without storing the value (design 8.4).

Each kind brings its value to one spelling first, so that a number typed with blanks still finds its record. Digests
are made under a key used for nothing else and live in PostgreSQL only, never in the lake.
"""

from __future__ import annotations

import re
from enum import IntEnum

from bienho.config import KeyRing
from bienho.core.text import nfc
from bienho.privacy.digests import keyed

Blind = tuple[tuple[str, str], ...]
_NOT_ALNUM = re.compile(r"[\W_]+")
_NOT_DIGIT = re.compile(r"[^0-9]+")
_SEVERAL = re.compile(r"[;,]")
_CARD = re.compile(r"[0-9A-Z]*[0-9]{10}")


class Kind(IntEnum):
    """What a blind index finds by; the number is stored in `vault.blind_index.kind`."""

    PERSONAL_ID = 1
    INSURANCE_NUMBER = 2
    PHONE = 3
    NAME_BIRTH = 4


KINDS = {kind.name.lower(): kind for kind in Kind}


class BlindIndex:
    """Makes the digests of one installation."""

    __slots__ = ("_key",)

    def __init__(self, keys: KeyRing) -> None:
        self._key = keys.derive("privacy/blind-index")

    def digests(self, kind: str, text: str) -> list[tuple[int, bytes]]:
        """(kind number, 16-byte digest) of every value in a text; none when the text holds nothing usable.

        KeyError for a kind that is none of `KINDS`.
        """
        number = KINDS[kind]
        return [(int(number), keyed(self._key, kind, value)) for value in normalise(kind, text)]


def blind_entries(
    *, name: str = "", birth: str = "", personal_id: str = "", insurance_number: str = "", phone: str = ""
) -> Blind:
    """The `blind` of a VaultEntry from fields as received; empty fields are left out.

    `birth` is NGAY_SINH (yyyymmdd or yyyymmddHHMM); name and birth make one index, useless without either.
    """
    pairs = [("personal_id", personal_id), ("insurance_number", insurance_number), ("phone", phone)]
    if name and birth:
        pairs.append(("name_birth", name_birth(name, birth)))
    return tuple((kind, text) for kind, text in pairs if text)


def name_birth(name: str, birth: str) -> str:
    """The text of kind name_birth: `name|day of birth`."""
    return f"{name}|{birth}"


def normalise(kind: str, text: str) -> list[str]:
    """The values of a text in their one spelling: several where a field may hold several, none where unusable.

    ValueError for a name_birth without its `|`: it would never be found again, and nobody would notice.
    """
    if kind == "name_birth":
        name, bar, birth = text.rpartition("|")
        if not bar:
            raise ValueError("name_birth is not name|birth")
        spelled, day = " ".join(nfc(name).upper().split()), _NOT_DIGIT.sub("", birth)[:8]
        return [f"{spelled}|{day}"] if spelled and day else []
    if kind not in KINDS:
        raise KeyError(kind)
    if text.isalnum() and text.isascii():  # one clean value: by far the most
        parts = [text.upper()]
    else:
        parts = [_NOT_ALNUM.sub("", nfc(part).upper()) for part in _SEVERAL.split(text)]
    if kind == "insurance_number":
        # the last ten digits are the person's social-insurance number; letters before them change with the benefit
        parts = [part[-10:] for part in parts if _CARD.fullmatch(part)]
    elif kind == "phone":
        parts = [_national(_NOT_DIGIT.sub("", part)) for part in parts]
    return [part for part in dict.fromkeys(parts) if part]


def _national(digits: str) -> str:
    """A Vietnamese phone number with its leading 0 instead of the country code."""
    if digits.startswith("0084"):
        digits = digits[2:]
    return "0" + digits[2:] if digits.startswith("84") and len(digits) in {11, 12} else digits
