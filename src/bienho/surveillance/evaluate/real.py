"""Real series, and where somebody said afterwards when there was an outbreak (column `state`) that too."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from bienho.core.errors import InputError, UsageError
from bienho.surveillance.detectors.methods import detect
from bienho.surveillance.evaluate.quality import Quality, judge
from bienho.surveillance.panel import Booleans, Integers
from bienho.surveillance.series import read_series


def runs(state: Booleans) -> Integers:
    """Numbers the outbreaks of a series from 1: what follows without a break is one."""
    begins = state & ~np.concatenate([[False], state[:-1]])
    return np.asarray(np.where(state, np.cumsum(begins), 0))


def real_series(folder: Path, methods: Mapping[str, tuple[str, Mapping[str, str]]], *, years: int = 2) -> list[Quality]:
    """The last `years` years of every series in `folder`, or what of them a method can judge.

    Where a series names no outbreak all its alarms count as false: an upper bound. A method that cannot judge a series
    at all (history, blocks of the year) has no line for it.
    """
    found = []
    for path in sorted(folder.glob("*.csv")):
        for one in read_series(path):
            state = np.zeros(one.panel.periods, dtype=bool) if one.state is None else one.state
            for label, (method, given) in methods.items():
                try:
                    alarms = detect(one.panel, method, given)
                except (InputError, UsageError):
                    continue
                late = alarms.at >= one.panel.periods - years * one.panel.frequency
                outbreak = runs(state)[alarms.at[late]][None, :]
                found.append(judge(path.stem, label, alarms.alarm[:, late], outbreak, one.panel.frequency))
    return found
