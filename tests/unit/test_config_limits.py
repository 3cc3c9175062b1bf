"""The page about limits says what the program holds."""

from __future__ import annotations

import re
from pathlib import Path

from bienho.config.limits import DEFAULT, MIB
from bienho.privacy.sealing import PAYLOAD_BYTES_MAX
from bienho.standards.xml130 import read_codes

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "limits.md").read_text(encoding="utf-8")
GIB = 1024 * MIB


def rows() -> list[tuple[str, str]]:
    """(value, code) of every limit on the page."""
    return re.findall(r"^\| [^|]+ \| ([^|]+) \| `((?:LIM|BUSY|IN)-[A-Z-]+)` \|$", PAGE, flags=re.MULTILINE)


def dots(count: int) -> str:
    return f"{count:,}".replace(",", ".")


def test_every_value_on_the_page_is_the_one_that_is_held() -> None:
    held = DEFAULT
    expected = {
        "LIM-DELIVERY-BYTES": [f"{held.delivery_bytes // MIB} MiB"],
        "LIM-HOSO": [dots(held.hoso_per_delivery)],
        "LIM-OUTER-TEXT": [f"{held.outer_text_bytes // MIB} MiB"],
        "LIM-DEPTH": [f"{held.depth} tầng"] * 2,
        "LIM-ZIP-MEMBERS": [dots(held.archive_members)],
        "LIM-ZIP-BYTES": [f"{held.archive_bytes // MIB} MiB"],
        "LIM-ZIP-RATIO": [f"{held.archive_ratio} lần"],
        "LIM-TIME": [f"{held.look_seconds:g} giây"],
        "LIM-SENDER": [
            f"{dots(held.sender_hour_deliveries)} lần gửi, {held.sender_hour_bytes // GIB} GiB",
            f"{dots(held.sender_day_deliveries)} lần gửi, {held.sender_day_bytes // GIB} GiB",
        ],
        "LIM-FILES": [str(held.files_per_hoso)],
        "LIM-SUBFILE-BYTES": [f"{held.subfile_bytes // MIB} MiB"],
        "LIM-ROWS": [dots(held.rows_per_subfile)],
        "LIM-ELEMENTS": [str(held.elements_per_row)],
        "BUSY-BACKLOG": [dots(held.waiting_deliveries), f"{held.waiting_bytes // GIB} GiB"],
        "IN-POISON": [f"{held.poison_attempts}, rồi cách ly tệp đó"],
        "LIM-TEXT": [f"{held.text_bytes // MIB} MiB"],
        "LIM-DOSSIER-BYTES": [f"{PAYLOAD_BYTES_MAX // MIB} MiB"],
    }
    found: dict[str, list[str]] = {}
    for value, code in rows():
        found.setdefault(code, []).append(value)
    assert {code: found.get(code) for code in expected} == expected
    assert f"{held.quarantine_days} ngày" in PAGE
    assert f"Tệp trên {held.signature_bytes // MIB} MiB" in PAGE
    assert f"{dots(held.signature_memory // MIB)} MiB bộ nhớ và {held.signature_seconds} giây" in PAGE


def test_every_limit_of_reading_is_on_the_page() -> None:
    codes = {code for _, code in rows()}
    assert {code for code in read_codes.UNREADABLE if code.startswith("LIM-")} <= codes
