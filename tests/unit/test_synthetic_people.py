"""The columns of people: same rows in any order and process, kin that could be, numbers of nobody, moves and deaths."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections import Counter
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bienho.config import load_profile
from bienho.synthetic import Plan
from bienho.synthetic.columns import numerals
from bienho.synthetic.draws import Choice, Draws, even_counts, pairs, sorting
from bienho.synthetic.people import MOVES, PEOPLE, blocks, make, persons
from bienho.synthetic.people.namebook import namebook
from bienho.synthetic.people.status import DISABILITY, PROTECTION
from bienho.synthetic.places import MERGED, Map
from bienho.synthetic.reference import rows

PLAN = Plan(persons=34_000, months=36, seed=9, start=date(2024, 1, 1), versions={"4750": 1.0})
LAST = PLAN.end - timedelta(days=1)
Row = dict[str, Any]


@pytest.fixture(scope="module")
def atlas() -> Map:
    return Map(load_profile("gialai"))


@pytest.fixture(scope="module")
def made(atlas: Map) -> list[tuple[pa.RecordBatch, pa.RecordBatch]]:
    return [make(PLAN, atlas, block) for block in blocks(PLAN, atlas)]


@pytest.fixture(scope="module")
def people(made: list[tuple[pa.RecordBatch, pa.RecordBatch]]) -> list[Row]:
    return [row for batch, _ in made for row in batch.to_pylist()]


@pytest.fixture(scope="module")
def moves(made: list[tuple[pa.RecordBatch, pa.RecordBatch]]) -> list[Row]:
    return [row for _, batch in made for row in batch.to_pylist()]


def years(one: Row, other: Row) -> float:
    days: int = (one["birth"] - other["birth"]).days
    return days / 365.25


def test_numbers_run_through_the_blocks(people: list[Row], made: list[tuple[pa.RecordBatch, pa.RecordBatch]]) -> None:
    assert [p["person_no"] for p in people] == list(range(len(people)))
    assert len(made) > 3
    for batch, moved in made:
        assert (batch.schema, moved.schema) == (PEOPLE, MOVES)
        assert not any(batch[name].null_count for name in PEOPLE.names if name not in ("former_id", "until", "died"))


def test_a_block_is_the_same_whatever_else_is_made_and_in_any_process(atlas: Map) -> None:
    code = (
        "import hashlib; from bienho.config import load_profile; from bienho.synthetic.places import Map\n"
        "from bienho.synthetic.plan import Plan; from bienho.synthetic.people import blocks, make\n"
        "plan, atlas = Plan(persons=34_000, seed=5), Map(load_profile('gialai'))\n"
        "for block in reversed(blocks(plan, atlas)):\n"
        "    data = b''.join(batch.serialize().to_pybytes() for batch in make(plan, atlas, block))\n"
        "    print(hashlib.sha256(data).hexdigest())\n"
    )
    environment = {"PYTHONHASHSEED": "4", "TZ": "Asia/Tokyo", "NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    plan = Plan(persons=34_000, seed=5)
    here = []
    for block in blocks(plan, atlas):
        data = b"".join(batch.serialize().to_pybytes() for batch in make(plan, atlas, block))
        here.append(hashlib.sha256(data).hexdigest())
    assert here == done.stdout.split()[::-1]
    assert len(set(here)) == len(here) > 2


def test_another_seed_makes_other_people(atlas: Map) -> None:
    names = [
        make(plan, atlas, blocks(plan, atlas)[0])[0]["name"].to_pylist()
        for plan in (Plan(persons=500, seed=1), Plan(persons=500, seed=2))
    ]
    assert names[0] != names[1]


def test_communes_hold_their_share_at_the_end_and_ages_are_those_of_the_table(atlas: Map, people: list[Row]) -> None:
    whole = sum(place.population for place in atlas.places)
    staying = [p for p in people if p["until"] is None]
    assert len(staying) == PLAN.persons
    counts = Counter(p["commune"] for p in staying)
    assert all(abs(counts[p.code] - PLAN.persons * p.population / whole) < 1 for p in atlas.places)
    side = {place.code: place.side for place in atlas.places}
    groups = Counter(
        (side[p["commune"]], p["sex"], min(((LAST - p["birth"]).days * 4 + 3) // 1461 // 5, 16)) for p in staying
    )
    for where in ("east", "west"):
        told = [r for r in rows("age_sex.csv") if r["side"] == where]
        all_of = sum(count for (place, _, _), count in groups.items() if place == where)
        for place, r in enumerate(told):
            for sex, share in (("M", r["male_pct"]), ("F", r["female_pct"])):
                assert abs(100 * groups[where, sex, place] / all_of - float(share)) < 0.25


def test_mothers_and_fathers_could_be(people: list[Row]) -> None:
    children: dict[int, list[Row]] = {}
    for p in people:
        assert (p["mother_no"] >= 0) or p["twin_of"] < 0
        if p["mother_no"] >= 0:
            children.setdefault(p["mother_no"], []).append(p)
        if p["father_no"] >= 0:
            father = people[p["father_no"]]
            assert father["sex"] == "M"
            assert years(p, father) > 17.9
            assert father["until"] is None or p["birth"] - father["until"] <= timedelta(days=270)
            assert father["household_no"] == p["household_no"]
    assert len(children) > 5_000
    book = namebook()
    by_mother = {name for name, kind in zip(book.peoples, book.by_mother, strict=True) if kind}
    for number, mine in children.items():
        mother = people[number]
        assert mother["sex"] == "F"
        days = sorted({p["birth"] for p in mine})
        assert all(b - a >= timedelta(days=300) for a, b in pairwise(days))
        assert len(days) <= 6  # five at home, and the grown child of an old woman
        for p in mine:
            assert 18 <= years(p, mother) <= 42
            assert mother["until"] is None or p["birth"] <= mother["until"]
            assert (p["household_no"], p["people"]) == (mother["household_no"], mother["people"])
            line = mother if p["people"] in by_mother or p["father_no"] < 0 else people[p["father_no"]]
            if p["people"] in by_mother or p["father_no"] >= 0:
                assert p["family"] == line["family"]


def test_twins_are_of_one_birth(people: list[Row]) -> None:
    second = [p for p in people if p["twin_of"] >= 0]
    assert len(second) > 60
    for p in second:
        first = people[p["twin_of"]]
        assert first["twin_of"] < 0
        same = ("mother_no", "father_no", "birth", "household_no", "family", "people", "old_commune", "hamlet")
        assert [p[name] for name in same] == [first[name] for name in same]
        assert (p["birth_minute"] > first["birth_minute"]) or p["birth_minute"] == first["birth_minute"] == 0


def test_households_are_of_a_size_and_nobody_young_lives_alone(people: list[Row]) -> None:
    homes: dict[int, list[Row]] = {}
    for p in people:
        homes.setdefault(p["household_no"], []).append(p)
    sizes = Counter(len(mine) for mine in homes.values())
    assert max(sizes) <= 14
    assert 3.2 < len(people) / len(homes) < 3.9  # census 2019: 3.5 in a household
    for number, mine in homes.items():
        assert number == mine[0]["person_no"]
        assert [p["person_no"] for p in mine] == list(range(number, number + len(mine)))
        assert len({(p["people"], p["commune"], p["old_commune"], p["hamlet"]) for p in mine}) == 1
    young = sum(max((LAST - p["birth"]).days for p in mine) < 16 * 365 for mine in homes.values())
    assert young <= 2  # where a commune of the sample has no adult to spare
    old = [p for p in people if (LAST - p["birth"]).days > 70 * 365]
    assert sum(len(homes[p["household_no"]]) > 2 for p in old) / len(old) > 0.3


def test_numbers_have_the_real_structure_and_are_of_one_person(people: list[Row]) -> None:
    for name in ("personal_id", "insurance_id", "former_id"):
        held = [p[name] for p in people if p[name]]
        assert len(set(held)) == len(held)
    assert sum(p["former_id"] is not None for p in people) / len(people) == pytest.approx(0.15, abs=0.05)
    for p in people:
        number, born = p["personal_id"], p["birth"]
        assert len(number) == 12
        assert int(number[3:6]) == ((born.year // 100 - 19) * 2 + (p["sex"] == "F")) * 100 + born.year % 100
        assert number[6] == "9"
        assert p["former_id"] is None or (p["former_id"][:3] in ("219", "239") and len(p["former_id"]) == 9)
        assert p["insurance_id"][:3] in ("529", "649")
        assert p["phone"] == "" or (len(p["phone"]) == 10 and p["phone"][:3] in ("030", "031", "053", "054", "071",
                                    "072", "073", "074", "075", "080", "095"))  # fmt: skip
    phones: dict[str, set[int]] = {}
    for p in people:
        if p["phone"]:
            phones.setdefault(p["phone"], set()).add(p["household_no"])
    assert all(len(homes) == 1 for homes in phones.values())
    assert len(phones) < 0.7 * len(people)


def test_deaths_and_moves_lie_in_the_window_and_in_the_life(people: list[Row], moves: list[Row], atlas: Map) -> None:
    dead = [p for p in people if p["died"]]
    assert {p["until"] for p in dead} == {p["died"] for p in dead}
    assert all(PLAN.start <= p["until"] <= LAST and p["since"] <= p["until"] for p in people if p["until"])
    share = len(dead) / PLAN.persons / 3
    assert 0.005 < share < 0.008  # a planning figure: six of a thousand a year
    old = sum((p["died"] - p["birth"]).days > 60 * 365 for p in dead) / len(dead)
    assert 0.55 < old < 0.85
    assert any((p["died"] - p["birth"]).days < 28 for p in dead)
    left = [p for p in people if p["until"] and not p["died"]]
    assert all(15 * 365 < (p["until"] - p["birth"]).days < 51 * 366 for p in left)
    came = [p for p in people if p["since"] > p["birth"]]
    assert came
    assert all(PLAN.start <= p["since"] <= LAST for p in came)
    profile = load_profile("gialai")
    old_codes = {old.code: place.code for place in atlas.places for old in place.old}
    whole_homes = Counter((people[m["person_no"]]["household_no"], m["day"]) for m in moves)
    assert whole_homes.most_common(1)[0][1] > 3
    for move in moves:
        who = people[move["person_no"]]
        assert who["birth"] < move["day"] <= (who["until"] or LAST)
        assert move["to_commune"] == (who["commune"] if move["day"] >= MERGED else who["old_commune"])
        origin = move["from_commune"] if move["day"] >= MERGED else old_codes[move["from_commune"]]
        assert origin in profile.commune_by_code
        assert origin != who["commune"]


def test_assistance_has_a_cause(people: list[Row]) -> None:
    kinds = Counter(p["social_protection"] for p in people)
    assert set(kinds) == set(PROTECTION)
    assert {p["disability"] for p in people} == set(DISABILITY)
    for p in people:
        age = ((p["until"] or LAST) - p["birth"]).days / 365.25
        kind = p["social_protection"]
        if kind == "orphan":
            assert age < 16
            assert (p["mother_no"], p["father_no"]) == (-1, -1)
        if kind == "social_pension":
            assert age >= 70
            assert p["insurance_group"] != "HT3"
        if kind == "disability_severe":
            assert p["disability"] == "2"
        if kind == "child_poor":
            assert age < 3.1
    assert 0.02 < sum(kinds[name] for name in PROTECTION[1:]) / len(people) < 0.07


def test_the_objects_are_the_rows(made: list[tuple[pa.RecordBatch, pa.RecordBatch]], atlas: Map) -> None:
    batch, moved = made[-1]
    first = batch["person_no"][0].as_py()
    objects, told = persons(batch, moved, atlas), batch.to_pylist()
    for person, row in list(zip(objects, told, strict=True))[::7]:
        assert (person.index, person.name, person.place.code, person.old.code) == (
            row["person_no"], row["name"], row["commune"], row["old_commune"],
        )  # fmt: skip
        assert person.until == (row["until"] or date.max)
        mother = objects[person.mother - first] if person.mother >= 0 else None
        assert person.parents[0] is mother
    by_number = {person.index: person for person in objects}
    assert moved.num_rows
    for move in moved.to_pylist():
        person, day = by_number[move["person_no"]], move["day"]
        before, after = person.home_on(day - timedelta(days=1)), person.home_on(day)
        codes = [place.code if day >= MERGED else old.code for place, old, _ in (before, after)]
        assert codes == [move["from_commune"], move["to_commune"]]


@given(
    st.lists(st.tuples(st.integers(0, 6), st.integers(0, 3))), st.lists(st.tuples(st.integers(0, 6), st.integers(0, 3)))
)
def test_pairs_are_all_that_can_be_made(left: list[tuple[int, int]], right: list[tuple[int, int]]) -> None:
    def column(pairs_: list[tuple[int, int]], place: int) -> Any:
        return np.array([one[place] for one in pairs_], np.int64)

    ours, theirs = pairs(column(left, 0), column(right, 0), column(left, 1), column(right, 1))
    assert len(set(ours.tolist())) == len(set(theirs.tolist())) == len(ours)
    assert all(left[a][0] == right[b][0] for a, b in zip(ours.tolist(), theirs.tolist(), strict=True))
    for key in range(7):
        mine, others = ([n for n, one in enumerate(side) if one[0] == key] for side in (left, right))
        met = [b for b in theirs.tolist() if right[b][0] == key]
        assert len(met) == min(len(mine), len(others))
        assert sorted(met) == sorted(sorted(others, key=lambda n: (right[n][1], n))[: len(met)])


@given(st.lists(st.floats(0.01, 100), min_size=1, max_size=40), st.integers(0, 5_000), st.integers(0, 999))
def test_a_whole_is_split_evenly(weights: list[float], whole: int, start: int) -> None:
    found = even_counts(np.array(weights), whole, start / 1000)
    assert found.sum() == whole
    assert all(
        abs(count - whole * weight / sum(weights)) < 1.000001 for count, weight in zip(found, weights, strict=True)
    )


@given(st.lists(st.integers(0, 10**9 - 1), min_size=1), st.sampled_from((9, 10, 12)), st.randoms())
def test_numerals_are_the_numbers(numbers: list[int], width: int, r: Any) -> None:
    absent = np.array([r.random() < 0.3 for _ in numbers])
    expected = [f"{n:0{width}d}" for n in numbers]
    column = np.array(numbers, np.int64)
    assert numerals(column, width).to_pylist() == expected
    kept = [None if gone else text for gone, text in zip(absent, expected, strict=True)]
    assert numerals(column, width, absent, null=True).to_pylist() == kept
    assert numerals(column, width, absent).to_pylist() == [text or "" for text in kept]


def test_draws_follow_their_shares_and_depend_on_every_part() -> None:
    draws = Draws(1, "a", 0)
    flags = draws.chance(200_000, 0.3)
    assert flags.mean() == pytest.approx(0.3, abs=0.005)
    assert draws.below(200_000, 7).max() == 6
    items = Choice([{5: 1, 9: 3}, {2: 1}]).pick(np.array([0] * 50_000 + [1] * 10), draws.raw(50_010))
    assert (items[:50_000] == 9).mean() == pytest.approx(0.75, abs=0.01)
    assert set(items[50_000:]) == {2}
    assert sorted(draws.shuffled(1_000)) == list(range(1_000))
    assert sorting(np.array([3, 1, 3, 0])).tolist() == [3, 1, 0, 2]
    firsts = {Draws(*parts).raw(4).tobytes() for parts in ((1, "a", 0), (2, "a", 0), (1, "b", 0), (1, "a", 1))}
    assert len(firsts) == 4


def test_names_of_columns_follow_the_customs() -> None:
    book = namebook()
    count = 6_000
    draws = Draws(3, "names", 0)
    people = np.arange(count) % len(book.peoples)
    female = np.arange(count) % 2 == 0
    family = book.family(people, "east", draws.raw(count))
    names = book.names(draws, people, family, female, 1940 + np.arange(count) % 86).to_pylist()
    for name, number, woman, clan in zip(names, people, female, family, strict=True):
        which, words, line = book.peoples[number], name.split(" "), book.families[clan]
        assert name == " ".join(words)
        assert all(words)
        if which == "Ê-đê":
            assert name.startswith("H'" if woman else "Y ")
            assert name.endswith(" " + line)
        elif which == "Ba-na west":
            assert name.startswith("Y " if woman else "A ")
        else:
            assert name.startswith(line + " ")
        if which in ("Kinh", "Tày"):
            assert 2 <= len(words) <= 4
            assert ("Văn" not in words) if woman else ("Thị" not in words)
            middles = words[1:-1]
            assert len({words[0], *middles}) == len({*middles, words[-1]}) == len(middles) + 1
        assert woman or "H'" not in name
