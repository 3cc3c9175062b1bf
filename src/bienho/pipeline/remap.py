"""Maps `standard` to `conformed` again, whole, when a code list or a model changed (law 4: conformed = f(standard, reference))."""

from __future__ import annotations

import duckdb

from bienho.contracts import catalogue
from bienho.pipeline.models import store
from bienho.pipeline.writer import AUTHOR, Writer


def remap(writer: Writer) -> None:
    """One transaction: every conformed row out, every conformed row in, the journal row with it."""
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
        connection.execute(
            "INSERT INTO lake.journal.change BY NAME"
            " SELECT ? AS batch_id, version_id FROM lake.standard.xml130_dossier",
            [batch_id],
        )
        connection.execute(
            "INSERT INTO lake.journal.batch BY NAME SELECT ? AS batch_id, 'remap' AS stage, ? AS model_revision",
            [batch_id, revision],
        )

    writer.lake.commit(work, author=AUTHOR, message=f"remap {batch_id}", deliveries=())
    writer.heads.move({}, batch_id)


def remap_when_needed(writer: Writer) -> int:
    """Remap when the rows in `conformed` were made by other model texts than today's; 1 when it was done."""
    row = writer.lake.connection.execute(
        "SELECT model_revision FROM lake.journal.batch WHERE stage IN ('ingest', 'remap', 'replay')"
        " ORDER BY batch_id DESC LIMIT 1"
    ).fetchone()
    if row is None or row[0] == writer.runner.revision:
        return 0
    remap(writer)
    return 1
