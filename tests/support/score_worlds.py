"""Small made-up warehouses for the scores: rows of every table they read, and the scores run over them."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import duckdb
import pyarrow as pa

from bienho.quality.scores import READS, Formula, steps
from support.model_runner import arrow_rows, fetch

World = dict[str, list[dict[str, Any]]]
AS_OF = date(2026, 11, 22)
FACILITIES = {"52001": "hospital_general", "52002": "hospital_special", "64001": "commune_station", "99999": None}
CODES = (
    ("IN-CAST", None, "error"), ("IN-REQUIRED", 1, "error"), ("RULE-LIST", 5, "error"), ("RULE-SUM", 53, "error"),
    ("RULE-FORMAT", 28, "error"), ("RULE-FORMAT", 22, "error"), ("RULE-BUSINESS", 52, "warning"),
    ("IN-STRAY-TEXT", None, "warning"), ("IN-OLD-NAME", None, "info"),
)  # fmt: skip
SQL = {
    "result": "SELECT * FROM temp.score_result ORDER BY facility_code, dataset, week_start, dimension",
    "loss": "SELECT * FROM temp.score_loss ORDER BY facility_code, dataset, week_start, loss_no",
}


def at(day: date, hour: int = 3) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC)


def add_dossier(
    world: World, seq: int, hoso: int, facility: str, service: date | None, received: date, **told: Any
) -> int:
    """A visit as it lies in the warehouse; `told` changes what is found of it: canonical codes, papers, edition."""
    version = seq * 1_000_000 + hoso
    key = told.get("dossier_key", f"{version:032x}")
    known: Mapping[str, Any] = {"there": True, "place": True, "commune": True, "type": True, "sex": True,
                                "icd": True, "edition": "3176", **told}  # fmt: skip
    world["standard.xml130_dossier"].append(
        {"version_id": version, "delivery_seq": seq, "delivery_id": f"D{seq:012d}", "hoso": hoso,
         "facility_code": facility, "dossier_key": key, "document": "visit", "format_version": known["edition"],
         "received_at": at(received)}
    )  # fmt: skip
    world["conformed.encounter"].append(
        {"version_id": version, "facility_code": facility, "service_date": service,
         "facility_canonical": facility if known["place"] else None,
         "commune_canonical": "23551" if known["commune"] else None, "visit_type_name": "x" if known["type"] else None,
         "sex": "male" if known["sex"] else None, "age_years": 30}
    )  # fmt: skip
    world["standard.xml130_1"].append(
        {"version_id": version, "row_no": 1, "SO_CCCD": "*" if known["there"] else None, "MA_THE_BHYT": ""}
    )
    world["conformed.condition"].append(
        {"version_id": version, "rank": 1, "well_formed": True, "in_list": bool(known["icd"])}
    )
    return version


def add_delivery(world: World, seq: int, facility: str, received: date) -> None:
    world["standard.delivery"].append(
        {"delivery_seq": seq, "delivery_id": f"D{seq:012d}", "facility_code": facility, "received_at": at(received)}
    )


def add_finding(world: World, version: int, number: int, code: str, rule: int | None, severity: str) -> None:
    world["quality.finding"].append(
        {"finding_id": f"{version}-{number:05d}", "version_id": version, "code": code, "rule": rule,
         "severity": severity, "owner": "facility", "table_name": f"XML{1 + number % 3}", "row_no": 1 + number % 2,
         "field": f"F{number % 2}"}
    )  # fmt: skip


def empty() -> World:
    world: World = {name: [] for name in READS}
    world["reference.facility"] = [
        {"code": code, "canonical_code": code, "type": kind, "valid_from": date(1900, 1, 1)}
        for code, kind in FACILITIES.items()
        if kind
    ]
    return world


def random_world(seed: int, weeks: int = 16, most: int = 3) -> World:
    """Some facilities over some weeks: late, wrong, resent, copied, set aside, silent."""
    rng = random.Random(seed)
    world, seq = empty(), 0
    for facility in FACILITIES:
        busy = rng.randint(0, most)
        for back in range(7 * weeks, -1, -1):
            day = AS_OF - timedelta(days=back)
            silent = facility == "52002" and back < 40
            for hoso in range(0 if silent else rng.randint(0, busy) if day.weekday() < 5 else rng.randint(0, 1)):
                seq += 1
                received = min(AS_OF, day + timedelta(days=rng.choice((0, 0, 1, 2, 5, 12, 30))))
                add_delivery(world, seq, facility, received)
                if rng.random() < 0.06:
                    world["quality.quarantine"].append(
                        {"version_id": seq * 1_000_000 + hoso + 1, "delivery_seq": seq,
                         "delivery_id": f"D{seq:012d}", "hoso": hoso + 1, "facility_code": facility,
                         "code": "IN-NO-XML1", "received_at": at(received)}
                    )  # fmt: skip
                    continue
                service = rng.choice((day, day, day, day, day, None, date(2031, 1, 1), date(1999, 1, 1)))
                flags = {name: rng.random() > 0.15 for name in ("there", "place", "commune", "type", "sex", "icd")}
                version = add_dossier(
                    world, seq, hoso + 1, facility, service, received, edition=rng.choice(("3176", "3176", "4750")),
                    **flags,
                )  # fmt: skip
                for number in range(rng.choice((0, 0, 0, 1, 2, 5))):
                    add_finding(world, version, number, *rng.choice(CODES))
                _resend(world, rng, version, facility)
    return world


def _resend(world: World, rng: random.Random, version: int, facility: str) -> None:
    """Perhaps an older version that this one replaced, and a copy that came after it."""
    key = world["standard.xml130_dossier"][-1]["dossier_key"]
    if rng.random() < 0.1:
        older = 900_000 + version // 1_000_000
        add_delivery(world, older, facility, AS_OF - timedelta(days=rng.randint(0, 60)))
        world["standard.superseded"].append(
            {"version_id": older * 1_000_000 + 1, "by_version_id": version, "dossier_key": key}
        )
    if rng.random() < 0.1:
        copy = 800_000 + version // 1_000_000
        add_delivery(world, copy, facility, AS_OF - timedelta(days=rng.randint(0, 60)))
        world["standard.duplicate"].append(
            {"version_id": copy * 1_000_000 + 1, "of_version_id": version, "dossier_key": key}
        )


def scored(world: World, formula: Formula, as_of: date = AS_OF) -> dict[str, list[dict[str, Any]]]:
    """{result, loss}: the rows the steps give."""
    connection = duckdb.connect(config={"threads": 1})
    tables: dict[str, pa.Table] = {name: arrow_rows(name, rows).select(READS[name]) for name, rows in world.items()}
    for zone in ("standard", "conformed", "quality", "reference"):
        connection.execute(f"CREATE SCHEMA {zone}")
    for name, table in {**tables, **formula.tables(as_of)}.items():
        connection.register("incoming", table)
        kind = "TABLE" if "." in name else "TEMP TABLE"
        connection.execute(f"CREATE {kind} {name} AS SELECT * FROM incoming")
        connection.unregister("incoming")
    for statement in steps(formula, as_of):
        connection.execute(statement)
    return {name: fetch(connection, sql) for name, sql in SQL.items()}


def cells(rows: Sequence[Mapping[str, Any]]) -> set[tuple[str, str, date]]:
    return {(row["facility_code"], row["dataset"], row["week_start"]) for row in rows}
