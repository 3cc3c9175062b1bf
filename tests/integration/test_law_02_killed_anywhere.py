"""Law 2: killed at named points, at moments of chance, with and without PostgreSQL, the end is the undisturbed one.

A small siege (bench/faults); `make soak` does the same over and over, and at every point many times.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.faults.nursery import Nursery
from bench.faults.points import NAMED
from bench.faults.siege import besiege
from bienho.synthetic import Plan

pytestmark = pytest.mark.database
PLAN = Plan(persons=60, months=2, seed=5, dirt=0.1)


def test_killed_again_and_again_the_end_is_the_undisturbed_one(tmp_path: Path) -> None:
    with Nursery() as nursery:
        told = besiege(tmp_path, nursery, PLAN, works=3, files_a_work=4, seed=2, jobs=("compact",))
    assert told.kills.total() >= 30
    assert set(NAMED) <= set(told.kills)
    assert {"full", "broken", "limit"} <= set(told.disk_faults)
    assert told.power_losses > 20
    assert told.receipts >= 12  # every file of the undisturbed commands, at least
