"""What a doctor types becomes a dossier: the reader of the house gives back what was typed, and only that."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from decimal import Decimal

import pytest

from bienho.pipeline.visits import MOST_DRUGS, Sheet, Visit
from bienho.pipeline.visits.checked import Fault, checked
from bienho.pipeline.visits.dossier import VERSION, Numbers, sheet_of, tables_of
from bienho.pipeline.visits.writing import is_commune
from bienho.standards.xml130 import Dossier, read_delivery
from bienho.standards.xml130.write import write_delivery
from support.typed_visits import MOVED, TYPED

NOW = datetime(2026, 11, 27, 9, 30)
NUMBERS = Numbers("52971.1f", "52971.N1f", "PK.1f")
CHILD = {"ngay_sinh": "05/06/2023", "cccd": "", "nguoi_dua": "Nguyễn Văn Cha", "can_nang": "13,25"}


def judged(typed: dict[str, str]) -> tuple[Visit | None, list[Fault]]:
    return checked(Sheet.of(typed), NOW, is_commune)


def visit_of(typed: dict[str, str]) -> Visit:
    visit, faults = judged(typed)
    assert visit is not None, faults
    return visit


def received(typed: dict[str, str]) -> Dossier:
    """What the reader makes of the file that is written of what was typed."""
    data = write_delivery(
        [tables_of(visit_of(typed), "52971", NUMBERS)], facility="52971", created="20261127", version=VERSION
    )
    (found,) = read_delivery(data).dossiers
    assert isinstance(found, Dossier)
    return found


def wrong(typed: dict[str, str]) -> set[tuple[str, str]]:
    return {(fault.field, fault.code) for fault in judged(typed)[1]}


@pytest.mark.parametrize("more", [{}, MOVED, CHILD, CHILD | MOVED, {"ngay_sinh": "1950"}, {"ngay_sinh": "04/1950"}])
def test_the_reader_gives_back_what_was_typed(more: dict[str, str]) -> None:
    typed = TYPED | more | {"thuoc-1-cach_dung": "Sau ăn <no>", "thuoc-1-so_luong": "15"}
    dossier = received(typed)
    told = sheet_of(dossier.tables)
    sheet = Sheet.of(typed)
    assert not dossier.findings
    assert dossier.format_version == VERSION
    meant = sheet.having(
        benh_chinh="J20.9", tai_kham="02/12/2026", ma_bn=NUMBERS.patient, ma_phu_trach=sheet["ma_bac_si"],
        vao_luc="27/11/2026 09:30", ra_luc="27/11/2026 09:30",
    )  # fmt: skip
    assert told == meant


def test_what_is_read_back_makes_the_same_dossier_again() -> None:
    """A correction that changes nothing is a duplicate, not a version: its content is the same byte for byte."""
    first = received(TYPED | MOVED)
    told = sheet_of(first.tables)
    visit, faults = checked(told, NOW.replace(hour=15), is_commune)
    assert visit is not None, faults
    assert tables_of(visit, "52971", NUMBERS) == {table: list(rows) for table, rows in first.tables.items()}


def test_drugs_and_money_add_up() -> None:
    tables = received(TYPED | {"thuoc-2-ten": "Oresol", "thuoc-2-ham_luong": "gói 27,9g", "thuoc-2-don_vi": "Gói",
                               "thuoc-2-moi_lan": "0,5", "thuoc-2-lan": "3", "thuoc-2-ngay": "3",
                               "thuoc-2-gia": "1234,567"}).tables  # fmt: skip
    head, drugs, (service,) = tables["XML1"][0], tables["XML2"], tables["XML3"]
    assert [row["SO_LUONG"] for row in drugs] == ["15", "5"]
    assert drugs[1]["MA_THUOC"] == "00.0000"
    assert drugs[1]["LIEU_DUNG"] == "0.5 gói/lần * 3 lần/ngày * 3 ngày [1.5 gói/ngày]"
    spent = sum(Decimal(row["THANH_TIEN_BV"] or "0") for row in drugs)
    assert spent == Decimal("7500") + Decimal("6172.84")
    assert Decimal(head["T_THUOC"] or "0") == spent
    assert Decimal(head["T_BNTT"] or "0") == spent + Decimal(service["THANH_TIEN_BV"] or "0")


@pytest.mark.parametrize(("reason", "kind"), [("1", "2"), ("2", "2"), ("3", "5")])
def test_a_referral_says_how_the_patient_left(reason: str, kind: str) -> None:
    tables = received(TYPED | MOVED | {"ly_do_chuyen": reason}).tables
    assert (tables["XML1"][0]["MA_LOAI_RV"], tables["XML1"][0]["MA_NOI_DEN"]) == (kind, "52001")
    assert tables["XML13"][0]["MA_CSKCB_DEN"] == "52001"


@pytest.mark.parametrize(
    ("more", "fault"),
    [
        ({"ho_ten": ""}, ("ho_ten", "needed")),
        ({"ngay_sinh": "30/02/1980"}, ("ngay_sinh", "birth")),
        ({"ngay_sinh": "28/11/2026", "nguoi_dua": "Mẹ"}, ("ngay_sinh", "birth-order")),
        ({"cccd": "12345"}, ("cccd", "id")),
        ({"cccd": ""}, ("cccd", "needed")),
        ({"xa": "99999"}, ("xa", "commune")),
        ({"tinh": "48"}, ("xa", "commune")),
        ({"can_nang": "0"}, ("can_nang", "number")),
        ({"can_nang": "52.5.1"}, ("can_nang", "number")),
        ({"benh_chinh": "ho"}, ("benh_chinh", "icd10")),
        ({"benh_kem": ";".join(["I10"] * 13)}, ("benh_kem", "too-many")),
        ({"vao_luc": "27/11/2026 10:00"}, ("vao_luc", "future")),
        ({"vao_luc": "09:00", "ra_luc": "08:00"}, ("ra_luc", "before")),
        ({"tai_kham": "26/11/2026"}, ("tai_kham", "again")),
        ({"thuoc-1-ngay": "91"}, ("thuoc-1-ngay", "days")),
        ({"thuoc-1-duong": "uống"}, ("thuoc-1-duong", "route")),
        ({"ma_bac_si": "BS An"}, ("ma_bac_si", "staff")),
        (MOVED | {"noi_den": "Bệnh viện"}, ("noi_den", "facility")),
        (MOVED | {"so_giay": ""}, ("so_giay", "needed")),
        (CHILD | {"nguoi_dua": ""}, ("nguoi_dua", "needed")),
    ],
)
def test_a_fault_names_its_field(more: dict[str, str], fault: tuple[str, str]) -> None:
    assert wrong(TYPED | more) == {fault}


def test_below_six_years_age_decides_what_a_prescription_needs() -> None:
    born = {"ngay_sinh": "28/11/2020", "cccd": "", "nguoi_dua": ""}
    assert wrong(TYPED | born) == {("nguoi_dua", "needed")}  # 71 months and 30 days
    assert wrong(TYPED | born | {"ngay_sinh": "27/11/2020"}) == {("cccd", "needed")}
    without = {name: text for name, text in TYPED.items() if not name.startswith("thuoc-")}
    assert wrong(without | born) == set()


def test_somebody_of_another_province_is_believed() -> None:
    visit = visit_of(TYPED | {"tinh": "48", "xa": "20194"})
    assert (visit.province, visit.commune) == ("48", "20194")


def test_a_sheet_takes_only_what_its_fields_hold() -> None:
    typed = {"ho_ten": " A\x00" + "a" * 300, "la": "x", "thuoc-99-ten": "x", f"thuoc-{MOST_DRUGS}-ten": "Thuốc"}
    sheet = Sheet.of(typed)
    assert sheet["ho_ten"] == "A" + "a" * 254
    assert [one["ten"] for one in sheet.drugs] == ["Thuốc"]
    assert Sheet.kept(sheet.plain()) == sheet
    assert replace(sheet, drugs=()) == Sheet.of({"ho_ten": typed["ho_ten"]})
