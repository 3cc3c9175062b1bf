"""A name as typed becomes a folded name and its parts, by the custom of the people it belongs to.

Steps, in order: bytes and blanks; every word by itself (`word`); newborns and people without a name; titles; the parts
(`_parts`): a clan first or last, a marker first, or the Kinh order of family, middle and given name.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache
from typing import NamedTuple

from bienho.linkage.normalise.customs import Clan, customs
from bienho.linkage.normalise.letters import FONTS, from_other_bytes, repaired, shaped, tcvn3_letters
from bienho.linkage.normalise.syllables import is_plain_syllable, settled, unmarked

LENGTH_MAX = 200
"""Letters of a name that are looked at."""


class Name(NamedTuple):
    """What a text says of a name; None is "not told". The columns of CLEAN of the same names say more.

    `marker` is 'y' or 'a' where that stands before a given name, `people` MA_DANTOC of the clan, `sex` '1' or '2' as
    Thị, Văn, H' or a word (bé gái) say; what Y and A say depends on the people and is `marker_sex`.
    """

    name: str | None = None
    plain: str | None = None
    marked: bool = False
    family: str | None = None
    middle: str | None = None
    given: str | None = None
    newborn_of: str | None = None
    newborn_no: int | None = None
    sex: str | None = None
    marker: str | None = None
    people: str | None = None


class Word(NamedTuple):
    """One word: `text` folded with marks, `plain` without, `ascii` whether it had any.

    How it was written: `woman` with an open H', `typed` with keys of Telex, `font` the place in FONTS of the old font
    it came in, -1 for none. `odd` anywhere, `head` at the beginning: there is more to it than the Kinh order of words.
    """

    text: str
    plain: str
    ascii: bool
    woman: bool = False
    typed: bool = False
    font: int = -1
    odd: bool = False
    head: bool = False


_APOSTROPHES = str.maketrans(dict.fromkeys('’‘`´ʼʹ′＇"“”', "'"))
_UNSEEN = dict.fromkeys([*range(0x200B, 0x2010), *range(0x202A, 0x202F), 0x2060, 0xFEFF])
_BETWEEN = re.compile(r"[\s.,;:_+*/\\|=<>\[\]{}!@#$%^&~–—-]+")
_ASIDE = re.compile(r"\(([^()]*)\)?")
_SLASHED = re.compile(r"(?i)\b([cb])\s*/\s*([bn])\b")
_USUAL = re.compile(r"[A-Za-zÀ-ÃÈ-ÊÌÍÒ-ÕÙÚÝà-ãè-êìíò-õùúýĂăĐđĨĩŨũƠơƯưẠ-ỹ ]*")
_OPEN_H = re.compile(r"[Hh]'+(?=[^\W\d_])")
_NOT_LETTERS = re.compile(r"[^\w\u0300-\u036f]|[\d_]")
_ASCII_SIGNS = re.compile(r"[\x00-\x40\x5b-\x60\x7b-\x7f]")
_VOWELS = "aeiouy"
_NOBODY = re.compile(
    r"(vo danh|khong (ro )?ten|khong (ro|biet|xac dinh)|chua (ro|co|dat|biet) ten|chua (ro|xac dinh|dat)|an danh|"
    r"unknown|no name|noname|nguoi la|(bn|benh nhan) (nam|nu|la|vo danh)|(be|tre|em be) (trai|gai|so sinh)|tre so sinh|"
    r"x+|test|khong)( [a-z]?\d*)?"
)
_NEWBORN = re.compile(
    r"(?:(?:tre|be|em be|em|chau) )?(?:(?:so sinh|ss)(?: con| cb)?|cb|con)(?: (?:so |thu )?(?P<first>[1-9]))?"
    r"(?: (?P<sex>trai|gai|nam|nu))?(?: so sinh| ss)?(?: cua)?(?P<of> (?:ba|chi|co|me|san phu|sp|ong))?"
    r"(?: so sinh)? (?=\D)"
)
_NEWBORN_HEADS = frozenset(["tre", "be", "em", "chau", "so", "ss", "cb", "con"])
_NOBODY_HEADS = frozenset(
    ["vo", "khong", "chua", "chưa", "an", "ẩn", "unknown", "no", "noname", "nguoi", "người", "benh", "bệnh", "x"]
)
_ODD = frozenset(["y", "a", "h", "hơ", "ho", "dinh"])
_NUMBER = re.compile(r"(?<!\bthi)(?: (?:be|con|so|thu|tre|em))+ (?P<letter>[1-9ab])$| (?P<digit>[1-9])$")
_SEXES = {"trai": "1", "nam": "1", "gai": "2", "nu": "2"}


def parse(text: str | None) -> Name:
    """The name in a text; never an error. A text that names nobody (`VÔ DANH`) gives an empty Name."""
    if not text:
        return _EMPTY
    main, aside = _prepared(text)
    pieces = main.split()
    words = [word(piece) for piece in pieces]
    if _is_kinh(words):
        return _kinh(words)
    words = _words(pieces)
    if not words:
        return _EMPTY
    while True:
        if words[0].plain in _NEWBORN_HEADS and (newborn := _newborn(words, aside)):
            return newborn
        if nobody := _NOBODY.fullmatch(" ".join(word.plain for word in words)):
            told = [one for one in nobody[0].split(" ") if one in _SEXES]
            return Name(sex=_SEXES[told[0]] if told else None)
        size = _title(words)
        if not size:
            return _parts([one for one in words if not one.plain.isdigit()])
        words = words[size:]


def _is_kinh(words: list[Word]) -> bool:
    """Whether a name begins with a family and has nothing odd about it; most names are so."""
    if len(words) < 2 or words[0].head or words[0].plain not in customs().families:
        return False
    return True not in [one.odd for one in words]


def _kinh(words: list[Word]) -> Name:
    """What `_assembled` gives for such a name, without looking further."""
    texts, plains = [one.text for one in words], [one.plain for one in words]
    return Name(
        " ".join(texts),
        " ".join(plains),
        False in [one.ascii for one in words],
        plains[0],
        " ".join(plains[1:-1]) or None,
        plains[-1],
        sex=customs().middle_sex.get(texts[1]) if len(words) > 2 else None,
    )


def marker_sex(marker: str | None, people: str | None, clan: str | None) -> str | None:
    """Sex that Y or A says: by the ethnic group of the record, else by that of the clan; None where it says nothing.

    marker_sex('y', '12', None) is '1' (Ê-đê), marker_sex('y', '13', None) is '2' (Bahnar).
    """
    known = customs().marker_sex.get(marker or "", {})
    return known.get(people or "") or known.get(clan or "")


def in_order(plain: str | None) -> str | None:
    """The syllables of a plain name in alphabetical order."""
    return " ".join(sorted(plain.split(" "))) if plain else None


def _prepared(text: str) -> tuple[str, str]:
    """(the text with single blanks and one kind of apostrophe, what stood in brackets)."""
    text = text[:LENGTH_MAX]
    if _USUAL.fullmatch(text):
        return text, ""
    if not text.isascii():
        text = unicodedata.normalize("NFC", from_other_bytes(unicodedata.normalize("NFC", text)).translate(_UNSEEN))
    text, aside = text.translate(_APOSTROPHES), ""
    if "(" in text:
        aside = " ".join(found.group(1) for found in _ASIDE.finditer(text))
        text = _ASIDE.sub(" ", text)
    if "/" in text:
        text = _SLASHED.sub(r"\1\2", text)
    return _BETWEEN.sub(" ", text), aside


def _words(pieces: list[str]) -> list[Word]:
    """The words of a text; one old font is that of the whole text, keys of Telex stand beside no other spelling."""
    if any(one.isupper() and len(one) > 1 for one in pieces):  # `NGUYỄN HỮu`: a slip, no H'
        pieces = [one.upper() if _capitals(one) else one for one in pieces]
    pieces = _joined(pieces)
    words = [word(piece) for piece in pieces]
    font = max(one.font for one in words) if words else -1
    if font >= 0:
        words = [_of_font(piece, font) or word(piece) for piece in pieces]
    elif any(one.typed for one in words) and any(_rules_out_telex(one) for one in words):
        words = [word(piece, telex=False) for piece in pieces]
    if any(one.text == "dinh" for one in words) and not all(one.ascii for one in words):
        words = [one._replace(text="đinh", ascii=False) if one.text == "dinh" else one for one in words]
    return [one for one in words if one.plain]


def _rules_out_telex(one: Word) -> bool:
    """Whether somebody spelled this word who knew how, or left its marks away."""
    if one.typed:
        return False
    book = customs()
    unmarked_family = one.plain in book.families and one.plain not in book.bare_families
    return one.woman or one.plain in _parts_of_clans() or not one.ascii or unmarked_family


def _joined(pieces: list[str]) -> list[str]:
    """`H' Nhung`, `H Nhung`, `Hơ Nhung` → `H'Nhung`, `K' sor` → `K'sor`."""
    found: list[str] = []
    before = ""
    for place, piece in enumerate(pieces):
        more = place + 1 < len(pieces)
        head = _ASCII_SIGNS.sub("", piece).lower()
        if (
            more
            and not before
            and (head in ("h", "hơ") or (head == "ho" and found and found[-1].lower() in customs().clans))
        ):
            before = "H'"
        elif more and len(piece) > 1 and piece.endswith("'"):
            before += piece
        else:
            found.append(before + piece)
            before = ""
    return found


def _after_clan(pieces: list[str]) -> bool:
    clans = customs().clans
    spoken = [unmarked(one.replace("'", "")).lower() for one in pieces[-2:]]
    return bool(spoken) and (spoken[-1] in clans or " ".join(spoken) in clans)


@lru_cache(maxsize=200_000)
def word(piece: str, *, telex: bool = True) -> Word:
    """A word of a prepared text folded: letters repaired, tone in its place, i for y; digits alone stay digits."""
    if piece.isdigit():
        return Word(piece, piece, True, odd=True)
    opened = _OPEN_H.match(piece)
    start = opened.end() if opened else int(_capitals(piece))
    body = piece[start:].replace("'", "")
    found, typed, font = repaired(body), False, -1
    if found:
        typed = body.isascii() and body.isalpha()
        if typed and not telex:
            found, typed = shaped(body), False
        elif not body.isascii():
            font = (
                0
                if found == tcvn3_letters(body)
                else next((n for n, way in enumerate(FONTS) if way(body) == found), -1)
            )
    if "\ufffd" in body or "?" in body:
        found = broken(body)
    text = _folded(found or body)
    for _ in range(3):  # what digits, capitals or another font hid of an old font
        again = None if text.isascii() else repaired(text)
        text = _folded(again) if again else text
    text = settled(text)
    text = text if text.isascii() else customs().stroke.get(text, text)
    plain, woman = unmarked(text), start > 0
    if plain and woman:
        text, plain = f"h'{text}", f"h{plain}"
    elif plain[:1] == "h" and plain[1:2] and plain[1] not in _VOWELS:
        text = f"h'{text[1:]}"
    odd = woman or typed or font >= 0 or "'" in text or piece[-1] == "'" or not plain
    odd = odd or text in _ODD or plain in _parts_of_clans()
    return Word(text, plain, text.isascii(), woman, typed, font, odd, text in _heads())


def _folded(body: str) -> str:
    """Small letters in one form and nothing else."""
    low = unicodedata.normalize("NFKC", body).lower()
    return unicodedata.normalize("NFC", _NOT_LETTERS.sub("", unicodedata.normalize("NFC", low)))


def _capitals(piece: str) -> bool:
    """`HNhung`: two capitals before small letters are an open H'."""
    return piece[:1] == "H" and len(piece) > 2 and piece[1].isupper() and piece[2:].islower()


@cache
def _parts_of_clans() -> frozenset[str]:
    """Plain words of clan names, but for those that are names of the Kinh too and never stand alone."""
    parts = {part for form in customs().clans for part in unmarked(form).split(" ")}
    return frozenset(part for part in parts if len(part) > 1 or part in ("k", "r")) - {"lan", "cham"}


@cache
def _heads() -> frozenset[str]:
    """Folded words before a name or in place of one."""
    book = customs()
    titles = {one.split(" ")[0] for one in book.titles | book.title_pairs}
    return frozenset(titles | set(book.abbreviations) | _NEWBORN_HEADS | _NOBODY_HEADS | {"sơ", "trẻ", "vô", "không"})


def _of_font(piece: str, font: int) -> Word | None:
    found = None if piece.isascii() else FONTS[font](piece)
    return word(found)._replace(font=font) if found else None


def broken(piece: str) -> str:
    """`Nguy?n`, `Nguy\ufffdn` → `nguyễn`: known syllables that fit, if they differ by marks alone; else what is left.

    `th?` is `thị`.
    """
    shape = "[^a-z]".join(re.escape(one) for one in re.split("[?\ufffd]+", piece.lower()))
    fits = [one for one in customs().known if re.fullmatch(shape, one)]
    if "thị" in fits:
        return "thị"
    return fits[0] if len({unmarked(one) for one in fits}) == 1 else re.sub("[?\ufffd]", "", piece)


def _newborn(words: list[Word], aside: str) -> Name | None:
    """A newborn under the mother's name; None where it is none."""
    spoken = " ".join(one.plain for one in words)
    found = _NEWBORN.match(spoken)
    if not found:
        return None
    rest = words[found[0].count(" ") :]
    number = _NUMBER.search(spoken)
    told = found["first"] or (number and (number["letter"] or number["digit"]))
    if number:
        rest = rest[: -(number[0].count(" "))]
    mother = _parts(_untitled(rest))
    if not mother.plain or (len(rest) < 2 and not found["of"]):
        return None
    if not told and (inside := re.search("[1-9]", aside)):
        told = inside[0]
    return Name(
        newborn_of=mother.plain,
        newborn_no={"a": 1, "b": 2}.get(told) or int(told) if told else None,
        sex=_SEXES.get(found["sex"] or ""),
    )


def _untitled(words: list[Word]) -> list[Word]:
    """Without digits, and without what is said before a name: `Ông`, `Cháu`, `BN`, also several of them."""
    words = [one for one in words if not one.plain.isdigit()]
    while size := _title(words):
        words = words[size:]
    return words


def _title(words: list[Word]) -> int:
    """How many words before a name are a title, 0 for none."""
    book = customs()
    for size, heads in ((2, book.title_pairs), (1, book.titles)):
        rest = words[size:]
        title = " ".join(one.text for one in words[:size])
        if len(rest) >= 2 and title in heads and (_begins(rest) if title not in book.families else _surely(rest)):
            return size
    return 0


def _surely(words: list[Word]) -> bool:
    """Whether a name begins here although the word before, without marks, may be a family (`Chau`, `Be`)."""
    return len(words) >= 3 and words[0].plain in customs().turned


def _begins(words: list[Word]) -> bool:
    """Whether a name may begin here: with a family (Văn is one too seldom), a clan or a marker."""
    first = words[0]
    return (
        (first.plain in customs().families and first.plain != "van")
        or _clan(words) is not None
        or first.text in ("y", "a")
        or first.text.startswith("h'")
    )


def _clan(words: list[Word], *, last: bool = False) -> tuple[Clan, int] | None:
    """(clan, words it takes) at the beginning or at the end, with a word left beside it where there are two."""
    clans = customs().clans
    if words and words[0].text == "rô" and not last:  # before the two words of Rơ Lan, which look the same
        return clans["rô"], 1
    for size in (2, 1):
        if size <= len(words):
            some = words[-size:] if last else words[:size]
            clan = clans.get(" ".join(one.plain for one in some))
            if clan:
                return clan, size
    return None


def _only_clan(words: list[Word]) -> bool:
    """Whether this can be no given name of the Kinh: two words, or one that is no syllable of theirs."""
    return len(words) == 2 or not is_plain_syllable(words[0].plain)


def _clan_word(clan: Clan) -> Word:
    return Word(clan.name, clan.plain, True)


def _parts(words: list[Word]) -> Name:
    """The parts of a name, in the order in which they stand."""
    if not words:
        return _EMPTY
    first, book = words[0], customs()
    if found := _clan(words):
        clan, size = found
        return _assembled(_clan_word(clan), words[size:], words, clan.people)
    if words[-1].text == "y" and len(words) > 2 and _clan(words[:-1], last=True):
        words = [words[-1], *words[:-1]]  # `Klơh Niê Y`
        first = words[0]
    if len(words) == 1:
        return _assembled(None, words, words)
    woman = first.text.startswith("h'") and not any(one.text[:2] == "h'" or one.text in ("y", "a") for one in words[1:])
    if first.text in ("y", "a") or woman:
        return _marker_first(words)
    family = first.plain in book.families
    found = _clan(words, last=True)
    if found and found[1] < len(words) and (not family or len(words) == 2 or _only_clan(words[-found[1] :])):
        clan, size = found
        return _assembled(_clan_word(clan), words[:-size], words, clan.people)
    if not family and words[-1].plain in book.turned:
        words = [words[-1], *words[:-1]]
    head = words[0]
    if head.text in book.abbreviations:
        text = book.abbreviations[head.text]
        head = Word(text, unmarked(text), False)
    return _assembled(head, words[1:], words)


def _marker_first(words: list[Word]) -> Name:
    """`Y Thin Niê`, `H'Hen Niê`, `A Bưn`: a clan, where there is one, stands last."""
    marker = words[:1] if words[0].text in ("y", "a") else []
    rest = words[len(marker) :]
    found = _clan(rest, last=True)
    if found and found[1] < len(rest):
        clan, size = found
        return _assembled(_clan_word(clan), [*marker, *rest[:-size]], words, clan.people)
    clanlike = len(rest) >= 2 and len(rest[-1].plain) > 1 and rest[0].text not in customs().middle_sex
    if clanlike and words[0].text != "a":  # taken for a clan, but the order of the words is kept
        guess = _assembled(rest[-1], [*marker, *rest[:-1]], words)
        return guess._replace(name=" ".join(one.text for one in words), plain=" ".join(one.plain for one in words))
    return _assembled(None, words, words)


def _assembled(family: Word | None, rest: list[Word], words: list[Word], people: str | None = None) -> Name:
    """A Name of its parts; `words` are all of them as written."""
    whole = [family, *rest] if family else rest
    middle, given = rest[:-1], rest[-1] if rest else None
    sex = None
    if any(one.woman for one in words):
        sex = "2"
    elif middle and family:
        sex = customs().middle_sex.get(middle[0].text)
    bare = given.plain[1:] if given and given.text.startswith("h'") else given.plain if given else None
    return Name(
        name=" ".join(one.text for one in whole),
        plain=" ".join(one.plain for one in whole),
        marked=not all(one.ascii for one in words),
        family=family.plain if family else None,
        middle=" ".join(one.plain for one in middle) or None,
        given=bare,
        sex=sex,
        marker=middle[0].text if middle and middle[0].text in ("y", "a") else None,
        people=people,
    )


_EMPTY = Name()
