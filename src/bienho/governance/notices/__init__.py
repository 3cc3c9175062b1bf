"""Notices: what the house tells by itself, to whom, when, in which words, and what became of it. See README.md."""

from bienho.governance.notices.kinds import KINDS, MODES, Kind, Mode, Notice, offered
from bienho.governance.notices.plan import Preference

__all__ = ["KINDS", "MODES", "Kind", "Mode", "Notice", "Preference", "offered"]
