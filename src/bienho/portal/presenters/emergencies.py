"""Emergencies: opening one dossier, what is seen while it is open, and the review by somebody else afterwards."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from bienho.contracts import catalogue
from bienho.governance import EMERGENCIES, Emergencies, Emergency, accounts, audit, decisions, permits
from bienho.governance.break_glass import EXPLANATIONS, GROUNDS, MINUTES, REVIEW_DAYS, VERDICTS
from bienho.governance.purposes import claimed
from bienho.portal import formats, governed
from bienho.portal.components import Badge, Cell, Column, Fact, Facts, Field, Form, State, Table, Todo, TodoList
from bienho.portal.desk import Desk
from bienho.portal.formats import DASH, number
from bienho.portal.language import later, t

HREF = "/khan-cap/"
RECORD_LOOKUP = "tra-cuu-ho-so"
LOOKS_SHOWN = 200
KEY_SHOWN = 8
AFTERWARDS = later(
    "Kết luận «Sai» không tự khóa tài khoản và không tự thu hồi vai trò. Nó nằm trong nhật ký với tên người đã mở;"
    " người quản trị và đơn vị của người đó xem xét thu hồi vai trò, xử lý theo quy chế."
)


def purpose(actor: Any) -> str:
    """The purpose under which this reader opens in an emergency."""
    return claimed(actor.roles, RECORD_LOOKUP, identifies=True)


def may_open(actor: Any) -> bool:
    """Whether the policies let this reader open a dossier in an emergency."""
    return permits.may(actor, "break-glass", purpose(actor))


def book(desk: Desk) -> Emergencies:
    return Emergencies(desk.house.database)


def minutes_left(one: Emergency, desk: Desk) -> int:
    return max(0, math.ceil((one.until_at - desk.now).total_seconds() / 60))


def banner(desk: Desk) -> State | None:
    """What stands on every page of whoever has an emergency open; None for everybody else."""
    if not may_open(desk.actor):
        return None
    running = book(desk).running(desk.actor.account_id)
    if not running:
        return None
    one = running[0]
    title = t("Đang mở khẩn cấp hồ sơ {key}, còn {n} phút", key=_short(one), n=number(minutes_left(one, desk)))
    return State(
        "partial",
        title,
        t("Mỗi lần xem đều ghi tên bạn; người khác sẽ xét lại."),
        href=f"{HREF}{one.emergency_id}/",
        link=t("Đến hồ sơ đang mở"),
    )


def follows() -> list[str]:
    """What follows from opening, in clear words."""
    return [
        t("Chỉ mở được đúng hồ sơ này, trong {n} phút. Hết giờ mà vẫn khẩn cấp thì mở lại.", n=MINUTES),
        t("Tên bạn, giờ mở, lý do và từng lần xem được ghi vào nhật ký; không ai xóa được."),
        t("Trong {n} ngày làm việc, một người khác xét lại và kết luận đúng hay sai.", n=REVIEW_DAYS),
        t(AFTERWARDS),
    ]


def open_form(key: str, given: Mapping[str, str], errors: Mapping[str, str]) -> Form:
    """Reason of the list, and a document's number or why there is none yet."""
    reasons = [(code, governed.reason(code)) for code in EMERGENCIES]
    why_none = [(code, governed.explanation(code)) for code in EXPLANATIONS]
    return Form(
        "mo-khan-cap",
        [
            Field(
                "ly_do", t("Lý do"), "choice", given.get("ly_do", ""), options=[("", t("Chọn lý do")), *reasons],
                required=True, error=errors.get("ly_do", ""),
            ),
            Field(
                "so_van_ban", t("Số văn bản"), value=given.get("so_van_ban", ""), hint="123/SYT-NVY",
                help=t("Điều tra ổ dịch cần số văn bản, hoặc giải trình ở ô dưới. Không ghi gì về người bệnh."),
                error=errors.get("so_van_ban", ""),
            ),
            Field(
                "giai_trinh", t("Giải trình khi chưa có văn bản"), "choice", given.get("giai_trinh", ""),
                options=[("", t("Đã có văn bản hoặc không cần")), *why_none], error=errors.get("giai_trinh", ""),
            ),
        ],
        t("Mở khẩn cấp hồ sơ này"),
        f"{HREF}mo/{key}/",
        "post",
        title=t("Mở khẩn cấp"),
    )  # fmt: skip


def facts(desk: Desk, one: Emergency) -> Facts:
    """Who opened what, why, until when; and the verdict when there is one."""
    who = names(desk)
    items = [
        Fact(t("Người mở"), who.get(one.account_id, one.account_id), note=one.account_id),
        Fact(t("Hồ sơ"), one.dossier_key, f"/ho-so/{one.dossier_key}/", code=True),
        Fact(t("Lý do"), governed.reason(one.reason), note=governed.purpose(one.purpose)),
        Fact(t("Văn bản"), one.document or DASH, note=governed.explanation(one.explanation) if one.explanation else ""),
        Fact(t("Mở lúc"), formats.moment(one.opened_at), note=t("đến {when}", when=formats.moment(one.until_at))),
        Fact(
            t("Xét lại trước hết ngày"),
            formats.day(one.review_by),
            badge=None if one.verdict else due(one, desk),
            note="" if one.verdict else formats.day(one.review_by),
        ),
    ]
    if one.verdict:
        why = "; ".join(governed.ground(code) for code in one.grounds)
        items += [
            Fact(t("Kết luận"), "", badge=governed.verdict(one.verdict), note=why),
            Fact(
                t("Người xét lại"), who.get(one.reviewer, one.reviewer),
                note=f"{formats.moment(one.reviewed_at)} {one.review_document}".strip(),
            ),
        ]  # fmt: skip
    return Facts(items)


def due(one: Emergency, desk: Desk) -> Badge:
    """How long is left for the review."""
    left = (one.review_by - today(desk)).days
    if left < 0:
        return Badge(t("quá hạn {n} ngày", n=number(-left)), "act")
    return Badge(t("hết hôm nay") if left == 0 else t("còn {n} ngày", n=number(left)), "warn")


def today(desk: Desk) -> date:
    return formats.local(desk.now).date()


def names(desk: Desk) -> dict[str, str]:
    return {one.account_id: one.name for one in accounts.list_accounts(desk.house.database)}


def todo(desk: Desk, waiting: Sequence[Emergency]) -> TodoList:
    """What the reviewer does now, what is overdue first; their own openings wait for others."""
    who = names(desk)
    items = [
        Todo(
            "act" if one.review_by <= today(desk) else "warn",
            t("Xét lại lần mở của {name}", name=who.get(one.account_id, one.account_id)),
            governed.reason(one.reason),
            t("Bạn hoặc người xét lại khác"), formats.day(one.review_by), f"{HREF}{one.emergency_id}/", t("Xét lại"),
        )
        for one in waiting
        if one.account_id != desk.actor.account_id
    ]  # fmt: skip
    good = State("good", t("Không có lần mở khẩn cấp nào chờ bạn xét lại"))
    return TodoList(t("Việc cần làm bây giờ"), items[:5], good)


def waiting_table(desk: Desk, waiting: Sequence[Emergency]) -> Table:
    """Openings nobody has reviewed, the ones due first first."""
    overdue = sum(one.review_by < today(desk) for one in waiting)
    return Table(
        "cho-xet-lai",
        t("Chờ xét lại; {n} lần quá hạn", n=number(overdue)) if overdue else t("Chờ xét lại"),
        _columns(Column("han", t("Hạn xét lại"))),
        [{**_line(desk, one), "han": _due_cell(one, desk)} for one in waiting],
        empty=State("good", t("Không có lần mở khẩn cấp nào chờ xét lại")),
        csv_url="?xuat=cho-xet-lai.csv",
    )


def reviewed_table(desk: Desk, found: Sequence[Emergency]) -> Table:
    """The last reviewed openings with their verdicts."""
    who = names(desk)
    rows = [
        {
            **_line(desk, one),
            "kl": Cell(
                "", badge=governed.verdict(one.verdict), note="; ".join(governed.ground(code) for code in one.grounds),
                raw=governed.verdict(one.verdict).text,
            ),
            "nx": Cell(who.get(one.reviewer, one.reviewer), note=formats.moment(one.reviewed_at)),
        }
        for one in found
    ]  # fmt: skip
    return Table(
        "da-xet-lai",
        t("Đã xét lại"),
        _columns(Column("kl", t("Kết luận")), Column("nx", t("Người xét lại"))),
        rows,
        empty=State("empty", t("Chưa có lần nào được xét lại")),
        csv_url="?xuat=da-xet-lai.csv",
    )


def own_table(desk: Desk, found: Sequence[Emergency]) -> Table:
    """A reader's own openings and what became of them."""
    rows = []
    for one in found:
        badge = governed.verdict(one.verdict) if one.verdict else Badge(t("chờ xét lại"), "info")
        rows.append({**_line(desk, one), "kl": Cell("", badge=badge, raw=badge.text)})
    return Table(
        "cua-toi",
        t("Những lần bạn đã mở"),
        _columns(Column("kl", t("Kết luận"))),
        rows,
        empty=State("good", t("Bạn chưa mở khẩn cấp lần nào"), t("Khi cần, mở từ trang của một hồ sơ.")),
    )


def _columns(*more: Column) -> list[Column]:
    return [
        Column("luc", t("Mở lúc"), "date", lead=True),
        Column("ai", t("Người mở")),
        Column("ly", t("Lý do")),
        Column("vb", t("Văn bản"), "code"),
        Column("hs", t("Hồ sơ"), "code"),
        *more,
    ]


def _line(desk: Desk, one: Emergency) -> dict[str, Cell]:
    return {
        "luc": Cell(formats.moment(one.opened_at), f"{HREF}{one.emergency_id}/", raw=one.opened_at),
        "ai": Cell(names(desk).get(one.account_id, one.account_id), note=one.account_id),
        "ly": Cell(governed.reason(one.reason)),
        "vb": Cell(one.document or DASH, note=governed.explanation(one.explanation) if one.explanation else ""),
        "hs": Cell(_short(one), f"/ho-so/{one.dossier_key}/", raw=one.dossier_key),
    }


def _due_cell(one: Emergency, desk: Desk) -> Cell:
    badge = due(one, desk)
    return Cell("", badge=badge, note=formats.day(one.review_by), raw=one.review_by)


def _short(one: Emergency) -> str:
    return f"{one.dossier_key[:KEY_SHOWN]}…"


def looks(desk: Desk, one: Emergency) -> Table:
    """What was looked at under the opening, the first look first."""
    events = audit.recent(desk.house.database, limit=LOOKS_SHOWN, person=one.emergency_id)
    rows = []
    for event in reversed(events):
        seen = decisions.told(event)
        badge = governed.outcome(seen.outcome)
        rows.append(
            {
                "luc": Cell(formats.moment(seen.at), f"/nhat-ky/{seen.seq}/", raw=seen.at),
                "viec": Cell(governed.action(seen.subtype), note=", ".join(seen.datasets)),
                "hs": Cell(number(sum(entity["type"] == "Encounter" for entity in event["entity"]))),
                "kq": Cell("", badge=badge, note=seen.message, raw=badge.text),
            }
        )
    return Table(
        "da-xem",
        t("Đã xem gì"),
        [
            Column("luc", t("Lúc"), "date", lead=True),
            Column("viec", t("Việc")),
            Column("hs", t("Số hồ sơ"), "number"),
            Column("kq", t("Kết quả")),
        ],
        rows,
        caption_hidden=True,
        empty=State("empty", t("Chưa xem lần nào"), t("Đã mở nhưng chưa hiện định danh lần nào.")),
    )


def review_form(one: Emergency, given: Mapping[str, Any], errors: Mapping[str, str]) -> Form:
    """The verdict, what it rests on, and a document's number if there is one."""
    verdicts = [(code, t(governed.VERDICTS[code][0])) for code in VERDICTS]
    grounds = [(code, governed.ground(code)) for code in GROUNDS]
    return Form(
        "ket-luan",
        [
            Field(
                "ket_luan", t("Kết luận"), "choice", given.get("ket_luan", ""),
                options=[("", t("Chọn kết luận")), *verdicts], required=True, error=errors.get("ket_luan", ""),
            ),
            Field(
                "can_cu", t("Căn cứ"), "checks", values=given.get("can_cu", ()), options=grounds, required=True,
                error=errors.get("can_cu", ""),
            ),
            Field(
                "so_van_ban", t("Số văn bản"), value=given.get("so_van_ban", ""), hint="123/SYT-NVY",
                help=t("Số biên bản hoặc văn bản xác minh, nếu có. Không ghi tên hay số giấy tờ người bệnh."),
                error=errors.get("so_van_ban", ""),
            ),
        ],
        t("Ghi kết luận"),
        f"{HREF}{one.emergency_id}/ket-luan/",
        "post",
        title=t("Kết luận"),
    )  # fmt: skip


def opened_tables(payload: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[Table]:
    """What the vault holds of the dossier, table by table; shown once and kept nowhere."""
    tables = []
    for name, rows in payload.items():
        contract = catalogue().get(f"standard.xml130_{name.removeprefix('XML')}")
        for place, row in enumerate(rows, 1):
            held = {field: text for field, text in row.items() if text not in (None, "")}
            if not held:
                continue
            known = contract.by_name if contract else {}
            title = contract.title_vi if contract else name
            tables.append(
                Table(
                    f"mo-{name.lower()}-{place}",
                    title if len(rows) == 1 else t("{title}, dòng {n}", title=title, n=number(place)),
                    [
                        Column("ten", t("Trường"), "code", lead=True),
                        Column("nghia", t("Ý nghĩa")),
                        Column("gia", t("Giá trị")),
                    ],
                    [
                        {
                            "ten": Cell(field),
                            "nghia": Cell(known[field].description if field in known else DASH, lang="vi"),
                            "gia": Cell(str(text), opened=True, lang="vi"),
                        }
                        for field, text in held.items()
                    ],
                    dense=True,
                    pairs=True,
                )
            )
    return tables
