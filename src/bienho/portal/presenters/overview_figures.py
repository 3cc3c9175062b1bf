"""The first page: the numbers at its top, as many as its reader may know."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

from bienho.governance.purposes import QUALITY, claimed
from bienho.portal import formats
from bienho.portal.components import Badge, Figure, State
from bienho.portal.desk import Desk, Row
from bienho.portal.formats import number
from bienho.portal.language import t
from bienho.portal.presenters import quarantine, scores
from bienho.portal.presenters.delays import Delay, Delays
from bienho.portal.presenters.received import Day
from bienho.portal.ways import first_open

WEEK = 7
DOSSIERS = "standard.xml130_dossier"


def figures(
    desk: Desk, days: list[Day] | None, facilities: list[Row], late: Delays | State | None, newest: datetime | None
) -> list[Figure]:
    """`days`, `facilities`, `late`: what came in by day, when each facility was last heard of, how late it comes; None
    or empty where that is closed to the reader. Whoever may not count dossiers is told who sends and how well."""
    fresh = t("đến {when}", when=formats.moment(newest))
    made = []
    if desk.sees(DOSSIERS, "document", "patient_key"):
        made.append(_dossiers(desk, fresh))
    elif facilities:
        made.append(_sending(desk, facilities, fresh))
    if days is not None:
        made += [_received(desk, days, fresh), _clean_share(desk, days, fresh)]
    if late is not None:
        made.append(_late(late.whole if isinstance(late, Delays) else None))
    if desk.sees("quality.quarantine"):
        made.append(_quarantined(desk, fresh))
    return made if days is not None else [*made, *_scores(desk)]


def desk_of_quality(desk: Desk) -> Desk:
    """The same reader, asking about quality."""
    return Desk(desk.house, desk.actor, claimed(desk.actor.roles, QUALITY))


def _scores(desk: Desk) -> list[Figure]:
    """How well the data is, for whoever sees no single delivery."""
    asking = desk_of_quality(desk)
    scope = scores.newest(asking) if asking.sees("quality.score") and asking.sees("quality.score_loss") else None
    if scope is None:
        return []
    told = scores.figures(asking, scope, scores.of_week(asking, scope))
    return [replace(one, href=f"/chat-luong/{one.href}") for one in told[:2]]


def _sending(desk: Desk, facilities: list[Row], fresh: str) -> Figure:
    since = desk.now - timedelta(days=WEEK)
    known = [row for row in facilities if row["facility_code"]]
    sent = sum(row["last"] >= since for row in known)
    return Figure(
        t("Cơ sở có gửi trong 7 ngày"), number(sent), t("cơ sở"),
        t("trong {n} cơ sở đã từng gửi", n=number(len(known))), fresh, Badge(t("đếm đủ"), "ok"), "#co-so",
    )  # fmt: skip


def _dossiers(desk: Desk, fresh: str) -> Figure:
    counts = {"n": ("count", None), "patients": ("count_distinct", "patient_key")}
    documents = {row["document"]: row for row in desk.totals(DOSSIERS, ["document"], counts)}
    known = documents.pop("visit", {"n": 0, "patients": 0})
    others = sum(row["n"] for row in documents.values())
    of_patients = t("của {n} mã người bệnh tại cơ sở", n=number(known["patients"]))
    apart = t("; không kể {n} lượt đến, giám định", n=number(others)) if others else ""
    return Figure(
        t("Hồ sơ khám bệnh hiện hành"), number(known["n"]), t("hồ sơ"), of_patients + apart, fresh,
        Badge(t("đếm đủ"), "ok"), _way(desk, "/ho-so/"),
    )  # fmt: skip


def _received(desk: Desk, days: list[Day], fresh: str) -> Figure:
    now, before = (sum(one.deliveries for one in part) for part in _weeks(desk, days))
    return Figure(
        t("Lần nhận trong 7 ngày"), number(now), t("lần"), _against(now, before), fresh, Badge(t("đếm đủ"), "ok"),
        _way(desk, "/giao-nhan/"),
    )  # fmt: skip


def _clean_share(desk: Desk, days: list[Day], fresh: str) -> Figure:
    now, before = (_clean(part) for part in _weeks(desk, days))
    return Figure(
        t("Tỷ lệ hồ sơ nhận sạch, 7 ngày"),
        formats.percent(now) if now is not None else formats.WITHHELD,
        "",
        t("7 ngày trước đó: {p}", p=formats.percent(before)),
        fresh,
        Badge(t("theo các kiểm tra hiện có"), "info"),
        _way(desk, "/phat-hien/"),
        "" if now is not None else t("7 ngày qua không nhận hồ sơ nào nên không tính được."),
    )


def _quarantined(desk: Desk, fresh: str) -> Figure:
    waiting = sum(row["n"] for row in quarantine.by_facility(desk))
    return Figure(
        t("Đang cách ly, chờ xử lý"), number(waiting), t("mục"), t("mục tiêu: 0"), fresh,
        Badge(t("cần xử lý"), "act") if waiting else Badge(t("không có"), "ok"), _way(desk, "/cach-ly/"),
    )  # fmt: skip


def _way(desk: Desk, href: str) -> str:
    return first_open(desk.actor, (href, ""), ("/theo-doi/", ""))[0]


def _weeks(desk: Desk, days: list[Day]) -> tuple[list[Day], list[Day]]:
    """The `WEEK` days up to today, and those before them."""
    today = formats.local(desk.now).date()
    return _between(days, today), _between(days, today - timedelta(days=WEEK))


def _between(days: list[Day], last: date) -> list[Day]:
    """The `WEEK` days up to `last`."""
    return [one for one in days if last - timedelta(days=WEEK) < one.day <= last]


def _late(whole: Delay | None) -> Figure:
    return Figure(
        t("Chậm bao lâu"),
        number(whole.middle) if whole else formats.WITHHELD,
        t("ngày (trung vị)") if whole else "",
        t("từ ra viện đến lập tệp gửi; 95 % trong {n} ngày", n=number(whole.late)) if whole else "",
        t("ra viện 12 tháng qua"),
        Badge(t("theo ngày lập tệp"), "info"),
        "#co-so",
        ""
        if whole
        else t("Chưa có hồ sơ nào vừa có ngày ra viện vừa có ngày lập tệp, hoặc vai trò này không được đọc."),
    )


def _clean(days: list[Day]) -> float | None:
    taken = sum(one.found - one.duplicates for one in days)
    return sum(one.accepted for one in days) / taken if taken else None


def _against(now: int, before: int) -> str:
    if not before:
        return t("7 ngày trước đó không nhận lần nào")
    change = number(abs(now - before) / before * 100)
    if now == before:
        return t("bằng 7 ngày trước đó")
    return (
        t("tăng {p} % so với 7 ngày trước", p=change) if now > before else t("giảm {p} % so với 7 ngày trước", p=change)
    )
