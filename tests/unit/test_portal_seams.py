"""The fake behind the page tests takes what the real gate takes, and the pages ask for nothing else."""

from __future__ import annotations

import inspect

import pytest

from bienho.governance import Gate
from bienho.portal.house import GateLike
from support.fake_gate import FakeGate


@pytest.mark.parametrize("door", ["read", "aggregate", "query", "identify", "payload"])
@pytest.mark.parametrize("stand_in", [FakeGate, GateLike])
def test_same_parameters_as_the_real_gate(door: str, stand_in: type) -> None:
    def shape(owner: type) -> list[tuple[str, object]]:
        return [(p.name, p.default) for p in inspect.signature(getattr(owner, door)).parameters.values()]

    assert shape(stand_in) == shape(Gate)
