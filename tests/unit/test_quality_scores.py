"""The formula of the scores as a file, and what it makes of single cases."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from importlib import resources
from pathlib import Path
from typing import Any

import orjson
import pytest

from bienho.config import KeyRing
from bienho.core.errors import InputError
from bienho.core.holidays import calendar, holidays
from bienho.pipeline.score_freeze import COLUMNS, genuine, sealed, told, unwrap
from bienho.quality.scores import DIMENSIONS, TOTAL, read_formula, standing
from support.score_worlds import AS_OF, World, add_delivery, add_dossier, add_finding, empty, scored

PACKAGE = Path(__file__).parents[2] / "src" / "bienho"
FOLDER = resources.files("bienho.quality.scores")
TEXT = (FOLDER / "formula.yaml").read_text("utf-8")
MONDAY = date(2026, 10, 12)


def score(world: World, dimension: str, week: date = MONDAY, as_of: date = AS_OF) -> Decimal | None:
    rows = scored(world, standing(), as_of)["result"]
    found = [row["score"] for row in rows if (row["dimension"], row["week_start"]) == (dimension, week)]
    return found[0] if found else None


# ── the file ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_code_of_the_formula_is_one_that_is_found_and_explained() -> None:
    own = (FOLDER / "README.md").read_text("utf-8")
    pages = " ".join(path.read_text("utf-8") for path in PACKAGE.rglob("README.md"))
    sql = " ".join(path.read_text("utf-8") for path in (PACKAGE / "quality" / "scores").glob("*.sql"))
    formula = standing()
    codes = (
        {one.code for one in formula.faults if one.code} | {one.code for one in formula.late} | {formula.volume.code}
    )
    for code in codes:
        # RULE- codes are those of the rule list, whose findings have no other mark
        assert f"`{code}`" in pages or code == "IN-DUPLICATE" or code.startswith("RULE-"), code
    made = set(re.findall(r"'(SCORE-[A-Z-]+)'", sql)) | {one.code for one in formula.late} | {formula.volume.code}
    assert made == set(re.findall(r"^\| `(SCORE-[A-Z-]+)` \|", own, flags=re.M))
    assert made <= codes
    dimensions = {one.code: one.dimension for one in formula.faults}
    for code, dimension in re.findall(r"^\| `(SCORE-[A-Z-]+)` \| (\w+) \|", own, flags=re.M):
        assert dimensions.get(code, dimension) == dimension


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("weight: 30", "weight: 31"),
        ("dung: {weight: 30", "dung: {weight: 30.5"),
        ("dung: {weight: 30", "dungg: {weight: 30"),
        ("otherwise: dung", "otherwise: khac"),
        ("error: 1000", "error: 1001"),
        ("error: 1000", "error: true"),
        ("closed_after_days: 14", "closed_after: 14"),
        ("peers_least: 5", "peers_least: 4"),
        ("- {code: RULE-TABLE, dimension: du}", "- {code: IN-REQUIRED, dimension: du}"),
        ("- {code: RULE-TABLE, dimension: du}", "- {code: A, rule: 1, dimension: du}"),
        ("after_working_days: 7", "after_working_days: 1"),
        ("in_force_from: 2026-12-01", "in_force_from: sớm"),
        ("id: diem-sau-chieu", "id: [\n"),
        ("faults:", "faults: 3\nother:"),
    ],
)
def test_a_formula_that_cannot_be_used_is_refused(before: str, after: str) -> None:
    assert before in TEXT
    with pytest.raises(InputError) as refused:
        read_formula(TEXT.replace(before, after, 1))
    assert refused.value.code == "IN-FORMULA"


def test_the_formula_is_read_as_written() -> None:
    formula = read_formula(TEXT)
    assert formula == standing()
    assert tuple(one.id for one in formula.dimensions) == DIMENSIONS
    assert (formula.name, formula.first_week(AS_OF)) == ("diem-sau-chieu/1", date(2025, 11, 17))


def test_working_days_leave_out_weekends_and_tet() -> None:
    days = {day: worked for day, _, worked in calendar(date(2026, 2, 13), date(2026, 2, 24))}
    assert days[date(2026, 2, 23)] - days[date(2026, 2, 13)] == 1  # Tết 2026: from the eve, 16/2, to 21/2
    assert date(2026, 4, 26) in holidays(2026, 2026)


# ── single cases ────────────────────────────────────────────────────────────────────────────────────────────────────


def week_of(*dossiers: Mapping[str, Any], facility: str = "52001", world: World | None = None) -> World:
    """Dossiers of one facility on one Monday; `late` days to the receipt, `findings` as (code, rule, severity)."""
    world = empty() if world is None else world
    for given in map(dict, dossiers):
        seq = len(world["standard.delivery"]) + 1
        late, findings = given.pop("late", 0), given.pop("findings", ())
        add_delivery(world, seq, facility, MONDAY + timedelta(days=late))
        version = add_dossier(world, seq, 1, facility, MONDAY, MONDAY + timedelta(days=late), **given)
        for number, finding in enumerate(findings):
            add_finding(world, version, number, *finding)
    return world


ERROR, WARNING = ("IN-CAST", None, "error"), ("IN-LENGTH", None, "warning")


COSTS: list[tuple[dict[str, Any], str, str]] = [
    ({}, TOTAL, "100"),
    ({"findings": [ERROR]}, "dung", "50"),
    ({"findings": [ERROR] * 9}, "dung", "50"),
    ({"findings": [WARNING, WARNING]}, "dung", "75"),
    ({"findings": [("IN-OLD-NAME", None, "info")]}, "dung", "100"),
    ({"findings": [("IN-REQUIRED", 1, "error")]}, "du", "50"),
    ({"findings": [("RULE-FORMAT", 28, "error")]}, "dung_chung", "50"),
    ({"findings": [("RULE-FORMAT", 28, "error")]}, "dung", "100"),
    ({"there": False}, "dung_chung", "50"),
    ({"edition": "4750"}, "dung_chung", "75"),
    ({"place": False}, "thong_nhat", "75"),
    ({"late": 1}, "song", "100"),
    ({"late": 2}, "song", "90"),
    ({"late": 9}, "song", "90"),
    ({"late": 10}, "song", "50"),
    ({"late": 10}, TOTAL, "92.5"),
]


def test_what_one_bad_dossier_of_two_costs() -> None:
    world = empty()
    for place, (dossier, _, _) in enumerate(COSTS):
        week_of({}, dossier, facility=f"F{place:04}", world=world)
    found = {(row["facility_code"], row["dimension"]): row["score"] for row in scored(world, standing())["result"]}
    for place, (dossier, dimension, expected) in enumerate(COSTS):
        assert found[f"F{place:04}", dimension] == Decimal(expected), (dossier, dimension)


def test_a_correction_is_not_late_and_takes_its_finding_away() -> None:
    world = week_of({"late": 30})
    add_delivery(world, 9, "52001", MONDAY)
    key = world["standard.xml130_dossier"][0]["dossier_key"]
    world["standard.superseded"].append({"version_id": 9_000_001, "by_version_id": 1_000_001, "dossier_key": key})
    add_finding(world, 9_000_001, 1, *ERROR)  # of the replaced version
    assert score(world, "song") == score(world, "dung") == 100


def test_a_wrong_date_does_not_take_a_dossier_out_of_the_week() -> None:
    world = week_of({}, {"findings": [ERROR]})
    world["conformed.encounter"][1]["service_date"] = date(2062, 1, 1)
    assert score(world, "dung") == 50


def steady(last: int, weeks: int = 12, quiet: date | None = None) -> World:
    """Four dossiers each working day over some weeks, then `last` a day in the week of MONDAY."""
    world, seq = empty(), 0
    for back in range(weeks, -1, -1):
        for weekday in range(5):
            day = MONDAY - timedelta(weeks=back) + timedelta(days=weekday)
            for hoso in range(0 if day == quiet else last if back == 0 else 4):
                seq += 1
                add_delivery(world, seq, "52001", day)
                add_dossier(world, seq, hoso + 1, "52001", day, day)
    return world


def test_a_week_far_below_the_usual_loses_what_is_missing_day_by_day() -> None:
    out = scored(steady(1), standing())
    found = next(r for r in out["result"] if (r["dimension"], r["week_start"]) == ("du", MONDAY))
    assert (found["dossiers"], found["expected"]) == (5, 20)
    assert found["score"] == 100 - Decimal(13) * 100 / 20  # of 15 missing, a tenth of 20 is chance
    rows = [row for row in out["loss"] if row["week_start"] == MONDAY]
    assert [row["code"] for row in rows] == ["SCORE-VOLUME"] * 5
    assert sum(row["lost"] for row in rows) == 13_000_000


@pytest.mark.parametrize(("last", "weeks"), [(4, 12), (0, 7), (1, 7)])
def test_a_usual_week_and_a_young_facility_lose_nothing(last: int, weeks: int) -> None:
    assert score(steady(last, weeks), "du") in (100, None)


def test_a_silent_week_is_judged_by_its_volume_alone() -> None:
    rows = {row["dimension"]: row["score"] for row in scored(steady(0), standing())["result"]
            if row["week_start"] == MONDAY}  # fmt: skip
    assert rows == {"du": 10, TOTAL: 10}


def test_a_week_is_closed_when_its_time_to_send_is_over() -> None:
    ends = MONDAY + timedelta(days=7 + standing().closed_after_days)
    for as_of, standing_ in ((ends, "closed"), (ends - timedelta(days=1), "provisional")):
        rows = [row for row in scored(steady(1), standing(), as_of)["result"] if row["week_start"] == MONDAY]
        assert {row["standing"] for row in rows} == {standing_}
        assert next(row["score"] for row in rows if row["dimension"] == "du") == (35 if standing_ == "closed" else 100)


def test_a_facility_is_compared_only_where_five_others_have_a_score() -> None:
    for others in (4, 5):
        world = week_of({})
        for place in range(others):
            code = f"5210{place}"
            world["reference.facility"].append({"code": code, "type": "hospital_x", "valid_from": date(1900, 1, 1)})
            add_delivery(world, 50 + place, code, MONDAY)
            version = add_dossier(world, 50 + place, 1, code, MONDAY, MONDAY)
            for number in range(place):
                add_finding(world, version, number, *WARNING)
        rows = [row for row in scored(world, standing())["result"] if row["dimension"] == "dung"]
        peers = {(row["peers"], row["peer_low"], row["peer_middle"], row["peer_high"]) for row in rows}
        assert peers == ({(None, None, None, None)} if others == 4 else {(5, 25, 50, 100)})


# ── frozen weeks ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_freeze_is_known_for_the_houses_own_and_for_unchanged() -> None:
    keys = KeyRing("0" * 32, b"k" * 32)
    row = ("52001", "xml130.visit", MONDAY, "dung", Decimal("99.123456"), 30, 7, 1, 7, None, "f/1")
    head = {"kind": "score", "formula": "f/1", "as_of": AS_OF, "through": 9, "weeks": [MONDAY]}
    data = sealed(head, [row], keys)
    assert data == sealed(head, [row], keys)
    assert genuine(data, keys)
    assert told(unwrap(data).rows[0]) == dict(zip(COLUMNS, row, strict=True))
    assert not genuine(data.replace(b"99.123456", b"99.123457"), keys)
    assert not genuine(data.replace(b'"through":9', b'"through":8'), keys)
    assert not genuine(data, KeyRing("0" * 32, b"j" * 32))
    said = orjson.loads(data.partition(b"\n")[0])
    forged = data.replace(said["signature"].encode(), said["signature"][::-1].encode())
    assert not genuine(forged, keys)
    with pytest.raises(ValueError, match="freeze"):
        unwrap(b'{"kind":"reference"}\n[]')
