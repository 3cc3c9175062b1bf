"""Failed sign-ins, counted per account name and per address. A try is counted before it is judged.

So many guesses at once are no way around the count. Names that are no account are counted like those that are.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta

from bienho.config import Home, load_keys
from bienho.core.errors import BusyError
from bienho.database import Database, Role, storage_errors
from bienho.governance.people.rules import NUMBERS, Failures, failed, locked_until

SUBJECT_KEY = "people/sign-in-subject"


@dataclass(frozen=True, slots=True)
class Counted:
    """What a try is counted under: keyed digests of the account's name and of the address, if there is one."""

    account: bytes
    address: bytes | None

    def limits(self) -> dict[bytes, int]:
        """After how many failures each must wait."""
        found = {self.account: NUMBERS.lock_after}
        return found if self.address is None else {**found, self.address: NUMBERS.lock_address_after}


def counted(home: Home, account_id: str, address: str) -> Counted:
    """Under what a try of this name from this address counts; '' = no address, as on the command line."""
    key = load_keys(home).derive(SUBJECT_KEY)
    network = _digest(key, "address", _network(address)) if address else None
    return Counted(_digest(key, "account", account_id), network)


def begin(db: Database, of: Counted, now: datetime) -> None:
    """Count a try as failed until it is forgiven; BusyError BUSY-SIGN-IN, and nothing counted, while one must wait."""
    limits = of.limits()
    order = sorted(limits)
    with db.connect(Role.GOVERNANCE) as connection, storage_errors():
        for subject in order:
            connection.execute(
                "INSERT INTO governance.sign_in_failure VALUES (%s, 0, %s) ON CONFLICT DO NOTHING", (subject, now)
            )
        rows = connection.execute(
            "SELECT subject, failures, last_at FROM governance.sign_in_failure WHERE subject = ANY(%s)"
            " ORDER BY subject FOR UPDATE",
            (order,),
        ).fetchall()
        known = dict.fromkeys(order, Failures()) | {bytes(row[0]): Failures(row[1], row[2]) for row in rows}
        waits = [until for subject in order if (until := locked_until(known[subject], limits[subject]))]
        until = max(waits, default=now)
        if until > now:
            raise _must_wait(until - now)
        for subject in order:
            after = failed(known[subject], now)
            connection.execute(
                "INSERT INTO governance.sign_in_failure VALUES (%s, %s, %s) ON CONFLICT (subject)"
                " DO UPDATE SET failures = excluded.failures, last_at = excluded.last_at",
                (subject, after.count, after.last_at),
            )


def forgive(db: Database, of: Counted, now: datetime, *, wholly: bool) -> None:
    """The try was right: take its count back. `wholly`, when the sign-in is complete: forget the account's failures."""
    with db.connect(Role.GOVERNANCE) as connection, storage_errors():
        for subject in sorted(of.limits()):
            connection.execute(
                "UPDATE governance.sign_in_failure"
                " SET failures = CASE WHEN %s THEN 0 ELSE greatest(failures - 1, 0) END WHERE subject = %s",
                (wholly and subject == of.account, subject),
            )
        connection.execute(
            "DELETE FROM governance.sign_in_failure WHERE subject IN (SELECT subject FROM governance.sign_in_failure"
            " WHERE last_at < %s ORDER BY last_at LIMIT 100 FOR UPDATE SKIP LOCKED)",
            (now - timedelta(hours=NUMBERS.lock_forget_hours),),
        )


def _must_wait(wait: timedelta) -> BusyError:
    minutes = -(-int(wait.total_seconds()) // 60) or 1
    return BusyError(
        "BUSY-SIGN-IN",
        f"Đã sai nhiều lần; thử lại sau {minutes} phút.",
        hint="Nếu không phải bạn đã thử, báo cán bộ an toàn thông tin của đơn vị.",
        who="người đăng nhập",
    )


def _digest(key: bytes, kind: str, value: str) -> bytes:
    return hmac.new(key, f"{kind}\0{value}".encode(), hashlib.sha256).digest()


def _network(address: str) -> str:
    """The address, or for IPv6 the /64 it lies in: one subscriber has all of them."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    found = getattr(found, "ipv4_mapped", None) or found
    return str(found) if found.version == 4 else str(ipaddress.ip_network((found, 64), strict=False))
