"""PostgreSQL: left-over locks, an answer, the right key, migrations, clocks, and what embedded mode cannot promise."""

from __future__ import annotations

import fcntl
import hmac
import os
from datetime import datetime, timedelta
from pathlib import Path

from bienho.core.errors import BienhoError, ConfigError, IntegrityError
from bienho.database import Role, open_database, places, storage_errors
from bienho.database import server as embedded
from bienho.database.connection import URL, WRITER_LOCK
from bienho.database.migrations import migrations
from bienho.governance import audit
from bienho.lake import RawStore
from bienho.pipeline.doctor.check import Found, Scene, fail, ok, unlooked, warn

SKEW = timedelta(seconds=60)
RECEIPT_SLACK = timedelta(minutes=5)
WRITER_LONG = timedelta(hours=6)
LOCKS = "Khóa cũ và tiến trình lạc"
INIT = "Chạy `bienho init` (thư mục mới) hoặc khôi phục từ bản sao lưu (thư mục đã từng có dữ liệu)."


def locks(scene: Scene) -> Found:
    """No left-over of a server that died, none that runs for nobody, no start that hangs. Asked before starting one."""
    home = scene.the_home()
    if os.environ.get(URL):
        return ok("Không có máy chủ đi kèm.")
    if _held(home.run_dir / places.START_LOCK):
        return warn("Một tiến trình đang khởi động hoặc dừng PostgreSQL.", "Đợi vài giây rồi khám lại.")
    place = places.locate(home, create=False)
    if place is None or not place.initialised:
        return ok("Chưa có máy chủ đi kèm.")
    scene.place = place
    pid_file = place.data / "postmaster.pid"
    if not pid_file.exists():
        return ok("Không có khóa cũ; máy chủ đang nghỉ.")
    known = embedded.read_pid_file(place.data)
    if known is None:
        scene.lock_unreadable = True
        return fail(
            "Tệp khóa postmaster.pid của PostgreSQL bị hỏng, máy chủ sẽ không khởi động.",
            f"Khi chắc chắn không có PostgreSQL nào chạy trên thư mục đó, xóa tệp: {pid_file}",
        )
    if not embedded.is_alive(known.pid, place.data):
        return fail(
            f"Khóa cũ: postmaster.pid ghi tiến trình {known.pid}, nay không còn là PostgreSQL của thư mục này; lần "
            "trước máy chủ bị ngắt đột ngột.",
            "Lần khởi động tới PostgreSQL tự phục hồi và thay khóa này (lệnh khám vừa làm việc đó, hãy khám lại); "
            f"nếu vẫn còn, xóa tệp: {pid_file}",
        )
    if not places.in_use(home) and not places.kept(home, known.pid):
        return warn(f"PostgreSQL (tiến trình {known.pid}) còn chạy mà không ai dùng.", "Chạy `bienho stop`.")
    return ok(f"PostgreSQL đang chạy (tiến trình {known.pid}), có người dùng.")


def database(scene: Scene) -> Found:
    """The server answers; an embedded one is started when it rests, never made anew."""
    home, keys = scene.the_home(), scene.the_keys()
    url = os.environ.get(URL)
    if scene.lock_unreadable:
        return unlooked(LOCKS)
    if not url:
        place = places.locate(home, create=False)
        if place is None or not place.initialised:
            return fail("Thư mục dữ liệu chưa có cơ sở dữ liệu.", INIT)
    found = scene.open.enter_context(open_database(home, keys, migrated=False))
    try:
        found.connect(Role.ADMIN, connect_timeout=5).close()
    except ConfigError as error:
        if error.code != "CFG-KEY-WRONG" or url:
            raise
        scene.key_refused = error
    scene.database = found
    if scene.key_refused:
        return ok("Máy chủ trả lời.")
    return ok(f"PostgreSQL {found.server_version()} trả lời tại {found.place if url else 'máy chủ đi kèm'}.")


def key_match(scene: Scene) -> Found:
    """The key at hand is the one this database and this raw were made with: a keyed canary opens only with it."""
    if scene.key_refused is not None:
        return fail(scene.key_refused.message, scene.key_refused.hint)
    home, keys = scene.the_home(), scene.the_keys()
    with scene.the_database().connect(Role.ADMIN) as admin, storage_errors():
        row = admin.execute("SELECT to_regclass('bienho.installation') IS NOT NULL").fetchone()
        known = (
            admin.execute("SELECT home_id, key_check FROM bienho.installation").fetchone() if row and row[0] else None
        )
    if known is not None and not hmac.compare_digest(bytes(known[1]), keys.derive("database/check")):
        if known[0] != home.home_id:
            return fail(
                "Cơ sở dữ liệu này thuộc về một thư mục dữ liệu khác.",
                f"Đặt BIENHO_HOME và {URL} cho đúng cặp của nhau.",
            )
        return fail(
            "Khóa đang dùng không phải khóa của cơ sở dữ liệu này.",
            "Đặt lại đúng tệp khóa của thư mục dữ liệu này (BIENHO_KEY_FILE); đừng tạo khóa mới.",
        )
    if known is None and not _opens_raw(scene):
        return fail(
            "Khóa đang dùng không mở được dữ liệu gốc.",
            "Đặt lại đúng tệp khóa của thư mục dữ liệu này (BIENHO_KEY_FILE); đừng tạo khóa mới.",
        )
    return ok("Khóa mở được dữ liệu của thư mục này.")


def migrated(scene: Scene) -> Found:
    """Every migration of this program has run, unchanged, and none of a newer one."""
    wanted = {one.number: one for one in migrations()}
    with scene.the_database().connect(Role.ADMIN) as admin, storage_errors():
        row = admin.execute("SELECT to_regclass('bienho.migration') IS NOT NULL").fetchone()
        rows = admin.execute("SELECT number, sha256 FROM bienho.migration").fetchall() if row and row[0] else []
    done = {int(number): str(digest) for number, digest in rows}
    newer = sorted(done.keys() - wanted.keys())
    if newer:
        return fail(
            f"Cơ sở dữ liệu có bước nâng cấp {newer[-1]:04d} mà chương trình này không biết.",
            "Cài phiên bản chương trình mới hơn.",
        )
    changed = sorted(number for number, digest in done.items() if wanted[number].sha256 != digest)
    if changed:
        return fail(
            f"Bước nâng cấp {', '.join(f'{number:04d}' for number in changed)} khác với bước đã chạy.",
            "Cài lại đúng chương trình; không sửa tệp nâng cấp đã phát hành.",
        )
    pending = sorted(wanted.keys() - done.keys())
    if pending:
        return fail(
            f"Còn {len(pending)} bước nâng cấp cơ sở dữ liệu chưa chạy ({', '.join(wanted[n].name for n in pending)}).",
            "Sao lưu, rồi chạy `bienho run`: lệnh này nâng cấp trước khi làm việc.",
        )
    return ok(f"Đủ {len(done)} bước nâng cấp.")


def audit_chain(scene: Scene) -> Found:
    """The record of looks is whole from its first event to the one noted beside the database."""
    status = audit.verify(scene.the_database(), scene.the_keys(), scene.the_home())
    if not status.ok:
        return fail(
            status.message_vi,
            "Giữ nguyên hiện trường, báo người phụ trách an toàn thông tin, rồi đối chiếu với bản sao lưu gần nhất.",
        )
    return ok(status.message_vi)


def clock(scene: Scene) -> Found:
    """This machine's clock agrees with the database's and does not stand before the newest receipt."""
    before = scene.probes.now()
    with scene.the_database().connect(Role.ADMIN) as admin, storage_errors():
        row = admin.execute("SELECT clock_timestamp()").fetchone()
    assert row is not None  # noqa: S101 - a SELECT without FROM has one row
    skew = abs(row[0] - before)
    repair = "Chỉnh lại giờ hệ thống (Linux: timedatectl set-ntp true) trước khi nhận tiếp."
    if skew > SKEW:
        return fail(f"Đồng hồ máy này và máy chủ cơ sở dữ liệu lệch {_length(skew)}.", repair)
    newest = _newest_receipt(scene)
    if newest is not None and newest - before > RECEIPT_SLACK:
        return fail(
            f"Biên nhận mới nhất ghi giờ muộn hơn đồng hồ hiện tại {_length(newest - before)}: đồng hồ đang chậm, hoặc "
            "đã nhanh lúc nhận.",
            repair,
        )
    return ok("Đồng hồ khớp với cơ sở dữ liệu và biên nhận mới nhất.")


def writer(scene: Scene) -> Found:
    """Nobody has held the writer's lock for hours."""
    with scene.the_database().connect(Role.ADMIN) as admin, storage_errors():
        row = admin.execute(
            "SELECT activity.pid, clock_timestamp() - activity.backend_start FROM pg_locks AS held"
            " JOIN pg_stat_activity AS activity USING (pid) WHERE held.locktype = 'advisory' AND held.granted"
            " AND held.classid = 0 AND held.objid = %s AND held.database ="
            " (SELECT oid FROM pg_database WHERE datname = current_database())",
            (WRITER_LOCK,),
        ).fetchone()
    if row is None:
        return ok("Không ai đang ghi.")
    if row[1] > WRITER_LONG:
        return warn(
            f"Một tiến trình giữ quyền ghi đã {_length(row[1])} (phiên PostgreSQL {row[0]}).",
            "Xem tiến trình đó còn làm việc không; nếu treo, dừng nó: quyền ghi tự trả lại, việc dở được làm lại.",
        )
    return ok("Một tiến trình đang ghi.")


def promise(scene: Scene) -> Found:
    """Say which promise the embedded mode cannot hold."""
    if os.environ.get(URL):
        return ok("Danh mục của kho ở máy chủ riêng, không nằm cạnh các tệp dữ liệu.")
    return warn(
        "Chế độ đi kèm: khóa của các tệp trong kho nằm trong danh mục, danh mục nằm cùng máy với tệp. Ai lấy được cả "
        "thư mục dữ liệu thì đọc được các bảng (không có họ tên, số định danh: phần đó ở trong két, khóa để nơi khác).",
        f"Khi vận hành thật: dùng máy chủ PostgreSQL riêng ({URL}) và mã hóa ổ đĩa.",
    )


def _opens_raw(scene: Scene) -> bool:
    """Whether the key opens the first record of raw; an empty raw says nothing against it."""
    try:
        next(RawStore(scene.the_home(), scene.the_keys(), wait_seconds=1).headers(), None)
    except IntegrityError as error:
        return error.code != "INT-RAW-KEY"
    except BienhoError:
        return True
    return True


def _newest_receipt(scene: Scene) -> datetime | None:
    """Time of the newest receipts; damage in raw is told by its own check."""
    raw = RawStore(scene.the_home(), scene.the_keys(), wait_seconds=1)
    try:
        return max((header.received_at for header in raw.headers(max(0, raw.last_seq() - 100))), default=None)
    except BienhoError:
        return None


def _held(path: Path) -> bool:
    try:
        handle = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def _length(span: timedelta) -> str:
    """A length of time as people say it: the two largest units."""
    seconds = int(abs(span).total_seconds())
    parts = ((86400, "ngày"), (3600, "giờ"), (60, "phút"), (1, "giây"))
    said = []
    for size, word in parts:
        count, seconds = divmod(seconds, size)
        if count:
            said.append(f"{count} {word}")
    return " ".join(said[:2]) or "dưới 1 giây"
