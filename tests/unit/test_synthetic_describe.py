"""How a twin fits: deviations are those of a sum by hand, small twins are not judged, a poor folder is refused."""

from __future__ import annotations

import csv
import json
from collections import Counter
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from bienho.cli.main import main
from bienho.core.errors import UsageError
from bienho.synthetic import Fit, Plan, describe, tally_plan, tally_twin
from bienho.synthetic.describe import Tally
from bienho.synthetic.truth import Truth

# Twelve months of a series, east: a peak in October.
SHAPE = (5, 3, 2, 2, 3, 5, 8, 10, 14, 20, 18, 10)


@pytest.fixture
def reference(tmp_path: Path) -> Path:
    """A folder laid out as the facts, of two communes and two groups of age."""
    folder = tmp_path / "facts"

    def table(name: str, *told: dict[str, object]) -> None:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(told[0]))
            writer.writeheader()
            writer.writerows(told)

    table("gialai/communes.csv", {"code": "21553", "population": 300}, {"code": "23563", "population": 100})
    ages = ({"side": side, "age": age, "pct_male": 25, "pct_female": 25} for side in ("old Bình Định", "old Gia Lai")
            for age in ("0-4", "80+"))  # fmt: skip
    table("gialai/age_sex_model.csv", *ages)
    ethnic = ("01", 50), ("10", 30), ("", 20)
    table(
        "gialai/ethnic_by_old_province.csv",
        *({"old_province_code": "64", "ethnic_code": code, "persons_census_2019": n} for code, n in ethnic),
    )
    table("gialai/family_names_published.csv", {"family_name": "Vũ/Võ", "pct": 40}, {"family_name": "Lê", "pct": 60})
    series = [
        {"disease": "dengue", "province": "Binh Dinh", "year": year, "month": n, "cases": cases, "deaths": 0}
        for year, times in ((2001, 1), (2002, 30))
        for n, cases in enumerate((times * one for one in SHAPE), 1)
    ]
    table("surveillance/data/gdpm_gialai_binhdinh_1980_2017_monthly.csv", *series)
    return folder


def by_measure(fits: list[Fit]) -> dict[tuple[str, str], Fit]:
    return {(fit.measure, fit.group): fit for fit in fits}


def large() -> Tally:
    return Tally(
        communes=Counter({"21553": 30_600, "23563": 9_400}),
        ages=Counter({(side, age, sex): 10_000 + 400 * (age == 16 and sex == "F")
                      for side in ("east", "west") for age in (0, 16) for sex in "FM"}),
        peoples=Counter({("west", "01"): 52_000, ("west", "10"): 27_000, ("west", "13"): 21_000}),
        families=Counter({("west", "Vũ"): 30, ("east", "Võ"): 20, ("east", "Lê"): 50}),
    )  # fmt: skip


def test_deviations_are_those_of_a_sum_by_hand(reference: Path) -> None:
    found = by_measure(describe(large(), reference))
    people = found["population", ""]
    assert (people.parts, people.worst, people.met) == (2, "23563", False)
    assert people.value == pytest.approx(1 - 9_400 / 10_000)
    ages = found["age_sex", "west"]
    assert (ages.parts, ages.worst, ages.met) == (4, "80+ F", False)
    assert ages.value == pytest.approx(100 * 10_400 / 40_400 - 25)
    ethnic = found["ethnic", "west"]
    assert (ethnic.parts, ethnic.worst, ethnic.met) == (2, "10", True)
    assert ethnic.value == pytest.approx(0.1)
    assert ("ethnic", "east") not in found  # nothing published
    published = found["family", "published"]
    assert (published.limit, published.met) == (None, None)
    assert published.value == pytest.approx(50 / 40 - 1)
    assert not any(fit.measure == "season" for fit in found.values())  # no table of cases


def test_months_are_compared_by_their_shape(reference: Path) -> None:
    tally = large()
    for month, cases in enumerate(SHAPE, 1):
        tally.cases["dengue", "east", month] = 7 * cases
        tally.cases["measles", "east", month] = cases
    fit = by_measure(describe(tally, reference))["season", "dengue east"]
    assert (fit.value, fit.parts, fit.limit, fit.met) == (pytest.approx(1), 700, 0.9, True)
    for month, cases in enumerate(SHAPE[6:] + SHAPE[:6], 1):
        tally.cases["dengue", "east", month] = 7 * cases
    found = by_measure(describe(tally, reference))
    assert found["season", "dengue east"].met is False
    assert ("season", "measles east") not in found


def test_a_small_twin_is_not_judged_and_the_projects_own_figures_serve(reference: Path) -> None:
    small = tally_plan(3, 900)
    assert sum(small.communes.values()) == 900
    for folder in (reference, None):
        assert all(fit.met is not False for fit in describe(small, folder) if fit.measure != "population")
    own = by_measure(describe(tally_plan(3, 60_000), None))
    assert own["population", ""].parts > 130
    assert own["population", ""].met
    assert own["age_sex", "east"].met
    assert own["ethnic", "east"].met
    assert own["family", "west"].met


@pytest.mark.parametrize("name", ["gialai/communes.csv", "gialai/age_sex_model.csv"])
def test_a_folder_that_lacks_a_file_is_refused(reference: Path, name: str) -> None:
    (reference / name).unlink()
    with pytest.raises(UsageError) as refused:
        describe(large(), reference)
    assert refused.value.code == "USE-SYNTH-REFERENCE"
    assert name in refused.value.message


def test_a_twin_that_was_written_is_read_with_its_cases(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as refused:
        tally_twin(tmp_path)
    assert refused.value.code == "USE-SYNTH-TRUTH"
    truth, plan = Truth(), Plan(persons=3, months=2)
    common = {"sex": "F", "birth_date": date(2020, 3, 1), "ethnic_code": "01", "until": None, "commune_code": "21553"}
    truth.people += [{**common, "name": "Võ Thị Mẫu"}, {**common, "name": "Lê Mẫu", "until": date(2025, 9, 3)}]
    truth.write(tmp_path / "truth", plan)
    old = "21559"
    cases = {"disease": ["dengue", "dengue"], "commune": ["21553", old], "onset": [date(2025, 9, 2), date(2025, 10, 1)]}
    pq.write_table(pa.table(cases), tmp_path / "truth" / "cases.parquet")
    found = tally_twin(tmp_path)
    assert found.communes == {"21553": 1}
    assert found.ages == {("east", 1, "F"): 1}
    assert found.families == {("east", "Võ"): 1}
    assert sum(found.cases.values()) == 2
    assert found.cases["dengue", "east", 9] == 1


def test_the_command_prints_the_fit(reference: Path) -> None:
    told = CliRunner().invoke(main, ["synth", "describe", "--persons", "600", "--json"])
    assert told.exit_code == 0
    assert {fit["measure"] for fit in json.loads(told.stdout)} == {"population", "age_sex", "ethnic", "family"}
    shown = CliRunner().invoke(main, ["synth", "describe", "--persons", "600", "--reference", str(reference)])
    assert shown.exit_code == 0
    assert "tuổi và" in shown.stdout
    assert CliRunner().invoke(main, ["synth"]).exit_code == 2  # nowhere to write to
