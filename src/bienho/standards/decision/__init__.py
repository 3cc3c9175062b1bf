"""Decisions of people about persons, as bytes and back."""

from bienho.standards.decision.read import (
    AUTHORITIES,
    KIND,
    MOST,
    REASONS,
    PersonDecisions,
    Verdict,
    order_of,
    read,
    write,
)

__all__ = ["AUTHORITIES", "KIND", "MOST", "REASONS", "PersonDecisions", "Verdict", "order_of", "read", "write"]
