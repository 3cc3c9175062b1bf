"""The index of persons follows the lake, and `conformed.person_link` the index.

What a patient is known by stands in the newest current version that describes them. It is read from raw again, cleaned
and compared in memory, and kept only sealed (`linkage.index`).

    index      transactions of PostgreSQL, some thousand records each, the first of an empty index at once; killed, it
               goes on where it was
    lake       one transaction with the journal row, after the index; where it may lag behind, all of it is compared
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

import duckdb
import psycopg
import pyarrow as pa

from bienho.core.ids import delivery_id
from bienho.lake import Lake, RawHeader
from bienho.linkage import RECORDS, clean
from bienho.linkage.index import Cause, Changes, Index, PostgresStore, digester, open_tables
from bienho.linkage.index.filling import fill
from bienho.linkage.index.tables import is_aside, set_aside, tell_before, tidy
from bienho.linkage.model.matcher import Matcher
from bienho.linkage.persons import Decision
from bienho.linkage.shipped import shipped
from bienho.pipeline.app import App
from bienho.pipeline.journal import read_journal
from bienho.pipeline.judge import Candidate, Judge
from bienho.pipeline.persons import DECISION, LINK, STAGE, TOUCHED, matched_by, state
from bienho.pipeline.reviewing import FIELDS, renew

T = TypeVar("T")
STEP = 1_000_000
CHUNK = 2_000
"""Records in one transaction of the index."""
FILLED = 4_000_000
"""Records put into an empty index at once, more than the province has; they lie in memory, some 2 KB each."""
_LINKED = pa.schema([("patient_key", pa.string()), ("person_key", pa.string())])
READ_BYTES = 64 * 1024 * 1024
"""Of deliveries read again at a time."""
_DESCRIBED = """
    SELECT d.patient_key, max(version_id), min(version_id)
    FROM lake.standard.xml130_dossier AS d ANTI JOIN lake.standard.superseded USING (version_id)
    SEMI JOIN lake.standard.xml130_1 USING (version_id) {some} GROUP BY d.patient_key
"""


@dataclass(frozen=True, slots=True)
class Refreshed:
    """Records put into the index and taken out of it; rows of `person_link` written."""

    added: int = 0
    removed: int = 0
    decisions: int = 0
    written: int = 0

    def as_dict(self) -> dict[str, int]:
        return asdict(self)


class Follower:
    """One run of the index after the lake."""

    def __init__(
        self, app: App, connection: psycopg.Connection[Any], lake: Lake, judge: Judge, catalog: str, *, told: bool
    ) -> None:
        self._app, self._connection, self._lake, self._judge, self._catalog = app, connection, lake, judge, catalog
        open_tables(connection, catalog)
        self._matcher = Matcher(shipped())
        self._since = self._begin()
        self._aside = is_aside(connection, catalog)
        self._store = PostgresStore(connection, app.keys, catalog=catalog, told=told and not self._aside)
        self._keys = digester(app.keys.derive("linkage/blocks"), self._matcher)
        self._index = Index(self._store, self._matcher, self._keys)
        self._moved: set[str] = set()
        self._changed: set[str] = set()

    def follow(self) -> Refreshed:
        """Do all of it."""
        now = state(self._lake)
        described, there = self._described()
        gone = sorted(there.keys() - described.keys())
        due = sorted((of[0], one) for one, of in described.items() if there.get(one) != of)
        for some in _chunks(gone, CHUNK):
            self._note(self._index.remove(some, Cause("delivery", self._newest())))
            self._connection.commit()
        first = min(len(due), FILLED) if len(due) > CHUNK and self._store.is_empty() else 0
        if first:
            self._fill(due[:first], described)
        for versions in _chunks(due[first:], CHUNK):
            self._add(versions, described)
        decided = self._decide()
        if self._aside:
            tell_before(self._connection, self._catalog, matched_by())
            self._connection.commit()
        written = self._link(now)
        changed = None if self._since is None else self._changed
        renew(self._connection, self._lake, self._catalog, (self._store, self._matcher), changed)
        return Refreshed(len(due), len(gone), decided, written)

    def _begin(self) -> int | None:
        """The batch the index has followed to; None where all is to be looked at: the index is new or of another
        release, was left in the middle, is not what the lake has, or rows were taken out of the lake since."""
        row = self._connection.execute(
            "SELECT matcher, batch_id FROM linkage.standing WHERE catalog = %s", (self._catalog,)
        ).fetchone()
        if row is not None and row[0] != matched_by():
            set_aside(self._connection, self._catalog)
            row = None
        journal = read_journal(self._lake)
        done = journal.stages.get(STAGE)
        self._stand(-1)  # until the lake has what the index has
        if row is None or done is None or row[1] != done.batch_id or journal.last_rewrite > row[1]:
            return None
        return int(row[1])

    def _stand(self, batch_id: int) -> None:
        self._connection.execute(
            "INSERT INTO linkage.standing (catalog, matcher, batch_id) VALUES (%s, %s, %s) ON CONFLICT (catalog)"
            " DO UPDATE SET matcher = excluded.matcher, batch_id = excluded.batch_id",
            (self._catalog, matched_by(), batch_id),
        )
        self._connection.commit()

    def _described(self) -> tuple[dict[str, tuple[int, int]], dict[str, tuple[int, int]]]:
        """Patient → (the version that describes them now, the first that did), in the lake and in the index: of all, or
        of those whose versions came or went since."""
        some, touched = "", None
        if self._since is not None:
            query = TOUCHED.format(since=self._since)
            some = f"SEMI JOIN ({query}) USING (patient_key)"
            touched = [patient for (patient,) in self._lake.connection.execute(query).fetchall()]
        rows = self._lake.connection.execute(_DESCRIBED.format(some=some)).fetchall()
        return {patient: (newest, first) for patient, newest, first in rows}, self._store.versions(touched)

    def _newest(self) -> str:
        return delivery_id(read_journal(self._lake).last_seq)

    def _fill(self, due: Sequence[tuple[int, str]], described: Mapping[str, tuple[int, int]]) -> None:
        """The first records of an empty index, in one transaction."""
        cleaned = clean(pa.concat_tables([self._records(some, described) for some in _chunks(due, CHUNK)]))
        versions = {one: described[one][0] for _, one in due}
        cause = Cause("delivery", delivery_id(due[-1][0] // STEP))
        fill(self._store, self._matcher, self._keys, cleaned, cause, versions)
        self._connection.commit()
        tidy(self._connection, self._catalog)

    def _add(self, due: Sequence[tuple[int, str]], described: Mapping[str, tuple[int, int]]) -> None:
        records = self._records(due, described)
        self._note(self._index.add(clean(records), Cause("delivery", delivery_id(due[-1][0] // STEP))))
        self._store.describe({one: described[one][0] for one in records["record_id"].to_pylist()})
        self._connection.commit()

    def _records(self, due: Sequence[tuple[int, str]], described: Mapping[str, tuple[int, int]]) -> pa.Table:
        """RECORDS of patients by the versions that describe them."""
        rows = [_record(one, described[one.patient_key][1]) for one in self._read({version for version, _ in due})]
        return pa.Table.from_pylist(rows, schema=RECORDS)

    def _read(self, wanted: Collection[int]) -> Iterator[Candidate]:
        """The documents of some versions, read from raw again, some deliveries at a time."""
        some: list[tuple[RawHeader, bytes]] = []
        size = 0
        for seq in sorted({version // STEP for version in wanted}):
            header, data = self._app.raw.read(seq)
            if some and size + len(data) > READ_BYTES:
                yield from self._judged(some, wanted)
                some, size = [], 0
            some.append((header, data))
            size += len(data)
        if some:
            yield from self._judged(some, wanted)

    def _judged(self, some: Sequence[tuple[RawHeader, bytes]], wanted: Collection[int]) -> Iterator[Candidate]:
        for judged in self._judge.read_all(some):
            yield from (one for one in judged.candidates if one.version_id in wanted)

    def _note(self, changes: Changes) -> None:
        self._moved |= {move.record_id for move in changes.moves}
        self._changed |= changes.persons

    def _decide(self) -> int:
        """Decisions in the lake and in the index are the same afterwards; how many were not."""
        rows = self._lake.connection.execute(
            f"SELECT decided_at, left_key, right_key, verdict, delivery_id FROM lake.{DECISION}"
        ).fetchall()
        told = {Decision(*row[:4]): row[4] for row in rows}
        there = self._store.everything_decided()
        for one in sorted(there - told.keys()):
            self._note(self._index.undecide([one], Cause("decision", self._newest())))
        for one in sorted(told.keys() - there):
            self._note(self._index.decide([one], Cause("decision", told[one])))
        self._connection.commit()
        return len(there ^ told.keys())

    def _link(self, now: tuple[int, str]) -> int:
        """Write what differs into the lake with the journal row, then note that the lake has it."""
        ids = None if self._since is None else self._moved
        linked = self._store.linked(ids)
        known = pa.table(
            {"patient_key": [one for one, _ in linked], "person_key": [person for _, person in linked]}, schema=_LINKED
        )
        self._lake.connection.register("incoming_person", known)
        self._lake.connection.execute(
            f"CREATE OR REPLACE TEMP TABLE person_now AS SELECT patient_key, person_key, 'index' AS basis"
            f" FROM incoming_person SEMI JOIN lake.{LINK} USING (patient_key)"
            f" EXCEPT SELECT patient_key, person_key, basis FROM lake.{LINK}"
        )
        self._lake.connection.unregister("incoming_person")
        (count,) = self._lake.connection.execute("SELECT count(*) FROM temp.person_now").fetchone() or (0,)

        def work(connection: duckdb.DuckDBPyConnection) -> None:
            if count:
                connection.execute(
                    f"DELETE FROM lake.{LINK} WHERE patient_key IN (SELECT patient_key FROM temp.person_now)"
                )
                connection.execute(f"INSERT INTO lake.{LINK} BY NAME FROM temp.person_now")
            connection.execute("DELETE FROM lake.journal.batch WHERE stage = ?", [STAGE])
            connection.execute(
                "INSERT INTO lake.journal.batch BY NAME SELECT ? AS batch_id, ? AS stage, ? AS model_revision",
                [now[0], STAGE, now[1]],
            )

        self._lake.commit(work, author="bienho-worker", message=f"{STAGE} {now[0]}", deliveries=())
        self._lake.connection.execute("DROP TABLE temp.person_now")
        self._stand(now[0])
        return int(count)


def _chunks(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _record(candidate: Candidate, arrived: int) -> dict[str, Any]:
    """What a document says of its patient, as RECORDS; in memory only."""
    said = candidate.dossier.tables["XML1"][0]
    fields = {name: said.get(field) for name, field in FIELDS.items()}
    return {
        "record_id": candidate.patient_key,
        "facility_code": candidate.dossier.facility,
        "arrived": arrived,
        **fields,
    }
