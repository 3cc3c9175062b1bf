"""Slips in dates, numbers and codes."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

from bienho.synthetic.dirt.cells import Cells
from bienho.synthetic.dirt.entry import Around, Maker, Slip, pick

_ADULT, _CHILD = 18, 14
_RENAMED = {"A97.0": ("A90", "A97"), "A97.1": ("A90", "A91"), "A97.2": ("A91",), "A97.9": ("A90",)}
_UNITS = {
    "mmol/L": ("mg/dL", "mmol/l", "mmol / L"), "µmol/L": ("umol/l", "\u03bcmol/L", "umol/L"),
    "μmol/L": ("umol/l", "\u00b5mol/L", "umol/L"), "umol/L": ("\u00b5mol/L", "\u03bcmol/L"),
    "G/L": ("10^9/L", "K/uL"), "T/L": ("10^12/L", "M/uL"), "U/L": ("IU/L", "UI/L"), "g/L": ("g/dL", "g/l"),
}  # fmt: skip


def _cell(field: str, was: str, change: Callable[[str, random.Random], str | None]) -> Maker:
    """A change of one cell of XML1."""

    def make(cells: Cells, around: Around, r: random.Random) -> Slip | None:
        text = cells.get("XML1", 1, field)
        new = change(text, r) if text else None
        return Slip(field, new, was) if new and new != text else None

    return make


def _swapped(text: str, r: random.Random) -> str | None:
    day, month = text[6:8], text[4:6]
    return f"{text[:4]}{day}{month}{text[8:]}" if "01" <= day <= "12" and month != "00" else None


def _year_only(text: str, r: random.Random) -> str:
    return f"{text[:4]}{r.choice(('0101', '0000'))}{'0' * (len(text) - 8)}"


def _born(cells: Cells, r: random.Random, text: str, note: str) -> Slip:
    size = len(cells.get("XML1", 1, "NGAY_SINH") or "")
    return Slip("NGAY_SINH", text.ljust(size, "0")[:size], "birth", note)


def _two_digit_year(cells: Cells, around: Around, r: random.Random) -> Slip | None:
    text, seen = cells.get("XML1", 1, "NGAY_SINH") or "", cells.get("XML1", 1, "NGAY_VAO") or ""
    new = f"20{text[2:]}"
    return _born(cells, r, new, "born after the visit") if text.startswith("19") and new[:8] > seen[:8] else None


def _year_off_by_one(cells: Cells, around: Around, r: random.Random) -> Slip | None:
    text, seen = cells.get("XML1", 1, "NGAY_SINH") or "", cells.get("XML1", 1, "NGAY_VAO") or ""
    if len(text) < 8 or text[4:8] == "0229":
        return None
    later = f"{int(text[:4]) + 1}{text[4:]}"
    earlier = f"{int(text[:4]) - 1}{text[4:]}"
    return _born(cells, r, later if later[:8] <= seen[:8] and r.random() < 0.5 else earlier, "")


def _impossible_year(cells: Cells, around: Around, r: random.Random) -> Slip | None:
    return _born(cells, r, r.choice(("02010101", "18900101", "20990101")), "future or too old")


def _default_date(cells: Cells, around: Around, r: random.Random) -> Slip | None:
    return _born(cells, r, r.choice(("19000101", "19700101")), "default of a program")


def _sex_codes(cells: Cells, around: Around, r: random.Random) -> Slip | None:
    text = cells.get("XML1", 1, "GIOI_TINH")
    forms = {"1": ("0", "M", "Nam"), "2": ("0", "F", "Nữ", "nu")}.get(text or "")
    return Slip("GIOI_TINH", r.choice(forms), "sex") if forms else None


def _float(text: str, r: random.Random) -> str | None:
    return f"{float(text):.10E}" if text.isdigit() else None


def _nine_digits(cells: Cells, around: Around, r: random.Random) -> Slip | None:
    """The number of the old card of somebody who had one."""
    known = around.former_id and around.age >= _ADULT and cells.get("XML1", 1, "SO_CCCD")
    return Slip("SO_CCCD", around.former_id, "CCCD of an adult") if known else None


def _parent_id(cells: Cells, around: Around, r: random.Random) -> Slip | None:
    if around.age >= _CHILD or not around.mother_id or not cells.get("XML1", 1, "SO_CCCD"):
        return None
    return Slip("SO_CCCD", around.mother_id, "CCCD of a child", "the mother's")


def _year_digits(text: str, r: random.Random) -> str | None:
    if not re.fullmatch(r"\d{12}", text):
        return None
    return f"{text[:4]}{(int(text[4:6]) + r.choice((1, 99))) % 100:02d}{text[6:]}"


def _phone(text: str, r: random.Random) -> str | None:
    if not re.fullmatch(r"0\d{9}", text):
        return None
    spaced = f"{text[:4]}.{text[4:7]}.{text[7:]}"
    return r.choice((f"+84{text[1:]}", text[1:], spaced, f"01{text[1]}{text[2:]}"))


def _province_code(cells: Cells, around: Around, r: random.Random) -> Slip | None:
    """The old number of the old province, with the commune of today; 52 means two provinces, so only 64 shows."""
    if cells.get("XML1", 1, "MATINH_CU_TRU") != "52" or around.codes_before.get("MATINH_CU_TRU") != "64":
        return None
    if cells.get("XML1", 1, "MAHUYEN_CU_TRU"):
        return None
    return Slip("MATINH_CU_TRU", "64", "province after the merger")


def _time_form(cells: Cells, around: Around, r: random.Random) -> Slip | None:
    field = r.choice(("NGAY_TTOAN", "NGAY_VAO"))
    text = cells.get("XML1", 1, field) or ""
    if not re.fullmatch(r"\d{12}", text):
        return None
    year, month, day, hour, minute = text[:4], text[4:6], text[6:8], text[8:10], text[10:]
    return Slip(
        field, r.choice((f"{year}-{month}-{day} {hour}:{minute}", f"{day}/{month}/{year} {hour}:{minute}")), "time"
    )


def _unit(cells: Cells, around: Around, r: random.Random) -> Slip | None:
    found = pick(r, cells, "XML4", "DON_VI_DO")
    forms = _UNITS.get(found[1]) if found else None
    return Slip("DON_VI_DO", r.choice(forms), "unit", table="XML4", row=found[0]) if found and forms else None


def _decimal(cells: Cells, around: Around, r: random.Random) -> Slip | None:
    found = pick(r, cells, "XML4", "GIA_TRI")
    if not found or not re.fullmatch(r"\d+\.\d+", found[1]):
        return None
    new = r.choice((found[1].replace(".", ","), found[1].replace(".", "")))
    return Slip("GIA_TRI", new, "decimal", table="XML4", row=found[0])


def _icd_form(text: str, r: random.Random) -> str | None:
    if not re.fullmatch(r"[A-Z]\d\d\.\d", text):
        return None
    return r.choice((text.replace(".", ""), text.lower(), f"{text}†", f"{text};Z9"[:7]))


def _retired(text: str, r: random.Random) -> str | None:
    forms = _RENAMED.get(text)
    return r.choice(forms) if forms else None


def _thousands(cells: Cells, around: Around, r: random.Random) -> Slip | None:
    """22390 kept as 22.390 and its end zero lost: 22.39."""
    table, field = r.choice((("XML2", "DON_GIA"), ("XML3", "DON_GIA_BH")))
    found = pick(r, cells, table, field)
    if not found or not re.fullmatch(r"\d{4,}", found[1]):
        return None
    new = f"{found[1][:-3]}.{found[1][-3:]}".rstrip("0").rstrip(".")
    return Slip(field, new, "amount over a thousand", table=table, row=found[0])


def _old_card(cells: Cells, around: Around, r: random.Random) -> Slip | None:
    card = cells.get("XML1", 1, "MA_THE_BHYT") or ""
    return Slip("MA_THE_BHYT", card[5:], "card of 15 characters", "number alone") if len(card) == 15 else None


def _card_letter(text: str, r: random.Random) -> str | None:
    place = next((place for place, char in enumerate(text) if place > 2 and char in "01"), None)
    return None if place is None else f"{text[:place]}{'OI'[int(text[place])]}{text[place + 1 :]}"


CODE_ERRORS: dict[str, Maker] = {
    "day_month_swapped": _cell("NGAY_SINH", "birth", _swapped),
    "birth_year_only": _cell("NGAY_SINH", "birth", _year_only),
    "two_digit_year": _two_digit_year,
    "year_off_by_one": _year_off_by_one,
    "impossible_year": _impossible_year,
    "default_date": _default_date,
    "sex_wrong": _cell("GIOI_TINH", "sex", lambda text, r: {"1": "2", "2": "1"}.get(text)),
    "sex_codes": _sex_codes,
    "id_zero_lost": _cell("SO_CCCD", "CCCD", lambda text, r: text[1:] if text.startswith("0") else None),
    "id_as_float": _cell("SO_CCCD", "CCCD", _float),
    "id_of_9_digits": _nine_digits,
    "id_of_parent": _parent_id,
    "id_placeholder": _cell("SO_CCCD", "CCCD", lambda text, r: r.choice(("0" * 12, "1" * 12, "123456789012"))),
    "id_year_digits": _cell("SO_CCCD", "CCCD", _year_digits),
    "card_old_form": _old_card,
    "card_letter_for_digit": _cell("MA_THE_BHYT", "card", _card_letter),
    "phone_forms": _cell("DIEN_THOAI", "phone", _phone),
    "phone_placeholder": _cell("DIEN_THOAI", "phone", lambda text, r: r.choice(("0900000000", "0123456789", "0"))),
    "province_code": _province_code,
    "commune_code_type": _cell("MAXA_CU_TRU", "commune", lambda text, r: r.choice((f"{text}.0", f"0{text}"))),
    "facility_code": _cell(
        "MA_DKBD", "facility", lambda text, r: r.choice((f"{text[:2]}-{text[2:]}", f"0{text}", f"{text} "))
    ),
    "time_form": _time_form,
    "unit_form": _unit,
    "decimal_form": _decimal,
    "icd_form": _cell("MA_BENH_CHINH", "ICD code", _icd_form),
    "icd_retired": _cell("MA_BENH_CHINH", "ICD code of the list of 2020", _retired),
    "thousand_dots": _thousands,
}
