"""A dataset as of a snapshot, as the SQL by which the gate reads it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from bienho.contracts import Contract, catalogue
from bienho.governance import question, scope
from bienho.governance.policy.rows import Rows
from bienho.lake import LakeTable, Versions
from bienho.lake.relations import SUPERSEDED, reading


def relation(
    contract: Contract,
    moment: int,
    versions: Versions,
    hidden: Sequence[str] = (),
    reaches: Sequence[Rows] = (),
    empty: frozenset[str] = frozenset(),
) -> str:
    """A subquery in which hidden columns and rows out of reach are not there at all.

    `empty`: datasets known to have no rows then. They are not scanned: for a table without files DuckLake asks its
    catalog for every column, which takes several times as long as to read a full one.
    """
    return _bounded(contract.id, moment, versions, tuple(hidden), tuple(dict.fromkeys(reaches)), empty)


@lru_cache(maxsize=500)
def _bounded(
    dataset: str,
    moment: int,
    versions: Versions,
    hidden: tuple[str, ...],
    reaches: tuple[Rows, ...],
    empty: frozenset[str],
) -> str:
    contract = catalogue()[dataset]
    names = [field.name for field in contract.fields if field.name not in hidden]

    def beside(other: str) -> str:
        return _bounded(other, moment, "all", (), (), empty)

    conditions = [text for rows in reaches if (text := scope.condition(contract, rows, beside))]
    where = f" WHERE {' AND '.join(f'({text})' for text in conditions)}" if conditions else ""
    source = _source(contract, moment, versions, empty)
    return f"(SELECT {', '.join(question.quoted(name) for name in names)} FROM ({source}){where})"


def _source(contract: Contract, moment: int, versions: Versions, empty: frozenset[str]) -> str:
    if contract.id in empty:
        columns = (f"NULL::{field.physical_type} AS {question.quoted(field.name)}" for field in contract.fields)
        return f"SELECT {', '.join(columns)} WHERE false"
    # where nothing was replaced, all versions are the current ones
    wanted: Versions = "all" if SUPERSEDED in empty else versions
    return reading(LakeTable(contract.zone, contract.name, contract.versioned), at=moment, versions=wanted)
