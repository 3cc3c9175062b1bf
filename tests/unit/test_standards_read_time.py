"""No text makes the checks of a row slow: a pattern that can match in many ways would try them all on one bad field."""

from __future__ import annotations

import time

import pytest

from bienho.standards.xml130.read_checks import check_rows, foreign

LONG = 200_000


@pytest.mark.parametrize("shape", ["date", "number", "code"])
@pytest.mark.parametrize("text", [" " * LONG + "x", "0" * LONG + "x", "1.1" * LONG + "x", "-" * LONG + "đ"])
def test_a_long_text_is_judged_at_once(shape: str, text: str) -> None:
    began = time.process_time()
    foreign(shape, text)  # type: ignore[arg-type]
    assert time.process_time() - began < 0.5


def test_a_bad_last_field_does_not_cost_every_combination() -> None:
    row = dict.fromkeys(NUMBERS, "000000") | {"MA_LK": "x", "STT": "1", "DU_PHONG": "y" * 10, "NGAY_YL": "đ"}
    began = time.process_time()
    check_rows("XML2", [row] * 50, "3176", None, [])
    assert time.process_time() - began < 0.5


NUMBERS = (
    "MA_NHOM", "PHAM_VI", "TYLE_TT_BH", "SO_LUONG", "DON_GIA", "THANH_TIEN_BV", "THANH_TIEN_BH", "T_NGUONKHAC_NSNN",
    "T_NGUONKHAC_VTNN", "T_NGUONKHAC_VTTN", "T_NGUONKHAC_CL", "T_NGUONKHAC", "MUC_HUONG", "T_BNTT", "T_BNCCT", "T_BHTT",
)  # fmt: skip
