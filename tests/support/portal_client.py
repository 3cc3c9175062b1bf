"""A client of the insurance portal's submission API, written from its public description and nothing of ours.

It does what programs of hospitals do: logs in with the MD5 of a password, keeps the token for as long as it is told,
sends forms with the file in base64, reads maKetQua. Sources: letters 3190/BHXH-CNTT (2023), 1245/BHXH-CNTT (2024).
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass, field
from http.client import HTTPConnection
from typing import Any
from urllib.parse import quote, urlencode

FORM = "application/x-www-form-urlencoded"
CHECK_IN, DOSSIER, ASSESSMENT, VISIT_4210 = "0", "130", "12", "3"


@dataclass
class PortalClient:
    """One program of one facility. `timeout`: seconds, as clients have them."""

    host: str
    port: int
    username: str
    password: str
    facility: str
    timeout: float = 30.0
    headers: dict[str, str] = field(default_factory=dict)
    key: dict[str, Any] = field(default_factory=dict)
    _line: HTTPConnection | None = None

    @property
    def digest(self) -> str:
        return hashlib.md5(self.password.encode()).hexdigest().upper()

    def log_in(self, *, as_json: bool = False, capitals: bool = False) -> dict[str, Any]:
        """POST /api/token/take; keeps the APIKey of a 200."""
        names = ("Username", "Password") if capitals else ("username", "password")
        given = dict(zip(names, (self.username, self.digest), strict=True))
        kind = "application/json" if as_json else FORM
        told = self.post("/api/token/take", json.dumps(given) if as_json else urlencode(given), kind)
        if told["maKetQua"] == "200":
            self.key = told["APIKey"]
        return told

    def send(
        self,
        data: bytes,
        path: str = "/api/qd130/guiHoSoXmlQD3176",
        kind: str = DOSSIER,
        *,
        as_json: bool = False,
        names: tuple[str, str, str] = ("accessToken", "tokenId", "passwordHash"),
        **changed: str,
    ) -> dict[str, Any]:
        """One file to a path of /api/qd130; `changed` are fields of the form that differ."""
        form = {
            "username": self.username,
            "loaiHoSo": kind,
            "maTinh": self.facility[:2],
            "maCSKCB": self.facility,
            "fileHSBase64": base64.b64encode(data).decode(),
            **changed,
        }
        shown = (self.key.get("access_token", ""), self.key.get("id_token", ""), self.digest)
        body = json.dumps(form) if as_json else urlencode(form)
        return self.post(path, body, "application/json" if as_json else FORM, **dict(zip(names, shown, strict=True)))

    def send_4210(self, data: bytes, *, way: str = "bytes", kind: str = VISIT_4210) -> dict[str, Any]:
        """One file to the 4210 path: as itself, or as JSON (`array` of numbers, `signed` ones, `text` in base64)."""
        bodies = {
            "bytes": (data, "application/octet-stream"),
            "array": (json.dumps({"fileHS": list(data)}), "application/json"),
            "signed": (json.dumps([byte - 256 if byte > 127 else byte for byte in data]), "application/json"),
            "text": (json.dumps(base64.b64encode(data).decode()), "application/json"),
        }
        body, content_type = bodies[way]
        asked = self._query(loaiHoSo=kind, maTinh=self.facility[:2], maCSKCB=self.facility)
        return self.post("/api/egw/guiHoSoGiamDinh4210?" + asked, body, content_type)

    def results(self, service: str, **asked: str) -> dict[str, Any]:
        """One of the three result services of 4210."""
        return self.post(f"/api/egw/{service}?" + self._query(), urlencode(asked), FORM)

    def post(self, path: str, body: bytes | str, content_type: str, **headers: str) -> dict[str, Any]:
        """One POST on a connection that is kept; JSON of any status is read, as clients do."""
        sent = {"Content-Type": content_type, **self.headers, **headers}
        for last in (False, True):
            line = self._line or HTTPConnection(self.host, self.port, timeout=self.timeout)
            self._line = line
            try:
                line.request("POST", path, body.encode() if isinstance(body, str) else body, sent)
                told = json.loads(line.getresponse().read())
            except (ConnectionError, OSError) as error:
                self.close()
                if last or isinstance(error, TimeoutError):
                    raise
                continue
            assert isinstance(told, dict)
            return told
        raise AssertionError("not reached")

    def close(self) -> None:
        if self._line is not None:
            self._line.close()
        self._line = None

    def _query(self, **more: str) -> str:
        shown = {
            "token": self.key.get("access_token", ""),
            "id_token": self.key.get("id_token", ""),
            "username": self.username,
            "password": self.digest,
        }
        return urlencode({**shown, **more}, quote_via=quote)
