"""The library against XMLDSig worked out by hand: canonical form, SHA-256 and RSA or ECDSA, step by step.

Made by hand and judged by the room; made by the library and judged by hand. The two share no step: what is made by hand
is in canonical form as it is put down.
"""

from __future__ import annotations

import base64
import hashlib

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from lxml import etree

from bienho.standards.xml130 import verify
from bienho.standards.xml130.write import Style, write_delivery
from support.signing import DSIG, HOSPITAL, RECEIVED, Signer, hospital, root, sign
from support.xml130_samples import make_tables

ENVELOPE = write_delivery(
    [make_tables()], facility="64001", created="20260301", version="3176", style=Style(declaration=False)
)
"""In canonical form as it is written."""
C14N = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"


def digest_of(canonical: bytes) -> str:
    return base64.b64encode(hashlib.sha256(canonical).digest()).decode()


def signed_by_hand(
    data: bytes, signer: Signer, *, transforms: tuple[str, ...], blank: str = "", spaces: str = ""
) -> bytes:
    """As a program on .NET writes it: default namespace on Signature, no prefix.

    No parser has a part in it: our writer's envelope is in canonical form already, and so is SignedInfo as put down
    here. Its canonical form has the one thing more that the standard asks for, the namespaces it inherits.
    """
    kind = "rsa" if isinstance(signer.key, rsa.RSAPrivateKey) else "ecdsa"
    listed = "".join(f'<Transform Algorithm="{uri}"></Transform>' for uri in transforms)
    inner = (
        f'{blank}<CanonicalizationMethod Algorithm="{C14N}"></CanonicalizationMethod>{blank}'
        f'<SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#{kind}-sha256"></SignatureMethod>'
        f'<Reference URI=""><Transforms>{listed}</Transforms>'
        '<DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"></DigestMethod>'
        f"<DigestValue>{digest_of(data)}</DigestValue></Reference></SignedInfo>"
    )
    octets = f'<SignedInfo xmlns="{DSIG.strip("{}")}"{spaces}>{inner}'.encode()
    if isinstance(signer.key, rsa.RSAPrivateKey):
        made = signer.key.sign(octets, padding.PKCS1v15(), hashes.SHA256())
    else:
        r, s = decode_dss_signature(signer.key.sign(octets, ec.ECDSA(hashes.SHA256())))
        made = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    chain = "".join(
        f"<X509Certificate>{base64.b64encode(one.public_bytes(serialization.Encoding.DER)).decode()}</X509Certificate>"
        for one in (signer.certificate, *signer.between)
    )
    block = (
        f'<Signature xmlns="{DSIG.strip("{}")}">{blank}<SignedInfo>{inner}'
        f"<SignatureValue>{base64.b64encode(made).decode()}</SignatureValue>"
        f"<KeyInfo><X509Data>{chain}</X509Data></KeyInfo></Signature>"
    )
    assert data.count(b"<CHUKYDONVI></CHUKYDONVI>") == 1
    return data.replace(b"<CHUKYDONVI></CHUKYDONVI>", b"<CHUKYDONVI>" + block.encode() + b"</CHUKYDONVI>")


@pytest.mark.parametrize("kind", ["rsa", "ec"])
@pytest.mark.parametrize("said", [(C14N,), ()], ids=["form said", "form left out"])
@pytest.mark.parametrize("blank", ["", "\n  "], ids=["in one line", "in lines"])
def test_what_is_signed_by_hand_is_valid_here(kind: str, said: tuple[str, ...], blank: str) -> None:
    transforms = (f"{DSIG.strip('{}')}enveloped-signature", *said)
    made = signed_by_hand(ENVELOPE, hospital(kind), transforms=transforms, blank=blank)
    verdict = verify(made, [root().certificate], RECEIVED)
    assert (verdict.status, verdict.signer) == ("valid", HOSPITAL)
    assert verify(made.replace(b"64001", b"64002", 1), [root().certificate], RECEIVED).status == "invalid_digest"


def test_namespaces_declared_on_the_envelope_are_part_of_what_is_signed() -> None:
    """The guide of 4750 declares xsi and xsd on the root; SignedInfo inherits them."""
    spaces = ' xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    data = ENVELOPE.replace(b"<GIAMDINHHS>", f"<GIAMDINHHS{spaces}>".encode())
    transforms = (f"{DSIG.strip('{}')}enveloped-signature", C14N)
    made = signed_by_hand(data, hospital(), transforms=transforms, spaces=spaces)
    assert verify(made, [root().certificate], RECEIVED).status == "valid"


@pytest.mark.parametrize("kind", ["rsa", "ec"])
def test_what_the_test_authority_signs_holds_by_hand(kind: str) -> None:
    signer = hospital(kind)
    signature = etree.fromstring(sign(ENVELOPE, signer)).find(f".//{DSIG}Signature")
    assert signature is not None
    assert signature.findtext(f".//{DSIG}DigestValue") == digest_of(ENVELOPE)
    info = etree.fromstring(etree.tostring(signature.find(f"{DSIG}SignedInfo"), with_tail=False))
    octets = etree.tostring(info, method="c14n")
    value = base64.b64decode(signature.findtext(f"{DSIG}SignatureValue") or "")
    key = signer.certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        key.verify(value, octets, padding.PKCS1v15(), hashes.SHA256())
    else:
        assert isinstance(key, ec.EllipticCurvePublicKey)
        numbers = encode_dss_signature(int.from_bytes(value[:32], "big"), int.from_bytes(value[32:], "big"))
        key.verify(numbers, octets, ec.ECDSA(hashes.SHA256()))


def test_the_envelope_is_in_canonical_form() -> None:
    assert etree.tostring(etree.fromstring(ENVELOPE), method="c14n") == ENVELOPE
