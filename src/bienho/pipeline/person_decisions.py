"""Decisions about persons come in like everything else: bytes in raw with a receipt, then rows in the lake.

A decision about a patient who was erased is kept in raw, where it names a keyed digest that opens nothing any more, and
brought into no table.
"""

from __future__ import annotations

from datetime import UTC, datetime

import duckdb

from bienho.core.ids import delivery_id
from bienho.lake import RawHeader
from bienho.pipeline.app import App
from bienho.pipeline.records import table
from bienho.pipeline.remap import note_receipt
from bienho.pipeline.writer import AUTHOR, Writer
from bienho.sources import Delivery, receive
from bienho.standards.decision import KIND, PersonDecisions, order_of, read, write

DECISION = "reference.person_decision"


def receive_decisions(app: App, decisions: PersonDecisions) -> str:
    """Receive decisions; the delivery id of their receipt. They hold once the worker has taken them in.

    The caller has asked whether `decided_by` may decide. InputError IN-DECISION; then nothing is received.
    """
    # to decide is an act in the world, like a receipt: it may ask the clock
    delivery = Delivery(write(decisions), datetime.now(UTC), source="review", kind=KIND)
    return delivery_id(receive(app.raw, [delivery])[0].seq)


def take(writer: Writer, header: RawHeader, data: bytes) -> None:
    """Write decisions that were received: their receipt and their rows in one transaction."""
    said = read(data)
    name = delivery_id(header.seq)
    rows = [
        {
            "decided_at": order_of(said.authority, header.seq, ordinal),
            "left_key": one.left,
            "right_key": one.right,
            "verdict": one.verdict,
            "reason": one.reason,
            "authority": said.authority,
            "decided_by": said.decided_by,
            "seconded_by": said.seconded_by,
            "delivery_id": name,
            "received_at": header.received_at,
        }
        for ordinal, one in enumerate(said.decisions)
        if not {one.left, one.right} & writer.judge.erased_patients
    ]
    batch_id = writer.last_batch() + 1

    def work(connection: duckdb.DuckDBPyConnection) -> None:
        if rows:
            connection.register("incoming", table(DECISION, rows))
            connection.execute(f"INSERT INTO lake.{DECISION} BY NAME SELECT * FROM incoming")
        note_receipt(connection, writer, batch_id, "ingest", header, 0)

    writer.lake.commit(work, author=AUTHOR, message=f"decisions {batch_id}", deliveries=[name])
    writer.heads.move({}, batch_id)
