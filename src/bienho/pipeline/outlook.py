"""The next three months of a disease by half or group of communes, and of the province, asked of the gate; with what
the forecast is worth."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from bienho.config import load_profile
from bienho.core.errors import InputError, UsageError
from bienho.pipeline.app import App
from bienho.pipeline.ask import caller
from bienho.pipeline.legal import SURE, Asker
from bienho.surveillance import forecast, legal
from bienho.surveillance.forecast.evaluate import limits
from bienho.surveillance.forecast.monthly import Monthly, monthly, read_temperature

DISEASES = ("dengue", "hfmd")
"""Diseases that are forecast."""
Place = Literal["side", "group"]
PLACES: dict[Place, str] = {"side": "side", "group": "commune_canonical"}
"""What is forecast beside the province, by the column it is counted from."""
MODELS = {"ensemble": forecast.MEMBERS, "plain": ("plain",)}


@dataclass(frozen=True, slots=True)
class Outlook:
    """`rows`: one per place and month ahead; none where the forecast has no skill.

    `model`: what is served (`ensemble`, `plain`, '' for nothing); `wis`: mean score by model over the tried origins.
    """

    disease: str
    first: date
    months: int
    model: str
    wis: dict[str, list[float]]
    within80: float
    origins: int
    rows: list[dict[str, Any]]


def outlook(
    app: App, purpose: str, disease: str, as_of: date, climate: bytes | None = None, place: Place = "side"
) -> Outlook:
    """What is to be expected of `disease` (one of DISEASES) in the month of `as_of` and the two after it.

    `climate`: a file of `monthly.TEMPERATURE`. `place`: halves, or the groups of communes of the profile; the province
    is then the sum of the groups, without cases whose commune is not known. InputError IN-FORECAST-HISTORY for fewer
    than 51 months.
    """
    if disease not in DISEASES:
        raise UsageError("USE-FORECAST", f"Chưa có dự báo cho “{disease}”.", hint=f"Các bệnh: {', '.join(DISEASES)}")
    told = _history(app, purpose, disease, as_of, place)
    heat = None if climate is None else read_temperature(climate, told, _sides(place))
    try:
        scored = {
            name: forecast.evaluate(told.counts, told.first.month, members, heat)
            for name, members in {**MODELS, "seasonal": ("seasonal",)}.items()
        }
    except ValueError as error:
        raise InputError(
            "IN-FORECAST-HISTORY",
            f"Mới có {told.counts.shape[1]} tháng liền có số ca; dự báo cần ít nhất 51 tháng.",
            hint="Nhập số ca những năm trước: bienho codes import case-history.",
            who="trung tâm kiểm soát bệnh tật",
        ) from error
    model = forecast.which_is_served(scored["ensemble"], scored["plain"], scored["seasonal"])
    rows = []
    if model:
        found = forecast.predict(told.counts, told.first.month, heat, MODELS[model])
        quantiles, limit = found.quantiles(), limits(told.counts)
        above = found.exceeds(limit)
        for line, name in enumerate(told.places):
            for step, month in enumerate(told.ahead()):
                known = limit[line, step] == limit[line, step]
                rows.append(
                    {
                        "place": name, "month": month, "ahead": step + 1,
                        **{f"q{level:g}": round(float(value), 1)
                           for level, value in zip(forecast.LEVELS, quantiles[line, step], strict=True)},
                        "limit": round(float(limit[line, step]), 1) if known else None,
                        "above": round(float(above[line, step]), 3) if known else None,
                    }
                )  # fmt: skip
    return Outlook(
        disease, told.first, told.counts.shape[1], model,
        {name: [round(float(value), 2) for value in one.wis.mean(axis=0)] for name, one in scored.items()},
        round(scored[model or "ensemble"].within80, 3), scored["ensemble"].origins, rows,
    )  # fmt: skip


def _sides(place: Place) -> dict[str, str]:
    """Place that is forecast → the half whose weather it has."""
    profile = load_profile()
    if place == "side":
        return {side.id: side.id for side in profile.sides}
    return {commune.group: commune.side for commune in sorted(profile.communes, key=lambda one: one.group)}


def _history(app: App, purpose: str, disease: str, as_of: date, place: Place) -> Monthly:
    profile, column = load_profile(), PLACES[place]
    with app.reading() as gate:
        ask = Asker(gate, caller(app), purpose)
        older = ask.listed("reference.case_history", ("disease", "commune", "unit", "year", "number", "cases"), as_of)
        counted = ask.counted("seen_date", as_of, SURE["probable"], "month", [column, "disease"])
    since = legal.run_begins(row["start"] for row in counted)
    of_commune = {commune.code: getattr(commune, place) for commune in profile.communes}
    known = {side.id: side.id for side in profile.sides} if place == "side" else of_commune
    rebuilt = legal.rebuilt([r for r in older if r["unit"] == "month"], profile.canonical_commune)
    return monthly(
        list(_sides(place)),
        [{**row, "side": known.get(row[column])} for row in counted if row["disease"] == disease],
        [{**row, "side": of_commune.get(row["commune"])} for row in rebuilt if row["disease"] == disease],
        since,
        as_of,
    )
