"""Progress notes (XML5): what the doctor writes at every visit of the ward, and the nurse after it."""

from __future__ import annotations

import random

from bienho.synthetic.dossiers.lines import Lines, staff, stamp
from bienho.synthetic.dossiers.visits import Visit
from bienho.synthetic.reference import document

_MORNING, _AFTERNOON = 45, 420
"""Minutes of a day, from seven, at which doctors and nurses write; the nurse of the first day does sooner."""
_ARRIVED = 90


def write_notes(lines: Lines) -> None:
    """The notes of a visit whose kind has them."""
    visit, r = lines.visit, lines.r
    if visit.kind not in ("02", "03", "04", "05", "06", "08", "09"):
        return
    texts, usual = document("notes.yaml"), _usual(visit)
    if not visit.ward:
        text = f"{r.choice(texts['outpatient'])} {_vitals(r, usual, fever=False)}"
        lines.note(text, lines.at(0, 12), lines.doctor)
        return
    fever = visit.condition.department in ("K11", "K18")
    reason = visit.condition.reason[:1].lower() + visit.condition.reason[1:]
    nurse = staff(visit.clinic, r.randrange(visit.clinic.doctors), visit.version)
    nursed = visit.kind == "03"
    first = r.choice(texts["first"]).format(reason=reason)
    lines.note(f"{first} {_vitals(r, usual, fever=fever)}", lines.at(0, _MORNING), lines.doctor)
    if nursed:
        lines.note(f"{r.choice(texts['care'])} {_vitals(r, usual, fever=fever)}", lines.at(0, _ARRIVED), nurse)
    for day in range(1, visit.days - 1):
        text = f"{r.choice(texts['middle'])} {_vitals(r, usual, fever=fever and day == 1)}"
        lines.note(text, lines.at(day, _MORNING), lines.doctor)
        if nursed:
            text = f"{r.choice(texts['care'])} {_vitals(r, usual, fever=fever and day == 1)}"
            lines.note(text, lines.at(day, _AFTERNOON), nurse)
    if visit.died:
        lines.note(r.choice(texts["last_of_life"]), stamp(visit.end), lines.doctor)
        return
    lines.note(f"{r.choice(texts['last'])} {_vitals(r, usual, fever=False)}", stamp(visit.end), lines.doctor)


def _usual(visit: Visit) -> tuple[float, float]:
    """Pulse and systolic pressure by age and disease."""
    age = min(visit.person.age_on(visit.start.date()), 16)
    return 118 - 2.6 * age, 148 if visit.condition.code.startswith("I1") else 92 + 1.8 * age


def _vitals(r: random.Random, usual: tuple[float, float], *, fever: bool) -> str:
    pulse = round(r.gauss(usual[0], 7))
    heat = r.uniform(38.2, 39.4) if fever else r.uniform(36.5, 37.2)
    systolic = round(r.gauss(usual[1], 7) / 10) * 10
    return (
        f"CSST<M{pulse}_T{heat:.1f}_HA{systolic}/{round(systolic * 0.62 / 10) * 10}"
        f"_NT{round(r.gauss(19, 1.5))}_SP{r.randrange(95, 100)}>"
    )
