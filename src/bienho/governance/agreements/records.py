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
from bienho.governance.purposes import PURPOSES, STANDING_RULE
from bienho.governance.reasons import document_number

_CODE = re.compile(r"[a-z0-9][a-z0-9-]{2,39}\Z")
_UNIT = re.compile(r"[0-9A-Za-z._-]{1,60}\Z")
_TEXT_MAX = 2_000


@dataclass(frozen=True, slots=True)
class Agreement:
    """The record that is reviewed and signed: who gets what, for what, under which articles, from when until when.

    `units`: codes of the recipients. `until` is the last day, None = without end. `conditions`: free words, never of a
    patient.
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
        )


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the history: `state` is the one after it."""

    step: int
    move: str
    state: str
    by: str
    at: datetime
    document: str
    agreement: Agreement


def checked(given: Mapping[str, Any]) -> Agreement:
    """An agreement from plain values; UsageError USE-AGREEMENT that says what is wrong with it."""
    unknown = sorted(set(given) - set(Agreement.__slots__))
    if unknown:
        raise _bad(f"không có mục {', '.join(unknown)[:100]}")
    code = _text(given, "code")
    if not _CODE.match(code) or code == STANDING_RULE:
        raise _bad("mã gồm chữ thường, số và gạch ngang, từ 3 đến 40 ký tự, không trùng quy định nội bộ")
    made = Agreement(
        code,
        _text(given, "title_vi"),
        _texts(given, "parties"),
        _texts(given, "units"),
        _text(given, "purpose"),
        _texts(given, "datasets"),
        _texts(given, "classes"),
        _texts(given, "articles"),
        _day(given, "starts"),
        _day(given, "until") if given.get("until") else None,
        _texts(given, "conditions") if given.get("conditions") else (),
    )
    if made.purpose not in PURPOSES:
        raise _bad(f"mục đích phải là một trong: {', '.join(PURPOSES)}")
    if not set(made.datasets) <= catalogue().keys():
        raise _bad("có bộ dữ liệu không có trong danh mục")
    if not set(made.classes) <= set(CLASSES):
        raise _bad(f"lớp cột phải là: {', '.join(CLASSES)}")
    if not all(_UNIT.match(unit) for unit in made.units):
        raise _bad("mã đơn vị nhận không hợp lệ")
    if made.until is not None and made.until < made.starts:
        raise _bad("ngày cuối trước ngày đầu")
    return made


def document_of(move: str, document: str) -> str:
    """The number of the document of a move in its one spelling; UsageError when the move needs one and has none."""
    number = document_number(document)
    if MOVES[move].needs_document and not number:
        raise UsageError("USE-AGREEMENT-DOCUMENT", "Bước này cần số văn bản.", hint="Ghi --document 123/SYT-NVY.")
    return number


def _bad(why: str) -> UsageError:
    return UsageError(
        "USE-AGREEMENT", f"Thỏa thuận chưa đúng: {why}.", hint="Xem mẫu trong docs/agreements.md.", who="người soạn"
    )


def _text(given: Mapping[str, Any], name: str) -> str:
    value = given.get(name)
    if not isinstance(value, str) or not value.strip() or len(value) > _TEXT_MAX:
        raise _bad(f"thiếu {name}")
    return value.strip()


def _texts(given: Mapping[str, Any], name: str) -> tuple[str, ...]:
    value = given.get(name)
    if not isinstance(value, Sequence) or isinstance(value, str) or not value:
        raise _bad(f"{name} phải là một danh sách")
    return tuple(_text({name: item}, name) for item in value)


def _day(given: Mapping[str, Any], name: str) -> date:
    value = given.get(name)
    try:
        return value if isinstance(value, date) else date.fromisoformat(str(value))
    except ValueError:
        raise _bad(f"{name} phải là ngày dạng 2026-01-31") from None
