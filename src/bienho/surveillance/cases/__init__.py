"""Cases of notifiable diseases: the SQL model `conformed` → `derived.notifiable_case`, and series made of it."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from bienho.contracts.models import Model, load_models

__all__ = ["models"]


@cache
def models() -> tuple[Model, ...]:
    """Models `conformed.*` → `derived.*` of this room."""
    return load_models(Path(__file__).parent / "models")
