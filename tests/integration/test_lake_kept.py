"""The lake stays attached from one writing to the next, until it has written so much that a new one is quicker."""

from __future__ import annotations

from pathlib import Path

import pytest

from bienho.pipeline import app as rooms
from bienho.pipeline import open_app
from bienho.pipeline.ingest import ingest
from bienho.synthetic import Plan, generate
from support.homes import temporary_home


def test_another_takes_over_after_so_many_versions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    generate(Plan(persons=12, months=3, seed=4, board=False, share_checkin=0.0), tmp_path / "files")
    with temporary_home(ready=True) as made, open_app(made.home.path) as app:
        with app.writing() as first:
            pass
        ingest(app, [tmp_path / "files"])
        with app.writing() as again:
            assert again is first
            versions = again.table_counts()["standard.xml130_dossier"]
            assert again.written == versions > 0
        monkeypatch.setattr(rooms, "WORN", versions)
        with app.writing() as other:
            assert other is not first
            assert (other.written, other.table_counts()["standard.xml130_dossier"]) == (0, versions)
