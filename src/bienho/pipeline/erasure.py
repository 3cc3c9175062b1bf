"""Erasure of a person on a decision (law 13): one account asks, another confirms, and then nothing brings them back.

    confirmed   plan under the writer lock · register in one commit (nothing comes in under these names any more) · list
                outside the home · event with the digest of the tombstone
    done        data keys and blind indexes · raw, redacted where it lies · lake, deliveries written again as a rebuild
                reads them · derived · history and lakes left over · event

Killed anywhere, `finish` does the rest: every step may be done again.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NoReturn

from bienho.core.errors import UsageError
from bienho.core.ids import delivery_id
from bienho.governance import Actor, audit, permits
from bienho.governance.decision import Action
from bienho.governance.purposes import OPERATIONS
from bienho.lake import RawHeader, Tombstone, maintenance
from bienho.pipeline import erasure_list, persons, scores
from bienho.pipeline.app import App
from bienho.pipeline.catalog import current_catalog
from bienho.pipeline.ingest import catch_up, compute_derived, groups, open_writer
from bienho.pipeline.rebuild import clean
from bienho.pipeline.replay import STEP, write_again
from bienho.pipeline.writer import Writer
from bienho.privacy import Erasure, Erasures, Place, Spot, Taken, encode
from bienho.standards.xml130 import columns, opened_size
from bienho.standards.xml130.redact import Redacted, redact

ASKED_FOR = timedelta(days=30)
"""What was asked for longer ago must be asked for anew: nobody remembers any more why."""
WHO = "Quản trị hệ thống"
_NUMBER = re.compile(r"[0-9a-f]{12}\Z")


@dataclass(slots=True)
class _Plan:
    """What belongs to a person, found from some keys until nothing is added.

    `seen`: delivery → place in it → (patient key, dossier key, record id), as read from raw.
    """

    patients: set[str]
    dossiers: set[str] = field(default_factory=set)
    versions: set[int] = field(default_factory=set)
    seen: dict[int, dict[int, tuple[str, str, str]]] = field(default_factory=dict)

    def people(self) -> set[str]:
        """Every patient key that a version of these dossiers came under."""
        found = (self.seen.get(version // STEP, {}).get(version % STEP) for version in self.versions)
        return {one[0] for one in found if one}

    def records(self) -> set[str]:
        """Vault records of these dossiers under keys of patients who stay."""
        found = (self.seen.get(version // STEP, {}).get(version % STEP) for version in self.versions)
        return {one[2] for one in found if one and one[0] not in self.patients}


def ask(
    app: App,
    by: Actor,
    *,
    decision: str,
    article: str,
    retention: str,
    patients: Sequence[str] = (),
    dossiers: Sequence[str] = (),
    places: Sequence[Place] = (),
) -> Erasure:
    """Ask for the erasure of the person behind patient keys, dossier keys and places in raw; nothing is erased yet.

    A place is for what came in unreadable, which has no key. What a law makes the house keep is not erased: `retention`
    says why it need not be kept any longer. UsageError USE-ERASE-ARTICLE, USE-ERASE-DECISION, USE-ERASE-RETENTION,
    USE-ERASE-NOBODY for a key or place that is none here. Denied.
    """
    _permit(app, by, "erase-ask", "")
    for text, code, message in (
        (article, "USE-ERASE-ARTICLE", "Việc xóa dữ liệu phải nêu điều khoản pháp lý."),
        (decision, "USE-ERASE-DECISION", "Việc xóa dữ liệu phải nêu số quyết định hoặc văn bản."),
        (retention, "USE-ERASE-RETENTION", "Việc xóa dữ liệu phải nêu vì sao không còn phải lưu giữ."),
    ):
        if not text.strip():
            raise UsageError(code, message, who=WHO)
    with app.writing() as lake, open_writer(app, lake, current_catalog(app.home)) as writer:
        catch_up(app.raw, writer)
        people = set(patients)
        for key in dossiers:
            found = _rows(writer, "patient_key", "dossier_key IN (SELECT unnest(?))", [key]) or _nobody()
            people |= {person for (person,) in found}
        left = []
        for seq, hoso in sorted(set(places)):
            readable = _seen(app, writer, seq) if 0 < seq <= writer.last_seq() else _nobody()
            if hoso in readable:
                people.add(readable[hoso][0])
            else:
                left.append((seq, hoso))
        for key in people:
            if not _rows(writer, "1", "patient_key IN (SELECT unnest(?)) LIMIT 1", [key]):
                _nobody()
        if not people and not left:
            _nobody()
    return Erasures(app.database).ask(decision, article, retention, by.account_id, sorted(people), left)


def confirm(app: App, by: Actor, erasure_id: str, now: datetime | None = None) -> Erasure:
    """Confirm what somebody else asked for, and do it.

    UsageError USE-ERASE-UNKNOWN, USE-ERASE-TWO, USE-ERASE-CONFIRMED, USE-ERASE-OLD, USE-ERASE-CANNOT when a delivery
    cannot be redacted without touching others (then nothing is changed). Denied.
    """
    book = Erasures(app.database)
    _permit(app, by, "erase-confirm", erasure_id if _NUMBER.match(erasure_id) else "")
    asked = book.get(erasure_id)
    if asked.state == "asked" and (now or datetime.now(UTC)) - asked.asked_at > ASKED_FOR:
        raise UsageError("USE-ERASE-OLD", "Đề nghị xóa này đã quá 30 ngày.", hint="Đề nghị lại.", who=WHO)
    with app.writing() as lake, open_writer(app, lake, current_catalog(app.home)) as writer:
        catch_up(app.raw, writer)
        taken = _plan(app, writer, asked)
        confirmed = book.confirm(erasure_id, by.account_id, taken)
    erasure_list.write(app.home, app.keys, book.all())
    _tell(app, by, confirmed, "erase-confirmed")
    finish(app)
    return book.get(erasure_id)


def register(app: App) -> list[Erasure]:
    """Every erasure, asked for and done."""
    return Erasures(app.database).all()


def finish(app: App) -> list[Erasure]:
    """Do what was confirmed and is not done; those that were done now."""
    waiting = [one for one in Erasures(app.database).all() if one.state == "confirmed"]
    for one in waiting:
        with app.writing() as lake, open_writer(app, lake, current_catalog(app.home)) as writer:
            close(app, one)
            for group in groups(_again(app, one), lambda pair: opened_size(pair[1], app.limits), app.limits):
                write_again(app, writer, writer.judge.read_all(group), "erase")
            catch_up(app.raw, writer)
            compute_derived(writer)
            persons.erase(app, lake, writer.judge, current_catalog(app.home), one.taken.patients)
            if scores.made(lake):
                scores.refresh(lake)  # rows that cost points name dossiers
            # an act in the world, not a model: it may ask the clock
            maintenance.forget_history(lake, datetime.now(UTC))
            clean(app)
        done(app, one)
    if any(one.confirmed_at for one in register(app)):
        erasure_list.write(app.home, app.keys, register(app))  # it may have been lost
    return waiting


def adopt(app: App, path: Path | None = None) -> list[Erasure]:
    """In a house restored from a backup: what was erased after the backup was made, by the list outside the home.

    Without a path the one beside the key files, where there is one. What is confirmed and not done here is taken out of
    vault and raw; the caller rebuilds the lake and calls `done` for each. InputError IN-ERASURES.
    """
    book = Erasures(app.database)
    place = path or erasure_list.list_path(app.home)
    if path or place.exists():
        for one in erasure_list.read(place, app.keys):
            book.adopt(one)
    waiting = [one for one in book.all() if one.state == "confirmed"]
    for one in waiting:
        close(app, one)
    return waiting


def close(app: App, erasure: Erasure) -> None:
    """The part outside the lake: data keys, blind indexes, single records, and the bytes in raw."""
    taken = erasure.taken
    if taken.patients:
        app.vault.erase(taken.patients, f"{erasure.article}; {erasure.decision}")
    app.vault.erase_records(taken.records)
    places = _here(app, erasure)
    for group in groups(sorted(places), lambda seq: opened_size(app.raw.read(seq)[1], app.limits), app.limits):
        left = {}
        for seq in group:
            header, data = app.raw.read(seq)
            if all(one.erasure != erasure.erasure_id for one in header.tombstones):
                new = places[seq] - header.erased
                stone = Tombstone(tuple(sorted(new)), erasure.erasure_id, erasure.article, erasure.who)
                left[seq] = (_left(app, seq, data, new).data, stone)
        app.raw.redact(left)


def done(app: App, erasure: Erasure) -> None:
    """Note in the register, in the list outside the home and in the record of looks that an erasure is done."""
    book = Erasures(app.database)
    finished = book.finish(erasure.erasure_id)
    erasure_list.write(app.home, app.keys, book.all())
    by = Actor(finished.confirmed_by or "", finished.confirmed_by or "", ())
    _tell(app, by, finished, "erase-done")


def _plan(app: App, writer: Writer, asked: Erasure) -> Taken:
    plan = _Plan(set(asked.patients))
    before = -1
    while before != len(plan.versions) + len(plan.patients) + len(plan.dossiers):
        before = len(plan.versions) + len(plan.patients) + len(plan.dossiers)
        _grow(app, writer, plan)
    places = {(version // STEP, version % STEP) for version in plan.versions} | set(asked.places)
    emptied: set[Spot] = set()
    for seq, hosos in _by_delivery(places).items():
        header, data = app.raw.read(seq)
        new = frozenset(hosos) - header.erased
        if new:
            left = _left(app, seq, data, new)
            emptied |= {(seq, hoso, header.sha256) for hoso in left.places}
    patients, dossiers, records = (tuple(sorted(names)) for names in (plan.patients, plan.dossiers, plan.records()))
    return Taken(patients, dossiers, records, tuple(sorted(emptied)))


def _grow(app: App, writer: Writer, plan: _Plan) -> None:
    """Dossiers of the patients, documents of the same visits, all their versions; patients who are in these only."""
    for dossier, visit in _rows(
        writer,
        "dossier_key, encounter_key",
        "patient_key IN (SELECT unnest(?)) OR dossier_key IN (SELECT unnest(?)) OR encounter_key IN (SELECT unnest(?))",
        sorted(plan.patients), sorted(plan.dossiers), sorted(plan.dossiers),
    ):  # fmt: skip
        plan.dossiers |= {dossier, *([visit] if visit else [])}
    keys = sorted(plan.dossiers)
    for table in ("xml130_dossier", "superseded", "duplicate"):
        found = writer.lake.connection.execute(
            f"SELECT version_id FROM lake.standard.{table} WHERE dossier_key IN (SELECT unnest(?))", [keys]
        ).fetchall()
        plan.versions |= {version for (version,) in found}
    for seq in sorted({version // STEP for version in plan.versions} - plan.seen.keys()):
        plan.seen[seq] = _seen(app, writer, seq)
    for person in plan.people() - plan.patients:
        others = "patient_key IN (SELECT unnest(?)) AND dossier_key NOT IN (SELECT unnest(?)) LIMIT 1"
        if not _rows(writer, "1", others, [person], keys):
            plan.patients.add(person)


def _seen(app: App, writer: Writer, seq: int) -> dict[int, tuple[str, str, str]]:
    """Place → (patient key, dossier key, record id) of what can be read in a delivery."""
    judged = writer.judge.read(*app.raw.read(seq))
    return {
        one.version_id % STEP: (
            one.patient_key,
            one.dossier_key,
            app.vault.record_id(one.dossier.facility, one.dossier.identity, encode(columns.vault_payload(one.dossier))),
        )
        for one in judged.candidates
    }


def _left(app: App, seq: int, data: bytes, hosos: Iterable[int]) -> Redacted:
    left = redact(data, frozenset(hosos), app.limits)
    if left is None:
        raise UsageError(
            "USE-ERASE-CANNOT",
            f"Không tách được người này khỏi lần nhận {delivery_id(seq)} mà không đụng đến người khác.",
            hint="Báo nhóm phát triển mã lần nhận này; chưa xóa gì.",
            who=WHO,
        )
    return left


def _again(app: App, erasure: Erasure) -> Iterable[tuple[RawHeader, bytes]]:
    return (app.raw.read(seq) for seq in sorted(_here(app, erasure)))


def _here(app: App, erasure: Erasure) -> dict[int, set[int]]:
    """Delivery → places of an erasure that are in this raw; an older or another copy of the house may have less."""
    sent = {seq: sha256 for seq, _, sha256 in erasure.taken.places if seq <= app.raw.last_seq()}
    same = {seq for seq, sha256 in sent.items() if app.raw.read(seq)[0].sha256 == sha256}
    return _by_delivery((seq, hoso) for seq, hoso, _ in erasure.taken.places if seq in same)


def _by_delivery(places: Iterable[Place]) -> dict[int, set[int]]:
    found: dict[int, set[int]] = {}
    for seq, hoso in places:
        found.setdefault(seq, set()).add(hoso)
    return found


def _rows(writer: Writer, names: str, where: str, *given: Sequence[str]) -> list[tuple[Any, ...]]:
    return writer.lake.connection.execute(
        f"SELECT DISTINCT {names} FROM lake.standard.xml130_dossier WHERE {where}", [list(one) for one in given]
    ).fetchall()


def _nobody() -> NoReturn:
    raise UsageError(
        "USE-ERASE-NOBODY",
        "Không có người bệnh, hồ sơ hoặc chỗ nào như vậy trong kho.",
        hint="Khóa là 32 chữ số hexa trong địa chỉ trang hồ sơ; chỗ là MÃ-LẦN-NHẬN/SỐ-HỒ-SƠ.",
        who=WHO,
    )


def _permit(app: App, by: Actor, action: Action, what: str) -> None:
    permits.permit(app.database, app.keys, app.home, by, action, what)


def _tell(app: App, by: Actor, erasure: Erasure, act: str) -> None:
    """One event: which erasure, on which decision, how much of what, and the digest of its tombstone."""
    taken = erasure.taken
    detail = {
        "act": act,
        "tombstone": erasure.digest,
        "asked_by": erasure.asked_by,
        "confirmed_by": erasure.confirmed_by,
        "patients": len(taken.patients),
        "dossiers": len(taken.dossiers),
        "places": len(taken.places),
    }
    with closing(audit.AuditLog(app.database, app.keys, app.home)) as log:
        log.append(
            audit.event(
                action="D",
                outcome="allowed",
                decision_id=uuid.uuid4().hex,
                actor_id=by.account_id,
                actor_name=by.name,
                door=by.door,
                home_id=app.home.home_id,
                purposes=[OPERATIONS, f"document:{erasure.decision}"],
                policy=["erasure-asked", "erasure-confirmed"],
                reason="",
                entities=[{"type": "erasure", "what": {"identifier": erasure.erasure_id}, "detail": detail}],
                category="change",
                subtype="erase-confirm",
                roles=by.roles,
                assurance=by.assurance,
            )
        )
