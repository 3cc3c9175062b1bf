"""Communes, old communes and facilities as the twin uses them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date

from bienho.config import ProvinceProfile
from bienho.core.errors import UsageError
from bienho.synthetic.reference import rows

MERGED = date(2025, 7, 1)  # Resolution 202/2025/QH15: new communes, no districts
_LEVEL = {"commune_station": 1, "company_clinic": 1, "district_health_centre": 2}
_SPECIALTY = {
    "52003": "eye", "64010": "eye", "52004": "lung", "64003": "lung", "52005": "mental", "64004": "mental",
    "52006": "trad", "64005": "trad", "52008": "derm", "64002": "obgyn",
}  # fmt: skip
# Clinics for people with HIV (a planning choice: general hospitals and the centres of the larger districts).
_HIV = frozenset({"52001", "52002", "52013", "52014", "52020", "64001", "64006", "64012", "64013", "64014", "64017"})
_CLINICAL = ("commune_station", "company_clinic", "district_health_centre", "hospital", "institute_central")


@dataclass(frozen=True, slots=True)
class OldCommune:
    """A commune as it was before 2025-07-01, with the district code of that time."""

    code: str
    name: str
    district_code: str
    district: str
    province_code: str


@dataclass(frozen=True, slots=True)
class Place:
    """A commune of today with the old communes it took in."""

    code: str
    name: str
    side: str
    lon: float
    lat: float
    population: int
    town: bool
    old: tuple[OldCommune, ...]


@dataclass(frozen=True, slots=True)
class Clinic:
    """A facility that treats: `level` 1 station, 2 health centre, 3 hospital; `doctors` is the size of its staff."""

    code: str
    name: str
    level: int
    specialty: str
    private: bool
    place: Place
    doctors: int

    def runs(self, programme: str) -> bool:
        """Whether it treats people of a programme: `tb` health centres and lung hospitals, `hiv` the clinics for it."""
        return self.code in _HIV if programme == "hiv" else self.level == 2 or self.specialty == "lung"


class Map:
    """The province for the twin: distances decide which facility a person goes to."""

    def __init__(self, profile: ProvinceProfile, only: tuple[str, ...] = ()) -> None:
        old: dict[str, list[OldCommune]] = {}
        for r in rows("old_communes.csv"):
            one = OldCommune(r["old_code"], r["old_name"], r["district_code"], r["district"], r["province_code"])
            old.setdefault(r["new_code"], []).append(one)
        self.places = tuple(
            Place(c.code, c.name, c.side, c.lon, c.lat, c.population, c.type == "phường", tuple(old[c.code]))
            for c in profile.communes
        )
        by_code = {place.code: place for place in self.places}
        clinics = [
            self._clinic(f.code, f.name, f.type, by_code[f.commune])
            for f in profile.facilities
            if f.code and f.commune in by_code and f.type.startswith(_CLINICAL)
        ]
        self.clinics = tuple(c for c in clinics if not only or c.code in only)
        self._all = clinics
        self._registered: dict[tuple[str, int], str] = {}
        if missing := sorted(set(only) - {clinic.code for clinic in self.clinics}):
            raise UsageError("USE-SYNTH-FACILITY", f"Không có cơ sở khám chữa bệnh: {', '.join(missing)}.")

    @staticmethod
    def _clinic(code: str, name: str, kind: str, place: Place) -> Clinic:
        level = _LEVEL.get(kind, 3)
        doctors = {1: 2, 2: 9, 3: 24}[level]
        return Clinic(code, name, level, _SPECIALTY.get(code, ""), kind == "hospital_private", place, doctors)

    def registered(self, place: Place, level: int) -> str:
        """Code of the nearest facility of a level, where the people of a commune are registered (MA_DKBD)."""
        key = (place.code, level)
        if key not in self._registered:
            pool = [c for c in self._all if c.level == level]
            self._registered[key] = min(pool, key=lambda c: (distance_km(place, c.place), c.code)).code
        return self._registered[key]


def distance_km(a: Place, b: Place) -> float:
    """Kilometres between two commune points (flat approximation, good within the province)."""
    x = (a.lon - b.lon) * 111.32 * math.cos(math.radians((a.lat + b.lat) / 2))
    return math.hypot(x, (a.lat - b.lat) * 110.57)
