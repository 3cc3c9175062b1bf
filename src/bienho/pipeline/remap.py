"""Maps `standard` to `conformed` again, whole, when a code list or a model changed.

Law 4 needs it: conformed is a function of standard and reference alone.
"""

from __future__ import annotations

import duckdb

from bienho.contracts import catalogue
from bienho.core.ids import delivery_id
from bienho.lake import RawHeader
from bienho.pipeline.judge import Judged
from bienho.pipeline.models import store
from bienho.pipeline.records import Outcome, delivery_rows
from bienho.pipeline.reference import REMAP_DUE, remap_is_due
from bienho.pipeline.writer import AUTHOR, Writer


def remap(writer: Writer, reference: RawHeader | None = None) -> None:
    """One transaction: every conformed row out, every conformed row in, the journal row with it.

    When a reference delivery is the cause, its receipt and the journal's progress are written with them.
    """
    writer.refresh_reference()
    names = [name for name in catalogue() if name.startswith("standard.")]
    writer.runner.bind_queries({name: f"SELECT * FROM lake.{name}" for name in names})
    outputs = writer.runner.compute()
    batch_id = writer.last_batch() + 1
    revision = writer.runner.revision

    def work(connection: duckdb.DuckDBPyConnection) -> None:
        for name in outputs:
            connection.execute(f"DELETE FROM lake.{name}")
        store(connection, outputs)
        connection.execute("DELETE FROM lake.journal.batch WHERE stage = ?", [REMAP_DUE])
        connection.execute(
            "INSERT INTO lake.journal.change BY NAME"
            " SELECT ? AS batch_id, version_id FROM lake.standard.xml130_dossier",
            [batch_id],
        )
        seq = reference.seq if reference else None
        if reference:
            connection.register("incoming", delivery_rows([Outcome(Judged(reference))]))
            connection.execute("INSERT INTO lake.standard.delivery BY NAME SELECT * FROM incoming")
        connection.execute(
            "INSERT INTO lake.journal.batch BY NAME SELECT ? AS batch_id, ? AS stage, ? AS first_seq, ? AS last_seq,"
            " ? AS model_revision",
            [batch_id, "ingest" if reference else "remap", seq, seq, revision],
        )

    names = [delivery_id(reference.seq)] if reference else []
    writer.lake.commit(work, author=AUTHOR, message=f"remap {batch_id}", deliveries=names)
    writer.heads.move({}, batch_id)


def remap_when_needed(writer: Writer) -> bool:
    """Remap when rows in `conformed` were made by other model texts or other code lists than today's.

    To be asked before anything new is written: the newest batch stands for all before it.
    """
    row = writer.lake.connection.execute(
        "SELECT model_revision FROM lake.journal.batch WHERE stage IN ('ingest', 'remap', 'replay')"
        " ORDER BY batch_id DESC LIMIT 1"
    ).fetchone()
    if not remap_is_due(writer.lake) and (row is None or row[0] == writer.runner.revision):
        return False
    remap(writer)
    return True
