"""The Vietnamese syllable: which strings of letters are one, where its tone stands, what is left without marks."""

from __future__ import annotations

import unicodedata
from functools import cache

TONES = "\u0300\u0301\u0303\u0309\u0323"
"""Grave, acute, tilde, hook, dot below, as combining marks."""
SHAPES = "\u0302\u0306\u031b"
"""Circumflex, breve, horn: marks that make another letter."""
_ONSETS = (
    "", "b", "c", "ch", "d", "đ", "g", "gh", "gi", "h", "k", "kh", "l", "m", "n", "ng", "ngh", "nh", "p", "ph", "qu",
    "r", "s", "t", "th", "tr", "v", "x",
)  # fmt: skip
_RHYMES = (
    "a ac ach ai am an ang anh ao ap at au ay ăc ăm ăn ăng ăp ăt âc âm ân âng âp ât âu ây "
    "e ec em en eng eo ep et ê êch êm ên ênh êp êt êu i ia ich iêc iêm iên iêng iêp iêt iêu im in inh ip it iu "
    "o oa oac oach oai oam oan oang oanh oao oap oat oay oăc oăm oăn oăng oăt oc oe oen oeo oet oi om on ong "
    "op ot ô ôc ôi ôm ôn ông ôp ôt ơ ơi ơm ơn ơp ơt u ua uân uâng uât uây uc uê uêch uên uênh ui um un ung uơ uôc uôi "
    "uôm uôn uông uôt up ut uy uya uych uyên uyêt uynh uyt uyu ư ưa ưc ưi ưm ưn ưng ưt ưu ươc ươi ươm ươn ương ươp ươt "
    "ươu y yêm yên yêng yêt yêu yt ynh ych"
)
_STOPPED = "\u0301\u0323"  # acute, dot below
_VOWELS = "aăâeêioôơuưy"
_FRONT = "eêiy"  # before these k, gh, ngh stand for c, g, ng
_LOOSE = str.maketrans({"đ": "d", "Đ": "D", "ð": "d", "Ð": "D", "ƀ": "b", "Ƀ": "B", "ı": "i"})


@cache
def syllables() -> frozenset[str]:
    """Every syllable the spelling allows, lower-case, NFC, without its tone."""
    found = set()
    for onset in _ONSETS:
        for rhyme in _RHYMES.split():
            front = rhyme[0] in _FRONT
            if (onset in ("k", "gh", "ngh") and not front) or (onset in ("c", "ng") and front and rhyme[0] != "ê"):
                continue
            if (onset == "c" and front) or (onset in ("qu", "gi") and rhyme[0] in ("uưyi" if onset == "gi" else "uư")):
                continue
            found.add(onset + rhyme)
    return frozenset(found)


@cache
def plain_syllables() -> frozenset[str]:
    """The same without any mark, đ as d."""
    return frozenset(unmarked(one) for one in syllables())


def unmarked(text: str) -> str:
    """Text without marks: đ and ð become d, ƀ becomes b; case and everything else stay."""
    if text.isascii():
        return text
    decomposed = unicodedata.normalize("NFD", text.translate(_LOOSE))
    return "".join(char for char in decomposed if not unicodedata.combining(char))


def toneless(text: str) -> tuple[str, str]:
    """(NFC text without its tones, the tones in their order); a syllable has one at most."""
    if text.isascii():
        return text, ""
    letters: list[str] = []
    tones: list[str] = []
    for char in unicodedata.normalize("NFD", text):
        (tones if char in TONES else letters).append(char)
    return unicodedata.normalize("NFC", "".join(letters)), "".join(tones)


def is_syllable(text: str) -> bool:
    """Whether a lower-case NFC text is spelled as a syllable; one that ends in c, ch, p, t has one of two tones."""
    base, tones = toneless(text)
    if len(tones) > 1 or base not in syllables():
        return False
    return not (tones and tones not in _STOPPED and base.endswith(("c", "ch", "p", "t")))


def is_plain_syllable(text: str) -> bool:
    """Whether a lower-case text is a syllable that may have lost its marks."""
    return text in plain_syllables()


def with_tone(base: str, tone: str) -> str:
    """A syllable without tone and one combining tone, put where schools put it: `hòa`, `thúy`, `hoàng`, `quý`.

    What has no vowel stays without.
    """
    place = _tone_place(base) if tone else -1
    return unicodedata.normalize("NFC", base[: place + 1] + tone + base[place + 1 :]) if place >= 0 else base


def _tone_place(base: str) -> int:
    start = 2 if base[:2] in ("qu", "gi") and len(base) > 2 and base[2] in _VOWELS else 0
    vowels = [place for place in range(start, len(base)) if base[place] in _VOWELS]
    if not vowels:
        return -1
    shaped = [place for place in vowels if base[place] in "ăâêôơư"]
    if shaped:
        return shaped[-1]
    if len(vowels) == 1:
        return vowels[0]
    if len(vowels) == 2 and vowels[-1] == len(base) - 1:
        return vowels[0]
    return vowels[1]


def settled(text: str) -> str:
    """A lower-case NFC syllable with its tone in its place and i for a y that ends it after a consonant.

    `hoà` → `hòa`, `mỹ` → `mĩ`, `quý` → `quí`; `thúy` and `y` stay. A tone of what is no syllable stays where it is.
    """
    base, tones = toneless(text)
    if base.endswith("y") and (base == "quy" or (len(base) > 1 and base[-2] not in f"{_VOWELS}'")):
        text, base = text[:-1] + unicodedata.normalize("NFC", "i" + toneless(text[-1])[1]), f"{base[:-1]}i"
    return with_tone(base, tones) if len(tones) == 1 and base in syllables() else text
