"""Dossiers of pairs of patients about whom the index of persons is in doubt. All people are made up."""

from __future__ import annotations

import base64
import re
from pathlib import Path

from bench.faults.history import envelope, hoso
from bienho.pipeline import App, jobs
from bienho.pipeline.ingest import ingest

DAY = ("I10", "20260105", False)
FACILITIES = ("64001", "64020")
NAMES = (
    ("Nguyễn Thị Hồng Vân", "2"), ("Trần Quốc Bảo", "1"), ("Lê Thị Mỹ Duyên", "2"), ("Phạm Đức Thịnh", "1"),
    ("Đinh Văn Phước", "1"), ("Siu Y Bluk", "1"), ("Võ Minh Khôi", "1"), ("Đặng Thu Hà", "2"),
    ("Bùi Thị Ngọc Ánh", "2"), ("Hồ Sỹ Hùng", "1"), ("Ksor H'Lan", "2"), ("Rơ Châm H'Nhung", "2"),
)  # fmt: skip


def dossier(facility: str, visit: str, name: str, said: dict[str, str]) -> bytes:
    """A delivery of one visit of a patient of that name; `said`: further fields of XML1."""
    more = "".join(f"<{field}>{text}</{field}>" for field, text in said.items())
    return envelope(facility, [_named(hoso(visit, facility, DAY, more), name)])


def _named(part: str, name: str) -> str:
    """`hoso` calls everybody alike."""
    packed = re.search(r"<NOIDUNGFILE>(.*?)</NOIDUNGFILE>", part)
    assert packed
    text = base64.b64decode(packed[1]).decode().replace("Nguyễn Văn A", name)
    return part.replace(packed[1], base64.b64encode(text.encode()).decode())


def pair(place: int, *, two_numbers: bool = False) -> list[bytes]:
    """One name at two facilities, of which one knows the year of birth only and no commune; or all alike with two valid
    personal numbers (`two_numbers`)."""
    year, commune = 1950 + 3 * place, f"2372{place % 9}"
    name, sex = NAMES[place % len(NAMES)]
    shared = {"GIOI_TINH": sex, "MAXA_CU_TRU": commune, "MATINH_CU_TRU": "52", "MA_DANTOC": "01"}
    one = shared | {"NGAY_SINH": f"{year}0311"}
    other = shared | {"NGAY_SINH": f"{year}0000", "MAXA_CU_TRU": ""}
    if two_numbers:
        century = {"1": "0", "2": "1"}[sex]
        phone = f"09051234{place:02d}"
        one |= {"SO_CCCD": f"064{century}{year % 100:02d}0123{place:02d}", "DIEN_THOAI": phone}
        other = one | {"SO_CCCD": f"064{century}{year % 100:02d}9876{place:02d}"}
    return [dossier(FACILITIES[n], f"P{place}{n}", name, said) for n, said in enumerate((one, other))]


def fill(app: App, folder: Path, plain: int, risky: int) -> None:
    """Take the pairs in and let the index follow."""
    paths = []
    for place in range(plain + risky):
        for number, data in enumerate(pair(place, two_numbers=place >= plain)):
            path = folder / f"doubt-{place}-{number}.xml"
            path.write_bytes(data)
            paths.append(path)
    ingest(app, paths)
    jobs.run(app, "link")
