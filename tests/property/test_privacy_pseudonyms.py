"""Names for recipients: stable within one, nothing in common between two, and never a key of the lake."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bienho.config import KeyRing
from bienho.core.text import nfc
from bienho.privacy import Digests, Pseudonyms
from bienho.privacy.pseudonyms import SUBJECTS

KEYS = KeyRing("0123456789abcdef", bytes(range(32)))
RECIPIENTS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=40).filter(lambda t: t == nfc(t).strip())
PEOPLE = st.lists(st.binary(min_size=16, max_size=16).map(bytes.hex), min_size=1, max_size=20, unique=True)
SUBJECT = st.sampled_from(SUBJECTS)


@given(RECIPIENTS, SUBJECT, PEOPLE)
def test_within_a_recipient_names_are_stable_and_tell_people_apart(who: str, subject: str, people: list[str]) -> None:
    first, again = Pseudonyms(KEYS, who), Pseudonyms(KeyRing("0123456789abcdef", bytes(range(32))), who)
    names = [first.of(subject, key) for key in people]
    assert names == [again.of(subject, key) for key in people]
    assert len(set(names)) == len(people)
    assert not set(names) & set(people)


@given(st.lists(RECIPIENTS, min_size=2, max_size=6, unique=True), PEOPLE)
def test_two_recipients_have_no_name_in_common(recipients: list[str], people: list[str]) -> None:
    held = [Pseudonyms(KEYS, who).of(subject, key) for who in recipients for subject in SUBJECTS for key in people]
    assert len(set(held)) == len(recipients) * len(SUBJECTS) * len(people)


@given(RECIPIENTS, PEOPLE)
def test_bits_of_two_recipients_differ_as_chance_would_have_it(who: str, people: list[str]) -> None:
    """Far from it would be a common key: half of the bits differ, within what 128 throws of a coin allow."""
    one, two = Pseudonyms(KEYS, who), Pseudonyms(KEYS, who + "2")
    for key in people:
        differing = (int(one.of("person", key), 16) ^ int(two.of("person", key), 16)).bit_count()
        assert 20 < differing < 108


@given(RECIPIENTS)
def test_a_name_is_none_of_the_lake_and_depends_on_the_ring(who: str) -> None:
    key = Digests(KEYS).patient_key("64001", "BN1", None)
    other = KeyRing("0123456789abcdef", bytes(32))
    assert len({key, Pseudonyms(KEYS, who).of("patient", key), Pseudonyms(other, who).of("patient", key)}) == 3


@pytest.mark.parametrize("who", ["", " a", "a ", "a\u0300", "x" * 129])
def test_two_spellings_of_a_recipient_are_refused(who: str) -> None:
    with pytest.raises(ValueError, match="recipient"):
        Pseudonyms(KEYS, who)


@pytest.mark.parametrize(("subject", "key"), [("name", "x"), ("person", "")])
def test_only_keys_of_the_lake_are_renamed(subject: str, key: str) -> None:
    with pytest.raises(ValueError, match="subject"):
        Pseudonyms(KEYS, "r").of(subject, key)
