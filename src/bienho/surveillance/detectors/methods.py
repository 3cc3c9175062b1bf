"""The methods by name: their parameters, what history they need, and the one call that runs any of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from bienho.core.errors import InputError, UsageError
from bienho.surveillance.detectors import ears, sequential, several, windows
from bienho.surveillance.detectors.baseline import reachable
from bienho.surveillance.detectors.farrington import CLASSIC, FarringtonOptions, farrington, for_frequency
from bienho.surveillance.detectors.options import set_options
from bienho.surveillance.panel import Alarms, Integers, Panel

# What a method that learns from the periods before needs of them at least, and what it takes when nothing is asked.
LEAST_LEARNING = 7
LEARNING_YEARS = 2


@dataclass(frozen=True)
class Method:
    """`places`: the periods a method can judge; `start`: where it begins when nothing is asked, None: at the first."""

    options: Callable[[int, set[str]], Any]
    places: Callable[[Panel, Any], Integers]
    run: Callable[[Panel, Integers, Any], Alarms]
    says: str
    start: Callable[[Panel], int] | None = None


def _from(first: int, panel: Panel) -> Integers:
    return np.arange(min(first, panel.periods), panel.periods)


def _ears_places(kind: str, panel: Panel, options: Any) -> Integers:
    return _from(ears.first_place(kind, options.baseline), panel)


def _window_places(panel: Panel, options: windows.RkiOptions) -> Integers:
    if (not options.this_year and not options.b) or (not options.w and not options.b):
        raise UsageError(
            "USE-DETECT-PARAM", "Không có kỳ nào để so sánh.", hint="Đặt b từ 1, hoặc actY=true với w từ 1."
        )
    return _from(windows.first_place(options, panel.frequency), panel)


def _learned(panel: Panel) -> int:
    return min(LEARNING_YEARS * panel.frequency, panel.periods // 2)


def _ears_method(kind: str) -> Method:
    return Method(
        lambda frequency, given: ears.EarsOptions(),
        partial(_ears_places, kind),
        partial(ears.ears, kind=kind),
        f"EARS {kind}: trung bình và độ lệch của vài kỳ gần nhất",
    )


METHODS: dict[str, Method] = {
    "ensemble": Method(
        lambda frequency, given: several.EnsembleOptions(),
        lambda panel, options: _from(several.first_place(panel), panel),
        several.ensemble,
        "mặc định của kho: tăng đột ngột, tăng chậm, chuỗi mới; có ngân sách báo động giả",
    ),
    "farrington": Method(
        for_frequency,
        lambda panel, options: reachable(panel, options.b, options.w),
        farrington,
        "Farrington linh hoạt (Noufaily 2013): hồi quy cùng kỳ các năm trước",
    ),
    "farrington-classic": Method(
        lambda frequency, given: CLASSIC if frequency == 52 else replace(CLASSIC, w=1),
        lambda panel, options: reachable(panel, options.b, options.w),
        farrington,
        "Farrington 1996, giới hạn hai phía",
    ),
    "ears-c1": _ears_method("C1"),
    "ears-c2": _ears_method("C2"),
    "ears-c3": Method(
        lambda frequency, given: ears.SumOptions(),
        partial(_ears_places, "C3"),
        ears.ears_sum,
        "EARS C3: cộng phần vượt của ba kỳ, như bài báo gốc",
    ),
    "cusum": Method(
        lambda frequency, given: sequential.CusumOptions(),
        lambda panel, options: _from(LEAST_LEARNING, panel),
        sequential.cusum,
        "CUSUM (Rossi): cộng dồn phần vượt",
        _learned,
    ),
    "glr": Method(
        lambda frequency, given: sequential.GlrOptions(),
        lambda panel, options: _from(LEAST_LEARNING, panel),
        sequential.glr,
        "GLR: tỷ số hợp lý của một lần tăng theo tỷ lệ",
        _learned,
    ),
    "rki": Method(
        lambda frequency, given: windows.RkiOptions(), _window_places, windows.rki, "RKI: trung bình và 2 độ lệch"
    ),
    "bayes": Method(
        lambda frequency, given: windows.BayesOptions(),
        _window_places,
        windows.bayes,
        "Bayes: số ca kế tiếp nhị thức âm",
    ),
    "endemic": Method(
        lambda frequency, given: windows.ChannelOptions(),
        lambda panel, options: reachable(panel, options.b, options.w),
        windows.endemic,
        "kênh lưu hành: trung bình và z độ lệch cùng kỳ các năm trước",
    ),
}


def _chosen(panel: Panel, method: str, given: Mapping[str, str]) -> tuple[Method, Any, Integers]:
    """The method, its options, and the periods it can judge."""
    chosen = METHODS.get(method)
    if chosen is None:
        raise UsageError(
            "USE-DETECT-METHOD", f"Không có phương pháp {method!r}.", hint=f"Các phương pháp: {', '.join(METHODS)}."
        )
    options = set_options(chosen.options(panel.frequency, {name.strip().lower() for name in given}), given)
    return chosen, options, chosen.places(panel, options)


def judgeable(panel: Panel, method: str, given: Mapping[str, str] | None = None) -> int:
    """How many of the last periods a method can judge."""
    return len(_chosen(panel, method, given or {})[2])


def detect(panel: Panel, method: str, given: Mapping[str, str] | None = None, *, last: int | None = None) -> Alarms:
    """Runs a method of `METHODS` on the last `last` periods, or on all it can judge.

    given    parameters as texts, by their names in the literature's reference package
    Raises UsageError for an unknown method or parameter, InputError IN-SERIES-SHORT where history is too short.
    """
    chosen, options, places = _chosen(panel, method, given or {})
    if not len(places) or (last is not None and last > len(places)):
        raise InputError(
            "IN-SERIES-SHORT",
            f"Chuỗi có {panel.periods} kỳ: {method} với tham số này chỉ xét được {len(places)} kỳ cuối.",
            hint=_shorter(options, len(places)),
            who="người chọn tham số",
        )
    if last is not None:
        places = places[-last:]
    elif chosen.start is not None:
        places = places[places >= chosen.start(panel)]
    return chosen.run(panel, places, options)


def _shorter(options: Any, count: int) -> str:
    fewer = f"Giảm --last xuống {count}" if count else "Thêm số liệu"
    return f"{fewer}, hoặc giảm b (năm nhìn lại)." if isinstance(options, FarringtonOptions) else f"{fewer}."
