"""Pages of long lists: whatever stands in the address is a page, and the ways to the others are right."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest
from django.http import HttpRequest

from bienho.portal.paging import LAST_PAGE, PER_PAGE, asked_page, last_page, turning


@pytest.mark.parametrize(
    ("text", "page"),
    [
        ("1", 1), ("7", 7), ("0", 1), ("-3", 1), ("", 1), ("x", 1), ("²", 1), ("٣", 1), ("1e9", 1),
        ("999999", LAST_PAGE), ("9" * 5_000, 1),
    ],
)  # fmt: skip
def test_any_text_in_the_address_is_a_page(text: str, page: int) -> None:
    assert asked_page(cast("HttpRequest", SimpleNamespace(GET={"trang": text}))) == page


@pytest.mark.parametrize("total", [1, PER_PAGE, PER_PAGE + 1, 5 * PER_PAGE + 3])
def test_pages_follow_one_another_to_the_last(total: int) -> None:
    page, seen = 1, 0
    while True:
        made = turning(page, total, lambda there: f"?trang={there}", "Danh sách")
        assert made.previous_url == (f"?trang={page - 1}" if page > 1 else "")
        seen += min(PER_PAGE, total - seen)
        if not made.next_url:
            break
        assert made.next_url == f"?trang={page + 1}"
        page += 1
    assert (page, seen) == (last_page(total), total)
