"""The record of looks: append-only rows in PostgreSQL, each chained to the one before by a keyed hash.

Fields carry the names of FHIR AuditEvent as IHE BALP v1 profiles them: recorded, action, outcome, purposeOfEvent,
agent (who, requestor, policy), source, entity (what, query, detail). The recorded time is the database's: a look is a
fact of the world.

What the chain shows: an event changed, removed, inserted or put in another place. A tail cut together with the head
row is seen through the checkpoint file in the home, which names the newest event this installation has written. Whoever
owns the machine, the database *and* the key can forge all three; an outside witness is not there yet.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import orjson
import psycopg

from bienho.config import Home, KeyRing
from bienho.core.errors import StorageError
from bienho.database import Database, Role

CHAIN_KEY = "governance/audit-chain"
VALUE_KEY = "governance/audit-value"
CHECKPOINT = "audit-checkpoint.json"
CHECKPOINT_BYTES = 256
GENESIS = bytes(32)
FETCH = 2_000
TRIES = 4
#: Time runs with `seq`: the clock is read after the snapshot that shows the event before, and an event stands only
#: where nothing came between.
HEAD = "SELECT seq, hash, clock_timestamp() FROM governance.audit_head"
#: The same once the row is ours, for a writer others keep overtaking.
HELD_HEAD = (
    "SELECT seq, hash, clock_timestamp() FROM (SELECT seq, hash FROM governance.audit_head FOR UPDATE OFFSET 0) AS head"
)
APPEND = "SELECT governance.append_event(%s, %s, %s, %s)"

Category = Literal["access", "decision", "change", "administration"]

#: FHIR AuditEvent outcome codes.
OUTCOMES = {"allowed": "0", "denied": "4", "failed": "8"}


@dataclass(frozen=True, slots=True)
class ChainStatus:
    """What `verify` found. `problem` is '' or one of: head-missing, gap, order, changed, derived, tail, checkpoint."""

    ok: bool
    events: int
    head: int
    problem: str
    seq: int | None
    message_vi: str


_PROBLEMS = {
    "head-missing": "Mất dòng ghi điểm cuối của nhật ký.",
    "gap": "Nhật ký thiếu sự kiện số {seq}.",
    "order": "Sự kiện số {seq} không nối tiếp sự kiện trước nó.",
    "changed": "Sự kiện số {seq} đã bị sửa.",
    "derived": "Cột tra cứu của sự kiện số {seq} không khớp nội dung.",
    "tail": "Nhật ký bị cắt đuôi: điểm cuối là số {seq} nhưng không còn sự kiện đó.",
    "checkpoint": "Nhật ký ngắn hơn hoặc khác lần ghi gần nhất (số {seq}) mà máy này nhớ.",
}


class AuditLog:
    """Writes events. One connection, used by one thread at a time; the chain head in PostgreSQL orders all writers."""

    def __init__(self, db: Database, keys: KeyRing, home: Home) -> None:
        self._db = db
        self._key = keys.derive(CHAIN_KEY)
        self._value_key = keys.derive(VALUE_KEY)
        self._checkpoint = str(_checkpoint_path(home))
        self._lock = threading.Lock()
        self._connection: psycopg.Connection[Any] | None = None

    def append(self, event: Mapping[str, Any]) -> int:
        """Write one event and commit it; its sequence number. `recorded` and `source.site` are filled in here.

        StorageError STO-AUDIT when it could not be written: the caller must then return no data.
        """
        with self._lock:
            for last in (False, True):  # the server may have been restarted under us: a second try on a new connection
                try:
                    return self._append(event)
                except psycopg.Error:
                    self._forget()
                    if last:
                        break
        raise StorageError(
            "STO-AUDIT", "Không ghi được nhật ký truy cập nên không trả dữ liệu.", hint="Chạy `bienho doctor`."
        )

    def digest(self, value: object) -> str:
        """Keyed digest of a value a person asked by: equal values can be found again, none can be read."""
        return hmac.new(self._value_key, repr(value).encode(), hashlib.sha256).hexdigest()[:32]

    def close(self) -> None:
        """Close the connection; a later `append` opens a new one."""
        with self._lock:
            self._forget()

    def _append(self, event: Mapping[str, Any]) -> int:
        connection = self._connection
        if connection is None or connection.closed:
            connection = self._connection = self._db.connect(Role.GOVERNANCE, autocommit=True)
        written = next(filter(None, (self._put(connection, HEAD, event) for _ in range(TRIES))), None)
        if written is None:
            with connection.transaction():
                written = self._put(connection, HELD_HEAD, event)
        if written is None:
            raise _headless()
        _write_checkpoint(self._checkpoint, self._key, *written)
        return written[0]

    def _put(
        self, connection: psycopg.Connection[Any], head: str, event: Mapping[str, Any]
    ) -> tuple[int, bytes] | None:
        """Number and hash of the event once it stands; None when another came first."""
        row = connection.execute(head).fetchone()
        if row is None:
            raise _headless()
        seq, previous = int(row[0]) + 1, bytes(row[1])
        body = _canonical({**event, "recorded": _instant(row[2]), "resourceType": "AuditEvent"})
        digest = _chain(self._key, previous, seq, body)
        answer = connection.execute(APPEND, (seq, body, previous, digest)).fetchone()
        return (seq, digest) if answer is not None and answer[0] else None

    def _forget(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def event(
    *,
    action: str,
    outcome: str,
    decision_id: str,
    actor_id: str,
    actor_name: str,
    door: str,
    home_id: str,
    purposes: Sequence[str],
    policy: Sequence[str],
    reason: str,
    entities: Sequence[Mapping[str, Any]],
    category: Category = "administration",
    subtype: str = "",
    roles: Sequence[str] = (),
    assurance: str = "none",
    decided: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """One AuditEvent, version 1. `action` is C, R, U, D or E; `outcome` allowed, denied, failed; `policy` rules and
    agreement.

    `purposes`: the purpose claimed, then `reason:<code>` and `document:<number>` of a look at identifiers. `category`:
    access, change or administration; what is denied is a decision. `subtype`: what was asked to be done. `decided`: the
    set of policies and the facts of each decision, to make it again. `balp.resource` gives an event as FHIR.
    """
    return {
        "version": 1,
        "category": "decision" if outcome == "denied" else category,
        "subtype": subtype,
        "id": decision_id,
        "type": "rest",
        "action": action,
        "outcome": OUTCOMES[outcome],
        "outcomeDesc": outcome,
        "reason": reason,
        "purposeOfEvent": list(purposes),
        "agent": [
            {
                "who": actor_id,
                "name": actor_name,
                "requestor": True,
                "policy": list(policy),
                "network": door,
                "role": list(roles),
                "assurance": assurance,
            },
        ],
        "source": {"site": home_id, "observer": "bienho.governance"},
        "entity": [dict(entity) for entity in entities],
        **({"decision": dict(decided)} if decided else {}),
    }


def find(db: Database, event: str) -> dict[str, Any] | None:
    """One event by its id or its number, with `seq`; None when there is none."""
    column, value = ("seq", int(event)) if event.isdigit() and len(event) < 18 else ("event ->> 'id'", event)
    with db.connect(Role.GOVERNANCE) as connection:
        row = connection.execute(
            f"SELECT seq, event FROM governance.audit_event WHERE {column} = %s ORDER BY seq DESC LIMIT 1",
            (value,),
        ).fetchone()
    return {"seq": row[0], **row[1]} if row else None


def verify(db: Database, keys: KeyRing, home: Home | None = None) -> ChainStatus:
    """Walk the whole chain; with `home` also compare the end with the checkpoint file. Reads in one snapshot."""
    key = keys.derive(CHAIN_KEY)
    checkpoint = _read_checkpoint(home, key) if home is not None else None
    with db.connect(Role.GOVERNANCE) as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        head = connection.execute("SELECT seq, hash FROM governance.audit_head").fetchone()
        if head is None:
            return _bad("head-missing", 0, 0, None)
        seen, previous, marked = 0, GENESIS, GENESIS
        for seq, body, prev_hash, digest, same in _rows(connection):
            if seq != seen + 1:
                return _bad("gap", seen, head[0], seen + 1)
            if bytes(prev_hash) != previous:
                return _bad("order", seen, head[0], seq)
            if not hmac.compare_digest(_chain(key, previous, seq, body), bytes(digest)):
                return _bad("changed", seen, head[0], seq)
            if not same:
                return _bad("derived", seen, head[0], seq)
            seen, previous = seq, bytes(digest)
            if checkpoint is not None and seq == checkpoint[0]:
                marked = previous
    if (seen, previous) != (head[0], bytes(head[1])):
        return _bad("tail", seen, head[0], head[0])
    if checkpoint is not None and checkpoint[0] and (checkpoint[0] > seen or checkpoint[1] != marked):
        return _bad("checkpoint", seen, head[0], checkpoint[0])
    return ChainStatus(True, seen, seen, "", None, f"Nhật ký nguyên vẹn: {seen} sự kiện nối tiếp nhau.")


def last_command(db: Database, command: str) -> datetime | None:
    """When a command (`backup`, `keys-split:1` …) was last let begin; None when never."""
    wanted = orjson.dumps([{"type": "command", "what": {"identifier": command}}]).decode()
    with db.connect(Role.GOVERNANCE) as connection:
        row = connection.execute(
            "SELECT event ->> 'recorded' FROM governance.audit_event WHERE event -> 'entity' @> %s::jsonb"
            " AND event ->> 'outcomeDesc' = 'allowed' ORDER BY seq DESC LIMIT 1",
            (wanted,),
        ).fetchone()
    return datetime.fromisoformat(row[0]) if row else None


def recent(db: Database, *, limit: int = 100, person: str | None = None) -> list[dict[str, Any]]:
    """The newest events first, with `seq`; `person` (a patient_key, dossier_key or record_id) narrows to its looks."""
    text = "SELECT seq, event FROM governance.audit_event"
    given: list[Any] = []
    if person is not None:
        text += " WHERE event -> 'entity' @> %s::jsonb"
        given.append(orjson.dumps([{"what": {"identifier": person}}]).decode())
    with db.connect(Role.GOVERNANCE) as connection:
        rows = connection.execute(text + " ORDER BY seq DESC LIMIT %s", [*given, limit]).fetchall()
    return [{"seq": seq, **found} for seq, found in rows]


def _rows(connection: psycopg.Connection[Any]) -> Iterator[tuple[int, str, bytes, bytes, bool]]:
    with connection.cursor(name="audit_walk") as cursor:
        cursor.itersize = FETCH
        cursor.execute(
            "SELECT seq, body, prev_hash, hash, event = body::jsonb FROM governance.audit_event ORDER BY seq"
        )
        yield from cursor


def _bad(problem: str, events: int, head: int, seq: int | None) -> ChainStatus:
    return ChainStatus(False, events, head, problem, seq, _PROBLEMS[problem].format(seq=seq))


def _canonical(event: Mapping[str, Any]) -> str:
    return orjson.dumps(event, option=orjson.OPT_SORT_KEYS).decode()


def _instant(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def _chain(key: bytes, previous: bytes, seq: int, body: str) -> bytes:
    return hmac.new(key, previous + seq.to_bytes(8, "big") + body.encode(), hashlib.sha256).digest()


def _mark(key: bytes, seq: int, digest: bytes) -> str:
    return hmac.new(key, b"checkpoint" + seq.to_bytes(8, "big") + digest, hashlib.sha256).hexdigest()


def _checkpoint_path(home: Home) -> Path:
    return home.log_dir / CHECKPOINT


def _headless() -> StorageError:
    return StorageError("STO-AUDIT-HEAD", _PROBLEMS["head-missing"], hint="Chạy `bienho audit verify`.")


def _write_checkpoint(path: str, key: bytes, seq: int, digest: bytes) -> None:
    """Remember the newest event beside the database; not synced to disk, so at worst a little old after a power cut.

    Always `CHECKPOINT_BYTES` long and written over the one before in one call: a new file put in its place would make
    the file system write its journal for every event.
    """
    text = orjson.dumps({"seq": seq, "hash": digest.hex(), "mac": _mark(key, seq, digest)}).ljust(CHECKPOINT_BYTES)
    try:
        try:
            with open(path, "r+b", buffering=0) as file:
                file.write(text)
        except FileNotFoundError:
            _first_checkpoint(path, text)
    except OSError:
        raise StorageError(
            "STO-AUDIT-CHECKPOINT",
            "Không ghi được điểm đối chiếu của nhật ký nên không trả dữ liệu.",
            hint="Kiểm tra chỗ trống và quyền ghi của thư mục log.",
        ) from None


def _first_checkpoint(path: str, text: bytes) -> None:
    temporary = f"{path}.{os.getpid()}.{threading.get_ident()}"
    try:
        with open(temporary, "wb", buffering=0) as file:
            file.write(text)
        os.replace(temporary, path)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise


def _read_checkpoint(home: Home, key: bytes) -> tuple[int, bytes]:
    """(seq, hash) of the file; (0, genesis) when there is none; a file that is not ours counts as beyond any chain."""
    for _ in range(TRIES):  # one that is being written this very moment may be half of each
        found = _checkpoint_once(home, key)
        if found is not None:
            return found
    return 2**62, GENESIS


def _checkpoint_once(home: Home, key: bytes) -> tuple[int, bytes] | None:
    try:
        stored = orjson.loads(_checkpoint_path(home).read_bytes()[:CHECKPOINT_BYTES])
        seq, digest = int(stored["seq"]), bytes.fromhex(stored["hash"])
        honest = hmac.compare_digest(str(stored["mac"]), _mark(key, seq, digest))
    except FileNotFoundError:
        return 0, GENESIS
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        return None
    return (seq, digest) if honest else None
