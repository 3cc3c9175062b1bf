"""Throw-away homes leave the environment of their process as the first of them found it, in whatever order they end."""

from __future__ import annotations

import os
from itertools import permutations
from pathlib import Path

import pytest

from bench import homes

NAMES = ("XDG_CONFIG_HOME", "BIENHO_HOME")


def told() -> tuple[str | None, ...]:
    return tuple(os.environ.get(name) for name in NAMES)


@pytest.mark.parametrize("ending", [*permutations(range(3))])
def test_homes_may_end_in_any_order(ending: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", "/here")
    monkeypatch.setenv("BIENHO_HOME", "/mine")
    blocks = [homes._environment(Path("/throw-away")) for _ in range(3)]
    for block in blocks:
        block.__enter__()
    for place in ending[:-1]:
        blocks[place].__exit__(None, None, None)
        assert told() == ("/throw-away", None)
    blocks[ending[-1]].__exit__(None, None, None)
    assert told() == ("/here", "/mine")
