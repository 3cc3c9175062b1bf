"""What an agreement says, and what happened to it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from bienho.contracts import catalogue
from bienho.core.errors import UsageError
from bienho.governance.agreements.states import MOVES
from bienho.governance.decision import Terms
from bienho.governance.policy import CLASSES
from bienho.governance.purposes import ANY_PAPER, PURPOSES, STANDING_RULE
from bienho.governance.reasons import document_number
from bienho.governance.scope import CODE

OPTIONAL = ("conditions", "facilities")
_CODE = re.compile(r"[a-z0-9][a-z0-9-]{2,39}\Z")
_UNIT = re.compile(r"[0-9A-Za-z._-]{1,60}\Z")
_TEXT_MAX = 2_000


@dataclass(frozen=True, slots=True)
class Agreement:
    """The record that is reviewed and signed: who gets what, for what, under which articles, from when until when.

    `units`: codes of the recipients. `until` is the last day, None = without end. `conditions`: free words, never of a
    patient. `facilities`: codes of those whose rows it is about, () = of all a recipient reaches; the decision of an
    inspection names them.
    """

    code: str
    title_vi: str
    parties: tuple[str, ...]
    units: tuple[str, ...]
    purpose: str
    datasets: tuple[str, ...]
    classes: tuple[str, ...]
    articles: tuple[str, ...]
    starts: date
    until: date | None
    conditions: tuple[str, ...] = ()
    facilities: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Plain values; days as text."""
        values = {name: getattr(self, name) for name in self.__slots__}
        return {
            name: value.isoformat() if isinstance(value, date) else list(value) if isinstance(value, tuple) else value
            for name, value in values.items()
        }

    def terms(self, in_force: bool) -> Terms:
        """What the gate's decisions need of it."""
        return Terms(
            self.code,
            in_force,
            frozenset({self.purpose}),
            frozenset(self.datasets),
            frozenset(self.classes),
            frozenset(self.units),
            frozenset(self.facilities) or None,
        )


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the history: `state` is the one after it, of the words that are its `revision` (from 1)."""

    step: int
    move: str
    state: str
    by: str
    at: datetime
    document: str
    agreement: Agreement
    revision: int = 1


def checked(given: Mapping[str, Any]) -> Agreement:
    """An agreement from plain values; UsageError USE-AGREEMENT that says what is wrong with it."""
    wrong = faults(given)
    if wrong:
        raise UsageError(
            "USE-AGREEMENT",
            f"Thỏa thuận chưa đúng: {'; '.join(wrong.values())[:300]}.",
            hint="Xem mẫu trong docs/agreements.md.",
            who="người soạn",
        )
    return Agreement(
        given["code"].strip(),
        given["title_vi"].strip(),
        _texts(given["parties"]),
        _texts(given["units"]),
        given["purpose"],
        _texts(given["datasets"]),
        _texts(given["classes"]),
        _texts(given["articles"]),
        _day(given["starts"]),
        _day(given["until"]) if given.get("until") else None,
        _texts(given["conditions"]) if given.get("conditions") else (),
        _texts(given["facilities"]) if given.get("facilities") else (),
    )


def faults(given: Mapping[str, Any]) -> dict[str, str]:
    """What keeps plain values from being an agreement: field → why. {} when nothing does."""
    wrong = {name: f"không có mục {name[:60]}" for name in sorted(set(given) - set(Agreement.__slots__))}
    for name in ("code", "title_vi", "purpose"):
        if not _is_text(given.get(name)):
            wrong[name] = f"thiếu {name}"
    for name in ("parties", "units", "datasets", "classes", "articles", *OPTIONAL):
        if (given.get(name) or name not in OPTIONAL) and not _is_list(given.get(name)):
            wrong[name] = f"{name} phải là một danh sách"
    for name in ("starts", "until"):
        if (given.get(name) or name == "starts") and _day_or_none(given.get(name)) is None:
            wrong[name] = f"{name} phải là ngày dạng 2026-01-31"
    return wrong | _senseless({name: value for name, value in given.items() if name not in wrong})


def _senseless(given: Mapping[str, Any]) -> dict[str, str]:
    """What is wrong with values that have the right form."""
    wrong = {}
    code = given.get("code", "").strip()
    if "code" in given and (not _CODE.match(code) or code in (STANDING_RULE, ANY_PAPER)):
        wrong["code"] = "mã gồm chữ thường, số và gạch ngang, từ 3 đến 40 ký tự, không trùng quy định nội bộ"
    if "purpose" in given and given["purpose"] not in PURPOSES:
        wrong["purpose"] = f"mục đích phải là một trong: {', '.join(PURPOSES)}"
    if not set(_texts(given.get("datasets", ()))) <= catalogue().keys():
        wrong["datasets"] = "có bộ dữ liệu không có trong danh mục"
    if not set(_texts(given.get("classes", ()))) <= set(CLASSES):
        wrong["classes"] = f"lớp cột phải là: {', '.join(CLASSES)}"
    if not all(_UNIT.match(unit) for unit in _texts(given.get("units", ()))):
        wrong["units"] = "mã đơn vị nhận không hợp lệ"
    if not all(CODE.match(facility) for facility in _texts(given.get("facilities", ()))):
        wrong["facilities"] = "mã cơ sở không hợp lệ"
    if given.get("until") and "starts" in given and _day(given["until"]) < _day(given["starts"]):
        wrong["until"] = "ngày cuối trước ngày đầu"
    return wrong


def document_of(move: str, document: str) -> str:
    """The number of the document of a move in its one spelling; UsageError when the move needs one and has none."""
    number = document_number(document)
    if MOVES[move].needs_document and not number:
        raise UsageError("USE-AGREEMENT-DOCUMENT", "Bước này cần số văn bản.", hint="Ghi --document 123/SYT-NVY.")
    return number


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip()) and len(value) <= _TEXT_MAX


def _is_list(value: Any) -> bool:
    return (
        isinstance(value, Sequence)
        and not isinstance(value, str)
        and bool(value)
        and all(_is_text(one) for one in value)
    )


def _texts(value: Sequence[str]) -> tuple[str, ...]:
    return tuple(one.strip() for one in value)


def _day(value: Any) -> date:
    return value if isinstance(value, date) else date.fromisoformat(str(value))


def _day_or_none(value: Any) -> date | None:
    try:
        return _day(value)
    except ValueError:
        return None
