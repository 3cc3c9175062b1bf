"""The small clinical and administrative lists the twin draws from (own data files, illustrative codes and prices).

Disease names and codes are those of Decision 4469/QĐ-BYT; drug registration numbers 9xxxx, machine and staff numbers
are invented on purpose. Prices are in đồng, kept as integer thousandths.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from bienho.core.documents import read_yaml

DATA = Path(__file__).parent / "data"
BANDS = (5, 15, 45, 65)  # ages at which the next band begins
MILLI = 1000


def rows(name: str) -> list[dict[str, str]]:
    """Rows of one CSV file of the room."""
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@cache
def document(name: str) -> Any:
    """One YAML file of the room."""
    return read_yaml((DATA / name).read_text(encoding="utf-8"))


def _parts(text: str) -> tuple[str, ...]:
    return tuple(part for part in text.split(";") if part)


def _milli(text: str) -> int:
    return int(Decimal(text) * MILLI)


@dataclass(frozen=True, slots=True)
class Drug:
    """One drug of the price list; `price` in thousandths of a đồng per unit, `per_time` units in thousandths."""

    code: str
    name: str
    strength: str
    unit: str
    route: str
    form: str
    registration: str
    price: int
    group: str
    per_time: int
    times: int
    instruction: str


@dataclass(frozen=True, slots=True)
class Index:
    """One result index of a laboratory service; texts for qualitative results, numbers with low/high otherwise."""

    code: str
    name: str
    unit: str
    low: str
    high: str
    decimals: int | None
    abnormal_low: str
    abnormal_high: str


@dataclass(frozen=True, slots=True)
class Service:
    """One technical service; `level` is the least kind of facility that does it (1 station, 2 centre, 3 hospital)."""

    key: str
    code: str
    name: str
    group: str
    price: int
    level: int
    machine: str
    description: str
    conclusion: str
    indices: tuple[Index, ...]
    supplies: tuple[Supply, ...]


@dataclass(frozen=True, slots=True)
class Supply:
    """One medical supply used up by a service."""

    code: str
    name: str
    unit: str
    price: int


@dataclass(frozen=True, slots=True)
class Condition:
    """One disease: who gets it (weights by age band, side, month), where it is treated, with what."""

    code: str
    name: str
    reason: str
    sex: str
    kind: str
    weights: tuple[float, ...]
    side: dict[str, float]
    season: dict[str, list[float]]
    level: int
    specialty: str
    inpatient: float
    stay: int
    department: str
    drugs: tuple[Drug, ...]
    tests: tuple[Service, ...]
    treatments: tuple[Service, ...]
    abnormal: frozenset[str]
    secondary: tuple[str, ...]


@cache
def drugs() -> dict[str, Drug]:
    """Drugs by key."""
    return {
        r["key"]: Drug(
            r["code"], r["name"], r["strength"], r["unit"], r["route"], r["form"], r["registration"],
            _milli(r["price"]), r["group"], _milli(r["per_time"]), int(r["times"]), r["instruction"],
        )
        for r in rows("drugs.csv")
    }  # fmt: skip


@cache
def services() -> dict[str, Service]:
    """Services by key, with their indices and supplies."""
    indices: dict[str, list[Index]] = {}
    for r in rows("indices.csv"):
        decimals = int(r["decimals"]) if r["decimals"] else None
        index = Index(
            r["code"], r["name"], r["unit"], r["low"], r["high"], decimals, r["abnormal_low"], r["abnormal_high"]
        )
        indices.setdefault(r["service"], []).append(index)
    supplies: dict[str, list[Supply]] = {}
    for r in rows("supplies.csv"):
        for key in _parts(r["services"]):
            supplies.setdefault(key, []).append(Supply(r["code"], r["name"], r["unit"], _milli(r["price"])))
    return {
        r["key"]: Service(
            r["key"], r["code"], r["name"], r["group"], _milli(r["price"]), int(r["level"]), r["machine"],
            r["description"], r["conclusion"], tuple(indices.get(r["key"], ())), tuple(supplies.get(r["key"], ())),
        )
        for r in rows("services.csv")
    }  # fmt: skip


@cache
def conditions() -> tuple[Condition, ...]:
    """All diseases of the twin, in file order."""
    seasons = document("seasons.yaml")
    drug, service = drugs(), services()
    return tuple(
        Condition(
            code=r["code"], name=r["name"], reason=r["reason"], sex=r["sex"], kind=r["kind"],
            weights=tuple(float(r[f"w{age}"]) for age in (0, *BANDS)),
            side={"east": float(r["east"]), "west": float(r["west"])},
            season=seasons[r["season"]],
            level=int(r["level"]), specialty=r["specialty"], inpatient=float(r["inpatient"]) / 100, stay=int(r["stay"]),
            department=r["dept"],
            drugs=tuple(drug[key] for key in _parts(r["drugs"])),
            tests=tuple(service[key] for key in _parts(r["tests"])),
            treatments=tuple(service[key] for key in _parts(r["treat"])),
            abnormal=frozenset(part.split(":")[1] for part in _parts(r["abnormal"])),
            secondary=_parts(r["secondary"]),
        )
        for r in rows("conditions.csv")
    )  # fmt: skip
