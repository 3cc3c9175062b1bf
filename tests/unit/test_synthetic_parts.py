"""Parts of the twin: plans are checked, money rounds as the decision says, names and numbers follow their customs."""

from __future__ import annotations

import random
import re
from collections import Counter
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bienho.config import load_profile
from bienho.core.errors import UsageError
from bienho.standards.xml130.versions import editions
from bienho.synthetic import Plan, generate
from bienho.synthetic.chance import Weighted, stream
from bienho.synthetic.dossiers.money import amount_text, half_up, milli_text, split
from bienho.synthetic.people import Person, names, population
from bienho.synthetic.places import Map
from bienho.synthetic.plan import ARCHIVE, version_on
from bienho.synthetic.reference import conditions

LAST = date(2026, 8, 31)


@pytest.fixture(scope="module")
def atlas() -> Map:
    return Map(load_profile("gialai"))


@pytest.fixture(scope="module")
def people(atlas: Map) -> list[Person]:
    return list(population(Plan(persons=4000, seed=7), atlas))


@pytest.mark.parametrize(
    ("code", "values"),
    [
        ("USE-SYNTH-SIZE", {"persons": 0}),
        ("USE-SYNTH-SIZE", {"months": 0}),
        ("USE-SYNTH-SHARE", {"dirt": 1.5}),
        ("USE-SYNTH-SHARE", {"share_resent": -0.1}),
        ("USE-SYNTH-SHARE", {"violations": 1.1}),
        ("USE-SYNTH-SHARE", {"share_missing": -0.1}),
        ("USE-SYNTH-SHARE", {"entry_errors": -1.0}),
        ("USE-SYNTH-SHARE", {"share_late": 0.6, "share_missing": 0.6}),
        ("USE-SYNTH-VERSION", {"versions": {"9999": 1.0}}),
        ("USE-SYNTH-VERSION", {"versions": {"4210": 1.0}}),
        ("USE-SYNTH-DIRT", {"dirt_kinds": ("coffee",)}),
        ("USE-SYNTH-DIRT", {"dirt": 0.1, "dirt_kinds": ()}),
        ("USE-SYNTH-START", {"start": date(2001, 1, 1)}),
        ("USE-SYNTH-SCENARIO", {"scenarios": ("flood",)}),
        ("USE-SYNTH-SHARE", {"outbreaks": -1}),
        ("USE-SYNTH-UNTIL", {"until": date(2027, 1, 1)}),
        ("USE-SYNTH-UNTIL", {"until": date(2020, 1, 1)}),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(code: str, values: dict[str, object]) -> None:
    with pytest.raises(UsageError) as refused:
        Plan(**values)  # type: ignore[arg-type]
    assert refused.value.code == code


def test_a_facility_that_does_not_exist_is_refused(tmp_path) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(UsageError) as refused:
        generate(Plan(persons=5, months=1, facilities=("99999",)), tmp_path / "out")
    assert refused.value.code == "USE-SYNTH-FACILITY"


def test_a_folder_with_something_in_it_is_refused_and_left_alone(tmp_path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(UsageError) as refused:
        generate(Plan(persons=5, months=1), tmp_path)
    assert refused.value.code == "USE-SYNTH-OUT"
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize(
    ("start", "months", "end"),
    [
        (date(2025, 9, 1), 12, date(2026, 9, 1)),
        (date(2025, 1, 31), 1, date(2025, 2, 28)),
        (date(2025, 12, 15), 1, date(2026, 1, 15)),
    ],
)
def test_the_window_ends_after_whole_months(start: date, months: int, end: date) -> None:
    assert Plan(start=start, months=months).end == end


@pytest.mark.parametrize("version", sorted(ARCHIVE))
def test_archives_lie_in_the_time_of_their_version(version: str) -> None:
    first, last = ARCHIVE[version]
    assert version_on(first) == version_on(last) == version
    assert version in {edition.name for edition in editions()}


@given(
    st.integers(0, 10**9), st.integers(0, 10**9), st.sampled_from((0, 30, 50, 80, 100)), st.sampled_from((0, 50, 100))
)
def test_money_is_that_of_decimals_rounded_half_up(quantity: int, price: int, service: int, insured: int) -> None:
    share = split(quantity, price, price, service, insured, 80, sponsored=False)
    cent = Decimal("0.01")
    whole = Decimal(quantity) / 1000 * Decimal(price) / 1000 * service / 100
    bv = whole.quantize(cent, ROUND_HALF_UP)
    bh = (whole * insured / 100).quantize(cent, ROUND_HALF_UP)
    assert Decimal(share.hospital) / 100 == bv
    assert Decimal(share.insured) / 100 == bh
    assert Decimal(share.fund) / 100 == (bh * 80 / 100).quantize(cent, ROUND_HALF_UP)
    assert share.own + share.copay + share.fund + share.other == share.hospital


@given(st.integers(0, 10**12))
def test_amounts_are_written_exactly(hundredths: int) -> None:
    assert Decimal(amount_text(hundredths)) * 100 == hundredths
    assert Decimal(milli_text(hundredths)) * 1000 == hundredths
    assert re.fullmatch(r"\d+(\.\d{1,2})?", amount_text(hundredths))


def test_half_goes_up() -> None:
    assert [half_up(n, 2) for n in (1, 2, 3)] == [1, 1, 2]


def test_streams_depend_on_every_part_and_on_nothing_else() -> None:
    assert stream(1, "a", 2).random() == stream(1, "a", 2).random()
    assert len({stream(*parts).random() for parts in ((1, "a", 2), (2, "a", 2), (1, "b", 2), (1, "a", 3))}) == 4


def test_weights_are_followed() -> None:
    r = stream(1, "weights")
    counts = Counter(Weighted([("a", 1), ("b", 3), ("never", 0)]).draw(r) for _ in range(8000))
    assert counts["never"] == 0
    assert 0.7 < counts["b"] / 8000 < 0.8


def test_identity_numbers_have_the_real_structure_and_belong_to_nobody(people: list[Person]) -> None:
    for p in people:
        assert re.fullmatch(r"0\d\d[0-3]\d\d9\d{5}", p.personal_id)
        assert int(p.personal_id[3]) == (p.birth.year // 100 - 19) * 2 + (p.sex == "F")
        assert p.personal_id[4:6] == f"{p.birth.year % 100:02d}"
        assert re.fullmatch(r"(52|64)9\d{7}", p.insurance_id)
        assert re.fullmatch(r"|(030|031|053|054|071|072|073|074|075|080|095)\d{7}", p.phone)
    assert len({p.personal_id for p in people}) == len({p.insurance_id for p in people}) == len(people)


def test_cards_follow_age_and_group(people: list[Person]) -> None:
    for p in people:
        card = p.card_on(LAST)
        assert card == "" or re.fullmatch(r"[A-Z]{2}[1-5](52|64)\d{10}", card)
        if p.age_on(LAST) < 5.9:
            assert card.startswith("TE1")
        if p.age_on(LAST) > 6.1:
            assert not card.startswith("TE")


def test_names_follow_the_customs_of_each_people() -> None:
    r = random.Random(3)
    for year in (1950, 1985, 2012):
        for sex in "FM":
            jrai = names.full_name(r, "Gia-rai", "Ksor", sex, year)
            assert jrai.startswith("Ksor ")
            assert sex == "F" or "H'" not in jrai
            assert names.full_name(r, "Ba-na west", "", sex, year).startswith("Y " if sex == "F" else "A ")
            assert names.full_name(r, "Ê-đê", "Niê", sex, year).startswith("H'" if sex == "F" else "Y ")
            kinh = names.full_name(r, "Kinh", "Võ", sex, year).split()
            assert kinh[0] == "Võ"
            assert 2 <= len(kinh) <= 4
            assert ("Thị" not in kinh) if sex == "M" else ("Văn" not in kinh)


def test_family_names_differ_by_side(people: list[Person]) -> None:
    kinh = [p for p in people if p.people == "Kinh"]
    shares = {}
    for side in ("east", "west"):
        mine = Counter(p.family for p in kinh if p.place.side == side)
        shares[side] = {name: count / mine.total() for name, count in mine.items()}
    assert 0.27 < shares["east"]["Nguyễn"] < 0.41
    assert shares["east"]["Võ"] + shares["east"]["Huỳnh"] > shares["west"]["Võ"] + shares["west"]["Huỳnh"]
    assert "Vũ" not in shares["east"]


def test_peoples_live_where_they_live(people: list[Person]) -> None:
    west = [p for p in people if p.place.side == "west"]
    jrai = sum(p.people == "Gia-rai" for p in west) / len(west)
    bahnar = sum(p.people.startswith("Ba-na") for p in west) / len(west)
    # Census 2019, old Gia Lai: 30.4 % and 12.5 %; households are drawn whole, so the spread is wide at this size.
    assert 0.22 < jrai < 0.40
    assert 0.06 < bahnar < 0.18
    assert not any(p.people == "Gia-rai" for p in people if p.place.side == "east")


def test_addresses_change_with_the_units(people: list[Person], atlas: Map) -> None:
    profile = load_profile("gialai")
    for p in people[::20]:
        place, old, _ = p.home_on(date(2025, 7, 1))
        assert p.address_on(date(2025, 7, 1)).endswith(f"{place.name}, Tỉnh Gia Lai")
        assert old.name in p.address_on(date(2025, 6, 30))
        assert p.address_on(LAST).endswith(f"{p.place.name}, Tỉnh Gia Lai")
        assert profile.canonical_commune(p.old.code, date(2025, 6, 30)) == p.place.code


def test_every_disease_can_happen_and_none_to_the_wrong_sex() -> None:
    for case in conditions():
        assert max(case.weights) > 0
        assert case.drugs or case.treatments
        assert all(len(curve) == 12 for curve in case.season.values())
    assert {c.sex for c in conditions() if c.code.startswith(("O", "N76", "N95", "M81"))} == {"F"}
    assert next(c for c in conditions() if c.code == "N40").sex == "M"


def test_age_is_counted_from_birth(people: list[Person]) -> None:
    p = people[0]
    assert p.age_on(p.birth + timedelta(days=3653)) == pytest.approx(10, abs=0.01)
