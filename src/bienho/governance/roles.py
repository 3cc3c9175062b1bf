"""Roles: what an account may be. Data, reviewed like code; the words are shown to people.

The first four are given to an account itself, as before, or through a unit that answers for the whole province. All
others are given only by a unit of a kind listed beside them: a membership. Units and duties: section VIII of the
Department's data strategy plan to 2030 (draft of May 2026).
"""

from __future__ import annotations

from dataclasses import dataclass

VIEWER = "viewer"
OPERATOR = "operator"
IDENTIFIER_READER = "identifier-reader"
ADMINISTRATOR = "administrator"
LEADER = "leader"
ROOM_OFFICER = "room-officer"
EPIDEMIOLOGIST = "epidemiologist"
FACILITY_OFFICER = "facility-data-officer"
CLINICIAN = "clinician"
STATION_WORKER = "station-worker"
COMMUNE_OFFICER = "commune-officer"
DIGITAL_TEAM_MEMBER = "digital-team-member"
SOCIAL_OFFICER = "social-protection-officer"
INSPECTOR = "inspector"
AUDITOR = "auditor"
SECURITY_OFFICER = "security-officer"
PARTNER_SYSTEM = "partner-system"
FACILITY_SYSTEM = "facility-system"
CITIZEN = "citizen"

_WHOLE_PROVINCE = frozenset({"department", "office", "department-room", "cdc", "sub-department"})
_CARE = frozenset({"hospital", "health-centre", "specialised-centre", "private-practice"})


@dataclass(frozen=True, slots=True)
class Role:
    """One role; `title_vi` and `description_vi` are what the accounts page prints; `kinds` of unit may give it."""

    code: str
    title_vi: str
    description_vi: str
    kinds: frozenset[str]


ROLES: dict[str, Role] = {
    role.code: role
    for role in (
        Role(
            VIEWER,
            "Người xem số liệu",
            "Xem các con số tổng hợp, danh mục dữ liệu và bảng mã; không thấy từng hồ sơ.",
            _WHOLE_PROVINCE,
        ),
        Role(
            OPERATOR,
            "Người vận hành dữ liệu",
            "Theo dõi các lần gửi, phát hiện lỗi, từng hồ sơ ở dạng đã bỏ định danh.",
            _WHOLE_PROVINCE,
        ),
        Role(
            IDENTIFIER_READER,
            "Người được xem định danh",
            "Xem họ tên, số giấy tờ và phần ghi chép của hồ sơ khi có mục đích cho phép; mỗi lần xem đều ghi nhật ký.",
            _WHOLE_PROVINCE,
        ),
        Role(
            ADMINISTRATOR,
            "Người quản trị",
            "Quản lý tài khoản, xem nhật ký truy cập và tình trạng hệ thống; không vì vậy mà được đọc hồ sơ.",
            frozenset({"administration"}),
        ),
        Role(
            LEADER,
            "Lãnh đạo đơn vị",
            "Xem số liệu của đơn vị mình; giao, thu hồi và rà soát vai trò trong đơn vị và cấp dưới.",
            _WHOLE_PROVINCE | _CARE | {"station", "commune-committee", "social-protection"},
        ),
        Role(
            ROOM_OFFICER,
            "Chuyên viên phòng, chi cục",
            "Theo dõi dữ liệu thuộc lĩnh vực mà phòng, chi cục phụ trách.",
            frozenset({"office", "department-room", "sub-department"}),
        ),
        Role(
            EPIDEMIOLOGIST,
            "Cán bộ dịch tễ",
            "Giám sát, điều tra bệnh phải báo cáo; khi dịch khẩn cấp được mở định danh một hồ sơ, có xét lại.",
            frozenset({"cdc"}),
        ),
        Role(
            FACILITY_OFFICER,
            "Cán bộ dữ liệu cơ sở khám chữa bệnh",
            "Gửi, kiểm tra và sửa dữ liệu của cơ sở mình.",
            _CARE,
        ),
        Role(
            CLINICIAN,
            "Người khám, chữa bệnh",
            "Đọc hồ sơ đã bỏ định danh của cơ sở mình; khi cấp cứu được mở định danh một hồ sơ, có xét lại.",
            _CARE | {"station"},
        ),
        Role(
            STATION_WORKER,
            "Nhân viên trạm y tế",
            "Cập nhật, xác thực hồ sơ do trạm lập.",
            frozenset({"station"}),
        ),
        Role(
            COMMUNE_OFFICER,
            "Cán bộ xã, phường",
            "Theo dõi dữ liệu y tế, dân số của người dân trong xã, phường.",
            frozenset({"commune-committee"}),
        ),
        Role(
            DIGITAL_TEAM_MEMBER,
            "Thành viên tổ công nghệ số cộng đồng",
            "Giúp người dân trong xã, phường tạo lập, cập nhật hồ sơ sức khỏe.",
            frozenset({"digital-team"}),
        ),
        Role(
            SOCIAL_OFFICER,
            "Cán bộ cơ sở bảo trợ xã hội",
            "Cập nhật dữ liệu đối tượng do cơ sở nuôi dưỡng, chăm sóc.",
            frozenset({"social-protection"}),
        ),
        Role(
            INSPECTOR,
            "Người thanh tra, kiểm tra",
            "Kiểm tra theo quyết định, trong phạm vi và thời hạn của quyết định.",
            frozenset({"inspection"}),
        ),
        Role(
            AUDITOR,
            "Người kiểm tra nhật ký",
            "Xem nhật ký truy cập để kiểm tra; không được đọc hồ sơ.",
            frozenset({"inspection"}),
        ),
        Role(
            SECURITY_OFFICER,
            "Cán bộ an toàn thông tin",
            "Theo dõi an toàn hệ thống, cùng người quản trị khôi phục tài khoản; không được đọc hồ sơ.",
            frozenset({"administration"}),
        ),
        Role(
            PARTNER_SYSTEM,
            "Hệ thống kết nối",
            "Hệ thống của đối tác; chỉ đọc, gửi những gì thỏa thuận cho phép.",
            frozenset({"partner"}),
        ),
        Role(
            FACILITY_SYSTEM,
            "Phần mềm của cơ sở khám chữa bệnh",
            "Gửi hồ sơ của cơ sở mình, nhận lại biên nhận, kết quả và phát hiện của chính cơ sở đó.",
            _CARE | {"station"},
        ),
        Role(
            CITIZEN,
            "Người dân",
            "Xem dữ liệu của chính mình và ai đã xem dữ liệu đó.",
            frozenset({"citizen"}),
        ),
    )
}

GIVEN_BY_LEADERS = frozenset(
    {
        LEADER, ROOM_OFFICER, EPIDEMIOLOGIST, FACILITY_OFFICER, CLINICIAN, STATION_WORKER, COMMUNE_OFFICER,
        DIGITAL_TEAM_MEMBER, SOCIAL_OFFICER,
    }
)  # fmt: skip
"""Roles a leader may give and take in the unit and below it; LEADER only below. All others are for administrators."""

OF_SYSTEMS = frozenset({FACILITY_SYSTEM})
"""Roles of programs that a unit runs itself: no person holds them."""

ACCOUNT_ROLES = (VIEWER, OPERATOR, IDENTIFIER_READER, ADMINISTRATOR)
"""Roles an account may hold by itself, without a unit."""
