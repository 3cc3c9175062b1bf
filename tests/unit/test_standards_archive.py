"""A zip of envelopes is one delivery: read as its members would be, and bounded whatever its directory claims."""

from __future__ import annotations

import random
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from bienho.config.limits import MIB, Limits
from bienho.core.errors import LimitError
from bienho.standards.xml130 import (
    Archive,
    Dossier,
    Unreadable,
    UnreadableDossier,
    archive,
    opened_size,
    read_delivery,
    read_received,
    scan,
)
from bienho.standards.xml130.write import write_assessment, write_delivery
from support.archives import lying, nested, overlapping, zipped
from support.xml130_samples import make_rows, make_tables

LIMITS = Limits()


def envelope(*numbers: int, facility: str = "64001", created: str = "20260103") -> bytes:
    sent = [make_tables("3176", seed=number, ma_lk=f"LK-{number}") for number in numbers]
    return write_delivery(sent, facility=facility, created=created, version="3176")


def opened(data: bytes, limits: Limits = LIMITS) -> Archive:
    scan(data, limits)
    result = read_received(data, limits)
    assert isinstance(result, Archive)
    return result


def test_members_read_as_if_sent_alone_and_are_numbered_through() -> None:
    files = {"b.xml": envelope(3), "a.xml": envelope(1, 2), "C/c.xml": envelope(4)}
    items = list(opened(zipped(files)).dossiers)
    alone = [item for name in sorted(files) for item in read_delivery(files[name]).dossiers]
    assert [item.hoso for item in items] == [1, 2, 3, 4]
    assert [item.ma_lk for item in items] == ["LK-4", "LK-1", "LK-2", "LK-3"]
    assert [one.content for one in items if isinstance(one, Dossier)] == [
        one.content for one in alone if isinstance(one, Dossier)
    ]


def test_the_order_in_the_file_does_not_matter_and_stored_is_as_good_as_deflated() -> None:
    files = {"a.xml": envelope(1), "b.xml": envelope(2)}
    turned = list(reversed(files.items()))
    for data in (zipped(files), zipped(turned), zipped(files, zipfile.ZIP_STORED)):
        assert [item.ma_lk for item in opened(data).dossiers] == ["LK-1", "LK-2"]


def test_what_the_envelopes_say_is_said_of_all_only_when_they_agree() -> None:
    same = opened(zipped({"a": envelope(1), "b": envelope(2, 3)}))
    assert (same.facility, same.created, same.declared_count) == ("64001", "20260103", "3")
    other = opened(zipped({"a": envelope(1), "b": envelope(2, facility="64002", created="20260104")}))
    assert (other.facility, other.created, other.facilities) == (None, None, ("64001", "64002"))
    assert [item.facility for item in other.dossiers] == ["64001", "64002"]
    wrong = opened(zipped({"a": envelope(1), "b": envelope(2).replace(b"<SOLUONGHOSO>1<", b"<SOLUONGHOSO>x<")}))
    assert wrong.declared_count is None
    assert "IN-HOSO-COUNT" in [finding.code for finding in wrong.findings]
    assert all(finding.message.startswith("Tệp thứ 2 trong tệp nén") for finding in wrong.findings)


def test_bare_files_in_a_zip_are_read_with_what_the_door_knows() -> None:
    (minutes,) = make_rows("XML12", "3176", seed=5, ma_lk="X", count=1)
    data = zipped({"a.xml": envelope(1), "b.xml": write_assessment([minutes], version="3176")})
    read = read_received(data, LIMITS, door_facility="64009")
    assert [(item.hoso, item.facility) for item in read.dossiers] == [(1, "64001"), (2, "64009")]


def test_a_bad_member_stays_alone_and_its_name_is_not_told() -> None:
    files = {"a.xml": envelope(1), "Nguyễn Văn A.pdf": b"%PDF-1.7", "c.xml": b"", "d.xml": envelope(2)}
    first, pdf, empty, last = sorted(opened(zipped(files)).dossiers, key=lambda item: item.ma_lk or "LK-1x")
    assert isinstance(first, Dossier)
    assert isinstance(last, Dossier)
    for item in (pdf, empty):
        assert isinstance(item, UnreadableDossier)
        assert item.code == "IN-NOT-XML"
        assert "Nguyễn" not in item.message
        assert "trong tệp nén" in item.message


def test_folders_and_the_litter_of_desktops_are_passed_over() -> None:
    files = {
        "x/": b"",
        "x/a.xml": envelope(1),
        "__MACOSX/x/._a.xml": b"\0\5\x16\7",
        "x/.DS_Store": b"\0",
        "x/Thumbs.db": b"\0",
    }
    assert [item.ma_lk for item in opened(zipped(files)).dossiers] == ["LK-1"]


def test_names_are_never_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    files = {"../../x.xml": envelope(1), "/etc/x.xml": envelope(2), "C:\\x.xml": envelope(3), "a\0b.xml": envelope(4)}
    assert len(list(opened(zipped(files)).dossiers)) == 4
    assert not list(tmp_path.iterdir())


def test_a_damaged_member_stays_alone() -> None:
    data = bytearray(zipped({"a.xml": envelope(1), "b.xml": envelope(2), "c.xml": envelope(3)}, zipfile.ZIP_STORED))
    place = data.find(b"FILEHOSO", data.find(b"b.xml"))
    data[place] ^= 1
    items = list(opened(bytes(data)).dossiers)
    assert [getattr(item, "code", None) for item in items] == [None, "IN-ZIP-MEMBER", None]


def test_an_encrypted_member_and_a_strange_method_stay_alone() -> None:
    data = bytearray(zipped({"a.xml": envelope(1), "b.xml": envelope(2)}))
    entry = data.rfind(b"PK\x01\x02")
    data[entry + 8] |= 1
    data[data.rfind(b"PK\x03\x04") + 6] |= 1
    assert [getattr(item, "code", None) for item in opened(bytes(data)).dossiers] == [None, "IN-ZIP-ENCRYPTED"]
    squeezed = zipped({"a.xml": envelope(1)}, zipfile.ZIP_LZMA)
    assert [getattr(item, "code", None) for item in opened(squeezed).dossiers] == ["IN-ZIP-MEMBER"]


@pytest.mark.parametrize("claimed", [0, 10, 10_000_000])
def test_a_size_that_the_directory_invents_does_not_count(claimed: int) -> None:
    (item,) = opened(lying(envelope(1), claimed)).dossiers
    assert isinstance(item, Dossier) if claimed > 10 else getattr(item, "code", "") in ("IN-ZIP-MEMBER", "IN-NOT-XML")


BOMBS: list[tuple[str, Callable[[], bytes]]] = [
    ("LIM-ZIP-RATIO", lambda: zipped({"a.xml": bytes(20 * MIB)})),
    ("LIM-ZIP-RATIO", lambda: lying(bytes(20 * MIB), 20 * MIB)),
    ("LIM-ZIP-BYTES", lambda: zipped({name: random.Random(1).randbytes(9 * MIB) for name in "ab"})),
    ("LIM-ZIP-OVERLAP", lambda: overlapping(1000, MIB)),
    ("LIM-ZIP-NESTED", lambda: zipped({"a.xml": envelope(1), "b.zip": zipped({"c.xml": envelope(2)})})),
    ("LIM-ZIP-NESTED", lambda: nested(4, bytes(MIB))),
    ("LIM-ZIP-MEMBERS", lambda: zipped([(f"{number}.xml", b"") for number in range(5_001)])),
    ("LIM-ZIP-MEMBERS", lambda: overlapping(100_000, 10)),
]


@pytest.mark.parametrize(("code", "make"), BOMBS)
def test_what_is_built_to_grow_is_refused_at_the_door_and_by_the_reader(code: str, make: Callable[[], bytes]) -> None:
    data = make()
    for look in (scan, read_received):
        with pytest.raises(LimitError) as caught:
            look(data, Limits(archive_bytes=16 * MIB) if code == "LIM-ZIP-BYTES" else LIMITS)
        assert caught.value.code == code
        assert caught.value.hint
        assert caught.value.who


@pytest.mark.parametrize(
    ("code", "data"),
    [
        ("IN-ZIP", b"PK\x03\x04"),
        ("IN-ZIP", b"PK\x03\x04" + bytes(1000)),
        ("IN-ZIP", zipped({"a.xml": envelope(1)})[:-30]),
        ("IN-ZIP-EMPTY", zipped({})),
        ("IN-ZIP-EMPTY", zipped({"x/": b""})),
    ],
)
def test_a_zip_that_nobody_can_open_is_not_refused_but_unreadable(code: str, data: bytes) -> None:
    scan(data, LIMITS)
    with pytest.raises(Unreadable) as caught:
        read_received(data, LIMITS)
    assert caught.value.code == code


def test_a_zip_may_hold_as_many_hoso_as_a_plain_delivery() -> None:
    data = zipped({"a.xml": envelope(1, 2), "b.xml": envelope(3, 4)})
    limits = Limits(hoso_per_delivery=3)
    with pytest.raises(LimitError, match="LIM-HOSO"):
        scan(data, limits)
    items = list(read_received(data, limits).dossiers)
    assert [getattr(item, "code", None) for item in items] == [None, None, None, "LIM-HOSO"]


def test_a_cut_or_bent_zip_never_raises_anything_else(caplog: pytest.LogCaptureFixture) -> None:
    met: set[str] = set()
    chance = random.Random(130)
    whole = zipped({"a.xml": envelope(1), "b.xml": envelope(2)})
    for _ in range(600):
        data = bytearray(whole)
        for _ in range(chance.randint(1, 4)):
            data[chance.choice((chance.randrange(len(data)), len(data) - 1 - chance.randrange(150)))] = (
                chance.randrange(256)
            )
        cut = bytes(data[: chance.choice((len(data), chance.randrange(4, len(data))))])
        try:
            scan(cut, LIMITS)
            list(read_received(cut, LIMITS).dossiers)
        except (Unreadable, LimitError) as error:
            met.add(error.code)
    assert "IN-ZIP" in met
    assert "IN-READER" not in met
    assert "reader fault" not in caplog.text


def test_every_code_is_explained_in_the_room_readme() -> None:
    readme = Path(archive.__file__).with_name("README.md").read_text(encoding="utf-8")
    for code in {*archive.REASONS, *(code for code, _ in BOMBS)}:
        assert f"| `{code}` |" in readme


@pytest.mark.parametrize("claimed", [0, 10, 2**31])
def test_the_size_once_opened_is_never_less_than_what_comes_out(claimed: int) -> None:
    data = envelope(1)
    bent = lying(data, claimed)
    out = sum(len(one.content) for one in archive.members(bent, LIMITS) if isinstance(one.content, bytes))
    assert out <= opened_size(bent, LIMITS) <= LIMITS.archive_bytes


def test_the_size_once_opened_is_that_of_the_members() -> None:
    files = {"a.xml": envelope(1, 2), "b.xml": envelope(3)}
    assert opened_size(zipped(files), LIMITS) == sum(map(len, files.values())) > len(zipped(files))
    assert opened_size(b"<a/>" + zipped(files), LIMITS) == 4 + len(zipped(files))
    assert opened_size(b"PK\x03\x04 no zip", LIMITS) == 11
