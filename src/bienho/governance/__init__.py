"""Who may look at what, for which purpose, and the record of every look. Public names of the room."""

from bienho.governance import accounts, audit, balp, permits, reasons
from bienho.governance.accounts import Account
from bienho.governance.actor import Actor, Membership
from bienho.governance.agreements import Agreements
from bienho.governance.audit import ChainStatus
from bienho.governance.break_glass import EMERGENCIES, Emergencies, Emergency
from bienho.governance.decision import Decision, Denied, Request, decide
from bienho.governance.gate import Gate
from bienho.governance.permits import permit
from bienho.governance.purposes import PURPOSES, Purpose
from bienho.governance.reasons import REASONS, Reason
from bienho.governance.roles import ACCOUNT_ROLES, ROLES, Role
from bienho.governance.sql_check import SqlRefused

__all__ = [
    "ACCOUNT_ROLES",
    "EMERGENCIES",
    "PURPOSES",
    "REASONS",
    "ROLES",
    "Account",
    "Actor",
    "Agreements",
    "ChainStatus",
    "Decision",
    "Denied",
    "Emergencies",
    "Emergency",
    "Gate",
    "Membership",
    "Purpose",
    "Reason",
    "Request",
    "Role",
    "SqlRefused",
    "accounts",
    "audit",
    "balp",
    "decide",
    "permit",
    "permits",
    "reasons",
]
