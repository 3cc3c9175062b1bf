"""Who asks: an account as it comes through a door, with what it may be there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Assurance = Literal["none", "one", "two"]


@dataclass(frozen=True, slots=True)
class Membership:
    """One role of one account in one unit, in force now.

    `facilities`: codes of the facilities whose rows it reaches, None = the whole province; `communes`: codes in force
    today of the communes whose people it reaches, None = no limit by commune. Both limits count together. `domains`:
    the data domains the unit answers for.
    """

    role: str
    unit: str
    facilities: frozenset[str] | None
    communes: frozenset[str] | None
    domains: frozenset[str] = frozenset()

    @property
    def whole_province(self) -> bool:
        """Whether no row is out of reach."""
        return self.facilities is None and self.communes is None


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks: an account, the roles it holds now, and the door it came through (`cli`, `portal`, `api`).

    `roles` are those of the account itself and of its memberships. With memberships a role counts only through one of
    them; without any, the account's own roles hold for the whole province. `assurance` says by how many factors it
    signed in: none (an operating-system user, the demo link), one, or two.
    """

    account_id: str
    name: str
    roles: tuple[str, ...]
    door: str = "cli"
    memberships: tuple[Membership, ...] = ()
    assurance: Assurance = "none"
