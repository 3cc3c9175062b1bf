"""Bare files: XML0 (check-in) and XML12 (medical assessment), which travel alone, one document per visit or row."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from lxml import etree

from bienho.config.limits import Limits
from bienho.core.finding import Finding
from bienho.privacy.digests import clean
from bienho.standards.xml130.read_block import Row
from bienho.standards.xml130.read_checks import sound
from bienho.standards.xml130.read_codes import Bad, found, log_fault
from bienho.standards.xml130.read_document import Parts, within_vault
from bienho.standards.xml130.read_model import Dossier, Item, UnreadableDossier
from bienho.standards.xml130.read_rows import SubFile, read_rows
from bienho.standards.xml130.read_split import Cut, parse, parse_within
from bienho.standards.xml130.versions import BARE, day_of


@dataclass(slots=True)
class _Taken:
    """One row: its place in the file, its fields; `size` in bytes, `bad` why it cannot be taken in."""

    place: int
    file: SubFile
    size: int = 0
    bad: Bad | None = None

    @property
    def row(self) -> Row:
        return self.file.rows[0] if self.file.rows else {}

    @property
    def facility(self) -> str | None:
        return sound(self.row.get("MA_CSKCB"), "code")


@dataclass(frozen=True)
class BareFile:
    """A cut bare file. `door_facility`, `board_facility`, `door` as for `read_delivery`."""

    table: str
    data: bytes
    cut: Cut
    limits: Limits
    door_facility: str | None
    board_facility: str | None
    door: str | None

    @cached_property
    def facility(self) -> str | None:
        """The one facility of the whole file; None where rows name several or none."""
        if self.table == "XML12":
            return self.door_facility or self.board_facility
        codes = {code for one in self._rows if (code := one.facility)}
        return codes.pop() if len(codes) == 1 else None

    @property
    def count(self) -> int:
        """Rows found."""
        return len(self._rows)

    def findings(self) -> list[Finding]:
        """What is wrong with the file around its rows, or said of all of them."""
        notes = []
        if not self.cut.head.sound and self.cut.ended:
            notes.append(found("IN-ENVELOPE-XML"))
        if self.table == "XML12" and not self.door_facility and self.board_facility:
            notes.append(found("IN-FACILITY-ASSUMED", self.table))
        return notes

    def items(self) -> Iterator[Item]:
        """Documents and rows set aside, in order of their first row; a torn end is one more, IN-TRUNCATED."""
        for rows in self._documents():
            yield self._one(rows)
        if not self.cut.ended:
            yield self._aside(_Taken(len(self._rows) + 1, SubFile()), Bad("IN-TRUNCATED"))

    def places_of(self, hoso: int) -> tuple[int, ...]:
        """Places of all rows of the document whose first row is at a place."""
        return next((tuple(one.place for one in rows) for rows in self._documents() if rows[0].place == hoso), ())

    @cached_property
    def _rows(self) -> tuple[_Taken, ...]:
        if self.cut.spans:
            return tuple(self._row(place) for place in range(1, len(self.cut.spans) + 1))
        # rows under other names than the guide's: found by their fields
        try:
            file = read_rows(self.table, parse(self.data), self.limits, small=False)
        except Bad as bad:
            return (_Taken(1, SubFile(), bad=bad),)
        except etree.XMLSyntaxError:
            return (_Taken(1, SubFile(), bad=Bad("IN-NOT-XML", self.table)),)
        return tuple(_Taken(place, one) for place, one in enumerate(_alone(file), 1))

    def _row(self, place: int) -> _Taken:
        span = self.cut.spans[place - 1]
        data = self.data[span.start : span.end]
        try:
            if not span.whole:
                raise Bad("IN-NOT-XML", self.table)
            file = self._fields(data)
            if len(file.rows) != 1:
                raise Bad("IN-NO-HOSO", self.table)
            return _Taken(place, file, len(data))
        except Bad as bad:
            return _Taken(place, SubFile(), bad=bad)
        except Exception as error:
            # A fault of this reader must stay with the one row that shows it, or it blocks every delivery behind it.
            log_fault(error)
            return _Taken(place, SubFile(), bad=Bad("IN-READER"))

    def _fields(self, data: bytes) -> SubFile:
        try:
            return Parts(self.limits).read(self.table, data)
        except Bad as bad:
            if bad.code != "IN-SUBFILE-XML":
                raise
        root = parse_within(data, self.cut.head.spaces)
        return read_rows(self.table, root, self.limits, small=len(data) <= self.limits.text_bytes)

    def _documents(self) -> Iterator[list[_Taken]]:
        """Rows that make one document each: of a check-in all that name the same visit of the same facility."""
        groups: dict[object, list[_Taken]] = {}
        for one in self._rows:
            key: object = one.place
            if self.table == "XML0" and not one.bad and clean(one.row.get("MA_LK")):
                key = (clean(one.facility or self.facility), clean(one.row.get("MA_LK")))
            groups.setdefault(key, []).append(one)
        yield from groups.values()

    def _one(self, rows: list[_Taken]) -> Item:
        try:
            return self._check_in(rows) if self.table == "XML0" else self._assessment(rows[0])
        except Bad as bad:
            return self._aside(rows[0], bad)
        except Exception as error:
            log_fault(error)
            return self._aside(rows[0], Bad("IN-READER"))

    def _check_in(self, rows: list[_Taken]) -> Dossier:
        first = rows[0]
        if first.bad:
            raise first.bad
        number = first.row.get("MA_LK") or ""
        if not number.strip():
            raise Bad("IN-NO-MA-LK", self.table)
        facility = first.facility or self.facility
        if not facility:
            raise Bad("IN-NO-FACILITY", self.table)
        if len(rows) > self.limits.rows_per_subfile:
            raise Bad("LIM-ROWS", self.table)
        moments = (first.row.get("NGAY_VAO"), first.row.get("NGAY_YL"))
        return self._document(rows, facility, number, first.row.get("MA_BN"), moments)

    def _assessment(self, taken: _Taken) -> Dossier:
        if taken.bad:
            raise taken.bad
        number = taken.row.get("SO_BIEN_BAN") or ""
        if not number.strip():
            raise Bad("IN-NO-SO-BIEN-BAN", self.table)
        if not self.facility:
            raise Bad("IN-NO-FACILITY", self.table)
        moments = (taken.row.get("NGAY_HOP"), taken.row.get("NGAY_CHUNG_TU"))
        return self._document([taken], self.facility, number, None, moments)

    def _document(
        self, rows: list[_Taken], facility: str, number: str, ma_bn: str | None, moments: tuple[str | None, ...]
    ) -> Dossier:
        parts = Parts(self.limits)
        parts.add(self.table, _joined([one.file for one in rows]))
        dossier = parts.document(
            BARE[self.table],
            parts.tables(),
            hoso=rows[0].place,
            facility=facility,
            number=number,
            ma_bn=ma_bn,
            moments=moments,
            day=day_of(moments[0]),
            door=self.door,
        )
        return within_vault(dossier, sum(one.size for one in rows))

    def _aside(self, taken: _Taken, bad: Bad) -> UnreadableDossier:
        facility = taken.facility or self.facility or ""
        number = taken.row.get("MA_LK" if self.table == "XML0" else "SO_BIEN_BAN") or None
        return UnreadableDossier(taken.place, facility, number, bad.code, bad.message)


def _joined(files: list[SubFile]) -> SubFile:
    """One sub-file of several rows."""
    if len(files) == 1:
        return files[0]
    whole = SubFile()
    for file in files:
        base = len(whole.rows)
        whole.rows += file.rows
        whole.names |= file.names
        for official, received in file.received.items():
            whole.received.setdefault(official, received)
        for mine, its in (
            (whole.unknown, file.unknown),
            (whole.doubled, file.doubled),
            (whole.nested, file.nested),
        ):
            mine += [(base + row, name) for row, name in its]
    return whole


def _alone(file: SubFile) -> list[SubFile]:
    """Each row of a sub-file as a sub-file."""
    rows = [SubFile([row], file.names, file.received) for row in file.rows]
    for place, name in file.unknown:
        rows[place - 1].unknown.append((1, name))
    for place, name in file.doubled:
        rows[place - 1].doubled.append((1, name))
    for place, name in file.nested:
        rows[place - 1].nested.append((1, name))
    return rows
