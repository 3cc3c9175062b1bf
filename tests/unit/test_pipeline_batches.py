"""How much goes into one batch: what there is to read counts, not what a zip weighed when it was sent."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bienho.config import Limits
from bienho.lake import RawHeader
from bienho.pipeline import check as check_module
from bienho.pipeline import ingest
from bienho.standards.xml130.write import write_delivery
from support.archives import zipped
from support.xml130_samples import make_tables


def envelope(number: int) -> bytes:
    sent = [make_tables("3176", seed=number, ma_lk=f"LK-{number}")]
    return write_delivery(sent, facility="64001", created="20260103", version="3176")


PLAIN = [envelope(number) for number in range(1, 7)]
PACKED = [zipped({"a.xml": data}) for data in PLAIN]
LIMITS = Limits(batch_bytes=2 * max(map(len, PLAIN)))


@dataclass
class Raw:
    """Stands for the store of what was received."""

    contents: list[bytes]

    def scan_parted(self, after: int) -> Any:
        for seq, data in enumerate(self.contents, 1):
            yield RawHeader(seq, "xml130", "test", "", datetime(2026, 1, 3, tzinfo=UTC), None, len(data), ""), data


@dataclass
class Writer:
    """Stands for the writer: notes the batches it is given."""

    limits: Limits
    batches: list[int] = field(default_factory=list)

    @property
    def isolation(self) -> Writer:
        return self

    def last_seq(self) -> int:
        return 0

    def take(self, _writer: Writer, waiting: list[Any]) -> list[Any]:
        self.batches.append(len(waiting))
        return []

    def tidy(self) -> None:
        """There are no files."""


@pytest.mark.parametrize("contents", [PLAIN, PACKED], ids=["plain", "zipped"])
def test_a_batch_holds_as_much_zipped_as_plain(contents: list[bytes]) -> None:
    writer: Any = Writer(LIMITS)
    list(ingest.process_pending(Raw(contents), writer))  # type: ignore[arg-type]
    assert writer.batches == [2, 2, 2]


def test_a_check_holds_as_much_zipped_as_plain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settled: list[int] = []
    settle = check_module.settle

    def noted(batch: Any, heads: Any) -> Any:
        settled.append(len(batch))
        return settle(batch, heads)

    monkeypatch.setattr(check_module, "settle", noted)
    for number, data in enumerate(PACKED):
        (tmp_path / f"{number}.zip").write_bytes(data)
    report = check_module.check([tmp_path], limits=LIMITS)
    assert max(settled) == 2
    assert [Path(file.path).name for file in report.files] == [f"{number}.zip" for number in range(6)]
    assert report.totals.dossiers == 6
