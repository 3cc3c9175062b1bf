"""Verdicts on signatures: each way of signing well, each way of doing it wrong, each way of cheating."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from signxml.algorithms import CanonicalizationMethod

from bienho.config import DEFAULT, Limits
from bienho.standards.xml130 import read_delivery, signature_finding, verdict_unparsed, verify, verify_received
from bienho.standards.xml130 import signature as room
from bienho.standards.xml130.archive import is_archive
from bienho.standards.xml130.signature_findings import entries
from bienho.standards.xml130.write import STYLES, Style, write_delivery
from support.signing import HOSPITAL, RECEIVED, hospital, root, sign
from support.xml130_samples import make_tables

BARE0 = (
    b"<CHI_TIEU_TRANG_THAI_KCB><DSACH_TRANG_THAI_KCB><TRANG_THAI_KCB><MA_LK>A</MA_LK></TRANG_THAI_KCB>"
    b"</DSACH_TRANG_THAI_KCB><CHUKYDONVI/></CHI_TIEU_TRANG_THAI_KCB>"
)
BARE12 = BARE0.replace(b"TRANG_THAI_KCB", b"GIAM_DINH_YKHOA")


def envelope(style: Style = STYLES["canonical"]) -> bytes:
    return write_delivery([make_tables()], facility="64001", created="20260301", version="3176", style=style)


ENVELOPE = envelope()
SIGNED = sign(ENVELOPE)


def status(data: bytes, moment: datetime = RECEIVED, limits: Limits = DEFAULT) -> str:
    verdict = verify(data, [root().certificate], moment, limits)
    told = verdict_unparsed(data)
    assert told in (None, verdict), "what is told by searching is what the parser would say"
    assert told is not None or is_archive(data) or b"Signature" in data.replace(b"\0", b"")
    return verdict.status


def replaced(data: bytes, old: bytes, new: bytes) -> bytes:
    assert data.count(old) >= 1, old
    return data.replace(old, new, 1)


@pytest.mark.parametrize("kind", ["rsa", "ec"])
def test_a_signature_by_a_trusted_signer_is_valid_and_names_the_organisation_only(kind: str) -> None:
    signer = hospital(kind)
    verdict = verify(sign(ENVELOPE, signer), [root().certificate], RECEIVED)
    assert (verdict.status, verdict.signer, verdict.issuer) == ("valid", HOSPITAL, "Nhà cung cấp")
    assert verdict.serial == f"{signer.certificate.serial_number:x}"
    assert verdict.algorithm is not None
    assert "Nguyễn" not in repr(verdict), "the person in CN stays out"


@pytest.mark.parametrize("method", [m for m in CanonicalizationMethod if "c14n11" not in m.name.lower()])
def test_every_canonical_form_is_understood(method: CanonicalizationMethod) -> None:
    assert status(sign(ENVELOPE, c14n=method)) == "valid"


@pytest.mark.parametrize("name", sorted(STYLES))
def test_every_dress_of_an_envelope_can_be_signed(name: str) -> None:
    data = envelope(STYLES[name])
    assert status(data) == "absent"
    assert status(sign(data.removeprefix(b"\xef\xbb\xbf"))) == "valid"


@pytest.mark.parametrize("data", [BARE0, BARE12], ids=["XML0", "XML12"])
def test_bare_tables_are_judged_like_envelopes(data: bytes) -> None:
    assert status(data) == "absent"
    assert status(sign(data)) == "valid"
    assert status(replaced(sign(data), b"<MA_LK>A<", b"<MA_LK>B<")) == "invalid_digest"


@pytest.mark.parametrize(
    "dress",
    [
        lambda data: b"\xef\xbb\xbf" + data,
        lambda data: b'<?xml version="1.0" encoding="utf-8"?>\r\n' + data,
        lambda data: b"\r\n" + data,
        lambda data: "\ufeff".encode("utf-16-le") + data.decode().encode("utf-16-le"),
        lambda data: "\ufeff".encode("utf-16-be") + data.decode().encode("utf-16-be"),
        lambda data: b'<?xml version="1.0" encoding="utf-16"?>' + data,
    ],
    ids=["mark", "declaration", "blank line", "utf-16-le", "utf-16-be", "lie"],
)
def test_the_encoding_in_which_it_travels_does_not_matter(dress: Callable[[bytes], bytes]) -> None:
    signed = SIGNED[SIGNED.index(b"<GIAMDINHHS") :]
    assert status(dress(signed)) == "valid"


def test_one_changed_byte_is_seen_wherever_it_is() -> None:
    start, end = SIGNED.index(b"<THONGTINDONVI>"), SIGNED.index(b"<CHUKYDONVI>")
    for place in range(start, end, 997):
        letter = b"B" if SIGNED[place : place + 1] == b"A" else b"A"
        assert status(SIGNED[:place] + letter + SIGNED[place + 1 :]) in ("invalid_digest", "malformed"), place


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"<THONGTINDONVI>", b"\n  <THONGTINDONVI>"),
        (b"<GIAMDINHHS>", b'<GIAMDINHHS Id="A">'),
        (b"<MACSKCB>64001", b"<MACSKCB>64002"),
        (b"</HOSO>", b"</HOSO><HOSO/>"),
        (b"<HOSO>", b"<?x y?><HOSO>"),
    ],
    ids=["written anew", "Id added", "facility", "one more", "instruction"],
)
def test_what_is_changed_after_signing_is_seen(old: bytes, new: bytes) -> None:
    verdict = verify(replaced(SIGNED, old, new), [root().certificate], RECEIVED)
    assert verdict.status == "invalid_digest"
    assert verdict.signer == HOSPITAL, "the signature itself is theirs"


def test_a_comment_is_no_content_unless_signed_as_such() -> None:
    assert status(replaced(SIGNED, b"<HOSO>", b"<!-- x --><HOSO>")) == "valid"
    signed = sign(ENVELOPE, c14n=CanonicalizationMethod.CANONICAL_XML_1_0_WITH_COMMENTS)
    assert status(replaced(signed, b"<HOSO>", b"<!-- x --><HOSO>")) == "invalid_digest"


def test_a_signature_value_of_another_key_is_seen() -> None:
    other = sign(ENVELOPE, hospital("rsa", "CA khác"))
    value = re.compile(rb"<SignatureValue>[^<]*</SignatureValue>|<ds:SignatureValue>[^<]*</ds:SignatureValue>")
    (theirs,) = value.findall(other)
    verdict = verify(value.sub(theirs, SIGNED), [root().certificate], RECEIVED)
    assert verdict.status == "invalid_signature"
    assert verdict.signer is None, "nobody is named who did not sign"


def test_a_signer_of_another_authority_is_not_trusted() -> None:
    verdict = verify(sign(ENVELOPE, hospital("rsa", "CA khác")), [root().certificate], RECEIVED)
    assert verdict.status == "untrusted_signer"
    assert verdict.signer == HOSPITAL


def test_the_chain_must_be_there_and_the_key_must_be_for_signing() -> None:
    whole = hospital()
    alone = type(whole)(whole.key, whole.certificate)
    assert status(sign(ENVELOPE, alone)) == "untrusted_signer"
    assert verify(sign(ENVELOPE, alone), [*whole.between, root().certificate], RECEIVED).status == "valid"
    assert status(sign(ENVELOPE, hospital(signing=False))) == "untrusted_signer"


def test_the_order_of_certificates_does_not_matter() -> None:
    block = re.compile(rb"<X509Certificate>[^<]*</X509Certificate>")
    leaf, between = block.findall(SIGNED)
    assert status(SIGNED.replace(leaf + between, between + leaf)) == "valid"


def test_without_anchors_integrity_is_judged_and_the_signer_is_not() -> None:
    assert verify(SIGNED, [], RECEIVED).status == "signer_not_evaluable"
    assert verify(replaced(SIGNED, b"64001", b"64002"), [], RECEIVED).status == "invalid_digest"


def test_the_window_of_the_certificate_is_held_against_the_moment_of_receipt() -> None:
    assert status(SIGNED, RECEIVED + timedelta(days=101)) == "expired"
    assert status(SIGNED, RECEIVED - timedelta(days=101)) == "not_yet_valid"
    assert status(SIGNED, RECEIVED + timedelta(days=99)) == "valid"
    assert status(SIGNED, datetime(2040, 1, 1, tzinfo=UTC)) == "expired"


@pytest.mark.parametrize("made", [lambda: sign(ENVELOPE, digest="sha1"), lambda: sign(ENVELOPE, hospital("rsa1024"))])
def test_weak_algorithms_are_named(made: Callable[[], bytes]) -> None:
    assert status(made()) == "weak_algorithm"


def test_a_weak_digest_under_a_strong_signature_is_weak() -> None:
    old = b'DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"'
    assert status(replaced(SIGNED, old, b'DigestMethod Algorithm="http://www.w3.org/2000/09/xmldsig#sha1"')) == (
        "weak_algorithm"
    )


def test_a_signature_over_a_part_is_no_signature_of_the_file() -> None:
    part = ENVELOPE.replace(b"<THONGTINHOSO>", b'<THONGTINHOSO Id="phan">')
    assert status(sign(part, uri="#phan")) == "wrong_reference"


def test_wrapping_the_signed_document_into_another_is_refused() -> None:
    """The signed original is hidden inside another envelope, whose dossiers nobody signed."""
    original = SIGNED[SIGNED.index(b"<GIAMDINHHS") :]
    forged = ENVELOPE.replace(b"<CHUKYDONVI></CHUKYDONVI>", b"<CHUKYDONVI>" + original + b"</CHUKYDONVI>")
    assert status(forged) == "malformed"
    signature = original[original.index(b"<CHUKYDONVI>") : original.index(b"</GIAMDINHHS>")]
    moved = envelope(STYLES["crlf"])
    assert status(re.sub(rb"<CHUKYDONVI>\s*</CHUKYDONVI>", signature, moved)) == "invalid_digest"


@pytest.mark.parametrize(
    "hidden",
    [
        b"<HOSO><FILEHOSO/></HOSO>",
        b'<ds:Object xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><HOSO/></ds:Object>',
        b"<!-- x -->",
        b"<?x y?>",
    ],
)
def test_nothing_can_be_hidden_inside_the_signature(hidden: bytes) -> None:
    """An enveloped signature does not cover itself, yet the reader of dossiers looks at every byte."""
    forged = replaced(SIGNED, b"</X509Data>", b"</X509Data>" + hidden)
    assert status(forged) == "malformed"
    if hidden.startswith(b"<HOSO>"):
        assert len(list(read_delivery(forged).dossiers)) == 2, "the reader does see it"


def test_a_signature_out_of_place_is_refused() -> None:
    block = re.search(rb"<CHUKYDONVI>(.*)</CHUKYDONVI>", SIGNED, re.DOTALL)
    assert block is not None
    assert status(SIGNED.replace(block[0], b"<CHUKYDONVI/>" + block[1])) == "malformed"
    assert status(SIGNED.replace(block[0], b"<KHAC>" + block[0] + b"</KHAC>")) == "malformed"


def test_two_signatures_are_one_too_many() -> None:
    block = re.search(rb"<CHUKYDONVI>(.*)</CHUKYDONVI>", SIGNED, re.DOTALL)
    assert block is not None
    assert status(SIGNED.replace(block[0], b"<CHUKYDONVI>" + block[1] * 2 + b"</CHUKYDONVI>")) == "several"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'URI=""', b'URI="#x"'),
        (b'URI=""', b'URI="http://example.org/a.xml"'),
        (b'URI=""', b""),
        (b"xmldsig#enveloped-signature", b"xmldsig#base64"),
        (b"http://www.w3.org/2000/09/xmldsig#enveloped-signature", b"http://www.w3.org/TR/1999/REC-xslt-19991116"),
    ],
)
def test_references_to_anything_but_the_whole_are_refused(old: bytes, new: bytes) -> None:
    assert status(replaced(SIGNED, old, new)) == "wrong_reference"


def test_a_second_reference_is_refused() -> None:
    reference = re.search(rb"<ds:Reference .*</ds:Reference>", SIGNED, re.DOTALL)
    assert reference is not None
    assert status(SIGNED.replace(reference[0], reference[0] * 2)) == "wrong_reference"


@pytest.mark.parametrize(
    "data",
    [
        b'<!DOCTYPE a [<!ENTITY e "x">]>' + SIGNED,
        b'<!DOCTYPE GIAMDINHHS SYSTEM "http://example.org/x.dtd">' + SIGNED,
        replaced(SIGNED, b"<HOSO>", b"<HOSO>&e;"),
        SIGNED[:-20],
        replaced(SIGNED, b"<X509Certificate>M", b"<X509Certificate>?"),
        replaced(SIGNED, b"<X509Certificate>MII", b"<X509Certificate>AAA"),
        re.sub(rb"<KeyInfo>.*</KeyInfo>", b"", SIGNED, flags=re.DOTALL),
        re.sub(rb"<X509Data>.*</X509Data>", b"<KeyName>x</KeyName>", SIGNED, flags=re.DOTALL),
        re.sub(rb"(<SignatureValue>)[^<]*", rb"\1====", SIGNED),
        ENVELOPE.replace(b"<CHUKYDONVI></CHUKYDONVI>", b"<CHUKYDONVI>QUJD</CHUKYDONVI>"),
        ENVELOPE.replace(b"<CHUKYDONVI></CHUKYDONVI>", b"<CHUKYDONVI>Signature</CHUKYDONVI>"),
        ENVELOPE.replace(b"<CHUKYDONVI></CHUKYDONVI>", b"<CHUKYDONVI><Signature/></CHUKYDONVI>"),
        replaced(SIGNED, b"<HOSO>", b"<HOSO>" + b"<a>" * 10_000 + b"</a>" * 10_000),
    ],
    ids=range(13),
)
def test_what_cannot_be_read_as_a_signature_is_malformed(data: bytes) -> None:
    assert status(data) == "malformed"


@pytest.mark.parametrize(
    "data",
    [
        ENVELOPE,
        ENVELOPE.replace(b"<CHUKYDONVI></CHUKYDONVI>", b"<CHUKYDONVI/>"),
        ENVELOPE.replace(b"<CHUKYDONVI></CHUKYDONVI>", b"<CHUKYDONVI>\r\n <!-- trong --> </CHUKYDONVI>"),
        ENVELOPE.replace(b"<CHUKYDONVI></CHUKYDONVI>", b""),
        ENVELOPE.replace(b"<HOSO>", b"<HOSO><!-- Signature -->"),
    ],
    ids=range(5),
)
def test_no_signature_is_absent(data: bytes) -> None:
    assert status(data) == "absent"


@pytest.mark.parametrize("data", [b"", b"%PDF-1.7", b"<html><body/></html>", b"PK\x03\x04zip", b"\0" * 64, b"<"])
def test_a_file_that_is_no_envelope_has_no_signature_to_speak_of(data: bytes) -> None:
    assert status(data) == "no_envelope"
    assert signature_finding("no_envelope", date(2026, 3, 2)) is None


@pytest.mark.parametrize(
    "data",
    [
        replaced(SIGNED, b"<HOSO>", b"<HOSO>" + b"<a/>" * 1_000_001),
        replaced(SIGNED, b"<GIAMDINHHS>", b"<GIAMDINHHS " + b" ".join(b'a%d="1"' % n for n in range(20_001)) + b">"),
        replaced(
            SIGNED,
            b"<GIAMDINHHS>",
            b"<GIAMDINHHS " + b" ".join(b'xmlns:a%d="u"' % n for n in range(10_000)) + b">" + b"<a/>" * 2_001,
        ),
        replaced(SIGNED, b"<X509Data>", b"<X509Data><X509SKI>" + b"A" * 300_000 + b"</X509SKI>"),
    ],
    ids=["elements", "attributes", "namespaces", "signature"],
)
def test_what_would_cost_too_much_is_told_by_counting(data: bytes) -> None:
    assert status(data) == "too_big"


def test_size_is_a_limit_only_where_there_is_a_signature() -> None:
    tight = Limits(signature_bytes=len(SIGNED) - 100)
    assert status(SIGNED, limits=tight) == "too_big"
    assert status(ENVELOPE + b" " * 10_000, limits=tight) == "absent"


@pytest.mark.parametrize(
    "tail",
    [b"<!--" * 500_000, b"<CHUKYDONVI " * 500_000, b"<![CDATA[" * 500_000, b"<?" * 900_000],
    ids=["comment", "element", "cdata", "instruction"],
)
def test_what_is_opened_a_million_times_and_never_closed_costs_no_more_than_its_length(tail: bytes) -> None:
    assert status(b"<GIAMDINHHS>" + tail) in ("absent", "malformed")
    assert status(b"<GIAMDINHHS>Signature<!DOCTYPE" + tail) in ("too_big", "malformed")


def test_a_number_of_a_person_is_not_taken_for_an_organisation() -> None:
    named = hospital(organisation="Phòng khám 052 199 000 123")
    assert verify(sign(ENVELOPE, named), [root().certificate], RECEIVED).signer is None


def test_every_verdict_that_asks_for_something_has_an_entry_and_no_other() -> None:
    text = Path(room.__file__).read_text(encoding="utf-8")
    said = set(re.findall(r'"([a-z]+(?:_[a-z]+)*)"', text)) & {*entries(), "valid", "no_envelope"}
    assert said == {*entries(), "valid", "no_envelope"}


def test_the_severity_of_a_missing_signature_follows_the_day_of_receipt() -> None:
    before, after = (signature_finding("absent", day) for day in (date(2025, 12, 31), date(2026, 1, 1)))
    assert before is not None
    assert after is not None
    assert (before.severity, after.severity, after.code) == ("info", "warning", "SIG-ABSENT")


def test_the_readme_lists_every_finding_with_its_words() -> None:
    text = (Path(room.__file__).parent / "README.md").read_text(encoding="utf-8")
    for entry in entries().values():
        assert re.search(
            rf"^\| `{entry.code}` \| .*\| {entry.owner} \| {re.escape(entry.message)} \| .+ \|$", text, re.M
        )


def test_every_member_of_an_archive_is_judged() -> None:
    def told(data: bytes) -> list[tuple[int, str]]:
        return [(member, verdict.status) for member, verdict in verify_received(data, [root().certificate], RECEIVED)]

    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in (("a.xml", SIGNED), ("b.xml", ENVELOPE), ("c.pdf", b"%PDF")):
            archive.writestr(name, content)
    assert told(packed.getvalue()) == [(1, "valid"), (2, "absent"), (3, "no_envelope")]
    assert told(packed.getvalue()[:200]) == [(0, "no_envelope")]
    assert told(SIGNED) == [(0, "valid")]
