"""Somebody new in a unit: an account without a role of its own, its first membership, and its invitation."""

from __future__ import annotations

from datetime import datetime

from bienho.config import Home
from bienho.database import Database
from bienho.governance import accounts
from bienho.governance.actor import Actor
from bienho.governance.people import credentials, memberships


def join(
    db: Database,
    home: Home,
    *,
    by: Actor,
    account_id: str,
    name: str,
    unit: str,
    role: str,
    document: str,
    now: datetime,
    until: datetime | None = None,
) -> str:
    """Make the account, give the role and invite; the token to hand over in person.

    Whoever may give the role may do all three, for an account that is new: nobody invites an account of others.
    UsageError USE-ACCOUNT-ID, -NAME, -TAKEN and those of `memberships.give`, all before anything is made.
    """
    account = accounts.new(account_id, name)
    memberships.check(
        db, home, by=by, account_id=account_id, unit=unit, role=role, document=document, now=now, until=until
    )
    accounts.create(db, home, account, by=by)
    memberships.give(
        db, home, by=by, account_id=account_id, unit=unit, role=role, document=document, now=now, until=until
    )
    return credentials.issue(db, home, by=by, account_id=account_id, now=now)
