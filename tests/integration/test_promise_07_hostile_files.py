"""Promise 7: a hostile file harms neither the house nor its neighbours, taken in through the whole house.

Every hostile file stands between two good ones. The good ones must come out as if they had been sent alone; every
hostile one must be kept and quarantined, or refused by a limit, with a reason; nothing it names may be opened.
"""

from __future__ import annotations

import base64
import random
import resource
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bienho.config import Limits
from bienho.pipeline import App, open_app, setup
from bienho.pipeline.ingest import ingest
from bienho.standards.xml130.write import write_delivery
from support.homes import temporary_home
from support.province import whole_lake
from support.xml130_samples import make_tables

pytestmark = pytest.mark.database
CANARY = "CANARY-7f3a91-of-the-host"
MIB = 1024 * 1024
LIMITS = Limits(delivery_bytes=2 * MIB)
GROWTH_MAX_MIB = 400


def good(number: int) -> bytes:
    tables = make_tables("3176", seed=number, ma_lk=f"GOOD-{number}")
    return write_delivery([tables], facility="64001", created="20260103", version="3176")


def around(head: str, inside: str) -> bytes:
    """An envelope with a prologue of the attacker's and one sub-file."""
    return (
        f'<?xml version="1.0"?>{head}<GIAMDINHHS><THONGTINDONVI><MACSKCB>64001</MACSKCB></THONGTINDONVI><THONGTINHOSO>'
        "<NGAYLAP>20260103</NGAYLAP><SOLUONGHOSO>1</SOLUONGHOSO><DANHSACHHOSO><HOSO><FILEHOSO><LOAIHOSO>XML1</LOAIHOSO>"
        f"<NOIDUNGFILE>{inside}</NOIDUNGFILE></FILEHOSO></HOSO></DANHSACHHOSO></THONGTINHOSO></GIAMDINHHS>"
    ).encode()


def packed(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def hostile(folder: Path) -> dict[str, bytes]:
    """Name → bytes of every attack; `folder` holds the file that an attack tries to read."""
    secret = folder / "secret.txt"
    secret.write_text(CANARY, encoding="utf-8")
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    bomb = f'<!DOCTYPE x [<!ENTITY l0 "ha">{laughs}]>'
    outside = f'<!DOCTYPE x [<!ENTITY e SYSTEM "{secret.as_uri()}">]>'
    remote = '<!DOCTYPE x SYSTEM "http://127.0.0.1:9/evil.dtd">'
    row = "<TONG_HOP><MA_LK>{}</MA_LK><MA_BN>B</MA_BN></TONG_HOP>"
    chance = random.Random(9)
    return {
        "laughs": around(bomb, "&l9;"),
        "laughs-inside": around("", packed(f"{bomb}{row.format('&l9;')}")),
        "file": around(outside, row.format("&e;")),
        "file-inside": around("", packed(f"{outside}{row.format('&e;')}")),
        "remote": around(remote, packed(row.format("A"))),
        "include": around(
            "", f'<x xmlns:i="http://www.w3.org/2001/XInclude"><i:include href="{secret.as_uri()}"/></x>'
        ),
        "deep": around("", packed("<A>" * 100_000 + "</A>" * 100_000)),
        "deep-envelope": b"<GIAMDINHHS>" * 50_000,
        "truncated": good(900)[: len(good(900)) // 2],
        "noise": chance.randbytes(50_000),
        "nothing": b"",
        "zeros": bytes(100_000),
        "not-base64": around("", "!!!! not base64 !!!!"),
        "utf16-lie": b'<?xml version="1.0" encoding="UTF-16"?><A/>',
        "wide": around("", packed("<TONG_HOP>" + "<X/>" * 200_000 + "</TONG_HOP>")),
        "long-name": around("", packed(f"<{'A' * 500_000}/>")),
        "sql": around("", packed(row.format("'); DROP TABLE lake.standard.xml130_1; --"))),
        "too-large": b"<A>" + b" " * (3 * MIB) + b"</A>",
    }


@pytest.fixture(scope="module")
def app() -> Iterator[App]:
    with temporary_home("nhà bị tấn công") as made, open_app(made.home.path, limits=LIMITS) as opened:
        setup.first_run(opened)
        yield opened


def high_water_mib() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used / MIB if sys.platform == "darwin" else used / 1024


def test_good_neighbours_come_through_and_every_attack_is_named(app: App, tmp_path: Path) -> None:
    attacks = hostile(tmp_path)
    files = tmp_path / "files"
    files.mkdir()
    for number, (name, data) in enumerate(attacks.items()):
        (files / f"{number:03d}a-good.xml").write_bytes(good(number))
        (files / f"{number:03d}b-{name}.xml").write_bytes(data)
    before = high_water_mib()
    report = ingest(app, [files])
    assert high_water_mib() - before < GROWTH_MAX_MIB

    outcomes = {Path(one.path).stem[5:]: one for one in report.deliveries}
    healthy = [one for one in report.deliveries if one.path.endswith("-good.xml")]
    assert len(healthy) == len(attacks)
    assert {one.outcome for one in healthy} <= {"accepted", "accepted_with_findings"}
    # The quoted statement is an ordinary, if odd, text in an ordinary dossier.
    harmful = attacks.keys() - {"sql"}
    assert {name: outcomes[name].outcome for name in harmful if outcomes[name].outcome.startswith("accepted")} == {}
    assert outcomes["too-large"].outcome == "refused"
    assert [name for name in harmful if not outcomes[name].reason] == []


def test_neighbours_are_stored_as_if_sent_alone(app: App, tmp_path: Path) -> None:
    """Sent once more without the attacks, each good file is found to be there already, content for content."""
    count = len(hostile(tmp_path))
    alone = tmp_path / "alone"
    alone.mkdir()
    for number in range(count):
        (alone / f"{number}.xml").write_bytes(good(number))
    report = ingest(app, [alone], compute=False)
    assert (report.dossiers, report.duplicates) == (count, count)


def test_nothing_an_attack_names_was_opened(app: App) -> None:
    for name, table in whole_lake(app).items():
        assert CANARY not in str(table.to_pylist()), name
    logs = [path for path in app.home.log_dir.rglob("*") if path.is_file()]
    assert not [path for path in logs if CANARY.encode() in path.read_bytes()]


def test_what_was_received_is_still_there_to_the_byte(app: App, tmp_path: Path) -> None:
    kept = {data for _, data in app.raw.scan()}
    sent = {
        name: data
        for name, data in hostile(tmp_path).items()
        if name not in ("too-large", "nothing", "file", "file-inside", "include")
    }
    assert [name for name, data in sent.items() if data not in kept] == []
