"""Real series of which somebody said afterwards when there was an outbreak (column `state`)."""

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
    """The last `years` years of every series in `folder` that says when there were outbreaks.

    A method that cannot judge a series (history, blocks of the year) has no line for it.
    """
    found = []
    for path in sorted(folder.glob("*.csv")):
        for one in read_series(path):
            if one.state is None or not one.state.any():
                continue
            for label, (method, given) in methods.items():
                try:
                    alarms = detect(one.panel, method, given, last=years * one.panel.frequency)
                except (InputError, UsageError):
                    continue
                outbreak = runs(one.state)[alarms.at][None, :]
                found.append(judge(path.stem, label, alarms.alarm, outbreak, one.panel.frequency))
    return found
