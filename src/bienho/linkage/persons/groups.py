"""Groups of records that join in rounds, over all components at once.

A round costs a few sorts of the edges that are still open; components in which nothing can join any more leave.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bienho.linkage.persons.rules import STEPS, Rules

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


class Edges(NamedTuple):
    """What lies between two groups, `left` < `right`, one edge a pair of groups.

    `total` is the sum of the weights in steps over `told` pairs, `links`: one of them may link, `forbidden`: a veto
    or a decision lies between.
    """

    left: Ints
    right: Ints
    total: Ints
    told: Ints
    links: Flags
    forbidden: Flags

    def where(self, chosen: Flags) -> Edges:
        return Edges(
            self.left[chosen], self.right[chosen], self.total[chosen], self.told[chosen],
            self.links[chosen], self.forbidden[chosen],
        )  # fmt: skip


class Groups(NamedTuple):
    """One place a group, known by its least record: how many nodes, the number's code (-1: none), the sexes as bits,
    the first and last year of birth."""

    size: Ints
    number: Ints
    sex: Ints
    low: Ints
    high: Ints

    def contradict(self, one: Ints, other: Ints, years: int) -> Flags:
        """Whether two groups cannot be one person by what their records hold."""
        numbers, sexes = self.number, self.sex
        both = (numbers[one] >= 0) & (numbers[other] >= 0) & (numbers[one] != numbers[other])
        both |= (sexes[one] > 0) & (sexes[other] > 0) & (sexes[one] & sexes[other] == 0)
        span = np.maximum(self.high[one], self.high[other]) - np.minimum(self.low[one], self.low[other])
        # a group that people made may span more; it takes in what lies within
        allowed = np.maximum(self.high[one] - self.low[one], self.high[other] - self.low[other])
        return both | (span > np.maximum(allowed, years))

    def take(self, left: Ints, right: Ints) -> None:
        """Put the groups `right` into `left`, pair by pair; no group stands in two pairs."""
        self.size[left] += self.size[right]
        self.number[left] = np.maximum(self.number[left], self.number[right])
        self.sex[left] |= self.sex[right]
        self.low[left] = np.minimum(self.low[left], self.low[right])
        self.high[left] = np.maximum(self.high[left], self.high[right])


def in_rounds(groups: Groups, edges: Edges, label: Ints, rules: Rules) -> Ints:
    """The group every node ends in, known by its least node. `label`: the component of every node,
    `edges`: one for two nodes of one component."""
    person = np.arange(len(label), dtype=np.int64)
    edges = _whole_at_once(groups, edges, label, person, rules)
    touched = np.zeros(len(label), np.bool_)
    touched[edges.left] = touched[edges.right] = True
    left = np.flatnonzero(touched)  # ascending: the lesser place stays the lesser id
    place = np.cumsum(touched) - 1
    here = edges._replace(left=place[edges.left], right=place[edges.right])
    person[left] = left[_rounds(Groups(*(column[left] for column in groups)), here, label[left], rules)]
    return person


def _rounds(groups: Groups, edges: Edges, label: Ints, rules: Rules) -> Ints:
    """As `in_rounds`, with `groups` used up."""
    person = np.arange(len(label), dtype=np.int64)
    while len(edges.left):
        ready = np.flatnonzero(edges.links & ~edges.forbidden)
        mean = _means(groups, edges, ready, rules)
        fit = (mean >= rules.stop * STEPS) & ~groups.contradict(edges.left[ready], edges.right[ready], rules.years)
        ready, mean = ready[fit], mean[fit]
        if not len(ready):
            break
        chosen = ready[_mutual(edges.left[ready], edges.right[ready], mean, len(label))]
        left, right = edges.left[chosen], edges.right[chosen]
        groups.take(left, right)
        into = np.arange(len(label), dtype=np.int64)
        into[right] = left
        person = into[person]
        going_on = np.zeros(int(label.max()) + 1, np.bool_)
        going_on[label[left]] = True
        edges = _joined(edges.where(going_on[label[edges.left]]), into)
    return person


def _whole_at_once(groups: Groups, edges: Edges, label: Ints, person: Ints, rules: Rules) -> Edges:
    """Take out the components in which every pair links and nothing contradicts: rounds would join all of each."""
    count = int(label.max(initial=-1)) + 1
    size = np.bincount(label, weights=None, minlength=count)
    fine = np.bincount(label[edges.left[edges.links]], minlength=count) == size * (size - 1) // 2
    fine &= _same_in_all(label, groups.number, groups.number >= 0, count)
    fine &= _same_in_all(label, groups.sex, groups.sex > 0, count)
    low, high = np.full(count, 1 << 60), np.full(count, -(1 << 60))
    np.minimum.at(low, label, groups.low)
    np.maximum.at(high, label, groups.high)
    fine &= (high - low) <= rules.years
    first = np.full(count, len(label), np.int64)
    np.minimum.at(first, label, person)
    whole = fine[label]
    person[whole] = first[label[whole]]
    return edges.where(~whole[edges.left])


def _same_in_all(label: Ints, value: Ints, known: Flags, count: int) -> Flags:
    least, most = np.full(count, 1 << 60), np.full(count, -1)
    np.minimum.at(least, label[known], value[known])
    np.maximum.at(most, label[known], value[known])
    return least >= most


def _means(groups: Groups, edges: Edges, chosen: Ints, rules: Rules) -> npt.NDArray[np.float64]:
    """Mean weight in steps over all pairs between two groups: a quotient of whole numbers, the same however they
    came."""
    pairs = groups.size[edges.left[chosen]] * groups.size[edges.right[chosen]]
    absent = round(rules.absent * STEPS)
    return (edges.total[chosen] + absent * (pairs - edges.told[chosen])) / pairs


def _mutual(left: Ints, right: Ints, mean: npt.NDArray[np.float64], count: int) -> Ints:
    """The edges that are the best of both their ends; the lesser ids, which stand first, where two are as good."""
    order = np.argsort(-mean, kind="stable")
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    best = np.full(count, len(order), np.int64)
    np.minimum.at(best, left, rank)
    np.minimum.at(best, right, rank)
    return np.flatnonzero((best[left] == rank) & (best[right] == rank))


def _joined(edges: Edges, into: Ints) -> Edges:
    """The edges between the groups after a round, in the order of their ids as before."""
    one, other = into[edges.left], into[edges.right]
    kept = np.flatnonzero(one != other)
    if not len(kept):
        return edges.where(np.zeros(len(one), np.bool_))
    key = (np.minimum(one, other) * len(into) + np.maximum(one, other))[kept]
    sorting = np.argsort(key)
    order, key = kept[sorting], key[sorting]
    starts = np.flatnonzero(np.concatenate(([True], key[1:] != key[:-1])))
    left, right = key // len(into), key % len(into)
    return Edges(
        left[starts],
        right[starts],
        np.add.reduceat(edges.total[order], starts),
        np.add.reduceat(edges.told[order], starts),
        np.logical_or.reduceat(edges.links[order], starts),
        np.logical_or.reduceat(edges.forbidden[order], starts),
    )
