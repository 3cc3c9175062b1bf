"""Certificates the Department accepts as the end of a signer's chain, brought as a PEM file.

A file is a whole list: from its day on it stands in place of the one before. Only certificates of authorities are
taken: one of a signer may name a person, and persons are not written into code lists.
"""

from __future__ import annotations

import re
from datetime import date

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from bienho.core.errors import InputError
from bienho.terminology.editions import Edition, build_edition

KIND = "trust-anchors"
ANCHORS_MAX = 200
_BLOCK = re.compile(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)


def parse_trust_anchors(data: bytes, edition: str, valid_from: date, *, source: str = "") -> Edition:
    """The list in a PEM file.

    InputError IN-ANCHORS (no certificate, one that cannot be read or is not of an authority; the message counts
    from 1), IN-ANCHORS-KEY (a private key is in the file: it must go nowhere).
    """
    if b"PRIVATE KEY-----" in data:
        raise InputError(
            "IN-ANCHORS-KEY",
            "Tệp có khóa bí mật. Không được đưa khóa bí mật vào kho hay gửi cho ai.",
            hint="Chỉ xuất chứng thư (CERTIFICATE) rồi nhập lại. Nếu khóa đã lộ, hãy thu hồi chứng thư của khóa đó.",
        )
    blocks = _BLOCK.findall(data) if data.count(b"-----BEGIN") <= ANCHORS_MAX else []
    if not blocks or len(blocks) != data.count(b"-----BEGIN CERTIFICATE-----"):
        raise InputError(
            "IN-ANCHORS",
            f"Tệp không phải danh sách chứng thư dạng PEM (tối đa {ANCHORS_MAX} chứng thư).",
            hint="Mỗi chứng thư bắt đầu bằng dòng -----BEGIN CERTIFICATE----- và có dòng kết thúc của nó.",
        )
    rows: dict[object, dict[str, object]] = {}
    for number, block in enumerate(blocks, 1):
        row = _row(block, number)
        rows[row["fingerprint"]] = row  # a certificate given twice is one
    return build_edition(
        "trust_anchor",
        edition,
        valid_from,
        list(rows.values()),
        complete=True,
        source=source or f"Nhập từ tệp, {edition}",
    )


def _row(block: bytes, number: int) -> dict[str, object]:
    try:
        found = x509.load_pem_x509_certificate(block)
        if not _is_authority(found):
            raise InputError(
                "IN-ANCHORS",
                f"Chứng thư thứ {number} trong tệp không phải của nhà cung cấp chứng thư (CA).",
                hint="Danh sách chỉ gồm chứng thư của nhà cung cấp; chứng thư của đơn vị ký nằm trong tệp đã ký.",
            )
        organisations = found.subject.get_attributes_for_oid(x509.NameOID.ORGANIZATION_NAME)
        return {
            "fingerprint": found.fingerprint(hashes.SHA256()).hex(),
            "subject": found.subject.rfc4514_string(),
            "organisation": str(organisations[0].value) if organisations else None,
            "serial": f"{found.serial_number:x}",
            "not_before": found.not_valid_before_utc.date(),
            "not_after": found.not_valid_after_utc.date(),
            "certificate": found.public_bytes(serialization.Encoding.PEM).decode("ascii"),
        }
    except ValueError:
        raise InputError("IN-ANCHORS", f"Không đọc được chứng thư thứ {number} trong tệp.") from None


def _is_authority(found: x509.Certificate) -> bool:
    try:
        return found.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False
