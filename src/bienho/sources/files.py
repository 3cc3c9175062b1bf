"""Files and folders named on the command line."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bienho.core.errors import UsageError

IGNORE_MARKER = ".bienho-ignore"
Kind = Literal["file", "folder", "other", "closed", "missing"]


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
    does not exist, USE-PATH-CLOSED for one (or something below it) that may not be looked at, USE-PATH-KIND for what is
    neither file nor folder.
    """
    for given in paths:
        root = Path(given)
        # "" is a shell variable that was never set; as a path it would mean the folder one happens to stand in
        kind, size = _look(root) if given else ("missing", 0)
        if kind == "file":
            yield FoundFile(root, shown(root), size)
        elif kind == "folder":
            yield from _below(root)
        elif kind == "closed":
            raise _closed(root)
        elif kind == "other":
            raise UsageError(
                "USE-PATH-KIND", f"{shown(root)} không phải tệp hay thư mục.", hint="Chỉ nêu tệp, thư mục."
            )
        else:
            raise UsageError(
                "USE-PATH-MISSING", f"Không thấy tệp hoặc thư mục {shown(root)}.", hint="Xem lại đường dẫn."
            )


def shown(path: Path) -> str:
    """A path as text that can be stored and printed, even where its name is no text in this system's encoding."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _look(path: Path, *, follow: bool = True) -> tuple[Kind, int]:
    """What lies at a path and its size in bytes; a symbolic link not followed is neither file nor folder."""
    try:
        found = path.stat(follow_symlinks=follow)
    except PermissionError:
        return "closed", 0
    except (OSError, ValueError):
        return "missing", 0
    if stat.S_ISREG(found.st_mode):
        return "file", found.st_size
    return ("folder" if stat.S_ISDIR(found.st_mode) else "other"), 0


def _closed(path: Path) -> UsageError:
    return UsageError("USE-PATH-CLOSED", f"Không được quyền đọc {shown(path)}.", hint="Kiểm tra quyền đọc.")


def _below(root: Path) -> Iterator[FoundFile]:
    def closed(error: OSError) -> None:
        # A folder that cannot be looked into may hold deliveries: passing it over in silence would lose them.
        raise _closed(Path(error.filename)) from None

    for folder, folders, names in os.walk(root, followlinks=False, onerror=closed):
        if IGNORE_MARKER in names:
            folders.clear()
            continue
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if name.startswith("."):
                continue
            path = Path(folder, name)
            kind, size = _look(path, follow=False)
            if kind == "closed":
                # a folder whose names may be listed and whose files may not be looked at
                raise _closed(path)
            if kind == "file":
                yield FoundFile(path, shown(path), size)
