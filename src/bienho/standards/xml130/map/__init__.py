"""SQL models from the rows of XML130 as received to the common tables of the house."""

from functools import cache
from pathlib import Path

from bienho.contracts.models import Model, load_models

__all__ = ["models"]


@cache
def models() -> tuple[Model, ...]:
    """Models `standard.*` + `reference.*` → `conformed.*`, in an order in which they can run."""
    return load_models(Path(__file__).parent)
