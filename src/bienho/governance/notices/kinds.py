"""What the house tells by itself: kinds of notices, whom each concerns, and its words in both languages.

A notice says counts, a day, a code of a facility or of a report, and where to look. It has no place for anything else,
so that no patient's value can leave with it (promise 9).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from bienho.core.errors import IntegrityError
from bienho.governance.roles import (
    ADMINISTRATOR,
    EPIDEMIOLOGIST,
    FACILITY_OFFICER,
    LEADER,
    OPERATOR,
    ROOM_OFFICER,
    SECURITY_OFFICER,
    SOCIAL_OFFICER,
    STATION_WORKER,
    VIEWER,
)

Mode = Literal["now", "digest", "off"]
MODES: tuple[Mode, ...] = ("now", "digest", "off")
ABOUT = re.compile(r"[0-9A-Za-z._-]{0,40}\Z")
LINK = re.compile(r"/[0-9a-z/-]{0,120}(\?co_so=[0-9A-Za-z._-]{1,40})?(#[a-z-]{1,40})?\Z")
KEY = re.compile(r"[0-9A-Za-z:._-]{1,120}\Z")
_NEWS = re.compile(r"[a-z_]{1,30}\Z")

FINDINGS, QUARANTINE, MISSING, SILENT, LATE, REMINDER, ANSWER, REPORT, CHAIN = (
    "findings",
    "quarantine",
    "missing",
    "silent",
    "late",
    "reminder",
    "answer",
    "report",
    "chain",
)
_SENDERS = frozenset({OPERATOR, ROOM_OFFICER, LEADER})
_FACILITY = frozenset({FACILITY_OFFICER, STATION_WORKER, SOCIAL_OFFICER})


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind. `roles` and `matter` (of a unit's contact) are whom it concerns; `usual` is what they get until they
    choose; `line_…` has places for the counts, `{day}` and `{about}`; `daily`: looked up once a day, by the gate."""

    code: str
    title_vi: str
    title_en: str
    line_vi: str
    line_en: str
    counts: tuple[str, ...]
    roles: frozenset[str]
    usual: Mode = "digest"
    matter: str = ""
    daily: bool = False


KINDS: Mapping[str, Kind] = {
    kind.code: kind
    for kind in (
        Kind(
            FINDINGS,
            "Hồ sơ hôm trước có phát hiện sai",
            "Dossiers of the day before with findings",
            "{about}, nhận ngày {day}: {flawed} hồ sơ có phát hiện sai trong {dossiers} hồ sơ.",
            "{about}, received on {day}: {flawed} dossiers with findings out of {dossiers}.",
            ("flawed", "dossiers"),
            _FACILITY,
            matter="data",
            daily=True,
        ),
        Kind(
            QUARANTINE,
            "Hồ sơ bị cách ly",
            "Dossiers set aside",
            "{about}, nhận ngày {day}: {quarantined} hồ sơ bị cách ly, chưa vào kho.",
            "{about}, received on {day}: {quarantined} dossiers set aside, not in the store yet.",
            ("quarantined",),
            _FACILITY,
            matter="data",
            daily=True,
        ),
        Kind(
            MISSING,
            "Ngày khám còn thiếu hồ sơ",
            "Days of care without dossiers",
            "{about}: {days} ngày khám của {window} ngày gần đây chưa có hồ sơ nào (tính đến {day}).",
            "{about}: no dossiers for {days} days of care of the last {window} days (as of {day}).",
            ("days", "window"),
            _FACILITY,
            matter="data",
            daily=True,
        ),
        Kind(
            SILENT,
            "Cơ sở im lặng",
            "Silent facilities",
            "{facilities} cơ sở đã từng gửi nhưng im lặng quá {limit} ngày (tính đến {day}).",
            "{facilities} facilities that used to send are silent for more than {limit} days (as of {day}).",
            ("facilities", "limit"),
            _SENDERS,
            daily=True,
        ),
        Kind(
            LATE,
            "Cơ sở gửi chậm",
            "Facilities that send late",
            "{facilities} cơ sở có hồ sơ gửi chậm, {dossiers} hồ sơ, trong {weeks} tuần gần nhất có điểm.",
            "{facilities} facilities sent late, {dossiers} dossiers, in the newest {weeks} scored weeks.",
            ("facilities", "dossiers", "weeks"),
            _SENDERS,
            daily=True,
        ),
        Kind(
            REMINDER,
            "Lời nhắc của Sở Y tế",
            "Reminders of the Department",
            "{about}: Sở Y tế nhắc, trả lời trước hết ngày {day}.",
            "{about}: reminder of the Department, to be answered by {day}.",
            (),
            _FACILITY | {LEADER},
            "now",
            matter="data",
        ),
        Kind(
            ANSWER,
            "Cơ sở trả lời lời nhắc",
            "Answers to reminders",
            "{about} đã trả lời lời nhắc ngày {day}.",
            "{about} answered the reminder of {day}.",
            (),
            _SENDERS,
        ),
        Kind(
            REPORT,
            "Báo cáo định kỳ có kỳ mới",
            "A scheduled report has a new period",
            "Báo cáo `{about}`: kỳ đến hạn ngày {day} đã có kết quả.",
            "Report `{about}`: the period due on {day} is there.",
            (),
            _SENDERS | _FACILITY | {VIEWER, EPIDEMIOLOGIST},
        ),
        Kind(
            CHAIN,
            "Báo động chuỗi nhật ký",
            "Alarm of the audit chain",
            "Chuỗi nhật ký truy cập KHÔNG còn nguyên vẹn (kiểm tra ngày {day}, {events} sự kiện).",
            "The chain of the audit log is NOT intact (checked on {day}, {events} events).",
            ("events",),
            frozenset({SECURITY_OFFICER, ADMINISTRATOR}),
            "now",
            matter="security",
        ),
    )
}


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing to tell one account. `key` names it among the account's for good; `at` is when it came up (with zone);
    `day` the local day it speaks of; `link` an address of the portal without its host."""

    key: str
    kind: str
    at: datetime
    day: date
    link: str
    about: str = ""
    counts: Mapping[str, int] | None = None


def checked(notice: Notice) -> Notice:
    """The notice, when it holds nothing but what one may hold; else IntegrityError INT-NOTICE, naming the place."""
    kind = KINDS.get(notice.kind)
    counts = notice.counts or {}
    wrong = (
        "kind" if kind is None
        else "key" if not KEY.match(notice.key)
        else "about" if not ABOUT.match(notice.about)
        else "link" if not LINK.match(notice.link)
        else "at" if notice.at.tzinfo is None
        else "counts" if set(counts) != set(kind.counts) or not all(
            _NEWS.match(name) and type(value) is int and value >= 0 for name, value in counts.items()
        )
        else ""
    )  # fmt: skip
    if wrong:
        raise IntegrityError(
            "INT-NOTICE",
            f"Thông báo có phần «{wrong}» không được phép; không gửi.",
            hint="Thông báo chỉ gồm số đếm, ngày, mã cơ sở và đường dẫn. Báo nhóm phát triển.",
            who="nhóm phát triển",
        )
    return notice


def offered(roles: Collection[str], matters: Collection[str]) -> tuple[Kind, ...]:
    """Kinds that concern an account of these roles, contact of its unit in these matters."""
    held = set(roles)
    return tuple(kind for kind in KINDS.values() if kind.roles & held or (kind.matter and kind.matter in matters))
