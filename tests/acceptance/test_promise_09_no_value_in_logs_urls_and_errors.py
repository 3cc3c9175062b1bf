"""Promise 9: secrets and patient values never reach logs, URLs or error pages."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bienho.config import key_path
from bienho.core.text import unaccented
from bienho.database import places
from bienho.pipeline import ask, open_app
from bienho.pipeline.ingest import ingest
from bienho.standards.xml130.write import write_delivery
from support import commands
from support.homes import temporary_home
from support.leaks import Searcher
from support.province import PURPOSE, Province
from support.xml130_samples import make_tables

pytestmark = pytest.mark.database


def test_error_messages_and_log_records_hold_no_value(province: Province, caplog: pytest.LogCaptureFixture) -> None:
    name = province.truth("people")[0]["name"]
    with caplog.at_level(logging.DEBUG), pytest.raises(Exception) as caught:
        ask.query(
            province.app, PURPOSE, f"SELECT CAST('{name}' AS INTEGER) FROM standard.delivery", at=None,
            with_identifiers=False,
        )  # fmt: skip
    spoken = str(caught.value) + "".join(record.getMessage() for record in caplog.records)
    assert name not in spoken
    assert unaccented(name).lower() not in unaccented(spoken).lower()


def test_the_command_line_fails_without_saying_what_was_asked(province: Province, tmp_path: Path) -> None:
    """Errors, tracebacks and JSON of failing commands hold neither the value asked for nor any key."""
    person = province.truth("people")[0]
    hostile = tmp_path / "gửi.xml"
    hostile.write_text(f"<GIAMDINHHS><HO_TEN>{person['name']}</HO_TEN>", encoding="utf-8")
    secret = key_path(province.made.home).read_bytes().hex()
    for arguments, exit_code in (
        (("sql", f"SELECT '{person['name']}'::INTEGER FROM standard.delivery"), 2),
        (("dossier", "64001", person["personal_id"]), 3),
        (("ingest", str(hostile)), 0),
        (("quarantine", "list"), 0),
        (("findings",), 0),
    ):
        done = commands.run(province.made.environment, *arguments, "--json")
        spoken = done.stdout + done.stderr
        assert done.returncode == exit_code, f"{arguments[0]} came to another end"
        assert json.loads(done.stdout)
        assert person["name"] not in spoken
        assert person["personal_id"] not in spoken
        assert secret not in spoken


PLANTED = {
    "HO_TEN": "ĐOÀN THỊ TRỒNG SỔ",
    "SO_CCCD": "052190779977",
    "DIEN_THOAI": "0905779977",
    "MA_THE_BHYT": "DN4520977997799",
    "DIA_CHI": "Thôn Nhật Ký Chép Lại",
}


def test_planted_people_are_in_no_log_of_a_delivery_a_reader_and_an_operator(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """One delivery, its dossier opened with names, commands that fail on it; every logger at DEBUG into one file."""
    tables = make_tables("3176", lines=1, ma_lk="LK-TRONG-77")
    for row in tables["XML1"]:
        row |= {name: text for name, text in PLANTED.items() if name in row}
    file = tmp_path / "gửi.xml"
    file.write_bytes(write_delivery([tables], facility="64001", created="20260103", version="3176"))
    log = tmp_path / "debug.log"
    searcher = Searcher({*PLANTED.values(), "LK-TRONG-77"}, tmp_path)
    sql = f"SELECT '{PLANTED['HO_TEN']}'::INTEGER AS \"{PLANTED['SO_CCCD']}\" FROM standard.delivery"
    with temporary_home("nhà sổ", ready=True) as made, everything_logged(log), open_app(made.home.path) as app:
        assert ingest(app, [file]).dossiers == 1
        asked = "SELECT HO_TEN FROM standard.xml130_1"
        opened = ask.query(app, "tra-cuu-ho-so", asked, at=None, with_identifiers=True).to_pylist()
        assert opened == [{"HO_TEN": PLANTED["HO_TEN"]}], "nothing was planted"
        with pytest.raises(Exception):  # noqa: B017 - which error it is does not matter here
            ask.query(app, PURPOSE, sql, at=None, with_identifiers=False)
        spoken = [
            commands.run(made.environment, *one) for one in (("sql", sql), ("findings",), ("dossier", "64001", "X"))
        ]
        logging.getLogger("bienho.test").debug("a line of our own")
        place = places.locate(made.home, create=False)
        assert place is not None
        (tmp_path / "spoken.txt").write_text(
            "".join(one.stdout + one.stderr for one in spoken) + "".join(capfd.readouterr()), encoding="utf-8"
        )
        assert "a line of our own" in log.read_text(encoding="utf-8")
        assert searcher.search(log, tmp_path / "spoken.txt", made.home.log_dir, place.log.parent) == []
    log.write_text(f"who: {PLANTED['SO_CCCD']}", encoding="utf-8")
    assert searcher.search(log), "the search finds nothing that is there"


@contextmanager
def everything_logged(path: Path) -> Iterator[None]:
    """Every logger there is, at the lowest level, those of libraries too."""
    handler, root = logging.FileHandler(path, encoding="utf-8"), logging.getLogger()
    before = root.level
    names = [name for name in logging.root.manager.loggerDict if isinstance(logging.getLogger(name), logging.Logger)]
    levels = {name: logging.getLogger(name).level for name in names}
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    for name in names:
        logging.getLogger(name).setLevel(logging.DEBUG)
    try:
        yield
    finally:
        root.removeHandler(handler)
        root.setLevel(before)
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
        handler.close()
