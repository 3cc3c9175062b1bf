"""Sending a facility's own file: the form, the receipt, and what a rehearsal says of a file nobody kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from bienho.core.errors import BienhoError
from bienho.pipeline.sending import Sent, own_facilities
from bienho.portal import formats, words
from bienho.portal.components import (
    Badge,
    Cell,
    Column,
    Fact,
    Facts,
    Field,
    FindingItem,
    FindingList,
    Form,
    State,
    Table,
)  # fmt: skip
from bienho.portal.desk import Desk, Row
from bienho.portal.formats import number
from bienho.portal.language import later, t
from bienho.portal.pages import Section
from bienho.portal.presenters.findings import said, where

SEND, REHEARSE = "/gui-ho-so/", "/xet-thu/"
ACCEPT = ".xml,.zip,application/xml,text/xml,application/zip"
SHOWN_DOSSIERS, SHOWN_FINDINGS = 20, 50
PLACE = {"table": "table_name", "row": "row_no", "field": "field"}
KNOWN = {
    "letter": later("công văn hướng dẫn"),
    "client": later("phần mềm của bệnh viện"),
    "catalogue": later("một danh mục dịch vụ công khai"),
    "told": later("một nơi cho biết"),
}
"""How well a code of the insurance portal is known."""


def form(desk: Desk, action: str, given: Mapping[str, str], error: BienhoError | None = None) -> Form:
    """A file to send or to rehearse; the facility is asked for only where the account has several."""
    codes = own_facilities(desk.actor)
    most = formats.size(desk.house.limits.delivery_bytes)
    fields = [
        Field(
            "tep",
            t("Tệp hồ sơ"),
            kind="file",
            accept=ACCEPT,
            required=True,
            help=t("Một tệp XML hoặc zip như phần mềm xuất ra, tối đa {most}.", most=most),
            error=f"{error.message} {error.hint}".strip() if error else "",
        )
    ]
    if len(codes) > 1:
        fields.insert(
            0,
            Field(
                "co_so",
                t("Gửi cho cơ sở"),
                kind="choice",
                value=given.get("co_so", ""),
                options=[(code, desk.facility_name(code)) for code in codes],
                required=True,
            ),
        )
    submit = t("Gửi") if action == SEND else t("Xét thử")
    return Form("gui" if action == SEND else "xet-thu", fields, submit, action, "post")


def closed() -> State:
    """Where nobody can send."""
    return State(
        "partial", t("Cổng này không nhận gửi"), t("Hỏi người vận hành địa chỉ nhận hồ sơ của kho."), code="USE-CLOSED"
    )


def receipt(desk: Desk, row: Row | None, sent: Sent | None) -> Facts:
    """What the sender keeps; `row`: of the lake once it is there, until then what the receipt itself says."""
    told: Mapping[str, Any] = row or (sent.as_dict() if sent else {})
    delivery = row["delivery_id"] if row else told["delivery"]
    facility = row["facility_code"] if row else told["facility"]
    received = row["received_at"] if row else (sent.received_at if sent else None)
    state = words.outcome(row["outcome"]) if row else Badge(t("Đã nhận, chờ xử lý"), "info")
    return Facts(
        [
            Fact(t("Mã giao nhận"), delivery, code=True, note=t("giữ mã này để tra cứu")),
            Fact(t("Tình trạng"), "", badge=state),
            Fact(t("Cơ sở"), desk.facility_name(facility), note=facility or ""),
            Fact(t("Nhận lúc"), formats.moment(received)),
            Fact(t("Dung lượng"), formats.size(told["bytes"])),
            Fact(t("Dấu vân SHA-256"), told["sha256"] or formats.DASH, code=True, clipped=bool(told["sha256"])),
        ]
    )


def verdict(told: Mapping[str, Any]) -> State:
    """Whether the file may be sent, in one sentence."""
    aside, found = told["quarantined"], [row for row in told["findings"] if row["severity"] == "error"]
    if told["outcome"] == "refused":
        return State(
            "error", t("Tệp này sẽ bị từ chối"), t("Kho không nhận và không giữ tệp như thế này."),
            do=words.fix(told["reason"]), code=told["reason"],
        )  # fmt: skip
    if aside or any(not row["hoso"] for row in told["quarantine"]):
        return State(
            "error",
            t("Có phần sẽ không vào kho"),
            t("{n} phần bị cách ly; xem lý do dưới đây.", n=number(len(told["quarantine"]))),
            do=t("Sửa trong phần mềm, xuất lại rồi xét thử lần nữa."),
        )
    if found:
        many = number(len(found))
        return State(
            "partial",
            t("Gửi được, còn chỗ sai"),
            t("{n} phát hiện mức Sai; sửa trước khi gửi thì không phải gửi lại.", n=many),
        )
    return State("good", t("Gửi được"), t("Không có phát hiện mức Sai."))


def counts(told: Mapping[str, Any]) -> Facts:
    """What the house would count."""
    return Facts(
        [
            Fact(t("Dung lượng"), formats.size(told["bytes"])),
            Fact(t("Hồ sơ"), number(told["dossiers"])),
            Fact(t("Nhận sạch"), number(told["accepted"])),
            Fact(t("Nhận, có phát hiện"), number(told["accepted_with_findings"])),
            Fact(t("Cách ly"), number(told["quarantined"])),
            Fact(t("Phát hiện"), number(len(told["findings"]))),
        ]
    )


def national(told: Mapping[str, Any]) -> Table:
    """What the insurance portal would answer, once per code."""
    kinds: dict[str, list[dict[str, Any]]] = {}
    for row in told["national"]:
        kinds.setdefault(row["code"], []).append(row)
    return Table(
        "cong-giam-dinh",
        t("Cổng giám định bảo hiểm y tế trả lời gì (mô phỏng)"),
        [
            Column("ma", t("Mã"), "code", lead=True),
            Column("nghia", t("Nghĩa")),
            Column("n", t("Số hồ sơ"), "number"),
            Column("sua", t("Cách sửa")),
            Column("nguon", t("Biết từ")),
        ],
        [
            {
                "ma": Cell(code),
                "nghia": Cell(rows[0]["title"], lang="vi"),
                "n": Cell(number(len(rows)) if rows[0]["hoso"] else t("cả tệp"), raw=len(rows)),
                "sua": Cell(rows[0]["fix"] or formats.DASH, lang="vi"),
                "nguon": Cell(t(KNOWN[rows[0]["known"]])),
            }
            for code, rows in kinds.items()
        ],
        note=t("Theo tài liệu công khai; không phải kết quả giám định, và không biết danh sách thẻ."),
    )


def dossiers(told: Mapping[str, Any]) -> list[Section]:
    """Findings dossier by dossier, those with something wrong first; long lists are cut and say so."""
    places: dict[int, list[dict[str, Any]]] = {}
    for row in (*told["quarantine"], *told["findings"]):
        places.setdefault(row["hoso"], []).append(row)
    worst = Counter(
        {hoso: sum(row.get("severity", "error") == "error" for row in rows) for hoso, rows in places.items()}
    )
    order = sorted(places, key=lambda hoso: (-worst[hoso], hoso))
    sections = [_dossier(hoso, places[hoso]) for hoso in order[:SHOWN_DOSSIERS]]
    if len(order) > SHOWN_DOSSIERS:
        left = t("Còn {n} hồ sơ nữa có phát hiện. Sửa những hồ sơ trên rồi xét lại, hoặc dùng `bienho check`.",
                 n=number(len(order) - SHOWN_DOSSIERS))  # fmt: skip
        sections.append(Section("con-nua", t("Còn nữa"), [State("partial", t("Danh sách bị cắt"), left)]))
    return sections


def _dossier(hoso: int, rows: Sequence[dict[str, Any]]) -> Section:
    items = [
        FindingItem(
            words.severity(row["severity"]) if "severity" in row else words.outcome("quarantined"),
            said({"field": None, **row}),
            where({"version_id": hoso, **{column: row.get(key) for key, column in PLACE.items()}}),
            words.word(words.OWNERS, row.get("owner", "facility")),
            words.fix(row["code"]),
            row["code"],
        )
        for row in rows[:SHOWN_FINDINGS]
    ]  # fmt: skip
    named = next((row["ma_lk"] for row in rows if row.get("ma_lk")), "")
    title = t("Cả tệp") if not hoso else t("Hồ sơ thứ {n}", n=number(hoso))
    lead = t("{n} phát hiện", n=number(len(rows)))
    return Section(
        f"ho-so-{hoso}",
        f"{title} · {named}" if named else title,
        [FindingList(items, State("good", t("Không có phát hiện"), ""))],
        lead,
        panel=True,
        closed=True,
        open=len(rows) <= 5,
    )
