"""Slips in names and addresses."""

from __future__ import annotations

import random
import re
import unicodedata
from collections.abc import Callable

from bienho.synthetic.dirt import letters
from bienho.synthetic.dirt.cells import Cells
from bienho.synthetic.dirt.entry import Around, Maker, Slip

_APOSTROPHES = ("’", "`", "´", "ʼ")
_CLANS = {
    "Rơ Châm": ("Rơ Chăm", "RơChâm", "Rchâm", "R'Châm"), "Rơ Mah": ("Rơmah", "Rơ Măh", "R'Mah"),
    "Rah Lan": ("Rahlan", "Rơ Lan", "Rah Lăn"), "Rơ Ô": ("Rơô", "R'Ô", "Ro Ô"), "Kpuih": ("Kpuíh", "K'puih"),
    "Kpă": ("K'pă", "Kpa", "Kpắ"), "Ksor": ("K'sor", "Ksơr"), "Rcom": ("R'com", "Rơ Com", "Rcơm"),
}  # fmt: skip
_NEWBORN = 28 / 365.25


def _named(change: Callable[[str], str], was: str = "") -> Maker:
    """A change of the name; what it cannot change, it leaves."""

    def make(cells: Cells, around: Around, r: random.Random) -> Slip | None:
        name = cells.get("XML1", 1, "HO_TEN") or ""
        new = change(name)
        return Slip("HO_TEN", new, was or "name") if new != name else None

    return make


def _addressed(change: Callable[[str, random.Random], str], was: str = "place") -> Maker:
    def make(cells: Cells, around: Around, r: random.Random) -> Slip | None:
        address = cells.get("XML1", 1, "DIA_CHI") or ""
        new = change(address, r)
        return Slip("DIA_CHI", new, was) if new != address else None

    return make


def _letter_case(cells: Cells, around: Around, r: random.Random) -> Slip | None:
    name = cells.get("XML1", 1, "HO_TEN") or ""
    upper = name.upper()
    places = [place for place, char in enumerate(upper) if char != char.lower()]
    if not places:
        return None
    place = r.choice(places)
    new = r.choice((upper, name.lower(), upper[:place] + upper[place].lower() + upper[place + 1 :]))
    return Slip("HO_TEN", new, "name") if new != name else None


def _blanks(cells: Cells, around: Around, r: random.Random) -> Slip | None:
    name = cells.get("XML1", 1, "HO_TEN") or ""
    new = r.choice((name.replace(" ", "  ", 1), f" {name}", f"{name} "))
    return Slip("HO_TEN", new, "name") if new != name else None


def _apostrophe(cells: Cells, around: Around, r: random.Random) -> Slip | None:
    name = cells.get("XML1", 1, "HO_TEN") or ""
    if "H'" not in name:
        return None
    new = r.choice([*(f"H{sign}" for sign in _APOSTROPHES), "H", "H' ", "Hơ "])
    return Slip("HO_TEN", name.replace("H'", new, 1), "name with H'")


def _name_order(cells: Cells, around: Around, r: random.Random) -> Slip | None:
    name = cells.get("XML1", 1, "HO_TEN") or ""
    if around.people not in ("Gia-rai", "Ê-đê") or " " not in name:
        return None
    first, last = name.rsplit(" ", 1) if around.people == "Gia-rai" else name.split(" ", 1)
    return Slip("HO_TEN", f"{last} {first}", "name of a clan")


def _clan_spelling(cells: Cells, around: Around, r: random.Random) -> Slip | None:
    name = cells.get("XML1", 1, "HO_TEN") or ""
    clan = next((one for one in _CLANS if one in name), None)
    return Slip("HO_TEN", name.replace(clan, r.choice(_CLANS[clan]), 1), "clan name") if clan else None


def _middle_name_lost(cells: Cells, around: Around, r: random.Random) -> Slip | None:
    parts = (cells.get("XML1", 1, "HO_TEN") or "").split(" ")
    if len(parts) < 4 or around.people in ("Gia-rai", "Ê-đê"):
        return None
    del parts[r.randrange(1, len(parts) - 1)]
    return Slip("HO_TEN", " ".join(parts), "name of four syllables")


def _baby_record(cells: Cells, around: Around, r: random.Random) -> Slip | None:
    if around.age > _NEWBORN or not around.mother_name:
        return None
    mother = around.mother_name
    new = r.choice((f"CON BÀ {mother.upper()}", f"CB {mother}", f"Con sơ sinh {mother}"))
    return Slip("HO_TEN", new, "name of a newborn")


def _unknown_person(cells: Cells, around: Around, r: random.Random) -> Slip | None:
    sex = "NAM" if cells.get("XML1", 1, "GIOI_TINH") == "1" else "NỮ"
    return Slip("HO_TEN", r.choice(("VÔ DANH", "KHÔNG TÊN", f"BN {sex} 01")), "name")


def _dak(address: str, r: random.Random) -> str:
    """Đak, Đăk and the name after it."""
    found = re.search(r"\bĐ[aăắ]k (\w+)", address)
    if not found:
        return address
    name = found[1]
    forms = (f"Đăk {name}", f"Đắk {name}", f"Đak {name}", f"Dak {letters.without_marks(name)}", f"Đak{name}")
    return address.replace(found[0], r.choice([form for form in forms if form != found[0]]), 1)


def _kbang(address: str, r: random.Random) -> str:
    found = re.search(r"\bK'?[Bb]ang\b", address)
    forms = ("Kbang", "KBang", "K'Bang", "K' Bang", "K Bang")
    return address.replace(found[0], r.choice([one for one in forms if one != found[0]]), 1) if found else address


def _joined(address: str, r: random.Random) -> str:
    """IaGrai, Iagrai."""
    found = re.search(r"\b(Ia|Chư|Đak|Đăk|Krông) (\w+)", address)
    if not found:
        return address
    return address.replace(found[0], found[1] + r.choice((found[2], found[2].lower())), 1)


def _elsewhere(address: str, r: random.Random) -> str:
    """A place of the same name in the city of Hồ Chí Minh."""
    for province in ("Tỉnh Gia Lai", "Tỉnh Bình Định"):
        if address.endswith(province):
            return address.removesuffix(province) + "TP. Hồ Chí Minh"
    return address


def _address_before_merger(cells: Cells, around: Around, r: random.Random) -> Slip | None:
    """Address and codes of the units that are gone."""
    if (cells.get("XML1", 1, "NGAY_VAO") or "") < "20250701" or not around.address_before:
        return None
    codes = around.codes_before if r.random() < 0.5 else {}
    note = "codes too" if codes else "address alone"
    return Slip("DIA_CHI", around.address_before, "address after the merger", note, also=codes)


NAME_ERRORS: dict[str, Maker] = {
    "diacritics_dropped": _named(letters.without_marks),
    "telex_left_in": _named(letters.telex),
    "vni_left_in": _named(letters.vni),
    "d_for_d_stroke": _named(lambda name: name.replace("Đ", "D").replace("đ", "d"), "name with Đ"),
    "eth_for_d_stroke": _named(lambda name: name.replace("Đ", "\u00d0"), "name with Đ"),
    "decomposed": _named(lambda name: unicodedata.normalize("NFD", name)),
    "tone_place": _named(letters.tone_moved, "name with oa, oe, uy"),
    "i_for_y": _named(letters.i_for_y, "name that ends in y"),
    "look_alike": _addressed(lambda address, r: letters.look_alike(address)),
    "broken_bytes": _addressed(lambda address, r: letters.broken(address)),
    "font_text": _named(letters.font_text),
    "letter_case": _letter_case,
    "blanks": _blanks,
    "place_spelling_dak": _addressed(_dak, "place with Đak"),
    "place_spelling_kbang": _addressed(_kbang, "Kbang"),
    "word_joined": _addressed(_joined, "place of two words"),
    "apostrophe": _apostrophe,
    "name_order": _name_order,
    "clan_spelling": _clan_spelling,
    "middle_name_lost": _middle_name_lost,
    "baby_record": _baby_record,
    "unknown_person": _unknown_person,
    "address_before_merger": _address_before_merger,
    "same_name_elsewhere": _addressed(_elsewhere),
}
