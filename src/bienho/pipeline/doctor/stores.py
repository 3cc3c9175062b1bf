"""The two stores: the lake's catalog, its version, its files; raw segments, their tail and a sample of their bytes."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path, PurePosixPath

import psycopg
from psycopg import sql

from bienho.config import Home
from bienho.core.errors import BusyError
from bienho.database import Role, storage_errors
from bienho.lake import Lake, RawHeader, RawStore
from bienho.lake.raw import frame
from bienho.lake.raw.segment import extend, open_segment, segment_numbers, segment_path
from bienho.pipeline.catalog import current_catalog
from bienho.pipeline.doctor.check import Found, Scene, fail, ok, warn

MIB = 1024**2
IN_FLIGHT = timedelta(hours=1)
SAMPLE_RECORDS = 40
SAMPLE_BYTES = 64 * MIB
REBUILD = "Chạy `bienho rebuild` để dựng lại kho từ dữ liệu gốc."


def version(scene: Scene) -> Found:
    """The catalog's format is the one this extension writes. Asked of the table, before anything attaches the lake."""
    name = current_catalog(scene.the_home())
    query = sql.SQL("SELECT value FROM {}.ducklake_metadata WHERE key = 'version'").format(sql.Identifier(name))
    with scene.the_database().connect(Role.ADMIN) as admin:
        try:
            row = admin.execute(query).fetchone()
        except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
            return fail(
                f"Chưa có danh mục kho `{name}` trong cơ sở dữ liệu.",
                "Thư mục mới: chạy `bienho init`. Thư mục đã có dữ liệu gốc: chạy `bienho rebuild`.",
            )
    have, want = str(row[0]) if row else "không ghi", scene.format_written
    if have != want:
        return fail(
            f"Danh mục kho theo định dạng DuckLake {have}, chương trình này dùng {want}.",
            f"Dùng đúng phiên bản chương trình đã tạo kho. {REBUILD}",
        )
    return ok(f"Danh mục kho theo định dạng DuckLake {have}, đúng với phần mở rộng.")


def catalog(scene: Scene) -> Found:
    """The lake opens for reading, and every table gives its count."""
    home = scene.the_home()
    name = current_catalog(home)
    with Lake.open(home, scene.the_database(), read_only=True, threads=1, catalog=name) as lake:
        counts = lake.table_counts()
        snapshot = lake.snapshot_id()
    return ok(f"Kho `{name}` mở được: {len(counts)} bảng, ảnh chụp {snapshot}.")


def encryption(scene: Scene) -> Found:
    """Files are encrypted and no row is inlined into the catalog in clear."""
    name = sql.Identifier(current_catalog(scene.the_home()))
    with scene.the_database().connect(Role.ADMIN) as admin, storage_errors():
        row = admin.execute(
            sql.SQL("SELECT value FROM {}.ducklake_metadata WHERE key = 'encrypted'").format(name)
        ).fetchone()
        inlined = admin.execute(sql.SQL("SELECT count(*) FROM {}.ducklake_inlined_data_tables").format(name)).fetchone()
        bare = admin.execute(
            sql.SQL(
                "SELECT count(*) FROM {}.ducklake_data_file WHERE encryption_key IS NULL OR encryption_key = ''"
            ).format(name)
        ).fetchone()
    if row is None or row[0] != "true" or (bare and bare[0]):
        return fail("Kho có tệp không mã hóa.", REBUILD)
    if inlined and inlined[0]:
        return fail("Có dòng dữ liệu nằm thẳng trong danh mục, không mã hóa.", REBUILD)
    return ok("Mọi tệp của kho đều mã hóa, danh mục không chứa dòng dữ liệu nào.")


def files(scene: Scene) -> Found:
    """Every file the catalog names is on disk, and none lies there that it does not name."""
    home = scene.the_home()
    name = current_catalog(home)
    live, retired = _catalog_files(scene, name)
    there = {path.name: path for path in (home.lake_dir / name).rglob("*.parquet")}
    missing = sorted(live - there.keys())
    if missing:
        return fail(f"Thiếu {len(missing)} tệp của kho trên đĩa (ví dụ {missing[0]}).", REBUILD)
    # Asked again: what a writer has committed meanwhile is no orphan, nor is what it is still writing.
    live, retired = _catalog_files(scene, name)
    newest = (scene.probes.now() - IN_FLIGHT).timestamp()
    orphans = [path for path in map(there.get, there.keys() - live - retired) if path and _written(path) < newest]
    others = sorted(
        entry.name
        for entry in home.lake_dir.iterdir()
        if entry.is_dir() and entry.name != name and any(entry.iterdir())
    )
    if orphans:
        return warn(
            f"{len(orphans)} tệp trên đĩa không thuộc bảng nào (còn lại sau một lần ghi bị ngắt).",
            "Chạy `bienho job retain`: việc này dọn tệp thừa cũ hơn một ngày.",
        )
    if others:
        return warn(
            f"Còn thư mục kho không dùng: {', '.join(others)}.",
            "Do một lần dựng lại bị ngắt hoặc vừa thay kho. Chạy `bienho job clean`: việc này bỏ cả danh mục của nó.",
        )
    return ok(f"{len(live)} tệp, đủ và không thừa.")


def tail(scene: Scene) -> Found:
    """The newest segment ends with a whole record; what was set aside earlier is told."""
    home = scene.the_home()
    numbers = segment_numbers(home.raw_dir)
    aside = sorted(home.raw_dir.glob("*.torn*"))
    told = f" Đã để riêng {len(aside)} đoạn đuôi của những lần ghi bị ngắt trước đây." if aside else ""
    if not numbers:
        return ok("Chưa nhận dữ liệu nào." + told)
    lock = home.raw_dir / "lock"
    handle = os.open(lock, os.O_RDONLY) if lock.exists() else -1
    try:
        if handle >= 0:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        torn = _torn(home, numbers[-1])
    except BlockingIOError:
        return ok("Một tiến trình đang ghi dữ liệu gốc.")
    finally:
        if handle >= 0:
            os.close(handle)
    if torn:
        return warn(
            f"Đoạn {numbers[-1]:08d} kết thúc dở dang: lần ghi cuối bị ngắt, chưa biên nhận nào được cấp cho phần đó.",
            "Lần nhận tới tự cắt và để riêng phần dở; người gửi lần đó cần gửi lại.",
        )
    return ok(f"{len(numbers)} đoạn, kết thúc trọn vẹn." + told)


def sample(scene: Scene) -> Found:
    """Records spread over all of raw still read to the last byte. A full reading is `RawStore.verify`."""
    raw = RawStore(scene.the_home(), scene.the_keys(), wait_seconds=5)
    try:
        last = raw.last_seq()
        read, size = 0, 0
        for seq in _spread(last):
            header, _ = raw.read(seq)
            read, size = read + 1, size + _size(header)
            if size > SAMPLE_BYTES:
                break
    except BusyError:
        return ok("Một tiến trình đang ghi dữ liệu gốc; lần khám sau sẽ đọc thử.")
    if not last:
        return ok("Chưa nhận dữ liệu nào.")
    return ok(f"Đọc thử {read} trong {last} lần nhận, đều nguyên vẹn.")


def _catalog_files(scene: Scene, name: str) -> tuple[set[str], set[str]]:
    """(names of files in use by any snapshot, names waiting to be deleted). Names are unique: they hold a UUID."""
    schema = sql.Identifier(name)
    with scene.the_database().connect(Role.ADMIN) as admin, storage_errors():
        live = admin.execute(
            sql.SQL(
                "SELECT path FROM {0}.ducklake_data_file UNION ALL SELECT path FROM {0}.ducklake_delete_file"
            ).format(schema)
        ).fetchall()
        retired = admin.execute(
            sql.SQL("SELECT path FROM {}.ducklake_files_scheduled_for_deletion").format(schema)
        ).fetchall()
    return {PurePosixPath(path).name for (path,) in live}, {PurePosixPath(path).name for (path,) in retired}


def _written(path: Path) -> float:
    """When a file was last written; a file that has just gone counts as new."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return float("inf")


def _torn(home: Home, number: int) -> bool:
    """Whether a segment ends inside a record; IntegrityError when it is damaged rather than cut."""
    path: Path = segment_path(home.raw_dir, number)
    size = path.stat().st_size
    descriptor = os.open(path, os.O_RDONLY)
    try:
        head = os.pread(descriptor, frame.SEGMENT_BYTES, 0)
        if len(head) < frame.SEGMENT_BYTES or not any(head):
            return True
        segment = open_segment(descriptor, number, frame.parse_segment_head(head, number), size=size)
        return segment is None or extend(segment, descriptor, size=size, verify_from=size)
    finally:
        os.close(descriptor)


def _spread(last: int) -> Iterator[int]:
    """The newest sequence first, then evenly over all of them: the same sample for the same store."""
    step = max(1, last // SAMPLE_RECORDS)
    seen = set()
    for seq in (last, 1, *range(step, last + 1, step)):
        if 0 < seq <= last and seq not in seen:
            seen.add(seq)
            yield seq


def _size(header: RawHeader) -> int:
    return header.size
