"""A small twin end to end: its files against a parser of its own, the rules of the dossier, the reader, the truth."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from bienho.config import load_profile
from bienho.core.errors import UsageError
from bienho.core.text import nfc
from bienho.sources import find_files
from bienho.standards.xml130 import Dossier, read_delivery
from bienho.synthetic import DIRT_KINDS, Plan, generate
from bienho.synthetic.sending.dress import BARE_DRESSES, DRESSES
from support.dossier_rules import broken
from support.paper_rules import Row, broken_check_in
from support.twins import BOARD, DOSSIER_TABLES, Made, Parsed, parse, parse_all

CLEAN = Plan(
    persons=480, months=5, seed=20, share_noncanonical=0.0, share_resent=0.06, share_duplicate=0.04, share_checkin=0.4
)
DIRTY = Plan(persons=480, months=4, seed=21, dirt=0.35, share_resent=0.06, share_duplicate=0.06, share_checkin=0.4)


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return Made(CLEAN, tmp_path_factory.mktemp("clean") / "twin")


@pytest.fixture(scope="module")
def dirty(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return Made(DIRTY, tmp_path_factory.mktemp("dirty") / "twin")


@pytest.fixture(scope="module")
def parsed(clean: Made) -> Parsed:
    return parse_all(clean)


def test_every_dossier_keeps_the_rules(parsed: Parsed) -> None:
    bad = Counter((rule, d["version"]) for d, tables in parsed for rule in broken(tables, d["version"]))
    assert not bad


def test_the_rules_of_this_test_do_catch(parsed: Parsed) -> None:
    _, tables = next((d, t) for d, t in parsed if d["version"] == "3176" and d["visit_kind"] == "03")

    def changed(table: str, **values: str) -> list[int]:
        copy = {name: [dict(row) for row in rows] for name, rows in tables.items()}
        copy[table][0].update(values)
        return broken(copy, "3176")

    assert broken(tables, "3176") == []
    assert 55 in changed("XML1", T_TONGCHI_BV="1")
    assert 59 in changed("XML1", T_BHTT="1")
    assert 48 in changed("XML1", SO_NGAY_DTRI="99")
    assert 35 in changed("XML1", NGAY_RA="202001010000")
    assert {85, 93} <= set(changed("XML2", THANH_TIEN_BV="1"))
    assert 94 in changed("XML2", NGAY_YL="202001010000")
    assert 114 in changed("XML3", DON_GIA_BH="1")
    assert 152 in changed("XML5", THOI_DIEM_DBLS="202001010000")


def test_all_versions_and_kinds_of_visit_are_there(clean: Made) -> None:
    assert set(clean.summary.by_version) == {"4210", "130", "4750", "3176"}
    assert {d["visit_kind"] for d in clean.dossiers} >= {"01", "03", "05", "07", "08"}
    assert len({d["icd10"] for d in clean.dossiers}) > 50


def test_the_reader_finds_nothing_in_any_dress(tmp_path: Path) -> None:
    plan = Plan(persons=480, months=3, seed=22, share_noncanonical=1.0, share_checkin=0.6, share_duplicate=0.1)
    made = Made(plan, tmp_path / "twin")
    assert set(made.summary.by_style) == set(DRESSES)
    assert {one["style"] for one in made.check_ins} == set(BARE_DRESSES)
    by_place = {(d["file"], d["hoso"]): d for d in made.dossiers}
    for file in made.files:
        findings, dossiers = made.read(file)
        assert findings == []
        for dossier in dossiers:
            truth = by_place.pop((file, dossier.hoso))
            assert isinstance(dossier, Dossier)
            assert dossier.findings == ()
            assert dossier.format_version == truth["version"]
            assert (dossier.facility, dossier.ma_lk, dossier.ma_bn) == (
                truth["facility"], truth["ma_lk"], truth["ma_bn"],
            )  # fmt: skip
            assert set(dossier.tables) <= set(DOSSIER_TABLES)
            for table in DOSSIER_TABLES:
                assert len(dossier.tables.get(table, [])) == truth[f"rows_{table.lower()}"]
            assert nfc(dossier.tables["XML1"][0]["HO_TEN"]) == made.people[truth["person_id"]]["name"]
    assert not by_place
    _read_the_bare_files(made)


def _read_the_bare_files(made: Made) -> None:
    """Every check-in and record of the board of a clean twin is read, and is what the truth says."""
    by_place = {(one["file"], one["hoso"]): one for one in (*made.check_ins, *made.assessments)}
    for file in made.bare:
        findings, documents = made.read(file)
        assert [f.code for f in findings] == (["IN-FACILITY-ASSUMED"] if file.startswith(f"{BOARD}/") else [])
        for document in documents:
            truth = by_place.pop((file, document.hoso))
            assert isinstance(document, Dossier)
            assert document.findings == ()
            assert (document.facility, document.format_version) == (truth["facility"], truth["version"])
            person = made.people[truth["person_id"]]
            if document.document == "check_in":
                assert (document.ma_lk, document.ma_bn) == (truth["ma_lk"], truth["ma_bn"])
                rows = document.tables["XML0"]
                assert len(rows) == truth["rows"]
            else:
                rows = document.tables["XML12"]
                assert document.ma_lk == truth["record"]
                assert rows[0]["NGAY_HOP"] == f"{truth['met']:%Y%m%d}"
                assert int(rows[0]["TONG_TYLE_TTCT"]) == truth["rate"] < 100
            assert {(nfc(row["HO_TEN"]), row["SO_CCCD"]) for row in rows} == {(person["name"], person["personal_id"])}
    assert not by_place


def test_truth_tells_who_is_in_each_dossier(clean: Made, parsed: Parsed) -> None:
    profile = load_profile("gialai")
    for truth, tables in parsed:
        head, person = tables["XML1"][0], clean.people[truth["person_id"]]
        assert (head["HO_TEN"], head["NGAY_SINH"]) == (person["name"], person["birth_text"])
        assert head["GIOI_TINH"] == {"M": "1", "F": "2"}[person["sex"]]
        assert truth["facility"] == head["MA_CSKCB"]
        assert truth["facility"] in profile.facility_by_code
        if truth["version"] == "4210":
            continue
        assert head["SO_CCCD"] == person["personal_id"]
        if head["NGAY_VAO"] >= "20250701":
            assert (head["MATINH_CU_TRU"], head["MAHUYEN_CU_TRU"]) == ("52", "")
            assert head["MAXA_CU_TRU"] == person["commune_code"]
            assert head["MAXA_CU_TRU"] in profile.commune_by_code
        else:
            assert head["MAHUYEN_CU_TRU"] == person["old_district_code"]
            assert head["MAXA_CU_TRU"] == person["old_commune_code"]
            assert head["MATINH_CU_TRU"] in ("52", "64")


def test_nobody_is_in_two_places_at_once(clean: Made) -> None:
    stays: dict[str, list[tuple[Any, Any]]] = {}
    for d in clean.dossiers:
        if (
            d["kind"] == "first"
            and d["discharged"].date() >= CLEAN.start
            and d["visit_kind"] in ("01", "03", "06", "08", "09")
        ):
            stays.setdefault(d["person_id"], []).append((d["admitted"], d["discharged"]))
    for mine in stays.values():
        mine.sort()
        assert all(before[1] <= after[0] for before, after in pairwise(mine))


def test_file_names_hold_the_day_and_no_person(clean: Made) -> None:
    for file in clean.files:
        found = re.fullmatch(r"(\d{5})/(\d{8})_\d{4}\.xml", file)
        assert found
        envelope = read_delivery(clean.data(file))
        assert (envelope.facility, envelope.created) == (found[1], found[2])
    for d in clean.dossiers:
        assert d["discharged"].date() <= d["created"]


def test_only_deliveries_are_taken_in_from_the_folder(clean: Made) -> None:
    found = sorted(str(f.path.relative_to(clean.out)) for f in find_files([clean.out]))
    assert found == sorted([*clean.files, *clean.bare])


@pytest.mark.parametrize("name", ["clean", "dirty"])
def test_resends_and_repeats_are_what_the_truth_says(name: str, request: pytest.FixtureRequest) -> None:
    """Replayed through the reader in order of receipt, with the house's own rule for equal content."""
    made: Made = request.getfixturevalue(name)
    heads: dict[tuple[str, str], tuple[int, bytes]] = {}
    repeats: set[int] = set()
    superseded: dict[int, int] = {}
    by_place = {(d["file"], d["hoso"]): d for d in made.dossiers}
    for file in made.files:
        for dossier in made.read(file)[1]:
            number = by_place[file, dossier.hoso]["dossier_no"]
            if not isinstance(dossier, Dossier):
                continue
            key = (dossier.facility, dossier.ma_lk)
            head = heads.get(key)
            if head and head[1] == dossier.content:
                repeats.add(number)
                continue
            if head:
                superseded[head[0]] = number
            heads[key] = (number, dossier.content)
    assert repeats == {d["dossier_no"] for d in made.dossiers if d["outcome"] == "duplicate"}
    assert superseded == {d["dossier_no"]: d["superseded_by"] for d in made.dossiers if d["superseded_by"]}
    assert superseded
    assert repeats


def test_injected_errors_are_found_where_the_truth_says(dirty: Made) -> None:
    by_place = {(d["file"], d["hoso"]): d for d in dirty.dossiers}
    assert set(dirty.summary.injected) == set(DIRT_KINDS)
    of_file = {e["file"]: e["kind"] for e in dirty.errors if e["hoso"] is None}
    errors = {(e["file"], e["hoso"]): e for e in dirty.errors if e["hoso"]}
    seen = set()
    for file in dirty.files:
        findings, dossiers = dirty.read(file)
        for dossier in dossiers:
            truth, error = by_place[file, dossier.hoso], errors.get((file, dossier.hoso))
            seen.add(truth["dossier_no"])
            if not isinstance(dossier, Dossier):
                assert truth["outcome"] == "quarantined"
                assert dossier.code == (error["code"] if error else "IN-TRUNCATED")
                continue
            codes = [(f.code, f.table, f.field, f.rule) for f in dossier.findings]
            expected = error and error["code"] and (error["code"], error["table"], error["field"], error["rule"])
            assert codes == ([expected] if expected else []), truth["injected"]
            if error and error["kind"] in ("bad_date", "paper_bad_date"):
                assert dossier.tables[error["table"]][0][error["field"]][4:6] == "13"
            if truth["injected"] == "wrong_sum":
                assert 55 in broken(dossier.tables, dossier.format_version)
        assert bool(findings) == (file in of_file)
    lost = {d["dossier_no"] for d in dirty.dossiers if d["outcome"] == "lost"}
    assert seen == {d["dossier_no"] for d in dirty.dossiers} - lost
    assert all(of_file[d["file"]] == "truncated_file" for d in dirty.dossiers if d["outcome"] == "lost")


def test_errors_of_bare_files_are_found_in_their_row_alone(dirty: Made) -> None:
    injected = {(one["file"], one["hoso"]) for one in (*dirty.check_ins, *dirty.assessments) if one["injected"]}
    assert injected
    found = set()
    for file in dirty.bare:
        for document in dirty.read(file)[1]:
            assert isinstance(document, Dossier)
            codes = [(f.code, f.field) for f in document.findings]
            assert codes in ([], [("IN-REQUIRED", "HO_TEN")])
            if codes:
                found.add((file, document.hoso))
    assert found == injected


def test_the_share_of_dirt_is_about_what_was_asked(dirty: Made) -> None:
    spoilt = sum(d["injected"] is not None for d in dirty.dossiers) / len(dirty.dossiers)
    assert 0.15 < spoilt < 0.35


def test_same_plan_same_bytes_whatever_the_process_and_the_number_of_processes(clean: Made, tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from bienho.synthetic import Plan, generate;"
        f"plan = Plan(persons={CLEAN.persons}, months={CLEAN.months}, seed={CLEAN.seed}, share_noncanonical=0.0,"
        f"share_resent=0.06, share_duplicate=0.04, share_checkin={CLEAN.share_checkin});"
        "print(generate(plan, Path(sys.argv[1]), processes=2).digest)"
    )
    environment = os.environ | {"PYTHONHASHSEED": "12345", "TZ": "America/New_York", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "again")],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == clean.summary.digest
    names = [path.name for path in (clean.out / "truth").iterdir()]
    assert len(names) == 14
    for name in names:
        assert (tmp_path / "again" / "truth" / name).read_bytes() == (clean.out / "truth" / name).read_bytes()


def test_another_seed_gives_other_people(clean: Made, tmp_path: Path) -> None:
    other = generate(Plan(persons=50, months=1, seed=99), tmp_path / "other")
    same = generate(Plan(persons=50, months=1, seed=98), tmp_path / "same")
    assert other.digest != same.digest


def test_only_the_facilities_asked_for_receive(tmp_path: Path) -> None:
    made = generate(Plan(persons=60, months=1, seed=4, facilities=("64001", "64012")), tmp_path / "two")
    folders = {p.name for p in (tmp_path / "two").iterdir()} - {"truth"}
    assert made.dossiers > 0
    assert folders <= {"64001", "64012"}


def test_a_twin_cut_at_a_day_is_the_beginning_of_the_whole_and_goes_on(tmp_path: Path) -> None:
    def files(out: Path) -> dict[str, bytes]:
        found = (path for path in out.rglob("*") if path.is_file() and "truth" not in path.parts)
        return {str(path.relative_to(out)): path.read_bytes() for path in found}

    whole = Plan(persons=60, months=3, seed=4, dirt=0.2, share_checkin=0.5)
    generate(whole, tmp_path / "whole")
    sent = files(tmp_path / "whole")
    days = sorted({Path(name).name[:8] for name in sent})
    cut = date.fromisoformat(days[len(days) // 2])
    generate(replace(whole, until=cut), tmp_path / "live")
    begun = files(tmp_path / "live")
    assert begun == {name: data for name, data in sent.items() if Path(name).name[:8] <= f"{cut:%Y%m%d}"}
    assert 0 < len(begun) < len(sent)
    with pytest.raises(UsageError):
        generate(replace(whole, until=cut, seed=5), tmp_path / "live")
    generate(whole, tmp_path / "live")
    assert files(tmp_path / "live") == sent
    for name in ("dossiers", "cases", "people"):
        truth = [(tmp_path / out / "truth" / f"{name}.parquet").read_bytes() for out in ("whole", "live")]
        assert truth[0] == truth[1]
    with pytest.raises(UsageError):
        generate(whole, tmp_path / "live")


def test_progress_ends_at_the_number_of_dossiers(tmp_path: Path) -> None:
    calls: list[tuple[int, int]] = []
    made = generate(Plan(persons=40, months=1, seed=4), tmp_path / "p", progress=lambda *call: calls.append(call))
    assert calls[-1] == (made.dossiers, made.dossiers)
    assert calls == sorted(calls)


def test_a_window_before_the_merger_uses_old_codes_and_the_version_of_its_time(tmp_path: Path) -> None:
    plan = Plan(persons=150, months=2, seed=6, start=date(2024, 3, 1), versions={"4750": 1.0}, share_noncanonical=0.0)
    made = Made(plan, tmp_path / "old")
    assert set(made.summary.by_version) == {"4750"}
    for file in made.files:
        for tables in parse(made.data(file)):
            assert broken(tables, "4750") == []
            assert tables["XML1"][0]["MAHUYEN_CU_TRU"]


def check_ins(made: Made) -> Iterator[tuple[dict[str, Any], list[Row]]]:
    """(truth, rows) of every arrival of a canonical twin, by a parser of this test's own."""
    by_file: dict[str, list[dict[str, Any]]] = {}
    for one in made.check_ins:
        by_file.setdefault(one["file"], []).append(one)
    for file, told in by_file.items():
        rows = [
            {str(e.tag): e.text or "" for e in row} for row in etree.fromstring(made.data(file)).iter("TRANG_THAI_KCB")
        ]
        assert [row["STT"] for row in rows] == [str(n) for n in range(1, len(rows) + 1)]
        for one in told:
            yield one, rows[one["hoso"] - 1 : one["hoso"] - 1 + one["rows"]]


def test_arrivals_come_before_their_dossiers_and_agree_with_them(clean: Made, parsed: Parsed) -> None:
    heads = {d["ma_lk"]: (d["file"], tables) for d, tables in parsed if d["kind"] == "first"}
    same = (
        "MA_BN",
        "HO_TEN",
        "SO_CCCD",
        "NGAY_SINH",
        "GIOI_TINH",
        "MA_THE_BHYT",
        "NGAY_VAO",
        "MA_LOAI_KCB",
        "MA_CSKCB",
    )
    in_ward = 0
    for truth, rows in check_ins(clean):
        file, tables = heads[truth["ma_lk"]]
        head = tables["XML1"][0]
        assert truth["file"] < file
        assert 1 <= len(rows) <= 2
        for row in rows:
            assert row["MA_LK"] == truth["ma_lk"]
            assert not list(broken_check_in(row))
            assert {name: row[name] for name in same} == {name: head[name] for name in same}
            assert row["NGAY_YL"] in {line["NGAY_YL"] for line in (*tables.get("XML2", []), *tables.get("XML3", []))}
        if len(rows) == 2:
            in_ward += 1
            assert rows[1]["NGAY_VAO_NOI_TRU"] == head["NGAY_VAO_NOI_TRU"] <= rows[1]["NGAY_YL"]
    assert in_ward
    assert len({one["facility"] for one in clean.check_ins}) > 3
