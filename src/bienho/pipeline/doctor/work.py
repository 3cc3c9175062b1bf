"""The worker and its jobs: is somebody at what waits, and did anything fail or come late."""

from __future__ import annotations

from bienho.config import DEFAULT
from bienho.lake import RawStore
from bienho.pipeline.doctor.check import Found, Scene, fail, ok, warn
from bienho.pipeline.worker.standing import Standing, standing

SAFE = "Tệp đã có biên nhận không mất."


def worker(scene: Scene) -> Found:
    """What has a receipt is in the lake, or somebody is at it."""
    stands = _ask(scene)
    backlog = stands.backlog
    if stands.is_full:
        return fail(
            f"Hàng chờ đầy: {backlog.deliveries} lần nhận chưa vào kho, không nhận thêm được. {SAFE}",
            "Xem mục “Việc nền”; chạy `bienho run` để đưa hết hàng chờ vào kho.",
        )
    if backlog.deliveries and not stands.worker:
        return warn(
            f"{backlog.deliveries} lần nhận chưa vào kho và không có tiến trình nền. {SAFE}",
            "Chạy `bienho run`, hoặc `bienho serve` để tiến trình nền tự làm.",
        )
    if backlog.deliveries:
        return ok(f"Tiến trình nền đang đưa {backlog.deliveries} lần nhận vào kho.")
    return ok("Đang chạy, không có gì chờ." if stands.worker else "Không chạy, và không có gì chờ.")


def failed(scene: Scene) -> Found:
    """No kind of job ended badly the last time, none is late."""
    kinds = _ask(scene).kinds
    broken = [one.name for one in kinds if one.state == "failed"]
    late = [one.name for one in kinds if one.state == "late"]
    if broken:
        return fail(
            f"Lần chạy cuối bị hỏng: {', '.join(broken)}. {SAFE}",
            "Xem log/worker.log trong thư mục dữ liệu, sửa lỗi được nêu, rồi chạy `bienho run` hoặc `bienho job TÊN`"
            " và để tiến trình nền chạy lại việc đó.",
        )
    if late:
        return warn(
            f"Trễ: {', '.join(late)}.", "Xem tiến trình nền có đang chạy không (`bienho serve`, `bienho work`)."
        )
    return ok("Không việc nào hỏng hay trễ.")


def _ask(scene: Scene) -> Standing:
    home = scene.the_home()
    raw = RawStore(home, scene.the_keys(), wait_seconds=5)
    return standing(home, scene.the_database(), raw, DEFAULT, scene.probes.now())
