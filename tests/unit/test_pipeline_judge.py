"""What a delivery is told when it names another facility than its sender said."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bienho.config import DEFAULT, KeyRing
from bienho.lake import RawHeader
from bienho.pipeline.judge import Judge
from bienho.privacy import Digests
from bienho.sources import ACCOUNT_DOORS
from support.archives import zipped

KEYS = KeyRing("test", bytes(32))


def visit(facility: str) -> str:
    return (
        "<HOSO><FILEHOSO><LOAIHOSO>XML1</LOAIHOSO><NOIDUNGFILE><TONG_HOP><MA_LK>A</MA_LK>"
        f"<MA_CSKCB>{facility}</MA_CSKCB></TONG_HOP></NOIDUNGFILE></FILEHOSO></HOSO>"
    )


def check_in(facility: str) -> str:
    return f"<TRANG_THAI_KCB><MA_LK>{facility}</MA_LK><MA_CSKCB>{facility}</MA_CSKCB></TRANG_THAI_KCB>"


def arrivals(*facilities: str) -> str:
    rows = "".join(map(check_in, facilities))
    return f"<CHI_TIEU_TRANG_THAI_KCB>{rows}</CHI_TIEU_TRANG_THAI_KCB>"


@pytest.mark.parametrize(
    ("file", "told"),
    [
        (f"<GIAMDINHHS><MACSKCB>64001</MACSKCB>{visit('64001')}</GIAMDINHHS>", False),
        (f"<GIAMDINHHS><MACSKCB>64020</MACSKCB>{visit('64020')}</GIAMDINHHS>", True),
        (f"<GIAMDINHHS>{visit('64001')}</GIAMDINHHS>", False),
        (f"<GIAMDINHHS>{visit('64020')}</GIAMDINHHS>", True),
        (arrivals("64001", "64001"), False),
        (arrivals("64001", "64020"), True),
    ],
)
def test_another_facility_is_told_wherever_it_is_named(file: str, told: bool) -> None:
    data = file.encode()
    header = RawHeader(1, "xml130", "test", "", datetime(2026, 1, 3, tzinfo=UTC), "64001", len(data), "")
    judged = Judge(Digests(KEYS), KEYS, DEFAULT).read(header, data)
    assert judged.candidates
    assert ("IN-FACILITY-ASSERTED" in {finding.code for _, finding in judged.findings}) is told


@pytest.mark.parametrize("source", sorted(ACCOUNT_DOORS))
@pytest.mark.parametrize(
    ("file", "kept", "aside"),
    [
        (f"<GIAMDINHHS><MACSKCB>64001</MACSKCB>{visit('64001')}</GIAMDINHHS>", 1, []),
        (f"<GIAMDINHHS><MACSKCB>64020</MACSKCB>{visit('64020')}</GIAMDINHHS>", 0, ["IN-FACILITY-FOREIGN"]),
        (f"<GIAMDINHHS>{visit('64020')}</GIAMDINHHS>", 0, ["IN-FACILITY-FOREIGN"]),
        (f"<GIAMDINHHS>{visit(' 64001 ')}</GIAMDINHHS>", 1, []),
        (arrivals("64001", "64020"), 1, ["IN-FACILITY-FOREIGN"]),
        ("<html>", 0, ["IN-NOT-XML"]),
    ],
)
def test_an_account_cannot_bring_another_facilitys_dossiers_and_all_it_brings_is_its_own_to_see(
    file: str, kept: int, aside: list[str], source: str
) -> None:
    data = zipped({"a.xml": file.encode()}) if source == "drop" and file != "<html>" else file.encode()
    header = RawHeader(1, "xml130", source, "", datetime(2026, 1, 3, tzinfo=UTC), "64001", len(data), "")
    judged = Judge(Digests(KEYS), KEYS, DEFAULT).read(header, data)
    assert len(judged.candidates) == kept
    assert {candidate.dossier.facility.strip() for candidate in judged.candidates} <= {"64001"}
    assert [one.code for one in judged.set_aside] == aside
    assert judged.facility == "64001"
    assert {one.facility for one in judged.set_aside} <= {"64001"}
