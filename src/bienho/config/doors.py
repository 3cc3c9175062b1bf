"""How this installation is reached from outside: `doors.yaml` in the home. Without the file: this machine only.

    address: https://kho.example.vn      what people type; decides host, passkeys and redirects
    proxies: [127.0.0.1]                 who ends HTTPS for it; a forwarded address or certificate is believed only here
    certificates: true                   whether they verify client certificates and say whose it is
    drop: /srv/tha-tep                   a folder for each facility below it; without the line `drop` in the home
    outgoing: [10.20.0.0/16]             private networks to which notices and forwarded files may go; none without
    sso:                                 optional, OpenID Connect: the province's sign-in service, or a VNeID gateway
      issuer: https://sso.example.vn
      client_id: bienho
      title_vi: Đăng nhập một cửa của tỉnh
      hosts: [keys.sso.example.vn]       further hosts its discovery document may name
      acr_two_factors: [loa3]            values of `acr` that stand for two factors
      amr_two_factors: [mfa]             the same for `amr`

The secret that belongs to `client_id` is not here: it is sealed in the database (`bienho client sso-secret`).
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bienho.config.home import Home
from bienho.config.lines import read_lines
from bienho.core.errors import ConfigError

FILE = "doors.yaml"
_LINES = {"address", "proxies", "certificates", "sso", "drop", "outgoing"}
_SSO = {"issuer", "client_id", "title_vi", "hosts", "acr_two_factors", "amr_two_factors"}


@dataclass(frozen=True, slots=True)
class Sso:
    """One outside sign-in service."""

    issuer: str
    client_id: str
    title_vi: str
    hosts: frozenset[str] = frozenset()
    acr_two_factors: frozenset[str] = frozenset()
    amr_two_factors: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Doors:
    """`address` is '' while only this machine reaches the house."""

    address: str = ""
    proxies: frozenset[str] = frozenset()
    sso: Sso | None = None
    certificates: bool = False
    drop: str = ""
    outgoing: tuple[str, ...] = ()

    @property
    def host(self) -> str:
        """Host name of the address, '' without one."""
        return urlsplit(self.address).hostname or ""


def read_doors(home: Home) -> Doors:
    """What the file says; ConfigError CFG-DOORS for what it may not say. A line that nobody knows is refused too."""
    told = read_lines(home.path / FILE, _LINES, _wrong)
    address = str(told.get("address") or "").rstrip("/")
    parts = urlsplit(address)
    if address and (parts.scheme != "https" or not parts.hostname or parts.path or parts.query or parts.username):
        raise _wrong("address phải là https://tên-máy, không có đường dẫn")
    try:
        proxies = frozenset(str(ipaddress.ip_address(str(one))) for one in told.get("proxies") or ())
    except (ValueError, TypeError):
        raise _wrong("proxies phải là danh sách địa chỉ IP") from None
    sso = _sso(told["sso"]) if told.get("sso") else None
    if sso and not address:
        raise _wrong("sso cần address")
    certificates = told.get("certificates", False)
    if not isinstance(certificates, bool):
        raise _wrong("certificates phải là true hoặc false")
    drop = str(told.get("drop") or "")
    if drop and not Path(drop).is_absolute():
        raise _wrong("drop phải là đường dẫn đầy đủ của một thư mục")
    try:
        outgoing = tuple(str(ipaddress.ip_network(str(one))) for one in told.get("outgoing") or ())
    except (ValueError, TypeError):
        raise _wrong("outgoing phải là danh sách mạng, như 10.20.0.0/16") from None
    return Doors(address, proxies, sso, certificates, drop, outgoing)


def _sso(told: Any) -> Sso:
    if not isinstance(told, dict) or set(told) - _SSO:
        raise _wrong(f"sso chỉ có các dòng {', '.join(sorted(_SSO))}")
    issuer, client = str(told.get("issuer") or ""), str(told.get("client_id") or "")
    parts = urlsplit(issuer)
    if parts.scheme != "https" or not parts.hostname or parts.query or parts.fragment or parts.username or not client:
        raise _wrong("sso cần issuer là https://… và client_id")
    return Sso(
        issuer,
        client,
        str(told.get("title_vi") or parts.hostname),
        _words(told, "hosts"),
        _words(told, "acr_two_factors"),
        _words(told, "amr_two_factors"),
    )


def _words(told: dict[str, Any], name: str) -> frozenset[str]:
    found = told.get(name) or ()
    if not isinstance(found, list | tuple):
        raise _wrong(f"{name} phải là danh sách")
    return frozenset(str(one) for one in found)


def _wrong(what: str) -> ConfigError:
    return ConfigError(
        "CFG-DOORS",
        f"Tệp {FILE} trong thư mục dữ liệu không đúng: {what}.",
        hint="Sửa theo docs/deployment.md rồi chạy lại.",
        who="người vận hành",
    )
