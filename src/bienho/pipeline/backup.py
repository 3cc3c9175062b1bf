"""Backup and restore: what cannot be made again, sealed under the home's key (promise 8).

In it: the home's marker, raw with what erasures left of it, the PostgreSQL schemas vault and governance, and the audit
checkpoint. The lake is not in it: raw is the truth, and `restore` rebuilds the lake from it, which proves the backup at
the same time.
Sessions of the portal are not kept. The key is never in a backup (promise 6): its head holds the home's sealed ring,
and so says which version of the master key opens it, whatever has been rotated since.
"""

from __future__ import annotations

import io
import os
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any, BinaryIO, cast

import psycopg
from psycopg import sql

from bienho.config import Home, KeyRing, Ring, adopt_ring, load_keys, write_ring
from bienho.core.errors import ConfigError, InputError, IntegrityError, StorageError
from bienho.database import Role, open_database
from bienho.governance.audit import CHECKPOINT
from bienho.pipeline import erasure
from bienho.pipeline.app import App, open_app
from bienho.pipeline.keys import ring_lock
from bienho.pipeline.rebuild import rebuild
from bienho.pipeline.sealed_stream import SealedReader, SealedWriter

PASSING = frozenset({"governance.session", "governance.access_token", "governance.once"})
"""Not copied: nobody is signed in to a restored house by what was open in the old one."""
SCHEMAS = ("vault", "governance")
MARKER = "home.json"
TITLE = b"BIENHO-BACKUP-2 "
OLD_TITLE = b"BIENHO-BACKUP-1 "
"""Of a home without a sealed ring."""
HEAD_BYTES_MAX = 1 << 16


@dataclass(frozen=True, slots=True)
class BackupReport:
    """What a backup holds, or a restore brought back. Sizes in bytes.

    `erasures`: people who were erased after the backup was made, and again in what was restored from it.
    """

    files: int
    tables: int
    size: int
    deliveries: int
    erasures: int = 0

    def as_dict(self) -> dict[str, int]:
        return {
            "files": self.files,
            "tables": self.tables,
            "bytes": self.size,
            "deliveries": self.deliveries,
            "erasures": self.erasures,
        }


def backup(app: App, target: Path) -> BackupReport:
    """Write a sealed backup; StorageError STO-BACKUP-EXISTS rather than replace a file.

    Taken under the writer lock, so raw and vault belong together. The file appears under its name only when whole.
    """
    app.home.require_raw()
    if target.exists():
        raise StorageError("STO-BACKUP-EXISTS", f"Đã có tệp {target}.", hint="Chọn tên khác.")
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(target.name + ".partial")
    files = tables = 0
    try:
        # The ring stays as it is meanwhile: it must open whatever the snapshot of the vault holds.
        with app.database.writer_lock(), ring_lock(app.database, shared=True), _new_file(partial) as file:
            file.write(TITLE + app.home.home_id.encode() + b"\n" + adopt_ring(app.home).as_bytes() + b"\n")
            sealed = SealedWriter(file, app.keys.derive("backup"))
            with tarfile.open(fileobj=cast("BinaryIO", sealed), mode="w|", format=tarfile.PAX_FORMAT) as archive:
                archive.add(app.home.path / MARKER, MARKER)
                checkpoint = app.home.log_dir / CHECKPOINT
                if checkpoint.exists():
                    archive.add(checkpoint, f"log/{CHECKPOINT}")
                for path in sorted(app.home.raw_dir.glob("*.seg")) + sorted(app.home.raw_dir.glob("*.red")):
                    archive.add(path, f"raw/{path.name}")
                    files += 1
                for name, data in _dump(app):
                    _add(archive, f"postgresql/{name}", data)
                    tables += 1
            sealed.close()
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, target)
    finally:
        partial.unlink(missing_ok=True)
    return BackupReport(files, tables, target.stat().st_size, app.raw.last_seq())


def restore(source: Path, folder: Path, erasures: Path | None = None) -> BackupReport:
    """Make a home from a backup in an empty folder, erase again whom the list of erasures names, and rebuild its lake.

    `erasures`: the list, where it does not lie beside the key files.

    The key file of the version that the backup needs must be in its place (`BIENHO_KEY_FILE` or the key folder) first.
    """
    if folder.exists() and any(folder.iterdir()):
        raise ConfigError("CFG-HOME-NOT-EMPTY", f"Thư mục {folder} không trống.", hint="Khôi phục vào thư mục mới.")
    home_id, ring, start = _head(source)
    keys = load_keys(Home(folder.absolute(), home_id, "production", layout=2 if ring else 1), ring)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".bienho-restore-") as work:
        files, dumps = _unpack(source, start, folder, Path(work), keys)
        if ring:
            write_ring(folder, ring)
        home = Home.open(folder)
        if home.home_id != home_id:
            raise IntegrityError("INT-BACKUP-HOME", "Bản sao lưu thuộc thư mục dữ liệu khác với khóa đã cho.")
        for place in (home.raw_dir, home.lake_dir, home.run_dir, home.log_dir):
            place.mkdir(mode=0o700, exist_ok=True)
        with open_database(home, keys) as database, database.connect(Role.ADMIN) as admin:
            for path in dumps:
                _load(admin, path.name, path)
    with open_app(folder) as app:
        erased = erasure.adopt(app, erasures)
        deliveries = rebuild(app, compare=False).deliveries
        for one in erased:
            erasure.done(app, one)
    return BackupReport(files, len(dumps), source.stat().st_size, deliveries, len(erased))


def _new_file(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def needed_versions(source: Path) -> tuple[int, ...]:
    """The versions of the master key that a backup needs: one, or two when it was made while a rotation was going on.

    InputError IN-BACKUP for what is none.
    """
    _, ring, _ = _head(source)
    return tuple(one.version for one in ring.versions) if ring else (1,)


def _head(source: Path) -> tuple[str, Ring | None, int]:
    """What is said in clear: the home a backup belongs to, its sealed ring, and where the sealed part begins."""
    with source.open("rb") as file:
        line = file.readline(128)
        for title in (TITLE, OLD_TITLE):
            if line.startswith(title) and line.endswith(b"\n"):
                home_id = line.removeprefix(title).strip().decode("ascii", errors="replace")
                ring = Ring.parse(file.readline(HEAD_BYTES_MAX)) if title == TITLE else None
                return home_id, ring, file.tell()
    raise InputError("IN-BACKUP", "Đây không phải tệp sao lưu của Biển Hồ.", hint="Chọn đúng tệp sao lưu.")


def _dump(app: App) -> Iterator[tuple[str, BinaryIO]]:
    """(schema.table, rows in COPY's binary form) of every table, all from one snapshot."""
    with app.database.connect(Role.ADMIN) as admin:
        admin.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        for schema, table in _tables(admin):
            if f"{schema}.{table}" in PASSING:
                continue
            with tempfile.TemporaryFile(dir=app.home.run_dir) as spool:
                place = sql.Identifier(schema, table)
                with (
                    admin.cursor() as cursor,
                    cursor.copy(sql.SQL("COPY {} TO STDOUT (FORMAT binary)").format(place)) as copy,
                ):
                    for block in copy:
                        spool.write(block)
                spool.seek(0)
                yield f"{schema}.{table}", cast("BinaryIO", spool)


def _tables(admin: psycopg.Connection[Any]) -> list[tuple[str, str]]:
    """Every table after those its rows point to."""
    found = admin.execute(
        "SELECT t.oid, n.nspname, t.relname, array_remove(array_agg(c.confrelid), NULL) FROM pg_class t"
        " JOIN pg_namespace n ON n.oid = t.relnamespace"
        " LEFT JOIN pg_constraint c ON c.conrelid = t.oid AND c.contype = 'f' AND c.confrelid <> t.oid"
        " WHERE t.relkind = 'r' AND n.nspname = ANY(%s) GROUP BY 1, 2, 3 ORDER BY 2, 3",
        (list(SCHEMAS),),
    ).fetchall()
    names = {oid: (schema, table) for oid, schema, table, _ in found}
    order = TopologicalSorter({oid: sorted(needs) for oid, _, _, needs in found}).static_order()
    return [names[oid] for oid in order if oid in names]


def _add(archive: tarfile.TarFile, name: str, data: BinaryIO) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = data.seek(0, io.SEEK_END)
    entry.mode = 0o600
    data.seek(0)
    archive.addfile(entry, data)


def _unpack(source: Path, start: int, folder: Path, work: Path, keys: KeyRing) -> tuple[int, list[Path]]:
    files, dumps = 0, []
    with source.open("rb") as file:
        file.seek(start)
        sealed = io.BufferedReader(SealedReader(file, keys.derive("backup")), 1 << 20)
        with tarfile.open(fileobj=sealed, mode="r|") as archive:
            for entry in archive:
                part, _, name = entry.name.rpartition("/")
                place = {"": folder, "raw": folder / "raw", "log": folder / "log", "postgresql": work}.get(part)
                if place is None or not entry.isfile() or name in ("", ".", ".."):
                    raise IntegrityError("INT-BACKUP-ENTRY", "Bản sao lưu có mục lạ.", hint="Dùng bản sao khác.")
                place.mkdir(mode=0o700, exist_ok=True)
                content = archive.extractfile(entry)
                if content is None:
                    raise IntegrityError("INT-BACKUP-ENTRY", "Bản sao lưu có mục lạ.", hint="Dùng bản sao khác.")
                with _new_file(place / name) as out:
                    while block := content.read(1 << 20):
                        out.write(block)
                files += part == "raw"
                if part == "postgresql":
                    dumps.append(place / name)
        while sealed.read(1 << 20):
            continue  # the end of the stream is checked by reading it
    return files, dumps


def _load(admin: psycopg.Connection[Any], name: str, path: Path) -> None:
    schema, _, table = name.partition(".")
    if (schema, table) not in _tables(admin):
        raise IntegrityError("INT-BACKUP-TABLE", f"Bản sao lưu có bảng {name} mà chương trình này không biết.")
    place = sql.Identifier(schema, table)
    admin.execute(sql.SQL("ALTER TABLE {} DISABLE TRIGGER USER").format(place))
    # Rows that migrations put there (a chain's first head) come back with the backup.
    admin.execute(sql.SQL("DELETE FROM {}").format(place))
    with (
        path.open("rb") as file,
        admin.cursor() as cursor,
        cursor.copy(sql.SQL("COPY {} FROM STDIN (FORMAT binary)").format(place)) as copy,
    ):
        while block := file.read(1 << 20):
            copy.write(block)
    admin.execute(sql.SQL("ALTER TABLE {} ENABLE TRIGGER USER").format(place))
    for column, sequence in admin.execute(
        "SELECT column_name, pg_get_serial_sequence(%s, column_name) FROM information_schema.columns"
        " WHERE table_schema = %s AND table_name = %s",
        (f"{schema}.{table}", schema, table),
    ).fetchall():
        if sequence:
            admin.execute(
                sql.SQL("SELECT setval(%s, coalesce(max({}), 1)) FROM {}").format(sql.Identifier(column), place),
                (sequence,),
            )
