"""The rules: what they find of what was broken on purpose, whether a slow judge agrees, and what they cost.

The twin breaks rules from a table of its own (`synthetic/data/violations.csv`), which shares no condition with the rule
files. Of every rule: broken how often, found at the very place, found at all; and what was found of dossiers in which
nothing was broken, which must be nothing.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from bench.measure import mean
from bienho.contracts import casts, catalogue
from bienho.pipeline.casting import CastScan
from bienho.quality.rule_judge import Plan as Asked
from bienho.quality.rule_judge import checks, judge, plan
from bienho.quality.rule_lists import CodeLists
from bienho.quality.rule_model import rules
from bienho.quality.rule_rows import MACROS, contract_of, dataset_of
from bienho.standards.xml130 import TABLES, Dossier, Versioned, columns, read_delivery
from bienho.synthetic import Plan, generate
from bienho.terminology import builtin_editions, reference_tables

BROKEN = Plan(persons=6000, months=12, seed=20261126, share_noncanonical=0.0, violations=0.9)
CLEAN = Plan(persons=3000, months=12, seed=20261127)
HEADS = "standard.xml130_dossier"
RECEIVED = datetime(2026, 9, 1, tzinfo=UTC)
COPIES = 10
LINES = 30
AGREE = 20_000
Place = tuple[str, int]


class Twin:
    """A generated twin read again: its dossiers as versions, and where each came from."""

    def __init__(self, plan: Plan, out: Path) -> None:
        generate(plan, out)
        self.errors: list[dict[str, Any]] = pq.read_table(out / "truth" / "errors.parquet").to_pylist()
        self.versions: list[Versioned] = []
        self.places: list[Place] = []
        names = sorted({one["file"] for one in pq.read_table(out / "truth" / "dossiers.parquet").to_pylist()})
        for name in (name for name in names if not name.endswith(".zip")):
            for item in read_delivery((out / name).read_bytes()).dossiers:
                if isinstance(item, Dossier):
                    number = len(self.versions) + 1
                    self.places.append((name, item.hoso))
                    self.versions.append(_versioned(number, item))


def _versioned(number: int, dossier: Dossier) -> Versioned:
    key = f"{number:032x}"
    return Versioned(number, number, dossier, key, key, key, key, RECEIVED, key)


def lists_of(versions: Sequence[Versioned]) -> dict[str, set[str]]:
    """The lists of the world a clean twin lives in: every code it writes, and the few codes it never writes as main
    ones.
    """
    known: dict[str, set[str]] = defaultdict(set)
    fields = {
        "icd10": ("MA_BENH_CHINH", "MA_BENH_KT", "MA_BENH"),
        "facility": ("MA_CSKCB", "MA_NOI_DI", "MA_NOI_DEN", "MA_DKBD"),
        "value_set MA_NGHE_NGHIEP": ("MA_NGHE_NGHIEP",),
        "value_set MA_BENH_YHCT": ("MA_BENH_YHCT",),
        "value_set MA_KHOA": ("MA_KHOA",),
    }
    for one in versions:
        for table in {"XML1", "XML2", "XML3"} & one.dossier.tables.keys():
            for row in one.dossier.tables[table]:
                for name, places in fields.items():
                    known[name].update(part for place in places for part in (row.get(place) or "").split(";") if part)
    known["icd10"] |= {"B95.0", "N40", "O80"}
    known["value_set MA_BENH_YHCT"].add("U50.011")
    known["value_set ICD10_KHONG_LA_BENH_CHINH"].add("B95.0")
    known["value_set ICD10_CHI_NAM"].add("N40")
    known["value_set ICD10_CHI_NU"].update(code for code in known["icd10"] if code.startswith("O"))
    return dict(known)


class House:
    """Dossiers in a plain DuckDB under the names the pipeline binds, with lists, and the rules."""

    def __init__(self, versions: Sequence[Versioned], known: Mapping[str, set[str]]) -> None:
        self.connection = duckdb.connect(config={"threads": 1})
        self.connection.execute(casts.MACROS + MACROS)
        for zone in ("standard", "reference"):
            self.connection.execute(f"CREATE SCHEMA {zone}")
        self._tables = tables = columns.build(versions)
        for name, table in {**reference_tables(builtin_editions()), **_references(known), **tables}.items():
            self._put(name, table)
        self.present = frozenset(table for table in TABLES if tables[dataset_of(table)].num_rows)
        lists = frozenset(known) | {"province", "commune", "commune_province", "value_set MA_DOITUONG_KCB"}
        self.lists = lists
        self.plan: Asked = plan(checks(), self.present, lists, self.ask)
        self._texts: dict[str, pa.Table] = columns.texts(versions, self.plan.texts)
        self._codes = CodeLists()

    def ask(self, sql: str, incoming: pa.Table) -> pa.Table:
        """A statement over rows that are here."""
        self.connection.register("incoming", incoming)
        return self.connection.execute(sql).to_arrow_table()

    def _put(self, name: str, table: pa.Table) -> None:
        self.connection.register("incoming", table)
        self.connection.execute(f"CREATE OR REPLACE TABLE {name} AS SELECT * FROM incoming")
        self.connection.unregister("incoming")

    def found(self) -> list[tuple[int, int, str, int | None, str | None]]:
        """(version, rule, table, row, field) of reading's casts and of the rules."""
        result = [
            (version, told.rule, told.table or "", told.row, told.field)
            for version, findings in CastScan(self.connection).run(self._tables).items()
            for told in findings
            if told.rule is not None
        ]
        hits = judge(self.ask, self.plan, self._tables, self._texts, self._codes)
        for version, row, hit in zip(*(hits.column(name).to_pylist() for name in hits.column_names[:3]), strict=True):
            check = self.plan.checks[hit]
            result.append((version, check.rule, check.table, None if check.whole_table else row, check.field))
        return result

    def multiply(self, copies: int, lines: int) -> tuple[int, int]:
        """The same dossiers many times over, with lines added until there are `lines` a dossier; (dossiers, lines)."""
        size = sum(table.num_rows for name, table in self._tables.items() if name != HEADS)
        visits = self._tables[HEADS].num_rows
        growing = {f"xml130_{number}" for number in (2, 3, 4)}
        spare = sum(self._tables[f"standard.{name}"].num_rows for name in growing)
        more = max(1, round((lines * visits - (size - spare)) / spare))
        for held in (self._tables, self._texts):
            for name, table in held.items():
                times = more if name.partition(".")[2] in growing else 1
                held[name] = _repeated(self.connection, table, copies, times)
                if held is self._tables:
                    self._put(name, held[name])
        total = sum(table.num_rows for name, table in self._tables.items() if name != HEADS)
        return self._tables[HEADS].num_rows, total

    def scan(self) -> float:
        """CPU of a plain pass over the very columns the rules read."""
        began = time.process_time()
        for table, names in self.plan.columns.items():
            asked = ", ".join(f"""max("{name}"), count(*) FILTER ("{name}" <> '')""" for name in names)
            self.connection.execute(f"SELECT {asked} FROM {dataset_of(table)}").fetchall()
        return time.process_time() - began

    def judge(self) -> float:
        began = time.process_time()
        judge(self.ask, self.plan, self._tables, self._texts, CodeLists())
        return time.process_time() - began


def _repeated(connection: duckdb.DuckDBPyConnection, table: pa.Table, copies: int, times: int) -> pa.Table:
    """The same rows under other versions, and each row `times` over."""
    connection.register("incoming", table)
    row = ", row_no + m * 1000 AS row_no" if times > 1 else ""
    made = connection.execute(
        f"SELECT t.* REPLACE (version_id + g * 1000000 AS version_id{row})"
        f" FROM incoming AS t, range({copies}) AS r(g), range({times}) AS q(m) ORDER BY version_id"
    ).to_arrow_table()
    connection.unregister("incoming")
    return made.cast(table.schema)


def _references(known: Mapping[str, set[str]]) -> dict[str, pa.Table]:
    def table(dataset: str, given: list[dict[str, Any]]) -> pa.Table:
        schema = pa.schema([one.with_nullable(True) for one in catalogue()[dataset].arrow_schema()])
        return pa.Table.from_pylist(given, schema=schema)

    start = date(1900, 1, 1)
    built = reference_tables(builtin_editions())["reference.value_set"]
    sets = [
        {"value_set": name.split(" ")[1], "code": code, "valid_from": start}
        for name, codes in known.items()
        if name.startswith("value_set ")
        for code in sorted(codes)
    ]
    made = {
        f"reference.{name}": table(
            f"reference.{name}", [{"code": c, "code_nodot": c, "valid_from": start} for c in sorted(known[name])]
        )
        for name in ("icd10", "facility")
    }
    return {
        **made,
        "reference.value_set": pa.concat_tables(
            [table("reference.value_set", sets), built], promote_options="permissive"
        ),
    }


def confusion(twin: Twin, house: House) -> dict[str, Any]:
    """Per rule: broken, found at the place and field, found in the dossier; and what clean dossiers were blamed for."""
    found: dict[Place, set[tuple[int, str, int | None, str | None]]] = defaultdict(set)
    for version, rule, table, row, name in house.found():
        found[twin.places[version - 1]].add((rule, table, row, name))
    for place, one in zip(twin.places, twin.versions, strict=True):
        for told in one.dossier.findings:
            if told.rule is not None:
                found[place].add((told.rule, told.table or "", told.row, told.field))
    named = {rule.id: {*rule.fields} | _triggers(rule.id) for rule in rules()}
    broken: Counter[int] = Counter()
    exact: Counter[int] = Counter()
    rule_found: Counter[int] = Counter()
    dirty = set()
    read = set(twin.places)
    for error in (one for one in twin.errors if (one["file"], one["hoso"]) in read and one["rule"] is not None):
        place, rule = (error["file"], error["hoso"]), error["rule"]
        dirty.add(place)
        broken[rule] += 1
        mine = [one for one in found[place] if one[0] == rule]
        rule_found[rule] += bool(mine)
        exact[rule] += any(_matches(error, one, named[rule]) for one in mine)
    blamed: Counter[int] = Counter(
        rule for place, places in found.items() if place not in dirty for rule in {one[0] for one in places}
    )
    beside: Counter[int] = Counter()
    for place in dirty:
        caused = {error["rule"] for error in twin.errors if (error["file"], error["hoso"]) == place}
        beside.update({one[0] for one in found[place]} - caused)
    states = {rule.id: rule.status(house.lists)[0] for rule in rules()}
    evaluable = [number for number, state in states.items() if state == "evaluable"]
    asked = {rule: count for rule, count in broken.items() if states[rule] == "evaluable"}
    return {
        "dossiers": len(twin.versions),
        "dossiers_broken": len(dirty),
        "rules": len(states),
        "evaluable": len(evaluable),
        "not_evaluable": {
            rule.id: rule.status(house.lists)[1] for rule in rules() if states[rule.id] == "not_evaluable"
        },
        "behaviour": [number for number, state in states.items() if state == "behaviour"],
        "rules_broken": len(asked),
        "violations": sum(asked.values()),
        "found_rule_and_field": sum(exact[rule] for rule in asked),
        "share_rule_and_field": round(sum(exact[rule] for rule in asked) / max(1, sum(asked.values())), 5),
        "blamed_clean": dict(blamed),
        "per_rule": {
            rule: {"broken": broken[rule], "exact": exact[rule], "rule_found": rule_found[rule], "beside": beside[rule]}
            for rule in sorted(broken)
        },
    }


def _triggers(number: int) -> set[str]:
    """Fields a rule's conditions name: changing one of them breaks the rule, though another field must be mended."""
    texts = [
        f"{check.when or ''} {check.must or ''} {check.lookup or ''} {check.partner or ''}"
        for rule in rules()
        if rule.id == number
        for check in rule.checks
    ]
    names = {field.name for table in TABLES for field in contract_of(table).official_fields}
    return {
        word
        for text in texts
        for word in text.replace(".", " ").replace("(", " ").replace(")", " ").split()
        if word in names
    }


def _matches(error: Mapping[str, Any], one: tuple[int, str, int | None, str | None], names: set[str]) -> bool:
    _, table, row, name = one
    right = not error["field"] or name == error["field"] or (error["field"] in names and name in names)
    return table == error["table"] and right and (not error["field"] or row in (None, error["row"]))


def cost(house: House, rounds: int) -> dict[str, Any]:
    """CPU of all rules over many dossiers, with a plain pass over the same columns in the same run."""
    dossiers, lines = house.multiply(COPIES, LINES)
    house.judge()
    judged = [house.judge() for _ in range(rounds)]
    scanned = [house.scan() for _ in range(rounds)]
    per_dossier = min(judged) / dossiers
    return {
        "dossiers": dossiers,
        "lines": lines,
        "checks": len(house.plan.checks),
        "rules_cpu_s": mean(judged),
        "scan_cpu_s": mean(scanned),
        "ratio_to_scan": round(min(judged) / min(scanned), 2),
        "us_per_dossier": round(per_dossier * 1e6, 1),
        "us_per_line": round(min(judged) / lines * 1e6, 2),
        "a_million_dossiers_cpu_s": round(per_dossier * 1e6, 1),
        "a_million_dossiers_on_2_cores_s": round(per_dossier * 1e6 / 2, 1),
        "target_s": 45,
    }


def agreement(count: int, seed: int = 20261126) -> dict[str, Any]:
    """Whether the slow judge of the tests says the same of random damage."""
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
    from support.rule_cases import damaged, example, judge_all, lists  # noqa: PLC0415 - tests are no package of ours
    from support.slow_rules import judge  # noqa: PLC0415

    r = random.Random(seed)
    tables, edition = example({}, ())
    differing, reached = 0, set()
    for _ in range(0, count, 2000):
        cases = [damaged(tables, edition, r, date(2025, 9, 5), lists()) for _ in range(min(2000, count))]
        for case, places in zip(cases, judge_all(cases).places, strict=True):
            differing += judge(case) != places
            reached |= {place[0] for place in places}
    return {"dossiers": count, "differing": differing, "rules_reached": len(reached)}


def run(rounds: int = 3, **_: int) -> dict[str, Any]:
    """All figures of the rules."""
    with tempfile.TemporaryDirectory(prefix="bienho-bench-") as folder:
        peace = Plan(persons=BROKEN.persons, months=BROKEN.months, seed=BROKEN.seed, share_noncanonical=0.0)
        known = lists_of(Twin(peace, Path(folder) / "peace").versions)
        broken, clean = Twin(BROKEN, Path(folder) / "broken"), Twin(CLEAN, Path(folder) / "clean")
        known_clean = lists_of(clean.versions)
        house = House(broken.versions, known)
        figures = {"seed": BROKEN.seed, "broken": confusion(broken, house)}
        calm = House(clean.versions, known_clean)
        figures["clean"] = {"dossiers": len(clean.versions), "findings": len(calm.found())}
        figures["cost"] = cost(calm, rounds)
    figures["slow_judge"] = agreement(AGREE)
    return figures
