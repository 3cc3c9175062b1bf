"""The table of grants that stood before the policies, kept as an oracle; default deny.

A decision reads the request, the contract of the dataset and the tables below, nothing else: the same request is
answered the same way tomorrow, and a decision of the past can be made again to see why.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from bienho.contracts import Contract, Field
from bienho.core.errors import DeniedError
from bienho.governance.purposes import PURPOSES, Purpose
from bienho.governance.roles import ADMINISTRATOR, IDENTIFIER_READER, OPERATOR, ROLES, VIEWER

Action = Literal["read", "aggregate", "query", "identify", "audit", "manage"]
POLICY_REVISION = "0.1"

MARKER = "marker"
"""Class of a lake column whose text lies in the vault: it shows only that a text is there."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks: an account, the roles it holds now, and the door it came through (`cli`, `portal`)."""

    account_id: str
    name: str
    roles: tuple[str, ...]
    door: str = "cli"


@dataclass(frozen=True, slots=True)
class Request:
    """One question to `decide`; `contract` None = no dataset is read.

    `columns` None = all that may be seen, () = rows are only counted.
    """

    request_id: str
    actor: Actor
    purpose: str
    action: Action
    contract: Contract | None
    columns: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer. `rule` names the rule that allowed or refused; `columns` may be seen, `hidden` may not.

    `snapshot` is the lake snapshot the data was read at, None when nothing was read.
    """

    decision_id: str
    allowed: bool
    rule: str
    reason_vi: str
    action: Action
    purpose: str
    agreement: str
    dataset: str
    columns: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    obligations: tuple[str, ...] = ()
    snapshot: int | None = None


class Denied(DeniedError):
    """A refusal by the gate; carries the Decision."""

    def __init__(self, decision: Decision) -> None:
        super().__init__(
            "DENY-" + decision.rule.upper(),
            decision.reason_vi,
            hint=f"Chọn một mục đích mở được định danh: {', '.join(p.code for p in PURPOSES.values() if p.identifies)}."
            if decision.rule == "identify-purpose"
            else "Đề nghị người quản trị cấp vai trò, hoặc chọn đúng mục đích.",
            who="người quản trị tài khoản",
        )
        self.decision = decision


@dataclass(frozen=True, slots=True)
class Grant:
    """What a role may do: actions, over zones or single datasets, on columns of certain classes."""

    rule: str
    role: str
    actions: frozenset[str]
    datasets: frozenset[str]
    classes: frozenset[str]
    reason_vi: str

    def covers(self, request: Request, roles: frozenset[str]) -> bool:
        """Whether role, action and dataset fit; columns are judged one by one."""
        if self.role not in roles or request.action not in self.actions:
            return False
        contract = request.contract
        return contract is None or contract.zone in self.datasets or contract.id in self.datasets


_READING = frozenset({"read", "aggregate", "query"})
_NO_NAMES = frozenset({"open", "personal", "sensitive", MARKER})

GRANTS: tuple[Grant, ...] = (
    Grant(
        "viewer-numbers",
        VIEWER,
        _READING,
        frozenset({"derived", "reference"}),
        frozenset({"open", "sensitive"}),
        "Người xem số liệu được đọc số tổng hợp và bảng mã.",
    ),
    Grant(
        "viewer-counts",
        VIEWER,
        frozenset({"aggregate"}),
        frozenset({"quality", "standard.delivery"}),
        frozenset({"open"}),
        "Người xem số liệu được đếm lần gửi và phát hiện lỗi.",
    ),
    Grant(
        "operator-records",
        OPERATOR,
        _READING,
        frozenset({"standard", "conformed", "quality", "derived", "reference"}),
        _NO_NAMES,
        "Người vận hành được đọc hồ sơ đã bỏ định danh.",
    ),
    Grant(
        "reader-records",
        IDENTIFIER_READER,
        _READING,
        frozenset({"standard", "conformed", "quality", "derived", "reference"}),
        _NO_NAMES | {"text"},
        "Người được xem định danh được đọc hồ sơ.",
    ),
    Grant(
        "reader-identifiers",
        IDENTIFIER_READER,
        frozenset({"identify"}),
        frozenset({"standard"}),
        _NO_NAMES | {"text"},
        "Người được xem định danh được mở phần định danh cho mục đích này.",
    ),
    Grant(
        "administrator-state",
        ADMINISTRATOR,
        _READING,
        frozenset({"quality", "derived", "reference", "standard.delivery"}),
        frozenset({"open"}),
        "Người quản trị được xem tình trạng hệ thống.",
    ),
    Grant(
        "administrator-accounts",
        ADMINISTRATOR,
        frozenset({"audit", "manage"}),
        frozenset(),
        frozenset(),
        "Người quản trị được xem nhật ký và quản lý tài khoản.",
    ),
)

OBLIGATION_LOGGED = "ghi-nhat-ky"
OBLIGATION_NO_COPY = "khong-luu-ban-sao-dinh-danh"
OBLIGATION_HIDDEN = "che-cot"


def field_class(field: Field) -> str:
    """Class of what the lake column holds: the field's own, or `marker` when the text lies in the vault."""
    return MARKER if field.in_vault else field.data_class


def decide(request: Request) -> Decision:
    """The decision on one request. Never raises for a refusal; what no grant allows is denied."""
    roles = frozenset(request.actor.roles) & ROLES.keys()
    if not roles:
        return _refuse(request, None, "no-role", "Tài khoản chưa có vai trò nào.")
    purpose = PURPOSES.get(request.purpose)
    if purpose is None:
        return _refuse(request, None, "purpose-unknown", f"Cần một mục đích trong danh sách: {', '.join(PURPOSES)}.")
    claimed = roles & purpose.roles
    if not claimed:
        return _refuse(
            request, purpose, "purpose-role", f"Vai trò của tài khoản không được dùng mục đích «{purpose.title_vi}»."
        )
    if request.action == "identify" and not purpose.identifies:
        return _refuse(
            request, purpose, "identify-purpose", f"Mục đích «{purpose.title_vi}» không cho phép xem định danh."
        )
    grants = [grant for grant in GRANTS if grant.covers(request, claimed)]
    if not grants:
        return _refuse(request, purpose, _missing_grant(request), _missing_reason(request))
    return _columns(request, purpose, grants)


def _columns(request: Request, purpose: Purpose, grants: Sequence[Grant]) -> Decision:
    contract = request.contract
    visible: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    if contract is not None:
        classes = frozenset().union(*(grant.classes for grant in grants))
        visible = tuple(field.name for field in contract.fields if field_class(field) in classes)
        hidden = tuple(field.name for field in contract.fields if field_class(field) not in classes)
        if not visible:
            return _refuse(request, purpose, "column-class", f"Vai trò này không được xem cột nào của {contract.id}.")
        if request.columns is not None:
            refused = [name for name in request.columns if name not in visible]
            if refused:
                return _refuse(
                    request,
                    purpose,
                    "column-class",
                    f"Vai trò này không được xem cột {', '.join(refused)} của {contract.id}.",
                )
            visible, hidden = request.columns, ()
    obligations = [OBLIGATION_LOGGED]
    if request.action == "identify":
        obligations.append(OBLIGATION_NO_COPY)
    if hidden:
        obligations.append(OBLIGATION_HIDDEN)
    return Decision(
        request.request_id,
        True,
        "+".join(grant.rule for grant in grants),
        " ".join(grant.reason_vi for grant in grants),
        request.action,
        purpose.code,
        purpose.agreement,
        contract.id if contract else "",
        visible,
        hidden,
        tuple(obligations),
    )


def _missing_grant(request: Request) -> str:
    return "identify-role" if request.action == "identify" else "default-deny"


def _missing_reason(request: Request) -> str:
    if request.action == "identify":
        return "Tài khoản không có vai trò được xem định danh."
    if request.action in ("audit", "manage"):
        return "Chỉ người quản trị được làm việc này."
    dataset = request.contract.id if request.contract else "dữ liệu này"
    if request.action != "aggregate":
        return f"Vai trò và mục đích này không được đọc {dataset}."
    return f"Vai trò và mục đích này không được tổng hợp {dataset}."


def _refuse(request: Request, purpose: Purpose | None, rule: str, reason_vi: str) -> Decision:
    return Decision(
        request.request_id,
        False,
        rule,
        reason_vi,
        request.action,
        purpose.code if purpose else "",
        purpose.agreement if purpose else "",
        request.contract.id if request.contract else "",
    )
