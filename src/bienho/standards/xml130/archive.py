"""A zip of envelopes, opened in memory under limits: no file is written, no name inside is believed or repeated.

The directory of a zip is written by the sender and may lie. What counts is what comes out: members are inflated piece
by piece and the limits are held on the bytes that appear. Names decide the order only; they may hold a patient's name.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bienho.config.limits import Limits
from bienho.core.errors import InputError, LimitError
from bienho.core.parted import Parted, whole
from bienho.standards.xml130.read_model import Unreadable

MAGIC = b"PK\x03\x04"
EMPTY_MAGIC = b"PK\x05\x06"
_ENTRY_MAGIC = b"PK\x01\x02"
_ENCRYPTED = 0x1
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_PIECE = 1 << 18
_HEADER_BYTES = 30
_JUNK_FOLDERS = ("__MACOSX",)
_JUNK_NAMES = (".DS_Store", "Thumbs.db", "desktop.ini")
SENDER = "cơ sở gửi"
REASONS = {
    "IN-ZIP": "Tệp nén hỏng: không đọc được mục lục của tệp zip.",
    "IN-ZIP-EMPTY": "Tệp nén không có tệp hồ sơ nào.",
    "IN-ZIP-MEMBER": "Tệp nằm trong tệp nén không mở ra được: dữ liệu nén hỏng hoặc nén theo cách kho không đọc.",
    "IN-ZIP-ENCRYPTED": "Tệp nằm trong tệp nén có đặt mật khẩu.",
}
"""Why a zip or one of its members is set aside."""

Tick = Callable[[], None]
"""Called now and then during long work; raises when the caller has no more time."""


class BadMember(InputError):
    """One member cannot be opened; its neighbours can."""

    def __init__(self, code: str) -> None:
        super().__init__(code, REASONS[code], who=SENDER)


@dataclass(frozen=True, slots=True)
class Member:
    """One member, numbered from 1 in the order of names; `content` is its bytes, or why there are none."""

    ordinal: int
    content: bytes | BadMember


def no_tick() -> None:
    """For readers whose result must not depend on a clock."""


def is_archive(data: bytes | Parted) -> bool:
    """Whether the bytes begin as a zip does."""
    return (data if isinstance(data, bytes) else data.text).startswith((MAGIC, EMPTY_MAGIC))


def opened_size(data: bytes | Parted, limits: Limits) -> int:
    """Bytes there will be to read in what was received: of a zip no member becomes more than its directory says."""
    if not is_archive(data):
        return len(data)
    try:
        with _directory(whole(data), limits) as archive:
            said = sum(info.file_size for info in archive.infolist())
    except InputError:
        return len(data)
    return max(len(data), min(said, limits.archive_bytes))


def members(data: bytes, limits: Limits, tick: Tick = no_tick) -> Iterator[Member]:
    """The members of a zip in the byte order of their names; folders and the litter of desktops are passed over.

    Unreadable IN-ZIP or IN-ZIP-EMPTY when there is nothing to read; LimitError LIM-ZIP-… beyond a limit of the whole.
    """
    opened = 0
    with _directory(data, limits) as archive:
        for ordinal, info in enumerate(_wanted(archive.infolist(), limits), 1):
            pieces: list[bytes] = []
            try:
                for piece in _pieces(archive, info):
                    tick()
                    opened += len(piece)
                    _hold(opened, len(data), limits)
                    pieces.append(piece)
                    if len(pieces) == 1 and is_archive(piece):
                        raise LimitError(
                            "LIM-ZIP-NESTED",
                            "Tệp nén chứa tệp nén khác.",
                            hint="Nén thẳng các tệp XML vào một tệp zip rồi gửi lại.",
                            who=SENDER,
                        )
                yield Member(ordinal, b"".join(pieces))
            except BadMember as bad:
                yield Member(ordinal, bad)


def _directory(data: bytes, limits: Limits) -> zipfile.ZipFile:
    """The zip with its directory read; bounded before any entry becomes an object."""
    # every entry carries this mark, so their number is known before memory is spent on them
    if data.count(_ENTRY_MAGIC) > 2 * limits.archive_members + 64:
        raise _too_many(limits)
    try:
        return zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, RuntimeError, ValueError, OverflowError, struct.error, EOFError, OSError):
        raise Unreadable("IN-ZIP", REASONS["IN-ZIP"], who=SENDER) from None


def _wanted(infos: list[zipfile.ZipInfo], limits: Limits) -> list[zipfile.ZipInfo]:
    """Entries to read, in order of name."""
    _refuse_overlap(infos)
    wanted = sorted((info for info in infos if not _is_litter(info)), key=_name)
    if len(wanted) > limits.archive_members:
        raise _too_many(limits, len(wanted))
    if not wanted:
        raise Unreadable("IN-ZIP-EMPTY", REASONS["IN-ZIP-EMPTY"], who=SENDER)
    return wanted


def _name(info: zipfile.ZipInfo) -> bytes:
    return info.filename.encode("utf-8", "surrogatepass")


def _is_litter(info: zipfile.ZipInfo) -> bool:
    parts = info.filename.replace("\\", "/").split("/")
    return info.is_dir() or parts[0] in _JUNK_FOLDERS or parts[-1] in _JUNK_NAMES


def _refuse_overlap(infos: list[zipfile.ZipInfo]) -> None:
    """Members that share bytes are how a small zip becomes an endless one."""
    end = 0
    for info in sorted(infos, key=lambda one: one.header_offset):
        if info.header_offset < end:
            raise LimitError(
                "LIM-ZIP-OVERLAP",
                "Các tệp nằm trong tệp nén chồng lên nhau.",
                hint="Nén lại bằng phần mềm nén thông thường rồi gửi lại.",
                who=SENDER,
            )
        end = info.header_offset + _HEADER_BYTES + info.compress_size


def _pieces(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[bytes]:
    """The bytes of a member as they come out, whatever the directory says of their number."""
    if info.flag_bits & _ENCRYPTED:
        raise BadMember("IN-ZIP-ENCRYPTED")
    if info.compress_type not in _METHODS:
        raise BadMember("IN-ZIP-MEMBER")
    try:
        with archive.open(info) as file:
            while piece := file.read(_PIECE):
                yield piece
    except (zipfile.BadZipFile, ValueError, RuntimeError, zlib.error, EOFError, OSError):
        raise BadMember("IN-ZIP-MEMBER") from None


def _hold(opened: int, size: int, limits: Limits) -> None:
    if opened > limits.archive_bytes:
        raise LimitError(
            "LIM-ZIP-BYTES",
            f"Tệp nén mở ra lớn hơn {dots(limits.archive_bytes)} byte cho phép.",
            hint="Chia thành nhiều tệp nén nhỏ hơn rồi gửi lại.",
            who=SENDER,
        )
    if opened > limits.archive_ratio_from and opened > size * limits.archive_ratio:
        raise LimitError(
            "LIM-ZIP-RATIO",
            f"Tệp nén mở ra lớn hơn {limits.archive_ratio} lần cỡ khi gửi ({dots(size)} byte).",
            hint="Kiểm tra nội dung: hồ sơ thật không nén nhỏ được như vậy. Gửi lại các tệp XML không nén.",
            who=SENDER,
        )


def _too_many(limits: Limits, found: int | None = None) -> LimitError:
    count = f"{dots(found)} tệp" if found else "quá nhiều tệp"
    return LimitError(
        "LIM-ZIP-MEMBERS",
        f"Tệp nén có {count}, cho phép {dots(limits.archive_members)}.",
        hint="Chia thành nhiều tệp nén nhỏ hơn rồi gửi lại.",
        who=SENDER,
    )


def dots(count: int) -> str:
    """A number as it is written in Vietnamese."""
    return f"{count:,}".replace(",", ".")
