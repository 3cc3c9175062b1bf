"""Files and folders named on the command line."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bienho.core.errors import UsageError

IGNORE_MARKER = ".bienho-ignore"


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A regular file to take in; `given` is its path as the user will recognise it, `size` in bytes."""

    path: Path
    given: str
    size: int


def find_files(paths: Iterable[str | Path]) -> Iterator[FoundFile]:
    """Every regular file named, and every one below a named folder, in byte order of path.

    Hidden files and folders are passed over, and so is a folder that holds a file `.bienho-ignore` (the twin's
    `truth/` has one). Symbolic links inside folders are not followed. UsageError USE-PATH-MISSING for a path that
    does not exist.
    """
    for given in paths:
        root = Path(given)
        if root.is_file():
            yield FoundFile(root, str(given), root.stat().st_size)
        elif root.is_dir():
            yield from _below(root)
        else:
            raise UsageError("USE-PATH-MISSING", f"Không thấy tệp hoặc thư mục {given}.", hint="Kiểm tra đường dẫn.")


def _below(root: Path) -> Iterator[FoundFile]:
    for folder, folders, names in os.walk(root, followlinks=False):
        if IGNORE_MARKER in names:
            folders.clear()
            continue
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(folder, name)
            if name.startswith(".") or path.is_symlink() or not path.is_file():
                continue
            yield FoundFile(path, str(path), path.stat().st_size)
