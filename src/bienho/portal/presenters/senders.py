"""The Department's watch over senders: who is silent, who is late, where errors come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from urllib.parse import urlencode

from bienho.governance.reminders import Reminder
from bienho.portal import formats, words
from bienho.portal.components import Badge, Cell, Column, Figure, State, Table
from bienho.portal.desk import Desk, Row
from bienho.portal.formats import DASH, number
from bienho.portal.language import t
from bienho.portal.paging import PER_PAGE, last_page, turning
from bienho.portal.presenters import rules
from bienho.portal.presenters.care_days import HREF as CALENDAR
from bienho.portal.presenters.mending import FINDING, may_mend
from bienho.portal.presenters.mending import HREF as MENDING
from bienho.portal.presenters.reminding import SEND_HREF
from bienho.portal.presenters.scores import LOSS, SCORE, VISITS
from bienho.quality.sending_days import LATE_CODES, LATE_WEEKS, SILENT_DAYS

HREF = "/theo-doi/"
SHOWN = 10
"""Lines of a table on the page; its file has all."""
SOURCE_WEEKS = 12
#: Of dossiers that came in these weeks: by facility, first ward and edition, how many have an error now.
WARDS = """
SELECT d.facility_code, e.department_first AS ward, d.format_version AS edition, count(*) AS dossiers,
    count(bad.version_id) AS flawed, CAST(coalesce(sum(bad.n), 0) AS BIGINT) AS n
FROM standard.xml130_dossier AS d
LEFT JOIN conformed.encounter AS e ON e.version_id = d.version_id
LEFT JOIN (
    SELECT version_id, count(*) AS n FROM quality.finding WHERE severity = 'error' GROUP BY 1
) AS bad ON bad.version_id = d.version_id
WHERE d.document = 'visit' AND epoch(d.received_at) >= {since}
GROUP BY 1, 2, 3
HAVING count(bad.version_id) > 0
ORDER BY n DESC, 1, 2, 3 LIMIT {limit}
"""


def last_by_facility(desk: Desk) -> list[Row]:
    """Every facility that has sent, the one not heard of for longest first."""
    measures = {"last": ("max", "received_at"), "lan": ("count", None), "hs": ("sum", "hoso_found"),
                "cach_ly": ("sum", "quarantined")}  # fmt: skip
    found = desk.totals("standard.delivery", ["facility_code"], measures, order=[("last", "asc")])
    return [row for row in found if row["facility_code"]]


def is_silent(desk: Desk, row: Row) -> bool:
    return bool(row["last"] < desk.now - timedelta(days=SILENT_DAYS))


def never(desk: Desk, heard: Sequence[Row]) -> list[str]:
    """Codes of facilities in the list, within the reader's reach, that have sent nothing yet."""
    known, reach = {row["facility_code"] for row in heard}, rules.reached(desk)
    return sorted(
        code for code in desk.profile.facility_by_code if code not in known and (reach is None or code in reach)
    )


def newest(reminders: Sequence[Reminder]) -> dict[str, Reminder]:
    """Facility → the newest reminder sent to it."""
    return {one.facility_code: one for one in reversed(reminders)}


def silent(
    desk: Desk,
    heard: Sequence[Row],
    contacts: Mapping[str, str],
    reminded: Mapping[str, Reminder],
    page: int | None,
    *,
    may_remind: bool,
) -> Table:
    """Who has sent before and is silent now, for longest first; a page of them, or all for a file (None)."""
    quiet = [row for row in heard if is_silent(desk, row)]
    page = page and min(page, last_page(len(quiet)))
    rows = []
    for row in quiet[(page - 1) * PER_PAGE : page * PER_PAGE] if page else quiet:
        code = row["facility_code"]
        rows.append(
            {
                "cs": _facility(desk, code),
                "cuoi": Cell(formats.ago(row["last"], desk.now), note=formats.moment(row["last"]), raw=row["last"]),
                "hs": Cell(number(row["hs"]), raw=row["hs"], note=t("{n} lần nhận", n=number(row["lan"]))),
                "goi": Cell(contacts.get(code, t("chưa nêu đầu mối"))),
                "nhac": _reminded(reminded.get(code)),
                **({"lam": _remind(code, "im-lang")} if may_remind else {}),
            }
        )
    return Table(
        "im-lang",
        t("Im lặng quá {d} ngày", d=SILENT_DAYS),
        [
            Column("cs", t("Cơ sở"), lead=True),
            Column("cuoi", t("Lần nhận cuối"), "date"),
            Column("hs", t("Hồ sơ đã gửi"), "number"),
            Column("goi", t("Gọi ai")),
            Column("nhac", t("Đã nhắc")),
            *([Column("lam", t("Việc làm"))] if may_remind else []),
        ],
        rows,
        pagination=turning(page, len(quiet), lambda there: f"{HREF}?trang={there}#im-lang-muc", t("Im lặng"))
        if page and len(rows) < len(quiet)
        else None,
        empty=State("good", t("Không cơ sở nào im lặng"),
                    t("Mọi cơ sở đã từng gửi đều gửi trong {d} ngày qua.", d=SILENT_DAYS)),
        csv_url=f"{HREF}?xuat=im-lang.csv",
        dense=True,
    )  # fmt: skip


def never_table(desk: Desk, codes: Sequence[str], *, may_remind: bool) -> Table:
    """Facilities of the list that have sent nothing yet."""
    kinds = desk.profile.facility_by_code
    rows = [
        {"cs": Cell(desk.facility_name(code), note=code), "tuyen": Cell(kinds[code].owner or DASH),
         **({"lam": _remind(code, "im-lang")} if may_remind else {})}
        for code in codes
    ]  # fmt: skip
    return Table(
        "chua-gui",
        t("Trong danh mục nhưng chưa gửi lần nào"),
        [Column("cs", t("Cơ sở"), lead=True), Column("tuyen", t("Thuộc")),
         *([Column("lam", t("Việc làm"))] if may_remind else [])],
        rows,
        empty=State("good", t("Mọi cơ sở trong danh mục đã gửi"), t("Cơ sở mới thêm vào danh mục sẽ hiện ở đây.")),
        csv_url=f"{HREF}?xuat=chua-gui.csv",
        dense=True,
    )  # fmt: skip


def late(desk: Desk, reminded: Mapping[str, Reminder], *, may_remind: bool, whole: bool) -> tuple[Table, int] | State:
    """Who sends late, and how many they are: dossiers of the newest scored weeks that came after more than one, and
    seven, working days. `whole`: for a file."""
    last = desk.totals(SCORE, (), {"week": ("max", "week_start")})[0]["week"]
    if last is None:
        return State("empty", t("Chưa đếm được"), t("Số gửi chậm hiện ở đây sau khi việc nền chấm điểm lần đầu."))
    window = [("dataset", "=", VISITS), ("week_start", ">", last - timedelta(weeks=LATE_WEEKS))]
    lost = desk.totals(
        LOSS, ["facility_code", "code"], {"n": ("count_distinct", "version_id")},
        [*window, ("code", "in", list(LATE_CODES))],
    )  # fmt: skip
    scored = desk.totals(
        SCORE,
        ["facility_code"],
        {"n": ("sum", "dossiers"), "p": ("avg", "score")},
        [*window, ("dimension", "=", "song")],
    )
    sent = {row["facility_code"]: row for row in scored}
    counted: dict[str, dict[str, int]] = {}
    for row in lost:
        counted.setdefault(row["facility_code"], {})[row["code"]] = row["n"]
    order = sorted(
        counted, key=lambda code: (-counted[code].get("SCORE-LATE-LEGAL", 0), -sum(counted[code].values()), code)
    )
    rows = [
        _late_line(desk, code, counted[code], sent.get(code), reminded, may_remind=may_remind)
        for code in (order if whole else order[:SHOWN])
    ]
    table = Table(
        "gui-cham",
        t("Gửi chậm, {n} tuần gần nhất có điểm", n=LATE_WEEKS),
        [
            Column("cs", t("Cơ sở"), lead=True),
            Column("luat", t("Quá 7 ngày làm việc"), "number", about=t("Hồ sơ gửi sau hơn 7 ngày làm việc")),
            Column(
                "cham", t("Quá 1 ngày làm việc"), "number", about=t("Hồ sơ gửi sau hơn 1, không quá 7 ngày làm việc")
            ),
            Column("hs", t("Hồ sơ"), "number"),
            Column("ty", t("Tỷ lệ chậm"), "number"),
            Column("nhac", t("Đã nhắc")),
            *([Column("lam", t("Việc làm"))] if may_remind else []),
        ],
        rows,
        empty=State("good", t("Không cơ sở nào gửi chậm"), t("Mọi hồ sơ của các tuần này đến trong 1 ngày làm việc.")),
        csv_url=f"{HREF}?xuat=gui-cham.csv",
        note=_first(len(order)),
        dense=True,
    )
    return table, len(order)


def _first(count: int) -> str:
    """That a table shows its first lines only, '' when it shows all."""
    return t("{n} dòng đầu trong {total}; tệp tải về có đủ.", n=SHOWN, total=number(count)) if count > SHOWN else ""


def _late_line(
    desk: Desk, code: str, counts: Mapping[str, int], sent: Row | None, reminded: Mapping[str, Reminder], *,
    may_remind: bool,
) -> dict[str, Cell]:  # fmt: skip
    legal, soon = counts.get("SCORE-LATE-LEGAL", 0), counts.get("SCORE-LATE", 0)
    whole = sent["n"] if sent else 0
    return {
        "cs": _facility(desk, code),
        "luat": Cell(number(legal), raw=legal),
        "cham": Cell(number(soon), raw=soon),
        "hs": Cell(number(whole), raw=whole) if whole else Cell(DASH),
        "ty": Cell(formats.percent((legal + soon) / int(whole))) if whole else Cell(DASH),
        "nhac": _reminded(reminded.get(code)),
        **({"lam": _remind(code, "gui-cham")} if may_remind else {}),
    }


def errors(desk: Desk, *, whole: bool) -> Table:
    """Which facilities have most open errors, and of which kind most; `whole`: for a file."""
    measures = {"n": ("count", None), "hs": ("count_distinct", "version_id")}
    found = desk.totals(
        FINDING, ["facility_code", "table_name", "code"], measures, [("severity", "=", "error")], [("n", "desc")]
    )
    by: dict[str, list[Row]] = {}
    for row in found:
        if row["facility_code"]:
            by.setdefault(row["facility_code"], []).append(row)
    totals = {code: sum(row["n"] for row in rows) for code, rows in by.items()}
    order = sorted(by, key=lambda code: (-totals[code], code))
    rows = [
        {
            "cs": _facility(desk, code, MENDING),
            "n": Cell(number(totals[code]), raw=totals[code]),
            **_most(by[code][0], totals[code]),
        }
        for code in (order if whole else order[:SHOWN])
    ]
    return Table(
        "sai-tu-dau",
        t("Phát hiện sai đang mở, theo cơ sở"),
        [
            Column("cs", t("Cơ sở"), lead=True),
            Column("n", t("Chỗ phải sửa"), "number"),
            Column("nhieu", t("Loại nhiều nhất"), "code"),
            Column("ty", t("Phần của loại đó"), "number"),
            Column("sua", t("Cách sửa")),
        ],
        rows,
        empty=State(
            "good", t("Không có phát hiện sai nào đang mở"), t("Khi một hồ sơ có trường sai, cơ sở hiện ở đây.")
        ),
        csv_url=f"{HREF}?xuat=sai-tu-dau.csv",
        note=_first(len(order)),
        dense=True,
    )


def _most(row: Row, whole: int) -> dict[str, Cell]:
    """The kind of error a facility has most of, beside all its errors."""
    note = t("{table}, {n} chỗ", table=row["table_name"] or t("cả tệp"), n=number(row["n"]))
    return {
        "nhieu": Cell(row["code"], note=note),
        "ty": Cell(formats.percent(row["n"] / whole)),
        "sua": Cell(words.fix(row["code"])),
    }


def wards(desk: Desk, *, whole: bool) -> Table:
    """By ward and edition, most first: the dossiers name no program, so these say best where errors come from."""
    since = int((desk.now - timedelta(weeks=SOURCE_WEEKS)).timestamp())
    found = desk.answer(WARDS.format(since=since, limit=200 if whole else SHOWN))
    rows = [
        {
            "cs": Cell(desk.facility_name(row["facility_code"]), note=row["facility_code"] or ""),
            "khoa": Cell(row["ward"] or DASH),
            "mau": Cell(words.VERSIONS.get(row["edition"], row["edition"] or DASH)),
            "n": Cell(number(row["n"]), raw=row["n"]),
            "sai": Cell(number(row["flawed"]), raw=row["flawed"]),
            "ty": Cell(formats.percent(row["flawed"] / row["dossiers"]),
                       note=t("trong {n} hồ sơ", n=number(row["dossiers"]))),
        }
        for row in found
    ]  # fmt: skip
    return Table(
        "theo-khoa",
        t("Theo khoa và phiên bản hồ sơ, nhận {n} tuần qua", n=SOURCE_WEEKS),
        [
            Column("cs", t("Cơ sở"), lead=True),
            Column("khoa", t("Khoa (MA_KHOA)"), "code", about=t("Khoa đầu tiên của lượt khám")),
            Column("mau", t("Phiên bản hồ sơ")),
            Column("n", t("Chỗ phải sửa"), "number"),
            Column("sai", t("Hồ sơ có lỗi"), "number"),
            Column("ty", t("Tỷ lệ"), "number"),
        ],
        rows,
        empty=State(
            "good", t("Không có phát hiện sai nào đang mở"), t("Khi một hồ sơ có trường sai, khoa hiện ở đây.")
        ),
        csv_url=f"{HREF}?xuat=theo-khoa.csv",
        note=t("Hồ sơ gửi theo quy định không ghi tên phần mềm; khoa và phiên bản là dấu vết gần nhất."),
        dense=True,
    )


def figures(
    desk: Desk, heard: Sequence[Row], codes: Sequence[str], slow: int | None, found: Sequence[Reminder]
) -> list[Figure]:
    """Four numbers: silent, late, never heard of, reminders without an answer."""
    quiet = sum(is_silent(desk, row) for row in heard)
    today = formats.local(desk.now).date()
    fresh = t("đến {when}", when=formats.moment(max((row["last"] for row in heard), default=None)))
    open_ = [one for one in found if not one.answered]
    overdue = sum(one.overdue(today) for one in open_)
    of = t("trong {n} cơ sở đã từng gửi", n=number(len(heard)))
    return [
        Figure(t("Im lặng"), number(quiet), t("cơ sở"), of, fresh,
               Badge(t("gọi hôm nay"), "act") if quiet else Badge(t("không có"), "ok"), "#im-lang-muc"),
        Figure(t("Gửi chậm"), number(slow) if slow is not None else formats.WITHHELD, t("cơ sở"), of,
               t("{n} tuần gần nhất", n=LATE_WEEKS), Badge(t("xem từng cơ sở"), "warn") if slow else
               Badge(t("không có"), "ok"), "#gui-cham-muc",
               "" if slow is not None else t("Chưa chấm điểm lần nào nên chưa đếm được.")),
        Figure(t("Chưa gửi lần nào"), number(len(codes)), t("cơ sở"),
               t("trong {n} cơ sở của danh mục", n=number(len(codes) + len(heard))), fresh,
               Badge(t("đối chiếu danh mục"), "info"), "#chua-gui-muc"),
        Figure(t("Chờ trả lời"), number(len(open_)), t("lời nhắc"), t("{n} quá hạn", n=number(overdue)),
               t("trong {n} lời đã ghi", n=number(len(found))),
               Badge(t("quá hạn"), "act") if overdue else Badge(t("theo dõi"), "info"), "#nhac-muc"),
    ]  # fmt: skip


def _facility(desk: Desk, code: str, href: str = CALENDAR) -> Cell:
    """Its name, and the way to its own page for whoever may read rows."""
    return Cell(desk.facility_name(code), f"{href}?{urlencode({'co_so': code})}" if may_mend(desk) else "", note=code)


def _reminded(one: Reminder | None) -> Cell:
    if one is None:
        return Cell(DASH)
    return Cell(formats.day(one.at), note=t("đã trả lời") if one.answered else t("chờ trả lời"), raw=one.at)


def _remind(code: str, matter: str) -> Cell:
    return Cell(t("Nhắc"), f"{SEND_HREF}?{urlencode({'co_so': code, 'noi_dung': matter})}", raw="")
