"""What is ordered in a visit besides its examination, tests and bed: treatment, what a ward orders daily, drugs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from bienho.synthetic.dossiers.lines import Lines
from bienho.synthetic.dossiers.visits import Visit
from bienho.synthetic.reference import MILLI, Condition, Drug, Service, conditions, document, drugs, services

_CHILD = 12  # years
_CHILD_DRUG = {"para": "para_kid", "amox": "amox_kid", "amoxclav": "amox_kid", "cipro": "cefixim", "doxy": "azi"}
_INJECTED, _NEEDLE = "2.10", "2.1"  # DUONG_DUNG: into vein or muscle; that, or by drip
_MOST_DRUGS = 6
"""Drugs of one prescription to take home."""
LONG = 20
"""Days of medicine from which a prescription is that of a chronic disease."""
_EVERY_OTHER = 2


@dataclass(frozen=True, slots=True)
class _Custom:
    """What a department orders for who stays, besides what the disease asks for."""

    admission: tuple[Service, ...]
    repeat: tuple[Service, ...]
    drugs: tuple[Drug, ...]
    infusion: Drug
    infused: int


def treat(lines: Lines, department: str) -> None:
    """The treatments of the disease, where the facility does them."""
    visit, r = lines.visit, lines.r
    for treatment in visit.condition.treatments:
        if treatment.level > visit.clinic.level or visit.kind in ("05", "07"):
            continue
        if treatment.key == "dialysis":
            days = [week * 7 + step for week in range(4) for step in (0, 2, 4)] if visit.kind == "02" else [0]
        elif treatment.key == "acup":
            days = list(range(visit.days)) if visit.kind in ("02", "04") or visit.ward else []
        elif treatment.key in ("iv", "neb"):
            days = list(range(min(3, visit.days))) if visit.ward else []
        elif treatment.group == "8" and not visit.ward:
            days = []
        else:
            days = [0] if visit.ward or r.random() < 0.8 else []
        for day in days:
            lines.service(treatment, day, 50 if day == 0 else 30, department)


def order_daily(lines: Lines, department: str) -> None:
    """What the ward of an admission (kind 03) orders by its custom: tests, their repeats, infusions, injections and
    what goes with an operation. The day of going home has none of it."""
    visit, r = lines.visit, lines.r
    if visit.kind != "03":
        return
    custom, level, child = _custom(department), visit.clinic.level, _is_child(visit)
    asked = {test.key for test in visit.condition.tests if test.level <= level}
    minute = 60
    for test in custom.admission:
        if test.level <= level and test.key not in asked and r.random() < 0.85:
            lines.service(test, 0, minute, department)
            minute += 2
    days = range(visit.days - 1)
    for day in days[_EVERY_OTHER::_EVERY_OTHER]:
        for place, test in enumerate(custom.repeat):
            if test.level <= level and r.random() < 0.75:
                lines.service(test, day, 15 + 2 * place, department)
    treated = {treatment.key for treatment in visit.condition.treatments}
    for day in () if child else days[: custom.infused]:
        lines.drug(custom.infusion, day, 45, 1, department)
        if "iv" not in treated:
            lines.service(services()["iv"], day, 50 if day == 0 else 30, department)
    if any(drug.route == _INJECTED for drug in visit.condition.drugs):
        for day in days:
            lines.service(services()["inject"], day, 42, department)
    for treatment in visit.condition.treatments:
        _after_operation(lines, treatment, department)


def _after_operation(lines: Lines, operation: Service, department: str) -> None:
    care = document("wards.yaml")["operations"].get(operation.key)
    if care is None or operation.level > lines.visit.clinic.level:
        return
    for key in care["with"]:
        lines.service(services()[key], 0, 55, department)
    for day in range(1, lines.visit.days - 1, _EVERY_OTHER):
        lines.service(services()[care["after"]], day, 35, department)


def prescribe(lines: Lines, department: str) -> None:
    """Drugs: to take home, or for every day in the ward."""
    visit = lines.visit
    child = _is_child(visit)
    chosen = _distinct(_for_child(drug) if child else drug for drug in visit.condition.drugs)
    if not visit.ward:
        _prescribe_home(lines, chosen, department)
        return
    if visit.kind == "03" and not child:
        chosen = _distinct([*chosen, *_custom(department).drugs])
    once = _once()
    for drug in chosen:
        # A bottle, a tube, an inhaler lasts the whole stay.
        if drug.registration in once or drug.per_time * drug.times < MILLI:
            lines.drug(drug, 0, 40, 1 if drug.registration in once else visit.days, department)
    daily = [drug for drug in chosen if drug.registration not in once and drug.per_time * drug.times >= MILLI]
    for day in range(max(1, visit.days - 1)):
        for drug in daily:
            lines.drug(drug, day, 40, 1, department)


def _prescribe_home(lines: Lines, chosen: list[Drug], department: str) -> None:
    visit, r = lines.visit, lines.r
    fit = [d for d in chosen if not d.route.startswith(_NEEDLE) or visit.condition.kind == "injury"]
    kept = [d for place, d in enumerate(fit) if place == 0 or visit.days > LONG or r.random() < 0.85]
    if visit.days > LONG and visit.condition.kind == "chronic":
        kept = _distinct([*kept, *_of_companions(lines.others, visit.clinic.level)])[:_MOST_DRUGS]
    for drug in kept:
        lines.drug(drug, 0, 55 if visit.clinic.level > 1 else 15, visit.days, department)


def _of_companions(codes: Iterable[str], level: int) -> list[Drug]:
    """Drugs that need no needle of the chronic diseases a person has besides, as far as the facility treats them."""
    found = [case for code in codes if (case := _chronic().get(code)) and case.level <= level]
    return [drug for case in found for drug in case.drugs if not drug.route.startswith("2.")]


@cache
def _chronic() -> dict[str, Condition]:
    return {case.code: case for case in conditions() if case.kind == "chronic" and not case.sex}


@cache
def _custom(department: str) -> _Custom:
    told = document("wards.yaml")["departments"]
    own = told.get(department, told["general"])
    service, drug, (infusion, days) = services(), drugs(), own["infusion"]
    return _Custom(
        tuple(service[key] for key in own["admission"]),
        tuple(service[key] for key in own["repeat"]),
        tuple(drug[key] for key in own["drugs"]),
        drug[infusion],
        days,
    )


@cache
def _once() -> frozenset[str]:
    return frozenset(drugs()[key].registration for key in document("wards.yaml")["once"])


def drugs_of_children(case: Condition) -> bool:
    """Whether a child with the disease gets other drugs than who is grown."""
    return any(drug.registration in _child_drugs() for drug in case.drugs)


def _is_child(visit: Visit) -> bool:
    return visit.person.age_on(visit.start.date()) < _CHILD


def _distinct(chosen: Iterable[Drug]) -> list[Drug]:
    return list({drug.registration: drug for drug in chosen}.values())


def _for_child(drug: Drug) -> Drug:
    return _child_drugs().get(drug.registration, drug)


@cache
def _child_drugs() -> dict[str, Drug]:
    table = drugs()
    return {table[old].registration: table[new] for old, new in _CHILD_DRUG.items()}
