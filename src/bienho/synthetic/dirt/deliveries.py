"""Files that leave a facility late, or never."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

from bienho.synthetic.chance import stream
from bienho.synthetic.dirt.model import CLEAN, LOST, Injected
from bienho.synthetic.sending.deliver import Shipment

_SPREAD = 0.9
"""Standard deviation of the logarithm of a facility's rate: most are punctual, a few are not."""
_DAYS = (8, 70)


def delayed(shipments: Sequence[Shipment], seed: int, last: date, *, late: float, missing: float) -> list[Shipment]:
    """Shipments in order of receipt, some of them late or missing; `last` is the last day of the twin.

    `late`, `missing`: shares of files of dossiers on average; each facility has rates of its own. A late file bears the
    day on which it left at last; what never left is told with its dossiers, and no file of that name is written.
    """
    if not (late or missing):
        return list(shipments)
    done: list[Shipment] = []
    for shipment in shipments:
        hand = math.exp(stream(seed, "sending", shipment.clinic.code).gauss(-_SPREAD * _SPREAD / 2, _SPREAD))
        r = stream(seed, "befallen", shipment.name)
        roll, waits = r.random(), r.randrange(*_DAYS)
        days = min(waits, (last - shipment.created).days)
        if shipment.check_in or roll >= (late + missing) * hand:
            done.append(shipment)
        elif roll < missing * hand:
            done.append(replace(shipment, missing=True))
        else:
            done.append(_later(shipment, days) if days > 0 else shipment)
    return sorted(done, key=lambda one: one.name.partition("/")[::2])


def befallen(shipment: Shipment) -> Injected | None:
    """What the truth tells of a file that came late or never."""
    if shipment.missing:
        return Injected("missing_delivery", "", "", LOST, None, "never left the facility")
    return Injected("late_delivery", "", "", CLEAN, None, f"{shipment.late} days late") if shipment.late else None


def _later(shipment: Shipment, days: int) -> Shipment:
    """The same file made and sent later: after everything else of that day, in the order of the days it was due."""
    day = shipment.created + timedelta(days=days)
    facility, _, file = shipment.name.partition("/")
    due, _, rest = file.partition("_")
    return replace(shipment, created=day, late=days, name=f"{facility}/{day:%Y%m%d}_9{due[2:]}{rest}")
