"""One decision of the record: in a sentence, its answer, its rules, its facts, and the same decision judged again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from bienho.core.errors import UsageError
from bienho.governance.decisions import Told
from bienho.governance.policy import CURRENT, engine, engine_of
from bienho.governance.replay import Replayed, replay
from bienho.portal import formats, governed, words
from bienho.portal.components import Badge, Cell, Column, Fact, Facts, Field, Form, State, Table
from bienho.portal.desk import Desk
from bienho.portal.formats import DASH
from bienho.portal.language import later, t
from bienho.portal.presenters.decisions import HREF, day_of, house_of, paper, reach, rows_limit, why


def sentence(one: Told) -> str:
    """The whole decision in one sentence."""
    asked_for = governed.action(one.subtype)
    what = ", ".join(one.datasets) or house_of(one) or t("hệ thống")
    purpose = governed.purpose(one.purpose) or t("không nêu")
    who = t(
        "{name} ({account}), qua {door}",
        name=one.name,
        account=one.account,
        door=t(governed.DOORS.get(one.door, one.door)),
    )
    values = {"who": who, "what": f"{asked_for}: {what}", "purpose": purpose}
    if one.outcome == "allowed":
        return t("{who}, hỏi «{what}» với mục đích «{purpose}». Cổng kiểm soát cho phép.", **values)
    if one.outcome == "denied":
        return t(
            "{who}, hỏi «{what}» với mục đích «{purpose}». Cổng kiểm soát từ chối: không dữ liệu nào được mở.", **values
        )
    return t("{who}, hỏi «{what}» với mục đích «{purpose}». Việc không xong: không dữ liệu nào được trả.", **values)


def answer(one: Told) -> Facts:
    """Who, why, under which paper, by which rule, how far, with which answer."""
    items = [
        Fact(t("Kết quả"), "", badge=governed.outcome(one.outcome), note=one.message),
        Fact(t("Lúc"), formats.moment(one.at), note=t("sự kiện số {n}", n=one.seq)),
        Fact(t("Ai"), one.name, note=one.account),
        Fact(t("Vai trò khi đó"), ", ".join(governed.role(code) for code in one.roles) or DASH),
        Fact(
            t("Đăng nhập"),
            t(governed.ASSURANCES.get(one.assurance, one.assurance)),
            note=t(governed.DOORS.get(one.door, one.door)),
        ),
        Fact(t("Mục đích"), governed.purpose(one.purpose) or DASH, note=why(one)),
        Fact(t("Thỏa thuận"), paper(one), note=", ".join(one.agreements)),
        Fact(t("Giới hạn dòng"), rows_limit(one)),
    ]
    return Facts(items)


def rules(one: Told) -> Table:
    """The rules that gave the answer, in the words people were told, with their laws."""
    known = _policies(one)
    rows = []
    for name in one.rules:
        policy = known.get(name)
        rows.append(
            {
                "ma": Cell(name),
                "loi": Cell(policy.title_vi if policy else one.message or DASH, lang="vi"),
                "luat": Cell(policy.article if policy else "; ".join(one.articles) or DASH, lang="vi"),
                "xet": Cell(t("chưa đối chiếu Công báo") if policy and not policy.reviewed else DASH),
            }
        )
    return Table(
        "quy-tac",
        t("Quy tắc đã quyết định"),
        [
            Column("ma", t("Quy tắc"), "code", lead=True),
            Column("loi", t("Nói gì")),
            Column("luat", t("Điều luật")),
            Column("xet", t("Đối chiếu")),
        ],
        rows,
        caption_hidden=True,
        empty=State("empty", t("Sự kiện này không nêu quy tắc")),
    )


def _policies(one: Told) -> Mapping[str, Any]:
    try:
        return engine_of(one.event.get("decision", {}).get("revision", "")).policies
    except UsageError:
        return engine(CURRENT).policies


def entities(one: Told) -> Table:
    """What was asked about. Keys stand as they are recorded; values asked by are digests and are not shown."""
    rows = []
    for entity in one.event["entity"]:
        detail = entity.get("detail", {})
        columns = ", ".join(str(name) for name in detail.get("columns", ()) or detail.get("group_by", ()))
        asked_by = ", ".join(str(item.get("column", "?")) for item in detail.get("filter", ()))
        rows.append(
            {
                "loai": Cell(t(KINDS.get(entity["type"], entity["type"]))),
                "ten": Cell(str(entity["what"]["identifier"])),
                "cot": Cell(columns or DASH),
                "loc": Cell(asked_by or DASH),
                "anh": Cell(str(detail.get("snapshot", DASH))),
            }
        )
    return Table(
        "da-hoi",
        t("Đã hỏi gì"),
        [
            Column("ten", t("Tên hoặc khóa"), "code", lead=True),
            Column("loai", t("Loại")),
            Column("cot", t("Cột")),
            Column("loc", t("Lọc theo cột")),
            Column("anh", t("Ảnh chụp kho"), "number"),
        ],
        rows,
        caption_hidden=True,
        dense=True,
        empty=State("empty", t("Sự kiện này không nêu bộ dữ liệu nào")),
    )


KINDS = {
    "dataset": later("bộ dữ liệu"),
    "query": later("câu lệnh"),
    "command": later("việc của hệ thống"),
    "audit": later("nhật ký"),
    "account": later("tài khoản"),
    "emergency": later("lần mở khẩn cấp"),
    "Patient": later("khóa người bệnh"),
    "Encounter": later("khóa hồ sơ"),
    "Record": later("khóa bản ghi"),
    "raw": later("bản gốc"),
}


def facts(one: Told) -> list[Table]:
    """The facts each decision rests on: all it depended on, so that it can be made again."""
    made = one.event.get("decision", {}).get("made", [])
    tables = []
    for place, kept in enumerate(made, 1):
        given = kept["facts"]
        title = given.get("dataset") or governed.action(given["action"])
        rows = [{"ten": Cell(name), "gia": Cell(value)} for name, value in _facts(given)]
        tables.append(
            Table(
                f"du-kien-{place}",
                t("Dữ kiện {n}: {title}", n=place, title=title),
                [Column("ten", t("Dữ kiện"), lead=True), Column("gia", t("Khi đó"))],
                rows,
                dense=True,
            )
        )
    return tables


def _facts(given: Mapping[str, Any]) -> list[tuple[str, str]]:
    def yes(name: str) -> str:
        return t("có") if given.get(name) else t("không")

    reaches = [
        f"{', '.join(governed.role(role) for role in one['roles']) or DASH} — "
        + reach(_set(one.get("facilities")), _set(one.get("communes")))
        for one in given["reaches"]
    ]
    classes = given["classes"] if given["classes"] is not None else given["held"]
    return [
        (t("Việc"), governed.action(given["action"])),
        (t("Vai trò và phạm vi"), "; ".join(reaches) or DASH),
        (t("Mục đích"), governed.purpose(given["purpose"]) or DASH),
        (t("Vai trò được dùng mục đích"), ", ".join(governed.role(role) for role in given["claimants"]) or DASH),
        (t("Mục đích mở định danh"), yes("identifies")),
        (t("Thỏa thuận"), given["agreement"]),
        (t("Thỏa thuận có hiệu lực"), yes("in_force")),
        (t("Thỏa thuận nêu việc này"), yes("covers")),
        (t("Lớp cột thỏa thuận cho"), ", ".join(words.data_class(name).text for name in given["agreed"]) or DASH),
        (t("Lớp cột được hỏi"), ", ".join(words.data_class(name).text for name in classes) or DASH),
        (t("Dòng nói về từng người"), yes("persons")),
        (t("Khẩn cấp"), yes("emergency")),
        (t("Cửa vào"), t(governed.DOORS.get(given["door"], given["door"]))),
        (t("Đăng nhập"), t(governed.ASSURANCES.get(given["assurance"], given["assurance"]))),
    ]


def _set(codes: Sequence[str] | None) -> frozenset[str] | None:
    return None if codes is None else frozenset(codes)


def again(desk: Desk, one: Told, day: date) -> Table | State:
    """The decision made again by the policies that made it and by those of a day, and whether that is the same."""
    event = str(one.seq)
    try:
        _, revision, of_day = replay(desk.house.database, event, as_of=day)
    except UsageError as error:
        return State("partial", t("Không làm lại được quyết định này"), error.message, code=error.code)
    try:
        same_set: Sequence[Replayed | None] = replay(desk.house.database, event)[2]
        note = t(
            "Bộ chính sách khi đó {then}, ngày {day} là {now}.",
            then=one.event["decision"]["revision"],
            day=formats.day(day),
            now=revision,
        )
    except UsageError:
        same_set = [None] * len(of_day)
        note = t("Bản phần mềm này không còn giữ bộ chính sách khi đó; cột giữa để trống.")
    rows = []
    for then, now in zip(same_set, of_day, strict=True):
        same = now.same and (then is None or then.same)
        rows.append(
            {
                "bo": Cell(now.dataset or governed.action(now.action)),
                "khi": _verdict(now.then, now.then_rule),
                "lai": _verdict(then.now, then.now_rule) if then else Cell(DASH),
                "nay": _verdict(now.now, now.now_rule),
                "so": Cell("", badge=Badge(t("giống"), "ok") if same else Badge(t("khác"), "warn")),
            }
        )
    return Table(
        "xet-lai",
        t("Xét lại quyết định"),
        [
            Column("bo", t("Về"), "code", lead=True),
            Column("khi", t("Đã quyết định")),
            Column("lai", t("Làm lại, bộ khi đó")),
            Column("nay", t("Theo bộ của ngày {day}", day=formats.day(day))),
            Column("so", t("So sánh")),
        ],
        rows,
        caption_hidden=True,
        note=note,
    )


def _verdict(allowed: bool, rule: str) -> Cell:
    badge = governed.outcome("allowed" if allowed else "denied")
    return Cell("", badge=badge, note=rule, raw=badge.text)


def day_form(one: Told, text: str, error: str) -> Form:
    """Which day's policies to judge by."""
    field = Field("ngay", t("Theo chính sách ngày"), value=text, hint="dd/MM/yyyy", error=error)
    return Form("xet-lai-ngay", [field], t("Xét lại"), f"{HREF}{one.seq}/", inline=True, title=t("Xét lại"))


def asked_day(text: str, today: date) -> tuple[date, str]:
    """(day, error) out of a typed day; '' is today."""
    if not text:
        return today, ""
    found = day_of(text)
    return (found, "") if found else (today, t("Ghi ngày dạng dd/MM/yyyy, ví dụ 18/11/2026."))
