"""Blind indexes: finding a vault record by a value without storing the value (design 8.4).

Each kind brings its value to one spelling first, so that a number typed with blanks still finds its record. Digests
are made under a key used for nothing else and live in PostgreSQL only, never in the lake.
"""

from __future__ import annotations

import re
from enum import IntEnum

from bienho.config import KeyRing
from bienho.core.text import nfc
from bienho.privacy.digests import Keyed, prefixed

Blind = tuple[tuple[str, str], ...]
_NOT_ALNUM = re.compile(r"[\W_]+")
_NOT_DIGIT = re.compile(r"[^0-9]+")
_SEVERAL = re.compile(r"[;,]")
_CARD = re.compile(r"[0-9A-Z]*[0-9]{10}")


class Kind(IntEnum):
    """What a blind index finds by; `vault.blind_index` has a column of its name for each, in this order."""

    PERSONAL_ID = 1
    INSURANCE_NUMBER = 2
    PHONE = 3
    NAME_BIRTH = 4


BLIND_BYTES = 8
"""Of a digest: enough to find by (a stranger is met once in 10^12 looks), less to store and search."""
KINDS = {kind.name.lower(): kind for kind in Kind}
_NONE = [None] * len(KINDS)


class BlindIndex:
    """Makes the digests of one installation."""

    __slots__ = ("_makes",)

    def __init__(self, keys: KeyRing) -> None:
        key = Keyed(keys.derive("privacy/blind-index"))
        self._makes = {name: (int(kind), key.after(name)) for name, kind in KINDS.items()}

    def digests(self, kind: str, text: str) -> list[tuple[int, bytes]]:
        """(kind number, 8-byte digest) of every value in a text; none when the text holds nothing usable.

        KeyError for a kind that is none of `KINDS`.
        """
        number, make = self._makes[kind]
        return [(number, make(prefixed(value))[:BLIND_BYTES]) for value in normalise(kind, text)]

    def rows(self, blind: Blind) -> list[list[bytes | None]]:
        """The digests of a record, one column a kind in their order, in as many rows as a kind has values."""
        rows: list[list[bytes | None]] = []
        for kind, text in blind:
            number, make = self._makes[kind]
            place = number - 1
            for value in normalise(kind, text):
                digest = make(prefixed(value))[:BLIND_BYTES]
                for row in rows:
                    if row[place] is None or row[place] == digest:
                        row[place] = digest
                        break
                else:
                    rows.append([*_NONE[:place], digest, *_NONE[number:]])
        return rows


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
        spelled, day = " ".join(nfc(name).upper().split()), _digits(birth)[:8]
        return [f"{spelled}|{day}"] if spelled and day else []
    if kind not in KINDS:
        raise KeyError(kind)
    if text.isalnum() and text.isascii():  # one clean value: by far the most
        value = _value(kind, text.upper())
        return [value] if value else []
    parts = [_value(kind, _NOT_ALNUM.sub("", nfc(part).upper())) for part in _SEVERAL.split(text)]
    return [part for part in dict.fromkeys(parts) if part]


def _value(kind: str, text: str) -> str:
    """One spelled value, brought to what of it names the person."""
    if kind == "insurance_number":
        # the last ten digits are the person's social-insurance number; letters before them change with the benefit
        return text[-10:] if _CARD.fullmatch(text) else ""
    return _national(_digits(text)) if kind == "phone" else text


def _digits(text: str) -> str:
    return text if text.isdigit() and text.isascii() else _NOT_DIGIT.sub("", text)


def _national(digits: str) -> str:
    """A Vietnamese phone number with its leading 0 instead of the country code."""
    if digits.startswith("0084"):
        digits = digits[2:]
    return "0" + digits[2:] if digits.startswith("84") and len(digits) in {11, 12} else digits
