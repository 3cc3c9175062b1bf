"""People, units and roles as every page about rights shows them: names, words, tabs, the recorded leave to look."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from bienho.governance import ROLES, accounts, people, permits
from bienho.governance.people.contacts import MATTERS, Contact
from bienho.governance.people.memberships import Member
from bienho.governance.people.rules import review_due, review_state
from bienho.governance.people.units import KINDS, Unit
from bienho.portal import formats
from bienho.portal.components import Badge, Fact, Facts, Tab, Tabs
from bienho.portal.components.badge import Tone
from bienho.portal.desk import OPERATIONS, Desk
from bienho.portal.language import later, t

MINE = "/quyen/"
PEOPLE = "/quyen/nguoi/"
REVIEW = "/quyen/ra-soat/"
REVIEWS: dict[str, tuple[str, Tone]] = {
    "confirmed": (later("Đã xác nhận"), "ok"),
    "due": (later("Đến hạn"), "warn"),
    "late": (later("Quá hạn"), "act"),
}


def tabs(here: str) -> Tabs:
    """The pages about rights."""
    pages = ((MINE, t("Quyền của tôi")), (PEOPLE, t("Người và vai trò")), (REVIEW, t("Rà soát quyền")))
    return Tabs(t("Các trang về quyền"), [Tab(title, href, href == here) for href, title in pages])


def standing(desk: Desk) -> dict[str, Unit]:
    """Units in force today, by code."""
    day = people.units.local_day(desk.now)
    return {one.code: one for one in people.units.list_units(desk.house.database, day=day)}


def led(desk: Desk, tree: Mapping[str, Unit]) -> dict[str, Unit]:
    """The units whose people the reader may see and change; Denied, recorded, when a policy bars somebody who leads."""
    found = people.leading.led(desk.actor, tree)
    if found:
        house = desk.house
        permits.permit(house.database, house.keys, house.home, desk.actor, "list-members", "portal", purpose=OPERATIONS)
    return found


def names(desk: Desk) -> dict[str, str]:
    """Names of people by account."""
    return {one.account_id: one.name for one in accounts.list_accounts(desk.house.database)}


def role(code: str) -> str:
    """What a role is called."""
    return t(ROLES[code].title_vi) if code in ROLES else code


def kind(unit: Unit) -> str:
    """What a kind of unit is called."""
    return t(KINDS[unit.kind].title_vi)


def unit_name(tree: Mapping[str, Unit], code: str) -> str:
    """Name of a unit; its code when it is no longer there."""
    return tree[code].name if code in tree else code


def until(one: Member) -> str:
    """The last day of what was agreed beforehand."""
    return t("không hạn") if one.until is None else formats.day(one.until - timedelta(microseconds=1))


def review_badge(confirmed_at: datetime, now: datetime) -> Badge:
    text, tone = REVIEWS[review_state(confirmed_at, now)]
    return Badge(t(text), tone)


def review_day(confirmed_at: datetime) -> str:
    """Until which day it must be confirmed again."""
    return t("hạn {day}", day=formats.day(review_due(confirmed_at)))


def contacts(desk: Desk, tree: Mapping[str, Unit], units: Iterable[str]) -> Facts:
    """Whom members of these units ask: their own contact, or that of the nearest unit above."""
    named = people.contacts.list_contacts(desk.house.database, at=desk.now)
    items = []
    for code in units:
        for matter, title in MATTERS.items():
            found = people.contacts.nearest(tree, named, code, matter)
            items.append(_contact(t(title), found, tree, code))
    return Facts([*{(one.name, one.value, one.note): one for one in items}.values()])


def _contact(title: str, found: Contact | None, tree: Mapping[str, Unit], code: str) -> Fact:
    if found is None:
        return Fact(title, t("Chưa cử"), note=unit_name(tree, code))
    reach = " · ".join(part for part in (found.phone, unit_name(tree, found.unit)) if part)
    return Fact(title, found.name, note=reach)
