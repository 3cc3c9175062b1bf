"""The first page: what to do now, for whoever reads it."""

from __future__ import annotations

from datetime import timedelta

from bienho.portal import words
from bienho.portal.components import State, Todo, TodoList
from bienho.portal.desk import Desk, Row
from bienho.portal.formats import number
from bienho.portal.language import t
from bienho.portal.presenters import quarantine
from bienho.portal.presenters.communes import nothing_yet
from bienho.portal.presenters.rules import reached
from bienho.portal.ways import first_open, is_open
from bienho.quality.sending_days import SILENT_DAYS

MOST_TODO = 5


def todo(desk: Desk, facilities: list[Row]) -> TodoList:
    """The five most urgent things of what this reader may know, worst first; `facilities`: when each was last heard of.

    A thing whose own page is closed to them leads to the next best one, or nowhere.
    """
    found = _visits(desk)
    if desk.sees("quality.quarantine"):
        found += _quarantine(desk)
    found += _silent_ones(desk, facilities)
    if desk.sees("quality.finding"):
        found += _findings(desk)
    found += _never_heard_of(desk, facilities)
    good = State("good", t("Không có việc gấp"), t("Các cơ sở đang gửi đều, không có hồ sơ cách ly hay phát hiện sai."))
    heard = facilities or not desk.sees("standard.delivery")
    return TodoList(t("Việc cần làm bây giờ"), found[:MOST_TODO], good if heard else nothing_yet())


def silent(desk: Desk, facilities: list[Row]) -> list[Row]:
    """Facilities that were not heard of for longer than a sender may be silent."""
    limit = desk.now - timedelta(days=SILENT_DAYS)
    return [row for row in facilities if row["facility_code"] and row["last"] < limit]


def _visits(desk: Desk) -> list[Todo]:
    """What somebody who writes visits on the portal comes for."""
    if not is_open(desk.actor, "/kham-benh/"):
        return []
    text = t("Ghi lượt khám, đơn thuốc, giấy chuyển; in được và gửi vào kho như một hồ sơ.")
    return [
        Todo("info", t("Ghi lượt khám hôm nay"), text, t("Người khám"), t("hôm nay"), "/kham-benh/", t("Ghi lượt khám"))
    ]


def _quarantine(desk: Desk) -> list[Todo]:
    rows = quarantine.by_facility(desk)
    if not rows:
        return []
    known = [row for row in rows if row["facility_code"]]
    names = ", ".join(desk.facility_name(row["facility_code"]) for row in known[:2])
    unknown = sum(row["n"] for row in rows if not row["facility_code"])
    title = t("{n} mục đang cách ly, chưa vào kho", n=number(sum(row["n"] for row in rows)))
    said = [t("Của {k} cơ sở; nhiều nhất: {names}.", k=number(len(known)), names=names)] if known else []
    text = " ".join([*said, *([t("{n} mục chưa rõ cơ sở gửi.", n=number(unknown))] if unknown else [])])
    way = first_open(desk.actor, ("/cach-ly/", t("Xem lý do")), ("/theo-doi/", t("Xem cơ sở gửi")))
    return [Todo("act", title, text, t("Cơ sở gửi dữ liệu"), t("hôm nay"), *way)]


def _silent_ones(desk: Desk, facilities: list[Row]) -> list[Todo]:
    quiet = silent(desk, facilities)
    if not quiet:
        return []
    if reached(desk) is not None and len(facilities) == 1:
        days = (desk.now - quiet[0]["last"]).days
        title = t("Đơn vị đã {n} ngày không gửi hồ sơ", n=number(days))
        text = t("Còn lượt khám chưa gửi thì gửi ngay; không còn thì không phải làm gì.")
        way = first_open(desk.actor, ("/gui-ho-so/", t("Gửi hồ sơ")), ("/kham-benh/", t("Ghi lượt khám")))
        return [Todo("warn", title, text, t("Cơ sở gửi dữ liệu"), t("hôm nay"), *way)]
    names = ", ".join(desk.facility_name(row["facility_code"]) for row in quiet[:2])
    title = t("{n} cơ sở im lặng quá {d} ngày", n=number(len(quiet)), d=SILENT_DAYS)
    text = t("Lâu nhất: {names}.", names=names)
    return [Todo("act", title, text, t("Sở Y tế gọi cơ sở"), t("hôm nay"), "#co-so", t("Xem cơ sở"))]


def _findings(desk: Desk) -> list[Todo]:
    measures = {
        "n": ("count", None),
        "hs": ("count_distinct", "version_id"),
        "lan": ("count_distinct", "delivery_id"),
    }
    rows = desk.totals("quality.finding", ["owner"], measures, [("severity", "=", "error")], [("n", "desc")])
    found = []
    for row in rows[:2]:
        many, places = number(row["n"]), number(row["hs"])
        title = t("{n} phát hiện sai ở {hs} hồ sơ", n=many, hs=places)
        text = t("Hồ sơ đã vào kho nhưng có trường sai, cần gửi lại.")
        if not row["hs"]:
            title = t("{n} phát hiện sai ở {k} lần nhận", n=many, k=number(row["lan"]))
            text = t("Sai ở cả tệp, như chữ ký; cần gửi lại tệp.")
        way = first_open(
            desk.actor,
            (f"/phat-hien/?muc_do=error&don_vi={row['owner']}", t("Xem phát hiện")),
            ("/chat-luong/", t("Xem chất lượng")),
        )
        owner = words.word(words.OWNERS, row["owner"])
        found.append(Todo("act", title, text, owner, t("trong tuần này"), *way))
    return [*found, *_warnings(desk)]


def _warnings(desk: Desk) -> list[Todo]:
    """One thing to do, whatever their number: the most frequent kind is named with its repair."""
    measures = {"n": ("count", None), "cs": ("count_distinct", "facility_code")}
    kinds = desk.totals("quality.finding", ["code"], measures, [("severity", "=", "warning")], [("n", "desc")])
    if not kinds:
        return []
    most = kinds[0]
    title = t("{n} phát hiện cần xem, {k} loại", n=number(sum(row["n"] for row in kinds)), k=number(len(kinds)))
    text = t(
        "Chưa làm sai con số. Loại gặp nhiều nhất: {n}, ở {k} cơ sở. {fix}",
        n=number(most["n"]),
        k=number(most["cs"]),
        fix=words.fix(most["code"]),
    )
    way = first_open(
        desk.actor, ("/phat-hien/?muc_do=warning", t("Xem phát hiện")), ("/chat-luong/", t("Xem chất lượng"))
    )
    return [Todo("warn", title, text, t("Cơ sở gửi dữ liệu"), t("trong tháng này"), *way)]


def _never_heard_of(desk: Desk, facilities: list[Row]) -> list[Todo]:
    if not facilities or reached(desk) is not None:  # who sees some facilities cannot tell who never sent
        return []
    sent = {row["facility_code"] for row in facilities}
    never = sum(1 for code in desk.profile.facility_by_code if code not in sent)
    if not never:
        return []
    title = t("{n} cơ sở trong danh mục chưa gửi lần nào", n=number(never))
    text = t("Kể cả cơ sở còn mang mã tạm; đối chiếu danh mục trước khi nhắc.")
    return [Todo("info", title, text, t("Sở Y tế"), t("trong tháng này"), "#co-so", t("Xem cơ sở đã gửi"))]
