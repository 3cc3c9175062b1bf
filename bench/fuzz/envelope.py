"""Mutations of the envelope: what it holds before it is written, and its tags once it is text."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

from bench.fuzz.seeds import FACILITY, Row
from bench.fuzz.words import DOCTYPES, NAMES, RAW, VALUES

Tables = dict[str, list[Row]]


@dataclass
class Part:
    """One FILEHOSO: what LOAIHOSO says, the sub-file as text, and NOIDUNGFILE once it is packed."""

    kind: str
    text: str
    content: str = ""
    nested: bool = False


@dataclass
class Draft:
    """An envelope in the making. `expected` holds the tables each HOSO must give, None once a change may alter them."""

    hosos: list[list[Part]]
    expected: list[Tables | None]
    facility: str = FACILITY
    created: str = "20260103"
    count: str | None = None
    counted: bool = True
    trail: list[str] = field(default_factory=list)

    def forget(self, *, counted: bool = True) -> None:
        """Nothing is expected any more; with `counted` False not even the number of HOSO."""
        self.expected = [None] * len(self.expected)
        self.counted = self.counted and counted


# The envelope, before it is written.


def _some(chance: random.Random, draft: Draft) -> list[Part]:
    return chance.choice(draft.hosos)


def wrong_count(chance: random.Random, draft: Draft) -> None:
    draft.count = chance.choice(
        ("", "0", "2", "-1", "1.0", " 1 ", "0001", "١", "9" * 5_000, "1e0", "một", "&#49;", "<x/>")
    )


def no_facility(chance: random.Random, draft: Draft) -> None:
    draft.facility = chance.choice(("", " ", "<x/>", escape(chance.choice(VALUES)), chance.choice(RAW)))
    draft.forget(counted=False)


def wrong_date(chance: random.Random, draft: Draft) -> None:
    draft.created = chance.choice(("", escape(chance.choice(VALUES)), chance.choice(RAW)))
    draft.forget(counted=False)


def more_hosos(chance: random.Random, draft: Draft) -> None:
    times = chance.choice((1, 1, 2, 12))
    draft.hosos, draft.expected = draft.hosos * (times + 1), draft.expected * (times + 1)


def double_part(chance: random.Random, draft: Draft) -> None:
    parts = _some(chance, draft)
    parts.append(chance.choice(parts))
    draft.forget()


def drop_part(chance: random.Random, draft: Draft) -> None:
    parts = _some(chance, draft)
    parts.pop(chance.randrange(len(parts)))
    draft.forget()


def turn_parts(chance: random.Random, draft: Draft) -> None:
    chance.shuffle(_some(chance, draft))


def other_kind(chance: random.Random, draft: Draft) -> None:
    parts = _some(chance, draft)
    place = chance.randrange(len(parts))
    kind = chance.choice(
        (
            "",
            " ",
            "XML0",
            "XML1",
            "XML2",
            "XML3",
            "XML7",
            "XML9",
            "XML12",
            "XML15",
            "XML16",
            "XML99",
            "XML-1",
            "XML01",
            "XML1#outside",
            "XML2#outside",
            "HOSO#outside",
            "#xml",
            "XML 1",
            "XML１",
            "HoSo",
            "1",
            "xml",
            "<x/>",
            "XML1 XML2",
            *(escape(chance.choice(VALUES)), chance.choice(RAW), "K" * 3_000, "Nguyễn Thị Ổi 0912345678", "xmL\u0131"),
        )
    )
    parts[place] = Part(kind, parts[place].text, parts[place].content, parts[place].nested)
    draft.forget(counted=False)


def exchange_content(chance: random.Random, draft: Draft) -> None:
    parts = _some(chance, draft)
    one, two = chance.choice(parts), chance.choice(parts)
    one.content, two.content, one.nested, two.nested = two.content, one.content, two.nested, one.nested
    draft.forget()


def many_parts(chance: random.Random, draft: Draft) -> None:
    parts = _some(chance, draft)
    small = Part(chance.choice(("XML2", "XML5", "XML99")), "", chance.choice(("", "PGEvPg==", "<a/>")))
    parts.extend([small] * chance.choice((5, 62, 63, 64, 200)))
    draft.forget()


STRUCTURE = (
    *(wrong_count, no_facility, wrong_date, more_hosos, double_part, drop_part, turn_parts, other_kind, other_kind),
    *(exchange_content, many_parts),
)


def write(draft: Draft) -> str:
    """The envelope as text."""
    hosos = "".join(
        "<HOSO>"
        + "".join(
            f"<FILEHOSO><LOAIHOSO>{part.kind}</LOAIHOSO><NOIDUNGFILE>{part.content}</NOIDUNGFILE></FILEHOSO>"
            for part in parts
        )
        + "</HOSO>"
        for parts in draft.hosos
    )
    count = str(len(draft.hosos)) if draft.count is None else draft.count
    return (
        f"<GIAMDINHHS><THONGTINDONVI><MACSKCB>{draft.facility}</MACSKCB></THONGTINDONVI><THONGTINHOSO>"
        f"<NGAYLAP>{draft.created}</NGAYLAP><SOLUONGHOSO>{count}</SOLUONGHOSO><DANHSACHHOSO>{hosos}</DANHSACHHOSO>"
        "</THONGTINHOSO><CHUKYDONVI></CHUKYDONVI></GIAMDINHHS>"
    )


# The written envelope as text: what must not matter, and what may.

_CONTENT = re.compile(r"(<NOIDUNGFILE>)(.*?)(</NOIDUNGFILE>)", re.S)
_ENVELOPE_TAG = re.compile(
    r"</?(?:GIAMDINHHS|THONGTIN\w+|MACSKCB|NGAYLAP|SOLUONGHOSO|DANHSACHHOSO|HOSO|FILEHOSO|LOAIHOSO)>"
)
_SIGNATURE = (
    '<Signature xmlns="http://www.w3.org/2000/09/xmldsig#"><SignedInfo><Reference URI=""/></SignedInfo>'
    "<SignatureValue>AA==</SignatureValue></Signature>"
)


def _between(text: str, chance: random.Random, word: str) -> str:
    """`word` after some tag of the envelope that is followed by another tag."""
    places = [found.end() for found in _ENVELOPE_TAG.finditer(text) if text[found.end() : found.end() + 1] == "<"]
    if not places:
        return text
    place = chance.choice(places)
    return text[:place] + word + text[place:]


def same_envelope(chance: random.Random, text: str) -> str:
    which = chance.randrange(8)
    if which == 0:
        return _between(
            text, chance, chance.choice(("<!-- <HOSO> -->", "<?p </HOSO> ?>", "\r\n", " ", "<!---->", "<!--<-->"))
        )
    if which == 1:
        return text.replace("<CHUKYDONVI></CHUKYDONVI>", f"<CHUKYDONVI>{_SIGNATURE}</CHUKYDONVI>")
    if which == 2:
        return text.replace("<GIAMDINHHS>", '<GIAMDINHHS xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" Id="a">')
    if which == 3:
        return text.replace("<HOSO>", chance.choice(('<HOSO Id="1">', "<HOSO >", "<HOSO\n>")))
    if which == 4:
        return text.replace("</CHUKYDONVI>", "\n</CHUKYDONVI\n>")
    if which == 5:
        return text.replace(
            "</GIAMDINHHS>", chance.choice(("</GIAMDINHHS>\r\n", "</GIAMDINHHS >", "</GIAMDINHHS><!-- -->"))
        )
    if which == 6:
        return text.replace("><", ">\n<") if "<![CDATA[" not in text and not _nested(text) else text
    change = chance.choice((str.lower, str.title))
    return _ENVELOPE_TAG.sub(lambda found: change(found[0]), text)


def _nested(text: str) -> bool:
    return re.search(r"<NOIDUNGFILE>\s*<", text) is not None


def other_envelope(chance: random.Random, text: str) -> str:
    start, end = chance.choice([found.span() for found in _ENVELOPE_TAG.finditer(text)] or [(0, 0)])
    tag = text[start:end]
    name = chance.choice(NAMES)
    new = chance.choice(
        (
            *("", tag * 2, tag.replace("<", "<p:").replace("<p:/", "</p:"), tag.lower(), tag[:-1]),
            tag + f"<{name}>y</{name}>",
            tag + chance.choice(RAW),
            tag + "loose",
            f"<{name}>",
            f"</{name}>",
            tag + "<HOSO/>",
            tag + "<HOSO></HOSO>",
            tag + "</HOSO>",
            tag + "<HOSO>",
            tag + "<!--",
            tag.replace(">", ' xmlns="urn:y">'),
            tag.replace(">", "/>"),
            tag + chance.choice(DOCTYPES),
        )
    )
    return text[:start] + new + text[end:]


def prefixed(chance: random.Random, text: str) -> str:
    declared = text.replace("<GIAMDINHHS", '<GIAMDINHHS xmlns:p="urn:x"', 1)
    return re.sub(r"<(/?)(HOSO|FILEHOSO|LOAIHOSO|NOIDUNGFILE|DANHSACHHOSO)>", r"<\1p:\2>", declared)


def other_root(chance: random.Random, text: str) -> str:
    body = _CONTENT.search(text)
    inside = body[2] if body else ""
    hoso = text[text.find("<HOSO>") : text.find("</DANHSACHHOSO>")]
    return chance.choice(
        (
            inside,
            hoso,
            f"<x>{text}</x>",
            text + text,
            text.replace("GIAMDINHHS", "GIAMDINH"),
            "",
            " ",
            "<",
            "PK\x03\x04",
            *(f"<GIAMDINHHS>{hoso}</GIAMDINHHS>", f"<DANHSACHHOSO>{hoso}</DANHSACHHOSO>", "%PDF-1.7", "{}", "<html/>"),
            "<GIAMDINHHS/>",
            "<GIAMDINHHS>",
            f"<GIAMDINHHS><HOSO><HOSO>{hoso}</HOSO></HOSO></GIAMDINHHS>",
            "\x1f\x8b",
            "\x00",
        )
    )


def many_tags(chance: random.Random, text: str) -> str:
    word = chance.choice(
        ("<HOSO>", "</HOSO>", "<HOSO/>", "<HOSO></HOSO>", "<!--", "<![CDATA[", "<?", "<x>", "<hoso/>", "<")
    )
    return _between(text, chance, word * chance.choice((3, 300, 4_000)))


OTHER_ENVELOPE = (other_envelope, other_envelope, other_envelope, prefixed, other_root)
