"""Communes, provinces and addresses: codes become those in force now, an address the words below its commune."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property, lru_cache
from typing import NamedTuple

from bienho.config import ProvinceProfile, load_profile
from bienho.linkage.normalise.letters import from_other_bytes
from bienho.linkage.normalise.syllables import settled, unmarked
from bienho.terminology import builtin_editions

_EPOCH = date(1970, 1, 1)
_SPELLED = {
    "play": "plei", "pley": "plei", "play'": "plei", "buon": "bon", "tdp": "to dan pho", "kp": "khu pho",
    "kv": "khu vuc", "sn": "", "so": "", "nha": "", "duong": "", "d": "", "ap.": "ap",
}  # fmt: skip
_COMMUNE = ("xa", "phuong", "thi tran", "p", "x", "tt", "f")
_DISTRICT = ("huyen", "thi xa", "thanh pho", "quan", "h", "tx", "tp", "q")
_PROVINCE = ("tinh", "t")
_TAIL = re.compile(r" (?=(?:xa|phuong|thi tran|tt|huyen|thi xa|thanh pho|tx|tp|tinh) [^\d ])")

_HYPHEN = re.compile(r"(?<!\d)-|-(?!\d)")
_LOST = tuple(
    (re.compile(r"(?i)(?<!\S)" + re.sub("[^a-z ]+", "\ufffd+", unit) + r"(?!\S)"), unit)
    for unit in ("thị trấn", "thành phố", "thị xã", "xã", "phường", "huyện", "tỉnh", "thôn", "làng", "tổ")
)


class Segment(NamedTuple):
    """A part of an address between commas: `kind` other, commune, district or province; `words` plain, without the
    word for the kind."""

    kind: str
    words: str


@dataclass(frozen=True)
class Places:
    """What codes and names of places mean.

    before, since   code of a commune or province before and since `merged` (days since 1970) → code in force now
    old             codes of communes that were, without regard to those that still are
    names           (spaceless plain name of a commune, of its district or '') → code in force now, where that is one
    province        code of the province whose communes these are
    called          spaceless plain names it has and had
    """

    merged: int
    province: str
    communes_before: Mapping[str, str]
    communes_since: Mapping[str, str]
    old: frozenset[str]
    provinces_before: Mapping[str, str]
    provinces_since: Mapping[str, str]
    names: Mapping[tuple[str, str], str]
    called: frozenset[str]
    words: Mapping[str, str]  # spaceless plain name → kind, of communes, districts and provinces

    @cached_property
    def here(self) -> frozenset[str]:
        """Codes in force of the communes of the province."""
        return frozenset(self.communes_since.values())

    def commune(self, code: str | None, *, before: bool) -> tuple[str | None, str | None]:
        """(code in force, code of before the merger if that is what this is) of a code written `before` it or since.

        A code of elsewhere stays as it is.
        """
        now = (self.communes_before if before else self.communes_since).get(code or "", code)
        was_old = code in self.old and (before or self.communes_since.get(code or "") != code)
        return now, code if was_old else None

    def province_of(self, code: str | None, *, before: bool) -> str | None:
        """The code in force of a province; an unknown one stays as it is."""
        return (self.provinces_before if before else self.provinces_since).get(code or "", code)


@lru_cache(maxsize=4)
def places_of(profile: ProvinceProfile | None = None) -> Places:
    """The places of a province (default: Gia Lai), communes by its profile, provinces by the built-in list."""
    profile = profile or load_profile()
    mapped = {change.old_code: change.new_code for change in profile.commune_mapping if change.default_target}
    current = {commune.code: commune.code for commune in profile.communes}
    before: dict[str, str] = {}
    since: dict[str, str] = {}
    provinces = next(one for one in builtin_editions(profile) if one.code_system == "province")
    names_of_provinces = []
    for row in provinces.rows.to_pylist():
        target = before if row["valid_from"] < profile.merged_on else since
        target[row["code"]] = row["canonical_code"]
        names_of_provinces.append(row["name"])
    return Places(
        merged=(profile.merged_on - _EPOCH).days,
        province=profile.province_code,
        communes_before=current | mapped,
        communes_since=mapped | current,
        old=frozenset(mapped),
        provinces_before=since | before,
        provinces_since=before | since,
        names=_names(profile),
        called=frozenset(_key(name) for name in (profile.full_name_vi, *(s.old_province_vi for s in profile.sides))),
        words=_known(profile, names_of_provinces),
    )


def _names(profile: ProvinceProfile) -> dict[tuple[str, str], str]:
    told: dict[tuple[str, str], set[str]] = {}
    for commune in profile.communes:
        told.setdefault((_key(commune.name), ""), set()).add(commune.code)
    for change in profile.commune_mapping:
        for district in ("", _key(change.old_district)):
            told.setdefault((_key(change.old_name), district), set()).add(change.new_code)
    return {key: min(codes) for key, codes in told.items() if len(codes) == 1}


def _known(profile: ProvinceProfile, provinces: list[str]) -> dict[str, str]:
    known = {_key(change.old_name): "commune" for change in profile.commune_mapping}
    known |= {_key(commune.name): "commune" for commune in profile.communes}
    known |= {_key(change.old_district): "district" for change in profile.commune_mapping}
    known |= {_key(name): "province" for name in provinces}
    return {name: kind for name, kind in known.items() if len(name) > 3 and not name.isdigit()}


def _key(name: str) -> str:
    """`Xã Đăk Đoa` → `dakdoa`: the name of a place without the word for its kind, blanks and apostrophes."""
    return segment(name).words.replace(" ", "")


def commune_code(text: str | None) -> str | None:
    """Five digits of a commune: `21583.0` and `021583` are 21583."""
    digits = re.sub(r"\D", "", (text or "").strip().removesuffix(".0"))
    digits = digits[1:] if len(digits) == 6 and digits[0] == "0" else digits
    return digits.zfill(5) if 4 <= len(digits) <= 5 and int(digits) else None


def province_code(text: str | None) -> str | None:
    """Two digits of a province: `52`, `52.0`, `052`."""
    digits = re.sub(r"\D", "", (text or "").strip().removesuffix(".0"))
    digits = digits.lstrip("0")
    return digits.zfill(2) if 1 <= len(digits) <= 2 else None


@lru_cache(maxsize=200_000)
def segment(text: str) -> Segment:
    """A part of an address folded: `P. Trần Phú` → commune `tran phu`, `Huyện Đăk Đoa` → district `dak doa`."""
    plain = _words(text)
    for kind, heads in (("commune", _COMMUNE), ("district", _DISTRICT), ("province", _PROVINCE)):
        for head in heads:
            if plain.startswith(f"{head} "):
                return Segment(kind, plain[len(head) + 1 :])
    return Segment("other", plain)


@lru_cache(maxsize=100_000)
def _word(piece: str) -> str:
    plain = unmarked(settled(unicodedata.normalize("NFC", piece.lower())))
    return _SPELLED.get(plain, plain)


def _words(text: str) -> str:
    """Plain words: letters without marks, i for y, one spelling of Plei, Bôn, Đak, Kbang; `IaGrai` is two words."""
    text = unicodedata.normalize("NFKC", from_other_bytes(text))
    text = re.sub(r"[’‘`´ʼ'′\u200b-\u200f\ufeff]\s?", "", text)
    text = re.sub(r"\b[lI]a (?=[^\W\d_a-z])|\b[lI]a$", "Ia ", text)
    text = re.sub(r"(?<=[a-zà-ỹ])(?=[A-ZĐ])", " ", text) if not text.isupper() else text
    text = re.sub(r"\bK\s?(?=[Bb]ang\b)", "K", text)
    text = re.sub("\ufffd", "", text)
    pieces = re.findall(r"[^\W_]+(?:/\d+)*", text)
    return " ".join(word for piece in pieces if (word := _word(piece)))


def split(text: str, known: Mapping[str, str]) -> list[Segment]:
    """The parts of an address in their order; a name of `known` standing alone is what it is known as, but the first.

    An address without commas is cut before the words for commune, district and province.
    """
    if "\ufffd" in text:
        for lost, unit in _LOST:
            text = lost.sub(unit, text)
    parts = [part for part in re.split(r"[,;\n]|\s-\s", text) if part.strip()]
    if len(parts) == 1 and _HYPHEN.search(text):
        parts = _HYPHEN.split(text)
    if len(parts) == 1:
        parts = _TAIL.split(_words(parts[0]))
    found = [segment(part) for part in parts]
    return [
        Segment(known.get(one.words.replace(" ", ""), "other"), one.words) if place and one.kind == "other" else one
        for place, one in enumerate(found)
        if one.words
    ]


class Address(NamedTuple):
    """The words below the commune, and the code in force of the commune the address names, where that is clear."""

    words: str | None = None
    commune: str | None = None


def address(text: str | None, places: Places) -> Address:
    """What an address says."""
    if not text:
        return Address()
    parts = split(text[:300], places.words)
    names = {one.kind: one.words.replace(" ", "") for one in parts}
    words = " ".join(one.words for one in parts if one.kind == "other") or None
    return Address(words, _named(names, places))


def _named(names: Mapping[str, str], places: Places) -> str | None:
    """The commune of that name in that district, or the only one so called where no other place is told."""
    commune, district, province = (names.get(kind, "") for kind in ("commune", "district", "province"))
    if province and province not in places.called:
        return None
    if found := places.names.get((commune, district)):
        return found
    elsewhere = district and places.words.get(district) != "district"
    return None if elsewhere else places.names.get((commune, ""))
