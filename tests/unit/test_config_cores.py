"""How many cores a lake may keep busy is said once, by the environment."""

from __future__ import annotations

import pytest

from bienho.config import cores
from bienho.core.errors import ConfigError


@pytest.mark.parametrize(("given", "expected"), [("", None), ("1", 1), ("64", 64)])
def test_a_number_bounds_nothing_does_not(given: str, expected: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BIENHO_CORES", given)
    assert cores() == expected


@pytest.mark.parametrize("given", ["0", "-1", "2.5", "all", "1 ", "1000"])
def test_anything_else_is_refused_with_its_code(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BIENHO_CORES", given)
    with pytest.raises(ConfigError) as refused:
        cores()
    assert refused.value.code == "CFG-CORES"
