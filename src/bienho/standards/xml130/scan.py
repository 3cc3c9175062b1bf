"""What can be told of a delivery at the door, before it is kept: is it within the limits of a delivery?

Kept cheap, for every honest file pays for it. A few windows of the file are looked at; only where one of them is unlike
any dossier file is the whole walked through. What is built to dodge the windows meets the same limits in the reader,
after the receipt, and is set aside there instead of being refused. The reader does not lean on this scan.
"""

from __future__ import annotations

import binascii
import re

from bienho.config.limits import Limits
from bienho.core.errors import InputError, LimitError
from bienho.standards.xml130.archive import SENDER, Tick, dots, is_archive, members, no_tick
from bienho.standards.xml130.read_bytes import unpacked
from bienho.standards.xml130.read_codes import log_fault

_STRIDE = 1 << 15
_WINDOW = 256
_UNLIKE = 12
"""Tags opened and not closed within one window; envelope and sub-files together are not that deep."""
_SIMPLE = re.compile(rb"(?:<\?[^?]*+\?>[^<]*+)++|(?:<!--[^-]*+-->[^<]*+)++")
"""Comments or instructions with nothing but text between them: thousands are passed at once."""
_TAG = re.compile(rb"<(?=[/!?:_A-Za-z\x80-\xff])")
"""What begins a tag, or something that hides tags; any other `<` is text that no parser takes."""
_HOSO = re.compile(rb"<(?:[\w.-]+:)?HOSO[\s>/]", re.IGNORECASE)
_FACILITY = re.compile(rb"<MACSKCB>\s*([A-Z0-9]{5})\s*</MACSKCB>")
_HOSO_OPENS = b"<HOSO>"
_PACKED = re.compile(rb"<LOAIHOSO>\s*XML1\s*</LOAIHOSO>\s*<NOIDUNGFILE>\s*([A-Za-z0-9+/]{64,1024})")
_VISIT = re.compile(rb"<MA_LK>\s*(?:<!\[CDATA\[)?\s*([^<>\]\s][^<>\]]{0,199}?)\s*(?:\]\]>)?\s*</MA_LK>")
_HEAD = 4096
_TICK = 1 << 14


def scan(data: bytes, limits: Limits, tick: Tick = no_tick) -> None:
    """Look at a delivery, plain or zipped. LimitError beyond a limit of a delivery; anything else is for the reader.

    LIM-DELIVERY-BYTES, LIM-OUTER-TEXT, LIM-DEPTH, LIM-HOSO; LIM-ZIP-MEMBERS, -BYTES, -RATIO, -NESTED, -OVERLAP. Of the
    members of a zip only the number of HOSO is judged here: a bad member is set aside by the reader, alone.
    """
    if len(data) > limits.delivery_bytes:
        text = f"Tệp có {dots(len(data))} byte; cho phép {dots(limits.delivery_bytes)}."
        raise LimitError("LIM-DELIVERY-BYTES", text, hint=_SPLIT, who=SENDER)
    try:
        if is_archive(data):
            _look_inside(data, limits, tick)
        else:
            _look(unpacked(data), limits, tick)
    except LimitError:
        raise
    except InputError:
        # a zip that cannot be opened is kept and set aside like any other file nobody can read
        return
    except Exception as error:
        log_fault(error)


_SPLIT = "Chia thành nhiều tệp nhỏ hơn rồi gửi lại."


def _look(data: bytes, limits: Limits, tick: Tick) -> None:
    if b"\0" in data[:64]:
        # UTF-16, or no text at all: for the reader
        return
    if (run := _long_run(data, limits.outer_text_bytes)) is not None:
        raise LimitError(
            "LIM-OUTER-TEXT",
            f"Tệp có {dots(run)} byte chữ liền nhau trong một thẻ; cho phép {dots(limits.outer_text_bytes)}.",
            hint="Kiểm tra phần mềm xuất: một thẻ chứa đoạn chữ lớn bất thường.",
            who=SENDER,
        )
    if _strange(data) and _deeper(data, limits.depth, tick):
        raise LimitError(
            "LIM-DEPTH",
            f"Thẻ của phong bì lồng nhau quá {limits.depth} tầng cho phép.",
            hint="Kiểm tra phần mềm xuất: thẻ XML của phong bì lồng nhau quá sâu.",
            who=SENDER,
        )
    if _crowded(data, limits.hoso_per_delivery):
        _judge_count(_count(data, tick), limits)


def _look_inside(data: bytes, limits: Limits, tick: Tick) -> None:
    count = 0
    for member in members(data, limits, tick):
        if isinstance(member.content, bytes):
            count += _count(member.content, tick)
            _judge_count(count, limits)


def _judge_count(count: int, limits: Limits) -> None:
    if count > limits.hoso_per_delivery:
        text = f"Tệp có {dots(count)} hồ sơ; cho phép {dots(limits.hoso_per_delivery)}."
        raise LimitError("LIM-HOSO", text, hint=_SPLIT, who=SENDER)


def claimed_facility(data: bytes) -> str | None:
    """The first MACSKCB near the beginning, if it has the form of one: a claim of the file, not a proof."""
    match = _FACILITY.search(data, 0, _HEAD)
    return match[1].decode() if match else None


def claimed_visits(data: bytes, most: int) -> tuple[bytes, ...]:
    """MA_LK of each HOSO, or `bare:` and that of the one document without an envelope, where they are plainly told.

    Empty when one of them is not: another dress than the guides', more than `most`, a zip. Like `claimed_facility` a
    claim of the file, of which only the first bytes of every XML1 are unpacked.
    """
    if is_archive(data):
        return ()
    count = data.count(_HOSO_OPENS, 0, len(data))
    if not count:
        found = _VISIT.search(data, 0, _HEAD)
        return (b"bare:" + found[1],) if found else ()
    if count > most:
        return ()
    visits = [_visit_of(packed[1]) for packed in _PACKED.finditer(data)]
    return tuple(visit for visit in visits if visit) if len(visits) == count and all(visits) else ()


def _visit_of(packed: bytes) -> bytes | None:
    try:
        found = _VISIT.search(binascii.a2b_base64(packed[: len(packed) // 4 * 4]))
    except binascii.Error:
        return None
    return found[1] if found else None


def _long_run(data: bytes, limit: int) -> int | None:
    """Length of a run of bytes without a tag that is longer than the limit, if there is one.

    A longer run covers one of the places that lie a limit apart; looking left and right of those is exact.
    """
    for place in range(limit, len(data), limit):
        end = data.find(b"<", place)
        run = (len(data) if end < 0 else end) - (data.rfind(b"<", 0, place) + 1)
        if run > limit:
            return run
    return None


def _windows(size: int) -> range:
    step = min(_STRIDE, max(size // 2, 1))
    return range(step // 2, size, step)


def _strange(data: bytes) -> bool:
    """Whether some window opens, or closes, far more tags than it closes, or opens."""
    for start in _windows(len(data)):
        opened = data.count(b"<", start, start + _WINDOW)
        if opened < _UNLIKE:
            continue
        window = data[start : start + _WINDOW]
        if abs(opened - 2 * window.count(b"</") - window.count(b"/>")) >= _UNLIKE:
            return True
    return False


def _crowded(data: bytes, limit: int) -> bool:
    """Whether the windows hold so many HOSO that the whole may have more than the limit."""
    if len(data) < limit * len(b"<HOSO/>"):
        return False
    places = _windows(len(data))
    met = sum(data.count(b"<HOSO", at, at + _WINDOW) for at in places)
    return 2 * met * len(data) > limit * len(places) * _WINDOW


def _count(data: bytes, tick: Tick) -> int:
    count = 0
    for _ in _HOSO.finditer(data):
        count += 1
        if count % _TICK == 0:
            tick()
    return count


def _deeper(data: bytes, limit: int, tick: Tick) -> bool:
    """Whether tags are ever open more than `limit` deep. One pass, no tree, each byte passed once."""
    depth, place, steps = 0, _next_tag(data, 0), 0
    while place >= 0:
        steps += 1
        if steps % _TICK == 0:
            tick()
        follows = data[place + 1 : place + 2]
        if follows in (b"!", b"?"):
            after = _after_opaque(data, place)
            place = _next_tag(data, after) if after >= 0 else -1
            continue
        end = data.find(b">", place)
        if end < 0:
            return False
        if follows == b"/":
            depth -= 1
        elif data[end - 1 : end] != b"/":
            depth += 1
            if depth > limit:
                return True
        place = _next_tag(data, end)
    return False


def _next_tag(data: bytes, start: int) -> int:
    found = _TAG.search(data, start)
    return found.start() if found else -1


def _after_opaque(data: bytes, place: int) -> int:
    """The next tag after a comment, CDATA, processing instruction or declaration; -1 when it never ends."""
    if run := _SIMPLE.match(data, place):
        return data.find(b"<", run.end())
    for opening, closing in ((b"<!--", b"-->"), (b"<![CDATA[", b"]]>"), (b"<?", b"?>"), (b"<!", b">")):
        if data.startswith(opening, place):
            end = data.find(closing, place + len(opening))
            return data.find(b"<", end) if end >= 0 else -1
    return -1
