"""Papers, births, dresses and bare files of the twin, each against its contract or an oracle of its own."""

from __future__ import annotations

import io
import unicodedata
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bienho.config import load_profile
from bienho.standards.xml130 import read_delivery
from bienho.standards.xml130.write import BARE, TABLES, layout, write_assessment, write_check_in, write_dossier
from bienho.synthetic import Plan
from bienho.synthetic.chance import stream
from bienho.synthetic.dossiers.bare import assessment_row, assessments, check_in, check_in_version
from bienho.synthetic.dossiers.courses import TB_DAYS, Child, Delivery, hiv_of, tb_of
from bienho.synthetic.dossiers.dossier import Tables, build
from bienho.synthetic.dossiers.visits import Visit
from bienho.synthetic.people import Person, population
from bienho.synthetic.places import Map
from bienho.synthetic.plan import version_on
from bienho.synthetic.reference import conditions
from bienho.synthetic.sending.deliver import shipments
from bienho.synthetic.sending.dress import archive, dress_subfile, windows_1258

PLAN = Plan(persons=400, months=12, seed=3)
LAST = PLAN.end - timedelta(days=1)
VERSIONS = ("130", "4750", "3176")


@pytest.fixture(scope="module")
def atlas() -> Map:
    return Map(load_profile("gialai"))


@pytest.fixture(scope="module")
def people(atlas: Map) -> list[Person]:
    return list(population(PLAN, atlas))


def case(code: str):  # type: ignore[no-untyped-def]
    return next(c for c in conditions() if c.code == code)


def a_visit(atlas: Map, person: Person, code: str, version: str, kind: str = "03", **more: object) -> Visit:
    year = {"130": 2023, "4750": 2024, "3176": 2025}[version]
    start = datetime(year, 9, 3, 8, 10)
    end = start + (timedelta(days=4) if kind in ("03", "04", "06") else timedelta(minutes=70))
    clinic = next(c for c in atlas.clinics if c.level == 2)
    visit = Visit(person, clinic, case(code), kind, start, end, 5, version, f"v{code}", **more)  # type: ignore[arg-type]
    visit.serial = 7
    return visit


def adult(people: list[Person], sex: str = "F", group: str = "DN4") -> Person:
    found = next(p for p in people if p.sex == sex and 22 < p.age_on(date(2023, 9, 1)) < 40)
    return replace(found, group=group)


def every_paper(atlas: Map, people: list[Person], version: str) -> Iterator[Tables]:
    """Dossiers that between them have every table of the version."""
    woman = adult(people)
    born = {"130": 2023, "4750": 2024, "3176": 2025}[version]
    moment = datetime(born, 9, 3, 20, 0)
    twins = tuple(Child(moment + timedelta(minutes=n * 8), "FM"[n], f"Mẫu {n}", 1900, None) for n in range(2))
    delivery = Delivery(twins, 30, 2, 3, "Mẫu Cha")
    hiv = hiv_of(3, woman.index)
    tb = tb_of(3, woman.index, 30.0, date(born, 6, 1), confirmed=True)
    visits = [
        a_visit(atlas, woman, "O84.2", version, delivery=delivery),
        a_visit(atlas, woman, "O47.9", version, kind="01", expected=date(born, 9, 20)),
        *(replace(a_visit(atlas, woman, "J20.9", version, kind="01"), seed=f"leave{n}") for n in range(12)),
        a_visit(atlas, woman, "O03.9", version),
        replace(a_visit(atlas, woman, "J18.9", version), referred_to="64001", referral="25/GCT-00001"),
        a_visit(atlas, woman, "B24", version, kind="05", hiv=hiv),
        a_visit(atlas, woman, "A15.0", version, kind="05", tb=tb),
        a_visit(atlas, woman, "A15.0", version, kind="05", tb=replace(tb, hiv=hiv)),
    ]
    for visit in visits:
        if visit.kind == "05":
            visit.days, visit.end = 28, visit.start + timedelta(days=27)
        yield build(visit, atlas, PLAN.seed)
    routine = [replace(a_visit(atlas, woman, "I10", version, kind="05"), seed=f"chronic{n}") for n in range(12)]
    for visit in routine:
        visit.days, visit.end = 28, visit.start + timedelta(days=27)
        yield build(visit, atlas, PLAN.seed)


@pytest.mark.parametrize("version", VERSIONS)
def test_every_table_of_a_version_can_occur_and_keeps_its_contract(
    version: str, atlas: Map, people: list[Person]
) -> None:
    met = set()
    for tables in every_paper(atlas, people, version):
        write_dossier(tables, version=version)  # strict: names, sizes, characters, one key
        for table, rows in tables.items():
            met.add(table)
            for row in rows:
                lacking = [f.official for f in layout(table, version) if f.required and not row[f.official]]
                assert lacking == []
    later = {"XML13", "XML14", "XML15"} if version == "130" else set()
    assert met == set(TABLES) - set(BARE) - later


def test_a_referral_of_4750_wears_the_old_names_and_carries_the_method_of_treatment(
    atlas: Map, people: list[Person]
) -> None:
    for version, name in (("4750", b"<MA_NOI_DEN>"), ("3176", b"<MA_CSKCB_DEN>")):
        for tables in every_paper(atlas, people, version):
            if "XML13" not in tables:
                continue
            written = dict(write_dossier(tables, version=version))["XML13"]
            assert name in written
            row, head = tables["XML13"][0], tables["XML1"][0]
            assert (row["TINH_TRANG_CT"] == head["PP_DIEU_TRI"]) == (version == "4750")
            assert (b"<TEN_THUOC>" in written) == (version == "4750")


def test_a_pregnancy_that_ended_is_told_the_same_way_on_every_paper(atlas: Map, people: list[Person]) -> None:
    stay = build(a_visit(atlas, adult(people), "O03.9", "3176"), atlas, 3)["XML7"][0]
    assert (stay["MA_DINH_CHI_THAI"], stay["NGUYENNHAN_DINHCHI"]) == ("1", "Sẩy thai tự nhiên")
    assert stay["NGAY_VAO"] <= stay["THOIGIAN_DINHCHI"] <= stay["NGAY_RA"]
    man = build(a_visit(atlas, adult(people, "M"), "J18.9", "3176"), atlas, 3)["XML7"][0]
    assert (man["MA_DINH_CHI_THAI"], man["TUOI_THAI"]) == ("", "")


def test_only_employees_get_leave(atlas: Map, people: list[Person]) -> None:
    leaves = {"DN4": 0, "GD4": 0}
    for group in leaves:
        for n in range(30):
            visit = replace(a_visit(atlas, adult(people, group=group), "J20.9", "3176", kind="01"), seed=f"l{n}")
            leaves[group] += "XML11" in build(visit, atlas, 3)
    assert leaves["GD4"] == 0
    assert 5 < leaves["DN4"] < 25


def test_twins_of_the_population_share_a_mother_and_a_day(atlas: Map) -> None:
    crowd = list(population(Plan(persons=30_000, seed=5), atlas))
    born: dict[tuple[int, date], list[Person]] = {}
    for person in crowd:
        if person.mother >= 0:
            born.setdefault((person.mother, person.birth), []).append(person)
    pairs = [group for group in born.values() if len(group) > 1]
    assert 0.005 < len(pairs) / len(born) < 0.02
    for one, other in (pair for pair in pairs if len(pair) == 2):
        assert (one.household, one.father, one.family, one.people) == (
            other.household, other.father, other.family, other.people,
        )  # fmt: skip
        assert one.personal_id != other.personal_id
        assert one.insurance_id != other.insurance_id
    last: dict[int, date] = {}
    for mother, day in sorted(born):
        assert mother not in last or (day - last[mother]).days >= 300
        last[mother] = day


def test_courses_keep_to_themselves(people: list[Person]) -> None:
    person = adult(people)
    hiv = hiv_of(3, person.index)
    assert hiv == hiv_of(3, person.index)
    assert hiv.confirmed < hiv.arv < hiv.switched < date(2023, 1, 1)
    assert tb_of(3, person.index, 30.0, date(2025, 5, 5), confirmed=True).started == date(2025, 5, 5)
    assert TB_DAYS == 168


@pytest.mark.parametrize("version", VERSIONS)
def test_check_ins_of_every_version_are_read_as_they_were_written(
    version: str, atlas: Map, people: list[Person]
) -> None:
    visit = a_visit(atlas, adult(people), "J18.9", version)
    rows = check_in(visit, build(visit, atlas, 3))
    assert check_in_version(visit) == version
    assert len(rows) == (1 if version == "130" else 2)
    rows = [row | {"STT": str(n)} for n, row in enumerate(rows, 1)]
    envelope = read_delivery(write_check_in(rows, version=version))
    (document,) = envelope.dossiers
    assert document.findings == ()  # type: ignore[union-attr]
    assert document.tables == {"XML0": rows}  # type: ignore[union-attr]
    visit.emergency = True
    assert check_in(visit, build(visit, atlas, 3)) == []


def test_the_board_meets_on_thursdays_and_numbers_its_records(people: list[Person]) -> None:
    crowd = [replace(people[n % len(people)], index=n) for n in range(4000)]
    meetings = list(assessments(PLAN, crowd))
    records = [(one.met.year, one.record) for seen in meetings for one in seen]
    assert len(records) == len(set(records)) > 3
    assert {seen[0].met.weekday() for seen in meetings} == {3}
    rows = [assessment_row(PLAN.seed, one) for seen in meetings[:2] for one in seen]
    documents = list(read_delivery(write_assessment(rows, version="3176"), board_facility="52GDY").dossiers)
    assert [document.tables["XML12"][0] for document in documents] == rows  # type: ignore[union-attr]
    assert all(document.findings == () for document in documents)  # type: ignore[union-attr]


def test_the_board_sends_nothing_before_there_was_a_format_for_it(people: list[Person]) -> None:
    """A twin that begins in 2022 has its records only since the edition of Decision 130, each as its edition asks."""
    crowd = [replace(people[n % len(people)], index=n) for n in range(4000)]
    meetings = list(assessments(replace(PLAN, start=date(2022, 1, 1), months=60), crowd))
    by_version = {version_on(seen[0].met): seen for seen in meetings}
    assert by_version.keys() == set(VERSIONS)
    for version, seen in by_version.items():
        data = write_assessment([assessment_row(PLAN.seed, one) for one in seen], version=version)
        documents = list(read_delivery(data, board_facility="52GDY").dossiers)
        assert len(documents) == len(seen)
        assert all(document.findings == () for document in documents)  # type: ignore[union-attr]


@given(
    st.text(st.sampled_from("aăâbdđeêioôơuưyAĂÂĐÊÔƠƯ ắằẳẵặấầẩẫậéèẻẽẹếềểễệíìỉĩịóòỏõọốồổỗộớờởỡợúùủũụứừửữựýỳỷỹỵkr'ĭŏŭčñ"))
)
def test_windows_1258_reads_back_as_the_same_text(text: str) -> None:
    data = windows_1258(text)
    back = data.decode("cp1258")
    for letter in "ĭŏŭčñ":  # what the code page lacks travels as a reference
        back = back.replace(f"&#{ord(letter)};", letter)
    assert unicodedata.normalize("NFC", back) == unicodedata.normalize("NFC", text)


def test_dresses_say_the_same() -> None:
    plain = '<?xml version="1.0" encoding="utf-8"?><HO_TEN>Rơ Châm H\'Nhung Đặng</HO_TEN>'.encode()
    assert unicodedata.normalize("NFC", dress_subfile(plain, "nfd").decode()) == plain.decode()
    assert dress_subfile(plain, "nfd") != plain
    assert dress_subfile(plain, "utf16").decode("utf-16").endswith("Đặng</HO_TEN>")
    assert b'encoding="windows-1258"' in dress_subfile(plain, "windows_1258")
    assert dress_subfile(plain, "crlf") == plain


def test_an_archive_holds_its_envelopes_in_order_and_is_the_same_every_time() -> None:
    parts = [b"<a/>", b"<b/>", b"<c/>"]
    with zipfile.ZipFile(io.BytesIO(archive(parts))) as packed:
        assert [packed.read(name) for name in sorted(packed.namelist())] == parts
    assert archive(parts) == archive(parts)


def test_arrivals_are_sent_before_their_dossier(atlas: Map, people: list[Person]) -> None:
    clinic = next(c for c in atlas.clinics if c.level == 3)
    visits = []
    for n, person in enumerate(people[:40]):
        day = datetime(2025, 10, 1 + n % 20, 8, n)
        visits.append(
            Visit(person, clinic, case("I10"), "08", day, day + timedelta(hours=2), 1, "3176", f"s{n}")
        )  # fmt: skip
    plan = Plan(persons=40, months=12, seed=3, share_checkin=1.0, share_resent=0.5, share_duplicate=0.4)
    order: dict[str, list[str]] = {}
    for shipment in shipments(plan, visits):
        assert len({item.kind == "check_in" for item in shipment.items}) == 1
        for item in shipment.items:
            order.setdefault(item.visit.seed, []).append(item.kind)
    assert len(order) == 40
    assert all(kinds[:2] == ["check_in", "first"] for kinds in order.values())
    assert any(kinds[2:] == ["resend"] for kinds in order.values())


def test_a_stream_of_papers_does_not_disturb_the_other_tables(atlas: Map, people: list[Person]) -> None:
    one = build(a_visit(atlas, adult(people, group="DN4"), "J18.9", "3176"), atlas, 3)
    other = build(a_visit(atlas, adult(people, group="GD4"), "J18.9", "3176"), atlas, 3)
    assert one["XML3"] == other["XML3"]
    assert stream(3, "papers", "x").random() != stream(3, "dossier", "x").random()
