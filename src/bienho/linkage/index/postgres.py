"""The index in PostgreSQL: of one lake of the house, in the transaction of the caller (migration 0080).

Record ids are patient keys, 32 hex digits; inside, records have numbers, which say nothing and are never told. What is
kept of a record is sealed under the patient's own data key and opened in memory only; erased patients cannot be kept.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, LiteralString

import numpy as np
import psycopg
import pyarrow as pa
from psycopg import sql

from bienho.config import KeyRing
from bienho.linkage.index.arrays import keys, numbers, register
from bienho.linkage.index.packing import Row, pack, pack_rows, unpack
from bienho.linkage.index.store import Cause, Move, Pairs, Tie, Told, ordered
from bienho.linkage.index.tables import DEFAULT, mend, tables
from bienho.linkage.persons import Decision
from bienho.privacy import PatientTexts

PURPOSE = "linkage/record"
FEW = 500
"""Up to so many rows one statement is quicker than COPY."""
EVERYONE = 1 << 62
"""No table has so many rows."""
AT_ONCE = 50_000
"""Records asked about at a time when all are."""
COPY_HEAD, COPY_END = b"PGCOPY\n\xff\r\n\0" + bytes(8), b"\xff\xff"
KNOWN = 200_000
"""Numbers of records remembered at a time."""
_SEALED: LiteralString = (
    "SELECT r.number, r.record_id, r.sealed, p.wrapped_key, p.key_version, r.person_id FROM {record} AS r"
    " LEFT JOIN vault.patient AS p ON p.patient_key = r.record_id"
)
_ASSIGN: LiteralString = """
    WITH m AS MATERIALIZED (SELECT * FROM unnest(%b, %b) AS m (number, person)),
    now AS (UPDATE {record} AS r SET person_id = m.person FROM m WHERE r.number = m.number)
    UPDATE {tie} AS t SET apart = NOT t.apart
    FROM {record} AS a LEFT JOIN m AS ma ON ma.number = a.number,
        {record} AS b LEFT JOIN m AS mb ON mb.number = b.number
    WHERE (t.one, t.other) IN (SELECT one, other FROM {tie} WHERE one IN (SELECT number FROM m)
        UNION SELECT one, other FROM {tie} WHERE other IN (SELECT number FROM m))
    AND a.number = t.one AND b.number = t.other
    AND t.apart = (coalesce(ma.person, a.person_id) = coalesce(mb.person, b.person_id))
"""
"""Whose records are now, and which of their ties lie between two persons: what a statement changes it does not see."""


class PostgresStore:
    """See `Store`. `told`: whether moves are written to the history of the house; a lake in the making tells nobody.

    It remembers numbers of records: after a rollback another one is to be made.
    """

    def __init__(
        self, connection: psycopg.Connection[Any], keys: KeyRing, *, catalog: str = DEFAULT, told: bool = True
    ) -> None:
        self._connection = connection
        self._cursor = connection.cursor(binary=True)
        self._asking = connection.cursor(binary=True)
        for cursor in (self._cursor, self._asking):
            register(cursor)
        self._texts = PatientTexts(keys, PURPOSE)
        self._told = told
        self._catalog = catalog
        self._tables = tables(catalog)
        self._statements: dict[str, bytes] = {}
        self._wrapped: dict[str, tuple[bytes, int]] = {}
        self._sealed: dict[str, tuple[Any, ...]] = {}
        self._number: dict[str, int] = {}
        self._record: dict[int, str] = {}
        mend(connection, catalog)
        row = self._ask("SELECT EXISTS (SELECT FROM {decision})").fetchone()
        self._decided = bool(row and row[0])

    def keys(self, ids: Collection[str]) -> dict[str, list[int]]:
        """What `keep` seals under is read along."""
        rows = self._ask(
            "SELECT g.id, r.digests, p.wrapped_key, p.key_version FROM unnest(%b) AS g (id)"
            " LEFT JOIN vault.patient AS p ON p.patient_key = g.id LEFT JOIN {record} AS r ON r.record_id = g.id",
            keys(ids),
        ).fetchall()
        self._wrapped = {one.hex(): (wrapped, version) for one, _, wrapped, version in rows if wrapped is not None}
        return {one.hex(): digests for one, digests, _, _ in rows if digests is not None}

    def sizes(self, digests: Sequence[int], most: int) -> dict[int, int]:
        rows = self._ask(
            "SELECT d, (SELECT count(*) FROM (SELECT FROM {block} AS b WHERE b.digest = d LIMIT %b) AS held)"
            " FROM unnest(%b) AS d",
            most,
            numbers(digests),
        )
        return dict(rows.fetchall())

    def holders(self, digests: Sequence[int], most: int = EVERYONE) -> tuple[dict[int, int], list[tuple[int, str]]]:
        rows = self._ask(
            "SELECT d, h.n, CASE WHEN h.n < %b THEN h.held END FROM unnest(%b) AS d, LATERAL"
            " (SELECT count(*) AS n, string_agg(int8send(b.number), ''::bytea) AS held"
            " FROM (SELECT b.number FROM {block} AS b WHERE b.digest = d LIMIT %b) AS b) AS h WHERE h.n > 0",
            most,
            numbers(digests),
            most,
        ).fetchall()
        held = [(digest, np.frombuffer(told, ">i8").tolist()) for digest, _, told in rows if told is not None]
        record = self._fetched({number for _, some in held for number in some})
        return (
            {digest: size for digest, size, _ in rows},
            [(digest, record[number]) for digest, some in held for number in some],
        )

    def _fetched(self, given: Collection[int]) -> dict[int, str]:
        """Number → record. What is sealed of them, and whose they are, is read along: `records` and `persons` come
        next."""
        rows = self._ask(_SEALED + " WHERE r.number = ANY (%b)", numbers(given)).fetchall() if given else []
        self._sealed = {row[1].hex(): row for row in rows}
        found = {row[0]: row[1].hex() for row in rows}
        self._remember(found.items())
        return found

    def keep(self, rows: Sequence[Row], digests: Mapping[str, Sequence[int]]) -> set[str]:
        held = [
            (one, row["arrived"], list(digests.get(row["record_id"], ())), self._texts.sealed(one, text, *wrapped))
            for row, text in zip(rows, pack_rows(rows), strict=True)
            if (wrapped := self._wrapped.pop(row["record_id"], None))
            for one in (bytes.fromhex(row["record_id"]),)
        ]
        if len(held) <= FEW:
            self._keep_few(held)
        else:
            self._keep_many(held)
        return {row[0].hex() for row in held}

    def is_empty(self) -> bool:
        """Whether there is no record and no decision."""
        row = self._ask("SELECT EXISTS (SELECT FROM {record}) OR EXISTS (SELECT FROM {decision})").fetchone()
        return not (row and row[0])

    def have_keys(self, ids: pa.ChunkedArray) -> list[bool]:
        """Of each of these records: whether it could be kept."""
        there: list[bool] = []
        for start in range(0, len(ids), AT_ONCE):
            rows = self._ask(
                "SELECT p.wrapped_key IS NOT NULL FROM unnest(%b) WITH ORDINALITY AS g (id, place)"
                " LEFT JOIN vault.patient AS p ON p.patient_key = g.id ORDER BY place",
                keys(ids[start : start + AT_ONCE].to_pylist()),
            )
            there += [told for (told,) in rows]
        return there

    def sealed(self, clean: pa.Table) -> dict[str, bytes]:
        """Records sealed under their patients' keys, without those that may not be kept."""
        ids = [bytes.fromhex(one) for one in clean["record_id"].to_pylist()]
        made = self._texts.seal(self._connection, dict(zip(ids, pack(clean), strict=True)))
        return {one.hex(): text for one, text in made.items()}

    def fill_records(self, rows: Iterable[Sequence[object]]) -> None:
        """number, record, order of arrival, version, person, digests, sealed text of records; see `filling`."""
        with self._copy(
            "COPY {record} (number, record_id, arrived, version_id, person_id, digests, sealed)"
            " FROM STDIN (FORMAT BINARY)"
        ) as copy:
            copy.set_types(["int8", "bytea", "int8", "int8", "bytea", "int8[]", "bytea"])
            for row in rows:
                copy.write_row(row)

    def fill_blocks(self, rows: Iterable[bytes]) -> None:
        """Rows of the table of keys in the binary format of COPY, without its head and end."""
        with self._copy("COPY {block} (digest, number) FROM STDIN (FORMAT BINARY)") as copy:
            copy.write(COPY_HEAD)
            for some in rows:
                copy.write(some)
            copy.write(COPY_END)

    def fill_ties(self, rows: Iterable[Sequence[object]]) -> None:
        """one, other (numbers), weight, veto, whether it joins, whether the two are of two persons."""
        with self._copy("COPY {tie} (one, other, weight, veto, joins, apart) FROM STDIN (FORMAT BINARY)") as copy:
            copy.set_types(["int8", "int8", "float8", "text", "bool", "bool"])
            for row in rows:
                copy.write_row(row)

    def tell(self, moves: Iterable[tuple[str, str]], cause: Cause) -> None:
        """Write records that came to persons of others (record, person) to the history, where it is told."""
        if not self._told:
            return
        with self._cursor.copy(
            "COPY governance.person_change (record_id, before, after, cause, cause_name) FROM STDIN (FORMAT BINARY)"
        ) as copy:
            copy.set_types(["bytea", "bytea", "bytea", "text", "text"])
            for one, person in moves:
                copy.write_row((bytes.fromhex(one), None, bytes.fromhex(person), *cause))

    def numbers(self, count: int) -> int:
        """The first of so many numbers for records that are to come, one after the other."""
        row = self._ask(
            "SELECT setval(s, nextval(s) + %b - 1) - %b + 1"
            " FROM (SELECT pg_get_serial_sequence(%b, 'number')::regclass AS s) AS of",
            max(count, 1),
            max(count, 1),
            f"linkage.{self._catalog}_record",
        ).fetchone()
        return int(row[0]) if row else 1

    def _keep_few(self, rows: Sequence[tuple[bytes, int, list[int], bytes]]) -> None:
        one, arrived, digests, sealed = ([list(column) for column in zip(*rows, strict=True)]) if rows else [[]] * 4
        told = self._ask(
            "WITH given AS (SELECT * FROM unnest(%b::bytea[], %b::bigint[], %b::text[], %b::bytea[])"
            " AS g (record_id, arrived, digests, sealed)),"
            " kept AS (INSERT INTO {record} (record_id, arrived, person_id, digests, sealed)"
            " SELECT record_id, arrived, record_id, digests::bigint[], sealed FROM given"
            " RETURNING number, record_id, digests),"
            " held AS (INSERT INTO {block} (digest, number) SELECT unnest(digests), number FROM kept)"
            " SELECT number, record_id FROM kept",
            one,
            arrived,
            ["{" + ",".join(map(str, held)) + "}" for held in digests],
            sealed,
        )
        self._remember((number, one.hex()) for number, one in told)

    def _keep_many(self, rows: Sequence[tuple[bytes, int, list[int], bytes]]) -> None:
        first = self.numbers(len(rows))
        taken = range(first, first + len(rows))
        with self._copy(
            "COPY {record} (number, record_id, person_id, arrived, digests, sealed) FROM STDIN (FORMAT BINARY)"
        ) as copy:
            copy.set_types(["int8", "bytea", "bytea", "int8", "int8[]", "bytea"])
            for number, row in zip(taken, rows, strict=True):
                copy.write_row((number, row[0], row[0], row[1], numbers(row[2]), row[3]))
        with self._copy("COPY {block} (digest, number) FROM STDIN (FORMAT BINARY)") as copy:
            copy.set_types(["int8", "int8"])
            for number, row in zip(taken, rows, strict=True):
                for digest in row[2]:
                    copy.write_row((digest, number))
        self._remember(zip(taken, (row[0].hex() for row in rows), strict=True))

    def drop(self, ids: Collection[str]) -> None:
        if not ids:
            return
        rows = self._ask("DELETE FROM {record} WHERE record_id = ANY (%b) RETURNING number, digests", keys(ids))
        held = dict(rows.fetchall())
        gone = [(number, digest) for number, digests in held.items() for digest in digests]
        for number in held:
            self._number.pop(self._record.pop(number, ""), None)
        for one in ids:
            self._sealed.pop(one, None)
        self._ask(
            "DELETE FROM {block} AS b USING unnest(%b, %b) AS g (number, digest)"
            " WHERE b.digest = g.digest AND b.number = g.number",
            numbers([number for number, _ in gone]),
            numbers([digest for _, digest in gone]),
        )
        self._ask("DELETE FROM {waiting} WHERE one = ANY (%b) OR other = ANY (%b)", keys(ids), keys(ids))
        self._ask("DELETE FROM {tie} WHERE one = ANY (%b)", numbers(held))
        self._ask("DELETE FROM {tie} WHERE other = ANY (%b)", numbers(held))

    def records(self, ids: Collection[str]) -> list[Row]:
        found = [self._sealed[one] for one in ids if one in self._sealed]
        if strange := [one for one in ids if one not in self._sealed]:
            found += self._ask(_SEALED + " WHERE r.record_id = ANY (%b)", keys(strange)).fetchall()
        return unpack(self._texts.opened(*row[1:5]) for row in found if row[3] is not None)

    def tie(self, ties: Iterable[Tie]) -> None:
        told = list(ties)
        number = self._numbered({side for one in told for side in one[:2]})
        rows = [
            (*sorted((number[left], number[right])), weight, veto, joins) for left, right, weight, veto, joins in told
        ]
        if len(rows) <= FEW:
            columns = [list(column) for column in zip(*rows, strict=True)] if rows else [[]] * 5
            self._ask(
                "INSERT INTO {tie} (one, other, weight, veto, joins)"
                " SELECT * FROM unnest(%b, %b, %b::float8[], %b::text[], %b::bool[])",
                numbers(columns[0]),
                numbers(columns[1]),
                *columns[2:],
            )
            return
        self.fill_ties((*row, True) for row in rows)

    def untie(self, pairs: Collection[tuple[str, str]]) -> None:
        number = self._numbered({side for pair in pairs for side in pair})
        sides = [sorted((number[left], number[right])) for left, right in pairs]
        self._ask(
            "DELETE FROM {tie} AS t USING unnest(%b, %b) AS g (one, other) WHERE t.one = g.one AND t.other = g.other",
            numbers([one for one, _ in sides]),
            numbers([other for _, other in sides]),
        )

    def component(self, ids: Collection[str]) -> tuple[set[str], list[Told]]:
        found = set(self._numbered(ids).values())
        edge, ties = found, dict[tuple[int, int], tuple[float, str | None]]()
        while edge:
            rows = self._ask(
                "SELECT one, other, weight, veto, joins FROM {tie} WHERE one = ANY (%b)"
                " UNION ALL SELECT one, other, weight, veto, joins FROM {tie} WHERE other = ANY (%b)",
                numbers(edge),
                numbers(edge),
            ).fetchall()
            ties |= {(one, other): (weight, veto) for one, other, weight, veto, _ in rows}
            near = {number for *sides, _, _, joins in rows if joins for number in sides} - found
            if self._decided:
                near |= self._said_same(edge) - found
            found, edge = found | near, near
        record = self._named(found)
        between = [(*pair, *told) for pair, told in ties.items() if pair[0] in found and pair[1] in found]
        return set(record.values()), [
            Told(*ordered(record[one], record[other]), weight, veto) for one, other, weight, veto in between
        ]

    def _said_same(self, numbers: Collection[int]) -> set[int]:
        ids = [bytes.fromhex(one) for one in self._named(numbers).values()]
        rows = self._ask(
            "SELECT r.number FROM {decision} AS d JOIN {record} AS r ON r.record_id = d.other"
            " WHERE d.one = ANY (%b) AND d.verdict = 'same' UNION SELECT r.number FROM {decision} AS d"
            " JOIN {record} AS r ON r.record_id = d.one WHERE d.other = ANY (%b) AND d.verdict = 'same'",
            ids,
            ids,
        )
        return {number for (number,) in rows}

    def between(self, ids: Collection[str]) -> Pairs:
        record = {number: one for one, number in self._numbered(ids).items()}
        rows = self._ask(
            "SELECT one, other FROM {tie} WHERE one = ANY (%b) AND other = ANY (%b)", numbers(record), numbers(record)
        )
        return {ordered(record[one], record[other]) for one, other in rows}

    def decide(self, decisions: Iterable[Decision]) -> None:
        rows = [(bytes.fromhex(one.left), bytes.fromhex(one.right), one.decided_at, one.verdict) for one in decisions]
        statement = self._sql(
            "INSERT INTO {decision} (one, other, decided_at, verdict) VALUES (%b, %b, %b, %b) ON CONFLICT DO NOTHING"
        )
        self._cursor.executemany(statement, rows)
        self._decided = self._decided or bool(rows)

    def undecide(self, decisions: Iterable[Decision]) -> None:
        rows = [(bytes.fromhex(one.left), bytes.fromhex(one.right), one.decided_at, one.verdict) for one in decisions]
        self._cursor.executemany(
            self._sql("DELETE FROM {decision} WHERE (one, other, decided_at, verdict) = (%b, %b, %b, %b)"), rows
        )

    def decisions(self, ids: Collection[str]) -> list[Decision]:
        if not self._decided:
            return []
        rows = self._ask(
            "SELECT decided_at, one, other, verdict FROM {decision} WHERE one = ANY (%b) AND other = ANY (%b)",
            keys(ids),
            keys(ids),
        )
        return [Decision(at, one.hex(), other.hex(), verdict) for at, one, other, verdict in rows]

    def persons(self, ids: Collection[str]) -> dict[str, str]:
        found = {one: self._sealed[one][5].hex() for one in ids if one in self._sealed}
        if strange := [one for one in ids if one not in self._sealed]:
            rows = self._ask(
                "SELECT record_id, person_id FROM {record} WHERE record_id = ANY (%b) AND person_id IS NOT NULL",
                keys(strange),
            )
            found |= {one.hex(): person.hex() for one, person in rows}
        return found

    def assign(self, moves: Sequence[Move], cause: Cause) -> None:
        self._sealed = {}
        now = [one for one in moves if one.after is not None and one[1:] != (None, one.record_id)]
        changed = [one for one in moves if one.before != one.after and (one.before, one.after) != (None, one.record_id)]
        if now:
            number = self._numbered([one.record_id for one in now])
            self._ask(
                _ASSIGN, numbers([number[one.record_id] for one in now]), keys(one.after for one in now if one.after)
            )
        if self._told and changed:
            sides = [
                [None if one is None else bytes.fromhex(one) for one in side] for side in zip(*changed, strict=True)
            ]
            self._ask(
                "INSERT INTO governance.person_change (record_id, before, after, cause, cause_name)"
                " SELECT m.*, %b, %b FROM unnest(%b::bytea[], %b::bytea[], %b::bytea[]) AS m",
                cause.kind,
                cause.name,
                *sides,
            )

    def versions(self, ids: Collection[str] | None = None) -> dict[str, tuple[int, int]]:
        """Record → (the version it was made of, the first of its patient), of some records or all; see `describe`."""
        some, given = ("", []) if ids is None else (" AND record_id = ANY (%b)", [keys(ids)])
        rows = self._ask(
            "SELECT record_id, version_id, arrived FROM {record} WHERE version_id IS NOT NULL" + some, *given
        )
        return {one.hex(): (version, arrived) for one, version, arrived in rows}

    def describe(self, versions: Mapping[str, int]) -> None:
        """Note which version of the lake each record was made of."""
        self._ask(
            "UPDATE {record} AS r SET version_id = v.version FROM unnest(%b, %b) AS v (id, version)"
            " WHERE r.record_id = v.id",
            keys(versions),
            numbers(versions.values()),
        )

    def linked(self, ids: Collection[str] | None = None) -> list[tuple[str, str]]:
        """(record, person) of some records or all."""
        some, given = ("", []) if ids is None else (" AND record_id = ANY (%b)", [keys(ids)])
        rows = self._ask("SELECT record_id, person_id FROM {record} WHERE person_id IS NOT NULL" + some, *given)
        return [(one.hex(), person.hex()) for one, person in rows]

    def everything_decided(self) -> set[Decision]:
        """All decisions."""
        rows = self._ask("SELECT decided_at, one, other, verdict FROM {decision}")
        return {Decision(at, one.hex(), other.hex(), verdict) for at, one, other, verdict in rows}

    def _numbered(self, ids: Collection[str]) -> dict[str, int]:
        """The numbers of those that are there."""
        if strange := [one for one in ids if one not in self._number]:
            rows = self._ask("SELECT number, record_id FROM {record} WHERE record_id = ANY (%b)", keys(strange))
            found = {one.hex(): number for number, one in rows}
            known = {one: self._number[one] for one in ids if one in self._number}
            self._remember((number, one) for one, number in found.items())
            return known | found
        return {one: self._number[one] for one in ids}

    def _named(self, given: Collection[int]) -> dict[int, str]:
        if strange := [one for one in given if one not in self._record]:
            rows = self._ask("SELECT number, record_id FROM {record} WHERE number = ANY (%b)", numbers(strange))
            found = {number: one.hex() for number, one in rows}
            known = {one: self._record[one] for one in given if one in self._record}
            self._remember(found.items())
            return known | found
        return {one: self._record[one] for one in given}

    def _remember(self, numbered: Iterable[tuple[int, str]]) -> None:
        if len(self._number) > KNOWN:
            self._number.clear()
            self._record.clear()
        for number, one in numbered:
            self._number[one] = number
            self._record[number] = one

    def _sql(self, text: LiteralString) -> bytes:
        """The statement with the names of the tables, put together once."""
        made = self._statements.get(text)
        if made is None:
            made = self._statements[text] = sql.SQL(text).format(**self._tables).as_bytes(self._connection)
        return made

    def _ask(self, text: LiteralString, *given: Any) -> psycopg.Cursor[Any]:
        """One question after the other: whoever asks has read the answer before the next."""
        return self._asking.execute(self._sql(text), given)

    def _copy(self, text: LiteralString) -> Any:
        return self._cursor.copy(self._sql(text))
