"""The people of a unit and of those below it: who holds what until when, and the forms that give, invite and end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from bienho.governance import people
from bienho.governance.people.contacts import MATTERS
from bienho.governance.people.memberships import Member
from bienho.governance.people.units import DEPARTMENT, LOCAL, Unit, upwards
from bienho.governance.roles import LEADER
from bienho.portal import formats
from bienho.portal.components import Cell, Column, Fact, Facts, Field, Form, State, Table, Todo, TodoList
from bienho.portal.desk import Desk
from bienho.portal.formats import number
from bienho.portal.language import later, t
from bienho.portal.pages import Section
from bienho.portal.paging import PER_PAGE, last_page, turning
from bienho.portal.presenters import people as shown

MOST_BELOW = 60
ENDING_DAYS = 30
DONE = {
    "giao": (later("Đã giao vai trò"), later("Người được giao thấy ngay ở trang Quyền của tôi.")),
    "ket-thuc": (later("Đã kết thúc vai trò"), later("Quyền hết ngay, kể cả ở phiên đang mở.")),
}
#: Code of an error → the field beside which it stands.
FIELDS = {
    "USE-DOCUMENT": "so_van_ban",
    "USE-MEMBERSHIP-ROLE": "vai_tro",
    "USE-MEMBERSHIP-OWN": "tai_khoan",
    "USE-MEMBERSHIP-OPEN": "tai_khoan",
    "USE-MEMBERSHIP-UNTIL": "den_ngay",
    "USE-ACCOUNT-UNKNOWN": "tai_khoan",
    "USE-ACCOUNT-ID": "tai_khoan",
    "USE-ACCOUNT-TAKEN": "tai_khoan",
    "USE-ACCOUNT-NAME": "ho_ten",
}


@dataclass(frozen=True, slots=True)
class Room:
    """One unit as chosen: the units the reader answers for, those at and below it, their members in force."""

    tree: Mapping[str, Unit]
    led: Mapping[str, Unit]
    unit: Unit
    below: frozenset[str]
    members: Sequence[Member]
    names: Mapping[str, str]

    @property
    def href(self) -> str:
        """The page of this unit."""
        return f"{shown.PEOPLE}?don_vi={self.unit.code}"


def top(desk: Desk, led: Mapping[str, Unit]) -> str:
    """The unit shown first: the reader's own, else the Department, else any."""
    own = [held.unit for held in desk.actor.memberships if held.role == LEADER and held.unit in led]
    return next(iter([*own, *(code for code in (DEPARTMENT,) if code in led), *led]))


def room(desk: Desk, tree: Mapping[str, Unit], led: Mapping[str, Unit], code: str) -> Room | None:
    """The unit of that code, if the reader answers for it."""
    if code not in led:
        return None
    below = frozenset(one for one in tree if code in upwards(tree, one))
    members = [one for one in people.memberships.list_members(desk.house.database, at=desk.now) if one.unit in below]
    return Room(tree, led, tree[code], below, members, shown.names(desk))


def chooser(made: Room) -> Form | None:
    """All units the reader answers for; none to choose from where there is one."""
    if len(made.led) == 1:
        return None
    order = sorted(made.led.values(), key=lambda one: (one.code != DEPARTMENT, shown.kind(one), one.name))
    options = [(one.code, f"{one.name} · {shown.kind(one)}") for one in order]
    field = Field("don_vi", t("Đơn vị"), "choice", made.unit.code, options=options)
    return Form("chon-don-vi", [field], t("Xem"), action=shown.PEOPLE, title=t("Chọn đơn vị"))


def todo(desk: Desk, made: Room) -> TodoList:
    """What whoever answers for the unit does now."""
    items = []
    waiting = [
        item
        for item in people.reviews.worklist(desk.house.database, desk.now)
        if item.member.unit in made.below and people.reviews.may_answer(desk.actor, made.tree, item.member)
    ]
    if waiting:
        items.append(
            Todo(
                "act" if any(item.state == "late" for item in waiting) else "warn",
                t("{n} quyền cần rà soát", n=number(len(waiting))),
                t("Giữ hoặc kết thúc từng quyền; không ai trả lời thì quyền tự hết."),
                t("Bạn"), formats.day(min(item.due for item in waiting)), shown.REVIEW, t("Rà soát"),
            )
        )  # fmt: skip
    named = people.contacts.list_contacts(desk.house.database, unit=made.unit.code, at=desk.now)
    for matter in [matter for matter in MATTERS if matter not in {one.matter for one in named}]:
        items.append(
            Todo(
                "warn",
                t("Chưa cử đầu mối: {matter}", matter=t(MATTERS[matter])),
                t("Chạy `{command}` trên máy chủ.", command=_naming(made.unit.code, matter)),
                t("Quản trị hệ thống"), t("trong tuần"), "/huong-dan/quyen/", t("Hướng dẫn"),
            )
        )  # fmt: skip
    if not any(one.role == LEADER and one.unit == made.unit.code for one in made.members):
        items.append(
            Todo(
                "info", t("Đơn vị chưa có lãnh đạo trong kho"),
                t("Chưa có thì lãnh đạo đơn vị cấp trên hoặc người quản trị rà soát thay."),
                t("Cấp trên"), t("trong tháng"), f"{made.href}#giao", t("Giao vai trò"),
            )
        )  # fmt: skip
    ending = [one for one in made.members if one.until and one.until - desk.now < timedelta(days=ENDING_DAYS)]
    if ending:
        items.append(
            Todo(
                "warn", t("{n} vai trò hết hạn trong 30 ngày", n=number(len(ending))),
                t("Còn cần thì giao tiếp sau khi hết hạn, kèm văn bản mới."),
                t("Bạn"), formats.day(min(one.ends for one in ending)), f"{made.href}#nguoi", t("Xem bảng"),
            )
        )  # fmt: skip
    good = State("good", t("Không có việc gì phải làm"), t("Vai trò, đầu mối và rà soát của đơn vị đều đủ."))
    return TodoList(t("Việc cần làm bây giờ"), items[:5], good)


def facts(desk: Desk, made: Room) -> Facts:
    """The unit, its place, its contacts."""
    unit = made.unit
    above = made.tree.get(unit.parent or "")
    known = Fact(t("Cấp trên"), above.name, f"{shown.PEOPLE}?don_vi={above.code}") if above else None
    if above and above.code not in made.led:
        known = Fact(t("Cấp trên"), above.name)
    own = shown.contacts(desk, made.tree, [unit.code])
    return Facts(
        [
            Fact(t("Loại"), shown.kind(unit)),
            Fact(t("Mã"), unit.code, code=True),
            known or Fact(t("Cấp trên"), "—"),
            *own.items,
        ]
    )


def table(desk: Desk, made: Room, page: int) -> Table:
    """Members in force, page by page; a file has them all (`page` 0)."""
    page = min(page, last_page(len(made.members)))
    start = (page - 1) * PER_PAGE
    part = made.members[start : start + PER_PAGE] if page else made.members
    return Table(
        "nguoi-va-vai-tro",
        t("Người và vai trò"),
        [
            Column("nguoi", t("Người"), lead=True),
            Column("vai_tro", t("Vai trò")),
            *([Column("don_vi", t("Đơn vị"))] if len(made.below) > 1 else []),
            Column("tu", t("Từ ngày"), "date"),
            Column("den", t("Đến hết ngày"), "date"),
            Column("van_ban", t("Văn bản")),
            Column("ra_soat", t("Rà soát")),
            Column("lam", t("Việc"), "date"),  # on one line
        ],
        [_row(desk, made, one) for one in part],
        pagination=turning(page, len(made.members), lambda there: f"{made.href}&trang={there}", t("Người và vai trò"))
        if page and len(part) < len(made.members)
        else None,
        empty=State("empty", t("Chưa có ai"), t("Người hiện ở đây khi được giao vai trò trong đơn vị này.")),
        csv_url=f"?don_vi={made.unit.code}&xuat=nguoi-va-vai-tro.csv",
        caption_hidden=True,
    )


def below(made: Room) -> Table:
    """Units right below, those with most people first."""
    counted: Counter[str] = Counter()
    for one in made.members:
        counted.update(upwards(made.tree, one.unit))
    children = [one for one in made.tree.values() if one.parent == made.unit.code]
    children.sort(key=lambda one: (-counted[one.code], one.name))
    more = len(children) - MOST_BELOW
    return Table(
        "cap-duoi",
        t("Đơn vị cấp dưới"),
        [Column("ten", t("Tên"), lead=True), Column("loai", t("Loại")), Column("so", t("Vai trò đang giữ"), "number")],
        [
            {
                "ten": Cell(one.name, f"{shown.PEOPLE}?don_vi={one.code}"),
                "loai": Cell(shown.kind(one)),
                "so": Cell(number(counted[one.code]), raw=counted[one.code]),
            }
            for one in children[:MOST_BELOW]
        ],
        note=t("Còn {n} đơn vị; chọn ở ô Đơn vị đầu trang.", n=number(more)) if more > 0 else "",
        caption_hidden=True,
    )


def give_form(desk: Desk, made: Room, given: Mapping[str, str], errors: Mapping[str, str]) -> Form:
    """A role for an account that is there."""
    account = Field(
        "tai_khoan", t("Mã tài khoản"), "text", given.get("tai_khoan", ""), required=True,
        help=t("Tài khoản đã có, ví dụ an.nguyen. Người chưa có tài khoản: dùng Mời người mới."),
        error=errors.get("tai_khoan", ""),
    )  # fmt: skip
    fields = [account, *_common(desk, made, given, errors)]
    return Form("giao-vai-tro", fields, t("Giao vai trò"), f"{shown.PEOPLE}giao/", "post", title=t("Giao vai trò"))


def invite_form(desk: Desk, made: Room, given: Mapping[str, str], errors: Mapping[str, str]) -> Form:
    """Somebody new: account, role, invitation."""
    fields = [
        Field(
            "ho_ten", t("Họ tên"), "text", given.get("ho_ten", ""), required=True, error=errors.get("ho_ten", ""),
            help=t("Họ tên cán bộ, như trong quyết định."),
        ),
        Field(
            "tai_khoan", t("Mã tài khoản mới"), "text", given.get("tai_khoan", ""), required=True,
            help=t("Chữ thường không dấu, số, dấu chấm, gạch; ví dụ an.nguyen."), error=errors.get("tai_khoan", ""),
        ),
        *_common(desk, made, given, errors),
    ]  # fmt: skip
    return Form("moi-nguoi", fields, t("Mời"), f"{shown.PEOPLE}moi/", "post", title=t("Mời người mới"))


def end_form(one: Member, given: Mapping[str, str], errors: Mapping[str, str]) -> Form:
    """What is asked before a role is ended."""
    return Form(
        "ket-thuc",
        [_document(given, errors)],
        t("Kết thúc vai trò này"),
        f"{shown.PEOPLE}{one.membership_id}/ket-thuc/",
        "post",
        title=t("Kết thúc vai trò"),
    )


def member_facts(made_of: Mapping[str, Unit], names: Mapping[str, str], one: Member) -> Facts:
    """One membership."""
    return Facts(
        [
            Fact(t("Người"), names.get(one.account_id, one.account_id), note=one.account_id),
            Fact(t("Vai trò"), shown.role(one.role)),
            Fact(t("Đơn vị"), shown.unit_name(made_of, one.unit)),
            Fact(t("Từ ngày"), formats.day(one.since)),
            Fact(t("Đến hết ngày"), shown.until(one)),
            Fact(t("Văn bản"), one.document, note=t("người giao: {name}", name=names.get(one.given_by, one.given_by))),
        ]
    )


def day_after(text: str) -> datetime | None:
    """The instant at which `dd/mm/yyyy` is over in the province; None for none. ValueError for what is no day."""
    if not text:
        return None
    return datetime.combine(datetime.strptime(text, "%d/%m/%Y").date() + timedelta(days=1), time(), LOCAL)


def others(desk: Desk, tree: Mapping[str, Unit]) -> list[Section]:
    """What whoever leads nobody sees: whom to ask in their own units."""
    own = list(dict.fromkeys(one.unit for one in desk.actor.memberships)) or [DEPARTMENT]
    state = State(
        "empty",
        t("Bạn xem được đầu mối của đơn vị mình"),
        t("Danh sách người và vai trò dành cho lãnh đạo đơn vị và người quản trị."),
        href=shown.MINE,
        link=t("Xem quyền của tôi"),
    )
    return [
        Section("dau-moi", t("Đầu mối của đơn vị"), [shown.contacts(desk, tree, own)], panel=True),
        Section("vi-sao", t("Vì sao chỉ có vậy"), [state]),
    ]


def _naming(unit: str, matter: str) -> str:
    return f"bienho unit contact {unit} --matter {matter} --account MA --document VAN_BAN"


def _row(desk: Desk, made: Room, one: Member) -> dict[str, Cell]:
    ends = people.leading.may_change(desk.actor, made.tree, one.unit, one.role)
    href = f"{shown.PEOPLE}{one.membership_id}/ket-thuc/" if ends else ""
    return {
        "nguoi": Cell(made.names.get(one.account_id, one.account_id), note=one.account_id),
        "vai_tro": Cell(shown.role(one.role)),
        "don_vi": Cell(shown.unit_name(made.tree, one.unit)),
        "tu": Cell(formats.day(one.since), raw=one.since),
        "den": Cell(shown.until(one), raw=one.until),
        "van_ban": Cell(one.document),
        "ra_soat": Cell(
            "", badge=shown.review_badge(one.confirmed_at, desk.now), note=shown.review_day(one.confirmed_at)
        ),
        "lam": Cell(t("Kết thúc…"), href) if ends else Cell("—"),
    }


def _common(desk: Desk, made: Room, given: Mapping[str, str], errors: Mapping[str, str]) -> list[Field]:
    roles = people.leading.givable(desk.actor, made.tree, made.unit.code)
    return [
        Field("don_vi", t("Đơn vị"), "hidden", made.unit.code),
        Field(
            "vai_tro", t("Vai trò"), "choice", given.get("vai_tro", ""), required=True,
            options=[("", t("Chọn vai trò")), *((code, shown.role(code)) for code in roles)],
            help=t("Chỉ những vai trò đơn vị này được giao."), error=errors.get("vai_tro", ""),
        ),
        Field(
            "den_ngay", t("Đến hết ngày"), "text", given.get("den_ngay", ""), hint="31/12/2027",
            help=t("Để trống nếu văn bản không ghi thời hạn; vẫn phải rà soát sáu tháng một lần."),
            error=errors.get("den_ngay", ""),
        ),
        _document(given, errors),
    ]  # fmt: skip


def _document(given: Mapping[str, str], errors: Mapping[str, str]) -> Field:
    return Field(
        "so_van_ban", t("Số văn bản"), "text", given.get("so_van_ban", ""), required=True, hint="123/QĐ-SYT",
        help=t("Số và ký hiệu của quyết định, công văn làm căn cứ."), error=errors.get("so_van_ban", ""),
    )  # fmt: skip
