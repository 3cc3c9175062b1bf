"""What is answered: the portal's codes, a text that says what to do, and the number of a receipt.

The codes are those the portal's guide and the clients of it know. 200 means that the bytes are on disk. 124 is what
clients send again by themselves: it stands for everything that passes with time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

from bienho.core.errors import BienhoError, BusyError, DeniedError, InputError, LimitError, StorageError

LOCAL = timezone(timedelta(hours=7), "Asia/Ho_Chi_Minh")
OK, BAD_FILE, AGAIN, BAD_PARAMETER, UNKNOWN, DENIED, BROKEN, TOO_LARGE = (
    "200", "123", "124", "205", "401", "403", "500", "1001",
)  # fmt: skip
_TOO_LARGE = frozenset({"LIM-DELIVERY-BYTES", "LIM-BODY"})
_PASSING = frozenset({"LIM-SENDER", "LIM-TIME"})
"""Limits that the same file may meet no more when it is sent later."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer. `more` are the fields beside maKetQua; an empty text says nothing and is left out."""

    code: str
    text: str = ""
    more: Mapping[str, Any] = field(default_factory=dict)

    @property
    def accepted(self) -> bool:
        return self.code == OK

    def as_dict(self) -> dict[str, Any]:
        """The JSON object that is sent."""
        return {"maKetQua": self.code, **self.more, **({"thongDiep": self.text} if self.text else {})}


class Refused(Exception):
    """A request that gets no receipt; `reply` says why."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(code)
        self.reply = Reply(code, text)


def receipt(delivery_id: str, received_at: datetime, *, again: bool) -> Reply:
    """The answer to bytes that are on disk."""
    text = "Nội dung này đã nhận trước đó, không nhận thêm lần nữa." if again else "Đã nhận hồ sơ."
    return Reply(OK, text, {"maGiaoDich": delivery_id, "thoiGianTiepNhan": moment(received_at)})


def token_reply(access: str, identity: str, username: str, expires_at: datetime) -> Reply:
    """The answer to a log-in; `expires_in` is a moment in UTC, as the portal's guide has it."""
    key = {
        "access_token": access,
        "id_token": identity,
        "token_type": "Bearer",
        "username": username,
        "expires_in": expires_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    return Reply(OK, "", {"APIKey": key})


def moment(instant: datetime) -> str:
    """yyyyMMddHHmmss, the wall clock in the province."""
    return instant.astimezone(LOCAL).strftime("%Y%m%d%H%M%S")


def refusal(error: BienhoError) -> Reply:
    """The answer for an error of the project's tree; its own code stands in the text, for whoever asks for help."""
    text = f"[{error.code}] {error.message} {error.hint}".strip()
    return Reply(_code(error), text)


def _code(error: BienhoError) -> str:
    if error.code in _PASSING or isinstance(error, BusyError | StorageError):
        return AGAIN
    if error.code in _TOO_LARGE:
        return TOO_LARGE
    if isinstance(error, LimitError | InputError):
        return BAD_FILE
    return DENIED if isinstance(error, DeniedError) else BROKEN
