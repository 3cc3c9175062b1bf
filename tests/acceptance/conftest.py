"""One small province for all acceptance tests of a process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.province import Province, small_province


@pytest.fixture(scope="session")
def province() -> Iterator[Province]:
    with small_province() as made:
        yield made
