"""What the house of today says of a text in a cell, worked out from the contracts' sizes, demands and types alone."""

from __future__ import annotations

import re
from datetime import datetime

from bienho.core.text import nfc
from bienho.standards.xml130.versions import contract_of, rank_of
from bienho.synthetic.dirt.model import CLEAN, FOUND

_LIST = ("date_list", "datetime_list", "decimal_list")


def told(table: str, field: str, version: str, text: str | None, *, discharge: str = "") -> tuple[str, str | None]:
    """(outcome, code of the reader or None); `discharge` is yyyymmdd… of leaving, on which some demands end."""
    known = contract_of(table).by_name[field]
    if text is None or not text.strip():
        over = known.required_until and discharge[:8] >= known.required_until.replace("-", "")
        demanded = (
            known.required
            and not over
            and rank_of(version) >= rank_of(known.required_from or known.introduced_in or "130")
        )
        return (FOUND, "IN-REQUIRED") if demanded else (CLEAN, None)
    if known.max_length is not None and len(nfc(text.strip())) > known.max_length:
        return FOUND, "IN-LENGTH"
    if known.in_vault:
        return CLEAN, None
    if known.shape in ("number", "code") and not text.isascii() and not re.fullmatch(r"[A-ZĐ0-9]{1,6}", text):
        return FOUND, "IN-SHAPE-VAULTED"
    if known.shape == "number" and re.search(r"[A-Za-z]", text):
        return FOUND, "IN-SHAPE-VAULTED"
    kind = known.received_type
    if kind is None:
        return CLEAN, None
    parts = [part for part in text.split(";") if part.strip()] if kind in _LIST else [text]
    return (CLEAN, None) if all(_reads(kind.removesuffix("_list"), part.strip()) for part in parts) else (FOUND, None)


def _reads(kind: str, text: str) -> bool:
    if kind == "integer":
        return re.fullmatch(r"[+-]?\d{1,18}", text, re.ASCII) is not None
    if kind.startswith("decimal"):
        return re.fullmatch(r"[+-]?\d{1,16}(\.\d{1,12})?", text, re.ASCII) is not None
    if kind == "partial_datetime":
        text = re.sub(r"^(\d{4})0000", r"\g<1>0101", text)
        text = re.sub(r"^(\d{6})00", r"\g<1>01", text)
    wanted = {"date": (8,), "datetime": (12,), "date_or_datetime": (8, 12)}.get(kind, (12,))
    if not text.isdigit() or len(text) not in wanted or not "1800" <= text[:4] < "2200":
        return False
    try:
        datetime.strptime(text, "%Y%m%d%H%M" if len(text) == 12 else "%Y%m%d")
    except ValueError:
        return False
    return True
