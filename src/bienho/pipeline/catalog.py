"""Which lake of a home is in use. A rebuild makes a new one beside it and then moves this pointer in one rename."""

from __future__ import annotations

import os
import re

from bienho.config import Home
from bienho.core.errors import IntegrityError

DEFAULT_CATALOG = "lake"
_NAME = re.compile(r"lake(_r[0-9]{4})?")


def current_catalog(home: Home) -> str:
    """Name of the catalog in use, also the name of its PostgreSQL schema and of its data folder."""
    pointer = home.lake_dir / "CURRENT"
    if not pointer.exists():
        return DEFAULT_CATALOG
    name = pointer.read_text(encoding="ascii").strip()
    if not _NAME.fullmatch(name):
        raise IntegrityError(
            "INT-CATALOG-POINTER", f"Tệp {pointer} không ghi tên kho hợp lệ.", hint="Chạy bienho doctor."
        )
    return name


def lake_folders(home: Home) -> list[str]:
    """Names of the lakes that have a data folder, in use or not."""
    return sorted(entry.name for entry in home.lake_dir.iterdir() if entry.is_dir() and _NAME.fullmatch(entry.name))


def next_catalog(home: Home) -> str:
    """A name for the lake a rebuild makes: the first that has no data folder. Ask under the writer lock."""
    used = {current_catalog(home), *lake_folders(home)}
    return next(name for name in (f"lake_r{number:04d}" for number in range(1, 10_000)) if name not in used)


def use_catalog(home: Home, name: str) -> None:
    """Move the pointer; readers opened afterwards see the new lake, older ones keep the one they have."""
    pointer = home.lake_dir / "CURRENT"
    temporary = pointer.with_suffix(".new")
    with temporary.open("w", encoding="ascii") as file:
        file.write(name + "\n")
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, pointer)
