"""Purposes, version 0: why somebody asks. A small reviewed list; nobody reads without one.

The laws are those in force from 2026-01-01 (personal data) and 2026-07-01 (cybersecurity, disease prevention) as the
project knows them; `reviewed` says whether a lawyer of the Department has compared them with the Gazette yet.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from bienho.governance.roles import (
    ADMINISTRATOR,
    AUDITOR,
    CLINICIAN,
    COMMUNE_OFFICER,
    DIGITAL_TEAM_MEMBER,
    EPIDEMIOLOGIST,
    FACILITY_OFFICER,
    FACILITY_SYSTEM,
    IDENTIFIER_READER,
    INSPECTOR,
    LEADER,
    OPERATOR,
    PARTNER_SYSTEM,
    ROOM_OFFICER,
    SECURITY_OFFICER,
    SOCIAL_OFFICER,
    STATION_WORKER,
    VIEWER,
)

OPERATIONS = "van-hanh"
SURVEILLANCE = "giam-sat"
QUALITY = "chat-luong"
RECORD_LOOKUP = "tra-cuu-ho-so"
PERSON_REVIEW = "xet-nguoi"
INSPECTION = "kiem-tra"
INSPECTION_DECISION = "thanh-tra"
SHARING = "chia-se"
CARE = "kham-chua-benh"


@dataclass(frozen=True, slots=True)
class Purpose:
    """One purpose: who may claim it, on which legal basis, under which agreement, and whether it may open names."""

    code: str
    title_vi: str
    description_vi: str
    legal_basis: str
    agreement: str
    roles: frozenset[str]
    identifies: bool
    reviewed: bool = False


#: Inside the Department no separate agreement is signed; the standing internal rule is named instead.
STANDING_RULE = "noi-bo-so-y-te"
#: Whichever agreement or decision in force names the purpose, the dataset and the unit of whoever asks.
ANY_PAPER = "theo-van-ban"

PURPOSES: dict[str, Purpose] = {
    purpose.code: purpose
    for purpose in (
        Purpose(
            OPERATIONS,
            "Vận hành kho dữ liệu",
            "Nhận, kiểm tra, xử lý dữ liệu các cơ sở gửi về.",
            "Nghị định 102/2025/NĐ-CP; Quyết định 3176/QĐ-BYT",
            STANDING_RULE,
            frozenset(
                {
                    VIEWER,
                    OPERATOR,
                    ADMINISTRATOR,
                    LEADER,
                    ROOM_OFFICER,
                    FACILITY_OFFICER,
                    FACILITY_SYSTEM,
                    STATION_WORKER,
                    COMMUNE_OFFICER,
                    DIGITAL_TEAM_MEMBER,
                    SOCIAL_OFFICER,
                    SECURITY_OFFICER,
                }
            ),
            identifies=False,
        ),
        Purpose(
            SURVEILLANCE,
            "Giám sát dịch bệnh",
            "Phát hiện, điều tra và theo dõi bệnh phải báo cáo.",
            "Luật Phòng bệnh 114/2025/QH15; Thông tư 15/2026/TT-BYT",
            STANDING_RULE,
            frozenset({VIEWER, OPERATOR, IDENTIFIER_READER, EPIDEMIOLOGIST, LEADER, ROOM_OFFICER, COMMUNE_OFFICER}),
            identifies=True,
        ),
        Purpose(
            QUALITY,
            "Đánh giá chất lượng dữ liệu",
            "Chấm điểm và yêu cầu đơn vị sửa dữ liệu sai, thiếu.",
            "Nghị định 102/2025/NĐ-CP; Quyết định 3176/QĐ-BYT",
            STANDING_RULE,
            frozenset({VIEWER, OPERATOR, LEADER, ROOM_OFFICER, FACILITY_OFFICER, STATION_WORKER, SOCIAL_OFFICER}),
            identifies=False,
        ),
        Purpose(
            RECORD_LOOKUP,
            "Tra cứu một hồ sơ",
            "Tra cứu hồ sơ của một người theo yêu cầu công việc cụ thể.",
            "Luật Bảo vệ dữ liệu cá nhân 91/2025/QH15; Nghị định 356/2025/NĐ-CP",
            STANDING_RULE,
            frozenset({OPERATOR, IDENTIFIER_READER, CLINICIAN, EPIDEMIOLOGIST, STATION_WORKER}),
            identifies=True,
        ),
        Purpose(
            CARE,
            "Khám bệnh, chữa bệnh",
            "Ghi, gửi, xem lại lượt khám do chính cơ sở mình thực hiện.",
            "Luật Khám bệnh, chữa bệnh 15/2023/QH15; Luật Bảo vệ dữ liệu cá nhân 91/2025/QH15",
            STANDING_RULE,
            frozenset({CLINICIAN}),
            identifies=False,
        ),
        Purpose(
            PERSON_REVIEW,
            "Xét hai hồ sơ có phải một người",
            "So hai người bệnh của các cơ sở mà chỉ mục con người còn ngờ, để quyết định là một hay hai người.",
            "Nghị định 102/2025/NĐ-CP; Luật Bảo vệ dữ liệu cá nhân 91/2025/QH15",
            STANDING_RULE,
            frozenset({IDENTIFIER_READER}),
            identifies=True,
        ),
        Purpose(
            INSPECTION,
            "Kiểm tra, thanh tra",
            "Kiểm tra việc khám chữa bệnh, thanh toán và việc truy cập dữ liệu.",
            "Luật Bảo vệ dữ liệu cá nhân 91/2025/QH15; Luật An ninh mạng 116/2025/QH15",
            STANDING_RULE,
            frozenset({IDENTIFIER_READER, ADMINISTRATOR, AUDITOR, SECURITY_OFFICER}),
            identifies=True,
        ),
        Purpose(
            INSPECTION_DECISION,
            "Thanh tra theo quyết định",
            "Thanh tra cơ sở nêu trong quyết định, trong thời hạn và phạm vi của quyết định.",
            "Luật Bảo vệ dữ liệu cá nhân 91/2025/QH15; Nghị định 102/2025/NĐ-CP",
            ANY_PAPER,
            frozenset({INSPECTOR}),
            identifies=False,
        ),
        Purpose(
            SHARING,
            "Chia sẻ theo thỏa thuận",
            "Hệ thống của đối tác đọc những gì thỏa thuận đang có hiệu lực nêu.",
            "Nghị định 278/2025/NĐ-CP; Luật Bảo vệ dữ liệu cá nhân 91/2025/QH15",
            ANY_PAPER,
            frozenset({PARTNER_SYSTEM}),
            identifies=False,
        ),
    )
}


def claimed(roles: Collection[str], wanted: str = OPERATIONS, *, identifies: bool = False) -> str:
    """The purpose of a page for somebody with these roles: the wanted one if they may claim it, else their first.

    `identifies`: among those that may open identifiers. With none the wanted one, which is then refused.
    """
    held = frozenset(roles)
    open_ = [one.code for one in PURPOSES.values() if held & one.roles and (one.identifies or not identifies)]
    return wanted if wanted in open_ or not open_ else open_[0]
