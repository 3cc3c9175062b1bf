"""Classes no policy tells apart: asking about one of them says what asking about each would, whatever the policies."""

from __future__ import annotations

from collections import Counter
from importlib import import_module
from typing import Any
from unittest import mock

import cedarpy
from hypothesis import given, settings
from hypothesis import strategies as st

from bienho.governance.policy import CLASSES, CURRENT, Engine, Question
from bienho.governance.policy.engine import SCHEMA, WHOLE
from support.examples import some

WORDS = (WHOLE, *CLASSES)
SAID = (CURRENT / SCHEMA).read_text(encoding="utf-8")
NOTES = '@id("p{}") @article("Luật") @reviewed("false") @title_vi("Chữ") '

words = st.sampled_from(WORDS).map('"{}"'.format)
listed = st.lists(words, min_size=1, max_size=4, unique=True).map(lambda found: f"[{', '.join(found)}]")
plain = st.one_of(
    words.map("context.class == {}".format),
    words.map("{} == context.class".format),
    listed.map("{}.contains(context.class)".format),
    st.just("context.agreement.classes.contains(context.class)"),
)
odd = st.one_of(
    words.map("context.class != {}".format),
    words.map("[context.class].contains({})".format),
    st.sampled_from(
        (
            'context.agreement.classes.containsAll([context.class, "open"])',
            'context.class like "*e*"',
            "context.reason == context.class",
            '(if context.emergency then context.class else context.reason) == "open"',
            'resource in Zone::"standard"',
            "principal.by_commune",
            "context.emergency",
        )
    ),
)


def sets(leaves: st.SearchStrategy[str]) -> st.SearchStrategy[tuple[tuple[str, str], ...]]:
    """Three policies, the first of which permits the whole and some classes."""
    joined = st.tuples(leaves, st.sampled_from(("&&", "||")), leaves).map(lambda found: f"({' '.join(found)})")
    conditions = st.one_of(leaves, joined, st.tuples(joined, joined).map(lambda two: f"!({two[0]} || {two[1]})"))
    return st.tuples(
        st.tuples(st.just("permit"), listed.map('(context.class == "" || {}.contains(context.class))'.format)),
        st.tuples(st.just("permit"), conditions),
        st.tuples(st.just("forbid"), conditions),
    )


def question(agreed: frozenset[str], emergency: bool, reason: str, classes: tuple[str, ...]) -> Question:
    return Question(
        frozenset({"viewer"}), (True, False), "read", "standard.xml130_1", "standard", "", True, (True, False),
        "tra-cuu-ho-so", True, True, frozenset({"viewer"}), "a", False, True, True, agreed, "portal", "two",
        emergency, reason, classes,
    )  # fmt: skip


def test_a_class_is_answered_as_if_it_were_asked_about_alone() -> None:
    seen: Counter[str] = Counter()
    cedar = cedarpy.is_authorized_batch

    def counting(requests: list[dict[str, Any]], *given: Any) -> list[cedarpy.AuthzResult]:
        seen["asked"] += len(requests)
        return cedar(requests, *given)

    @settings(max_examples=some(100), derandomize=True, deadline=None)
    @given(
        sets(plain) | sets(plain | odd),
        st.frozensets(st.sampled_from(CLASSES)),
        st.booleans(),
        st.sampled_from(WORDS),
        st.permutations(CLASSES).map(tuple),
    )
    def same(
        held: tuple[tuple[str, str], ...],
        agreed: frozenset[str],
        emergency: bool,
        reason: str,
        classes: tuple[str, ...],
    ) -> None:
        texts = {
            str(n): NOTES.format(n) + f"{effect} (principal, action, resource) when {{ {condition} }};"
            for n, (effect, condition) in enumerate(held)
        }
        asked = question(agreed, emergency, reason, classes)
        alone = Engine(texts, SAID)
        with mock.patch.object(alone, "_stand_ins", return_value={name: name for name in (WHOLE, *classes)}):
            expected = alone.ask([asked])
        with mock.patch.object(cedarpy, "is_authorized_batch", counting):
            assert Engine(texts, SAID).ask([asked]) == expected
        seen["whole"] += 1 + len(classes)
        seen["allowed" if expected[0].allowed else "refused"] += 1
        seen["classes"] += 0 < len(expected[0].classes) < len(classes)

    same()
    assert seen["asked"] < seen["whole"] - 30
    assert min(seen["allowed"], seen["refused"], seen["classes"]) > 10


def test_a_handle_that_is_full_begins_anew() -> None:
    asked = [
        question(frozenset(CLASSES), False, "", ())._replace(roles=frozenset({role}), limited=(one, two))
        for role in ("viewer", "operator", "clinician")
        for one in (False, True)
        for two in (False, True)
    ]
    texts = {path.stem: path.read_text(encoding="utf-8") for path in CURRENT.glob("*.cedar")}
    expected = [Engine(texts, SAID).ask([one])[0] for one in asked]
    with mock.patch.object(import_module(Engine.__module__), "KEPT_ENTITIES", 4):
        engine = Engine(texts, SAID)
        assert [engine.ask([one])[0] for one in asked] == expected
        assert all(len(held) <= 4 for held, _ in engine._read._kept.values())
