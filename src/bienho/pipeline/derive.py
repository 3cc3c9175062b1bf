"""Brings `derived` up to date: whole touched partitions are computed again, never deltas (design 8.11).

Each scan of a lake table asks its catalog a dozen questions, which for a small batch cost more than its rows. So a
model that no version which came or went has a part in is not run, what another may see is read once, into memory, and
all are stored in one transaction.

A model may read what another one of them makes, its source: rows by version, few of those the lake holds. What came
into them or went from them says which partitions are touched, and they alone are read for it, however large the lake.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
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
    source: _Due | None = None
    is_source: bool = False

    @property
    def partition(self) -> tuple[str, ...]:
        return () if self.since is None else self.model.partition

    @property
    def by_version(self) -> bool:
        """Whether a version's rows are of that version alone."""
        return self.partition == ("version_id",)

    @property
    def made(self) -> str:
        """The table in memory for the rows of a source until all are stored."""
        return f"temp.made_{self.model.table}"

    @property
    def changed(self) -> str:
        """The table in memory for the versions that came or went since."""
        return f"temp.changed_{self.since}"

    @property
    def touched(self) -> str:
        """The table in memory for the partitions that were touched."""
        return self.changed if self.by_version else f"temp.touched_{self.model.table}"

    @property
    def stage(self) -> str:
        return f"derived {self.model.name}"


def derive(lake: Lake, conformed_revision: str, *, full: bool = False) -> int:
    """Recompute what the batches since each model's last run have touched; returns the number of models run.

    A model is computed whole when asked, when its SQL, that of `conformed` or a list it reads itself changed, when rows
    were rewritten by a replay or a remap, or when it has no partition; also when its source is.
    """
    due = list(_due(lake, conformed_revision, full=full))
    if not due:
        return 0
    lake.connection.execute(f"CREATE OR REPLACE TEMP TABLE replaced AS FROM lake.{REPLACED}")
    for since in {one.since for one in due if one.partition}:
        moved = f"SELECT DISTINCT version_id FROM lake.journal.change WHERE batch_id > {since}"
        lake.connection.execute(f"CREATE OR REPLACE TEMP TABLE changed_{since} AS {moved}")
    outputs: dict[str, str | None] = {}
    for one in due:
        outputs[one.model.name] = _compute(lake, one, outputs)
    last = read_journal(lake).last_change

    def work(writing: duckdb.DuckDBPyConnection) -> None:
        for one in due:
            _store(writing, one, outputs[one.model.name], last)
        # one statement, for each leaves a file
        rows = ", ".join("(?, ?, ?)" for _ in due)
        writing.execute(
            "INSERT INTO lake.journal.batch BY NAME SELECT batch_id, stage, model_revision"
            f" FROM (VALUES {rows}) AS said(batch_id, stage, model_revision)",
            [value for one in due for value in (last, one.stage, one.revision)],
        )

    names = ", ".join(one.model.table for one in due)
    before = lake.commits
    lake.commit(work, author="bienho-worker", message=f"derived {last}: {names}", deliveries=())
    # what the journal's summary says of a row that names no versions: it is taken to have changed some
    follow(lake, before, {one.stage: Stage(last, 0, one.revision, last) for one in due})
    held = {name for one in due for name in (one.changed, one.touched, one.made)}
    for name in held | {"temp.replaced", "temp.concerned"}:
        lake.connection.execute(f"DROP TABLE IF EXISTS {name}")
    return len(due)


def _due(lake: Lake, conformed_revision: str, *, full: bool) -> Iterable[_Due]:
    journal = read_journal(lake)
    models = {model.name: model for model in order_models((*indicator_models(), *case_models()))}
    read = {name for model in models.values() for name in model.reads}
    found: dict[str, _Due] = {}
    for model in models.values():
        sources = [models[name] for name in model.reads if name in models]
        made_by = [*sources, model]
        revision = f"{conformed_revision}+{revision_of(made_by)}{_lists(journal, made_by)}"
        done = last_run(journal, model.name, revision)
        if done is not None and done >= journal.last_change and not full:
            continue
        # where rows were taken out since, the partitions they lay in can no longer be told from them
        whole = full or done is None or journal.last_rewrite > done or not model.partition
        source = found.get(sources[0].name) if sources else None
        if sources and (source is None or source.since != done):
            whole = True  # what came into the source since this model's last run is not known any more
        found[model.name] = _Due(model, revision, None if whole else done, source, model.name in read)
        yield found[model.name]


def _lists(journal: Journal, models: Iterable[Model]) -> str:
    """What the code lists were made of, for models of which one reads any: a new list makes it whole again."""
    newest = journal.stages.get("reference")
    reads = any(name.startswith("reference.") for model in models for name in model.reads)
    return f"+{newest.revision}" if newest and reads else ""


def last_run(journal: Journal, name: str, revision: str) -> int | None:
    """The batch a model followed to when it last ran; None when it never ran, or last ran with another text.

    A text that comes back after another one does not find its old rows: the newest run stands for what is there.
    """
    newest = journal.stages.get(f"derived {name}")
    return newest.batch_id if newest and newest.revision == revision else None


def _compute(lake: Lake, due: _Due, outputs: Mapping[str, str | None]) -> str | None:
    """Run one model over what it may see; the table in memory that holds its rows, None where nothing touched it.

    What it may see is let go of before that of the next model is read. `outputs`: those of the models before it.
    """
    connection = lake.connection
    runner = ModelRunner(connection, [due.model])
    lists = [name for name in due.model.reads if name.startswith("reference.")]
    runner.bind_copies(lists, reference.kept(lake))
    near: dict[str, str] = {}
    source = _source_rows(due.source, outputs) if due.source else {}
    if due.partition:
        runner.ready(lists)
        if not _note_touched(connection, due, source):
            return None
        near = _read_source(connection, due, source) if source else _read_touched(connection, due)
    queries = {name: _seen(name, near) for name in due.model.reads if name not in lists}
    runner.bind_queries(queries if near else queries | source)
    output = runner.compute()[due.model.name]
    for held in near.values():
        connection.execute(f"DROP TABLE {held}")
    if due.is_source:
        # the next model may see these rows under the name that they have now
        connection.execute(f"CREATE OR REPLACE TEMP TABLE {due.made.removeprefix('temp.')} AS FROM {output}")
        output = due.made
    return output


def _source_rows(source: _Due, outputs: Mapping[str, str | None]) -> dict[str, str]:
    """A source → its rows as they will be when all is stored."""
    name, made = source.model.name, outputs[source.model.name]
    if not source.partition:
        return {name: f"FROM {made}"}
    kept = f"FROM lake.{name} ANTI JOIN {source.changed} USING (version_id)"
    return {name: f"{kept} UNION ALL BY NAME FROM {made}" if made else kept}


def _note_touched(connection: duckdb.DuckDBPyConnection, due: _Due, source: Mapping[str, str]) -> bool:
    """The partitions that versions came into or went from, in `due.touched`; False where there is none."""
    if due.by_version:
        return connection.execute(f"FROM {due.touched} LIMIT 1").fetchone() is not None
    if due.source:
        ((name, rows),) = source.items()
        rows = f"(FROM lake.{name} UNION ALL BY NAME ({rows})) SEMI JOIN {due.changed} USING (version_id)"
    else:
        of = _concerned(connection, due, due.changed)
        if connection.execute(f"FROM {of} LIMIT 1").fetchone() is None:
            return False
        rows = f"lake.{VISITS} SEMI JOIN {of} USING (version_id)"
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {due.touched.removeprefix('temp.')} AS"
        f" SELECT DISTINCT {', '.join(due.partition)} FROM {rows}"
    )
    return connection.execute(f"FROM {due.touched} LIMIT 1").fetchone() is not None


def _read_source(connection: duckdb.DuckDBPyConnection, due: _Due, source: Mapping[str, str]) -> dict[str, str]:
    """What the touched partitions hold of the model's source, which is all that changes in what it reads."""
    ((name, rows),) = source.items()
    held = "near_" + name.split(".")[1]
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {held} AS FROM ({rows}) SEMI JOIN {due.touched}"
        f" USING ({', '.join(due.partition)})"
    )
    return {name: f"temp.{held}"}


def _concerned(connection: duckdb.DuckDBPyConnection, due: _Due, versions: str) -> str:
    """Those of some versions that have a part in the model: a table in memory; `versions` itself where all have."""
    concerns = due.model.concerns
    if concerns is None:
        return versions
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE concerned AS SELECT DISTINCT version_id"
        f" FROM lake.{concerns.table} SEMI JOIN {versions} AS v USING (version_id) WHERE {concerns.condition}"
    )
    return "temp.concerned"


def _read_touched(connection: duckdb.DuckDBPyConnection, due: _Due) -> dict[str, str]:
    """What the touched partitions hold: versioned table → table in memory.

    The rows are those of current versions that have a part in the model, with the columns it names. All are joined on
    equal keys, which DuckDB takes down into the scan: of a lake however large it decodes little but the keys.
    """
    versioned = {name for name in due.model.reads if catalogue()[name].versioned}
    touched = f"(FROM {due.touched} ANTI JOIN temp.replaced USING (version_id))" if due.by_version else due.touched
    visits = f"lake.{VISITS} SEMI JOIN {touched} USING ({', '.join(due.partition)})"
    if due.model.concerns:
        # some of its many columns of a few visits: found by key before, or each column would be decoded whole
        few = _concerned(connection, due, touched if due.by_version else f"(SELECT version_id FROM {visits})")
        visits = f"lake.{VISITS} SEMI JOIN {few} USING (version_id)"
    near: dict[str, str] = {}
    for name in (VISITS, *sorted(versioned - {VISITS})):
        held = "near_" + name.split(".")[1]
        fields = ", ".join(_named(due.model, name))
        if name == VISITS:
            rows = f"(FROM {visits}) ANTI JOIN temp.replaced USING (version_id)"
        else:
            rows = f"lake.{name} SEMI JOIN {near[VISITS]} USING (version_id)"
        connection.execute(f"CREATE OR REPLACE TEMP TABLE {held} AS SELECT {fields} FROM {rows}")
        near[name] = f"temp.{held}"
    return near


def _named(model: Model, name: str) -> list[str]:
    """The columns of a table that a model may name: after an alias of the table, or without any."""
    # what follows AS is a name given, not read
    said = {"version_id", *re.findall(r"(?<![.\w])(?<!AS )\w+", model.sql)}
    aliases = re.findall(rf"\b{re.escape(name)} AS (\w+)", model.sql)
    for alias in (name.split(".")[1], *aliases):
        said.update(re.findall(rf"\b{alias}\.(\w+)", model.sql))
    return [field.name for field in catalogue()[name].fields if field.name in said]


def _seen(name: str, near: Mapping[str, str]) -> str:
    """The rows of a lake table a model may see: current versions, and only of touched partitions where it has them."""
    if name == REPLACED:
        return "FROM temp.replaced"
    if name in near:
        return f"FROM {near[name]}"
    versioned = catalogue()[name].versioned
    return f"FROM lake.{name} ANTI JOIN temp.replaced USING (version_id)" if versioned else f"FROM lake.{name}"


def _store(connection: duckdb.DuckDBPyConnection, due: _Due, output: str | None, last: int) -> None:
    name = due.model.name
    if output is not None:
        where = ""
        if due.partition:
            match = " AND ".join(f"t.{column} IS NOT DISTINCT FROM d.{column}" for column in due.partition)
            where = f" AS d WHERE EXISTS (SELECT 1 FROM {due.touched} AS t WHERE {match})"
        connection.execute(f"DELETE FROM lake.{name}{where}")
        store(connection, {name: output})
    if due.since is None:
        # computed again for the same batch: one row says by which text, or nobody could tell which came last
        connection.execute("DELETE FROM lake.journal.batch WHERE stage = ? AND batch_id = ?", [due.stage, last])
