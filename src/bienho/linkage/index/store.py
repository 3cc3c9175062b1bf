"""What an index stands on: somewhere that keeps records, keys, ties, decisions and who is whose record."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from bienho.linkage.index.packing import Row
from bienho.linkage.persons import Decision, Rules

Ints = npt.NDArray[np.int64]
Pairs = set[tuple[str, str]]


def ordered(one: str, other: str) -> tuple[str, str]:
    """Two records as a pair: the lesser id first."""
    return (one, other) if one < other else (other, one)


class Matcher(Protocol):
    """One set of weights at work: the same two functions serve the batch and the index, which is why they agree."""

    @property
    def rules(self) -> Rules:
        """What persons are made by."""

    @property
    def review(self) -> float:
        """Weight in bits from which a pair is kept for people to look at."""

    def blocks(self, clean: pa.Table) -> pa.Table:
        """The blocking keys: record_id, rule (int8), key (text); a record may have none."""

    def score(self, left: pa.Table, right: pa.Table) -> pa.Table:
        """PAIRS of the rows of two tables of CLEAN, row by row."""

    def tell(self, left: Sequence[Row], right: Sequence[Row]) -> list[tuple[float, str | None]]:
        """(weight, veto) of pairs of rows of CLEAN, pair by pair: as `score`."""


class Told(NamedTuple):
    """What is kept of a pair that was weighed and says something; `left` < `right`."""

    left: str
    right: str
    weight: float
    veto: str | None


class Tie(NamedTuple):
    """`Told`, and whether it may make one person of two records by itself: `joins`."""

    left: str
    right: str
    weight: float
    veto: str | None
    joins: bool


class Move(NamedTuple):
    """A record that goes from one person to another; None: it was not there, or is not there any more."""

    record_id: str
    before: str | None
    after: str | None


class Cause(NamedTuple):
    """Why persons changed: `kind` delivery, decision, erasure or weights; `name` which one."""

    kind: str
    name: str


class Store(Protocol):
    """All ids are record ids. What is asked of ids that are not there is answered as if they had not been asked."""

    def keys(self, ids: Collection[str]) -> dict[str, list[int]]:
        """The digests of the blocking keys of each record; asked before `keep`."""

    def sizes(self, digests: Sequence[int], most: int) -> dict[int, int]:
        """How many records hold each digest; a number above `most` may be told as `most`. 0 may be left out."""

    def holders(self, digests: Sequence[int], most: int = ...) -> tuple[dict[int, int], list[tuple[int, str]]]:
        """`sizes`, and (digest, record) of every record that holds one of these, save what `most` or more hold."""

    def keep(self, rows: Sequence[Row], digests: Mapping[str, Sequence[int]]) -> set[str]:
        """Put records in that are not there yet, each its own person; those that may not be kept (erased) are left out.
        The ids put in."""

    def drop(self, ids: Collection[str]) -> None:
        """Take records out, with their keys, ties and persons; decisions stay."""

    def records(self, ids: Collection[str]) -> list[Row]:
        """Rows of CLEAN of these records, in any order."""

    def tie(self, ties: Iterable[Tie]) -> None:
        """Put ties in; no pair is there yet."""

    def untie(self, pairs: Collection[tuple[str, str]]) -> None:
        """Take ties out."""

    def component(self, ids: Collection[str]) -> tuple[set[str], list[Told]]:
        """These records and all that ties that join and decisions `same` lead to from them, over any number of steps;
        and all ties between two of them."""

    def between(self, ids: Collection[str]) -> Pairs:
        """The pairs of two of these that are tied."""

    def decide(self, decisions: Iterable[Decision]) -> None:
        """Put decisions in; one that is there already changes nothing."""

    def undecide(self, decisions: Iterable[Decision]) -> None:
        """Take decisions out again: their delivery was erased."""

    def decisions(self, ids: Collection[str]) -> list[Decision]:
        """All decisions about two of these."""

    def persons(self, ids: Collection[str]) -> dict[str, str]:
        """The person of each record that has one."""

    def assign(self, moves: Sequence[Move], cause: Cause) -> None:
        """Write who is whose now, and the history of what changed (`before` is not `after`)."""
