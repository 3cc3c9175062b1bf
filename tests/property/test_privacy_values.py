"""Spellings, digests and sealing over anything a field may hold."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bienho.config import KeyRing
from bienho.core.errors import IntegrityError
from bienho.privacy import encode
from bienho.privacy.blind import normalise
from bienho.privacy.digests import keyed
from bienho.privacy.sealing import Sealer

KEYS = KeyRing("0123456789abcdef", bytes(range(32)))
SEALER = Sealer(KEYS)
TEXT = st.text(max_size=60)
PAYLOADS = st.dictionaries(
    st.sampled_from(["XML1", "XML2", "XML4", "XML5"]),
    st.lists(st.dictionaries(st.text(min_size=1, max_size=12), st.none() | TEXT, max_size=6), max_size=4),
    max_size=4,
)
PART = st.text(alphabet="ab|\0é", max_size=6)


@given(st.lists(PART, max_size=4), st.lists(PART, max_size=4))
def test_different_parts_give_different_digests(first: list[str], second: list[str]) -> None:
    same = [part.encode() for part in first] == [part.encode() for part in second]
    assert (keyed(b"k" * 32, *first) == keyed(b"k" * 32, *second)) is same


@given(PAYLOADS)
@settings(max_examples=150)
def test_what_is_sealed_opens_as_it_was(payload: dict) -> None:
    patient, record = b"p" * 16, b"r" * 16
    cipher, wrapped = SEALER.new_data_key(patient)
    sealed = SEALER.seal(cipher, record, encode(payload))
    assert SEALER.open(SEALER.data_key(patient, wrapped, SEALER.version), record, sealed) == payload
    assert sealed != SEALER.seal(cipher, record, encode(payload))


@given(PAYLOADS, st.integers(min_value=0), st.integers(min_value=1, max_value=255))
@settings(max_examples=150)
def test_any_changed_byte_is_refused(payload: dict, where: int, change: int) -> None:
    cipher, _ = SEALER.new_data_key(b"p" * 16)
    sealed = bytearray(SEALER.seal(cipher, b"r" * 16, encode(payload)))
    sealed[where % len(sealed)] ^= change
    with pytest.raises(IntegrityError):
        SEALER.open(cipher, b"r" * 16, bytes(sealed))


@given(PAYLOADS, st.integers(min_value=0, max_value=40))
def test_a_cut_record_is_refused(payload: dict, length: int) -> None:
    cipher, _ = SEALER.new_data_key(b"p" * 16)
    sealed = SEALER.seal(cipher, b"r" * 16, encode(payload))
    with pytest.raises(IntegrityError):
        SEALER.open(cipher, b"r" * 16, sealed[: min(length, len(sealed) - 1)])


@given(PAYLOADS, st.randoms(use_true_random=False))
def test_the_order_of_fields_does_not_change_a_record(payload: dict, rng) -> None:
    shuffled = {
        table: [dict(rng.sample(list(row.items()), len(row))) for row in rows]
        for table, rows in rng.sample(list(payload.items()), len(payload))
    }
    assert encode(shuffled) == encode(payload)


@given(st.sampled_from(["personal_id", "insurance_number", "phone"]), TEXT)
def test_a_spelling_is_its_own_spelling(kind: str, text: str) -> None:
    for value in normalise(kind, text):
        assert normalise(kind, value) == [value]


@given(st.from_regex(r"[0-9A-Za-z]{1,20}", fullmatch=True), st.sampled_from([" ", ".", "-", "\t", "\u00a0"]))
def test_separators_and_case_do_not_matter(text: str, separator: str) -> None:
    """The quick way for clean values agrees with the thorough one."""
    spread = separator + separator.join(text.lower())
    for kind in ("personal_id", "insurance_number", "phone"):
        assert normalise(kind, text) == normalise(kind, spread)


@given(st.text(alphabet="NguyễnĐặngươ ếỆ'", min_size=1, max_size=30), st.from_regex(r"[12][0-9]{7}", fullmatch=True))
def test_a_name_is_found_in_any_unicode_form_and_case(name: str, birth: str) -> None:
    plain = normalise("name_birth", f"{name}|{birth}")
    for other in (unicodedata.normalize("NFD", name), name.upper(), f"  {name.replace(' ', '   ')} "):
        assert normalise("name_birth", f"{other}|{birth}0000") == plain
