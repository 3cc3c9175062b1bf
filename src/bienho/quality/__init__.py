"""Checks over the standard zone: casts and contracts as SQL, rules over arrays; and when quarantine expires."""

from bienho.quality.casts import (
    BIRTH,
    CODE,
    TypedField,
    describe_cast_finding,
    odd_texts_sql,
    surely_read,
    typed_fields,
)
from bienho.quality.expiry import days_left, last_day, open_since

__all__ = [
    "BIRTH",
    "CODE",
    "TypedField",
    "days_left",
    "describe_cast_finding",
    "last_day",
    "odd_texts_sql",
    "open_since",
    "surely_read",
    "typed_fields",
]
