"""The formula of the scores as data: read from YAML, checked, and turned into the tables the SQL joins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from importlib import resources
from typing import Any

import pyarrow as pa
import yaml

from bienho.core.documents import read_yaml
from bienho.core.errors import InputError
from bienho.core.holidays import calendar

DIMENSIONS = ("dung", "du", "sach", "song", "thong_nhat", "dung_chung")
TOTAL = "tong"
"""The name under which the score over all dimensions stands beside them."""
WHOLE = 1000
"""A whole dossier in the unit of weights."""
HOLIDAY = 6
"""A holiday counts as the seventh day of the week."""
_KEYS = {
    "id", "version", "in_force_from", "reviewer", "source", "weeks", "closed_after_days", "dimensions", "severity",
    "otherwise", "faults", "quarantine", "late", "volume", "editions", "peers_least",
}  # fmt: skip
_VOLUME = {"weeks", "least_weeks", "tolerance_percent", "deviations", "code"}
_SEVERITIES = {"error", "warning", "info"}


@dataclass(frozen=True, slots=True)
class Dimension:
    """One of the six; `weight` in percent of the whole."""

    id: str
    weight: int
    title_vi: str
    title_en: str


@dataclass(frozen=True, slots=True)
class Fault:
    """A code or a rule number, the dimension it belongs to; `weight` None: that of its severity."""

    code: str | None
    rule: int | None
    dimension: str
    weight: int | None
    owner: str | None


@dataclass(frozen=True, slots=True)
class Late:
    """More than `after` working days: `weight` thousandths of a dossier."""

    after: int
    code: str
    weight: int


@dataclass(frozen=True, slots=True)
class Volume:
    """How many dossiers a facility is expected to send, from its own `weeks` before."""

    weeks: int
    least_weeks: int
    tolerance_percent: int
    deviations: int
    code: str


@dataclass(frozen=True, slots=True)
class Formula:
    """One dated version of how scores are computed. Weights are whole thousandths of a dossier."""

    id: str
    version: int
    in_force_from: date
    reviewer: str
    source: str
    weeks: int
    closed_after_days: int
    dimensions: tuple[Dimension, ...]
    severity: Mapping[str, int]
    otherwise: str
    faults: tuple[Fault, ...]
    quarantine: int
    late: tuple[Late, ...]
    volume: Volume
    editions: Mapping[str, date]
    peers_least: int

    @property
    def name(self) -> str:
        """What rows computed by it carry."""
        return f"{self.id}/{self.version}"

    def first_week(self, as_of: date) -> date:
        """Monday of the oldest week that is scored on `as_of`."""
        return as_of - timedelta(days=as_of.weekday()) - timedelta(weeks=self.weeks - 1)

    def first_counted(self, as_of: date) -> date:
        """Monday of the oldest week whose dossiers are counted on `as_of`, for what is usual."""
        return self.first_week(as_of) - timedelta(weeks=self.volume.weeks)

    def tables(self, as_of: date) -> dict[str, pa.Table]:
        """The parameters of the SQL of `steps`, by the name under which they are to be bound."""
        codes = [one for one in self.faults if one.code]
        rules = [one for one in self.faults if one.rule is not None]
        first = self.first_counted(as_of)
        days = list(calendar(first, as_of + timedelta(days=7)))
        later = [*(one.after for one in self.late[1:]), None]
        whole, text = pa.int32(), pa.string()
        return {
            "score_dimension": _table(
                {"dimension": text, "position": whole, "share": whole},
                [(one.id, place, one.weight) for place, one in enumerate(self.dimensions)],
            ),
            "score_severity": _table({"severity": text, "weight": whole}, list(self.severity.items())),
            "score_code": _table(
                {"code": text, "dimension": text, "weight": whole, "owner": text},
                [(one.code, one.dimension, one.weight, one.owner) for one in codes],
            ),
            "score_rule": _table(
                {"rule": whole, "dimension": text, "weight": whole},
                [(one.rule, one.dimension, one.weight) for one in rules],
            ),
            "score_late": _table(
                {"code": text, "after": whole, "until": whole, "weight": whole},
                [(one.code, one.after, until, one.weight) for one, until in zip(self.late, later, strict=True)],
            ),
            "score_edition": _table({"format_version": text, "last_day": pa.date32()}, list(self.editions.items())),
            "score_calendar": _table(
                {"day": pa.date32(), "week_start": pa.date32(), "kind": whole, "worked": whole},
                [
                    (day, day - timedelta(days=day.weekday()), HOLIDAY if off else day.weekday(), worked)
                    for day, off, worked in days
                ],
            ),
        }


def _table(columns: Mapping[str, pa.DataType], rows: list[tuple[Any, ...]]) -> pa.Table:
    given = zip(*rows, strict=True) if rows else [[] for _ in columns]
    return pa.table([pa.array(list(c), kind) for c, kind in zip(given, columns.values(), strict=True)], list(columns))


@cache
def standing() -> Formula:
    """The formula that ships with the program."""
    return read_formula((resources.files("bienho.quality.scores") / "formula.yaml").read_text("utf-8"))


def read_formula(text: str) -> Formula:
    """A formula from its file; InputError IN-FORMULA names what is wrong in it."""
    try:
        raw = read_yaml(text)
    except yaml.YAMLError as error:
        raise _bad("không phải YAML đúng cú pháp") from error
    if not isinstance(raw, dict) or set(raw) != _KEYS:
        given = set(raw) if isinstance(raw, dict) else set()
        raise _bad(f"thiếu {sorted(_KEYS - given)}, thừa {sorted(map(str, given - _KEYS))}")
    try:
        made = _formula(raw)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _bad(f"một mục không đúng dạng ({error})") from error
    _check(made)
    return made


def _formula(raw: Mapping[str, Any]) -> Formula:
    if set(raw["dimensions"]) != set(DIMENSIONS):
        raise ValueError(f"dimensions phải là {', '.join(DIMENSIONS)}")
    if set(raw["severity"]) != _SEVERITIES or set(raw["volume"]) != _VOLUME:
        raise ValueError("severity, volume")
    if not isinstance(raw["in_force_from"], date) or not all(isinstance(d, date) for d in raw["editions"].values()):
        raise ValueError("in_force_from, editions")
    return Formula(
        id=str(raw["id"]),
        version=_number(raw["version"], 1, 9999),
        in_force_from=raw["in_force_from"],
        reviewer=str(raw["reviewer"]),
        source=str(raw["source"]),
        weeks=_number(raw["weeks"], 1, 520),
        closed_after_days=_number(raw["closed_after_days"], 0, 90),
        dimensions=tuple(
            Dimension(name, _number(raw["dimensions"][name]["weight"], 0, 100), raw["dimensions"][name]["title_vi"],
                      raw["dimensions"][name]["title_en"])
            for name in DIMENSIONS
        ),
        severity={str(name): _number(weight, 0, WHOLE) for name, weight in raw["severity"].items()},
        otherwise=raw["otherwise"],
        faults=tuple(_fault(one) for one in raw["faults"]),
        quarantine=_number(raw["quarantine"], 0, WHOLE),
        late=tuple(
            Late(_number(one["after_working_days"], 0, 400), str(one["code"]), _number(one["weight"], 1, WHOLE))
            for one in raw["late"]
        ),
        volume=Volume(
            _number(raw["volume"]["weeks"], 1, 104), _number(raw["volume"]["least_weeks"], 1, 104),
            _number(raw["volume"]["tolerance_percent"], 0, 100), _number(raw["volume"]["deviations"], 0, 100),
            str(raw["volume"]["code"]),
        ),
        editions={str(name): day for name, day in raw["editions"].items()},
        peers_least=_number(raw["peers_least"], 5, 1000),
    )  # fmt: skip


def _fault(raw: Mapping[str, Any]) -> Fault:
    if set(raw) - {"code", "rule", "dimension", "weight", "owner"} or ("code" in raw) == ("rule" in raw):
        raise ValueError("faults: mỗi dòng có một code hoặc một rule")
    weight = raw.get("weight")
    return Fault(
        raw.get("code"),
        _number(raw["rule"], 1, 99_999) if "rule" in raw else None,
        raw["dimension"],
        None if weight is None else _number(weight, 0, WHOLE),
        raw.get("owner"),
    )


def _number(value: Any, least: int, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ValueError(f"{value!r} không phải số nguyên từ {least} đến {most}")
    return value


def _check(made: Formula) -> None:
    if sum(one.weight for one in made.dimensions) != 100:
        raise _bad("trọng số của sáu chiều không cộng thành 100")
    strangers = {one.dimension for one in made.faults} | {made.otherwise}
    if strangers - set(DIMENSIONS):
        raise _bad(f"không có chiều {sorted(strangers - set(DIMENSIONS))}")
    named = [one.code or str(one.rule) for one in made.faults]
    named += [one.code for one in made.late] + [made.volume.code]
    if len(named) != len(set(named)):
        raise _bad("một mã hoặc một quy tắc đứng ở hai dòng")
    steps = [one.after for one in made.late]
    if steps != sorted(set(steps)):
        raise _bad("các mức gửi chậm phải tăng dần")


def _bad(what: str) -> InputError:
    return InputError(
        "IN-FORMULA",
        f"Công thức điểm không dùng được: {what}.",
        hint="So với công thức đang dùng: bienho quality formula.",
        who="người soạn công thức",
    )
