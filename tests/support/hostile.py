"""What attackers and broken programs send: each with the outcome that is promised for it (docs/limits.md).

    for name, attack in ATTACKS.items():
        data = attack.make(canary)         # canary: a file of the host that must never be opened

Big ones are made when asked for. Everything is synthetic.
"""

from __future__ import annotations

import base64
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bienho.standards.xml130.write import write_delivery
from support.archives import lying, nested, overlapping, zipped
from support.xml130_samples import make_tables

MIB = 1024 * 1024
Outcome = Literal["accepted", "quarantined", "refused", "any"]
"""`accepted` with or without findings; `any` where more than one answer is right, so long as there is one."""


@dataclass(frozen=True)
class Attack:
    """`codes`: the reasons that may be given; empty: any. `text` is what was typed into the dossier `key`."""

    outcome: Outcome
    make: Callable[[Path], bytes]
    codes: tuple[str, ...] = ()
    text: str = ""
    key: str = ""


def good(number: int) -> bytes:
    """A sound envelope of one dossier."""
    tables = make_tables("3176", seed=number, ma_lk=f"GOOD-{number}")
    return write_delivery([tables], facility="64001", created="20260103", version="3176")


def around(head: str, inside: str, kind: str = "XML1") -> bytes:
    """An envelope with a prologue of the attacker's and one sub-file."""
    return (
        f'<?xml version="1.0"?>{head}<GIAMDINHHS><THONGTINDONVI><MACSKCB>64001</MACSKCB></THONGTINDONVI><THONGTINHOSO>'
        f"<NGAYLAP>20260103</NGAYLAP><SOLUONGHOSO>1</SOLUONGHOSO><DANHSACHHOSO><HOSO><FILEHOSO><LOAIHOSO>{kind}</LOAIHOSO>"
        f"<NOIDUNGFILE>{inside}</NOIDUNGFILE></FILEHOSO></HOSO></DANHSACHHOSO></THONGTINHOSO></GIAMDINHHS>"
    ).encode()


def packed(text: str | bytes) -> str:
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


def row(ma_lk: str, more: str = "") -> str:
    return f"<TONG_HOP><MA_LK>{ma_lk}</MA_LK><MA_BN>B</MA_BN>{more}</TONG_HOP>"


def noted(text: str) -> str:
    return row("NOTED", f"<GHI_CHU>{text}</GHI_CHU>")


def declared(encoding: str, inside: str) -> bytes:
    return around("", packed(inside)).replace(b'"1.0"', f'"1.0" encoding="{encoding}"'.encode(), 1)


def quotes() -> bytes:
    """A dossier within every limit of size whose texts double when they are written as JSON."""
    text = '"' * 3_900_000
    rows = "".join(
        f"<CHI_TIET_DIEN_BIEN_BENH><MA_LK>QM</MA_LK><DIEN_BIEN_LS>{text}</DIEN_BIEN_LS></CHI_TIET_DIEN_BIEN_BENH>"
        for _ in range(8)
    )
    course = packed(f"<CHITIEU_CHITIET_DIENBIENLAMSANG><DSACH_CHI_TIET_DIEN_BIEN_BENH>{rows}"
                    "</DSACH_CHI_TIET_DIEN_BIEN_BENH></CHITIEU_CHITIET_DIENBIENLAMSANG>")  # fmt: skip
    more = f"</NOIDUNGFILE></FILEHOSO><FILEHOSO><LOAIHOSO>XML5</LOAIHOSO><NOIDUNGFILE>{course}"
    return around("", packed(row("QM")) + more)


def said(text: str, key: str) -> bytes:
    """A dossier in which somebody typed that text into a narrative field and into a code."""
    safe = text.replace("&", "&amp;").replace("<", "&lt;")
    return around("", packed(row(key, f"<CHAN_DOAN_VAO>{safe}</CHAN_DOAN_VAO><MA_DANTOC>{safe}</MA_DANTOC>")))


def same(tag: str, elements: int, rows: int) -> str:
    """Rows in which one name no decision knows comes over and over."""
    return f"<{tag}><MA_LK>A</MA_LK>{'<X/>' * elements}</{tag}>" * rows


def alone(rows: str) -> bytes:
    return f"<CHI_TIEU_TRANG_THAI_KCB><L>{rows}</L></CHI_TIEU_TRANG_THAI_KCB>".encode()


LAUGHS = "<!DOCTYPE x [<!ENTITY l0 'ha'>" + "".join(
    f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10)
) + "]>"  # fmt: skip
QUADRATIC = f'<!DOCTYPE x [<!ENTITY q "{"q" * 50_000}">]>'


def outside(canary: Path) -> str:
    return f'<!DOCTYPE x [<!ENTITY e SYSTEM "{canary.as_uri()}">]>'


def parameter(canary: Path) -> str:
    return f'<!DOCTYPE x [<!ENTITY % p SYSTEM "{canary.as_uri()}"> %p;]>'


def include(canary: Path) -> str:
    return f'<x xmlns:i="http://www.w3.org/2001/XInclude"><i:include href="{canary.as_uri()}" parse="text"/></x>'


REMOTE = '<!DOCTYPE x SYSTEM "http://127.0.0.1:9/evil.dtd">'
DOCTYPE = ("IN-DOCTYPE",)
SUBFILE = ("LIM-SUBFILE-BYTES",)
FORMULAS = ("=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(1)", "\t=1", '=HYPERLINK("http://x")')
SCRIPTS = ("<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "javascript:alert(1)", "{{7*7}}", "${7*7}")
PATHS = ("../../../etc/passwd", "C:\\Windows\\win.ini", "file:///etc/passwd", "..\\..\\x")
STATEMENTS = ("'); DROP TABLE lake.standard.xml130_1; --", "' OR 1=1 --")

ENTITIES = {
    "laughs": Attack("quarantined", lambda _: around(LAUGHS, "&l9;"), DOCTYPE),
    "laughs-inside": Attack("quarantined", lambda _: around("", packed(LAUGHS + row("&l9;"))), DOCTYPE),
    "quadratic": Attack("quarantined", lambda _: around(QUADRATIC, "&q;" * 50_000), DOCTYPE),
    "quadratic-inside": Attack("quarantined", lambda _: around("", packed(QUADRATIC + row("&q;" * 50_000))), DOCTYPE),
    "file": Attack("quarantined", lambda c: around(outside(c), row("&e;")), DOCTYPE),
    "file-inside": Attack("quarantined", lambda c: around("", packed(outside(c) + row("&e;"))), DOCTYPE),
    "file-utf16": Attack("quarantined", lambda c: around(outside(c), row("&e;")).decode().encode("utf-16"), DOCTYPE),
    "parameter": Attack("quarantined", lambda c: around(parameter(c), row("A")), DOCTYPE),
    "parameter-inside": Attack("quarantined", lambda c: around("", packed(parameter(c) + row("A"))), DOCTYPE),
    "remote": Attack("quarantined", lambda _: around(REMOTE, packed(row("A"))), DOCTYPE),
    "remote-inside": Attack("quarantined", lambda _: around("", packed(REMOTE + row("A"))), DOCTYPE),
    "include": Attack("quarantined", lambda c: around("", include(c)), ("IN-NO-XML1",)),
}

SHAPES = {
    "deep-outside": Attack("refused", lambda _: around("", "<a>" * 10_000 + "</a>" * 10_000), ("LIM-DEPTH",)),
    "deep-envelope": Attack("refused", lambda _: b"<GIAMDINHHS>" * 10_000, ("LIM-DEPTH",)),
    "deep-inside": Attack("quarantined", lambda _: around("", packed("<A>" * 10_000 + "</A>" * 10_000))),
    "deep-in-a-row": Attack(
        "quarantined", lambda _: around("", packed(row("A", "<GHI_CHU>" * 10_000 + "</GHI_CHU>" * 10_000)))
    ),
    "long-attribute": Attack("any", lambda _: around("", f'<TONG_HOP x="{"y" * 12 * MIB}"/>')),
    "attributes": Attack("any", lambda _: around("", "<TONG_HOP " + " ".join(f'a{n}=""' for n in range(10**6)) + "/>")),
    "attributes-inside": Attack(
        "any", lambda _: around("", packed("<TONG_HOP " + " ".join(f'a{n}=""' for n in range(10**6)) + "/>"))
    ),
    "elements": Attack("quarantined", lambda _: around("", "<TONG_HOP>" + "<X/>" * 10**6 + "</TONG_HOP>")),
    "elements-inside": Attack("quarantined", lambda _: around("", packed(f"<TONG_HOP>{'<X/>' * 10**6}</TONG_HOP>"))),
    "one-name-in-rows": Attack("quarantined", lambda _: around("", packed(f"<A>{same('CHI_TIET_THUOC', 390, 80)}</A>"),
                                                               "XML2"), ("IN-NO-XML1",)),
    "one-name-in-rows-alone": Attack("quarantined", lambda _: alone(same("DONG", 10, 1_500)), ("IN-NO-FACILITY",)),
    "files": Attack("quarantined", lambda _: around("", "</NOIDUNGFILE></FILEHOSO>" + "<FILEHOSO/>" * 10**5
                                                    + "<FILEHOSO><NOIDUNGFILE>")),
    "long-name": Attack("quarantined", lambda _: around("", packed(f"<{'A' * 500_000}/>"))),
    "long-name-outside": Attack("quarantined", lambda _: around("", f"<{'A' * 500_000}/>")),
    "hoso-flood": Attack("refused", lambda _: b"<GIAMDINHHS>" + b"<HOSO/>" * 60_000 + b"</GIAMDINHHS>", ("LIM-HOSO",)),
    "instructions": Attack("any", lambda _: around("<?x y?>" * 300_000, packed(row("PI")))),
    "comments": Attack("any", lambda _: around("<!--x-->" * 300_000, packed(row("CM")))),
    "comments-inside": Attack("any", lambda _: around("", packed("<!--x-->" * 300_000 + row("CI")))),
    "comments-open": Attack("quarantined", lambda _: b"<GIAMDINHHS>" + b"<!--" * 300_000),
    "cdata-open": Attack("quarantined", lambda _: b"<GIAMDINHHS>" + b"<![CDATA[" * 200_000),
    "instructions-open": Attack("quarantined", lambda _: b"<GIAMDINHHS>" + b"<?x " * 300_000),
    "comments-open-inside": Attack("quarantined", lambda _: around("", packed("<!DOCTYPE" + "<!--" * 300_000))),
    "angles": Attack("quarantined", lambda _: b"<" * MIB),
    "angles-closed": Attack("quarantined", lambda _: b"<>" * MIB),
    "hoso-open": Attack("quarantined", lambda _: b"<GIAMDINHHS>" + b"<HOSO" * 40_000),
}  # fmt: skip

TEXTS = {
    "text-50MB": Attack("refused", lambda _: around("", row("A" * 50_000_000)), ("LIM-OUTER-TEXT",)),
    "text-50MB-packed": Attack("refused", lambda _: around("", "QUFB" * 12_600_000), ("LIM-OUTER-TEXT",)),
    "text-34MB-packed": Attack("quarantined", lambda _: around("", packed(row("A" * 34_000_000))), SUBFILE),
    "text-20MB": Attack("quarantined", lambda _: around("", noted("x" * 20_000_000)), ("LIM-TEXT",)),
    "text-20MB-packed": Attack("quarantined", lambda _: around("", packed(noted("x" * 20_000_000))), ("LIM-TEXT",)),
    "quotes": Attack("any", lambda _: around("", packed(noted('"' * 20_000_000)))),
    "quotes-of-many": Attack("any", lambda _: quotes()),
    "too-large": Attack("refused", lambda _: b"<A>" + b" " * (65 * MIB) + b"</A>", ("LIM-DELIVERY-BYTES",)),
    "NUL-in-text": Attack("quarantined", lambda _: around("", packed(row("A\0B")))),
    "NUL-outside": Attack("quarantined", lambda _: around("", row("A\0B"))),
    "NUL-everywhere": Attack("quarantined", lambda _: bytes(100_000)),
    "invalid-utf8": Attack("quarantined", lambda _: around("", packed(row("?").encode().replace(b"?", b"\xff\xc3")))),
    "surrogate": Attack("quarantined", lambda _: around("", packed(row("A", "<GHI_CHU>&#xD800;</GHI_CHU>")))),
    "utf7": Attack("any", lambda _: declared("UTF-7", row("U7"))),
    "bogus-encoding": Attack("any", lambda _: declared("x-evil", row("BE"))),
    "codec-of-python": Attack("any", lambda _: declared("zip", row("ZC"))),
    "utf16-lie": Attack("quarantined", lambda _: b'<?xml version="1.0" encoding="UTF-16"?><A/>'),
    "truncated": Attack("quarantined", lambda _: good(900)[: len(good(900)) // 2], ("IN-TRUNCATED",)),
    "not-base64": Attack("quarantined", lambda _: around("", "!!!! not base64 !!!!"), ("IN-BASE64",)),
}  # fmt: skip

FOREIGN = {
    "empty": Attack("quarantined", lambda _: b""),
    "one-byte": Attack("quarantined", lambda _: b"<"),
    "blank": Attack("quarantined", lambda _: b" \r\n" * 1000),
    "html": Attack("quarantined", lambda _: b"<html><head><title>502 Bad Gateway</title></head><body><cen"),
    "html5": Attack("quarantined", lambda _: b"<!doctype html><html><body>login</body></html>"),
    "pdf": Attack("quarantined", lambda _: b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj<</Type/Catalog>>endobj\n"),
    "png": Attack("quarantined", lambda _: b"\x89PNG\r\n\x1a\n" + random.Random(1).randbytes(5000)),
    "gzip": Attack("quarantined", lambda _: b"\x1f\x8b\x08\0" + random.Random(2).randbytes(5000)),
    "noise": Attack("quarantined", lambda _: random.Random(9).randbytes(50_000)),
}

ARCHIVES = {
    "bomb-flat": Attack("refused", lambda _: zipped({"a.xml": bytes(200 * MIB)}), ("LIM-ZIP-RATIO",)),
    "bomb-lying": Attack("refused", lambda _: lying(bytes(20 * MIB), 20 * MIB), ("LIM-ZIP-RATIO",)),
    "bomb-overlapping": Attack("refused", lambda _: overlapping(2000, 10 * MIB), ("LIM-ZIP-OVERLAP",)),
    "bomb-nested": Attack("refused", lambda _: nested(5, zipped({"a.xml": bytes(10 * MIB)})), ("LIM-ZIP-NESTED",)),
    "bomb-members": Attack("refused", lambda _: overlapping(1_000_000, 10), ("LIM-ZIP-MEMBERS",)),
    "zip-torn": Attack("quarantined", lambda _: zipped({"a.xml": good(901)})[:-40], ("IN-ZIP",)),
    "zip-of-pdf": Attack("quarantined", lambda _: zipped({"../../x.pdf": b"%PDF-1.7"}), ("IN-NOT-XML",)),
}

WORDS = {
    key: Attack("accepted", lambda _, text=text, key=key: said(text, key), (), text, key)  # type: ignore[misc]
    for kind, texts in (("formula", FORMULAS), ("script", SCRIPTS), ("path", PATHS), ("statement", STATEMENTS))
    for number, text in enumerate(texts)
    for key in [f"{kind}-{number}"]
}

ATTACKS: dict[str, Attack] = {**ENTITIES, **SHAPES, **TEXTS, **FOREIGN, **ARCHIVES, **WORDS}
