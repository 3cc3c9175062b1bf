"""Dossiers for the rules: the example of the rule files with changes, and random damage to clean ones."""

from __future__ import annotations

import copy
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from typing import Any

import duckdb
import pyarrow as pa

from bienho.contracts import VAULT_MARKER, casts, catalogue
from bienho.core.documents import read_yaml
from bienho.quality.rule_findings import check_words, findings_sql
from bienho.quality.rule_judge import checks, judge, plan
from bienho.quality.rule_lists import CodeLists
from bienho.quality.rule_model import EDITIONS, FOLDER
from bienho.quality.rule_rows import MACROS, contract_of, dataset_of, texts_of
from support.model_runner import built_in, put
from support.slow_rules_visit import Case, Lists

Tables = dict[str, list[dict[str, Any]]]
START = date(2000, 1, 1)


@cache
def _example() -> dict[str, Any]:
    document: dict[str, Any] = read_yaml((FOLDER / "example.yaml").read_text(encoding="utf-8"))
    return document


def example(change: Mapping[str, Any], tables: Sequence[str]) -> tuple[Tables, str]:
    """(tables, edition) of the example with the changes of a rule's `good` or `bad`.

    Keys: FIELD (first row of the first of the rule's tables that is there), XML3.FIELD, XML3#2.FIELD, XML7 (None: left
    out), XML3+ (one row more, a copy of the first, or of row `_as`), _edition.
    """
    made: Tables = copy.deepcopy(_example()["tables"])
    edition = str(_example()["edition"])
    own = next(table for table in (*tables, "XML1") if table in made)
    for key, value in change.items():
        if key == "_edition":
            edition = value
        elif value is None:
            made.pop(key, None)
        elif key.endswith("+"):
            rows = made[key.removesuffix("+")]
            rows.append({**rows[value.get("_as", 1) - 1], **{n: t for n, t in value.items() if n != "_as"}})
        elif isinstance(value, dict):
            made[key] = [value]
        else:
            place, _, name = key.rpartition(".")
            table, _, number = place.partition("#")
            made[table or own][int(number or 1) - 1][name] = value
    return made, edition


@cache
def lists() -> Lists:
    """Small lists of the tests' own that hold the codes of the example and what the twin writes."""
    given: dict[str, dict[str, list[Any]]] = {
        "icd10": {c: [(START, None)] for c in ("J18.9", "J189", "A15.0", "I10", "E11.9", "N40", "Z00.0", "K29.7")},
        "facility": {c: [(START, None)] for c in ("52001", "52002", "64001")},
        "province": {"52": [(START, None)], "64": [(START, date(2025, 7, 1))]},
        "commune": {"21550": [(START, None)], "23512": [(START, date(2025, 7, 1))]},
        "commune_province": {"52": [(START, None)]},
        "value_set MA_DOITUONG_KCB": {c: [(START, None)] for c in ("1.1", "1.3", "2", "3.1")},
        "value_set MA_NGHE_NGHIEP": {c: [(START, None)] for c in ("61", "00000")},
        "value_set MA_BENH_YHCT": {"U50.011": [(START, None)]},
        "value_set MA_KHOA": {c: [(START, None)] for c in ("K01", "K19")},
        "value_set ICD10_KHONG_LA_BENH_CHINH": {"B95.0": [(START, None)]},
        "value_set ICD10_CHI_NU": {"O80": [(START, None)]},
        "value_set ICD10_CHI_NAM": {"N40": [(START, None)]},
    }
    return given


@dataclass
class Judged:
    """A connection over some dossiers, and what the rules find in each: (rule, table, row, field)."""

    connection: duckdb.DuckDBPyConnection
    places: list[set[tuple[int, str, int | None, str | None]]]

    @property
    def findings(self) -> list[dict[str, Any]]:
        rows = self.connection.execute(findings_sql("memory.hit", "memory.words")).to_arrow_table()
        return rows.to_pylist()


def judge_all(cases: Sequence[Case]) -> Judged:
    """The rules over many dossiers at once, as the pipeline asks them."""
    connection = duckdb.connect()
    connection.execute(casts.MACROS)
    connection.execute(MACROS)
    for zone in ("standard", "reference"):
        connection.execute(f"CREATE SCHEMA {zone}")
    for dataset, table in {**built_in(), **_references(cases[0].lists)}.items():
        put(connection, dataset, table)
    heads = [_head(number, case) for number, case in enumerate(cases, 1)]
    schema = pa.schema([one.with_nullable(True) for one in catalogue()["standard.xml130_dossier"].arrow_schema()])
    present = frozenset(table for case in cases for table, rows in case.tables.items() if rows)

    def ask(sql: str, incoming: pa.Table) -> pa.Table:
        connection.register("incoming", incoming)
        return connection.execute(sql).to_arrow_table()

    asked = plan(checks(), present, frozenset(cases[0].lists), ask)
    tables = {"standard.xml130_dossier": pa.Table.from_pylist(heads, schema=schema)}
    tables |= {dataset_of(table): _lake(table, cases) for table in present}
    clear = {texts_of(table): _clear(table, names, cases) for table, names in asked.texts.items()}
    put(connection, "standard.xml130_dossier", tables["standard.xml130_dossier"])
    put(connection, "memory.hit", judge(ask, asked, tables, clear, CodeLists()))
    put(connection, "memory.words", check_words(asked.checks))
    places: list[set[tuple[int, str, int | None, str | None]]] = [set() for _ in cases]
    for version, row, hit, _ in connection.execute("FROM memory.hit").fetchall():
        check = asked.checks[hit]
        places[version - 1].add((check.rule, check.table, None if check.whole_table else row, check.field))
    return Judged(connection, places)


def _head(number: int, case: Case) -> dict[str, Any]:
    return {
        "version_id": number, "delivery_seq": number, "delivery_id": f"D{number:012d}", "hoso": 1,
        "facility_code": "52001", "dossier_key": f"{number:032x}", "document": "visit" if case.is_visit else "check_in",
        "format_version": case.edition,
        "received_at": datetime(case.received.year, case.received.month, case.received.day, 3, tzinfo=UTC),
    }  # fmt: skip


def _numbered(table: str, cases: Sequence[Case]) -> list[tuple[int, int, Mapping[str, Any]]]:
    return [
        (version, number, row)
        for version, case in enumerate(cases, 1)
        for number, row in enumerate(case.tables.get(table, ()), 1)
    ]


def _lake(table: str, cases: Sequence[Case]) -> pa.Table:
    """Rows as the lake holds them: a mark where a text lies in the vault."""
    contract = contract_of(table)
    held = {field.name for field in contract.vault_fields}
    names = [field.name for field in contract.official_fields]
    rows = [
        {
            "version_id": version,
            "row_no": number,
            **{n: VAULT_MARKER if n in held and (row.get(n) or "").strip() else row.get(n) for n in names},
        }
        for version, number, row in _numbered(table, cases)
    ]
    return pa.Table.from_pylist(rows, schema=contract.arrow_schema())


def _clear(table: str, names: Sequence[str], cases: Sequence[Case]) -> pa.Table:
    kinds = [("version_id", pa.int64()), ("row_no", pa.int32()), *((name, pa.string()) for name in names)]
    rows = [
        {"version_id": version, "row_no": number, **{name: row.get(name) for name in names}}
        for version, number, row in _numbered(table, cases)
    ]
    return pa.Table.from_pylist(rows, schema=pa.schema(kinds))


def _references(given: Lists) -> dict[str, pa.Table]:
    """Reference tables that hold the lists given, and nothing else of their kind."""
    made: dict[str, pa.Table] = {}
    for name, columns in (
        ("icd10", ("code", "code_nodot")), ("facility", ("code",)), ("province", ("code",)), ("commune", ("code",)),
    ):  # fmt: skip
        rows = [
            {**dict.fromkeys(columns, code), "province": "52", "basis": "current", "valid_from": start, "valid_to": end}
            for code, windows in given.get(name, {}).items()
            for start, end in windows
        ]
        made[f"reference.{name}"] = pa.Table.from_pylist(rows, schema=_open(f"reference.{name}"))
    sets = [
        {"value_set": name.split(" ")[1], "code": code, "valid_from": start, "valid_to": end}
        for name, codes in given.items()
        if name.startswith("value_set ")
        for code, windows in codes.items()
        for start, end in windows
    ]
    made["reference.value_set"] = pa.Table.from_pylist(sets, schema=_open("reference.value_set"))
    return made


def _open(dataset: str) -> pa.Schema:
    return pa.schema([one.with_nullable(True) for one in catalogue()[dataset].arrow_schema()])


POOL = (
    "", " ", "0", "1", "2", "3", "5", "9", "10", "31", "100", "150", "181", "-1", "0.005", "1.2345", "36500",
    "36500.005",
    "999999999999", "1e3", "abc", "K01", "K19", "K99", "52", "00", "52001", "52000", "99999", "J18.9", "J18;I10",
    "A15.0",
    "Z00.1", "N40", "202509010800", "202509040900", "20250901", "20250904", "202513010000", "20260101", "202608010800",
    "2025", "GD4520000000001", "TE1520000000001", "QN5520000000001", "ZZ9", "GD4520000000001;GD4520000000001", "01",
    "03",
    "08", "1.1", "3.1", "8.88", "H001", "G1", "HH.1.52001", "M1", "12/QD;G1;N2;2025", "a;b", "VC.1", "02.1896_TB",
    "x_XX",
    "N06.02.020", "052999900001", "12345", "K1", "VN", "000", "CT07", "Người Khác", "A B", " 2 ", "12.5",
)  # fmt: skip
"""What random damage writes into cells: what some rule looks for, what it nearly looks for, and nonsense."""


def damaged(tables: Tables, edition: str, r: random.Random, received: date, lists: Lists) -> Case:
    """A copy of a dossier with up to eight cells changed, rows doubled or taken out, under any edition."""
    made = copy.deepcopy(tables)
    for _ in range(r.randrange(9)):
        table = r.choice([name for name, rows in made.items() if rows])
        rows = made[table]
        row = r.choice(rows)
        act = r.random()
        if act < 0.06 and table != "XML1":
            rows.append(dict(row))
        elif act < 0.12 and len(made) > 1 and table != "XML1":
            rows.remove(row)
        elif act < 0.3:
            names = sorted(row)
            row[r.choice(names)] = row[r.choice(names)]
        else:
            field = r.choice(contract_of(table).official_fields)
            row[field.name] = r.choice(POOL)
    return Case(
        {name: rows for name, rows in made.items() if rows},
        edition if r.random() < 0.7 else r.choice(EDITIONS),
        received,
        lists,
    )
