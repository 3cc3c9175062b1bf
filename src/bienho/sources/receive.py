"""The one way in: bytes become a delivery, a delivery becomes a receipt once raw has them on disk (law 1)."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bienho.config import Limits
from bienho.core.errors import InputError, LimitError
from bienho.lake import RawItem, RawStore, Receipt
from bienho.sources.portal_api import SOURCE
from bienho.standards.xml130 import PACKED_BEHIND

FILE_DOORS = frozenset({SOURCE, "api", "upload", "drop"})
"""Doors at which a facility sends files of its own software."""
FORM = "portal-form"
"""Where a practice without software writes its visits; their patients pay themselves."""
ACCOUNT_DOORS = FILE_DOORS | {FORM}
"""Doors at which an account speaks for its own facility: what names another one there is set aside when it is read."""
_READING = os.O_RDONLY | getattr(os, "O_BINARY", 0)
_PIECE = 1 << 24


@dataclass(slots=True)
class Delivery:
    """Bytes as sent, by whom and whence. `received_at` is UTC; `facility_asserted` is what the sender's door claims."""

    data: bytes
    received_at: datetime
    source: str
    path: str = ""
    kind: str = "xml130"
    facility_asserted: str | None = None


def read_file(path: Path, limits: Limits) -> bytes:
    """The bytes of a file. LimitError LIM-DELIVERY-BYTES when it is too large; InputError when unreadable."""
    try:
        # without an object and a buffer around it, which cost as much as to read a small file
        descriptor = os.open(path, _READING)
        try:
            data = _read(descriptor, limits)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise InputError(
            "IN-FILE-UNREADABLE",
            f"Không đọc được tệp ({error.strerror}).",
            hint="Kiểm tra quyền đọc tệp rồi gửi lại.",
            who="cơ sở gửi",
        ) from None
    if len(data) > limits.delivery_bytes:
        raise LimitError("LIM-DELIVERY-BYTES", "Tệp lớn lên trong khi đọc và vượt giới hạn.", who="cơ sở gửi")
    return data


def _read(descriptor: int, limits: Limits) -> bytes:
    size = os.fstat(descriptor).st_size
    if size > limits.delivery_bytes:
        raise LimitError(
            "LIM-DELIVERY-BYTES",
            f"Tệp lớn {size:,} byte, giới hạn là {limits.delivery_bytes:,} byte.".replace(",", "."),
            hint="Chia thành nhiều tệp nhỏ hơn rồi gửi lại.",
            who="cơ sở gửi",
        )
    # as much as there should be: room for the largest delivery is dear to ask for a thousand times
    data = os.read(descriptor, size + 1)
    while len(data) != size and len(data) <= limits.delivery_bytes:
        # shorter than it was, or longer: to its end
        more = os.read(descriptor, min(_PIECE, limits.delivery_bytes + 1 - len(data)))
        if not more:
            break
        data += more
    return data


def receive(raw: RawStore, deliveries: Sequence[Delivery]) -> list[Receipt]:
    """Append to raw and fsync; only then come receipts, in the order given. StorageError: nothing was received."""
    return raw.append(
        [
            RawItem(
                kind=delivery.kind,
                data=delivery.data,
                source=delivery.source,
                path=delivery.path,
                facility_asserted=delivery.facility_asserted,
                received_at=delivery.received_at,
                packed_behind=PACKED_BEHIND if delivery.kind == "xml130" else b"",
            )
            for delivery in deliveries
        ]
    )
