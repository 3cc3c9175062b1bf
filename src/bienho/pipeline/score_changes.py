"""What the scores read of the dossiers that came, or were replaced, since they were computed; no more of the lake."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa

from bienho.contracts import catalogue
from bienho.lake import Lake
from bienho.pipeline import reference
from bienho.pipeline.score_sums import Standing
from bienho.quality.scores import MOVED, READS

HEADS, REPLACED, COPIES, RECEIPTS = (
    "standard.xml130_dossier", "standard.superseded", "standard.duplicate", "standard.delivery",
)  # fmt: skip
OF_DOCUMENT = {
    "visit": ("standard.xml130_1", "conformed.encounter", "conformed.condition"),
    "check_in": ("standard.xml130_0", "conformed.check_in"),
    "assessment": ("standard.xml130_12", "conformed.assessment"),
}
"""Kind of document → what alone holds rows of it. A table that can hold none is not asked: to ask costs more."""
_KEPT = ("score_head", "score_before", "score_copy", "score_moved")


@contextmanager
def since(lake: Lake, known: Standing) -> Iterator[dict[str, str | pa.Table]]:
    """A query or rows for each of `READS`, and `MOVED`, for the time of the block.

    Of a dossier that came and was replaced since, only what replaced it counts. Heads are also those that copies
    repeat; only what is in `MOVED` counts as a dossier.
    """
    run = lake.connection.execute
    floor = (known.last_seq + 1) * 1_000_000
    run(f"""
        CREATE OR REPLACE TEMP TABLE score_moved AS
        SELECT version_id, CASE WHEN version_id >= {floor} THEN 1 ELSE -1 END AS sign
        FROM (SELECT DISTINCT version_id FROM lake.journal.change WHERE batch_id > {known.batch_id})
        ANTI JOIN (SELECT version_id FROM lake.{REPLACED} WHERE version_id >= {floor}) USING (version_id)""")
    run(f"CREATE OR REPLACE TEMP TABLE score_copy AS {_of(COPIES)} WHERE version_id >= {floor}")
    wanted = f"(SELECT version_id FROM {MOVED} UNION SELECT of_version_id FROM temp.score_copy)"
    run(f"""
        CREATE OR REPLACE TEMP TABLE score_head AS
        {_of(HEADS)} SEMI JOIN {wanted} AS w USING (version_id) {_near(lake, "version_id", wanted)}""")
    run(f"CREATE OR REPLACE TEMP TABLE score_before AS {_of(REPLACED)} SEMI JOIN temp.score_head USING (dossier_key)")
    kinds = run(f"SELECT DISTINCT document FROM temp.score_head SEMI JOIN {MOVED} USING (version_id)").fetchall()
    documents = {document for (document,) in kinds}
    sources: dict[str, str | pa.Table] = {
        HEADS: "FROM temp.score_head",
        REPLACED: "FROM temp.score_before",
        COPIES: "FROM temp.score_copy",
        RECEIPTS: _receipts(lake),
        "quality.quarantine": f"{_of('quality.quarantine')} WHERE version_id >= {floor}",
        "reference.facility": _facilities(lake),
    }
    near = _near(lake, "version_id", MOVED)
    absent = {name for document, names in OF_DOCUMENT.items() if document not in documents for name in names}
    for name in READS.keys() - sources.keys():
        query = f"{_of(name)} SEMI JOIN {MOVED} USING (version_id) {near}"
        sources[name] = _nothing(name) if name in absent or not documents else query
    try:
        yield sources
    finally:
        for name in _KEPT:
            run(f"DROP TABLE IF EXISTS temp.{name}")


def _of(name: str) -> str:
    return f"SELECT {', '.join(READS[name])} FROM lake.{name}"


def _near(lake: Lake, column: str, wanted: str) -> str:
    """Bounds of what is wanted, written out so that files without any of it are not read."""
    bounds = lake.connection.execute(f"SELECT min({column}), max({column}) FROM {wanted} AS w").fetchone()
    least, most = bounds or (None, None)
    return f"WHERE {column} BETWEEN {least or 0} AND {most or 0}"


def _receipts(lake: Lake) -> str:
    """Receipts of what was replaced before and of what repeats something."""
    versions = "(SELECT version_id FROM temp.score_before UNION SELECT version_id FROM temp.score_copy)"
    wanted = f"(SELECT DISTINCT version_id // 1000000 AS delivery_seq FROM {versions})"
    near = _near(lake, "delivery_seq", wanted)
    return f"{_of(RECEIPTS)} SEMI JOIN {wanted} AS w USING (delivery_seq) {near}"


def _facilities(lake: Lake) -> pa.Table:
    kept = reference.kept(lake)
    name = "reference.facility"
    if name not in kept:
        kept[name] = lake.connection.execute(f"FROM lake.{name}").to_arrow_table()
    return kept[name]


def _nothing(name: str) -> pa.Table:
    return catalogue()[name].arrow_schema().empty_table()
