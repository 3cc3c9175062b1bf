"""Agreement, number by number, with outputs of the reference package stored beside their inputs."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bienho.surveillance.detectors.methods import detect
from bienho.surveillance.panel import Alarms, Floats
from bienho.surveillance.series import PlainSeries, fault, read_series

ORIGINAL = {
    "w": "3", "noPeriods": "1", "reweight": "true", "weightsThreshold": "1", "trend": "true",
    "pThresholdTrend": "0.05", "alpha": "0.01", "thresholdMethod": "delta", "powertrans": "2/3", "limit54": "5,4",
}  # fmt: skip
NOUFAILY = ORIGINAL | {
    "noPeriods": "10", "pastWeeksNotIncluded": "26", "weightsThreshold": "2.58", "pThresholdTrend": "1",
    "thresholdMethod": "nbPlugin",
}  # fmt: skip
FARRINGTON = {
    "A": ORIGINAL,
    "B": NOUFAILY,
    "C": NOUFAILY | {"thresholdMethod": "muan"},
    "D": NOUFAILY | {"thresholdMethod": "delta", "alpha": "0.05"},
}
EARS = {"a001": {"alpha": "0.001", "minSigma": "0"}, "a025": {"alpha": "0.025", "minSigma": "0.5"}}
WINDOWS = [("0", "6", "true"), ("1", "6", "true"), ("2", "4", "false")]
MONTHLY = {"A": {"w": "1"}, "B": {"w": "1", "noPeriods": "4", "pastWeeksNotIncluded": "6"}}
GLR = {"alpha": "0", "c.ARL": "5", "theta": "log 1.5", "change": "intercept", "dir": "inc", "Mtilde": "1", "M": "-1"}
# Column of the stored output → field of `Alarms`. The package's score of Farrington mixes scales and is not compared.
COMPARED = {
    "upperbound": "upper", "farr_old_upper": "upper", "stat": "score", "expected": "expected", "mu0": "mu0",
    "phi": "phi", "pvalue": "pvalue",
}  # fmt: skip


@dataclass(frozen=True)
class Agreement:
    """Of one stored output: the largest relative difference of each column, and how many alarms differ."""

    output: str
    method: str
    periods: int
    relative: dict[str, float]
    alarms_differ: int

    @property
    def worst(self) -> float:
        return max(self.relative.values(), default=0.0)


def how(name: str) -> tuple[str, dict[str, str], str] | None:
    """Method, parameters and series of a stored output by its name; None for one of another kind.

    C3 is not among them: the package tests the two weeks before without the week itself, we what was published.
    """
    if found := re.fullmatch(r"farrington_flexible_([ABCD])_.*?b(\d)_?(.*)", name):
        monthly = "monthly" in found[3]
        given = FARRINGTON[found[1]] | {"b": found[2]} | (MONTHLY[found[1]] if monthly else {})
        return "farrington", given, re.sub(r".*monthly_", "", found[3])
    if found := re.fullmatch(r"farrington_classic_b(\d)_(\w+)", name):
        return "farrington-classic", {"b": found[1]}, found[2]
    if found := re.fullmatch(r"ears_(C[12])_(a001|a025)_(?:minsigma05_)?(\w+)", name):
        return f"ears-{found[1].lower()}", EARS[found[2]] | {"baseline": "7"}, found[3]
    if found := re.fullmatch(r"cusum_(rossi|standard)_k104_h226_(\w+)", name):
        return "cusum", {"k": "1.04", "h": "2.26", "trans": found[1]}, found[2]
    if found := re.fullmatch(r"glr_poisson_theta_log1\.5_c5_(\w+)", name):
        return "glr", GLR, found[1]
    if found := re.fullmatch(r"(rki|bayes)([123])_(?:a05_)?(\w+)", name):
        given = dict(zip(("b", "w", "actY"), WINDOWS[int(found[2]) - 1], strict=True))
        return found[1], given | ({"alpha": "0.05"} if found[1] == "bayes" else {}), found[3]
    return None


def agreement(reference: Path) -> Iterator[Agreement]:
    """Every stored output of `reference` (folders `inputs`, `outputs`) that a method of ours answers."""
    if not (reference / "inputs").is_dir() or not (reference / "outputs").is_dir():
        raise fault(
            "IN-REFERENCE", f"Thư mục {reference.name} không có inputs và outputs.", "Chọn thư mục số liệu tham chiếu."
        )
    inputs: dict[str, PlainSeries] = {}
    for path in sorted((reference / "outputs").glob("*.csv")):
        known = how(path.stem)
        if known is None or not (reference / "inputs" / f"{known[2]}.csv").is_file():
            continue
        method, given, name = known
        one = inputs.setdefault(name, read_series(reference / "inputs" / f"{name}.csv")[0])
        stored = _stored(path)
        if "farr_old_upper" in stored:
            stored = {column: values[~np.isnan(stored["farr_old_upper"])] for column, values in stored.items()}
        alarms = detect(one.panel, method, given, last=len(stored["t"]))
        yield _compare(path.stem, method, alarms, stored)


def _stored(path: Path) -> dict[str, Floats]:
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return {
        name: np.array([float("nan") if row[name] in ("NA", "") else float(row[name]) for row in rows])
        for name in rows[0]
    }


def _compare(output: str, method: str, alarms: Alarms, stored: dict[str, Floats]) -> Agreement:
    relative = {}
    for column, field in COMPARED.items():
        if column not in stored:
            continue
        theirs, ours = stored[column], getattr(alarms, field)[0]
        both = np.isfinite(theirs) & np.isfinite(ours)
        if column == "farr_old_upper":
            both &= theirs > 0
        if column == "upperbound" and (np.isnan(theirs) != np.isnan(ours)).any():
            relative[column] = float("inf")
            continue
        apart = np.abs(theirs[both] - ours[both]) / np.maximum(np.abs(theirs[both]), 1e-9)
        relative[column] = float(apart.max(initial=0.0))
    differ = int((alarms.alarm[0] != (stored["alarm"] == 1)).sum()) if "alarm" in stored else 0
    return Agreement(output, method, len(stored["t"]), relative, differ)
