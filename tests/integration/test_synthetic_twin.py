"""A small twin end to end: its files against a parser of its own, the rules of the dossier, the reader, the truth."""

from __future__ import annotations

import base64
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from lxml import etree

from bienho.config import load_profile
from bienho.sources import find_files
from bienho.standards.xml130 import Dossier, read_delivery
from bienho.synthetic import DIRT_KINDS, Plan, Summary, generate
from support.dossier_rules import Tables, broken

CLEAN = Plan(persons=700, months=5, seed=20, share_noncanonical=0.0, share_resent=0.06, share_duplicate=0.04)
DIRTY = Plan(persons=700, months=4, seed=21, dirt=0.25, share_resent=0.06, share_duplicate=0.06)
RENAMED = {
    "MA_THE": "MA_THE_BHYT", "TEN_BENH": "CHAN_DOAN_RV", "MA_BENH": "MA_BENH_CHINH", "MA_BENHKHAC": "MA_BENH_KT",
    "MA_LYDO_VVIEN": "MA_DOITUONG_KCB", "MA_NOI_CHUYEN": "MA_NOI_DI", "TINH_TRANG_RV": "MA_LOAI_RV",
    "T_TONGCHI": "T_TONGCHI_BV", "T_NGOAIDS": "T_BHTT_GDV", "TYLE_TT": "TYLE_TT_BH", "THANH_TIEN": "THANH_TIEN_BV",
    "DIEN_BIEN": "DIEN_BIEN_LS", "MIEN_CUNG_CT": "NGAY_MIEN_CCT",
}  # fmt: skip


def parse(data: bytes) -> Iterator[Tables]:
    """Dossiers of a canonical file by a parser of this test's own, under today's names."""
    for hoso in etree.fromstring(data).iter("HOSO"):
        tables: Tables = {}
        for part in hoso:
            kind = part.findtext("LOAIHOSO") or ""
            root = etree.fromstring(base64.b64decode(part.findtext("NOIDUNGFILE") or ""))
            rows = [e for e in root.iter() if len(e) and not len(e[0])]
            old = root.tag.startswith("DSACH") or root.find("MA_THE") is not None
            tables[kind] = [
                {_today(kind, str(e.tag)) if old else str(e.tag): e.text or "" for e in row} for row in rows
            ]
        yield tables


def _today(table: str, name: str) -> str:
    if table == "XML5" and name == "NGAY_YL":
        return "THOI_DIEM_DBLS"
    if table == "XML3" and name == "DON_GIA":
        return "DON_GIA_BH"
    return RENAMED.get(name, name)


class Made:
    """A generated twin with its truth in memory."""

    def __init__(self, plan: Plan, out: Path) -> None:
        self.plan, self.out = plan, out
        self.summary: Summary = generate(plan, out)
        self.dossiers: list[dict[str, Any]] = pq.read_table(out / "truth" / "dossiers.parquet").to_pylist()
        self.people = {p["person_id"]: p for p in pq.read_table(out / "truth" / "people.parquet").to_pylist()}
        self.errors: list[dict[str, Any]] = pq.read_table(out / "truth" / "errors.parquet").to_pylist()
        self.files = sorted({d["file"] for d in self.dossiers})

    def data(self, file: str) -> bytes:
        return (self.out / file).read_bytes()


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return Made(CLEAN, tmp_path_factory.mktemp("clean") / "twin")


@pytest.fixture(scope="module")
def dirty(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return Made(DIRTY, tmp_path_factory.mktemp("dirty") / "twin")


@pytest.fixture(scope="module")
def parsed(clean: Made) -> list[tuple[dict[str, Any], Tables]]:
    by_place = {(d["file"], d["hoso"]): d for d in clean.dossiers}
    return [
        (by_place[file, number], tables)
        for file in clean.files
        for number, tables in enumerate(parse(clean.data(file)), 1)
    ]


def test_every_dossier_keeps_the_rules(parsed: list[tuple[dict[str, Any], Tables]]) -> None:
    bad = Counter((rule, d["version"]) for d, tables in parsed for rule in broken(tables, d["version"]))
    assert not bad


def test_the_rules_of_this_test_do_catch(parsed: list[tuple[dict[str, Any], Tables]]) -> None:
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
    made = Made(Plan(persons=500, months=3, seed=22, share_noncanonical=1.0), tmp_path / "twin")
    assert len(made.summary.by_style) > 8
    by_place = {(d["file"], d["hoso"]): d for d in made.dossiers}
    for file in made.files:
        envelope = read_delivery(made.data(file))
        assert envelope.findings == ()
        for dossier in envelope.dossiers:
            truth = by_place.pop((file, dossier.hoso))
            assert isinstance(dossier, Dossier)
            assert dossier.findings == ()
            assert dossier.format_version == truth["version"]
            assert (dossier.facility, dossier.ma_lk, dossier.ma_bn) == (
                truth["facility"], truth["ma_lk"], truth["ma_bn"],
            )  # fmt: skip
            counts = [len(dossier.tables.get(f"XML{n}", [])) for n in range(1, 6)]
            assert counts == [truth[f"rows_xml{n}"] for n in range(1, 6)]
    assert not by_place


def test_truth_tells_who_is_in_each_dossier(clean: Made, parsed: list[tuple[dict[str, Any], Tables]]) -> None:
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
    assert sorted(str(f.path.relative_to(clean.out)) for f in find_files([clean.out])) == clean.files


@pytest.mark.parametrize("name", ["clean", "dirty"])
def test_resends_and_repeats_are_what_the_truth_says(name: str, request: pytest.FixtureRequest) -> None:
    """Replayed through the reader in order of receipt, with the house's own rule for equal content."""
    made: Made = request.getfixturevalue(name)
    heads: dict[tuple[str, str], tuple[int, bytes]] = {}
    repeats: set[int] = set()
    superseded: dict[int, int] = {}
    by_place = {(d["file"], d["hoso"]): d for d in made.dossiers}
    for file in made.files:
        for dossier in read_delivery(made.data(file)).dossiers:
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
    seen = set()
    for file in dirty.files:
        envelope = read_delivery(dirty.data(file))
        for dossier in envelope.dossiers:
            truth = by_place[file, dossier.hoso]
            seen.add(truth["dossier_no"])
            if not isinstance(dossier, Dossier):
                assert truth["outcome"] == "quarantined"
                assert (
                    dossier.code == {"broken_base64": "IN-BASE64", "truncated_file": "IN-TRUNCATED"}[truth["injected"]]
                )
                continue
            codes = [(f.code, f.field) for f in dossier.findings]
            expected = {
                "missing_field": [("IN-REQUIRED", "GIOI_TINH")],
                "unknown_element": [("IN-UNKNOWN-ELEMENT", "MA_NOI_BO")],
            }
            assert codes == expected.get(truth["injected"], [])
            if truth["injected"] == "bad_date":
                assert dossier.tables["XML1"][0]["NGAY_VAO"][4:6] == "13"
            if truth["injected"] == "wrong_sum":
                assert 55 in broken(dossier.tables, dossier.format_version)
        assert bool(envelope.findings) == (file in of_file)
    lost = {d["dossier_no"] for d in dirty.dossiers if d["outcome"] == "lost"}
    assert seen == {d["dossier_no"] for d in dirty.dossiers} - lost
    assert all(of_file[d["file"]] == "truncated_file" for d in dirty.dossiers if d["outcome"] == "lost")


def test_the_share_of_dirt_is_about_what_was_asked(dirty: Made) -> None:
    spoilt = sum(d["injected"] is not None for d in dirty.dossiers) / len(dirty.dossiers)
    assert 0.1 < spoilt < 0.35


def test_same_plan_same_bytes_whatever_the_process(clean: Made, tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from bienho.synthetic import Plan, generate;"
        f"plan = Plan(persons={CLEAN.persons}, months={CLEAN.months}, seed={CLEAN.seed}, share_noncanonical=0.0,"
        "share_resent=0.06, share_duplicate=0.04); print(generate(plan, Path(sys.argv[1])).digest)"
    )
    environment = os.environ | {"PYTHONHASHSEED": "12345", "TZ": "America/New_York", "LC_ALL": "C"}
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "again")],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == clean.summary.digest
    for name in ("people.parquet", "dossiers.parquet", "errors.parquet", "plan.json"):
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
