"""The province as communes: an SVG of links, walkable by keyboard, shaded in five steps, halves outlined.

Shapes come from the province profile (cells around commune points: not legal boundaries, and the map says so). No
tiles, no outside request. The same values stand in the table behind the map.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any, ClassVar

from bienho.config import load_profile
from bienho.portal.components.table import Table

WIDTH = 620
STEPS = 5
Point = tuple[float, float]


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


def _outline(rings: Sequence[Sequence[Point]]) -> str:
    """Edges that belong to one cell only: what is left after neighbours cancel each other."""
    edges: dict[tuple[Point, Point], tuple[Point, Point]] = {}
    for ring in rings:
        for a, b in pairwise(ring):
            key = (min(a, b), max(a, b))
            edges.pop(key, None)
    return "".join(f"M{a[0]:g},{a[1]:g}L{b[0]:g},{b[1]:g}" for a, b in edges.values())


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
