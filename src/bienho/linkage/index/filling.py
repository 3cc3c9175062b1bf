"""An index filled at once: what adding record by record ends in, for all records of a house.

The pairs are those of a batch, and rows go in by COPY in the order of the indexes they meet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from bienho.linkage.index.arrays import numbers
from bienho.linkage.index.postgres import PostgresStore
from bienho.linkage.index.store import Cause
from bienho.linkage.model.matcher import Matcher
from bienho.linkage.persons import resolve

CHUNK = 50_000
"""Records whose keys are in memory as texts at a time."""
Ints = npt.NDArray[np.int64]
_BLOCK = np.dtype([("fields", ">i2"), ("size", ">i4"), ("digest", ">i8"), ("size_", ">i4"), ("number", ">i8")])
"""A row of the table of keys in PostgreSQL's binary COPY format."""


def fill(
    store: PostgresStore,
    matcher: Matcher,
    digests: Callable[[pa.Table], dict[str, list[int]]],
    clean: pa.Table,
    cause: Cause,
    versions: Mapping[str, int] | None = None,
) -> int:
    """Put records into an index in which there is nothing yet; how many. Erased patients are left out.

    In the transaction of the caller, who calls `tables.tidy` after it. `versions`: as `PostgresStore.describe` notes
    them. ValueError where something is there, or a record is there twice.
    """
    if not store.is_empty():
        raise ValueError("an index is filled once")
    if pc.count_distinct(clean["record_id"]).as_py() < clean.num_rows:
        raise ValueError("a record is there twice")
    kept = _in_order(_with_keys(store, clean))
    pairs = matcher.pairs(kept)
    persons = resolve(kept, pairs, rules=matcher.rules)
    first = store.numbers(kept.num_rows)
    held: list[tuple[Ints, Ints]] = []
    for start in range(0, kept.num_rows, CHUNK):
        part, whose = kept.slice(start, CHUNK), persons["person_id"].slice(start, CHUNK)
        some, ids = digests(part), part["record_id"].to_pylist()
        held.append(_holders(some, ids, first + start))
        store.fill_records(_rows(store.sealed(part), part, whose, some, versions or {}, first + start))
    store.fill_blocks(_packed(held))
    _tie(store, matcher, pairs, persons, first)
    moved = pc.not_equal(persons["record_id"], persons["person_id"])
    store.tell(zip(*(persons[name].filter(moved).to_pylist() for name in persons.column_names), strict=True), cause)
    return kept.num_rows


def _with_keys(store: PostgresStore, clean: pa.Table) -> pa.Table:
    """The records of people who are not erased."""
    there = store.have_keys(clean["record_id"])
    return clean if all(there) else clean.filter(pa.array(there, pa.bool_()))


def _in_order(clean: pa.Table) -> pa.Table:
    """The records in the order of their ids, as `resolve` names them: numbers ascend with them."""
    ids = clean["record_id"].combine_chunks()
    return clean if pc.all(pc.less(ids[:-1], ids[1:])).as_py() else clean.take(pc.sort_indices(ids))


def _rows(
    sealed: Mapping[str, bytes], part: pa.Table, whose: pa.ChunkedArray, digests: Mapping[str, Sequence[int]],
    versions: Mapping[str, int], first: int,
) -> Iterator[Sequence[object]]:  # fmt: skip
    of = zip(part["record_id"].to_pylist(), part["arrived"].to_pylist(), whose.to_pylist(), strict=True)
    for number, (one, arrived, person) in enumerate(of, first):
        # whoever was erased since we looked has a row that opens nowhere, and goes when the lake is followed next
        text = sealed.get(one, b"")
        keys = numbers(digests.get(one, ()))
        yield (number, bytes.fromhex(one), arrived, versions.get(one), bytes.fromhex(person), keys, text)


def _holders(some: Mapping[str, Sequence[int]], ids: Sequence[str], first: int) -> tuple[Ints, Ints]:
    """(digest, number) of every key of some records, whose numbers begin with `first`."""
    keys = [some.get(one, ()) for one in ids]
    sizes = np.fromiter(map(len, keys), np.int64, len(keys))
    digests = np.fromiter((digest for one in keys for digest in one), np.int64, int(sizes.sum()))
    return digests, np.repeat(np.arange(first, first + len(ids)), sizes)


def _packed(held: list[tuple[Ints, Ints]]) -> Iterator[bytes]:
    """Rows of COPY in ascending order: the index over them is then written from left to right. Takes what it is
    given."""
    digest, number = (np.concatenate([np.zeros(0, np.int64), *(one[side] for one in held)]) for side in (0, 1))
    held.clear()
    order = np.argsort(digest, kind="stable")  # numbers ascend already
    for start in range(0, len(order), CHUNK):
        some = order[start : start + CHUNK]
        rows = np.empty(len(some), _BLOCK)
        rows["fields"], rows["size"], rows["size_"] = 2, 8, 8
        rows["digest"], rows["number"] = digest[some], number[some]
        yield rows.tobytes()


def _tie(store: PostgresStore, matcher: Matcher, pairs: pa.Table, persons: pa.Table, first: int) -> None:
    """The pairs that say something, as `Index` keeps them; the ids of `persons` ascend as their numbers do."""
    told = pairs.filter(pc.greater_equal(pairs["weight"], min(matcher.rules.floor, matcher.review)))
    ids = persons["record_id"].combine_chunks()
    one, other = (np.asarray(pc.index_in(told[side], value_set=ids), np.int64) for side in ("left", "right"))
    order = np.lexsort((other, one))
    one, other = one[order], other[order]
    weight, veto = told["weight"].to_numpy()[order], np.asarray(told["veto"].to_pylist(), object)[order]
    joins = (weight >= matcher.rules.link) & told["veto"].is_null().to_numpy()[order]
    person = np.asarray(pc.index_in(persons["person_id"], value_set=ids), np.int64)
    columns = (one + first, other + first, weight, veto, joins, person[one] != person[other])
    store.fill_ties(zip(*(column.tolist() for column in columns), strict=True))
