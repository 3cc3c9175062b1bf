"""Errors people make when they type (data/entry_errors.csv): how often each facility makes which, and on whom.

Shares are of the records an error can happen to, in a facility with an average hand; hands differ by facility and kind.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache

from bienho.synthetic.chance import stream
from bienho.synthetic.dirt.cells import Cells
from bienho.synthetic.dirt.entries_codes import CODE_ERRORS
from bienho.synthetic.dirt.entries_names import NAME_ERRORS
from bienho.synthetic.dirt.entry import Around, Maker
from bienho.synthetic.dirt.model import Injected
from bienho.synthetic.dirt.told import told
from bienho.synthetic.reference import rows

_SPREAD = 0.7
"""Standard deviation of the logarithm of a facility's rate of one kind."""
_MAKERS: dict[str, Maker] = NAME_ERRORS | CODE_ERRORS


@cache
def shares() -> Mapping[str, float]:
    """Kind → share of records (0 to 1) as published, in the order of the list."""
    return {row["key"]: float(row["share_pct"]) / 100 for row in rows("entry_errors.csv")}


@cache
def _habit(key: str) -> float:
    """Share of facilities that make the error at all."""
    return next(float(row["facilities_pct"]) for row in rows("entry_errors.csv") if row["key"] == key) / 100


@cache
def rates(seed: int, facility: str, scale: float) -> Mapping[str, float]:
    """Kind → rate at one facility; `scale` 1 is as published on average over facilities that make the error."""
    found = {}
    for key, share in shares().items():
        r = stream(seed, "hand", facility, key)
        makes = r.random() < _habit(key)
        hand = math.exp(r.gauss(-_SPREAD * _SPREAD / 2, _SPREAD))
        found[key] = min(1.0, share * scale * hand) if makes else 0.0
    return found


def type_wrong(cells: Cells, around: Around, seed: int, facility: str, scale: float, key: str) -> list[Injected]:
    """Errors of typing in one dossier (its key seeds them, so that a repeat has the same), put into `cells`.

    One error a cell. Nothing when the facility's hand is lucky or the dossier has nothing an error can happen to.
    """
    r = stream(seed, "typed", key)
    done: list[Injected] = []
    taken: set[tuple[str, int, str]] = set()
    discharge = cells.get("XML1", 1, "NGAY_RA") or ""
    for kind, rate in rates(seed, facility, scale).items():
        if r.random() >= rate:
            continue
        slip = _MAKERS[kind](cells, around, stream(seed, "slip", kind, key))
        if slip is None or (slip.table, slip.row, slip.field) in taken:
            continue
        before = cells.get(slip.table, slip.row, slip.field)
        if before is None or before == slip.text:
            continue
        cells.put(slip.table, slip.row, slip.field, slip.text)
        for other, text in slip.also.items():
            if cells.get(slip.table, slip.row, other) is not None:
                cells.put(slip.table, slip.row, other, text)
        taken.add((slip.table, slip.row, slip.field))
        cell = {slip.field: slip.text, **slip.also}
        verdicts = [told(slip.table, name, cells.version, text, discharge=discharge) for name, text in cell.items()]
        outcome, code = max(verdicts, key=lambda verdict: (verdict[0] != "accepted", verdict[1] is not None))
        done.append(Injected(kind, slip.table, slip.field, outcome, None, slip.note, code, row=slip.row, was=slip.was))
    return done
