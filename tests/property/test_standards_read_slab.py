"""Sub-files read together are what each is alone; one that is not is left, never read otherwise."""

from __future__ import annotations

import random

import pytest

from bienho.config.limits import DEFAULT
from bienho.standards.xml130 import TABLES, read_plain, read_slab
from bienho.standards.xml130.read_block import Block, SlabBlock
from bienho.standards.xml130.versions import BARE, contract_of, wire_of

SCARS = (
    b"<", b">", b"</", b"/>", b"&", b"&amp;", b"&lt;", b"&#13;", b"&#x1;", b"&nope;", b"]]>", b"]", b"\x00", b"\r",
    b"\n",
    b"\xef\xbf\xbe", b"\xef\xbc\x8c", b"\xc3", b"\xb4", b'"', b"\\", b" ", b"<!-- -->", b"<![CDATA[x]]>", b"<X>", b"",
)  # fmt: skip


def bodies(chance: random.Random, table: str, number: int) -> list[bytes]:
    """Sub-files of one table in one order of elements, some of them scarred."""
    wire, names = wire_of(table), [field.name for field in contract_of(table).official_fields]
    made = []
    for _ in range(number):
        rows = []
        for _ in range(chance.randint(1, 4) if wire.row else 1):
            cells = "".join(f"<{name}>{chance.choice(['', '1', 'ô', 'một hai', 'A1'])}</{name}>" for name in names)
            rows.append(f"<{wire.row}>{cells}</{wire.row}>" if wire.row else cells)
        chain = [name for name in (wire.root, wire.rows) if name]
        text = "".join(f"<{name}>" for name in chain) + "".join(rows)
        body = (text + "".join(f"</{name}>" for name in reversed(chain))).encode()
        for _ in range(chance.choice([0, 0, 0, 1, 2])):
            place = chance.randrange(len(body) + 1)
            body = body[:place] + chance.choice(SCARS) + body[place + chance.choice([0, 0, 1, 5]) :]
        made.append(body)
    return made


def alone(table: str, body: bytes) -> Block | None:
    """What is met once is not learned: the second look counts."""
    return read_plain.read_block(table, body, DEFAULT) or read_plain.read_block(table, body, DEFAULT)


def said(block: Block) -> tuple:
    layout = block.layout
    names = layout.fields[:3]
    return (
        layout.fields,
        layout.names,
        layout.received,
        block.count,
        list(block.rows),
        list(block.aligned),
        block.json(),
        block.held(),
        block.held_json(),
        block.mappings(),
        block.first(*names, "NOPE"),
        [list(block.column(name)) for name in (*names, "NOPE")],
        [block.text(block.count - 1, name) for name in (*names, "NOPE")],
    )


def every() -> list[tuple[str, int]]:
    return [(table, seed) for table in TABLES if table not in BARE for seed in range(3)]


@pytest.mark.parametrize(("table", "seed"), every())
def test_together_says_what_alone_says(table: str, seed: int) -> None:
    given = bodies(random.Random(f"{table} {seed}"), table, 60)
    together = read_slab.read_slabs(table, given, DEFAULT)
    assert sum(block is not None for block in together) > 15, "or the test compares nothing"
    for body, block in zip(given, together, strict=True):
        if block is not None:
            one = alone(table, body)
            assert one is not None
            assert said(one) == said(block)
    left = [body for body, block in zip(given, together, strict=True) if block is None]
    assert sum(alone(table, body) is not None for body in left) < 15


def test_a_change_of_any_byte_is_seen() -> None:
    """One byte of one sub-file among many, at every place: in a tag it is left, in a text it is read."""
    chance = random.Random(7)
    table = "XML13"
    given = [body for body in bodies(chance, table, 30) if alone(table, body)][:6]
    body = given[0]
    for place in range(len(body)):
        changed = body[:place] + b"Q" + body[place + 1 :]
        (block, *_) = read_slab.read_slabs(table, [changed, *given[1:]], DEFAULT)
        one = alone(table, changed)
        if block is not None:
            assert one is not None
            assert said(one) == said(block)


def test_texts_that_json_escapes_are_written_as_alone() -> None:
    names = [field.name for field in contract_of("XML13").official_fields]
    odd = ['a"b', "\\", "x\n\ty", "", "&#13;", "ô"]
    given = [
        "".join(f"<{name}>{odd[(place + shift) % len(odd)]}</{name}>" for place, name in enumerate(names))
        for shift in range(len(odd))
    ]
    wire = wire_of("XML13")
    rows = [f"<{wire.row}>{row}</{wire.row}>" if wire.row else row for row in given]
    chain = [name for name in (wire.root, wire.rows) if name]
    opening, closing = "".join(f"<{n}>" for n in chain), "".join(f"</{n}>" for n in reversed(chain))
    sent = [f"{opening}{row}{closing}".encode() for row in rows]
    for body, block in zip(sent, read_slab.read_slabs("XML13", sent, DEFAULT), strict=True):
        one = alone("XML13", body)
        assert isinstance(block, SlabBlock)
        assert block.slab.escaped
        assert one is not None
        assert said(one) == said(block)
