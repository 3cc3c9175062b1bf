"""Units: who answers for what, and the place of each in the tree. Kinds are reviewed data; units are rows with dates.

The first units of an installation come from its own lists (profile: units, communes, facilities); people add the rest.
Source: section VIII of the Department's data strategy plan to 2030 (draft of May 2026).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from typing import Any, Literal

import psycopg

from bienho.config import Facility, Home, ProvinceProfile
from bienho.core.errors import UsageError
from bienho.core.text import unaccented
from bienho.database import Database, Role, storage_errors
from bienho.governance import changes
from bienho.governance.actor import Actor

LOCAL = timezone(timedelta(hours=7), "Asia/Ho_Chi_Minh")
DEPARTMENT = "so-y-te"
_CODE = re.compile(r"[a-z0-9][a-z0-9-]{0,79}\Z")
_COLUMNS = "unit_code, name, kind, parent, facility_code, commune_code, domains, valid_from, valid_to, document"

Reach = Literal["province", "facility", "commune", "parent", "none"]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of unit. `reach`: whose rows its members reach, if a role and a policy let them see any.

    province: all; facility: its own facility and those below it; commune: people of its commune and those below it;
    parent: what the unit above it reaches; none: nobody's.
    """

    code: str
    title_vi: str
    reach: Reach


KINDS: dict[str, Kind] = {
    kind.code: kind
    for kind in (
        Kind("department", "Sở Y tế", "province"),
        Kind("office", "Văn phòng Sở", "province"),
        Kind("department-room", "Phòng chuyên môn của Sở", "province"),
        Kind("cdc", "Trung tâm Kiểm soát bệnh tật", "province"),
        Kind("sub-department", "Chi cục", "province"),
        Kind("social-protection", "Cơ sở bảo trợ xã hội", "facility"),
        Kind("specialised-centre", "Trung tâm chuyên ngành", "facility"),
        Kind("hospital", "Bệnh viện, viện", "facility"),
        Kind("health-centre", "Trung tâm y tế", "facility"),
        Kind("station", "Trạm y tế", "facility"),
        Kind("private-practice", "Phòng khám, cơ sở ngoài công lập", "facility"),
        Kind("commune-committee", "UBND xã, phường", "commune"),
        Kind("digital-team", "Tổ công nghệ số cộng đồng", "parent"),
        Kind("partner", "Hệ thống, đối tác kết nối", "parent"),
        Kind("inspection", "Thanh tra, kiểm tra", "province"),
        Kind("administration", "Quản trị và an toàn hệ thống", "none"),
        Kind("citizen", "Người dân", "none"),
    )
}

_OF_FACILITY = {
    "cdc": "", "hospital_central": "hospital", "hospital_company": "hospital", "hospital_general": "hospital",
    "hospital_military": "hospital", "hospital_private": "hospital", "hospital_special": "hospital",
    "hospital_traditional": "hospital", "institute_central": "hospital", "district_health_centre": "health-centre",
    "commune_station": "station", "company_clinic": "private-practice", "social_protection": "social-protection",
}  # fmt: skip
"""Kind of unit by type of facility; '' = stands among the profile's units already; any other type: specialised."""


@dataclass(frozen=True, slots=True)
class Unit:
    """One unit; `valid_from` ≤ day < `valid_to`. `document`: what it was made or changed by, '' for the first ones."""

    code: str
    name: str
    kind: str
    parent: str | None
    facility_code: str | None
    commune_code: str | None
    domains: tuple[str, ...]
    valid_from: date
    valid_to: date | None = None
    document: str = ""

    def in_force(self, day: date) -> bool:
        """Whether the unit is there on a local day."""
        return self.valid_from <= day and (self.valid_to is None or day < self.valid_to)


def local_day(now: datetime) -> date:
    """The day in the province at an instant."""
    return now.astimezone(LOCAL).date()


def reach(units: Mapping[str, Unit], code: str) -> tuple[frozenset[str] | None, frozenset[str] | None]:
    """(facilities, communes) that members of a unit reach, from its place in the tree of `units`, all in force.

    None = no limit, empty = nobody's rows.
    """
    nobody: tuple[frozenset[str], frozenset[str]] = (frozenset(), frozenset())
    seen: set[str] = set()
    unit = units.get(code)
    while unit is not None and KINDS[unit.kind].reach == "parent" and unit.code not in seen:
        seen.add(unit.code)
        unit = units.get(unit.parent or "")
    if unit is None:
        return nobody
    match KINDS[unit.kind].reach:
        case "province":
            return None, None
        case "facility":
            below = _below(units, unit.code, "facility")
            return frozenset(one.facility_code for one in below if one.facility_code), None
        case "commune":
            below = _below(units, unit.code, "commune")
            return None, frozenset(one.commune_code for one in below if one.commune_code)
    return nobody


def upwards(units: Mapping[str, Unit], code: str) -> list[str]:
    """Codes of the unit and of those above it, nearest first; empty for an unknown one."""
    found: list[str] = []
    at: str | None = code
    while at is not None and at in units and at not in found:
        found.append(at)
        at = units[at].parent
    return found


def _below(units: Mapping[str, Unit], top: str, wanted: Reach) -> list[Unit]:
    """The unit and those below it that reach in the same way."""
    children: dict[str, list[str]] = {}
    for unit in units.values():
        if unit.parent:
            children.setdefault(unit.parent, []).append(unit.code)
    found, todo = [], [top]
    seen: set[str] = set()
    while todo:
        code = todo.pop()
        if code in seen or code not in units:
            continue
        seen.add(code)
        todo += children.get(code, [])
        if KINDS[units[code].kind].reach == wanted:
            found.append(units[code])
    return found


def first_units(profile: ProvinceProfile) -> list[Unit]:
    """The units that follow from a province's own lists, parents before children."""
    day = profile.merged_on
    found = [
        Unit(one.id, one.name_vi, one.kind, None if one.id == DEPARTMENT else DEPARTMENT, None, None, one.domains, day)
        for one in sorted(profile.units, key=lambda one: one.id != DEPARTMENT)
    ]
    found += [
        Unit("quan-tri", "Bộ phận quản trị và an toàn hệ thống", "administration", DEPARTMENT, None, None, (), day),
        Unit("thanh-tra", "Thanh tra, kiểm tra", "inspection", None, None, None, (), day),
        Unit("nguoi-dan", "Người dân", "citizen", None, None, None, (), day),
    ]
    for commune in profile.communes:
        above = f"xa-{commune.code}"
        name = commune.name[0].lower() + commune.name[1:]
        found += [
            Unit(above, f"UBND {name}", "commune-committee", None, None, commune.code, (), day),
            Unit(
                f"to-{commune.code}", f"Tổ công nghệ số cộng đồng {name}", "digital-team", above, None,
                commune.code, (), day,
            ),
        ]  # fmt: skip
    found += [unit for facility in profile.facilities if (unit := _of_facility(facility, day))]
    return found


def _of_facility(facility: Facility, day: date) -> Unit | None:
    kind = _OF_FACILITY.get(facility.type, "specialised-centre")
    if not kind:
        return None
    ours = facility.owner == "Sở Y tế"
    parent = f"xa-{facility.commune}" if kind == "station" and facility.commune else DEPARTMENT if ours else None
    tail = facility.code.lower() or re.sub(r"[^a-z0-9]+", "-", unaccented(facility.name).lower()).strip("-")[:70]
    return Unit(f"cs-{tail}", facility.name, kind, parent, facility.code or None, facility.commune or None, (), day)


def list_units(db: Database, *, kind: str | None = None, day: date | None = None) -> list[Unit]:
    """Units by code; of one kind, in force on a local day, when asked so."""
    with db.connect(Role.GOVERNANCE) as connection, storage_errors():
        found = load(connection)
    return [one for one in found if (kind is None or one.kind == kind) and (day is None or one.in_force(day))]


def load(connection: psycopg.Connection[Any]) -> list[Unit]:
    """Every unit, by code, on a connection of the governance role."""
    rows = connection.execute(f"SELECT {_COLUMNS} FROM governance.unit ORDER BY unit_code").fetchall()
    return [Unit(*[*row[:6], tuple(row[6]), *row[7:]]) for row in rows]


def ensure(db: Database, home: Home, wanted: Iterable[Unit], now: datetime) -> int:
    """Add the units that are not there yet, parents before children; how many. What people have changed stays."""
    with db.connect(Role.GOVERNANCE) as connection, storage_errors():
        known = {row[0] for row in connection.execute("SELECT unit_code FROM governance.unit")}
        missing = [one for one in wanted if one.code not in known]
        if missing:
            detail = {"added": len(missing), "kinds": sorted({one.kind for one in missing})}
            changes.record(db, home, changes.SYSTEM, "C", [changes.entity("unit", "first-units", detail)])
            with connection.cursor() as cursor:
                cursor.executemany(_INSERT, [_row(one, now) for one in missing])
    return len(missing)


def add(db: Database, home: Home, *, by: Actor, unit: Unit, now: datetime) -> Unit:
    """Add a unit. UsageError USE-UNIT-… for a bad code, kind, parent or a facility that has a unit already."""
    changes.must_manage(db, home, by)
    document = changes.required_document(unit.document)
    if not _CODE.match(unit.code) or not unit.name.strip():
        raise UsageError("USE-UNIT-CODE", "Đơn vị cần tên, và mã gồm chữ thường, số, gạch ngang; tối đa 80 ký tự.")
    if unit.kind not in KINDS:
        raise UsageError("USE-UNIT-KIND", "Loại đơn vị phải nằm trong danh sách.", hint=", ".join(KINDS))
    _parent_must_stand(db, unit)
    _record(db, home, by, "C", unit, document)
    try:
        with db.connect(Role.GOVERNANCE) as connection:
            connection.execute(_INSERT, _row(unit, now, document))
    except psycopg.errors.UniqueViolation:
        raise UsageError("USE-UNIT-TAKEN", "Mã đơn vị hoặc mã cơ sở này đã có đơn vị.") from None
    return unit


def change(
    db: Database,
    home: Home,
    *,
    by: Actor,
    code: str,
    document: str,
    now: datetime,
    name: str | None = None,
    parent: str | None = None,
    domains: Collection[str] | None = None,
    valid_to: date | None = None,
) -> Unit:
    """Rename a unit, move it below another ('' = none), give it other domains, or end it; None leaves a thing alone.

    Kind, facility and commune stay: another kind of unit is another unit.
    """
    changes.must_manage(db, home, by)
    number = changes.required_document(document)
    before = {one.code: one for one in list_units(db)}.get(code)
    if before is None:
        raise unknown(code)
    if valid_to is not None and valid_to <= before.valid_from:
        raise UsageError("USE-UNIT-DATES", "Ngày hết hiệu lực phải sau ngày có hiệu lực của đơn vị.")
    after = Unit(
        code,
        before.name if name is None else name.strip() or before.name,
        before.kind,
        before.parent if parent is None else parent or None,
        before.facility_code,
        before.commune_code,
        before.domains if domains is None else tuple(domains),
        before.valid_from,
        before.valid_to if valid_to is None else valid_to,
        number,
    )
    _parent_must_stand(db, after)
    _record(db, home, by, "U", after, number)
    with db.connect(Role.GOVERNANCE) as connection, storage_errors():
        connection.execute(
            "UPDATE governance.unit SET name = %s, parent = %s, domains = %s, valid_to = %s, document = %s,"
            " changed_at = %s WHERE unit_code = %s",
            (after.name, after.parent, list(after.domains), after.valid_to, number, now, code),
        )
    return after


def unknown(code: str) -> UsageError:
    """The error for a unit that is not there."""
    return UsageError("USE-UNIT-UNKNOWN", f"Không có đơn vị «{code[:80]}».", hint="Xem `bienho unit list`.")


_INSERT = f"INSERT INTO governance.unit ({_COLUMNS}, changed_at) VALUES ({', '.join(['%s'] * 11)})"


def _row(unit: Unit, now: datetime, document: str = "") -> tuple[Any, ...]:
    return (
        unit.code, unit.name.strip(), unit.kind, unit.parent, unit.facility_code, unit.commune_code,
        list(unit.domains), unit.valid_from, unit.valid_to, document, now,
    )  # fmt: skip


def _parent_must_stand(db: Database, unit: Unit) -> None:
    """The unit above must exist, and no unit may come to lie below itself."""
    if unit.parent is None:
        return
    known = {one.code: one for one in list_units(db)}
    above, steps = known.get(unit.parent), 0
    if above is None:
        raise unknown(unit.parent)
    while above is not None and steps <= len(known):
        if above.code == unit.code:
            raise UsageError("USE-UNIT-PARENT", "Đơn vị không thể nằm dưới chính nó.")
        above, steps = known.get(above.parent or ""), steps + 1


def _record(db: Database, home: Home, by: Actor, action: str, unit: Unit, document: str) -> None:
    detail = {"name": unit.name, "kind": unit.kind, "parent": unit.parent, "domains": list(unit.domains)}
    dates = {"valid_from": unit.valid_from.isoformat(), "valid_to": unit.valid_to and unit.valid_to.isoformat()}
    changes.record(db, home, by, action, [changes.entity("unit", unit.code, detail | dates)], document=document)
