"""What must hold for any bytes at all, and what must hold for changes that may not matter.

`Judge.take` reads one case at once; what needs Arrow tables waits until enough dossiers are there (`Judge.settle`),
because a table costs as much for one dossier as for hundreds.
"""

from __future__ import annotations

import logging
import re
import time
import traceback
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from unittest import mock

import orjson
from lxml import etree

from bench.fuzz.cases import Case
from bench.fuzz.envelope import Tables
from bienho.config.limits import Limits
from bienho.contracts import Shape
from bienho.core.errors import LimitError
from bienho.core.finding import Finding
from bienho.core.parted import part
from bienho.core.text import nfc
from bienho.standards.xml130 import (
    PACKED_BEHIND,
    TABLES,
    Archive,
    Dossier,
    Envelope,
    Unreadable,
    UnreadableDossier,
    Versioned,
    archive,
    check_all,
    columns,
    read_check_all,
    read_checks,
    read_codes,
    read_plain,
    read_received,
    read_rows,
    scan,
)
from bienho.standards.xml130 import read_document as plain_user
from bienho.standards.xml130 import read_hoso as quick_user
from bienho.standards.xml130 import read_quick as block_user
from bienho.standards.xml130.read_block import Block
from bienho.standards.xml130.read_split import parse
from bienho.standards.xml130.versions import contract_of

HANG_S = 1.0
SHORT = 64
"""Characters a text of the head, or a name in a finding, may have."""
MEMORY = 100_000
"""Sub-files remembered as compared."""
MANY = 5
"""Copies of an envelope read together."""
BATCH = 400
"""Dossiers whose columns are built together."""
BOARD = "64999"
"""The facility of assessments, which name none."""
_NAME = re.compile(r"\?|[^\W\d][\w.-]{0,63}(?:#\d{1,3})?")
_REASONS = {**read_codes.UNREADABLE, **archive.REASONS}
_MEMBER = re.compile(r"^Tệp thứ [0-9]+ trong tệp nén: ")
_COUNTED = re.compile(r"(Tệp|Thẻ|Các tệp)[ \w.,;()%]{1,100}\.")
_TABLE = re.compile(r"\?|XML\d{1,2}")
_WHEN = datetime(2026, 1, 3, tzinfo=UTC)
_CODE_PAGES = {"code_page", "code_page_file"}
Opened = Envelope | Archive
Item = Dossier | UnreadableDossier


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that must not be: `what` says which promise broke and where, without a value of the input."""

    number: int
    what: str


class Broken(Exception):
    """A promise that does not hold for the case in hand."""


@dataclass
class Judge:
    """Judges cases one after another and keeps what it found."""

    faults: list[Fault] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)
    worst_s: float = 0.0
    worst_case: int = -1
    compared: int = 0
    _waiting: list[tuple[int, Dossier]] = field(default_factory=list)
    _ears: _Ears = field(default_factory=lambda: _Ears())

    def __post_init__(self) -> None:
        logger = logging.getLogger("bienho.standards")
        logger.handlers = [self._ears]
        logger.propagate = False

    def take(self, case: Case) -> None:
        """Read one case and judge all that can be judged alone."""
        try:
            self._take(case)
        except Broken as broken:
            self._fault(case.number, str(broken))
        except Exception as error:
            self._fault(case.number, place_of(error))
        if self._ears.heard:
            self._fault(case.number, f"logged: {self._ears.heard[0]}")
            self._ears.heard.clear()
        if len(self._waiting) >= BATCH:
            self.settle()

    def settle(self) -> None:
        """Columns, payloads and their way back for the dossiers that wait."""
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        try:
            both_halves([dossier for _, dossier in waiting])
        except Exception:
            for number, dossier in waiting:
                try:
                    both_halves([dossier])
                except Broken as broken:
                    self._fault(number, str(broken))
                except Exception as error:
                    self._fault(number, place_of(error))

    def _fault(self, number: int, what: str) -> None:
        self.faults.append(Fault(number, what))

    def _take(self, case: Case) -> None:
        self._ears.plain.clear()
        began = time.process_time()
        with (
            mock.patch.object(plain_user, "read_plain", self._ears.overheard),
            mock.patch.object(block_user, "read_block", self._ears.overheard_block),
        ):
            opened = _open(case)
            items = [] if isinstance(opened, str) else list(opened.dossiers)
        self._clock(case.number, time.process_time() - began)
        if isinstance(opened, str):
            self.outcomes[opened] += 1
            if _open(case, apart=True) != opened:
                raise Broken(f"taken apart it is not refused with {opened}")
            if case.expected is not None:
                raise Broken(f"a sound envelope is refused: {opened}")
            return
        for before, item in zip((0, *(one.hoso for one in items)), items, strict=False):
            self._judge(item, before)
        for one in opened.findings:
            judge_finding(one)
        self._expected(case, items)
        judge_head(opened)
        self._other_ways(case, items)
        self._waiting += [(case.number, item) for item in items if isinstance(item, Dossier)]

    def _clock(self, number: int, spent: float) -> None:
        if spent > self.worst_s:
            self.worst_s, self.worst_case = spent, number
        if spent > HANG_S:
            self._fault(number, "more than a second of CPU")

    def _judge(self, item: Item, before: int) -> None:
        judge_head_text(item.facility, "code")
        # rows of a bare file that belong to one visit are one document, numbered by the first of them
        if item.hoso <= before:
            raise Broken("documents are not numbered in file order")
        for one in item.findings:
            judge_finding(one)
        if isinstance(item, UnreadableDossier):
            self.outcomes[item.code] += 1
            judge_message(item.code, item.message)
            return
        self.outcomes["accepted_with_findings" if item.findings else "accepted"] += 1
        if not item.ma_lk.strip() or not item.facility.strip():
            raise Broken("a dossier without a key is let in")

    def _expected(self, case: Case, items: list[Item]) -> None:
        """Changes that may not matter did not; a bad HOSO did not touch its neighbours."""
        if case.expected is None:
            return
        if len(items) != len(case.expected):
            raise Broken("another number of HOSO than written")
        for item, tables in zip(items, case.expected, strict=True):
            if tables is None:
                continue
            self.compared += 1
            if isinstance(item, UnreadableDossier):
                raise Broken(f"a sound HOSO is set aside: {item.code}")
            if item.tables != tables and not (
                _CODE_PAGES.intersection(case.trail) and _composed(item.tables) == tables
            ):
                raise Broken("a sound HOSO is not read as it was written")

    def _other_ways(self, case: Case, items: list[Item]) -> None:
        """The quick ways say what the patient ones say, and a second reading says what the first said."""
        for plain in self._ears.plain:
            plain.compare(case.limits)
        self._ears.plain.clear()
        if case.number % 12 == 0:
            with (
                mock.patch.object(quick_user, "pieces_of", _never),
                mock.patch.object(plain_user, "read_plain", _never),
                mock.patch.object(read_rows, "_common", _never),
            ):
                _same(items, list(_again(case).dossiers), "the common way and the patient way differ")
        elif case.number % 12 == 4:
            with (
                mock.patch.object(quick_user, "pieces_of", _never),
                mock.patch.object(plain_user, "read_plain", _never),
            ):
                _same(items, list(_again(case).dossiers), "the plain way and the parser differ")
        elif case.number % 12 == 8:
            with mock.patch.object(read_check_all, "_FEW", 0):
                drafts = [draft for _ in range(MANY) for draft in _again(case, apart=True).drafts]
                together = check_all(drafts, case.limits)
                for start in range(0, len(together), max(1, len(items))):
                    _same(items, together[start : start + len(items)], "read with others, and not the same")
                _same_content(items * MANY, together)
        elif case.number % 3 == 1:
            _same(items, list(_again(case, apart=True).dossiers), "taken apart it reads otherwise")
            with mock.patch.object(quick_user, "pieces_of", _never):
                _same(items, list(_again(case, apart=True).dossiers), "the quick way and the patient way differ")


@dataclass(frozen=True, slots=True)
class _Plain:
    """A sub-file the plain way could read."""

    table: str
    data: bytes
    result: read_rows.SubFile

    def compare(self, limits: Limits) -> None:
        """The parser reads the same."""
        data = self.data.lstrip()
        try:
            parsed = read_rows.read_rows(self.table, parse(data), limits, small=len(data) <= limits.text_bytes)
        except (etree.XMLSyntaxError, read_codes.Bad) as error:
            raise Broken(f"the plain way reads what the parser refuses: {type(error).__name__}") from None
        if parsed != self.result:
            raise Broken("the plain way and the parser differ in a sub-file")


class _Ears(logging.Handler):
    """Hears what the reader logs, and what its plain way reads; a sub-file compared once is not compared again."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[str] = []
        self.plain: list[_Plain] = []
        self._compared: set[int] = set()
        self._read_plain = read_plain.read_plain
        self._read_block = read_plain.read_block

    def emit(self, record: logging.LogRecord) -> None:
        self.heard.append(record.getMessage())

    def overheard(self, table: str, data: bytes, limits: Limits) -> read_rows.SubFile | None:
        """`read_plain`, overheard."""
        result = self._read_plain(table, data, limits)
        if result is not None:
            self._note(table, data, result)
        return result

    def overheard_block(self, table: str, data: bytes, limits: Limits) -> Block | None:
        """`read_block`, overheard."""
        result = self._read_block(table, data, limits)
        if result is not None:
            layout = result.layout
            self._note(table, data, read_rows.SubFile(result.mappings(), set(layout.names), dict(layout.received)))
        return result

    def _note(self, table: str, data: bytes, result: read_rows.SubFile) -> None:
        mark = hash((table, data))
        if mark not in self._compared:
            self.plain.append(_Plain(table, data, result))
            if len(self._compared) < MEMORY:
                self._compared.add(mark)


def _composed(tables: Mapping[str, list[dict[str, str]]]) -> Tables:
    return {table: [{name: nfc(text) for name, text in row.items()} for row in rows] for table, rows in tables.items()}


def _never(*_: object, **__: object) -> None:
    return None


def _open(case: Case, *, apart: bool = False) -> Opened | str:
    """The envelope, or the code it is refused with; first the look at the door, then the reader. `apart`: of the bytes
    as raw keeps them."""
    try:
        scan(case.data, case.limits)
        data = (part(case.data, PACKED_BEHIND) if apart else None) or case.data
        return read_received(data, case.limits, door_version=case.door, board_facility=BOARD)
    except LimitError as error:
        code, message = error.code, error.message
    except Unreadable as error:
        code, message = error.code, error.message
    judge_message(code, message)
    return code


def _again(case: Case, *, apart: bool = False) -> Opened:
    opened = _open(case, apart=apart)
    if isinstance(opened, str):
        raise Broken(f"read once, refused the second time: {opened}")
    return opened


def judge_message(code: str, message: str) -> None:
    """A reason is a known one, and its words are the project's own."""
    if code == "IN-READER" or (code not in _REASONS and not code.startswith("LIM-")):
        raise Broken(f"set aside with {code}")
    message = _MEMBER.sub("", message)
    if code.startswith("LIM-") and _COUNTED.fullmatch(message):
        return
    where = message.removesuffix(_REASONS.get(code, ""))
    if where and not _TABLE.fullmatch(where.removesuffix(": ")):
        raise Broken(f"words of the input in a reason: {code}")


def judge_head(opened: Opened) -> None:
    """What the lake shows of an envelope may not be about a person."""
    judge_head_text(opened.facility, "code")
    judge_head_text(opened.created, "date")
    judge_head_text(opened.declared_count, "number")


def judge_head_text(text: str | None, shape: Shape) -> None:
    if text and (len(text) > SHORT or read_checks.foreign(shape, text)):
        raise Broken(f"a text of another shape in the head: {shape}")


def judge_finding(one: Finding) -> None:
    """A finding has a known code and holds nothing of the input but names of tables and elements."""
    if one.code not in read_codes.FINDINGS:
        raise Broken(f"unknown finding {one.code}")
    if one.table is not None and not _TABLE.fullmatch(one.table):
        raise Broken(f"words of the input as a table: {one.code}")
    if one.field is not None and not _NAME.fullmatch(one.field):
        raise Broken(f"words of the input as a field: {one.code}")
    if _MEMBER.sub("", one.message) != read_codes.found(one.code, one.table, one.row, one.field, one.rule).message:
        raise Broken(f"words of the input in a finding: {one.code}")


def _same(left: list[Item], right: list[Item], what: str) -> None:
    if left == right:
        return
    for one, two in zip(left, right, strict=False):
        if one == two:
            continue
        names = [name for name in one.__dataclass_fields__ if getattr(one, name, None) != getattr(two, name, None)]
        codes = [getattr(side, "code", "dossier") for side in (one, two)]
        raise Broken(f"{what}: {'/'.join(names)} ({' and '.join(codes)})")
    raise Broken(f"{what}: count")


def _same_content(left: list[Item], right: list[Item]) -> None:
    """What is made of dossiers that were read together is what is made of each alone."""
    pairs = [
        (one, two)
        for one, two in zip(left, right, strict=True)
        if isinstance(one, Dossier) and isinstance(two, Dossier)
    ]
    for one, two in pairs:
        if one.content != two.content or columns.blind_values(one) != columns.blind_values(two):
            raise Broken("read with others, and of another content")
        if columns.vault_payload(one) != columns.vault_payload(two):
            raise Broken("read with others, and with another payload")
    both_halves([two for _, two in pairs])


def both_halves(dossiers: list[Dossier]) -> None:
    """Lake and vault together are what was received, and nothing the lake may not show is in it."""
    versions = [_versioned(dossier, number) for number, dossier in enumerate(dossiers, 1)]
    built = columns.build(versions)
    lake: list[dict[str, list[dict[str, object]]]] = [{} for _ in dossiers]
    for table in TABLES:
        for row in built[columns.dataset_of(table)].to_pylist():
            lake[row["version_id"] - 1].setdefault(table, []).append(row)
    for dossier, rows in zip(dossiers, lake, strict=True):
        _one_dossier(dossier, rows)
    for table in TABLES:
        _lake_shows_nothing(table, (row for rows in lake for row in rows.get(table, ())))


def _one_dossier(dossier: Dossier, rows: dict[str, list[dict[str, object]]]) -> None:
    payload = columns.vault_payload(dossier)
    if orjson.loads(orjson.dumps(payload)) != payload:
        raise Broken("a payload does not survive being written down")
    whole: Tables = columns.restore(payload, rows)
    if whole != {**dossier.tables, **dossier.kept}:
        raise Broken("lake and vault together are not what was received")
    under_received_names = columns.restore(payload, rows, dossier.format_version)
    if [sorted(row.values()) for name in dossier.tables for row in under_received_names[name]] != [
        sorted(row.values()) for lines in dossier.tables.values() for row in lines
    ]:
        raise Broken("a text is lost under the names of its edition")
    dossier.identity.encode()
    if dossier.content != Dossier(**{name: getattr(dossier, name) for name in dossier.__dataclass_fields__}).content:
        raise Broken("content is not the same twice")
    columns.blind_values(dossier)


def _lake_shows_nothing(table: str, rows: Iterable[dict[str, object]]) -> None:
    fields = contract_of(table).official_fields
    held = [one.name for one in fields if one.in_vault]
    shaped = [(one.name, one.shape) for one in fields if not one.in_vault and one.shape != "free"]
    for row in rows:
        if any((row[name] or "").strip() not in ("", "*") for name in held):
            raise Broken("a text of the vault is in the lake")
        for name, shape in shaped:
            text = row[name]
            if text and read_checks.foreign(shape, str(text)):
                raise Broken(f"a text of another shape is in the lake: {shape}")


def _versioned(dossier: Dossier, number: int) -> Versioned:
    name = f"{number:032x}"
    return Versioned(number, 1, dossier, name, name, name, name, _WHEN)


def place_of(error: BaseException) -> str:
    """Kind and place of an exception, never its message."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    own = [one for one in traceback.extract_tb(error.__traceback__) if "bienho" in one.filename]
    near = own[-1] if own else last
    return f"{type(error).__name__} at {near.name} ({near.filename.rpartition('/')[2]}:{near.lineno})"
