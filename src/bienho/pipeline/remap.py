"""Maps `standard` to `conformed` again, whole, when a code list or a model changed.

Law 4 needs it: conformed is a function of standard and reference alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing

import duckdb
import pyarrow as pa

from bienho.contracts import catalogue
from bienho.core.garbage import give_back
from bienho.core.ids import delivery_id
from bienho.lake import RawHeader
from bienho.pipeline.journal import read_journal
from bienho.pipeline.judge import Judged
from bienho.pipeline.models import ModelRunner
from bienho.pipeline.parts import parts
from bienho.pipeline.records import Outcome, delivery_rows
from bienho.pipeline.reference import REMAP_DUE, kept, remap_is_due
from bienho.pipeline.writer import AUTHOR, Writer


def remap(writer: Writer, reference: RawHeader | None = None) -> None:
    """One transaction: every conformed row out, every conformed row in, the journal row with it.

    When a reference delivery is the cause, its receipt and the journal's progress are written with them.
    """
    writer.refresh_reference()
    counts = writer.lake.table_counts()
    judged = writer.rules.again(counts)
    batch_id = writer.last_batch() + 1

    def work(connection: duckdb.DuckDBPyConnection) -> None:
        for name in (model.name for model in writer.runner.models if counts[model.name]):
            connection.execute(f"DELETE FROM lake.{name}")
        for name, rows in _mapped(writer, counts):
            connection.register("incoming", rows)
            connection.execute(f"INSERT INTO lake.{name} BY NAME FROM incoming")
            connection.unregister("incoming")
        judged(connection)
        connection.execute("DELETE FROM lake.journal.batch WHERE stage = ?", [REMAP_DUE])
        connection.execute(
            "INSERT INTO lake.journal.change BY NAME"
            " SELECT ? AS batch_id, version_id FROM lake.standard.xml130_dossier",
            [batch_id],
        )
        note_receipt(connection, writer, batch_id, "ingest" if reference else "remap", reference)

    ids = [delivery_id(reference.seq)] if reference else []
    writer.lake.commit(work, author=AUTHOR, message=f"remap {batch_id}", deliveries=ids)
    writer.heads.move({}, batch_id)


def _mapped(writer: Writer, counts: Mapping[str, int]) -> Iterator[tuple[str, pa.Table]]:
    """(model, rows it gives for some versions), over all versions in their order.

    Computed on a connection of its own: one transaction of DuckDB writes to one database, and the models' tables are
    not the lake's. It sees the lake as it was before the transaction.
    """
    read = {name for model in writer.runner.models for name in model.reads if name.startswith("standard.")}
    with closing(writer.lake.cursor()) as connection:
        runner = ModelRunner(connection, writer.runner.models)
        writer.runner.forget()  # both give the same names to rows
        runner.bind_copies((name for name in catalogue() if name.startswith("reference.")), kept(writer.lake))
        runner.bind_empty(sorted(name for name in read if not counts[name]))
        for part in parts(connection):
            runner.bind_rows(
                {
                    name: connection.execute(f"FROM lake.{name} WHERE {part}").to_arrow_table()
                    for name in sorted(read)
                    if counts[name]
                }
            )
            for name, held in runner.compute().items():
                rows = connection.execute(f"FROM {held}").to_arrow_table()
                if rows.num_rows:
                    yield name, rows
            give_back()
        runner.bind_empty(sorted(read | {model.name for model in runner.models}))  # the last part's rows


def take_list(writer: Writer, reference: RawHeader) -> None:
    """Write the receipt of a list that has been loaded, and map again when a model reads what it changed."""
    if remap_is_due(writer.lake):
        remap(writer, reference)
        return
    writer.refresh_reference()
    batch_id = writer.last_batch() + 1

    def work(connection: duckdb.DuckDBPyConnection) -> None:
        note_receipt(connection, writer, batch_id, "ingest", reference, 0)

    writer.lake.commit(work, author=AUTHOR, message=f"list {batch_id}", deliveries=[delivery_id(reference.seq)])
    writer.heads.move({}, batch_id)


def note_receipt(
    connection: duckdb.DuckDBPyConnection,
    writer: Writer,
    batch_id: int,
    stage: str,
    reference: RawHeader | None,
    versions: int | None = None,
) -> None:
    """The journal row of a batch, and the receipt of what came that is no dossier."""
    seq = reference.seq if reference else None
    if reference:
        connection.register("incoming", delivery_rows([Outcome(Judged(reference))]))
        connection.execute("INSERT INTO lake.standard.delivery BY NAME SELECT * FROM incoming")
    connection.execute(
        "INSERT INTO lake.journal.batch BY NAME SELECT ? AS batch_id, ? AS stage, ? AS first_seq, ? AS last_seq,"
        " ? AS versions, ? AS model_revision",
        [batch_id, stage, seq, seq, versions, writer.revision],
    )


def remap_when_needed(writer: Writer) -> bool:
    """Remap when rows in `conformed` were made by other model texts or other code lists than today's.

    To be asked before anything new is written: the newest batch stands for all before it.
    """
    mapped_by = read_journal(writer.lake).mapped_by
    if not remap_is_due(writer.lake) and mapped_by in (None, writer.revision):
        return False
    remap(writer)
    return True
