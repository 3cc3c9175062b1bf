"""Two languages without gettext: Vietnamese text is the key, `en.yaml` holds the English of every one.

Compiled catalogues need tools that a user's machine does not have, so this is a plain dictionary loaded once. A test
collects every text of the pages and fails when one has no English.
"""

from __future__ import annotations

from contextvars import ContextVar
from functools import cache
from pathlib import Path

from bienho.core.documents import read_yaml

LANGUAGES = {"vi": "Tiếng Việt", "en": "English"}
DEFAULT_LANGUAGE = "vi"

_language: ContextVar[str] = ContextVar("language", default=DEFAULT_LANGUAGE)


def current_language() -> str:
    """`vi` or `en`, for this request."""
    return _language.get()


def use_language(code: str) -> None:
    """Set the language of this request; an unknown code means Vietnamese."""
    _language.set(code if code in LANGUAGES else DEFAULT_LANGUAGE)


@cache
def english() -> dict[str, str]:
    """Vietnamese text → English text, from the files beside this one."""
    merged: dict[str, str] = {}
    for path in sorted(Path(__file__).parent.glob("en*.yaml")):
        merged.update(read_yaml(path.read_text(encoding="utf-8")) or {})
    return merged


def t(text: str, **values: object) -> str:
    """`text` in the language of the request, with `{name}` places filled."""
    if current_language() == "en":
        text = english().get(text, text)
    return text.format(**values) if values else text


def later(text: str) -> str:
    """Marks a text that is shown through `t` elsewhere, so that the test finds it."""
    return text
