"""The worker on its own. Apart from its neighbours because its queue takes long to import."""

from __future__ import annotations

from pathlib import Path

import click

from bienho.pipeline import ask, open_app
from bienho.pipeline.worker.process import work as do_work


@click.command()
@click.option("--beside", type=int, help="Dừng khi tiến trình có số này không còn.")
@click.pass_obj
def work(home: Path | None, beside: int | None) -> None:
    """Chạy tiến trình nền (bên ghi duy nhất) cho đến khi được yêu cầu dừng; `serve` đã tự mở sẵn một."""
    with open_app(home) as app:
        ask.permit(app, "work")
        do_work(app, parent=beside)
