"""What a person may be looked up by, in the spelling the vault understands."""

from __future__ import annotations

from bienho.privacy import blind_entries
from bienho.privacy.blind import normalise
from bienho.standards.xml130 import Dossier, columns

FIRST = {
    "MA_LK": "A",
    "HO_TEN": " Đặng Thị Ổi",
    "NGAY_SINH": "199002030000",
    "SO_CCCD": "064090001234",
    "DIEN_THOAI": "+84 912 345 678",
    "MA_THE_BHYT": "GD4010000000001;HT3010000000002",
}


def values(pairs: tuple[tuple[str, str], ...]) -> set[tuple[str, str]]:
    return {(kind, value) for kind, text in pairs for value in normalise(kind, text)}


def test_blind_values_are_those_the_vault_would_make() -> None:
    dossier = Dossier(1, "64001", "A", None, "3176", "date", {"XML1": [FIRST]})
    expected = blind_entries(
        name=FIRST["HO_TEN"],
        birth=FIRST["NGAY_SINH"],
        personal_id=FIRST["SO_CCCD"],
        insurance_number=FIRST["MA_THE_BHYT"],
        phone=FIRST["DIEN_THOAI"],
    )
    assert values(columns.blind_values(dossier)) == values(expected)
    assert len(values(expected)) == 5


def test_a_dossier_without_them_has_none() -> None:
    assert columns.blind_values(Dossier(1, "64001", "A", None, "3176", "date", {"XML1": [{"MA_LK": "A"}]})) == ()
