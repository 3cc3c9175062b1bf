"""Cleaning over anything a field may hold: it never fails, is the same both ways, and what is clean stays."""

from __future__ import annotations

import unicodedata
from datetime import date

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from bienho.config import load_profile
from bienho.linkage import CLEAN, RECORDS, clean, places_of
from bienho.linkage.normalise import dates, names, numbers, places
from bienho.linkage.normalise.clean import FEW
from bienho.linkage.normalise.syllables import is_syllable, plain_syllables, settled, syllables, unmarked, with_tone
from bienho.linkage.records import OPTIONAL, REQUIRED
from support.examples import some

FIELDS = (*REQUIRED, *OPTIONAL[:-1])
ANY = st.text(max_size=40)
# Texts near enough to real ones for every branch to be met.
_PIECES = (
    "Nguyễn NGUYEN nguyeenx Nguye64n NguyÔn Nguy?n Nguy\ufffdn Trần Dặng \u00d0inh Thị Thi Thij Văn Van Hà Ho\u0300a "
    "Mỹ Hồng An Ksor K' sor Siu Rơ Châm Rchâm R'Ô Lan H' H H'Nhung HNhung Hơ h’Lan `Yên Y A Niê Byă Bưn Klơh Kpaw "
    "Ông Bà Bé BN Con con CB bà sơ sinh trai gái 1 2 bé (1) C/B VÔ DANH KHÔNG TÊN - , . / ' ( Đ ð 王 \u200b \u00ad ß İ "
    "ﬁ Ꞌ H'' hh"
)
PIECES = st.sampled_from(_PIECES.split())
NAMES = st.lists(PIECES, max_size=7).map(" ".join) | ANY
DIGITS = st.text(alphabet="0123456789", max_size=14)
CODED = st.text(alphabet="0123456789GDHT+-./ OIlE(;", max_size=24) | DIGITS | ANY
DAYS = st.text(alphabet="0123456789-/ :.", max_size=14) | DIGITS | st.dates(date(1880, 1, 1)).map("{:%Y%m%d}".format)
_PARTS = (
    "Tổ 3|Thôn 1|Số 5|12/4 đường Trần Phú|P. Trần Phú|Phường Quy Nhơn|Xã IaGrai|X\ufffd Hra|TP Quy Nhơn|Huyện Đăk Đoa|"
    "Tỉnh Gia Lai|Gia Lai|Plây Ksing|la Băng|K' Bang|Xã|xa|,"
)
PARTS = st.sampled_from(_PARTS.split("|"))
ADDRESSES = st.lists(PARTS, max_size=5).map(", ".join) | st.lists(PARTS, max_size=5).map(" ".join) | ANY
COMMUNES = [change.old_code for change in load_profile().commune_mapping[::40]] + [
    "21583",
    "26734",
    "021553",
    "21553.0",
]
OF_FIELD = {
    "full_name": NAMES, "mother_name": NAMES, "father_name": NAMES, "birth_date": DAYS, "visit_date": DAYS,
    "personal_id": CODED, "insurance_no": CODED, "phone": CODED, "mother_id": CODED, "address_text": ADDRESSES,
    "commune_code": st.sampled_from(COMMUNES) | CODED,
    "province_code": st.sampled_from(["52", "64", "79", "052"]) | CODED,
    "sex": st.sampled_from(["1", "2", "Nam", "nữ", "0", "F"]) | ANY,
    "ethnic_code": st.sampled_from(["01", "10", "12", "13", "Ba-na", "100"]) | ANY,
}  # fmt: skip
RECORD = st.fixed_dictionaries({field: st.none() | OF_FIELD.get(field, ANY) for field in FIELDS})


def table(records: list[dict[str, str | None]]) -> pa.Table:
    return pa.Table.from_pylist(records, schema=RECORDS).drop_columns(["arrived"])


@given(st.lists(RECORD, min_size=1, max_size=12))
@settings(max_examples=some(150))
def test_columns_and_single_records_say_the_same(records: list[dict[str, str | None]]) -> None:
    """Padded to more than FEW rows the columns are at work, else the records one by one."""
    padded = records + [records[0]] * FEW
    whole = clean(table(padded))
    assert whole.schema == CLEAN
    assert whole.drop_columns(["arrived"]).slice(0, len(records)).to_pylist() == (
        clean(table(records)).drop_columns(["arrived"]).to_pylist()
    )


@given(RECORD, st.lists(RECORD, max_size=3))
@settings(max_examples=some(60))
def test_a_record_does_not_look_at_its_neighbours(
    record: dict[str, str | None], others: list[dict[str, str | None]]
) -> None:
    alone = clean(table([record])).drop_columns(["arrived"]).to_pylist()
    assert clean(table([*others, record])).drop_columns(["arrived"]).to_pylist()[-1:] == alone


@given(NAMES)
@settings(max_examples=some(600))
def test_a_folded_name_stays_as_it_is(text: str) -> None:
    once = names.parse(text)
    again = names.parse(once.name)
    assert (again.name, again.plain) == (once.name, once.plain)
    assert (again.family, again.middle, again.given) == (once.family, once.middle, once.given)


@given(NAMES)
@settings(max_examples=some(300))
def test_the_parts_of_a_name_are_the_name(text: str) -> None:
    name = names.parse(text)
    assert (name.name is None) == (name.plain is None) == (name.given is None and name.family is None)
    if name.plain:
        assert (name.family or "") in name.plain
        assert name.given is None or name.given in name.plain
        told = [*(name.middle or "").split(), *filter(None, (name.family, name.given))]
        assert len(told) == len(name.plain.split(" "))
        assert not any(unicodedata.combining(char) or (char.isspace() and char != " ") for char in name.plain)
        assert "'" not in name.plain
    assert name.newborn_of is None or name.name is None


@given(NAMES)
@settings(max_examples=some(200))
def test_case_form_and_blanks_of_a_name_do_not_matter(text: str) -> None:
    assert names.parse(f"  {text.replace(' ', '   ')} ") == names.parse(text)
    if not any(char in text for char in "\u00ad\ufffd"):
        composed = unicodedata.normalize("NFC", text)
        assert names.parse(unicodedata.normalize("NFD", composed)) == names.parse(composed)


@given(st.sampled_from(sorted(syllables())), st.sampled_from(["", "\u0300", "\u0301", "\u0303", "\u0309", "\u0323"]))
def test_a_tone_may_stand_anywhere(base: str, tone: str) -> None:
    word = settled(with_tone(base, tone))
    decomposed = unicodedata.normalize("NFD", with_tone(base, ""))
    for place in range(1, len(decomposed) + 1):
        moved = unicodedata.normalize("NFC", decomposed[:place] + tone + decomposed[place:])
        if is_syllable(moved):
            assert settled(moved) == word
    assert settled(word) == word
    assert unmarked(word) in plain_syllables()


@given(DAYS)
def test_a_birth_is_a_day_that_exists_or_a_part_of_one(text: str) -> None:
    born = dates.birth(text)
    if born.day is not None:
        assert date(born.year or 0, born.month or 0, born.day)
    assert born.month is None or (born.year is not None and 1 <= born.month <= 12)
    assert not (born.placeholder and born.month)


@given(st.dates(date(1901, 1, 1), date(2199, 12, 31)))
def test_days_are_counted_from_1970(day: date) -> None:
    number = dates.day_number(f"{day:%Y%m%d}")
    assert number == (day - date(1970, 1, 1)).days
    assert dates.year_of(number) == day.year
    assert dates.day_number(f"{day:%d/%m/%Y}") == dates.day_number(f"{day:%Y-%m-%d} 07:30") == number


@given(CODED)
@settings(max_examples=some(300))
def test_numbers_are_whole_or_nothing_and_stay(text: str) -> None:
    both, card, phone = numbers.personal_numbers(text), numbers.card(text), numbers.phone(text)
    for found, size in ((both.cccd, 12), (both.cmnd, 9), (card.insurance, 10)):
        assert found is None or (found.isdigit() and len(found) == size and not numbers.is_filler(found))
    assert phone is None or (phone.isdigit() and phone[0] == "0" and len(phone) in (10, 11))
    assert both.cccd is None or numbers.personal_numbers(both.cccd) == (both.cccd, None)
    assert card.insurance is None or numbers.card(f"{card.prefix or ''}{card.insurance}") == card
    assert phone is None or numbers.phone(phone) == phone


@given(ADDRESSES)
@settings(max_examples=some(200))
def test_an_address_is_folded_once(text: str) -> None:
    known = places_of()
    words = places.address(text, known).words
    assert words is None or (words == words.strip().lower() and "  " not in words and unmarked(words) == words)
