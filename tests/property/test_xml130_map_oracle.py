"""The SQL models against the same mapping in plain Python, over random visits that hold every kind of wrong value."""

from __future__ import annotations

import random
from collections import defaultdict
from typing import Any

import pytest

from bienho import indicators
from bienho.standards.xml130 import map as xml130_map
from support import slow_map
from support.model_runner import dossier, fetch, run, warehouse

VISITS = 220
WRONG = [None, "", " ", "*", "x", "12,5", "1e5", "20250230", "２０２５"]
DATES = [
    "202506302359", "202507010000", "20250630", "202507010001", "202608010000", "202607312359", "199002290000",
    "202402291200", "202502281200", "202400000000", "202405000000", "202400050000", "202413010000", "202505012460",
    " 202506011200 ", "201902280815", "202412310700", "202501010000",
]  # fmt: skip
BIRTHS = [
    "199000000000",
    "199005000000",
    "202002290000",
    "202506300830",
    "202412310000",
    "195001010000",
    "203001010000",
]
ICD = [
    "J18", "J18.9", "j189", "A90", "A17.0†", "G01*", "A170+", "M01.00", "M0100", "U071", "D90", "E95", "Z99.9", "V00",
    "J18.", "J1", "J18 9", "J18.999", "K29.7 ", "Đ18", "U62.392.1", "*", " ; ", "I10;E11.9;;", "I10; i10 ", "S02.91",
]  # fmt: skip
COMMUNES = ["21634", "21997", "22000", "21583", "21550", "21553", "23563", "00001", "2158", "24112", "21622", "21994"]
CODES = [
    "1",
    "2",
    "3",
    "4",
    "5",
    "6",
    "7",
    "8",
    "9",
    "01",
    "03",
    "3.2",
    "1.3",
    "1.11",
    "1.19",
    "7.2",
    "10",
    "14",
    "016",
]
AMOUNTS = ["0", "150000", "150000.5", "0.005", "0.015", "-1.005", "1000000.999", "007", "+3", "1.", ".5"]
TEXTS = ["40.17", "Paracetamol", "Vie\u0302\u0323t", "\u00a0", "  Kim  ", "\ufeff"]
VALUES = ["5.6", "<0.1", "≥ 3", "> =3", "5,6", "Âm tính", "+", "-2.50", "1e3", "  7 ", "<=10", "0012"]
FIELDS: dict[str, dict[str, list[Any]]] = {
    "1": {
        "NGAY_VAO": DATES, "NGAY_RA": DATES, "NGAY_SINH": BIRTHS + DATES, "NGAY_VAO_NOI_TRU": DATES,
        "MA_BENH_CHINH": ICD, "MA_BENH_KT": ICD, "MA_BENH_YHCT": ICD, "MAXA_CU_TRU": COMMUNES,
        "MATINH_CU_TRU": ["52", "64", "5"], "MA_LOAI_KCB": CODES, "KET_QUA_DTRI": CODES, "MA_LOAI_RV": CODES,
        "MA_DOITUONG_KCB": CODES, "GIOI_TINH": CODES, "MA_NGHE_NGHIEP": ["00000", "12345", "2", "62"],
        "MA_KHOA": ["K01", "K03;K01", ";K02"], "MA_NOI_DI": ["52001", "64001", "99999"], "MA_THE_BHYT": ["*"],
        "SO_NGAY_DTRI": AMOUNTS, "T_THUOC": AMOUNTS, "T_TONGCHI_BV": AMOUNTS, "T_BHTT": AMOUNTS, "T_BNCCT": AMOUNTS,
        "NAM_QT": ["2025", "2026"], "GT_THE_TU": ["20250101", "20250101;20250601"], "GT_THE_DEN": ["20251231;20261231"],
        "CAN_NANG": ["55.50", "3"], "NHOM_MAU": ["O+"], "CAN_NANG_CON": ["2500;2600", ";", "2700; "],
    },
    "2": {"MA_THUOC": TEXTS, "TEN_THUOC": TEXTS, "SO_LUONG": AMOUNTS, "THANH_TIEN_BV": AMOUNTS, "NGAY_YL": DATES},
    "3": {
        "MA_DICH_VU": TEXTS, "TEN_DICH_VU": TEXTS, "MA_VAT_TU": TEXTS, "TEN_VAT_TU": TEXTS, "MA_NHOM": CODES,
        "THANH_TIEN_BV": AMOUNTS, "SO_LUONG": AMOUNTS,
    },
    "4": {"MA_DICH_VU": TEXTS, "TEN_CHI_SO": TEXTS, "GIA_TRI": VALUES, "KET_LUAN": ["*"], "NGAY_KQ": DATES},
    "5": {"DIEN_BIEN_LS": ["*"], "HOI_CHAN": ["*"], "THOI_DIEM_DBLS": DATES},
}  # fmt: skip
# Lines are mostly empty on purpose: what decides where a row goes is what is missing.
EMPTY_SHARE = {"1": 0.15, "2": 0.5, "3": 0.6, "4": 0.6, "5": 0.5}


def random_rows(seed: int) -> dict[str, list[dict[str, Any]]]:
    chance = random.Random(seed)
    rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for ordinal in range(1, VISITS + 1):
        version = seed * 1_000_000 + ordinal
        patient = f"{chance.randrange(40):032x}"
        code = chance.choice(["52001", "64001", "99999"])
        rows["standard.xml130_dossier"].append(
            dossier(version, code, chance.choice(["4210", "130", "4750", "3176"]), patient)
        )
        for table, fields in FIELDS.items():
            count = 1 if table == "1" and chance.random() < 0.95 else chance.choice([0, 1, 2, 3]) + (table == "1")
            for row_no in range(1, count + 1):
                row: dict[str, Any] = {"version_id": version, "row_no": row_no}
                for name, values in fields.items():
                    wrong = chance.random() < EMPTY_SHARE[table]
                    row[name] = chance.choice(WRONG[:4] if wrong and table != "1" else WRONG if wrong else values)
                rows[f"standard.xml130_{table}"].append(row)
    return rows


def first_rows(rows: dict[str, list[dict[str, Any]]]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    dossiers = {d["version_id"]: d for d in rows["standard.xml130_dossier"]}
    return [(dossiers[x["version_id"]], x) for x in rows["standard.xml130_1"] if x["row_no"] == 1]


def agree(got: list[dict[str, Any]], expected: list[dict[str, Any]], key: tuple[str, ...]) -> None:
    """Same keys, and for each the same value in every column the oracle knows."""
    found = {tuple(row[k] for k in key): row for row in got}
    wanted = {tuple(row[k] for k in key): row for row in expected}
    assert len(found) == len(got)
    assert found.keys() == wanted.keys()
    for name, row in wanted.items():
        seen = {column: found[name][column] for column in row}
        assert seen == row, name


@pytest.fixture(scope="module", params=[1, 2, 3])
def mapped(request: pytest.FixtureRequest) -> Any:
    rows = random_rows(request.param)
    connection = warehouse(rows)
    run(connection, [*xml130_map.models(), *indicators.models()])
    yield rows, connection
    connection.close()


@pytest.mark.parametrize("table", ["encounter", "patient", "claim"])
def test_one_row_per_version_agrees_with_the_oracle(mapped: Any, table: str) -> None:
    rows, connection = mapped
    oracle = {"encounter": slow_map.encounter, "patient": slow_map.patient, "claim": slow_map.claim}[table]
    agree(fetch(connection, f"FROM conformed.{table}"), [oracle(d, x) for d, x in first_rows(rows)], ("version_id",))


def test_diagnoses_agree_with_the_oracle(mapped: Any) -> None:
    rows, connection = mapped
    expected = [c for d, x in first_rows(rows) for c in slow_map.conditions(d, x)]
    agree(fetch(connection, "FROM conformed.condition"), expected, ("version_id", "rank"))


def test_every_row_is_a_clinical_fact_or_unmapped_with_the_right_reason(mapped: Any) -> None:
    rows, connection = mapped
    expected = {
        (x["version_id"], f"XML{table}", x["row_no"]): slow_map.line_kind(f"XML{table}", x)
        for table in "2345"
        for x in rows[f"standard.xml130_{table}"]
    }
    expected |= {
        (x["version_id"], "XML1", x["row_no"]): "encounter" if x["row_no"] == 1 else "second_xml1"
        for x in rows["standard.xml130_1"]
    }
    got = fetch(
        connection,
        """
        SELECT version_id, 'XML1' AS table_name, 1 AS row_no, 'encounter' AS place FROM conformed.encounter
        UNION ALL SELECT version_id, table_name, row_no, 'medication_request' FROM conformed.medication_request
        UNION ALL SELECT version_id, table_name, row_no, 'procedure' FROM conformed.procedure
        UNION ALL SELECT version_id, table_name, row_no, 'supply' FROM conformed.supply
        UNION ALL SELECT version_id, table_name, row_no, 'observation' FROM conformed.observation
          WHERE table_name = 'XML4'
        UNION ALL SELECT version_id, table_name, row_no, 'clinical_note' FROM conformed.clinical_note
        UNION ALL SELECT version_id, table_name, row_no, reason FROM conformed.unmapped
        """,
    )
    places = {(r["version_id"], r["table_name"], r["row_no"]): r["place"] for r in got}
    assert len(places) == len(got), "a row went to two places"
    assert places == expected


def test_money_lines_cover_every_line_once(mapped: Any) -> None:
    rows, connection = mapped
    short = {"medication_request": "medication", "no_code_no_name": "unmapped"}
    expected = []
    for table in ("XML2", "XML3"):
        for x in rows[f"standard.xml130_{table[-1]}"]:
            kind = slow_map.line_kind(table, x)
            expected.append(
                {
                    "version_id": x["version_id"],
                    "table_name": table,
                    "row_no": x["row_no"],
                    "kind": short.get(kind, kind),
                    "amount_hospital": slow_map.decimal(x["THANH_TIEN_BV"], 2),
                    "quantity": slow_map.decimal(x.get("SO_LUONG"), 3),
                }
            )
    agree(fetch(connection, "FROM conformed.claim_item"), expected, ("version_id", "table_name", "row_no"))


def test_results_agree_with_the_oracle(mapped: Any) -> None:
    rows, connection = mapped
    expected = []
    for x in rows["standard.xml130_4"]:
        if slow_map.line_kind("XML4", x) == "observation":
            value, sign = slow_map.number(x["GIA_TRI"])
            expected.append(
                {
                    "version_id": x["version_id"],
                    "row_no": x["row_no"],
                    "value_text": slow_map.text(x["GIA_TRI"]),
                    "value_number": value,
                    "comparator": sign,
                    "observed_at": slow_map.at(x["NGAY_KQ"]),
                    "has_conclusion": x["KET_LUAN"] == "*",
                }
            )
    got = fetch(connection, "FROM conformed.observation WHERE table_name = 'XML4'")
    agree(got, expected, ("version_id", "row_no"))


def test_measurements_of_the_visit_agree_with_the_oracle(mapped: Any) -> None:
    rows, connection = mapped
    expected = []
    for d, x in first_rows(rows):
        listed = {"CAN_NANG": [x["CAN_NANG"]], "NHOM_MAU": [x["NHOM_MAU"]]}
        listed["CAN_NANG_CON"] = (x["CAN_NANG_CON"] or "").split(";")
        for name, values in listed.items():
            for place, value in enumerate(values, 1):
                if slow_map.text(value):
                    expected.append(
                        {
                            "version_id": d["version_id"],
                            "field": name,
                            "ordinal": place,
                            "value_number": slow_map.number(value)[0],
                            "observed_at": slow_map.at(x["NGAY_VAO"]),
                        }
                    )
    got = fetch(connection, "FROM conformed.observation WHERE table_name = 'XML1'")
    agree(got, expected, ("version_id", "field", "ordinal"))


def test_weekly_numbers_agree_with_the_oracle_and_add_up(mapped: Any) -> None:
    rows, connection = mapped
    visits = first_rows(rows)
    got = fetch(connection, "FROM derived.facility_week_chapter")
    expected = slow_map.facility_weeks(visits)
    agree(got, expected, ("facility_code", "week_start", "chapter"))
    undated = sum(slow_map.service_date(x) is None for _, x in visits)
    assert undated > 0
    assert sum(row["encounters"] for row in got) + undated == len(visits)


def test_a_model_gives_the_same_rows_for_a_batch_as_for_the_whole(mapped: Any) -> None:
    rows, connection = mapped
    some = {d["version_id"] for d in rows["standard.xml130_dossier"] if d["version_id"] % 3 == 0}
    part = warehouse({name: [r for r in given if r["version_id"] in some] for name, given in rows.items()})
    run(part, xml130_map.models())
    for model in xml130_map.models():
        whole = {tuple(r.values()) for r in fetch(connection, f"FROM {model.name}") if r["version_id"] in some}
        assert {tuple(r.values()) for r in fetch(part, f"FROM {model.name}")} == whole, model.name
    part.close()
