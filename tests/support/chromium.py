"""How tests start Chromium: without what only a person in front of it would need."""

from __future__ import annotations

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-software-rasterizer",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # a page lives for a second or two: what runs on it is compiled once and plainly
    "--js-flags=--no-opt --no-maglev --always-sparkplug",
]
