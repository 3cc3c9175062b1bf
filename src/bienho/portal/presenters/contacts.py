"""Whom to call about data: the Department's officer for a facility, a facility's own contact for the Department."""

from __future__ import annotations

from collections.abc import Mapping

from bienho.governance.people import contacts, units
from bienho.portal.components import Fact, Facts, State
from bienho.portal.desk import Desk
from bienho.portal.language import t

DATA = "data"


def _in_force(desk: Desk) -> list[contacts.Contact]:
    return [one for one in contacts.list_contacts(desk.house.database, at=desk.now) if one.matter == DATA]


def of_department(desk: Desk) -> Facts | State:
    """The contact of the Department about data, as facilities see it."""
    found = next((one for one in _in_force(desk) if one.unit == units.DEPARTMENT), None)
    if found is None:
        return State(
            "empty", t("Sở Y tế chưa nêu đầu mối dữ liệu"),
            t("Tên và số điện thoại hiện ở đây khi người quản trị ghi."),
            do=t("Ghi trên máy chủ: `bienho unit contact`."),
        )  # fmt: skip
    items = [Fact(t("Đầu mối dữ liệu của Sở Y tế"), found.name)]
    if found.phone:
        items.append(Fact(t("Điện thoại cơ quan"), found.phone))
    return Facts(items)


def by_facility(desk: Desk) -> Mapping[str, str]:
    """Facility → name and telephone of its own contact about data."""
    named = {one.unit: one for one in _in_force(desk)}
    if not named:
        return {}
    return {
        one.facility_code: " · ".join(filter(None, (named[one.code].name, named[one.code].phone)))
        for one in units.list_units(desk.house.database)
        if one.facility_code and one.code in named
    }
