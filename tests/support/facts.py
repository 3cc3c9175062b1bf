"""Where the facts folder lies that tests marked `shared` compare with."""

from __future__ import annotations

import os
from pathlib import Path

SHARED = Path(os.environ.get("BIENHO_SHARED", Path(__file__).resolve().parents[3] / "shared"))
