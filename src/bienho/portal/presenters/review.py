"""Access review as a worklist: what is due, who is asked, what was looked at, answered, and what ended by itself."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from bienho.governance import ROLES, explain, people
from bienho.governance.people.memberships import Member
from bienho.governance.people.reviews import REASONS, Answer, Item
from bienho.governance.people.rules import NUMBERS, months_after
from bienho.governance.people.units import Unit
from bienho.portal import formats
from bienho.portal.components import Badge, Cell, Column, Fact, Facts, Field, Form, State, Table, Todo, TodoList
from bienho.portal.components.badge import Tone
from bienho.portal.desk import Desk
from bienho.portal.formats import number
from bienho.portal.language import later, t
from bienho.portal.pages import Section
from bienho.portal.presenters import people as shown

OUTCOMES: dict[str, tuple[str, Tone]] = {
    "confirmed": (later("Giữ"), "ok"),
    "ended": (later("Kết thúc"), "quiet"),
}
DONE = {
    "giu": (later("Đã giữ"), later("Sáu tháng tính lại từ hôm nay.")),
    "het": (later("Đã kết thúc"), later("Quyền hết ngay, kể cả ở phiên đang mở.")),
}
MOST = 200


@dataclass(frozen=True, slots=True)
class Work:
    """The review of the units the reader answers for: every membership in force there, and the names."""

    tree: Mapping[str, Unit]
    led: Mapping[str, Unit]
    items: Sequence[Item]
    names: Mapping[str, str]

    def find(self, membership_id: int) -> Item | None:
        """The membership of that number, if it is among these."""
        return next((one for one in self.items if one.member.membership_id == membership_id), None)

    @property
    def waiting(self) -> list[Item]:
        """What is due or late, the longest first."""
        return [one for one in self.items if one.state != "confirmed"]


def work(desk: Desk, tree: Mapping[str, Unit], led: Mapping[str, Unit]) -> Work:
    """The whole worklist of these units."""
    found = people.reviews.worklist(desk.house.database, desk.now, everything=True)
    return Work(tree, led, [one for one in found if one.member.unit in led], shown.names(desk))


def mine(desk: Desk, made: Work) -> list[Item]:
    """What waits and the reader may answer."""
    return [one for one in made.waiting if people.reviews.may_answer(desk.actor, made.tree, one.member)]


def following(desk: Desk, made: Work, looked: Collection[int]) -> str:
    """The page of the next one nobody has looked at yet; the list when there is none."""
    for one in mine(desk, made):
        if one.member.membership_id not in looked:
            return href(one.member)
    return shown.REVIEW


def href(one: Member) -> str:
    return f"{shown.REVIEW}{one.membership_id}/"


def todo(desk: Desk, made: Work, looked: Collection[int]) -> TodoList:
    """What the reader does now."""
    waiting = mine(desk, made)
    late = [one for one in waiting if one.state == "late"]
    rest = [one for one in waiting if one.state != "late"]
    items = []
    for some, tone, title in (
        (late, "act", t("{n} quyền quá hạn rà soát", n=number(len(late)))),
        (rest, "warn", t("{n} quyền chờ bạn trả lời", n=number(len(rest)))),
    ):
        if some:
            ends = formats.day(min(one.ends for one in some))
            items.append(
                Todo(
                    "act" if tone == "act" else "warn", title,
                    t("Mở từng quyền, giữ hoặc kết thúc. Không ai trả lời thì quyền tự hết từ {day}.", day=ends),
                    t("Bạn"), formats.day(min(one.due for one in some)), following(desk, made, looked), t("Bắt đầu"),
                )
            )  # fmt: skip
    others = [one for one in made.waiting if one not in waiting]
    if others:
        items.append(
            Todo(
                "info", t("{n} quyền chờ người khác", n=number(len(others))),
                t("Không ai tự rà soát quyền của mình; người được hỏi ghi ở bảng."),
                t("Người được hỏi"), formats.day(min(one.due for one in others)), "#viec", t("Xem bảng"),
            )
        )  # fmt: skip
    good = State("good", t("Không có quyền nào chờ rà soát"), _progress(made))
    return TodoList(t("Việc cần làm bây giờ"), items, good)


def progress(made: Work) -> Facts:
    """How far the review has come."""
    late = sum(one.state == "late" for one in made.items)
    return Facts(
        [
            Fact(t("Tiến độ"), _progress(made)),
            Fact(t("Đến hạn"), number(len(made.waiting) - late)),
            Fact(t("Quá hạn"), number(late)),
            Fact(
                t("Quy định"),
                t("{n} tháng một lần", n=NUMBERS.review_months),
                note=t("báo trước {lead} ngày; quá hạn {grace} ngày không ai trả lời thì tự hết",
                       lead=NUMBERS.review_lead_days, grace=NUMBERS.review_grace_days),
            ),
        ]
    )  # fmt: skip


def table(desk: Desk, made: Work, looked: Collection[int]) -> Table:
    """What waits, the longest first."""
    return Table(
        "ra-soat",
        t("Quyền chờ rà soát"),
        [
            Column("nguoi", t("Người"), lead=True),
            Column("vai_tro", t("Vai trò")),
            Column("don_vi", t("Đơn vị")),
            Column("tinh", t("Tình trạng")),
            Column("het", t("Tự hết từ"), "date"),
            Column("hoi", t("Người được hỏi")),
            Column("xem", t("Bạn đã xem")),
        ],
        [_row(desk, made, one, looked) for one in made.waiting[:MOST]],
        empty=State("empty", t("Không có quyền nào chờ"), t("Quyền hiện ở đây 30 ngày trước hạn rà soát.")),
        csv_url="?xuat=ra-soat.csv",
        caption_hidden=True,
        note=t("Còn {n} nữa; trả lời những quyền trên trước.", n=number(len(made.waiting) - MOST))
        if len(made.waiting) > MOST
        else "",
    )


def bulk(desk: Desk, made: Work, looked: Collection[int], error: str = "") -> Form | State:
    """Keep several at once, of those the reader has opened one by one; nothing is ticked beforehand."""
    ready = [one.member for one in mine(desk, made) if one.member.membership_id in looked]
    if not ready:
        return State(
            "empty", t("Chưa có quyền nào đã xem mà chưa trả lời"),
            t("Mở từng quyền ở bảng trên; quyền đã xem hiện ở đây để giữ nhiều quyền một lần."),
        )  # fmt: skip
    options = [
        (
            str(one.membership_id),
            f"{made.names.get(one.account_id, one.account_id)} · {shown.role(one.role)}"
            f" · {shown.unit_name(made.tree, one.unit)}",
        )
        for one in ready
    ]
    field = Field("giu", t("Quyền vẫn còn cần"), "checks", options=options, error=error)
    return Form("giu-nhieu", [field], t("Giữ những quyền đã chọn"), f"{shown.REVIEW}giu/", "post", title=t("Giữ"))


def answered(desk: Desk, made: Work) -> Table:
    """What was answered in the last half year, and by whom."""
    since = months_after(desk.now, -NUMBERS.review_months)
    found = [one for one in people.reviews.answers(desk.house.database, since=since) if one.unit in made.led]
    return Table(
        "da-tra-loi",
        t("Đã trả lời trong sáu tháng qua"),
        [
            Column("nguoi", t("Người"), lead=True),
            Column("vai_tro", t("Vai trò")),
            Column("don_vi", t("Đơn vị")),
            Column("tra_loi", t("Trả lời")),
            Column("ai", t("Ai trả lời")),
            Column("luc", t("Lúc"), "date"),
        ],
        [_answer_row(made, one) for one in found[:MOST]],
        empty=State("empty", t("Chưa có câu trả lời nào"), t("Câu trả lời hiện ở đây cùng người trả lời và lý do.")),
        caption_hidden=True,
    )


def lapsed(desk: Desk, made: Work) -> Table:
    """What ended by itself in the last half year."""
    since = months_after(desk.now, -NUMBERS.review_months)
    found = [
        one
        for one in people.reviews.lapsed(desk.house.database, desk.now)
        if one.unit in made.led and one.ends >= since
    ]
    return Table(
        "tu-het",
        t("Đã tự hết vì không ai rà soát"),
        [
            Column("nguoi", t("Người"), lead=True),
            Column("vai_tro", t("Vai trò")),
            Column("don_vi", t("Đơn vị")),
            Column("luc", t("Hết từ"), "date"),
        ],
        [
            {
                "nguoi": Cell(made.names.get(one.account_id, one.account_id), note=one.account_id),
                "vai_tro": Cell(shown.role(one.role)),
                "don_vi": Cell(shown.unit_name(made.tree, one.unit)),
                "luc": Cell(formats.day(one.ends), raw=one.ends),
            }
            for one in found[:MOST]
        ],
        empty=State("good", t("Chưa có quyền nào tự hết"), t("Quyền quá hạn mà không ai trả lời hiện ở đây.")),
        caption_hidden=True,
        note=t("Còn cần thì giao lại bằng văn bản mới.") if found else "",
    )


def facts(desk: Desk, made: Work, one: Item) -> Facts:
    """All one should know before one answers."""
    member = one.member
    seen = people.sessions.last_seen(desk.house.database).get(member.account_id)
    before = people.reviews.answers(desk.house.database, membership_id=member.membership_id)
    last = made.names.get(before[0].by, before[0].by) if before else made.names.get(member.given_by, member.given_by)
    facilities, communes = people.units.reach(made.tree, member.unit)
    granted = len(explain.grants(member.role, facilities is not None, communes is not None))
    return Facts(
        [
            Fact(t("Người"), made.names.get(member.account_id, member.account_id), note=member.account_id),
            Fact(t("Vai trò"), shown.role(member.role), note=t(ROLES[member.role].description_vi)),
            Fact(t("Đơn vị"), shown.unit_name(made.tree, member.unit)),
            Fact(t("Được phép theo"), t("{n} chính sách", n=number(granted))),
            Fact(t("Từ ngày"), formats.day(member.since), note=t("văn bản {number}", number=member.document)),
            Fact(t("Đến hết ngày"), shown.until(member)),
            Fact(t("Xác nhận lần cuối"), formats.day(member.confirmed_at), note=last),
            Fact(t("Vào kho lần cuối"), formats.moment(seen) if seen else t("chưa đăng nhập bằng mật khẩu")),
            Fact(t("Rà soát"), "", badge=shown.review_badge(member.confirmed_at, desk.now)),
            Fact(t("Tự hết từ"), formats.day(one.ends), note=shown.review_day(member.confirmed_at)),
        ]
    )


def others(made: Work, one: Item) -> Table:
    """Other roles of the same person in the units the reader answers for."""
    rest = [
        item.member
        for item in made.items
        if item.member.account_id == one.member.account_id and item.member != one.member
    ]
    return Table(
        "vai-tro-khac",
        t("Vai trò khác của người này"),
        [Column("vai_tro", t("Vai trò"), lead=True), Column("don_vi", t("Đơn vị")), Column("tu", t("Từ ngày"), "date")],
        [
            {
                "vai_tro": Cell(shown.role(each.role)),
                "don_vi": Cell(shown.unit_name(made.tree, each.unit)),
                "tu": Cell(formats.day(each.since)),
            }
            for each in rest
        ],
        empty=State("empty", t("Không giữ vai trò nào khác"), t("Trong các đơn vị bạn xem được.")),
        caption_hidden=True,
    )


def answer_sections(one: Item, error: str = "") -> list[Section]:
    """Keep, or end with a reason."""
    keep = Form("giu", [Field("tra_loi", "", "hidden", "giu")], t("Giữ quyền này"), href(one.member), "post")
    options = [("", t("Chọn lý do")), *((code, t(text)) for code, text in REASONS.items())]
    reason = Field("ly_do", t("Vì sao không còn cần"), "choice", options=options, required=True, error=error)
    end = Form(
        "het", [Field("tra_loi", "", "hidden", "het"), reason], t("Kết thúc quyền này"), href(one.member), "post",
        title=t("Kết thúc"),
    )  # fmt: skip
    until = t("Sáu tháng tính lại từ hôm nay.")
    return [
        Section("giu-h", t("Vẫn còn cần"), [keep], until, panel=True),
        Section("het-h", t("Kết thúc…"), [end], t("quyền hết ngay"), closed=True, open=bool(error)),
    ]


def _progress(made: Work) -> str:
    done, total = len(made.items) - len(made.waiting), len(made.items)
    share = formats.percent(done / total, 0) if total else formats.DASH
    return t("{done}/{total} quyền còn trong hạn ({share})", done=number(done), total=number(total), share=share)


def _row(desk: Desk, made: Work, one: Item, looked: Collection[int]) -> dict[str, Cell]:
    member = one.member
    may = people.reviews.may_answer(desk.actor, made.tree, member)
    seen = Badge(t("Đã xem"), "ok") if member.membership_id in looked else None
    asked = ", ".join(made.names.get(code, code) for code in one.confirmers)
    return {
        "nguoi": Cell(
            made.names.get(member.account_id, member.account_id), href(member) if may else "", note=member.account_id
        ),
        "vai_tro": Cell(shown.role(member.role)),
        "don_vi": Cell(shown.unit_name(made.tree, member.unit)),
        "tinh": Cell(
            "", badge=shown.review_badge(member.confirmed_at, desk.now), note=shown.review_day(member.confirmed_at)
        ),
        "het": Cell(formats.day(one.ends), raw=one.ends),
        "hoi": Cell(asked or t("chưa có ai")),
        "xem": Cell(t("chưa") if may else t("không thuộc bạn"), badge=seen),
    }


def _answer_row(made: Work, one: Answer) -> dict[str, Cell]:
    text, tone = OUTCOMES[one.outcome]
    return {
        "nguoi": Cell(made.names.get(one.account_id, one.account_id), note=one.account_id),
        "vai_tro": Cell(shown.role(one.role)),
        "don_vi": Cell(shown.unit_name(made.tree, one.unit)),
        "tra_loi": Cell("", badge=Badge(t(text), tone), note=t(REASONS[one.reason]) if one.reason else ""),
        "ai": Cell(made.names.get(one.by, one.by)),
        "luc": Cell(formats.moment(one.at), raw=one.at),
    }
