"""Loads the ODCS files of `datasets/` into a Catalogue; refuses what the profile does not know.

The profile is also written as JSON Schema in `odcs_profile.schema.json`; a test holds the two together.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any, cast, get_args

from bienho.contracts import casts
from bienho.contracts.model import Contract, DataClass, Field, Shape, Wire, arrow_type
from bienho.contracts.quality import QualityCheck, quality_check
from bienho.core.documents import read_yaml
from bienho.core.errors import IntegrityError

ZONES = ("standard", "conformed", "quality", "derived", "reference", "journal")
_LOGICAL = {"string", "date", "timestamp", "time", "number", "integer", "boolean", "object", "array"}
_DOCUMENT = {
    "apiVersion": str,
    "kind": str,
    "id": str,
    "version": str,
    "status": str,
    "name": str,
    "domain": str,
    "description": dict,
    "schema": list,
    "slaProperties": list,
    "customProperties": list,
}
_TABLE = {
    "name": str,
    "physicalName": str,
    "physicalType": str,
    "logicalType": str,
    "dataGranularityDescription": str,
    "properties": list,
}
_PROPERTY = {
    "name": str,
    "logicalType": str,
    "physicalType": str,
    "classification": str,
    "description": str,
}
_PROPERTY_OPTIONAL = {
    "required": bool, "primaryKey": bool, "logicalTypeOptions": dict, "customProperties": list, "quality": list,
}  # fmt: skip
_CUSTOM_TABLE: dict[str, type] = {
    "titleVi": str,
    "titleEn": str,
    "zone": str,
    "ownerUnit": str,
    "legalBasis": str,
    "cadence": str,
    "versioned": bool,
}
_CUSTOM_TABLE_OPTIONAL: dict[str, type] = {
    "standardTable": str,
    "exceptions": str,
    "wireRoot": str,
    "wireList": str,
    "wireRow": str,
    "bare": bool,
}
_CUSTOM_FIELD: dict[str, type] = {
    "stt": int,
    "vault": bool,
    "shape": str,
    "receivedType": str,
    "codeSystem": str,
    "introducedIn": str,
    "renamedFrom": str,
    "renamedIn": str,
    "droppedIn": str,
    "requiredFrom": str,
    "requiredUntil": str,
    "requiredWhen": str,
    "requiredRule": int,
    "formatRule": int,
}
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


class Catalogue(Mapping[str, Contract]):
    """Every dataset by id, in order of zone and name."""

    def __init__(self, contracts: list[Contract]) -> None:
        ordered = sorted(contracts, key=lambda one: (ZONES.index(one.zone), one.name))
        self._contracts = {one.id: one for one in ordered}
        if len(self._contracts) != len(contracts):
            raise _broken("catalogue", "hai tệp khai cùng một id")

    def __getitem__(self, dataset: str) -> Contract:
        return self._contracts[dataset]

    def __iter__(self) -> Iterator[str]:
        return iter(self._contracts)

    def __len__(self) -> int:
        return len(self._contracts)

    def in_zone(self, zone: str) -> tuple[Contract, ...]:
        """Contracts of one zone."""
        return tuple(one for one in self._contracts.values() if one.zone == zone)


@cache
def catalogue() -> Catalogue:
    """The catalogue of this release; read once. IntegrityError INT-CONTRACT when a file breaks the profile."""
    files = sorted(_yaml_files(resources.files("bienho.contracts").joinpath("datasets")), key=str)
    return Catalogue([load(file.read_text(encoding="utf-8"), str(file)) for file in files])


def _yaml_files(folder: Traversable) -> Iterator[Traversable]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _yaml_files(entry)
        elif entry.name.endswith(".yaml"):
            yield entry


def load(text: str, origin: str = "contract") -> Contract:
    """One contract from its YAML text; IntegrityError INT-CONTRACT names the file and the place."""
    document = read_yaml(text)
    _shape(document, _DOCUMENT, {}, origin)
    custom = _custom(document["customProperties"], _CUSTOM_TABLE, _CUSTOM_TABLE_OPTIONAL, origin)
    if len(document["schema"]) != 1:
        raise _broken(origin, "schema phải có đúng một bảng")
    table = document["schema"][0]
    _shape(table, _TABLE, {"quality": list}, f"{origin}: schema")
    _shape(document["description"], {"purpose": str, "usage": str}, {}, f"{origin}: description")
    fields = tuple(_field(entry, origin) for entry in table["properties"])
    contract = Contract(
        id=document["id"],
        zone=custom["zone"],
        name=document["name"],
        version=document["version"],
        key=tuple(field.name for field in fields if field.primary_key),
        grain=table["dataGranularityDescription"],
        owner=custom["ownerUnit"],
        legal_basis=custom["legalBasis"],
        retention=_retention(document["slaProperties"], origin),
        cadence=custom["cadence"],
        versioned=custom["versioned"],
        title_vi=custom["titleVi"],
        title_en=custom["titleEn"],
        description=document["description"]["purpose"],
        usage=document["description"]["usage"],
        fields=fields,
        standard_table=custom.get("standardTable"),
        exceptions=custom.get("exceptions"),
        wire=_wire(custom, origin),
        quality=_quality(table, origin),
    )
    _cross_check(document, table, contract, origin)
    return contract


def _quality(table: Mapping[str, Any], origin: str) -> tuple[QualityCheck, ...]:
    places = [(None, table), *((entry["name"], entry) for entry in table["properties"])]
    try:
        found = tuple(quality_check(one, name) for name, place in places for one in place.get("quality", ()))
    except ValueError as error:
        raise _broken(origin, str(error)) from error
    if len({check.name for check in found}) != len(found):
        raise _broken(origin, "hai mục quality cùng tên")
    return found


def _wire(custom: Mapping[str, Any], origin: str) -> Wire | None:
    root, rows, row = (custom.get(key) for key in ("wireRoot", "wireList", "wireRow"))
    if (rows is None) != (row is None) or (root is None and (rows or "bare" in custom)):
        raise _broken(origin, "wireList và wireRow đi cùng nhau, và cần wireRoot")
    return None if root is None else Wire(root, rows, row, custom.get("bare", False))


def _field(entry: Any, origin: str) -> Field:
    _shape(entry, _PROPERTY, _PROPERTY_OPTIONAL, f"{origin}: properties")
    where = f"{origin}: {entry['name']}"
    custom = _custom(entry.get("customProperties", []), {}, _CUSTOM_FIELD, where)
    options = entry.get("logicalTypeOptions", {})
    _shape(options, {}, {"maxLength": int}, where)
    if entry["classification"] not in get_args(DataClass):
        raise _broken(where, "classification không có trong bốn lớp dữ liệu")
    if custom.get("shape", "free") not in get_args(Shape):
        raise _broken(where, "shape không hợp lệ")
    if entry["logicalType"] not in _LOGICAL or not _NAME.fullmatch(entry["name"]):
        raise _broken(where, "tên hoặc logicalType không hợp lệ")
    try:
        arrow_type(entry["physicalType"])
        if custom.get("receivedType"):
            casts.fits(custom["receivedType"], entry["name"])
    except ValueError as error:
        raise _broken(where, str(error)) from error
    return Field(
        name=entry["name"],
        logical_type=entry["logicalType"],
        physical_type=entry["physicalType"],
        data_class=cast(DataClass, entry["classification"]),
        description=entry["description"],
        in_vault=custom.get("vault", False),
        required=entry.get("required", False),
        primary_key=entry.get("primaryKey", False),
        max_length=options.get("maxLength"),
        code_system=custom.get("codeSystem"),
        introduced_in=custom.get("introducedIn"),
        renamed_from=custom.get("renamedFrom"),
        renamed_in=custom.get("renamedIn"),
        dropped_in=custom.get("droppedIn"),
        received_type=custom.get("receivedType"),
        shape=cast(Shape, custom.get("shape", "free")),
        stt=custom.get("stt"),
        required_when=custom.get("requiredWhen"),
        required_from=custom.get("requiredFrom"),
        required_until=custom.get("requiredUntil"),
        required_rule=custom.get("requiredRule"),
        format_rule=custom.get("formatRule"),
    )


def _cross_check(document: dict[str, Any], table: dict[str, Any], contract: Contract, origin: str) -> None:
    """What no single key can say: names agree, keys exist, the vault and classes make sense."""
    names = [field.name.lower() for field in contract.fields]
    official = contract.official_fields
    problems = {
        "zone không có trong nhà": contract.zone not in ZONES,
        "id phải là zone.name": contract.id != f"{contract.zone}.{contract.name}",
        "tên bảng khác name": table["name"] != contract.name or table["physicalName"] != contract.id,
        "apiVersion phải là v3.1.0": document["apiVersion"] != "v3.1.0" or document["kind"] != "DataContract",
        "trùng tên cột": len(set(names)) != len(names),
        "bảng không có khóa": not contract.key,
        "bảng có phiên bản phải có version_id": contract.versioned and "version_id" not in names,
        "trường vào két phải là chữ, thuộc lớp personal hoặc text": any(
            field.physical_type != "VARCHAR" or field.data_class not in ("personal", "text")
            for field in contract.vault_fields
        ),
        "lời văn (text) phải vào két": any(field.data_class == "text" and not field.in_vault for field in official),
        "trường như nhận phải là chữ": any(field.physical_type != "VARCHAR" for field in official),
        "stt phải liên tục từ 1, trừ trường đã bỏ": [field.stt for field in official if not field.dropped_in]
        != list(range(1, sum(not field.dropped_in for field in official) + 1)),
        "renamedFrom và renamedIn đi cùng nhau": any(
            (field.renamed_from is None) != (field.renamed_in is None) for field in contract.fields
        ),
        "trường ở lại hồ mà không có dạng phải nêu ngoại lệ": not contract.exceptions
        and any(field.shape == "free" and not field.in_vault for field in official),
    }
    for problem, found in problems.items():
        if found:
            raise _broken(origin, problem)


def _retention(entries: list[Any], origin: str) -> str:
    for entry in entries:
        _shape(entry, {"property": str, "value": int, "unit": str}, {}, f"{origin}: slaProperties")
        if entry["property"] == "retention":
            return f"{entry['value']} {entry['unit']}"
    raise _broken(origin, "thiếu slaProperties.retention")


def _custom(
    entries: list[Any], needed: Mapping[str, type], optional: Mapping[str, type], origin: str
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for entry in entries:
        if not isinstance(entry, dict) or set(entry) != {"property", "value"} or entry["property"] in found:
            raise _broken(origin, "customProperties phải là cặp property, value, không trùng")
        found[entry["property"]] = entry["value"]
    _shape(found, needed, optional, origin)
    return found


def _shape(value: Any, needed: Mapping[str, type], optional: Mapping[str, type], origin: str) -> None:
    if not isinstance(value, dict):
        raise _broken(origin, "phải là một khối khóa: giá trị")
    unknown = set(value) - set(needed) - set(optional)
    missing = set(needed) - set(value)
    if unknown or missing:
        raise _broken(origin, f"khóa lạ: {sorted(unknown)}; khóa thiếu: {sorted(missing)}")
    for key, kind in {**needed, **optional}.items():
        if key in value and (not isinstance(value[key], kind) or (kind is int and isinstance(value[key], bool))):
            raise _broken(origin, f"{key} phải là {kind.__name__}")


def _broken(origin: str, problem: str) -> IntegrityError:
    return IntegrityError("INT-CONTRACT", f"Hợp đồng dữ liệu sai ở {origin}: {problem}.", who="đội phát triển")
