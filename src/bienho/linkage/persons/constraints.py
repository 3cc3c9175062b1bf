"""What a record holds that no silent join may contradict: a valid personal number, a sex, a year of birth.

Only what the record itself does not put in doubt counts. A child with its mother's number, or Nguyễn Thị Hà noted as
male, says two things at once; neither then forbids anything.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

NEVER = 1 << 60
"""Later than every arrival, above every year: stands where nothing is known."""
MALE, FEMALE = 1, 2
_SEXES = {"1": MALE, "2": FEMALE}
Ints = npt.NDArray[np.int64]


FIRM = ("cccd", "cccd_birth_year", "cccd_sex", "sex", "name_sex", "birth_year")
"""The columns of CLEAN that `firm` reads."""


class Firm(NamedTuple):
    """One value a record: `number` is a code of the personal number (-1: none), `sex` MALE, FEMALE or 0, `low` and
    `high` the year of birth (NEVER and -NEVER where it is not known)."""

    number: Ints
    sex: Ints
    low: Ints
    high: Ints


def firm(records: pa.Table) -> Firm:
    """`records` has the columns `FIRM`."""
    year = _whole(records, "birth_year")
    told, told_number, told_name = (_sex(records, name) for name in ("sex", "cccd_sex", "name_sex"))
    known_year = year >= 0
    number = _codes(records.column("cccd"))
    number_year = _whole(records, "cccd_birth_year")
    # A number that says another year than its record: one is mistyped, or it is another person's. It forbids nothing.
    other_year = known_year & (number_year >= 0) & (year != number_year)
    another = other_year | _contradict(told, told_number)
    number = np.where(another, -1, number)
    doubted = _contradict(told, told_name) | (_contradict(told, told_number) & ~other_year)
    return Firm(
        number,
        np.where(doubted, 0, told),
        np.where(known_year, year, NEVER),
        np.where(known_year, year, -NEVER),
    )


def _contradict(one: Ints, other: Ints) -> npt.NDArray[np.bool_]:
    return (one > 0) & (other > 0) & (one != other)


def _whole(records: pa.Table, name: str) -> Ints:
    return np.asarray(pc.fill_null(pc.cast(_one(records, name), pa.int64()), -1).to_numpy(zero_copy_only=False))


def _sex(records: pa.Table, name: str) -> Ints:
    found = pc.index_in(_one(records, name), value_set=pa.array(list(_SEXES)))
    return np.asarray(pc.fill_null(found, -1).to_numpy(zero_copy_only=False), np.int64) + 1


def _codes(numbers: pa.ChunkedArray) -> Ints:
    found = numbers.combine_chunks().dictionary_encode().indices
    return np.asarray(pc.fill_null(found, -1).to_numpy(zero_copy_only=False), np.int64)


def _one(records: pa.Table, name: str) -> pa.Array:
    return records.column(name).combine_chunks()
