"""The edges of validity in the models: the merger of 2025-07-01, the visit types of 2026-08-01, editions of ICD-10."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from bienho.standards.xml130 import map as xml130_map
from bienho.terminology import Edition, builtin_editions, parse_icd10, parse_import, reference_tables
from support.model_runner import dossier, fetch, run, warehouse


def mapped(table: str, rows: list[dict[str, Any]], version: str = "3176", extra: Any = ()) -> list[dict[str, Any]]:
    """The rows of one conformed table, in order of visit, for visits that differ only in the fields given."""
    given = [{"version_id": n, "row_no": 1, **row} for n, row in enumerate(rows, 1)]
    standard = {
        "standard.xml130_dossier": [dossier(n, version=version) for n in range(1, len(rows) + 1)],
        "standard.xml130_1": given,
    }
    reference = reference_tables([*builtin_editions(), *extra]) if extra else None
    connection = warehouse(standard, reference)
    run(connection, [m for m in xml130_map.models() if m.table == table])
    found = fetch(connection, f"FROM conformed.{table} ORDER BY version_id")
    connection.close()
    return found


def papers(table: str, source: str, rows: list[dict[str, Any]], version: str = "3176") -> list[dict[str, Any]]:
    """Rows of one conformed table from one paper each, in dossiers without anything else."""
    connection = warehouse(
        {
            "standard.xml130_dossier": [dossier(n, version=version) for n in range(1, len(rows) + 1)],
            f"standard.xml130_{source}": [{"version_id": n, "row_no": 1, **row} for n, row in enumerate(rows, 1)],
        }
    )
    run(connection, [m for m in xml130_map.models() if m.table == table])
    found = fetch(connection, f"FROM conformed.{table} ORDER BY version_id")
    connection.close()
    return found


def column(name: str, table: str, rows: list[dict[str, Any]], **kw: Any) -> list[Any]:
    return [row[name] for row in mapped(table, rows, **kw)]


LAST, FIRST = "202506302359", "202507010000"


def test_a_retired_commune_is_mapped_before_the_merger_and_late_after() -> None:
    rows = [{"NGAY_RA": day, "MAXA_CU_TRU": "21550"} for day in (LAST, FIRST)]
    for table in ("encounter", "patient"):
        assert column("commune_canonical", table, rows) == ["21601", "21601"]
        assert column("commune_basis", table, rows) == ["mapped", "late"]
        assert column("commune_code", table, rows) == ["21550", "21550"]


def test_the_date_is_that_of_the_discharge_and_of_the_arrival_only_without_it() -> None:
    rows = [
        {"NGAY_VAO": LAST, "NGAY_RA": FIRST, "MAXA_CU_TRU": "21997"},
        {"NGAY_VAO": LAST, "NGAY_RA": "", "MAXA_CU_TRU": "21997"},
        {"NGAY_VAO": LAST, "NGAY_RA": "20250631", "MAXA_CU_TRU": "21997"},
        {"NGAY_VAO": "x", "NGAY_RA": "*", "MAXA_CU_TRU": "21997"},
    ]
    assert column("commune_basis", "encounter", rows) == ["current", "mapped", "mapped", "unknown"]
    assert column("commune_divided", "encounter", rows) == [False, True, True, False]
    assert column("service_date", "encounter", rows) == [date(2025, 7, 1), date(2025, 6, 30), date(2025, 6, 30), None]


def test_divided_communes_go_to_their_default_target_and_say_so() -> None:
    rows = [{"NGAY_RA": LAST, "MAXA_CU_TRU": code} for code in ("21634", "21997", "22000", "21583")]
    assert column("commune_canonical", "encounter", rows) == ["21622", "21997", "21994", "21583"]
    assert column("commune_divided", "encounter", rows) == [True, True, True, False]


def test_province_codes_of_both_sides_mean_one_province() -> None:
    rows = [{"NGAY_RA": day, "MATINH_CU_TRU": code} for day in (LAST, FIRST) for code in ("52", "64", "62", "99")]
    assert column("province_canonical", "encounter", rows) == ["52", "52", "51", None, "52", "52", "51", None]
    assert column("province_code", "encounter", rows)[:2] == ["52", "64"]


@pytest.mark.parametrize(
    ("version", "code", "day", "kind", "name", "cls"),
    [
        ("4210", "3", "202608150000", "03", "Nội trú", "IMP"),
        ("4210", "9", "202608150000", "09", None, None),
        ("130", "3", "202401010000", "03", "Nội trú", "IMP"),
        ("3176", "12", "202607312359", "12", None, None),
        ("3176", "12", "202608010000", "12", "KCB tại nhà", "HH"),
        ("3176", "02", "202607312359", "02", "Ngoại trú", "AMB"),
        ("3176", "02", "202608010000", "02", "Điều trị ngoại trú", "AMB"),
        ("3176", "003", "202608010000", None, None, None),
    ],
)
def test_visit_types_by_format_and_date(
    version: str, code: str, day: str, kind: str | None, name: str | None, cls: str | None
) -> None:
    (row,) = mapped("encounter", [{"NGAY_RA": day, "MA_LOAI_KCB": code}], version)
    assert (row["visit_type"], row["visit_type_name"], row["encounter_class"]) == (kind, name, cls)
    assert row["visit_type_code"] == code


def test_the_reason_of_4210_and_the_category_of_later_formats_are_read_apart() -> None:
    rows = [{"NGAY_RA": FIRST, "MA_DOITUONG_KCB": code} for code in ("2", "3", "1.3")]
    assert column("patient_category", "encounter", rows, version="4210") == ["emergency", "out-of-network", None]
    assert column("patient_category", "encounter", rows, version="4750") == ["emergency", None, "in-network"]
    assert column("emergency", "encounter", rows, version="4750") == [True, False, False]


def test_in_list_is_silent_until_a_complete_list_is_in_force() -> None:
    listed = parse_icd10(b"code,name_vi\nJ18.9,A\nI10,B\n", "BYT", date(2026, 7, 1))
    rows = [
        {"NGAY_RA": day, "MA_BENH_CHINH": code}
        for day in ("202606302359", "202607010000")
        for code in ("J18.9", "K64.9", "?")
    ]
    found = mapped("condition", rows, extra=[listed])
    assert [r["in_list"] for r in found] == [True, None, None, True, False, False]
    assert [r["chapter"] for r in found] == ["X", "XI", None] * 2


def test_a_facility_code_is_canonical_only_in_its_window() -> None:
    moved = parse_import(
        "facility",
        b"code,name,canonical_code,valid_from,valid_to\n52001,A,52001,2020-01-01,2026-01-01\n"
        b"52001,A,52901,2026-01-01,\n52901,A,52901,2026-01-01,\n",
        "1",
        date(2020, 1, 1),
    )
    days = ["201912310000", "202512312359", "202601010000"]
    assert column("facility_canonical", "claim", [{"NGAY_RA": d} for d in days], extra=[moved]) == [
        "52001",
        "52001",
        "52901",
    ]


def test_rank_one_is_kept_for_the_main_diagnosis() -> None:
    rows = [
        {"NGAY_RA": FIRST, "MA_BENH_CHINH": "", "MA_BENH_KT": "I10;E11.9"},
        {"NGAY_RA": FIRST, "MA_BENH_CHINH": "J18;A90", "MA_BENH_KT": ";I10", "MA_BENH_YHCT": "U62.392"},
    ]
    found = [(r["version_id"], r["rank"], r["role"], r["icd10"]) for r in mapped("condition", rows)]
    assert sorted(found) == [
        (1, 2, "accompanying", "I10"),
        (1, 3, "accompanying", "E11.9"),
        (2, 1, "main", "J18"),
        (2, 2, "main", "A90"),
        (2, 3, "accompanying", "I10"),
        (2, 4, "traditional", None),
    ]


def test_age_is_in_full_years_at_arrival_and_in_days_for_infants() -> None:
    rows = [
        {"NGAY_VAO": "202506300800", "NGAY_SINH": "202006300000"},
        {"NGAY_VAO": "202506290800", "NGAY_SINH": "202006300000"},
        {"NGAY_VAO": "202506300800", "NGAY_SINH": "202506291530"},
        {"NGAY_VAO": "202506300800", "NGAY_SINH": "202500000000"},
        {"NGAY_VAO": "202506300800", "NGAY_SINH": "202507010000"},
    ]
    assert column("age_years", "encounter", rows) == [5, 4, 0, 0, None]
    assert column("age_days", "encounter", rows) == [None, None, 1, None, None]


def test_the_vault_marker_is_presence_and_never_a_value() -> None:
    rows = [{"NGAY_RA": FIRST, "MA_THE_BHYT": v, "MA_KHOA": "*", "MA_BENH_CHINH": "*"} for v in ("*", "", None)]
    assert column("insured", "encounter", rows) == [True, False, False]
    assert column("department_list", "encounter", rows) == [None, None, None]
    assert column("well_formed", "condition", rows) == [False, False, False]


def test_the_day_an_edition_takes_over_doubles_and_loses_nothing() -> None:
    """Every list gets a second edition with the same rows; on its first day each code still has exactly one meaning."""
    first = date(2026, 9, 1)
    again = []
    for old in builtin_editions():
        rows = reference_tables([old])[old.dataset].to_pylist()
        kept = [{**r, "valid_from": max(r["valid_from"], first)} for r in rows if (r["valid_to"] or date.max) > first]
        table = old.rows.schema.empty_table().from_pylist(kept, schema=old.rows.schema)
        again.append(Edition(old.code_system, "second", first, table, old.complete))
    visit = {
        "MAXA_CU_TRU": "21634",
        "MATINH_CU_TRU": "64",
        "MA_LOAI_KCB": "12",
        "KET_QUA_DTRI": "1",
        "MA_LOAI_RV": "2",
        "GIOI_TINH": "1",
        "MA_DOITUONG_KCB": "1.3",
        "MA_NOI_DI": "64001",
        "MA_NOI_DEN": "52001",
        "MA_DKBD": "52001",
        "MA_DANTOC": "10",
        "MA_BENH_CHINH": "J18.9",
    }
    rows = [{**visit, "NGAY_RA": day} for day in ("202608312359", "202609010000", "202609020000")]
    for table in ("encounter", "patient", "claim", "condition"):
        plain = mapped(table, rows)
        assert len(plain) == 3
        assert mapped(table, rows, extra=again) == plain


@pytest.mark.parametrize(
    ("table", "source", "dated"), [("birth", "9", "NGAY_SINH_CON"), ("assessment", "12", "NGAY_HOP")]
)
def test_papers_without_a_visit_are_read_by_their_own_day(table: str, source: str, dated: str) -> None:
    rows = [{dated: day, "MATINH_CU_TRU": "64", "MAXA_CU_TRU": "21550"} for day in (LAST[:8], FIRST[:8], "x")]
    found = papers(table, source, rows)
    assert [r["commune_basis"] for r in found] == ["mapped", "late", "unknown"]
    assert [r["commune_canonical"] for r in found] == ["21601", "21601", None]
    assert [r["province_canonical"] for r in found] == ["52", "52", None]
    assert [r["facility_canonical"] for r in found] == ["52001", "52001", None]


def test_a_check_in_is_read_by_the_day_of_arrival() -> None:
    rows = [
        {"NGAY_VAO": "202607312359", "NGAY_YL": FIRST, "MA_LOAI_KCB": "12"},
        {"NGAY_VAO": "202608010000", "MA_LOAI_KCB": "12", "NGAY_VAO_NOI_TRU": "202608010900"},
        {"NGAY_YL": "202608010000", "MA_LOAI_KCB": "12", "MA_VAT_TU": "N06.02.020"},
    ]
    found = papers("check_in", "0", rows)
    assert [r["visit_type_name"] for r in found] == [None, "KCB tại nhà", "KCB tại nhà"]
    assert [r["status"] for r in found] == ["arrived", "in-progress", "arrived"]
    assert [(r["item_kind"], r["item_code"]) for r in found] == [(None, None), (None, None), ("supply", "N06.02.020")]


def test_names_of_codes_are_those_of_the_format_and_the_day() -> None:
    row = {"MA_LYDO_CT": "3", "NGAY_RA": FIRST}
    names = [papers("referral", "13", [row], version)[0]["reason_name"] for version in ("130", "4750", "3176")]
    assert names == [None, "Theo yêu cầu người bệnh/đại diện", "Theo yêu cầu người bệnh/đại diện"]
    (undated,) = papers("referral", "13", [{"MA_LYDO_CT": "3"}])
    assert (undated["reason_code"], undated["reason_name"]) == ("3", None)


def test_a_referral_through_several_facilities_keeps_its_lists_and_guesses_no_single_one() -> None:
    row = {"MA_CSKCB_DI": "64001;52001", "NGAY_VAO": f"{LAST};{FIRST}", "NGAY_RA": FIRST, "MA_CSKCB_DEN": "52001"}
    (found,) = papers("referral", "13", [row])
    assert (found["from_codes"], found["from_canonical"], found["to_canonical"]) == ("64001;52001", None, "52001")
    assert (found["admitted_list"], found["admitted_at"]) == (f"{LAST};{FIRST}", None)


def test_twins_are_two_rows_and_two_discharge_slips_are_two_documents() -> None:
    connection = warehouse(
        {
            "standard.xml130_dossier": [dossier(1)],
            "standard.xml130_9": [
                {"version_id": 1, "row_no": n, "NGAY_SINH_CON": f"20260101120{n}", "CAN_NANG_CON": w, "SO_CON": "2"}
                for n, w in ((1, "2400"), (2, "2350"))
            ],
            "standard.xml130_7": [{"version_id": 1, "row_no": n, "NGAY_CT": "20260105"} for n in (1, 2)],
        }
    )
    run(connection, xml130_map.models())
    births = fetch(connection, "SELECT row_no, weight_grams, children_born FROM conformed.birth ORDER BY row_no")
    assert [tuple(one.values()) for one in births] == [(1, 2400, 2), (2, 2350, 2)]
    assert len(fetch(connection, "FROM conformed.document WHERE type = 'discharge'")) == 2
    assert not fetch(connection, "FROM conformed.unmapped")
    connection.close()


def test_a_check_in_does_not_make_a_visit() -> None:
    connection = warehouse(
        {
            "standard.xml130_dossier": [dossier(1) | {"document": "check_in", "encounter_key": "visit"}],
            "standard.xml130_0": [{"version_id": 1, "row_no": 1, "NGAY_VAO": FIRST}],
        }
    )
    run(connection, xml130_map.models())
    assert [r["encounter_key"] for r in fetch(connection, "FROM conformed.check_in")] == ["visit"]
    for table in ("encounter", "patient", "claim", "unmapped"):
        assert not fetch(connection, f"FROM conformed.{table}")
    connection.close()
