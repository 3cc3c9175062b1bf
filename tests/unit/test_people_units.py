"""Units of an installation, which role each kind gives, and what a member reaches from its place in the tree."""

from __future__ import annotations

from datetime import date

import pytest

from bienho.config import load_profile
from bienho.governance import ACCOUNT_ROLES, ROLES
from bienho.governance.people.units import KINDS, Unit, first_units, reach

DAY = date(2026, 11, 26)
ALL, NOBODY = None, frozenset()


def unit(
    code: str, kind: str, parent: str | None = None, facility: str | None = None, commune: str | None = None
) -> Unit:
    return Unit(code, code, kind, parent, facility, commune, (), date(2025, 7, 1))


TREE = {
    one.code: one
    for one in (
        unit("so", "department"),
        unit("phong", "department-room", "so"),
        unit("bv", "hospital", "so", "52001", "21583"),
        unit("bv-2", "hospital", "bv", "52002", "21601"),
        unit("his", "partner", "bv"),
        unit("tram-cua-bv", "station", "bv-2", "52101", "21553"),
        unit("xa", "commune-committee", None, None, "21583"),
        unit("xa-con", "commune-committee", "xa", None, "21584"),
        unit("tram", "station", "xa", "52102", "21583"),
        unit("to", "digital-team", "xa", None, "21583"),
        unit("ldop", "partner", "so"),
        unit("la", "partner"),
        unit("vong-1", "partner", "vong-2"),
        unit("vong-2", "partner", "vong-1"),
        unit("quan-tri", "administration", "so"),
        unit("dan", "citizen"),
        unit("thanh-tra", "inspection"),
        unit("khong-ma", "social-protection", "so"),
    )
}


@pytest.mark.parametrize(
    ("code", "facilities", "communes"),
    [
        ("so", ALL, ALL),
        ("phong", ALL, ALL),
        ("thanh-tra", ALL, ALL),
        ("ldop", ALL, ALL),
        ("bv", {"52001", "52002", "52101"}, ALL),
        ("bv-2", {"52002", "52101"}, ALL),
        ("his", {"52001", "52002", "52101"}, ALL),
        ("tram", {"52102"}, ALL),
        ("khong-ma", NOBODY, ALL),
        ("xa", ALL, {"21583", "21584"}),
        ("xa-con", ALL, {"21584"}),
        ("to", ALL, {"21583", "21584"}),
        ("la", NOBODY, NOBODY),
        ("vong-1", NOBODY, NOBODY),
        ("quan-tri", NOBODY, NOBODY),
        ("dan", NOBODY, NOBODY),
        ("khong-co", NOBODY, NOBODY),
    ],
)
def test_reach_follows_from_the_tree(code: str, facilities: set[str] | None, communes: set[str] | None) -> None:
    assert reach(TREE, code) == (facilities, communes)


def test_units_of_the_province() -> None:
    profile = load_profile()
    units = first_units(profile)
    codes = [one.code for one in units]
    assert len(set(codes)) == len(codes)
    for place, one in enumerate(units):
        assert one.kind in KINDS
        assert one.parent is None or one.parent in codes[:place], "parents come first"
        assert one.in_force(DAY)
    facilities = {one.facility_code for one in units if one.facility_code}
    assert facilities == {one.code for one in profile.facilities if one.code}
    for kind, wanted in (("station", 135), ("commune-committee", 135), ("digital-team", 135), ("social-protection", 3)):
        assert sum(one.kind == kind for one in units) == wanted
    tree = {one.code: one for one in units}
    assert reach(tree, "to-21583") == (None, {"21583"})
    assert reach(tree, "cs-52001") == ({"52001"}, None)
    assert tree["cdc"].domains == ("y-te-du-phong",)


def test_every_kind_gives_a_role_and_every_role_has_a_kind() -> None:
    given = set().union(*(role.kinds for role in ROLES.values()))
    assert given == KINDS.keys()
    assert all(role.kinds for role in ROLES.values())


def test_roles_that_open_whole_tables_are_given_by_units_of_the_whole_province_only() -> None:
    # today's decisions know no rows: a viewer, operator or reader of one hospital would read the province
    for role in set(ACCOUNT_ROLES) - {"administrator"}:
        assert {KINDS[kind].reach for kind in ROLES[role].kinds} == {"province"}
