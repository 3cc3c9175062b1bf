"""Signatures from receipt to verdict: apart from ingest, bounded, the same after a rebuild, never a reject."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bienho.config import DEFAULT
from bienho.pipeline import App, ask, jobs, open_app, signatures
from bienho.pipeline.ingest import ingest
from bienho.pipeline.rebuild import rebuild
from bienho.pipeline.signature_process import SignatureProcess, Undecided
from bienho.standards.xml130.write import write_delivery
from bienho.terminology import OPEN_START, TRUST_ANCHORS
from support.homes import temporary_home
from support.signing import HOSPITAL, Signer, hospital, root, sign
from support.xml130_samples import make_tables

pytestmark = pytest.mark.database
NOW = datetime.now(UTC)


def signer(authority: str = "CA gốc thử") -> Signer:
    """One whose certificate is good today: receipts are given by the clock."""
    return hospital("ec", authority, intermediate=False, start=NOW - timedelta(days=9), end=NOW + timedelta(days=9))


def trusted(authority: str = "CA gốc thử") -> bytes:
    return root(authority).pem


@pytest.fixture(scope="module")
def app() -> Iterator[App]:
    """One house for all: nobody's certificates are accepted in it until a test has them imported."""
    with temporary_home(ready=True) as made, open_app(made.home.path) as app:
        yield app


def files(folder: Path) -> list[Path]:
    """One unsigned file, one signed, one changed after signing, one that is no envelope."""
    folder.mkdir(parents=True)
    texts = [
        write_delivery([make_tables(ma_lk=f"LK-{n}")], facility="64001", created="20260301", version="3176")
        for n in range(3)
    ]
    signed = [sign(text, signer()) for text in texts[1:]]
    contents = [texts[0], signed[0], signed[1].replace(b"<NGAYLAP>20260301", b"<NGAYLAP>20260302"), b"%PDF-1.7"]
    paths = []
    for number, content in enumerate(contents):
        paths.append(folder / f"{number}.xml")
        paths[-1].write_bytes(content)
    return paths


def import_anchors(app: App, folder: Path, pem: bytes, start: Any = OPEN_START) -> None:
    path = folder / "anchors.pem"
    path.write_bytes(pem)
    jobs.import_codes(app, TRUST_ANCHORS, path, "thử", start)


def rows(app: App, sql: str) -> list[tuple[Any, ...]]:
    with app.writing() as lake:
        return lake.connection.execute(sql).fetchall()


def statuses(app: App, after: int = 0) -> list[str]:
    """Verdicts on what came after a receipt, in order of receipt."""
    held = "SELECT status FROM lake.quality.signature WHERE delivery_seq > {} ORDER BY delivery_seq, member"
    return [status for (status,) in rows(app, held.format(after))]


def taken_in(app: App, paths: list[Path]) -> int:
    """Take files in; the receipt before theirs."""
    last = app.raw.last_seq()
    ingest(app, paths, compute=False)
    return last


def sig_findings(app: App) -> int:
    ((count,),) = rows(app, "SELECT count(*) FROM lake.quality.finding WHERE starts_with(code, 'SIG-')")
    return int(count)


def test_the_job_gives_findings_and_changes_no_outcome(app: App, tmp_path: Path) -> None:
    ingest(app, files(tmp_path / "in"), compute=False)
    before = rows(app, "SELECT delivery_seq, outcome, reason FROM lake.standard.delivery ORDER BY ALL")
    assert statuses(app) == [], "taking in waits for no signature"
    report = jobs.run(app, "signatures")
    assert (report["judged"], report["undecided"]) == (4, 0)
    assert statuses(app) == ["absent", "signer_not_evaluable", "invalid_digest", "no_envelope"]
    assert rows(app, "SELECT delivery_seq, outcome, reason FROM lake.standard.delivery ORDER BY ALL") == before
    found = ask.findings(app, "van-hanh")
    told = [(f["delivery"][-1], f["code"], f["severity"], f["owner"]) for f in found if f["code"].startswith("SIG-")]
    assert sorted(told) == [
        ("1", "SIG-ABSENT", "warning", "facility"),
        ("2", "SIG-NO-ANCHORS", "info", "so-y-te"),
        ("3", "SIG-DIGEST", "error", "facility"),
    ]
    assert rows(app, "SELECT signer, code FROM lake.quality.signature WHERE delivery_seq = 2") == [
        (HOSPITAL, "SIG-NO-ANCHORS")
    ]
    assert jobs.run(app, "signatures")["judged"] == 0, "what is judged stays judged"


DYING = "import socket; socket.socket(fileno=0).recv(8)"
HANGING = "import time; time.sleep(600)"


def test_a_process_that_dies_or_hangs_leaves_no_verdict_and_is_asked_again(app: App, tmp_path: Path) -> None:
    last, before = taken_in(app, files(tmp_path / "in")[1:3]), sig_findings(app)
    for program in (DYING, HANGING):
        app.limits = replace(DEFAULT, signature_seconds=1)
        report = signatures.bring_up_to_date(app, (sys.executable, "-S", "-c", program))
        assert (report.judged, len(report.undecided)) == (0, 2)
        assert (statuses(app, last), sig_findings(app)) == ([], before)
    app.limits = DEFAULT
    assert jobs.run(app, "signatures")["judged"] == 2


def test_the_process_is_confined_and_knows_no_secret() -> None:
    envelope = write_delivery([make_tables()], facility="64001", created="20260301", version="3176")
    os.environ["BIENHO_KEY_FILE"] = "/nowhere/secret"
    try:
        with SignatureProcess(DEFAULT) as process:
            process.judge(envelope, NOW, ())
            assert process._process is not None
            place = Path(f"/proc/{process._process.pid}")
            if not place.exists():
                pytest.skip("no /proc to look into")
            limits = {line[:25].strip(): line[26:46].strip() for line in (place / "limits").read_text().splitlines()}
            assert limits["Max address space"].isdigit()
            held = int(re.search(r"^VmSize:\s+(\d+) kB", (place / "status").read_text(), re.MULTILINE)[1]) * 1024
            assert int(limits["Max address space"]) <= held + DEFAULT.signature_memory
            assert limits["Max cpu time"].isdigit()
            assert (limits["Max file size"], limits["Max core file size"]) == ("0", "0")
            assert b"BIENHO" not in (place / "environ").read_bytes()
            mapped = (place / "maps").read_text()
            assert not [name for name in ("pyarrow", "psycopg", "duckdb", "numpy") if name in mapped]
            assert "lxml" in mapped, "or this would prove nothing"
    finally:
        del os.environ["BIENHO_KEY_FILE"]


def test_memory_beyond_the_bound_is_undecided_and_not_malformed() -> None:
    envelope = write_delivery([make_tables()], facility="64001", created="20260301", version="3176")
    large = sign(envelope, signer()).replace(b"<HOSO>", b"<HOSO>" + b"<A>1</A>" * 400_000, 1)
    with SignatureProcess(DEFAULT) as process:
        assert process.judge(large, NOW, ())[0]["status"] == "invalid_digest"
    with SignatureProcess(replace(DEFAULT, signature_memory=8 << 20)) as process, pytest.raises(Undecided):
        process.judge(large, NOW, ())


def test_judging_does_not_hold_the_writer_lock(app: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = files(tmp_path / "in")
    taken_in(app, paths[1:2])
    real = SignatureProcess.judge

    def meanwhile(self: SignatureProcess, *asked: Any) -> Any:
        monkeypatch.setattr(SignatureProcess, "judge", real)
        taken_in(app, paths[2:3])
        return real(self, *asked)

    monkeypatch.setattr(SignatureProcess, "judge", meanwhile)
    assert jobs.run(app, "signatures")["judged"] == 2


def test_anchors_count_on_the_day_of_receipt_and_a_later_list_replaces_the_one_before(app: App, tmp_path: Path) -> None:
    today = (NOW + timedelta(hours=7)).date()
    last = taken_in(app, files(tmp_path / "in")[1:2])
    import_anchors(app, tmp_path, trusted(), today + timedelta(days=2))
    assert statuses(app, last) == ["signer_not_evaluable"], "they are not accepted yet"
    import_anchors(app, tmp_path, trusted("CA khác"))
    assert statuses(app, last) == ["untrusted_signer"]


def test_the_order_of_job_and_anchors_makes_no_difference(app: App, tmp_path: Path) -> None:
    """A rebuild knows the anchors from the beginning; here they came between two deliveries, after a first verdict."""
    paths = files(tmp_path / "in")
    last = taken_in(app, paths[:2])
    jobs.run(app, "signatures")
    assert statuses(app, last) == ["absent", "untrusted_signer"]
    import_anchors(app, tmp_path, trusted() + trusted("CA khác"))
    taken_in(app, paths[2:])
    jobs.bring_up_to_date(app)
    assert statuses(app, last) == ["absent", "valid", "invalid_digest", "no_envelope"]
    assert rows(app, "SELECT DISTINCT code FROM lake.quality.finding WHERE starts_with(code, 'SIG-') ORDER BY 1") == [
        ("SIG-ABSENT",), ("SIG-DIGEST",)
    ]  # fmt: skip
    assert rebuild(app, compare=True).different == []
