"""Which notices concern an account: by its roles, and by the units that named it their contact."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from bienho.database import Database
from bienho.governance.actor import Actor
from bienho.governance.notices.kinds import Kind, offered
from bienho.governance.people import contacts, units


def matters(db: Database, now: datetime) -> Mapping[str, frozenset[str]]:
    """Account → matters it is a contact in at an instant; about data only where the unit is a facility."""
    facilities = {one.code for one in units.list_units(db) if one.facility_code}
    found: dict[str, set[str]] = {}
    for one in contacts.list_contacts(db, at=now):
        if one.account_id and (one.matter != "data" or one.unit in facilities):
            found.setdefault(one.account_id, set()).add(one.matter)
    return {account: frozenset(several) for account, several in found.items()}


def concerning(actor: Actor, contact: Mapping[str, frozenset[str]]) -> tuple[Kind, ...]:
    """Kinds that concern an actor, in the order of the list."""
    return offered(actor.roles, contact.get(actor.account_id, frozenset()))
