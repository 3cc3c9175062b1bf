"""Letters that went wrong on their way: keys of Telex and VNI, old fonts, bytes read as another character set.

Every function takes one word and gives what it must have been, or None where it cannot tell. A guess is taken only when
what stands there is no Vietnamese syllable and the guess is one: names of the Jrai and Bahnar stay alone.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

from bienho.linkage.normalise.syllables import is_plain_syllable, is_syllable, toneless, with_tone

_TONE_KEYS = {"f": "\u0300", "s": "\u0301", "x": "\u0303", "r": "\u0309", "j": "\u0323"}
_TONE_DIGITS = {"2": "\u0300", "1": "\u0301", "4": "\u0303", "3": "\u0309", "5": "\u0323"}
_DOUBLE = {"a": "â", "e": "ê", "o": "ô"}
_HORN = {"a": "ă", "o": "ơ", "u": "ư"}
_SHAPES = {"aw": "ă", "ow": "ơ", "uw": "ư", "aa": "â", "ee": "ê", "oo": "ô", "dd": "đ"}
_SHAPED = re.compile("|".join(_SHAPES))
_VNI_KEYS = {"6": _DOUBLE, "7": {"o": "ơ", "u": "ư"}, "8": {"a": "ă"}, "9": {"d": "đ"}}
_VOWELS = "aăâeêioôơuưy"

# TCVN3 (ABC fonts) as Windows-1252 shows it, from TCVN 5712:1993.
_TCVN3 = str.maketrans(
    "µ¶·¸¹¨»¼½¾Æ©ÇÈÉÊËÌÎÏÐÑªÒÓÔÕÖ×ØÜÝÞßáâãä«åæçèé¬êëìíîïñòóô\u00adõö÷øùúûüýþ®¡¢£¤¥¦§",
    "àảãáạăằẳẵắặâầẩẫấậèẻẽéẹêềểễếệìỉĩíịòỏõóọôồổỗốộơờởỡớợùủũúụưừửữứựỳỷỹýỵđĂÂÊÔƠƯĐ",
)
_TCVN3_ALONE = re.compile("[µ¶·¸¹¨»¼½¾©ª«¬\u00ad®¡¢£¤¥¦§]")
_WIDE = re.compile("[\u0100-\uffff]")
_LETTER = re.compile("[A-Za-z]")
# VNI-Windows: a vowel, then a sign for its marks; some vowels have signs of their own.
_VNI_SIGNS = {
    "ù": "\u0301", "ø": "\u0300", "û": "\u0309", "õ": "\u0303", "ï": "\u0323",
    "â": "\u0302", "á": "\u0302\u0301", "à": "\u0302\u0300", "å": "\u0302\u0309", "ã": "\u0302\u0303",
    "ä": "\u0302\u0323", "ê": "\u0306", "é": "\u0306\u0301", "è": "\u0306\u0300", "ú": "\u0306\u0309",
    "ü": "\u0306\u0303", "ë": "\u0306\u0323",
}  # fmt: skip
_VNI_LETTERS = {"ö": "ư", "ô": "ơ", "ñ": "đ", "æ": "ỉ", "ó": "ĩ", "ò": "ị", "î": "ỵ", "í": "í", "ì": "ì"}
# What Windows-1252 shows for the bytes 80 to 9f, and the sequences of bytes that are one letter of UTF-8.
_BYTES = str.maketrans({shown: chr(n) for n in range(0x80, 0xA0) if (shown := bytes([n]).decode("cp1252", "ignore"))})
_UTF8 = re.compile("[\u00c2-\u00df][\u0080-\u00bf]|[\u00e0-\u00ef][\u0080-\u00bf]{2}")


def from_telex(word: str) -> str | None:
    """`Dduwowcj` → `được`: keys of a typing aid that was off."""
    letters: list[str] = []
    tone = ""
    for char in word.lower():
        if char in _TONE_KEYS and not tone and any(one in _VOWELS for one in letters):
            tone = _TONE_KEYS[char]
        elif char in _DOUBLE and letters[-1:] == [char]:
            letters[-1] = _DOUBLE[char]
        elif char == "d" and letters[:1] == ["d"]:
            letters[0] = "đ"
        elif char != "w" or not _changed(letters, _HORN):
            letters.append(char)
    return _accepted("".join(letters), tone) or (shaped(word))


def shaped(word: str) -> str | None:
    """`Klowh` → `klơh`, `Kpaw` → `kpă`: keys that cannot be anything else; s, f, r, x and j may be letters."""
    found = _SHAPED.sub(lambda keys: _SHAPES[keys[0]], word.lower())
    return found if found != word.lower() else None


def from_vni(word: str) -> str | None:
    """`Bu7o7i3` → `bưởi`: the same with digits."""
    letters: list[str] = []
    tone = ""
    for char in word.lower():
        if char in _TONE_DIGITS and not tone:
            tone = _TONE_DIGITS[char]
        elif char not in _VNI_KEYS or not _changed(letters, _VNI_KEYS[char]):
            letters.append(char)
    return _accepted("".join(letters), tone)


def _changed(letters: list[str], changes: dict[str, str]) -> bool:
    """The last letter a key can change becomes another; whether there was one."""
    for place in range(len(letters) - 1, -1, -1):
        if letters[place] in changes:
            letters[place] = changes[letters[place]]
            return True
    return False


def _accepted(base: str, tone: str) -> str | None:
    """The syllable, one horn for two: `uơng` is `ương`."""
    base = re.sub("uơ(?=.)", "ươ", base)
    word = with_tone(base, tone)
    return word if is_syllable(word) else None


def from_tcvn3(word: str) -> str | None:
    """`NguyÔn` → `nguyễn`: text of an ABC font. Signs are small letters, capitals come from another font."""
    return _syllable_of(word.translate(_TCVN3).lower(), word)


def from_vni_font(word: str) -> str | None:
    """`Nguyeãn` → `nguyễn`, `Vaên` → `văn`: text of a VNI font."""
    letters: list[str] = []
    for char in word.lower():
        if char in _VNI_SIGNS and letters and letters[-1] in "aeouyơư":
            letters.append(_VNI_SIGNS[char])
        else:
            letters.append(_VNI_LETTERS.get(char, char))
    return _syllable_of(unicodedata.normalize("NFC", "".join(letters)), word)


def _syllable_of(guess: str, word: str) -> str | None:
    if guess == word.lower() or not is_syllable(guess):
        return None
    return with_tone(*toneless(guess))


def from_other_bytes(text: str) -> str:
    """`Nguyá»…n` → `Nguyễn`: UTF-8 read as Windows-1252. A text in which nothing speaks for that stays."""
    if text.isascii():
        return text
    seen = text.translate(_BYTES)
    whole = _UTF8.sub(_letter, seen)
    if whole == seen:
        return text
    # The hard blank that ends `à` is often made soft, or taken away. By itself Ã is a letter (Lã).
    return unicodedata.normalize("NFC", re.sub("\u00c3(?=\\s|$)", "à", whole))


def _letter(found: re.Match[str]) -> str:
    try:
        return found[0].encode("latin-1").decode("utf-8")
    except UnicodeDecodeError:
        return found[0]


FONTS: tuple[Callable[[str], str | None], ...] = (from_tcvn3, from_vni_font)


def repaired(word: str) -> str | None:
    """The syllable a word must have been, lower-case with its tone in place; None where the word may stay.

    `word` is NFC with its case, since case tells old fonts: no word has one marked capital among small letters.
    """
    low = word.lower()
    if is_syllable(low) or is_plain_syllable(low):
        return from_tcvn3(word) if _of_a_font(word) else None
    if word.isascii():
        if any(char.isdigit() for char in word):
            return from_vni(word) if word[0].isalpha() else None
        return from_telex(word)
    if "ð" in low and is_syllable(low.replace("ð", "đ")):
        return low.replace("ð", "đ")
    return next((found for font in FONTS if (found := font(word))), None) or tcvn3_letters(word)


def tcvn3_letters(word: str) -> str | None:
    """`M¬nh` → `mơnh`: a word with signs that no other text has between its letters, Vietnamese or not."""
    if not _TCVN3_ALONE.search(word) or _WIDE.search(word) or not _LETTER.search(word):
        return None
    return unicodedata.normalize("NFC", word.translate(_TCVN3).lower())


def _of_a_font(word: str) -> bool:
    """Whether a marked capital stands behind the first letter beside small ones (`TÊn`, not `nGÔ`)."""
    behind = word[1:]
    return any(char.isupper() and not char.isascii() for char in behind) and any(
        char.islower() and char.isascii() for char in behind
    )
