"""Plausibility by life course: every life is lived again, event after event (see the README above)."""

from __future__ import annotations

from plausibility.life_course.live import KINDS, check
from plausibility.life_course.read import read
from plausibility.life_course.told import Found

__all__ = ["KINDS", "Found", "check", "read"]
