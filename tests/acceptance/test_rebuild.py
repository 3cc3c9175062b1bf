"""Law 4: incremental = rebuild, and a planted wrong row is seen."""

from __future__ import annotations

import shutil

import pytest

from bienho.database import Role
from bienho.pipeline import App, jobs, open_app
from bienho.pipeline.rebuild import digest_all, rebuild
from support.homes import Made, temporary_home
from support.province import Province

pytestmark = pytest.mark.database


def current_digests(app: App) -> dict[str, str]:
    with app.writing() as lake:
        return digest_all(lake)


def copy_vault(source: Made, target: Made) -> None:
    """The vault as it is, into an empty home of the same key."""
    with (
        source.database.connect(Role.ADMIN) as here,
        target.database.connect(Role.ADMIN) as there,
    ):
        for table in ("patient", "record", "blind_index"):
            with (
                here.cursor().copy(f"COPY vault.{table} TO STDOUT (FORMAT binary)") as reading,
                there.cursor().copy(f"COPY vault.{table} FROM STDIN (FORMAT binary)") as writing,
            ):
                for block in reading:
                    writing.write(block)


def test_rebuild_in_an_empty_home_from_copied_raw_vault_and_key_is_equal(province: Province) -> None:
    jobs.bring_up_to_date(province.app)
    expected = current_digests(province.app)
    with temporary_home("bản sao") as empty:
        shutil.copytree(province.made.home.raw_dir, empty.home.raw_dir, dirs_exist_ok=True)
        copy_vault(province.made, empty)
        with open_app(empty.home.path) as app:
            report = rebuild(app, compare=False)
            assert report.deliveries == province.app.raw.last_seq() - 1  # the frozen weeks are the house's own
            assert report.vault_written == 0, "the vault had every record already"
            assert report.digests == expected
            assert current_digests(app) == expected


def test_compare_changes_nothing_and_catches_one_wrong_row(province: Province) -> None:
    before = current_digests(province.app)

    def plant(connection) -> None:
        connection.execute(
            "UPDATE lake.conformed.claim SET total_hospital = total_hospital + 1 WHERE version_id ="
            " (SELECT max(version_id) FROM lake.conformed.claim)"
        )

    def mend(connection) -> None:
        connection.execute(
            "UPDATE lake.conformed.claim SET total_hospital = total_hospital - 1 WHERE version_id ="
            " (SELECT max(version_id) FROM lake.conformed.claim)"
        )

    with province.app.writing() as lake:
        lake.commit(plant, author="test", message="plant", deliveries=())
    planted = rebuild(province.app, compare=True)
    assert {name.split(" ")[0] for name in planted.different} == {"conformed.claim"}
    with province.app.writing() as lake:
        lake.commit(mend, author="test", message="mend", deliveries=())
    # that a rebuild of sound rows is equal, the test before this one showed
    assert planted.compared is not None
    assert current_digests(province.app) == before
