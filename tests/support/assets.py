"""The portal's static files, made once for all tests: joining and packing the chart library takes seconds."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bienho.config import Home


@contextmanager
def shared_assets(home: Home) -> Iterator[None]:
    """Around a portal's start: its home begins with the files an earlier portal made, or leaves its own to later ones.

    The portal compares their stamp as always, and makes them anew when a source has changed.
    """
    shared = Path(os.environ["BIENHO_TEST_CONFIG"], "portal")
    own = home.run_dir / "portal"
    if shared.is_dir():
        shutil.copytree(shared, own, dirs_exist_ok=True)
    yield
    if not shared.is_dir():
        mine = Path(tempfile.mkdtemp(dir=shared.parent))
        for name in ("assets", "static"):
            shutil.copytree(own / name, mine / name)
        with suppress(OSError):  # another process was first
            mine.rename(shared)
