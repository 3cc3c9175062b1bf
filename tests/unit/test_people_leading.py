"""Who answers for whom, when a membership ends by itself, and that what people are told of a role is what decides."""

from __future__ import annotations

import csv
import itertools
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bienho.contracts import catalogue
from bienho.governance import ROLES, Actor, Membership, explain
from bienho.governance.people.contacts import Contact, nearest
from bienho.governance.people.leading import givable, leads, led, may_change
from bienho.governance.people.memberships import Member
from bienho.governance.people.units import Unit, upwards
from bienho.governance.policy import CURRENT, DATA_ACTIONS, engine
from bienho.governance.roles import ACCOUNT_ROLES, GIVEN_BY_LEADERS

START = datetime(2026, 3, 31, tzinfo=UTC)
DAY = timedelta(days=1)
TABLE = Path(__file__).parent / "data" / "who_may.csv"


def unit(code: str, kind: str, parent: str | None) -> Unit:
    return Unit(code, code.upper(), kind, parent, None, None, (), date(2026, 1, 1))


TREE = {
    one.code: one
    for one in (
        unit("so", "department", None),
        unit("bv", "hospital", "so"),
        unit("tram", "station", "bv"),
        unit("khac", "hospital", "so"),
        unit("quan-tri", "administration", "so"),
        unit("xa", "commune-committee", None),
    )
}
ADMIN = Actor("a", "A", ("administrator",))


def leader(*units: str) -> Actor:
    return Actor("l", "L", ("leader",), "portal", tuple(Membership("leader", one, None, None) for one in units), "two")


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        (ADMIN, set(TREE)),
        (leader("so"), {"so", "bv", "tram", "khac", "quan-tri"}),
        (leader("bv"), {"bv", "tram"}),
        (leader("tram", "xa"), {"tram", "xa"}),
        (leader("khong-con"), set()),
        (replace(leader("bv"), memberships=(Membership("clinician", "bv", None, None),)), set()),
        (Actor("o", "O", ("operator",)), set()),
    ],
)
def test_leaders_answer_for_their_unit_and_those_below(by: Actor, expected: set[str]) -> None:
    assert set(led(by, TREE)) == expected
    assert {code for code in TREE if leads(by, TREE, code)} == expected


def test_leaders_give_the_ordinary_roles_and_no_leader_beside_themselves() -> None:
    assert givable(leader("bv"), TREE, "bv") == ("facility-data-officer", "clinician")
    assert givable(leader("bv"), TREE, "tram") == ("leader", "clinician", "station-worker")
    assert givable(leader("tram"), TREE, "tram") == ("clinician", "station-worker")
    assert givable(leader("so"), TREE, "bv") == ("leader", "facility-data-officer", "clinician")
    assert givable(leader("so"), TREE, "quan-tri") == ()
    assert givable(leader("bv"), TREE, "khac") == ()
    assert "identifier-reader" in givable(ADMIN, TREE, "so")
    assert not set(givable(leader("so"), TREE, "so")) & set(ACCOUNT_ROLES)
    for role in set(ROLES) - GIVEN_BY_LEADERS:
        assert not may_change(leader("so"), TREE, "bv", role), role


def test_a_circle_of_units_ends() -> None:
    tree = {"a": unit("a", "station", "b"), "b": unit("b", "station", "a")}
    assert upwards(tree, "a") == ["a", "b"]
    assert upwards(tree, "x") == []


@pytest.mark.parametrize(
    ("until", "ended", "ends"),
    [
        (None, None, datetime(2026, 10, 30, tzinfo=UTC)),  # six months to 30 September, and 30 days
        (START + 10 * DAY, None, START + 10 * DAY),
        (START + 10 * DAY, START + 3 * DAY, START + 3 * DAY),
        (START + 900 * DAY, None, datetime(2026, 10, 30, tzinfo=UTC)),
    ],
)
def test_a_membership_ends_at_the_first_of_three(until: Any, ended: Any, ends: datetime) -> None:
    by = None if ended is None else "boss"
    one = Member(1, "an", "bv", "clinician", START, until, "boss", "1/QĐ", START, ended, by)
    assert one.ends == ends
    assert one.in_force(ends - timedelta(microseconds=1))
    assert not one.in_force(ends)
    assert not one.in_force(START - DAY)


def test_the_nearest_contact_is_asked() -> None:
    def contact(code: str, matter: Any) -> Contact:
        return Contact(code, matter, None, code, "0269 1", START, None, "1/QĐ")

    named = [contact("so", "data"), contact("so", "security"), contact("bv", "data")]
    found = [nearest(TREE, named, code, matter) for code in ("tram", "xa") for matter in ("data", "security")]
    assert [one and one.unit for one in found] == ["bv", "so", None, None]


def test_what_is_told_of_a_role_is_what_the_table_by_hand_says() -> None:
    """Every (role, purpose, action) of the table is told with a policy, and nothing else but emergencies."""
    written: set[tuple[str, str, str]] = set()
    with TABLE.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row.get("reach", "any") not in ("any", "province"):
                continue
            written |= set(itertools.product([row["role"]], row["purposes"].split(), row["actions"].split()))
    told = set()
    for role in ROLES:
        for one in explain.grants(role):
            assert not one.policy.forbids
            assert bool(one.datasets) is bool(set(one.actions) & DATA_ACTIONS)
            if one.policy.id != "emergency-identifiers":
                told |= set(itertools.product([role], one.purposes, one.actions))
    assert told == written


OF_A_FACILITY = {"clinician-findings", "visits-written"}
"""What a clinician has of the own facility only, and nothing of the like of the province."""


def test_what_a_limited_role_is_told_is_no_more_than_the_whole_one() -> None:
    """A limit on rows takes away whatever cannot be limited so; the house's own actions stay."""
    whole, limited = (
        {
            (one.policy.id, name)
            for one in explain.grants("clinician", *limit)
            if one.policy.id not in OF_A_FACILITY
            for name in one.datasets
        }
        for limit in ((False, False), (True, False))
    )
    assert limited < whole | {("", "")}
    assert limited
    two = Actor(
        "a", "A", ("clinician",), "portal",
        (Membership("clinician", "bv", frozenset({"52001"}), None), Membership("clinician", "so", None, None)),
    )  # fmt: skip
    assert {one.policy.id for one in explain.granted(two, "clinician")} == {name for name, _ in whole} | {
        one.policy.id for one in explain.grants("clinician") if not one.datasets
    } | OF_A_FACILITY


def test_alike_datasets_are_each_in_one_group() -> None:
    groups = explain._alike()
    assert sorted(name for group in groups for name in group) == sorted(catalogue())
    assert ("standard.delivery",) in groups, "a policy names it"
    assert engine(CURRENT).names("standard.delivery")
    assert not engine(CURRENT).names("standard.xml130_1")
