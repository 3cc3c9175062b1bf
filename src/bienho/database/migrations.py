"""Runs the SQL files of `database/migrations` once each, in the order of their numbers.

A line `-- library: FILE SHA256` stands for a file of an installed package: a library that ships the SQL of its tables
keeps its own text, and the digest holds it to what was reviewed.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import psycopg

from bienho.config import KeyRing
from bienho.core.errors import ConfigError, IntegrityError
from bienho.database.failures import WHO, wrong_key
from bienho.database.roles import ensure_roles

FOLDER = Path(__file__).parent / "migrations"
MIGRATION_LOCK = 7_206_001
_NAME = re.compile(r"(\d{4})_([a-z0-9_]+)\.sql")
_LIBRARY = re.compile(r"^-- library: (?P<path>(?P<package>\w+)/\S+) (?P<sha256>[0-9a-f]{64})$", re.MULTILINE)

_LEDGER = """
CREATE SCHEMA IF NOT EXISTS bienho;
CREATE TABLE IF NOT EXISTS bienho.migration (
    number integer PRIMARY KEY,
    name text NOT NULL,
    sha256 text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE IF NOT EXISTS bienho.installation (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    home_id text NOT NULL,
    key_check bytea NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class Migration:
    """One SQL file; `sha256` is the hex digest of its bytes."""

    number: int
    name: str
    text: str
    sha256: str


def migrations(folder: Path = FOLDER) -> list[Migration]:
    """The migrations of a folder by number. ValueError for a wrong name or a number used twice."""
    found: dict[int, Migration] = {}
    for path in sorted(folder.glob("*.sql")):
        match = _NAME.fullmatch(path.name)
        if match is None or int(match[1]) in found:
            raise ValueError(f"migration name not NNNN_name.sql, or number used twice: {path.name}")
        data = path.read_bytes()
        digest = hashlib.sha256(data).hexdigest()
        found[int(match[1])] = Migration(int(match[1]), match[2], data.decode("utf-8"), digest)
    return [found[number] for number in sorted(found)]


def migrate(
    connection: psycopg.Connection, keys: KeyRing, home_id: str, todo: Sequence[Migration] | None = None
) -> list[str]:
    """Bring a database up to date; the names of the migrations run now. `connection` is the admin's, in autocommit.

    Safe when several processes call it at once. Each migration commits with its ledger row.
    IntegrityError INT-MIGRATION when a file differs from what was run; ConfigError CFG-DATABASE-NEWER when the
    database knows migrations this program lacks; CFG-KEY-WRONG when it belongs to another key.
    """
    wanted = migrations() if todo is None else todo
    if _up_to_date(connection, wanted):
        _check_key(connection, keys, home_id)
        return []
    connection.execute("SELECT pg_advisory_lock(%s)", (MIGRATION_LOCK,))
    try:
        with connection.transaction():
            connection.execute(_LEDGER)
            _check_key(connection, keys, home_id)
            ensure_roles(connection, keys)
        done = _applied(connection)
        _compare(done, wanted)
        fresh = [one for one in wanted if one.number not in done]
        for one in fresh:
            with connection.transaction():
                connection.execute(with_libraries(one.text).encode())
                connection.execute(
                    "INSERT INTO bienho.migration (number, name, sha256) VALUES (%s, %s, %s)",
                    (one.number, one.name, one.sha256),
                )
        return [one.name for one in fresh]
    finally:
        if not connection.closed and not connection.broken:
            connection.execute("SELECT pg_advisory_unlock(%s)", (MIGRATION_LOCK,))


def with_libraries(text: str) -> str:
    """A migration with the files of installed packages put where it names them (`-- library: FILE SHA256`).

    IntegrityError INT-MIGRATION when such a file is missing or is not the one that was meant.
    """

    def put(match: re.Match[str]) -> str:
        try:
            data = Path(str(metadata.distribution(match["package"]).locate_file(match["path"]))).read_bytes()
        except (metadata.PackageNotFoundError, OSError):
            data = b""
        if hashlib.sha256(data).hexdigest() != match["sha256"]:
            raise IntegrityError(
                "INT-MIGRATION",
                f"Gói {match['package']} đã cài không có đúng tệp mà bước nâng cấp cần ({Path(match['path']).name}).",
                hint="Cài lại đúng chương trình cùng các gói đi kèm (`make install`).",
                who=WHO,
            )
        return data.decode("utf-8")

    return _LIBRARY.sub(put, text)


def _up_to_date(connection: psycopg.Connection, wanted: Sequence[Migration]) -> bool:
    row = connection.execute("SELECT to_regclass('bienho.migration') IS NOT NULL").fetchone()
    if row is None or not row[0]:
        return False
    done = _applied(connection)
    _compare(done, wanted)
    return len(done) == len(wanted)


def _applied(connection: psycopg.Connection) -> dict[int, str]:
    return dict(connection.execute("SELECT number, sha256 FROM bienho.migration").fetchall())


def _compare(done: dict[int, str], wanted: Sequence[Migration]) -> None:
    known = {one.number: one for one in wanted}
    for number, sha256 in sorted(done.items()):
        if number not in known:
            raise ConfigError(
                "CFG-DATABASE-NEWER",
                f"Cơ sở dữ liệu mới hơn chương trình (có bước nâng cấp {number:04d}).",
                hint="Cài phiên bản chương trình mới hơn.",
                who=WHO,
            )
        if known[number].sha256 != sha256:
            raise IntegrityError(
                "INT-MIGRATION",
                f"Bước nâng cấp {number:04d}_{known[number].name} khác với bước đã chạy trên cơ sở dữ liệu này.",
                hint="Cài lại đúng chương trình; không sửa tệp nâng cấp đã phát hành.",
                who=WHO,
            )


def _check_key(connection: psycopg.Connection, keys: KeyRing, home_id: str) -> None:
    """The first key to come owns the database; later ones must be the same."""
    mine = keys.derive("database/check")
    row = connection.execute("SELECT key_check FROM bienho.installation").fetchone()
    if row is None:
        connection.execute(
            "INSERT INTO bienho.installation (home_id, key_check) VALUES (%s, %s) ON CONFLICT DO NOTHING",
            (home_id, mine),
        )
    elif not hmac.compare_digest(bytes(row[0]), mine):
        raise wrong_key()
