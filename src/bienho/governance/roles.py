"""Roles, version 0: what an account may be. Data, reviewed like code; the words are shown to people."""

from __future__ import annotations

from dataclasses import dataclass

VIEWER = "viewer"
OPERATOR = "operator"
IDENTIFIER_READER = "identifier-reader"
ADMINISTRATOR = "administrator"


@dataclass(frozen=True, slots=True)
class Role:
    """One role; `title_vi` and `description_vi` are what the accounts page prints."""

    code: str
    title_vi: str
    description_vi: str


ROLES: dict[str, Role] = {
    role.code: role
    for role in (
        Role(
            VIEWER, "Người xem số liệu", "Xem các con số tổng hợp, danh mục dữ liệu và bảng mã; không thấy từng hồ sơ."
        ),
        Role(
            OPERATOR,
            "Người vận hành dữ liệu",
            "Theo dõi các lần gửi, phát hiện lỗi, từng hồ sơ ở dạng đã bỏ định danh.",
        ),
        Role(
            IDENTIFIER_READER,
            "Người được xem định danh",
            "Xem họ tên, số giấy tờ và phần ghi chép của hồ sơ khi có mục đích cho phép; mỗi lần xem đều ghi nhật ký.",
        ),
        Role(
            ADMINISTRATOR,
            "Người quản trị",
            "Quản lý tài khoản, xem nhật ký truy cập và tình trạng hệ thống; không vì vậy mà được đọc hồ sơ.",
        ),
    )
}
