"""Published monthly series of the two old provinces and temperatures of their stations, laid out in a folder."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import numpy as np

from bienho.core.errors import InputError
from bienho.surveillance.forecast.model import Reals

SERIES = "data/gdpm_gialai_binhdinh_1980_2017_monthly.csv"
STATIONS = "data/imhen_climate_stations_gialai_binhdinh_neighbours_1961_2017_monthly.csv"
HALVES = {"east": ("Binh Dinh", "Quy Nhon"), "west": ("Gia Lai", "Pleiku")}
"""Half → old province of the series, station."""
BEGIN = {"dengue": 1995, "hfmd": 2011}
"""First year without an empty month."""
END = 2017


def read(folder: Path, disease: str) -> tuple[date, Reals, Reals]:
    """(first month, cases, temperature in °C), both (halves, months). InputError IN-FORECAST-FILES when not there."""
    begin = BEGIN[disease]
    cases = np.zeros((len(HALVES), (END - begin + 1) * 12))
    heat = np.full_like(cases, np.nan)
    provinces = {province: place for place, (province, _) in enumerate(HALVES.values())}
    stations = {station: place for place, (_, station) in enumerate(HALVES.values())}
    for row in _rows(folder / SERIES, ("disease", "province", "year", "month", "cases")):
        step = _step(row, begin)
        if row["disease"] == disease and row["province"] in provinces and 0 <= step < cases.shape[1]:
            cases[provinces[row["province"]], step] = float(row["cases"] or 0)
    for row in _rows(folder / STATIONS, ("station", "year", "month", "Ta")):
        step = _step(row, begin)
        if row["station"] in stations and 0 <= step < heat.shape[1] and row["Ta"] not in ("", "NA"):
            heat[stations[row["station"]], step] = float(row["Ta"])
    return date(begin, 1, 1), cases, heat


def _step(row: dict[str, str], begin: int) -> int:
    return (int(row["year"]) - begin) * 12 + int(row["month"]) - 1


def _rows(path: Path, needed: tuple[str, ...]) -> Iterator[dict[str, str]]:
    if not path.is_file():
        raise InputError(
            "IN-FORECAST-FILES", f"Không thấy tệp {path.name}.", hint=f"Thư mục phải có {SERIES} và {STATIONS}."
        )
    with path.open(encoding="utf-8", newline="") as file:
        lines = csv.DictReader(file)
        if missing := [name for name in needed if name not in (lines.fieldnames or ())]:
            raise InputError("IN-FORECAST-FILES", f"Tệp {path.name} thiếu cột {', '.join(missing)}.")
        yield from lines
