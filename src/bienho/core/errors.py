"""The error tree of Bienho.

    BienhoError                 exit  code prefix   who acts
    ├── UsageError                2   USE-          the person at the keyboard
    ├── InputError                3   IN-           the sender of the data
    │   └── LimitError            8   LIM-          the sender: split or shrink
    ├── ConfigError               4   CFG-          the operator
    ├── StorageError              5   STO-          the operator
    ├── BusyError                 6   BUSY-         wait, then again
    ├── DeniedError               7   DENY-         whoever grants access
    └── IntegrityError            9   INT-          the operator, before anything else

Messages are Vietnamese, for people; codes are stable, for machines. No message carries a patient value.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class BienhoError(Exception):
    """Base of every error the project raises on purpose."""

    exit_code = 1

    def __init__(self, code: str, message: str, *, hint: str = "", who: str = "") -> None:
        super().__init__(f"[{code}] {message}")
        self.code = code
        self.message = message
        self.hint = hint
        self.who = who

    def as_dict(self) -> dict[str, str]:
        """The machine form printed by `--json`."""
        return {"code": self.code, "message": self.message, "hint": self.hint, "who": self.who}

    def __reduce__(self) -> tuple[Any, ...]:
        # An exception is made again from its args, which are not what these are made from: without this an error of
        # another process would break the one that waits for it instead of being raised there.
        return _again, (type(self), self.args, self.__dict__)


class UsageError(BienhoError):
    exit_code = 2


class InputError(BienhoError):
    exit_code = 3


class LimitError(InputError):
    exit_code = 8


class ConfigError(BienhoError):
    exit_code = 4


class StorageError(BienhoError):
    exit_code = 5


class BusyError(BienhoError):
    exit_code = 6


class DeniedError(BienhoError):
    exit_code = 7


class IntegrityError(BienhoError):
    exit_code = 9


def _again(kind: type[BienhoError], told: tuple[Any, ...], held: Mapping[str, Any]) -> BienhoError:
    error = kind.__new__(kind, *told)
    error.args = told
    error.__dict__.update(held)
    return error
