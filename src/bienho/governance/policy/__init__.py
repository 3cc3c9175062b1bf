"""Policies in Cedar: what they are asked, what they answer, and by which set of them. See the README of the room."""

from bienho.governance.policy.engine import Answer, Engine, Policy, Question, engine
from bienho.governance.policy.facts import CLASSES, DATA_ACTIONS, Facts, Reach, Verdict, judge
from bienho.governance.policy.revisions import CURRENT, Revision, engine_of, in_force_on, revision, revisions

__all__ = [
    "CLASSES",
    "CURRENT",
    "DATA_ACTIONS",
    "Answer",
    "Engine",
    "Facts",
    "Policy",
    "Question",
    "Reach",
    "Revision",
    "Verdict",
    "engine",
    "engine_of",
    "in_force_on",
    "judge",
    "revision",
    "revisions",
]
