"""What the insurance portal would answer to a file, as far as public sources tell (`national.yaml`). A simulation.

The national portal has checks nobody has published, and needs a card register that is not here: what is simulated is
what it is known to refuse. Every answer carries how well its code is known.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import cache
from pathlib import Path
from typing import Any, Literal

from bienho.core.documents import read_yaml
from bienho.pipeline.check import CheckedFile
from bienho.quality.expiry import LOCAL

RECEIVED = "200"
SMALL, LARGE = 20_000_000, 100_000_000
"""Bytes taken in working hours and at other times; the source says MB."""
BUSY_HOURS = ((time(8), time(11)), (time(14), time(19)))
LAST_DAY = 5
"""Day of the following month up to which a month can be settled."""
CARD = frozenset({"MA_THE_BHYT", "GT_THE_TU", "GT_THE_DEN", "MA_DKBD"})
PARAMETERS = frozenset({"IN-FACILITY-ACCOUNT", "IN-FACILITY-FOREIGN", "IN-FACILITY-ASSERTED", "IN-NO-FACILITY"})
EMPTY = frozenset({"IN-NO-HOSO", "IN-EMPTY-SUBFILE", "IN-NO-XML1"})
MALFORMED = frozenset({"IN-SUBFILE-XML", "IN-BASE64", "IN-ENCODING", "IN-ENVELOPE-XML", "IN-NESTED-ELEMENT"})


@dataclass(frozen=True, slots=True)
class Code:
    """A code of the portal: of the whole file or of one dossier, in our words, and how well it is known."""

    code: str
    at: Literal["file", "dossier"]
    known: str
    title: str
    fix: str


@dataclass(frozen=True, slots=True)
class Answered:
    """One answer: to the file (hoso 0) or about a dossier; `because`: codes of findings, or '' for time and size."""

    hoso: int
    code: Code
    because: str = ""

    def as_dict(self) -> dict[str, Any]:
        return {
            "hoso": self.hoso,
            "code": self.code.code,
            "title": self.code.title,
            "fix": self.code.fix,
            "known": self.code.known,
            "because": self.because,
        }


@cache
def codes() -> dict[str, Code]:
    """Every code that is simulated."""
    told = read_yaml(Path(__file__).with_name("national.yaml").read_text(encoding="utf-8"))
    return {code: Code(code, **said) for code, said in told.items()}


def answers(file: CheckedFile, moment: datetime) -> list[Answered]:
    """The answer to sending the file at a moment, then what its service of results would tell of each dossier.

    A file that is not received has no further answers: nobody looked into it.
    """
    first = _received(file, moment)
    if first.code.code != RECEIVED:
        return [first]
    found = {(one.hoso, one.code.code): one for one in (*_told(file), *_late(file, moment))}
    return [first, *(found[key] for key in sorted(found))]


def _received(file: CheckedFile, moment: datetime) -> Answered:
    limit = SMALL if is_busy(moment) else LARGE
    if file.size > limit or str(file.reason).startswith("LIM-DELIVERY"):
        return Answered(0, codes()["1001"])
    if file.reason in PARAMETERS:
        return Answered(0, codes()["205"], file.reason or "")
    whole = [row["code"] for row in file.quarantine if not row["hoso"]]
    for row in (*file.quarantine, *file.findings):
        if row["code"] in PARAMETERS:
            return Answered(0, codes()["205"], row["code"])
    if file.outcome == "refused" or whole:
        because = next(iter(whole), file.reason or "")
        return Answered(0, codes()["204" if because in EMPTY else "123"], because)
    for row in file.signature:
        if row["severity"] == "error":
            return Answered(0, codes()["125"], row["code"])
    return Answered(0, codes()[RECEIVED])


def _told(file: CheckedFile) -> Iterator[Answered]:
    for row in file.quarantine:
        yield Answered(row["hoso"], codes()[_kind(row["code"], None)], row["code"])
    for row in file.findings:
        if row["severity"] == "error" and row["hoso"]:
            yield Answered(row["hoso"], codes()[_kind(row["code"], row["field"])], row["code"])


def _kind(code: str, field: str | None) -> str:
    if code in MALFORMED:
        return "201"
    if code in EMPTY:
        return "204"
    return "10" if field in CARD else "202"


def _late(file: CheckedFile, moment: datetime) -> Iterator[Answered]:
    today = moment.astimezone(LOCAL).date()
    for hoso, month in file.months.items():
        year, number = int(month[:4]), int(month[4:])
        last = date(year + number // 12, number % 12 + 1, LAST_DAY)
        if today > last:
            yield Answered(hoso, codes()["701"])


def is_busy(moment: datetime) -> bool:
    """Whether the portal takes small files only at a moment (local working hours)."""
    here = moment.astimezone(LOCAL)
    return here.weekday() < 5 and any(start <= here.time() < end for start, end in BUSY_HOURS)
