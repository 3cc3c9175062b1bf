"""The data folder of one Bienho (`BIENHO_HOME`)."""

from __future__ import annotations

import json
import os
import re
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bienho.core.errors import ConfigError

Mode = Literal["demo", "production"]
Origin = Literal["raw", "twin"]
LAYOUT = 2
LAYOUTS = (1, 2)
"""Layout 1 has no sealed ring yet (`keys.py`); its first key rotation writes one."""
MARKER = "home.json"


def default_home() -> Path:
    """`BIENHO_HOME`, else ./var of the current folder."""
    return Path(os.environ.get("BIENHO_HOME", "var")).absolute()


def cores() -> int | None:
    """`BIENHO_CORES`: how many cores one lake may keep busy; None = all there are. ConfigError CFG-CORES."""
    given = os.environ.get("BIENHO_CORES", "")
    if not given:
        return None
    if not re.fullmatch(r"[1-9]\d{0,2}", given):
        raise ConfigError("CFG-CORES", "BIENHO_CORES phải là một số từ 1 đến 999.", who="người vận hành")
    return int(given)


def cores_allowed() -> int:
    """`cores`, or as many as this process may use."""
    return cores() or len(os.sched_getaffinity(0))


@dataclass(frozen=True, slots=True)
class Home:
    """An existing data folder. Commands other than `init` and `demo` only ever open one.

    `origin`: what its lake is made from; of a `twin` nothing was ever received, so it has no raw and takes none in.
    """

    path: Path
    home_id: str
    mode: Mode
    layout: int = LAYOUT
    origin: Origin = "raw"

    @classmethod
    def create(cls, path: Path, mode: Mode = "demo", origin: Origin = "raw") -> Home:
        """Make the folder with a new `home_id`; an existing home is returned as it is."""
        path = path.absolute()
        if (path / MARKER).exists():
            return cls.open(path)
        if path.exists() and any(path.iterdir()):
            raise ConfigError(
                "CFG-HOME-NOT-EMPTY",
                f"Thư mục {path} không trống và không phải thư mục dữ liệu của Biển Hồ.",
                hint="Chọn thư mục trống, hoặc đặt BIENHO_HOME sang nơi khác.",
            )
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        home = cls(path, secrets.token_hex(8), mode, origin=origin)
        for folder in (home.raw_dir, home.lake_dir, home.run_dir, home.log_dir):
            folder.mkdir(mode=0o700, exist_ok=True)
        marker = {"home_id": home.home_id, "mode": mode, "layout": LAYOUT}
        if origin != "raw":
            marker["origin"] = origin
        temporary = path / (MARKER + ".new")
        temporary.write_text(json.dumps(marker), encoding="utf-8")
        os.replace(temporary, path / MARKER)
        return home

    @classmethod
    def open(cls, path: Path | None = None) -> Home:
        """Open an existing home; ConfigError CFG-HOME-MISSING when there is none."""
        path = (path or default_home()).absolute()
        try:
            marker = json.loads((path / MARKER).read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise ConfigError(
                "CFG-HOME-MISSING",
                f"Không thấy thư mục dữ liệu tại {path}.",
                hint="Chạy `bienho init` (hoặc `bienho demo`), hay đặt BIENHO_HOME cho đúng.",
            ) from None
        if marker.get("layout") not in LAYOUTS:
            raise ConfigError(
                "CFG-HOME-LAYOUT",
                f"Thư mục dữ liệu theo bố cục {marker.get('layout')}, chương trình này dùng bố cục {LAYOUT}.",
                hint="Dùng đúng phiên bản chương trình đã tạo thư mục này.",
            )
        return cls(path, marker["home_id"], marker["mode"], marker["layout"], marker.get("origin", "raw"))

    def require_raw(self) -> None:
        """ConfigError CFG-HOME-NO-RAW where the lake does not come from raw: it cannot be made again, nor grow."""
        if self.origin != "raw":
            raise ConfigError(
                "CFG-HOME-NO-RAW",
                "Thư mục này chứa dữ liệu giả lập đưa thẳng vào kho, không có dữ liệu gốc: "
                "không nhận thêm, không dựng lại, không sao lưu được.",
                hint="Dùng một thư mục khác; muốn có lại dữ liệu này thì chạy `bienho synth --into` với cùng tham số.",
                who="người vận hành",
            )

    @property
    def raw_dir(self) -> Path:
        return self.path / "raw"

    @property
    def lake_dir(self) -> Path:
        return self.path / "lake"

    @property
    def run_dir(self) -> Path:
        return self.path / "run"

    @property
    def log_dir(self) -> Path:
        return self.path / "log"
