"""What may be picked on the sheet of a visit: diseases, communes, occupations, peoples, facilities, drugs given before.

Lists of codes say nothing of anybody: one reader's look at the gate serves all of this process for ten minutes. Drugs
are those of the reader's own facility, by the gate, for each page.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bienho.core.text import unaccented
from bienho.pipeline.visits import communes
from bienho.portal.desk import Desk
from bienho.terminology import Icd10Code, builtin_editions

FRESH = timedelta(minutes=10)
SHOWN = 30
"""Diseases offered for words typed."""
LISTED = 500
"""Diseases offered by the page itself, where there is no script to look further."""
DRUGS = 300
PEOPLES = "MA_DANTOC"


@dataclass(frozen=True, slots=True)
class Disease:
    """A code with its name, and what is looked at when somebody types words: no marks, small letters."""

    code: str
    name: str
    plain: str


class Lists:
    """The lists of one house, as read last."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._read: tuple[int, datetime] | None = None
        self._diseases: tuple[Disease, ...] = ()
        self._peoples: tuple[tuple[str, str], ...] = ()

    def diseases(self, desk: Desk) -> tuple[Disease, ...]:
        """Diseases in force today, by code; the short list of the program where the house has none."""
        self._follow(desk)
        return self._diseases

    def peoples(self, desk: Desk) -> tuple[tuple[str, str], ...]:
        """(code, name) of the peoples of Vietnam, by code."""
        self._follow(desk)
        return self._peoples

    def _follow(self, desk: Desk) -> None:
        house = id(desk.house.database)
        with self._lock:
            if self._read and self._read[0] == house and timedelta() <= desk.now - self._read[1] < FRESH:
                return
            today = [("valid_from", "<=", desk.now.date())]
            rows = desk.rows("reference.icd10", ["code", "name_vi", "valid_to"], today, [("code", "asc")])
            found = {row["code"]: row["name_vi"] for row in rows if _open(row["valid_to"], desk)}
            named = found or {row["code"]: row["name_vi"] for row in _builtin("icd10")}
            self._diseases = tuple(
                Disease(code, name or "", _plain(f"{code} {name}")) for code, name in sorted(named.items())
            )
            asked = [*today, ("value_set", "=", PEOPLES)]
            rows = desk.rows("reference.value_set", ["code", "name_vi", "valid_to"], asked, [("code", "asc")])
            peoples = {row["code"]: row["name_vi"] for row in rows if _open(row["valid_to"], desk)} or {
                row["code"]: row["name_vi"] for row in _builtin("value_set") if row["value_set"] == PEOPLES
            }
            self._peoples = tuple(sorted(peoples.items()))
            self._read = house, desk.now


LISTS = Lists()


def find_diseases(desk: Desk, typed: str, most: int = SHOWN) -> list[Disease]:
    """Diseases whose code begins with, or whose code and name hold all words of what was typed; codes first."""
    code = typed.strip().upper().replace(".", "")
    words = _plain(typed).split()
    if not words:
        return []
    found = LISTS.diseases(desk)
    first = [one for one in found if one.code.replace(".", "").startswith(code)]
    rest = [one for one in found if one not in first and all(word in one.plain for word in words)]
    return [*first, *rest][:most]


def disease_of(desk: Desk, typed: str) -> tuple[str, list[Disease]]:
    """(code, candidates): the code meant by what was typed, '' where several or none are. A well-formed code is
    believed, for the list of the house may be short."""
    parsed = Icd10Code.parse(typed)
    if parsed:
        return parsed.code, []
    found = find_diseases(desk, typed)
    plain = _plain(typed)
    exact = [one for one in found if _plain(one.name) == plain]
    if len(exact or found) == 1:
        return (exact or found)[0].code, []
    return "", found[:8]


def name_of(desk: Desk, code: str) -> str:
    """The name of a disease; '' for one the house does not list."""
    return next((one.name for one in LISTS.diseases(desk) if one.code == code), "")


def commune_of(typed: str) -> str:
    """The code of a commune typed as code, as name, or as «name (code)»; what was typed where none is meant."""
    text = typed.strip()
    for part in text.replace("(", " ").replace(")", " ").split():
        if len(part) == 5 and part.isascii() and part.isdigit():
            return part
    plain = _plain(text)
    known = communes()
    same = [code for code, name in known.items() if _plain(name) == plain]
    ends = [code for code, name in known.items() if plain and _plain(name).endswith(f" {plain}")]
    return same[0] if len(same) == 1 else ends[0] if len(ends) == 1 else text


def facilities(desk: Desk) -> list[tuple[str, str]]:
    """(code, name) of facilities one may be referred to."""
    return [(one.code, one.name) for one in desk.profile.facilities if one.code]


def drugs(desk: Desk) -> list[dict[str, str]]:
    """Drugs this facility has prescribed, the most frequent first, each name once: the line it last stood on."""
    columns = {"ten": "TEN_THUOC", "ma": "MA_THUOC", "ham_luong": "HAM_LUONG", "don_vi": "DON_VI_TINH",
               "duong": "DUONG_DUNG", "so_dk": "SO_DANG_KY"}  # fmt: skip
    rows = desk.totals(
        "standard.xml130_2", list(columns.values()), {"n": ("count", None)}, order=[("n", "desc")], limit=DRUGS
    )
    found: dict[str, dict[str, str]] = {}
    for row in rows:
        line = {name: row[column] or "" for name, column in columns.items()}
        if line["ma"] == "00.0000":
            line["ma"] = ""
        if line["ten"]:
            found.setdefault(line["ten"], line)
    return list(found.values())


def _open(end: object, desk: Desk) -> bool:
    return end is None or end > desk.now.date()  # type: ignore[operator]


def _builtin(system: str) -> Sequence[dict[str, str]]:
    made = next(one for one in builtin_editions() if one.code_system == system)
    rows: Sequence[dict[str, str]] = made.rows.to_pylist()
    return rows


def _plain(text: str) -> str:
    return " ".join(unaccented(text).lower().split())
