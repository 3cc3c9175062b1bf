"""Identifiers that travel through every room."""

from __future__ import annotations

import re

from bienho.core.errors import UsageError

HOSO_PER_DELIVERY_MAX = 999_999
_DELIVERY = re.compile(r"[Dd][0-9]{1,12}")


def delivery_id(seq: int) -> str:
    """D + the zero-padded receipt sequence, the name a sender is given."""
    return f"D{seq:012d}"


def delivery_seq(identifier: str) -> int:
    """The receipt sequence inside a delivery id; UsageError when the text is no delivery id."""
    if not _DELIVERY.fullmatch(identifier):
        raise UsageError("USE-DELIVERY", "Mã lần nhận phải có dạng D000000000001.", hint="bienho ingest in ra mã này")
    return int(identifier[1:])


def version_id(seq: int, hoso: int) -> int:
    """Version of a dossier = (receipt sequence, HOSO ordinal from 1) as one sortable integer."""
    if not 0 < hoso <= HOSO_PER_DELIVERY_MAX:
        raise ValueError(f"HOSO ordinal out of range: {hoso}")
    return seq * 1_000_000 + hoso


def split_version(version: int) -> tuple[int, int]:
    """(receipt sequence, HOSO ordinal) of a version id."""
    return divmod(version, 1_000_000)
