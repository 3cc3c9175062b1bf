"""Which pairs are looked at: those that share a key of at least one rule.

A rule's key is a function of one record and the weights alone, so the index, which meets records one by one, looks at
the same pairs as a batch. What keeps blocks small is said in the key: a common name needs more beside it than a rare
one.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Rule:
    name: str
    parts: tuple[str, ...]
    """SQL over `features`; the key is there when every part is."""
    group: str
    """Rules of one group fail together; what one group finds tells what another loses (see `recall`)."""

    def key(self) -> str:
        return " || '|' || ".join(f"({part})::VARCHAR" for part in self.parts)

    def hashed(self) -> str:
        """A number of 64 bits that is the same for two records with the same key, without writing the key."""
        return f"hash({', '.join(self.parts)})"

    def there(self) -> str:
        """Whether a record has a key."""
        return " AND ".join(f"({part}) IS NOT NULL" for part in self.parts)


_NAME_OR_COMMUNE = "CASE WHEN name_rare THEN '' ELSE commune END"
_DAYS = (
    "CASE WHEN birth_day IS NOT NULL THEN birth_year::INT * 10000 + greatest(birth_month, birth_day)::INT * 100"
    " + least(birth_month, birth_day) END"
)
"""A day that is the same when day and month were swapped."""


def _broad(column: str) -> str:
    return f"CASE WHEN broad THEN {column} END"


RULES = (
    Rule("cccd", ("cccd",), "number"),
    Rule("cmnd", ("cmnd",), "number"),
    Rule("insurance", ("insurance",), "number"),
    Rule("local", ("facility_code", "patient_local_id"), "place"),
    Rule("phone_given", ("phone", "given"), "place"),
    Rule("phone_birth", ("phone", "birth_year"), "place"),
    Rule("address_birth", ("address", "commune", "birth_year", "left(given, 1)"), "place"),
    Rule("address_name", ("address", "commune", "name_sorted"), "place"),
    Rule("commune_birth", ("commune", _DAYS), "place"),
    Rule("mother_birth", ("mother", "birth_year"), "place"),
    Rule("name_birth", ("name_sorted", _DAYS), "name"),
    Rule("name_year", ("name_sorted", "birth_year", _NAME_OR_COMMUNE), "name"),
    Rule("name_day", ("name_sorted", "birth_month", "birth_day", _NAME_OR_COMMUNE), "name"),
    Rule("given_birth", ("given", "birth"), "name"),
    # Where there are few records less is enough to bring two together.
    Rule("birth", (_broad("birth"),), "name"),
    Rule("name", (_broad("name_sorted"),), "name"),
    Rule("month_initial", (_broad("birth_year"), "birth_month", "left(given, 1)"), "name"),
    Rule("day_initial", (_broad("birth_month"), "birth_day", "left(given, 1)"), "name"),
    Rule("commune_initial", (_broad("commune"), "left(given, 1)"), "place"),
    Rule("family_commune", (_broad("family"), "commune"), "place"),
    Rule("house", (_broad("address"), "commune"), "place"),
)

BROAD = 100_000
"""Up to this many records training lets the broad rules in."""

CROWD = 400
"""A key that more records than this share is not used while they do: they are strangers under a filler no cleaning
knew, or the telephone of a front desk."""
