"""Vietnamese text as it goes wrong: typed, stored in old fonts, put together otherwise. Every function keeps what it
cannot change, so that the caller sees whether anything happened."""

from __future__ import annotations

import re
import unicodedata

_TELEX = {"\u0302": {"a": "aa", "e": "ee", "o": "oo"}, "\u0306": {"a": "aw"}, "\u031b": {"o": "ow", "u": "uw"}}
_VNI = {"\u0302": "6", "\u0306": "8", "\u031b": "7"}
_TONES = {"\u0301": ("s", "1"), "\u0300": ("f", "2"), "\u0309": ("r", "3"), "\u0303": ("x", "4"), "\u0323": ("j", "5")}
_MARKS = "".join(_TONES)
# TCVN3 (ABC fonts): the letters of TCVN 5712:1993 seen as Windows-1252.
_FONT_LETTERS = "àảãáạăằẳẵắặâầẩẫấậèẻẽéẹêềểễếệìỉĩíịòỏõóọôồổỗốộơờởỡớợùủũúụưừửữứựỳỷỹýỵđĐ"
_FONT_SIGNS = "µ¶·¸¹¨»¼½¾Æ©ÇÈÉÊËÌÎÏÐÑªÒÓÔÕÖ×ØÜÝÞßáâãä«åæçèé¬êëìíîïñòóô\u00adõö÷øùúûüýþ®§"
_FONT = str.maketrans(_FONT_LETTERS, _FONT_SIGNS)


def without_marks(text: str) -> str:
    """`Nguyen Thi Hong`."""
    bare = "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))
    return bare.replace("đ", "d").replace("Đ", "D")


def _typed(text: str, *, telex: bool) -> str:
    return " ".join(_syllable(word, telex=telex) for word in text.split(" "))


def _syllable(word: str, *, telex: bool) -> str:
    letters, tone = [], ""
    for char in word:
        if char in "đĐ":
            letters.append(("dd" if char == "đ" else "Dd") if telex else ("d9" if char == "đ" else "D9"))
            continue
        base, *marks = tuple(unicodedata.normalize("NFD", char))
        keys = base
        for mark in marks:
            if mark in _TONES:
                tone = _TONES[mark][0 if telex else 1]
            elif telex:
                typed = _TELEX.get(mark, {}).get(base.lower(), base)
                keys = base + typed[1:]
            else:
                keys = base + _VNI.get(mark, "")
        letters.append(keys)
    return "".join(letters) + tone


def telex(text: str) -> str:
    """`Nguyeenx Vawn`: keys of a typing aid that was off."""
    return _typed(text, telex=True)


def vni(text: str) -> str:
    """`Le6 Thi5`: the same with digits."""
    return _typed(text, telex=False)


def font_text(text: str) -> str:
    """`NguyÔn`: text of a TCVN3 font read as Latin letters."""
    return "".join(
        c.translate(_FONT) if c in _FONT_LETTERS else c.lower().translate(_FONT) if c.lower() in _FONT_LETTERS else c
        for c in text
    )


def tone_moved(text: str) -> str:
    """`Hoà`, `Thuý`, `Hòang`: the tone on the other vowel of oa, oe, uy."""

    def turn(word: str) -> str:
        plain = unicodedata.normalize("NFD", word)
        new = re.sub(rf"(?i)(o)([{_MARKS}])([ae])(?![\w\u0302\u0306])", r"\1\3\2", plain)
        new = re.sub(rf"(?i)(?<!q)(u)([{_MARKS}])(y)(?!\w)", r"\1\3\2", new)
        if new == plain:
            new = re.sub(rf"(?i)(o)([ae])([{_MARKS}])(?=[a-z])", r"\1\3\2", plain)
        return unicodedata.normalize("NFC", new) if new != plain else word

    return " ".join(turn(word) for word in text.split(" "))


def i_for_y(text: str) -> str:
    """`Mĩ`, `Lí`, `Quí`."""

    def turn(word: str) -> str:
        plain = unicodedata.normalize("NFD", word)
        new = re.sub(rf"(?i)^([hklmstv]|qu)y([{_MARKS}]?)$", r"\1i\2", plain)
        return unicodedata.normalize("NFC", new) if new != plain else word

    return " ".join(turn(word) for word in text.split(" "))


def look_alike(text: str) -> str:
    """`la Băng`, `AI Bá`: l for I, I for l."""
    if re.search(r"\bI(?=[a-z])", text):
        return re.sub(r"\bI(?=[a-z])", "l", text, count=1)
    return re.sub(r"(?<=[A-Z])l\b", "I", text, count=1)


def broken(text: str) -> str:
    """`X\\ufffd Ho\\ufffdi`: letters outside ASCII lost on the way."""
    return "".join("\ufffd" if unicodedata.normalize("NFD", c)[1:] else c for c in text)
