"""From rows of the tables to the objects the builder of dossiers takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from bienho.synthetic.dossiers.courses import Child, Delivery, Hiv, Tb
from bienho.synthetic.dossiers.visits import Visit
from bienho.synthetic.events.tables import Events
from bienho.synthetic.people import Person
from bienho.synthetic.places import Map
from bienho.synthetic.reference import conditions

_STAYS = ("birth", "twins")


def visits(events: Events, persons: Mapping[int, Person], atlas: Map) -> Iterator[Visit]:
    """Every visit of `events` as an object, in the order of the table; `persons` by person_no."""
    clinics = {clinic.code: clinic for clinic in atlas.clinics}
    cases = {case.code: case for case in conditions()}
    born, courses = _deliveries(events, persons), {row["course_no"]: row for row in events.courses.to_pylist()}
    for row in events.visits.to_pylist():
        case = cases[row["condition"]]
        course = courses.get(row["course_no"], {})
        hiv = _hiv(course)
        yield Visit(
            persons[row["person_no"]],
            clinics[row["facility"]],
            case,
            row["kind"],
            row["start"],
            row["end"],
            row["days"],
            row["version"],
            str(row["visit_no"]),
            emergency=row["emergency"],
            others=tuple(row["others"]),
            referred_from=row["referred_from"],
            referred_to=row["referred_to"],
            referral=row["referral"],
            serial=row["serial"],
            delivery=born.get(row["delivery_no"]) if case.kind in _STAYS else None,
            expected=row["expected"],
            tb=Tb(course["began"], course["confirmed"], course["retreated"], hiv) if case.kind == "tb" else None,
            hiv=hiv if case.kind == "hiv" else None,
            bed=row["bed"],
            delay=row["delay_days"],
            died=row["died"],
        )


def _hiv(course: Mapping[str, Any]) -> Hiv | None:
    confirmed: date | None = course.get("hiv_confirmed")
    return Hiv(confirmed, course["hiv_arv"], course["hiv_switched"]) if confirmed else None


def _deliveries(events: Events, persons: Mapping[int, Person]) -> dict[int, Delivery]:
    found: dict[int, list[dict[str, Any]]] = {}
    for row in events.births.to_pylist():
        found.setdefault(row["delivery_no"], []).append(row)
    return {
        number: Delivery(
            tuple(
                Child(row["born"], row["sex"], row["name"], row["weight_g"], persons.get(row["child_no"]))
                for row in rows
            ),
            rows[0]["weeks"],
            rows[0]["birth_order"],
            rows[0]["living"],
            rows[0]["father"],
        )
        for number, rows in found.items()
    }
