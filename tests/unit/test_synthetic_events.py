"""What happens to the people of a twin: every visit possible for its person, cases and doses that agree with them."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bienho.config import load_profile
from bienho.synthetic import Plan
from bienho.synthetic.events import CASES, VISITS, Events, Maker, outbreaks_table, together
from bienho.synthetic.events.adapt import visits as visits_of
from bienho.synthetic.events.days import holidays, number
from bienho.synthetic.events.draw import Choice, generator
from bienho.synthetic.events.folk import Folk
from bienho.synthetic.events.frame import Rows
from bienho.synthetic.events.settle import _first_come
from bienho.synthetic.people import Block, blocks, make, persons
from bienho.synthetic.places import Map, distance_km
from bienho.synthetic.reference import conditions
from bienho.synthetic.sending.deliver import shipments

PLAN = Plan(persons=7_000, months=12, seed=8)
AT_HOME = ("05", "07")
CASE_OF = {case.code: case for case in conditions()}
Made = dict[int, tuple[pa.RecordBatch, pa.RecordBatch]]


@pytest.fixture(scope="module")
def atlas() -> Map:
    return Map(load_profile("gialai"))


def people_of(plan: Plan, atlas: Map) -> tuple[list[Block], Made]:
    found = blocks(plan, atlas)
    return found, {block.number: make(plan, atlas, block) for block in found}


@pytest.fixture(scope="module")
def crowd(atlas: Map) -> tuple[list[Block], Made]:
    return people_of(PLAN, atlas)


@pytest.fixture(scope="module")
def maker(atlas: Map) -> Maker:
    return Maker(PLAN, atlas)


@pytest.fixture(scope="module")
def events(maker: Maker, crowd: tuple[list[Block], Made]) -> Events:
    return together(maker.make(number, *crowd[1][number]) for number in crowd[1])


@pytest.fixture(scope="module")
def visits(events: Events) -> list[dict[str, Any]]:
    return list(events.visits.to_pylist())


@pytest.fixture(scope="module")
def folk(crowd: tuple[list[Block], Made]) -> dict[int, dict[str, Any]]:
    return {row["person_no"]: row for people, _ in crowd[1].values() for row in people.to_pylist()}


def busy(visit: dict[str, Any]) -> datetime:
    """The moment until which the person cannot be elsewhere: medicine is taken at home."""
    end: datetime = visit["end"]
    return min(end, visit["start"] + timedelta(hours=3)) if visit["kind"] in AT_HOME else end


def test_a_block_is_the_same_alone_and_after_others(
    atlas: Map, maker: Maker, crowd: tuple[list[Block], Made], events: Events
) -> None:
    last = max(crowd[1])
    assert last > 0
    alone = Maker(PLAN, atlas).make(last, *crowd[1][last])
    again = maker.make(last, *crowd[1][last])
    first_no = alone.visits["visit_no"][0].as_py()
    later = ["serial", "bed"]  # counted when all blocks are there
    same = events.visits.filter(pc.greater_equal(events.visits["visit_no"], first_no))
    for name in ("visits", "births", "courses", "cases", "immunisations"):
        assert getattr(alone, name).equals(getattr(again, name))
    assert same.drop_columns(later).to_pylist() == alone.visits.drop_columns(later).to_pylist()
    assert alone.visits.schema.equals(VISITS)
    assert alone.cases.schema.equals(CASES)


def test_nobody_is_seen_before_birth_after_death_or_in_two_places_at_once(
    visits: list[dict[str, Any]], folk: dict[int, dict[str, Any]]
) -> None:
    free: dict[int, datetime] = {}
    for visit in visits:
        person = folk[visit["person_no"]]
        assert visit["start"] < visit["end"]
        assert person["since"] <= visit["start"].date()
        assert person["birth"] <= visit["start"].date()
        assert person["until"] is None or visit["end"].date() <= person["until"]
        assert free.get(visit["person_no"], datetime.min) <= visit["start"]
        free[visit["person_no"]] = busy(visit)
        assert CASE_OF[visit["condition"]].sex in ("", person["sex"])
        assert visit["died"] <= (visit["end"].date() == person["died"])
    assert sum(visit["died"] for visit in visits) > 5
    dead = [p for p in folk.values() if p["died"] and p["died"] >= PLAN.start]
    assert 0.2 < sum(visit["died"] for visit in visits) / len(dead) < 0.7


def test_the_load_of_a_year_is_about_that_of_the_province(visits: list[dict[str, Any]]) -> None:
    regular = [v for v in visits if v["start"].date() >= PLAN.start and v["version"] == "3176"]
    assert 2.2 < len(regular) / PLAN.persons < 2.9
    mix = Counter(v["version"] for v in visits)
    for version in ("4750", "130", "4210"):
        assert mix[version] / mix["3176"] == pytest.approx(PLAN.versions[version] / PLAN.versions["3176"], rel=0.25)
    kinds = Counter(v["kind"] for v in regular)
    assert set(kinds) >= {"01", "02", "03", "05", "06", "07", "08", "09"}
    assert 0.04 < kinds["03"] / len(regular) < 0.12


def test_referrals_lead_to_another_facility_and_carry_their_slip(visits: list[dict[str, Any]]) -> None:
    sent = {(v["person_no"], v["referral"]): v for v in visits if v["referred_to"]}
    came = [v for v in visits if v["referred_from"]]
    assert len(came) > 60
    for visit in came:
        first = sent[visit["person_no"], visit["referral"]]
        assert (first["facility"], first["referred_to"]) == (visit["referred_from"], visit["facility"])
        assert visit["facility"] != visit["referred_from"]
        assert timedelta(0) < visit["start"] - first["end"] < timedelta(hours=4)
        assert first["condition"] == visit["condition"]
    assert len(came) > 0.9 * len(sent)


def test_births_are_those_of_mothers_and_children_among_the_people(
    events: Events, visits: list[dict[str, Any]], folk: dict[int, dict[str, Any]]
) -> None:
    stays = {v["delivery_no"]: v for v in visits if CASE_OF[v["condition"]].kind in ("birth", "twins")}
    told = events.births.to_pylist()
    born = {row["child_no"]: row for row in told if row["child_no"] >= 0}
    window = [
        p for p in folk.values()
        if p["birth"] >= PLAN.start and p["mother_no"] >= 0 and p["birth"] < PLAN.end - timedelta(days=10)
    ]  # fmt: skip
    assert len(window) > 60
    assert len([p for p in window if p["person_no"] in born]) > 0.98 * len(window)
    for row in told:
        child = folk.get(row["child_no"])
        if child:
            assert (child["mother_no"], child["birth"], child["sex"], child["name"]) == (
                row["mother_no"], row["born"].date(), row["sex"], row["name"],
            )  # fmt: skip
        stay = stays.get(row["delivery_no"])
        if stay:
            assert stay["person_no"] == row["mother_no"]
            assert stay["start"] < row["born"] < stay["end"]
            assert (CASE_OF[stay["condition"]].kind == "twins") == (sum(
                one["delivery_no"] == row["delivery_no"] for one in told) > 1)  # fmt: skip
    assert len({row["delivery_no"] for row in told} & set(stays)) > 0.9 * len({row["delivery_no"] for row in told})
    last: dict[int, datetime] = {}
    for row in sorted(told, key=lambda row: row["born"]):
        gap = row["born"] - last.get(row["mother_no"], datetime(1990, 1, 1))
        assert gap < timedelta(days=1) or gap > timedelta(days=240)
        last[row["mother_no"]] = row["born"]
    for visit in visits:
        if visit["expected"]:
            assert visit["start"].date() < visit["expected"]


def test_pregnant_women_are_not_seen_for_another_pregnancy(events: Events, visits: list[dict[str, Any]]) -> None:
    born: dict[int, list[date]] = {}
    for row in events.births.to_pylist():
        born.setdefault(row["mother_no"], []).append(row["born"].date())
    lost = [v for v in visits if v["condition"] == "O03.9"]
    assert lost
    for visit in lost:
        assert not any(0 <= (day - visit["start"].date()).days < 280 for day in born.get(visit["person_no"], ()))


def test_facilities_are_near_and_of_the_right_kind(maker: Maker, atlas: Map) -> None:
    places = np.repeat(np.arange(len(atlas.places)), 20)
    for level, special in ((1, ""), (2, ""), (3, ""), (3, "eye")):
        number_ = maker.world.special_of(special)
        drawn = maker.world.nearby.draw(
            generator(1, "t"), places, np.full(len(places), level), np.full(len(places), number_)
        )
        for place, clinic in zip(places[::20], drawn[::20], strict=True):
            chosen = atlas.clinics[int(clinic)]
            assert (chosen.level, chosen.specialty) == (level, special)
            assert level > 1 or distance_km(atlas.places[int(place)], chosen.place) < 25


def test_sundays_and_tet_are_quiet_and_the_days_after_full(visits: list[dict[str, Any]]) -> None:
    seen = Counter(v["start"].date() for v in visits if v["kind"] == "01" and v["start"].date() >= PLAN.start)
    week = [sum(count for day, count in seen.items() if day.weekday() == n) for n in range(7)]
    assert week[6] < 0.4 * week[1]
    assert week[5] < 0.7 * week[1]
    assert week[0] > 1.1 * week[3]
    usual = week[2] / 52
    tet = [date(2026, 2, 16) + timedelta(days=n) for n in range(6)]
    assert sum(seen[day] for day in tet) / 6 < 0.35 * usual
    assert seen[date(2026, 2, 23)] > 1.1 * usual
    assert number(date(2026, 4, 26)) in holidays(2026, 2026)


def test_chronic_patients_come_back_and_miss_some(events: Events) -> None:
    courses = [c for c in events.courses.to_pylist() if c["kind"] == "chronic" and c["began"] >= PLAN.start]
    due, kept = sum(c["due"] for c in courses), sum(c["kept"] for c in courses)
    assert 0.65 < kept / due < 0.85
    assert any(c["kept"] == 0 for c in courses)
    assert max(c["kept"] / max(1, c["due"]) for c in courses) == 1


def test_cases_are_seen_sent_and_reported_in_that_order(
    maker: Maker, events: Events, visits: list[dict[str, Any]], folk: dict[int, dict[str, Any]]
) -> None:
    by_number = {v["visit_no"]: v for v in visits}
    cases = events.cases.to_pylist()
    told = {c["disease"] for c in cases}
    assert len(told) >= 8
    assert told <= set(maker.world.disease_names)
    codes = {one.key: set(one.told["codes"]) for one in maker.world.diseases}
    for case in cases:
        assert folk[case["person_no"]]["birth"] <= case["onset"]
        if case["visited"] is None:
            assert (case["sent"], case["reported"], case["visit_no"]) == (None, None, -1)
            continue
        visit = by_number[case["visit_no"]]
        assert case["onset"] <= case["visited"] == visit["start"].date()
        assert case["sent"] == visit["end"].date() + timedelta(days=visit["delay_days"])
        assert case["visited"] <= case["sent"] <= case["reported"]
        assert visit["person_no"] == case["person_no"]
        assert visit["condition"] in codes.get(case["disease"], {"A15.0", "A16.2"})
        assert visit["outbreak_no"] == case["outbreak_no"]
    seen = {c["visit_no"] for c in cases}
    notifiable = set().union(*codes.values())
    assert all(v["visit_no"] in seen or v["referred_from"] for v in visits if v["condition"] in notifiable
               and v["start"].date() >= PLAN.start)  # fmt: skip
    delays = [v["delay_days"] for v in visits if v["version"] == "3176"]
    assert min(delays) >= 0
    assert 3 < sum(delays) / len(delays) < 20


def test_doses_follow_the_schedule_and_the_reach_of_the_commune(
    maker: Maker, events: Events, folk: dict[int, dict[str, Any]]
) -> None:
    w = maker.world
    doses = events.immunisations.to_pylist()
    ages: dict[tuple[str, int], list[int]] = {}
    reached: dict[int, date] = {}
    for dose in doses:
        child = folk[dose["person_no"]]
        assert child["birth"] <= dose["day"] < PLAN.end
        assert child["until"] is None or dose["day"] <= child["until"]
        ages.setdefault((dose["vaccine"], dose["dose"]), []).append((dose["day"] - child["birth"]).days)
        if dose["vaccine"] == "MV":
            reached[dose["person_no"]] = dose["day"]
    assert min(ages["MV", 1]) >= 270
    assert sum(ages["MV", 1]) / len(ages["MV", 1]) < 330
    children = [p for p in folk.values() if 2 <= (PLAN.end - p["birth"]).days / 365.25 < 6]
    for side in (0, 1):
        mine = [p for p in children if w.side[w.places[p["commune"]]] == side]
        expected = sum(w.coverage[w.places[p["commune"]]] for p in mine) / len(mine) * 0.98
        assert sum(p["person_no"] in reached for p in mine) / len(mine) == pytest.approx(expected, abs=0.06)


def test_serial_numbers_are_those_the_deliveries_use(atlas: Map, crowd: tuple[list[Block], Made], maker: Maker) -> None:
    block = crowd[0][0]
    people, moves = crowd[1][block.number]
    some = people.slice(0, 900)
    events = together([maker.make(block.number, some, moves)])
    humans = {p.index: p for p in persons(some, moves, atlas)}
    made = list(visits_of(events, humans, atlas))
    assert len(made) == events.visits.num_rows
    told = {visit.seed: visit.serial for visit in made}
    assert sum(len(one.items) for one in shipments(PLAN, made)) >= len(made)
    assert {visit.seed: visit.serial for visit in made} == told
    assert list(shipments(PLAN, [replace(visit, delay=-1) for visit in made])) == []


def test_nobody_lies_in_the_bed_of_another(visits: list[dict[str, Any]]) -> None:
    taken: dict[tuple[str, str, int], datetime] = {}
    for visit in sorted(visits, key=lambda v: v["start"]):
        assert (visit["bed"] > 0) == (visit["kind"] in ("03", "04", "06"))
        if visit["bed"]:
            bed = (visit["facility"], CASE_OF[visit["condition"]].department, visit["bed"] % 999)
            assert taken.get(bed, datetime.min) <= visit["start"]
            taken[bed] = visit["end"]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 400), st.integers(1, 60)), max_size=40))
def test_the_earlier_of_two_that_overlap_stays(drawn: list[tuple[int, int, int]]) -> None:
    """Against a plain walk through each person's visits."""
    drawn.sort()
    rows = Rows(
        len(drawn), person=np.array([w for w, _, _ in drawn], dtype=int), kind=3,
        start=np.array([s for _, s, _ in drawn], dtype=int), end=np.array([s + n for _, s, n in drawn], dtype=int),
    )  # fmt: skip
    free: dict[int, int] = {}
    expected = []
    for place, (who, start, length) in enumerate(drawn):
        if start >= free.get(who, 0):
            expected.append(place)
            free[who] = start + length
    assert _first_come(rows, np.arange(len(drawn))).tolist() == expected


def test_choices_follow_their_weights_and_never_give_what_has_none() -> None:
    choice = Choice(np.array([[1.0, 0, 3, 0], [0, 2, 0, 0], [0, 0, 1, 1]]))
    groups = np.repeat(np.arange(3), 6000)
    drawn = choice.draw(generator(1, "choice"), groups)
    counts = [np.bincount(drawn[groups == n], minlength=4).tolist() for n in range(3)]
    assert counts[1] == [0, 6000, 0, 0]
    assert (counts[0][1], counts[0][3], counts[2][0], counts[2][1]) == (0, 0, 0, 0)
    assert counts[0][2] / 6000 == pytest.approx(0.75, abs=0.03)
    assert counts[2][3] / 6000 == pytest.approx(0.5, abs=0.03)


def test_movers_are_seen_where_they_live_on_the_day(maker: Maker, crowd: tuple[list[Block], Made], atlas: Map) -> None:
    people, moves = max(crowd[1].values(), key=lambda made: made[1].num_rows)
    there = Folk(maker.world, people, moves)
    humans = {p.index: p for p in persons(people, moves, atlas)}
    moved = [p for p in humans.values() if p.homes]
    assert moved
    for person in moved:
        row = int(np.searchsorted(there.no, person.index))
        for day in (person.homes[0].until - timedelta(days=1), person.homes[-1].until):
            place = int(there.place_on(np.array([row]), np.array([number(day)]))[0])
            assert atlas.places[place].code == person.home_on(day)[0].code


@pytest.fixture(scope="module")
def staged(atlas: Map) -> Maker:
    names = ("measles-under-immunised", "dengue-year", "billing-anomaly", "silent-facility", "data-entry-collapse")
    return Maker(replace(PLAN, scenarios=names, outbreaks=0), atlas)


@pytest.fixture(scope="module")
def changed(staged: Maker, crowd: tuple[list[Block], Made]) -> Events:
    return together(staged.make(number, *crowd[1][number]) for number in crowd[1])


def test_outbreaks_strike_their_communes_in_their_time(staged: Maker, changed: Events) -> None:
    """The measles outbreak of a scenario, among children no dose protects."""
    told = outbreaks_table(staged.world, changed.cases).to_pylist()
    assert [one["disease"] for one in told] == ["measles", "dengue", "dengue"]
    for one in told:
        struck = [c for c in changed.cases.to_pylist() if c["outbreak_no"] == one["outbreak_no"]]
        assert 0.3 * one["expected"] < len(struck) == one["cases"]
        assert one["visited"] == sum(c["visited"] is not None for c in struck)
        assert all(one["first"] <= c["onset"] < one["end"] for c in struck)
        assert {c["commune"] for c in struck} <= set(one["communes"])
    assert staged.world.coverage[staged.world.places[told[0]["commune"]]] == 0.45
    days: dict[int, list[date]] = {}
    for dose in changed.immunisations.to_pylist():
        if dose["vaccine"] in ("MV", "MR"):
            days.setdefault(dose["person_no"], []).append(dose["day"])
    measles = [c for c in changed.cases.to_pylist() if c["outbreak_no"] == told[0]["outbreak_no"]]
    protected = [c for c in measles if any(day < c["onset"] for day in days.get(c["person_no"], ()))]
    assert len(protected) < 0.5 * len(measles)


def test_a_dengue_year_is_a_year_of_dengue(events: Events, changed: Events) -> None:
    counts = [Counter(one.cases["disease"].to_pylist()) for one in (events, changed)]
    assert counts[1]["dengue"] > 2.5 * counts[0]["dengue"]
    assert counts[1]["diarrhoea"] == pytest.approx(counts[0]["diarrhoea"], rel=0.25)


def test_one_facility_goes_astray_and_no_other(staged: Maker, events: Events, changed: Events) -> None:
    effects = {one.does: one for one in staged.world.staging.effects}

    def here(one: Events, does: str) -> list[dict[str, Any]]:
        mine = pc.equal(one.visits["facility"].cast(pa.string()), effects[does].facility)
        return [v for v in one.visits.filter(mine).to_pylist() if v["start"].date() >= effects[does].first]

    stays = [sum(v["kind"] == "03" for v in here(one, "billing")) for one in (events, changed)]
    assert stays[1] > 1.5 * stays[0] > 0
    quiet = effects["silence"]
    late = [v for v in here(changed, "silence") if v["end"].date() + timedelta(days=v["delay_days"]) >= quiet.first]
    assert late
    assert all(v["delay_days"] == -1 for v in late if v["version"] == "3176")
    others = changed.visits.filter(pc.not_equal(changed.visits["facility"].cast(pa.string()), quiet.facility))
    assert pc.min(others["delay_days"]).as_py() >= 0
    entry = effects["entry"]
    told = staged.world.staging.entry_errors
    assert told(entry.facility, entry.first) == entry.strength
    assert told(entry.facility, entry.first - timedelta(days=1)) == 0
    assert sum(told(clinic, entry.first) > 0 for clinic in staged.world.clinics) == 1


@pytest.mark.parametrize("plan", [Plan(persons=1, months=1), Plan(persons=30, months=30, facilities=("64012",))])
def test_the_smallest_twins_have_all_their_tables(plan: Plan) -> None:
    atlas = Map(load_profile("gialai"), plan.facilities)
    maker = Maker(plan, atlas)
    made = together(maker.make(block.number, *make(plan, atlas, block)) for block in blocks(plan, atlas))
    assert made.visits.schema.names == VISITS.names
    assert set(made.visits["facility"].to_pylist()) <= set(plan.facilities or maker.world.clinics)
    assert outbreaks_table(maker.world, made.cases).num_rows == len(maker.world.outbreaks)
