"""Agreements: what waits for whom and what ends soon; one agreement with its way, its words and its history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from bienho.contracts import catalogue
from bienho.governance import PURPOSES, Agreements, accounts, decisions, people
from bienho.governance.agreements import (
    MOVES,
    STATES,
    Agreement,
    Choice,
    Step,
    choices,
    main_way,
    of_revision,
    standing,
    standing_on,
)
from bienho.portal import formats, governed, words
from bienho.portal.components import (
    Badge,
    Cell,
    Column,
    Fact,
    Facts,
    Field,
    Form,
    State,
    Tab,
    Table,
    Tabs,
    Todo,
    TodoList,
    Trail,
)
from bienho.portal.components import Step as Stage
from bienho.portal.desk import Desk
from bienho.portal.formats import DASH, number
from bienho.portal.language import later, t

HREF = "/thoa-thuan/"
DRAFT_HREF = "/thoa-thuan/soan/"
SOON_DAYS = 60
"""An agreement whose last day is nearer than this is said to end soon."""
ONWARD = frozenset({"submit", "pass-legal", "pass-security", "sign", "start", "resume"})
#: State → whom it waits for.
WAITS = {
    "draft": later("Người soạn hoàn thiện rồi trình"),
    "legal-review": later("Người thẩm định pháp lý, không phải người soạn"),
    "security-review": later("Người thẩm định an toàn, không phải người soạn"),
    "to-sign": later("Hai người ký khác nhau, không phải người soạn"),
    "signed": later("Người đưa vào hiệu lực"),
    "suspended": later("Người cho hiệu lực lại hoặc chấm dứt"),
}


@dataclass(frozen=True, slots=True)
class Book:
    """One agreement: all its steps, what stands today, and its newest revision."""

    steps: Sequence[Step]
    day: date

    @property
    def code(self) -> str:
        return self.steps[0].agreement.code

    @property
    def stands(self) -> Step:
        return standing(self.steps, self.day)

    @property
    def newest(self) -> Step:
        return of_revision(self.steps)[-1]

    @property
    def state(self) -> str:
        """Today's state of what stands."""
        return standing_on(self.stands, self.day)

    @property
    def revised(self) -> bool:
        """Whether newer words are under way beside those that stand."""
        return self.newest.revision != self.stands.revision

    @property
    def ends_soon(self) -> bool:
        last = self.stands.agreement.until
        return self.state == "in-force" and last is not None and (last - self.day).days < SOON_DAYS

    def waits(self) -> str:
        """Whom the newest revision waits for."""
        return t(WAITS[self.newest.state]) if self.newest.state in WAITS and self.state != "expired" else DASH


def books(desk: Desk) -> list[Book]:
    """Every agreement, those not in force yet first, then by code."""
    day = formats.local(desk.now).date()
    found = [Book(steps, day) for steps in Agreements(desk.house.database).histories().values()]
    order = list(STATES)
    return sorted(found, key=lambda book: (order.index(book.newest.state), book.code))


def find(desk: Desk, code: str) -> Book | None:
    steps = Agreements(desk.house.database).history(code)
    return Book(steps, formats.local(desk.now).date()) if steps else None


def mine(desk: Desk, book: Book) -> list[Choice]:
    """Moves the policies let this reader make, barred by the rule of two or not."""
    if book.state == "expired":
        return []
    return [one for one in choices(book.steps, desk.actor.account_id, book.day) if desk.may(one.move.action)]


def todo(desk: Desk, found: Sequence[Book]) -> TodoList:
    """What this reader does now: steps that wait for them, then what ends soon."""
    items = []
    for book in found:
        for choice in mine(desk, book):
            if choice.move.code in ONWARD and not choice.barred:
                title = f"{governed.move(choice.move.code)}: {book.newest.agreement.title_vi}"
                items.append(
                    Todo(
                        "act", title, t(governed.MOVES[choice.move.code][1]), t("Bạn"), t("khi đã xem xong"),
                        f"{HREF}{book.code}/", t("Mở thỏa thuận"),
                    )
                )  # fmt: skip
                break
    for book in found:
        if book.ends_soon and not book.revised:
            items.append(
                Todo(
                    "warn",
                    t("Sắp hết hạn: {title}", title=book.stands.agreement.title_vi),
                    t("Sau ngày cuối, mọi lần xem theo thỏa thuận này bị từ chối. Cần tiếp thì soạn bản mới."),
                    t("Người soạn thỏa thuận"), formats.day(book.stands.agreement.until), f"{HREF}{book.code}/",
                    t("Mở thỏa thuận"),
                )
            )  # fmt: skip
    good = State("good", t("Không có thỏa thuận nào chờ bạn"), t("Thỏa thuận chờ người khác vẫn nằm trong bảng dưới."))
    return TodoList(t("Việc cần làm bây giờ"), items[:5], good)


def tabs(found: Sequence[Book], chosen: str) -> Tabs:
    """All, and each state there is."""
    held = [code for code in STATES if any(book.state == code for book in found)]
    items = [Tab(t("Tất cả"), HREF, not chosen, number(len(found)))]
    items += [
        Tab(
            governed.state(code).text,
            f"{HREF}?tinh_trang={code}",
            chosen == code,
            number(sum(book.state == code for book in found)),
        )
        for code in held
    ]
    return Tabs(t("Tình trạng"), items)


def table(desk: Desk, found: Sequence[Book]) -> Table:
    """One line per agreement."""
    empty = State(
        "empty",
        t("Chưa có thỏa thuận nào"),
        t("Trong Sở, việc dùng dữ liệu dựa vào quy định nội bộ. Chia sẻ cho đơn vị ngoài phải có thỏa thuận ở đây."),
        href=DRAFT_HREF if desk.may("agreement-draft") else "",
        link=t("Soạn thỏa thuận"),
    )
    return Table(
        "thoa-thuan",
        t("Các thỏa thuận chia sẻ"),
        [
            Column("ten", t("Thỏa thuận"), lead=True),
            Column("tinh", t("Tình trạng")),
            Column("cho", t("Đang chờ ai")),
            Column("muc", t("Mục đích")),
            Column("tu", t("Từ ngày"), "date"),
            Column("den", t("Đến ngày"), "date"),
        ],
        [_line(book) for book in found],
        empty=empty,
        csv_url="?xuat=thoa-thuan.csv",
    )


def _line(book: Book) -> dict[str, Cell]:
    agreement = book.stands.agreement
    badge = governed.state(book.state)
    under_way = (
        t("bản {n}: {state}", n=number(book.newest.revision), state=governed.state(book.newest.state).text)
        if book.revised
        else ""
    )
    until = formats.day(agreement.until) if agreement.until else t("không thời hạn")
    return {
        "ten": Cell(agreement.title_vi, f"{HREF}{book.code}/", note=book.code, lang="vi"),
        "tinh": Cell("", badge=badge, note=under_way, raw=badge.text),
        "cho": Cell(book.waits()),
        "muc": Cell(governed.purpose(agreement.purpose), lang="vi"),
        "tu": Cell(formats.day(agreement.starts), raw=agreement.starts),
        "den": Cell("", note=until, badge=Badge(t("sắp hết hạn"), "warn"), raw=until)
        if book.ends_soon
        else Cell(until, raw=agreement.until or until),
    }


def way(book: Book, names: Mapping[str, str]) -> Trail:
    """The way of the newest revision from its draft to force, as the code has it; where it stands is outlined."""
    own = of_revision(book.steps)
    now = standing_on(own[-1], book.day)
    here = now if now in main_way() else "in-force" if now in ("suspended", "expired") else own[-1].state
    stages = []
    for place, code in enumerate(main_way(), 1):
        reached = [step for step in own if step.state == code]
        current = code == here
        said = (
            t("{name}, {when}", name=names.get(reached[-1].by, reached[-1].by), when=formats.moment(reached[-1].at))
            if reached
            else ""
        )
        title = governed.state(now).text if current and now not in main_way() else governed.state(code).text
        stages.append(Stage(t("Bước {n}", n=place), title, said or t("chưa tới"), current=current))
    return Trail(t("Vòng đời của thỏa thuận"), stages)


def life() -> Table:
    """Every step there is, drawn from the code: from where to where, by how many, by whom not."""
    rows = []
    for move in MOVES.values():
        rules = []
        if move.apart:
            rules.append(t("không phải người soạn, người trình"))
        if move.persons > 1:
            rules.append(t("{n} người khác nhau", n=number(move.persons)))
        if move.needs_document:
            rules.append(t("cần số văn bản"))
        rows.append(
            {
                "buoc": Cell(governed.move(move.code)),
                "tu": Cell(", ".join(governed.state(source).text for source in move.sources)),
                "den": Cell(governed.state(move.target).text),
                "ai": Cell(governed.action(move.action), note="; ".join(rules)),
            }
        )
    return Table(
        "vong-doi",
        t("Mọi bước có thể"),
        [
            Column("buoc", t("Bước"), lead=True),
            Column("tu", t("Khi đang")),
            Column("den", t("Thành")),
            Column("ai", t("Quyền cần có")),
        ],
        rows,
        note=t("Qua ngày cuối, thỏa thuận tự hết hạn, không cần ai làm gì."),
    )


def names(desk: Desk) -> dict[str, str]:
    """Account → name of the person."""
    return {one.account_id: one.name for one in accounts.list_accounts(desk.house.database)}


def summary(desk: Desk, book: Book) -> Facts:
    """Where it stands, for whom it waits, what it was used for so far."""
    used = decisions.uses(desk.house.database, book.code)
    last = t("lần cuối {when}", when=formats.moment(used.last)) if used.last else t("chưa có lần nào")
    items = [
        Fact(t("Tình trạng hôm nay"), "", badge=governed.state(book.state), note=t("bản {n}", n=book.stands.revision)),
        Fact(t("Đang chờ ai"), book.waits()),
        Fact(t("Đã dùng"), t("{n} lần xem", n=number(used.looks)), note=last),
    ]
    if book.revised:
        newer = governed.state(book.newest.state)
        items.insert(1, Fact(t("Bản mới đang soạn"), "", badge=newer, note=t("bản {n}", n=book.newest.revision)))
    return Facts(items)


def scope(desk: Desk, agreement: Agreement) -> Facts:
    """What it says: who gets what, for what, under which articles, from when until when."""
    known = {unit.code: unit.name for unit in people.units.list_units(desk.house.database)}
    purpose = PURPOSES[agreement.purpose]
    units = [
        f"{known[code]} ({code})" if code in known else t("{code} (chưa có đơn vị mã này)", code=code)
        for code in agreement.units
    ]
    datasets = [f"{catalogue()[name].title_vi} ({name})" for name in agreement.datasets]
    return Facts(
        [
            Fact(t("Các bên"), "; ".join(agreement.parties)),
            Fact(t("Đơn vị nhận"), "; ".join(units)),
            Fact(t("Mục đích"), purpose.title_vi, note=purpose.legal_basis),
            Fact(t("Bộ dữ liệu"), "; ".join(datasets)),
            Fact(t("Lớp cột"), ", ".join(words.data_class(one).text for one in agreement.classes)),
            Fact(t("Điều luật"), "; ".join(agreement.articles)),
            Fact(
                t("Thời hạn"),
                t("từ {first}", first=formats.day(agreement.starts)),
                note=t("đến hết {last}", last=formats.day(agreement.until)) if agreement.until else t("không thời hạn"),
            ),
            Fact(t("Điều kiện"), "; ".join(agreement.conditions) or t("không ghi thêm")),
        ]
    )


def history(book: Book, people_names: Mapping[str, str]) -> Table:
    """Every step, newest first, with who and when; a draft leads to the words it had."""
    rows = []
    for step in reversed(book.steps):
        drafted = step.move == "draft"
        rows.append(
            {
                "luc": Cell(formats.moment(step.at), raw=step.at),
                "buoc": Cell(
                    governed.move(step.move), f"{HREF}{book.code}/?buoc={step.step}" if drafted else "",
                    note=t("xem nội dung khi đó") if drafted else "",
                ),
                "ai": Cell(people_names.get(step.by, step.by), note=step.by),
                "sau": Cell("", badge=governed.state(step.state), raw=governed.state(step.state).text),
                "vb": Cell(step.document or DASH),
                "ban": Cell(number(step.revision), raw=step.revision),
            }
        )  # fmt: skip
    return Table(
        "lich-su",
        t("Lịch sử; không dòng nào sửa hay xóa được"),
        [
            Column("buoc", t("Bước"), lead=True),
            Column("luc", t("Lúc"), "date"),
            Column("ai", t("Ai")),
            Column("sau", t("Sau bước")),
            Column("vb", t("Văn bản"), "code"),
            Column("ban", t("Bản"), "number"),
        ],
        rows,
        csv_url="?xuat=lich-su.csv",
    )


@dataclass(frozen=True, slots=True)
class Button:
    """A step this reader may make: what follows, its form; `barred` says why it must be another person instead.

    `onward`: it leads to force; the others take something back.
    """

    title: str
    text: str
    form: Form | None
    barred: str = ""
    onward: bool = False


def buttons(desk: Desk, book: Book, given: Mapping[str, str], errors: Mapping[str, str]) -> list[Button]:
    """The steps the policies let this reader make now."""
    made = []
    several = len({one.revision for one in mine(desk, book)}) > 1
    for choice in mine(desk, book):
        title, text = (t(part) for part in governed.MOVES[choice.move.code])
        if several:
            title = t("{title} (bản {n})", title=title, n=number(choice.revision))
        if choice.barred:
            made.append(Button(title, text, None, t(governed.BARRED[choice.barred]), onward=True))
            continue
        onward = choice.move.code in ONWARD
        made.append(Button(title, text, _form(book, choice, title, given, errors), onward=onward))
    return made


def _form(book: Book, choice: Choice, title: str, given: Mapping[str, str], errors: Mapping[str, str]) -> Form:
    this = given.get("buoc") == choice.move.code and given.get("ban") == str(choice.revision)
    fields = [
        Field("buoc", "", "hidden", choice.move.code),
        Field("ban", "", "hidden", str(choice.revision)),
        Field("thay", "", "hidden", str(book.steps[-1].step)),
    ]
    if choice.move.needs_document:
        fields.append(
            Field(
                "so_van_ban", t("Số văn bản"), value=given.get("so_van_ban", "") if this else "", required=True,
                error=errors.get("so_van_ban", "") if this else "", hint="123/SYT-NVY",
                help=t("Số và ký hiệu của văn bản thỏa thuận đã ký."),
            )
        )  # fmt: skip
    return Form(
        f"buoc-{choice.move.code}-{choice.revision}", fields, title, f"{HREF}{book.code}/buoc/", "post", title=title
    )


def plain(agreement: Agreement) -> dict[str, Any]:
    """The texts of the draft form for an agreement."""
    lines = {name: "\n".join(getattr(agreement, name)) for name in ("parties", "units", "articles", "conditions")}
    return {
        **lines,
        "code": agreement.code,
        "title_vi": agreement.title_vi,
        "purpose": agreement.purpose,
        "datasets": list(agreement.datasets),
        "classes": list(agreement.classes),
        "starts": formats.day(agreement.starts),
        "until": formats.day(agreement.until) if agreement.until else "",
    }


def draft_link(desk: Desk, book: Book) -> str:
    """What the way to new words is called for this reader; '' when there is none."""
    if not desk.may("agreement-draft"):
        return ""
    if book.newest.state == "draft":
        return t("Sửa dự thảo")
    return t("Soạn bản mới") if book.newest.state in ("in-force", "suspended", "ended") else ""


def lead(desk: Desk, book: Book) -> str:
    """What the reader should do now, in one sentence."""
    onward = [one for one in mine(desk, book) if one.move.code in ONWARD]
    if any(not one.barred for one in onward):
        return t("Thỏa thuận đang chờ bạn: xem nội dung rồi bấm một trong các bước dưới đây.")
    if onward:
        return t("Bước tiếp theo phải do người khác làm; bạn đã soạn, trình hoặc ký bản này.")
    if book.state == "in-force":
        return t("Thỏa thuận đang có hiệu lực; bạn không phải làm gì.")
    if book.state in ("ended", "expired"):
        return t("Thỏa thuận không còn hiệu lực; mọi lần xem theo nó đều bị từ chối.")
    return t("Thỏa thuận đang chờ: {who}.", who=book.waits())
