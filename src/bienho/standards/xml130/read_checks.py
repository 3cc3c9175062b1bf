"""What is wrong in the rows of one table: required fields, sizes, and texts whose shape is not their field's.

A text of another shape (a name in a date field) must not reach the lake: it is marked for the vault. Most rows are
sound, so each is first held against one pattern compiled for its table and edition; only rows the pattern refuses are
looked at field by field. The pattern may refuse a sound row, never pass a faulty one; a property test holds that.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property, lru_cache
from itertools import repeat
from typing import Protocol

from bienho.contracts import Field, Shape
from bienho.core.finding import Finding
from bienho.core.text import nfc
from bienho.standards.xml130.read_block import Row
from bienho.standards.xml130.read_codes import found
from bienho.standards.xml130.versions import contract_of, day_of, rank_of

HEAD_MAX = 64
"""Characters of a code, count or day in the head of a file."""
SEPARATOR = "\x1f"  # XML 1.0 cannot carry it, so no text holds it
_IDENTIFIER = {
    "code": re.compile(r"\s*(?:[A-Za-z]{2}[0-9]{13}|0[0-9]{8,11}|\+?84[0-9]{9})\s*"),
    "number": re.compile(r"\s*\+?0[0-9]{8,11}\s*"),
}
"""Insurance card, personal id or phone (code); personal id or phone, which start with 0 (number)."""
_DATE_PART = re.compile(
    r"\s*+(?:(?:1[89]|2[01])[0-9]{2}[0-9]{0,10}"
    r"|(?:1[89]|2[01])[0-9]{2}[-/.][0-9]{1,2}[-/.][0-9]{1,2}(?:[ T][0-9:.]{4,12})?"
    r"|[0-9]{1,2}[-/.][0-9]{1,2}[-/.][0-9]{2,4}(?: [0-9:.]{4,12})?"
    r"|[0-9]{0,7}|\*)\s*+",
    re.ASCII,
)
_ACRONYMS = re.compile(r"[A-ZĐ0-9]{1,6}(?:[;,./-][A-ZĐ0-9]{1,6})*+")
"""Official codes are ASCII except for abbreviations with a Đ: CĐHH in MA_DOI_TUONG of XML12, QLĐB-592-17 in SO_DANG_KY
(drugs under special control)."""
_NUMBER = re.compile(r"[-+0-9.,;:/%\s]*+(?:(?<=[0-9])[eE][-+]?[0-9]{1,3}\s*+)?|\*", re.ASCII)
_SAYS_SOMETHING = rf"(?=[^\S{SEPARATOR}]*+\S)"  # the separator is white space too, so it must not be passed over
PLAIN: dict[Shape, str] = {
    "date": r"(?:(?:19|20)[0-9]{6}(?:[0-9]{4})?)?",
    "number": r"-?(?:[1-9][0-9]{0,14}|0?[0-9]{0,5})(?:\.[0-9]{0,6})?",
    "code": r"(?![A-Za-z]{2}[0-9]{13}|0[0-9]{8}|\+?84[0-9]{9})[A-Za-z0-9.,;:/+_()#%-]*",
    "free": rf"[^{SEPARATOR}]*",
}


def blank(text: str) -> bool:
    """True when a text says nothing: empty, or white space alone of any kind Unicode knows. It stays as it came."""
    return not text or text.isspace()


def foreign(shape: Shape, text: str) -> bool:
    """True when a text cannot be what its field declares and may be about a person: it must not stay in the lake."""
    if shape == "free" or blank(text):
        return False
    if shape == "date":
        return not all(_DATE_PART.fullmatch(part) for part in text.split(";"))
    if shape == "code" and _ACRONYMS.fullmatch(text):
        return False
    if _IDENTIFIER[shape].fullmatch(text):
        return True
    if shape == "number":
        return not _NUMBER.fullmatch(text)
    # blanks at the ends are how some programs indent, and are forgiven where values are read
    return not text.isascii() or sum(map(str.isspace, text.strip())) >= 2


class Notes(Protocol):
    """Where findings go: a list, or one that is bounded."""

    def append(self, finding: Finding, /) -> None: ...


def sound(text: str | None, shape: Shape) -> str | None:
    """A text that names its file or dossier in the lake, trimmed; None where blank, long or of a foreign shape.

    A code among them is one word: a name without marks may be two.
    """
    text = (text or "").strip()
    if shape == "code" and len(text.split()) > 1:
        return None
    return text if text and len(text) <= HEAD_MAX and not foreign(shape, text) else None


@dataclass(frozen=True)
class RowCheck:
    """The check of one table under one edition on one side of the `required_until` days."""

    table: str
    fields: tuple[Field, ...]
    required: frozenset[str]
    names: tuple[str, ...]

    @cached_property
    def sound(self) -> re.Pattern[str]:
        """Made when the first row is held against it: rows looked at column by column need none, and it is long."""
        return re.compile(SEPARATOR.join(_sound(field, field.name in self.required) for field in self.fields))


@lru_cache(maxsize=256)
def _compile(table: str, edition: str, no_longer: frozenset[str]) -> RowCheck:
    rank = rank_of(edition)
    fields = contract_of(table).official_fields
    required = frozenset(
        field.name
        for field in fields
        if field.required
        and field.name not in no_longer
        and rank_of(_first_demand(field)) <= rank
        and (field.dropped_in is None or rank < rank_of(field.dropped_in))
    )
    return RowCheck(table, fields, required, tuple(field.name for field in fields))


def _first_demand(field: Field) -> str:
    return field.required_from or field.introduced_in or "130"


def _sound(field: Field, required: bool) -> str:
    low, high = ("1" if required else "0"), ("" if field.max_length is None else str(field.max_length))
    ahead = rf"(?=[^{SEPARATOR}]{{{low},{high}}}(?:{SEPARATOR}|$))" if required or high else ""
    if required:
        ahead += _SAYS_SOMETHING
    # Atomic: a field that matched is not tried another way, or one bad field at the end would cost every combination.
    return ahead + "(?>" + PLAIN["free" if field.in_vault else field.shape] + ")"


def required_fields(table: str, edition: str, discharge: date | None) -> frozenset[str]:
    """Fields an edition demands; `discharge` as for `check_rows`."""
    return _compile(table, edition, _no_longer(table, discharge)).required


@lru_cache(maxsize=4096)
def _no_longer(table: str, discharge: date | None) -> frozenset[str]:
    """Fields no longer demanded on the day of discharge."""
    return frozenset(
        field.name
        for field in contract_of(table).official_fields
        if field.required_until
        and discharge
        and discharge >= (day_of(field.required_until.replace("-", "")) or discharge)
    )


def check_rows(
    table: str, rows: Sequence[Row], edition: str, discharge: date | None, findings: Notes
) -> list[tuple[str, int, str]]:
    """Cells for the vault of the rows of one table; what is wrong is noted in `findings`.

    `discharge` decides on fields no longer demanded.
    """
    check = _compile(table, edition, _no_longer(table, discharge))
    sound, names, blank = check.sound.fullmatch, check.names, repeat("")
    vaulted: list[tuple[str, int, str]] = []
    for number, row in enumerate(rows, 1):
        if not sound(SEPARATOR.join(map(row.get, names, blank))):
            _look(check, number, row, findings, vaulted)
    return vaulted


def _look(check: RowCheck, number: int, row: Row, findings: Notes, vaulted: list[tuple[str, int, str]]) -> None:
    """The same checks field by field."""
    for field in check.fields:
        text = row.get(field.name, "")
        if blank(text):
            if field.name in check.required:
                findings.append(found("IN-REQUIRED", check.table, number, field.name, field.required_rule))
            continue
        # A letter and its marks are one character, however they are written. Blanks at the ends are how some programs
        # indent; whoever reads the value leaves them out, whatever the field.
        if field.max_length is not None and len(text) > field.max_length < len(nfc(text.strip())):
            findings.append(found("IN-LENGTH", check.table, number, field.name, field.format_rule))
        if not field.in_vault and foreign(field.shape, text):
            findings.append(found("IN-SHAPE-VAULTED", check.table, number, field.name, field.format_rule))
            vaulted.append((check.table, number, field.name))
