"""One visit as the builder of dossiers takes it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from bienho.synthetic.dossiers.courses import Delivery, Hiv, Tb
from bienho.synthetic.people import Person
from bienho.synthetic.places import Clinic
from bienho.synthetic.reference import Condition

PREGNANCY = ("O20.0", "O47.9")
"""Conditions for which a pregnant woman is sent to rest."""


@dataclass(slots=True)
class Visit:
    """One episode of care at one facility. `kind` is MA_LOAI_KCB in the codes of decision 824/QĐ-BYT.

    `days` counts days of medicine (05, 07) or of treatment. `referred_from` is the facility code of a referral,
    `referred_to` where the person is sent on, `referral` the number of that slip. `serial` numbers the visits of a
    facility from 1. `expected` is the day of the birth a pregnant woman awaits. `bed` counts those who stayed
    in the department (0: as `serial`). `delay`: days from the end to the
    sending of the dossier, -1 for never. `died`: the person died at the end of it.
    """

    person: Person
    clinic: Clinic
    condition: Condition
    kind: str
    start: datetime
    end: datetime
    days: int
    version: str
    seed: str
    emergency: bool = False
    others: tuple[str, ...] = ()
    referred_from: str = ""
    referred_to: str = ""
    referral: str = ""
    serial: int = 0
    delivery: Delivery | None = None
    expected: date | None = None
    tb: Tb | None = None
    hiv: Hiv | None = None
    bed: int = 0
    delay: int = 1
    died: bool = False

    @property
    def ward(self) -> bool:
        """Whether the person stays: inpatient, day treatment, under four hours, station bed."""
        return self.kind in ("03", "04", "06", "09")
