"""Which column of a dataset says whose row it is, and the condition that keeps an answer to the rows of a reach.

A dataset with `facility_code` is limited by it; one with `commune_canonical` by the current commune of the person.
Other tables of records are limited through their version (the dossier's facility, the patient's current commune), one
about deliveries through its delivery. A table that has none of these cannot be limited; whether it may then be read by
somebody of one facility is for the policies to say.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from bienho.contracts import Contract
from bienho.core.errors import UsageError
from bienho.governance.policy.rows import Rows

FACILITY = "facility_code"
COMMUNE = "commune_canonical"
VERSION = "version_id"
DELIVERY = "delivery_id"
DOSSIERS = "standard.xml130_dossier"
PATIENTS = "conformed.patient"
DELIVERIES = "standard.delivery"
_RECORDS = frozenset({"standard", "conformed", "quality"})
CODE = re.compile(r"[0-9A-Za-z._-]{1,40}\Z")

RowFilter = tuple[tuple[tuple[str, str, tuple[str, ...]], ...], ...] | None
"""Alternatives of conditions (column, "in", codes), as a question's filter has them; None = every row."""


@dataclass(frozen=True, slots=True)
class Scope:
    """How rows are told apart: '' (not at all), a column, or a dataset reached by `version_id` or `delivery_id`."""

    facility: str
    commune: str


def scope_of(contract: Contract) -> Scope:
    """How the rows of a dataset can be limited."""
    return Scope(_part(contract, FACILITY, DOSSIERS), _part(contract, COMMUNE, PATIENTS))


def _part(contract: Contract, column: str, through: str) -> str:
    if column in contract.by_name:
        return column
    if contract.zone not in _RECORDS:
        return ""
    if VERSION in contract.by_name:
        return through
    return DELIVERIES if column == FACILITY and DELIVERY in contract.by_name else ""


def condition(contract: Contract, rows: Rows, relation: Callable[[str], str]) -> str:
    """SQL that holds for the rows of a decision; '' for every row. `relation` gives a dataset at the same snapshot.

    Codes stand in it as literals, so that a typed statement carries them where no parameter could.
    """
    if rows is None:
        return ""
    scope = scope_of(contract)
    parts = [
        " AND ".join(
            text
            for text in (
                _limit(scope.facility, FACILITY, facilities, relation),
                _limit(scope.commune, COMMUNE, communes, relation),
            )
            if text
        )
        for facilities, communes in rows
    ]
    return " OR ".join(f"({part})" for part in parts) or "false"


def _limit(how: str, column: str, codes: frozenset[str] | None, relation: Callable[[str], str]) -> str:
    if codes is None:
        return ""
    listed = _listed(codes)
    if not listed or not how:
        return "false"
    if how == column:
        return f'"{column}" IN ({listed})'
    key = DELIVERY if how == DELIVERIES else VERSION
    return f"{key} IN (SELECT {key} FROM {relation(how)} WHERE {column} IN ({listed}))"


def _listed(codes: Iterable[str]) -> str:
    for code in codes:
        if not CODE.match(code):
            raise UsageError("USE-SCOPE-CODE", "Phạm vi của tài khoản có một mã cơ sở hoặc mã xã không hợp lệ.")
    return ", ".join(f"'{code}'" for code in sorted(codes))


def as_filter(contract: Contract, rows: Rows) -> RowFilter:
    """The rows of a decision in the words of a question's filter."""
    if rows is None:
        return None
    scope = scope_of(contract)
    return tuple(
        tuple(
            (name if how == name else f"{how}.{name}", "in", tuple(sorted(codes)))
            for how, name, codes in ((scope.facility, FACILITY, facilities), (scope.commune, COMMUNE, communes))
            if codes is not None
        )
        for facilities, communes in rows
    )
