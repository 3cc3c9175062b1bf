"""A certificate authority for tests, and envelopes signed by it. Every key is made here and thrown away."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID
from lxml import etree
from signxml import XMLSigner, methods
from signxml.algorithms import CanonicalizationMethod

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
RECEIVED = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)
HOSPITAL = "Bệnh viện Thử nghiệm"
DSIG = "{http://www.w3.org/2000/09/xmldsig#}"


@dataclass(frozen=True)
class Signer:
    """A certificate with its key, and the certificates between it and the root."""

    key: Key
    certificate: x509.Certificate
    between: tuple[x509.Certificate, ...] = ()

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)


@functools.cache
def key(kind: str, name: str = "") -> Key:
    """A key of a kind (rsa, ec, rsa1024), the same for the same name within a process."""
    if kind == "ec":
        return ec.generate_private_key(ec.SECP256R1())
    return rsa.generate_private_key(65537, 1024 if kind == "rsa1024" else 2048)


def _name(common: str, organisation: str | None) -> x509.Name:
    parts = [x509.NameAttribute(NameOID.COMMON_NAME, common)]
    if organisation:
        parts.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation))
    return x509.Name(parts)


def certificate(
    common: str,
    own: Key,
    issuer: Signer | None,
    *,
    authority: bool,
    organisation: str | None = None,
    start: datetime = RECEIVED - timedelta(days=300),
    end: datetime = RECEIVED + timedelta(days=300),
    digest: hashes.HashAlgorithm | None = None,
    signing: bool = True,
) -> x509.Certificate:
    """A certificate issued by `issuer`, or by itself."""
    subject = _name(common, organisation)
    issuing = issuer.key if issuer else own
    signing_key = issuing.public_key()
    usage = x509.KeyUsage(
        digital_signature=signing and not authority,
        content_commitment=signing and not authority,
        key_encipherment=not signing,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(own.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(own.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signing_key), critical=False)
    )
    return builder.sign(issuing, digest or hashes.SHA256())


@functools.cache
def root(name: str = "CA gốc thử") -> Signer:
    """A root; another name is another root with another key."""
    own = key("rsa", f"root {name}")
    return Signer(own, certificate(name, own, None, authority=True, organisation=name))


@functools.cache
def hospital(
    kind: str = "rsa",
    authority: str = "CA gốc thử",
    *,
    intermediate: bool = True,
    start: datetime = RECEIVED - timedelta(days=100),
    end: datetime = RECEIVED + timedelta(days=100),
    organisation: str | None = HOSPITAL,
    signing: bool = True,
) -> Signer:
    """A hospital's certificate, below the root or below an intermediate of it."""
    above, between = root(authority), ()
    if intermediate:
        own = key("rsa", f"between {authority}")
        above = Signer(own, certificate("CA trung gian thử", own, above, authority=True, organisation="Nhà cung cấp"))
        between = (above.certificate,)
    own = key(kind, f"leaf {authority}")
    made = certificate(
        "Nguyễn Thị Ký", own, above, authority=False, organisation=organisation, start=start, end=end, signing=signing
    )
    return Signer(own, made, between)


class _Weak(XMLSigner):
    """Signs with what the library forbids, as old clients do."""

    def check_deprecated_methods(self) -> None:
        return


def sign(
    data: bytes,
    signer: Signer | None = None,
    *,
    digest: str = "sha256",
    c14n: CanonicalizationMethod = CanonicalizationMethod.CANONICAL_XML_1_0,
    holder: str = "CHUKYDONVI",
    uri: str = "",
) -> bytes:
    """The envelope with an enveloped signature over all of it in CHUKYDONVI; bytes as a signing client sends them."""
    signer = signer or hospital()
    kind = "rsa" if isinstance(signer.key, rsa.RSAPrivateKey) else "ecdsa"
    tree = etree.fromstring(data)
    place = tree.find(f".//{holder}")
    assert place is not None
    etree.SubElement(place, f"{DSIG}Signature", {"Id": "placeholder"}, nsmap={None: DSIG.strip("{}")})
    made = _Weak(
        method=methods.enveloped,
        signature_algorithm=f"{kind}-{digest}",
        digest_algorithm=digest,
        c14n_algorithm=c14n,
    )
    chain = [signer.certificate, *signer.between]
    signed = made.sign(tree, key=signer.key, cert=chain, reference_uri=uri or None, always_add_key_value=False)
    declaration = b'<?xml version="1.0" encoding="utf-8"?>' if data.startswith(b"<?xml") else b""
    return declaration + etree.tostring(signed, encoding="utf-8")
