"""The manual page of a rule and the list of rules, made from the rules themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

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
        f"Nguồn       {rule.source}",
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


def _span(check: Check) -> str:
    first, last = EDITIONS[check.first], EDITIONS[check.last]
    text = "mọi phiên bản" if (check.first, check.last) == (0, len(EDITIONS) - 1) else f"phiên bản {first} đến {last}"
    text = f"phiên bản {first}" if first == last else text
    text += f", ngày phục vụ từ {check.since:%d/%m/%Y}" if check.since else ""
    return text + (f", ngày phục vụ trước {check.until:%d/%m/%Y}" if check.until else "")


def _example(change: Mapping[str, Any]) -> list[str]:
    lines = []
    for place, value in change.items():
        if place == "_edition":
            lines.append(f"  hồ sơ theo {value}")
        elif value is None:
            lines.append(f"  không có bảng {place}")
        elif isinstance(value, dict):
            cells = ", ".join(f"{name} = {text}" for name, text in value.items() if not name.startswith("_"))
            lines.append(f"  thêm dòng {place.removesuffix('+')}{f': {cells}' if cells else ' giống dòng đã có'}")
        else:
            lines.append(f"  {place} = {value if value != '' else '(trống)'}")
    return lines
