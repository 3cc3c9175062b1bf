"""A chart drawn on the server: Vega-Lite spec → SVG, in two widths, with its table behind it and downloads.

The SVG carries theme colours as attributes; `chart.css` maps them to the page's colours, so dark mode and print need
no second drawing. Drawing is cached by the text of the spec.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import vl_convert

from bienho.portal.components.table import Table, workbook_url
from bienho.portal.language import current_language

PALETTE = ("#0f6b7a", "#d9822b", "#6a51a3", "#7fb3d5", "#5f8f3e", "#a6761d", "#6b7680")
ACT = "#b3261e"
INK, SOFT, LINE = "#16242b", "#4a5b63", "#d9e0de"
WIDE, NARROW = 720, 330
VEGA_LITE = "6.4"
FORMATS = {
    "vi": {"decimal": ",", "thousands": ".", "grouping": [3], "currency": ["", " đ"]},
    "en": {"decimal": ".", "thousands": ",", "grouping": [3], "currency": ["", " VND"]},
}
THEME: dict[str, Any] = {
    "background": None,
    "font": "sans-serif",
    "view": {"stroke": None},
    "range": {"category": list(PALETTE)},
    "bar": {"fill": PALETTE[0], "cornerRadiusEnd": 2},
    "line": {"stroke": PALETTE[0], "strokeWidth": 2.5},
    "point": {"fill": PALETTE[0], "filled": True, "size": 40},
    "axis": {
        "labelColor": SOFT,
        "titleColor": SOFT,
        "domainColor": LINE,
        "tickColor": LINE,
        "gridColor": LINE,
        "labelFontSize": 13,
        "titleFontSize": 13,
        "titleFontWeight": "normal",
        "labelPadding": 6,
    },
    "axisX": {"grid": False},
    "axisY": {"domain": False, "ticks": False},
    "legend": {"labelColor": SOFT, "titleColor": SOFT, "labelFontSize": 13, "titleFontSize": 13, "orient": "top"},
}
_ARIA = re.compile(r' (?:role|aria-[a-z]+)="[^"]*"')


@dataclass(frozen=True, slots=True)
class Chart:
    """`title` says what the chart shows; `summary` says it in words; `spec` has data and encodings but no width."""

    id: str
    title: str
    summary: str
    spec: Mapping[str, Any]
    table: Table
    height: int = 220
    svg_url: str = ""
    csv_url: str = ""
    component: ClassVar[str] = "chart"

    def full_spec(self, width: int | str = WIDE) -> dict[str, Any]:
        """The spec with theme and size; `container` as width is for the browser."""
        return {"width": width, "height": self.height, "config": THEME, **self.spec}

    @property
    def xlsx_url(self) -> str:
        return workbook_url(self.csv_url)

    @property
    def wide(self) -> str:
        return draw(self._text(WIDE), current_language())

    @property
    def narrow(self) -> str:
        return draw(self._text(NARROW), current_language())

    @property
    def data_id(self) -> str:
        return f"{self.id}-data"

    @property
    def interactive_spec(self) -> dict[str, Any]:
        """What the browser needs to draw the same chart with tooltips."""
        return {"spec": self.full_spec("container"), "format": FORMATS[current_language()]}

    def _text(self, width: int) -> str:
        return json.dumps(self.full_spec(width), ensure_ascii=False, sort_keys=True)


def warm_up() -> None:
    """Draw something once: the drawing engine needs most of a second for its first picture."""
    vl_convert.vegalite_to_svg('{"data": {"values": [{}]}, "mark": "point"}', vl_version=VEGA_LITE)


@lru_cache(maxsize=256)
def draw(spec: str, language: str) -> str:
    """SVG text of a spec. Roles and labels inside are dropped: the figure around it carries the words."""
    svg: str = vl_convert.vegalite_to_svg(spec, vl_version=VEGA_LITE, format_locale=FORMATS[language])
    return _ARIA.sub("", svg).replace("<svg ", '<svg aria-hidden="true" focusable="false" ', 1)
