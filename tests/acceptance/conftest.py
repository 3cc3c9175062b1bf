"""A small province for the acceptance tests of a file."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.province import Province, small_province


@pytest.fixture(scope="module")
def province() -> Iterator[Province]:
    """A copy of its own for each file: some write visits, decide of persons or send files, which others would find."""
    with small_province() as made:
        yield made
