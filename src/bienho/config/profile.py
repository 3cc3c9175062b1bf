"""The province profile: every fact that differs between provinces, read from data files.

A profile is a folder `profiles/<id>/` with `profile.yaml`, `communes.csv`, `commune_mapping.csv`, `facilities.csv` and
`commune_cells.geojson`. Codes have dates: windows are half-open, `valid_from` ≤ day < `valid_to`.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property, lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Literal, TypeVar, cast

import orjson

from bienho.core.documents import read_yaml
from bienho.core.errors import ConfigError

CodeStatus = Literal["official", "provisional", "none"]
PROFILES = Path(__file__).parent / "profiles"
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Side:
    """A half of the province that was a province of its own before the merger."""

    id: str
    old_province_code: str
    old_province_vi: str
    name_vi: str
    name_en: str


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit that owns data; `domains` are the ids used in contracts, `kind` one of those governance knows."""

    id: str
    name_vi: str
    kind: str
    domains: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Commune:
    """A commune in force since `valid_from`; lon/lat in degrees (WGS 84), area in km², population in persons."""

    code: str
    name: str
    type: str
    side: str
    lon: float
    lat: float
    population: int
    area_km2: float
    old_district: str
    valid_from: date

    @property
    def group(self) -> str:
        """Neighbours it is counted with where a commune alone is too few: its old district, the first of several."""
        return self.old_district.split(";")[0]


@dataclass(frozen=True, slots=True)
class CommuneChange:
    """One old → new pair taking force on `valid_from`.

    An old commune that was divided has several pairs (`targets` > 1); exactly one has `default_target`, the commune
    that takes a person of whom only the old code is known.
    """

    old_code: str
    old_name: str
    old_district: str
    old_province_code: str
    new_code: str
    valid_from: date
    targets: int
    default_target: bool
    note: str


@dataclass(frozen=True, slots=True)
class Facility:
    """A health facility or unit; `code` is '' while it has none, `valid_from` None then."""

    code: str
    code_status: CodeStatus
    name: str
    former_names: tuple[str, ...]
    type: str
    owner: str
    level: str
    commune: str
    valid_from: date | None


@dataclass(frozen=True)
class ProvinceProfile:
    """All facts of one province, immutable. `assessment_board`: facility whose assessments arrive without a code."""

    id: str
    name_vi: str
    full_name_vi: str
    name_en: str
    province_code: str
    timezone: str
    merged_on: date
    sides: tuple[Side, ...]
    units: tuple[Unit, ...]
    communes: tuple[Commune, ...]
    commune_mapping: tuple[CommuneChange, ...]
    facilities: tuple[Facility, ...]
    notes_vi: Mapping[str, str]
    folder: Path
    assessment_board: str | None = None

    @cached_property
    def commune_by_code(self) -> Mapping[str, Commune]:
        """Communes in force, by code."""
        return MappingProxyType({c.code: c for c in self.communes})

    @cached_property
    def facility_by_code(self) -> Mapping[str, Facility]:
        """Facilities that have a code, by code."""
        return MappingProxyType({f.code: f for f in self.facilities if f.code})

    @cached_property
    def cells(self) -> Mapping[str, object]:
        """GeoJSON FeatureCollection of the map cells; each feature has `properties.code`."""
        return cast("Mapping[str, object]", orjson.loads((self.folder / "commune_cells.geojson").read_bytes()))

    def canonical_commune(self, code: str, day: date) -> str | None:
        """Code in force today of the commune that `code` meant on `day`; None when the code is unknown.

        A code retired by a merger and still sent afterwards keeps its old meaning. A divided commune gives its default
        target; `is_divided` tells.
        """
        change = self._default_change.get(code)
        if day >= self.merged_on and code in self.commune_by_code:
            return code
        return change.new_code if change else None

    def is_divided(self, code: str) -> bool:
        """Whether the old commune `code` was divided among several new ones."""
        change = self._default_change.get(code)
        return change is not None and change.targets > 1

    @cached_property
    def _default_change(self) -> Mapping[str, CommuneChange]:
        return {m.old_code: m for m in self.commune_mapping if m.default_target}


def profile_ids() -> tuple[str, ...]:
    """Ids of the profiles shipped with the program."""
    return tuple(sorted(p.name for p in PROFILES.iterdir() if (p / "profile.yaml").exists()))


@lru_cache(maxsize=8)
def load_profile(profile_id: str = "gialai") -> ProvinceProfile:
    """The profile of that id; ConfigError CFG-PROFILE when it is unknown, CFG-PROFILE-DATA when its files disagree."""
    if profile_id not in profile_ids():
        raise ConfigError(
            "CFG-PROFILE",
            f"Không có hồ sơ cấu hình tỉnh “{profile_id}”.",
            hint="Các hồ sơ hiện có: " + ", ".join(profile_ids()),
        )
    return read_profile(PROFILES / profile_id)


def read_profile(folder: Path) -> ProvinceProfile:
    """Read and check a profile folder, also one outside the program."""
    head = read_yaml((folder / "profile.yaml").read_text(encoding="utf-8"))
    profile = ProvinceProfile(
        id=head["id"],
        name_vi=head["name_vi"],
        full_name_vi=head["full_name_vi"],
        name_en=head["name_en"],
        province_code=head["province_code"],
        timezone=head["timezone"],
        merged_on=head["merged_on"],
        sides=tuple(Side(**side) for side in head["sides"]),
        units=tuple(Unit(u["id"], u["name_vi"], u["kind"], tuple(u["domains"])) for u in head["units"]),
        communes=_rows(folder / "communes.csv", _commune),
        commune_mapping=_rows(folder / "commune_mapping.csv", _change),
        facilities=_rows(folder / "facilities.csv", _facility),
        notes_vi=MappingProxyType(dict(head.get("notes_vi", {}))),
        folder=folder,
        assessment_board=head.get("assessment_board"),
    )
    problems = _disagreements(profile)
    if problems:
        raise ConfigError("CFG-PROFILE-DATA", f"Hồ sơ cấu hình tỉnh {profile.id} có lỗi: {'; '.join(problems[:5])}")
    return profile


def _rows(path: Path, build: Callable[[dict[str, str]], T]) -> tuple[T, ...]:
    built: list[T] = []
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        for row in reader:
            try:
                built.append(build(row))
            except (KeyError, ValueError, TypeError) as error:
                raise ConfigError(
                    "CFG-PROFILE-DATA", f"Tệp {path.name}, dòng {reader.line_num}: không đọc được ({error})."
                ) from error
    return tuple(built)


def _commune(row: dict[str, str]) -> Commune:
    return Commune(
        code=row["code"],
        name=row["name"],
        type=row["type"],
        side=row["side"],
        lon=float(row["lon"]),
        lat=float(row["lat"]),
        population=int(row["population"]),
        area_km2=float(row["area_km2"]),
        old_district=row["old_district"],
        valid_from=date.fromisoformat(row["valid_from"]),
    )


def _change(row: dict[str, str]) -> CommuneChange:
    return CommuneChange(
        old_code=row["old_code"],
        old_name=row["old_name"],
        old_district=row["old_district"],
        old_province_code=row["old_province_code"],
        new_code=row["new_code"],
        valid_from=date.fromisoformat(row["valid_from"]),
        targets=int(row["targets"]),
        default_target=row["default_target"] == "1",
        note=row["note"],
    )


def _facility(row: dict[str, str]) -> Facility:
    status = row["code_status"]
    if status not in ("official", "provisional", "none"):
        raise ValueError(f"code_status {status}")
    return Facility(
        code=row["code"],
        code_status=cast("CodeStatus", status),
        name=row["name"],
        former_names=tuple(part.strip() for part in row["former_names"].split(";") if part.strip()),
        type=row["type"],
        owner=row["owner"],
        level=row["level"],
        commune=row["commune"],
        valid_from=date.fromisoformat(row["valid_from"]) if row["valid_from"] else None,
    )


def _disagreements(profile: ProvinceProfile) -> list[str]:
    """What the files of a profile say against one another."""
    problems: list[str] = []
    codes = [c.code for c in profile.communes]
    sides = {s.id for s in profile.sides}
    provinces = {s.old_province_code for s in profile.sides}
    if len(set(codes)) != len(codes):
        problems.append("mã xã bị lặp")
    problems += [f"xã {c.code} thuộc nửa tỉnh lạ {c.side}" for c in profile.communes if c.side not in sides]
    targets: dict[str, list[CommuneChange]] = {}
    for change in profile.commune_mapping:
        targets.setdefault(change.old_code, []).append(change)
        if change.new_code not in profile.commune_by_code:
            problems.append(f"xã cũ {change.old_code} chuyển về mã không có {change.new_code}")
        if change.old_province_code not in provinces:
            problems.append(f"xã cũ {change.old_code} thuộc tỉnh lạ {change.old_province_code}")
    for old, changes in targets.items():
        if sum(c.default_target for c in changes) != 1 or any(c.targets != len(changes) for c in changes):
            problems.append(f"xã cũ {old} phải có đúng một xã nhận mặc định")
    coded = [f.code for f in profile.facilities if f.code]
    if len(set(coded)) != len(coded):
        problems.append("mã cơ sở bị lặp")
    if profile.assessment_board and profile.assessment_board not in coded:
        problems.append(f"trung tâm giám định y khoa {profile.assessment_board} không có trong danh sách cơ sở")
    for facility in profile.facilities:
        if facility.commune and facility.commune not in profile.commune_by_code:
            problems.append(f"cơ sở {facility.code or facility.name} ở xã không có {facility.commune}")
        if bool(facility.code) != (facility.valid_from is not None):
            problems.append(f"cơ sở {facility.code or facility.name} thiếu mã hoặc ngày hiệu lực")
    return problems
