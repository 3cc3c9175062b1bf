"""Spellings, digests and sealing over anything a field may hold."""

from __future__ import annotations

import hashlib
import unicodedata
from importlib.resources import files

import pytest
import zstandard
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given, settings
from hypothesis import strategies as st

from bienho.config import KeyRing
from bienho.core.errors import IntegrityError
from bienho.privacy import encode
from bienho.privacy.blind import normalise
from bienho.privacy.digests import keyed
from bienho.privacy.sealing import Sealer
from support.examples import some

KEYS = KeyRing("0123456789abcdef", bytes(range(32)))
SEALER = Sealer(KEYS)
TEXT = st.text(max_size=60)
PAYLOADS = st.dictionaries(
    st.sampled_from(["XML1", "XML2", "XML4", "XML5"]),
    st.lists(st.dictionaries(st.text(min_size=1, max_size=12), st.none() | TEXT, max_size=6), max_size=4),
    max_size=4,
)
PART = st.text(alphabet="ab|\0é", max_size=6)


def one(cipher: AESGCM, record: bytes, payload: dict) -> bytes:
    (sealed,) = SEALER.seal([cipher], [record], [encode(payload)])
    return sealed


@given(st.lists(PART, max_size=4), st.lists(PART, max_size=4))
def test_different_parts_give_different_digests(first: list[str], second: list[str]) -> None:
    same = [part.encode() for part in first] == [part.encode() for part in second]
    assert (keyed(b"k" * 32, *first) == keyed(b"k" * 32, *second)) is same


@given(PAYLOADS)
@settings(max_examples=some(150))
def test_what_is_sealed_opens_as_it_was(payload: dict) -> None:
    patient, record = b"p" * 16, b"r" * 16
    ((cipher, wrapped),) = SEALER.new_data_keys([patient])
    sealed = one(cipher, record, payload)
    assert SEALER.open(SEALER.data_key(patient, wrapped, SEALER.version), record, sealed) == payload
    assert sealed != one(cipher, record, payload)


@given(st.lists(PAYLOADS, max_size=8))
def test_a_batch_is_sealed_as_its_parts_are(payloads: list[dict]) -> None:
    """Each under its own key and name, none under another's; no nonce twice."""
    patients = [bytes([place]) * 16 for place in range(len(payloads))]
    made = list(SEALER.new_data_keys(patients))
    sealed = SEALER.seal([cipher for cipher, _ in made], patients, [encode(payload) for payload in payloads])
    for place, ((cipher, wrapped), patient) in enumerate(zip(made, patients, strict=True)):
        assert SEALER.open(SEALER.data_key(patient, wrapped, 1), patient, sealed[place]) == payloads[place]
        with pytest.raises(IntegrityError):
            SEALER.open(cipher, patient, sealed[place - 1] if len(sealed) > 1 else b"\2")
    assert len({text[1:13] for text in sealed}) == len({wrapped[:12] for _, wrapped in made}) == len(payloads)


@given(PAYLOADS)
def test_a_record_of_before_the_dictionary_opens(payload: dict) -> None:
    ((cipher, _),) = SEALER.new_data_keys([b"p" * 16])
    nonce, record = b"n" * 12, b"r" * 16
    packed = zstandard.ZstdCompressor(level=3).compress(encode(payload))
    sealed = b"\1" + nonce + cipher.encrypt(nonce, packed, b"\1" + record)
    assert SEALER.open(cipher, record, sealed) == payload
    with pytest.raises(IntegrityError):
        SEALER.open(cipher, record, b"\2" + sealed[1:])


def test_the_dictionary_is_the_one_that_records_were_sealed_with() -> None:
    data = (files("bienho.privacy") / "data" / "payload-1.zdict").read_bytes()
    assert hashlib.sha256(data).hexdigest() == "0b56804cd46253a3603ec25c310ef8334df14ac78d1fbaca1f6b6ab688761e27"


@given(PAYLOADS, st.integers(min_value=0), st.integers(min_value=1, max_value=255))
@settings(max_examples=some(150))
def test_any_changed_byte_is_refused(payload: dict, where: int, change: int) -> None:
    ((cipher, _),) = SEALER.new_data_keys([b"p" * 16])
    sealed = bytearray(one(cipher, b"r" * 16, payload))
    sealed[where % len(sealed)] ^= change
    with pytest.raises(IntegrityError):
        SEALER.open(cipher, b"r" * 16, bytes(sealed))


@given(PAYLOADS, st.integers(min_value=0, max_value=40))
def test_a_cut_record_is_refused(payload: dict, length: int) -> None:
    ((cipher, _),) = SEALER.new_data_keys([b"p" * 16])
    sealed = one(cipher, b"r" * 16, payload)
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
