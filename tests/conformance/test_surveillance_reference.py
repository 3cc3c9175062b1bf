"""The detectors against outputs of R's `surveillance`, number by number, and their false alarms against the nominal."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bienho.surveillance import detect
from bienho.surveillance.evaluate import agreement, read_scenarios, real_series, run_scenarios, without_outbreaks
from bienho.surveillance.evaluate.agreement import how

CLOSE = 1e-6


@pytest.mark.shared
def test_every_stored_output_is_met(shared_facts: Path) -> None:
    found = list(agreement(shared_facts / "surveillance" / "reference"))
    assert len(found) >= 48
    assert {one.output: one.relative for one in found if one.worst > CLOSE} == {}
    assert {one.output: one.alarms_differ for one in found if one.alarms_differ} == {}
    methods = {one.method for one in found}
    assert methods == {"farrington", "farrington-classic", "ears-c1", "ears-c2", "cusum", "glr", "rki", "bayes"}


@pytest.mark.shared
def test_outputs_that_nobody_answers_are_known(shared_facts: Path) -> None:
    names = [path.stem for path in (shared_facts / "surveillance" / "reference" / "outputs").glob("*.csv")]
    left = {name.split("_")[0] + "_" + name.split("_")[1] for name in names if how(name) is None}
    assert left <= {"ears_C3", "nowcast_lawless", "nowcast_reporting", "tt15_endemic"}


@pytest.mark.shared
def test_designed_outbreaks_are_found_the_larger_the_surer(shared_facts: Path) -> None:
    scenarios = read_scenarios(shared_facts / "surveillance" / "data" / "noufaily2013_28_scenarios.csv")
    assert len(scenarios) == 28
    small, large = run_scenarios(scenarios, {"noufaily": ("farrington", {})}, replicates=1, sizes=(3, 10), seed=1)
    assert 0.05 < float(small.sensitivity or 0) < 0.4
    assert float(large.sensitivity or 0) > 0.75
    assert small.false_rate is not None
    assert small.false_rate < 0.015


@pytest.mark.shared
def test_alarms_on_real_series_are_counted(shared_facts: Path) -> None:
    """None of these three names an outbreak; the regression alarms in less than one period of ten."""
    found = real_series(shared_facts / "surveillance" / "reference" / "inputs", {"b4": ("farrington", {"b": "4"})})
    by_series = {one.bed: one for one in found}
    assert {name: one.outbreaks for name, one in by_series.items()} == dict.fromkeys(
        ("agona", "campyDE", "gialai_dengue"), 0
    )
    assert by_series["campyDE"].quiet_periods == 104
    assert 0 < float(by_series["campyDE"].false_rate or 0) < 0.1


def test_false_alarms_are_what_is_promised() -> None:
    """0.8 to 1.3 % for the default regression at nominal 1 %; the ensemble keeps to its budget of 1 %.

    A small part of what `make bench BENCH=detect` counts over five seeds.
    """
    panel = without_outbreaks(256, seed=2)
    regression, ensemble = (detect(panel, name, last=10).alarm.mean() for name in ("farrington", "ensemble"))
    assert 0.008 <= regression <= 0.013
    assert 0.005 <= ensemble <= 0.011
    young = detect(without_outbreaks(400, years=2, seed=2), "ensemble", last=90).alarm.mean()
    assert 0.004 <= young <= 0.0105


def test_the_series_without_outbreaks_are_as_their_design_says() -> None:
    counts = without_outbreaks(2000, years=1, seed=3).observed
    halves = counts[:, :26] - counts[:, 26:]
    assert np.isfinite(halves).all()
    assert counts.min() == 0
    assert 5 < counts.mean() < 25
