"""Errors put into clean files on purpose, each one recorded. They act on written bytes, so the writer stays strict."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from bienho.standards.xml130.write import layout

Files = list[tuple[str, str]]
"""One HOSO as (LOAIHOSO, text of NOIDUNGFILE)."""
Subfiles = list[tuple[str, bytes]]

FILE_KINDS = ("truncated_file", "wrong_count")
FOUND = "accepted_with_findings"
ASIDE = "quarantined"
CLEAN = "accepted"


@dataclass(frozen=True, slots=True)
class Injected:
    """What was done: `outcome` is what the reader of today must say of the dossier, `rule` the number of the check."""

    kind: str
    table: str
    field: str
    outcome: str
    rule: int | None
    note: str


def wire_name(field: str, version: str) -> str:
    """Name of an XML1 field on the wire."""
    return next(f.wire for f in layout("XML1", version) if f.official == field)


def _edit(subfiles: Subfiles, change: Callable[[str], str]) -> Subfiles:
    return [(kind, change(data.decode()).encode() if kind == "XML1" else data) for kind, data in subfiles]


def _bad_date(subfiles: Subfiles, version: str) -> tuple[Subfiles, Injected]:
    # Month 13: the shape of a date, but no day of any calendar.
    edited = _edit(subfiles, lambda text: re.sub(r"(<NGAY_VAO>\d{4})\d{2}", r"\g<1>13", text, count=1))
    return edited, Injected("bad_date", "XML1", "NGAY_VAO", FOUND, 34, "month 13")


def _missing_field(subfiles: Subfiles, version: str) -> tuple[Subfiles, Injected]:
    edited = _edit(subfiles, lambda text: re.sub(r"<GIOI_TINH>[^<]*</GIOI_TINH>", "", text, count=1))
    return edited, Injected("missing_field", "XML1", "GIOI_TINH", FOUND, 1, "element left out")


def _wrong_sum(subfiles: Subfiles, version: str) -> tuple[Subfiles, Injected]:
    name = wire_name("T_TONGCHI_BV", version)

    def change(text: str) -> str:
        return re.sub(rf"<{name}>(\d+)", lambda m: f"<{name}>{int(m[1]) + 1000}", text, count=1)

    # The reader does not add up: until rule 55 is judged, the dossier is taken in without a finding.
    return _edit(subfiles, change), Injected("wrong_sum", "XML1", "T_TONGCHI_BV", CLEAN, 55, "1000 dong too much")


def _unknown_element(subfiles: Subfiles, version: str) -> tuple[Subfiles, Injected]:
    edited = _edit(subfiles, lambda text: text.replace("</TONG_HOP>", "<MA_NOI_BO>1</MA_NOI_BO></TONG_HOP>", 1))
    return edited, Injected("unknown_element", "XML1", "MA_NOI_BO", FOUND, None, "element of no decision")


_DOSSIER: dict[str, Callable[[Subfiles, str], tuple[Subfiles, Injected]]] = {
    "bad_date": _bad_date,
    "missing_field": _missing_field,
    "wrong_sum": _wrong_sum,
    "unknown_element": _unknown_element,
}


def inject(kind: str, subfiles: Subfiles, version: str) -> tuple[Subfiles, Injected]:
    """The sub-files of one dossier with one error of `kind` (bad_date, missing_field, wrong_sum, unknown_element)."""
    return _DOSSIER[kind](subfiles, version)


def break_base64(files: Files) -> tuple[Files, Injected]:
    """XML1 as text that is no base64 any more: letters lost in the middle and a character outside the alphabet."""
    done = []
    for kind, text in files:
        middle = len(text) // 2
        done.append((kind, f"{text[:middle]}*{text[middle + 7 :]}" if kind == "XML1" else text))
    return done, Injected("broken_base64", "XML1", "NOIDUNGFILE", ASIDE, 190, "not base64")


def truncate(data: bytes, keep: float) -> tuple[bytes, int]:
    """A file cut off at a share of its bytes: the bytes kept and the number of HOSO that are whole in them."""
    cut = data[: max(1, int(len(data) * keep))]
    if b"<HOSO>" not in cut.rpartition(b"</HOSO>")[2]:  # between two HOSO: go on into the next
        cut = data[: len(cut) + 200]
    return cut, cut.count(b"</HOSO>")


def miscount(data: bytes, count: int) -> bytes:
    """A file whose SOLUONGHOSO says one more than it holds."""
    true, false = (f"<SOLUONGHOSO>{n}</SOLUONGHOSO>".encode() for n in (count, count + 1))
    return data.replace(true, false, 1)
