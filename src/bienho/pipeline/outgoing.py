"""What goes out because a facility asked for it: notices that results are ready, files passed on to the real portal.

A delivery and a connection make one row; it is tried until it is taken, until the other side says no for good, or until
`DEAD_AFTER`. A notice holds counts only, read through the gate in the name of whoever made the connection, as that
account stands at that moment.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any

import orjson
import psycopg
from psycopg.types.json import Jsonb

from bienho.config import read_doors
from bienho.core.errors import DeniedError
from bienho.core.ids import delivery_id
from bienho.database import Role, storage_errors
from bienho.governance import people, permits
from bienho.governance.connections import Connection, Connections
from bienho.governance.purposes import OPERATIONS, claimed
from bienho.pipeline.app import App
from bienho.pipeline.backlog import read_progress
from bienho.pipeline.catalog import current_catalog
from bienho.pipeline.forwarding import forward
from bienho.pipeline.outward import Outward, Post, Unreached
from bienho.pipeline.signed import signed
from bienho.sources import FILE_DOORS

EVENT = "results-ready"
STEPS = (60, 300, 1_800, 7_200, 21_600, 43_200)
"""Seconds before another try; the last counts for all that follow."""
DEAD_AFTER = timedelta(days=3)
MOST = 50
"""Rows sent by one job; the next look asks for the next one."""
COUNTS = ("hoso_found", "accepted", "accepted_with_findings", "quarantined", "duplicates", "superseded")
_INSERT = """
    INSERT INTO pipeline.outgoing (connection_id, delivery_seq, body, state, asked_at, due_at, answer)
    VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING
"""
_DUE = """
    SELECT outgoing_id, connection_id, delivery_seq, body, attempts, asked_at FROM pipeline.outgoing
    WHERE state = 'waiting' AND due_at <= %s ORDER BY due_at, outgoing_id LIMIT %s
"""
_TRIED = """
    UPDATE pipeline.outgoing
    SET state = %s, attempts = attempts + 1, tried_at = %s, due_at = %s, answer = %s, sealed = %s WHERE outgoing_id = %s
"""
_WAIT = """
    UPDATE pipeline.outgoing SET due_at = greatest(due_at, %s) WHERE connection_id = %s AND state = 'waiting'
"""
_MARK = """
    INSERT INTO pipeline.outgoing_mark (kind, last_seq) VALUES (%s, %s)
    ON CONFLICT (kind) DO UPDATE SET last_seq = excluded.last_seq
"""
_LOG = """
    SELECT outgoing_id, connection_id, delivery_seq, state, attempts, asked_at, due_at, tried_at, answer, sealed
    FROM pipeline.outgoing WHERE connection_id = ANY(%s) ORDER BY outgoing_id DESC LIMIT %s
"""


@dataclass(frozen=True, slots=True)
class Sendings:
    """One row of the log; `said` is what the other side answered, opened."""

    outgoing_id: int
    connection_id: str
    delivery: str
    state: str
    attempts: int
    asked_at: datetime
    due_at: datetime
    tried_at: datetime | None
    answer: str
    said: dict[str, Any]


def is_due(app: App, connection: psycopg.Connection) -> bool:
    """Whether something may have to be sent: a row is due, or somebody is to be told of deliveries not looked at."""
    row = connection.execute(
        "SELECT EXISTS (SELECT FROM pipeline.outgoing WHERE state = 'waiting' AND due_at <= now())"
    ).fetchone()
    if row and row[0]:
        return True
    marks = _marks(connection)
    behind = {
        "webhook": marks["webhook"] < read_progress(connection, current_catalog(app.home)).last_seq,
        "forward": marks["forward"] < app.raw.last_seq(),
    }
    return any(behind.values()) and any(behind[one.kind] for one in Connections(app.database, app.keys).open_ones())


def send_due(app: App, now: datetime, post: Post | None = None) -> dict[str, int]:
    """Note what is to be sent and send what is due; {noted, sent, refused, waiting, dead}."""
    book = Connections(app.database, app.keys)
    with app.database.connect(Role.WORKER, autocommit=True) as connection, storage_errors(app.database.place):
        known = {one.connection_id: one for one in book.open_ones()}
        noted = _note(app, connection, list(known.values()), now)
        told = {"noted": noted, "sent": 0, "refused": 0, "waiting": 0, "dead": 0}
        way = post or Outward(read_doors(app.home).outgoing)
        silent: set[str] = set()
        for row in connection.execute(_DUE, (now, MOST)).fetchall():
            one = known.get(row[1])
            if one is not None and one.connection_id in silent:
                continue  # it did not answer a moment ago: its rows stay due
            state, answer, said = _try(app, book, one, way, row, now)
            if state == "waiting":
                silent.add(row[1])
                connection.execute(_WAIT, (now + timedelta(seconds=STEPS[0]), row[1]))
            if state == "waiting" and now - row[5] >= DEAD_AFTER:
                state = "dead"
            sealed = book.seal(_place(row[1], row[2]), said) if said else None
            due = now + timedelta(seconds=STEPS[min(row[4], len(STEPS) - 1)])
            connection.execute(_TRIED, (state, now, due, answer[:40], sealed, row[0]))
            told[state] += 1
    return told


def log(app: App, connections: Iterable[Connection], most: int = 100) -> list[Sendings]:
    """What was sent to these connections and what they said, the newest first."""
    book = Connections(app.database, app.keys)
    with app.database.connect(Role.WORKER, autocommit=True) as connection, storage_errors(app.database.place):
        rows = connection.execute(_LOG, ([one.connection_id for one in connections], most)).fetchall()
    return [
        Sendings(
            outgoing_id=row[0], connection_id=row[1], delivery=delivery_id(row[2]), state=row[3], attempts=row[4],
            asked_at=row[5], due_at=row[6], tried_at=row[7], answer=row[8],
            said=orjson.loads(book.unseal(_place(row[1], row[2]), bytes(row[9]))) if row[9] else {},
        )
        for row in rows
    ]  # fmt: skip


def _place(connection_id: str, seq: int) -> str:
    return f"{connection_id}/{seq}"


def _marks(connection: psycopg.Connection) -> dict[str, int]:
    rows = connection.execute("SELECT kind, last_seq FROM pipeline.outgoing_mark").fetchall()
    return {"webhook": 0, "forward": 0, **{row[0]: row[1] for row in rows}}


def _note(app: App, connection: psycopg.Connection, known: Collection[Connection], now: datetime) -> int:
    """Rows for the deliveries since the last look; of those before a connection was made there are none."""
    marks = _marks(connection)
    upto = {"webhook": read_progress(connection, current_catalog(app.home)).last_seq, "forward": app.raw.last_seq()}
    rows: list[tuple[Any, ...]] = []
    for kind, found in (("webhook", _notices), ("forward", _files)):
        wanted = [one for one in known if one.kind == kind]
        if wanted:
            after = max(marks[kind], min(one.from_seq for one in wanted))
            rows += found(app, wanted, after, upto[kind], now)
            connection.cursor().executemany(_INSERT, rows)
            connection.execute(_MARK, (kind, upto[kind]))
    return len(rows)


def _notices(app: App, known: list[Connection], after: int, upto: int, now: datetime) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = []
    if after >= upto:
        return found
    with app.reading() as gate:
        for one in known:
            actor = people.actor_of(app.database, one.made_by, "worker", "none", now)
            first = max(after, one.from_seq)
            if actor is None or first >= upto:
                continue
            try:
                _, reader = gate.read(
                    actor, claimed(actor.roles, OPERATIONS), "standard.delivery",
                    ("delivery_seq", "outcome", *COUNTS),
                    [("facility_code", "=", one.facility), ("delivery_seq", ">", first), ("delivery_seq", "<=", upto)],
                    [("delivery_seq", "asc")],
                )  # fmt: skip
                rows = reader.read_all().to_pylist()
            except DeniedError:
                continue  # refused and recorded by the gate; who made it must be somebody who may see it
            for row in rows:
                body = {
                    "event": EVENT, "delivery": delivery_id(row["delivery_seq"]), "facility": one.facility,
                    "outcome": row["outcome"], **{name: row[name] or 0 for name in COUNTS},
                }  # fmt: skip
                found.append((one.connection_id, row["delivery_seq"], Jsonb(body), "waiting", now, now, ""))
    return found


def _files(app: App, known: list[Connection], after: int, upto: int, now: datetime) -> list[tuple[Any, ...]]:
    of = {one.facility: one for one in known}
    found = []
    for header in takewhile(lambda one: one.seq <= upto, app.raw.headers(after)):
        one = of.get(header.facility_asserted or "")
        if one is not None and header.source in FILE_DOORS and header.seq > one.from_seq:
            found.append((one.connection_id, header.seq, Jsonb({}), "waiting", now, now, ""))
    return found


def _try(
    app: App, book: Connections, one: Connection | None, post: Post, row: tuple[Any, ...], now: datetime
) -> tuple[str, str, bytes]:
    """(state, answer, what was said) of one try."""
    outgoing_id, _, seq, body = row[:4]
    if one is None:
        return "dead", "ended", b""
    try:
        if one.kind == "forward":
            header, data = app.raw.read(seq)
            if header.tombstones:
                return "refused", "erased", b""  # somebody was erased from it since: it is not what was sent any more
            if not _may_pass_on(app, one, seq, now):
                return "dead", "right", b""
            told = forward(post, one.url, book.secret(one), one.facility, data)
            state = "sent" if told.code == "200" else "refused" if told.is_final else "waiting"
            return state, told.code, told.body
        status = _tell(post, one.url, book.secret(one)["secret"], outgoing_id, body, now)
    except Unreached as error:
        return "waiting", error.why, b""
    return ("sent" if 200 <= status < 300 else "waiting"), str(status), b""


def _may_pass_on(app: App, one: Connection, seq: int, now: datetime) -> bool:
    """Whether whoever named the portal may still do so: asked and recorded for every file that leaves."""
    actor = people.actor_of(app.database, one.made_by, "worker", "none", now)
    if actor is None:
        return False
    what, purpose = f"forward:{delivery_id(seq)}", claimed(actor.roles, OPERATIONS)
    try:
        permits.permit(app.database, app.keys, app.home, actor, "connect", what, purpose=purpose)
    except DeniedError:
        return False
    return True


def _tell(post: Post, url: str, secret: str, notice: int, body: dict[str, Any], now: datetime) -> int:
    content = orjson.dumps({"notice": notice, **body})
    return post(url, content, signed(secret, str(notice), content, now)).status
