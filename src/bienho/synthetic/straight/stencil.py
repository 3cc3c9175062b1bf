"""Stencils: dossiers that lend their lines to other visits of the same class.

A stencil is the dossier of one real visit of the twin, built by the builder, written, and taken in by the ingest's own
code up to the columns of `standard` and the payload of the vault. What belongs to the visit and not to its class (who,
where, when, numbers) stands in it as a token or as minutes from the start, so that the stamp can put others in.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, lru_cache
from itertools import chain
from operator import itemgetter
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from bienho.lake import RawHeader
from bienho.pipeline.judge import Judge
from bienho.privacy import encode
from bienho.standards.xml130 import Dossier, Versioned, as_read, columns
from bienho.standards.xml130.read_block import Blocks
from bienho.standards.xml130.versions import contract_of
from bienho.standards.xml130.write import layout, write_delivery
from bienho.synthetic.dossiers.dossier import Tables, build
from bienho.synthetic.dossiers.lines import Row, staff, staff_name
from bienho.synthetic.dossiers.visits import Visit
from bienho.synthetic.places import Clinic, Map
from bienho.synthetic.straight import births, costs

CORE = (
    "ma_lk", "ma_bn", "name", "personal_id", "address", "phone_piece", "card", "hsba", "slip", "slip_piece",
    "employer", "mother_name", "father_name", "mother_number", "father_number", "insurance_id", "end_year",
    "serial_text",
)  # fmt: skip
"""Texts of a visit that a payload may hold, as the stamp's SQL gives them; those of its newborn follow (`births`), then
those of the facility."""
NEWBORN = len(CORE)
OF_FACILITY = NEWBORN + births.SLOTS
PIECES: Mapping[tuple[str, str], str] = {
    ("XML1", "DIEN_THOAI"): "phone_piece",
    ("XML1", "GIAY_CHUYEN_TUYEN"): "slip_piece",
    ("XML7", "HO_TEN_ME"): "mother_name",
    ("XML7", "HO_TEN_CHA"): "father_name",
    ("XML7", "MA_ME"): "mother_number",
    ("XML7", "MA_CHA"): "father_number",
    ("XML8", "HO_TEN_ME"): "mother_name",
    ("XML8", "HO_TEN_CHA"): "father_name",
}
"""Fields that one visit of a class has a text in and another has not: of CORE the field with its text, or nothing. They
are never the last of a row."""
_OF_THE_YOUNG = frozenset({"XML7", "XML8"})  # nobody else has parents there
_FIRST = 0xE000  # private use: no text of a dossier holds such a letter
_NAMES = {field: chr(_FIRST + CORE.index("name")) for field in ("HO_TEN", "HO_TEN_NND")}
_TOKEN = re.compile(f"[{chr(_FIRST)}-{chr(_FIRST + 0x7FF)}]")
_LETTER = re.compile(b"\xee(..)", re.DOTALL)  # the first of its three bytes is that of no other letter
_PICKS = {chr(_FIRST + place).encode()[1:]: place for place in range(0x800)}
_MORNING = np.timedelta64(24 * 60 + 7 * 60, "m")  # the second day of a stay begins at seven
_LEAST_DAY = 1900_01_01
_LENGTHS = pa.array([8, 12], pa.int32())
Moments = npt.NDArray[np.datetime64]
Ways = npt.NDArray[np.int8]
Fars = npt.NDArray[np.int64]
FIXED_DATES = births.NOT_MOVED | frozenset(
    {
        "NGAY_SINH", "GT_THE_TU", "GT_THE_DEN", "NAM_NAM_LIEN_TUC", "NGAY_MIEN_CCT", "NGAYKD_HIV", "BDDT_ARV",
        "NGAY_CHUYEN_PHAC_DO", "NGAY_XN_TLVR", "NGAY_KQ_XN_TLVR", "NGAYBD_DTRI_LAO", "NGAY_BAT_DAU_DT_CTX",
    }
)  # fmt: skip
"""Dates of the person or of a course of treatment, not of the visit."""
TEXT, FROM_START, FROM_DAY, FROM_END, DAY = range(5)
"""How a time stands in a stencil: as it is, minutes from the start, from midnight of the first day, from the end; and a
day as minutes from that midnight."""


@dataclass(frozen=True, slots=True)
class Form:
    """The payload of a stencil's record: its JSON, in which letters stand for texts of a visit (`taken_apart`)."""

    number: int
    text: bytes


def taken_apart(text: bytes) -> tuple[list[bytes], list[int]]:
    """Pieces of a form, and which of a visit's texts go between them."""
    parts = _LETTER.split(text)
    return parts[::2], list(map(_PICKS.__getitem__, parts[1::2]))


Numbered = tuple[int, int, Visit]
"""A stencil's number, its visit's, the visit."""


@dataclass(frozen=True, slots=True)
class Stencils:
    """What a set of visits became: columns per dataset (`stencil_no` for `version_id`) and SUMS; and the forms."""

    tables: dict[str, pa.Table]
    forms: list[Form]


def facility_texts(clinic: Clinic, version: str) -> tuple[str, ...]:
    """Texts of a facility that a payload of a version may hold: who answers, its name; of every practitioner the name
    and the numbers, that of the version and that of 130."""
    answers = staff(clinic, 0, version) if version == "3176" else f"{clinic.code[:2]}97{int(clinic.code[2:]):06d}"
    of_staff = (
        (staff_name(clinic, number), staff(clinic, number, version), staff(clinic, number, "130"))
        for number in range(clinic.doctors)
    )
    return (answers, clinic.name, *chain.from_iterable(of_staff))


def time_fields(table: str) -> list[str]:
    """Fields of a table that move with the visit."""
    fields = contract_of(table).official_fields
    return [f.name for f in fields if f.shape == "date" and not f.in_vault and f.name not in FIXED_DATES]


@dataclass(frozen=True, slots=True)
class _Tokens:
    """What stands for a text of a visit or of its facility, which may be the same: a doctor has a patient's name, a
    child its mother's. `names`: field → the name it holds."""

    both: Row
    names: Mapping[str, str]

    def of(self, field: str, text: str) -> str:
        """The token of a text of one of them in a field."""
        return _NAMES[field] if self.names.get(field) == text else self.both[text]


@dataclass(frozen=True, slots=True)
class _Stays:
    """Numbers of stencils, ascending, and when and where their visits were."""

    numbers: Fars
    starts: Moments
    ends: Moments
    facilities: list[str]

    @classmethod
    def of(cls, numbered: Sequence[Numbered]) -> _Stays:
        """Those of visits."""
        visits = [visit for _, _, visit in numbered]
        starts, ends = (np.array([getattr(one, name) for one in visits], "M8[m]") for name in ("start", "end"))
        numbers = np.array([number for number, _, _ in numbered], np.int64)
        return cls(numbers, starts, ends, [visit.clinic.code for visit in visits])


class Cutter:
    """Makes stencils. The first dossier of each shape (its edition, tables and fields) goes all the way, through a file
    and the ingest's reader, and must come out as the shorter way of the others makes it."""

    def __init__(self, judge: Judge, atlas: Map, seed: int) -> None:
        self._judge, self._atlas, self._seed = judge, atlas, seed
        self._shapes: set[Hashable] = set()
        self._facilities: dict[tuple[str, str], Row] = {}

    def make(self, numbered: Sequence[Numbered], texts: Mapping[int, Mapping[str, Any]]) -> Stencils:
        """Stencils of visits, numbers ascending; `texts`: visit number → its CORE and what else the stamp's SQL says of
        it.

        ValueError when the reader finds anything in such a dossier or reads it otherwise, or when SQL and builder tell
        two stories of a visit.
        """
        now = datetime(2000, 1, 1, tzinfo=UTC)
        versions, forms, first = [], list[Form](), list[tuple[Visit, Tables, Dossier]]()
        for number, place, visit in numbered:
            tables = build(visit, self._atlas, self._seed)
            dossier = as_read(tables, facility=visit.clinic.code, version=visit.version)
            if self._is_new(dossier):
                first.append((visit, tables, dossier))
            versions.append(
                Versioned(
                    version_id=number, delivery_seq=place, dossier=dossier, dossier_key="", patient_key="",
                    record_id="", content_digest=self._judge.content_digest(dossier), received_at=now,
                )
            )  # fmt: skip
            forms.append(_form(number, tables, visit.version, texts[place], self._tokens(visit, texts[place])))
        self._compare(first)
        built = {name: table for name, table in columns.build(versions).items() if table.num_rows}
        stays = _Stays.of(numbered)
        loose = {name: _loosened(name, table, stays) for name, table in built.items()}
        loose[costs.SUMS] = costs.sums(loose, stays.numbers)
        return Stencils(loose, forms)

    def _tokens(self, visit: Visit, told: Mapping[str, Any]) -> _Tokens:
        """Text → what stands for it, for every text of a visit and its facility."""
        place = visit.clinic.code, visit.version
        if place not in self._facilities:
            self._facilities[place] = _of_facility(visit.clinic, visit.version)
        names = dict.fromkeys(_NAMES, told["name"])
        return _Tokens(_of_visit(told) | self._facilities[place], names)

    def _is_new(self, dossier: Dossier) -> bool:
        """Whether a dossier is the first of its shape."""
        assert isinstance(dossier.tables, Blocks)  # noqa: S101 - so `as_read` gives them
        # a layout is of one edition
        shape = tuple((block.layout, block.count > 1) for block in dossier.tables.blocks.values())
        known = len(self._shapes)
        self._shapes.add(shape)
        return len(self._shapes) > known

    def _compare(self, first: Sequence[tuple[Visit, Tables, Dossier]]) -> None:
        """The first dossiers of their shapes, through files and back: read at once, which costs a fraction."""
        now, deliveries = datetime(2000, 1, 1, tzinfo=UTC), list[tuple[RawHeader, bytes]]()
        for number, (visit, tables, _) in enumerate(first, 1):
            facility, created = visit.clinic.code, f"{visit.end:%Y%m%d}"
            data = write_delivery([tables], facility=facility, created=created, version=visit.version)
            deliveries.append((RawHeader(number, "xml130", "twin", "", now, None, len(data), ""), data))
        for judged, (visit, tables, ours) in zip(self._judge.read_all(deliveries), first, strict=True):
            if len(judged.candidates) != 1 or judged.findings:
                raise ValueError(f"not a clean dossier: {[found.code for _, found in judged.findings]}")
            theirs = judged.candidates[0].dossier
            text = _payload(tables, visit.version, {}, lambda row, _: _json(row)).encode()
            if _told(ours) != _told(theirs) or text != encode(columns.vault_payload(theirs)):
                raise ValueError("a dossier is not read as it was made")


def _told(dossier: Dossier) -> tuple[Any, ...]:
    return (
        dossier.content, list(dossier.tables), dossier.facility, dossier.ma_lk, dossier.ma_bn, dossier.format_version,
        dossier.version_evidence, dossier.received_names, dossier.shape_vaulted, dossier.findings,
    )  # fmt: skip


def _loosened(dataset: str, table: pa.Table, stays: _Stays) -> pa.Table:
    """Columns with the stencil's number for the version's, and every time beside how far it is from its visit."""
    held = {"stencil_no" if name == "version_id" else name: table.column(name) for name in table.column_names}
    if dataset == "standard.xml130_dossier":
        return pa.table(held)
    if dataset in costs.LINES:
        held |= costs.line_amounts(held)
    places = np.searchsorted(stays.numbers, held["stencil_no"].to_numpy())
    starts, ends = stays.starts[places], stays.ends[places]
    for name in time_fields(f"XML{dataset.rpartition('_')[2]}"):
        held[f"{name}:way"], held[f"{name}:far"] = map(pa.array, _ways(held[name], starts, ends))
    if dataset == "standard.xml130_3":
        machines = zip(held["MA_MAY"].to_pylist(), places.tolist(), strict=True)
        freed = [text and text.replace(stays.facilities[place], "\ue000") for text, place in machines]
        held["MA_MAY"] = pa.array(freed, pa.string())
    return pa.table(held)


def _ways(texts: pa.ChunkedArray, starts: Moments, ends: Moments) -> tuple[Ways, Fars]:
    """How the times of a column follow their visits, and how many minutes from there. Orders of the first day count
    from arrival, later ones from seven o'clock, what comes after the end from the end: the same clock as the builder's.

    ValueError for digits that are no day or no time of one.
    """
    held = texts.combine_chunks().fill_null("")
    timely = pc.and_(pc.utf8_is_digit(held), pc.is_in(pc.binary_length(held), _LENGTHS))
    numbers = pc.if_else(timely, held, "0").cast(pa.int64()).to_numpy()
    days, moments = (numbers > _LEAST_DAY) & (numbers < 10**8), numbers >= 10**8
    told = np.where(days, numbers * 10_000, np.where(moments, numbers, _LEAST_DAY * 10_000))
    when = _moments(told)
    first = starts.astype("M8[D]").astype("M8[m]")
    ways = np.select(
        [days, ~moments, when >= ends, when - first >= _MORNING], [DAY, TEXT, FROM_END, FROM_DAY], FROM_START
    )
    marks = np.select([ways == FROM_END, ways == FROM_START], [ends, starts], first)
    fars = np.where(ways == TEXT, 0, (when - marks).astype(np.int64))
    return ways.astype(np.int8), fars


def _moments(told: Fars) -> Moments:
    """Whole numbers yyyymmddHHMM as moments; ValueError where one is none."""
    months, days = told // 1_000_000, told // 10_000 % 100
    first = ((months // 100 - 1970) * 12 + months % 100 - 1).astype("M8[M]").astype("M8[D]")
    minutes = (days - 1) * 1440 + told // 100 % 100 * 60 + told % 100
    moments: Moments = first.astype("M8[m]") + minutes.astype("m8[m]")
    whole = (months % 100 > 0) & (months % 100 < 13) & (told // 100 % 100 < 24) & (told % 100 < 60)
    if not (whole & (moments.astype("M8[M]") == first.astype("M8[M]"))).all():
        raise ValueError("digits that are no time")
    return moments


def _form(number: int, tables: Tables, version: str, told: Mapping[str, Any], tokens: _Tokens) -> Form:
    (received,) = tables["XML1"]
    both, of = tokens.both, tokens.of
    slip = births.Slip(told["newborn"], _FIRST + NEWBORN) if told["newborn"] else None

    def freed(row: Row, table: str) -> str:
        made = {name: of(name, text) if text in both else text for name, text in row.items()}
        if table == "XML1":
            _check(made, received)
        elif table == "XML9" and slip:
            made = slip.freed(row, made)
        pieces = _pieces(table, version) if told["young"] or table not in _OF_THE_YOUNG else ()
        for field, piece, letter in pieces:
            if told[piece] != (f'"{field}":"{row[field]}",' if field in row else ""):
                raise ValueError(f"{table}.{field} of a stencil is not what the stamp makes of its visit")
            made[field] = letter
        text = _json(made)
        for field, _, letter in pieces:
            text = text.replace(f'"{field}":"{letter}",', letter)
        return text

    text = _payload(tables, version, both, freed)
    return Form(number, (slip.close(text) if slip else text).encode())


@cache
def _pieces(table: str, version: str) -> tuple[tuple[str, str, str], ...]:
    """Of the PIECES of a table in a version the field, the name and the letter."""
    return tuple(
        (field, piece, chr(_FIRST + CORE.index(piece)))
        for (of, field), piece in PIECES.items()
        if of == table and field in _held(table, version)
    )


_LINES = frozenset({"XML2", "XML3", "XML4"})
"""Tables of which the vault holds nothing but who ordered what, how, for whom: many dossiers have the same lines."""


def _payload(tables: Tables, version: str, tokens: Row, written: Callable[[Row, str], str]) -> str:
    """`encode(columns.vault_payload(dossier))` of a dossier that the builder made of these tables, `tokens` in the
    place of texts and what is `written` of what the vault holds of a row and its table in the place of that. Lines of
    one doctor hold the same: it is written once."""
    both = tokens.get
    told = []
    for table in sorted(tables):
        names = _held(table, version)
        rows: list[tuple[str, ...]] = list(map(itemgetter(*names), tables[table]))
        known = dict.fromkeys(rows, "")
        for texts in known:
            if table in _LINES:
                known[texts] = _line(names, tuple(map(both, texts, texts)))
            else:
                row = {name: said for name, said in zip(names, texts, strict=True) if said}
                known[texts] = written(row, table)
        told.append(f'"{table}":[{",".join(map(known.__getitem__, rows))}]')
    return f"{{{','.join(told)}}}"


def _json(row: Row) -> str:
    return encode({"": [row]})[5:-2].decode()


@lru_cache(maxsize=16_384)
def _line(names: tuple[str, ...], texts: tuple[str, ...]) -> str:
    return _json({name: text for name, text in zip(names, texts, strict=True) if text})


@cache
def _held(table: str, version: str) -> tuple[str, ...]:
    """Fields of a table in a version that the vault holds: several in every one."""
    held = {field.name for field in contract_of(table).vault_fields}
    return tuple(field.official for field in layout(table, version) if field.official in held)


_WHO = ("MA_LK", "MA_BN", "HO_TEN", "SO_CCCD", "DIA_CHI", "MA_HSBA", "MA_TTDV", "MA_THE_BHYT", "GIAY_CHUYEN_TUYEN")


def _check(held: Mapping[str, str], received: Mapping[str, str]) -> None:
    """Whatever names the person or the visit is a token now; else SQL and builder would tell two stories."""
    for name in _WHO:
        if received.get(name) and not _TOKEN.match(held[name]):
            raise ValueError(f"XML1.{name} of a stencil is not what the stamp makes of its visit")


_SHORT = ("end_year", "serial_text")
_WHOLE = tuple(
    (name, chr(_FIRST + place)) for place, name in enumerate(CORE) if name not in PIECES.values() and name not in _SHORT
)
"""Texts of CORE that fill a field, and what stands for them."""
_NUMBERS = tuple(
    (frame, frame % tuple(chr(_FIRST + CORE.index(name)) for name in _SHORT))
    for frame in (
        *(form.format(kind) for kind in ("OM", "CT", "HK", "DT") for form in ("%s/{0}/%s", "{0}%s{0}%s")),
        *(f"%s/CS/%s-{place}" for place in range(1, births.MOST + 1)),
    )
)
"""Numbers of papers in which the year and the serial of a visit stand, and the same with tokens."""


def _of_visit(told: Mapping[str, Any]) -> Row:
    """Text → what stands for it, for the texts of a visit."""
    named = {text: token for name, token in _WHOLE if (text := told[name])}
    numbers = told["end_year"], told["serial_text"]
    for short in numbers:
        named.pop(short, None)
    named.update((frame % numbers, token) for frame, token in _NUMBERS)
    return named


def _of_facility(clinic: Clinic, version: str) -> Row:
    """Text → what stands for it, for the texts of a facility (`facility_texts`). Of those that are the same it is who
    answers, else the last."""
    texts = facility_texts(clinic, version)
    named = {text: chr(_FIRST + OF_FACILITY + place) for place, text in enumerate(texts)}
    return named | {texts[0]: chr(_FIRST + OF_FACILITY)}
