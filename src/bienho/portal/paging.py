"""One page of a long list: which is asked for in the address (`trang`), and the way to the ones beside it."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest

from bienho.portal.components import Pagination
from bienho.portal.formats import number
from bienho.portal.language import t

PER_PAGE = 50
LAST_PAGE = 10_000
_DIGITS = 6


def asked_page(request: HttpRequest) -> int:
    """The page that is asked for, from 1 on; 1 where what stands there is no number."""
    text = request.GET.get("trang", "1")
    return min(max(int(text), 1), LAST_PAGE) if text.isascii() and text.isdigit() and len(text) <= _DIGITS else 1


def last_page(total: int) -> int:
    """The number of the last page of so many rows."""
    return max(1, -(-total // PER_PAGE))


def turning(page: int, total: int, address: Callable[[int], str], label: str) -> Pagination:
    """Which rows of `total` are seen, and the addresses of the pages before and after; `label` names the list."""
    pages = last_page(total)
    first, last = (page - 1) * PER_PAGE + 1, min(page * PER_PAGE, total)
    return Pagination(
        t("Dòng {first}–{last} trong {total}", first=number(first), last=number(last), total=number(total)),
        address(page - 1) if page > 1 else "",
        address(page + 1) if page < pages else "",
        number(page),
        number(pages),
        label,
    )
