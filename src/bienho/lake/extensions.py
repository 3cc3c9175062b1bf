"""DuckDB with the extensions the lake needs: from installed packages, their signatures checked, nothing fetched.

DuckDB checks a signature by reading all of the file, half a second of work for these at the start of every command. A
file that was checked once and is still the same file is not read again: what tells it from another (device, number,
size, times of the last change, which no program can set back) is kept in the cache folder of the account. Whoever can
write there can change the program itself. `bienho doctor` reads the files whole.
"""

from __future__ import annotations

import importlib.util
import os
import tempfile
from contextlib import suppress
from pathlib import Path

import duckdb

from bienho.core.errors import ConfigError
from bienho.lake.failures import OPERATOR
from bienho.lake.quoting import literal

# httpfs carries the cryptography of encrypted Parquet; without it files would be written by slower, unhardened code.
EXTENSIONS = ("httpfs", "postgres_scanner", "ducklake")
Identity = tuple[str, ...]
#: Extension files whose signature DuckDB has checked: in this process, or in one before that left word of it.
_CHECKED: set[Identity] = set()


def extension_path(name: str) -> Path:
    """The extension file inside its installed package; ConfigError CFG-EXTENSION when there is none for this DuckDB."""
    package = f"duckdb_extension_{name}"
    version = f"v{duckdb.__version__}"
    spec = importlib.util.find_spec(package)
    for location in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(location) / "extensions" / version / f"{name}.duckdb_extension"
        if path.is_file():
            return path
    raise ConfigError(
        "CFG-EXTENSION",
        f"Thiếu phần mở rộng {name} của DuckDB {duckdb.__version__}.",
        hint=f"Cài lại: pip install duckdb-extension-{name.replace('_', '-')}=={duckdb.__version__}",
        who=OPERATOR,
    )


def connect() -> duckdb.DuckDBPyConnection:
    """A new DuckDB that loads and fetches nothing by itself, with the lake's extensions. ConfigError CFG-EXTENSION."""
    files = {_identity(extension_path(name)) for name in EXTENSIONS}
    checked = files <= _CHECKED or files <= _remembered()
    connection = duckdb.connect(
        ":memory:", config={"autoinstall_known_extensions": False, "allow_unsigned_extensions": checked}
    )
    try:
        connection.execute("SET enable_progress_bar = false")  # it would be drawn into what a command answers
        connection.execute("SET autoload_known_extensions = false")
        load_extensions(connection)
        connection.execute("SET allow_unsigned_extensions = false")
    except BaseException:
        connection.close()
        raise
    if not checked:
        _remember(files)
    _CHECKED.update(files)
    return connection


def _identity(path: Path) -> Identity:
    """What tells a file from another one put in its place, or from itself after a change."""
    found = path.stat()
    numbers = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
    return duckdb.__version__, *map(str, numbers)


def _word() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "bienho", "checked-extensions")


def _remembered() -> set[Identity]:
    """The files a process of this account has checked; none when others could have written that."""
    try:
        with _word().open(encoding="ascii") as file:
            about = os.fstat(file.fileno())
            if about.st_uid != os.geteuid() or about.st_mode & 0o022:
                return set()
            return {tuple(line.split()) for line in file.read(4096).splitlines()}
    except (OSError, RuntimeError, ValueError):
        return set()


def _remember(files: set[Identity]) -> None:
    """Leave word of them; where it cannot be left, the next process checks again."""
    with suppress(OSError, RuntimeError):
        word = _word()
        word.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=word.parent)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.writelines(f"{' '.join(identity)}\n" for identity in sorted(files))
        Path(name).replace(word)


def load_extensions(connection: duckdb.DuckDBPyConnection) -> None:
    """LOAD the extensions from disk, never from the network; ConfigError CFG-EXTENSION when one does not load."""
    for name in EXTENSIONS:
        path = extension_path(name)
        try:
            connection.execute(f"LOAD {literal(str(path))}")
        except duckdb.Error as error:
            raise ConfigError(
                "CFG-EXTENSION",
                f"Phần mở rộng {name} của DuckDB không nạp được.",
                hint=f"Cài lại: pip install --force-reinstall duckdb-extension-{name.replace('_', '-')}",
                who=OPERATOR,
            ) from error
