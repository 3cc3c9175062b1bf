"""Throw-away homes for tests and soak runs: a home, its key, a migrated database, made once and then copied.

    with temporary_home() as made:
        made.home, made.keys, made.database      # an embedded PostgreSQL of its own, stopped and deleted at the end

Every home of one run has the same `home_id` and key, so digests made in two of them can be compared.
`XDG_CONFIG_HOME` points to a temporary folder meanwhile; `BIENHO_DATABASE_URL` and `BIENHO_HOME` are set aside.
"""

from __future__ import annotations

import atexit
import fcntl
import functools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bienho.config import Home, KeyRing, create_key, load_keys
from bienho.database import Database, open_database, places, remove_database, server
from bienho.pipeline import open_app, setup

ASIDE = ("BIENHO_DATABASE_URL", "BIENHO_HOME", "BIENHO_KEY_FILE")


@dataclass(frozen=True)
class Made:
    """One temporary home; `config` is its XDG_CONFIG_HOME, for processes that a test starts itself."""

    home: Home
    keys: KeyRing
    database: Database
    config: Path

    @property
    def environment(self) -> dict[str, str]:
        """The environment for a child process that is to work in this home."""
        given = {name: value for name, value in os.environ.items() if name not in ASIDE}
        return {**given, "XDG_CONFIG_HOME": str(self.config), "BIENHO_HOME": str(self.home.path)}


KEPT: Path | None = None
"""A folder in which the processes of one run share what any of them made; None: each makes its own."""


@contextmanager
def temporary_home(
    name: str = "home",
    *,
    ready: bool = False,
    synced: bool = True,
    parent: Path | None = None,
    stock: Path | None = None,
) -> Iterator[Made]:
    """A fresh home in a 0700 folder below /tmp or `parent` (`name` may hold blanks), its database open and migrated.

    A `ready` one has had its first run: the lake's tables, the built-in lists, the demo account; one of a `stock` (see
    `made_once`) is as `keep` found it. Where it is not `synced`, PostgreSQL does not wait for the disk: a home that
    need not outlive the machine.
    """
    found = stock or made_once("ready" if ready else "plain", _make_ready if ready else _make_plain)
    folder = Path(tempfile.mkdtemp(prefix="bienho-test-", dir=parent))
    config = _config()
    try:
        with _environment(config):
            home = _of_stock(found, folder / name)
            try:
                keys = load_keys(home)
                with _syncing(synced):
                    opened = open_database(home, keys)
                with opened as database:
                    yield Made(home, keys, database, config)
            finally:
                remove_database(home)
                # the homes of one process share key files, but are not one house: none restores what another erased
                for path in config.rglob("*.erasures"):
                    path.unlink(missing_ok=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def made_once(name: str, make: Callable[[Path], None]) -> Path:
    """A folder of what this run shares: `make` fills it where nobody has, all others wait for that."""
    root = KEPT or _own_folder()
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder, done = root / name, root / f"{name}.done"
    with (root / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            make(folder)
            done.touch()
    return folder


def keep(home: Home, stock: Path) -> None:
    """Put a home whose server rests, and its database, into a stock, keeping owners."""
    skip = {places.POINTER, places.KEEP, "postgres"}
    shutil.copytree(home.path, stock / "home", ignore=lambda _folder, names: skip & set(names))
    with places.start_lock(home):
        place = places.locate(home, create=False)
    assert place is not None
    subprocess.run(["cp", "-a", str(place.data), str(stock / "data")], check=True)


def _of_stock(stock: Path, target: Path) -> Home:
    shutil.copytree(stock / "home", target)
    target.chmod(0o700)
    home = Home.open(target)
    with places.start_lock(home):
        place = places.locate(home)
    assert place is not None
    subprocess.run(["cp", "-a", str(stock / "data"), str(place.data)], check=True)
    return home


def _make_plain(stock: Path) -> None:
    """A home with its key and its database, migrated."""
    with tempfile.TemporaryDirectory(prefix="bienho-template-") as folder, _environment(stock / "config"):
        home = Home.create(Path(folder, "home"))
        try:
            create_key(home)
            with _syncing(False):
                open_database(home, load_keys(home)).close()
            keep(home, stock)
        finally:
            remove_database(home)


def _make_ready(stock: Path) -> None:
    """The same after its first run."""
    with temporary_home(synced=False) as made:
        with open_app(made.home.path) as app:
            setup.first_run(app)
        made.database.close()
        keep(made.home, stock)


@functools.cache
def _own_folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="bienho-homes-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@functools.cache
def _config() -> Path:
    """The key files of this process: every home has the same key, but what is written beside it is of one process."""
    config = _own_folder() / "config"
    shutil.copytree(made_once("plain", _make_plain) / "config", config)
    return config


@contextmanager
def _syncing(wanted: bool) -> Iterator[None]:
    """How a server that this process starts within the block treats the disk."""
    usual = server.SETTINGS["fsync"]
    server.SETTINGS["fsync"] = usual if wanted else "off"
    try:
        yield
    finally:
        server.SETTINGS["fsync"] = usual


_WITHIN: list[dict[str, str | None]] = []
"""What each block of `_environment` still open found, in the order they began."""


@contextmanager
def _environment(config: Path) -> Iterator[None]:
    """Homes may end in another order than they began (one lasts as long as its process, one a test module).

    The last one to end puts back what the first one found.
    """
    before = {name: os.environ.get(name) for name in (*ASIDE, "XDG_CONFIG_HOME")}
    _WITHIN.append(before)
    os.environ["XDG_CONFIG_HOME"] = str(config)
    for name in ASIDE:
        os.environ.pop(name, None)
    try:
        yield
    finally:
        place = next(number for number, one in enumerate(_WITHIN) if one is before)
        del _WITHIN[place]
        if place < len(_WITHIN):
            _WITHIN[place].update(before)  # a later one goes on, in its environment
        else:
            for name, value in before.items():
                os.environ.pop(name, None)
                if value is not None:
                    os.environ[name] = value
