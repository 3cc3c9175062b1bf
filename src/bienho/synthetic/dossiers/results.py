"""Values of results. Numbers of one panel agree with each other as they are sent, as those of a machine do."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import lru_cache

from bienho.synthetic.reference import Index, Service, services

_ABNORMAL = 0.8
"""How often a panel shows what a disease puts out of its range: all of it or nothing."""
_REST = 400
"""What neutrophils leave of the white cells in the middle of their range, in tenths of a percent."""
_OTHERS = ("MONO", "EO", "BASO")

Draw = Callable[[random.Random], str]
Draws = tuple[tuple[str, Draw], ...]
"""The indices of a panel, and what draws the value of each."""


def values(r: random.Random, service: Service, abnormal: frozenset[str]) -> list[str]:
    """GIA_TRI of every index of a service, in the order of its indices.

    abnormal: codes of the indices that the disease puts out of their ranges. Indices without a range follow from the
    others of their panel.
    """
    healthy, sick = _draws(service.key, abnormal)
    told = {code: draw(r) for code, draw in (sick if sick and r.random() < _ABNORMAL else healthy)}
    if service.key == "cbc":
        _count_blood(told)
    return list(told.values())


@lru_cache(maxsize=4096)
def _draws(key: str, abnormal: frozenset[str]) -> tuple[Draws, Draws]:
    """Those of a panel within the reference ranges, and with what is abnormal outside them; none where nothing is."""
    indices = services()[key].indices
    healthy, sick = (tuple((one.code, _draw(one, one.code in off)) for one in indices) for off in ((), abnormal))
    return healthy, sick if any(one.code in abnormal for one in indices) else ()


def _draw(index: Index, abnormal: bool) -> Draw:
    if index.decimals is None or not index.low:
        text = index.abnormal_low if abnormal and index.low else index.low
        return lambda _: text
    low, high, form = float(index.low), float(index.high), f"%.{index.decimals}f"
    middle, spread = (low + high) / 2, (high - low) / 5
    sick = [float(bound) for bound in (index.abnormal_low, index.abnormal_high) if bound]
    if abnormal and sick:
        return lambda r: form % r.uniform(*sick)

    def number(r: random.Random) -> str:
        value = r.gauss(middle, spread)
        return form % (low if value < low else high if value > high else value)

    return number


def _count_blood(told: dict[str, str]) -> None:
    """Fills in what a counter works out from what it counts: red cells by haemoglobin, white ones by their shares."""
    haemoglobin = int(told["HGB"])
    volume = round(haemoglobin / int(told["MCHC"]) * 100, 1)
    red = round(volume / float(told["MCV"]) * 10, 2)
    told["HCT"], told["RBC"] = f"{volume:.1f}", f"{red:.2f}"
    told["MCV"] = f"{volume / red * 10:.1f}"
    told["MCH"] = f"{haemoglobin / red:.1f}"
    told["MCHC"] = f"{haemoglobin / volume * 100:.0f}"
    told["PCT"] = f"{int(told['PLT']) * float(told['MPV']) / 10_000:.2f}"
    white, neutrophils = float(told["WBC"]), round(float(told["NEUT%"]) * 10)
    tenths = {"NEUT": neutrophils}
    for name in _OTHERS:
        tenths[name] = round(float(told[f"{name}%"]) * 10 * (1000 - neutrophils) / _REST)
    tenths["LYMPH"] = 1000 - sum(tenths.values())
    for name, share in tenths.items():
        told[f"{name}%"] = f"{share / 10:.1f}"
        told[f"{name}#"] = f"{white * share / 1000:.2f}"
