"""Two patients that may be one person: the pair opened for one look, what speaks for and against, and progress."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from bienho.pipeline.reviewing import FIELDS, Question, Reviews, compare
from bienho.portal import formats
from bienho.portal.components import Badge, Cell, Column, Fact, Facts, Form, Pair, PairRow, State, Table
from bienho.portal.components.form import Field
from bienho.portal.components.pair import parts
from bienho.portal.desk import Desk, Row
from bienho.portal.formats import number
from bienho.portal.language import later, t
from bienho.portal.presenters.linkage_words import EVIDENCE, REASONS, RISKS
from bienho.portal.presenters.linked import quality

HREF = "/con-nguoi/xet/"
HEAD, FILE = "standard.xml130_dossier", "standard.xml130_1"
SHOWN = 50
VAULT = "*"
TITLES = {
    "HO_TEN": later("Họ tên"), "NGAY_SINH": later("Ngày sinh"), "GIOI_TINH": later("Giới tính"),
    "SO_CCCD": later("Số định danh, CMND"), "MA_THE_BHYT": later("Thẻ bảo hiểm y tế"),
    "DIEN_THOAI": later("Điện thoại"), "DIA_CHI": later("Địa chỉ"), "MAXA_CU_TRU": later("Mã xã cư trú"),
    "MATINH_CU_TRU": later("Mã tỉnh cư trú"), "MA_DANTOC": later("Mã dân tộc"), "MA_BN": later("Mã người bệnh"),
    "NGAY_VAO": later("Ngày vào"),
}  # fmt: skip
ANSWERS = {
    "same": later("Một người"), "different": later("Hai người"), "unsure": later("Chưa rõ"),
}  # fmt: skip
TOLD = {
    "sent": (
        later("Đã ghi quyết định"),
        later("Quyết định được nhận như một lần gửi; chỉ mục theo ở lượt liên kết tới."),
    ),
    "proposed": (
        later("Đã ghi đề nghị, chờ người thứ hai"),
        later("Ghép hai hồ sơ trái một ràng buộc cần hai người: người khác phải đồng ý thì mới thành quyết định."),
    ),
    "unsure": (later("Đã ghi là chưa rõ"), later("Cặp này để lại cho người khác xét.")),
}


@dataclass(frozen=True, slots=True)
class Button:
    value: str
    title: str
    key: str
    quiet: bool = True


def no_index() -> State:
    return State(
        "empty",
        t("Chưa có chỉ mục con người"),
        t("Các cặp hiện ở đây sau lượt liên kết đầu tiên; tiến trình nền làm việc này mỗi giờ."),
    )


def waiting(desk: Desk, reviews: Reviews, found: Sequence[Question]) -> dict[str, Any]:
    """The page without a value: the list, where to begin, progress."""
    answered = any(one.by == desk.actor.account_id for one in reviews.answers(desk.actor))
    again = Form("lai", [Field("viec", "", "hidden", "undo")], t("Xét lại câu vừa trả lời"), HREF, "post", quiet=True)
    empty = State(
        "good",
        t("Không có cặp nào chờ bạn xét"),
        t("Cặp mới hiện ở đây sau mỗi lượt liên kết, khi chỉ mục còn ngờ."),
    )
    return {
        "table": _table(found) if found else None,
        "start": Form("mo", [Field("viec", "", "hidden", "open")], t("Mở cặp đầu tiên"), HREF, "post")
        if found
        else (again if answered else None),
        "again": again if answered and found else None,
        "empty": None if found else empty,
        **standing(desk, reviews, len(found)),
    }


def standing(desk: Desk, reviews: Reviews, left: int) -> dict[str, Any]:
    """How far the work is, and how right the linkage is."""
    said = reviews.answers(desk.actor)
    mine = [one for one in said if one.by == desk.actor.account_id]
    return {
        "progress": Facts(
            [
                Fact(t("Chờ bạn xét"), t("{n} cặp", n=number(left))),
                Fact(t("Bạn đã trả lời"), t("{n} cặp", n=number(len({(one.left, one.right) for one in mine})))),
                Fact(t("Mọi người đã quyết định"), t("{n} cặp", n=number(sum(one.state == "sent" for one in said)))),
                Fact(t("Chờ người thứ hai"), t("{n} cặp", n=number(sum(one.state == "proposed" for one in said)))),
            ]
        ),
        "quality": quality(reviews.calibration()),
    }


def _table(found: Sequence[Question]) -> Table:
    rows = [
        {
            "tt": Cell(number(place)),
            "ngo": Cell(t(RISKS[one.asked.veto][0]) if one.asked.veto in RISKS else t("Chưa đủ chắc")),
            "co": Cell(_percent(one.asked.weight)),
            "hai": Cell("", badge=Badge(t("chờ người thứ hai"), "warn")) if one.proposed else Cell(formats.DASH),
        }
        for place, one in enumerate(found[:SHOWN], 1)
    ]
    return Table(
        "cho-xet",
        t("{n} cặp chờ xét, cặp đáng xét nhất trước", n=number(len(found))),
        [
            Column("tt", t("Thứ tự"), "number"),
            Column("ngo", t("Vì sao ngờ"), lead=True),
            Column("co", t("Khả năng là một người"), "number"),
            Column("hai", t("Hai người")),
        ],
        rows,
        note=t("Chỉ hiện {n} cặp đầu.", n=number(SHOWN)) if len(found) > SHOWN else "",
    )


def first_open(desk: Desk, order: Sequence[Question]) -> tuple[Question, list[Row]] | None:
    """The first pair whose two records are both there, opened through the gate; None when none is."""
    for one in order:
        rows = _rows(desk, (one.asked.left, one.asked.right))
        if rows:
            return one, rows
    return None


def _rows(desk: Desk, patients: tuple[str, str]) -> list[Row]:
    """What the newest version of each says of its patient, with the sealed texts; [] when one has none."""
    keys = ["patient_key", "record_id", "version_id", "facility_code"]
    heads = desk.rows(HEAD, keys, [("patient_key", "in", list(patients))])
    by_version = {row["version_id"]: row for row in heads}
    said = desk.rows(FILE, ["version_id", "row_no", *FIELDS.values()], [("version_id", "in", list(by_version))])
    newest: dict[str, Row] = {}
    for row in sorted((row for row in said if row["row_no"] == 1), key=lambda row: row["version_id"]):
        head = by_version[row["version_id"]]
        newest[head["patient_key"]] = {**row, **head}
    if set(newest) != set(patients):
        return []
    found = [newest[patient] for patient in patients]
    sealed = [name for name in FIELDS.values() if any(row[name] == VAULT for row in found)]
    if sealed:
        given = pa.table({name: pa.array([row[name] for row in found], pa.string()) for name in ("record_id", *sealed)})
        _, opened = desk.house.gate.identify(desk.actor, desk.purpose, given, sealed)
        found = [{**row, **texts} for row, texts in zip(found, opened.to_pylist(), strict=True)]
    return [{name: None if value == VAULT else value for name, value in row.items()} for row in found]


def asked(desk: Desk, one: Question, rows: list[Row]) -> dict[str, Any]:
    """One pair with its names, what is to be weighed, and the keys that answer."""
    told = compare(*rows)
    words = [(t(EVIDENCE[comparison][level]), side) for comparison, level, side in told.evidence if level]
    sides = ((t("Nói rằng một người"), "for"), (t("Nói rằng hai người"), "against"), (t("Không nói gì rõ"), "neither"))
    veto = told.veto or one.asked.veto
    why = t(RISKS[veto][1]) if veto in RISKS else ""
    if why and not told.veto:
        why = t("Không phải ở hai hồ sơ này, mà giữa những hồ sơ khác của hai người: {why}", why=why)
    risk = State("partial", t(RISKS[veto][0]), why) if veto in RISKS else None
    proposed = State(
        "partial",
        t("Người khác đã đề nghị: một người"),
        t("Bạn đồng ý thì thành quyết định; trả lời hai người thì đề nghị bị bác."),
    )
    buttons = [
        Button("same", t("Một người"), "1", quiet=False),
        Button("different", t("Hai người"), "2", quiet=False),
        Button("unsure", t("Chưa rõ"), "3"),
        Button("skip", t("Để sau"), "4"),
        Button("undo", t("Xét lại câu trước"), "0"),
    ]
    return {
        "asked": one.asked,
        "proposed": proposed if one.proposed else None,
        "risk": risk,
        "pair": _pair(desk, rows),
        "weighs": [(title, [word for word, found in words if found == side]) for title, side in sides],
        "chance": t("Theo cách cân của chỉ mục, khả năng là một người: {p}.", p=_share(told.probability)),
        "reasons": [(code, t(title)) for code, title in REASONS.items()],
        "buttons": buttons,
    }


def _pair(desk: Desk, rows: list[Row]) -> Pair:
    left, right = (desk.facility_name(row["facility_code"]) for row in rows)
    return Pair(
        t("Hai hồ sơ đặt cạnh nhau"),
        t("Trường"),
        t("Hồ sơ thứ nhất: {name}", name=left),
        t("Hồ sơ thứ hai: {name}", name=right),
        t("So sánh"),
        [_row(name, *(_said(name, row[name]) for row in rows)) for name in TITLES],
    )


def _row(name: str, left: str, right: str) -> PairRow:
    if not left or not right:
        nobody = t("cả hai không có") if left == right else t("một bên không có")
        shown = [[(text, False)] if text else [] for text in (left, right)]
        return PairRow(t(TITLES[name]), shown[0], shown[1], Badge(nobody))
    if left == right:
        return PairRow(t(TITLES[name]), [(left, False)], [(right, False)], Badge(t("giống"), "ok"))
    one, other = parts(left, right)
    return PairRow(t(TITLES[name]), one, other, Badge(t("khác"), "warn"))


def _said(name: str, text: str | None) -> str:
    """A value as people read it; what has another form stays as it was sent."""
    if not text:
        return ""
    if name in ("NGAY_SINH", "NGAY_VAO") and text[:8].isdigit() and len(text) >= 8:
        day = f"{text[6:8]}/{text[4:6]}/{text[:4]}"
        return f"{day} {text[8:10]}:{text[10:12]}" if name == "NGAY_VAO" and len(text) >= 12 else day
    if name == "GIOI_TINH":
        return {"1": t("Nam"), "2": t("Nữ")}.get(text, text)
    return text


def told(state: str | None, verdict: str) -> State:
    """What became of an answer."""
    if state is None:
        return State("partial", t("Cặp này đã được trả lời"), t("Không có gì được ghi thêm."))
    title, text = TOLD[state]
    answer = t(ANSWERS[verdict])
    return State("good", t("{what}: {answer}", what=t(title), answer=answer), t(text))


def undone(again: Question | None) -> State:
    if again is None:
        return State("partial", t("Bạn chưa trả lời câu nào"), t("Không có gì để xét lại."))
    before = t(ANSWERS[again.answered]) if again.answered else ""
    return State(
        "partial",
        t("Đang xét lại câu bạn đã trả lời: {answer}", answer=before),
        t("Trả lời sau thay trả lời trước. Đi tiếp mà không trả lời thì quyết định trước vẫn giữ; đề nghị thì đã rút."),
    )


def _percent(weight: float) -> str:
    return _share(1 / (1 + 2.0 ** -max(-60.0, min(60.0, weight))))


def _share(chance: float) -> str:
    if chance > 0.999:
        return t("trên 99,9 %")
    if chance < 0.001:
        return t("dưới 0,1 %")
    return f"{number(round(100 * chance, 1), 1)} %"
