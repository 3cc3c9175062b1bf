"""Where one is in a long list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Pagination:
    """`first`–`last` of `total` rows (texts, already written in the reader's way); links are empty at the ends.

    `pages` is empty where a list is cut by key and nobody counts its pages.
    """

    summary: str
    previous_url: str = ""
    next_url: str = ""
    page: str = "1"
    pages: str = "1"
    label: str = ""
    component: ClassVar[str] = "pagination"
