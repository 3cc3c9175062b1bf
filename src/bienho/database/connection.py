"""The open database of one home: connections by role, the writer's lock, migrations."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Any

import psycopg
from psycopg import conninfo

from bienho.config import Home, KeyRing
from bienho.core.errors import BusyError, ConfigError, StorageError
from bienho.database import binaries, places, server
from bienho.database.failures import WHO, connecting, disk_full, is_wrong_password, storage_errors
from bienho.database.keeping import Keeper, Kept
from bienho.database.migrations import migrate
from bienho.database.roles import Role, password

NAME = "bienho"
URL = "BIENHO_DATABASE_URL"
WRITER_LOCK = 7_206_002
CONNECT_SECONDS = 10
OLDEST = 160000
KEPT = (Role.GOVERNANCE, Role.WEB, Role.WORKER)
"""Roles that ask small questions again and again, several for each page."""
UNREACHABLE = "STO-DATABASE-UNREACHABLE"


class Database:
    """A PostgreSQL that is up, and the means to log in to it. Use as a context manager, or call `close`.

    `embedded` tells whether the server is our own; `options` are extra libpq settings of `BIENHO_DATABASE_URL`
    (sslmode, …) which `connect` applies; other clients must apply them themselves.
    """

    def __init__(self, home: Home, keys: KeyRing, address: dict[str, str], *, users: int | None) -> None:
        self.home = home
        self.options = {name: value for name, value in address.items() if name not in _FIVE}
        self._keys = keys
        self._address = {name: value for name, value in address.items() if name in _FIVE}
        self._users = users
        self.embedded = users is not None
        self._keepers = {role: Keeper() for role in KEPT}

    @property
    def place(self) -> str:
        """Where the database is, for messages; never a password."""
        return f"{self._address['host']}:{self._address['port']}/{self._address['dbname']}"

    def parameters(self, role: Role) -> dict[str, str]:
        """host, port, dbname, user, password of a role, all text, as libpq, Django and DuckDB take them."""
        if role is Role.ADMIN:
            return dict(self._address)
        return {**self._address, "user": role.value, "password": password(self._keys, role)}

    def connect(self, role: Role, **options: Any) -> psycopg.Connection[Any]:
        """A connection of a role; `options` go to psycopg.connect (autocommit, row_factory, …).

        One of `KEPT` without options of its own may be one that was closed before; closing it keeps it for the next.
        ConfigError CFG-KEY-WRONG for a refused password, StorageError STO-DATABASE-UNREACHABLE for no server,
        STO-NOT-MIGRATED for a role that no migration has made yet, BusyError BUSY-CONNECTIONS.
        """
        keeper = self._keepers.get(role) if options.keys() <= {"autocommit"} else None
        if keeper is not None and (kept := keeper.lend(autocommit=options.get("autocommit", False))) is not None:
            return kept
        given: dict[str, Any] = {
            "application_name": f"bienho-{role.name.lower()}",
            "connect_timeout": CONNECT_SECONDS,
            **self.options,
            **self.parameters(role),
            **options,
        }
        try:
            if keeper is None:
                return psycopg.connect(**given)
            made = Kept.connect(**given)
            made.keeper = keeper
            return made
        except psycopg.OperationalError as error:
            if is_wrong_password(error) and role is not Role.ADMIN and not self._exists(role):
                raise StorageError(
                    "STO-NOT-MIGRATED",
                    "Cơ sở dữ liệu chưa được khởi tạo.",
                    hint="Chạy `bienho init`.",
                    who=WHO,
                ) from None
            raise connecting(error, self.place) from None

    def migrate(self) -> list[str]:
        """Bring the database up to date (made first if it does not exist); names of the migrations run now."""
        with self._administering() as admin, storage_errors(self.place):
            _check_server(admin)
            return migrate(admin, self._keys, self.home.home_id)

    @contextmanager
    def writer_lock(
        self, wait_seconds: float | None = None, on_wait: Callable[[], None] | None = None
    ) -> Iterator[psycopg.Connection[Any]]:
        """Be the only writer of this installation, on a connection of its own (yielded, for a sign of life).

        `on_wait` is called once when another process holds the lock. BusyError BUSY-WRITER after `wait_seconds`
        (None = for ever, 0 = do not wait). The lock ends with the block, the process or the server.
        """
        with self.connect(Role.WORKER, autocommit=True, application_name="bienho-writer") as connection:
            deadline = None if wait_seconds is None else time.monotonic() + wait_seconds
            if not self._try_writer(connection):
                if on_wait is not None:
                    on_wait()
                self._wait_writer(connection, deadline)
            try:
                yield connection
            finally:
                # A server that died took the lock with it; its error must not hide the one that ended the block.
                with suppress(psycopg.OperationalError):
                    if not connection.closed and not connection.broken:
                        connection.execute("SELECT pg_advisory_unlock(%s)", (WRITER_LOCK,))

    def server_version(self) -> str:
        """`18.4`, as the running server says."""
        with self.connect(Role.ADMIN) as connection:
            row = connection.execute("SHOW server_version").fetchone()
            return str(row[0]).split()[0] if row else ""

    def close(self) -> None:
        """Leave the server; the last one to leave stops it, unless somebody asked to keep it running."""
        for keeper in self._keepers.values():
            keeper.close()
        if self._users is None:
            return
        handle, self._users = self._users, None
        with places.start_lock(self.home):
            os.close(handle)
            place = places.locate(self.home, create=False)
            found = server.postmaster(place.data) if place is not None else None
            if place is None or found is None or places.kept(self.home, found.pid) or places.in_use(self.home):
                return
            server.stop(place)

    def __enter__(self) -> Database:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _try_writer(self, connection: psycopg.Connection[Any]) -> bool:
        row = connection.execute("SELECT pg_try_advisory_lock(%s)", (WRITER_LOCK,)).fetchone()
        return bool(row and row[0])

    def _wait_writer(self, connection: psycopg.Connection[Any], deadline: float | None) -> None:
        """Queue in PostgreSQL, so that writers come in order; wake now and then so that Ctrl-C is heard."""
        while True:
            left = 5.0 if deadline is None else min(5.0, deadline - time.monotonic())
            if left <= 0:
                raise BusyError(
                    "BUSY-WRITER",
                    "Một tiến trình khác đang ghi vào kho dữ liệu.",
                    hint="Đợi tiến trình đó xong rồi chạy lại.",
                    who="Người chạy lệnh",
                )
            connection.execute("SELECT set_config('lock_timeout', %s, false)", (f"{max(1, int(left * 1000))}ms",))
            try:
                connection.execute("SELECT pg_advisory_lock(%s)", (WRITER_LOCK,))
            except psycopg.errors.LockNotAvailable:
                continue
            connection.execute("SELECT set_config('lock_timeout', '0', false)")
            return

    def _exists(self, role: Role) -> bool:
        with self.connect(Role.ADMIN) as connection:
            return connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role.value,)).fetchone() is not None

    def _administering(self) -> psycopg.Connection[Any]:
        """The admin's connection; the embedded server's own first step before it: the database, closed to everybody
        not granted."""
        try:
            return self.connect(Role.ADMIN, autocommit=True)
        except StorageError as error:
            if not self.embedded or error.code != UNREACHABLE:
                raise
        with places.start_lock(self.home), self.connect(Role.ADMIN, dbname="postgres", autocommit=True) as admin:
            if admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", (NAME,)).fetchone() is None:
                admin.execute("REVOKE ALL ON DATABASE postgres FROM PUBLIC")
                admin.execute(f"CREATE DATABASE {NAME} TEMPLATE template0")
        return self.connect(Role.ADMIN, autocommit=True)


_FIVE = ("host", "port", "dbname", "user", "password")


def open_database(home: Home, keys: KeyRing, *, keep_running: bool = False, migrated: bool = True) -> Database:
    """Open the database of a home: the server of `BIENHO_DATABASE_URL`, else the embedded one, started when needed.

    `keep_running` leaves the embedded server up after the last user has left, until `stop`. With `migrated` (default)
    the database is brought up to date first.
    """
    url = os.environ.get(URL)
    if url:
        return _up_to_date(_behind_url(home, keys, url), migrated)
    try:
        return _up_to_date(_embedded(home, keys, keep_running), migrated)
    except StorageError as error:
        if error.code != UNREACHABLE:
            raise
    # A server that was killed this very moment still looked alive. By now it does not, and another one is started.
    return _up_to_date(_embedded(home, keys, keep_running), migrated)


def _up_to_date(database: Database, migrated: bool) -> Database:
    try:
        if migrated:
            database.migrate()
    except BaseException:
        database.close()
        raise
    return database


def stop(home: Home) -> bool:
    """Stop the embedded server of a home whoever uses it; True when one was running."""
    with places.start_lock(home):
        place = places.locate(home, create=False)
        places.keep(home, None)
        return server.stop(place) if place is not None else False


def remove_database(home: Home) -> None:
    """Stop the embedded server and delete its files, also those outside the home. For throw-away homes and restore."""
    with places.start_lock(home):
        place = places.locate(home, create=False)
        if place is not None:
            server.stop(place)
            places.remove_place(home, place)


def _embedded(home: Home, keys: KeyRing, keep_running: bool) -> Database:
    with places.start_lock(home):
        places.refuse_elsewhere(home)
        users = places.share_use(home)
        try:
            place = places.locate(home)
            assert place is not None  # noqa: S101 - locate() makes it
            found = server.adopt(place)
            if found is None:
                install = binaries.reachable(place.account)
                if not place.initialised:
                    server.initialise(place, install, Role.ADMIN.value, password(keys, Role.ADMIN))
                places.note_machine(home)
                found = server.start(place, install)
            if keep_running:
                places.keep(home, found.pid)
        except BaseException as error:
            os.close(users)
            if isinstance(error, OSError) and error.errno == errno.ENOSPC:
                raise disk_full() from None
            raise
    address = {
        "host": str(found.socket_folder),
        "port": str(found.port),
        "dbname": NAME,
        "user": Role.ADMIN.value,
        "password": password(keys, Role.ADMIN),
    }
    return Database(home, keys, address, users=users)


def _check_server(admin: psycopg.Connection[Any]) -> None:
    """A server of somebody else's may be too old or not Unicode."""
    if admin.info.server_version < OLDEST or admin.info.parameter_status("server_encoding") != "UTF8":
        raise ConfigError(
            "CFG-POSTGRES-VERSION",
            "Cần PostgreSQL 16 trở lên, bảng mã UTF8.",
            hint="Nâng cấp máy chủ hoặc tạo cơ sở dữ liệu với ENCODING 'UTF8'.",
            who=WHO,
        )


def _behind_url(home: Home, keys: KeyRing, url: str) -> Database:
    try:
        given = {name: str(value) for name, value in conninfo.conninfo_to_dict(url).items()}
    except psycopg.ProgrammingError:
        given = {}
    if not given.get("host") or not given.get("dbname") or not given.get("user"):
        raise ConfigError(
            "CFG-DATABASE-URL",
            f"{URL} không đúng dạng.",
            hint="Ví dụ: postgresql://admin:mật-khẩu@máy-chủ:5432/bienho",
            who=WHO,
        )
    return Database(home, keys, {"port": "5432", "password": "", **given}, users=None)
