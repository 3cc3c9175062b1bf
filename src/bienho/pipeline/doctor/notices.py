"""Notices: are they sent at all, can they be, and was one given up."""

from __future__ import annotations

from datetime import timedelta

from bienho.config import read_doors, read_notice_ways
from bienho.governance.notices.outbox import Outbox
from bienho.governance.people import door_secrets
from bienho.pipeline.doctor.check import Found, Scene, fail, ok, warn

STUCK = timedelta(hours=1)


def notices(scene: Scene) -> Found:
    """The file says how, the password is there, nothing lies about. No server is called: `bienho notices test` does."""
    home, database = scene.the_home(), scene.the_database()
    ways = read_notice_ways(home)
    if not ways.any:
        return ok("Chưa bật: kho không gửi thông báo nào ra ngoài (không có notices.yaml).")
    if ways.mail and ways.mail.user and door_secrets.find(database, home, door_secrets.SMTP) is None:
        return fail("Máy chủ thư cần mật khẩu mà kho chưa cất.", "Nhập bằng `bienho notices secret`.")
    outbox, now = Outbox(database), scene.probes.now()
    stands = outbox.standing()
    if stands["dead"]:
        return warn(
            f"{stands['dead']} thư thông báo đã bị bỏ sau nhiều lần gửi.",
            "Xem lý do ở mục Hệ thống, Thư thông báo; thử đường gửi bằng `bienho notices test`.",
        )
    if outbox.due(now - STUCK, 1):
        return warn(
            "Có thư thông báo chờ quá một giờ.", "Thử đường gửi bằng `bienho notices test`; xem tiến trình nền có chạy."
        )
    if not read_doors(home).address:
        return warn(
            "Thư thông báo không có đường dẫn mở được: doors.yaml chưa có address.",
            "Ghi address theo docs/deployment.md.",
        )
    return ok(f"Đã gửi {stands['sent']} thư, đang chờ {stands['waiting']}.")
