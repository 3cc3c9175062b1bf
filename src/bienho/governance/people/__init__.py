"""People: units, memberships, credentials, sessions, access review, system clients. Public names of the folder."""

from bienho.governance.people import (
    contacts,
    credentials,
    factors,
    memberships,
    passkeys,
    recovery,
    reviews,
    sessions,
    signing_in,
    systems,
    units,
)
from bienho.governance.people.actors import actor_of, caller
from bienho.governance.people.rules import NUMBERS
from bienho.governance.people.signing_in import actor_for_session, mfa_ready
from bienho.governance.people.systems import actor_of_client

__all__ = [
    "NUMBERS",
    "actor_for_session",
    "actor_of",
    "actor_of_client",
    "caller",
    "contacts",
    "credentials",
    "factors",
    "memberships",
    "mfa_ready",
    "passkeys",
    "recovery",
    "reviews",
    "sessions",
    "signing_in",
    "systems",
    "units",
]
