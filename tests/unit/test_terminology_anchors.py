"""Lists of trust anchors: what is taken in, and what is sent back."""

from __future__ import annotations

from datetime import date

import pytest

from bienho.core.errors import InputError
from bienho.terminology import KINDS, OPEN_START, TRUST_ANCHORS, parse_import, reference_tables
from support.signing import hospital, root


def test_a_list_becomes_rows_that_name_authorities() -> None:
    pem = b"Bag Attributes\n" + root().pem + root("CA khác").pem + root().pem
    edition = parse_import(TRUST_ANCHORS, pem, "thử", OPEN_START)
    assert [row["organisation"] for row in edition.rows.to_pylist()] == ["CA gốc thử", "CA khác"]
    assert TRUST_ANCHORS in KINDS


def test_a_later_list_ends_the_one_before() -> None:
    lists = [
        parse_import(TRUST_ANCHORS, root().pem, "một", OPEN_START),
        parse_import(TRUST_ANCHORS, root("CA khác").pem, "hai", date(2026, 5, 1)),
    ]
    table = reference_tables(lists)["reference.trust_anchor"]
    ends = {row["edition"]: row["valid_to"] for row in table.to_pylist()}
    assert ends == {"một": date(2026, 5, 1), "hai": None}


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "IN-ANCHORS"),
        (b"hello", "IN-ANCHORS"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "IN-ANCHORS"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n", "IN-ANCHORS"),
        (b"-----BEGIN CERTIFICATE-----\n" * 100_000, "IN-ANCHORS"),
        (hospital().pem, "IN-ANCHORS"),
        (root().pem + hospital().pem, "IN-ANCHORS"),
        (root().pem + b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "IN-ANCHORS-KEY"),
    ],
    ids=["empty", "text", "no certificate", "cut", "many", "of a signer", "one of a signer", "private key"],
)
def test_what_is_no_list_of_authorities_is_not_taken_in(content: bytes, code: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_import(TRUST_ANCHORS, content, "thử", OPEN_START)
    assert caught.value.code == code
