"""Values of results. Numbers of one panel agree with each other as they are sent, as those of a machine do."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import cache

from bienho.synthetic.reference import Index, Service, services

_ABNORMAL = 0.8
"""How often a panel shows what a disease puts out of its range: all of it or nothing."""
_REST = 400
"""What neutrophils leave of the white cells in the middle of their range, in tenths of a percent."""
_OTHERS = ("MONO", "EO", "BASO")

Draw = Callable[[random.Random, bool], str]
"""A value within the reference range, or (abnormal) in the other one."""


def values(r: random.Random, service: Service, abnormal: frozenset[str]) -> list[str]:
    """GIA_TRI of every index of a service, in the order of its indices.

    abnormal: codes of the indices that the disease puts out of their ranges. Indices without a range follow from the
    others of their panel.
    """
    draws = _draws(service.key)
    shown = any(code in abnormal for code, _ in draws) and r.random() < _ABNORMAL
    told = {code: draw(r, shown and code in abnormal) if draw else "" for code, draw in draws}
    if service.key == "cbc":
        _count_blood(told)
    return list(told.values())


@cache
def _draws(key: str) -> tuple[tuple[str, Draw | None], ...]:
    return tuple((index.code, _draw(index) if index.low else None) for index in services()[key].indices)


def _draw(index: Index) -> Draw:
    if index.decimals is None:
        return lambda r, abnormal: index.abnormal_low if abnormal else index.low
    low, high, form = float(index.low), float(index.high), f"%.{index.decimals}f"
    middle, spread = (low + high) / 2, (high - low) / 5
    sick = [float(bound) for bound in (index.abnormal_low, index.abnormal_high) if bound]

    def number(r: random.Random, abnormal: bool) -> str:
        if abnormal and sick:
            return form % r.uniform(*sick)
        return form % min(high, max(low, r.gauss(middle, spread)))

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
