"""Pairs are weighed as people would weigh them, one record as a batch, and weights hold nobody's values."""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from bienho.core.errors import ConfigError, InputError
from bienho.linkage import clean
from bienho.linkage.batch import Linked, link, link_clean
from bienho.linkage.evaluate import evaluate
from bienho.linkage.model import COMPARISONS, Weights
from bienho.linkage.model.blocking import RULES
from bienho.linkage.model.comparisons import TERM_SHIFT
from bienho.linkage.model.matcher import FEW, Matcher
from bienho.linkage.model.score import Scale, unpack
from bienho.linkage.model.weights import untrained
from support.few_records import NAMES, few_records

training = sys.modules["bienho.linkage.model.train"]  # the room's name for it is the function


@pytest.fixture(scope="module")
def world() -> tuple[pa.Table, pa.Table, Linked]:
    """Records of 200 people, their truth, and the links of weights that nobody trained."""
    records, truth = few_records(200, 7)
    return records, truth, link(records)


def records(*rows: dict[str, str]) -> pa.Table:
    plain = {
        "facility_code": "52001", "full_name": "Trần Quốc Bảo", "birth_date": "19850311", "sex": "1",
        "commune_code": "21583", "province_code": "52", "ethnic_code": "01", "visit_date": "20250310",
    }  # fmt: skip
    made = [plain | row | {"record_id": f"R{place}"} for place, row in enumerate(rows)]
    return clean(pa.table({name: [row.get(name, "") for row in made] for name in NAMES}))


def weighed(world: tuple[pa.Table, pa.Table, Linked], one: dict[str, str], other: dict[str, str]) -> dict[str, Any]:
    both = records(one, other)
    return Matcher(world[2].weights).score(both.slice(0, 1), both.slice(1, 1)).to_pylist()[0]


def test_the_few_people_are_found_and_nobody_is_mixed(world: tuple[pa.Table, pa.Table, Linked]) -> None:
    found = evaluate(world[1], world[2].persons, world[2].pairs)
    assert found["pairwise"]["precision"] >= 0.99
    assert found["pairwise"]["recall"] >= 0.95


def test_order_of_rows_does_not_matter(world: tuple[pa.Table, pa.Table, Linked]) -> None:
    rows, _, linked = world
    turned = rows.add_column(0, "arrived", pa.array(range(rows.num_rows))).take(list(range(rows.num_rows))[::-1])
    assert link(turned).persons.equals(linked.persons)


def test_one_record_is_weighed_as_a_batch_is(world: tuple[pa.Table, pa.Table, Linked]) -> None:
    """The engine's SQL and the Python made of it: codes, weights and keys of every pair and record."""
    rows, _, linked = world
    cleaned, matcher = clean(rows), Matcher(linked.weights)
    place = {one: number for number, one in enumerate(cleaned["record_id"].to_pylist())}
    pairs = linked.pairs.sort_by([("left", "ascending"), ("right", "ascending")])
    left, right = (cleaned.take([place[one] for one in pairs[side].to_pylist()]) for side in ("left", "right"))
    again = pa.concat_tables(
        [matcher.score(left.slice(k, FEW), right.slice(k, FEW)) for k in range(0, len(pairs), FEW)]
    )
    assert again.to_pylist() == pairs.to_pylist()
    many = pa.concat_tables([cleaned] * (FEW // cleaned.num_rows + 1))
    assert matcher.blocks(many).slice(0, 200).to_pylist() == matcher.blocks(cleaned).slice(0, 200).to_pylist()


def test_a_turned_pair_weighs_the_same(world: tuple[pa.Table, pa.Table, Linked]) -> None:
    cleaned, matcher = clean(world[0]), Matcher(world[2].weights)
    one, other = cleaned.slice(0, 100), cleaned.slice(100, 100)
    assert matcher.score(one, other).equals(matcher.score(other, one))


def test_what_a_family_shares_proves_nothing_of_one_person(world: tuple[pa.Table, pa.Table, Linked]) -> None:
    house = {"phone": "0905123456", "address_text": "84 Tăng Bạt Hổ"}
    father = weighed(world, house, house | {"birth_date": "20100705"})
    wife = weighed(world, house, house | {"full_name": "Lê Thị Lan", "sex": "2", "birth_date": "19860930"})
    twin = weighed(world, house, house | {"full_name": "Trần Quốc Khánh"})
    same = weighed(world, house, house | {"full_name": "Tran Quoc Bao", "birth_date": "19850000"})
    assert max(one["weight"] for one in (father, wife, twin)) < world[2].weights.link < same["weight"]
    assert (father["veto"], wife["veto"]) == ("birth", "sex")


def test_two_valid_numbers_forbid_and_a_number_of_the_mother_does_not(
    world: tuple[pa.Table, pa.Table, Linked],
) -> None:
    child = {"birth_date": "20150311"}
    assert weighed(world, {"personal_id": "052085001234"}, {"personal_id": "052085009876"})["veto"] == "cccd"
    assert (
        weighed(world, child | {"personal_id": "052185001234"}, child | {"personal_id": "052215009876"})["veto"] is None
    )


def test_a_common_name_weighs_less_than_a_rare_one(world: tuple[pa.Table, pa.Table, Linked]) -> None:
    scale = Scale(world[2].weights)
    codes = np.array([1 | (term << TERM_SHIFT) for term in (2, 12)], np.int64)
    assert np.diff(scale.by_kind(unpack(codes))["random"]) == pytest.approx(-10)
    assert np.diff(scale.weigh(unpack(codes)))[0] > 0


def test_weights_name_nobody_and_come_back(world: tuple[pa.Table, pa.Table, Linked]) -> None:
    rows, _, linked = world
    text = linked.weights.to_json()
    assert Weights.from_json(text) == linked.weights
    for column in ("personal_id", "insurance_no", "phone"):
        assert not [value for value in rows[column].to_pylist() if value and value in text]
    names = " ".join(name for name in clean(rows)["name_plain"].to_pylist() if name)
    given = {word for word in names.split() if len(word) > 3}
    assert not [word for word in given if word in text]


@pytest.mark.parametrize("text", ["", "{}", '{"form": 99}', '{"form": 1, "seed": 1}'])
def test_weights_of_another_form_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="CFG-LINK-WEIGHTS"):
        Weights.from_json(text)


def test_weights_without_a_level_are_refused(world: tuple[pa.Table, pa.Table, Linked]) -> None:
    told = json.loads(world[2].weights.to_json())
    del told["levels"]["birth"]["swapped"]
    with pytest.raises(ConfigError, match="CFG-LINK-WEIGHTS"):
        Weights.from_json(json.dumps(told))


def test_a_record_twice_is_refused(world: tuple[pa.Table, pa.Table, Linked]) -> None:
    cleaned = clean(world[0])
    with pytest.raises(InputError, match="IN-LINK-IDS"):
        link_clean(pa.concat_tables([cleaned, cleaned.slice(0, 1)]))


def test_levels_fit_into_their_bits_and_rules_have_names_of_their_own() -> None:
    assert max(len(comparison.levels) for comparison in COMPARISONS) < 16
    assert len({rule.name for rule in RULES}) == len(RULES) < 31


def test_training_is_repeatable_and_learns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Splink over the same records with the same seed ends in the same text."""
    monkeypatch.setattr(training, "RANDOM_PAIRS", 3e4)
    monkeypatch.setattr(training, "_BLOCKS", training._BLOCKS[:2])
    cleaned = clean(few_records(900, 3)[0])
    one = link_clean(cleaned, seed=5)
    assert one.weights.learned["blocks"]
    assert one.weights.levels != untrained()
    assert link_clean(cleaned, seed=5).weights.to_json() == one.weights.to_json()


@pytest.mark.parametrize("most", [1, FEW + 1])
def test_rows_are_weighed_as_tables_are(world: tuple[pa.Table, pa.Table, Linked], most: int) -> None:
    cleaned, matcher = clean(world[0]), Matcher(world[2].weights)
    numbers = np.random.default_rng(3).integers(0, cleaned.num_rows, (2, most))
    left, right = (cleaned.take(pa.array(side)) for side in numbers)
    scored = matcher.score(left, right)
    expected = list(zip(scored["weight"].to_pylist(), scored["veto"].to_pylist(), strict=True))
    for _ in (0, 1):  # weighed, then remembered
        assert matcher.tell(left.to_pylist(), right.to_pylist()) == expected
