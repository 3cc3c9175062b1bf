"""Agreements: on which paper data is used or given, by whom reviewed and signed, and whether it holds on a day."""

from bienho.governance.agreements.records import Agreement, Step, checked, faults
from bienho.governance.agreements.register import Agreements, Choice, choices, of_revision, standing, standing_on
from bienho.governance.agreements.states import MOVES, STATES, Move, main_way, mermaid

__all__ = [
    "MOVES",
    "STATES",
    "Agreement",
    "Agreements",
    "Choice",
    "Move",
    "Step",
    "checked",
    "choices",
    "faults",
    "main_way",
    "mermaid",
    "of_revision",
    "standing",
    "standing_on",
]
