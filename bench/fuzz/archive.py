"""A file in a zip: soundly packed, or with a directory that lies, strange names, odd methods and wounds."""

from __future__ import annotations

import io
import random
import struct
import zipfile

from bench.fuzz.encoding import scar

_NAMES = (
    *(
        "a.xml",
        "A.XML",
        "x/y.xml",
        "../../etc/passwd",
        "/abs.xml",
        "C:\\a.xml",
        "con",
        "Nguyễn Thị Ổi.xml",
        "a\x00b.xml",
    ),
    *(
        "",
        ".",
        "..",
        "a" * 300,
        "__MACOSX/a.xml",
        ".DS_Store",
        "dir/",
        "\u202egpj.xml",
        "a.xml ",
        "a.zip",
        "%s",
        "é.xml",
    ),
)
_DATE = (2026, 1, 3, 0, 0, 0)


def sound(chance: random.Random, data: bytes) -> bytes:
    """One member, stored or deflated; the litter of desktops beside it means nothing."""
    method = chance.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
    beside = chance.choice(((), (), (("__MACOSX/._a.xml", b"x"),), (("b/", b""), ("b/Thumbs.db", b"x"))))
    return _zip([(chance.choice(("a.xml", "Hồ sơ.xml", "b/c.xml")), data), *beside], method)


def unsound(chance: random.Random, data: bytes) -> bytes:
    """Anything else that begins like a zip."""
    method = chance.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2))
    members = [(chance.choice(_NAMES), data) for _ in range(chance.choice((1, 1, 2, 3)))]
    which = chance.randrange(10)
    if which == 0:
        members = [("a.zip", _zip(members, method))]
    if which == 1:
        members = [(f"{number}.xml", chance.choice((b"", b"<", data))) for number in range(chance.choice((3, 40)))]
    if which == 2:
        members += [("zeros", bytes(chance.choice((10_000, 1_500_000))))]
    if which == 3:
        members = []
    packed = _zip(members, method)
    if which == 4:
        packed = _lie(chance, packed)
    if which == 5:
        packed = packed[: chance.randint(4, len(packed))]
    if which == 6:
        packed += chance.choice((b"\x00" * 30, packed, b"PK\x05\x06", data))
    if which > 6:
        for _ in range(chance.choice((1, 2, 5))):
            packed = packed[:4] + scar(chance, packed[4:])
    return packed


def _zip(members: list[tuple[str, bytes]], method: int) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", method) as archive:
        for name, data in dict(members).items():
            archive.writestr(zipfile.ZipInfo(name or "-", _DATE), data, method)
    return written.getvalue()


def _lie(chance: random.Random, packed: bytes) -> bytes:
    """Other numbers in one field of a header, of the directory, or of its end."""
    mark, fields = chance.choice(((b"PK\x03\x04", 30), (b"PK\x01\x02", 46), (b"PK\x05\x06", 22)))
    start = packed.find(mark)
    if start < 0:
        return packed
    place = start + 2 * chance.randrange(2, fields // 2 - 1)
    number = chance.choice((0, 1, 8, 0x7FFF, 0xFFFF, chance.randrange(0x10000)))
    return packed[:place] + struct.pack("<H", number) + packed[place + 2 :]
