"""The first run of a home, and the end of its embedded database."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from bienho import database
from bienho.config import Home, default_home, load_profile
from bienho.governance import accounts, people
from bienho.pipeline.app import App
from bienho.pipeline.catalog import current_catalog
from bienho.pipeline.ingest import open_writer


def first_run(app: App) -> None:
    """Tables, built-in code lists, the units that follow from them, in demo mode its account. Safe to run again."""
    with app.writing() as lake, open_writer(app, lake, current_catalog(app.home)):
        pass
    people.units.ensure(app.database, app.home, people.units.first_units(load_profile()), datetime.now(UTC))
    if app.home.mode == "demo":
        accounts.ensure_demo_account(app.database, app.home)


def stop(path: Path | None) -> bool:
    """Stop the embedded database of a home; True when one was running."""
    return database.stop(Home.open(path or default_home()))
