"""Cases by place and period as a file: CSV with the columns place, longitude, latitude, t, observed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bienho.core.errors import LimitError
from bienho.surveillance.panel import Floats, Integers
from bienho.surveillance.series import SENDER, fault, lines_of

COLUMNS = ("place", "longitude", "latitude", "t", "observed")
CELLS_MAX = 20_000_000
"""Places times periods of one file: 1,000 places on 50 years of days."""


@dataclass(frozen=True)
class PlacedCases:
    """`names` (P,), where they lie in degrees (P,), the periods (T,), the cases (P, T)."""

    names: tuple[str, ...]
    longitude: Floats
    latitude: Floats
    t: Integers
    cases: Integers


def read_places(path: Path) -> PlacedCases:
    """Rows that are absent are 0: a file of cases names only the places and periods that have some.

    Raises InputError IN-SERIES-FILE, IN-SERIES-COLUMNS, IN-SERIES-VALUE, IN-SERIES-EMPTY; LimitError LIM-SERIES.
    """
    where: dict[str, tuple[float, float]] = {}
    cases: dict[tuple[str, int], int] = {}
    for line, row in lines_of(path, COLUMNS):
        name, point, t, count = _row(path, line, row)
        if where.setdefault(name, point) != point:
            raise _bad(path, line, "longitude, latitude", "một toạ độ cho mỗi nơi")
        cases[name, t] = cases.get((name, t), 0) + count
    names = tuple(where)
    first, last = min(t for _, t in cases), max(t for _, t in cases)
    if len(names) * (last - first + 1) > CELLS_MAX:
        raise LimitError(
            "LIM-SERIES",
            f"Tệp {path.name} có {len(names)} nơi trong {last - first + 1} kỳ, nhiều hơn {CELLS_MAX} ô.",
            hint="Xem lại cột t, hoặc chỉ gửi những kỳ gần đây.",
            who=SENDER,
        )
    table = np.zeros((len(names), last - first + 1), dtype=np.int64)
    place = {name: index for index, name in enumerate(names)}
    for (name, t), count in cases.items():
        table[place[name], t - first] = count
    points = np.array([where[name] for name in names])
    return PlacedCases(names, points[:, 0], points[:, 1], np.arange(first, last + 1), table)


def _bad(path: Path, line: int, column: str, needs: str) -> Exception:
    return fault("IN-SERIES-VALUE", f"Tệp {path.name}, dòng {line}, cột {column}: không đọc được.", f"Cần {needs}.")


def _row(path: Path, line: int, row: dict[str, str | None]) -> tuple[str, tuple[float, float], int, int]:
    try:
        longitude, latitude = float(row["longitude"] or ""), float(row["latitude"] or "")
        t, count = int(row["t"] or ""), int(row["observed"] or "")
    except ValueError:
        raise _bad(path, line, "longitude, latitude, t, observed", "số; observed là số nguyên") from None
    if not (-180 <= longitude <= 180 and -90 <= latitude <= 90 and count >= 0):
        raise _bad(path, line, "longitude, latitude, observed", "độ thập phân và số ca từ 0")
    if not -10_000_000 < t < 10_000_000:
        raise _bad(path, line, "t", "số thứ tự của kỳ")
    return row["place"] or "", (longitude, latitude), t, count
