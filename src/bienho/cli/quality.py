"""`bienho quality`: how good the data are, and by what they are judged."""

from __future__ import annotations

import click


@click.group()
def quality() -> None:
    """Quy tắc chất lượng: hồ sơ được xét thế nào."""
