"""Events: from a block of people to visits, births, courses, cases of notifiable diseases and doses, by the column."""

from bienho.synthetic.events.maker import Maker
from bienho.synthetic.events.tables import (
    BIRTHS,
    CASES,
    COURSES,
    EFFECTS,
    IMMUNISATIONS,
    OUTBREAKS,
    VISITS,
    Events,
    effects_table,
    outbreaks_table,
    together,
    with_serials,
)

__all__ = [
    "BIRTHS",
    "CASES",
    "COURSES",
    "EFFECTS",
    "IMMUNISATIONS",
    "OUTBREAKS",
    "VISITS",
    "Events",
    "Maker",
    "effects_table",
    "outbreaks_table",
    "together",
    "with_serials",
]
