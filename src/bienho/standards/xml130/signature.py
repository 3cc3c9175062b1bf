"""Judges the XML signature in CHUKYDONVI over the bytes as received, without changing one of them.

Sources: W3C XML Signature 1.1 (XMLDSig); letters 3190/BHXH-CNTT and 1245/BHXH-CNTT name CHUKYDONVI and SHA-256. What
accepted files carry (an enveloped signature, one Reference with URI="", the whole document) is known from practice, not
from a decision. A verdict is a pure function of bytes, trust anchors and the moment of receipt: no clock, no network,
so revocation is not asked. Cryptography and canonical form are those of `signxml` and `cryptography`.

The characters that are judged are those the reader of dossiers sees (`plain_utf8`), so that no file says one thing to
the one and another to the other. An enveloped signature does not cover itself: nothing but a signature may lie in it.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509 import verification
from lxml import etree
from signxml.algorithms import CanonicalizationMethod, DigestAlgorithm, SignatureMethod
from signxml.exceptions import InvalidDigest, InvalidSignature
from signxml.verifier import SignatureConfiguration, XMLVerifier

from bienho.config.limits import DEFAULT, Limits
from bienho.core.errors import InputError
from bienho.standards.xml130.archive import is_archive, members
from bienho.standards.xml130.read_bytes import plain_utf8, unpacked
from bienho.standards.xml130.read_rows import Element, local_name
from bienho.standards.xml130.read_split import HUGE_TEXT

REVISION = 1
"""Raised when the same bytes, anchors and moment begin to give another verdict."""
ROOTS = ("GIAMDINHHS", "CHI_TIEU_TRANG_THAI_KCB", "CHI_TIEU_GIAM_DINH_YKHOA")
DSIG = "http://www.w3.org/2000/09/xmldsig#"
_WITHIN = (DSIG, "http://www.w3.org/2009/xmldsig11#", "http://www.w3.org/2001/10/xml-exc-c14n#")
_ENVELOPED = f"{DSIG}enveloped-signature"
_C14N = frozenset(method.value for method in CanonicalizationMethod)
_DIGESTS = frozenset({DigestAlgorithm.SHA256, DigestAlgorithm.SHA384, DigestAlgorithm.SHA512})
_METHODS = frozenset(
    SignatureMethod[name]
    for name in (
        *("RSA_SHA256", "RSA_SHA384", "RSA_SHA512", "ECDSA_SHA256", "ECDSA_SHA384", "ECDSA_SHA512"),
        *("SHA256_RSA_MGF1", "SHA384_RSA_MGF1", "SHA512_RSA_MGF1"),
    )
)
# Bounds on work that no parser knows: canonical form walks every declaration in scope at every element.
_ELEMENTS_MAX = 1_000_000
_ATTRIBUTES_MAX = 20_000
_WALKS_MAX = 20_000_000
_SIGNATURE_BYTES_MAX = 256 * 1024
_CERTIFICATES_MAX = 10
_CHAIN_MAX = 4
_RSA_BITS_MIN = 2048
_NAME_MAX = 120
_HEAD_BYTES = 4096

_OPENER = re.compile(rb"<!--|<!\[CDATA\[|<\?")
_CLOSERS = {b"<!--": b"-->", b"<![CDATA[": b"]]>", b"<?": b"?>"}
_FIRST = re.compile(rb"<(?:[\w.-]+:)?([\w.-]+)")
_FILLED = re.compile(rb"<((?:[\w.-]+:)?CHUKYDONVI)(?:\s[^<>]*)?(?<!/)>\s*(?!\s|</\1\s*>)", re.IGNORECASE)
_ATTRIBUTE = re.compile(rb"=\s*[\"']")
_NUMBERS = re.compile(r"\d{9}")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one file's signature; `status` is a key of `signature.yaml` or valid or no_envelope.

    `signer` and `issuer` are names of organisations (O) as the certificate gives them, `serial` hexadecimal,
    `fingerprint` the SHA-256 of the certificate, `algorithm` the URI of the signature method. They are filled only when
    the signature value was made with that certificate's key; a person's name (CN) is never taken over.
    """

    status: str
    signer: str | None = None
    issuer: str | None = None
    serial: str | None = None
    fingerprint: str | None = None
    algorithm: str | None = None


class _Judged(Exception):
    """Ends the judging with a status."""

    def __init__(self, status: str) -> None:
        super().__init__(status)
        self.status = status


def verify_received(
    data: bytes, anchors: Sequence[x509.Certificate], moment: datetime, limits: Limits = DEFAULT
) -> list[tuple[int, Verdict]]:
    """(member, verdict) of what was received: member 0 is the file itself, 1 … those of a zip in the order read."""
    if not is_archive(data):
        return [(0, verify(data, anchors, moment, limits))]
    try:
        return [
            (one.ordinal, verify(one.content, anchors, moment, limits))
            for one in members(data, limits)
            if isinstance(one.content, bytes)
        ] or [(0, Verdict("no_envelope"))]
    except InputError:
        return [(0, Verdict("no_envelope"))]


def verify(data: bytes, anchors: Sequence[x509.Certificate], moment: datetime, limits: Limits = DEFAULT) -> Verdict:
    """The verdict on one file. `anchors` are the certificates trusted at `moment`, which carries its zone.

    Raises MemoryError when the parser ran out of memory, which is no property of the file; nothing else.
    """
    text, _ = plain_utf8(unpacked(data))
    unsigned = _unsigned(text)
    if unsigned is not None:
        return unsigned
    try:
        _within_bounds(text, limits)
        return _judge(text, anchors, moment)
    except _Judged as judged:
        return Verdict(judged.status)


def verdict_unparsed(data: bytes) -> Verdict | None:
    """The verdict on one file that holds no signature: told by searching, nothing of it is parsed. None where only
    `verify_received` can tell, in its confined process."""
    return None if is_archive(data) else _unsigned(plain_utf8(unpacked(data))[0])


def _unsigned(text: bytes) -> Verdict | None:
    first = _FIRST.search(_without(text[:_HEAD_BYTES], b"<!--", b"<?"))
    if first is None or first[1].decode("ascii", "replace").upper() not in ROOTS:
        return Verdict("no_envelope")
    if b"Signature" in text:
        return None
    return Verdict("malformed" if _FILLED.search(_without(text, b"<!--", b"<?")) else "absent")


def _without(text: bytes, *openers: bytes) -> bytes:
    """The text without comments, CDATA or instructions, in one pass whatever is opened and never closed."""
    pieces, last, place = [], 0, 0
    while found := _OPENER.search(text, place):
        end = text.find(_CLOSERS[found[0]], found.end())
        if end < 0:
            break
        place = end + len(_CLOSERS[found[0]])
        if found[0] in openers:
            pieces.append(text[last : found.start()])
            last = place
    return b"".join((*pieces, text[last:]))


def _within_bounds(text: bytes, limits: Limits) -> None:
    """Refuse by counting, before anything is parsed: the same file is refused on every machine."""
    if b"<!DOCTYPE" in text and b"<!DOCTYPE" in _without(text, *_CLOSERS):
        raise _Judged("malformed")
    elements, attributes = text.count(b"<"), len(_ATTRIBUTE.findall(text))
    if (
        len(text) > limits.signature_bytes
        or elements > _ELEMENTS_MAX
        or attributes > _ATTRIBUTES_MAX
        or elements * text.count(b"xmlns") > _WALKS_MAX
    ):
        raise _Judged("too_big")


def _judge(text: bytes, anchors: Sequence[x509.Certificate], moment: datetime) -> Verdict:
    root = _parse(text)
    signature = _the_signature(root)
    if signature is None:
        return Verdict("absent")
    algorithm = _check_form(signature)
    certificates = _certificates(signature)
    leaf = _leaf(certificates)
    del root, signature
    _check_key(leaf)
    known = _described(leaf, algorithm)
    status = _integrity(text, leaf)
    if status == "invalid_signature":
        return Verdict(status, algorithm=algorithm)
    if status is None:
        status = _trust(leaf, [one for one in certificates if one is not leaf], anchors, moment)
    return replace(known, status=status)


def _parser(size: int) -> etree.XMLParser:
    """Nothing is opened, resolved or left out: canonical form needs comments and instructions where they stand."""
    return etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        collect_ids=False,
        huge_tree=size > HUGE_TEXT,
    )


def _parse(text: bytes) -> Element:
    try:
        root = etree.fromstring(text, _parser(len(text)))
    except etree.XMLSyntaxError as error:
        _unless_memory(error)
        raise _Judged("malformed") from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise _Judged("malformed")
    return root


def _unless_memory(error: Exception) -> None:
    """MemoryError when it was that: the parser says so by a number of its own."""
    entries = getattr(error, "error_log", ())
    if any(entry.type == etree.ErrorTypes.ERR_NO_MEMORY for entry in entries):
        raise MemoryError from None


def _the_signature(root: Element) -> Element | None:
    """The one Signature of the document, in its place; None when CHUKYDONVI is empty and there is none elsewhere."""
    found = list(root.iter(f"{{{DSIG}}}Signature"))
    if len(found) > 1:
        raise _Judged("several")
    holders = [child for child in root if isinstance(child.tag, str) and local_name(child).upper() == "CHUKYDONVI"]
    if not found:
        if any(len(holder) or (holder.text or "").strip() for holder in holders):
            raise _Judged("malformed")
        return None
    if len(holders) != 1 or found[0].getparent() is not holders[0]:
        raise _Judged("malformed")
    return found[0]


def _check_form(signature: Element) -> str:
    """The method URI of a signature that covers the whole document and holds nothing else."""
    if len(etree.tostring(signature, with_tail=False)) > _SIGNATURE_BYTES_MAX:
        raise _Judged("too_big")
    for element in signature.iter():
        # comments and instructions too: what is not covered by the signature must not be able to say anything
        if not isinstance(element.tag, str) or etree.QName(element).namespace not in _WITHIN:
            raise _Judged("malformed")
    references = list(signature.iter(f"{{{DSIG}}}Reference"))
    if signature.find(f"{{{DSIG}}}Object") is not None or len(references) != 1:
        raise _Judged("wrong_reference")
    (reference,) = references
    transforms = [one.get("Algorithm") for one in reference.iter(f"{{{DSIG}}}Transform")]
    if reference.get("URI") != "" or transforms[:1] != [_ENVELOPED] or len(transforms) > 2:
        raise _Judged("wrong_reference")
    if not _C14N.issuperset(transforms[1:]):
        raise _Judged("wrong_reference")
    method = _algorithm(signature, "SignedInfo", "SignatureMethod")
    digest = _algorithm(reference, "DigestMethod")
    if method not in {one.value for one in _METHODS} or digest not in {one.value for one in _DIGESTS}:
        raise _Judged("weak_algorithm")
    return method


def _algorithm(element: Element, *path: str) -> str:
    found = element.find("/".join(f"{{{DSIG}}}{name}" for name in path))
    if found is None or not found.get("Algorithm"):
        raise _Judged("malformed")
    return str(found.get("Algorithm"))


def _certificates(signature: Element) -> list[x509.Certificate]:
    texts = [one.text or "" for one in signature.iter(f"{{{DSIG}}}X509Certificate")]
    if not texts or len(texts) > _CERTIFICATES_MAX:
        raise _Judged("malformed")
    try:
        return [x509.load_der_x509_certificate(b64decode("".join(text.split()), validate=True)) for text in texts]
    except (ValueError, binascii.Error):
        raise _Judged("malformed") from None


def _leaf(certificates: Sequence[x509.Certificate]) -> x509.Certificate:
    """The certificate that issued none of the others; no order is promised by the standard."""
    try:
        issuers = Counter(one.issuer for one in certificates if one.issuer != one.subject)
        return next((one for one in certificates if not issuers[one.subject]), certificates[0])
    except ValueError:
        raise _Judged("malformed") from None


def _check_key(leaf: x509.Certificate) -> None:
    try:
        key = leaf.public_key()
    except Exception:
        raise _Judged("malformed") from None
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size < _RSA_BITS_MIN:
            raise _Judged("weak_algorithm")
    elif not isinstance(key, ec.EllipticCurvePublicKey) or key.key_size < 256:
        raise _Judged("weak_algorithm")


class _Verifier(XMLVerifier):
    """The library's verifier, with the canonical form of SignedInfo as the standard has it.

    lxml writes xmlns="" below an element whose default namespace stands on its parent, which is how most programs
    write signatures; an element that is the root of its own document is written rightly.
    """

    def _c14n(
        self, nodes: Element, algorithm: CanonicalizationMethod, inclusive_ns_prefixes: list[str] | None = None
    ) -> bytes:
        if nodes.getparent() is not None:
            nodes = self._fromstring(self._tostring(nodes, with_tail=False))
        form: bytes = super()._c14n(nodes, algorithm, inclusive_ns_prefixes)
        return form


def _integrity(text: bytes, leaf: x509.Certificate) -> str | None:
    """None when the signature value is of that key and the digest of these characters."""
    config = SignatureConfiguration(
        location=".//",
        expect_references=1,
        signature_methods=_METHODS,
        digest_algorithms=_DIGESTS,
        # the window of the certificate is asked apart, at the moment of receipt
        verification_time=leaf.not_valid_before_utc,
        default_reference_c14n_method=CanonicalizationMethod.CANONICAL_XML_1_0,
    )
    try:
        _Verifier().verify(text, x509_cert=leaf, parser=_parser(len(text)), expect_config=config)
    except InvalidDigest:
        return "invalid_digest"
    except InvalidSignature:
        return "invalid_signature"
    except MemoryError:
        raise
    except Exception as error:
        # Whatever odd structure the library stumbles over is one more way of being malformed.
        _unless_memory(error)
        raise _Judged("malformed") from None
    return None


def _trust(
    leaf: x509.Certificate,
    others: Sequence[x509.Certificate],
    anchors: Sequence[x509.Certificate],
    moment: datetime,
) -> str:
    if moment < leaf.not_valid_before_utc:
        return "not_yet_valid"
    if moment > leaf.not_valid_after_utc:
        return "expired"
    if not anchors:
        return "signer_not_evaluable"
    policy = (
        verification.PolicyBuilder()
        .store(verification.Store(list(anchors)))
        .time(moment)
        .max_chain_depth(_CHAIN_MAX)
        .extension_policies(ca_policy=verification.ExtensionPolicy.webpki_defaults_ca(), ee_policy=_may_sign())
    )
    try:
        policy.build_client_verifier().verify(leaf, list(others))
    except (verification.VerificationError, ValueError):
        return "untrusted_signer"
    return "valid"


@cache
def _may_sign() -> verification.ExtensionPolicy:
    """Certificates of units are no web certificates: only what their key may be used for is asked."""
    return verification.ExtensionPolicy.permit_all().may_be_present(
        x509.KeyUsage, verification.Criticality.AGNOSTIC, _usage
    )


def _usage(_policy: object, _certificate: x509.Certificate, usage: x509.KeyUsage | None) -> None:
    if usage is not None and not (usage.digital_signature or usage.content_commitment):
        raise ValueError("the key is not for signing")


def _described(leaf: x509.Certificate, algorithm: str) -> Verdict:
    return Verdict(
        "valid",
        signer=_organisation(leaf.subject),
        issuer=_organisation(leaf.issuer),
        serial=f"{leaf.serial_number:x}",
        fingerprint=leaf.fingerprint(hashes.SHA256()).hex(),
        algorithm=algorithm,
    )


def _organisation(name: x509.Name) -> str | None:
    """O of a name; none when it is missing or holds a number as long as one of a person or a phone."""
    for attribute in name.get_attributes_for_oid(x509.NameOID.ORGANIZATION_NAME):
        text = " ".join("".join(c if c.isprintable() else " " for c in str(attribute.value)).split())[:_NAME_MAX]
        if text and not _NUMBERS.search(re.sub(r"[\s.-]", "", text)):
            return text
    return None
