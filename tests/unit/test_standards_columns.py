"""What goes to the lake and what to the vault, and what a person may be looked up by."""

from __future__ import annotations

import pyarrow as pa
import pytest

from bienho.privacy import blind_entries
from bienho.privacy.blind import normalise
from bienho.standards.xml130 import Dossier, columns
from support.xml130_samples import versioned

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


def test_only_a_text_is_marked_and_blanks_come_back_as_sent() -> None:
    row = {"MA_LK": "A", "MA_THE_BHYT": " \n ", "HO_TEN": "", "DIA_CHI": "Pleiku"}
    dossier = Dossier(1, "64001", "A", None, "3176", "date", {"XML1": [row]})
    lines = columns.build([versioned(dossier)])["standard.xml130_1"]
    (shown,) = lines.to_pylist()
    assert (shown["MA_THE_BHYT"], shown["HO_TEN"], shown["DIA_CHI"], shown["SO_CCCD"]) == (" \n ", "", "*", None)
    assert columns.restore(columns.vault_payload(dossier), {"XML1": lines}) == {"XML1": [row]}


@pytest.mark.parametrize("blank", ["", " ", "\u00a0\u3000", "\u2003 \n", "\u1680"])
def test_a_column_is_marked_text_by_text(blank: str) -> None:
    """As Python tells a blank, whatever it begins with, also where the column is a part of a longer one."""
    texts = ["x", "", "Ế", "\u00c2", blank, "\u200b", " a", "", blank]
    whole = pa.array(["before", *texts, "behind"], pa.string())
    for said in (texts, [text for text in texts if text != blank], ["", ""]):
        column = pa.array(["before", *said, "behind"], pa.string()).slice(1, len(said))
        assert columns._marks(column).to_pylist() == columns._shown(said)
    assert columns._marks(whole.slice(1, len(texts))).to_pylist() == columns._shown(texts)
