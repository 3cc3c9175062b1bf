"""The file as bytes: encodings, declarations, wounds. What must not matter, and what may."""

from __future__ import annotations

import base64
import codecs
import random
import re
import unicodedata
from collections.abc import Sequence

from bench.fuzz.words import DECLARATIONS, DOCTYPES, RAW


def bare(text: str) -> str:
    """Without the declaration a sub-file may carry."""
    return text[text.find("?>") + 2 :] if text.lstrip("\ufeff \r\n").startswith("<?xml") and "?>" in text else text


_TONES = "\u0300\u0301\u0303\u0309\u0323"


def code_page_bytes(text: str) -> bytes | None:
    """The text in windows-1258: letters with their hat, the tone behind them; None where that cannot be."""
    apart = re.sub(rf"([{_TONES}])([\u0302\u0306\u031b])", r"\2\1", unicodedata.normalize("NFD", text))
    # what stands between letter and tone keeps them apart
    toneless = re.sub(rf"(?=[{_TONES}])", "\x00", apart)
    try:
        return unicodedata.normalize("NFC", toneless).replace("\x00", "").encode("cp1258")
    except UnicodeEncodeError:
        return None


def utf8_file(chance: random.Random, text: str) -> bytes:
    head = chance.choice(('<?xml version="1.0" encoding="utf-8"?>', "<?xml version='1.0'?>\r\n", ""))
    return chance.choice((b"", b"", codecs.BOM_UTF8)) + (head + text).encode()


def utf16_file(chance: random.Random, text: str) -> bytes:
    """With its mark, or known by its first bytes."""
    codec, mark = chance.choice((("utf-16-le", codecs.BOM_UTF16_LE), ("utf-16-be", codecs.BOM_UTF16_BE)))
    head = chance.choice(('<?xml version="1.0" encoding="UTF-16"?>', ""))
    return chance.choice((b"", mark)) + (head + text).encode(codec)


def misdeclared_file(chance: random.Random, text: str) -> bytes:
    name = chance.choice(("utf-16", "x-none", "utf-8", "UTF8", "utf-32", "windows-1258"))
    return f'<?xml version="1.0" encoding="{name}"?>{text}'.encode()


def base64_file(chance: random.Random, text: str) -> bytes:
    """As the portal's form field carries a file."""
    return base64.b64encode(text.encode()) + chance.choice((b"", b"\n"))


def code_page_file(chance: random.Random, text: str) -> bytes:
    data = code_page_bytes(text)
    return text.encode() if data is None else b'<?xml version="1.0" encoding="windows-1258"?>' + data


SAME_BYTES = (utf8_file, utf8_file, utf8_file, utf8_file, utf16_file, misdeclared_file, base64_file, code_page_file)


def other_bytes(chance: random.Random, text: str) -> bytes:
    codec = chance.choice(
        ("cp1258", "utf-16", "utf-16-le", "utf-32", "cp1252", "utf-7", "latin-1", "utf-8-sig", "utf-8")
    )
    head = chance.choice((*DECLARATIONS, "", '<?xml version="1.0" encoding="windows-1258"?>', " ", "\n\n"))
    text = unicodedata.normalize("NFD", text) if chance.random() < 0.5 else text
    data = (head + text).encode(codec, chance.choice(("replace", "xmlcharrefreplace")))
    mark = chance.choice((b"", b"", codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_LE))
    return mark + data


_TOKENS = tuple(word.encode("utf-8", "surrogatepass") for word in (*RAW, *DOCTYPES, *DECLARATIONS))
_BAD_UTF8 = (
    b"\xff",
    b"\xc0\x80",
    b"\xed\xa0\x80",
    b"\xf4\x90\x80\x80",
    b"\xe1\xbb",
    b"\x80",
    b"\xef\xbf\xbe",
    b"\x00",
    b"\xfe\xff",
)


def scar(chance: random.Random, data: bytes, other: Sequence[bytes] = ()) -> bytes:
    """One wound in some bytes; `other` are files a piece may be taken from."""
    one, two = sorted((chance.randint(0, len(data)), chance.randint(0, len(data))))
    near = min(len(data), one + chance.choice((1, 2, 7, 40)))
    which = chance.randrange(10)
    if which == 0 and data:
        place = min(one, len(data) - 1)
        return data[:place] + bytes((data[place] ^ (1 << chance.randrange(8)),)) + data[place + 1 :]
    if which == 1:
        return data[:one] + data[near:]
    if which == 2:
        return data[:one] + data[one:near] * chance.choice((2, 3, 50)) + data[near:]
    if which == 3:
        return data[:one] + chance.choice((b"\x00", b"\x00\x00", chance.randbytes(3), b"\x1f", b"\x1a")) + data[one:]
    if which == 4:
        return data[:one]
    if which == 5:
        return data[:one] + data[two:]
    if which == 6 and other:
        piece = chance.choice(list(other))
        return data[:one] + piece[chance.randint(0, len(piece)) :]
    if which == 7:
        return data[:one] + chance.choice(_BAD_UTF8) + data[one:]
    if which == 8:
        return data[two:] + data[one:two] + data[:one]
    return data[:one] + chance.choice(_TOKENS) + data[one:]
