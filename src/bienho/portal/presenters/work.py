"""The work behind the pages: what waits, what runs, what failed, and what to do about it now."""

from __future__ import annotations

import math
from collections.abc import Sequence

from bienho.pipeline.worker.standing import KindStanding, Standing
from bienho.portal import formats
from bienho.portal.components import Badge, Cell, Column, State, Table, Todo, TodoList
from bienho.portal.components.badge import Tone
from bienho.portal.desk import Desk
from bienho.portal.formats import number
from bienho.portal.language import later, t

HREF = "/he-thong/viec-nen/"
KINDS = {
    "take-in": (later("Đưa lần nhận vào kho"), later("ngay khi có lần nhận")),
    "derive": (later("Tính chỉ số"), later("sau mỗi lần nhận, và 1 giờ sáng")),
    "signatures": (later("Xét chữ ký số"), later("sau mỗi lần nhận, và 1 giờ sáng")),
    "drop": (later("Lấy tệp các cơ sở thả vào thư mục"), later("khi có tệp mới")),
    "outgoing": (later("Báo kết quả, chuyển tiếp hồ sơ"), later("sau mỗi lần nhận, khi cơ sở có khai")),
    "reports": (later("Chạy báo cáo định kỳ"), later("6 giờ sáng")),
    "link": (later("Liên kết người bệnh"), later("mỗi giờ")),
    "notices": (later("Gửi thông báo"), later("mỗi 5 phút")),
    "scores": (later("Chấm điểm chất lượng"), later("mỗi giờ")),
    "compact": (later("Gộp tệp nhỏ của kho"), later("1 giờ sáng")),
    "retain": (later("Xóa bản chụp quá hạn"), later("1 giờ sáng")),
    "clean": (later("Dọn kho đã thay"), later("1 giờ sáng")),
    "prune": (later("Dọn sổ việc cũ"), later("1 giờ sáng")),
}
STATES: dict[str, tuple[str, Tone]] = {
    "running": (later("Đang làm"), "info"),
    "waiting": (later("Đang chờ"), "quiet"),
    "again": (later("Chờ làm lại"), "warn"),
    "late": (later("Trễ"), "act"),
    "failed": (later("Hỏng"), "act"),
    "done": (later("Xong"), "ok"),
    "never": (later("Chưa chạy"), "quiet"),
}


def ask(desk: Desk) -> Standing | None:
    """How the work stands now; None where this portal has no worker to ask about."""
    return desk.house.standing(desk.now) if desk.house.standing else None


def brief(desk: Desk) -> State | None:
    """One look for the page of deliveries: is what was received in the store yet?"""
    stands = ask(desk)
    if stands is None:
        return None
    more = {"href": HREF, "link": t("Xem việc nền")}
    if any(one.is_bad for one in stands.kinds) or stands.is_full or (stands.backlog.deliveries and not stands.worker):
        return State("error", t("Có việc nền cần người quản trị xem"), _waits(stands), safe=t(SAFE), **more)
    if stands.backlog.deliveries:
        return State("partial", t("Đang đưa lần nhận vào kho"), _waits(stands), **more)
    return None


SAFE = later("Tệp đã có biên nhận được giữ nguyên, không mất.")


def _waits(stands: Standing) -> str:
    backlog = stands.backlog
    if not backlog.deliveries:
        return t("Không có lần nhận nào chờ.")
    waiting = t("{n} lần nhận chờ ({size}).", n=number(backlog.deliveries), size=formats.size(backlog.bytes))
    if not stands.worker:
        return waiting
    return f"{waiting} {t('Còn khoảng {n} phút.', n=number(max(1, math.ceil(backlog.seconds / 60))))}"


def todo(stands: Standing) -> TodoList:
    """What an administrator does now."""
    who, now = t("Quản trị hệ thống"), t("hôm nay")
    items = []
    if not stands.worker:
        items.append(
            Todo(
                "act" if stands.backlog.deliveries else "warn",
                t("Tiến trình nền không chạy"),
                t("Chạy `bienho serve` (hoặc `bienho work`) trên máy chủ. Lần nhận mới đợi đến khi có nó."),
                who, now, "/huong-dan/nguoi-quan-tri/", t("Hướng dẫn"),
            )
        )  # fmt: skip
    if stands.is_full:
        items.append(
            Todo(
                "act",
                t("Hàng chờ đã đầy"),
                t("Kho tạm không nhận thêm. Xem việc hỏng hoặc trễ bên dưới; hết hàng chờ, kho nhận lại."),
                who, now, HREF, t("Xem bảng"),
            )
        )  # fmt: skip
    for one in stands.kinds:
        if one.is_bad:
            title = t("{job}: hỏng") if one.state == "failed" else t("{job}: trễ")
            items.append(
                Todo(
                    "act",
                    title.replace("{job}", t(KINDS[one.name][0])),
                    t("Chạy `bienho doctor`, sửa điều nó nêu, rồi chạy `bienho run`. {safe}", safe=t(SAFE)),
                    who, now, HREF, t("Xem bảng"),
                )
            )  # fmt: skip
    good = State("good", t("Mọi việc nền đều ổn"), _waits(stands))
    return TodoList(t("Việc cần làm bây giờ"), items[:5], good)


def table(stands: Standing) -> Table:
    """One line per kind of job."""
    return Table(
        "viec-nen",
        t("Các loại việc nền"),
        [
            Column("viec", t("Việc"), lead=True),
            Column("tinh", t("Tình trạng")),
            Column("tu", t("Từ lúc"), "date"),
            Column("xong", t("Xong lần cuối"), "date"),
            Column("lai", t("Đã thử"), "number"),
            Column("khi", t("Chạy khi nào")),
        ],
        _rows(stands.kinds),
        csv_url="?xuat=viec-nen.csv",
    )


def _rows(kinds: Sequence[KindStanding]) -> list[dict[str, Cell]]:
    rows = []
    for one in kinds:
        text, tone = STATES[one.state]
        name, when = KINDS[one.name]
        rows.append(
            {
                "viec": Cell(t(name)),
                "tinh": Cell("", badge=Badge(t(text), tone), raw=t(text)),
                "tu": Cell(formats.moment(one.since), raw=one.since),
                "xong": Cell(formats.moment(one.last_done), raw=one.last_done),
                "lai": Cell(number(one.attempts), raw=one.attempts),
                "khi": Cell(t(when)),
            }
        )
    return rows


def line(stands: Standing) -> str:
    """What waits and whether anybody is at it, in one sentence."""
    alive = t("Tiến trình nền đang chạy.") if stands.worker else t("Tiến trình nền không chạy.")
    return f"{_waits(stands)} {alive}"
