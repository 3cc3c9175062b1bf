"""One file through the portal's API: does it name who sends it rightly, and if so, what is answered once it is kept.

Nothing here knows HTTP, accounts or disks: who asks is given as an `Account`, keeping is done by whoever calls.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from bienho.core.errors import BienhoError
from bienho.sources.portal_api.form import FILE, Form, NotAForm, read_bare, read_body, read_file
from bienho.sources.portal_api.replies import DENIED, UNKNOWN, Refused, Reply, receipt, refusal
from bienho.sources.portal_api.services import Service

SOURCE = "portal-api"
"""Name of this door in raw and in the log of refused attempts."""


@dataclass(frozen=True, slots=True)
class Account:
    """Who sends: the name clients log in with, the facilities it speaks for, province codes its forms may carry."""

    username: str
    facilities: frozenset[str]
    provinces: frozenset[str]


@dataclass(frozen=True, slots=True)
class Parcel:
    """A file to keep: of which facility, by whom, through which service."""

    data: bytes
    facility: str
    username: str
    service: str


@dataclass(frozen=True, slots=True)
class Kept:
    """A parcel on disk: the number it got, when (UTC), and whether it lay there `again` already."""

    delivery_id: str
    received_at: datetime
    again: bool = False


Keep = Callable[[Parcel], Kept]
"""Returns when the bytes are on disk; raises one of the project's errors when nothing was kept."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What a request shows of who sends it; '' where it shows nothing."""

    access: str
    identity: str
    password: str
    username: str


def proof_of(service: Service | None, headers: Mapping[str, str], query: Form) -> Proof:
    """The proof of a request, before its body is read. `headers` finds names in any case.

    The paths of 130 carry it in headers, those of 4210 in the query.
    """
    if service is not None and not service.in_query:
        access, identity, password = (
            headers.get(name, "").strip() for name in ("accessToken", "tokenId", "passwordHash")
        )
        return Proof(access, identity, password, "")
    return Proof(query.text("token"), query.text("id_token"), query.text("password"), query.text("username"))


def accept(
    account: Account, service: Service, query: Form, content_type: str, body: bytes, keep: Keep, most: int
) -> Reply:
    """The answer to one file of at most `most` bytes; 200 only after `keep` has returned."""
    try:
        if service.in_query:
            form, data = query, read_bare(content_type, body, most)
        else:
            form = read_body(content_type, body)
            data = read_file(form.value(FILE), most)
        facility = _named_rightly(account, service, form)
        kept = keep(Parcel(data, facility, account.username, service.name))
    except Refused as refused:
        return refused.reply
    except BienhoError as error:
        return refusal(error)
    return receipt(kept.delivery_id, kept.received_at, again=kept.again)


def _named_rightly(account: Account, service: Service, form: Form) -> str:
    """The facility a form names, when the account speaks for it and the rest of the form fits."""
    username, facility = form.text("username"), form.text("maCSKCB")
    if username and username.lower() != account.username:
        raise Refused(UNKNOWN, "username không phải tài khoản đã đăng nhập.")
    kind = form.text("loaiHoSo")
    if kind not in service.kinds:
        raise NotAForm(f"{service.name} nhận loaiHoSo {', '.join(sorted(service.kinds))}; yêu cầu ghi «{kind[:8]}».")
    if not facility:
        raise NotAForm("Thiếu maCSKCB.")
    if facility not in account.facilities:
        raise Refused(DENIED, f"Tài khoản {account.username} không gửi thay cơ sở có mã trong maCSKCB.")
    province = form.text("maTinh")
    if province not in account.provinces:
        raise NotAForm(f"maTinh phải là {' hoặc '.join(sorted(account.provinces))}.")
    return facility
