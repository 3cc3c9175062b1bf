"""Three modules of the standard library that only POSIX systems have, or None.

A home needs them. `bienho check` does not, and must start on the Windows PC of a hospital.
"""

from __future__ import annotations

try:
    import fcntl
    import pwd
    import resource
except ImportError:
    fcntl = None  # type: ignore[assignment]
    pwd = None  # type: ignore[assignment]
    resource = None  # type: ignore[assignment]

__all__ = ["fcntl", "pwd", "resource"]
