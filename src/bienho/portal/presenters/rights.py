"""What the reader may do, for which rows and why, whom to ask, and a question tried without reading anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from bienho.contracts import catalogue
from bienho.governance import PURPOSES, ROLES, Decision, explain, people
from bienho.governance.actor import Membership
from bienho.governance.people.memberships import Member
from bienho.governance.people.units import DEPARTMENT, Unit
from bienho.governance.policy import CURRENT, engine
from bienho.governance.sql_check import ZONES as OPENED
from bienho.portal import formats, words
from bienho.portal.components import Badge, Cell, Column, Fact, Facts, Field, Form, State, Table, Todo, TodoList
from bienho.portal.desk import Desk
from bienho.portal.formats import number
from bienho.portal.governed import ACTIONS
from bienho.portal.language import later, t
from bienho.portal.pages import Section
from bienho.portal.presenters import catalogue as datasets
from bienho.portal.presenters import people as shown

ASSURANCES: dict[str, tuple[str, str]] = {
    "none": (later("Không qua đăng nhập hai lớp"), later("đường dẫn trình diễn hoặc người dùng của máy chủ")),
    "one": (later("Mới một lớp"), later("mật khẩu; chưa có mã hoặc khóa truy cập")),
    "two": (later("Hai lớp"), later("mật khẩu cùng mã dùng một lần, hoặc khóa truy cập")),
}
ENDING_DAYS = 30
MOST_NAMES = 60


@dataclass(frozen=True, slots=True)
class Mine:
    """The reader's own memberships in force, the units of the house, and the roles that count now."""

    held: Sequence[Member]
    tree: Mapping[str, Unit]
    roles: Sequence[str]

    @property
    def units(self) -> list[str]:
        """Units of the memberships; the Department for whoever has none."""
        return list(dict.fromkeys(one.unit for one in self.held)) or [DEPARTMENT]


def of(desk: Desk) -> Mine:
    """What is known of the reader."""
    held = people.memberships.list_members(desk.house.database, account_id=desk.actor.account_id, at=desk.now)
    return Mine(held, shown.standing(desk), desk.actor.roles)


def todo(desk: Desk, mine: Mine) -> TodoList:
    """What the reader should do about rights now."""
    who = t("Bạn")
    items = []
    if not mine.roles:
        items.append(
            Todo(
                "act", t("Tài khoản chưa có vai trò nào"),
                t("Đề nghị lãnh đạo đơn vị hoặc đầu mối bên dưới giao vai trò, kèm số văn bản."),
                who, t("hôm nay"), "#hoi-ai", t("Xem hỏi ai"),
            )
        )  # fmt: skip
    waiting = [
        one
        for one in people.reviews.worklist(desk.house.database, desk.now)
        if people.reviews.may_answer(desk.actor, mine.tree, one.member) and desk.actor.account_id in one.confirmers
    ]
    if waiting:
        late = any(one.state == "late" for one in waiting)
        items.append(
            Todo(
                "act" if late else "warn", t("{n} quyền chờ bạn rà soát", n=number(len(waiting))),
                t("Giữ hoặc kết thúc từng quyền; không ai trả lời thì quyền tự hết."),
                who, formats.day(min(one.due for one in waiting)), shown.REVIEW, t("Rà soát"),
            )
        )  # fmt: skip
    items += [
        Todo(
            "warn", t("Vai trò {role} sắp hết", role=shown.role(one.role)),
            t("Nếu còn cần, đề nghị lãnh đạo {unit} xác nhận.", unit=shown.unit_name(mine.tree, one.unit)),
            t("Lãnh đạo đơn vị"), formats.day(one.ends), "#hoi-ai", t("Xem hỏi ai"),
        )
        for one in mine.held
        if one.ends - desk.now < timedelta(days=ENDING_DAYS)
    ]  # fmt: skip
    if desk.actor.assurance == "one":
        items.append(
            Todo(
                "info", t("Phiên này mới có một lớp đăng nhập"),
                t("Một số việc cần hai lớp; xem danh sách ở phần Đăng nhập."),
                who, t("khi cần"), "#dang-nhap", t("Xem danh sách"),
            )
        )  # fmt: skip
    good = State("good", t("Không có việc gì phải làm"), t("Quyền của bạn đang có hiệu lực."))
    return TodoList(t("Việc cần làm bây giờ"), items[:5], good)


def memberships(desk: Desk, mine: Mine) -> Table:
    """The reader's roles: from whom, since when, until when, on which document."""
    given = shown.names(desk) if mine.held else {}
    rows = [
        {
            "vai_tro": Cell(shown.role(one.role)),
            "don_vi": Cell(shown.unit_name(mine.tree, one.unit)),
            "tu": Cell(formats.day(one.since), raw=one.since),
            "den": Cell(shown.until(one), raw=one.until),
            "van_ban": Cell(one.document, note=t("người giao: {name}", name=given.get(one.given_by, one.given_by))),
            "ra_soat": Cell(
                "", badge=shown.review_badge(one.confirmed_at, desk.now), note=shown.review_day(one.confirmed_at)
            ),
        }
        for one in mine.held
    ]
    own = [code for code in mine.roles if code not in {one.role for one in mine.held}]
    rows += [{"vai_tro": Cell(shown.role(code)), "don_vi": Cell(t("Toàn tỉnh, của riêng tài khoản"))} for code in own]
    return Table(
        "vai-tro",
        t("Vai trò đang giữ"),
        [
            Column("vai_tro", t("Vai trò"), lead=True),
            Column("don_vi", t("Đơn vị")),
            Column("tu", t("Từ ngày"), "date"),
            Column("den", t("Đến hết ngày"), "date"),
            Column("van_ban", t("Văn bản")),
            Column("ra_soat", t("Rà soát")),
        ],
        rows,
        empty=State("empty", t("Chưa có vai trò nào"), t("Vai trò hiện ở đây khi đơn vị hoặc người quản trị giao.")),
        csv_url="?xuat=vai-tro.csv",
        caption_hidden=True,
    )


def permissions(desk: Desk, mine: Mine) -> list[Section]:
    """One part per role: what it lets one do, on what, for what, and by which article. One alone stands open."""
    roles = [code for code in dict.fromkeys(mine.roles) if code in ROLES]
    return [
        Section(
            f"duoc-gi-{code}", t("Được làm gì và vì sao: {role}", role=shown.role(code)), [_permissions(desk, code)],
            t(ROLES[code].description_vi), closed=True, open=len(roles) == 1,
        )
        for code in roles
    ]  # fmt: skip


def rows(desk: Desk, mine: Mine) -> list[Facts | Table]:
    """Which rows the reader reaches: counted, and named where there are not too many to name."""
    reaches: dict[tuple[frozenset[str] | None, frozenset[str] | None], list[Membership]] = {}
    for one in desk.actor.memberships:
        reaches.setdefault((one.facilities, one.communes), []).append(one)
    if not reaches:
        return [Facts([Fact(t("Phạm vi"), t("Toàn tỉnh"), note=_whole(desk)) if mine.roles else _nothing()])]
    parts: list[Facts | Table] = []
    for (facilities, communes), held in reaches.items():
        whose = ", ".join(dict.fromkeys(shown.unit_name(mine.tree, one.unit) for one in held))
        if facilities is None and communes is None:
            parts.append(Facts([Fact(whose, t("Toàn tỉnh"), note=_whole(desk))]))
        elif not facilities and not communes:
            parts.append(Facts([Fact(whose, t("Không dòng nào"), note=t("đơn vị này không đọc hồ sơ"))]))
        else:
            parts.append(_reached(desk, len(parts), whose, facilities, communes))
    return parts


def purposes(mine: Mine) -> Table:
    """Purposes the reader may claim."""
    return Table(
        "muc-dich",
        t("Mục đích được dùng"),
        [
            Column("muc_dich", t("Mục đích"), lead=True),
            Column("de", t("Để làm gì")),
            Column("can_cu", t("Căn cứ")),
            Column("dinh_danh", t("Mở định danh")),
        ],
        [
            {
                "muc_dich": Cell(t(one.title_vi), note=one.code),
                "de": Cell(t(one.description_vi)),
                "can_cu": Cell(one.legal_basis, lang="vi"),
                "dinh_danh": Cell(t("được") if one.identifies else t("không")),
            }
            for one in explain.claimable(mine.roles)
        ],
        empty=State("empty", t("Chưa dùng được mục đích nào"), t("Mục đích đi theo vai trò.")),
        caption_hidden=True,
    )


def assurance(desk: Desk, mine: Mine) -> Facts:
    """By how many factors the reader came in, and what takes two."""
    title, note = ASSURANCES[desk.actor.assurance]
    guarded = {action for code in mine.roles for one in explain.granted(desk.actor, code) for action in one.two_factors}
    listed = ", ".join(t(text) for code, text in ACTIONS.items() if code in guarded)
    production = t("Ở chế độ vận hành, mọi thay đổi về người và quyền qua trang cũng cần hai lớp.")
    return Facts([Fact(t("Phiên này"), t(title), note=t(note)), Fact(t("Cần hai lớp"), listed or "—", note=production)])


def form(desk: Desk, mine: Mine, dataset: str, purpose: str, errors: Mapping[str, str]) -> Form:
    """Choose a dataset and a purpose to see what the gate would say."""
    options = [(one.id, f"{datasets.title(one)} ({one.id})") for one in catalogue().values() if one.zone in OPENED]
    claimed = [(one.code, t(one.title_vi)) for one in PURPOSES.values()]
    return Form(
        "thu-quyen",
        [
            Field(
                "bo_du_lieu", t("Bộ dữ liệu"), "choice", dataset, options=[("", t("Chọn bộ dữ liệu")), *options],
                error=errors.get("bo_du_lieu", ""), required=True,
            ),
            Field(
                "muc_dich", t("Mục đích"), "choice", purpose, options=[("", t("Chọn mục đích")), *claimed],
                error=errors.get("muc_dich", ""), required=True,
            ),
        ],
        t("Thử"),
        action="/quyen/#thu",
        title=t("Thử một câu hỏi"),
    )  # fmt: skip


def tried(decisions: Sequence[Decision]) -> Table:
    """What the gate would answer, rule by rule."""
    return Table(
        "ket-qua-thu",
        t("Cổng kiểm soát sẽ trả lời"),
        [
            Column("viec", t("Việc"), lead=True),
            Column("tra_loi", t("Trả lời")),
            Column("vi_sao", t("Vì sao")),
            Column("dieu", t("Căn cứ")),
            Column("cot", t("Cột thấy được"), "number"),
        ],
        [
            {
                "viec": Cell(t(ACTIONS[one.action])),
                "tra_loi": Cell(
                    "",
                    badge=Badge(t("Cho phép"), "ok") if one.allowed else Badge(t("Từ chối"), "warn"),
                    note=t("trong phạm vi dòng của bạn") if one.allowed and one.rows is not None else "",
                ),
                "vi_sao": Cell(one.reason_vi, note=one.rule, lang="vi"),
                "dieu": Cell("; ".join(one.articles) or "—", lang="vi"),
                "cot": Cell(_columns(one)),
            }
            for one in decisions
        ],
        note=t("Không có dữ liệu nào được đọc. Bộ chính sách {revision}.", revision=engine(CURRENT).revision),
    )


def _columns(one: Decision) -> str:
    if not one.allowed:
        return formats.DASH
    return t("{seen} trên {all}", seen=number(len(one.columns)), all=number(len(one.columns) + len(one.hidden)))


def _permissions(desk: Desk, code: str) -> Table:
    lines = []
    for one in explain.granted(desk.actor, code):
        zones = dict.fromkeys(catalogue()[name].zone for name in one.datasets)
        lines.append(
            {
                "duoc": Cell(one.policy.title_vi, note=one.policy.id, lang="vi"),
                "viec": Cell(", ".join(t(ACTIONS[action]) for action in one.actions if action in ACTIONS)),
                "du_lieu": Cell(
                    ", ".join(words.word(words.ZONES, zone) for zone in zones) or t("việc của kho"),
                    note=t("{n} bộ dữ liệu", n=number(len(one.datasets))) if one.datasets else "",
                ),
                "muc_dich": Cell(", ".join(t(PURPOSES[name].title_vi) for name in one.purposes)),
                "can_cu": Cell(
                    one.policy.article, lang="vi", note="" if one.policy.reviewed else t("chưa đối chiếu với Công báo")
                ),
            }
        )
    return Table(
        f"duoc-{code}",
        shown.role(code),
        [
            Column("duoc", t("Được phép"), lead=True),
            Column("viec", t("Việc")),
            Column("du_lieu", t("Dữ liệu")),
            Column("muc_dich", t("Mục đích")),
            Column("can_cu", t("Căn cứ")),
        ],
        lines,
        empty=State("empty", shown.role(code), t("Chưa có chính sách nào cho vai trò này: nó chưa mở gì trong kho.")),
        caption_hidden=True,
    )


def _reached(
    desk: Desk, place: int, whose: str, facilities: frozenset[str] | None, communes: frozenset[str] | None
) -> Table:
    known = desk.profile.commune_by_code
    found = [(t("Cơ sở"), code, desk.facility_name(code)) for code in sorted(facilities or ())]
    found += [(t("Xã, phường"), code, known[code].name if code in known else code) for code in sorted(communes or ())]
    counted = t("{whose}: {n} cơ sở, {m} xã, phường", whose=whose, n=_count(facilities), m=_count(communes))
    return Table(
        f"pham-vi-{place}",
        counted,
        [Column("ten", t("Tên"), lead=True), Column("loai", t("Loại")), Column("ma", t("Mã"), "code")],
        [{"ten": Cell(name), "loai": Cell(kind), "ma": Cell(code)} for kind, code, name in found[:MOST_NAMES]],
        note=t("Còn {n} nữa.", n=number(len(found) - MOST_NAMES)) if len(found) > MOST_NAMES else "",
        dense=True,
    )


def _count(codes: frozenset[str] | None) -> str:
    return t("mọi") if codes is None else number(len(codes))


def _whole(desk: Desk) -> str:
    profile = desk.profile
    return t("{n} cơ sở, {m} xã, phường", n=number(len(profile.facilities)), m=number(len(profile.communes)))


def _nothing() -> Fact:
    return Fact(t("Phạm vi"), t("Không dòng nào"), note=t("chưa có vai trò"))


def sections(desk: Desk, mine: Mine, trying: Sequence[object]) -> list[Section]:
    """The page in its order."""
    return [
        Section("vai-tro-h", t("Vai trò của tôi"), [memberships(desk, mine)]),
        *permissions(desk, mine),
        Section("dong", t("Dòng dữ liệu tới được"), rows(desk, mine), panel=True),
        Section("muc-dich-h", t("Mục đích được dùng"), [purposes(mine)]),
        Section("dang-nhap", t("Đăng nhập"), [assurance(desk, mine)], panel=True),
        Section("hoi-ai", t("Hỏi ai"), [shown.contacts(desk, mine.tree, mine.units)], panel=True),
        Section(
            "thu", t("Thử một câu hỏi"), trying, t("Xem cổng kiểm soát sẽ trả lời gì, không đọc dữ liệu."), panel=True
        ),
    ]
