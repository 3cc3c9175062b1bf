"""One document put together from its sub-files: joined tables, edition, findings, texts for the vault."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from functools import lru_cache

from lxml import etree

from bienho.config.limits import Limits
from bienho.core.finding import Finding
from bienho.privacy.sealing import PAYLOAD_BYTES_MAX
from bienho.standards.xml130.read_block import Row
from bienho.standards.xml130.read_bytes import plain_utf8
from bienho.standards.xml130.read_checks import check_rows
from bienho.standards.xml130.read_codes import Bad, found, shown, strange
from bienho.standards.xml130.read_model import Dossier, Tables
from bienho.standards.xml130.read_plain import read_plain
from bienho.standards.xml130.read_rows import SubFile, name_index, read_rows
from bienho.standards.xml130.read_split import parse
from bienho.standards.xml130.versions import (
    TABLES,
    Document,
    day_of,
    detect,
    dropped_4210,
    editions,
    editions_of,
    marks_4210,
    renamed,
    wire_names,
)

_GROWTH_MAX = 8
"""Bytes of content to one byte of source, at most."""


class Findings:
    """Findings of one document, at most so many: twenty thousand rows may all have the same fault."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._items: list[Finding] = []

    def append(self, finding: Finding) -> None:
        """Note one."""
        if len(self._items) < self._limit:
            self._items.append(finding)
        elif len(self._items) == self._limit:
            self._items.append(found("IN-MORE-FINDINGS"))

    def extend(self, findings: Iterable[Finding]) -> None:
        """Note several. Those beyond the limit are not even made."""
        for finding in findings:
            self.append(finding)
            if len(self._items) > self._limit:
                return

    def all(self) -> tuple[Finding, ...]:
        """In the order found."""
        return tuple(self._items)


class Parts:
    """The sub-files of one document while it is read."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.findings = Findings(limits.findings_per_dossier)
        self.files: dict[str, list[SubFile]] = {}
        self.kept: Tables = {}

    def read(self, table: str, data: bytes) -> SubFile:
        """Rows of the bytes of one sub-file. Bad IN-SUBFILE-XML, IN-DOCTYPE or beyond a limit."""
        if len(data) > self.limits.subfile_bytes:
            raise Bad("LIM-SUBFILE-BYTES", table)
        data, lied = plain_utf8(data)
        if lied:
            self.findings.append(found("IN-ENCODING", table))
        result = read_plain(table, data, self.limits)
        if result is not None:
            return result
        data = data.lstrip()
        if not data:
            return SubFile()
        try:
            root = parse(data)
        except etree.XMLSyntaxError:
            raise Bad("IN-SUBFILE-XML", table) from None
        return read_rows(table, root, self.limits, small=len(data) <= self.limits.text_bytes)

    def add(self, table: str, file: SubFile) -> None:
        """Take one sub-file in."""
        self.files.setdefault(table, []).append(file)

    def keep(self, name: str, row: Row) -> None:
        """Keep texts that belong to no table, for the vault."""
        self.kept.setdefault(name, []).append(row)

    def tables(self) -> Tables:
        """Tables with rows; those of several sub-files joined in file order."""
        return {table: rows for table in TABLES if (rows := self._joined(table))}

    def _joined(self, table: str) -> list[Row]:
        files = self.files.get(table, [])
        # one discharge slip per newborn (annex of 4750): several of them are no split table
        if len(files) > 1 and table != "XML7":
            self.findings.append(found("IN-SPLIT-TABLE", table))
        for file in files:
            if file.outside:
                self.keep(f"{table}#outside", file.outside)
                self.findings.extend(strange(name, table) for name in file.outside)
        return files[0].rows if len(files) == 1 else [row for file in files for row in file.rows]

    def document(
        self,
        kind: Document,
        tables: Tables,
        *,
        hoso: int,
        facility: str,
        number: str,
        ma_bn: str | None,
        moments: tuple[str | None, ...],
        day: date | None,
        door: str | None,
    ) -> Dossier:
        """The document under its edition. `moments` as for `versions.detect`, `day` as for `check_rows`."""
        first = self.files.get("XML1")
        is_4210 = first is not None and not marks_4210().isdisjoint(first[0].names)
        names = [(table, frozenset(file.names)) for table, files in self.files.items() for file in files]
        edition, evidence = detect(admitted(names), is_4210, moments, door)
        for table, files in self.files.items():
            self._name_findings(table, files, edition)
        vaulted: list[tuple[str, int, str]] = []
        for table, rows in tables.items():
            vaulted += check_rows(table, rows, edition, day, self.findings)
        return Dossier(
            hoso=hoso,
            facility=facility,
            ma_lk=number,
            ma_bn=ma_bn,
            format_version=edition,
            version_evidence=evidence,
            tables=tables,
            kept=self.kept,
            received_names={name: files[0].received for name, files in self.files.items() if files[0].received},
            findings=self.findings.all(),
            shape_vaulted=frozenset(vaulted),
            document=kind,
        )

    def _name_findings(self, table: str, files: list[SubFile], edition: str) -> None:
        forgiven = dropped_4210(table) if edition == "4210" else frozenset()
        base = 0
        for file in files:
            seen: set[str] = set()
            for row, name in file.unknown:
                if name.upper() not in forgiven and name not in seen:
                    seen.add(name)
                    self.findings.append(strange(name, table, base + row))
            for code, places in (("IN-DUPLICATE-ELEMENT", file.doubled), ("IN-NESTED-ELEMENT", file.nested)):
                self.findings.extend(found(code, table, base + row, shown(name)) for row, name in places)
            old = stale_names(table, edition, frozenset(file.names))
            self.findings.extend(found("IN-OLD-NAME", table, None, name) for name in old)
            base += len(file.rows)


def checked(dossier: Dossier, limits: Limits) -> Dossier:
    """A visit whose rows were not checked yet, with what the checks find."""
    findings = Findings(limits.findings_per_dossier)
    findings.extend(dossier.findings)
    day = day_of(dossier.tables["XML1"][0].get("NGAY_RA"))
    vaulted: list[tuple[str, int, str]] = []
    for table, rows in dossier.tables.items():
        vaulted += check_rows(table, rows, dossier.format_version, day, findings)
    return replace(dossier, findings=findings.all(), shape_vaulted=frozenset(vaulted))


def admitted(files: Iterable[tuple[str, frozenset[str]]]) -> tuple[int, int]:
    """Ranks of the oldest and newest edition that the elements of (table, names) admit."""
    spans = [editions_of(table, names) for table, names in files]
    oldest = max((low for low, _ in spans), default=0)
    return oldest, min((high for _, high in spans if high >= oldest), default=editions()[-1].rank)


@lru_cache(maxsize=1024)
def stale_names(table: str, edition: str, names: frozenset[str]) -> tuple[str, ...]:
    """Which of the names received are those of an edition before, in order."""
    stale = renamed(table).keys() - set(wire_names(table, edition).values())
    return tuple(sorted(name for name in names & stale if name_index(table)[name] != name))


def within_vault(dossier: Dossier, source_bytes: int) -> Dossier:
    """The dossier, when its texts fit into one record of the vault; Bad LIM-DOSSIER-BYTES.

    JSON makes a text at most twice as long; markup kept as text is written anew, which makes six bytes of a quotation
    mark in an attribute. So sources that are small enough need no look.
    """
    if not surely_within_vault(source_bytes) and len(dossier.content) > PAYLOAD_BYTES_MAX:
        raise Bad("LIM-DOSSIER-BYTES")
    return dossier


def surely_within_vault(source_bytes: int) -> bool:
    """Whether a source is so small that its texts fit into one record of the vault."""
    return source_bytes <= PAYLOAD_BYTES_MAX // _GROWTH_MAX
