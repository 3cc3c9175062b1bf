"""The province as communes: an SVG of links, walkable by keyboard, shaded in five steps, halves outlined.

Shapes come from the province profile (cells around commune points: not legal boundaries, and the map says so). No
tiles, no outside request. The same values stand in the table behind the map.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby, pairwise
from typing import Any, ClassVar

from bienho.config import load_profile
from bienho.portal.components.table import Table, workbook_url

WIDTH = 620
STEPS = 5
PIECE, ASIDE = 6.0, 1.5
Point = tuple[float, float]
Ring = Sequence[Point]
Box = tuple[float, float, float, float, Ring]


@dataclass(frozen=True, slots=True)
class Area:
    """One commune: `level` 0 (none) … 5; `label` is name and value in words."""

    code: str
    label: str
    level: int
    href: str
    path: str


@dataclass(frozen=True, slots=True)
class Map:
    """`legend` holds (level, text) pairs; `outlines` one path per half of the province with its name."""

    id: str
    title: str
    summary: str
    areas: Sequence[Area]
    legend: Sequence[tuple[int, str]]
    table: Table
    note: str
    csv_url: str = ""
    component: ClassVar[str] = "map"

    @property
    def xlsx_url(self) -> str:
        return workbook_url(self.csv_url)

    @property
    def view_box(self) -> str:
        return shapes(load_profile().id).view_box

    @property
    def outlines(self) -> Sequence[str]:
        return shapes(load_profile().id).outlines


@dataclass(frozen=True, slots=True)
class Shapes:
    paths: Mapping[str, str]
    outlines: Sequence[str]
    view_box: str


@lru_cache(maxsize=4)
def shapes(province: str) -> Shapes:
    """SVG paths of the communes and of the borders of the two halves, in an equirectangular projection."""
    features: list[dict[str, Any]] = list(load_profile(province).cells["features"])  # type: ignore[call-overload]
    rings = {f["properties"]["code"]: (f["properties"]["side"], _rings(f["geometry"])) for f in features}
    points = [p for _, parts in rings.values() for ring in parts for p in ring]
    west, east = min(p[0] for p in points), max(p[0] for p in points)
    south, north = min(p[1] for p in points), max(p[1] for p in points)
    shrink = math.cos(math.radians((south + north) / 2))
    scale = WIDTH / ((east - west) * shrink)

    def place(point: Point) -> Point:
        return round((point[0] - west) * shrink * scale + 3, 1), round((north - point[1]) * scale + 3, 1)

    placed = {code: (side, [[place(p) for p in ring] for ring in parts]) for code, (side, parts) in rings.items()}
    paths = {code: "".join(_path(ring) for ring in parts) for code, (_, parts) in placed.items()}
    sides = sorted({side for side, _ in placed.values()})
    outlines = [_outline([ring for s, parts in placed.values() if s == side for ring in parts]) for side in sides]
    height = round((north - south) * scale + 6)
    return Shapes(paths, outlines, f"0 0 {WIDTH + 6} {height}")


def _rings(geometry: Mapping[str, Any]) -> list[list[Point]]:
    coordinates = geometry["coordinates"]
    polygons = [coordinates] if geometry["type"] == "Polygon" else coordinates
    return [[(float(x), float(y)) for x, y in ring] for polygon in polygons for ring in polygon]


def _path(ring: Sequence[Point]) -> str:
    return "M" + "L".join(f"{x:g},{y:g}" for x, y in ring[:-1]) + "Z"


def _outline(rings: Sequence[Ring]) -> str:
    """The border of a half: pieces of edges with no cell of the same half on their other side.

    Neighbouring cells need not share corner points, so edges are cut into short pieces and each piece is tried.
    """
    boxed = [(min(x for x, _ in r), min(y for _, y in r), max(x for x, _ in r), max(y for _, y in r), r) for r in rings]
    pieces = []
    for ring in rings:
        for a, b in pairwise(ring):
            length = math.dist(a, b)
            if not length:
                continue
            count = max(1, round(length / PIECE))
            normal = ((b[1] - a[1]) / length * ASIDE, (a[0] - b[0]) / length * ASIDE)
            free = [_free(boxed, ring, a, b, (step + 0.5) / count, normal) for step in range(count)]
            for value, group in groupby(range(count), key=free.__getitem__):
                steps = list(group)
                if value:
                    pieces.append(_line(_along(a, b, steps[0] / count), _along(a, b, (steps[-1] + 1) / count)))
    return "".join(pieces)


def _free(boxed: Sequence[Box], own: Ring, a: Point, b: Point, share: float, normal: Point) -> bool:
    """Whether beyond this place of an edge there is no other cell."""
    x, y = _along(a, b, share)
    beyond = (x + normal[0], y + normal[1])
    if _inside(own, beyond):
        beyond = (x - normal[0], y - normal[1])
    near = (r for x0, y0, x1, y1, r in boxed if r is not own and x0 <= beyond[0] <= x1 and y0 <= beyond[1] <= y1)
    return not any(_inside(ring, beyond) for ring in near)


def _inside(ring: Ring, point: Point) -> bool:
    """Even-odd rule."""
    x, y = point
    found = False
    for (x1, y1), (x2, y2) in pairwise(ring):
        if (y1 > y) != (y2 > y) and x < (x2 - x1) * (y - y1) / (y2 - y1) + x1:
            found = not found
    return found


def _along(a: Point, b: Point, share: float) -> Point:
    return a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share


def _line(a: Point, b: Point) -> str:
    return f"M{a[0]:.1f},{a[1]:.1f}L{b[0]:.1f},{b[1]:.1f}"


def levels(values: Mapping[str, float]) -> tuple[dict[str, int], list[float]]:
    """Five steps by quantile of the values above zero; returns the level of each code and the upper bounds."""
    above = sorted(v for v in values.values() if v > 0)
    if not above:
        return dict.fromkeys(values, 0), []
    bounds = sorted(
        {above[min(len(above) - 1, math.ceil(len(above) * step / STEPS) - 1)] for step in range(1, STEPS + 1)}
    )
    found = {code: 0 if v <= 0 else 1 + sum(v > b for b in bounds[:-1]) for code, v in values.items()}
    return found, bounds
