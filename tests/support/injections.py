"""Texts that other programs have run, and deliveries that carry them in every field a page can show."""

from __future__ import annotations

import base64
from html import escape
from pathlib import Path

from bienho.standards.xml130.versions import contract_of
from bienho.standards.xml130.write import TABLES, shape

TEXTS = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(2)>',
    "'><svg/onload=alert(3)>",
    "</title></textarea><script>alert(4)</script>",
    "{{7*7}}",
    "{% load x %}${7*7}",
    "javascript:alert(5)",
    "=cmd|'/C calc'!A0",
    "@SUM(1+1)",
    "+1+1",
    "-1+1",
    '=HYPERLINK("http://127.0.0.1:9/","x")',
    "../../etc/passwd",
    "%00%0d%0aSet-Cookie: a=b",
    "\u202egnp.exe",
    "a\u200b\u200d\ufeffb",
    "W" * 400,
    "]]><!-- &lt;b&gt; &amp;",
    "'; DROP TABLE lake.standard.delivery; --",
)
# What XML allows as a name; the reader keeps it and says where it stands, by its name where that is a plain one.
NAMES = ("script", "onerror", "constructor", "__proto__", "W" * 300, "a\u200db")
NAMES_SHOWN = NAMES[:4]
FILE_NAMES = ('"><img src=x onerror=alert(6)>.xml', "=cmd|' C calc'!A0.xml", "\u202elmx.xml")
ROWS = 5
WHEN = {"NGAY_VAO": "202601020800", "NGAY_RA": "202601021000", "NGAY_SINH": "199001010000"}


def rows(table: str, count: int, first: int, *, everywhere: bool) -> list[dict[str, str]]:
    """Rows whose texts are the attacks in turn; dates and numbers stay sound unless `everywhere`."""
    made = []
    for number in range(count):
        row = {}
        for place, field in enumerate(contract_of(table).official_fields):
            attack = TEXTS[(first + number + place) % len(TEXTS)]
            row[field.name] = "1" if field.received_type and not everywhere else attack
        if table == "XML1" and not everywhere:
            row |= WHEN
        made.append(row)
    return made


def sub_file(table: str, lines: list[dict[str, str]], unknown: str = "") -> str:
    named = shape(table, "3176")
    texts = ["".join(f"<{name}>{escape(text)}</{name}>" for name, text in line.items()) for line in lines]
    if named.row is None:
        return f"<{named.root}>{texts[0]}{unknown}</{named.root}>"
    inside = "".join(f"<{named.row}>{text}</{named.row}>" for text in texts)
    return f"<{named.root}><{named.rows}>{inside}</{named.rows}></{named.root}>"


def envelope(facility: str, parts: list[tuple[str, str]]) -> bytes:
    """One HOSO of (LOAIHOSO, sub-file) under a facility code; both may be anything."""
    files = "".join(
        f"<FILEHOSO><LOAIHOSO>{escape(kind)}</LOAIHOSO>"
        f"<NOIDUNGFILE>{base64.b64encode(text.encode()).decode()}</NOIDUNGFILE></FILEHOSO>"
        for kind, text in parts
    )
    return (
        f"<GIAMDINHHS><THONGTINDONVI><MACSKCB>{escape(facility)}</MACSKCB></THONGTINDONVI><THONGTINHOSO><NGAYLAP>"
        f"20260103</NGAYLAP><SOLUONGHOSO>1</SOLUONGHOSO><DANHSACHHOSO><HOSO>{files}</HOSO></DANHSACHHOSO>"
        "</THONGTINHOSO></GIAMDINHHS>"
    ).encode()


def dossier(number: int, *, everywhere: bool = False) -> list[tuple[str, str]]:
    """A dossier with an attack in every text of every table, and elements of unknown names."""
    parts = []
    unknown = "".join(f"<{name}>{escape(TEXTS[0])}</{name}>" for name in NAMES)
    for table in TABLES:
        lines = rows(table, 1 if table == "XML1" else ROWS, number, everywhere=everywhere)
        for line in lines:
            line["MA_LK"] = f"{TEXTS[number % len(TEXTS)]}-{number}"
        parts.append((table, sub_file(table, lines, unknown)))
    return parts


def write(folder: Path) -> None:
    """Every delivery: whole dossiers of attacks, each attack as facility code and as name of a table, as file name."""
    (folder / FILE_NAMES[0]).write_bytes(envelope("64001", dossier(0)))
    (folder / FILE_NAMES[1]).write_bytes(envelope("64001", dossier(1)))
    (folder / FILE_NAMES[2]).write_bytes(envelope("64001", dossier(2, everywhere=True)))
    for number, attack in enumerate(TEXTS):
        head = sub_file("XML1", [{"MA_LK": f"{number}", "MA_BN": "1", **WHEN}])
        (folder / f"{number:02d}-facility.xml").write_bytes(envelope(attack, [("XML1", head)]))
        (folder / f"{number:02d}-kind.xml").write_bytes(envelope("64001", [("XML1", head), (attack, "<a/>")]))
        (folder / f"{number:02d}-aside.xml").write_bytes(envelope(attack, [(attack, "<a/>")]))
