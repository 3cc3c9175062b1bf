"""Weighed pairs and people's decisions → persons."""

from bienho.linkage.persons.constraints import FIRM
from bienho.linkage.persons.decisions import DECISIONS, DIFFERENT, SAME, Decision
from bienho.linkage.persons.resolve import PERSONS, resolve
from bienho.linkage.persons.rules import RULES, Rules

__all__ = ["DECISIONS", "DIFFERENT", "FIRM", "PERSONS", "RULES", "SAME", "Decision", "Rules", "resolve"]
