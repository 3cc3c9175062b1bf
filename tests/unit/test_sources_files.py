"""Which files are found below what a person names, and what is said where they cannot be."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bienho.config import Limits
from bienho.core.errors import InputError, LimitError, UsageError
from bienho.sources import find_files, read_file


def test_odd_names_and_odd_things(tmp_path: Path) -> None:
    (tmp_path / "có dấu").mkdir()
    (tmp_path / "có dấu" / "[red] :smile:\n.xml").write_bytes(b"1")
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/bad\xff.xml")).write_bytes(b"22")
    (tmp_path / ".hidden.xml").write_bytes(b"")
    (tmp_path / "truth").mkdir()
    (tmp_path / "truth" / ".bienho-ignore").touch()
    (tmp_path / "truth" / "a.xml").touch()
    os.mkfifo(tmp_path / "pipe.xml")
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "endless.xml").symlink_to("/dev/zero")
    found = list(find_files([tmp_path]))
    assert [(file.given.removeprefix(f"{tmp_path}/"), file.size) for file in found] == [
        ("bad\\xff.xml", 2),
        ("có dấu/[red] :smile:\n.xml", 1),
    ]
    assert all(file.given.encode() and file.path.read_bytes() for file in found)


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("", "USE-PATH-MISSING"),
        ("/nowhere/at/all", "USE-PATH-MISSING"),
        ("y" * 5000, "USE-PATH-MISSING"),
        ("a\0b", "USE-PATH-MISSING"),
        ("/dev/null", "USE-PATH-KIND"),
    ],
)
def test_a_path_that_gives_nothing_is_named(path: str, code: str) -> None:
    with pytest.raises(UsageError) as caught:
        list(find_files([path]))
    assert caught.value.code == code


def test_a_folder_that_may_not_be_read_is_not_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "closed").mkdir()
    looked = os.scandir

    def refusing(path: str) -> object:
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", path)
        return looked(path)

    monkeypatch.setattr(os, "scandir", refusing)
    with pytest.raises(UsageError, match="USE-PATH-CLOSED"):
        list(find_files([tmp_path]))


def test_a_folder_that_may_be_listed_and_not_entered_is_not_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.xml").touch()
    looked = Path.stat

    def refusing(path: Path, *, follow_symlinks: bool = True) -> os.stat_result:
        if path.name == "a.xml":
            raise PermissionError(13, "Permission denied", str(path))
        return looked(path, follow_symlinks=follow_symlinks)

    monkeypatch.setattr(Path, "stat", refusing)
    with pytest.raises(UsageError, match="USE-PATH-CLOSED"):
        list(find_files([tmp_path]))


@pytest.mark.parametrize("told", [0, 3, 10, 40])
def test_a_file_that_is_not_as_long_as_it_was_is_read_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: int
) -> None:
    path = tmp_path / "a.xml"
    path.write_bytes(b"0123456789" * 2)
    stat = os.stat_result((0o100600, 0, 0, 1, 0, 0, told, 0, 0, 0))
    monkeypatch.setattr(os, "fstat", lambda _descriptor: stat)
    assert read_file(path, Limits(delivery_bytes=40)) == path.read_bytes()
    with pytest.raises(LimitError, match="LIM-DELIVERY-BYTES"):
        read_file(path, Limits(delivery_bytes=19))
    with pytest.raises(InputError, match="IN-FILE-UNREADABLE"):
        read_file(tmp_path, Limits())
