"""Whether and how this installation sends notices: `notices.yaml` in the home. Without the file: none are sent.

    mail:
      host: smtp.example.vn
      port: 587
      security: starttls                 starttls, tls, or local: a relay on this machine, without TLS and password
      sender: kho-du-lieu@example.vn
      user: kho-du-lieu@example.vn       optional; the password is sealed in the database (`bienho notices secret`)
      domains: [example.vn]              optional; e-mail goes to addresses of these domains only
    webhooks: true                       optional; whether accounts may name an https address

Private networks that webhooks may reach are those of `outgoing` in doors.yaml.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Any, Literal

from bienho.config.home import Home
from bienho.config.lines import read_lines
from bienho.core.errors import ConfigError

FILE = "notices.yaml"
Security = Literal["starttls", "tls", "local"]
SECURITIES: tuple[Security, ...] = ("starttls", "tls", "local")
_LINES = {"mail", "webhooks"}
_MAIL = {"host", "port", "security", "sender", "user", "domains"}
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?\Z|[0-9a-f:]{2,39}\Z")
_ADDRESS = re.compile(r"[A-Za-z0-9._+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,24}\Z")
_DOMAIN = re.compile(r"(?:[a-z0-9-]{1,63}\.)+[a-z]{2,24}\Z")


@dataclass(frozen=True, slots=True)
class Mail:
    """One outgoing mail server; `user` is '' where it asks for none."""

    host: str
    port: int
    security: Security
    sender: str
    user: str = ""
    domains: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class NoticeWays:
    """The ways by which notices leave; none by default."""

    mail: Mail | None = None
    webhooks: bool = False

    @property
    def any(self) -> bool:
        return self.mail is not None or self.webhooks


def read_notice_ways(home: Home) -> NoticeWays:
    """What the file says; ConfigError CFG-NOTICES for what it may not say. A line that nobody knows is refused too."""
    told = read_lines(home.path / FILE, _LINES, _wrong)
    webhooks = told.get("webhooks", False)
    if not isinstance(webhooks, bool):
        raise _wrong("webhooks phải là true hoặc false")
    return NoticeWays(_mail(told["mail"]) if told.get("mail") else None, webhooks)


def _mail(told: Any) -> Mail:
    if not isinstance(told, dict) or set(told) - _MAIL:
        raise _wrong(f"mail chỉ có các dòng {', '.join(sorted(_MAIL))}")
    host, sender, user = (str(told.get(name) or "") for name in ("host", "sender", "user"))
    port = told.get("port")
    security = next((one for one in SECURITIES if one == told.get("security")), None)
    if not _HOST.match(host) or type(port) is not int or not 0 < port < 65_536:
        raise _wrong("mail cần host và port")
    if security is None:
        raise _wrong(f"mail.security là một trong {', '.join(SECURITIES)}")
    if not _ADDRESS.match(sender):
        raise _wrong("mail.sender phải là địa chỉ thư điện tử")
    if security == "local" and (not _is_here(host) or user):
        raise _wrong("mail.security local chỉ dùng cho máy chủ thư trên chính máy này, không có user")
    domains = told.get("domains") or ()
    if not isinstance(domains, list | tuple) or not all(_DOMAIN.match(str(one)) for one in domains):
        raise _wrong("mail.domains phải là danh sách tên miền chữ thường")
    return Mail(host, port, security, sender, user, frozenset(map(str, domains)))


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _wrong(what: str) -> ConfigError:
    return ConfigError(
        "CFG-NOTICES",
        f"Tệp {FILE} trong thư mục dữ liệu không đúng: {what}.",
        hint="Sửa theo docs/deployment.md rồi chạy lại.",
        who="người vận hành",
    )
