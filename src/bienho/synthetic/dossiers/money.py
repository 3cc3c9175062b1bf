"""Amounts of a dossier in whole numbers: prices and quantities in thousandths, amounts in hundredths of a đồng.

Formulas are those of decision 4750/QĐ-BYT: amounts half-up to 2 decimals per line, totals the sums of lines, and the
other sources taken from the patient's own share first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple


def half_up(numerator: int, denominator: int) -> int:
    """Nearest whole of a non-negative quotient, halves upwards."""
    return (2 * numerator + denominator) // (2 * denominator)


@lru_cache(maxsize=65_536)
def amount_text(hundredths: int) -> str:
    """`12500` or `12500.5`: hundredths of a đồng as the files carry them."""
    whole, part = divmod(hundredths, 100)
    return f"{whole}.{part:02d}".rstrip("0") if part else str(whole)


@lru_cache(maxsize=16_384)
def milli_text(thousandths: int) -> str:
    """`2` or `0.5`: a price or quantity with at most 3 decimals."""
    whole, part = divmod(thousandths, 1000)
    return f"{whole}.{part:03d}".rstrip("0") if part else str(whole)


class Share(NamedTuple):
    """Who pays one line, in hundredths of a đồng."""

    hospital: int
    insured: int
    own: int
    copay: int
    fund: int
    other: int


_NOTHING = Share(0, 0, 0, 0, 0, 0)


def split(
    quantity: int, price: int, insured_price: int, service_rate: int, insured_rate: int, level: int, *, sponsored: bool
) -> Share:
    """Shares of one line.

    quantity, price, insured_price in thousandths; service_rate (TYLE_TT_DV), insured_rate (TYLE_TT_BH) and level
    (MUC_HUONG) in percent. A sponsor pays what lies outside the fund.
    """
    hospital = half_up(quantity * price * service_rate, 1_000_000)
    insured = insured_part(quantity, insured_price, service_rate, insured_rate)
    fund = half_up(insured * level, 100)
    own = hospital - insured
    other = own if sponsored else 0
    return Share(hospital, insured, own - other, insured - fund, fund, other)


@lru_cache(maxsize=8192)
def insured_part(quantity: int, insured_price: int, service_rate: int, insured_rate: int) -> int:
    """THANH_TIEN_BH of one line, in the units of `split`: it does not depend on the level."""
    return half_up(quantity * insured_price * service_rate * insured_rate, 100_000_000)


@dataclass(slots=True)
class Totals:
    """Sums over the lines of XML2 and XML3."""

    drugs: int = 0
    supplies: int = 0
    hospital: int = 0
    insured: int = 0
    own: int = 0
    copay: int = 0
    fund: int = 0
    other: int = 0
    fund_by_service: int = 0

    @classmethod
    def of(
        cls, drugs: Sequence[Share], services: Sequence[Share], supplies: Sequence[Share], *, by_service: bool
    ) -> Totals:
        """Of lines; the supplies are among the services."""
        drugged, supplied = (sum(share.hospital for share in shares) for shares in (drugs, supplies))
        whole = Share(*map(sum, zip(_NOTHING, *drugs, *services, strict=True)))
        return cls(drugged, supplied, *whole, whole.fund if by_service else 0)
