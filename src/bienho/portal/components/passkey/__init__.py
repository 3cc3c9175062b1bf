"""A button that asks the browser for a passkey; without script, or where there can be none, it is not there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal


@dataclass(frozen=True, slots=True)
class Passkey:
    """`act` get or create; `options` gives what the browser is asked, `action` takes its answer."""

    id: str
    act: Literal["get", "create"]
    submit: str
    action: str
    options: str = "/dang-nhap/khoa-truy-cap/"
    following: str = "/"
    name_label: str = ""
    component: ClassVar[str] = "passkey"
