"""Decisions of the past as people look for them: pages of the record by key, what an event says, how often it happened.

Whoever calls has been let (`permit` with `audit`, or `audit-own` for the looks of one's own account).
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from psycopg.types.json import Jsonb

from bienho.config import Home, KeyRing
from bienho.core.errors import UsageError
from bienho.database import Database, Role, storage_errors
from bienho.governance import audit
from bienho.governance.actor import Actor
from bienho.governance.policy import Facts, engine_of, judge
from bienho.governance.policy.rows import Rows

LOCAL = ZoneInfo("Asia/Ho_Chi_Minh")
CHECKED = "audit-check"
"""Subtype of the event that says how a check of the chain ended."""
AGREEMENT = "agreement:"
USES_COUNTED = 10_000
"""More looks under an agreement than this are not counted to the end."""
#: The indexed expression: words of all kinds together (0053_decisions.sql); the kinds below make an answer exact.
_WORDS = (
    "((event -> 'purposeOfEvent') || (event #> '{agent,0,policy}') || (event -> 'outcomeDesc')"
    """ || jsonb_path_query_array(event, '$.entity[*] ? (@.type == "dataset").what.identifier')"""
    " || jsonb_path_query_array(event, '$.decision.made[*].facts.reaches[*].facilities[*]'))"
)
_KINDS = {
    "purpose": "event -> 'purposeOfEvent' @> %s",
    "agreement": "event #> '{agent,0,policy}' @> %s",
    "outcome": "event -> 'outcomeDesc' = %s",
    "dataset": """jsonb_path_query_array(event, '$.entity[*] ? (@.type == "dataset").what.identifier') @> %s""",
    "facility": "jsonb_path_query_array(event, '$.decision.made[*].facts.reaches[*].facilities[*]') @> %s",
}
_RECORDED = "(event ->> 'recorded') COLLATE \"C\""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events: `first` and `last` day in Vietnam, both included; `account` who asked; `facility` within whose
    limits; `outcome` allowed, denied or failed. '' and None ask for all."""

    first: date | None = None
    last: date | None = None
    account: str = ""
    purpose: str = ""
    dataset: str = ""
    outcome: str = ""
    facility: str = ""
    agreement: str = ""

    def words(self) -> dict[str, str]:
        """Kind → the word an event must have of it."""
        asked = {name: getattr(self, name) for name in _KINDS}
        return {name: AGREEMENT + word if name == "agreement" else word for name, word in asked.items() if word}

    def said(self) -> str:
        """The same for the record of looks: names of filters and words of lists, codes, days."""
        given = [f"{name}={value}" for name in self.__slots__ if (value := getattr(self, name))]
        return ";".join(given)


@dataclass(frozen=True, slots=True)
class Told:
    """What one event of the record says. `rows`: the limit its decisions put on rows, None = none, '?' = not known."""

    seq: int
    at: datetime
    account: str
    name: str
    roles: tuple[str, ...]
    door: str
    assurance: str
    category: str
    subtype: str
    purpose: str
    reasons: tuple[str, ...]
    documents: tuple[str, ...]
    emergency: bool
    agreements: tuple[str, ...]
    rules: tuple[str, ...]
    articles: tuple[str, ...]
    datasets: tuple[str, ...]
    outcome: str
    message: str
    rows: Rows | str
    event: Mapping[str, Any]


def told(event: Mapping[str, Any]) -> Told:
    """An event as `page` gives it, in named parts; parts that an older version did not write are empty."""
    agent = event["agent"][0]
    words = list(event["purposeOfEvent"])
    policy = list(agent["policy"])
    return Told(
        event["seq"],
        datetime.fromisoformat(event["recorded"]),
        agent["who"],
        agent["name"],
        tuple(agent.get("role", ())),
        agent["network"],
        agent.get("assurance", "none"),
        event.get("category", "access"),
        event.get("subtype", ""),
        next((word for word in words if ":" not in word and word != "BTG"), ""),
        tuple(word.removeprefix("reason:") for word in words if word.startswith("reason:")),
        tuple(word.removeprefix("document:") for word in words if word.startswith("document:")),
        "BTG" in words,
        tuple(word.removeprefix(AGREEMENT) for word in policy if word.startswith(AGREEMENT)),
        tuple(word for word in policy if not word.startswith(AGREEMENT)),
        tuple(event.get("decision", {}).get("articles", ())),
        tuple(one["what"]["identifier"] for one in event["entity"] if one["type"] == "dataset"),
        event["outcomeDesc"],
        event["reason"],
        _rows(event),
        event,
    )


def _rows(event: Mapping[str, Any]) -> Rows | str:
    """The limit on rows of all decisions of an event together, by the policies that made them."""
    kept = event.get("decision", {})
    if event["outcomeDesc"] != "allowed" or not kept.get("made"):
        return None
    try:
        used = engine_of(kept["revision"])
    except UsageError:
        return "?"
    found: dict[Any, None] = {}
    for one in kept["made"]:
        rows = judge(used, Facts.of(one["facts"])).rows
        found.update(dict.fromkeys(rows or ()))
    return tuple(found) or None


def page(
    db: Database, wanted: Wanted, *, limit: int, before: int | None = None, after: int | None = None
) -> list[dict[str, Any]]:
    """Events with `seq`, newest first: those before event number `before`, those next after `after`, or the newest.

    Cut by key, never by counting rows off: a page costs the same however deep it lies.
    """
    text, values = statement(wanted, limit, before, after)
    with db.connect(Role.GOVERNANCE) as connection, storage_errors():
        rows = connection.execute(text, values).fetchall()
    found = [{"seq": seq, **event} for seq, event in rows]
    return found[::-1] if after is not None else found


def statement(wanted: Wanted, limit: int, before: int | None = None, after: int | None = None) -> tuple[str, list[Any]]:
    """The SELECT of one page and its values; its conditions and its order are those of the indexes of 0053."""
    conditions, values = _conditions(wanted)
    key = after if after is not None else before
    if key is not None:
        conditions.append(
            f"({_RECORDED}, seq) {'>' if after is not None else '<'}"
            f" (SELECT {_RECORDED}, seq FROM governance.audit_event WHERE seq = %s)"
        )
        values.append(key)
    direction = "ASC" if after is not None else "DESC"
    return (
        f"SELECT seq, event FROM governance.audit_event{_where(conditions)}"
        f" ORDER BY {_RECORDED} {direction}, seq {direction} LIMIT %s",
        [*values, limit],
    )


def one(db: Database, seq: int) -> dict[str, Any] | None:
    """The event of that number, with `seq`."""
    return audit.find(db, str(seq))


@dataclass(frozen=True, slots=True)
class Uses:
    """Looks under an agreement that were allowed, at most `USES_COUNTED` of them, and when the last one was."""

    looks: int
    last: datetime | None


def uses(db: Database, agreement: str) -> Uses:
    """How often data was looked at under an agreement."""
    wanted = Wanted(agreement=agreement, outcome="allowed")
    conditions, values = _conditions(wanted)
    with db.connect(Role.GOVERNANCE) as connection, storage_errors():
        row = connection.execute(
            f"SELECT count(*) FROM (SELECT FROM governance.audit_event{_where(conditions)} LIMIT %s) counted",
            [*values, USES_COUNTED],
        ).fetchone()
    newest = page(db, wanted, limit=1)
    return Uses(row[0] if row else 0, told(newest[0]).at if newest else None)


def length(db: Database) -> int:
    """How many events the chain says there are."""
    with db.connect(Role.GOVERNANCE) as connection, storage_errors():
        row = connection.execute("SELECT seq FROM governance.audit_head").fetchone()
    return int(row[0]) if row else 0


@dataclass(frozen=True, slots=True)
class Check:
    """The last check of the chain: when, by whom, what it found."""

    at: datetime
    name: str
    ok: bool
    message_vi: str


def check(db: Database, keys: KeyRing, home: Home, actor: Actor) -> audit.ChainStatus:
    """Verify the chain and write what was found into it; whoever calls has been let. Takes as long as the log is."""
    status = audit.verify(db, keys, home)
    with closing(audit.AuditLog(db, keys, home)) as log:
        log.append(
            audit.event(
                action="E",
                outcome="allowed" if status.ok else "failed",
                decision_id=uuid.uuid4().hex,
                actor_id=actor.account_id,
                actor_name=actor.name,
                door=actor.door,
                home_id=home.home_id,
                purposes=[],
                policy=[],
                reason=status.message_vi,
                entities=[{"type": "audit", "what": {"identifier": f"{CHECKED}:{status.events}"}}],
                subtype=CHECKED,
                roles=actor.roles,
                assurance=actor.assurance,
            )
        )
    return status


def last_check(db: Database) -> Check | None:
    """How the last recorded check of the chain ended; None before the first."""
    with db.connect(Role.GOVERNANCE) as connection, storage_errors():
        row = connection.execute(
            "SELECT event FROM governance.audit_event WHERE event ->> 'subtype' = 'audit-check'"
            " ORDER BY seq DESC LIMIT 1"
        ).fetchone()
    if row is None:
        return None
    event = row[0]
    return Check(
        datetime.fromisoformat(event["recorded"]),
        event["agent"][0]["name"],
        event["outcomeDesc"] == "allowed",
        event["reason"],
    )


def _conditions(wanted: Wanted) -> tuple[list[str], list[Any]]:
    conditions: list[str] = []
    values: list[Any] = []
    for sign, day, more in ((">=", wanted.first, 0), ("<", wanted.last, 1)):
        if day is not None:
            conditions.append(f"{_RECORDED} {sign} %s")
            values.append(_midnight(day + timedelta(days=more)))
    if wanted.account:
        conditions.append("(event #>> '{agent,0,who}') = %s")
        values.append(wanted.account)
    words = wanted.words()
    if words:
        conditions.append(f"{_WORDS} @> %s")
        values.append(Jsonb(list(words.values())))
        conditions += [_KINDS[name] for name in words]
        values += [Jsonb(word) for word in words.values()]
    return conditions, values


def _where(conditions: list[str]) -> str:
    return f" WHERE {' AND '.join(conditions)}" if conditions else ""


def _midnight(day: date) -> str:
    """The instant a day begins in Vietnam, written as the record writes instants."""
    return datetime.combine(day, time(), LOCAL).astimezone(UTC).isoformat(timespec="microseconds")
