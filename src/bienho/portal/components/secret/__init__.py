"""Something that is shown once, to be written down or typed elsewhere: a key in groups, recovery codes, a link."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Secret:
    """`items` in their order; `href` opens the first one in a program of this device (an otpauth address)."""

    title: str
    items: Sequence[str]
    text: str = ""
    href: str = ""
    link: str = ""
    component: ClassVar[str] = "secret"
