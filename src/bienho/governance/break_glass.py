"""Break-glass: in an emergency, one dossier's identifiers for half an hour, and afterwards somebody else looks at it.

Who may open is for the policies; a reason is a code of the list here and, where asked for, the number of a document
or, when there is none yet, why. Nothing a person types about a patient is kept: a reviewer's grounds are codes too.

A verdict changes no right by itself: it is written down, and people decide what follows.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from bienho.core.errors import DeniedError, UsageError
from bienho.database import Database, Role, storage_errors
from bienho.governance.actor import Actor
from bienho.governance.reasons import Reason, document_number

MINUTES = 30
REVIEW_DAYS = 3
LOCAL = ZoneInfo("Asia/Ho_Chi_Minh")
#: Public holidays of a fixed day (Labour Code 45/2019/QH14, article 112). Tết and the Hùng Kings' day follow the moon
#: and are not here: a review then falls due earlier than it must, never later.
HOLIDAYS = frozenset({(1, 1), (4, 30), (5, 1), (9, 2)})
VERDICTS = {"dung": "Đúng: có tình huống khẩn cấp", "sai": "Sai: không có tình huống khẩn cấp"}
KEY = re.compile(r"[0-9a-f]{32}\Z")

EMERGENCIES: dict[str, Reason] = {
    reason.code: reason
    for reason in (
        Reason(
            "cap-cuu-nguoi-benh",
            "Cấp cứu người bệnh không tự cho biết được thông tin",
            "Emergency care of a patient who cannot tell",
        ),
        Reason(
            "o-dich-khan-cap",
            "Điều tra khẩn cấp một ổ dịch",
            "Urgent investigation of an outbreak",
            needs_document=True,
        ),
    )
}


EXPLANATIONS: dict[str, tuple[str, str]] = {
    "lenh-mieng": (
        "Lãnh đạo trực đã lệnh bằng lời; văn bản ban hành sau",
        "The leader on duty ordered it by word; the document follows",
    ),
    "ngoai-gio": (
        "Ngoài giờ hành chính, chưa kịp có văn bản",
        "Outside office hours, no document could be issued yet",
    ),
}
"""Why there is no document yet: what stands in for its number where a reason asks for one (Vietnamese, English)."""

GROUNDS: dict[str, tuple[str, str]] = {
    "da-hoi-nguoi-mo": ("Đã hỏi người đã mở", "Whoever opened it was asked"),
    "co-ca-cap-cuu": ("Cơ sở xác nhận có ca cấp cứu lúc đó", "The facility confirms an emergency at that time"),
    "co-o-dich": ("Có ổ dịch, ca bệnh phải điều tra gấp", "There was an outbreak or a case to investigate at once"),
    "co-van-ban": ("Có văn bản chỉ đạo, kể cả ban hành sau", "There is an order, issued later or not"),
    "khong-co-ca": ("Không có ca cấp cứu, ổ dịch nào lúc đó", "There was no emergency and no outbreak at that time"),
    "mo-nham": ("Mở nhầm hồ sơ", "The wrong dossier was opened"),
    "ngoai-nhiem-vu": ("Xem ngoài nhiệm vụ được giao", "It was looked at outside the duty given"),
}
"""What a verdict may rest on (Vietnamese, English)."""


@dataclass(frozen=True, slots=True)
class Emergency:
    """One opening. `verdict` is '' until another person has reviewed it; `review_by` the last day to do so.

    `grounds`, `reviewer`, `reviewed_at`, `review_document`: of the review.
    """

    emergency_id: str
    account_id: str
    purpose: str
    dossier_key: str
    reason: str
    document: str
    opened_at: datetime
    until_at: datetime
    review_by: date
    verdict: str = ""
    explanation: str = ""
    reviewer: str = ""
    reviewed_at: datetime | None = None
    grounds: tuple[str, ...] = ()
    review_document: str = ""

    def words(self) -> list[str]:
        """Items of purposeOfEvent: that it was an emergency, its reason, its document."""
        return [
            "BTG",  # HL7 v3 ActReason: break the glass
            f"reason:{self.reason}",
            *([f"document:{self.document}"] if self.document else []),
            *([f"explanation:{self.explanation}"] if self.explanation else []),
        ]


class Emergencies:
    """The openings in PostgreSQL; rows are only added."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def open(
        self,
        actor: Actor,
        purpose: str,
        dossier_key: str,
        reason: str,
        document: str,
        now: datetime,
        explanation: str = "",
    ) -> Emergency:
        """A new opening for whoever the policies let (`permit`); UsageError USE-EMERGENCY for reason or dossier.

        `explanation`: a code of `EXPLANATIONS` where the reason asks for a document that is not there yet.
        """
        known = EMERGENCIES.get(reason)
        number = document_number(document)
        explained = not explanation or explanation in EXPLANATIONS
        if known is None or not explained or (known.needs_document and not number and not explanation):
            raise UsageError(
                "USE-EMERGENCY",
                "Mở khẩn cấp cần một lý do trong danh sách, kèm số văn bản hoặc giải trình nếu lý do đòi.",
                hint=", ".join((*EMERGENCIES, *EXPLANATIONS)),
            )
        if not KEY.match(dossier_key):
            raise UsageError("USE-KEY", "Cần mã người bệnh, mã hồ sơ hoặc mã bản ghi gồm 32 chữ số thập lục phân.")
        made = Emergency(
            secrets.token_hex(16), actor.account_id, purpose, dossier_key, reason, number, now,
            now + timedelta(minutes=MINUTES), working_day(now.astimezone(LOCAL).date(), REVIEW_DAYS),
            explanation=explanation,
        )  # fmt: skip
        with self._db.connect(Role.GOVERNANCE) as connection, storage_errors():
            connection.execute(
                "INSERT INTO governance.emergency (emergency_id, account_id, purpose, dossier_key, reason, document,"
                " opened_at, until_at, review_by, explanation) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
                (
                    made.emergency_id, made.account_id, purpose, dossier_key, reason, number, now, made.until_at,
                    made.review_by, explanation,
                ),
            )  # fmt: skip
        return made

    def usable(self, actor: Actor, emergency_id: str) -> Emergency:
        """An opening of this actor that is not over by the database's clock; DeniedError DENY-EMERGENCY otherwise."""
        found = self._select("e.emergency_id = %s AND e.until_at > clock_timestamp()", emergency_id)
        if not found or found[0].account_id != actor.account_id:
            raise DeniedError(
                "DENY-EMERGENCY",
                "Lần mở khẩn cấp này không phải của tài khoản đang dùng, hoặc đã hết 30 phút.",
                hint="Nếu vẫn khẩn cấp, mở lại và ghi lý do.",
                who="người đang xử trí",
            )
        return found[0]

    def waiting(self) -> list[Emergency]:
        """Openings nobody has reviewed yet, the ones due first first."""
        return self._select("r.emergency_id IS NULL AND %s::text IS NOT NULL", "")

    def reviewed(self, most: int = 100) -> list[Emergency]:
        """The newest reviewed openings, the last reviewed first."""
        return self._select("r.emergency_id IS NOT NULL AND %s::text IS NOT NULL", "", "r.reviewed_at DESC", most)

    def of_account(self, account_id: str, most: int = 100) -> list[Emergency]:
        """The newest openings of an account, the last first."""
        return self._select("e.account_id = %s", account_id, "e.opened_at DESC", most)

    def find(self, emergency_id: str) -> Emergency | None:
        """One opening by its id; None when there is none."""
        found = self._select("e.emergency_id = %s", emergency_id)
        return found[0] if found else None

    def running(self, account_id: str) -> list[Emergency]:
        """Openings of an account that are not over by the database's clock, the one that ends last first."""
        return self._select("e.account_id = %s AND e.until_at > clock_timestamp()", account_id, "e.until_at DESC")

    def review(
        self,
        by: Actor,
        emergency_id: str,
        verdict: str,
        now: datetime,
        grounds: Sequence[str] = (),
        document: str = "",
    ) -> Emergency:
        """What another person found; DeniedError DENY-EMERGENCY-REVIEW to the one who opened it.

        `grounds`: codes of `GROUNDS`. UsageError USE-EMERGENCY-VERDICT for anything not of the lists, USE-DOCUMENT for
        the number, USE-EMERGENCY-UNKNOWN when nothing waits under that id, also when another was quicker.
        """
        if verdict not in VERDICTS or not set(grounds) <= GROUNDS.keys():
            raise UsageError(
                "USE-EMERGENCY-VERDICT",
                "Kết luận và căn cứ phải có trong danh sách.",
                hint=", ".join((*VERDICTS, *GROUNDS)),
            )
        number = document_number(document)
        found = self.find(emergency_id)
        if found is None or found.verdict:
            raise _nothing_waits()
        if found.account_id == by.account_id:
            raise DeniedError(
                "DENY-EMERGENCY-REVIEW", "Người đã mở khẩn cấp không tự xét lại được.", who="người quản trị khác"
            )
        with self._db.connect(Role.GOVERNANCE) as connection, storage_errors():
            added = connection.execute(
                "INSERT INTO governance.emergency_review"
                " (emergency_id, by_account, verdict, reviewed_at, grounds, document)"
                " VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
                (emergency_id, by.account_id, verdict, now, list(grounds), number),
            ).rowcount
        if not added:
            raise _nothing_waits()
        return self._select("e.emergency_id = %s", emergency_id)[0]

    def _select(
        self, where: str, value: str, order: str = "e.review_by, e.opened_at", most: int = 1_000
    ) -> list[Emergency]:
        with self._db.connect(Role.GOVERNANCE) as connection, storage_errors():
            rows = connection.execute(
                "SELECT e.emergency_id, e.account_id, e.purpose, e.dossier_key, e.reason, e.document, e.opened_at,"
                " e.until_at, e.review_by, coalesce(r.verdict, ''), e.explanation, coalesce(r.by_account, ''),"
                " r.reviewed_at, coalesce(r.grounds, '{}'), coalesce(r.document, '') FROM governance.emergency e"
                f" LEFT JOIN governance.emergency_review r USING (emergency_id) WHERE {where}"
                f" ORDER BY {order} LIMIT %s",
                (value, most),
            ).fetchall()
        return [replace(made, grounds=tuple(made.grounds)) for made in (Emergency(*row) for row in rows)]


def _nothing_waits() -> UsageError:
    return UsageError("USE-EMERGENCY-UNKNOWN", "Không có lần mở khẩn cấp nào như vậy đang chờ xét lại.")


def working_day(day: date, count: int) -> date:
    """The `count`-th working day after a day: no Saturday, Sunday or holiday of a fixed day."""
    while count:
        day += timedelta(days=1)
        if day.weekday() < 5 and (day.month, day.day) not in HOLIDAYS:
            count -= 1
    return day
