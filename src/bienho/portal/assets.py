"""The portal's static files: one style sheet joined from the components, one small script, the chart library.

They are written once per version into the home's run folder, then compressed and named by their hash (WhiteNoise).
"""

from __future__ import annotations

import hashlib
import re
from importlib.metadata import version
from pathlib import Path

import vl_convert

HERE = Path(__file__).parent
STAMP = "stamp"
CHART_SNIPPET = "window.bienhoDraw = vegaEmbed;"
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)


def style_sheet() -> str:
    """Tokens first, then layout, then every component by name; comments and indents left out."""
    first = [HERE / "static" / "tokens.css", HERE / "components" / "layout" / "layout.css"]
    rest = [path for path in sorted((HERE / "components").glob("*/*.css")) if path not in first]
    text = "\n".join(path.read_text(encoding="utf-8") for path in [*first, *rest])
    return "\n".join(line.strip() for line in COMMENT.sub("", text).splitlines() if line.strip()) + "\n"


def build_assets(folder: Path) -> bool:
    """Write the files into `folder`; False when they are there already in this version."""
    style = style_sheet()
    plain = {path.name: path.read_bytes() for path in sorted((HERE / "static").iterdir()) if path.suffix != ".css"}
    versions = f"{version('vl-convert-python')} {CHART_SNIPPET}"
    digest = hashlib.sha256(style.encode() + b"".join(plain.values()) + versions.encode()).hexdigest()
    stamp = folder / STAMP
    if stamp.exists() and stamp.read_text(encoding="ascii") == digest:
        return False
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "bienho.css").write_text(style, encoding="utf-8")
    (folder / "vega.js").write_text(vl_convert.javascript_bundle(CHART_SNIPPET), encoding="utf-8")
    for name, content in plain.items():
        (folder / name).write_bytes(content)
    stamp.write_text(digest, encoding="ascii")
    return True
