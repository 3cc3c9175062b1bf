"""People: units, memberships, credentials, sessions, access review, system clients. Public names of the folder."""

from bienho.governance.people import (
    contacts,
    credentials,
    door_secrets,
    external,
    factors,
    failures,
    joining,
    leading,
    memberships,
    oidc,
    passkeys,
    portal_api,
    recovery,
    reviews,
    sessions,
    signing_in,
    systems,
    tokens,
    units,
)
from bienho.governance.people.actors import actor_of, caller
from bienho.governance.people.rules import NUMBERS
from bienho.governance.people.signing_in import actor_for_session, administrators, mfa_ready
from bienho.governance.people.systems import actor_of_client

__all__ = [
    "NUMBERS",
    "actor_for_session",
    "actor_of",
    "actor_of_client",
    "administrators",
    "caller",
    "contacts",
    "credentials",
    "door_secrets",
    "external",
    "factors",
    "failures",
    "joining",
    "leading",
    "memberships",
    "mfa_ready",
    "oidc",
    "passkeys",
    "portal_api",
    "recovery",
    "reviews",
    "sessions",
    "signing_in",
    "systems",
    "tokens",
    "units",
]
