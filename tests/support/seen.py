"""What a page holds, for tests that read its HTML."""

from __future__ import annotations

import re
from html.parser import HTMLParser

SAFE_VALUE = re.compile(r"[\w.,:/+–% -]*", re.ASCII)
"""Codes and keys; nothing a person is called by."""


class Seen(HTMLParser):
    """What a page holds that a policy or a reader could trip over."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.inline: list[str] = []
        self.ids: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.links += [value for name, value in attrs if name in ("href", "src", "action", "data-src") and value]
        self.ids += [value for name, value in attrs if name == "id" and value]
        if tag == "style" or (tag == "script" and not given.get("src") and given.get("type") != "application/json"):
            self.inline.append(tag)
        self.inline += [name for name, _ in attrs if name == "style" or name.startswith("on")]
