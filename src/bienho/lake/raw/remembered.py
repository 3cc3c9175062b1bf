"""What was just appended, for a scan of the same process that follows."""

from __future__ import annotations

from dataclasses import dataclass, field

from bienho.core.parted import Parted
from bienho.lake.raw import frame
from bienho.lake.raw.frame import RawHeader, RawItem, Receipt


@dataclass(slots=True)
class Remembered:
    """Sequence → checksum of its frame, header and bytes (taken apart where they were kept so); kept only while `on`,
    and each until it is taken.

    A frame on disk that has the checksum it was written with is the frame that was written, so its bytes need not be
    opened to be known. The nonce of a frame is drawn anew: no two frames, not even of the same bytes, are alike.
    """

    on: bool = False
    _kept: dict[int, tuple[bytes, RawHeader, bytes | Parted]] = field(default_factory=dict)

    def note(self, check: bytes, item: RawItem, receipt: Receipt, parted: Parted | None) -> None:
        """Keep what was written under a sequence; not what was read from a file in pieces."""
        if self.on and isinstance(item.data, bytes):
            header = frame.header_of(item, receipt.seq, receipt.size, receipt.sha256)
            self._kept[receipt.seq] = check, header, item.data if parted is None else parted

    def take(self, seq: int, check: bytes) -> tuple[RawHeader, bytes | Parted] | None:
        """What the frame with this checksum holds, once; None when that is not known."""
        kept = self._kept.pop(seq, None)
        return (kept[1], kept[2]) if kept is not None and kept[0] == check else None

    def clear(self) -> None:
        """Forget everything."""
        self._kept.clear()
