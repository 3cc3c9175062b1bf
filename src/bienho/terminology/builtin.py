"""Editions that come with the program, so that a demo and a fresh home work before any list has been imported."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from datetime import date
from functools import lru_cache
from importlib.resources import files
from typing import Any

from bienho.config.profile import ProvinceProfile, load_profile
from bienho.core.documents import read_yaml
from bienho.terminology.codes import Icd10Code, IcdChapter
from bienho.terminology.editions import OPEN_START, Edition, build_edition

EDITION = "kèm phần mềm 2026-11"
_DATA = files("bienho.terminology") / "data"


def builtin_editions(profile: ProvinceProfile | None = None) -> tuple[Edition, ...]:
    """Built-in editions of every list, with the province's own from `profile` (default: Gia Lai)."""
    return _of_default() if profile is None or profile is load_profile() else _made(profile)


@lru_cache(maxsize=1)
def _of_default() -> tuple[Edition, ...]:
    """Kept, because every new lake and every check of a file asks for them."""
    return _made(load_profile())


def _made(province: ProvinceProfile) -> tuple[Edition, ...]:
    return (
        icd10_demo(),
        chapters_edition(),
        facility_edition(province),
        *commune_editions(province),
        province_edition(),
        value_set_edition(),
        concept_map_edition(),
        notifiable_edition(),
    )


@lru_cache(maxsize=1)
def icd_chapters() -> tuple[IcdChapter, ...]:
    """The 22 chapters in order."""
    return tuple(
        IcdChapter(r["chapter"], int(r["ordinal"]), r["category_from"], r["category_to"], r["title_vi"], r["title_en"])
        for r in _csv("icd_chapters.csv")
    )


def chapter_of(code: Icd10Code) -> str | None:
    """Roman number of the chapter that holds the code; None for a category no chapter has (D90 …)."""
    return next((c.chapter for c in icd_chapters() if c.holds(code)), None)


def icd10_demo() -> Edition:
    """About 440 common codes with Vietnamese names. Not complete: the Ministry's list replaces it."""
    rows = [{key: value or None for key, value in row.items()} for row in _csv("icd10_demo.csv")]
    return build_edition(
        "icd10",
        EDITION,
        OPEN_START,
        rows,
        complete=False,
        source="Danh sách rút gọn kèm phần mềm, tên bệnh cần đối chiếu",
    )


def chapters_edition() -> Edition:
    rows = [
        {
            "chapter": c.chapter,
            "ordinal": c.ordinal,
            "category_from": c.category_from,
            "category_to": c.category_to,
            "title_vi": c.title_vi,
            "title_en": c.title_en,
        }
        for c in icd_chapters()
    ]
    return build_edition(
        "icd_chapter", EDITION, OPEN_START, rows, complete=True, source="Phân chương của Quyết định 4469/QĐ-BYT"
    )


def facility_edition(profile: ProvinceProfile) -> Edition:
    """Facilities that have a code. Codes are provisional until the Department imports the official list."""
    rows = [
        {
            "code": f.code,
            "canonical_code": f.code,
            "name": f.name,
            "type": f.type,
            "owner": f.owner or None,
            "level": f.level or None,
            "commune": f.commune or None,
            "status": f.code_status,
            "valid_from": f.valid_from,
        }
        for f in profile.facilities
        if f.code
    ]
    return build_edition(
        "facility", EDITION, OPEN_START, rows, complete=False, source=f"Hồ sơ cấu hình {profile.full_name_vi}, mã tạm"
    )


def commune_editions(profile: ProvinceProfile) -> tuple[Edition, Edition, Edition]:
    """Communes old and new, the changes between them, and what a code means on a day."""
    source = f"Hồ sơ cấu hình {profile.full_name_vi}, Nghị quyết 1664/NQ-UBTVQH15"
    changes = [
        {
            "old_code": m.old_code,
            "new_code": m.new_code,
            "targets": m.targets,
            "default_target": m.default_target,
            "note": m.note or None,
            "valid_from": m.valid_from,
        }
        for m in profile.commune_mapping
    ]
    return (
        build_edition("commune", EDITION, OPEN_START, _commune_rows(profile), complete=True, source=source),
        build_edition("commune_map", EDITION, OPEN_START, changes, complete=True, source=source),
        build_edition("commune_canonical", EDITION, OPEN_START, _meaning_rows(profile), complete=True, source=source),
    )


def _commune_rows(profile: ProvinceProfile) -> list[dict[str, object]]:
    side_of = {side.old_province_code: side.id for side in profile.sides}
    old = {
        m.old_code: {
            "code": m.old_code,
            "name": m.old_name,
            "type": m.old_name.split(" ")[0].lower().replace("thị", "thị trấn"),
            "side": side_of[m.old_province_code],
            "province": m.old_province_code,
            "district": m.old_district,
            "valid_from": OPEN_START,
            "valid_to": m.valid_from,
        }
        for m in profile.commune_mapping
    }
    new = [
        {
            "code": c.code,
            "name": c.name,
            "type": c.type,
            "side": c.side,
            "province": profile.province_code,
            "lon": c.lon,
            "lat": c.lat,
            "population": c.population,
            "area_km2": c.area_km2,
            "valid_from": c.valid_from,
        }
        for c in profile.communes
    ]
    return [*old.values(), *new]


def _meaning_rows(profile: ProvinceProfile) -> list[dict[str, object]]:
    """Before a change an old code means its successor; after it a code in use means itself, a retired one (still sent
    by slow systems) its successor."""
    current = profile.commune_by_code
    rows: list[dict[str, object]] = [
        {"code": c.code, "canonical_code": c.code, "basis": "current", "divided": False, "valid_from": c.valid_from}
        for c in profile.communes
    ]
    for change in profile.commune_mapping:
        if not change.default_target:
            continue
        meaning = {"code": change.old_code, "canonical_code": change.new_code, "divided": change.targets > 1}
        rows.append({**meaning, "basis": "mapped", "valid_from": OPEN_START, "valid_to": change.valid_from})
        if change.old_code not in current:
            rows.append({**meaning, "basis": "late", "valid_from": change.valid_from})
    return rows


def province_edition() -> Edition:
    """The 63 provinces before 2025-07-01 and the 34 since, each with the code in use today."""
    given = _csv("provinces.csv")
    rows: list[dict[str, object]] = []
    in_use = {r["code"] for r in given if not r["valid_to"]}
    for row in given:
        ends = date.fromisoformat(row["valid_to"]) if row["valid_to"] else None
        base = {"code": row["code"], "name": row["name"], "canonical_code": row["canonical_code"]}
        starts = date.fromisoformat(row["valid_from"])
        rows.append(
            {**base, "basis": "mapped" if starts == OPEN_START else "current", "valid_from": starts, "valid_to": ends}
        )
        if ends is not None and row["code"] not in in_use:
            rows.append({**base, "basis": "late", "valid_from": ends})
    return build_edition(
        "province",
        EDITION,
        OPEN_START,
        rows,
        complete=True,
        source="Nghị quyết 202/2025/QH15, Quyết định 19/2025/QĐ-TTg (mã 34 tỉnh cần đối chiếu bản chính)",
    )


def value_set_edition() -> Edition:
    """Small code sets of the decisions, one row per format version and window."""
    rows = [
        {"value_set": entry["value_set"], "code": code, "name_vi": name, "format_version": version, **_window(entry)}
        for entry in _yaml("value_sets.yaml")
        for version in entry["formats"]
        for code, name in entry["values"].items()
    ]
    return build_edition(
        "value_set",
        EDITION,
        OPEN_START,
        rows,
        complete=True,
        source="Phụ lục các Quyết định 4210, 130, 4750, 3176, 824, 1804",
    )


def concept_map_edition() -> Edition:
    """Maps from codes of the decisions to common concepts; our own, to be reviewed."""
    rows = [
        {
            "concept_map": entry["concept_map"],
            "source_code": code,
            "format_version": version,
            "target_code": target,
            "equivalence": equivalence,
            **_window(entry),
        }
        for entry in _yaml("concept_maps.yaml")
        for version in entry["formats"]
        for code, (target, equivalence) in entry["map"].items()
    ]
    return build_edition(
        "concept_map", EDITION, OPEN_START, rows, complete=False, source="Bảng chuyển của dự án, chưa được duyệt"
    )


def notifiable_edition() -> Edition:
    """The 81 diseases of Decision 97/QĐ-PB with deadlines and ICD-10 codes, one row per disease and code.

    Valid at all times: years before the decision must be counted by the same definitions, or they are no baseline.
    Certainty and length of an episode are the project's own reading, to be reviewed; groups A, B, C are not known.
    """
    rows = [
        {
            **row,
            "list_no": int(row["list_no"]) if row["list_no"] else None,
            "certainty": row["certainty"] or None,
            "takes_over": row["takes_over"] == "yes",
            "episode_days": int(row["episode_days"]),
        }
        for row in _csv("notifiable.csv")
    ]
    return build_edition(
        "notifiable",
        "QĐ 97/QĐ-PB",
        OPEN_START,
        rows,
        complete=True,
        source="Quyết định 97/QĐ-PB, chưa đối chiếu bản ký",
    )


def _window(entry: Mapping[str, object]) -> dict[str, object]:
    return {"valid_from": entry.get("valid_from", OPEN_START), "valid_to": entry.get("valid_to")}


def _csv(name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO((_DATA / name).read_text(encoding="utf-8"), newline="")))


def _yaml(name: str) -> Iterable[dict[str, Any]]:
    loaded: Iterable[dict[str, Any]] = read_yaml((_DATA / name).read_text(encoding="utf-8"))
    return loaded
