"""Law 2 for the vault: killed anywhere, sealing again ends in the undisturbed state; twice is once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from bienho.database import Role, open_database, places, server
from bienho.privacy import FreshVisits, Vault, encode
from bienho.privacy.vault import BATCH_MAX
from support.homes import Made, temporary_home
from support.people import FACILITY, entries, entry

pytestmark = pytest.mark.database
TESTS = str(Path(__file__).resolve().parents[1])
SEAL_FOREVER = """
from bienho.config import Home, load_keys
from bienho.database import open_database
from bienho.privacy import Vault
from support.people import entries
home = Home.open()
keys = load_keys(home)
with open_database(home, keys) as database:
    vault, start = Vault(keys, database), 0
    while True:
        print(start, flush=True)
        vault.seal(entries(vault, 100, start=start))
        start += 100
"""


BLIND = "record_id, patient_key, personal_id, insurance_number, phone, name_birth"


@pytest.fixture
def made() -> Iterator[Made]:
    with temporary_home() as made:
        yield made


def state(made: Made) -> tuple[list[tuple[bytes, ...]], list[tuple[object, ...]]]:
    """Everything in the vault that does not depend on chance (keys and nonces do)."""
    with made.database.connect(Role.GOVERNANCE) as connection:
        records = connection.execute("SELECT record_id, patient_key, size FROM vault.record ORDER BY 1").fetchall()
        blind = connection.execute(f"SELECT {BLIND} FROM vault.blind_index ORDER BY {BLIND}").fetchall()
        orphans = connection.execute(
            "SELECT count(*) FROM vault.record LEFT JOIN vault.patient AS p USING (patient_key)"
            " WHERE p.patient_key IS NULL"
        ).fetchone()
    assert orphans == (0,)
    return records, blind


def test_sealing_again_writes_nothing(made: Made) -> None:
    vault = Vault(made.keys, made.database)
    batch = entries(vault, 40)
    first = vault.seal(batch)
    assert (first.written, first.existing, first.erased) == (40, 0, 0)
    before = state(made)
    again = vault.seal(list(reversed(batch)))
    assert (again.written, again.existing, again.erased) == (0, 40, 0)
    assert again.record_ids == tuple(reversed(first.record_ids))
    assert state(made) == before
    more = vault.seal([*batch, *entries(vault, 4, start=38)], fresh=True)  # not looked for: met when refused
    assert (more.written, more.existing, more.erased) == (2, 42, 0)
    assert len(state(made)[1]) == len(before[1]) + 2
    assert len(set(first.record_ids)) == 40


def test_a_new_content_is_a_new_record_beside_the_old(made: Made) -> None:
    vault = Vault(made.keys, made.database)
    first, second = entry(vault, 1), entry(vault, 1, revision=1)
    result = vault.seal([first, second, first])
    assert (result.written, result.existing) == (2, 1)
    assert result.record_ids == (first.record_id, second.record_id, first.record_id)
    assert vault.open(result.record_ids) == {first.record_id: first.payload, second.record_id: second.payload}


def test_two_homes_with_one_key_give_the_same_names(made: Made) -> None:
    """Rebuild elsewhere finds the same ids."""
    with temporary_home() as other:
        for one in (made, other):
            Vault(one.keys, one.database).seal(entries(Vault(one.keys, one.database), 30))
        assert state(made) == state(other)


def test_sealers_at_once_write_each_record_once(made: Made) -> None:
    counts: list[int] = []

    def go(turn: int) -> None:
        vault = Vault(made.keys, made.database)
        batch = entries(vault, 300)
        for start in range(0, 300, 100):
            part = batch[start : start + 100]
            counts.append(vault.seal(part if turn % 2 else part[::-1]).written)

    threads = [threading.Thread(target=go, args=(turn,)) for turn in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(counts) == 12
    assert sum(counts) == 300
    vault = Vault(made.keys, made.database)
    assert vault.open(one.record_id for one in sealed_names(vault, 300)) == {
        one.record_id: one.payload for one in sealed_names(vault, 300)
    }


def sealed_names(vault: Vault, count: int) -> list:
    batch = entries(vault, count)
    vault.seal(batch)
    return batch


@pytest.mark.parametrize("victim", ["sealer", "server"])
@pytest.mark.parametrize("batches", [1, 4])
def test_killed_between_or_within_batches_nothing_is_half(made: Made, victim: str, batches: int) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", SEAL_FOREVER],
        env={**made.environment, "PYTHONPATH": TESTS},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert child.stdout is not None
    for _ in range(batches + 1):
        started = int(child.stdout.readline())
    if victim == "server":
        place = places.locate(made.home, create=False)
        found = server.postmaster(place.data) if place else None
        assert found is not None
        os.kill(found.pid, signal.SIGKILL)
    child.kill()
    child.communicate()
    with open_database(made.home, made.keys) as database, temporary_home() as undisturbed:
        vault = Vault(made.keys, database)
        done = vault.counts()["records"]
        assert done % 100 == 0
        assert done >= started
        total = started + 200
        Vault(undisturbed.keys, undisturbed.database).seal(entries(vault, total))
        vault.seal(entries(vault, total))
        assert state(made) == state(undisturbed)
        last = sealed_names(vault, total)[-1]
        assert vault.open([last.record_id]) == {last.record_id: last.payload}


def test_a_vault_filled_at_once_ends_as_one_filled_by_batches(made: Made) -> None:
    """What finds records is away only while an empty vault is filled, and back whatever ends it."""

    def indexes() -> set[str]:
        with made.database.connect(Role.ADMIN) as admin:
            return {line for (line,) in admin.execute("SELECT indexdef FROM pg_indexes WHERE schemaname = 'vault'")}

    vault, before = Vault(made.keys, made.database), indexes()
    batch = entries(vault, 40)
    with suppress(ZeroDivisionError), vault.filling():
        assert len(before - indexes()) == 6
        vault.seal(batch[:20], fresh=True)
        looked_for = dict(batch[4].blind)["personal_id"]
        assert (batch[4].patient_key, batch[4].record_id) in vault.find("personal_id", looked_for)
        raise ZeroDivisionError
    assert indexes() == before
    with vault.filling():  # begun again
        assert indexes() == before, "a vault with records keeps them"
        vault.seal(batch, fresh=True)
    assert indexes() == before
    with temporary_home() as other:
        Vault(other.keys, other.database).seal(entries(Vault(other.keys, other.database), 40))
        assert state(made) == state(other)


def test_visits_in_columns_are_sealed_as_entries_are(made: Made) -> None:
    vault = Vault(made.keys, made.database)
    batch = entries(vault, 40)
    with made.database.connect(Role.GOVERNANCE, autocommit=True) as reader, vault.filling():
        payloads, ma_bn = [encode(one.payload) for one in batch], [one.payload["XML1"][0]["MA_BN"] for one in batch]
        blinds = [one.blind for one in batch]
        parts = [
            FreshVisits(FACILITY, [one.ma_lk for one in batch[there]], ma_bn[there], payloads[there], blinds[there])
            for there in (slice(25), slice(25, 40), slice(0))
        ]
        dossiers, patients, records = vault.seal_fresh(parts)
        order = reader.execute("SELECT record_id FROM vault.record ORDER BY ctid").fetchall()
        assert order == sorted(order), "the order they came in shows"
    assert dossiers == [vault.dossier_key(FACILITY, one.ma_lk) for one in batch]
    assert patients == [one.patient_key for one in batch]
    assert vault.open(records) == {record: one.payload for record, one in zip(records, batch, strict=True)}
    before = state(made)
    assert vault.seal(batch).record_ids == tuple(records)
    assert vault.seal_fresh(parts) == (dossiers, patients, records)  # met when refused
    assert vault.seal_fresh([]) == ([], [], [])
    assert state(made) == before


def test_a_batch_has_a_limit(made: Made) -> None:
    vault = Vault(made.keys, made.database)
    with pytest.raises(ValueError, match=str(BATCH_MAX)):
        vault.seal([entry(vault, 1)] * (BATCH_MAX + 1))
    assert vault.seal([]).record_ids == ()


def test_a_value_is_found_in_whatever_part_its_record_was_written(made: Made) -> None:
    """Two records of one person a part apart, one of them from before there were parts."""
    vault = Vault(made.keys, made.database)
    first, second, other = (entry(vault, number) for number in (0, 1, 2))
    with made.database.connect(Role.ADMIN, autocommit=True) as admin:
        for one, rows in ((first, 65_536), (other, 200_000), (second, 5_000_000)):
            admin.execute("SELECT setval('vault.blind_rows', %s, false)", (rows,))
            vault.seal([one])
        parts = admin.execute("SELECT DISTINCT part FROM vault.blind_index ORDER BY 1").fetchall()
        assert parts == [(1,), (3,), (76,)]
        admin.execute("UPDATE vault.blind_index SET part = 0 WHERE part = 1")
        person = first.payload["XML1"][0]
        mine = sorted((one.patient_key, one.record_id) for one in (first, second))
        for kind, field in (("personal_id", "SO_CCCD"), ("phone", "DIEN_THOAI"), ("insurance_number", "MA_THE_BHYT")):
            assert vault.find(kind, str(person[field])) == mine
        admin.execute("DROP INDEX vault.blind_personal_id")  # a filling was killed
        assert vault.find("personal_id", str(person["SO_CCCD"])) == mine
        assert vault.find("personal_id", "064000000000") == []
