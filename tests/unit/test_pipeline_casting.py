"""The scan of a batch by its different texts finds what one plain query per table finds."""

from __future__ import annotations

import random

import duckdb
import pyarrow as pa
import pytest

from bienho.contracts import casts, catalogue
from bienho.core.finding import Finding
from bienho.pipeline.casting import CastScan
from bienho.quality import describe_cast_finding
from bienho.standards.xml130 import TABLES, Dossier, columns, read_delivery
from bienho.standards.xml130.write import write_delivery
from support.cast_sql import cast_findings_sql
from support.xml130_samples import make_tables, tables_of, versioned

TEXTS = (
    "", "*", "0", "1", "12", "1.5", "1,5", "1e5", "-3", " 7 ", "9" * 19, "20260101", "20260230", "20260200",
    "202601010930",
    "202601012530", "202601010000", "19900000", "20260101;20260102", "20260101;", "202601010930;20260101", "1.5;2", "x",
)  # fmt: skip


def build(seed: int) -> dict:
    """Tables of a batch in which every field of a type says something by chance."""
    chance, versions = random.Random(seed), []
    for number, version in enumerate(("4210", "130", "4750", "3176")):
        tables = make_tables(version, lines=3, tables=tables_of(version))
        data = write_delivery([tables], facility="64001", created="20260103", version=version)
        (dossier,) = read_delivery(data).dossiers
        assert isinstance(dossier, Dossier)
        made = versioned(dossier)
        object.__setattr__(made, "version_id", 1_000_001 + number)
        versions.append(made)
    built = columns.build(versions)
    for name, table in built.items():
        for field in catalogue()[name].official_fields if name != "standard.xml130_dossier" else ():
            if field.received_type is not None:
                texts = [chance.choice([None, *TEXTS]) for _ in range(table.num_rows)]
                at = table.schema.get_field_index(field.name)
                table = table.set_column(at, table.schema.field(at), pa.array(texts, pa.string()))
        built[name] = table
    return built


@pytest.mark.parametrize("seed", range(3))
def test_finds_what_a_plain_query_finds_in_its_order(seed: int) -> None:
    tables = build(seed)
    expected: dict[int, list[Finding]] = {}
    with duckdb.connect() as connection:
        connection.execute(casts.MACROS)
        connection.execute("CREATE SCHEMA standard")
        for name, table in tables.items():
            connection.register("incoming", table)
            connection.execute(f"CREATE TABLE {name} AS FROM incoming")
            connection.unregister("incoming")
        for table in TABLES:
            sql = cast_findings_sql(catalogue()[columns.dataset_of(table)])
            for version, *said in connection.execute(f"SELECT * FROM ({sql}) ORDER BY ALL").fetchall():
                expected.setdefault(version, []).append(describe_cast_finding(*said))
        found = CastScan(connection).run(tables)
    order = {table: place for place, table in enumerate(TABLES)}
    assert sum(map(len, expected.values())) > 200
    assert {version: sorted(one, key=lambda f: order[f.table]) for version, one in found.items()} == expected


def test_a_sound_or_empty_batch_has_no_finding() -> None:
    with duckdb.connect() as connection:
        connection.execute(casts.MACROS)
        assert CastScan(connection).run(columns.build([])) == {}
