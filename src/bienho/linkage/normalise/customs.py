"""What `data/customs.yaml` says of clans, families, titles and markers, ready to be looked up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from bienho.core.documents import read_yaml
from bienho.linkage.normalise.syllables import settled, unmarked


@dataclass(frozen=True, slots=True)
class Clan:
    """A clan name: `name` folded with its marks, `plain` one word without, `people` MA_DANTOC."""

    name: str
    plain: str
    people: str


@dataclass(frozen=True, slots=True)
class Customs:
    """Look-ups of `names`. Keys are plain words (of `clans` also two, or one with marks) where not said otherwise."""

    clans: Mapping[str, Clan]
    families: frozenset[str]
    bare_families: frozenset[str]
    turned: frozenset[str]
    stroke: Mapping[str, str]  # `dặng` → `đặng`, folded
    abbreviations: Mapping[str, str]
    titles: frozenset[str]  # folded
    title_pairs: frozenset[str]  # folded
    middle_sex: Mapping[str, str]  # folded
    marker_sex: Mapping[str, Mapping[str, str]]
    known: tuple[str, ...]  # folded syllables for `broken`


@cache
def customs() -> Customs:
    """The customs that come with the program."""
    data: Any = read_yaml((files("bienho.linkage.normalise") / "data" / "customs.yaml").read_text(encoding="utf-8"))
    clans: dict[str, Clan] = {}
    for name, told in data["clans"].items():
        clan = Clan(name.lower(), unmarked(name.lower()).replace(" ", ""), told["people"])
        clans |= dict.fromkeys(told["forms"], clan)
    return Customs(
        clans=clans,
        families=frozenset(data["families"].split()),
        bare_families=frozenset(data["bare_families"].split()),
        turned=frozenset(data["turned"]),
        stroke={f"d{word[1:]}": word for word in data["stroke"].split()},
        abbreviations=data["abbreviations"],
        titles=frozenset(data["titles"]),
        title_pairs=frozenset(data["title_pairs"]),
        middle_sex=data["middle_sex"],
        marker_sex=data["marker_sex"],
        known=tuple(dict.fromkeys(settled(word) for word in data["syllables"].split())),
    )
