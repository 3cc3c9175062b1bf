"""Agreements: on which paper data is used or given, by whom reviewed and signed, and whether it holds on a day."""

from bienho.governance.agreements.records import Agreement, Step, checked
from bienho.governance.agreements.register import Agreements
from bienho.governance.agreements.states import MOVES, STATES, Move, mermaid

__all__ = ["MOVES", "STATES", "Agreement", "Agreements", "Move", "Step", "checked", "mermaid"]
