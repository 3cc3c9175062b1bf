"""What a condition can learn of a class of columns: which classes are alike to it."""

from __future__ import annotations

import cedarpy
import orjson
import pytest

from bienho.governance.policy import CLASSES
from bienho.governance.policy.alike import lessons, stand_ins
from bienho.governance.policy.engine import WHOLE

NAMES = (WHOLE, *CLASSES)
AGREED = frozenset({"open", "personal"})
EACH = {frozenset({name}) for name in NAMES}


def told_apart(condition: str) -> set[frozenset[str]]:
    """Groups of classes that are alike to a policy."""
    text = f"permit (principal, action, resource) when {{ {condition} }};"
    (part,) = orjson.loads(cedarpy.policies_to_json_str(text))["staticPolicies"].values()
    alike = stand_ins(lessons(part["conditions"]), NAMES, AGREED)
    return {frozenset(name for name in NAMES if alike[name] == one) for one in alike.values()}


def split(*names: str) -> set[frozenset[str]]:
    return {frozenset(names), frozenset(NAMES) - frozenset(names)}


@pytest.mark.parametrize(
    ("condition", "groups"),
    [
        ("context.emergency", {frozenset(NAMES)}),
        ('context.class == "open"', split("open")),
        ('"open" == context.class', split("open")),
        ('["open", "text"].contains(context.class)', split("open", "text")),
        ("context.agreement.classes.contains(context.class)", split("open", "personal")),
        ('context.class == "" || context.agreement.classes.contains(context.class)', split("", "open", "personal")),
        ('context.class == "open" && ["open", "text"].contains(context.class)', split("open")),
        ('!(context.class == "open" || context.class == "text")', split("open", "text")),
        ('context.class == "open" && context.emergency', split("open")),
        ('context.emergency && context.class == "text" || context.class == "open"',
         {frozenset({"text"}), frozenset({"open"}), frozenset(NAMES) - {"text", "open"}}),
        ('context.class like "o*"', EACH),
        ("context.class == context.reason", EACH),
        ('["open", context.reason].contains(context.class)', EACH),
        ('[context.class].contains("open")', EACH),
        ("context.purpose.classes.contains(context.class)", EACH),
        ('context has class && context.door == "cli"', EACH),
        ('if context.emergency then context.class == "open" else context.class == "text"',
         {frozenset({"text"}), frozenset({"open"}), frozenset(NAMES) - {"text", "open"}}),
        ("context == context", EACH),
    ],
)  # fmt: skip
def test_a_condition_tells_apart_what_its_tests_of_the_class_do(condition: str, groups: set[frozenset[str]]) -> None:
    assert told_apart(condition) == groups
