"""Examinations of a home by the doctor, many in one process."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from importlib import metadata

import pytest

from bienho.pipeline import doctor
from bienho.pipeline.doctor import Check, Probes, diagnose
from bienho.pipeline.doctor.check import Found, Item, Scene
from support.homes import Made

installed_version = cache(metadata.version)


def by_code(checks: list[Check]) -> dict[str, Check]:
    return {check.code: check for check in checks}


def the_only_fault(checks: list[Check], code: str, *, status: str = "fail") -> Check:
    """The check that was planted; nothing else failed, and nothing unplanted warned but what always may."""
    failed = {check.code for check in checks if check.status == "fail"}
    assert failed == ({code} if status == "fail" else set()), [check for check in checks if check.status == "fail"]
    found = by_code(checks)[code]
    assert found.status == status
    assert found.repair
    return found


def look(made: Made, **probes: object) -> list[Check]:
    """The whole examination; what it asks of the installed packages it asks once for all tests."""
    given = {"installed_version": installed_version} | probes
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(doctor, "CHECKS", ITEMS)
        return diagnose(made.home.path, Probes(**given))  # type: ignore[arg-type]


def look_afresh(made: Made, **probes: object) -> list[Check]:
    """The whole examination as the command makes it."""
    return diagnose(made.home.path, Probes(**probes))  # type: ignore[arg-type]


def once(item: Item) -> Item:
    """To load DuckDB's extensions, with their signatures checked, takes longer than all the rest of a look."""
    kept: list[tuple[Found, str]] = []

    def again(scene: Scene) -> Found:
        if not kept:
            kept.append((item.look(scene), scene.format_written))
        found, scene.format_written = kept[0]
        return found

    return replace(item, look=again)


ITEMS = tuple(once(item) if item.code == "extensions" else item for item in doctor.CHECKS)
