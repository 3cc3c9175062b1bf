"""How the house proves to an outside receiver that a message is its own and is new: a signature over time and body.

Bienho-Notice: <id>                 the same at every try: whoever has seen it has the message already
Bienho-Timestamp: <Unix seconds>    of this try; older than `WINDOW` is a replay
Bienho-Signature: v1=<hex>          HMAC-SHA256 of `timestamp.body` under the secret as it was shown
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime, timedelta

SIGNATURE, TIMESTAMP, NOTICE = "Bienho-Signature", "Bienho-Timestamp", "Bienho-Notice"
WINDOW = timedelta(minutes=5)
"""How far the time of a message may lie from the receiver's clock."""


def signature(secret: str, timestamp: int, body: bytes) -> str:
    """`v1=` and the hexadecimal HMAC-SHA256 of `timestamp.body` under the secret as it was shown."""
    return "v1=" + hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()


def signed(secret: str, notice: str, body: bytes, now: datetime) -> dict[str, str]:
    """The headers of a JSON message."""
    timestamp = int(now.timestamp())
    return {
        "Content-Type": "application/json",
        NOTICE: notice,
        TIMESTAMP: str(timestamp),
        SIGNATURE: signature(secret, timestamp, body),
    }
