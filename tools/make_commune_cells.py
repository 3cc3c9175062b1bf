"""Make the map cells of a province profile from its commune points.

Each cell is the part of the plane nearer to its commune's point than to any other (Voronoi), cut by a disc around the
point whose radius follows the commune's area, so that the outline of all cells looks like the province and no cell runs
into the sea or a neighbour country. The result is a drawing aid, not a legal boundary. Rings run clockwise, as the
drawing library (d3) wants them; RFC 7946 would have them the other way round.

    python tools/make_commune_cells.py src/bienho/config/profiles/gialai
"""

from __future__ import annotations

import csv
import json
import math
import sys
from pathlib import Path

Point = tuple[float, float]
KM_PER_DEGREE = 111.32
DISC_CORNERS = 28
RADIUS_PER_AREA = 1.32  # the disc is a little wider than a disc of the commune's own area, so that neighbours meet
NEAREST = 6
NEAR_SHARE = 0.78  # the disc also reaches this share of the mean distance to the nearest points …
REACH_MAX = 2.6  # … but never this many radii of its own area, so that an island stays an island
DECIMALS = 4


def clip(polygon: list[Point], middle: Point, normal: Point) -> list[Point]:
    """The part of a convex polygon on the side of `middle` that `normal` points away from."""

    def depth(p: Point) -> float:
        return (p[0] - middle[0]) * normal[0] + (p[1] - middle[1]) * normal[1]

    kept: list[Point] = []
    for index, here in enumerate(polygon):
        there = polygon[(index + 1) % len(polygon)]
        a, b = depth(here), depth(there)
        if a <= 0:
            kept.append(here)
        if (a < 0 < b) or (b < 0 < a):
            share = a / (a - b)
            kept.append((here[0] + share * (there[0] - here[0]), here[1] + share * (there[1] - here[1])))
    return kept


def cell(index: int, points: list[Point], radius: float) -> list[Point]:
    """Corners (km) of the cell of one point: a regular polygon clipped by the bisector to every other point."""
    x, y = points[index]
    steps = range(DISC_CORNERS)
    polygon = [
        (x + radius * math.cos(2 * math.pi * i / DISC_CORNERS), y + radius * math.sin(2 * math.pi * i / DISC_CORNERS))
        for i in steps
    ]
    for other, (ox, oy) in enumerate(points):
        if other != index and math.hypot(ox - x, oy - y) < 2 * radius:
            polygon = clip(polygon, ((x + ox) / 2, (y + oy) / 2), (ox - x, oy - y))
    return polygon


def main(folder: Path) -> None:
    with (folder / "communes.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    latitude = sum(float(r["lat"]) for r in rows) / len(rows)
    east = KM_PER_DEGREE * math.cos(math.radians(latitude))
    points = [(float(r["lon"]) * east, float(r["lat"]) * KM_PER_DEGREE) for r in rows]
    features = []
    for index, row in enumerate(rows):
        near = sorted(math.dist(points[index], p) for i, p in enumerate(points) if i != index)[:NEAREST]
        own = math.sqrt(float(row["area_km2"]) / math.pi)
        radius = max(RADIUS_PER_AREA * own, min(REACH_MAX * own, NEAR_SHARE * sum(near) / NEAREST))
        ring = [[round(x / east, DECIMALS), round(y / KM_PER_DEGREE, DECIMALS)] for x, y in cell(index, points, radius)]
        ring = [corner for i, corner in enumerate(ring) if corner != ring[i - 1]][::-1]
        features.append(
            {
                "type": "Feature",
                "properties": {"code": row["code"], "name": row["name"], "side": row["side"]},
                "geometry": {"type": "Polygon", "coordinates": [[*ring, ring[0]]]},
            }
        )
    text = ",\n".join(json.dumps(f, ensure_ascii=False, separators=(",", ":")) for f in features)
    target = folder / "commune_cells.geojson"
    target.write_text('{"type":"FeatureCollection","features":[\n' + text + "\n]}\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
