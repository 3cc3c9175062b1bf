"""The twin against the team's facts: disease names and codes, sex limits, communes, published shares."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest

from bienho.core.text import nfc
from bienho.synthetic import describe, tally_plan
from bienho.synthetic.describe import Tally
from bienho.synthetic.reference import conditions, rows
from support.facts import SHARED

FACTS = SHARED / "facts"
pytestmark = pytest.mark.shared


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_diseases_are_in_the_list_of_the_ministry_and_may_be_the_main_one() -> None:
    codes = FACTS / "xml130" / "codes"
    names = {r["code"]: " ".join(nfc(r["name_vi"]).split()) for r in read(codes / "icd10_qd4469_2020.csv")}
    forbidden = {r["code_nodot"] for r in read(codes / "icd10_not_primary_qd4469_A2.csv")}
    women = {r["code_nodot"] for r in read(codes / "icd10_female_only_qd4469_A4_1.csv")}
    men = {r["code_nodot"] for r in read(codes / "icd10_male_only_qd4469_A4_2.csv")}
    for case in conditions():
        bare = case.code.replace(".", "")
        assert " ".join(case.name.split()) == names[case.code]
        assert bare not in forbidden
        assert case.sex == "F" or bare not in women
        assert case.sex == "M" or bare not in men
        assert all(code in names for code in case.secondary)


def test_old_communes_are_those_of_the_list_before_the_merger() -> None:
    units = {
        r["ward_code"]: (r["ward"], r["district_code"], r["province_code"])
        for r in read(FACTS / "xml130" / "codes" / "admin_units_20240611_binhdinh52_gialai64.csv")
    }
    for r in rows("old_communes.csv"):
        if r["old_code"] in units:
            assert (r["district_code"], r["province_code"]) == units[r["old_code"]][1:]
    assert sum(r["old_code"] in units for r in rows("old_communes.csv")) > 360


@pytest.fixture(scope="module")
def tally() -> Tally:
    return tally_plan(11, 150_000)


def test_common_family_names_follow_the_sample_in_the_west(tally: Tally) -> None:
    sample = {r["family_name"]: float(r["pct"]) for r in read(FACTS / "gialai" / "family_names_sample.csv")}
    kinh = Counter({name: count for (side, name), count in tally.families.items() if side == "west"})
    for name in ("Nguyễn", "Trần", "Lê", "Phạm"):
        assert 100 * kinh[name] / kinh.total() == pytest.approx(sample[name], rel=0.25)


def test_marginals_are_those_published(tally: Tally) -> None:
    fits = describe(tally, FACTS)
    assert {(fit.measure, fit.group) for fit in fits if fit.met} == {
        ("population", ""), ("age_sex", "east"), ("age_sex", "west"), ("ethnic", "west"), ("family", "east"),
        ("family", "west"),
    }  # fmt: skip
    assert not [fit for fit in fits if fit.met is False]
    assert max(fit.value for fit in fits if fit.measure == "age_sex") < 0.05
    assert next(fit for fit in fits if fit.measure == "population").parts > 130
