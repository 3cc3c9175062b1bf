"""Columns with NULLs and the operations of SQL on them, over numpy arrays: three-valued logic, numbers with a scale.

A number is a whole number and a count of decimals, in 64 bits as long as nothing can overflow. Beyond that it is a
float with a bound of its error: a comparison the bound leaves open is asked again in whole numbers of any size.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Mask = npt.NDArray[np.bool_]
_ROOM = 2**62
_PRECISION = 2.0**-52
_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@dataclass(frozen=True, slots=True)
class Value:
    """One column. `kind`: truth, number, text, moment (minutes), day, span (minutes) or list.

    `null` is None when nothing is missing; where something is, `data` is false, 0 or None. `domain` says what the
    places of `data` stand for ("": one constant). How far from the truth a number in floats may be: `error`, or without
    it `loose` times the number.
    """

    kind: str
    data: Array
    null: Mask | None = None
    domain: Any = ""
    scale: int = 0
    error: Array | None = None
    loose: float = _PRECISION

    def at(self, places: Array, domain: Any) -> Value:
        """The values of these places."""
        null = None if self.null is None else self.null[places]
        error = None if self.error is None else self.error[places]
        return replace(self, data=self.data[places], null=null, error=error, domain=domain)


def constant(kind: str, value: object, scale: int = 0) -> Value:
    data = np.empty(1, object if kind in ("text", "list") else bool if kind == "truth" else np.int64)
    data[0] = value
    return Value(kind, data, scale=scale)


def either(*nulls: Mask | None) -> Mask | None:
    """Where one of them is NULL."""
    found: Mask | None = None
    for null in nulls:
        if null is not None:
            found = null if found is None else found | null
    return found


def truth(data: Array, null: Mask | None, domain: Any) -> Value:
    if null is not None:
        data = data & ~null
    return Value("truth", data, null, domain)


def both(values: Sequence[Value], domain: Any) -> Value:
    """AND: false when one is false, else NULL when one is NULL."""
    data, null = values[0].data, values[0].null
    for value in values[1:]:
        missing = either(null, value.null)
        if missing is not None:
            missing = missing & ~(_false(data, null) | _false(value.data, value.null))
        data, null = data & value.data, missing
    return Value("truth", data, null, domain)


def any_of(values: Sequence[Value], domain: Any) -> Value:
    """OR: true when one is true, else NULL when one is NULL."""
    data, null = values[0].data, values[0].null
    for value in values[1:]:
        missing = either(null, value.null)
        data = data | value.data
        null = None if missing is None else missing & ~data
    return Value("truth", data, null, domain)


def negated(value: Value) -> Value:
    return Value("truth", _false(value.data, value.null), value.null, value.domain)


def _false(data: Array, null: Mask | None) -> Array:
    return ~data if null is None else ~(data | null)


def first_there(values: Sequence[Value], domain: Any) -> Value:
    """coalesce."""
    values = _alike(values)
    found = values[0]
    for value in values[1:]:
        if found.null is None:
            break
        found = chosen(Value("truth", ~found.null, None, domain), found, value, domain)
    return replace(found, domain=domain)


def chosen(condition: Value, then: Value, other: Value, domain: Any) -> Value:
    """CASE WHEN condition THEN then ELSE other END."""
    then, other = _alike([then, other])
    where = condition.data
    null = None
    if then.null is not None or other.null is not None:
        null = np.where(where, _or_none(then.null), _or_none(other.null))
    error = None
    if not (_exact(then) and _exact(other)):
        error = np.where(where, _bound(then), _bound(other))
    return replace(then, data=np.where(where, then.data, other.data), null=null, error=error, domain=domain)


def _or_none(null: Mask | None) -> Mask:
    return np.zeros(1, bool) if null is None else null


def _alike(values: Sequence[Value]) -> list[Value]:
    if values[0].kind != "number":
        return list(values)
    scale = max(value.scale for value in values)
    return [rescaled(value, scale) for value in values]


def greatest(left: Value, right: Value, domain: Any) -> Value:
    """The greater of two numbers; of one that is missing, the other."""
    left, right = _alike([left, right])
    more = left.data >= right.data
    if right.null is not None:
        more = more | right.null
    if left.null is not None:
        more = more & ~left.null
    made = chosen(Value("truth", more, None, domain), left, right, domain)
    if made.error is not None:  # which of the two it is may not be sure
        made = replace(made, error=np.maximum(_bound(left), _bound(right)))
    null = None if left.null is None or right.null is None else left.null & right.null
    return replace(made, null=null)


def whole(value: Value) -> Value:
    """floor and trunc, of numbers that are not computed: both are asked only whether a number is whole."""
    step = 10**value.scale
    return replace(value, data=value.data // step, scale=0)


def rescaled(value: Value, scale: int) -> Value:
    if scale == value.scale:
        return value
    return replace(times(value, constant("number", 10 ** (scale - value.scale)), value.domain), scale=scale)


def times(left: Value, right: Value, domain: Any) -> Value:
    null, scale = either(left.null, right.null), left.scale + right.scale
    if _exact(left) and _exact(right):
        if not _large(left, right):
            return Value("number", left.data * right.data, null, domain, scale)
        if _wants_objects(left, right, domain):
            return Value("number", left.data.astype(object) * right.data.astype(object), null, domain, scale)
    a, b = left.data.astype(np.float64), right.data.astype(np.float64)
    made = a * b
    if left.error is None and right.error is None:
        return Value("number", made, null, domain, scale, loose=left.loose + right.loose + 4 * _PRECISION)
    error = np.abs(a) * _bound(right) + np.abs(b) * _bound(left) + np.abs(made) * (4 * _PRECISION)
    return Value("number", made, null, domain, scale, error)


def _wants_objects(left: Value, right: Value, domain: Any) -> bool:
    """Whole numbers of any size where they were asked for, or where there are few."""
    return left.data.dtype == object or right.data.dtype == object or domain != "rows"


def plus(left: Value, right: Value, sign: int, domain: Any) -> Value:
    left, right = _alike([left, right])
    null = either(left.null, right.null)
    if _exact(left) and _exact(right):
        if left.data.dtype != object and right.data.dtype != object and _most(left) + _most(right) < _ROOM:
            return Value("number", left.data + sign * right.data, null, domain, left.scale)
        if _wants_objects(left, right, domain):
            data = left.data.astype(object) + sign * right.data.astype(object)
            return Value("number", data, null, domain, left.scale)
    a, b = left.data.astype(np.float64), right.data.astype(np.float64)
    error = _bound(left) + _bound(right) + (np.abs(a) + np.abs(b)) * _PRECISION
    return Value("number", a + sign * b, null, domain, left.scale, error)


def absolute(value: Value) -> Value:
    return replace(value, data=np.abs(value.data))


def compared(sign: str, left: Value, right: Value, domain: Any) -> tuple[Value, Mask | None]:
    """What a comparison says, and where the error of floats leaves it open."""
    if left.kind != right.kind:
        raise ValueError(f"no rule may compare {left.kind} with {right.kind}")
    null = either(left.null, right.null)
    if left.kind == "number":
        left, right = _alike([left, right])
        if not (_exact(left) and _exact(right)):
            a, b = left.data.astype(np.float64), right.data.astype(np.float64)
            error = _bound(left) + _bound(right) + (np.abs(a) + np.abs(b)) * _PRECISION
            unsure = np.abs(a - b) <= error
            if null is not None:
                unsure &= ~null
            return truth(_COMPARE[sign](a, b), null, domain), unsure if unsure.any() else None
    if left.kind == "text" and sign not in ("=", "<>") and null is not None:
        raise ValueError("no rule may order texts")
    return truth(_COMPARE[sign](left.data, right.data).astype(bool), null, domain), None


def _exact(value: Value) -> bool:
    return value.data.dtype != np.float64


def _bound(value: Value) -> Array:
    if value.error is not None:
        return value.error
    bound: Array = np.abs(value.data.astype(np.float64))
    bound *= value.loose
    return bound


def _most(value: Value) -> int:
    if not len(value.data):
        return 0
    return max(int(value.data.max()), -int(value.data.min()))


def _large(left: Value, right: Value) -> bool:
    return left.data.dtype == object or right.data.dtype == object or _most(left) * _most(right) >= _ROOM
