"""Every address of the portal with an example for each of its parts: a page that is added later is in by itself.

for route in routes():
    browser.get(address(route))
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.urls import URLResolver

import bienho.portal
from bienho.portal.urls import urlpatterns

PORTAL = Path(bienho.portal.__file__).parent

# Parts that lead to a page which is there in the seeded store; others get what their kind of part may be.
EXAMPLES = {
    "delivery_id": "D000000000007",
    "indicator": "encounters",
    "dataset_id": "standard.xml130_1",
    "slug": "ho-so",
}
KINDS = {
    "int": "1",
    "key": "0" * 32,
    "delivery": "D000000000007",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "service": "guiHoSoXmlQD3176",
    "service4210": "guiHoSoGiamDinh4210",
    "results": "nhanKQTiepNhanHS4210",
}
_PART = re.compile(r"<(?:(\w+):)?(\w+)>")
_ASKED = re.compile(r"(?:GET|POST)(?:\.get|\.getlist)?[(\[]\s*\"(\w+)\"|\bSelect\(\s*\"(\w+)\"")


def routes(patterns: Iterable[Any] = urlpatterns, before: str = "") -> list[Any]:
    """All routes, those of included lists too; each has `name`, `callback` and its whole text as `whole`."""
    found = []
    for pattern in patterns:
        text = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            found += routes(pattern.url_patterns, text)
        else:
            pattern.whole = text
            found.append(pattern)
    return found


def address(route: Any, **given: str) -> str:
    """The route's address with every part filled: from `given` (by name), the examples, or by its kind."""

    def fill(found: re.Match[str]) -> str:
        kind, name = found[1] or "str", found[2]
        return given.get(name) or EXAMPLES.get(name) or KINDS.get(kind, "x")

    whole = getattr(route, "whole", str(route.pattern))
    return "/" + _PART.sub(fill, whole)


def parameters() -> list[str]:
    """Names that any page asks of its address or form, found in the program and not listed by hand."""
    found = {"cot"}
    for path in PORTAL.rglob("*.py"):
        found |= {name for pair in _ASKED.findall(path.read_text(encoding="utf-8")) for name in pair if name}
    return sorted(found)
