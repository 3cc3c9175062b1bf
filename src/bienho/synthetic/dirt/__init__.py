"""Errors put into clean files on purpose, each one recorded. They act on written bytes, so the writer stays strict.

`written`: errors of writing, one a dossier. `entries`: slips of the hand (data/entry_errors.csv). `violations`: rules
of the rule list broken (data/violations.csv). `soil`: both in one dossier. `deliveries`: what comes late or never.
"""

from __future__ import annotations

from bienho.synthetic.dirt.cells import Cells
from bienho.synthetic.dirt.deliveries import befallen, delayed
from bienho.synthetic.dirt.entries import rates, shares
from bienho.synthetic.dirt.model import ASIDE, CLEAN, FOUND, LOST, Injected
from bienho.synthetic.dirt.soil import soil
from bienho.synthetic.dirt.violations import break_rule, violations
from bienho.synthetic.dirt.written import (
    BARE_KINDS,
    FILE_KINDS,
    bare_missing,
    board_inside,
    break_base64,
    inject,
    miscount,
    truncate,
)

__all__ = [
    "ASIDE",
    "BARE_KINDS",
    "CLEAN",
    "FILE_KINDS",
    "FOUND",
    "LOST",
    "Cells",
    "Injected",
    "bare_missing",
    "befallen",
    "board_inside",
    "break_base64",
    "break_rule",
    "delayed",
    "inject",
    "miscount",
    "rates",
    "shares",
    "soil",
    "truncate",
    "violations",
]
