"""Small settings files in the data folder: YAML with a few known lines. A line that nobody knows is refused."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from yaml import YAMLError

from bienho.core.documents import read_yaml
from bienho.core.errors import ConfigError


def read_lines(path: Path, known: Collection[str], wrong: Callable[[str], ConfigError]) -> dict[str, Any]:
    """What a file says, {} where there is none; the error `wrong` makes for one that cannot be read or says more."""
    if not path.exists():
        return {}
    try:
        told = read_yaml(path.read_text(encoding="utf-8")) or {}
    except (OSError, ValueError, YAMLError) as error:
        raise wrong("không đọc được") from error
    if not isinstance(told, dict) or set(told) - set(known):
        raise wrong(f"chỉ có các dòng {', '.join(sorted(known))}")
    return told
