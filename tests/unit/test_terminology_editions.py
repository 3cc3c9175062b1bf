"""Editions: windows, succession, reference tables equal to their contracts, imports judged by line and column."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from bienho.contracts import catalogue
from bienho.core.errors import InputError, UsageError
from bienho.terminology import (
    OPEN_START,
    SCHEMAS,
    Edition,
    builtin_editions,
    parse_icd10,
    parse_import,
    reference_tables,
)
from bienho.terminology.editions import KEYS

TABLES = reference_tables(builtin_editions())
D = date.fromisoformat


def in_force(dataset: str, day: date, **key: str) -> list[dict[str, Any]]:
    return [
        row
        for row in TABLES[dataset].to_pylist()
        if all(row[k] == v for k, v in key.items())
        and row["valid_from"] <= day
        and (row["valid_to"] is None or day < row["valid_to"])
    ]


@pytest.mark.parametrize("dataset", sorted(TABLES))
def test_reference_tables_are_what_their_contracts_say(dataset: str) -> None:
    declared = catalogue()[dataset].arrow_schema()
    given = TABLES[dataset].schema
    assert [(f.name, f.type) for f in given] == [(f.name, f.type) for f in declared]
    required = {f.name for f in catalogue()[dataset].fields if f.required}
    assert not [name for name in required if TABLES[dataset][name].null_count]


@pytest.mark.parametrize("system", sorted(SCHEMAS))
def test_one_key_has_at_most_one_row_on_any_day(system: str) -> None:
    edges: dict[tuple[Any, ...], list[tuple[date, date]]] = {}
    for row in TABLES[f"reference.{system}"].to_pylist():
        key = tuple(row[k] for k in KEYS[system])
        edges.setdefault(key, []).append((row["valid_from"], row["valid_to"] or date.max))
    for spans in edges.values():
        for number, (start, end) in enumerate(spans):
            assert start < end
            assert all(end <= s or e <= start for other, (s, e) in enumerate(spans) if other != number)


@pytest.mark.parametrize(
    ("day", "name", "meant"), [("2025-06-30", "Tỉnh Bình Định", "52"), ("2025-07-01", "Tỉnh Gia Lai", "52")]
)
def test_code_52_changes_its_meaning(day: str, name: str, meant: str) -> None:
    (row,) = in_force("reference.province", D(day), code="52")
    assert (row["name"], row["canonical_code"]) == (name, meant)


def test_code_64_is_gia_lai_before_and_a_late_code_after() -> None:
    (before,) = in_force("reference.province", D("2025-06-30"), code="64")
    (after,) = in_force("reference.province", D("2025-07-01"), code="64")
    assert (before["name"], before["basis"], before["canonical_code"]) == ("Tỉnh Gia Lai", "mapped", "52")
    assert (after["basis"], after["canonical_code"]) == ("late", "52")


def test_63_provinces_became_34() -> None:
    assert len(in_force("reference.province", D("2025-06-30"))) == 63
    rows = [r for r in in_force("reference.province", D("2025-07-01")) if r["basis"] == "current"]
    assert len(rows) == 34
    assert {r["canonical_code"] for r in TABLES["reference.province"].to_pylist()} == {r["code"] for r in rows}
    (dong_nai,) = in_force("reference.province", D("2026-04-30"), code="75")
    assert dong_nai["name"] == "Thành phố Đồng Nai"


@pytest.mark.parametrize(
    ("value_set", "version", "day", "count"),
    [
        ("MA_LOAI_KCB", "4210", "2026-11-01", 3),
        ("MA_LOAI_KCB", "3176", "2026-07-31", 10),
        ("MA_LOAI_KCB", "3176", "2026-08-01", 16),
        ("KET_QUA_DTRI", "130", "2024-05-01", 7),
        ("KET_QUA_DTRI", "4750", "2024-05-01", 8),
        ("MA_LOAI_RV", "4210", "2020-05-01", 4),
        ("MA_NHOM", "130", "2024-05-01", 18),
        ("MA_NHOM", "3176", "2024-05-01", 19),
        ("MA_LYDO_CT", "130", "2024-05-01", 0),
        ("MA_LYDO_CT", "4750", "2024-05-01", 3),
        ("MA_XU_TRI", "130", "2024-05-01", 0),
        ("MA_XU_TRI", "3176", "2026-05-01", 8),
        ("KHAM_GIAM_DINH", "130", "2023-08-01", 8),
    ],
)
def test_value_sets_have_versions_and_windows(value_set: str, version: str, day: str, count: int) -> None:
    assert len(in_force("reference.value_set", D(day), value_set=value_set, format_version=version)) == count


def test_every_mapped_code_is_in_the_value_set_it_comes_from() -> None:
    sets = {
        "discharge_disposition": "MA_LOAI_RV",
        "treatment_result": "KET_QUA_DTRI",
        "sex": "GIOI_TINH",
        "procedure_category": "MA_NHOM",
    }
    days = [D("2024-01-01"), D("2026-10-01")]
    for name, value_set in sets.items():
        for day in days:
            for row in in_force("reference.concept_map", day, concept_map=name):
                found = in_force(
                    "reference.value_set",
                    day,
                    value_set=value_set,
                    code=row["source_code"],
                    format_version=row["format_version"],
                )
                assert len(found) == 1, (name, row)


def icd(text: str, edition: str = "mới", day: str = "2026-07-01") -> Edition:
    return parse_icd10(text.encode(), edition, D(day))


def test_a_later_edition_ends_the_earlier_one() -> None:
    newer = icd("code,name_vi\nJ18.9,Viêm phổi\nK64,Trĩ\n")
    tables = reference_tables([*builtin_editions(), newer])
    rows = [r for r in tables["reference.icd10"].to_pylist() if r["code"] == "J18.9"]
    assert [(r["valid_from"], r["valid_to"]) for r in rows] == [(OPEN_START, D("2026-07-01")), (D("2026-07-01"), None)]
    register = {
        r["edition"]: r for r in tables["reference.code_system_edition"].to_pylist() if r["code_system"] == "icd10"
    }
    assert register["mới"]["complete"]
    assert register["mới"]["row_count"] == 2
    again = reference_tables([newer, *builtin_editions()])
    assert all(again[name].equals(table) for name, table in tables.items() if name != "reference.code_system_edition")


def test_of_two_editions_of_one_day_the_later_given_wins() -> None:
    first, second = icd("code,name_vi\nJ18,Một\n", "a"), icd("code,name_vi\nJ18,Hai\n", "b")
    (row,) = reference_tables([first, second])["reference.icd10"].to_pylist()
    assert row["name_vi"] == "Hai"


def test_a_row_that_ends_before_the_next_edition_keeps_its_end() -> None:
    start = D("2020-01-01")
    old = parse_import("facility", b"code,name,valid_to\n52001,A,2021-01-01\n52002,B,\n", "1", start)
    new = parse_import("facility", b"code,name\n52002,B\n", "2", D("2025-01-01"))
    rows = {
        (r["code"], r["edition"]): r["valid_to"] for r in reference_tables([old, new])["reference.facility"].to_pylist()
    }
    assert rows == {("52001", "1"): D("2021-01-01"), ("52002", "1"): D("2025-01-01"), ("52002", "2"): None}


def test_a_row_older_than_its_edition_begins_with_it() -> None:
    old = parse_import("facility", b"code,name\n52001,A\n52002,B\n", "1", D("2020-01-01"))
    lines = b"code,name,valid_from,valid_to\n52001,A,2019-05-01,\n52002,B,2019-05-01,2025-01-01\n52003,C,2026-02-01,\n"
    new = parse_import("facility", lines, "2", D("2025-01-01"))
    rows = reference_tables([old, new])["reference.facility"].to_pylist()
    assert [(r["code"], r["edition"], r["valid_from"]) for r in rows] == [
        ("52001", "1", D("2020-01-01")),
        ("52001", "2", D("2025-01-01")),
        ("52002", "1", D("2020-01-01")),
        ("52003", "2", D("2026-02-01")),
    ]


def test_a_list_is_read_with_mark_semicolons_and_bom() -> None:
    edition = parse_icd10(
        "\ufeffCode;Name_vi;chapter\nA17.0†;Lao màng não;I\nG01*;Viêm màng não;\n".encode(), "x", OPEN_START
    )
    assert [(r["code"], r["mark"], r["chapter"]) for r in edition.rows.to_pylist()] == [
        ("A17.0", "†", "I"),
        ("G01", "*", "VI"),
    ]


@pytest.mark.parametrize(
    ("text", "code", "told"),
    [
        ("code,name_vi\nJ18,Viêm phổi\nX,Lạ\n", "IN-CODES-ROWS", "dòng 3, cột code"),
        ("code,name_vi\nJ18,\n", "IN-CODES-ROWS", "dòng 2, cột name_vi"),
        ("code,name_vi,chapter\nJ18,Viêm phổi,IX\n", "IN-CODES-ROWS", "dòng 2, cột chapter"),
        ("code,name_vi,code_nodot\nJ18.9,Viêm phổi,J188\n", "IN-CODES-ROWS", "cột code_nodot"),
        ("code,name_vi\nJ18,Một\nJ18,Hai\n", "IN-CODES-ROWS", "dòng 3"),
        ("code\nJ18\n", "IN-CODES-COLUMNS", "name_vi"),
        ("code,name_vi\n", "IN-CODES", "không có dòng nào"),
        ("code,name_vi\nJ18,a,b\n", "IN-CODES", "Dòng 2"),
        ("PK\x03\x04\0\0", "IN-CODES", "không phải CSV"),
    ],
)
def test_a_bad_list_is_refused_by_line_and_column(text: str, code: str, told: str) -> None:
    with pytest.raises(InputError) as caught:
        icd(text)
    assert caught.value.code == code
    assert told in caught.value.message


def test_what_is_not_utf8_or_of_no_known_kind_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        parse_icd10("code,name_vi\nJ18,Viêm phổi\n".encode("utf-16"), "x", OPEN_START)
    assert caught.value.code == "IN-CODES"
    with pytest.raises(UsageError) as unknown:
        parse_import("recipes", b"", "x", OPEN_START)
    assert unknown.value.code == "USE-CODES-KIND"


@pytest.mark.parametrize(
    ("line", "column"),
    [
        ("5200,A,,", "code"),
        ("52001,,,", "name"),
        ("52001,A,2025-13-01,", "valid_from"),
        ("52001,A,2025-02-01,2025-02-01", "valid_to"),
    ],
)
def test_a_bad_facility_line_names_its_column(line: str, column: str) -> None:
    with pytest.raises(InputError, match=f"dòng 2, cột {column}"):
        parse_import("facility", f"code,name,valid_from,valid_to\n{line}\n".encode(), "x", OPEN_START)


def test_commune_meanings_follow_the_profile_day_by_day() -> None:
    before, after = D("2025-06-30"), D("2025-07-01")
    assert [r["canonical_code"] for r in in_force("reference.commune_canonical", before, code="21550")] == ["21601"]
    (kept,) = in_force("reference.commune_canonical", after, code="21997")
    (old,) = in_force("reference.commune_canonical", before, code="21997")
    assert (kept["basis"], kept["divided"], old["basis"], old["divided"]) == ("current", False, "mapped", True)
    assert len(in_force("reference.commune", before)) == 373
    assert len(in_force("reference.commune", after)) == 135
    assert after - before == timedelta(days=1)


def test_an_import_of_one_value_set_leaves_the_others_alone() -> None:
    text = "value_set,code,name_vi,format_version\nMA_TAI_NAN,1,Tai nạn giao thông,3176\n"
    given = parse_import("value_set", text.encode(), "PL4", D("2026-01-01"))
    tables = reference_tables([*builtin_editions(), given])
    rows = tables["reference.value_set"].to_pylist()
    open_sets = {r["value_set"] for r in rows if r["valid_to"] is None}
    assert {"MA_LOAI_KCB", "GIOI_TINH", "MA_NHOM"} <= open_sets
    injuries = [(r["code"], r["valid_from"], r["valid_to"]) for r in rows if r["value_set"] == "MA_TAI_NAN"]
    assert ("1", D("2026-01-01"), None) in injuries
    assert all(end == D("2026-01-01") for _, start, end in injuries if start == OPEN_START)
    register = [r for r in tables["reference.code_system_edition"].to_pylist() if r["code_system"] == "value_set"]
    assert [r["valid_to"] for r in register] == [None, None]
