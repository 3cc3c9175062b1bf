"""Reads and writes decisions about persons (README of this folder). Strict both ways: only this house writes them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from bienho.core.errors import InputError

KIND = "decision"
FORMAT, VERSION = "bienho/person-decision", 1
MOST = 1_000
AUTHORITIES = {"facility": 1, "department": 2}
"""Who decides, and whose word weighs more."""
REASONS = ("papers", "asked", "facility", "twins", "kin", "entry-error", "other")
_KEY = re.compile(r"[0-9a-f]{32}")
_ACCOUNT = re.compile(r"[\w.:@-]{1,100}")
_SEQUENCES = 10**13


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was decided of two patients; `left` < `right` are patient keys, `reason` one of REASONS."""

    left: str
    right: str
    verdict: Literal["same", "different"]
    reason: str


@dataclass(frozen=True, slots=True)
class PersonDecisions:
    """Decisions made together: by whom, who seconded them (None: nobody was needed), on whose authority."""

    authority: str
    decided_by: str
    seconded_by: str | None
    decisions: tuple[Verdict, ...]


def order_of(authority: str, seq: int, ordinal: int) -> int:
    """The place of a decision among all: the greater one wins. `seq`: of its receipt, `ordinal`: from 0 in its file."""
    if not (0 <= ordinal < MOST and 0 < seq < _SEQUENCES):
        raise ValueError("no place for this decision")
    return (AUTHORITIES[authority] * _SEQUENCES + seq) * MOST + ordinal


def read(data: bytes) -> PersonDecisions:
    """InputError IN-DECISION names the field; never a value."""
    try:
        said = orjson.loads(data)
    except orjson.JSONDecodeError:
        raise _wrong("tệp", "JSON") from None
    _object(said, {"format", "version", "authority", "decided_by", "seconded_by", "decisions"}, "tệp")
    if (said["format"], said["version"]) != (FORMAT, VERSION):
        raise _wrong("format, version", f"{FORMAT}, {VERSION}")
    if said["authority"] not in AUTHORITIES:
        raise _wrong("authority", " | ".join(AUTHORITIES))
    decided_by, seconded_by = _account(said["decided_by"], "decided_by"), said["seconded_by"]
    if seconded_by is not None and _account(seconded_by, "seconded_by") == decided_by:
        raise _wrong("seconded_by", "người khác với decided_by")
    listed = said["decisions"]
    if not isinstance(listed, list) or not 0 < len(listed) <= MOST:
        raise _wrong("decisions", f"1 đến {MOST} quyết định")
    verdicts = tuple(_verdict(one, f"decisions[{place}]") for place, one in enumerate(listed))
    return PersonDecisions(said["authority"], decided_by, seconded_by, verdicts)


def write(decisions: PersonDecisions) -> bytes:
    """The bytes of decisions, the same for the same; InputError IN-DECISION for what `read` would refuse."""
    made = {
        "format": FORMAT,
        "version": VERSION,
        "authority": decisions.authority,
        "decided_by": decisions.decided_by,
        "seconded_by": decisions.seconded_by,
        "decisions": [
            {"left": one.left, "right": one.right, "verdict": one.verdict, "reason": one.reason}
            for one in decisions.decisions
        ],
    }
    data = orjson.dumps(made, option=orjson.OPT_APPEND_NEWLINE)
    read(data)
    return data


def _verdict(said: Any, place: str) -> Verdict:
    _object(said, {"left", "right", "verdict", "reason"}, place)
    for side in ("left", "right"):
        if not isinstance(said[side], str) or not _KEY.fullmatch(said[side]):
            raise _wrong(f"{place}.{side}", "khóa người bệnh, 32 chữ số hexa")
    if said["left"] >= said["right"]:
        raise _wrong(f"{place}.left", "khóa nhỏ hơn right")
    if said["verdict"] not in ("same", "different"):
        raise _wrong(f"{place}.verdict", "same | different")
    if said["reason"] not in REASONS:
        raise _wrong(f"{place}.reason", " | ".join(REASONS))
    return Verdict(said["left"], said["right"], said["verdict"], said["reason"])


def _object(said: Any, names: set[str], place: str) -> None:
    if not isinstance(said, dict) or set(said) != names:
        raise _wrong(place, "các trường " + ", ".join(sorted(names)))


def _account(said: Any, place: str) -> str:
    if not isinstance(said, str) or not _ACCOUNT.fullmatch(said):
        raise _wrong(place, "mã tài khoản")
    return said


def _wrong(place: str, expected: str) -> InputError:
    return InputError(
        "IN-DECISION",
        f"Quyết định về con người không đọc được: {place} phải là {expected}.",
        hint="Quyết định được lập trên trang rà soát; không sửa tệp bằng tay.",
        who="Quản trị hệ thống",
    )
