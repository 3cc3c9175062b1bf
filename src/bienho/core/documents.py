"""Reading YAML files of the program with the quick one of the two safe loaders, where it is installed."""

from __future__ import annotations

from typing import Any

import yaml

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_yaml(text: str) -> Any:
    """What a YAML text says; tags that make objects are refused. yaml.YAMLError when it is none."""
    return yaml.load(text, Loader=_LOADER)  # noqa: S506 - both loaders are the safe one
