"""The form an agreement is drafted with: its fields, and plain values out of what was sent."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from bienho.contracts import catalogue
from bienho.governance import PURPOSES
from bienho.governance.agreements import faults
from bienho.governance.policy import CLASSES
from bienho.governance.sql_check import ZONES
from bienho.portal import words
from bienho.portal.components import Field, Form
from bienho.portal.language import later, t

LISTS = ("parties", "units", "articles", "conditions")
"""Fields with one item per line."""
MANY = ("datasets", "classes")
"""Fields of check boxes."""
LINES_MOST = 100
#: Field of an agreement → (its name in the form, what a fault in it is told as).
FIELDS: dict[str, tuple[str, str]] = {
    "code": ("ma", later("Ghi chữ thường, số và gạch ngang, từ 3 đến 40 ký tự, ví dụ bhxh-tinh.")),
    "title_vi": ("ten", later("Ghi tên thỏa thuận.")),
    "parties": ("cac_ben", later("Ghi ít nhất một bên, mỗi bên một dòng.")),
    "units": ("don_vi", later("Ghi ít nhất một mã đơn vị nhận, mỗi mã một dòng, không dấu cách.")),
    "purpose": ("muc_dich", later("Chọn một mục đích trong danh sách.")),
    "datasets": ("bo_du_lieu", later("Chọn ít nhất một bộ dữ liệu.")),
    "classes": ("lop_cot", later("Chọn ít nhất một lớp cột.")),
    "articles": ("dieu_luat", later("Ghi ít nhất một căn cứ, mỗi căn cứ một dòng.")),
    "starts": ("tu_ngay", later("Ghi ngày dạng dd/MM/yyyy, ví dụ 18/11/2026.")),
    "until": ("den_ngay", later("Ghi ngày dạng dd/MM/yyyy, không trước ngày đầu.")),
    "conditions": ("dieu_kien", later("Mỗi điều kiện một dòng, không quá 2.000 ký tự.")),
}


def sent(form: Any) -> dict[str, Any]:
    """Texts of the form as they were sent, by field of an agreement."""
    found: dict[str, Any] = {}
    for name, (key, _) in FIELDS.items():
        found[name] = form.getlist(key)[:LINES_MOST] if name in MANY else form.get(key, "").replace("\0", "").strip()
    return found


def values(texts: Mapping[str, Any]) -> dict[str, Any]:
    """Plain values of an agreement out of the texts; a day that cannot be read stays its text, which is a fault."""
    made = dict(texts)
    for name in LISTS:
        made[name] = [line.strip() for line in texts[name].splitlines() if line.strip()][:LINES_MOST]
    for name in ("starts", "until"):
        made[name] = _day(texts[name])
    return made


def errors(texts: Mapping[str, Any]) -> dict[str, str]:
    """Field → how to mend it; {} for an agreement that may be drafted."""
    return {name: t(FIELDS[name][1]) for name in faults(values(texts)) if name in FIELDS}


def _day(text: str) -> date | str:
    try:
        return datetime.strptime(text, "%d/%m/%Y").date()
    except ValueError:
        return text


def form(texts: Mapping[str, Any], wrong: Mapping[str, str], action: str, *, fixed: bool) -> Form:
    """`fixed`: the code is that of an agreement there is, and is not asked for."""
    purposes = [(one.code, one.title_vi) for one in PURPOSES.values()]
    datasets = [
        (name, f"{contract.title_vi} ({name})")
        for name, contract in sorted(catalogue().items())
        if contract.zone in ZONES
    ]
    classes = [(name, words.data_class(name).text) for name in CLASSES]

    def field(name: str, label: str, kind: Any = "text", **more: Any) -> Field:
        value = texts.get(name, "")
        given = {"values": value} if kind == "checks" else {"value": value}
        return Field(FIELDS[name][0], label, kind, error=wrong.get(name, ""), **given, **more)

    about_code = t("Không đổi được về sau; mục đích dùng dữ liệu gọi tên mã này.")
    code = field("code", t("Mã"), required=True, hint="bhxh-tinh", help=about_code)
    if fixed:
        code = field("code", "", "hidden")
    return Form(
        "soan",
        [
            code,
            field("title_vi", t("Tên thỏa thuận"), required=True),
            field("parties", t("Các bên"), "area", required=True, help=t("Mỗi bên một dòng.")),
            field(
                "units", t("Đơn vị nhận"), "area", required=True,
                help=t("Mã đơn vị, mỗi mã một dòng. Chỉ người thuộc các đơn vị này được xem theo thỏa thuận."),
            ),
            field(
                "purpose", t("Mục đích"), "choice", required=True, options=[("", t("Chọn mục đích")), *purposes]
            ),
            field("datasets", t("Bộ dữ liệu"), "checks", required=True, options=datasets),
            field(
                "classes", t("Lớp cột"), "checks", required=True, options=classes,
                help=t("Chỉ chọn lớp thật cần. Lớp không chọn bị che, kể cả khi vai trò được xem."),
            ),
            field(
                "articles", t("Điều luật"), "area", required=True, hint="Nghị định 278/2025/NĐ-CP",
                help=t("Căn cứ pháp lý, mỗi căn cứ một dòng."),
            ),
            field("starts", t("Từ ngày"), required=True, hint="dd/MM/yyyy"),
            field("until", t("Đến hết ngày"), hint="dd/MM/yyyy", help=t("Để trống nếu không thời hạn.")),
            field(
                "conditions", t("Điều kiện"), "area",
                help=t("Mỗi điều kiện một dòng. Không ghi điều gì về người bệnh."),
            ),
        ],
        t("Lưu dự thảo"),
        action,
        "post",
        title=t("Soạn thỏa thuận"),
    )  # fmt: skip
