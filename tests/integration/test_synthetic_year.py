"""A year of a twin large enough for what is rare: the papers beside a dossier, births, programmes, referrals."""

from __future__ import annotations

from collections import Counter
from datetime import date

import pytest

from bienho.config import load_profile
from bienho.synthetic import Plan
from bienho.synthetic.places import Map
from support.dossier_rules import broken
from support.paper_rules import Row
from support.twins import DOSSIER_TABLES, Made, Parsed, parse_all

YEAR = Plan(persons=1700, months=12, seed=51, share_noncanonical=0.0, share_checkin=0.0)
PLACED = {"XML8": 70, "XML13": 73, "XML14": 74, "XML15": 75}


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Large enough for what is rare: twins, tuberculosis, HIV, rest during pregnancy."""
    return Made(YEAR, tmp_path_factory.mktemp("year") / "twin")


@pytest.fixture(scope="module")
def of_year(year: Made) -> Parsed:
    return parse_all(year)


def test_every_dossier_keeps_the_rules(of_year: Parsed) -> None:
    bad = Counter((rule, d["version"]) for d, tables in of_year for rule in broken(tables, d["version"]))
    assert not bad


@pytest.mark.parametrize(
    ("rule", "table", "values"),
    [
        (77, "XML7", {"MA_LK": "another"}),
        (154, "XML6", {"SO_CCCD": "052099900001"}),
        (156, "XML6", {"SO_NGAY_CAP_THUOC_ARV": "99"}),
        (157, "XML7", {"MA_DINH_CHI_THAI": "1", "TUOI_THAI": "43"}),
        (158, "XML7", {"SO_NGAY_NGHI": "3", "NGOAITRU_TUNGAY": ""}),
        (159, "XML7", {"MA_BS": ""}),
        (160, "XML8", {"TOMTAT_KQ": ""}),
        (162, "XML8", {"NGAY_CT": "20200101"}),
        (163, "XML9", {"MA_BHXH_NND": "0000000000"}),
        (165, "XML9", {"NGAYCAP_CCCD_NND": "20991231"}),
        (167, "XML9", {"MA_THE_TAM": "GD1"}),
        (168, "XML9", {"SINHCON_PHAUTHUAT": "1", "GHI_CHU": ""}),
        (169, "XML9", {"SO_CON": "0"}),
        (170, "XML10", {"SO_NGAY": "181"}),
        (171, "XML10", {"CHAN_DOAN_RV": "Sốt"}),
        (173, "XML11", {"SO_NGAY_NGHI": "31"}),
        (174, "XML11", {"TU_NGAY": "20991201"}),
        (176, "XML13", {"HO_TEN": "Người Khác"}),
        (177, "XML13", {"MA_CSKCB_DEN": ""}),
        (180, "XML13", {"MA_LYDO_CT": "4"}),
        (182, "XML14", {"NGAY_HEN_KL": "20200101"}),
        (183, "XML14", {"NGAY_CT": "20200101"}),
        (184, "XML15", {"HO_TEN": "Người Khác"}),
    ],
)
def test_the_rules_of_papers_do_catch(of_year: Parsed, rule: int, table: str, values: Row) -> None:
    _, tables = next((d, t) for d, t in of_year if d["version"] == "3176" and table in t)
    copy = {name: [dict(row) for row in rows] for name, rows in tables.items()}
    assert broken(copy, "3176") == []
    copy[table][0].update(values)
    assert rule in broken(copy, "3176")


def test_the_rules_of_presence_do_catch(of_year: Parsed) -> None:
    """A paper taken away, or put where it has no cause."""
    inpatient = next(t for d, t in of_year if d["version"] == "3176" and d["visit_kind"] == "03" and "XML13" in t)
    outpatient = next(t for d, t in of_year if d["version"] == "3176" and d["visit_kind"] == "01" and "XML14" not in t)
    assert 69 in broken({name: rows for name, rows in inpatient.items() if name != "XML7"}, "3176")
    seen = {table: next(t[table] for d, t in of_year if d["version"] == "3176" and table in t) for table in PLACED}
    for table, rule in PLACED.items():
        moved = [row | {"MA_LK": outpatient["XML1"][0]["MA_LK"]} for row in seen[table]]
        assert rule in broken(outpatient | {table: moved}, "3176")


def test_dossiers_are_as_long_as_real_ones(year: Made, of_year: Parsed) -> None:
    """At least the 150 M lines of 9 M visits that the house is made for; those of stations stay short."""
    levels = {clinic.code: clinic.level for clinic in Map(load_profile("gialai")).clinics}
    lengths: dict[str, list[int]] = {}
    for d, tables in of_year:
        stays = d["visit_kind"] == "03"
        place = "ward" if stays else "station" if levels[d["facility"]] == 1 else "hospital"
        lengths.setdefault(place, []).append(sum(map(len, tables.values())))
    means = {place: sum(told) / len(told) for place, told in lengths.items()}
    assert 16.7 < sum(map(sum, lengths.values())) / len(of_year) < 19
    assert means["station"] < 8 < means["hospital"] < 20
    assert 80 < means["ward"] < 160


def test_a_ward_orders_and_writes_every_day(of_year: Parsed) -> None:
    stays = [t for d, t in of_year if d["version"] == "3176" and d["visit_kind"] == "03"]
    repeated = operated = 0
    for tables in stays:
        head = tables["XML1"][0]
        days = {row["NGAY_YL"][:8] for row in tables["XML3"] if row["MA_GIUONG"]} - {head["NGAY_VAO"][:8]}
        assert days <= {row["THOI_DIEM_DBLS"][:8] for row in tables["XML5"]}
        assert len({row["NGUOI_THUC_HIEN"] for row in tables["XML5"]}) <= 2
        written = [row["THOI_DIEM_DBLS"] for row in tables["XML5"]]
        assert written == sorted(written)
        counts = Counter(row["NGAY_YL"] for row in tables["XML3"] if row["MA_DICH_VU"] == "22.0120.1370")
        assert set(counts.values()) <= {1}
        repeated += len(counts) > 1
        if head["MA_PTTT_QT"] in ("47.09", "74.1"):
            operated += 1
            assert {"03.0133.0210", "03.3826.0202"} <= {row["MA_DICH_VU"] for row in tables["XML3"]}
        elif any(row["DUONG_DUNG"] == "1.01" for row in tables["XML2"]):
            assert days <= {row["NGAY_YL"][:8] for row in tables["XML2"]}
    assert operated
    assert repeated > len(stays) / 4


def test_no_procedure_is_ordered_twice_at_one_time(of_year: Parsed) -> None:
    """Rule 141."""
    for _, tables in of_year:
        done = Counter(
            (row["MA_DICH_VU"], row["NGAY_YL"])
            for row in tables.get("XML3", [])
            if row["MA_NHOM"] in ("8", "18") and not row["MA_VAT_TU"]
        )
        assert set(done.values()) <= {1}


def test_a_chronic_visit_has_drugs_for_what_goes_with_the_disease(of_year: Parsed) -> None:
    """Amlodipine of I10 stands in visits for diabetes of those who have both, and only of those."""
    told: dict[bool, list[bool]] = {True: [], False: []}
    for d, tables in of_year:
        head = tables["XML1"][0]
        if d["icd10"] == "E11.9" and head["MA_LOAI_KCB"] in ("05", "08") and d["kind"] == "first":
            both = "I10" in head["MA_BENH_KT"].split(";")
            told[both].append(any(row["TEN_THUOC"] == "Amlodipin 5" for row in tables["XML2"]))
    assert all(told[True])
    assert told[True]
    assert not any(told[False])


def test_births_stand_in_the_stay_of_the_mother(year: Made, of_year: Parsed) -> None:
    dossiers = {d["ma_lk"]: (d, tables) for d, tables in of_year if d["kind"] == "first"}
    delivered = {key for key, (d, _) in dossiers.items() if d["icd10"] in ("O80.0", "O81.4", "O82.0", "O84.0", "O84.2")}
    with_slips = {key for key, (d, tables) in dossiers.items() if "XML9" in tables}
    assert with_slips == {key for key in delivered if dossiers[key][0]["version"] != "4210"}
    assert {birth["ma_lk"] for birth in year.births} == with_slips
    assert any(birth["child_id"] and birth["place"] == 2 for birth in year.births)
    for birth in year.births:
        dossier, tables = dossiers[birth["ma_lk"]]
        slips = tables["XML9"]
        slip, mother = slips[birth["place"] - 1], year.people[birth["mother_id"]]
        assert dossier["person_id"] == birth["mother_id"]
        assert dossier["admitted"] < birth["born"] < dossier["discharged"]
        assert slip["NGAY_SINH_CON"] == f"{birth['born']:%Y%m%d%H%M}"
        assert (slip["HO_TEN_NND"], slip["SO_CCCD_NND"]) == (mother["name"], mother["personal_id"])
        assert (slip["SO"], slip["MA_THE_TAM"]) == (birth["slip"], birth["temporary_card"])
        assert slip["HO_TEN_CON"] == (birth["name"] or "")
        assert tables["XML1"][0]["CAN_NANG_CON"].split(";") == [one["CAN_NANG_CON"] for one in slips]
        assert {one["SO_CON"] for one in slips} == {str(len(slips))}
        child = year.people.get(birth["child_id"])
        if child:
            assert child["mother_id"] == birth["mother_id"]
            assert (child["birth_date"], child["sex"], child["name"]) == (
                birth["born"].date(), birth["sex"], birth["name"],
            )  # fmt: skip


def test_papers_are_there_where_they_have_a_cause(of_year: Parsed) -> None:
    counts = Counter((table, d["version"]) for d, tables in of_year for table in tables)
    for table in DOSSIER_TABLES:
        assert counts[table, "3176"], table
    assert not any(counts[table, "4210"] for table in DOSSIER_TABLES[5:])
    assert not any(counts[table, "130"] for table in ("XML13", "XML14", "XML15"))
    assert counts["XML13", "4750"]
    slips: dict[str, Row] = {}
    arrived: dict[str, Row] = {}
    for d, tables in of_year:
        head = tables["XML1"][0]
        if d["version"] in ("4750", "3176"):
            assert (head["MA_LOAI_RV"] == "2") == ("XML13" in tables)
        if "XML13" in tables:
            slips[tables["XML13"][0]["GIAY_CHUYEN_TUYEN"]] = head
        if head["MA_NOI_DI"] and "/GCT-" in head.get("GIAY_CHUYEN_TUYEN", ""):
            arrived[head["GIAY_CHUYEN_TUYEN"]] = head
    met = slips.keys() & arrived.keys()
    assert met
    for number in met:
        sent, came = slips[number], arrived[number]
        assert (sent["MA_NOI_DEN"], sent["MA_CSKCB"]) == (came["MA_CSKCB"], came["MA_NOI_DI"])
        assert (sent["HO_TEN"], sent["SO_CCCD"]) == (came["HO_TEN"], came["SO_CCCD"])
        assert sent["NGAY_RA"] < came["NGAY_VAO"]


def test_programmes_are_treated_where_they_are_run_and_keep_their_dates(of_year: Parsed) -> None:
    clinics = {clinic.code: clinic for clinic in Map(load_profile("gialai")).clinics}
    begun: dict[tuple[str, str], set[str]] = {}
    for d, tables in of_year:
        if d["icd10"].startswith(("A15", "A16")):
            assert clinics[d["facility"]].runs("tb")
        if d["icd10"] == "B24":
            assert clinics[d["facility"]].runs("hiv")
        for row in tables.get("XML15", []):
            begun.setdefault((d["person_id"], d["version"]), set()).add(row["NGAYBD_DTRI_LAO"])
            assert row["NGAYBD_DTRI_LAO"] <= tables["XML1"][0]["NGAY_RA"]
            assert bool(row["NGAYKT_DTRI_LAO"]) == (row["KET_QUA_DTRI_LAO"] == "2")
            assert bool(row["BDDT_ARV"]) == (row["PHANLOAI_LAO_HIV"] == "1")
        for row in tables.get("XML6", []):
            begun.setdefault((d["person_id"], "hiv"), set()).add(row["NGAYKD_HIV"] + row["BDDT_ARV"])
            assert row["NGAYKD_HIV"] < row["BDDT_ARV"] < tables["XML1"][0]["NGAY_VAO"]
    assert begun
    assert all(len(days) == 1 for (_, version), days in begun.items() if version in ("3176", "hiv"))


def test_rest_of_pregnant_women_ends_before_the_birth(year: Made, of_year: Parsed) -> None:
    born = [(one["mother_id"], one["born"].date()) for one in year.births]
    before_birth = 0
    for truth, tables in of_year:
        for row in tables.get("XML10", []):
            assert year.people[truth["person_id"]]["sex"] == "F"
            ahead = [day for who, day in born if who == truth["person_id"] and day > truth["admitted"].date()]
            before_birth += bool(ahead)
            assert all(day > date.fromisoformat(row["DEN_NGAY"]) for day in ahead)
    assert before_birth


def test_signers_work_at_the_facility_and_have_one_name(of_year: Parsed) -> None:
    names: dict[str, set[str]] = {}
    for truth, tables in of_year:
        for table in ("XML7", "XML10"):
            for row in tables.get(table, []):
                unit = truth["facility"][2:]
                assert unit in row["MA_BS"][:7]
                names.setdefault(row["MA_BS"], set()).add(row["TEN_BS"])
                assert row["MA_TTDV"] == tables["XML1"][0]["MA_TTDV"]
    assert all(len(told) == 1 for told in names.values())
    assert len({name for told in names.values() for name in told}) > 50
