"""A facility's file on to the insurance portal, unchanged, in the facility's own name, as its software would send it.

Log-in, then one form per file (`standards/xml130` README names the paths). Nothing of the file is read but whether it
is an envelope of dossiers: what is not is for the facility to send itself.
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import orjson

from bienho.pipeline.outward import Post, Unreached

FORM = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
TOKEN_PATH, DOSSIER_PATH = "/api/token/take", "/api/qd130/guiHoSoXmlQD3176"
DOSSIER_KIND = "130"
_ENVELOPE = re.compile(rb"<(?:[\w.-]+:)?GIAMDINHHS[\s>]")
_MD5 = re.compile(r"[0-9A-Fa-f]{32}")
_CODE = re.compile(r"[0-9]{1,5}")
_HEAD = 4_096


@dataclass(frozen=True, slots=True)
class Told:
    """What the portal said: `code` (maKetQua), or a word of ours where it said nothing readable; `body` whole."""

    code: str
    body: bytes = b""

    @property
    def is_final(self) -> bool:
        """Whether asking again would bring the same: it took the file, or it found something wrong with it."""
        return self.code in ("200", "no-envelope") or (self.code.isdigit() and self.code not in _AGAIN)


_AGAIN = frozenset({"401", "403", "124", "500", "408", "1001"})
"""Answers that may be others later: the account, the portal itself, the hour of the day."""


def secret_of(username: str, password: str) -> dict[str, str]:
    """What is kept of an account: the wire wants the MD5 of the password, so only that is kept (sealed)."""
    given = password.strip()
    digest = given if _MD5.fullmatch(given) else hashlib.new("md5", given.encode(), usedforsecurity=False).hexdigest()
    return {"username": username.strip(), "password": digest.upper()}


def forward(post: Post, base: str, secret: dict[str, str], facility: str, data: bytes) -> Told:
    """Send one file. Unreached when the portal cannot be reached; everything it says comes back as `Told`."""
    if not _ENVELOPE.search(data, 0, _HEAD):
        return Told("no-envelope")
    root = base.rstrip("/")
    entered = _ask(post, root + TOKEN_PATH, {"username": secret["username"], "password": secret["password"]}, {})
    key = entered.get("APIKey") if entered else None
    if not isinstance(key, dict) or not isinstance(key.get("access_token"), str):
        return Told(_code(entered) or "no-answer")
    headers = {
        "accessToken": key["access_token"],
        "tokenId": str(key.get("id_token") or ""),
        "passwordHash": secret["password"],
    }
    if not all(value.isascii() and value.isprintable() for value in headers.values()):
        return Told("no-answer")
    form = {
        "username": secret["username"], "loaiHoSo": DOSSIER_KIND, "maTinh": facility[:2], "maCSKCB": facility,
        "fileHSBase64": base64.b64encode(data).decode(),
    }  # fmt: skip
    told = _ask(post, root + DOSSIER_PATH, form, headers)
    return Told(_code(told) or "no-answer", orjson.dumps(told) if told else b"")


def _ask(post: Post, url: str, form: dict[str, str], headers: dict[str, str]) -> dict[str, Any]:
    """The JSON object of an answer, whatever its status; {} when there is none."""
    answer = post(url, urlencode(form).encode(), {**FORM, **headers})
    if 300 <= answer.status < 400:
        raise Unreached("redirect")
    try:
        told = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return {}
    return told if isinstance(told, dict) else {}


def _code(told: dict[str, Any]) -> str:
    found = str(told.get("maKetQua", ""))
    return found if _CODE.fullmatch(found) else ""
