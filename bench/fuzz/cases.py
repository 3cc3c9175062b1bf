"""One case from a seed and a number: always the same bytes, read under the same limits."""

from __future__ import annotations

import random
from dataclasses import dataclass

from bench.fuzz import archive, encoding, envelope, pack, seeds, text
from bench.fuzz.envelope import Draft, Part, Tables
from bienho.config.limits import Limits
from bienho.standards.xml130.write_layout import VERSIONS

DEFAULT = Limits()
TIGHT = (
    Limits(delivery_bytes=3_000),
    Limits(hoso_per_delivery=1),
    Limits(files_per_hoso=2),
    Limits(subfile_bytes=900),
    Limits(rows_per_subfile=2),
    Limits(elements_per_row=30),
    Limits(text_bytes=12),
    Limits(depth=4),
    Limits(archive_members=2),
    Limits(archive_bytes=4_000),
    Limits(archive_ratio=3, archive_ratio_from=1_000),
    Limits(outer_text_bytes=2_000),
)
SIZE_SHARE = 1 / 200
"""Share of cases in which something is made large; they cost most of the time."""

ZIP_EVERY = 25
"""One case of so many comes in a zip."""
BARE_SHARE = 0.12
"""Share of files of one table that travels alone."""


@dataclass(frozen=True)
class Case:
    """`expected`: per HOSO the tables that must come out, None where a change may alter them; the whole is None when
    even the number of HOSO may have changed. `trail` names the changes made."""

    number: int
    data: bytes
    limits: Limits
    door: str | None
    expected: tuple[Tables | None, ...] | None
    trail: tuple[str, ...]


def make(seed: int, number: int) -> Case:
    """The case of this number."""
    chance = random.Random(f"{seed}/{number}")
    version = chance.choice(VERSIONS)
    draft = _draft(chance, version) if chance.random() >= BARE_SHARE or version == "4210" else Draft([], [])
    budget = chance.choices((0, 1, 2, 3, 6), (10, 44, 27, 13, 6))[0]
    where = chance.choices(
        ("text", "pack", "structure", "envelope", "encoding", "bytes"), (34, 12, 12, 14, 12, 16), k=budget
    )
    if chance.random() < SIZE_SHARE:
        where.append("size")
    if draft.hosos:
        _sub_files(chance, draft, where)
        _structure(chance, draft, where)
        written = envelope.write(draft)
    else:
        written = _bare_file(chance, draft, version, where)
    whole: tuple[Tables | None, ...] | None = tuple(draft.expected) if draft.counted else None
    if draft.hosos and chance.random() < 0.3:
        written = envelope.same_envelope(chance, written)
        draft.trail.append("same_envelope")
    for _ in range(where.count("envelope")):
        change = chance.choice(envelope.OTHER_ENVELOPE)
        written, whole = change(chance, written), None
        draft.trail.append(change.__name__)
    if "size" in where and chance.random() < 0.2:
        written, whole = envelope.many_tags(chance, written), None
        draft.trail.append("many_tags")
    data, whole = _bytes(chance, draft, written, where, whole)
    limits, whole = (DEFAULT, whole) if chance.random() < 0.93 else (chance.choice(TIGHT), None)
    door = chance.choice(VERSIONS) if chance.random() < 0.1 else None
    if number % ZIP_EVERY == ZIP_EVERY - 1:
        sound = chance.random() < 0.4
        data, whole = (archive.sound(chance, data), whole) if sound else (archive.unsound(chance, data), None)
        draft.trail.append("zip")
    return Case(number, data, limits, door, whole, tuple(draft.trail))


def _draft(chance: random.Random, version: str) -> Draft:
    hosos: list[list[Part]] = []
    expected: list[Tables | None] = []
    for _ in range(chance.choices((1, 2, 3), (84, 13, 3))[0]):
        tables = chance.sample(seeds.inside(version), chance.choice((0, 1, 1, 1, 2)))
        chosen = [chance.choice(seeds.pool(table, version)) for table in ("XML1", *tables)]
        hosos.append([Part(one.table, one.text) for one in chosen])
        expected.append({one.table: list(one.rows) for one in chosen})
    return Draft(hosos, expected)


def _sub_files(chance: random.Random, draft: Draft, where: list[str]) -> None:
    """Change and pack every sub-file; what is inside base64 can only cost its own HOSO."""
    sizes = where.count("size")
    changes = [
        *(chance.choice((text.VALUE, text.MARKUP, text.MARKUP)) for _ in range(where.count("text"))),
        *(text.SIZE for _ in range(sizes)),
    ]
    victim = chance.randrange(len(draft.hosos))
    part = chance.choice(draft.hosos[victim])
    for place, parts in enumerate(draft.hosos):
        for one in parts:
            if chance.random() < 0.35:
                change = chance.choice(text.NEUTRAL)
                one.text = change(chance, one.text)
                draft.trail.append(change.__name__)
            one.nested = chance.random() < 0.15
            if one is part:
                for group in changes:
                    change = chance.choice(group)
                    one.text = change(chance, one.text)
                    draft.trail.append(change.__name__)
                    draft.expected[place] = None
            _pack(chance, draft, place, one, "pack" in where and one is part)
    if part.nested and draft.expected[victim] is None:
        draft.forget(counted=False)


def _structure(chance: random.Random, draft: Draft, where: list[str]) -> None:
    for _ in range(where.count("structure")):
        change = chance.choice(envelope.STRUCTURE)
        change(chance, draft)
        draft.trail.append(change.__name__)
        if not all(draft.hosos):
            return


def _bare_file(chance: random.Random, draft: Draft, version: str, where: list[str]) -> str:
    """A check-in file or one of medical assessments; a change in it may cost all of it."""
    one = chance.choice(seeds.pool(chance.choice(seeds.alone(version)), version))
    written = one.text
    draft.expected = [{one.table: list(one.rows)}] if one.table == "XML0" else [{one.table: [row]} for row in one.rows]
    if chance.random() < 0.35:
        change = chance.choice(text.NEUTRAL)
        written = change(chance, written)
        draft.trail.append(change.__name__)
    groups = [chance.choice((text.VALUE, text.MARKUP)) for level in where if level in ("text", "pack", "structure")]
    for group in [*groups, *([text.SIZE] if "size" in where else [])]:
        change = chance.choice(group)
        written = change(chance, written)
        draft.trail.append(change.__name__)
        draft.forget(counted=False)
    return written


def _pack(chance: random.Random, draft: Draft, place: int, part: Part, wounded: bool) -> None:
    if wounded:
        packing = chance.choice(pack.OTHER_PACKING)
        draft.expected[place] = None
        part.nested = part.nested or packing is pack.other_packing
    elif part.nested:
        part.content = encoding.bare(part.text)
        draft.trail.append("nested")
        return
    else:
        packing = chance.choice(pack.SAME_PACKING)
    part.content = packing(chance, part.text)
    draft.trail.append(packing.__name__)


def _bytes(
    chance: random.Random, draft: Draft, written: str, where: list[str], whole: tuple[Tables | None, ...] | None
) -> tuple[bytes, tuple[Tables | None, ...] | None]:
    if "encoding" in where:
        data, whole = encoding.other_bytes(chance, written), None
        draft.trail.append("other_bytes")
    else:
        writing = chance.choice(encoding.SAME_BYTES)
        data = writing(chance, written if draft.hosos else encoding.bare(written))
        draft.trail.append(writing.__name__)
    for _ in range(where.count("bytes")):
        data, whole = encoding.scar(chance, data, (written.encode(),)), None
        draft.trail.append("scar")
    return data, whole
