"""Papers for the pages: agreements in several states, an emergency that waits, looks in the record."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from bienho.governance import Actor, Agreements, Emergencies, permits
from bienho.governance.agreements import checked
from bienho.portal.house import House

PAPER: dict[str, Any] = {
    "code": "bhxh-tinh",
    "title_vi": "Chia sẻ với Bảo hiểm xã hội tỉnh",
    "parties": ["Sở Y tế", "Bảo hiểm xã hội tỉnh"],
    "units": ["bhxh"],
    "purpose": "kiem-tra",
    "datasets": ["standard.xml130_1", "conformed.encounter"],
    "classes": ["open", "sensitive", "marker"],
    "articles": ["Nghị định 278/2025/NĐ-CP"],
    "starts": "2026-01-01",
    "until": "2026-12-31",
    "conditions": ["Chỉ dùng để đối chiếu thanh toán"],
}
MOVES = (
    ("submit", "nhan-vien"), ("pass-legal", "luat"), ("pass-security", "an-toan"), ("sign", "giam-doc"),
    ("sign", "pho-giam-doc"), ("start", "giam-doc"),
)  # fmt: skip
DOCTOR = Actor("bac-si", "Bác sĩ trực", ("clinician",), "portal")
DOSSIER = "ab" * 16


def lay_out(house: House) -> str:
    """One agreement in force with a new revision under review, one draft, one refused look, one emergency: its id."""
    book, now = Agreements(house.database), house.clock()
    book.draft(checked(PAPER), "nhan-vien", now)
    for move, who in MOVES:
        book.move("bhxh-tinh", move, who, now, "12/SYT-NVY" if move == "sign" else "")
    book.draft(checked({**PAPER, "classes": ["open"], "until": "2027-12-31"}), "nhan-vien", now)
    book.move("bhxh-tinh", "submit", "nhan-vien", now)
    book.draft(checked({**PAPER, "code": "truong-dai-hoc", "title_vi": "Nghiên cứu của trường"}), "test-1", now)
    permits.permit(house.database, house.keys, house.home, DOCTOR, "audit-own", "list", purpose="tra-cuu-ho-so")
    opened = Emergencies(house.database).open(
        DOCTOR, "tra-cuu-ho-so", DOSSIER, "cap-cuu-nguoi-benh", "", now - timedelta(days=7)
    )
    return opened.emergency_id
