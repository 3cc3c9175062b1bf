"""What there is to tell: reminders, reports and the audit chain as it happens, the state of the data once a day.

What the data say is asked of the gate in the name of whoever is told, as that account stands at that moment; who may
not read it is told nothing. Only counts are asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from bienho.core.errors import DeniedError
from bienho.governance import Actor, Gate, audit, people
from bienho.governance.notices import Kind, Notice, kinds
from bienho.governance.notices.concern import concerning, matters
from bienho.governance.notices.outbox import Outbox
from bienho.governance.notices.plan import Preference
from bienho.governance.notices.settings import Subscriber
from bienho.governance.purposes import OPERATIONS, QUALITY, claimed
from bienho.governance.reminders import answers_for, news
from bienho.pipeline.app import App
from bienho.pipeline.reports import doors
from bienho.quality.expiry import LOCAL
from bienho.quality.sending_days import LATE_CODES, LATE_WEEKS, RECENT_DAYS, SILENT_DAYS, USUAL_WEEKS, states

LOOK_AT = time(5)
"""From this hour in Vietnam on, the day before is looked up."""
MOST_LOOKS = 200
"""Accounts looked up for by one job; the next one goes on."""
OVERLAP = timedelta(hours=1)
"""How much is looked through again, for what was written late; keys keep it from being told twice."""
HAPPENED, CHECKED = "happened", "chain"
DELIVERY, ENCOUNTER = "standard.delivery", "conformed.encounter"
SCORE, LOSS, VISITS = "quality.score", "quality.score_loss", "xml130.visit"


@dataclass(frozen=True, slots=True)
class Reader:
    """A subscriber as it stands now, and the kinds it wants and is concerned by."""

    subscriber: Subscriber
    actor: Actor
    kinds: Mapping[str, Kind]


def gather(app: App, subscribers: Sequence[Subscriber], now: datetime) -> int:
    """Write what there is to tell to these accounts; how many notices were new, without those of the daily looks."""
    outbox = Outbox(app.database)
    known = _Readers(app, subscribers, now)
    made = _happened(app, outbox, known, now)
    made += _chain(app, outbox, known, now)
    local = now.astimezone(LOCAL)
    if local.time() >= LOOK_AT:
        _look(app, outbox, known, local.date(), now)
    return made


class _Readers:
    """Subscribers as actors, each asked for once and only when something may concern it."""

    def __init__(self, app: App, subscribers: Sequence[Subscriber], now: datetime) -> None:
        self._app, self._now = app, now
        self._subscribers = {one.account_id: one for one in subscribers}
        self._found: dict[str, Reader | None] = {}
        self._contact: Mapping[str, frozenset[str]] | None = None

    def __contains__(self, account_id: str) -> bool:
        return account_id in self._subscribers

    def all(self) -> list[Reader]:
        return [one for code in self._subscribers if (one := self.one(code)) is not None]

    def one(self, account_id: str) -> Reader | None:
        """None for an account that is closed or idle, or not told anything."""
        if account_id not in self._found:
            self._found[account_id] = self._read(account_id)
        return self._found[account_id]

    def _read(self, account_id: str) -> Reader | None:
        subscriber = self._subscribers.get(account_id)
        actor = people.actor_of(self._app.database, account_id, "worker", "none", self._now) if subscriber else None
        if subscriber is None or actor is None:
            return None
        if self._contact is None:
            self._contact = matters(self._app.database, self._now)
        chosen = subscriber.preference or Preference()
        wanted = {one.code: one for one in concerning(actor, self._contact) if chosen.mode(one) != "off"}
        return Reader(subscriber, actor, wanted)


def _happened(app: App, outbox: Outbox, known: _Readers, now: datetime) -> int:
    """Reminders, answers, new periods of reports since the last look."""
    since = (outbox.mark(HAPPENED) or now) - OVERLAP
    found: dict[str, list[Notice]] = {}
    for one in news(app.database, since):
        if one.answered:
            key, link = f"answer:{one.reminder_id}:{int(one.at.timestamp())}", "/theo-doi/#nhac-muc"
            notice = Notice(key, kinds.ANSWER, one.at, one.day, link, one.facility_code)
            _tell(found, known.one(one.sender), notice)
        else:
            link = f"/theo-doi/tra-loi/{one.reminder_id}/"
            notice = Notice(f"reminder:{one.reminder_id}", kinds.REMINDER, one.at, one.day, link, one.facility_code)
            for reader in known.all():
                if one.facility_code in answers_for(reader.actor):
                    _tell(found, reader, notice)
    made = [run for run in doors(app).book.runs(most=1_000) if run.state == "made" and run.at > since]
    if made:
        reports = {one.name: one for one in doors(app).book.all()}
        for run in made:
            report = reports.get(run.name)
            notice = Notice(
                f"report:{run.name}:{run.due}", kinds.REPORT, run.at, run.due, f"/bao-cao/{run.name}/", run.name
            )
            for account in dict.fromkeys((report.owner, *report.readers) if report else ()):
                _tell(found, known.one(account), notice)
    new = sum(outbox.put(account, notices) for account, notices in found.items())
    outbox.put_mark(HAPPENED, now)
    return new


def _chain(app: App, outbox: Outbox, known: _Readers, now: datetime) -> int:
    """The audit chain, walked once a day where somebody is to be told."""
    day = now.astimezone(LOCAL).date()
    last = outbox.mark(CHECKED)
    if last is not None and last.astimezone(LOCAL).date() >= day:
        return 0
    told = [one for one in known.all() if kinds.CHAIN in one.kinds]
    if not told:
        return 0
    status = audit.verify(app.database, app.keys, app.home)
    new = 0
    if not status.ok:
        for one in told:
            notice = Notice(f"chain:{day}", kinds.CHAIN, now, day, "/nhat-ky/", counts={"events": status.events})
            new += outbox.put(one.subscriber.account_id, [notice])
    outbox.put_mark(CHECKED, now)
    return new


def _tell(found: dict[str, list[Notice]], reader: Reader | None, notice: Notice) -> None:
    if reader is not None and notice.kind in reader.kinds and notice.at >= reader.subscriber.since:
        found.setdefault(reader.subscriber.account_id, []).append(notice)


def _look(app: App, outbox: Outbox, known: _Readers, today: date, now: datetime) -> None:
    """What the data say of the day before, for every account that wants it and was not looked up for today."""
    done = outbox.looked(today)
    waiting = [
        one for one in known.all()
        if one.subscriber.account_id not in done and any(kind.daily for kind in one.kinds.values())
    ][:MOST_LOOKS]  # fmt: skip
    if not waiting:
        return
    with app.reading() as gate:
        for one in waiting:
            found, code = _look_for(Asker(gate, one.actor, now, today), one.kinds)
            outbox.put_look(one.subscriber.account_id, today, found, now, code)


def _look_for(ask: Asker, wanted: Mapping[str, Kind]) -> tuple[list[Notice], str]:
    """What one account is told, and the code of the refusal when it may not read something."""
    found: list[Notice] = []
    refused = ""
    for codes, look in LOOKS:
        if codes & wanted.keys():
            try:
                found += [one for one in look(ask) if one.kind in wanted]
            except DeniedError as error:
                refused = error.code
    return found, refused


@dataclass(frozen=True, slots=True)
class Asker:
    """Asks the gate for counts in one account's name. `today` is the local day of the look."""

    gate: Gate
    actor: Actor
    now: datetime
    today: date

    @property
    def facilities(self) -> list[str]:
        """Facilities the account sends and mends data for."""
        return sorted(answers_for(self.actor))

    def at(self, day: date) -> datetime:
        """The first moment of a local day."""
        return datetime.combine(day, time(), LOCAL)

    def counts(
        self, dataset: str, group_by: Sequence[str], measures: Mapping[str, tuple[str, str | None]],
        filter: Sequence[tuple[str, str, Any]] = (), purpose: str = QUALITY,
    ) -> list[dict[str, Any]]:  # fmt: skip
        _, reader = self.gate.aggregate(
            self.actor, claimed(self.actor.roles, purpose), dataset, group_by, measures, filter
        )
        return list(reader.read_all().to_pylist())


def received(ask: Asker) -> list[Notice]:
    """Of each facility: dossiers received the day before, those with findings, those set aside."""
    if not ask.facilities:
        return []
    day = ask.today - timedelta(days=1)
    names = ("accepted", "accepted_with_findings", "quarantined")
    rows = ask.counts(
        DELIVERY, ["facility_code"], {name: ("sum", name) for name in names},
        [("facility_code", "in", ask.facilities), ("received_at", ">=", ask.at(day)),
         ("received_at", "<", ask.at(ask.today))],
        OPERATIONS,
    )  # fmt: skip
    found = []
    for row in rows:
        code = row["facility_code"]
        fine, flawed, aside = (int(row[name] or 0) for name in names)
        if flawed:
            counts = {"flawed": flawed, "dossiers": fine + flawed + aside}
            link = f"/sua-du-lieu/?co_so={code}"
            found.append(Notice(f"findings:{code}:{day}", kinds.FINDINGS, ask.now, day, link, code, counts))
        if aside:
            said = {"quarantined": aside}
            found.append(Notice(f"quarantine:{code}:{day}", kinds.QUARANTINE, ask.now, day, "/cach-ly/", code, said))
    return found


def missing(ask: Asker) -> list[Notice]:
    """Of each facility: days of care without a dossier. Told again only when another day is missing."""
    if not ask.facilities:
        return []
    first = ask.today - timedelta(days=RECENT_DAYS - 1)
    rows = ask.counts(
        ENCOUNTER, ["facility_code", "service_date"], {"n": ("count", None)},
        [("facility_code", "in", ask.facilities), ("service_date", ">=", first - timedelta(weeks=USUAL_WEEKS)),
         ("service_date", "<=", ask.today)],
    )  # fmt: skip
    found = []
    for code in ask.facilities:
        counts = {row["service_date"]: row["n"] for row in rows if row["facility_code"] == code}
        days = [one.day for one in states(counts, {}, first, ask.today, ask.today) if one.mood == "missing"]
        if days:
            said = {"days": len(days), "window": RECENT_DAYS}
            link = f"/sua-du-lieu/lich/?co_so={code}"
            found.append(Notice(f"missing:{code}:{max(days)}", kinds.MISSING, ask.now, ask.today, link, code, said))
    return found


def silent(ask: Asker) -> list[Notice]:
    """How many facilities that used to send are silent."""
    limit = ask.now - timedelta(days=SILENT_DAYS)
    rows = ask.counts(DELIVERY, ["facility_code"], {"last": ("max", "received_at")})
    n = sum(1 for row in rows if row["facility_code"] and row["last"] < limit)
    counts = {"facilities": n, "limit": SILENT_DAYS}
    link = "/theo-doi/#im-lang-muc"
    return [Notice(f"silent:{ask.today}", kinds.SILENT, ask.now, ask.today, link, counts=counts)] if n else []


def late(ask: Asker) -> list[Notice]:
    """How many facilities sent late in the newest scored weeks; once for each newest week."""
    week = ask.counts(SCORE, (), {"week": ("max", "week_start")})[0]["week"]
    if week is None:
        return []
    rows = ask.counts(
        LOSS, ["facility_code"], {"n": ("count_distinct", "version_id")},
        [("dataset", "=", VISITS), ("week_start", ">", week - timedelta(weeks=LATE_WEEKS)),
         ("code", "in", list(LATE_CODES))],
    )  # fmt: skip
    counts = {"facilities": len(rows), "dossiers": sum(row["n"] for row in rows), "weeks": LATE_WEEKS}
    link = "/theo-doi/#gui-cham-muc"
    return [Notice(f"late:{week}", kinds.LATE, ask.now, ask.today, link, counts=counts)] if rows else []


LOOKS: tuple[tuple[Collection[str], Callable[[Asker], list[Notice]]], ...] = (
    (frozenset({kinds.FINDINGS, kinds.QUARANTINE}), received),
    (frozenset({kinds.MISSING}), missing),
    (frozenset({kinds.SILENT}), silent),
    (frozenset({kinds.LATE}), late),
)
