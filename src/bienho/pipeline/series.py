"""Series of cases asked of the gate, in the form that detectors and other programs read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from bienho.config import load_profile
from bienho.core.errors import InputError
from bienho.pipeline.app import App
from bienho.pipeline.ask import caller
from bienho.pipeline.legal import BASES, SURE, Asker
from bienho.surveillance import legal
from bienho.surveillance.cases.series import Period, Row, plain

AGES = ("0", "1-4", "5-9", "10-14", "15-24", "25-44", "45-64", "65+")
STRATA = {"age_group": AGES, "sex": ("female", "male")}
"""What series may be parted by, and its values."""
PLACES = {"province": None, "side": "side", "commune": "commune_canonical"}


def case_series(
    app: App,
    purpose: str,
    disease: str,
    as_of: date,
    *,
    place: str = "province",
    period: Period = "week",
    by: str = "",
    basis: str = "seen",
    sure: str = "probable",
    since: date | None = None,
) -> list[Row]:
    """Cases of a disease by place (a key of PLACES) and, with `by`, by a key of STRATA; named `place` or `place|value`.

    Without `since` from when the warehouse counts on. InputError IN-CASES-SHORT where that is not known yet.
    """
    day, column = BASES[basis], PLACES[place]
    with app.reading() as gate:
        ask = Asker(gate, caller(app), purpose)
        groups = [name for name in (column, by or None) if name]
        counted = ask.counted(day, as_of, SURE[sure], period, groups, disease)
        months = counted if since else ask.counted(day, as_of, SURE[sure], "month", [])
    start = since or legal.run_begins(row["start"] for row in months)
    if start is None:
        raise InputError(
            "IN-CASES-SHORT",
            "Kho chưa có hai tháng liền có ca nên chưa biết đếm đủ từ ngày nào.",
            hint="Thêm --since NGÀY.",
        )
    rows = [{**row, "series": "|".join(_name(row, name) for name in groups) or place} for row in counted]
    return plain(_names(place, by), period, start, as_of, rows)


def _name(row: Mapping[str, Any], column: str) -> str:
    return row[column] or "?"


def _names(place: str, by: str) -> Sequence[str]:
    profile = load_profile()
    places = {
        "province": [place],
        "side": [side.id for side in profile.sides],
        "commune": sorted(commune.code for commune in profile.communes),
    }[place]
    if not by:
        return places
    return [value if place == "province" else f"{name}|{value}" for name in places for value in STRATA[by]]
