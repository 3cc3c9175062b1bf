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
from bienho.core.documents import read_yaml
from bienho.core.errors import IntegrityError
from bienho.quality import describe_cast_finding
from support.facts import SHARED

ROOM = Path(loader.__file__).parent
FILES = sorted((ROOM / "datasets").rglob("*.yaml"))
SCHEMA = json.loads((ROOM / "odcs_profile.schema.json").read_text(encoding="utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
VAULT = {
    "XML0": "MA_LK MA_BN HO_TEN SO_CCCD MA_THE_BHYT LY_DO_VNT DU_PHONG",
    "XML1": "MA_LK MA_BN HO_TEN SO_CCCD DIA_CHI DIEN_THOAI MA_THE_BHYT LY_DO_VV LY_DO_VNT CHAN_DOAN_VAO CHAN_DOAN_RV "
    "GIAY_CHUYEN_TUYEN PP_DIEU_TRI GHI_CHU MA_HSBA MA_TTDV DU_PHONG",
    "XML2": "MA_LK LIEU_DUNG CACH_DUNG MA_BAC_SI DU_PHONG",
    "XML3": "MA_LK MA_BAC_SI NGUOI_THUC_HIEN DU_PHONG",
    "XML4": "MA_LK MO_TA KET_LUAN MA_BS_DOC_KQ DU_PHONG",
    "XML5": "MA_LK DIEN_BIEN_LS GIAI_DOAN_BENH HOI_CHAN PHAU_THUAT NGUOI_THUC_HIEN DU_PHONG",
    "XML6": "MA_LK MA_THE_BHYT SO_CCCD DIA_CHI DU_PHONG",
    "XML7": "MA_LK SO_LUU_TRU MA_YTE NGUYENNHAN_DINHCHI CHAN_DOAN_RV PP_DIEUTRI GHI_CHU MA_TTDV MA_BS TEN_BS MA_CHA "
    "MA_ME MA_THE_TAM HO_TEN_CHA HO_TEN_ME DU_PHONG",
    "XML8": "MA_LK HO_TEN_CHA HO_TEN_ME NGUOI_GIAM_HO DON_VI CHAN_DOAN_VAO CHAN_DOAN_RV QT_BENHLY TOMTAT_KQ PP_DIEUTRI "
    "GHI_CHU MA_TTDV MA_THE_TAM DU_PHONG",
    "XML9": "MA_LK MA_BHXH_NND MA_THE_NND HO_TEN_NND SO_CCCD_NND NOICAP_CCCD_NND NOI_CU_TRU_NND HO_TEN_CHA MA_THE_TAM "
    "HO_TEN_CON NOI_SINH_CON TINH_TRANG_CON GHI_CHU NGUOI_DO_DE NGUOI_GHI_PHIEU SO QUYEN_SO MA_TTDV DU_PHONG",
    "XML10": "MA_LK SO_SERI SO_CT DON_VI CHAN_DOAN_RV MA_TTDV TEN_BS MA_BS DU_PHONG",
    "XML11": "MA_LK SO_CT SO_SERI SO_KCB DON_VI MA_BHXH MA_THE_BHYT CHAN_DOAN_RV PP_DIEUTRI NGUYENNHAN_DINHCHI "
    "HO_TEN_CHA HO_TEN_ME MA_TTDV MA_BS MA_THE_TAM DU_PHONG",
    "XML12": "NGUOI_CHU_TRI HO_TEN SO_CCCD NOI_CAP_CCCD DIA_CHI MA_BHXH MA_THE_BHYT NGHE_NGHIEP DIEN_THOAI SO_BIEN_BAN "
    "SO_GIAY_GIOI_THIEU MA_DONVI GIOI_THIEU_CUA KET_QUA_KHAM SO_VAN_BAN_CAN_CU DE_NGHI DUOC_XACDINH DU_PHONG",
    "XML13": "MA_LK SO_HOSO SO_CHUYENTUYEN GIAY_CHUYEN_TUYEN HO_TEN DIA_CHI MA_THE_BHYT DAU_HIEU_LS CHAN_DOAN_RV "
    "QT_BENHLY TOMTAT_KQ PP_DIEUTRI TINH_TRANG_CT HUONG_DIEU_TRI PHUONGTIEN_VC HOTEN_NGUOI_HT CHUCDANH_NGUOI_HT "
    "MA_BAC_SI MA_TTDV DU_PHONG",
    "XML14": "MA_LK SO_GIAYHEN_KL HO_TEN DIA_CHI MA_THE_BHYT CHAN_DOAN_RV MA_BAC_SI MA_TTDV DU_PHONG",
    "XML15": "MA_LK MA_BN HO_TEN SO_CCCD DU_PHONG",
}
RENAMED_13 = {"MA_NOI_DI": "MA_CSKCB_DI", "MA_NOI_DEN": "MA_CSKCB_DEN", "PP_DIEU_TRI": "TINH_TRANG_CT"}


def text_of(document: Any) -> str:
    return str(yaml.dump(document, Dumper=getattr(yaml, "CSafeDumper", yaml.SafeDumper)))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_file_obeys_schema_and_loader(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    VALIDATOR.validate(read_yaml(text))
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


@pytest.mark.parametrize(
    "dataset", ["standard.xml130_6", "standard.xml130_15", "conformed.hiv_care", "conformed.tb_care"]
)
def test_hiv_and_tuberculosis_are_sensitive_down_to_their_keys(dataset: str) -> None:
    # A row says by itself that someone is in care, so a role without the sensitive class may not even count keys.
    kept = [one for one in catalogue()[dataset].lake_fields if one.name != "STT"]
    assert {one.data_class for one in kept} == {"sensitive"}


def _facts() -> list[dict[str, str]]:
    with (SHARED / "facts" / "xml130" / "schema.csv").open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


@pytest.mark.shared
def test_every_field_of_the_facts_is_in_its_contract_in_order() -> None:
    facts = _facts()
    with (ROOM / "sources" / "xml130_fields.csv").open(encoding="utf-8", newline="") as handle:
        ours = [(row["table"], row["stt"], row["field"]) for row in csv.DictReader(handle)]
    assert ours == [(row["table"], row["stt"], row["field"]) for row in facts]
    in_force = [row for row in facts if row["stt"]]
    assert len(in_force) == 479
    contracts = {one.standard_table: one for one in catalogue().in_zone("standard") if one.standard_table}
    assert set(contracts) == {row["table"] for row in facts} == {f"XML{number}" for number in range(16)}
    for table, contract in contracts.items():
        assert [(str(field.stt), field.name) for field in contract.official_fields if not field.dropped_in] == [
            (row["stt"], row["field"]) for row in in_force if row["table"] == table
        ]


@pytest.mark.shared
def test_fields_are_as_long_as_demanded_and_as_old_as_the_facts_say() -> None:
    demand = {"required": True, "optional": False}
    differs = set()
    for row in _facts():
        if not row["stt"]:
            continue
        field = catalogue()[f"standard.xml130_{row['table'][3:]}"].by_name[row["field"]]
        longest = None if row["max_length"] == "n" else int(row["max_length"])
        # No source admits less than the newest edition prints; a larger size of another source is taken.
        assert field.max_length is None if longest is None else (field.max_length or 0) >= longest, field
        first, _, old = row["introduced_in"].partition(" ")
        if old:
            name = next(word for word in old.strip("()").split() if word.isupper())
            assert field.renamed_from == name
            first = field.introduced_in if first == field.renamed_in else first
        assert field.introduced_in == first
        if demand.get(row["required"], False) != field.required:
            differs.add((row["table"], row["field"]))
        elif row["required"] not in demand:
            assert field.required_when == row["required"]
    # The facts themselves say when the remark of a birth slip is written. The others are printed as mandatory, but have
    # no value that fits someone without HIV, without resistance, or still on the first regimen.
    assert differs == {
        ("XML9", "GHI_CHU"), ("XML15", "PHANLOAI_LAO_KT"), ("XML15", "BDDT_ARV"), ("XML15", "NGAY_BAT_DAU_DT_CTX"),
        ("XML6", "NGAY_CHUYEN_PHAC_DO"), ("XML6", "LY_DO_CHUYEN_PHAC_DO"),
    }  # fmt: skip


@pytest.mark.shared
def test_sub_files_are_wrapped_as_the_facts_say() -> None:
    lines = (SHARED / "facts" / "xml130" / "elements.md").read_text(encoding="utf-8").splitlines()
    cells = [[cell.strip().strip("`") for cell in line.split("|")[1:-1]] for line in lines if line.startswith("| XML")]
    seen = set()
    for table, _, root, rows, row, count in cells:
        contract = catalogue()[f"standard.xml130_{table[3:]}"]
        wire = contract.wire
        assert wire is not None
        named = (rows, row) if rows != "-" else (None, None)
        assert (wire.root, wire.rows, wire.row) == (root, *named)
        assert wire.single == (rows == "-")
        assert sum(field.stt is not None for field in contract.official_fields) == int(count)
        seen.add(table)
    assert seen == {f"XML{number}" for number in range(16)}
    bare = {one.standard_table for one in catalogue().values() if one.wire is not None and one.wire.bare}
    assert bare == {"XML0", "XML12"}


def test_every_received_type_is_described_as_what_it_is() -> None:
    for contract in catalogue().in_zone("standard"):
        for field in contract.official_fields:
            if field.received_type:
                told = describe_cast_finding(contract.standard_table or "", 1, field.name, "IN-CAST", None).message
                assert told.endswith("phần lẻ sau dấu chấm.") == field.received_type.startswith("decimal"), field
                assert ("dấu chấm phẩy" in told) == field.received_type.endswith("_list"), field


def test_a_referral_is_read_in_both_spellings() -> None:
    contract = catalogue()["standard.xml130_13"]
    renamed = {field.renamed_from: field.name for field in contract.fields if field.renamed_in == "3176"}
    assert renamed == RENAMED_13
    dropped = [field.name for field in contract.official_fields if field.dropped_in]
    assert dropped == ["TEN_DICH_VU", "TEN_THUOC"]
    names = [field.name for field in contract.official_fields]
    assert names.index("MA_BENH_YHCT") + 1 == names.index("TEN_DICH_VU")
    assert (len(names), sum(field.stt is not None for field in contract.official_fields)) == (39, 37)


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
    "no exception stated": lambda document: document["customProperties"].pop(8),
    "a list without its row element": lambda document: document["customProperties"].remove(
        {"property": "wireRow", "value": "CHI_TIET_THUOC"}
    ),
    "an old name without its edition": lambda document: next(
        one for one in document["schema"][0]["properties"] if one["name"] == "TYLE_TT_BH"
    )["customProperties"].remove({"property": "renamedIn", "value": "130"}),
    "vault field that is a number": _set("schema/0/properties/2/physicalType", "BIGINT"),
}


@pytest.mark.parametrize("name", [*WRONG, *WRONG_ACROSS])
def test_a_wrong_file_is_refused(name: str) -> None:
    document = read_yaml((ROOM / "datasets" / "standard" / "xml130_2.yaml").read_text(encoding="utf-8"))
    right = copy.deepcopy(document)
    load(text_of(right))
    ({**WRONG, **WRONG_ACROSS}[name])(document)
    assert document != right
    with pytest.raises(IntegrityError, match="INT-CONTRACT"):
        load(text_of(document))
    if name in WRONG:
        with pytest.raises(jsonschema.ValidationError):
            VALIDATOR.validate(document)
