"""The home: is it there, is it whole, is there room, and is its key at hand and private."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from pathlib import Path

from bienho.config import Home, key_path, load_keys
from bienho.core.errors import BienhoError
from bienho.database import places
from bienho.database.connection import URL
from bienho.pipeline.doctor.check import Found, Scene, fail, ok, warn

GIB = 1024**3
FREE_FAIL_BYTES = 1 * GIB
FREE_WARN_BYTES = 5 * GIB
FREE_FILES_FAIL = 10_000


def home(scene: Scene) -> Found:
    """The folder is a home of this layout, closed to others."""
    try:
        scene.home = Home.open(scene.path)
    except (ValueError, KeyError, TypeError, AttributeError):
        return fail(
            f"Tệp home.json trong {scene.path} bị hỏng.",
            "Lấy lại home.json từ bản sao lưu; đừng tạo thư mục dữ liệu mới đè lên.",
        )
    except PermissionError:
        return fail(
            f"Tài khoản đang chạy không đọc được {scene.path}.",
            "Chạy bằng tài khoản sở hữu thư mục dữ liệu, hoặc đặt BIENHO_HOME cho đúng.",
        )
    mode = scene.path.stat().st_mode
    if stat.S_IMODE(mode) & 0o022:
        return fail(f"Người khác ghi được vào {scene.path}.", f"Chạy: chmod 700 '{scene.path}'")
    if stat.S_IMODE(mode) & 0o055:
        return warn(f"Người khác vào được {scene.path}.", f"Chạy: chmod 700 '{scene.path}'")
    origin = "" if scene.home.origin == "raw" else "; dữ liệu giả lập đưa thẳng vào kho, không có dữ liệu gốc"
    return ok(f"{scene.path}, chế độ {'vận hành' if scene.home.mode == 'production' else 'trình diễn'}{origin}.")


def layout(scene: Scene) -> Found:
    """Every folder of the home is there and can be written, tried by writing."""
    own = scene.the_home()
    folders = (own.raw_dir, own.lake_dir, own.run_dir, own.log_dir)
    missing = [folder.name for folder in folders if not folder.is_dir()]
    if missing:
        lost = "raw" in missing or "lake" in missing
        return fail(
            f"Thiếu thư mục con: {', '.join(missing)}.",
            "Khôi phục thư mục dữ liệu từ bản sao lưu."
            if lost
            else f"Tạo lại bằng: mkdir -m 700 {' '.join(repr(str(own.path / name)) for name in missing)}",
        )
    for folder in folders:
        try:
            with tempfile.NamedTemporaryFile(dir=folder, prefix=".doctor-") as probe:
                probe.write(b"bienho")
                probe.flush()
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                return ok("Đủ các thư mục con (chưa thử ghi được vì đĩa đầy).")
            return fail(
                f"Không ghi được vào {folder} ({os.strerror(error.errno or 0)}).",
                "Kiểm tra chủ sở hữu, quyền, và ổ đĩa có bị gắn chỉ đọc không.",
            )
    return ok("Đủ các thư mục con, ghi được.")


def disk(scene: Scene) -> Found:
    """There is room on every volume the home and its database lie on."""
    scene.place = _place(scene)
    volumes = {scene.path, *([scene.place.folder] if scene.place else [])}
    least, where = min((_free_bytes(scene, path), str(path)) for path in volumes)
    inodes = min((_free_files(scene, path), str(path)) for path in volumes)
    text = f"Còn {least / GIB:.1f} GiB tại {where}.".replace(".", ",", 1)
    repair = "Giải phóng hoặc thêm dung lượng; có thể chạy `bienho job compact` và `bienho job retain` khi còn chỗ."
    if least < FREE_FAIL_BYTES:
        return fail(text + " Lần nhận mới có thể bị từ chối.", repair)
    if inodes[0] < FREE_FILES_FAIL:
        return fail(f"Ổ đĩa của {inodes[1]} gần hết số tệp được phép tạo.", repair)
    if least < FREE_WARN_BYTES:
        return warn(text, repair)
    return ok(text)


def key(scene: Scene) -> Found:
    """The key file is there, private, whole and outside the home. Whether it is the right one is asked later."""
    own = scene.the_home()
    path = key_path(own)
    try:
        scene.keys = load_keys(own)
    except PermissionError:
        return fail(f"Không đọc được tệp khóa {path}.", "Chạy bằng tài khoản sở hữu tệp khóa.")
    if not path.exists():
        return ok("Khóa chủ ở dịch vụ khóa ngoài, mở được vòng khóa.")
    owner = path.stat().st_uid
    if owner not in (os.geteuid(), 0):
        return warn(f"Tệp khóa {path} thuộc về tài khoản khác (uid {owner}).", "Chuyển chủ sở hữu tệp khóa cho đúng.")
    return ok(f"{path}, chỉ chủ sở hữu đọc được.")


def _place(scene: Scene) -> places.Place | None:
    """Where the embedded server's files are, when there are any; trouble here is told by the checks of the server."""
    if os.environ.get(URL):
        return None
    try:
        return places.locate(scene.the_home(), create=False)
    except (BienhoError, OSError, ValueError, KeyError):
        return None


def _free_bytes(scene: Scene, path: Path) -> int:
    facts = scene.probes.statvfs(path)
    return facts.f_bavail * facts.f_frsize


def _free_files(scene: Scene, path: Path) -> int:
    facts = scene.probes.statvfs(path)
    # Some file systems count no inodes at all.
    return facts.f_favail if facts.f_files else FREE_FILES_FAIL
