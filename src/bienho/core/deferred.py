"""Libraries that few commands need, imported when they are first used: every command of a terminal starts sooner."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import Any


class Deferred(ModuleType):
    """Stands for a module until something of it is asked for."""

    def __getattr__(self, name: str) -> Any:
        value = getattr(import_module(self.__name__), name)
        setattr(self, name, value)
        return value


def deferred(name: str) -> Any:
    """The module `name`, not imported yet. For type checkers import it under TYPE_CHECKING beside this."""
    return Deferred(name)
