"""Status in one or two words. The mark before it differs in shape, so colour is never the only sign."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

Tone = Literal["ok", "info", "warn", "act", "quiet"]


@dataclass(frozen=True, slots=True)
class Badge:
    """`tone` act (red) only for what someone must act on."""

    text: str
    tone: Tone = "quiet"
    component: ClassVar[str] = "badge"
