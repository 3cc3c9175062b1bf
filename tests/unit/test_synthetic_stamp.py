"""The stamp against the builder: straight rows are those of an ingest of the files the builder would have written."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, cast

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from bienho.config import DEFAULT, KeyRing, load_profile
from bienho.contracts import casts, catalogue
from bienho.lake import RawHeader
from bienho.pipeline.judge import Judge
from bienho.pipeline.straight import Rows, Straight
from bienho.privacy import Digests, FreshVisits, Vault, VaultEntry, encode
from bienho.privacy.blind import BlindIndex
from bienho.standards.xml130 import Versioned, columns
from bienho.standards.xml130.write import write_delivery
from bienho.synthetic import Plan
from bienho.synthetic.dossiers.dossier import build
from bienho.synthetic.dossiers.visits import PREGNANCY, Visit
from bienho.synthetic.places import Map
from bienho.synthetic.reference import conditions
from bienho.synthetic.straight import births, rows, seals, stencil
from bienho.synthetic.straight.press import Press
from bienho.synthetic.straight.seals import Sealer, Sealers, Worker
from bienho.synthetic.straight.stencil import Cutter
from support.cast_sql import cast_findings_sql

FACILITIES = ("52001", "64001", "52013", "64028", "52101", "64175")
PLAN = Plan(
    persons=300,
    months=6,
    seed=11,
    facilities=FACILITIES,
    versions={"3176": 0.6, "4750": 0.15, "130": 0.15, "4210": 0.1},
)
KEYS = KeyRing("0" * 16, bytes(range(32)))
HEAD = "standard.xml130_dossier"
HOUSE = {"version_id", "delivery_seq", "delivery_id", "hoso", "received_at"}
"""What only a delivery gives."""
PNEUMONIA = "J18.9"
VITALS = re.compile(rb"CSST<[^>]*>")


class Written:
    """In the place of the lake: takes the rows of a block as tables."""

    def __init__(self) -> None:
        self.connection = duckdb.connect()
        self.tables: dict[str, pa.Table] = {}
        self.found: list[tuple[str, int, int]] = []
        """Dossier, its visit, the visit its stencil was made of."""

    def write(self, block: Rows) -> dict[str, int]:
        for name, query in block.queries.items():
            self.tables[name] = self.connection.execute(query).to_arrow_table()
        (visits,) = re.findall(r"FROM (memory\.visits_\d+) AS v", block.queries[HEAD])
        self.found = self.connection.execute(
            f"SELECT k.dossier_key, v.visit_no, s.delivery_seq FROM {visits} AS v JOIN sealed AS k USING (version_id)"
            " JOIN stencil_dossier AS s USING (stencil_no)"
        ).fetchall()
        return {name: table.num_rows for name, table in self.tables.items()}


@dataclass
class Held:
    """In the place of the vault: keeps what it was given."""

    digests: Digests
    entries: dict[str, VaultEntry] = field(default_factory=dict)

    def seal_fresh(self, parts: Iterable[FreshVisits]) -> tuple[list[str], list[str], list[str]]:
        dossiers, patients, records = list[str](), list[str](), list[str]()
        for part in parts:
            there = part.facility
            for ma_lk, ma_bn, payload, blind in zip(part.ma_lk, part.ma_bn, part.payloads, part.blinds, strict=True):
                dossiers.append(self.digests.dossier_key(there, ma_lk))
                patients.append(self.digests.patient_key(there, ma_bn, ma_lk))
                records.append(self.digests.record_id(there, ma_lk, payload))
                self.entries[dossiers[-1]] = VaultEntry(there, ma_lk, patients[-1], payload, blind, records[-1])
        return dossiers, patients, records


@dataclass
class Twin:
    """One block, stamped with so many stencils a class."""

    visits: dict[str, Visit]
    sources: dict[str, Visit]
    tables: dict[str, pa.Table]
    vault: Held
    atlas: Map
    seed: int

    @cached_property
    def lines(self) -> dict[str, dict[tuple[str, int], dict[str, Any]]]:
        """`by_dossier` of all of it."""
        return by_dossier(self.tables)


def stamped(plan: Plan = PLAN, only: Sequence[str] = ()) -> Twin:
    """The twin of a plan; `only`: visits for these conditions."""
    atlas = Map(load_profile("gialai"))
    twin = rows.Twin(plan, atlas)
    vault, written = Held(Digests(KEYS)), Written()
    cutter = Cutter(Judge(Digests(KEYS), KEYS, DEFAULT), atlas, plan.seed)
    sealing = Sealers(Worker(cutter, Sealer(cast("Vault", vault), atlas.clinics)), ())
    press = Press(cast("Straight", written), sealing, atlas, plan.seed, variants=1)
    tables: dict[str, list[pa.Table]] = {}
    by_key: dict[str, Visit] = {}
    sources: dict[str, Visit] = {}
    visits: dict[int, Visit] = {}
    blocks = (replace(block, visits=_for(block.visits, only)) for block in twin.blocks(150 if not only else 10**6))
    for ready, _ in press.take(blocks):
        visits |= ready.block.objects(ready.block.visits["visit_no"].to_pylist())
        held = written.connection.execute("SELECT stencil_no FROM stencil_dossier ORDER BY 1").fetchall()
        # those of the next blocks are being chosen, and come when they do
        lent = sorted(number for numbers in list(press.looker.classes.values()) for number in list(numbers))
        assert [number for (number,) in held] == [number for number in lent if number <= held[-1][0]]
        for name, table in written.tables.items():
            tables.setdefault(name, []).append(table)
        for key, number, source in written.found:
            by_key[key], sources[key] = visits[number], visits[source]
        written.tables = {}
    lent = sorted(number for numbers in press.looker.classes.values() for number in numbers)
    assert [number for (number,) in held] == lent
    return Twin(by_key, sources, {n: pa.concat_tables(t) for n, t in tables.items()}, vault, atlas, plan.seed)


@pytest.mark.parametrize(
    ("form", "payload"),
    [("9%: %b", "9%: %b"), ("\ue000 100%", "LK 100%"), ("\ue003%\ue001%%\ue000", "%s%BN%%LK")],
    ids=["no place", "one", "several"],
)
def test_a_form_is_filled_in_whatever_it_says(form: str, payload: str) -> None:
    fill = seals._Fill.of(stencil.Form(1, form.encode()))
    assert [fill.payload([b"LK", b"BN", b"", b"%s"]) for _ in range(2)] == [payload.encode()] * 2


def test_nobody_lies_in_two_blocks() -> None:
    persons = np.array([1, 1, 1, 2, 2, 3, 4, 4, 4, 4, 4, 4, 9], np.int64)
    for most in (1, 2, 3, 5, 100):
        cuts = list(rows._pieces(persons, most))
        assert [start for start, _ in cuts] == [0, *(end for _, end in cuts[:-1])]
        assert cuts[-1][1] == len(persons)
        assert all(persons[end - 1] < persons[end] for _, end in cuts[:-1])
    assert list(rows._pieces(persons, 5)) == [(0, 3), (3, 6), (6, 13)]
    assert list(rows._pieces(persons[:0], 3)) == []


def test_blocks_of_people_are_cut_and_joined_to_about_a_size() -> None:
    twin = rows.Twin(PLAN, Map(load_profile("gialai")))
    (all_visits,) = (block.visits for block in twin.blocks(10**9))
    for most, joined in ((40, False), (len(all_visits) - 1, False), (len(all_visits), True)):
        blocks = list(twin.blocks(most))
        assert (len(blocks) == 1) is joined
        visits = pa.concat_tables(block.visits for block in blocks)
        assert visits.sort_by("visit_no").equals(all_visits.sort_by("visit_no"))
        for block in blocks:
            known = set(block.people["person_no"].to_pylist())
            assert len(known) == block.people.num_rows
            assert known >= set(block.visits["person_no"].to_pylist())
            numbers = block.visits["visit_no"].to_pylist()
            assert block.objects([numbers[-1], numbers[0]]).keys() == {numbers[0], numbers[-1]}


def _for(visits: pa.Table, conditions: Sequence[str]) -> pa.Table:
    return visits.filter(pc.is_in(visits["condition"], pa.array(conditions))) if conditions else visits


@pytest.fixture(scope="module")
def lent() -> Twin:
    """One stencil a class."""
    return stamped()


def ingested(visits: Mapping[str, Visit], atlas: Map, seed: int) -> tuple[dict[str, pa.Table], dict[str, VaultEntry]]:
    """What an ingest makes of the files of these visits, up to the lake and the vault."""
    judge, digests, now = Judge(Digests(KEYS), KEYS, DEFAULT), Digests(KEYS), datetime(2026, 1, 1, tzinfo=UTC)
    deliveries = [
        (
            RawHeader(number, "xml130", "t", "", now, None, 0, ""),
            write_delivery(
                [build(visit, atlas, seed)], facility=visit.clinic.code, created=f"{visit.end:%Y%m%d}",
                version=visit.version,
            ),
        )
        for number, visit in enumerate(visits.values(), 1)
    ]  # fmt: skip
    versions, entries = [], {}
    for judged in judge.read_all(deliveries):
        (one,) = judged.candidates
        assert not judged.findings
        facility, identity = one.dossier.facility, one.dossier.identity
        payload = encode(columns.vault_payload(one.dossier))
        record = digests.record_id(facility, identity, payload)
        blind = columns.blind_values(one.dossier)
        entries[one.dossier_key] = VaultEntry(facility, identity, one.patient_key, payload, blind, record)
        versions.append(
            Versioned(
                one.version_id, judged.header.seq, one.dossier, one.dossier_key, one.patient_key, record,
                one.content_digest, now, one.encounter_key,
            )
        )  # fmt: skip
    return columns.build(versions), entries


def by_dossier(tables: Mapping[str, pa.Table]) -> dict[str, dict[tuple[str, int], dict[str, Any]]]:
    """Dataset → (dossier key, row) → the row without what only a delivery gives."""
    heads = tables[HEAD]
    keys = dict(zip(heads["version_id"].to_pylist(), heads["dossier_key"].to_pylist(), strict=True))
    return {
        name: {
            (keys[row["version_id"]], row.get("row_no", 0)): {k: v for k, v in row.items() if k not in HOUSE}
            for row in table.to_pylist()
        }
        for name, table in tables.items()
        if name.startswith("standard.xml130_") and table.num_rows
    }


def lines_of(one: Twin, dossiers: Sequence[str]) -> list[dict[str, Any]]:
    """The lines of services of some dossiers."""
    return [row for (key, _), row in one.lines["standard.xml130_3"].items() if key in dossiers]


def differences(one: Twin, visits: Mapping[str, Visit]) -> Iterator[tuple[str, str, str, Any, Any]]:
    """(dataset, dossier, column, straight, ingested) of whatever differs in the dossiers of these visits."""
    expected, entries = ingested(visits, one.atlas, one.seed)
    ours, theirs = one.lines, by_dossier(expected)
    for name in ours:
        mine = {key: row for key, row in ours[name].items() if key[0] in visits}
        assert mine.keys() == theirs.get(name, {}).keys(), name
        for key, row in mine.items():
            for column, value in theirs[name][key].items():
                if row[column] != value:
                    yield name, key[0], column, row[column], value
    for key, entry in entries.items():
        held, numbers = one.vault.entries[key], BlindIndex(KEYS)
        if held.payload != entry.payload:
            yield "vault", key, "payload", held.payload, entry.payload
        if {d for pair in held.blind for d in numbers.digests(*pair)} != {
            d for pair in entry.blind for d in numbers.digests(*pair)
        }:
            yield "vault", key, "blind", held.blind, entry.blind


def test_rows_and_records_are_what_the_builder_gives_by_the_same_chance(lent: Twin) -> None:
    """Of the visit it was made of or with other persons, places and times: every text of a stencil's lines is that of
    the builder, sums and dates with it.

    But for the end of a stay: what the stencil has at its end stays there, where the builder may be a little earlier.
    And a child's pulse in a note is that of a child of its years, not of its months.
    """
    others = [key for key, visit in lent.visits.items() if visit is not lent.sources[key]]
    assert len(others) > 140
    chosen = {*others, *list(lent.visits)[::4]}
    borrowed = {key: replace(lent.visits[key], seed=lent.sources[key].seed) for key in chosen}
    assert any(lent.visits[key].person is not lent.sources[key].person for key in others)
    assert any(lent.visits[key].clinic is not lent.sources[key].clinic for key in others)
    assert any(lent.visits[key].person.sex != lent.sources[key].person.sex for key in others)
    assert {"0", "80", "95", "100"} <= {row["MUC_HUONG"] for row in lines_of(lent, others)}
    assert {f"standard.xml130_{number}" for number in (1, 2, 3, 4, 5, 7, 8, 14)} <= lent.tables.keys()
    assert list(left_over(lent, borrowed)) == []
    digests = lent.tables[HEAD]["content_digest"].to_pylist()
    assert len(set(digests)) == len(digests)


def left_over(one: Twin, visits: Mapping[str, Visit]) -> Iterator[tuple[str, str, Any, Any]]:
    """What differs in the dossiers of these visits, but for what may."""
    for name, key, column, ours, theirs in differences(one, visits):
        visit = one.visits[key]
        late = ours == f"{visit.end:%Y%m%d%H%M}" and str(theirs) < ours
        if column == "payload":
            ours, theirs = (VITALS.sub(b"", text) for text in (ours, theirs))
        child = visit.person.age_on(visit.start.date()) < 16 and (column == "record_id" or ours == theirs)
        if column != "content_digest" and not late and not child:
            yield name, column, ours, theirs


@pytest.fixture(scope="module")
def chosen() -> Twin:
    """Births, what comes before them, and an illness of which children stay."""
    codes = [case.code for case in conditions() if case.kind in births.KINDS]
    return stamped(replace(PLAN, persons=12_000, seed=8), [*codes, *PREGNANCY, PNEUMONIA])


def borrowers(one: Twin, wanted: Callable[[Visit], bool]) -> dict[str, Visit]:
    """Visits that borrow, as the builder has them by the chance of their sources."""
    return {
        key: replace(visit, seed=one.sources[key].seed)
        for key, visit in one.visits.items()
        if visit is not one.sources[key] and wanted(visit)
    }


def test_who_the_parents_are_and_who_sent_a_child_is_its_own_on_borrowed_lines(chosen: Twin) -> None:
    def young(visit: Visit) -> bool:
        return visit.condition.code == PNEUMONIA and visit.person.age_on(visit.start.date()) < 16

    pairs = {key: (visit, chosen.sources[key]) for key, visit in borrowers(chosen, young).items()}
    parents = [
        key
        for key, (a, b) in pairs.items()
        if a.ward and (a.person.parents[1] is None) != (b.person.parents[1] is None)
    ]
    sent = [key for key, (a, b) in pairs.items() if bool(a.referred_from) != bool(b.referred_from)]
    assert parents
    assert sent
    assert list(left_over(chosen, {key: pairs[key][0] for key in (*parents, *sent)})) == []


def test_a_birth_borrows_lines_and_says_what_is_known_of_its_own_children(chosen: Twin) -> None:
    """The certificates of births that borrow, and what comes before a birth, are the builder's by the same chance; and
    who was born, when, of what weight and sex, is what the births say."""
    one = chosen
    twins = [key for key, visit in one.visits.items() if visit.delivery and len(visit.delivery.children) > 1]
    borrowed = borrowers(one, lambda visit: visit.condition.code != PNEUMONIA)
    assert list(left_over(one, borrowed | {key: one.visits[key] for key in twins})) == []
    born = [visit.delivery for visit in borrowed.values() if visit.delivery]
    assert len(born) > 30
    assert {len(one.visits[key].delivery.children) for key in twins} == {births.MOST}
    assert {bool(delivery.father) for delivery in born} == {True, False}
    children = {(bool(c.name), c.person is None) for delivery in born for c in delivery.children}
    assert children == {(True, True), (False, True), (True, False)}
    assert sum(visit.expected is not None for visit in borrowed.values()) > 3
    assert any(key in borrowed for key, _ in one.lines["standard.xml130_10"])
    slips = one.lines["standard.xml130_9"]
    for key, visit in one.visits.items():
        expected = visit.delivery.children if visit.delivery and visit.version != "4210" else ()
        assert [
            (slip["NGAY_SINH_CON"], slip["CAN_NANG_CON"], slip["GIOI_TINH_CON"], slip["NGAYSINH_NND"])
            for place in range(1, births.MOST + 2)
            if (slip := slips.get((key, place)))
        ] == [
            (f"{c.born:%Y%m%d%H%M}", str(c.weight), "2" if c.sex == "F" else "1", f"{visit.person.birth:%Y%m%d}")
            for c in expected
        ]


def test_more_children_than_a_payload_has_places_for_are_refused() -> None:
    child = ("", "TE1520000000000", "2025/01", "", "202501010101")
    day, told = births.children("\x1f".join(("19990101", *child * births.MOST)))
    assert (day, len(told)) == ("19990101", births.MOST)
    with pytest.raises(ValueError, match="children"):
        births.children("\x1f".join(("19990101", *child * (births.MOST + 1))))


def test_every_text_of_a_lent_stencil_reads_as_its_type(lent: Twin) -> None:
    with duckdb.connect() as connection:
        connection.execute(casts.MACROS)
        connection.execute("CREATE SCHEMA standard")
        for name, table in lent.tables.items():
            connection.register("incoming", table)
            connection.execute(f"CREATE TABLE {name} AS SELECT * FROM incoming")
        checks = {name: cast_findings_sql(catalogue()[name]) for name in lent.tables if name != "standard.delivery"}
        assert sum(sql is not None for sql in checks.values()) > 8
        for sql in filter(None, checks.values()):
            assert connection.execute(sql).fetchall() == []


def test_times_of_a_column_are_taken_apart_as_one_by_one() -> None:
    """Against the clock of the builder, told of one text at a time."""
    chance, start = random.Random(1), datetime(2024, 2, 28, 10, 17)
    starts, ends, texts = [], [], []
    for _ in range(2_000):
        begun = start + timedelta(minutes=chance.randrange(10**6))
        ended = begun + timedelta(minutes=chance.choice((0, 50, 3_000, 20_000)))
        then = begun + timedelta(minutes=chance.randrange(-3_000, 30_000))
        texts.append(
            chance.choice(
                (None, "", "0", "ngày", "2024010", "18991231", "19000101", "19000102", "2024010112000",
                 f"{then:%Y%m%d}", f"{then:%Y%m%d%H%M}", f"{ended:%Y%m%d%H%M}", f"{begun:%Y%m%d%H%M}")
            )
        )  # fmt: skip
        starts.append(begun)
        ends.append(ended)
    told = [np.array(moments, "M8[m]") for moments in (starts, ends)]
    ways, fars = stencil._ways(pa.chunked_array([pa.array(texts)]), told[0], told[1])
    expected = [way(*one) for one in zip(texts, starts, ends, strict=True)]
    assert set(ways.tolist()) == {stencil.TEXT, stencil.FROM_START, stencil.FROM_DAY, stencil.FROM_END, stencil.DAY}
    assert list(zip(ways.tolist(), fars.tolist(), strict=True)) == expected


def way(text: str | None, start: datetime, end: datetime) -> tuple[int, int]:
    minute, midnight = timedelta(minutes=1), datetime.combine(start.date(), datetime.min.time())
    if text and len(text) == 8 and text.isdigit() and text > "19000101":
        return stencil.DAY, (datetime.strptime(text, "%Y%m%d") - midnight) // minute
    if not text or len(text) != 12 or not text.isdigit():
        return stencil.TEXT, 0
    moment = datetime.strptime(text, "%Y%m%d%H%M")
    if moment >= end:
        return stencil.FROM_END, (moment - end) // minute
    if moment - midnight >= timedelta(days=1, hours=7):
        return stencil.FROM_DAY, (moment - midnight) // minute
    return stencil.FROM_START, (moment - start) // minute


@pytest.mark.parametrize(
    "text", ["202413010000", "202400010000", "202402300000", "202401012400", "202401010060", "20240230"]
)
def test_digits_that_are_no_time_are_refused(text: str) -> None:
    moment = np.array([datetime(2024, 1, 1)], "M8[m]")
    with pytest.raises(ValueError, match="no time"):
        stencil._ways(pa.chunked_array([pa.array([text])]), moment, moment)


def test_what_the_test_compares_is_not_blind(lent: Twin) -> None:
    """A visit moved by one minute, or to another person, is told apart."""
    key, visit = next((k, v) for k, v in lent.visits.items() if v.kind == "01" and v is lent.sources[k])
    other = next(v for v in lent.visits.values() if v.person.name != visit.person.name)
    assert list(differences(lent, {key: visit})) == []
    assert list(differences(lent, {key: replace(visit, end=visit.end + timedelta(minutes=1))}))
    renamed = replace(visit.person, name=other.person.name)
    found = {(name, column) for name, _, column, *_ in differences(lent, {key: replace(visit, person=renamed)})}
    assert {("vault", "payload"), ("vault", "blind"), (HEAD, "record_id")} <= found
