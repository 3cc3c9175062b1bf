"""A twin as dossiers in memory and the house that judges them: what the benches of rules share."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from bienho.contracts import casts, catalogue
from bienho.pipeline.casting import CastScan
from bienho.quality.rule_judge import Plan as Asked
from bienho.quality.rule_judge import checks, judge, plan
from bienho.quality.rule_lists import CodeLists
from bienho.quality.rule_rows import MACROS, dataset_of, texts_of
from bienho.standards.xml130 import TABLES, Dossier, Versioned, columns, read_delivery
from bienho.synthetic import Plan, generate
from bienho.terminology import builtin_editions, reference_tables

HEADS = "standard.xml130_dossier"
RECEIVED = datetime(2026, 9, 1, tzinfo=UTC)
GROWING = ("XML2", "XML3", "XML4")
"""Tables that long visits have more rows of."""
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
        times = max(1.0, (lines * visits - (rows - spare)) / spare)
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


def _repeated(connection: duckdb.DuckDBPyConnection, table: pa.Table, times: float) -> pa.Table:
    """Each row `times` over, under other numbers; of a part of a time, so large a share of the dossiers once more."""
    whole, share = divmod(times, 1.0)
    connection.register("incoming", table)
    made = connection.execute(
        f"SELECT t.* REPLACE (row_no + m * 1000 AS row_no) FROM incoming AS t, range({int(whole) + 1}) AS q(m)"
        f" WHERE m < {int(whole)} OR version_id % 1000 < {round(share * 1000)} ORDER BY version_id, row_no"
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
