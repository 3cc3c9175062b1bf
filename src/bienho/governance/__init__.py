"""Who may look at what, for which purpose, and the record of every look. Public names of the room."""

from bienho.governance import accounts, audit, reasons
from bienho.governance.accounts import Account
from bienho.governance.actor import Actor, Membership
from bienho.governance.audit import ChainStatus
from bienho.governance.decision import Decision, Denied, Request, decide
from bienho.governance.gate import Gate
from bienho.governance.purposes import PURPOSES, Purpose
from bienho.governance.reasons import REASONS, Reason
from bienho.governance.roles import ACCOUNT_ROLES, ROLES, Role
from bienho.governance.sql_check import SqlRefused

__all__ = [
    "ACCOUNT_ROLES",
    "PURPOSES",
    "REASONS",
    "ROLES",
    "Account",
    "Actor",
    "ChainStatus",
    "Decision",
    "Denied",
    "Gate",
    "Membership",
    "Purpose",
    "Reason",
    "Request",
    "Role",
    "SqlRefused",
    "accounts",
    "audit",
    "decide",
    "reasons",
]
