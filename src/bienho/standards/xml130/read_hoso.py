"""A dossier envelope (GIAMDINHHS) taken apart, one HOSO at a time: what it says around them, and each as a visit."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from bienho.config.limits import Limits
from bienho.core.finding import Finding
from bienho.core.parted import MARK, Parted
from bienho.standards.xml130.read_block import Block, Row
from bienho.standards.xml130.read_bytes import decode_content, written_xml
from bienho.standards.xml130.read_checks import blank, sound
from bienho.standards.xml130.read_codes import STRAY, Bad, found, log_fault, strange
from bienho.standards.xml130.read_document import Parts, within_vault
from bienho.standards.xml130.read_model import Dossier, Draft, Item, Tables, UnreadableDossier, Waiting
from bienho.standards.xml130.read_quick import dossier_of, pieces_of
from bienho.standards.xml130.read_rows import Element, SubFile, inner_xml, local_name, read_rows, stray_text
from bienho.standards.xml130.read_split import Cut, Span, parse_within
from bienho.standards.xml130.versions import BARE, TABLES, day_of

_TABLE = re.compile(r"XML[0-9]{1,2}", re.ASCII)


@dataclass(slots=True)
class HosoFile:
    """A cut envelope and what its head says, as received (None: absent or blank); `door` as for `read_delivery`.

    `parted`: what stands where `data` has marks, all of them in HOSO.
    """

    data: bytes
    cut: Cut
    limits: Limits
    facility: str | None
    created: str | None
    declared: str | None
    door: str | None
    parted: Parted | None = None

    @property
    def count(self) -> int:
        """HOSO found."""
        return len(self.cut.spans)

    def findings(self) -> list[Finding]:
        """What is wrong with the envelope itself."""
        notes = []
        if not _same_count(self.declared, len(self.cut.spans)):
            notes.append(found("IN-HOSO-COUNT", field="SOLUONGHOSO", rule=188))
        elif not self.cut.ended and self.cut.open_tail is None:
            notes.append(found("IN-TAIL-MISSING"))
        if not self.cut.head.sound and self.cut.ended:
            notes.append(found("IN-ENVELOPE-XML"))
        return notes

    def items(self) -> Iterator[Draft]:
        """Every HOSO in file order, numbered from 1; a torn end is one more, IN-TRUNCATED. For `check_all`."""
        before = 0
        for number, span in enumerate(self.cut.spans, 1):
            after = before + (self.data.count(MARK, span.start, span.end) if self.parted else 0)
            yield self._draft(number, span, slice(before, after))
            before = after
        torn = not self.cut.ended and not _same_count(self.declared, len(self.cut.spans))
        if self.cut.open_tail is not None or torn:
            bad = Bad("IN-TRUNCATED")
            yield UnreadableDossier(len(self.cut.spans) + 1, self.facility or "", None, bad.code, bad.message)

    def _draft(self, number: int, span: Span, runs: slice) -> Draft:
        """`runs`: which bodies stand in it."""
        bodies = self.parted.bodies[runs] if self.parted else ()
        try:
            pieces = pieces_of(self.data[span.start : span.end], self.limits, bodies) if span.whole else None
        except Exception as error:
            log_fault(error)
            pieces = None
        if pieces:
            return Waiting(number, pieces, partial(self._item, number, span, runs.start))
        return self._item(number, span, runs.start, None)

    def _item(self, number: int, span: Span, before: int, blocks: dict[str, Block] | None) -> Item:
        """The item of one HOSO; `before`: marks that stand before it, `blocks`: its sub-files where they were read."""
        reading: _Reading | None = None
        try:
            if not span.whole:
                raise Bad("IN-NOT-XML")
            if blocks:
                quick = dossier_of(blocks, hoso=number, facility=self.facility, created=self.created, door=self.door)
                if quick:
                    return quick
            data = self.data[span.start : span.end]
            if self.parted:
                data = self.parted.filled(data, before)
            reading = _Reading(self, number)
            return within_vault(reading.dossier(parse_within(data, self.cut.head.spaces)), len(data))
        except Bad as error:
            bad = error
        except Exception as error:
            # A fault of this reader must stay with the one HOSO that shows it, or it blocks every delivery behind it.
            log_fault(error)
            bad = Bad("IN-READER")
        own, ma_lk = (reading.own_facility, reading.ma_lk) if reading else (None, None)
        return UnreadableDossier(number, self.facility or own or "", ma_lk, bad.code, bad.message)


def _same_count(declared: str | None, count: int) -> bool:
    text = (declared or "").strip()
    # compared as text: a number of thousands of digits is no reason to fail
    return text.isascii() and text.isdigit() and (text.lstrip("0") or "0") == str(count)


class _Reading:
    """Takes one HOSO apart."""

    def __init__(self, envelope: HosoFile, hoso: int) -> None:
        self._envelope = envelope
        self._limits = envelope.limits
        self._hoso = hoso
        self._parts = Parts(envelope.limits)
        self.ma_lk: str | None = None
        self.own_facility: str | None = None

    def dossier(self, root: Element) -> Dossier:
        """The visit in a HOSO element."""
        limits = self._limits
        if len(root) > limits.files_per_hoso + limits.elements_per_row:
            raise Bad("LIM-FILES")
        files: list[Element] = []
        for child in root:
            name = local_name(child)
            if name.upper() == "FILEHOSO":
                files.append(child)
                continue
            self._keep("HOSO", name, inner_xml(child))
        self._keep("HOSO", STRAY, stray_text(root))
        if len(files) > limits.files_per_hoso:
            raise Bad("LIM-FILES")
        for file in files:
            self._file(file)
        return self._finish()

    def _file(self, file: Element) -> None:
        """One FILEHOSO. Of two kinds the first counts; of several contents each is a sub-file, so none is lost."""
        parts = self._parts
        if len(file) > self._limits.elements_per_row:
            raise Bad("LIM-ELEMENTS")
        kind: Element | None = None
        contents: list[Element] = []
        for child in file:
            name = local_name(child)
            if name.upper() == "NOIDUNGFILE":
                contents.append(child)
            elif name.upper() == "LOAIHOSO" and kind is None:
                kind = child
            else:
                self._keep("FILEHOSO", name, inner_xml(child))
        self._keep("FILEHOSO", STRAY, stray_text(file))
        received = (kind.text or "").strip() if kind is not None else ""
        table = received.upper()
        if table not in TABLES:
            # a text of the sender's is shown only where it is a table's name
            parts.findings.append(found("IN-UNKNOWN-TABLE", table if _TABLE.fullmatch(table) else "?"))
            for content in contents:
                parts.keep(received or "?", _as_kept(content))
            return
        if table in BARE:
            parts.findings.append(found("IN-TRAVELS-ALONE", table, rule=76 if table == "XML12" else None))
        said = [content for content in contents if len(content) or (content.text or "").strip()]
        for result in [self._subfile(table, content) for content in said] or [SubFile()]:
            if table == "XML1":
                self._first(result)
            elif not result.rows:
                parts.findings.append(found("IN-EMPTY-SUBFILE", table))
            parts.add(table, result)

    def _keep(self, place: str, name: str, text: str) -> None:
        """Keep for the vault what stands where nothing should; blank text between elements is nothing."""
        if text or name != STRAY:
            self._parts.keep(f"{place}#outside", {name: text})
            self._parts.findings.append(strange(name, place if place in TABLES else None))

    def _subfile(self, table: str, content: Element) -> SubFile:
        """Rows of NOIDUNGFILE, whether nested XML or packed."""
        limits = self._limits
        if len(content):
            self._keep(table, STRAY, stray_text(content))
            return read_rows(table, content[0] if len(content) == 1 else content, limits, small=False)
        text = content.text or ""
        if len(text) > limits.subfile_bytes * 3 // 2:
            raise Bad("LIM-SUBFILE-BYTES", table)
        return self._parts.read(table, decode_content(text, table))

    def _first(self, result: SubFile) -> None:
        if "XML1" in self._parts.files or len(result.rows) > 1:
            raise Bad("IN-DUPLICATE-XML1")
        if not result.rows:
            raise Bad("IN-NO-XML1")
        self.ma_lk = result.rows[0].get("MA_LK") or None
        self.own_facility = sound(result.rows[0].get("MA_CSKCB"), "code")

    def _finish(self) -> Dossier:
        parts, envelope = self._parts, self._envelope
        if "XML1" not in parts.files:
            raise Bad("IN-NO-XML1")
        if not self.ma_lk or not self.ma_lk.strip():
            raise Bad("IN-NO-MA-LK", "XML1")
        facility = envelope.facility or self.own_facility
        if not facility:
            raise Bad("IN-NO-FACILITY")
        tables = parts.tables()
        first = tables["XML1"][0]
        if self.own_facility and self.own_facility != facility:
            parts.findings.append(found("IN-FACILITY-MISMATCH", "XML1", 1, "MA_CSKCB"))
        if not envelope.facility:
            parts.findings.append(found("IN-FACILITY-FROM-TABLE", "XML1", 1, "MA_CSKCB"))
        self._compare_keys(tables)
        return parts.document(
            "visit",
            tables,
            hoso=self._hoso,
            facility=facility,
            number=self.ma_lk,
            ma_bn=first.get("MA_BN"),
            moments=(first.get("NGAY_RA"), first.get("NGAY_VAO"), envelope.created),
            day=day_of(first.get("NGAY_RA")),
            door=envelope.door,
        )

    def _compare_keys(self, tables: Tables) -> None:
        for table, rows in tables.items():
            for number, row in enumerate(rows, 1):
                said = row.get("MA_LK", "")
                if said != self.ma_lk and not blank(said):
                    self._parts.findings.append(found("IN-MA-LK-MISMATCH", table, number, "MA_LK", 77))


def _as_kept(content: Element) -> Row:
    """The text of a sub-file no decision knows."""
    if len(content):
        return {"#xml": inner_xml(content)}
    text = content.text or ""
    try:
        return {"#xml": written_xml(text) or decode_content(text, "").decode()}
    except (Bad, UnicodeDecodeError):
        return {"#base64": text}
