"""Pairs of records → log2 odds that both are of one person, for a million pairs or for one.

DuckDB finds the level of every comparison and packs them into one number, the code; everything after that is a function
of the code. A batch has some ten thousand different codes, so the four kinds of pairs are weighed once a code.
"""

from __future__ import annotations

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from bienho.linkage.model.comparisons import BITS, COMPARISONS, KINDS, TERM_SHIFT
from bienho.linkage.model.features import FEATURES, TERM_FEATURES
from bienho.linkage.model.rules import MODEL, SURE, named, safe_rules, vetoes
from bienho.linkage.model.terms import SHARES
from bienho.linkage.model.weights import Weights

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

PAIRS = pa.schema(
    [
        ("left", pa.string()), ("right", pa.string()), ("weight", pa.float64()), ("probability", pa.float64()),
        ("rule", pa.string()), ("veto", pa.string()), *((comparison.name, pa.int8()) for comparison in COMPARISONS),
    ]
)  # fmt: skip
"""One row a pair, `left` < `right`. `weight`: log2 of the odds for a match, all told; `probability` the same as a
share; `rule`: the safe rule that settled it, else 'model'; `veto`: what forbids a silent join, or null. Then the level
of every comparison: its place in `Comparison.levels` from 1, 0 where there was nothing to compare."""

MOST = 60.0
"""Bits: beyond it no odds are told apart."""


TERM_OF = {"name": "name_term_l", "pair": "pair_term_l", "most": "least(name_term_l, name_term_r)"}
"""SQL of the class that counts for a level, by `Level.term`."""


def code_sql(pairs: str, features: str) -> str:
    """SELECT l, r and the code of the pairs (l, r) of row numbers of `features`."""
    packed, termed = [], []
    for place, comparison in enumerate(COMPARISONS):
        packed.append(f"(c_{comparison.name}::BIGINT << {BITS * place})")
        for number, level in enumerate(comparison.levels, 1):
            if level.term:
                termed.append(f"WHEN c_{comparison.name} = {number} THEN {TERM_OF[level.term]}")
    cases = ", ".join(f"({comparison.case()})::TINYINT AS c_{comparison.name}" for comparison in COMPARISONS)
    sides = ", ".join(
        f"{side}.{column} AS {column}_{side}" for column in (*FEATURES, *TERM_FEATURES.values()) for side in ("l", "r")
    )
    packed.append(f"(coalesce(CASE {' '.join(termed)} END, 0)::BIGINT << {TERM_SHIFT})")
    return f"""
        SELECT i_l AS l, i_r AS r, {" | ".join(packed)} AS code FROM (
            SELECT i_l, i_r, name_term_l, name_term_r, pair_term_l, {cases} FROM (
                SELECT p.l AS i_l, p.r AS i_r, {sides}
                FROM {pairs} AS p JOIN {features} AS l ON l.i = p.l JOIN {features} AS r ON r.i = p.r
            )
        )
    """


def unpack(codes: Ints) -> dict[str, npt.NDArray[np.int8]]:
    """Codes → the level of every comparison, and under 'term' the class of the term agreed on."""
    found = {
        comparison.name: ((codes >> (BITS * place)) & 15).astype(np.int8)
        for place, comparison in enumerate(COMPARISONS)
    }
    found["term"] = ((codes >> TERM_SHIFT) & 15).astype(np.int8)
    return found


class Scale:
    """Weights in the form the codes are weighed with."""

    def __init__(self, weights: Weights) -> None:
        self._tables = {
            kind: [
                np.log2([1.0, *(weights.levels[comparison.name][level.key][kind] for level in comparison.levels)])
                for comparison in COMPARISONS
            ]
            for kind in KINDS
        }
        # A stranger reaches an agreement on a term as often as the term is common.
        means = [{"": 1.0, **weights.means}[_MEAN_OF[level.term]] for level in COMPARISONS[0].levels]
        self._mean = np.log2([1.0, *means])
        self._share = np.log2(SHARES)
        match = np.log2(weights.matches)
        self._odds = {
            "match": match,
            "random": np.log2(max(1e-9, 1 - weights.matches * (1 + weights.kin + weights.twins))),
            "kin": match + np.log2(weights.kin),
            "twin": match + np.log2(weights.twins),
        }

    def by_kind(self, levels: dict[str, npt.NDArray[np.int8]]) -> dict[str, Floats]:
        """log2 of prior times likelihood of each kind, one number a code."""
        found = {}
        for kind in KINDS:
            total = np.full(len(levels["term"]), self._odds[kind])
            for comparison, table in zip(COMPARISONS, self._tables[kind], strict=True):
                total += table[levels[comparison.name]]
            if kind == "random":
                termed = levels["term"] > 0
                total += np.where(termed, self._share[levels["term"]] - self._mean[levels["name"]], 0.0)
            found[kind] = total
        return found

    def weigh(self, levels: dict[str, npt.NDArray[np.int8]]) -> Floats:
        """log2 odds of a match, one number a code."""
        return odds(self.by_kind(levels))


def odds(kinds: dict[str, Floats]) -> Floats:
    """log2 odds of a match from `Scale.by_kind`."""
    others = np.logaddexp2(np.logaddexp2(kinds["random"], kinds["kin"]), kinds["twin"])
    return np.clip(kinds["match"] - others, -MOST, MOST)


_MEAN_OF = {"": "", "name": "name", "most": "name", "pair": "pair"}


def probability(weight: Floats) -> Floats:
    """Share of pairs of this weight that are matches."""
    return np.asarray(1 / (1 + np.exp2(-weight)))


FLOOR = -7.0
"""Bits: what weighs less says nothing to anybody."""


def weighed_codes(scale: Scale, codes: Ints) -> pa.Table:
    """Each code with what it means: code and the columns of PAIRS after `right`."""
    levels = unpack(codes)
    weight = scale.weigh(levels)
    safe, forbidden = safe_rules(levels), vetoes(levels)
    settled = np.any(list(safe.values()), axis=0) & ~np.any(list(forbidden.values()), axis=0)
    weight = np.where(settled, np.maximum(weight, SURE), weight)
    columns = {
        "code": pa.array(codes), "weight": pa.array(weight), "probability": pa.array(probability(weight)),
        "rule": pa.array(np.where(settled, named(safe, MODEL), MODEL), pa.string()),
        "veto": pa.array(named(forbidden, None), pa.string()),
    }  # fmt: skip
    return pa.table(columns | {comparison.name: pa.array(levels[comparison.name]) for comparison in COMPARISONS})


def weighed(con: duckdb.DuckDBPyConnection, weights: Weights, floor: float = FLOOR) -> pa.Table:
    """PAIRS of the tables `coded` and `feature` of a workspace that weigh `floor` or more."""
    codes = con.execute("SELECT DISTINCT code FROM coded ORDER BY code").fetchnumpy()["code"].astype(np.int64)
    meanings = weighed_codes(Scale(weights), codes)
    con.register("meaning", meanings.filter(pc.greater_equal(meanings["weight"], floor)))
    rest = ", ".join(f"m.{name}" for name in PAIRS.names[2:])
    found = con.execute(f"""
        SELECT a.record_id AS "left", b.record_id AS "right", {rest}
        FROM coded AS c JOIN meaning AS m USING (code) JOIN feature AS a ON a.i = c.l JOIN feature AS b ON b.i = c.r
    """).to_arrow_table()
    con.unregister("meaning")
    return found.cast(PAIRS)
