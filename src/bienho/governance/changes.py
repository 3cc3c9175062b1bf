"""What every change of people and rights has in common: the right to make it, and its AuditEvent before it is made."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from bienho.config import Home, load_keys
from bienho.core.errors import DeniedError, UsageError
from bienho.database import Database
from bienho.governance import audit, reasons
from bienho.governance.actor import Actor
from bienho.governance.decision import Denied, Request, decide
from bienho.governance.purposes import OPERATIONS

SYSTEM = Actor("system", "Hệ thống", (), "cli")
MANAGE = "administrator-accounts"


def must_manage(db: Database, home: Home, by: Actor) -> None:
    """Let administrators pass, in production through a page only with two factors; the refusal is recorded too."""
    decision = decide(Request(uuid.uuid4().hex, by, OPERATIONS, "manage", None))
    if not decision.allowed:
        record(db, home, by, "U", outcome="denied", rule=decision.rule, reason=decision.reason_vi)
        raise Denied(decision)
    if home.mode == "production" and by.door != "cli" and by.assurance != "two":
        record(db, home, by, "U", outcome="denied", rule="two-factors")
        raise two_factors_missing()


def two_factors_missing() -> DeniedError:
    """The refusal of what only somebody signed in with two factors may do."""
    return DeniedError(
        "DENY-TWO-FACTORS",
        "Việc này chỉ làm được khi đã đăng nhập bằng hai lớp.",
        hint="Đăng nhập lại bằng mật khẩu và mã dùng một lần hoặc khóa truy cập.",
        who="người đang đăng nhập",
    )


def required_document(text: str) -> str:
    """The number of the document a change rests on; UsageError USE-DOCUMENT when it is missing or of another form."""
    number = reasons.document_number(text)
    if not number:
        raise UsageError("USE-DOCUMENT", "Cần số văn bản làm căn cứ.", hint="Ghi số và ký hiệu như 123/QĐ-SYT.")
    return number


def entity(kind: str, identifier: str, detail: Mapping[str, Any]) -> dict[str, Any]:
    """One thing an event is about; `detail` holds codes, dates and names of staff, never a patient's value."""
    return {"type": kind, "what": {"identifier": identifier}, "detail": dict(detail)}


def record(
    db: Database,
    home: Home,
    by: Actor,
    action: str,
    entities: Sequence[Mapping[str, Any]] = (),
    *,
    document: str = "",
    outcome: str = "allowed",
    rule: str = MANAGE,
    reason: str = "",
) -> None:
    """Write one AuditEvent (`action` C, R, U, D or E); StorageError STO-AUDIT when it cannot be written."""
    log = audit.AuditLog(db, load_keys(home), home)
    try:
        log.append(
            audit.event(
                action=action,
                outcome=outcome,
                decision_id=uuid.uuid4().hex,
                actor_id=by.account_id,
                actor_name=by.name,
                door=by.door,
                home_id=home.home_id,
                purposes=[OPERATIONS, *([f"document:{document}"] if document else [])],
                policy=[rule],
                reason=reason,
                entities=entities,
            )
        )
    finally:
        log.close()
