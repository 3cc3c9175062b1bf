"""Who plays in the demonstration: an account for each kind of person that works with the portal, to try it as them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bienho.governance import accounts, people
from bienho.governance.people import memberships
from bienho.governance.roles import CLINICIAN, EPIDEMIOLOGIST, FACILITY_OFFICER, LEADER, ROOM_OFFICER
from bienho.pipeline.app import App


@dataclass(frozen=True, slots=True)
class Part:
    """One made-up person: `work` is what the demonstration says of them."""

    account_id: str
    name: str
    work: str
    unit: str
    role: str


CAST = (
    Part("thu-co-so", "Lê Minh Khang", "Cán bộ dữ liệu Trung tâm Y tế Tuy Phước", "cs-52021", FACILITY_OFFICER),
    Part("thu-phong-kham", "Trần Thu Hà", "Bác sĩ cơ sở khám tư nhân", "cs-64029", CLINICIAN),
    Part("thu-dich-te", "Nguyễn Hữu Phước", "Cán bộ dịch tễ CDC", "cdc", EPIDEMIOLOGIST),
    Part("thu-phong-so", "Phạm Ngọc Lan", "Chuyên viên Phòng Nghiệp vụ Y", "nghiep-vu-y", ROOM_OFFICER),
    Part("thu-lanh-dao", "Võ Đình Sơn", "Lãnh đạo Sở Y tế", "so-y-te", LEADER),
)
_DOCUMENT = "01/TD-SYT"


def gather(app: App, now: datetime) -> None:
    """Make the accounts of CAST and give them their roles; those that are there stay as they are."""
    there = {one.account_id for one in accounts.list_accounts(app.database)}
    by = accounts.ensure_demo_account(app.database, app.home).actor("cli")
    for part in CAST:
        if part.account_id not in there:
            accounts.create(app.database, app.home, accounts.new(part.account_id, part.name), by=by)
            memberships.give(
                app.database, app.home, by=by, account_id=part.account_id, unit=part.unit, role=part.role,
                document=_DOCUMENT, now=now,
            )  # fmt: skip


def playing(app: App, now: datetime) -> tuple[Part, ...]:
    """Those of CAST who hold their role in this house."""
    holding = {(one.account_id, one.role) for one in people.memberships.list_members(app.database, at=now)}
    return tuple(part for part in CAST if (part.account_id, part.role) in holding)
