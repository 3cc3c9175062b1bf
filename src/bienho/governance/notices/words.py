"""The words of a message, in the reader's language: a line for each notice with its link, and why it came. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from bienho.governance.notices.kinds import KINDS, REPORT, Notice

SETTINGS = "/tai-khoan/thong-bao/"
_WORDS = {
    "vi": {
        "subject": "Biển Hồ: {n} thông báo",
        "one": "Biển Hồ: {title}",
        "head": "Kho dữ liệu y tế dùng chung {province} có {n} thông báo cho bạn.",
        "foot": "Thư tự động, chỉ có số đếm và đường dẫn. Chọn loại, giờ nhận hoặc thôi nhận:",
        "code_subject": "Biển Hồ: mã xác nhận địa chỉ",
        "code": "Mã xác nhận địa chỉ nhận thông báo: {code}\n\n"
        "Nhập mã ở trang bên dưới trong một ngày. Nếu bạn không yêu cầu, bỏ qua thư này:",
        "test_subject": "Biển Hồ: thư thử",
        "test": "Thư thử: kho dữ liệu gửi được đến địa chỉ này.",
    },
    "en": {
        "subject": "Bienho: {n} notices",
        "one": "Bienho: {title}",
        "head": "The shared health-data warehouse of {province} has {n} notices for you.",
        "foot": "Sent automatically; counts and links only. Choose kinds and hours, or stop:",
        "code_subject": "Bienho: code to confirm an address",
        "code": "Code to confirm the address for notices: {code}\n\n"
        "Enter it on the page below within a day. If you did not ask for it, do nothing:",
        "test_subject": "Bienho: test message",
        "test": "Test message: the warehouse reaches this address.",
    },
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Text:
    """Subject and body as plain text."""

    subject: str
    body: str


@dataclass(frozen=True, slots=True)
class Place:
    """What words need of the house: the address of its portal ('' when only this machine reaches it), the province's
    name, and what a facility is called."""

    address: str
    province: str
    facility: Callable[[str], str]


def written(notices: Sequence[Notice], language: str, place: Place) -> Text:
    """The message of several notices, the order kept, kinds under their titles."""
    words = _WORDS[language]
    titles: dict[str, list[str]] = {}
    for one in notices:
        titles.setdefault(_title(one.kind, language), []).append(
            f"- {line(one, language, place.facility)}\n  {place.address}{one.link}"
        )
    subject = (
        words["one"].format(title=next(iter(titles)))
        if len(notices) == 1
        else words["subject"].format(n=_number(len(notices), language))
    )
    head = words["head"].format(province=place.province, n=_number(len(notices), language))
    parts = [head, *("\n".join([title, *lines]) for title, lines in titles.items())]
    return Text(subject, "\n\n".join([*parts, f"{words['foot']}\n{place.address}{SETTINGS}"]) + "\n")


def confirming(code: str, language: str, place: Place) -> Text:
    """The message that brings a code."""
    words = _WORDS[language]
    body = f"{words['code'].format(code=code)}\n{place.address}{SETTINGS}\n"
    return Text(words["code_subject"], body)


def trial(language: str) -> Text:
    """The message of `bienho notices test`."""
    return Text(_WORDS[language]["test_subject"], _WORDS[language]["test"] + "\n")


def line(notice: Notice, language: str, facility: Callable[[str], str]) -> str:
    """One notice as a sentence; numbers and dates as the language writes them."""
    kind = KINDS[notice.kind]
    about = notice.about if notice.kind == REPORT or not notice.about else facility(notice.about)
    places = {name: _number(value, language) for name, value in (notice.counts or {}).items()}
    day = f"{notice.day:%d/%m/%Y}" if language == "vi" else f"{notice.day:%d %b %Y}"
    return (kind.line_vi if language == "vi" else kind.line_en).format(about=about, day=day, **places)


def as_json(notices: Sequence[Notice], language: str, place: Place) -> list[dict[str, Any]]:
    """The same for a machine: codes, counts, links and the sentence."""
    return [
        {
            "key": one.key, "kind": one.kind, "at": one.at.isoformat(), "day": one.day.isoformat(), "about": one.about,
            "counts": dict(one.counts or {}), "link": f"{place.address}{one.link}",
            "text": line(one, language, place.facility),
        }
        for one in notices
    ]  # fmt: skip


def _title(kind: str, language: str) -> str:
    return KINDS[kind].title_vi if language == "vi" else KINDS[kind].title_en


def _number(value: int, language: str) -> str:
    text = f"{value:,}"
    return text.replace(",", ".") if language == "vi" else text
