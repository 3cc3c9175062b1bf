"""Reads a delivery whatever it came in: one envelope, or a zip of envelopes, which counts as one delivery.

Members are read in the byte order of their names and their HOSO are numbered through; a member that is no envelope
takes one number, so that it has a place in quarantine of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial

from bienho.config.limits import DEFAULT, Limits
from bienho.core.errors import InputError, LimitError
from bienho.core.finding import Finding
from bienho.core.parted import Parted, whole
from bienho.standards.xml130.archive import SENDER, is_archive, members
from bienho.standards.xml130.read import Envelope, read_delivery
from bienho.standards.xml130.read_codes import UNREADABLE, log_fault
from bienho.standards.xml130.read_model import Draft, Item, Unreadable, UnreadableDossier, Waiting


@dataclass(frozen=True)
class Archive:
    """A readable zip. Same attributes as Envelope.

    `facility` and `created` are those of the first envelope, None when another one says otherwise; `declared_count`
    is the sum of what members declare, None when one does not say. `facilities`: all that occur, in order.
    """

    facility: str | None
    created: str | None
    declared_count: str | None
    findings: tuple[Finding, ...]
    facilities: tuple[str, ...]
    _members: tuple[tuple[int, Envelope | InputError], ...] = field(repr=False)
    _most: int = field(repr=False)

    @property
    def dossiers(self) -> Iterator[Item]:
        """Every HOSO of every member, numbered from 1 through all of them."""
        return (item for item in self._numbered(lambda envelope: envelope.dossiers) if not isinstance(item, Waiting))

    @property
    def drafts(self) -> Iterator[Draft]:
        """As `dossiers`, to be given to `check_all` together with many others."""
        return self._numbered(lambda envelope: envelope.drafts)

    def _numbered(self, items: Callable[[Envelope], Iterator[Draft]]) -> Iterator[Draft]:
        before = number = 0
        for ordinal, opened in self._members:
            for item in _items(opened, items):
                number = before + item.hoso
                if number > self._most:
                    yield UnreadableDossier(number, "", None, "LIM-HOSO", _of_member(ordinal, UNREADABLE["LIM-HOSO"]))
                    return
                told = partial(_told, number, ordinal)
                yield replace(item, hoso=number, told=told) if isinstance(item, Waiting) else told(item)
            before = number


def read_received(
    data: bytes | Parted,
    limits: Limits = DEFAULT,
    *,
    door_version: str | None = None,
    door_facility: str | None = None,
    board_facility: str | None = None,
) -> Envelope | Archive:
    """Open what was received. Raises as `read_delivery`; for a zip also Unreadable IN-ZIP, IN-ZIP-EMPTY and LimitError
    LIM-ZIP-… (when limits were other at the door)."""
    read = partial(
        read_delivery,
        limits=limits,
        door_version=door_version,
        door_facility=door_facility,
        board_facility=board_facility,
    )
    if not is_archive(data):
        return read(data)
    if len(data) > limits.delivery_bytes:
        raise LimitError("LIM-DELIVERY-BYTES", UNREADABLE["LIM-DELIVERY-BYTES"], who=SENDER)
    try:
        opened = [(one.ordinal, _open(one.content, read)) for one in members(whole(data), limits)]
    except InputError:
        raise
    except Exception as error:
        log_fault(error)
        raise Unreadable("IN-READER", UNREADABLE["IN-READER"], who="người quản trị") from None
    return _archive(opened, limits)


def _open(content: bytes | InputError, read: Callable[[bytes], Envelope]) -> Envelope | InputError:
    if not isinstance(content, bytes):
        return content
    try:
        return read(content)
    except InputError as error:
        return error


def _archive(opened: list[tuple[int, Envelope | InputError]], limits: Limits) -> Archive:
    envelopes = [(ordinal, one) for ordinal, one in opened if isinstance(one, Envelope)]
    findings = tuple(
        replace(finding, message=_of_member(ordinal, finding.message))
        for ordinal, one in envelopes
        for finding in one.findings
    )
    counts = [(one.declared_count or "").strip() for _, one in envelopes]
    known = all(text.isascii() and text.isdigit() and len(text) < 10 for text in counts)
    return Archive(
        facility=_agreed([one.facility for _, one in envelopes]),
        created=_agreed([one.created for _, one in envelopes]),
        declared_count=str(sum(map(int, counts))) if counts and known else None,
        findings=findings,
        facilities=tuple(dict.fromkeys(one.facility for _, one in envelopes if one.facility)),
        _members=tuple(opened),
        _most=limits.hoso_per_delivery,
    )


def _told(number: int, ordinal: int, item: Item) -> Item:
    """An item under its number in the whole archive."""
    if isinstance(item, UnreadableDossier):
        item = replace(item, message=_of_member(ordinal, item.message))
    return replace(item, hoso=number)


def _items(opened: Envelope | InputError, items: Callable[[Envelope], Iterator[Draft]]) -> Iterator[Draft]:
    if isinstance(opened, InputError):
        return iter([UnreadableDossier(1, "", None, opened.code, opened.message)])
    return items(opened)


def _agreed(values: list[str | None]) -> str | None:
    return values[0] if len(set(values)) == 1 else None


def _of_member(ordinal: int, message: str) -> str:
    return f"Tệp thứ {ordinal} trong tệp nén: {message}"
