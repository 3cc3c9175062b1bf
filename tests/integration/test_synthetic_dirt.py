"""A dirty twin beside the clean one of the same plan: what differs is what the truth tells, cell by cell."""

from __future__ import annotations

import base64
import random
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from statistics import pstdev

import duckdb
import pytest
from lxml import etree

from bienho.contracts import casts, catalogue
from bienho.standards.xml130 import TABLES, Dossier, columns
from bienho.synthetic import Plan, dirt
from support.cast_sql import cast_findings_sql
from support.dossier_rules import Tables, broken
from support.twins import Made, parse
from support.xml130_samples import versioned

CLEAN = Plan(persons=260, months=3, seed=31, share_noncanonical=0.0, share_checkin=0.0, board=False)
DIRTY = replace(CLEAN, entry_errors=2.0, violations=0.6)
Cell = tuple[str, int, str, int, str]  # file, HOSO, table, row, field


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return Made(CLEAN, tmp_path_factory.mktemp("clean") / "twin")


@pytest.fixture(scope="module")
def dirty(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return Made(DIRTY, tmp_path_factory.mktemp("dirty") / "twin")


def cells(tables: Tables) -> dict[tuple[str, int, str], str]:
    """Texts by place; what the parser of 4210 names as in XML1 is given the name it has in XML3."""
    return {
        (table, number, "MA_BENH" if (table, field) == ("XML3", "MA_BENH_CHINH") else field): text
        for table, rows in tables.items()
        for number, row in enumerate(rows, 1)
        for field, text in row.items()
    }


def test_what_differs_from_the_clean_twin_is_what_the_truth_tells(clean: Made, dirty: Made) -> None:
    assert clean.files == dirty.files
    told = {(e["file"], e["hoso"], e["table"], e["row"], e["field"]): e for e in dirty.errors}
    whole = {(e["file"], e["hoso"]): e["kind"] for e in dirty.errors if not e["field"]}
    assert len(told) == len(dirty.errors) > 500
    differing: set[Cell] = set()
    for file in clean.files:
        for number, pair in enumerate(zip(parse(clean.data(file)), parse(dirty.data(file)), strict=True), 1):
            if (file, number) in whole:
                assert len(pair[0]) != len(pair[1]) or whole[file, number] == "rule_141"
                continue
            before, after = map(cells, pair)
            differing |= {(file, number, *cell) for cell in before if before[cell] != after.get(cell)}
    beside = {cell for cell in differing if cell[4] in ("MATINH_CU_TRU", "MAHUYEN_CU_TRU", "MAXA_CU_TRU")}
    assert differing - beside == {cell for cell in told if cell[4] and cell[:2] not in whole} - beside
    moved = {cell[:2] for cell, e in told.items() if e["note"] == "codes too"}
    assert {cell[:2] for cell in beside - told.keys()} <= moved


def misfits(dossiers: list[Dossier]) -> set[int]:
    """Places of dossiers with a text that does not read as its type, as the check of the house sees it."""
    with duckdb.connect() as connection:
        connection.execute(casts.MACROS)
        connection.execute("CREATE SCHEMA standard")
        numbered = [replace(versioned(one), version_id=place) for place, one in enumerate(dossiers)]
        for dataset, table in columns.build(numbered).items():
            connection.register("incoming", table)
            connection.execute(f"CREATE TABLE {dataset} AS FROM incoming")
        queries = [cast_findings_sql(catalogue()[columns.dataset_of(table)]) for table in TABLES]
        return {row[0] for query in queries if query for row in connection.execute(query).fetchall()}


def test_the_house_finds_what_the_truth_says_it_must(dirty: Made) -> None:
    errors: dict[tuple[str, int], set[tuple[str, str, str]]] = {}
    for e in dirty.errors:
        if e["code"]:
            errors.setdefault((e["file"], e["hoso"]), set()).add((e["code"], e["table"], e["field"]))
    read = [(file, one) for file in dirty.files for one in dirty.read(file)[1] if isinstance(one, Dossier)]
    assert len(read) == len(dirty.dossiers)
    misfit = misfits([one for _, one in read])
    outcomes = {(d["file"], d["hoso"]): d["outcome"] for d in dirty.dossiers}
    for place, (file, one) in enumerate(read):
        expected = errors.get((file, one.hoso), set())
        assert expected <= {(f.code, f.table, f.field) for f in one.findings}
        if outcomes[file, one.hoso] != "duplicate":
            found = bool(one.findings) or place in misfit
            assert outcomes[file, one.hoso] == (dirt.FOUND if found else dirt.CLEAN)
    assert misfit
    assert sum(map(len, errors.values())) > 15


def test_repeats_of_a_dirty_dossier_are_told(dirty: Made) -> None:
    """As the house compares: equal content is a repeat, other content replaces."""
    heads: dict[tuple[str, str], tuple[int, bytes]] = {}
    by_place = {(d["file"], d["hoso"]): d for d in dirty.dossiers}
    repeats, replaced = set(), {}
    for file in dirty.files:
        for dossier in dirty.read(file)[1]:
            assert isinstance(dossier, Dossier)
            number, key = by_place[file, dossier.hoso]["dossier_no"], (dossier.facility, dossier.ma_lk)
            if key in heads and heads[key][1] == dossier.content:
                repeats.add(number)
                continue
            if key in heads:
                replaced[heads[key][0]] = number
            heads[key] = (number, dossier.content)
    assert repeats == {d["dossier_no"] for d in dirty.dossiers if d["outcome"] == "duplicate"} != set()
    assert replaced == {d["dossier_no"]: d["superseded_by"] for d in dirty.dossiers if d["superseded_by"]}


def written(made: Made) -> Iterator[tuple[str, list[tuple[str, bytes]]]]:
    """(version, sub-files) of every dossier."""
    versions = {(d["file"], d["hoso"]): d["version"] for d in made.dossiers}
    for file in made.files:
        for number, hoso in enumerate(etree.fromstring(made.data(file)).iter("HOSO"), 1):
            yield (
                versions[file, number],
                [
                    (part.findtext("LOAIHOSO") or "", base64.b64decode(part.findtext("NOIDUNGFILE") or ""))
                    for part in hoso
                ],
            )


def test_a_broken_rule_is_broken(clean: Made) -> None:
    """By rules written from the same text by other hands; those that are about what only the house knows left out."""
    dossiers = list(written(clean))
    r, done, seen = random.Random(1), set(), set()
    for way in dirt.violations():
        for version, subfiles in r.sample(dossiers, len(dossiers)):
            cells = dirt.Cells(subfiles, version)
            if not (cells.has(way.table) and way.known_in(version)) or dirt.break_rule(way, cells, r) is None:
                continue
            done.add(way.rule)
            if way.rule in rules_broken(cells.subfiles(), version):
                seen.add(way.rule)
            break
    assert len(done) >= 110
    assert len(seen) >= 60


def rules_broken(subfiles: list[tuple[str, bytes]], version: str) -> list[int]:
    """Rules a dossier breaks; of one with a moment that is none, rule 34 or 29 is the answer."""
    parts = [
        f"<FILEHOSO><LOAIHOSO>{kind}</LOAIHOSO><NOIDUNGFILE>{base64.b64encode(data).decode()}</NOIDUNGFILE></FILEHOSO>"
        for kind, data in subfiles
    ]
    (tables,) = parse(f"<D><HOSO>{''.join(parts)}</HOSO></D>".encode())
    try:
        return broken(tables, version)
    except (ValueError, AssertionError):
        return [29, 34]


def test_every_facility_has_a_hand_of_its_own() -> None:
    facilities = [f"64{number:03d}" for number in range(1, 400)]
    rates = [dirt.rates(1, facility, 1.0)["diacritics_dropped"] for facility in facilities]
    assert 0.05 < sum(rates) / len(rates) < 0.07
    assert pstdev(rates) > 0.02
    assert dirt.rates(1, "64001", 1.0) == dirt.rates(1, "64001", 1.0)
    mixed = [dirt.rates(1, facility, 1.0)["sex_codes"] for facility in facilities]
    assert 0 < sum(rate > 0 for rate in mixed) < 20


def test_what_comes_late_or_never_is_told(tmp_path_factory: pytest.TempPathFactory, clean: Made) -> None:
    plan = replace(CLEAN, share_late=0.25, share_missing=0.1)
    made = Made(plan, tmp_path_factory.mktemp("late") / "twin")
    kinds = {e["file"]: e["kind"] for e in made.errors}
    assert set(kinds.values()) == {"late_delivery", "missing_delivery"}
    there = {str(path.relative_to(made.out)) for path in made.out.glob("*/*.xml")}
    lost = {d["file"] for d in made.dossiers if d["outcome"] == "lost"}
    assert lost == {file for file, kind in kinds.items() if kind == "missing_delivery"}
    assert there == set(made.files) - lost
    late = {file for file, kind in kinds.items() if kind == "late_delivery"}
    assert late <= there
    assert late.isdisjoint(clean.files)
    for file in late:
        found = re.fullmatch(r"\d{5}/(\d{8})_9\d{10}\.xml", file)
        assert found
        assert date.fromisoformat(found[1]) < plan.end
    counts = Counter(d["ma_lk"] for d in clean.dossiers)
    assert Counter(d["ma_lk"] for d in made.dossiers) == counts
