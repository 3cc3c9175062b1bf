"""What a doctor types about one visit, as typed: texts by name, and lines of drugs. Nothing is judged here.

The names are those of the page's fields; a drug's are `thuoc-3-ten` for the third line.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MOST_DRUGS = 20
FIELDS: dict[str, int] = {
    "ho_ten": 255, "ngay_sinh": 20, "gioi_tinh": 1, "cccd": 15, "dien_thoai": 15, "ma_bn": 100, "dan_toc": 2,
    "nghe": 2, "tinh": 2, "xa": 60, "dia_chi": 1024, "can_nang": 6, "nguoi_dua": 255,
    "vao_luc": 20, "ra_luc": 20, "ly_do": 1000, "benh_chinh": 200, "chan_doan": 1500, "benh_kem": 500,
    "xu_tri": 1000, "ket_qua": 1, "loi_dan": 1500, "tai_kham": 10,
    "dich_vu": 500, "ma_dich_vu": 50, "gia_dich_vu": 15,
    "chuyen": 1, "noi_den": 200, "so_giay": 50, "ly_do_chuyen": 1, "dau_hieu": 1500, "benh_ly": 1500,
    "can_lam_sang": 1500, "tinh_trang": 1000, "huong": 1000, "phuong_tien": 255, "nguoi_ho_tong": 255,
    "chuc_danh": 255,
    "ma_bac_si": 100, "ma_phu_trach": 100,
}  # fmt: skip
"""Field → most characters."""
DRUG: dict[str, int] = {
    "ten": 500, "ma": 100, "ham_luong": 200, "don_vi": 50, "duong": 4, "moi_lan": 8, "lan": 4, "ngay": 3,
    "so_luong": 10, "gia": 15, "cach_dung": 500, "so_dk": 100,
}  # fmt: skip
CHOSEN = {"duong"}
"""Of a drug line what has a value before anything is typed: alone it makes no line."""
_DRUG_NAME = re.compile(r"thuoc-([1-9][0-9]?)-([a-z_]+)\Z")
_UNSAFE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Sheet:
    """The texts of one visit; `fields` has every name of `FIELDS`, each of `drugs` every name of `DRUG`."""

    fields: Mapping[str, str]
    drugs: tuple[Mapping[str, str], ...] = ()

    @classmethod
    def of(cls, given: Mapping[str, str]) -> Sheet:
        """The sheet in the texts of a form: unknown names and lines past the last are left out, the rest is trimmed to
        what its field holds. Lines in which nothing was typed do not count."""
        fields = {name: _clean(given.get(name, ""), most) for name, most in FIELDS.items()}
        lines: dict[int, dict[str, str]] = {}
        for name, text in given.items():
            found = _DRUG_NAME.match(name)
            if found and found[2] in DRUG and int(found[1]) <= MOST_DRUGS:
                lines.setdefault(int(found[1]), {})[found[2]] = _clean(text, DRUG[found[2]])
        drugs = [
            {name: line.get(name, "") for name in DRUG}
            for _, line in sorted(lines.items())
            if any(text for name, text in line.items() if name not in CHOSEN)
        ]
        return cls(fields, tuple(drugs))

    @classmethod
    def kept(cls, plain: Mapping[str, Any]) -> Sheet:
        """The sheet again from what `plain` gave; names a later release added are empty."""
        fields = {name: str(plain["fields"].get(name, "")) for name in FIELDS}
        return cls(fields, tuple({name: str(one.get(name, "")) for name in DRUG} for one in plain["drugs"]))

    def plain(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return {"fields": dict(self.fields), "drugs": [dict(one) for one in self.drugs]}

    def __getitem__(self, name: str) -> str:
        return self.fields[name]

    def having(self, **fields: str) -> Sheet:
        """The same sheet with other texts in some fields."""
        return Sheet({**self.fields, **fields}, self.drugs)


def blank() -> Sheet:
    """A sheet nobody has typed into."""
    return Sheet.of({})


def _clean(text: str, most: int) -> str:
    return _UNSAFE.sub("", str(text)).replace("\r\n", "\n").replace("\r", "\n").strip()[:most].rstrip()
