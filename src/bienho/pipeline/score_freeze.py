"""Weeks whose scores are closed are frozen: kept as they were, signed by the house, whatever is sent afterwards.

A freeze is a delivery of the house to itself (kind `score`), so that a rebuild finds it in raw. Its bytes are a line of
JSON that says what was frozen, then the rows. The signature is Ed25519 (RFC 8032) over the SHA-256 digest of both; the
key is derived from the identity secret, so the same scores give the same signature, and the public key may be told.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import duckdb
import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from bienho.config import KeyRing
from bienho.core.ids import delivery_id
from bienho.lake import Lake, RawHeader
from bienho.pipeline.records import table
from bienho.pipeline.remap import note_receipt
from bienho.pipeline.writer import AUTHOR, Writer

KIND = "score"
FREEZE, FROZEN = "quality.score_freeze", "quality.score_frozen"
COLUMNS = (
    "facility_code", "dataset", "week_start", "dimension", "score", "share", "units", "losses", "dossiers", "expected",
    "formula",
)  # fmt: skip
_KEY = "score-freeze"
_SEAL = ("digest", "signature", "public_key")
_OPEN = f"""
    SELECT {", ".join(COLUMNS)} FROM lake.quality.score
    WHERE standing = 'closed' AND week_start NOT IN (SELECT week_start FROM lake.{FREEZE})
    ORDER BY week_start, facility_code, dataset, dimension
"""


@dataclass(frozen=True, slots=True)
class Frozen:
    """One freeze as its bytes say: `head` with the seal, `rows` by COLUMNS."""

    head: dict[str, Any]
    rows: list[list[Any]]


def due(lake: Lake, keys: KeyRing) -> tuple[bytes, int] | None:
    """The bytes of a freeze of every closed week without one, and how many weeks; None when there is nothing to do."""
    run = lake.connection.execute("SELECT formula, as_of, through FROM lake.quality.score_run").fetchone()
    rows = lake.connection.execute(_OPEN).fetchall()
    if run is None or not rows:
        return None
    weeks = sorted({row[2] for row in rows})
    head = {"kind": KIND, "formula": run[0], "as_of": run[1], "through": run[2], "weeks": weeks}
    return sealed(head, rows, keys), len(weeks)


def sealed(head: Mapping[str, Any], rows: Sequence[Sequence[Any]], keys: KeyRing) -> bytes:
    """The bytes of a freeze: `head` with the house's seal, then `rows` by COLUMNS."""
    body = orjson.dumps(rows, default=str)
    key = Ed25519PrivateKey.from_private_bytes(keys.derive(_KEY))
    digest = _digest(head, body)
    seal = (digest.hex(), key.sign(digest).hex(), key.public_key().public_bytes_raw().hex())
    named = dict(zip(_SEAL, seal, strict=True))
    return orjson.dumps({**head, **named}, option=orjson.OPT_APPEND_NEWLINE) + body


def unwrap(data: bytes) -> Frozen:
    """What the bytes of a freeze say; ValueError when they are none."""
    first, _, body = data.partition(b"\n")
    head = orjson.loads(first)
    if not isinstance(head, dict) or head.get("kind") != KIND:
        raise ValueError("not a freeze")
    return Frozen(head, orjson.loads(body))


def genuine(data: bytes, keys: KeyRing) -> bool:
    """Whether the bytes are as the house with these keys signed them."""
    first, _, body = data.partition(b"\n")
    head = orjson.loads(first)
    seal = {name: head.pop(name) for name in _SEAL}
    own = Ed25519PrivateKey.from_private_bytes(keys.derive(_KEY)).public_key().public_bytes_raw()
    digest = _digest(head, body)
    try:
        Ed25519PublicKey.from_public_bytes(own).verify(bytes.fromhex(seal["signature"]), digest)
    except (InvalidSignature, ValueError):
        return False
    return seal["digest"] == digest.hex() and seal["public_key"] == own.hex()


def _digest(head: Mapping[str, Any], body: bytes) -> bytes:
    return hashlib.sha256(orjson.dumps(head, option=orjson.OPT_SORT_KEYS) + b"\n" + body).digest()


def take(writer: Writer, header: RawHeader, data: bytes) -> None:
    """Write a freeze that was received: its receipt, its weeks and their rows in one transaction."""
    try:
        found = unwrap(data)
    except ValueError:
        found = Frozen({"weeks": []}, [])
    name = delivery_id(header.seq)
    shared = {key: found.head.get(key) for key in ("formula", "through", *_SEAL)}
    weeks = [date.fromisoformat(week) for week in found.head["weeks"]]
    freezes = [
        {**shared, "week_start": week, "delivery_id": name, "as_of": date.fromisoformat(found.head["as_of"]),
         "rows": sum(row[2] == week.isoformat() for row in found.rows)}
        for week in weeks
    ]  # fmt: skip
    rows = [{**told(row), "delivery_id": name} for row in found.rows]
    batch_id = writer.last_batch() + 1

    def work(connection: duckdb.DuckDBPyConnection) -> None:
        for dataset, made in ((FREEZE, freezes), (FROZEN, rows)):
            if made:
                connection.register("incoming", table(dataset, made))
                connection.execute(f"INSERT INTO lake.{dataset} BY NAME SELECT * FROM incoming")
        note_receipt(connection, writer, batch_id, "ingest", header, 0)

    writer.lake.commit(work, author=AUTHOR, message=f"scores {batch_id}", deliveries=[name])
    writer.heads.move({}, batch_id)


def told(row: Sequence[Any]) -> dict[str, Any]:
    """A row of a freeze by column, in the types of the lake."""
    made = dict(zip(COLUMNS, row, strict=True))
    return made | {"week_start": date.fromisoformat(made["week_start"]), "score": Decimal(made["score"])}
