"""Decisions of people as bytes: read back as written, refused when anything is odd, and as the schema says."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import jsonschema
import pytest

from bienho.core.errors import InputError
from bienho.standards.decision import MOST, PersonDecisions, Verdict, order_of, read, write

ONE, TWO = "0" * 31 + "1", "0" * 31 + "2"
SAID = PersonDecisions("department", "an", None, (Verdict(ONE, TWO, "same", "papers"),))
SCHEMA = json.loads((files("bienho.standards.decision") / "person.schema.json").read_text(encoding="utf-8"))


def test_what_is_written_is_read_and_fits_the_schema() -> None:
    assert read(write(SAID)) == SAID
    jsonschema.validate(json.loads(write(SAID)), SCHEMA)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("format", "other"), ("version", 2), ("authority", "nobody"), ("decided_by", ""), ("decided_by", 7),
        ("decisions", []), ("decisions", None), ("more", 1),
        ("decisions", [{"left": ONE, "right": ONE + "0", "verdict": "same", "reason": "papers"}]),
        ("decisions", [{"left": ONE, "right": TWO, "verdict": "perhaps", "reason": "papers"}]),
        ("decisions", [{"left": ONE, "right": TWO, "verdict": "same", "reason": "chị Hoa nói vậy"}]),
        ("decisions", [{"left": ONE, "right": TWO, "verdict": "same"}]),
        ("decisions", [{"left": ONE, "right": TWO, "verdict": "same", "reason": "papers"}] * (MOST + 1)),
    ],
)  # fmt: skip
def test_anything_odd_is_refused_by_reader_and_schema(place: str, value: Any) -> None:
    said = json.loads(write(SAID)) | {place: value}
    with pytest.raises(InputError, match="IN-DECISION") as told:
        read(json.dumps(said).encode())
    assert "Hoa" not in str(told.value)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(said, SCHEMA)


@pytest.mark.parametrize(
    "pair", [Verdict(ONE, ONE, "same", "papers"), Verdict(TWO, ONE, "same", "papers")], ids=["itself", "turned"]
)
def test_a_pair_is_two_in_their_order(pair: Verdict) -> None:
    with pytest.raises(InputError):
        write(PersonDecisions("department", "an", None, (pair,)))
    with pytest.raises(InputError):
        write(PersonDecisions("department", "an", "an", SAID.decisions))
    with pytest.raises(InputError):
        read(b"\xff")


def test_authority_goes_before_receipt_and_receipt_before_place() -> None:
    ordered = [("facility", 1, 0), ("facility", 1, 999), ("facility", 10**12, 0), ("department", 1, 0)]
    places = [order_of(*one) for one in ordered]
    assert places == sorted(set(places))
    assert places[-1] < 2**63
    with pytest.raises(ValueError, match="no place"):
        order_of("facility", 1, MOST)
