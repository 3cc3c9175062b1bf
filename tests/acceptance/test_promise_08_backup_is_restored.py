"""Promise 8: a backup is sealed, refuses tampering and a wrong key, and restores to an equal house."""

from __future__ import annotations

from pathlib import Path

import pytest

from bienho.config import Home, KeyRing, key_path
from bienho.core.errors import BienhoError
from bienho.database import remove_database
from bienho.governance import audit
from bienho.pipeline import open_app, scores
from bienho.pipeline.backup import backup, restore
from bienho.pipeline.rebuild import digest_all
from bienho.pipeline.sealed_stream import SealedReader
from support.province import Province

pytestmark = pytest.mark.database


@pytest.fixture(scope="module")
def copy(province: Province, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("backup") / "bản sao.bienho"
    report = backup(province.app, target)
    assert report.deliveries == province.app.raw.last_seq()
    assert report.tables >= 6
    return target


def test_a_restored_home_is_equal(province: Province, copy: Path, tmp_path: Path) -> None:
    with province.app.writing() as lake:
        scores.refresh(lake)
        expected = digest_all(lake)
    counts = province.app.vault.counts()
    folder = tmp_path / "khôi phục"
    try:
        report = restore(copy, folder)
        assert report.deliveries == province.app.raw.last_seq() - 1  # the frozen weeks are the house's own
        with open_app(folder) as app:
            with app.writing() as lake:
                assert digest_all(lake) == expected
            assert app.vault.counts() == counts
            status = audit.verify(app.database, app.keys, app.home)
            assert status.ok, status.message_vi
            assert status.events > 0
    finally:
        remove_database(Home.open(folder))


def test_a_changed_backup_is_refused(copy: Path, tmp_path: Path) -> None:
    whole = copy.read_bytes()
    for place in (60, len(whole) // 2, len(whole) - 1):
        changed = tmp_path / f"changed-{place}"
        changed.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(BienhoError) as caught:
            restore(changed, tmp_path / f"home-{place}")
        assert caught.value.code in ("INT-SEALED", "IN-BACKUP", "CFG-KEY-MISSING", "CFG-KEY-RING")
    cut = tmp_path / "cut"
    cut.write_bytes(whole[: len(whole) * 2 // 3])
    with pytest.raises(BienhoError):
        restore(cut, tmp_path / "home-cut")


def test_neither_key_nor_clear_text_is_in_it(province: Province, copy: Path) -> None:
    whole = copy.read_bytes()
    master = key_path(province.made.home).read_bytes()
    assert master not in whole
    assert b"GIAMDINHHS" not in whole
    stranger = KeyRing(province.made.home.home_id, bytes(32))
    with copy.open("rb") as file:
        file.readline()
        with pytest.raises(BienhoError, match="INT-SEALED"):
            SealedReader(file, stranger.derive("backup")).read(1)
