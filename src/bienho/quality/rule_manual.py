"""The manual page of a rule and the list of rules, made from the rules themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from bienho.core.errors import UsageError
from bienho.quality.rule_lists import BUILT_IN
from bienho.quality.rule_model import EDITIONS, Check, Rule, rules

STATES = {
    "evaluable": "xét được",
    "behaviour": "theo dõi hoặc kiểm thử",
    "not_evaluable": "chưa xét được",
    "off": "đang tắt",
}
SEVERITIES = {"error": "lỗi", "warning": "cảnh báo", "info": "lưu ý"}
SOURCES = {
    "T": "bộ kiểm tra công khai tracnn/qlbv_public (Quyết định 3176)",
    "V": "bảng kiểm tra của cổng tiếp nhận theo Quyết định 4750",
    "D4750": "phụ lục Quyết định 4750/QĐ-BYT",
    "B130": "công văn 3190/BHXH-CNTT (03/10/2023)",
    "B4750": "công văn 1245/BHXH-CNTT (2024)",
    "G": "mã lỗi giám định của Bảo hiểm xã hội (4210, 9324)",
    "C": "bộ kiểm tra công khai htthinh28/check_bhyt",
    "P": "bộ kiểm tra công khai bằng Python, theo Quyết định 3176",
    "S3": "bản so sánh Quyết định 4750 với 3176",
    "L": "bản tổng hợp văn bản bảo hiểm y tế (10/2026)",
    "H2": "ghi chép thay đổi của HospitalAdmin.exe",
}
"""Letters of the rule list → where a rule was read; G is followed by the number of the error."""


@cache
def _by_number() -> Mapping[int, Rule]:
    return {rule.id: rule for rule in rules()}


def find(number: int) -> Rule:
    """A rule by its number; UsageError USE-RULE when there is none."""
    rule = _by_number().get(number)
    if rule is None:
        raise UsageError("USE-RULE", f"Không có quy tắc số {number}.", hint="Xem `bienho quality rules`.")
    return rule


def listing(lists: frozenset[str] = BUILT_IN) -> list[dict[str, Any]]:
    """Every rule with its state under the lists there are, as `as_dict`."""
    return [as_dict(rule, lists) for rule in rules()]


def as_dict(rule: Rule, lists: frozenset[str] = BUILT_IN) -> dict[str, Any]:
    """One rule for machines."""
    state, why = rule.status(lists)
    return {
        "rule": rule.id,
        "group": rule.group,
        "tables": list(rule.tables),
        "fields": list(rule.fields),
        "title": rule.title,
        "severity": rule.severity,
        "state": state,
        "lacking": why,
        "needs": sorted({name for check in rule.checks for name in check.needs}),
        "held_by": list(rule.held_by),
        "editions": sorted({_span(check) for check in rule.checks}),
        "source": rule.source,
        "reviewer": rule.reviewer,
    }


def manual(rule: Rule, lists: frozenset[str] = BUILT_IN) -> str:
    """The page of a rule, in Vietnamese: what, where, when, since which day, examples, source, who checked."""
    state, why = rule.status(lists)
    lines = [
        f"Quy tắc {rule.id}: {rule.title}",
        "",
        f"Nhóm        {rule.group}",
        f"Bảng        {', '.join(rule.tables)}",
        f"Trường      {', '.join(rule.fields) or '(cả bảng)'}",
        f"Mức         {SEVERITIES[rule.severity]}",
        f"Tình trạng  {STATES[state]}{f' ({why})' if why else ''}",
        f"Nguồn       {rule.source}: {'; '.join(sources(rule))}",
        f"Người duyệt {rule.reviewer}",
        f"Sửa tại     {rule.screen}",
    ]
    if rule.held_by:
        lines.append(f"Khi đọc     bộ đọc báo {', '.join(rule.held_by)}")
    if rule.note:
        lines.append(f"Ghi chú     {rule.note}")
    for group in _questions(rule):
        lines += ["", *group]
    lines += ["", "Đúng, không báo:", *_example(rule.good), "", "Sai, sẽ báo:", *_example(rule.bad)]
    return "\n".join(lines)


def _questions(rule: Rule) -> Iterator[list[str]]:
    """Each question once, with the fields it is asked of."""
    told: dict[tuple[str, ...], list[str]] = {}
    for check in rule.checks:
        key = (check.found, check.expect, _span(check), check.code)
        told.setdefault(key, []).append(f"{check.table}.{check.field}" if check.field else check.table)
    for (found, expect, span, code), places in told.items():
        yield [
            f"Báo khi     {found} [{code}]",
            f"Cần         {expect}",
            f"Hồ sơ       {span}",
            f"Ở           {', '.join(dict.fromkeys(places))}",
        ]


def sources(rule: Rule) -> list[str]:
    """Where a rule was read, in words, each once."""
    letters = (part if part in SOURCES else part[0] for part in rule.source.split(","))
    return [SOURCES[one] for one in dict.fromkeys(letters)]


def _span(check: Check) -> str:
    first, last = EDITIONS[check.first], EDITIONS[check.last]
    text = "mọi phiên bản" if (check.first, check.last) == (0, len(EDITIONS) - 1) else f"phiên bản {first} đến {last}"
    text = f"phiên bản {first}" if first == last else text
    text += f", ngày phục vụ từ {check.since:%d/%m/%Y}" if check.since else ""
    return text + (f", ngày phục vụ trước {check.until:%d/%m/%Y}" if check.until else "")


@dataclass(frozen=True, slots=True)
class Change:
    """One change an example makes to the dossier of `example.yaml`. `kind`: the edition is `text`; the table `place` is
    not there; it has one more row, of the cells `text`, or like one there; the field `place` says `text`."""

    kind: Literal["edition", "absent", "row", "cell"]
    place: str
    text: str = ""


def changes(example: Mapping[str, Any]) -> list[Change]:
    """What an example changes, in its order."""
    made = []
    for place, value in example.items():
        if place == "_edition":
            made.append(Change("edition", "", str(value)))
        elif value is None:
            made.append(Change("absent", place))
        elif isinstance(value, dict):
            cells = ", ".join(f"{name} = {text}" for name, text in value.items() if not name.startswith("_"))
            made.append(Change("row", place.removesuffix("+"), cells))
        else:
            made.append(Change("cell", place, str(value)))
    return made


def _example(example: Mapping[str, Any]) -> list[str]:
    words = {
        "edition": "  hồ sơ theo {text}",
        "absent": "  không có bảng {place}",
        "row": "  thêm dòng {place}{text}",
        "cell": "  {place} = {text}",
    }
    lines = []
    for one in changes(example):
        text = one.text
        if one.kind == "row":
            text = f": {text}" if text else " giống dòng đã có"
        elif one.kind == "cell":
            text = text if text != "" else "(trống)"
        lines.append(words[one.kind].format(place=one.place, text=text))
    return lines
