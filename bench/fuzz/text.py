"""Mutations of one sub-file as text: neutral dresses, values, markup, and sizes.

Every function takes (chance, text) and gives a new text; where nothing fits it gives the text back.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from xml.sax.saxutils import escape

from bench.fuzz.words import DECLARATIONS, DOCTYPES, NAMES, RAW, VALUES

Mutation = Callable[[random.Random, str], str]

_LEAF = re.compile(r"<([A-Za-z_][\w.-]*)>([^<>]*)</\1>")
_TAG = re.compile(r"</?[A-Za-z_][^<>]*>")
_OPENING = re.compile(r"<([A-Za-z_][\w.-]*)(?=[\s>/])")
_CLOSING = re.compile(r"</[A-Za-z_][\w.-]*>|/>")
_NAME = re.compile(r"(?<=<)(/?)([A-Za-z_][\w.-]*)")
_CHARACTER = re.compile(r">[^<>&]*?([^<>&\s])[^<>&]*<")
_ROW = re.compile(r"<(CHI_TIET\w*|DU_LIEU\w*|HO_SO\w*|CHITIET\w*|TRANG_THAI_KCB|GIAM_DINH_YKHOA)>.*?</\1>", re.S)


def _pick(chance: random.Random, pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    found = list(pattern.finditer(text))
    return chance.choice(found) if found else None


def _put(text: str, start: int, end: int, new: str) -> str:
    return text[:start] + new + text[end:]


def _anywhere(chance: random.Random, text: str) -> int:
    return chance.randint(0, len(text))


# Neutral: the rows that come out are the same. Where a dress is not neutral in one place, that place is not chosen.


def comment(chance: random.Random, text: str) -> str:
    found = _pick(chance, _CLOSING, text)
    word = chance.choice(("<!-- </HOSO> -->", "<!---->", "<?pi x?>", "<!-- <MA_LK>x</MA_LK> -->", "<?x <HOSO> ?>"))
    return _put(text, found.end(), found.end(), word) if found else text


def attribute(chance: random.Random, text: str) -> str:
    found = _pick(chance, _OPENING, text)
    word = chance.choice((' a="1"', " xml:space='preserve'", ' a="&lt;HOSO>"', ' xmlns:q="u"', ' xml:lang="vi"', "\n"))
    return _put(text, found.end(), found.end(), word) if found else text


def blanks(chance: random.Random, text: str) -> str:
    found = _pick(chance, _CLOSING, text)
    return _put(text, found.end(), found.end(), chance.choice((" ", "\n\t", "\r\n  ", "\r"))) if found else text


def case(chance: random.Random, text: str) -> str:
    if "<![CDATA[" in text:
        return text
    change = chance.choice((str.lower, str.upper, str.title))
    return _NAME.sub(lambda found: found[1] + change(found[2]), text)


def prefix(chance: random.Random, text: str) -> str:
    if "<![CDATA[" in text:
        return text
    uri = chance.choice(("urn:x", "http://www.w3.org/1999/xhtml", ""))
    if not uri or chance.random() < 0.3:
        return _OPENING.sub(rf'<\1 xmlns="{uri}"', text, count=1)
    renamed = _NAME.sub(r"\1p:\2", text)
    return re.sub(r"<(p:[\w.-]+)", rf'<\1 xmlns:p="{uri}"', renamed, count=1)


def cdata(chance: random.Random, text: str) -> str:
    found = _pick(chance, _LEAF, text)
    if found is None or "&" in found[2] or "]]>" in found[2]:
        return text
    return _put(text, found.start(2), found.end(2), f"<![CDATA[{found[2]}]]>")


def reference(chance: random.Random, text: str) -> str:
    found = None if "<![CDATA[" in text else _pick(chance, _CHARACTER, text)
    if found is None or found.start() < text.find("?>"):
        return text
    word = chance.choice(("&#{:d};", "&#x{:X};", "&#{:07d};")).format(ord(found[1]))
    return _put(text, found.start(1), found.end(1), word)


def crlf(chance: random.Random, text: str) -> str:
    return re.sub(r"(?<=>)\r?\n", chance.choice(("\r\n", "\n", "\r")), text) if "<![CDATA[" not in text else text


NEUTRAL: tuple[Mutation, ...] = (comment, attribute, blanks, case, prefix, cdata, reference, crlf)


# Values: one leaf gets another text.


def value(chance: random.Random, text: str) -> str:
    found = _pick(chance, _LEAF, text)
    return _put(text, found.start(2), found.end(2), escape(chance.choice(VALUES))) if found else text


def values(chance: random.Random, text: str) -> str:
    share = chance.choice((0.1, 0.5, 1.0))
    return _LEAF.sub(
        lambda found: (
            f"<{found[1]}>{escape(chance.choice(VALUES))}</{found[1]}>" if chance.random() < share else found[0]
        ),
        text,
    )


def raw(chance: random.Random, text: str) -> str:
    found = _pick(chance, _LEAF, text)
    place = chance.randint(found.start(2), found.end(2)) if found else _anywhere(chance, text)
    return _put(text, place, place, chance.choice(RAW))


def character(chance: random.Random, text: str) -> str:
    found = _pick(chance, _LEAF, text)
    place = chance.randint(found.start(2), found.end(2)) if found else _anywhere(chance, text)
    code = chance.choice((chance.randrange(0x80), chance.randrange(0xD800), chance.randrange(0xE000, 0x110000)))
    return _put(text, place, place, chr(code))


def key(chance: random.Random, text: str) -> str:
    return re.sub(r"(?i)(<ma_lk>)[^<]*", lambda found: found[1] + escape(chance.choice(VALUES)), text)


VALUE: tuple[Mutation, ...] = (value, value, values, raw, raw, character, key)


# Markup.


def drop_element(chance: random.Random, text: str) -> str:
    found = _pick(chance, _LEAF, text)
    return _put(text, found.start(), found.end(), "") if found else text


def keep_few(chance: random.Random, text: str) -> str:
    return _LEAF.sub(lambda found: found[0] if chance.random() < 0.15 or found[1] == "MA_LK" else "", text)


def double_element(chance: random.Random, text: str) -> str:
    found, place = _pick(chance, _LEAF, text), _pick(chance, _CLOSING, text)
    return _put(text, place.end(), place.end(), found[0] * chance.choice((1, 1, 2, 9))) if found and place else text


def swap_elements(chance: random.Random, text: str) -> str:
    found = list(_LEAF.finditer(text))
    if len(found) < 2:
        return text
    one, two = sorted(chance.sample(range(len(found)), 2))
    a, b = found[one], found[two]
    return text[: a.start()] + b[0] + text[a.end() : b.start()] + a[0] + text[b.end() :]


def rename(chance: random.Random, text: str) -> str:
    found = _pick(chance, _LEAF, text)
    name = chance.choice(NAMES)
    return _put(text, found.start(), found.end(), f"<{name}>{found[2]}</{name}>") if found else text


def rename_all(chance: random.Random, text: str) -> str:
    found = _pick(chance, _OPENING, text)
    name = chance.choice(NAMES)
    return re.sub(rf"(</?){re.escape(found[1])}(?=[\s>/])", rf"\g<1>{name}", text) if found else text


def drop_tag(chance: random.Random, text: str) -> str:
    found = _pick(chance, _TAG, text)
    return _put(text, found.start(), found.end(), "") if found else text


def nest(chance: random.Random, text: str) -> str:
    one, two = _pick(chance, _LEAF, text), _pick(chance, _LEAF, text)
    return _put(text, one.start(2), one.end(2), f"{one[2]}{two[0]}x") if one and two else text


def wrong_end(chance: random.Random, text: str) -> str:
    found = _pick(chance, _CLOSING, text)
    return (
        _put(text, found.start(), found.end(), chance.choice(("</x>", "</", ">", "/>", "</ >", ""))) if found else text
    )


def wrap(chance: random.Random, text: str) -> str:
    head = re.match(r"\s*(<\?.*?\?>)?\s*", text, re.S)
    start = head.end() if head else 0
    name = chance.choice(NAMES)
    return f"{text[:start]}<{name}>{text[start:]}</{name}>"


def outside(chance: random.Random, text: str) -> str:
    found = _pick(chance, _TAG, text)
    name = chance.choice(NAMES)
    word = chance.choice((f"<{name}>y</{name}>", "loose text", f"<{name}><MA_LK>y</MA_LK></{name}>", f"<{name}/>"))
    return _put(text, found.end(), found.end(), word) if found else text


def doctype(chance: random.Random, text: str) -> str:
    place = chance.choice((0, text.find("?>") + 2 if "?>" in text else 0, _anywhere(chance, text)))
    return _put(text, place, place, chance.choice(DOCTYPES))


def declaration(chance: random.Random, text: str) -> str:
    body = text[text.find("?>") + 2 :] if text.lstrip().startswith("<?xml") else text
    return chance.choice(("", "\ufeff", " ", "\n")) + chance.choice(DECLARATIONS) + body


def bad_namespace(chance: random.Random, text: str) -> str:
    word = chance.choice(
        (' xmlns:p=""', " xmlns='", ' p:a="1"', " xmlns:xml='u'", ' a="1" a="2"', " a=1", ' xmlns:HOSO="u"')
    )
    found = _pick(chance, _OPENING, text)
    return _put(text, found.end(), found.end(), word) if found else text


def prefix_some(chance: random.Random, text: str) -> str:
    found = _pick(chance, _NAME, text)
    word = chance.choice(("p:", ":", "xml:", "xmlns:", "a:b:"))
    return _put(text, found.start(2), found.start(2), word) if found else text


def token(chance: random.Random, text: str) -> str:
    place = _anywhere(chance, text)
    return _put(text, place, place, chance.choice(RAW))


def two_roots(chance: random.Random, text: str) -> str:
    return text + chance.choice(("<x/>", "x", text, "\x00", "<!-- c -->", "\ufeff", "&amp;", "<TONG_HOP/>"))


MARKUP: tuple[Mutation, ...] = (
    *(drop_element, keep_few, double_element, swap_elements, rename, rename, rename_all, drop_tag, nest, wrong_end),
    *(wrap, outside, doctype, declaration, bad_namespace, prefix_some, token, token, two_roots),
)


# Sizes: much of one thing. Whatever costs more than in proportion shows here.


def many(chance: random.Random, text: str) -> str:
    """One kind of thing, a few thousand times."""
    count = chance.choice((70, 500, 5_000))
    name = chance.choice(NAMES[:20])
    word = chance.choice(
        (
            f"<{name}>a</{name}>",
            f"<{name}/>",
            "<x>a</x>",
            "<!-- c -->",
            "<?p q?>",
            "&amp;",
            "<![CDATA[a]]>",
            "&#65;",
            f"<{name}><y>b</y></{name}>",
            " ",
            "]",
            "<",
            "&",
            "a",
            "-",
            "<!",
            "\x1f",
            "]]>",
            "0;",
            "9",
            "<HOSO>",
            "ệ",
        )
    )
    found = chance.choice((_pick(chance, _CLOSING, text), _pick(chance, _LEAF, text)))
    place = (found.start(2) if found.re is _LEAF else found.end()) if found else 0
    return _put(text, place, place, word * count)


def deep(chance: random.Random, text: str) -> str:
    count = chance.choice((30, 63, 64, 65, 200, 300, 5_000))
    name = chance.choice(("a", "MA_LK", "x", "CHI_TIET_THUOC"))
    found = _pick(chance, _CLOSING, text)
    return _put(text, found.end(), found.end(), f"<{name}>" * count + f"</{name}>" * count) if found else text


def many_rows(chance: random.Random, text: str) -> str:
    found = _pick(chance, _ROW, text)
    return _put(text, found.end(), found.end(), found[0] * chance.choice((3, 20, 150))) if found else text


def many_attributes(chance: random.Random, text: str) -> str:
    found = _pick(chance, _OPENING, text)
    words = "".join(f' a{number}="v"' for number in range(chance.choice((100, 3_000))))
    return _put(text, found.end(), found.end(), words) if found else text


def long_text(chance: random.Random, text: str) -> str:
    found = _pick(chance, _LEAF, text)
    word = chance.choice(("a", "0", "9", " ", "ệ", "-", ".", "e", "A1", "1;", "\n", "&lt;")) * chance.choice(
        (5_000, 60_000)
    )
    return _put(text, found.end(2), found.end(2), word) if found else text


SIZE: tuple[Mutation, ...] = (many, many, many, deep, many_rows, many_attributes, long_text)
