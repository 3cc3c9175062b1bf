"""Throw-away homes for tests and soak runs: a home, its key, a migrated database, made once and then copied.

    with temporary_home() as made:
        made.home, made.keys, made.database      # an embedded PostgreSQL of its own, stopped and deleted at the end

Every home of one process has the same `home_id` and key, so digests made in two of them can be compared.
`XDG_CONFIG_HOME` points to a temporary folder meanwhile; `BIENHO_DATABASE_URL` and `BIENHO_HOME` are set aside.
"""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
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


@contextmanager
def temporary_home(
    name: str = "home", *, ready: bool = False, synced: bool = True, parent: Path | None = None
) -> Iterator[Made]:
    """A fresh home in a 0700 folder below /tmp or `parent` (`name` may hold blanks), its database open and migrated.

    A `ready` one has had its first run: the lake's tables, the built-in lists, the demo account. Where it is not
    `synced`, PostgreSQL does not wait for the disk: a home that need not outlive the machine.
    """
    template, config = _ready_template() if ready else _template()
    folder = Path(tempfile.mkdtemp(prefix="bienho-test-", dir=parent))
    try:
        with _environment(config):
            home = _copy(template, folder / name)
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


@functools.cache
def _template() -> tuple[Home, Path]:
    """The home that is copied: made once per process, its server stopped."""
    folder = Path(tempfile.mkdtemp(prefix="bienho-template-"))
    config = folder / "config"
    with _environment(config), _syncing(False):
        home = Home.create(folder / "home")
        atexit.register(_forget, home, folder)
        create_key(home)
        open_database(home, load_keys(home)).close()
    return home, config


@functools.cache
def _ready_template() -> tuple[Home, Path]:
    """A copy of the template after its first run."""
    template, config = _template()
    folder = Path(tempfile.mkdtemp(prefix="bienho-template-"))
    with _environment(config), _syncing(False):
        home = _copy(template, folder / "home")
        atexit.register(_forget, home, folder)
        with open_app(home.path) as app:
            setup.first_run(app)
    return home, config


def _forget(home: Home, folder: Path) -> None:
    remove_database(home)
    shutil.rmtree(folder, ignore_errors=True)


def _copy(template: Home, target: Path) -> Home:
    """Copy a stopped home and its database, wherever that lies, keeping owners."""
    skip = {places.POINTER, places.KEEP, "postgres"}
    shutil.copytree(template.path, target, ignore=lambda _folder, names: skip & set(names))
    target.chmod(0o700)
    home = Home.open(target)
    with places.start_lock(home):
        source, place = places.locate(template, create=False), places.locate(home)
    assert source is not None
    assert place is not None
    subprocess.run(["cp", "-a", str(source.data), str(place.data)], check=True)
    return home


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
