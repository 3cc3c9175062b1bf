"""Text as it goes wrong: each change does to a name what the list of entry errors shows."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

import pytest

from bienho.synthetic.dirt import letters


@pytest.mark.parametrize(
    ("change", "clean", "dirty"),
    [
        (letters.without_marks, "Nguyễn Thị Hồng", "Nguyen Thi Hong"),
        (letters.without_marks, "Đặng Đức", "Dang Duc"),
        (letters.telex, "Nguyễn Văn", "Nguyeenx Vawn"),
        (letters.telex, "Lê Thị Bưởi", "Lee Thij Buwowir"),
        (letters.vni, "Lê Thị Bưởi", "Le6 Thi5 Bu7o7i3"),
        (letters.vni, "Đặng", "D9a8ng5"),
        (letters.font_text, "Nguyễn", "NguyÔn"),
        (letters.font_text, "Hà", "Hµ"),
        (letters.tone_moved, "Hòa", "Hoà"),
        (letters.tone_moved, "Lê Thúy", "Lê Thuý"),
        (letters.tone_moved, "Hoàng", "Hòang"),
        (letters.i_for_y, "Mỹ", "Mĩ"),
        (letters.i_for_y, "Lý Quý", "Lí Quí"),
        (letters.look_alike, "Ia Băng", "la Băng"),
        (letters.look_alike, "Al Bá", "AI Bá"),
        (letters.broken, "Xã Hoài Ân", "X\ufffd Ho\ufffdi \ufffdn"),
    ],
)
def test_a_change_is_that_of_the_list(change: Callable[[str], str], clean: str, dirty: str) -> None:
    assert change(clean) == dirty


@pytest.mark.parametrize(
    ("change", "kept"),
    [
        (letters.without_marks, "Nam"),
        (letters.tone_moved, "Nguyễn Quý Toàn Thắng Hoa"),
        (letters.i_for_y, "Nguyễn Huy Thủy"),
        (letters.look_alike, "Lan"),
        (letters.broken, "Nam"),
    ],
)
def test_what_cannot_go_wrong_is_left(change: Callable[[str], str], kept: str) -> None:
    kept = unicodedata.normalize("NFC", kept)
    assert change(kept) in (kept, kept.replace("Toàn", "Tòan"))
