"""Classes of columns that policies cannot tell apart: Cedar is asked about one of them, and it answers for all.

A policy learns of the class asked about (`context.class`) only where its condition speaks of it. Most only ask whether
it is in a list; two classes for which every such test of every policy comes out alike are judged alike, for all else is
the same. A condition that uses the class in any other way tells every class from every other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

Test = Callable[[str, frozenset[str]], object]
"""What a condition learns of a class, given the classes the agreement names. Never fails, in Cedar either."""

_CONTEXT = {"Var": "context"}
_CLASS = {".": {"left": _CONTEXT, "attr": "class"}}
_AGREED = {".": {"left": {".": {"left": _CONTEXT, "attr": "agreement"}}, "attr": "classes"}}


def itself(name: str, agreed: frozenset[str]) -> object:
    """Of a condition that may tell every class from every other."""
    del agreed
    return name


def stand_ins(tests: Iterable[Test], names: Sequence[str], agreed: frozenset[str]) -> dict[str, str]:
    """Every class with the first of `names` that no test tells it from."""
    asked = tuple(tests)
    first: dict[tuple[object, ...], str] = {}
    return {name: first.setdefault(tuple(test(name, agreed) for test in asked), name) for name in names}


def lessons(expression: Any) -> Iterator[Test]:
    """All that an expression, as Cedar writes it in JSON, can learn of the class."""
    whole = _test(expression)
    if whole is not None:
        yield whole
    elif expression == _CONTEXT:
        yield itself
    elif isinstance(expression, list):
        for part in expression:
            yield from lessons(part)
    elif isinstance(expression, dict) and not _of_something_else(expression.get(".")):
        for part in expression.values():
            yield from lessons(part)


def _of_something_else(access: Any) -> bool:
    return isinstance(access, dict) and access.get("left") == _CONTEXT and access.get("attr") != "class"


def _test(expression: Any) -> Test | None:
    """An expression that depends on the class alone, as a test; None for any other."""
    if not isinstance(expression, dict) or len(expression) != 1:
        return None
    ((operator, parts),) = expression.items()
    if not isinstance(parts, dict):
        return None
    if operator == "!":
        return _not(_test(parts.get("arg")))
    left, right = parts.get("left"), parts.get("right")
    if operator in ("&&", "||"):
        return _both(_test(left), _test(right), all if operator == "&&" else any)
    if operator == "==":
        return _listed([right]) if left == _CLASS else _listed([left]) if right == _CLASS else None
    if operator == "contains" and right == _CLASS:
        return _is_agreed if left == _AGREED else _listed(left.get("Set")) if isinstance(left, dict) else None
    return None


def _is_agreed(name: str, agreed: frozenset[str]) -> bool:
    return name in agreed


def _listed(literals: Any) -> Test | None:
    words = [one.get("Value") if isinstance(one, dict) else None for one in literals or ()]
    if not words or not all(isinstance(word, str) for word in words):
        return None
    listed = frozenset(words)
    return lambda name, agreed: name in listed


def _not(test: Test | None) -> Test | None:
    return None if test is None else lambda name, agreed: not test(name, agreed)


def _both(one: Test | None, other: Test | None, joined: Callable[[Iterable[object]], bool]) -> Test | None:
    if one is None or other is None:
        return None
    return lambda name, agreed: joined((one(name, agreed), other(name, agreed)))
