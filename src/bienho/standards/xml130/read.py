"""Lenient reader of XML130 delivery envelopes: 4210, 130, 4750, 3176.

Sources: decisions 4210/QĐ-BYT, 130/QĐ-BYT, 4750/QĐ-BYT, 3176/QĐ-BYT; envelope by letters 3190/BHXH-CNTT and
1245/BHXH-CNTT. One HOSO is held at a time; one that cannot be read never touches its neighbours. Text is kept
exactly as the XML says it; nothing is trimmed or normalised.
"""

from __future__ import annotations

import binascii
from collections.abc import Iterator
from dataclasses import dataclass, field

from lxml import etree

from bienho.config.limits import DEFAULT, Limits
from bienho.core.errors import InputError, LimitError
from bienho.core.finding import Finding
from bienho.standards.xml130.read_checks import check_rows
from bienho.standards.xml130.read_codes import UNREADABLE, Bad, found, log_fault
from bienho.standards.xml130.read_model import Dossier, Row, Tables, Unreadable, UnreadableDossier
from bienho.standards.xml130.read_plain import read_plain
from bienho.standards.xml130.read_rows import Element, SubFile, inner_xml, local_name, name_index, read_rows
from bienho.standards.xml130.read_split import Cut, Span, cut, parse, plain_utf8
from bienho.standards.xml130.versions import (
    TABLES,
    day_of,
    detect,
    dropped_4210,
    known_tables,
    marks_4210,
    newest_rank,
    renamed,
)

_BLANKS = b" \t\r\n"


@dataclass(frozen=True)
class Envelope:
    """A readable envelope. `facility` is MACSKCB, `created` NGAYLAP, `declared_count` SOLUONGHOSO, all as received
    (None: absent or blank). `dossiers` reads anew on every use, one HOSO at a time."""

    facility: str | None
    created: str | None
    declared_count: str | None
    findings: tuple[Finding, ...]
    _data: bytes = field(repr=False)
    _cut: Cut = field(repr=False)
    _limits: Limits = field(repr=False)
    _door: str | None = field(repr=False, default=None)

    @property
    def dossiers(self) -> Iterator[Dossier | UnreadableDossier]:
        """Every HOSO in file order, numbered from 1; a torn end is one more, IN-TRUNCATED."""
        for number, span in enumerate(self._cut.spans, 1):
            yield self._one(number, span)
        if self._torn:
            yield self._unreadable(len(self._cut.spans) + 1, Bad("IN-TRUNCATED"))

    @property
    def _torn(self) -> bool:
        if self._cut.open_tail is not None:
            return True
        return not self._cut.ended and not _same_count(self.declared_count, len(self._cut.spans))

    def _one(self, number: int, span: Span) -> Dossier | UnreadableDossier:
        reading = _Reading(self, number)
        try:
            if not span.whole:
                raise Bad("IN-NOT-XML")
            return reading.dossier(self._data[span.start : span.end], self._cut.skeleton)
        except Bad as bad:
            return self._unreadable(number, bad, reading)
        except Exception as error:
            # A fault of this reader must stay with the one HOSO that shows it, or it blocks every delivery behind it.
            log_fault(error)
            return self._unreadable(number, Bad("IN-READER"), reading)

    def _unreadable(self, number: int, bad: Bad, reading: _Reading | None = None) -> UnreadableDossier:
        ma_lk = reading.ma_lk if reading else None
        facility = self.facility or (reading.own_facility if reading else None) or ""
        return UnreadableDossier(number, facility, ma_lk, bad.code, bad.message)


def read_delivery(data: bytes, limits: Limits = DEFAULT, *, door_version: str | None = None) -> Envelope:
    """Open an envelope. `door_version` is the edition the way in promised (a versioned API path), if any.

    Raises Unreadable when no HOSO can be told from another (IN-NOT-XML, IN-DOCTYPE, IN-TRUNCATED, IN-NOT-ENVELOPE,
    IN-NO-HOSO; IN-READER for a fault of this reader), LimitError beyond a limit of the whole file (LIM-DELIVERY-BYTES,
    LIM-HOSO).
    """
    if len(data) > limits.delivery_bytes:
        raise LimitError("LIM-DELIVERY-BYTES", UNREADABLE["LIM-DELIVERY-BYTES"], who="cơ sở gửi")
    try:
        return _open(data, limits, door_version)
    except InputError:
        raise
    except Exception as error:
        log_fault(error)
        raise Unreadable("IN-READER", UNREADABLE["IN-READER"], who="người quản trị") from None


def _open(data: bytes, limits: Limits, door_version: str | None) -> Envelope:
    text, lied = plain_utf8(data)
    try:
        parts = cut(text)
        if local_name(parts.skeleton).upper() != "GIAMDINHHS":
            raise Bad("IN-NOT-ENVELOPE")
        if not parts.spans and parts.open_tail is None:
            raise Bad("IN-NO-HOSO" if parts.ended else "IN-TRUNCATED")
    except Bad as bad:
        raise Unreadable(bad.code, bad.message, who="cơ sở gửi") from None
    if len(parts.spans) > limits.hoso_per_delivery:
        raise LimitError("LIM-HOSO", UNREADABLE["LIM-HOSO"], who="cơ sở gửi")
    header = _header(parts.skeleton)
    findings = []
    if lied:
        findings.append(found("IN-ENCODING"))
    if not _same_count(header.get("SOLUONGHOSO"), len(parts.spans)):
        findings.append(found("IN-HOSO-COUNT", field="SOLUONGHOSO", rule=188))
    elif not parts.ended and parts.open_tail is None:
        findings.append(found("IN-TAIL-MISSING"))
    if not parts.sound and parts.ended:
        findings.append(found("IN-ENVELOPE-XML"))
    return Envelope(
        header.get("MACSKCB"),
        header.get("NGAYLAP"),
        header.get("SOLUONGHOSO"),
        tuple(findings),
        text,
        parts,
        limits,
        door_version,
    )


def _header(skeleton: Element) -> dict[str, str]:
    """First non-blank text of each leaf, by upper-case name."""
    header: dict[str, str] = {}
    for element in skeleton.iter():
        text = element.text or ""
        if not len(element) and text.strip():
            header.setdefault(local_name(element).upper(), text)
    return header


def _same_count(declared: str | None, count: int) -> bool:
    text = (declared or "").strip()
    # compared as text: a number of thousands of digits is no reason to fail
    return text.isascii() and text.isdigit() and (text.lstrip("0") or "0") == str(count)


class _Reading:
    """Takes one HOSO apart."""

    def __init__(self, envelope: Envelope, hoso: int) -> None:
        self._envelope = envelope
        self._limits = envelope._limits
        self._hoso = hoso
        self._files: dict[str, list[SubFile]] = {}
        self._kept: Tables = {}
        self._findings: list[Finding] = []
        self.ma_lk: str | None = None
        self.own_facility: str | None = None

    def dossier(self, data: bytes, skeleton: Element) -> Dossier:
        """The dossier in the bytes of one HOSO element."""
        try:
            root = parse(data)
        except etree.XMLSyntaxError:
            root = _parse_with_prefixes(data, skeleton)
        files = [child for child in root if local_name(child).upper() == "FILEHOSO"]
        if len(files) > self._limits.files_per_hoso:
            raise Bad("LIM-FILES")
        for child in root:
            if child not in files:
                self._keep("HOSO#outside", {local_name(child): inner_xml(child)})
                self._findings.append(found("IN-UNKNOWN-ELEMENT", field=local_name(child)))
        for file in files:
            self._file(file)
        return self._finish()

    def _file(self, file: Element) -> None:
        parts = {local_name(child).upper(): child for child in file}
        kind = parts.get("LOAIHOSO")
        content = parts.get("NOIDUNGFILE")
        received = (kind.text or "").strip() if kind is not None else ""
        table = received.upper()
        if table not in TABLES:
            code = "IN-TABLE-NOT-YET" if table in known_tables() else "IN-UNKNOWN-TABLE"
            name = table if table in known_tables() else received or "?"
            self._findings.append(found(code, name))
            if content is not None:
                self._keep(name, _as_kept(content))
            return
        result = self._subfile(table, content) if content is not None else SubFile()
        if table == "XML1":
            self._first(result)
        elif not result.rows:
            self._findings.append(found("IN-EMPTY-SUBFILE", table))
        self._files.setdefault(table, []).append(result)

    def _subfile(self, table: str, content: Element) -> SubFile:
        """Rows of NOIDUNGFILE, whether nested XML or packed."""
        limits = self._limits
        if len(content):
            return read_rows(table, content[0] if len(content) == 1 else content, limits, small=False)
        text = content.text or ""
        if len(text) > limits.subfile_bytes * 3 // 2:
            raise Bad("LIM-SUBFILE-BYTES", table)
        data = _decode(text, table)
        if len(data) > limits.subfile_bytes:
            raise Bad("LIM-SUBFILE-BYTES", table)
        data, lied = plain_utf8(data)
        if lied:
            self._findings.append(found("IN-ENCODING", table))
        result = read_plain(table, data, limits)
        if result is not None:
            return result
        data = data.lstrip()
        if not data:
            return SubFile()
        try:
            return read_rows(table, parse(data), limits, small=len(data) <= limits.text_bytes)
        except etree.XMLSyntaxError:
            raise Bad("IN-SUBFILE-XML", table) from None

    def _first(self, result: SubFile) -> None:
        if "XML1" in self._files or len(result.rows) > 1:
            raise Bad("IN-DUPLICATE-XML1")
        if not result.rows:
            raise Bad("IN-NO-XML1")
        self.ma_lk = result.rows[0].get("MA_LK") or None
        self.own_facility = result.rows[0].get("MA_CSKCB") or None

    def _keep(self, name: str, row: Row) -> None:
        self._kept.setdefault(name, []).append(row)

    def _finish(self) -> Dossier:
        if "XML1" not in self._files:
            raise Bad("IN-NO-XML1")
        if not (self.ma_lk or "").strip():
            raise Bad("IN-NO-MA-LK")
        facility = self._envelope.facility or self.own_facility
        if not facility or not facility.strip():
            raise Bad("IN-NO-FACILITY")
        tables = {name: rows for name in TABLES if (rows := self._rows_of(name))}
        first = tables["XML1"][0]
        if self.own_facility and self.own_facility != facility:
            self._findings.append(found("IN-FACILITY-MISMATCH", "XML1", 1, "MA_CSKCB"))
        is_4210 = not marks_4210().isdisjoint(self._files["XML1"][0].names)
        moments = (first.get("NGAY_RA"), first.get("NGAY_VAO"), self._envelope.created)
        edition, evidence = detect(self._needed(), is_4210, moments, self._envelope._door)
        self._name_findings(edition)
        vaulted: list[tuple[str, int, str]] = []
        for table, rows in tables.items():
            findings, cells = check_rows(table, rows, edition, day_of(first.get("NGAY_RA")))
            self._findings += findings
            vaulted += cells
            for number, row in enumerate(rows, 1):
                if row.get("MA_LK") != self.ma_lk and row.get("MA_LK"):
                    self._findings.append(found("IN-MA-LK-MISMATCH", table, number, "MA_LK", 77))
        return Dossier(
            hoso=self._hoso,
            facility=facility,
            ma_lk=self.ma_lk or "",
            ma_bn=first.get("MA_BN"),
            format_version=edition,
            version_evidence=evidence,
            tables=tables,
            kept=self._kept,
            received_names={name: files[0].received for name, files in self._files.items() if files[0].received},
            findings=tuple(self._findings),
            shape_vaulted=frozenset(vaulted),
        )

    def _rows_of(self, table: str) -> list[Row]:
        files = self._files.get(table, [])
        if len(files) > 1:
            self._findings.append(found("IN-SPLIT-TABLE", table))
        for file in files:
            if file.outside:
                self._keep(f"{table}#outside", file.outside)
                self._findings.extend(found("IN-UNKNOWN-ELEMENT", table, None, name) for name in file.outside)
        return files[0].rows if len(files) == 1 else [row for file in files for row in file.rows]

    def _needed(self) -> int:
        """Rank of the newest edition that some element met requires."""
        ranks = [known_tables()[name] for name in self._kept if name in known_tables()]
        ranks.extend(
            newest_rank(table, frozenset(file.names)) for table, files in self._files.items() for file in files
        )
        return max(ranks, default=0)

    def _name_findings(self, edition: str) -> None:
        for table, files in self._files.items():
            base = 0
            for file in files:
                forgiven = dropped_4210(table) if edition == "4210" else frozenset()
                seen: set[str] = set()
                for row, name in file.unknown:
                    if name.upper() not in forgiven and name not in seen:
                        seen.add(name)
                        self._findings.append(found("IN-UNKNOWN-ELEMENT", table, base + row, name))
                for code, places in (("IN-DUPLICATE-ELEMENT", file.doubled), ("IN-NESTED-ELEMENT", file.nested)):
                    self._findings.extend(found(code, table, base + row, name) for row, name in places)
                if edition != "4210":
                    old = sorted(name for name in file.names & renamed(table).keys() if name_index(table)[name] != name)
                    self._findings.extend(found("IN-OLD-NAME", table, None, name) for name in old)
                base += len(file.rows)


def _parse_with_prefixes(data: bytes, skeleton: Element) -> Element:
    """A HOSO that uses namespace prefixes declared on the envelope is parsed inside those declarations."""
    spaces = {prefix: uri for prefix, uri in skeleton.nsmap.items() if prefix}
    if not spaces:
        raise Bad("IN-NOT-XML")
    wrapper = etree.tostring(etree.Element("w", nsmap=spaces)).removesuffix(b"/>") + b">"
    try:
        return parse(wrapper + data + b"</w>")[0]
    except etree.XMLSyntaxError:
        raise Bad("IN-NOT-XML") from None


def _decode(text: str, table: str) -> bytes:
    """Bytes of NOIDUNGFILE: base64 with any white space, or XML written as text."""
    raw = text.encode()
    start = raw.lstrip(_BLANKS + b"\xef\xbb\xbf")
    if start.startswith(b"<"):
        return start
    packed = raw.translate(None, _BLANKS)
    packed += b"=" * (-len(packed) % 4)
    try:
        return binascii.a2b_base64(packed, strict_mode=True)
    except binascii.Error:
        raise Bad("IN-BASE64", table) from None


def _as_kept(content: Element) -> Row:
    """The text of a sub-file this release does not take apart."""
    if len(content):
        return {"#xml": inner_xml(content)}
    text = content.text or ""
    try:
        return {"#xml": _decode(text, "").decode()}
    except (Bad, UnicodeDecodeError):
        return {"#base64": text}
