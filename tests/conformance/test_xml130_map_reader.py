"""From the bytes of a file to the common tables, for every table of every edition and both spellings of a referral."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import duckdb
import pytest

from bienho.contracts import catalogue
from bienho.standards.xml130 import Dossier, columns, read_delivery
from bienho.standards.xml130 import map as xml130_map
from bienho.standards.xml130.write import Style, write_assessment, write_check_in, write_delivery
from support.model_runner import fetch, put, run, warehouse
from support.xml130_samples import make_rows, make_tables, tables_of, versioned

PAPERS = {
    "XML6": "hiv_care",
    "XML7": "document",
    "XML8": "document",
    "XML9": "birth",
    "XML10": "document",
    "XML11": "document",
    "XML13": "referral",
    "XML14": "appointment",
    "XML15": "tb_care",
}


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with warehouse({}) as opened:
        yield opened


def mapped(connection: duckdb.DuckDBPyConnection, files: Sequence[bytes]) -> list[Dossier]:
    read = [one for data in files for one in read_delivery(data, board_facility="52001").dossiers]
    dossiers = [one for one in read if isinstance(one, Dossier)]
    assert len(dossiers) == len(read)
    named = [
        replace(made, encounter_key=made.dossier_key if one.document == "visit" else None)
        for number, one in enumerate(dossiers, 1)
        for made in [versioned(one, number)]
    ]
    for dataset, table in columns.build(named).items():
        put(connection, dataset, table)
    run(connection, xml130_map.models())
    return dossiers


def came_from(connection: duckdb.DuckDBPyConnection) -> set[tuple[Any, ...]]:
    found = {(r["version_id"], "XML1", 1) for r in fetch(connection, "FROM conformed.encounter")}
    for contract in catalogue().in_zone("conformed"):
        if contract.name not in ("unmapped", "claim_item") and "table_name" in contract.by_name:
            rows = fetch(connection, f"SELECT DISTINCT version_id, table_name, row_no FROM {contract.id}")
            found |= {tuple(row.values()) for row in rows}
    return found


@pytest.mark.parametrize("version", ["130", "4750", "3176"])
def test_every_table_of_an_edition_becomes_common_rows(connection: duckdb.DuckDBPyConnection, version: str) -> None:
    tables = make_tables(version, tables=tables_of(version))
    visit = write_delivery([tables], facility="64001", created="20260103", version=version)
    check_in = write_check_in(make_rows("XML0", version, 1), version=version)
    board = write_assessment(make_rows("XML12", version, 1), version=version)
    dossiers = mapped(connection, [visit, check_in, board])
    assert [one.document for one in dossiers] == ["visit", "check_in", "assessment"]
    received = {
        (number * 1_000_000 + one.hoso, table, row)
        for number, one in enumerate(dossiers, 1)
        for table, rows in one.tables.items()
        for row in range(1, len(rows) + 1)
    }
    assert {table for _, table, _ in received} == {*tables, "XML0", "XML12"}
    assert came_from(connection) == received
    assert not fetch(connection, "FROM conformed.unmapped")
    for table in tables_of(version):
        if table in PAPERS:
            rows = fetch(connection, f"FROM conformed.{PAPERS[table]} WHERE table_name = '{table}'")
            assert len(rows) == len(tables[table])
    assert len(fetch(connection, "FROM conformed.encounter")) == 1


def test_both_spellings_of_a_referral_give_the_same_columns(connection: duckdb.DuckDBPyConnection) -> None:
    slip = make_rows("XML13", "4750", 1)[0] | {"MA_CSKCB_DI": "52001", "MA_CSKCB_DEN": "64001", "MA_LYDO_CT": "3"}
    slip |= {"MA_BENH_CHINH": "J18.9"}
    old = {"MA_NOI_DI", "MA_NOI_DEN", "PP_DIEU_TRI", "TEN_DICH_VU", "TEN_THUOC"}
    new = {"MA_CSKCB_DI", "MA_CSKCB_DEN", "TINH_TRANG_CT"}
    seen = []
    for version, here, elsewhere in (("4750", old, new), ("3176", new, old)):
        tables = make_tables("3176", tables=("XML1",))
        tables["XML13"] = [{name: text for name, text in slip.items() if version == "4750" or name not in old}]
        if version == "4750":
            tables["XML1"] = make_tables("4750", tables=("XML1",))["XML1"]
        tables["XML1"][0]["NGAY_RA"] = "202601020930"
        style = Style(nested=True)
        data = write_delivery([tables], facility="64001", created="20260103", version=version, style=style)
        assert all(f"<{name}>".encode() in data for name in here)
        assert not any(f"<{name}>".encode() in data.split(b"XML13")[1] for name in elsewhere)
        (dossier,) = mapped(connection, [data])
        assert dossier.format_version == version
        (row,) = fetch(connection, "FROM conformed.referral")
        assert (row["service_names"] is None) == (row["drug_names"] is None) == (version == "3176")
        seen.append({name: row[name] for name in row if not name.endswith("_names")})
    assert seen[0] == seen[1]
    assert (seen[0]["from_codes"], seen[0]["to_code"], seen[0]["main_icd10"]) == ("52001", "64001", "J18.9")
    assert seen[0]["reason_name"] == "Theo yêu cầu người bệnh/đại diện"
    assert seen[0]["has_condition"]
