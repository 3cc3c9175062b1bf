"""Reasons, version 0: why identifiers of one dossier are opened, chosen from a list, never typed.

A reason stands in clear in the audit log, where nothing may name a person. So it is a code of the list below and, when
there is one, the number of the official document that asks for the look.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from bienho.core.errors import UsageError

DOCUMENT_MAX = 40
#: Number, year if any, short forms of the kind of paper and of who issued it (Decree 30/2020/NĐ-CP, annexes I, III).
_DOCUMENT = re.compile(
    r"[0-9]{1,5}(?:/[12][0-9]{3})?/[A-ZĐƯ]{1,8}[0-9]{0,2}(?:[-.][A-ZĐƯ]{1,8}[0-9]{0,2}){0,4}", re.ASCII
)
_LONG_NUMBER = re.compile(r"[0-9]{6}")


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason; `needs_document`: it stands only with the number of a document."""

    code: str
    title_vi: str
    title_en: str
    needs_document: bool = False


REASONS: dict[str, Reason] = {
    reason.code: reason
    for reason in (
        Reason("sua-ho-so", "Sửa hồ sơ theo phát hiện sai", "Mend a dossier that has findings"),
        Reason(
            "nguoi-benh-yeu-cau",
            "Người bệnh hoặc người đại diện yêu cầu xem hồ sơ của mình",
            "The patient or their representative asks to see their own dossier",
        ),
        Reason("dieu-tra-ca-benh", "Điều tra ca bệnh truyền nhiễm", "Investigate a case of an infectious disease"),
        Reason(
            "doi-chieu-co-so", "Đối chiếu hồ sơ với cơ sở khám, chữa bệnh", "Compare a dossier with the facility's own"
        ),
        Reason(
            "kiem-tra-quyet-dinh",
            "Kiểm tra, thanh tra theo quyết định",
            "Inspection ordered by a decision",
            needs_document=True,
        ),
    )
}


def document_number(text: str) -> str:
    """The number of a document in its one spelling (`123/syt-nvy ` → `123/SYT-NVY`); '' for none.

    UsageError USE-DOCUMENT, without the text, for whatever is not such a number: longer than `DOCUMENT_MAX`, of another
    form, or with six digits in a row as cards, papers and phones have.
    """
    number = unicodedata.normalize("NFC", text).strip().upper()
    if number and (len(number) > DOCUMENT_MAX or _LONG_NUMBER.search(number) or not _DOCUMENT.fullmatch(number)):
        raise UsageError(
            "USE-DOCUMENT",
            "Số văn bản không đúng dạng.",
            hint="Ghi số và ký hiệu như 123/SYT-NVY hoặc 45/2026/QĐ-UBND; không ghi gì khác.",
        )
    return number


def written(code: str, document: str = "") -> str:
    """What is passed to the gate: the code of a reason, then a blank and the document's number if there is one.

    UsageError USE-REASON for a code that is not in the list or lacks its document, USE-DOCUMENT for the number.
    """
    reason = REASONS.get(code)
    if reason is None:
        raise UsageError("USE-REASON", "Lý do phải là một mã trong danh sách.", hint=", ".join(REASONS))
    number = document_number(document)
    if reason.needs_document and not number:
        raise UsageError("USE-REASON", f"Lý do «{reason.title_vi}» cần kèm số văn bản.")
    return f"{code} {number}".rstrip()


def recorded(reason: str) -> list[str]:
    """A reason as `written` gives it, as items of purposeOfEvent: `reason:<code>`, `document:<number>`; '' gives none.

    Raises as `written` does, so that no other text can get into the audit log.
    """
    if not reason:
        return []
    code, _, document = reason.partition(" ")
    code, _, number = written(code, document).partition(" ")
    return [f"reason:{code}", *([f"document:{number}"] if number else [])]
