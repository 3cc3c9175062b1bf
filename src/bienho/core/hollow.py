"""Runs one module's `main` without what its packages gather at their doors, for a process that is to hold little.

    python -m bienho.core.hollow MODULE PACKAGE…

Of each PACKAGE only the modules that are asked for are imported, never the package itself.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType


def hollow(package: str) -> None:
    """Put an empty package in the place of one that was not imported yet; its modules are found as ever."""
    spec = find_spec(package)
    if spec is None or spec.submodule_search_locations is None:
        raise ModuleNotFoundError(package)
    stands = ModuleType(package)
    stands.__spec__, stands.__path__ = spec, list(spec.submodule_search_locations)
    sys.modules[package] = stands
    parent, _, name = package.rpartition(".")
    setattr(sys.modules[parent], name, stands)


def main(arguments: Sequence[str]) -> None:
    module, *packages = arguments
    for package in packages:
        hollow(package)
    import_module(module).main()


if __name__ == "__main__":
    main(sys.argv[1:])
