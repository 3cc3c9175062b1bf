"""Clerical review: which pairs people should look at, what speaks for and against, and where an answer goes.

The list is made by the worker whenever persons follow the lake. Doors read it as keys and weights, open names through
the gate and answer here; an answer that decides leaves as a delivery of kind `decision`, like everything that comes in.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import psycopg
import pyarrow as pa

from bienho.core.deferred import deferred
from bienho.core.errors import UsageError
from bienho.database import Role, storage_errors
from bienho.governance import Actor, permits
from bienho.governance.decision import Action
from bienho.governance.person_changes import PersonChange, PersonChanges
from bienho.governance.person_reviews import Answer, Asked, PersonReviews, State, Verdict
from bienho.governance.purposes import PERSON_REVIEW
from bienho.lake import Lake
from bienho.pipeline.app import App
from bienho.pipeline.catalog import current_catalog
from bienho.pipeline.person_decisions import receive_decisions
from bienho.standards.decision import REASONS, PersonDecisions
from bienho.standards.decision import Verdict as Decided

if TYPE_CHECKING:
    from bienho import linkage
    from bienho.linkage import shipped
    from bienho.linkage.index import PostgresStore, contradictions, waiting
    from bienho.linkage.model import evidence, matcher
    from bienho.linkage.persons import worklist
else:
    linkage = deferred("bienho.linkage")
    shipped = deferred("bienho.linkage.shipped")
    contradictions = deferred("bienho.linkage.index.contradictions")
    waiting = deferred("bienho.linkage.index.waiting")
    evidence = deferred("bienho.linkage.model.evidence")
    matcher = deferred("bienho.linkage.model.matcher")
    worklist = deferred("bienho.linkage.persons.worklist")

Indexed = tuple["PostgresStore", "matcher.Matcher"]
"""An index and what its pairs are weighed with."""
MOST = 5_000
"""Pairs on the list: more than all reviewers of a province answer before it is made anew."""
ENOUGH = 50
"""Answers from which their calibration is told."""
ACTION: Action = "person-review"
FIELDS = {
    "patient_local_id": "MA_BN", "full_name": "HO_TEN", "birth_date": "NGAY_SINH", "sex": "GIOI_TINH",
    "personal_id": "SO_CCCD", "insurance_no": "MA_THE_BHYT", "phone": "DIEN_THOAI", "address_text": "DIA_CHI",
    "commune_code": "MAXA_CU_TRU", "province_code": "MATINH_CU_TRU", "ethnic_code": "MA_DANTOC",
    "visit_date": "NGAY_VAO",
}  # fmt: skip
"""What of RECORDS stands in which field of XML1."""
_VISITS = """
    SELECT person_key, count(*) FROM lake.standard.xml130_dossier AS d
    ANTI JOIN lake.standard.superseded USING (version_id) JOIN lake.conformed.person_link USING (patient_key)
    SEMI JOIN asked_person USING (person_key) GROUP BY person_key
"""
_PERSONS = "SELECT patient_key, person_key FROM lake.conformed.person_link SEMI JOIN asked_patient USING (patient_key)"


def renew(
    connection: psycopg.Connection[Any], lake: Lake, catalog: str, index: Indexed, changed: Collection[str] | None
) -> int:
    """Make the list anew from the index and the visits in the lake; how many pairs are on it. Commits.

    What a join would break is looked for between all records of two persons, and again where one of them is among
    `changed`; None: everywhere.
    """
    store, matcher = index
    found = waiting.unsettled(connection, catalog, matcher.review)
    visits = _visits(lake, {side for one in found for side in (one.left, one.right)})
    columns: dict[str, list[Any]] = {
        "left": [one.left for one in found],
        "right": [one.right for one in found],
        "weight": [one.weight for one in found],
        "veto": [one.veto for one in found],
        "left_visits": [visits[one.left] for one in found],
        "right_visits": [visits[one.right] for one in found],
    }
    listed = worklist.worklist(pa.table(columns, schema=worklist.UNSETTLED), MOST)
    pairs = list(zip(listed["left"].to_pylist(), listed["right"].to_pylist(), strict=True))
    persons = {(one.left, one.right): one.persons for one in found}
    told = {(one.left, one.right): one.veto for one in waiting.waiting(connection, catalog)}
    stale = [one for one in pairs if changed is None or one not in told or not persons[one].isdisjoint(changed)]
    broken: dict[tuple[str, str], str | None] = {**told, **dict.fromkeys(stale)}
    broken |= contradictions.contradictions(store, matcher, stale)
    veto = pa.array([broken[one] for one in pairs], pa.string())
    place = listed.schema.get_field_index("veto")
    again = listed.set_column(place, "veto", veto).select(worklist.UNSETTLED.names)
    rows = worklist.worklist(again, MOST).select(waiting.Waiting._fields).to_pylist()
    waiting.put(connection, catalog, [waiting.Waiting(**row) for row in rows])
    connection.commit()
    return len(rows)


def _visits(lake: Lake, patients: Collection[str]) -> Counter[str]:
    """How many visits stand behind the person of each of these patients."""
    if not patients:
        return Counter()
    persons = dict(_asked(lake, "asked_patient", "patient_key", patients, _PERSONS))
    counts = dict(_asked(lake, "asked_person", "person_key", set(persons.values()), _VISITS))
    return Counter({patient: counts.get(person, 0) for patient, person in persons.items()})


def _asked(lake: Lake, name: str, column: str, keys: Collection[str], query: str) -> list[tuple[str, Any]]:
    lake.connection.register(name, pa.table({column: pa.array(sorted(keys), pa.string())}))
    try:
        return lake.connection.execute(query).fetchall()
    finally:
        lake.connection.unregister(name)


@dataclass(frozen=True, slots=True)
class Question:
    """A pair that waits. `proposed`: somebody else has proposed to join it; `answered`: what the reader said before."""

    asked: Asked
    proposed: bool = False
    answered: Verdict | None = None


@dataclass(frozen=True, slots=True)
class Compared:
    """Two records compared: what speaks for and against as (comparison, level, side), the chance of a match, and the
    constraint a join would break."""

    evidence: tuple[tuple[str, str, str], ...]
    probability: float
    veto: str | None


@dataclass(frozen=True, slots=True)
class Calibration:
    """Of the answers that decided: how many, how many joined, and how many joins the weights expected."""

    answers: int
    same: int
    expected: float


@dataclass(frozen=True, slots=True)
class Reviews:
    """What the page of review does; every call is decided by the policies and recorded."""

    app: App

    def questions(self, actor: Actor) -> list[Question]:
        """What waits for this reader: proposals of others first, then by what an answer is worth. Denied, recorded."""
        self._permit(actor, "list")
        return self._questions(actor)

    def _questions(self, actor: Actor) -> list[Question]:
        with storage_errors(), self.app.database.connect(Role.GOVERNANCE) as connection:
            listed = waiting.waiting(connection, current_catalog(self.app.home))
        newest = _standing(self._book.all())
        found = []
        for one in listed:
            said = newest.get((one.left, one.right), {})
            states = {answer.state for answer in said.values()}
            if "sent" in states or actor.account_id in said:
                continue
            asked = Asked(one.left, one.right, one.weight, one.veto)
            found.append(Question(asked, proposed="proposed" in states))
        return sorted(found, key=lambda one: not one.proposed)

    def answers(self, actor: Actor) -> list[Answer]:
        """All answers so far, oldest first; for progress, without a question recorded."""
        return self._book.all() if permits.may(actor, ACTION, PERSON_REVIEW) else []

    def answer(self, actor: Actor, left: str, right: str, verdict: Verdict, reason: str, now: datetime) -> State | None:
        """Answer a pair that waits for this reader, or that they answered last; None where it is settled already.

        UsageError USE-REVIEW for a pair that was not asked, or a verdict or reason that is none.
        """
        self._permit(actor, f"{verdict}:{left}:{right}")
        asked = next((q.asked for q in self._questions(actor) if (q.asked.left, q.asked.right) == (left, right)), None)
        if asked is None and not (asked := self._again(actor, left, right)):
            return None
        if reason not in REASONS:
            raise UsageError("USE-REVIEW", "Căn cứ phải là một mã trong danh sách.", hint=", ".join(REASONS))

        def send(by: str, second: str | None, decided: Verdict, why: str) -> str:
            said = Decided(left, right, "same" if decided == "same" else "different", why)
            return receive_decisions(self.app, PersonDecisions("department", by, second, (said,)))

        return self._book.answer(asked, actor.account_id, verdict, reason, now, send)

    def undo(self, actor: Actor) -> Question | None:
        """The pair this reader answered last, to be answered again; a proposal nobody has seconded is taken back.

        What went out as a delivery stays until the later answer overrules it.
        """
        self._permit(actor, "undo")
        last = self._book.last_of(actor.account_id)
        if last is None:
            return None
        if last.state == "proposed":
            self._book.withdraw(last.review, actor.account_id)
        return Question(Asked(last.left, last.right, last.weight, last.veto), answered=last.verdict)

    def calibration(self) -> Calibration | None:
        """None before there are ENOUGH answers."""
        sent = [one for one in self._book.all() if one.state == "sent"]
        if len(sent) < ENOUGH:
            return None
        expected = sum(1 / (1 + 2 ** -max(-60.0, min(60.0, one.weight))) for one in sent)
        return Calibration(len(sent), sum(one.verdict == "same" for one in sent), expected)

    def changes(self, actor: Actor, after: int, most: int) -> tuple[list[PersonChange], int]:
        """The oldest `most` records that changed persons after change `after`, and how many there are. Recorded."""
        self._permit(actor, f"changes:{after}")
        queue = PersonChanges(self.app.database)
        return queue.above(after, most), queue.count(after)

    @property
    def _book(self) -> PersonReviews:
        return PersonReviews(self.app.database)

    def _again(self, actor: Actor, left: str, right: str) -> Asked | None:
        last = self._book.last_of(actor.account_id)
        if last is None or (last.left, last.right) != (left, right):
            return None
        return Asked(last.left, last.right, last.weight, last.veto)

    def _permit(self, actor: Actor, what: str) -> None:
        app = self.app
        permits.permit(app.database, app.keys, app.home, actor, ACTION, what, purpose=PERSON_REVIEW)


def _standing(answers: Sequence[Answer]) -> dict[tuple[str, str], dict[str, Answer]]:
    """Pair → account → its newest answer that stands."""
    found: dict[tuple[str, str], dict[str, Answer]] = {}
    for one in answers:
        if one.state in ("proposed", "sent", "unsure"):
            found.setdefault((one.left, one.right), {})[one.by] = one
    return found


def compare(left: Mapping[str, Any], right: Mapping[str, Any]) -> Compared:
    """Two records as the index compares them; each is a row of XML1 with its `patient_key` and `facility_code`."""
    sides = [linkage.clean(pa.Table.from_pylist([_record(one)], schema=linkage.RECORDS)) for one in (left, right)]
    pair = matcher.Matcher(shipped.shipped()).score(*sides).to_pylist()[0]
    told = tuple((one.comparison, one.level, one.side) for one in evidence.evidence(pair))
    return Compared(told, pair["probability"], pair["veto"])


def _record(row: Mapping[str, Any]) -> dict[str, Any]:
    fields = {name: row.get(field) for name, field in FIELDS.items()}
    return {"record_id": row["patient_key"], "facility_code": row["facility_code"], "arrived": 0, **fields}
