"""What processes of their own make: stencils, then keys of visits and sealed records, the latter beside the stamp."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import groupby, starmap
from multiprocessing.connection import Connection
from operator import itemgetter
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from bienho.contracts import catalogue
from bienho.core.errors import BienhoError
from bienho.core.garbage import uncollected
from bienho.pipeline.judge import Judge
from bienho.privacy import Blind, FreshVisits, Vault, blind_entries
from bienho.synthetic.crew import lost
from bienho.synthetic.places import Clinic, Map
from bienho.synthetic.straight.births import with_newborn
from bienho.synthetic.straight.stencil import (
    CORE,
    OF_FACILITY,
    Cutter,
    Form,
    Numbered,
    Stencils,
    facility_texts,
    taken_apart,
)

SEALED = pa.schema(
    [
        ("version_id", pa.int64()),
        ("dossier_key", pa.string()),
        ("patient_key", pa.string()),
        ("record_id", pa.string()),
    ]
)
AT_ONCE = 1_000
"""Stencils that a process makes together."""
KEYS = (
    "version_id", "stencil_no", "facility", "version", "phone", "birth_text", "ma_lk", "ma_bn", "name", "personal_id",
    "card", "newborn",
)  # fmt: skip
"""What a visit is sealed by; beside it a portion of visits has its CORE."""


@dataclass(frozen=True, slots=True)
class _Fill:
    """A form to be filled in: `%b` in `text` stands for each text that `picks` takes of a visit's."""

    text: bytes
    picks: Callable[[Sequence[bytes]], Any]

    @classmethod
    def of(cls, form: Form) -> _Fill:
        pieces, places = taken_apart(form.text.replace(b"%", b"%%"))
        return cls(b"%b".join(pieces), itemgetter(*places) if places else lambda _: ())

    def payload(self, texts: Sequence[bytes]) -> bytes:
        """The bytes with the texts of a visit."""
        return self.text % self.picks(texts)


class Sealer:
    """Seals visits from their texts and the forms it was given."""

    def __init__(self, vault: Vault, clinics: Sequence[Clinic]) -> None:
        self._vault = vault
        self._clinics = {clinic.code: clinic for clinic in clinics}
        self._texts: dict[tuple[str, str], list[bytes]] = {}
        self._forms: dict[int, Form] = {}
        self._fills: dict[int, _Fill] = {}

    def learn(self, forms: Sequence[Form]) -> None:
        """Take new forms; they are taken apart when a visit asks for them, many of which come to another process."""
        self._forms |= {one.number: one for one in forms}

    def seal(self, visits: pa.Table) -> pa.Table:
        """SEALED of visits (KEYS); their records are in the vault when this returns, in one commit."""
        cores = list(zip(*(_listed(visits.column(name).cast(pa.binary())) for name in CORE), strict=True))
        blinds = _blinds(visits, cores)
        names = ("facility", "version", "stencil_no", "ma_lk", "ma_bn")
        facilities, *columns = (_listed(visits.column(name)) for name in names)
        parts, start = [], 0
        for facility, run in groupby(facilities):
            there = slice(start, start := start + sum(1 for _ in run))
            versions, numbers, ma_lk, ma_bn = (column[there] for column in columns)
            payloads = self._payloads(facility, versions, numbers, cores[there])
            parts.append(FreshVisits(facility, ma_lk, ma_bn, payloads, blinds[there]))
        return pa.table([visits.column("version_id"), *self._vault.seal_fresh(parts)], schema=SEALED)

    def _payloads(
        self, facility: str, versions: Sequence[str], numbers: Sequence[int], cores: Sequence[tuple[bytes, ...]]
    ) -> list[bytes]:
        """The forms of visits at one facility, filled in."""
        fills = self._fills
        fills |= {number: _Fill.of(self._forms.pop(number)) for number in set(numbers) - fills.keys()}
        texts = {version: self._told(facility, version) for version in set(versions)}
        payloads = []
        for version, number, core in zip(versions, numbers, cores, strict=True):
            told = texts[version]
            told[: len(core)] = core
            payloads.append(fills[number].payload(told))
        return payloads

    def _told(self, facility: str, version: str) -> list[bytes]:
        """The texts of a facility behind places for those of a visit."""
        found = self._texts.get((facility, version))
        if found is None:
            there = facility_texts(self._clinics[facility], version)
            found = self._texts[facility, version] = [b""] * OF_FACILITY + [text.encode() for text in there]
        return found


_INSURANCE = CORE.index("insurance_id")


def _blinds(visits: pa.Table, cores: list[tuple[bytes, ...]]) -> list[Blind]:
    """By what visits may be looked up; behind the CORE of a birth come the texts of its slots."""
    names = ("name", "birth_text", "card", "personal_id", "phone")
    said = {name: visits.column(name) for name in names}
    bare = pc.equal(visits.column("version"), "4210")
    said |= {name: pc.if_else(bare, "", said[name]) for name in ("personal_id", "phone")}  # that edition had neither
    persons = list(zip(*map(_listed, said.values()), strict=True))
    known = {
        person: blind_entries(name=name, birth=birth, insurance_number=card, personal_id=personal_id, phone=phone)
        for person in set(persons)
        for name, birth, card, personal_id, phone in [person]
    }
    blinds = list(map(known.__getitem__, persons))
    for place, newborn in enumerate(_listed(visits.column("newborn"))):
        if newborn:
            name, _, card, personal_id, _ = persons[place]
            number = cores[place][_INSURANCE].decode()
            mother = {"name": name, "personal_id": personal_id, "card": card, "number": number}
            blinds[place], slots = with_newborn(blinds[place], mother, newborn)
            cores[place] += tuple(slots)
    return blinds


def _listed(column: pa.ChunkedArray) -> list[Any]:
    """The values of a column, many times as fast as by to_pylist."""
    values: list[Any] = column.to_numpy().tolist()
    return values


@dataclass(frozen=True, slots=True)
class Worker:
    """What one process can do."""

    cutter: Cutter
    sealer: Sealer

    def make(self, numbered: Sequence[Numbered], texts: Mapping[int, Mapping[str, Any]]) -> Stencils:
        return self.cutter.make(numbered, texts)

    def seal(self, forms: Sequence[Form], visits: pa.Table) -> pa.Table:
        self.sealer.learn(forms)
        return self.sealer.seal(visits)


class Sealers:
    """Cutters and sealers, a pair in each process of a crew, or one in this. Made by `sealers`.

    StorageError STO-SYNTH-CREW from any of them when a process was ended from outside."""

    def __init__(self, own: Worker | None, pipes: Sequence[Connection]) -> None:
        self._own, self._pipes = own, pipes
        # they listen while this process writes: a pipe is full long before a part of the stencils has come through it
        self._beside = ThreadPoolExecutor(max(1, len(pipes)))
        self._making: Callable[[], list[Stencils]] = list
        self._done: pa.Table | None = None
        self._waiting = 0

    def begin(self, numbered: Sequence[Numbered], texts: Mapping[int, Mapping[str, Any]]) -> None:
        """Begin to make the stencils of visits (`Cutter.make`); nothing else is asked before `made`."""
        most = min(AT_ONCE, max(1, -(-len(numbered) // max(1, len(self._pipes)))))
        parts = [numbered[start : start + most] for start in range(0, len(numbered), most)]
        asked = [(part, {place: texts[place] for _, place, _ in part}) for part in parts]
        if self._own:
            self._making = partial(list, starmap(self._own.make, asked))
            return
        waiting, answers = iter(enumerate(asked)), dict[int, Stencils]()
        asking = [self._beside.submit(self._ask, pipe, waiting, answers) for pipe in self._pipes]

        def gathered() -> list[Stencils]:
            errors = [error for one in asking if (error := one.exception())]
            if errors:  # that a process is gone is told first
                raise next((error for error in errors if isinstance(error, BienhoError)), errors[0])
            return [answers[place] for place in range(len(asked))]

        self._making = gathered

    def made(self) -> list[Stencils]:
        """What was begun last, in parts."""
        return self._making()

    def _ask(
        self, pipe: Connection, waiting: Iterator[tuple[int, tuple[Any, ...]]], answers: dict[int, Stencils]
    ) -> None:
        """Have one process make parts as long as any wait."""
        for place, one in waiting:
            _tell(pipe, ("make", *one))
            (answers[place],) = self._answers([pipe])

    def start(self, forms: Sequence[Form], visits: pa.Table) -> None:
        """Begin to seal a block; `forms` are those not given before."""
        if self._own:
            self._done = self._own.seal(forms, visits)
            return
        for pipe, part in zip(self._pipes, _parts(visits, len(self._pipes)), strict=True):
            _tell(pipe, ("seal", forms, part.combine_chunks()))
        self._waiting = len(self._pipes)

    def wait(self) -> pa.Table:
        """SEALED of the block begun last, once all of it is in the vault; what went wrong there is raised here."""
        if self._waiting:
            self._waiting = 0
            self._done = pa.concat_tables(self._answers(self._pipes))
        assert self._done is not None  # noqa: S101 - `start` comes before `wait`
        return self._done

    def close(self) -> None:
        """Wait for what was begun; an answer nobody asks for any more is dropped."""
        self._beside.shutdown()

    def _answers(self, pipes: Sequence[Connection]) -> list[Any]:
        try:
            answers = [pipe.recv() for pipe in pipes]
        except (EOFError, ConnectionError):
            raise lost() from None
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
        return answers


def _tell(pipe: Connection, work: tuple[Any, ...]) -> None:
    try:
        pipe.send(work)
    except ConnectionError:
        raise lost() from None


def _parts(visits: pa.Table, count: int) -> list[pa.Table]:
    """Visits in parts of about one size, those of a facility in one: no two processes seal for one patient."""
    codes = visits.column("facility").to_numpy().tolist()
    cuts = [0]
    for place in range(1, count):
        cut = max(cuts[-1], place * len(codes) // count)
        while 0 < cut < len(codes) and codes[cut] == codes[cut - 1]:
            cut += 1
        cuts.append(cut)
    return [visits.slice(start, end - start) for start, end in zip(cuts, [*cuts[1:], len(codes)], strict=True)]


@contextmanager
def sealers(vault: Vault, judge: Judge, atlas: Map, seed: int, crew: int) -> Iterator[Sealers]:
    """Sealers for the time of the block, in so many processes of their own, 0: in this one. To be opened before DuckDB
    is: the processes are forks."""

    def worker() -> Worker:
        return Worker(Cutter(judge, atlas, seed), Sealer(vault, atlas.clinics))

    if not crew:
        yield Sealers(worker(), ())
        return
    catalogue()  # read once for all of them
    context = multiprocessing.get_context("fork")
    pipes: list[Connection] = []
    processes = []
    for _ in range(crew):
        here, there = context.Pipe()
        process = context.Process(target=_serve, args=(there, worker(), [*pipes, here]), daemon=True)
        process.start()
        there.close()
        pipes.append(here)
        processes.append(process)
    them = Sealers(None, pipes)
    try:
        yield them
    finally:
        them.close()
        for pipe in pipes:
            pipe.close()
        for process in processes:
            process.join()


def _serve(pipe: Connection, worker: Worker, others: Sequence[Connection]) -> None:
    for other in others:  # ends of the parent that came with the fork: an end is heard only when all are closed
        other.close()
    with uncollected():
        while True:
            try:
                work, *given = pipe.recv()
            except EOFError:
                return
            try:
                answer: Any = worker.make(*given) if work == "make" else worker.seal(*given)
            except Exception as error:
                answer = error
            pipe.send(answer)
