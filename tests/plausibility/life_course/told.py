"""What this suite says."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Found:
    """Something that cannot have happened, with the person, the dossier and the line ('' where there is none)."""

    kind: str
    table: str
    person_no: int
    facility: str = ""
    ma_lk: str = ""
    stt: str = ""
