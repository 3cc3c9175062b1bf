"""Names that must never change: a release that computed others could not find its own records again."""

from __future__ import annotations

import hashlib
import hmac
import unicodedata

import pytest

from bienho.config import KeyRing
from bienho.core.errors import InputError
from bienho.privacy import blind_entries, encode
from bienho.privacy.blind import KINDS, BlindIndex
from bienho.privacy.digests import Digests, keyed

KEYS = KeyRing("0123456789abcdef", bytes(range(32)))
DIGESTS = Digests(KEYS)


def test_a_digest_is_hmac_sha256_over_length_prefixed_parts() -> None:
    message = b"\0\0\0\x0264" + b"\0\0\0\x04" + "Đắk".encode()[:4] + b"\0\0\0\x00"
    expected = hmac.new(b"k" * 32, message, hashlib.sha256).digest()[:16]
    assert keyed(b"k" * 32, "64", "Đắk".encode()[:4], "") == expected


def test_known_answers() -> None:
    """Frozen from the first release."""
    assert {
        "patient": DIGESTS.patient_key("64001", "BN01", "LK01"),
        "visitor": DIGESTS.patient_key("64001", "", "LK01"),
        "dossier": DIGESTS.dossier_key("64001", "LK01"),
        "record": DIGESTS.record_id("64001", "LK01", encode({"XML1": [{"HO_TEN": "Siu H'Lan", "DIA_CHI": None}]})),
        "blind": BlindIndex(KEYS).digests("personal_id", "064 199 000 123")[0][1].hex(),
    } == KNOWN


KNOWN = {
    "patient": "67bfceef0461e82019e7a010f672fe4e",
    "visitor": "f021680de98f2e5559328459c53fb037",
    "dossier": "3e2edbe17f67cd579ae45a4fabe738bd",
    "record": "f10a4778301016f61db2c550f507f835",
    "blind": "354e46641185de8f",
}


def test_visits_are_named_together_as_one_by_one() -> None:
    ma_lk, ma_bn, payloads = ["LK01", " LK02", "Đ3"], ["BN01", "BN01", "BN\n"], [b"{}", b"[]", b"{}"]
    dossiers, patients, records = DIGESTS.of_visits(" 64001", ma_lk, ma_bn, payloads)
    assert [key.hex() for key in dossiers] == [DIGESTS.dossier_key("64001", one) for one in ma_lk]
    assert [key.hex() for key in patients] == [DIGESTS.patient_key("64001", one, None) for one in ma_bn]
    assert [key.hex() for key in records] == list(map(DIGESTS.record_id, ["64001"] * 3, ma_lk, payloads))
    for lk, bn in ((" ", "BN"), ("LK", " ")):  # patients without a number would be taken for one
        with pytest.raises(InputError):
            DIGESTS.of_visits("64001", [lk], [bn], [b"{}"])


def test_an_id_in_another_unicode_form_or_with_blanks_is_the_same_patient() -> None:
    name = "BN-Đặng-ế"
    assert DIGESTS.patient_key("64001", unicodedata.normalize("NFD", name), "x") == DIGESTS.patient_key(
        " 64001 ", f" {name}\n", "y"
    )


def test_a_visit_number_is_never_taken_for_a_patient_number() -> None:
    assert DIGESTS.patient_key("64001", "A1", None) != DIGESTS.patient_key("64001", None, "A1")
    assert DIGESTS.patient_key("64001", None, "A1") != DIGESTS.dossier_key("64001", "A1")


def test_parts_do_not_run_into_each_other() -> None:
    assert DIGESTS.dossier_key("6400", "1LK") != DIGESTS.dossier_key("64001", "LK")


@pytest.mark.parametrize(
    ("facility", "ma_bn", "ma_lk", "code"),
    [
        ("", "1", "1", "IN-FACILITY-EMPTY"),
        ("64001", " ", None, "IN-MA-LK-EMPTY"),
        ("64001", "", " \n", "IN-MA-LK-EMPTY"),
    ],
)
def test_a_dossier_that_names_nobody_is_refused(facility: str, ma_bn: str, ma_lk: str | None, code: str) -> None:
    with pytest.raises(InputError) as told:
        DIGESTS.patient_key(facility, ma_bn, ma_lk)
    assert told.value.code == code


def test_blind_entries_leave_out_what_is_not_there() -> None:
    assert blind_entries(name="Siu Lan", phone="0901") == (("phone", "0901"),)
    assert blind_entries(name="Siu Lan", birth="19800101") == (("name_birth", "Siu Lan|19800101"),)
    assert {
        kind for kind, _ in blind_entries(name="a", birth="1", personal_id="2", insurance_number="3", phone="4")
    } == (set(KINDS))


def test_a_record_has_a_row_of_digests_and_more_where_it_has_several_values_of_a_kind() -> None:
    index = BlindIndex(KEYS)
    blind = blind_entries(name="Siu Lan", birth="19800101", phone="0901; 0902;0901", personal_id="")
    (name,), (first, second) = ([digest for _, digest in index.digests(kind, text)] for kind, text in reversed(blind))
    assert index.rows(blind) == [[None, None, first, name], [None, None, second, None]]
    assert {len(digest) for digest in (name, first, second)} == {8}
    assert index.rows(()) == index.rows((("phone", " - "),)) == []


def test_a_name_without_its_birth_is_a_fault_and_not_a_lost_index() -> None:
    with pytest.raises(ValueError, match="name_birth"):
        BlindIndex(KEYS).digests("name_birth", "Siu Lan")


def test_documents_of_another_kind_never_take_a_visits_place() -> None:
    keys = {DIGESTS.dossier_key("64001", "LK01", kind) for kind in ("visit", "check_in", "assessment")}
    assert len(keys) == 3
    assert DIGESTS.dossier_key("64001", "LK01", "visit") == KNOWN["dossier"]
    assert DIGESTS.patient_key("64001", "", "LK01", "check_in") == KNOWN["visitor"]
    assert DIGESTS.patient_key("64001", "", "LK01", "assessment") != KNOWN["visitor"]
    assert DIGESTS.patient_key("64001", "BN01", "LK01", "check_in") == KNOWN["patient"]
