"""Pages of scores say where the rows that explain them have not followed yet, and nothing where they add up."""

from __future__ import annotations

import pytest

from support import portal

pytestmark = pytest.mark.database
SAYS = "Điểm vừa theo lần nhận mới"


@pytest.mark.parametrize("address", ["/chat-luong/", "/chat-luong/co-so/?co_so=52001"])
def test_told_until_the_rows_add_up(address: str) -> None:
    browser = portal.client()
    connection = portal.base().gate.connection  # type: ignore[attr-defined]
    assert SAYS not in browser.get(address).content.decode()
    moved = "UPDATE quality.score SET score = score {} 0.5 WHERE dimension = 'tong'"
    connection.execute(moved.format("-"))
    try:
        assert SAYS in browser.get(address).content.decode()
    finally:
        connection.execute(moved.format("+"))
