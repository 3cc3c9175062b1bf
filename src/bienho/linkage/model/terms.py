"""How common a name is, without keeping the name: Nguyễn Thị Hoa says little, a rare name much.

A term's share of the persons is kept as a class (`class_of`), and only for terms that many persons carry, under a keyed
digest; all other terms fall into one class of rare ones. So the weights name nobody, and a single record is weighed by
the very shares the batch was weighed by.
"""

from __future__ import annotations

from hashlib import sha256
from math import log2

import duckdb
import numpy as np

NAME, PAIR, GIVEN = "name", "pair", "given"
TERMS = {NAME: "name_sorted", PAIR: "family || ' ' || given", GIVEN: "given"}
"""Kind of term → SQL over `CLEAN`. The sorted name, so that a turned order has the share of the right one."""

CLASSES = 15
COARSEST = 4
"""Class 1 holds shares of 2^-5 and more, class 15 of 2^-19 and less."""

FEWEST = 8
"""Persons who must carry a term before its share is kept by name (by digest, that is)."""
MOST = 20_000


def class_of(share: float) -> int:
    """1 … 15: halvings below 2^-4."""
    return int(min(CLASSES, max(1, round(-log2(share)) - COARSEST)))


KNOWN_GIVEN = class_of(2**-11)
"""Up to this class a given name is one people bear, not a slip of the pen."""

SHARES = np.concatenate([[1.0], 2.0 ** -(np.arange(1, CLASSES + 1) + COARSEST)])
"""Share by class; class 0 is "no term"."""


def digest(kind: str, salt: str, term: str) -> str:
    """The 64 bits a term is kept under: a digest keyed by the weights' own salt, never the term."""
    return sha256(f"{salt}:{kind}:{term}".encode()).hexdigest()[:16]


def digest_sql(kind: str, salt: str, term: str) -> str:
    """SQL of `digest`; `term` is SQL too."""
    return f"left(sha256('{salt}:{kind}:' || ({term})), 16)"


def count(con: duckdb.DuckDBPyConnection, clean: str, salt: str) -> dict[str, dict[str, int]]:
    """Classes of the common terms of a table of `CLEAN`; under '' the class of all others.

    Persons are told apart by their birth while counting, so that one who comes often does not make a name common.
    """
    found: dict[str, dict[str, int]] = {}
    for kind, term in TERMS.items():
        rows = con.execute(f"""
            WITH carried AS (
                SELECT term, count(*) AS persons FROM (
                    SELECT DISTINCT {term} AS term, coalesce(birth_year, 0)::INT * 10000
                        + coalesce(birth_month, 0)::INT * 100 + coalesce(birth_day, 0)::INT AS birth FROM {clean}
                ) WHERE term IS NOT NULL GROUP BY term
            ), everyone AS (SELECT sum(persons) AS everyone FROM carried)
            SELECT {digest_sql(kind, salt, "term")} AS term, persons, everyone FROM everyone LEFT JOIN carried
                ON persons >= {FEWEST}
            WHERE everyone > 0 ORDER BY persons DESC, term LIMIT {MOST}
        """).fetchall()
        if not rows:
            found[kind] = {"": CLASSES}
            continue
        everyone = max(1, rows[0][2])
        kept = {term: class_of(persons / everyone) for term, persons, _ in rows if persons is not None}
        least = min((persons for _, persons, _ in rows if persons is not None), default=FEWEST)
        found[kind] = dict(sorted(kept.items())) | {"": class_of(min(0.5, least / 3 / everyone))}
    return found
