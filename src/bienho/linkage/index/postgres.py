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
from bienho.linkage.index.memory import TIES
from bienho.linkage.index.packing import pack, unpack
from bienho.linkage.index.store import Cause, Ints, Move, Tie
from bienho.linkage.index.tables import DEFAULT, tables
from bienho.linkage.persons import Decision
from bienho.privacy import PatientTexts

PURPOSE = "linkage/record"
FEW = 500
"""Up to so many rows one statement is quicker than COPY."""
FEW_KEYS = 50
"""Up to so many keys their holders are named in one question; beyond, most have been named before."""
SEALED = 50_000
"""Records sealed at a time when all are."""
COPY_HEAD, COPY_END = b"PGCOPY\n\xff\r\n\0" + bytes(8), b"\xff\xff"
COPY_BYTES = 1 << 20
KNOWN = 200_000
"""Numbers of records remembered at a time."""


class PostgresStore:
    """See `Store`. `told`: whether moves are written to the history of the house; a lake in the making tells nobody.

    It remembers numbers of records: after a rollback another one is to be made.
    """

    def __init__(
        self, connection: psycopg.Connection[Any], keys: KeyRing, *, catalog: str = DEFAULT, told: bool = True
    ) -> None:
        self._connection = connection
        self._cursor = connection.cursor(binary=True)
        self._texts = PatientTexts(keys, PURPOSE)
        self._told = told
        self._catalog = catalog
        self._tables = tables(catalog)
        self._statements: dict[str, bytes] = {}
        self._number: dict[str, int] = {}
        self._record: dict[int, str] = {}
        row = self._ask("SELECT EXISTS (SELECT FROM {decision})").fetchone()
        self._decided = bool(row and row[0])

    def keys(self, ids: Collection[str]) -> dict[str, list[int]]:
        rows = self._ask("SELECT record_id, digests FROM {record} WHERE record_id = ANY (%b)", _bytes(ids))
        return {one.hex(): digests for one, digests in rows}

    def sizes(self, digests: Sequence[int], most: int) -> dict[int, int]:
        rows = self._ask(
            "SELECT d, (SELECT count(*) FROM (SELECT FROM {block} AS b WHERE b.digest = d LIMIT %b) AS held)"
            " FROM unnest(%b::bigint[]) AS d",
            most,
            list(digests),
        )
        return {digest: size for digest, size in rows if size}

    def holders(self, digests: Sequence[int]) -> tuple[Ints, list[str]]:
        if len(digests) <= FEW_KEYS:
            told = self._ask(
                "SELECT b.digest, b.number, r.record_id FROM {block} AS b JOIN {record} AS r ON r.number = b.number"
                " WHERE b.digest = ANY (%b::bigint[])",
                list(digests),
            ).fetchall()
            self._remember((number, one.hex()) for _, number, one in told)
            return np.array([digest for digest, _, _ in told], np.int64), [one.hex() for _, _, one in told]
        rows = self._ask(
            "SELECT b.digest, b.number FROM {block} AS b WHERE b.digest = ANY (%b::bigint[])", list(digests)
        ).fetchall()
        record = self._named({number for _, number in rows})
        return np.array([digest for digest, _ in rows], np.int64), [record[number] for _, number in rows]

    def keep(self, clean: pa.Table, keys: Mapping[str, Sequence[int]]) -> set[str]:
        ids = [bytes.fromhex(one) for one in clean.column("record_id").to_pylist()]
        sealed = self._texts.seal(self._connection, dict(zip(ids, pack(clean), strict=True)))
        arrived = clean.column("arrived").to_pylist()
        rows = [
            (one, came, list(keys.get(one.hex(), ())), sealed[one])
            for one, came in zip(ids, arrived, strict=True)
            if one in sealed
        ]
        if len(rows) <= FEW:
            self._keep_few(rows)
        else:
            self._keep_many(rows)
        return {row[0].hex() for row in rows}

    def is_empty(self) -> bool:
        """Whether there is no record and no decision."""
        row = self._ask("SELECT EXISTS (SELECT FROM {record}) OR EXISTS (SELECT FROM {decision})").fetchone()
        return not (row and row[0])

    def sealed(self, clean: pa.Table) -> dict[str, bytes]:
        """Records sealed under their patients' keys, without those that may not be kept. ValueError for one twice."""
        sealed: dict[str, bytes] = {}
        for some in clean.to_batches(max_chunksize=SEALED):
            ids = [bytes.fromhex(one) for one in some.column("record_id").to_pylist()]
            texts = dict(zip(ids, pack(pa.Table.from_batches([some])), strict=True))
            made = self._texts.seal(self._connection, texts)
            if len(texts) < len(ids) or any(one.hex() in sealed for one in made):
                raise ValueError("a record is there twice")
            sealed |= {one.hex(): text for one, text in made.items()}
        return sealed

    def fill_records(self, rows: Iterable[Sequence[object]]) -> None:
        """number, record, order of arrival, version, person, digests, sealed text of records; see `filling`."""
        with self._copy(
            "COPY {record} (number, record_id, arrived, version_id, person_id, digests, sealed)"
            " FROM STDIN (FORMAT BINARY)"
        ) as copy:
            copy.set_types(["int8", "bytea", "int8", "int8", "bytea", "int8[]", "bytea"])
            for row in rows:
                copy.write_row(row)

    def fill_blocks(self, rows: bytes) -> None:
        """Rows of the table of keys in the binary format of COPY, without its head and end."""
        with self._copy("COPY {block} (digest, number) FROM STDIN (FORMAT BINARY)") as copy:
            copy.write(COPY_HEAD)
            for start in range(0, len(rows), COPY_BYTES):
                copy.write(rows[start : start + COPY_BYTES])
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
            " kept AS (INSERT INTO {record} (record_id, arrived, digests, sealed)"
            " SELECT record_id, arrived, digests::bigint[], sealed FROM given RETURNING number, record_id, digests),"
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
        numbers = range(first, first + len(rows))
        with self._copy(
            "COPY {record} (number, record_id, arrived, digests, sealed) FROM STDIN (FORMAT BINARY)"
        ) as copy:
            copy.set_types(["int8", "bytea", "int8", "int8[]", "bytea"])
            for number, row in zip(numbers, rows, strict=True):
                copy.write_row((number, *row))
        with self._copy("COPY {block} (digest, number) FROM STDIN (FORMAT BINARY)") as copy:
            copy.set_types(["int8", "int8"])
            for number, row in zip(numbers, rows, strict=True):
                for digest in row[2]:
                    copy.write_row((digest, number))
        self._remember(zip(numbers, (row[0].hex() for row in rows), strict=True))

    def drop(self, ids: Collection[str]) -> None:
        if not ids:
            return
        rows = self._ask("DELETE FROM {record} WHERE record_id = ANY (%b) RETURNING number, digests", _bytes(ids))
        held = dict(rows.fetchall())
        gone = [(number, digest) for number, digests in held.items() for digest in digests]
        numbers = list(held)
        for number in numbers:
            self._number.pop(self._record.pop(number, ""), None)
        self._ask(
            "DELETE FROM {block} AS b USING unnest(%b::bigint[], %b::bigint[]) AS g (number, digest)"
            " WHERE b.digest = g.digest AND b.number = g.number",
            [number for number, _ in gone],
            [digest for _, digest in gone],
        )
        self._ask("DELETE FROM {waiting} WHERE one = ANY (%b) OR other = ANY (%b)", _bytes(ids), _bytes(ids))
        self._ask("DELETE FROM {tie} WHERE one = ANY (%b::bigint[])", numbers)
        self._ask("DELETE FROM {tie} WHERE other = ANY (%b::bigint[])", numbers)

    def records(self, ids: Collection[str]) -> pa.Table:
        if not ids:
            return unpack([])
        rows = self._ask(
            "SELECT r.record_id, r.sealed, p.wrapped_key, p.key_version FROM {record} AS r"
            " JOIN vault.patient AS p ON p.patient_key = r.record_id"
            " WHERE r.record_id = ANY (%b) AND p.wrapped_key IS NOT NULL",
            _bytes(ids),
        )
        return unpack([self._texts.opened(*row) for row in rows])

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
                " SELECT * FROM unnest(%b::bigint[], %b::bigint[], %b::float8[], %b::text[], %b::bool[])",
                *columns,
            )
            return
        self.fill_ties((*row, True) for row in rows)

    def untie(self, pairs: Collection[tuple[str, str]]) -> None:
        number = self._numbered({side for pair in pairs for side in pair})
        sides = [sorted((number[left], number[right])) for left, right in pairs]
        self._ask(
            "DELETE FROM {tie} AS t USING unnest(%b::bigint[], %b::bigint[]) AS g (one, other)"
            " WHERE t.one = g.one AND t.other = g.other",
            [one for one, _ in sides],
            [other for _, other in sides],
        )

    def component(self, ids: Collection[str]) -> set[str]:
        found = set(self._numbered(ids).values())
        edge = found
        while edge:
            rows = self._ask(
                "SELECT t.other FROM {tie} AS t WHERE t.one = ANY (%b::bigint[]) AND t.joins"
                " UNION ALL SELECT t.one FROM {tie} AS t WHERE t.other = ANY (%b::bigint[]) AND t.joins",
                list(edge),
                list(edge),
            )
            near = {number for (number,) in rows} - found
            if self._decided:
                near |= self._said_same(edge) - found
            found, edge = found | near, near
        return set(self._named(found).values())

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

    def ties(self, ids: Collection[str]) -> pa.Table:
        record = {number: one for one, number in self._numbered(ids).items()}
        rows = self._ask(
            "SELECT one, other, weight, veto FROM {tie} WHERE one = ANY (%b::bigint[]) AND other = ANY (%b::bigint[])",
            list(record),
            list(record),
        ).fetchall()
        ordered = [(*sorted((record[one], record[other])), weight, veto) for one, other, weight, veto in rows]
        columns = zip(*ordered, strict=True) if ordered else [()] * len(TIES)
        return pa.table(
            [pa.array(list(column), field.type) for field, column in zip(TIES, columns, strict=True)], schema=TIES
        )

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
            _bytes(ids),
            _bytes(ids),
        )
        return [Decision(at, one.hex(), other.hex(), verdict) for at, one, other, verdict in rows]

    def persons(self, ids: Collection[str]) -> dict[str, str]:
        rows = self._ask(
            "SELECT record_id, person_id FROM {record} WHERE record_id = ANY (%b) AND person_id IS NOT NULL",
            _bytes(ids),
        )
        return {one.hex(): person.hex() for one, person in rows}

    def assign(self, moves: Sequence[Move], cause: Cause) -> None:
        now = [(one.record_id, one.after) for one in moves if one.after is not None]
        if now:
            self._ask(
                "UPDATE {record} AS r SET person_id = m.person FROM unnest(%b::bytea[], %b::bytea[]) AS m (id, person)"
                " WHERE r.record_id = m.id",
                [bytes.fromhex(one) for one, _ in now],
                [bytes.fromhex(person) for _, person in now],
            )
            self._part([one for one in moves if one.after is not None and one[1:] != (None, one.record_id)])
        changed = [one for one in moves if one.before != one.after and (one.before, one.after) != (None, one.record_id)]
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

    def _part(self, moves: Sequence[Move]) -> None:
        """Mark which ties of moved records lie between two persons; one that is new is marked already."""
        if moves:
            self._ask(
                "UPDATE {tie} AS t SET apart = NOT t.apart FROM {record} AS a, {record} AS b"
                " WHERE (t.one, t.other) IN (SELECT one, other FROM {tie} WHERE one = ANY (%b::bigint[])"
                " UNION SELECT one, other FROM {tie} WHERE other = ANY (%b::bigint[]))"
                " AND a.number = t.one AND b.number = t.other AND t.apart = (a.person_id = b.person_id)",
                *[list(self._numbered([one.record_id for one in moves]).values())] * 2,
            )

    def versions(self, ids: Collection[str] | None = None) -> dict[str, tuple[int, int]]:
        """Record → (the version it was made of, the first of its patient), of some records or all; see `describe`."""
        some, given = ("", []) if ids is None else (" AND record_id = ANY (%b)", [_bytes(ids)])
        rows = self._ask(
            "SELECT record_id, version_id, arrived FROM {record} WHERE version_id IS NOT NULL" + some, *given
        )
        return {one.hex(): (version, arrived) for one, version, arrived in rows}

    def describe(self, versions: Mapping[str, int]) -> None:
        """Note which version of the lake each record was made of."""
        self._ask(
            "UPDATE {record} AS r SET version_id = v.version FROM unnest(%b::bytea[], %b::bigint[]) AS v (id, version)"
            " WHERE r.record_id = v.id",
            _bytes(versions),
            list(versions.values()),
        )

    def linked(self, ids: Collection[str] | None = None) -> list[tuple[str, str]]:
        """(record, person) of some records or all."""
        some, given = ("", []) if ids is None else (" AND record_id = ANY (%b)", [_bytes(ids)])
        rows = self._ask("SELECT record_id, person_id FROM {record} WHERE person_id IS NOT NULL" + some, *given)
        return [(one.hex(), person.hex()) for one, person in rows]

    def everything_decided(self) -> set[Decision]:
        """All decisions."""
        rows = self._ask("SELECT decided_at, one, other, verdict FROM {decision}")
        return {Decision(at, one.hex(), other.hex(), verdict) for at, one, other, verdict in rows}

    def _numbered(self, ids: Collection[str]) -> dict[str, int]:
        """The numbers of those that are there."""
        if strange := [one for one in ids if one not in self._number]:
            rows = self._ask("SELECT number, record_id FROM {record} WHERE record_id = ANY (%b)", _bytes(strange))
            found = {one.hex(): number for number, one in rows}
            known = {one: self._number[one] for one in ids if one in self._number}
            self._remember((number, one) for one, number in found.items())
            return known | found
        return {one: self._number[one] for one in ids}

    def _named(self, numbers: Collection[int]) -> dict[int, str]:
        if strange := [one for one in numbers if one not in self._record]:
            rows = self._ask("SELECT number, record_id FROM {record} WHERE number = ANY (%b::bigint[])", strange)
            found = {number: one.hex() for number, one in rows}
            known = {one: self._record[one] for one in numbers if one in self._record}
            self._remember(found.items())
            return known | found
        return {one: self._record[one] for one in numbers}

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
        return self._connection.cursor(binary=True).execute(self._sql(text), given)

    def _copy(self, text: LiteralString) -> Any:
        return self._cursor.copy(self._sql(text))


def _bytes(ids: Iterable[str]) -> list[bytes]:
    return [bytes.fromhex(one) for one in ids]
