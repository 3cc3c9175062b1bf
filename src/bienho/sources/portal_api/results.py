"""The three result services of 4210, over all that came through any of the paths: days, one day, errors of one file.

Rows come from whoever may read them; here they get the names clients know. Amounts are the sender's own business with
the fund and are not told.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from bienho.sources.portal_api.form import Form, NotAForm
from bienho.sources.portal_api.replies import LOCAL, OK, Reply, moment

RESULTS = ("nhanKQTiepNhanHS4210", "nhanChiTietHSNgay4210", "nhanChiTietLoiHS4210")
MOST_DAYS = 60
"""As the portal's own search has it."""
MOST_ROWS = 5_000
MISSING = "204"


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of one file: dossiers that count, those to correct or set aside, and the first reason."""

    delivery_id: str
    received_at: datetime
    sound: int
    wrong: int
    reason: str | None = None

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Delivery:
        """From a row of `standard.delivery`."""
        counts = {name: row[name] or 0 for name in ("accepted", "duplicates", "accepted_with_findings", "quarantined")}
        sound = counts["accepted"] + counts["duplicates"]
        wrong = counts["accepted_with_findings"] + counts["quarantined"]
        return cls(row["delivery_id"], row["received_at"], sound, wrong, row["reason"])


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing found in a file: the rule's own code, and the words of the rule; no value of a patient is in them."""

    code: str
    text: str


def days_of(form: Form) -> tuple[datetime, datetime]:
    """[tuNgay, denNgay] as instants, the end exclusive. `NotAForm` for days that are none or too many."""
    first, last = _day(form, "tuNgay"), _day(form, "denNgay")
    if not timedelta(0) <= last - first < timedelta(days=MOST_DAYS):
        raise NotAForm(f"tuNgay phải trước hoặc bằng denNgay, trong {MOST_DAYS} ngày.")
    return _start(first), _start(last + timedelta(days=1))


def day_of(form: Form) -> tuple[datetime, datetime]:
    """The same for the one day ngayGui."""
    day = _day(form, "ngayGui")
    return _start(day), _start(day + timedelta(days=1))


def by_day(deliveries: Iterable[Delivery]) -> Reply:
    """dsKQGuiHoSoNgay: dossiers of each local day."""
    days: dict[date, list[Delivery]] = {}
    for one in deliveries:
        days.setdefault(one.received_at.astimezone(LOCAL).date(), []).append(one)
    rows = [
        {
            "ngayGui": f"{day:%d/%m/%Y}",
            "tongSo": sum(one.sound + one.wrong for one in found),
            "soHSThanhCong": sum(one.sound for one in found),
            "soHSLoi": sum(one.wrong for one in found),
        }
        for day, found in sorted(days.items())
    ]
    return Reply(OK, "", {"dsKQGuiHoSoNgay": rows})


def details(deliveries: Iterable[Delivery]) -> Reply:
    """dsHoSo: the files of one day."""
    rows = [
        {
            "maGiaoDich": one.delivery_id,
            "thoiGianTiepNhan": moment(one.received_at),
            "soLuongHoSo": one.sound + one.wrong,
            "slHoSoDung": one.sound,
            "slHoSoLoi": one.wrong,
            "mieuTa": one.reason or "",
        }
        for one in deliveries
    ]
    return Reply(OK, "", {"dsHoSo": rows})


def problems(found: Iterable[Problem]) -> Reply:
    """dsLoi: what was found in one file."""
    return Reply(OK, "", {"dsLoi": [{"maLoi": one.code, "moTaLoi": one.text} for one in found]})


def unknown() -> Reply:
    """No such file of this account, or none that is read yet."""
    return Reply(MISSING, "Không có giao dịch này của cơ sở, hoặc kho chưa đọc xong.")


def _day(form: Form, name: str) -> date:
    try:
        return datetime.strptime(form.text(name), "%d/%m/%Y").date()
    except ValueError:
        raise NotAForm(f"{name} phải có dạng dd/MM/yyyy.") from None


def _start(day: date) -> datetime:
    return datetime.combine(day, time(), LOCAL).astimezone(UTC)
