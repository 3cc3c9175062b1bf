"""What is one case: hand-made visits through the SQL model, and random ones against the same rules in plain Python."""

from __future__ import annotations

import csv
import random
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from bienho import terminology
from bienho.surveillance import cases
from bienho.terminology import builtin_editions, parse_import, reference_tables
from support.model_runner import arrow_rows, fetch, put, run, warehouse

LIST = Path(terminology.__file__).parent / "data" / "notifiable.csv"
D = date.fromisoformat
WEST, EAST = "23563", "21583"


def visit(
    number: int, day: str, codes: str, *, person: str = "p", received: str = "2026-11-01", **more: Any
) -> dict[str, Any]:
    """A visit: number of its delivery, day of arrival, diagnoses in order, day of receipt at noon here."""
    return {"number": number, "day": D(day), "codes": codes.split(), "person": person, "received": D(received)} | more


def find(visits: Sequence[dict[str, Any]], superseded: Sequence[dict[str, Any]] = ()) -> list[dict[str, Any]]:
    connection = warehouse({})
    fill(connection, visits, superseded)
    run(connection, cases.models())
    return fetch(connection, "FROM derived.notifiable_case ORDER BY patient_key, disease, episode")


def fill(
    connection: duckdb.DuckDBPyConnection, visits: Sequence[dict[str, Any]], superseded: Sequence[dict[str, Any]] = ()
) -> None:
    encounters, conditions = [], []
    for one in visits:
        version = one["number"] * 1_000_000 + 1
        head = {"version_id": version, "patient_key": one["person"], "facility_code": one.get("facility", "52001")}
        encounters.append(
            head
            | {
                "encounter_key": one.get("key", f"k{version}"), "service_date": one["day"],
                "admitted_at": datetime.combine(one["day"], datetime.min.time()), "encounter_class": one.get("kind"),
                "result": one.get("result"), "commune_canonical": one.get("commune"), "sex": "female",
                "age_years": one.get("age", 30), "commune_divided": False, "emergency": False, "insured": True,
            }
        )  # fmt: skip
        conditions += [
            head
            | {
                "encounter_key": f"k{version}", "table_name": "XML1", "row_no": 1, "rank": rank, "role": "main",
                "code_received": code, "icd10": code, "category3": code[:3], "service_date": one["day"],
            }
            for rank, code in enumerate(one["codes"], 1)
        ]  # fmt: skip
    deliveries = {one["number"]: one["received"] for one in (*visits, *superseded)}
    received = [
        {"delivery_seq": seq, "received_at": datetime.combine(day, datetime.min.time(), UTC) + timedelta(hours=5)}
        for seq, day in deliveries.items()
    ]
    replaced = [{"version_id": one["number"] * 1_000_000 + 1, "dossier_key": one["key"]} for one in superseded]
    for dataset, rows in (
        ("conformed.encounter", encounters), ("conformed.condition", conditions),
        ("standard.delivery", received), ("standard.superseded", replaced),
    ):  # fmt: skip
        put(connection, dataset, arrow_rows(dataset, rows))


def test_the_list_holds_the_81_diseases_of_the_decision_with_their_deadlines() -> None:
    with LIST.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    listed = {(row["deadline"], row["list_no"]): row["disease"] for row in rows if row["list_no"]}
    assert len(listed) == len(set(listed.values())) == 81
    count = {deadline: sum(one == deadline for one, _ in listed) for deadline in ("24h", "48h", "week")}
    assert count == {"24h": 18, "48h": 17, "week": 46}
    deadline = {name: of for (of, _), name in listed.items()}
    assert [deadline[name] for name in ("measles", "dengue", "hfmd", "chickenpox")] == ["24h", "48h", "48h", "week"]
    # Brought in as a file by somebody, the list is the one that comes with the program.
    brought = parse_import("notifiable", LIST.read_bytes(), "QĐ 97/QĐ-PB", D("1900-01-01"))
    built_in = next(one for one in builtin_editions() if one.code_system == "notifiable")
    assert brought.rows.sort_by([("disease", "ascending"), ("code", "ascending")]).equals(
        built_in.rows.sort_by([("disease", "ascending"), ("code", "ascending")])
    )


def test_visits_of_one_illness_are_one_case_and_a_later_illness_is_another() -> None:
    found = find(
        [
            visit(1, "2026-05-01", "A97.0", commune=WEST, received="2026-05-03"),
            visit(2, "2026-05-04", "A97.1 E86", kind="IMP", commune=EAST, received="2026-05-12", result="dead"),
            visit(3, "2026-06-01", "A97.0", received="2026-06-01"),
            visit(4, "2026-06-30", "A97.9", received="2026-06-30"),
        ]
    )
    assert [(one["episode"], one["seen_date"], one["last_seen"], one["encounters"]) for one in found] == [
        (1, D("2026-05-01"), D("2026-06-01"), 3),
        (2, D("2026-06-30"), D("2026-06-30"), 1),
    ]
    first = found[0]
    assert (first["admission_date"], first["report_date"], first["onset_date"]) == (
        D("2026-05-04"), D("2026-05-03"), None,
    )  # fmt: skip
    assert (first["commune_canonical"], first["side"], first["died"], first["deadline"]) == (WEST, "west", True, "48h")
    assert (first["age_group"], first["sex"], first["certainty"]) == ("25-44", "female", "probable")


def test_a_chronic_disease_is_one_case_for_life() -> None:
    found = find([visit(n, f"20{20 + n}-01-10", "B20.2") for n in range(1, 6)])
    # HIV disease resulting in CMV is both.
    assert [(one["disease"], one["encounters"]) for one in found] == [("cytomegalovirus", 5), ("hiv", 5)]


DIAGNOSES = {
    "A83.0": [("japanese_encephalitis", "probable")],
    "A83.2": [("viral_encephalitis", "probable")],
    "A83.0 A83.2": [("japanese_encephalitis", "probable"), ("viral_encephalitis", "probable")],
    "A16.2 A15.0": [("tuberculosis", "confirmed")],
    "U07.2": [("covid19", "suspected")],
    "U07.2 U07.1": [("covid19", "confirmed")],
    "J09": [("flu_a_zoonotic", "suspected")],
    "I10 B05": [("measles", "probable")],
    "A97.01": [("dengue", "probable")],
    "B83.01": [("toxocariasis", "probable")],
    "I10 A09.9 Z20.3": [],
}


def test_what_a_diagnosis_says() -> None:
    told = find([visit(n, "2026-05-01", codes, person=codes) for n, codes in enumerate(DIAGNOSES, 1)])
    found: dict[str, list[tuple[str, str]]] = {codes: [] for codes in DIAGNOSES}
    for one in told:
        found[one["patient_key"]].append((one["disease"], one["certainty"]))
    assert found == DIAGNOSES


def test_a_dossier_sent_again_was_reported_when_it_first_came() -> None:
    (case,) = find(
        [visit(9, "2026-05-01", "A97.0", received="2026-08-01", key="k")],
        [
            {"number": 2, "key": "k", "received": D("2026-05-03")},
            {"number": 5, "key": "k", "received": D("2026-06-01")},
        ],
    )
    assert case["report_date"] == D("2026-05-03")


def test_a_receipt_late_in_the_evening_utc_is_of_the_next_day_here() -> None:
    connection = warehouse({})
    fill(connection, [visit(1, "2026-05-01", "A97.0")])
    connection.execute("UPDATE standard.delivery SET received_at = TIMESTAMPTZ '2026-05-02 17:30:00+00'")
    run(connection, cases.models())
    assert fetch(connection, "SELECT report_date FROM derived.notifiable_case") == [{"report_date": D("2026-05-03")}]


def test_random_visits_give_the_cases_of_the_same_rules_in_plain_python() -> None:
    chance = random.Random(3)
    codes = [
        "A97.0",
        "A97.9",
        "B05.9",
        "A83.0",
        "A83.8",
        "G04.8",
        "B20.2",
        "B24",
        "J11.1",
        "J10.0",
        "I10",
        "B66.4",
        "B66",
    ]
    visits = [
        visit(
            n, str(D("2025-01-01") + timedelta(days=chance.randrange(500))),
            " ".join(dict.fromkeys(chance.choice(codes) for _ in range(chance.randint(1, 3)))),
            person=f"p{chance.randrange(12):02d}",
        )
        for n in range(1, 400)
    ]  # fmt: skip
    listed = reference_tables(builtin_editions())["reference.notifiable"].to_pylist()
    seen: dict[tuple[str, str], list[tuple[date, int]]] = defaultdict(list)
    for one in visits:
        names = set()
        for code in one["codes"]:
            narrow = [row for row in listed if row["code"] == code[:5]]
            wide = [row for row in listed if row["code"] == code[:3] and not any(n["takes_over"] for n in narrow)]
            names |= {row["disease"] for row in [*narrow, *wide]}
        for name in names:
            seen[(one["person"], name)].append((one["day"], one["number"]))
    window = {row["disease"]: row["episode_days"] for row in listed}
    expected = []
    for (person, name), days in sorted(seen.items()):
        starts: list[date] = []
        last = None
        for day, _ in sorted(days):
            if last is None or (day - last).days > window[name]:
                starts.append(day)
            last = day
        expected += [(person, name, place, start) for place, start in enumerate(starts, 1)]
    found = [(r["patient_key"], r["disease"], r["episode"], r["seen_date"]) for r in find(visits)]
    assert len(found) > 100
    assert found == expected
