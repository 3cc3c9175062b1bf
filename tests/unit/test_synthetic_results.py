"""Results of a twin: the numbers of a panel agree with each other as they are sent."""

from __future__ import annotations

import random
from decimal import Decimal

import pytest

from bienho.synthetic.dossiers.results import values
from bienho.synthetic.reference import conditions, services

CELLS = ("NEUT", "LYMPH", "MONO", "EO", "BASO")
PICTURES = sorted({case.abnormal for case in conditions()}, key=sorted)
"""What the diseases of the twin put out of its range."""


def told(key: str, seed: int, abnormal: frozenset[str] = frozenset()) -> dict[str, str]:
    service = services()[key]
    names = [index.code for index in service.indices]
    return dict(zip(names, values(random.Random(seed), service, abnormal), strict=True))


def off(sent: Decimal, exact: Decimal) -> Decimal:
    """How far a number is from what it should be, in units of its last place."""
    return abs(sent - exact) / Decimal(1).scaleb(int(sent.as_tuple().exponent))


def test_a_blood_count_agrees_with_itself() -> None:
    """Against decimals: whatever a counter works out follows from what it sends beside it, to half a last place."""
    half = Decimal("0.5") + Decimal("1e-9")
    for seed in range(400):
        sent = {code: Decimal(text) for code, text in told("cbc", seed, PICTURES[seed % len(PICTURES)]).items()}
        assert sum(sent[f"{name}%"] for name in CELLS) == 100
        assert all(sent[f"{name}%"] >= 0 for name in CELLS)
        for name in CELLS:
            assert off(sent[f"{name}#"], sent["WBC"] * sent[f"{name}%"] / 100) <= half
        assert off(sent["MCV"], sent["HCT"] / sent["RBC"] * 10) <= half
        assert off(sent["MCH"], sent["HGB"] / sent["RBC"]) <= half
        assert off(sent["MCHC"], sent["HGB"] / sent["HCT"] * 100) <= half
        assert off(sent["PCT"], sent["PLT"] * sent["MPV"] / 10_000) <= half
        assert 2 < sent["RBC"] < Decimal("6.5")


@pytest.mark.parametrize("key", [key for key, service in services().items() if service.indices])
def test_every_index_has_a_value_in_its_range(key: str) -> None:
    for seed in range(20):
        sent = told(key, seed)
        assert all(sent.values())
        for index in services()[key].indices:
            if index.decimals is None:
                assert sent[index.code] == index.low
            elif index.low and (key != "cbc" or index.code not in ("MCV", "MCHC", "MONO%", "EO%", "BASO%")):
                # those of the count are worked out again from what is sent
                assert float(index.low) <= float(sent[index.code]) <= float(index.high)


def test_a_disease_shows_in_a_panel_whole_or_not_at_all() -> None:
    abnormal, shown = frozenset({"HGB", "MCV", "RDW-CV"}), 0
    for seed in range(200):
        sent = told("cbc", seed, abnormal)
        pale, small, mixed = float(sent["HGB"]) < 115, float(sent["MCV"]) < 79, float(sent["RDW-CV"]) > 15
        assert pale == small == mixed
        shown += pale
    assert 140 <= shown <= 180


def test_panels_are_as_long_as_those_of_machines() -> None:
    assert len(services()["cbc"].indices) == 22
    assert len(services()["urine"].indices) == 11
    assert all(any(code in {i.code for i in test.indices} for test in case.tests)
               for case in conditions() for code in case.abnormal)  # fmt: skip
