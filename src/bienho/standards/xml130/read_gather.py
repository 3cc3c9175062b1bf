"""The sub-files of many HOSO read together, table by table, and each HOSO finished with what they say."""

from __future__ import annotations

from collections.abc import Sequence

from bienho.config.limits import Limits
from bienho.standards.xml130.read_block import Block
from bienho.standards.xml130.read_codes import log_fault
from bienho.standards.xml130.read_model import Draft, Item, Waiting
from bienho.standards.xml130.read_plain import read_block
from bienho.standards.xml130.read_quick import block_of
from bienho.standards.xml130.read_slab import read_slabs
from bienho.standards.xml130.read_undress import undressed

Read = dict[str, Block | None]
LOOKS = 4
"""At most so many times what is left is looked at again."""


def finished(drafts: Sequence[Draft], limits: Limits) -> list[Item]:
    """The drafts as items, in their order. A fault stays with the HOSO that shows it: it goes the patient way."""
    by_table: dict[str, list[int]] = {}
    for place, draft in enumerate(drafts):
        for table in draft.pieces if isinstance(draft, Waiting) else ():
            by_table.setdefault(table, []).append(place)
    read: list[Read] = [{} for _ in drafts]
    for table, places in by_table.items():
        bodies = [draft.pieces[table].plain for place in places if isinstance(draft := drafts[place], Waiting)]
        for place, block in zip(places, _together(table, bodies, limits), strict=True):
            read[place][table] = block
    return [
        _finished(draft, blocks, limits) if isinstance(draft, Waiting) else draft
        for draft, blocks in zip(drafts, read, strict=True)
    ]


def _together(table: str, bodies: Sequence[bytes], limits: Limits) -> list[Block | None]:
    """The sub-files that can be read together; those left are looked at again among themselves, without their dress:
    what few of all are is not seen in a sample of all."""
    try:
        blocks = read_slabs(table, bodies, limits)
        left = [place for place, block in enumerate(blocks) if block is None]
        plain = {place: undressed(table, bodies[place]) for place in left}
        for _ in range(LOOKS):
            before = len(left)
            found = read_slabs(table, [plain[place] for place in left], limits)
            for place, block in zip(left, found, strict=True):
                blocks[place] = block
            left = [place for place in left if blocks[place] is None]
            if len(left) in (0, before):
                break
        for place in left:
            if plain[place] is not bodies[place]:
                blocks[place] = read_block(table, plain[place], limits)
        return blocks
    except Exception as error:
        log_fault(error)
        return [None] * len(bodies)


def _finished(draft: Waiting, read: Read, limits: Limits) -> Item:
    try:
        blocks = _blocks(draft, read, limits)
    except Exception as error:
        log_fault(error)
        blocks = None
    item = draft.finish(blocks)
    return draft.told(item) if draft.told else item


def _blocks(draft: Waiting, read: Read, limits: Limits) -> dict[str, Block] | None:
    """Every sub-file of a HOSO, or None when one is for the patient way."""
    blocks: dict[str, Block] = {}
    for table, piece in draft.pieces.items():
        block = read[table] or block_of(table, piece, limits)
        if block is None:
            return None
        blocks[table] = block
    return blocks
