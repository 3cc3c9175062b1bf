"""All the dirt of one dossier that is written in canonical dress: what was typed wrong, which rule was broken."""

from __future__ import annotations

from bienho.synthetic.dirt.cells import Cells
from bienho.synthetic.dirt.entries import type_wrong
from bienho.synthetic.dirt.entry import around
from bienho.synthetic.dirt.model import Injected, Subfiles
from bienho.synthetic.dirt.violations import violate
from bienho.synthetic.dossiers.visits import Visit
from bienho.synthetic.plan import Plan


def soil(plan: Plan, visit: Visit, key: str, subfiles: Subfiles, version: str) -> tuple[Subfiles, list[Injected]]:
    """The sub-files of a dossier (MA_LK `key`) with the errors the plan asks for, and what was done.

    The same dossier always gets the same, so that one sent again is a repeat. Files in other dresses stay clean, which
    the rates make up for.
    """
    if not (plan.entry_errors or plan.violations):
        return subfiles, []
    cells, facility = Cells(subfiles, version), visit.clinic.code
    more = 1 / max(0.05, 1 - plan.share_noncanonical)
    done = type_wrong(
        cells, around(visit.person, visit.start.date()), plan.seed, facility, plan.entry_errors * more, key
    )
    taken = frozenset((one.table, one.row or 0, one.field) for one in done)
    broken = violate(cells, plan.seed, facility, plan.violations * more, key, taken)
    if broken:
        done.append(broken)
    return cells.subfiles(), done
