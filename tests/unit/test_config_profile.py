"""The province profile: complete, consistent with itself, and codes read by (code, date)."""

from __future__ import annotations

import shutil
from collections import Counter
from datetime import date
from itertools import pairwise
from pathlib import Path

import pytest

from bienho.config import load_profile
from bienho.config.profile import PROFILES, read_profile
from bienho.core.errors import ConfigError

BEFORE, AFTER = date(2025, 6, 30), date(2025, 7, 1)


def test_the_profile_holds_the_whole_province() -> None:
    profile = load_profile("gialai")
    assert len(profile.communes) == 135
    assert sum(c.type == "phường" for c in profile.communes) == 25
    assert Counter(c.side for c in profile.communes) == {"east": 58, "west": 77}
    assert len({m.old_code for m in profile.commune_mapping}) == 373
    assert sum(c.population for c in profile.communes) == 3_583_691
    assert profile.facility_by_code["52001"].code_status == "provisional"


@pytest.mark.parametrize(
    ("code", "day", "meant"),
    [
        ("21583", AFTER, "21583"),
        ("21550", BEFORE, "21601"),
        ("21550", AFTER, "21601"),
        ("21559", BEFORE, "21553"),
        ("21997", BEFORE, "21997"),
        ("21634", BEFORE, "21622"),
        ("22000", BEFORE, "21994"),
        ("00001", AFTER, None),
        ("", BEFORE, None),
    ],
)
def test_a_commune_code_is_read_by_its_date(code: str, day: date, meant: str | None) -> None:
    assert load_profile("gialai").canonical_commune(code, day) == meant


def test_exactly_three_communes_were_divided() -> None:
    profile = load_profile("gialai")
    divided = {m.old_code for m in profile.commune_mapping if profile.is_divided(m.old_code)}
    assert divided == {"21634", "21997", "22000"}


def test_every_commune_has_one_cell_around_its_own_point() -> None:
    profile = load_profile("gialai")
    features = profile.cells["features"]
    assert isinstance(features, list)
    rings = {f["properties"]["code"]: f["geometry"]["coordinates"][0] for f in features}
    assert rings.keys() == profile.commune_by_code.keys()
    for code, ring in rings.items():
        here = profile.commune_by_code[code]
        assert ring[0] == ring[-1]
        # Clockwise and convex: the point lies to the right of every edge, and so do all corners' turns.
        for (x1, y1), (x2, y2) in pairwise(ring):
            assert (x2 - x1) * (here.lat - y1) - (y2 - y1) * (here.lon - x1) < 0, code
    size = (profile.folder / "commune_cells.geojson").stat().st_size
    assert size < 150_000


def test_an_unknown_profile_is_named_with_those_that_exist() -> None:
    with pytest.raises(ConfigError) as caught:
        load_profile("atlantis")
    assert caught.value.code == "CFG-PROFILE"
    assert "gialai" in caught.value.hint


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        ("communes.csv", "21583,", "21553,", "mã xã bị lặp"),
        ("communes.csv", "129326", "nhiều", "communes.csv, dòng 3"),
        ("commune_mapping.csv", ",21628,2025-07-01,2,0", ",21628,2025-07-01,2,1", "21634"),
        ("commune_mapping.csv", ",21601,", ",99999,", "99999"),
        ("facilities.csv", "52002,", "52001,", "mã cơ sở bị lặp"),
        ("facilities.csv", "52001,provisional", "52001,maybe", "facilities.csv, dòng 2"),
    ],
)
def test_a_profile_that_contradicts_itself_is_refused(tmp_path: Path, file: str, old: str, new: str, told: str) -> None:
    folder = tmp_path / "gialai"
    shutil.copytree(PROFILES / "gialai", folder)
    path = folder / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        read_profile(folder)
    assert caught.value.code == "CFG-PROFILE-DATA"
    assert told in caught.value.message
