"""Every contract of the house obeys the profile, by JSON Schema and by the loader; DuckDB takes its table."""

from __future__ import annotations

import copy
import csv
import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import jsonschema
import pyarrow as pa
import pytest
import yaml

from bienho.contracts import catalogue, load, loader
from bienho.core.errors import IntegrityError

ROOM = Path(loader.__file__).parent
FILES = sorted((ROOM / "datasets").rglob("*.yaml"))
SCHEMA = json.loads((ROOM / "odcs_profile.schema.json").read_text(encoding="utf-8"))
VAULT = {
    "XML1": "MA_LK MA_BN HO_TEN SO_CCCD DIA_CHI DIEN_THOAI MA_THE_BHYT LY_DO_VV LY_DO_VNT CHAN_DOAN_VAO CHAN_DOAN_RV "
    "GIAY_CHUYEN_TUYEN PP_DIEU_TRI GHI_CHU MA_HSBA MA_TTDV DU_PHONG",
    "XML2": "MA_LK LIEU_DUNG CACH_DUNG MA_BAC_SI DU_PHONG",
    "XML3": "MA_LK MA_BAC_SI NGUOI_THUC_HIEN DU_PHONG",
    "XML4": "MA_LK MO_TA KET_LUAN MA_BS_DOC_KQ DU_PHONG",
    "XML5": "MA_LK DIEN_BIEN_LS GIAI_DOAN_BENH HOI_CHAN PHAU_THUAT NGUOI_THUC_HIEN DU_PHONG",
}
SHARED = Path(__file__).resolve().parents[3] / "shared" / "facts" / "xml130" / "schema.csv"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_file_obeys_schema_and_loader(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    jsonschema.validate(yaml.safe_load(text), SCHEMA, cls=jsonschema.Draft202012Validator)
    contract = load(text, file.name)
    assert file.parent.name == contract.zone
    assert file.stem == contract.name


def test_duckdb_takes_every_table_and_gives_its_arrow_schema() -> None:
    with duckdb.connect() as connection:
        for contract in catalogue().values():
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS {contract.zone}")
            connection.execute(contract.ddl("memory"))
            got = connection.execute(f"FROM {contract.id}").to_arrow_table().schema
            assert [(one.name, one.type) for one in got] == [
                (one.name, pa.timestamp("us", tz=got.field(one.name).type.tz) if _zoned(one.type) else one.type)
                for one in contract.arrow_schema()
            ]


def _zoned(kind: pa.DataType) -> bool:
    return pa.types.is_timestamp(kind) and kind.tz is not None


def test_the_vault_holds_exactly_the_fields_decided() -> None:
    for table, names in VAULT.items():
        contract = catalogue()[f"standard.xml130_{table[3:]}"]
        assert [field.name for field in contract.vault_fields] == sorted(
            names.split(), key=list(contract.by_name).index
        )
        assert set(contract.vault_fields) | set(contract.lake_fields) == set(contract.fields)


def test_generated_contracts_are_what_the_tool_writes() -> None:
    path = ROOM.parents[2] / "tools" / "xml130_contracts.py"
    spec = importlib.util.spec_from_file_location("xml130_contracts", path)
    assert spec is not None
    assert spec.loader is not None
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    for name, text in tool.documents().items():
        assert (ROOM / "datasets" / "standard" / name).read_text(encoding="utf-8") == text


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.exists(), reason="needs the shared facts")
def test_no_field_of_the_facts_is_missing() -> None:
    with SHARED.open(encoding="utf-8", newline="") as handle:
        facts = [(row["table"], row["stt"], row["field"]) for row in csv.DictReader(handle)]
    with (ROOM / "sources" / "xml130_fields.csv").open(encoding="utf-8", newline="") as handle:
        ours = [(row["table"], row["stt"], row["field"]) for row in csv.DictReader(handle)]
    assert ours == facts
    for number in range(1, 6):
        contract = catalogue()[f"standard.xml130_{number}"]
        assert [(f"XML{number}", str(field.stt), field.name) for field in contract.official_fields] == [
            row for row in facts if row[0] == f"XML{number}"
        ]


def _set(path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(document: dict[str, Any]) -> None:
        *parents, last = path.split("/")
        place: Any = document
        for step in parents:
            place = place[int(step)] if step.isdigit() else place[step]
        if value is None:
            del place[last]
        else:
            place[last] = value

    return change


WRONG = {
    "unknown key": _set("colour", "red"),
    "missing key": _set("status", None),
    "unknown key of a field": _set("schema/0/properties/2/colour", "red"),
    "unknown custom property": _set("schema/0/properties/2/customProperties", [{"property": "x", "value": 1}]),
    "class": _set("schema/0/properties/2/classification", "secret"),
    "type": _set("schema/0/properties/2/physicalType", "MONEY"),
    "required as text": _set("schema/0/properties/2/required", "yes"),
    "zone": _set("customProperties/2/value", "attic"),
    "no retention": _set("slaProperties", []),
}
WRONG_ACROSS = {
    "id and name differ": _set("name", "other"),
    "narrative outside the vault": _set("schema/0/properties/5/classification", "text"),
    "doubled column": _set("schema/0/properties/3/name", "MA_LK"),
    "no key": lambda document: [one.pop("primaryKey", None) for one in document["schema"][0]["properties"]],
    "no exception stated": lambda document: document["customProperties"].pop(),
    "vault field that is a number": _set("schema/0/properties/2/physicalType", "BIGINT"),
}


@pytest.mark.parametrize("name", [*WRONG, *WRONG_ACROSS])
def test_a_wrong_file_is_refused(name: str) -> None:
    document = yaml.safe_load((ROOM / "datasets" / "standard" / "xml130_2.yaml").read_text(encoding="utf-8"))
    right = copy.deepcopy(document)
    load(yaml.safe_dump(right))
    ({**WRONG, **WRONG_ACROSS}[name])(document)
    assert document != right
    with pytest.raises(IntegrityError, match="INT-CONTRACT"):
        load(yaml.safe_dump(document))
    if name in WRONG:
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(document, SCHEMA, cls=jsonschema.Draft202012Validator)
