"""Errors of writing: what a file or a sub-file should not be. One of them spoils a dossier; the truth names it."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

from bienho.standards.xml130.write import shape
from bienho.synthetic.dirt.model import ASIDE, CLEAN, FOUND, Files, Injected, Subfiles, wire_name

FILE_KINDS = ("truncated_file", "wrong_count")
BARE_KINDS = ("bare_missing",)


def _edit(subfiles: Subfiles, change: Callable[[str], str], table: str = "XML1") -> Subfiles:
    return [(kind, change(data.decode()).encode() if kind == table else data) for kind, data in subfiles]


def _bad_date(subfiles: Subfiles, version: str, r: random.Random) -> tuple[Subfiles, Injected]:
    # Month 13: the shape of a date, but no day of any calendar.
    edited = _edit(subfiles, lambda text: re.sub(r"(<NGAY_VAO>\d{4})\d{2}", r"\g<1>13", text, count=1))
    return edited, Injected("bad_date", "XML1", "NGAY_VAO", FOUND, 34, "month 13")


def _missing_field(subfiles: Subfiles, version: str, r: random.Random) -> tuple[Subfiles, Injected]:
    edited = _edit(subfiles, lambda text: re.sub(r"<GIOI_TINH>[^<]*</GIOI_TINH>", "", text, count=1))
    return edited, Injected("missing_field", "XML1", "GIOI_TINH", FOUND, 1, "element left out", "IN-REQUIRED")


def _wrong_sum(subfiles: Subfiles, version: str, r: random.Random) -> tuple[Subfiles, Injected]:
    name = wire_name("T_TONGCHI_BV", version)

    def change(text: str) -> str:
        return re.sub(rf"<{name}>(\d+)", lambda m: f"<{name}>{int(m[1]) + 1000}", text, count=1)

    # The reader does not add up: until rule 55 is judged, the dossier is taken in without a finding.
    return _edit(subfiles, change), Injected("wrong_sum", "XML1", "T_TONGCHI_BV", CLEAN, 55, "1000 dong too much")


def _unknown_element(subfiles: Subfiles, version: str, r: random.Random) -> tuple[Subfiles, Injected]:
    edited = _edit(subfiles, lambda text: text.replace("</TONG_HOP>", "<MA_NOI_BO>1</MA_NOI_BO></TONG_HOP>", 1))
    injected = Injected(
        "unknown_element", "XML1", "MA_NOI_BO", FOUND, None, "element of no decision", "IN-UNKNOWN-ELEMENT"
    )
    return edited, injected


# Of each paper: a field every edition demands, one with a size, one with a day.
_PAPERS = {
    "XML6": ("MA_LYDO_DTRI", "MA_PHAC_DO_DIEU_TRI", "BDDT_ARV"),
    "XML7": ("TEN_BS", "SO_LUU_TRU", "NGAY_CT"),
    "XML8": ("TOMTAT_KQ", "MA_TTDV", "NGAY_CT"),
    "XML9": ("HO_TEN_NND", "SO", "NGAY_SINH_CON"),
    "XML10": ("SO_CT", "SO_SERI", "TU_NGAY"),
    "XML11": ("MA_BHXH", "SO_CT", "TU_NGAY"),
    "XML13": ("HUONG_DIEU_TRI", "SO_HOSO", "NGAY_RA"),
    "XML14": ("SO_GIAYHEN_KL", "MA_BAC_SI", "NGAY_HEN_KL"),
    "XML15": ("PHACDO_DTRI_LAO", "HO_TEN", "NGAYBD_DTRI_LAO"),
}
_TOO_LONG = 300  # characters; no field of the table above may hold so many


def _paper(subfiles: Subfiles, r: random.Random) -> str | None:
    """One paper of the dossier, rare kinds first; None without any."""
    there = [kind for kind, _ in subfiles if kind in _PAPERS]
    rare = [kind for kind in there if kind not in ("XML7", "XML8", "XML14")]
    return r.choice(rare or there) if there else None


def _paper_missing(subfiles: Subfiles, version: str, r: random.Random) -> tuple[Subfiles, Injected] | None:
    table = _paper(subfiles, r)
    if table is None:
        return None
    field = _PAPERS[table][0]
    edited = _edit(subfiles, lambda text: re.sub(rf"<{field}>[^<]*</{field}>", "", text, count=1), table)
    rule = {"XML8": 160, "XML13": 177}.get(table)
    return edited, Injected("paper_missing", table, field, FOUND, rule, "element left out", "IN-REQUIRED")


def _paper_too_long(subfiles: Subfiles, version: str, r: random.Random) -> tuple[Subfiles, Injected] | None:
    table = _paper(subfiles, r)
    if table is None:
        return None
    field = _PAPERS[table][1]
    long = f"<{field}>{'A' * _TOO_LONG}</{field}>"
    edited = _edit(subfiles, lambda text: re.sub(rf"<{field}>[^<]*</{field}>", long, text, count=1), table)
    return edited, Injected("paper_too_long", table, field, FOUND, None, f"{_TOO_LONG} characters", "IN-LENGTH")


def _paper_bad_date(subfiles: Subfiles, version: str, r: random.Random) -> tuple[Subfiles, Injected] | None:
    table = _paper(subfiles, r)
    if table is None:
        return None
    field = _PAPERS[table][2]
    edited = _edit(subfiles, lambda text: re.sub(rf"(<{field}>\d{{4}})\d{{2}}", r"\g<1>13", text, count=1), table)
    return edited, Injected("paper_bad_date", table, field, FOUND, None, "month 13")


def _paper_unknown(subfiles: Subfiles, version: str, r: random.Random) -> tuple[Subfiles, Injected] | None:
    table = _paper(subfiles, r)
    if table is None:
        return None
    names = shape(table, version)
    end = f"</{names.row or names.root}>"
    edited = _edit(subfiles, lambda text: text.replace(end, f"<MA_NOI_BO>1</MA_NOI_BO>{end}", 1), table)
    return edited, Injected(
        "paper_unknown", table, "MA_NOI_BO", FOUND, None, "element of no decision", "IN-UNKNOWN-ELEMENT"
    )


def _foreign_key(subfiles: Subfiles, version: str, r: random.Random) -> tuple[Subfiles, Injected] | None:
    others = [kind for kind, _ in subfiles if kind != "XML1"]
    if not others:
        return None
    table = _paper(subfiles, r) or r.choice(others)
    edited = _edit(subfiles, lambda text: text.replace("</MA_LK>", "X</MA_LK>", 1), table)
    return edited, Injected("foreign_key", table, "MA_LK", FOUND, 77, "key of no dossier", "IN-MA-LK-MISMATCH")


def board_inside(subfiles: Subfiles, record: bytes) -> tuple[Subfiles, Injected]:
    """A board's record (XML12) put into the envelope of a dossier; it has a way of its own."""
    injected = Injected("board_inside", "XML12", "", FOUND, 76, "a board's record in a dossier", "IN-TRAVELS-ALONE")
    return [*subfiles, ("XML12", record)], injected


_DOSSIER: dict[str, Callable[[Subfiles, str, random.Random], tuple[Subfiles, Injected] | None]] = {
    "bad_date": _bad_date,
    "missing_field": _missing_field,
    "wrong_sum": _wrong_sum,
    "unknown_element": _unknown_element,
    "paper_missing": _paper_missing,
    "paper_too_long": _paper_too_long,
    "paper_bad_date": _paper_bad_date,
    "paper_unknown": _paper_unknown,
    "foreign_key": _foreign_key,
}


def inject(kind: str, subfiles: Subfiles, version: str, r: random.Random) -> tuple[Subfiles, Injected] | None:
    """The sub-files of one dossier with one error of `kind`; None when the dossier has nothing to put it into."""
    return _DOSSIER[kind](subfiles, version, r)


def break_base64(files: Files) -> tuple[Files, Injected]:
    """XML1 as text that is no base64 any more: letters lost in the middle and a character outside the alphabet."""
    done = []
    for kind, text in files:
        middle = len(text) // 2
        done.append((kind, f"{text[:middle]}*{text[middle + 7 :]}" if kind == "XML1" else text))
    return done, Injected("broken_base64", "XML1", "NOIDUNGFILE", ASIDE, 190, "not base64", "IN-BASE64")


def bare_missing(data: bytes, table: str) -> tuple[bytes, Injected]:
    """A bare file whose first row has no HO_TEN."""
    edited = re.sub(rb"<HO_TEN>[^<]*</HO_TEN>", b"", data, count=1)
    return edited, Injected("bare_missing", table, "HO_TEN", FOUND, None, "element left out", "IN-REQUIRED")


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
