"""One set of weights at work: blocking keys of records and weights of pairs, few or many."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from hashlib import sha256

import numpy as np
import pyarrow as pa

from bienho.linkage.model import single
from bienho.linkage.model.blocking import RULES
from bienho.linkage.model.comparisons import COMPARISONS
from bienho.linkage.model.features import make_features
from bienho.linkage.model.score import PAIRS, Scale, code_sql, weighed, weighed_codes
from bienho.linkage.model.weights import Weights
from bienho.linkage.model.workspace import Workspace, engine
from bienho.linkage.persons import Rules
from bienho.linkage.records import CLEAN

KEYS = pa.schema([("record_id", pa.string()), ("rule", pa.int8()), ("key", pa.string())])
"""Blocking keys of records: texts of people, never stored as they are. `rule` is a place in `blocking.RULES`."""

FEW = 1_000
"""Up to this many pairs, or records, go through Python one by one; an engine is quicker beyond."""
CODES = 100_000
"""Codes of pairs whose weight is remembered: a million records have some ten thousand."""


class Matcher:
    """Not for several threads at once."""

    def __init__(self, weights: Weights) -> None:
        self.weights = weights
        self.review = weights.review
        self.rules = Rules(link=weights.link)
        self._scale = Scale(weights)
        self._told: dict[int, tuple[float, str | None]] = {}

    @cached_property
    def revision(self) -> str:
        """Names the weights and the SQL they belong to, 16 hex digits."""
        text = [self.weights.to_json(), *(one.case() for one in COMPARISONS), *(rule.key() for rule in RULES)]
        return sha256("\n".join(text).encode()).hexdigest()[:16]

    def blocks(self, clean: pa.Table) -> pa.Table:
        """The blocking keys (schema KEYS) of a table of `CLEAN`; a record may have none."""
        if clean.num_rows > FEW:
            return self._blocks_of_many(clean)
        features = single.features_of(self.weights, clean.to_pylist())
        ids = clean["record_id"].to_pylist()
        rows = [(one, rule, key) for one, row in zip(ids, features, strict=True) for rule, key in single.keys_of(row)]
        return pa.table([list(column) for column in zip(*rows, strict=True)] or [[], [], []], schema=KEYS)

    def pairs(self, clean: pa.Table) -> pa.Table:
        """PAIRS of records of a table of `CLEAN` that share a key no crowd holds; without those that say nothing."""
        with Workspace(clean) as workspace:
            workspace.make_features(self.weights.salt, self.weights.classes, broad=self.weights.broad)
            workspace.pair()
            workspace.code()
            return weighed(workspace.con, self.weights)

    def score(self, left: pa.Table, right: pa.Table) -> pa.Table:
        """PAIRS of the rows of two tables of `CLEAN`, row by row; `each pair in the order of its ids."""
        codes = self._codes_of_many(left, right) if left.num_rows > FEW else self._codes(left, right)
        told = weighed_codes(self._scale, codes)
        one, other = np.asarray(left["record_id"], object), np.asarray(right["record_id"], object)
        turned = one > other
        columns = {
            "left": pa.array(np.where(turned, other, one), pa.string()),
            "right": pa.array(np.where(turned, one, other), pa.string()),
        }
        return pa.table(columns | {name: told[name] for name in PAIRS.names[2:]}, schema=PAIRS)

    def tell(self, left: Sequence[single.Row], right: Sequence[single.Row]) -> list[tuple[float, str | None]]:
        """(weight, veto) of pairs of rows of `CLEAN`, pair by pair, as `score` gives them."""
        rows = {row["record_id"]: row for side in (left, right) for row in side}
        if len(left) > FEW:
            place = {one: number for number, one in enumerate(rows)}
            whole = pa.Table.from_pylist(list(rows.values()), schema=CLEAN)
            sides = (whole.take(pa.array([place[row["record_id"]] for row in side])) for side in (left, right))
            scored = self.score(*sides)
            return list(zip(scored["weight"].to_pylist(), scored["veto"].to_pylist(), strict=True))
        known = dict(zip(rows, single.features_of(self.weights, rows.values()), strict=True))
        codes = [
            single.code(known[one["record_id"]], known[other["record_id"]])
            for one, other in zip(left, right, strict=True)
        ]
        if fresh := set(codes) - self._told.keys():
            if len(self._told) > CODES:
                self._told.clear()
                fresh = set(codes)
            told = weighed_codes(self._scale, np.array(sorted(fresh), np.int64))
            columns = (told[name].to_pylist() for name in ("code", "weight", "veto"))
            self._told |= {code: (weight, veto) for code, weight, veto in zip(*columns, strict=True)}
        return [self._told[code] for code in codes]

    def _codes(self, left: pa.Table, right: pa.Table) -> np.ndarray:
        known: dict[str, single.Row] = {}
        sides = []
        for table in (left, right):
            ids = table["record_id"].to_pylist()
            first = {one: place for place, one in reversed(list(enumerate(ids))) if one not in known}
            fresh = table.take(pa.array(list(first.values()), pa.int64())).to_pylist()
            known |= dict(zip(first, single.features_of(self.weights, fresh), strict=True))
            sides.append(ids)
        return np.array([single.code(known[one], known[other]) for one, other in zip(*sides, strict=True)], np.int64)

    def _codes_of_many(self, left: pa.Table, right: pa.Table) -> np.ndarray:
        con = engine()
        try:
            both, count = pa.concat_tables([left, right]), left.num_rows
            con.register("given", both.add_column(0, "i", pa.array(np.arange(both.num_rows, dtype=np.int32))))
            make_features(con, "given", "feature", self.weights.salt, self.weights.classes, broad=self.weights.broad)
            con.execute(f"CREATE TABLE pair AS SELECT n::INT AS l, (n + {count})::INT AS r FROM range({count}) AS t(n)")
            found = con.execute(f"SELECT code FROM ({code_sql('pair', 'feature')}) ORDER BY l").fetchnumpy()
            return np.asarray(found["code"], np.int64)
        finally:
            con.close()

    def _blocks_of_many(self, clean: pa.Table) -> pa.Table:
        con = engine()
        try:
            con.register("given", clean.add_column(0, "i", pa.array(np.arange(clean.num_rows, dtype=np.int32))))
            make_features(con, "given", "feature", self.weights.salt, self.weights.classes, broad=self.weights.broad)
            parts = [
                f"SELECT i, record_id, {number}::TINYINT AS rule, {rule.key()} AS key FROM feature"
                for number, rule in enumerate(RULES)
            ]
            sql = (
                f"SELECT record_id, rule, key FROM ({' UNION ALL '.join(parts)}) WHERE key IS NOT NULL ORDER BY i, rule"
            )
            return con.execute(sql).to_arrow_table().cast(KEYS)
        finally:
            con.close()
