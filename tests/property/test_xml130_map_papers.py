"""Check-ins, certificates, births, assessments, referrals, appointments, HIV and TB care against a plain oracle.

And the law of the mapping: every row received, of all sixteen tables, is where a conformed row came from, or unmapped.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import duckdb
import pytest

from bienho.contracts import Field, casts, catalogue
from bienho.pipeline.models import ModelRunner
from bienho.standards.xml130 import map as xml130_map
from support import slow_map, slow_papers
from support.model_runner import arrow_rows, built_in, dossier, fetch, run, warehouse

VISITS = 150
PAPERS = (6, 7, 8, 9, 10, 11, 13, 14, 15)
NOTHING = [None, "", " ", "\u00a0"]
DATES = ["202506302359", "202507010000", "20250630", "20250701", "202608010000", "20260731", "20240229", "20250230",
         "199002290000", "20250000", "2025x", "202506011200;202506021200", "*"]  # fmt: skip
BIRTHS = ["199000000000", "199005000000", "20200229", "19950101", "202506300830", "203001010000"]
SPECIAL: dict[str, list[str]] = {
    "MA_CSKCB": ["52001", "64001", "99999"],
    "MA_CSKCB_DI": ["52001", "64001;52001", "64001"],
    "MA_CSKCB_DEN": ["52001", "99999"],
    "MA_LOAI_KCB": ["1", "01", "03", "09", "12", "016", "x"],
    "MA_DOITUONG_KCB": ["1.3", "2", "7.2", "3.9"],
    "MATINH_CU_TRU": ["52", "64", "5"],
    "MAXA_CU_TRU": ["21634", "21997", "21550", "00001"],
    "MA_BENH_CHINH": ["J18.9", "j189", "A17.0†", "U071", "J1", "J18 9", "*", "Đ18"],
    "CAN_NANG_CON": ["2500", "2500;2600", "3100.5", "nặng"],
    "TEN_THUOC": ["Kim", " Vie\u0302\u0323t "],
}
CODES = ["0", "1", "2", "3", "4", "5", "7", "8", "01", "9", "x", " 2 ", "*"]
NUMBERS = ["0", "1", "45", "-3", "2.5", "99999999", "007", "năm"]


def value(chance: random.Random, field: Field) -> str | None:
    if chance.random() < 0.45:
        return chance.choice(NOTHING)
    if field.name in SPECIAL:
        return chance.choice(SPECIAL[field.name])
    if field.in_vault:
        return "*"
    if "SINH" in field.name and "date" in (field.received_type or "") and "CON" not in field.name:
        return chance.choice(BIRTHS)
    if field.received_type and "date" in field.received_type:
        return chance.choice(DATES)
    if field.max_length and field.max_length <= 2 and field.shape == "number":
        return chance.choice(CODES)
    return chance.choice(NUMBERS if field.shape == "number" else CODES)


def rows_of(chance: random.Random, number: int, version: int, count: int) -> list[dict[str, Any]]:
    fields = catalogue()[f"standard.xml130_{number}"].official_fields
    rows = []
    for row_no in range(1, count + 1):
        row: dict[str, Any] = {"version_id": version, "row_no": row_no}
        # Some rows say nothing, or only who it is about: those are unmapped.
        bare, spare = chance.random() < 0.1, slow_papers.IDENTITY if chance.random() < 0.1 else None
        for field in fields:
            keep = not bare and (spare is None or field.name in spare)
            row[field.name] = value(chance, field) if keep else chance.choice(NOTHING)
        rows.append(row)
    return rows


def random_rows(seed: int) -> dict[str, list[dict[str, Any]]]:
    chance = random.Random(seed)
    rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for ordinal in range(1, VISITS + 1):
        version = seed * 1_000_000 + ordinal
        kind = chance.choice(["visit", "visit", "visit", "check_in", "assessment"])
        head = dossier(version, chance.choice(["52001", "64001", "99999"]), chance.choice(["130", "4750", "3176"]))
        key = {"visit": head["dossier_key"], "check_in": f"{version + 7:032x}", "assessment": None}[kind]
        rows["standard.xml130_dossier"].append(head | {"document": kind, "encounter_key": key})
        if kind == "visit":
            dates = {"NGAY_VAO": chance.choice(DATES), "NGAY_RA": chance.choice(DATES)}
            rows["standard.xml130_1"].append({"version_id": version, "row_no": 1, **dates})
            counts = {number: chance.choice([0, 0, 1, 2]) for number in (*PAPERS, 2, 3, 4, 5)}
        else:
            counts = {0 if kind == "check_in" else 12: chance.choice([1, 1, 2])}
        for number, count in counts.items():
            rows[f"standard.xml130_{number}"] += rows_of(chance, number, version, count)
    return rows


@pytest.fixture(scope="module", params=[1, 2, 3])
def mapped(request: pytest.FixtureRequest) -> Any:
    rows = random_rows(request.param)
    connection = warehouse(rows)
    run(connection, xml130_map.models())
    yield rows, connection
    connection.close()


def service_dates(rows: dict[str, list[dict[str, Any]]]) -> dict[int, Any]:
    return {x["version_id"]: slow_map.service_date(x) for x in rows["standard.xml130_1"]}


Oracle = Callable[[dict[str, Any], str, dict[str, Any], Any], dict[str, Any] | None]
ORACLES: dict[str, tuple[tuple[int, ...], Oracle]] = {
    "check_in": ((0,), lambda d, t, x, on: slow_papers.check_in(d, x)),
    "document": ((7, 8, 10, 11), slow_papers.document),
    "birth": ((9,), lambda d, t, x, on: slow_papers.birth(d, x, on)),
    "assessment": ((12,), lambda d, t, x, on: slow_papers.assessment(d, x)),
    "referral": ((13,), lambda d, t, x, on: slow_papers.referral(d, x, on)),
    "appointment": ((14,), lambda d, t, x, on: slow_papers.appointment(d, x, on)),
    "hiv_care": ((6,), slow_papers.care),
    "tb_care": ((15,), slow_papers.care),
}


@pytest.mark.parametrize("table", ORACLES)
def test_rows_agree_with_the_oracle(mapped: Any, table: str) -> None:
    rows, connection = mapped
    heads = {d["version_id"]: d for d in rows["standard.xml130_dossier"]}
    days, (numbers, oracle) = service_dates(rows), ORACLES[table]
    wanted, empty = {}, 0
    for number in numbers:
        for x in rows[f"standard.xml130_{number}"]:
            version = x["version_id"]
            row = oracle(heads[version], f"XML{number}", x, days.get(version))
            empty += row is None
            if row is not None:
                wanted[version, f"XML{number}", x["row_no"]] = row | {"patient_key": heads[version]["patient_key"]}
    found = {(r["version_id"], r["table_name"], r["row_no"]): r for r in fetch(connection, f"FROM conformed.{table}")}
    assert empty > 0
    assert found.keys() == wanted.keys()
    for name, row in wanted.items():
        assert {column: found[name][column] for column in row} == row, name


def test_every_row_received_is_where_a_conformed_row_came_from_or_unmapped(mapped: Any) -> None:
    rows, connection = mapped
    received = {
        (x["version_id"], f"XML{number}", x["row_no"])
        for number in range(16)
        for x in rows[f"standard.xml130_{number}"]
    }
    assert {table for _, table, _ in received} == {f"XML{number}" for number in range(16)}
    came_from = {(r["version_id"], "XML1", 1) for r in fetch(connection, "FROM conformed.encounter")}
    for contract in catalogue().in_zone("conformed"):
        # Money is beside the clinical tables, not instead of them.
        if contract.name in ("unmapped", "claim_item") or "table_name" not in contract.by_name:
            continue
        found = fetch(connection, f"SELECT DISTINCT version_id, table_name, row_no FROM {contract.id}")
        came_from |= {tuple(r.values()) for r in found}
    unmapped = {
        (r["version_id"], r["table_name"], r["row_no"]): r["reason"]
        for r in fetch(connection, "FROM conformed.unmapped")
    }
    assert not came_from & unmapped.keys()
    assert came_from | unmapped.keys() == received
    assert all(unmapped.values())


def test_a_batch_gives_the_same_rows_as_the_whole(mapped: Any) -> None:
    rows, connection = mapped
    some = {d["version_id"] for d in rows["standard.xml130_dossier"] if d["version_id"] % 3 == 0}
    part = warehouse({name: [r for r in given if r["version_id"] in some] for name, given in rows.items()})
    run(part, xml130_map.models())
    for model in xml130_map.models():
        whole = {tuple(r.values()) for r in fetch(connection, f"FROM {model.name}") if r["version_id"] in some}
        assert {tuple(r.values()) for r in fetch(part, f"FROM {model.name}")} == whole, model.name
    part.close()


@pytest.mark.parametrize("visits", [1, 2, 3, 5, 8, 20, 60])
def test_models_run_over_batches_of_any_size_as_the_pipeline_binds_them(visits: int) -> None:
    """DuckDB plans joins by the number of rows, and some plans were refused by scans of Arrow tables."""
    rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for version in range(1, visits + 1):
        rows["standard.xml130_dossier"].append(dossier(version))
        rows["standard.xml130_1"].append({"version_id": version, "row_no": 1, "NGAY_RA": "202601020930"})
        rows["standard.xml130_2"].append({"version_id": version, "row_no": 1, "MA_THUOC": "40.17"})
    rows["standard.xml130_7"] = [{"version_id": 1, "row_no": 1, "NGAY_CT": "20260102"}]
    names = [name for name in catalogue() if name.startswith("standard.xml130_")]
    with duckdb.connect() as connection:
        connection.execute(casts.MACROS)
        runner = ModelRunner(connection, xml130_map.models())
        runner.bind_rows(built_in())
        runner.bind_rows({name: arrow_rows(name, rows[name]) for name in names})
        outputs = runner.compute()
        assert fetch(connection, f"SELECT count(*) AS n FROM {outputs['conformed.encounter']}") == [{"n": visits}]
        assert fetch(connection, f"SELECT version_id FROM {outputs['conformed.document']}") == [{"version_id": 1}]
        assert not fetch(connection, f"FROM {outputs['conformed.unmapped']}")
