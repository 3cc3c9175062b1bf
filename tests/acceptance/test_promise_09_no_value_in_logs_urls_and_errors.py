"""Promise 9: secrets and patient values never reach logs, URLs or error pages."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from bienho.config import key_path
from bienho.core.text import unaccented
from bienho.pipeline import ask
from support import commands
from support.province import PURPOSE, Province

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
