"""What was set aside: reason, sender, since when, how long it still counts as work to do, what to do."""

from __future__ import annotations

from typing import Any

from bienho.portal import formats, words
from bienho.portal.components import Badge, Cell, State, Tab, Tabs
from bienho.portal.desk import Desk, Row
from bienho.portal.formats import DASH, number
from bienho.portal.language import t
from bienho.portal.listing import Listing, Select, Show
from bienho.portal.presenters.deliveries import facility_options
from bienho.quality import days_left, last_day, open_since

DATASET = "quality.quarantine"
EXPIRED = "het-han"
SOON_DAYS = 30
"""A reader is warned when less than this is left."""


def waiting(desk: Desk) -> list[tuple[str, str, Any]]:
    """The condition for what is still work to do."""
    return [("received_at", ">=", open_since(formats.local(desk.now).date(), desk.house.limits.quarantine_days))]


def expired(desk: Desk) -> list[tuple[str, str, Any]]:
    """The condition for what is not work to do any more."""
    return [(column, "<", moment) for column, _, moment in waiting(desk)]


def by_facility(desk: Desk) -> list[Row]:
    """What waits, counted by facility, most first."""
    return desk.totals(DATASET, ["facility_code"], {"n": ("count", None)}, waiting(desk), order=[("n", "desc")])


def tabs(desk: Desk, chosen: str) -> Tabs:
    """What waits and what has expired, with counts."""
    titles = (("", t("Chờ xử lý"), waiting(desk)), (EXPIRED, t("Đã hết hạn"), expired(desk)))
    return Tabs(
        t("Tình trạng"),
        [
            Tab(
                title,
                f"/cach-ly/?tinh_trang={name}" if name else "/cach-ly/",
                chosen == name,
                number(desk.count(DATASET, filter)),
            )
            for name, title, filter in titles
        ],
    )


def listing(desk: Desk, chosen: str) -> Listing:
    """The list of one of the two."""
    return Listing(
        id="cach-ly",
        caption=t("Những phần chưa vào kho"),
        dataset=DATASET,
        needs=(
            "version_id",
            "delivery_seq",
            "delivery_id",
            "hoso",
            "facility_code",
            "code",
            "message",
            "received_at",
        ),
        order=("delivery_seq", "desc"),
        tie="version_id",
        fixed=tuple(expired(desk) if chosen == EXPIRED else waiting(desk)),
        keeps=("tinh_trang",),
        selects=(
            Select("co_so", t("Cơ sở"), "facility_code", options=facility_options(desk, DATASET)),
            Select("ma", t("Mã lý do"), "code", kind="text"),
        ),
        shows=(
            Show("ly", t("Lý do"), lambda r: Cell(r["message"], note=r["code"], lang="vi"), lead=True, sort="code"),
            Show(
                "cs",
                t("Cơ sở"),
                lambda r: Cell(desk.facility_name(r["facility_code"]), note=r["facility_code"] or ""),
                sort="facility_code",
            ),
            Show("luc", t("Nhận lúc"), lambda r: Cell(formats.moment(r["received_at"])), "date", sort="received_at"),
            Show("han", t("Hạn xử lý"), lambda r: _left(desk, r), sort="received_at"),
            Show(
                "lan",
                t("Lần nhận"),
                lambda r: Cell(r["delivery_id"], f"/giao-nhan/{r['delivery_id']}/"),
                "code",
                sort="delivery_seq",
            ),
            Show(
                "hs",
                t("Hồ sơ thứ"),
                lambda r: Cell(number(r["hoso"]) if r["hoso"] else t("cả tệp"), raw=r["hoso"]),
                "number",
            ),
            Show("sua", t("Cách sửa"), lambda r: Cell(words.fix(r["code"]))),
            Show(
                "lenh",
                t("Lệnh đọc lại"),
                lambda r: Cell(f"bienho quarantine replay {r['delivery_id']}"),
                "code",
                shown=False,
            ),
        ),
        empty=_nothing(chosen),
    )


def lead(desk: Desk, chosen: str) -> str:
    """What the reader of one of the two should know and do."""
    if chosen == EXPIRED:
        return t(
            "Nhận quá {n} ngày nên không còn là việc chờ. Bản gốc vẫn giữ; cơ sở gửi lại hoặc người vận hành đọc lại"
            " vẫn được.",
            n=number(desk.house.limits.quarantine_days),
        )
    return t("Phần không đọc được, để riêng kèm lý do. Bản gốc vẫn giữ nguyên; cơ sở sửa rồi gửi lại là đủ.")


def _nothing(chosen: str) -> State:
    if chosen == EXPIRED:
        return State(
            "good",
            t("Chưa có mục nào hết hạn"),
            t("Mục chưa xử lý xong khi hết hạn sẽ chuyển từ “Chờ xử lý” sang đây."),
        )
    return State(
        "good",
        t("Không có gì đang cách ly"),
        t("Hồ sơ không đọc được sẽ để riêng ở đây, không mất và không làm hỏng hồ sơ khác trong tệp."),
    )


def _left(desk: Desk, row: Row) -> Cell:
    if row["received_at"] is None:
        return Cell(DASH)
    days = desk.house.limits.quarantine_days
    left = days_left(row["received_at"], days, formats.local(desk.now).date())
    until = formats.day(last_day(row["received_at"], days))
    if left < 0:
        return Cell("", note=until, badge=Badge(t("hết hạn"), "quiet"), raw=left)
    text = t("còn {n} ngày", n=number(left))
    if left < SOON_DAYS:
        return Cell("", note=until, badge=Badge(text, "warn"), raw=left)
    return Cell(text, note=until, raw=left)
