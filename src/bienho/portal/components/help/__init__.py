"""Help beside the page: the same text as the user guide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Help:
    """`html` is rendered from the guide's Markdown, which lies in the program itself; `href` is its own page."""

    title: str
    html: str
    href: str
    component: ClassVar[str] = "help"
