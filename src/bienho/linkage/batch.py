"""The whole way of a batch: records → cleaned columns → candidate pairs → weights → persons."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc

from bienho.core.errors import InputError
from bienho.linkage.model.score import weighed
from bienho.linkage.model.train import fit
from bienho.linkage.model.weights import Weights
from bienho.linkage.model.workspace import Workspace
from bienho.linkage.normalise import Places, clean
from bienho.linkage.persons import Rules, resolve

SEED = 20251
"""Training without a seed of the caller's own draws with this one."""
FEWEST = 2_000
"""Fewer records teach less than they confuse: without given weights the untrained shares are used."""

ANY_YEARS = 1_000


@dataclass(frozen=True)
class Linked:
    """What a batch gives.

    persons   record_id, person_id, one row a record (schema PERSONS)
    pairs     pairs that were met and weigh enough to matter (schema PAIRS), vetoes among them
    weights   what they were weighed with
    met       left, right of all pairs that were looked at, where it was asked for
    """

    persons: pa.Table
    pairs: pa.Table
    weights: Weights
    met: pa.Table | None = None

    def links(self) -> pa.Table:
        """Pairs that link by themselves."""
        return self.pairs.filter(pc.and_(pc.greater_equal(self.pairs["weight"], self.weights.link), _free(self.pairs)))

    def review(self) -> pa.Table:
        """Pairs a person should look at: likely enough, but too little to link, or forbidden; and not joined anyway."""
        likely = self.pairs.filter(
            pc.and_(
                pc.greater_equal(self.pairs["weight"], self.weights.review),
                pc.invert(pc.and_(pc.greater_equal(self.pairs["weight"], self.weights.link), _free(self.pairs))),
            )
        )
        person = [
            self.persons["person_id"].take(
                pc.index_in(likely[side], value_set=self.persons["record_id"].combine_chunks())
            )
            for side in ("left", "right")
        ]
        return likely.filter(pc.not_equal(*person))


def link(
    records: pa.Table,
    weights: Weights | None = None,
    decisions: pa.Table | None = None,
    *,
    seed: int = SEED,
    places: Places | None = None,
    keep_met: bool = False,
) -> Linked:
    """Persons of a table of RECORDS; trained on it when no weights are given. `decisions` is of schema DECISIONS.

    The same records give the same persons in any order of rows. Errors: InputError IN-LINK-COLUMNS for a missing
    column, IN-LINK-IDS for a record without an id or twice.
    """
    return link_clean(clean(records, places), weights, decisions, seed=seed, keep_met=keep_met)


def link_clean(
    cleaned: pa.Table,
    weights: Weights | None = None,
    decisions: pa.Table | None = None,
    *,
    seed: int = SEED,
    keep_met: bool = False,
    strangers: bool = False,
) -> Linked:
    """As `link`, from a table of CLEAN. `strangers`: for files without families whose births are wrong at random, as
    published test sets are; then births far apart forbid nothing. Never for patients."""
    _check_ids(cleaned)
    with Workspace(cleaned) as workspace:
        if weights is None:
            weights = fit(workspace, seed, learn=cleaned.num_rows >= FEWEST, strangers=strangers)
        else:
            workspace.make_features(weights.salt, weights.classes, broad=weights.broad)
            workspace.pair()
            workspace.code()
        pairs = weighed(workspace.con, weights)
        met = workspace.met() if keep_met else None
    rules = Rules(link=weights.link)
    if strangers:
        rules = replace(rules, years=ANY_YEARS)
        pairs = pairs.set_column(
            pairs.schema.get_field_index("veto"),
            "veto",
            pc.if_else(pc.equal(pairs["veto"], "birth"), pa.scalar(None, pa.string()), pairs["veto"]),
        )
    persons = resolve(cleaned, pairs, decisions, rules=rules)
    return Linked(persons, pairs, weights, met)


def _check_ids(cleaned: pa.Table) -> None:
    ids = cleaned["record_id"]
    if ids.null_count or pc.count_distinct(ids).as_py() != len(ids):
        raise InputError(
            "IN-LINK-IDS",
            "Cột record_id có dòng trống hoặc mã lặp lại; mỗi bản ghi phải có một mã riêng",
            hint="Kiểm tra cột record_id rồi chạy lại",
            who="người chuẩn bị tệp",
        )


def _free(pairs: pa.Table) -> pa.ChunkedArray:
    return pairs["veto"].is_null()
