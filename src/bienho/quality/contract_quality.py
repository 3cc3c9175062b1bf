"""ODCS `quality` sections compiled to one statement a dataset: row checks in one pass, keys and references by joins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from bienho.contracts import Contract
from bienho.contracts.quality import QualityCheck


@dataclass(frozen=True, slots=True)
class Measured:
    """What one check of a dataset counted; `holds` is None when there was nothing to count."""

    dataset: str
    check: QualityCheck
    number: int | None

    @property
    def holds(self) -> bool | None:
        return self.check.holds(self.number)


def measure_sql(contract: Contract, as_of: date, relation: str | None = None) -> str | None:
    """SELECT giving (name, number) of every check of a contract; None when it has none.

    Reads `relation` (default: the view the contract names) once for all checks of rows, and once more for each key,
    reference or query. `as_of` is the day freshness is asked for, never today by itself.
    """
    if not contract.quality:
        return None
    source = relation or contract.id
    counted: list[str] = []
    parts: list[str] = []
    for check in contract.quality:
        bad = failing(check)
        name = check.name.replace("'", "''")
        if bad is not None:
            counted.append(f"count(*) FILTER ({bad})")
            parts.append(f"SELECT '{name}' AS name, n[{len(counted)}]::BIGINT AS number FROM rows_counted")
        else:
            parts.append(f"SELECT '{name}' AS name, ({_alone(check, source, as_of)})::BIGINT AS number")
    head = f"WITH rows_counted AS (SELECT [{', '.join(counted)}] AS n FROM {source}) " if counted else ""
    return head + " UNION ALL ".join(parts)


def failing(check: QualityCheck) -> str | None:
    """The predicate of rows a check counts; None when it is no check of single rows."""
    column = f'"{check.column}"'
    if check.metric == "nullValues":
        return f"{column} IS NULL"
    if check.metric == "missingValues":
        return (
            f"{column} IS NULL OR CAST({column} AS VARCHAR) IN ({_texts(check.arguments.get('missingValues', ['']))})"
        )
    if check.metric == "invalidValues":
        if "validValues" in check.arguments:
            return f"CAST({column} AS VARCHAR) NOT IN ({_texts(check.arguments['validValues'])})"
        return f"NOT regexp_full_match(CAST({column} AS VARCHAR), {_texts([check.arguments['pattern']])})"
    if "must" in check.implementation:
        when = check.implementation.get("when", "true")
        return f"({when}) AND NOT ({check.implementation['must']})"
    return None


def rows_sql(contract: Contract, check: QualityCheck, relation: str | None = None) -> str | None:
    """SELECT of the keys of the rows a check counts, so that a number opens down to its rows."""
    bad = failing(check)
    if bad is None:
        return None
    return f"SELECT {', '.join(contract.key)} FROM {relation or contract.id} WHERE {bad}"


def _alone(check: QualityCheck, source: str, as_of: date) -> str:
    if check.query is not None:
        return check.query
    if check.metric == "rowCount":
        return f"SELECT count(*) FROM {source}"
    if check.metric == "duplicateValues":
        names = check.arguments.get("properties") or [check.column]
        columns = ", ".join(f'"{name}"' for name in names)
        return f"SELECT coalesce(sum(n - 1), 0) FROM (SELECT count(*) AS n FROM {source} GROUP BY {columns})"
    if "freshness" in check.implementation:
        newest = check.implementation["freshness"]
        return f"SELECT date_diff('day', CAST(max({newest}) AS DATE), DATE '{as_of}') FROM {source}"
    there, _, column = check.implementation["references"].rpartition(".")
    return (
        f'SELECT count(*) FROM {source} AS a ANTI JOIN {there} AS b ON b."{column}" = a."{check.column}"'
        f' WHERE a."{check.column}" IS NOT NULL'
    )


def _texts(values: Sequence[object]) -> str:
    return ", ".join("'" + str(value).replace("'", "''") + "'" for value in values)
