"""The rules: what they find of what was broken on purpose, whether a slow judge agrees, what they and an ingest cost.

The twin breaks rules from a table of its own (`synthetic/data/violations.csv`), which shares no condition with the rule
files. Of every rule: broken how often, found at the very place, found at all; and what was found of dossiers in which
nothing was broken, which must be nothing.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from unittest import mock

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from bench.agree import agreement
from bench.ingest import one_ingest
from bench.measure import mean
from bienho.contracts import casts, catalogue
from bienho.pipeline.casting import CastScan
from bienho.pipeline.ruling import RuleScan
from bienho.quality.rule_judge import Plan as Asked
from bienho.quality.rule_judge import checks, judge, plan
from bienho.quality.rule_lists import CodeLists
from bienho.quality.rule_model import rules
from bienho.quality.rule_rows import MACROS, contract_of, dataset_of, texts_of
from bienho.standards.xml130 import TABLES, Dossier, Versioned, columns, read_delivery
from bienho.synthetic import Plan, generate
from bienho.terminology import builtin_editions, reference_tables

BROKEN = Plan(persons=6000, months=12, seed=20261126, share_noncanonical=0.0, violations=0.9)
CLEAN = Plan(persons=3000, months=12, seed=20261127)
HEADS = "standard.xml130_dossier"
RECEIVED = datetime(2026, 9, 1, tzinfo=UTC)
PARTS = 11
"""Twins of some 19,000 dossiers each."""
LINES = 30
GROWING = ("XML2", "XML3", "XML4")
"""Tables that long visits have more rows of."""
TAKEN_IN, ROUNDS = 900, 3
AGREE = 1_000
"""Dossiers that the slow judge sees here; `make soak` shows it 20,000."""
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

    def lengthen(self, lines: int) -> None:
        """Repeat the lines of dossiers until there are `lines` rows a dossier."""
        rows, visits = self.size()
        growing = [dataset_of(table) for table in GROWING]
        spare = sum(self._tables[name].num_rows for name in growing)
        times = max(1, round((lines * visits - (rows - spare)) / spare))
        for name in growing:
            self._tables[name] = _repeated(self.connection, self._tables[name], times)
            self._put(name, self._tables[name])
        for name in {texts_of(table) for table in GROWING} & self._texts.keys():
            self._texts[name] = _repeated(self.connection, self._texts[name], times)

    def scan(self) -> float:
        """CPU of a plain pass over the very columns the rules read."""
        began = time.process_time()
        for table, names in self.plan.columns.items():
            asked = ", ".join(f"""max("{name}"), count(*) FILTER ("{name}" <> '')""" for name in names)
            self.connection.execute(f"SELECT {asked} FROM {dataset_of(table)}").fetchall()
        return time.process_time() - began

    def size(self) -> tuple[int, int]:
        """(rows of all tables but the heads, dossiers)."""
        rows = sum(table.num_rows for name, table in self._tables.items() if name != HEADS)
        return rows, self._tables[HEADS].num_rows

    def judge(self) -> float:
        """CPU of all rules over the dossiers that are here."""
        began = time.process_time()
        judge(self.ask, self.plan, self._tables, self._texts, CodeLists())
        return time.process_time() - began


def _repeated(connection: duckdb.DuckDBPyConnection, table: pa.Table, times: int) -> pa.Table:
    """Each row `times` over, under other numbers."""
    connection.register("incoming", table)
    made = connection.execute(
        f"SELECT t.* REPLACE (row_no + m * 1000 AS row_no) FROM incoming AS t, range({times}) AS q(m)"
        " ORDER BY version_id, row_no"
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


def cost(folder: Path) -> dict[str, Any]:
    """CPU of all rules over dossiers of which no two are alike, each judged once, a part at a time as when the whole
    lake is judged again; beside it a plain pass over the same columns of the same part.

    First the dossiers as the twin has them, then the same with their lines repeated until there are `LINES` of them.
    """
    spent = {name: Counter[str]() for name in ("as_they_are", "with_more_lines")}
    every = 0
    for number in range(PARTS):
        twin = Twin(Plan(persons=CLEAN.persons * 2, months=CLEAN.months, seed=CLEAN.seed + 1 + number), folder / "part")
        shutil.rmtree(folder / "part")
        house = House(twin.versions, lists_of(twin.versions))
        del twin
        if not number:
            house.judge()
        for name, told in spent.items():
            if name == "with_more_lines":
                house.lengthen(LINES)
            lines, dossiers = house.size()
            told.update({"dossiers": dossiers, "lines": lines})
            told["rules_us"] += round(house.judge() * 1e6)
            told["scan_us"] += round(house.scan() * 1e6)
        every = len(house.plan.checks)
    return {"checks": every, **{name: _told(told) for name, told in spent.items()}, "target_a_million_on_2_cores_s": 45}


def _told(spent: Counter[str]) -> dict[str, Any]:
    each = spent["rules_us"] / spent["dossiers"]
    return {
        "dossiers": spent["dossiers"],
        "lines": spent["lines"],
        "rules_cpu_s": round(spent["rules_us"] / 1e6, 2),
        "scan_cpu_s": round(spent["scan_us"] / 1e6, 2),
        "ratio_to_scan": round(spent["rules_us"] / spent["scan_us"], 2),
        "us_per_dossier": round(each, 1),
        "us_per_line": round(spent["rules_us"] / spent["lines"], 2),
        "extrapolated_a_million_dossiers_cpu_s": round(each, 1),
        "extrapolated_a_million_dossiers_on_2_cores_s": round(each / 2, 1),
    }


def taken_in(folder: Path, rounds: int) -> dict[str, Any]:
    """CPU of one ingest with the rules and without them, in turns; without: nobody asks the writer's rules."""
    corpus = folder / "corpus"
    generate(Plan(persons=TAKEN_IN, months=12, seed=CLEAN.seed), corpus)
    spent: dict[str, list[float]] = {"with": [], "without": []}
    one_ingest(corpus, conformed=True)  # what a process pays once
    dossiers = 0
    for number in range(2 * rounds):
        name = ("with", "without")[number % 2]
        silent = mock.patch.object(RuleScan, "run", return_value={}) if name == "without" else nullcontext()
        with silent:
            one, dossiers = one_ingest(corpus, conformed=True)
        spent[name].append(one.cpu_s)
    shares = [without / ruled for ruled, without in zip(spent["with"], spent["without"], strict=True)]
    return {
        "dossiers": dossiers,
        **{f"cpu_s_{name}_rules": mean(given) for name, given in spent.items()},
        "share_of_ingest_without_rules": mean(shares),
        "target": 0.8,
    }


def run(rounds: int = 3, **_: int) -> dict[str, Any]:
    """All figures of the rules."""
    with tempfile.TemporaryDirectory(prefix="bienho-bench-") as name:
        folder = Path(name)
        peace = Plan(persons=BROKEN.persons, months=BROKEN.months, seed=BROKEN.seed, share_noncanonical=0.0)
        known = lists_of(Twin(peace, folder / "peace").versions)
        broken = Twin(BROKEN, folder / "broken")
        figures = {"seed": BROKEN.seed, "broken": confusion(broken, House(broken.versions, known))}
        del broken
        clean = Twin(CLEAN, folder / "clean")
        calm = House(clean.versions, lists_of(clean.versions))
        figures["clean"] = {"dossiers": len(clean.versions), "findings": len(calm.found())}
        del clean, calm
        figures["cost"] = cost(folder)
        figures["ingest"] = taken_in(folder, min(rounds, ROUNDS))
    figures["slow_judge"] = agreement(AGREE)
    return figures
