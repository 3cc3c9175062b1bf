"""Erasures of people: was each one finished, and does the list for restored backups know it."""

from __future__ import annotations

from bienho.pipeline import erasure_list
from bienho.pipeline.doctor.check import Found, Scene, fail, ok
from bienho.privacy import Erasures


def erasures(scene: Scene) -> Found:
    """Nothing that two people decided waits, and the list beside the key files is whole."""
    home = scene.the_home()
    known = [one for one in Erasures(scene.the_database()).all() if one.confirmed_at]
    waiting = [one.erasure_id for one in known if one.state == "confirmed"]
    if waiting:
        return fail(
            f"Lần xóa {', '.join(waiting)} đã được xác nhận mà chưa xong.", "Chạy `bienho erase finish` để làm nốt."
        )
    path = erasure_list.list_path(home)
    listed = {one.erasure_id for one in erasure_list.read(path, scene.the_keys())} if path.exists() else set()
    if {one.erasure_id for one in known} - listed:
        return fail(
            f"Danh sách đã xóa {path} thiếu hoặc không có: khôi phục bản sao cũ sẽ đem người đã xóa trở lại.",
            "Chạy `bienho erase finish` để ghi lại, rồi cất tệp ấy cùng phong bì khóa.",
        )
    return ok(f"Đã xóa {len(known)} lần, không lần nào dở dang." if known else "Chưa xóa ai.")
