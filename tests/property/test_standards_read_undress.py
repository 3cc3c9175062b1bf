"""A sub-file without its dress says what the XML parser reads in it with its dress; what is no dress stays."""

from __future__ import annotations

import binascii
import random
import unicodedata

import pytest

from bienho.config.limits import DEFAULT
from bienho.standards.xml130 import TABLES, read_plain, read_quick
from bienho.standards.xml130.read_bytes import strict_base64
from bienho.standards.xml130.read_gather import _together
from bienho.standards.xml130.read_undress import undressed
from bienho.standards.xml130.versions import BARE, contract_of, wire_of

TEXTS = ("", "1", "ô", "một hai", " hai ", "a&amp;b", "x\r\ny", "]]", 'q"\\', unicodedata.normalize("NFD", "một hai"))
SCARS = (
    "<", ">", "</", "/>", "&", "]]>", "]]&gt;", "<![CDATA[", "<![CDATA[]]>", "<![CDATA[ ]]>", "<![CDATA[<b/>]]>",
    "<!-- x -->", "<!-- > <", "<?pi?>", "<?", "\r", "\n", " ", "\x00", "<X/>", "<X> </X>", "<x:Y/>", ' a="1"', "&#13;",
    ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"', ' xmlns="urn:x"', " xmlns:xsi='u'",
)  # fmt: skip
SCHEMA = (
    ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema"',
    ' xmlns:xsd="http://www.w3.org/2001/XMLSchema"',
)


def dressed(chance: random.Random, table: str) -> str:
    """One sub-file in a dress of its own."""
    wire = wire_of(table)
    small, spaces = chance.random() < 0.3, chance.choice(["", "", *SCHEMA])
    end = chance.choice(["", "", "\n", "\r\n", "\r\n    ", "\t"])
    closed, packed = chance.random() < 0.4, chance.random() < 0.4
    case = str.lower if small else str

    def cell(name: str) -> str:
        text = chance.choice(TEXTS)
        if not text and closed:
            return f"<{case(name)}/>{end}"
        if packed and chance.random() < 0.5:
            text = chance.choice(["<![CDATA[" + text.replace("&amp;", "&") + "]]>", f"{text}<![CDATA[ < & ]]>"])
        return f"<{case(name)}>{text}</{case(name)}>{end}"

    fields = [field.name for field in contract_of(table).official_fields]
    if chance.random() < 0.3:
        chance.shuffle(fields)
    rows = []
    for _ in range(chance.randint(1, 3) if wire.row else 1):
        cells = "".join(map(cell, fields))
        rows.append(f"<{case(wire.row)}>{end}{cells}</{case(wire.row)}>{end}" if wire.row else cells)
    chain = [case(name) for name in (wire.root, wire.rows) if name]
    heads = [f"<{name}{spaces if not place else ''}>{end}" for place, name in enumerate(chain)]
    text = "".join(heads) + "".join(rows) + end.join(f"</{name}>" for name in reversed(chain))
    for _ in range(chance.choice([0, 0, 0, 1, 2])):
        place = chance.randrange(len(text) + 1)
        text = text[:place] + chance.choice(SCARS) + text[place + chance.choice([0, 0, 1, 5]) :]
    return text


@pytest.mark.parametrize("table", [table for table in TABLES if table not in BARE])
def test_what_is_read_without_dress_is_what_the_parser_reads_with_it(table: str) -> None:
    chance = random.Random(f"dress {table}")
    given = [dressed(chance, table).strip(" \t\r\n").encode() for _ in range(60)]
    together = _together(table, given, DEFAULT)
    read = 0
    for body, block in zip(given, together, strict=True):
        if block is None:
            continue
        if read_plain.read_block(table, body, DEFAULT) is None:
            read += 1
        told = read_quick._parsed(table, body, DEFAULT)
        assert told is not None, "the parser would refuse it or find something"
        assert (block.mappings(), block.json(), block.held()) == (told.mappings(), told.json(), told.held())
        assert (block.layout.names, block.layout.received) == (told.layout.names, told.layout.received)
    assert read > 15, "or the test compares nothing"


@pytest.mark.parametrize(
    "body",
    [
        b"<TONG_HOP>\n<MA_LK> </MA_LK>\n</TONG_HOP>",
        b"<TONG_HOP><!-- a --><MA_LK/></TONG_HOP>",
        b"<TONG_HOP><MA_LK><![CDATA[a</MA_LK></TONG_HOP>",
        b"<TONG_HOP><MA_<![CDATA[]]>LK>a</MA_LK></TONG_HOP>",
        b"<TONG_HOP><MA_LK>&am<![CDATA[p;]]></MA_LK></TONG_HOP>",
        b"<![CDATA[]]><TONG_HOP><MA_LK>1</MA_LK></TONG_HOP>",
        b"<TONG_HOP><?a?><MA_LK/></TONG_HOP>",
        b'<TONG_HOP xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsd="http://www.w3.org/2001/XMLSchema"><MA_LK/>',
        b"<TONG_HOP><MA_LK>1</MA_LK></TONG_HOP>",
    ],
)
def test_what_may_be_more_than_dress_stays_as_it_is(body: bytes) -> None:
    assert undressed("XML1", body) == body


def test_quick_base64_gives_what_pythons_gives() -> None:
    chance = random.Random(64)
    for _ in range(5_000):
        packed = bytearray(binascii.b2a_base64(chance.randbytes(chance.randrange(40)), newline=False))
        for _ in range(chance.randrange(3)):
            place = chance.randrange(len(packed) + 1)
            packed[place : place + chance.randrange(3)] = chance.choice([b"=", b"\n", b" ", b"A", b"-", b"\x80", b""])
        given = bytes(packed)
        try:
            expected = binascii.a2b_base64(given, strict_mode=True)
        except binascii.Error:
            with pytest.raises(binascii.Error):
                strict_base64(given)
        else:
            assert strict_base64(given) == expected
