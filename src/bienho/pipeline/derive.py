"""Brings `derived` up to date: whole touched partitions are computed again, never deltas (design 8.11).

Each scan of a lake table asks its catalog a dozen questions, which for a small batch cost more than its rows. So what a
model may see is read once, into memory, and all models are stored in one transaction.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import duckdb

from bienho.contracts import catalogue
from bienho.contracts.models import Model, order_models
from bienho.indicators import models as indicator_models
from bienho.lake import Lake
from bienho.pipeline import reference
from bienho.pipeline.journal import Journal, Stage, follow, read_journal
from bienho.pipeline.models import ModelRunner, revision_of, store
from bienho.surveillance.cases import models as case_models

VISITS = "conformed.encounter"
"""Holds the partition columns of every model, and the versions that lie in a partition."""
REPLACED = "standard.superseded"


@dataclass(frozen=True, slots=True)
class _Due:
    """A model to run; `since` is the batch it followed to, None where it is computed whole."""

    model: Model
    revision: str
    since: int | None

    @property
    def partition(self) -> tuple[str, ...]:
        return () if self.since is None else self.model.partition

    @property
    def stage(self) -> str:
        return f"derived {self.model.name}"


def derive(lake: Lake, conformed_revision: str, *, full: bool = False) -> int:
    """Recompute what the batches since each model's last run have touched; returns the number of models run.

    A model is computed whole when asked, when its SQL, that of `conformed` or a list it reads itself changed, when rows
    were rewritten by a replay or a remap, or when it has no partition. No model reads what another one of them makes.
    """
    due = list(_due(lake, conformed_revision, full=full))
    if not due:
        return 0
    lake.connection.execute(f"CREATE OR REPLACE TEMP TABLE replaced AS FROM lake.{REPLACED}")
    near = _read_touched(lake.connection, [one for one in due if one.partition])
    outputs = [_compute(lake, one, near) for one in due]
    last = read_journal(lake).last_change

    def work(writing: duckdb.DuckDBPyConnection) -> None:
        for one, output in zip(due, outputs, strict=True):
            _store(writing, one, output, last)

    names = ", ".join(one.model.table for one in due)
    before = lake.commits
    lake.commit(work, author="bienho-worker", message=f"derived {last}: {names}", deliveries=())
    # what the journal's summary says of a row that names no versions: it is taken to have changed some
    follow(lake, before, {one.stage: Stage(last, 0, one.revision, last) for one in due})
    for held in ("replaced", *near.values()):
        lake.connection.execute(f"DROP TABLE temp.{held}")
    return len(due)


def _due(lake: Lake, conformed_revision: str, *, full: bool) -> Iterable[_Due]:
    journal = read_journal(lake)
    for model in order_models((*indicator_models(), *case_models())):
        revision = f"{conformed_revision}+{revision_of([model])}{_lists(journal, model)}"
        done = last_run(journal, model.name, revision)
        if done is not None and done >= journal.last_change and not full:
            continue
        # where rows were taken out since, the partitions they lay in can no longer be told from them
        whole = full or done is None or journal.last_rewrite > done or not model.partition
        yield _Due(model, revision, None if whole else done)


def _lists(journal: Journal, model: Model) -> str:
    """What the code lists were made of, for a model that reads any: a new list makes it whole again."""
    newest = journal.stages.get("reference")
    reads = any(name.startswith("reference.") for name in model.reads)
    return f"+{newest.revision}" if newest and reads else ""


def last_run(journal: Journal, name: str, revision: str) -> int | None:
    """The batch a model followed to when it last ran; None when it never ran, or last ran with another text.

    A text that comes back after another one does not find its old rows: the newest run stands for what is there.
    """
    newest = journal.stages.get(f"derived {name}")
    return newest.batch_id if newest and newest.revision == revision else None


def _read_touched(connection: duckdb.DuckDBPyConnection, due: Sequence[_Due]) -> dict[str, str]:
    """What all partitions that versions came into or went from hold: versioned table → table in memory.

    The partitions are in `temp.moved`. The rows are those of current versions, with the columns a model names.
    """
    if not due:
        return {}
    columns = ", ".join(sorted({name for one in due for name in one.partition}))
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE moved AS SELECT DISTINCT {columns} FROM lake.{VISITS}"
        " SEMI JOIN (SELECT version_id FROM lake.journal.change WHERE batch_id > ?) USING (version_id)",
        [min(one.since for one in due if one.since is not None)],
    )
    said = {word for one in due for word in re.findall(r"\w+", one.model.sql)}
    names = {name for one in due for name in one.model.reads if catalogue()[name].versioned}
    near: dict[str, str] = {}
    for name in (VISITS, *sorted(names - {VISITS})):
        held = "near_" + name.split(".")[1]
        fields = ", ".join(field.name for field in catalogue()[name].fields if field.name in said)
        if name == VISITS:
            touched = " OR ".join(sorted({_touched(one.partition) for one in due}))
            rows = f"(FROM lake.{name} AS v WHERE {touched}) ANTI JOIN temp.replaced USING (version_id)"
        else:
            rows = f"lake.{name} SEMI JOIN temp.{near[VISITS]} USING (version_id)"
        connection.execute(f"CREATE OR REPLACE TEMP TABLE {held} AS SELECT {fields} FROM {rows}")
        near[name] = held
    return near


def _touched(partition: Sequence[str]) -> str:
    same = " AND ".join(f"m.{column} = v.{column}" for column in partition)
    return f"EXISTS (SELECT 1 FROM temp.moved AS m WHERE {same})"


def _compute(lake: Lake, due: _Due, near: Mapping[str, str]) -> str:
    """Run one model over what it may see; returns the table in memory that holds its rows."""
    runner = ModelRunner(lake.connection, [due.model])
    lists = [name for name in due.model.reads if name.startswith("reference.")]
    runner.bind_copies(lists, reference.kept(lake))
    runner.bind_queries({name: _seen(due, name, near) for name in due.model.reads if name not in lists})
    return runner.compute()[due.model.name]


def _seen(due: _Due, name: str, near: Mapping[str, str]) -> str:
    """The rows of a lake table a model may see: current versions, and only of touched partitions where it has them."""
    if name == REPLACED:
        return "FROM temp.replaced"
    if not catalogue()[name].versioned:
        return f"FROM lake.{name}"
    if not due.partition:
        return f"FROM lake.{name} ANTI JOIN temp.replaced USING (version_id)"
    visits = f"FROM temp.{near[VISITS]} SEMI JOIN temp.moved USING ({', '.join(due.partition)})"
    return visits if name == VISITS else f"FROM temp.{near[name]} SEMI JOIN ({visits}) USING (version_id)"


def _store(connection: duckdb.DuckDBPyConnection, due: _Due, output: str, last: int) -> None:
    name = due.model.name
    if due.partition:
        match = " AND ".join(f"t.{column} IS NOT DISTINCT FROM d.{column}" for column in due.partition)
        connection.execute(f"DELETE FROM lake.{name} AS d WHERE EXISTS (SELECT 1 FROM temp.moved AS t WHERE {match})")
    else:
        connection.execute(f"DELETE FROM lake.{name}")
    store(connection, {name: output})
    if due.since is None:
        # computed again for the same batch: one row says by which text, or nobody could tell which came last
        connection.execute("DELETE FROM lake.journal.batch WHERE stage = ? AND batch_id = ?", [due.stage, last])
    connection.execute(
        "INSERT INTO lake.journal.batch BY NAME SELECT ? AS batch_id, ? AS stage, ? AS model_revision",
        [last, due.stage, due.revision],
    )
