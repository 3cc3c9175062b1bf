"""Who pays a visit, for whole blocks: the shares of a stencil's lines at the benefit of the visit that borrows them.

What the fund pays depends on the card, the day and the sum of the visit, not on what was done. So a class leaves these
out, a stencil lends its amounts, and the stamp splits them by the formulas of `dossiers.money` and `dossiers.dossier`,
in whole hundredths of a đồng.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from bienho.synthetic.dossiers.dossier import BASE_SALARY, CARD_RATE, SPONSORED, SPONSORED_EVERY

SUMS = "stencil_sums"
"""Stencils once more: the sums of their lines in hundredths, and what the fund pays of them at each rate in part."""
PARTIAL = tuple(sorted({rate for rate in CARD_RATE.values() if rate < 100}))
"""Rates at which a patient pays a share, in percent."""
LINES = ("standard.xml130_2", "standard.xml130_3")
"""The tables whose lines cost something."""
Hundredths = npt.NDArray[np.int64]


def line_amounts(lines: Mapping[str, pa.ChunkedArray]) -> dict[str, pa.Array]:
    """Beside the lines of a table: what is insured of each and what is not, in hundredths."""
    shares = {name: _hundredths(lines[name]) for name in ("T_BHTT", "T_BNCCT", "T_BNTT", "T_NGUONKHAC")}
    # by the shares, for 4210 has no amount before them
    return {
        "insured": pa.array(shares["T_BHTT"] + shares["T_BNCCT"]),
        "beyond": pa.array(shares["T_BNTT"] + shares["T_NGUONKHAC"]),
    }


def sums(tables: Mapping[str, pa.Table], numbers: Hundredths) -> pa.Table:
    """SUMS of stencils, their numbers ascending; `tables`: their lines with `line_amounts`."""
    held = {name: np.zeros(len(numbers), np.int64) for name in ("insured", "beyond", *map(_fund, PARTIAL))}
    for table in filter(None, map(tables.get, LINES)):
        place = np.searchsorted(numbers, table.column("stencil_no").to_numpy())
        insured = table.column("insured").to_numpy()
        np.add.at(held["insured"], place, insured)
        np.add.at(held["beyond"], place, table.column("beyond").to_numpy())
        for rate in PARTIAL:
            np.add.at(held[_fund(rate)], place, (2 * insured * rate + 100) // 200)
    return pa.table({"stencil_no": numbers, **held})


def _fund(rate: int) -> str:
    return f"fund_{rate}"


def _hundredths(texts: pa.ChunkedArray) -> Hundredths:
    amounts = pc.multiply(
        texts.combine_chunks().fill_null("0").cast(pa.decimal128(18, 2)), pa.scalar(100, pa.decimal128(3, 0))
    )
    return amounts.cast(pa.int64()).to_numpy()


_RATES = " ".join(f"WHEN '{digit}' THEN {rate}" for digit, rate in CARD_RATE.items())
_SALARIES = " ".join(f"WHEN day >= DATE '{start}' THEN {amount}" for start, amount in BASE_SALARY)
_SPONSORED = ", ".join(f"'{group}'" for group in SPONSORED)
RATE = f"CASE WHEN card_group = '' THEN 0 WHEN level = 1 THEN 100 ELSE CASE card_group[3] {_RATES} END END"
"""What a card gives a visit, in percent."""
SMALL = f"CASE {_SALARIES} END * 15"
"""Hundredths below which a visit with a card is paid whole."""
IS_SPONSORED = f"left(card_group, 2) IN ({_SPONSORED}) AND (person_no + serial) % {SPONSORED_EVERY} = 0"
"""Whether somebody else pays what lies outside the fund."""

BENEFIT = "CASE WHEN card_rate > 0 AND insured < small_sum THEN 100 ELSE card_rate END"
"""MUC_HUONG of a visit beside the sums of its stencil."""


def text(hundredths: str) -> str:
    """SQL for an amount as the files carry it."""
    return (
        f"CASE WHEN {hundredths} % 100 = 0 THEN ({hundredths} // 100)::VARCHAR"
        f" ELSE rtrim(printf('%d.%02d', {hundredths} // 100, {hundredths} % 100), '0') END"
    )


_BEYOND_OWN = "CASE WHEN v.sponsored THEN '0' ELSE {} END"
_BEYOND_OTHER = "CASE WHEN v.sponsored THEN {} ELSE '0' END"
_LINE_FUND = "((2 * insured * {} + 100) // 200)"
_TEXTS = {"beyond_text": "beyond", "insured_text": "insured"}
for _rate in PARTIAL:
    _TEXTS[f"{_fund(_rate)}_text"] = _LINE_FUND.format(_rate)
    _TEXTS[f"copay_{_rate}_text"] = f"(insured - {_LINE_FUND.format(_rate)})"
LINE_TEXTS = "".join(f", {text(amount)} AS {name}" for name, amount in _TEXTS.items())
"""What stands beside the lines of LINES once they are held: their amounts as texts, at each rate in part. Many visits
borrow a line, and there are few rates."""


def _at_rate(text_of: str, whole: str, none: str) -> str:
    """The text of a line at the benefit of its visit."""
    partly = " ".join(f"WHEN {rate} THEN s.{text_of.format(rate)}" for rate in PARTIAL)
    return f"CASE v.benefit WHEN 100 THEN {whole} {partly} ELSE {none} END"


_OF_LINE = {
    "MUC_HUONG": "v.benefit::VARCHAR",
    "T_NGUONKHAC_VTTN": _BEYOND_OTHER.format("s.beyond_text"),
    "T_NGUONKHAC": _BEYOND_OTHER.format("s.beyond_text"),
    "T_BNTT": _BEYOND_OWN.format("s.beyond_text"),
    "T_BNCCT": _at_rate("copay_{}_text", "'0'", "s.insured_text"),
    "T_BHTT": _at_rate("fund_{}_text", 'coalesce(s."THANH_TIEN_BH", s.insured_text)', "'0'"),
}
_OF_VISIT = {
    "T_NGUONKHAC": _BEYOND_OTHER.format("v.beyond_text"),
    "T_BNTT": _BEYOND_OWN.format("v.beyond_text"),
    "T_BNCCT": "v.copay_text",
    "T_BHTT": "v.fund_text",
    # paid per head, not by service: then the stencil has nothing here, and so has whoever borrows it
    "T_BHTT_GDV": "CASE s.\"T_BHTT_GDV\" WHEN '0' THEN '0' ELSE v.fund_text END",
}
OF_TABLE: Mapping[str, Mapping[str, str]] = {"XML1": _OF_VISIT, "XML2": _OF_LINE, "XML3": _OF_LINE}
"""Table → field → SQL of its text, for `visits` (v) beside the stencils (s)."""

_SUM_TEXTS = {"beyond_text": "beyond", "insured_text": "insured"}
for _rate in PARTIAL:
    _SUM_TEXTS[f"{_fund(_rate)}_text"] = _fund(_rate)
    _SUM_TEXTS[f"copay_{_rate}_text"] = f"(insured - {_fund(_rate)})"
SUM_TEXTS = ", ".join(f"{text(amount)} AS {name}" for name, amount in _SUM_TEXTS.items())
"""What is held of SUMS beside what is insured: the amounts as texts, like those of LINES."""


def _of_benefit(text_of: str, whole: str, none: str) -> str:
    partly = " ".join(f"WHEN {rate} THEN {text_of.format(rate)}" for rate in PARTIAL)
    return f"CASE benefit {partly} WHEN 0 THEN {none} ELSE {whole} END"


SHARED_OUT = f"""
SELECT * EXCLUDE (insured, card_rate, small_sum, {", ".join(name for name in _SUM_TEXTS if name != "beyond_text")}),
    {_of_benefit("fund_{}_text", "insured_text", "'0'")} AS fund_text,
    {_of_benefit("copay_{}_text", "'0'", "insured_text")} AS copay_text
FROM (SELECT *, {BENEFIT} AS benefit FROM ({{visits}}) JOIN {SUMS} USING (stencil_no))"""
"""Visits with their benefit and the sums of their dossiers."""
