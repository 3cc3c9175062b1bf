"""Parameters of methods: their names in the literature's reference package, how they are read, what they may be."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields, replace
from typing import Any, TypeVar

from bienho.core.errors import UsageError

Options = TypeVar("Options")


@dataclass(frozen=True)
class Kind:
    """How a text becomes a value, and what is said when it cannot; a value out of bounds reads as None."""

    read: Callable[[str], Any]
    says: str


def option(default: Any, name: str, kind: Kind) -> Any:
    """A field of a dataclass of options that people set as `name`."""
    return field(default=default, metadata={"name": name, "kind": kind})


def whole(least: int, most: int = 10_000) -> Kind:
    return Kind(lambda text: value if least <= (value := int(text)) <= most else None, f"số nguyên từ {least}")


def number(above: float, below: float = math.inf, *, reach: bool = False) -> Kind:
    """A number between two bounds, which it may reach or not."""

    def read(text: str) -> float | None:
        value = _number(text)
        inside = above <= value <= below if reach else above < value < below
        return value if inside and math.isfinite(value) else None

    least = "" if above == -math.inf else f" {'từ' if reach else 'lớn hơn'} {above:g}"
    most = "" if below == math.inf else f" {'đến' if reach else 'nhỏ hơn'} {below:g}"
    return Kind(read, f"số{least}{most}")


def number_or(word: str, above: float) -> Kind:
    """A number above a bound, or one word."""
    kind = number(above)
    return Kind(
        lambda text: word if text.strip().strip("\"'").lower() == word else kind.read(text), f"{kind.says}, {word}"
    )


def _number(text: str) -> float:
    """`1.5`, `2/3`, `log 1.2`, `log(1.2)`."""
    text = text.strip().lower()
    if found := re.fullmatch(r"log\s*\(?\s*([\d.]+)\s*\)?", text):
        return math.log(float(found[1]))
    over, _, under = text.partition("/")
    return float(over) / float(under) if under else float(over)


def _truth(text: str) -> bool | None:
    return {"true": True, "t": True, "1": True, "false": False, "f": False, "0": False}.get(text.strip().lower())


def _pair(text: str) -> tuple[int, int] | None:
    cases, periods = (int(part) for part in re.sub(r"^c?\(|\)$", "", text.strip()).split(","))
    return (cases, periods) if cases >= 0 and periods >= 1 else None


TRUTH = Kind(_truth, "true hoặc false")
PAIR = Kind(_pair, "hai số nguyên, ví dụ 5,4")


def one_of(*words: str) -> Kind:
    """One of some words, whatever the case of letters and however quoted."""
    known = {word.lower(): word for word in words}
    return Kind(lambda text: known.get(text.strip().strip("\"'").lower()), " hoặc ".join(words))


def or_nothing(kind: Kind) -> Kind:
    """Also `NULL`: not given."""
    nothing = ("null", "none", "na", "")
    return Kind(lambda text: _NOTHING if text.strip().lower() in nothing else kind.read(text), f"{kind.says}, NULL")


_NOTHING = object()


def named(options: Any) -> dict[str, Field[Any]]:
    """Name as people write it → field."""
    return {one.metadata["name"]: one for one in fields(options) if "name" in one.metadata}


def set_options(options: Options, given: Mapping[str, str]) -> Options:
    """`options` with what was given as texts; an unknown name or a value that is none is a UsageError."""
    known = named(options)
    by_lower = {name.lower(): one for name, one in known.items()}
    values: dict[str, Any] = {}
    for name, text in given.items():
        one = by_lower.get(name.strip().lower())
        if one is None:
            raise UsageError(
                "USE-DETECT-PARAM",
                f"Phương pháp không có tham số {name!r}.",
                hint=f"Tham số có thể đặt: {', '.join(known) or 'không có'}.",
            )
        kind: Kind = one.metadata["kind"]
        try:
            value = kind.read(text)
        except (ValueError, ZeroDivisionError, OverflowError):
            value = None
        if value is None:
            raise UsageError(
                "USE-DETECT-PARAM", f"{one.metadata['name']}={text!r} không đúng.", hint=f"Cần {kind.says}."
            )
        values[one.name] = None if value is _NOTHING else value
    return replace(options, **values)  # type: ignore[type-var]


def defaults(options: type[Any]) -> dict[str, Any]:
    """Name → default, for help and documents."""
    return {name: one.default for name, one in named(options).items() if one.default is not MISSING}
