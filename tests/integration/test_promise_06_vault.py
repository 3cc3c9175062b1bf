"""Promise 6: keys never lie beside the data they open; without the right key, or altered, nothing opens."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from bienho.config import KeyRing
from bienho.core.errors import IntegrityError, UsageError
from bienho.database import Role, places, stop
from bienho.privacy import Vault, VaultEntry, name_birth
from support.homes import Made, temporary_home
from support.people import entries, entry

pytestmark = pytest.mark.database


@pytest.fixture
def made() -> Iterator[Made]:
    with temporary_home() as made:
        yield made


@pytest.fixture
def vault(made: Made) -> Vault:
    return Vault(made.keys, made.database)


@pytest.fixture
def batch(vault: Vault) -> list[VaultEntry]:
    batch = entries(vault, 20)
    vault.seal(batch)
    return batch


def tamper(made: Made, statement: str, *values: object) -> None:
    """What only whoever holds the disk can do."""
    with made.database.connect(Role.ADMIN) as admin:
        assert admin.execute(statement, values).rowcount > 0


def test_what_was_sealed_opens_again_exactly(vault: Vault, batch: list[VaultEntry]) -> None:
    opened = vault.open([one.record_id for one in batch] + ["0" * 32])
    assert opened == {one.record_id: one.payload for one in batch}
    assert vault.open([]) == {}


def test_every_flipped_byte_is_noticed(made: Made, vault: Vault, batch: list[VaultEntry]) -> None:
    one = batch[3]
    raw = bytes.fromhex(one.record_id)
    with made.database.connect(Role.GOVERNANCE) as connection:
        row = connection.execute("SELECT length(sealed) FROM vault.record WHERE record_id = %b", (raw,)).fetchone()
    assert row is not None
    flip = "UPDATE vault.record SET sealed = set_byte(sealed, %s, get_byte(sealed, %s) # 1) WHERE record_id = %b"
    for place in (0, 1, 12, 13, int(row[0]) // 2, int(row[0]) - 1):
        tamper(made, flip, place, place, raw)
        with pytest.raises(IntegrityError) as told:
            vault.open([one.record_id])
        assert told.value.code == "INT-VAULT-TAMPERED"
        tamper(made, flip, place, place, raw)
    assert vault.open([one.record_id])


def test_a_record_put_in_the_place_of_another_is_noticed(made: Made, vault: Vault, batch: list[VaultEntry]) -> None:
    """Two records of one patient, so that even the data key fits."""
    first, second = batch[0], batch[1]
    assert first.patient_key == second.patient_key
    tamper(
        made,
        "UPDATE vault.record SET sealed = (SELECT sealed FROM vault.record WHERE record_id = %b) WHERE record_id = %b",
        bytes.fromhex(first.record_id),
        bytes.fromhex(second.record_id),
    )
    with pytest.raises(IntegrityError) as told:
        vault.open([second.record_id])
    assert told.value.code == "INT-VAULT-TAMPERED"
    assert vault.open([first.record_id])[first.record_id] == first.payload


def test_a_key_put_in_the_place_of_another_is_noticed(made: Made, vault: Vault, batch: list[VaultEntry]) -> None:
    tamper(
        made,
        "UPDATE vault.patient SET wrapped_key = (SELECT wrapped_key FROM vault.patient WHERE patient_key = %b)"
        " WHERE patient_key = %b",
        bytes.fromhex(batch[0].patient_key),
        bytes.fromhex(batch[2].patient_key),
    )
    with pytest.raises(IntegrityError) as told:
        vault.open([batch[2].record_id])
    assert told.value.code == "INT-VAULT-KEY"


def test_another_master_key_opens_nothing(made: Made, batch: list[VaultEntry]) -> None:
    """The database is reached (its passwords are known), the master key of the vault is another one."""
    stranger = Vault(KeyRing(made.home.home_id, bytes(32)), made.database)
    with pytest.raises(IntegrityError) as told:
        stranger.open([batch[0].record_id])
    assert told.value.code == "INT-VAULT-KEY"
    assert batch[0].record_id != stranger.record_id(batch[0].facility, batch[0].ma_lk, b"{}")


def test_the_key_lies_nowhere_in_the_home_or_the_server(made: Made, batch: list[VaultEntry]) -> None:
    stop(made.home)
    place = places.locate(made.home, create=False)
    assert place is not None
    purposes = ["patient-key", "dossier-key", "record-id", "blind-index"]
    secret = [made.keys.derive(f"privacy/{purpose}") for purpose in purposes]
    secret += [*made.keys.wrap_keys().keys.values(), made.keys._identity]
    secret += [made.keys.derive(f"database/{role.name.lower()}") for role in Role]
    # other tests of this process may have made homes under the same configuration: their keys are looked for as well
    secret += [file.read_bytes() for file in (made.config / "bienho" / "keys").glob("*.key")]
    forms = [form for key in secret for form in (key, key.hex().encode())]
    paths = [path for top in (place.folder, made.home.path) for path in top.rglob("*") if path.is_file()]
    assert len(paths) > 100
    assert [path.name for path in paths if any(form in path.read_bytes() for form in forms)] == []


def test_erased_stays_erased(made: Made, vault: Vault, batch: list[VaultEntry]) -> None:
    gone, kept = batch[0], batch[2]
    assert vault.find("personal_id", str(gone.payload["XML1"][0]["SO_CCCD"]))
    assert vault.erase([gone.patient_key, gone.patient_key], "Điều 14 Luật 91/2025/QH15") == 1
    assert vault.erase([gone.patient_key], "Điều 14 Luật 91/2025/QH15") == 0
    assert set(vault.open([gone.record_id, batch[1].record_id, kept.record_id])) == {kept.record_id}
    again = vault.seal([*batch, entry(vault, 0, revision=5)])
    assert (again.written, again.existing, again.erased) == (0, 18, 3)
    assert again.erased_patients == {gone.patient_key}
    assert vault.find("personal_id", str(gone.payload["XML1"][0]["SO_CCCD"])) == []
    assert vault.counts() == {"records": 20, "patients": 9, "erased": 1}


def test_a_patient_erased_before_the_first_dossier_never_comes_in(vault: Vault) -> None:
    """A rebuild from raw in an empty vault: the tombstone is there first."""
    one = entry(vault, 7)
    assert vault.erase([one.patient_key], "Điều 14") == 1
    assert vault.seal([one]).erased == 1
    assert vault.counts() == {"records": 0, "patients": 0, "erased": 1}


def test_erasing_beside_sealers_leaves_no_way_to_the_person(made: Made, vault: Vault) -> None:
    """Sealers keep bringing new contents of one patient while the patient is erased."""
    patient = entry(vault, 0).patient_key
    results: list[int] = []
    gone = threading.Event()

    def keep_sealing(turn: int) -> None:
        """Until the patient is gone, and a few times more."""
        more = 5
        for revision in range(10_000):
            more -= gone.is_set()
            if not more:
                break
            results.append(vault.seal([entry(vault, 0, revision=100_000 * turn + revision)]).erased)

    threads = [threading.Thread(target=keep_sealing, args=(turn,)) for turn in range(3)]
    for thread in threads:
        thread.start()
    while len(results) < 10:
        time.sleep(0.005)
    vault.erase([patient], "Điều 14")
    gone.set()
    for thread in threads:
        thread.join()
    assert sum(results) > 0
    assert vault.find("personal_id", str(entry(vault, 0).payload["XML1"][0]["SO_CCCD"])) == []
    assert vault.counts()["patients"] == 0
    # every record written came in before the key was destroyed, none after
    assert vault.counts()["records"] == len(results) - sum(results)


def test_the_destroyed_key_is_gone_from_the_table_file(made: Made, vault: Vault, batch: list[VaultEntry]) -> None:
    with made.database.connect(Role.ADMIN, autocommit=True) as admin:
        row = admin.execute(
            "SELECT wrapped_key FROM vault.patient WHERE patient_key = %b", (bytes.fromhex(batch[0].patient_key),)
        ).fetchone()
        assert row is not None
        wrapped = bytes(row[0])
        place = places.locate(made.home, create=False)
        assert place is not None

        def table_file() -> bytes:
            admin.execute("CHECKPOINT")
            path = admin.execute("SELECT pg_relation_filepath('vault.patient')").fetchone()
            assert path is not None
            return (place.data / path[0]).read_bytes()

        assert wrapped in table_file()
        vault.erase([batch[0].patient_key], "Điều 14")
        assert wrapped not in table_file()


def test_erasure_needs_its_article(vault: Vault, batch: list[VaultEntry]) -> None:
    with pytest.raises(UsageError):
        vault.erase([batch[0].patient_key], "  ")
    assert vault.open([batch[0].record_id])


def test_a_record_is_found_by_what_a_person_would_type(vault: Vault, batch: list[VaultEntry]) -> None:
    one = batch[4]
    row = {name: str(value) for name, value in one.payload["XML1"][0].items()}
    mine = {(one.patient_key, one.record_id), (batch[5].patient_key, batch[5].record_id)}
    spaced = f"{row['SO_CCCD'][:3]} {row['SO_CCCD'][3:6]}.{row['SO_CCCD'][6:]}"
    birth = dict(one.blind)["name_birth"].split("|")[1]
    for kind, text in (
        ("personal_id", spaced),
        ("phone", "+84 " + row["DIEN_THOAI"][1:]),
        ("insurance_number", row["MA_THE_BHYT"][-10:]),
        ("insurance_number", "XX1" + row["MA_THE_BHYT"][3:].lower()),
        ("name_birth", name_birth(row["HO_TEN"].lower(), birth + "0000")),
    ):
        assert set(vault.find(kind, text)) == mine, kind
    assert vault.find("phone", "0123") == []
    with pytest.raises(KeyError):
        vault.find("address", "x")
