"""Names for whole columns, from the parts of names.yaml and by the same customs as `names.full_name`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from bienho.synthetic.draws import Choice, Draws, Flags, Ints
from bienho.synthetic.people.names import KINH
from bienho.synthetic.reference import document

_FIRST_YEAR, _YEARS = 1850, 300  # tables by year of birth
_SEXES = ("male", "female")


class _Words:
    """Numbers the texts names are joined from; 0 is nothing."""

    def __init__(self) -> None:
        self._numbers = {"": 0}

    def number(self, text: str) -> int:
        """Number of a text, new or known."""
        return self._numbers.setdefault(text, len(self._numbers))

    def array(self) -> pa.Array:
        """All texts in the order of their numbers."""
        return pa.array(list(self._numbers), pa.string())


@dataclass(frozen=True, slots=True)
class NameBook:
    """Lists and tables for names. A people is its place in `peoples`, a family name its place in `families`."""

    peoples: tuple[str, ...]
    codes: tuple[str, ...]
    by_mother: Flags  # whether the clan name comes from the mother, by people
    families: tuple[str, ...]
    _family: Choice
    _given: Choice
    _given_group: Ints  # people, generation, sex → group of `_given`
    _generation: Ints  # by year
    _marker: Choice
    _custom: Ints  # people → 0 Kinh way, 1 family first, 2 family last
    _kinh_marker: NDArray[np.float64]  # year, sex → share
    _four: NDArray[np.float64]  # year → share of names of four syllables
    _middle: Ints  # sex, place → word
    _words: pa.Array
    _family_first: Ints
    _family_last: Ints
    _given_first: Ints  # given name as a word before another
    _bare: Ints  # word with a space behind it → the same without, to tell a middle name from the others

    def family(self, people: Ints, side: str, raw: NDArray[np.uint16]) -> Ints:
        """Family or clan names of own choice (who has no parent among us)."""
        return self._family.pick(np.where(people == 0, int(side == "west"), people + 1), raw)

    def names(self, draws: Draws, people: Ints, family: Ints, female: Flags, year: Ints) -> pa.Array:
        """Full names as written on papers."""
        count, sex, at = len(people), female.astype(np.int64), year - _FIRST_YEAR
        given = self._given.pick(self._given_group[people, self._generation[at], sex], draws.raw(count))
        custom = self._custom[people]
        first, marker, last = self._family_first[family], self._markers(draws, people, sex, at), given
        middles = self._middles(draws, sex, at, custom, marker, first, given)
        turned = np.flatnonzero(custom == 2)
        if len(turned):
            first[turned] = marker[turned]
            marker[turned] = self._given_first[given[turned]]
            last = given.copy()
            last[turned] = self._family_last[family[turned]]
        words = [pc.take(self._words, pa.array(one)) for one in (first, marker, *middles, last)]
        return pc.binary_join_element_wise(*words, "")

    def _markers(self, draws: Draws, people: Ints, sex: Ints, at: Ints) -> Ints:
        """Thị and Văn by generation among those who name as the Kinh do, each people's own marker otherwise."""
        raw = draws.raw(len(people))
        marker = self._marker.pick(people * 2 + sex, raw)
        kinh = (self._custom[people] == 0) & (raw >= np.round(self._kinh_marker[at, sex] * 65_536).astype(np.int64))
        marker[kinh] = 0
        return marker

    def _middles(
        self, draws: Draws, sex: Ints, at: Ints, custom: Ints, marker: Ints, first: Ints, given: Ints
    ) -> tuple[Ints, Ints]:
        """Up to two middle names, each another than the names around it."""
        count, roll = len(sex), draws.raw(len(sex))
        wanted = np.where(roll < np.round(self._four[at] * 65_536).astype(np.int64), 2, np.where(roll > 64_880, 0, 1))
        wanted = np.where(custom == 0, wanted - (marker > 0), 0)
        size = self._middle.shape[1]
        one = draws.below(count, size)
        two = one + 1 + draws.below(count, size - 1)
        taken, family = given, self._bare[first]
        for _ in range(2):
            word = self._bare[self._middle[sex, one % size]]
            one += (word == taken) | (word == family)
        for _ in range(3):
            word = self._bare[self._middle[sex, two % size]]
            two += (word == taken) | (word == family) | (two % size == one % size)
        zero = np.int64(0)
        return (
            np.where(wanted > 0, self._middle[sex, one % size], zero),
            np.where(wanted > 1, self._middle[sex, two % size], zero),
        )


def _by_year(table: Sequence[dict[str, Any]], value: str | None) -> list[float]:
    """For every year from the first on, the value (or the place) of the generation it falls into."""
    found: list[float] = []
    for year in range(_FIRST_YEAR, _FIRST_YEAR + _YEARS):
        place = next(place for place, step in enumerate(table) if year <= step["until"])
        found.append(place if value is None else float(table[place][value]))
    return found


@cache
def namebook() -> NameBook:
    """The book of names of the province."""
    data, words = document("names.yaml"), _Words()
    peoples = (KINH, *data["peoples"])
    customs = [{"custom": "kinh", "lineage": "father", "code": "01"}, *data["peoples"].values()]
    weights = [data["family"]["east"], data["family"]["west"], *(c["families"] for c in customs[1:])]
    families = tuple(dict.fromkeys(name for group in weights for name in group))
    place = {name: number for number, name in enumerate(families)}
    groups: list[dict[int, float]] = []
    group_of: dict[tuple[str, ...], int] = {}

    def group(names: Sequence[str], *, falling: bool) -> int:
        """Lists of generations are in order of frequency: the weight falls off slowly. Others are even."""
        if (key := tuple(names)) not in group_of:
            group_of[key] = len(groups)
            groups.append({words.number(name): 1 / (3 + n) if falling else 1.0 for n, name in enumerate(names)})
        return group_of[key]

    given = np.array(
        [
            [
                [
                    group(step[sex], falling=True) if c["custom"] == "kinh" else group(c[sex], falling=False)
                    for sex in _SEXES
                ]
                for step in data["given"]
            ]
            for c in customs
        ]
    )
    kinh_markers = ({"Văn ": 1}, {"Thị ": 1})
    markers = [
        {words.number(text): weight for text, weight in c.get(f"{sex}_marker", kinh_markers[n]).items()}
        for c in customs
        for n, sex in enumerate(_SEXES)
    ]
    middle = np.array([[words.number(f"{name} ") for name in data["middle"][sex]] for sex in _SEXES])
    first = np.array([words.number(f"{name} " if name else "") for name in families])
    last = np.array([words.number(name) for name in families])
    everyone = list(words._numbers)
    before = np.array([words.number(f"{text.strip()} ") if text else 0 for text in everyone])
    texts = words.array()
    place_of = {text: number for number, text in enumerate(texts.to_pylist())}
    bare = np.array([place_of.get(text.strip(), 0) for text in texts.to_pylist()])
    return NameBook(
        peoples=peoples,
        codes=tuple(str(c["code"]) for c in customs),
        by_mother=np.array([c["lineage"] == "mother" for c in customs]),
        families=families,
        _family=Choice([{place[name]: weight for name, weight in one.items()} for one in weights]),
        _given=Choice(groups),
        _given_group=given,
        _generation=np.array(_by_year(data["given"], None), np.int64),
        _marker=Choice(markers),
        _custom=np.array([{"kinh": 0, "given_clan": 2}.get(c["custom"], 1) for c in customs]),
        _kinh_marker=np.array([_by_year(data["marker"], sex) for sex in _SEXES]).T.copy(),
        _four=np.array(_by_year(data["four_syllables"], "share")),
        _middle=middle,
        _words=texts,
        _family_first=first,
        _family_last=last,
        _given_first=before,
        _bare=bare,
    )
