"""Records and weighed pairs → persons: a pure function of three sets (records, pairs, decisions).

Components of pairs that may link are taken one by one, so that what happens in one says nothing about another and the
incremental way, which takes only touched components, ends in the same persons. Inside a component groups join in
rounds: each group names the neighbour it has the highest mean weight with, and two that name each other join. A pair of
groups is out of the question where their constraints contradict (two valid numbers, two sexes, two generations), where
a veto or a decision lies between them, or where the mean over *all* pairs between them, weighed or not, is below
`Rules.stop`: that is what cuts a chain of weak pairs. The mean never rises by joining, so rounds end where joining the
best pair first would.

Ties go to the lesser record ids, weights are counted in whole steps: no order of rows and no sum of floats can matter.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from bienho.linkage.persons.constraints import NEVER, Firm, firm
from bienho.linkage.persons.decisions import Standing, of_table, standing
from bienho.linkage.persons.groups import Edges, Groups, in_rounds
from bienho.linkage.persons.rules import RULES, STEPS, Rules

PERSONS = pa.schema([("record_id", pa.string()), ("person_id", pa.string())])
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


def resolve(records: pa.Table, pairs: pa.Table, decisions: pa.Table | None = None, *, rules: Rules = RULES) -> pa.Table:
    """The person of every record, one row a record, sorted by record_id (schema PERSONS).

    `records` has the columns of CLEAN, of them `record_id` (unique), `arrived` and those of `constraints.firm` are
    read; `pairs` is of schema PAIRS, of it `left`, `right`, `weight` (bits) and `veto` are read, pairs of unknown
    records are ignored; `decisions` is of schema DECISIONS. A person is named by its first member: least (arrived,
    record_id). ValueError for a record twice.
    """
    known = _Known(records)
    said = known.heard(decisions)
    node = known.nodes(said)
    told = _told(known, node, pairs, said, rules)
    label = told.components(len(known))
    groups = _groups(node, label, firm(known.table))
    person = in_rounds(groups, told.edges(label), label, rules)[node]
    return known.named(person)


class _Known:
    """The records in the order of their ids: a record's number is its rank, so that the lesser number is the lesser
    id."""

    def __init__(self, records: pa.Table) -> None:
        ids = records.column("record_id").combine_chunks()
        order = pc.sort_indices(ids)
        self.table = records.take(order).combine_chunks()
        self.ids = self.table.column("record_id").combine_chunks()
        if len(self.ids) > 1 and pc.any(pc.equal(self.ids[1:], self.ids[:-1])).as_py():
            raise ValueError("a record is there twice")

    def __len__(self) -> int:
        return len(self.ids)

    def numbers(self, texts: pa.Array | pa.ChunkedArray) -> Ints:
        """The number of each record id, -1 for one that is not known."""
        found = pc.index_in(texts, value_set=self.ids)
        if isinstance(found, pa.ChunkedArray):
            found = found.combine_chunks()
        return np.asarray(pc.fill_null(found, -1).to_numpy(zero_copy_only=False), np.int64)

    def heard(self, decisions: pa.Table | None) -> Standing | None:
        if decisions is None or not decisions.num_rows:
            return None
        both = [pc.is_in(decisions.column(side), value_set=self.ids) for side in ("left", "right")]
        return standing(of_table(decisions.filter(pc.and_(*both))))

    def nodes(self, said: Standing | None) -> Ints:
        """The node of every record: its own number, or the least of the group that people made it part of."""
        node = np.arange(len(self), dtype=np.int64)
        if said and said.joined:
            node[self.numbers(pa.array(list(said.joined)))] = self.numbers(pa.array(list(said.joined.values())))
        return node

    def named(self, person: Ints) -> pa.Table:
        """`person` is any numbering of the persons, one number a record."""
        arrived = self.table.column("arrived").combine_chunks()
        came = np.asarray(pc.fill_null(arrived, NEVER).to_numpy(zero_copy_only=False), np.int64)
        order = np.lexsort((came, person))  # stable: equal arrivals stay in the order of their ids
        ordered = person[order]
        begins = np.concatenate(([True], ordered[1:] != ordered[:-1])) if len(ordered) else np.zeros(0, bool)
        first = np.empty(len(person), np.int64)
        first[order] = order[begins][np.cumsum(begins) - 1]
        return pa.table({"record_id": self.ids, "person_id": self.ids.take(pa.array(first))}, schema=PERSONS)


@dataclass(frozen=True, slots=True)
class _Told:
    """What is told about pairs of nodes, `left` < `right`: weight in steps, whether it may link, whether it may not
    join."""

    left: Ints
    right: Ints
    steps: Ints
    links: Flags
    veto: Flags
    apart: Ints
    """The pairs that people hold apart, as keys."""
    size: int

    def keys(self) -> Ints:
        return self.left * self.size + self.right

    def components(self, count: int) -> Ints:
        """The component of every node: what may link, directly or through others."""
        one, other = self.left[self.links], self.right[self.links]
        graph = coo_array((np.ones(len(one), np.int8), (one, other)), shape=(count, count))
        return np.asarray(connected_components(graph, directed=False)[1], np.int64)

    def edges(self, label: Ints) -> Edges:
        """One edge for two nodes of one component, in the order of their ids. Between groups made by people, of which
        several pairs may tell, the best pair that no veto forbids speaks for all."""
        inside = np.flatnonzero(label[self.left] == label[self.right])
        keys = self.keys()[inside]
        order = inside[np.argsort(keys)]
        keys = np.concatenate(([-1], np.sort(keys)))
        if len(repeated := np.flatnonzero(keys[1:] == keys[:-1])):
            # of one pair of nodes first what no veto forbids, the heaviest first
            order = inside[np.lexsort((-self.steps[inside], self.veto[inside], self.keys()[inside]))]
            order = np.delete(order, repeated)
        return Edges(
            self.left[order], self.right[order], self.steps[order], np.ones(len(order), np.int64),
            self.links[order], self.veto[order] | np.isin(self.keys()[order], self.apart),
        )  # fmt: skip


def _told(known: _Known, node: Ints, pairs: pa.Table, said: Standing | None, rules: Rules) -> _Told:
    size = len(known)
    told = pairs.filter(pc.greater_equal(pairs.column("weight"), rules.floor))
    sides = pa.chunked_array([*told.column("left").chunks, *told.column("right").chunks], pa.string())
    both = known.numbers(sides)
    left, right = both[: told.num_rows], both[told.num_rows :]
    steps = np.rint(np.minimum(told.column("weight").to_numpy(), rules.bound) * STEPS).astype(np.int64)
    veto = np.asarray(told.column("veto").is_valid().to_numpy(), np.bool_)
    apart = np.zeros(0, np.int64)
    if said and said.apart:
        one, other = (node[known.numbers(pa.array(list(side)))] for side in zip(*said.apart, strict=True))
        apart = np.unique(np.minimum(one, other) * size + np.maximum(one, other))
        # a pair held apart need not have been weighed
        left, right = np.concatenate((left, apart // size)), np.concatenate((right, apart % size))
        steps = np.concatenate((steps, np.full(len(apart), round(rules.absent * STEPS))))
        veto = np.concatenate((veto, np.ones(len(apart), np.bool_)))
    one, other = node[left], node[right]
    there = (left >= 0) & (right >= 0) & (one != other)
    left, right = np.minimum(one, other)[there], np.maximum(one, other)[there]
    steps, veto = steps[there], veto[there]
    links = ~veto & (steps >= round(rules.link * STEPS))
    if len(apart):
        links &= ~np.isin(left * size + right, apart)
    return _Told(left, right, steps, links, veto, apart, size)


def _groups(node: Ints, label: Ints, of: Firm) -> Groups:
    """The nodes as groups of one: what a group made by people holds is gathered from all its records."""
    size = len(node)
    sex, low, high = np.zeros(size, np.int64), np.full(size, NEVER), np.full(size, -NEVER)
    np.bitwise_or.at(sex, node, of.sex)
    np.minimum.at(low, node, of.low)
    np.maximum.at(high, node, of.high)
    return Groups(np.ones(size, np.int64), _numbers(node, label, of.number), sex, low, high)


def _numbers(node: Ints, label: Ints, number: Ints) -> Ints:
    """The personal number of every node as a code, -1 where there is none.

    Where people joined records with two numbers both are from then on one number in that component.
    """
    code = np.full(len(node), -1, np.int64)
    has = np.flatnonzero(number >= 0)
    code[node[has]] = number[has]
    merged = has[code[node[has]] != number[has]]
    if not len(merged):
        return code
    here = np.isin(label[node], label[node[merged]])
    keys = {
        (place, value): spot
        for spot, (place, value) in enumerate(sorted({(int(label[node[i]]), int(number[i])) for i in has if here[i]}))
    }
    rows = [(int(node[i]), keys[int(label[node[i]]), int(number[i])]) for i in has if here[i]]
    first: dict[int, int] = {}
    ties = [(first.setdefault(one, spot), spot) for one, spot in rows]
    graph = coo_array((np.ones(len(ties)), tuple(zip(*ties, strict=True))), shape=(len(keys), len(keys)))
    alike = connected_components(graph, directed=False)[1]
    base = int(number.max()) + 1
    for one, spot in rows:
        code[one] = base + int(alike[spot])
    return code
