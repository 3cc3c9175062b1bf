"""Promise 6, over time: the master key is replaced, given up and killed in the middle while the house is at work."""

from __future__ import annotations

import os
import shutil
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from bienho.config import key_path, load_keys, read_ring
from bienho.config import keys as config_keys
from bienho.config.providers import FileKeys
from bienho.core.errors import BienhoError
from bienho.database import Role, places, remove_database
from bienho.governance import audit
from bienho.governance.decision import Denied
from bienho.pipeline import App, open_app
from bienho.pipeline import backup as backups
from bienho.pipeline import keys as masters
from bienho.privacy import Rotation, Vault, rotation
from support.governed import actor
from support.homes import Made, temporary_home
from support.leaks import Searcher
from support.people import entries, entry, secrets_of

pytestmark = pytest.mark.database
OFFICER = actor()


@dataclass(frozen=True)
class House:
    """A ready home with key files of its own: other homes of this process share theirs."""

    made: Made
    app: App
    folder: Path


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("keys")
    with temporary_home(ready=True) as made:
        before = os.environ["XDG_CONFIG_HOME"]
        shutil.copytree(made.config, folder / "config")
        os.environ["XDG_CONFIG_HOME"] = str(folder / "config")
        try:
            with open_app(made.home.path) as app:
                yield House(replace(made, config=folder / "config"), app, folder)
        finally:
            os.environ["XDG_CONFIG_HOME"] = before


def active(house: House) -> int:
    ring = read_ring(house.made.home.path)
    assert ring is not None
    return ring.active


def wrapped_under(house: House) -> dict[int, int]:
    return {one.version: one.wrapped for one in masters.status(house.app) if one.wrapped}


class Load:
    """Sealers with new people and readers of old ones, until told to stop. What goes wrong is kept."""

    def __init__(self, house: House, start: int) -> None:
        self.sealed: list[Any] = []
        self.reads = 0
        self.wrong: list[BaseException] = []
        self._stop = threading.Event()
        vault = house.app.vault
        self._known = entries(vault, 40)
        vault.seal(self._known)
        self._threads = [
            threading.Thread(target=self._guard, args=(self._seal, house, start)),
            threading.Thread(target=self._guard, args=(self._read, house, start)),
        ]

    def _guard(self, work: Callable[[House, int], None], house: House, start: int) -> None:
        try:
            while not self._stop.is_set():
                work(house, start)
        except BaseException as error:
            self.wrong.append(error)

    def _seal(self, house: House, start: int) -> None:
        batch = entries(house.app.vault, 20, start=start + len(self.sealed))
        house.app.vault.seal(batch)
        self.sealed += batch

    def _read(self, house: House, _: int) -> None:
        # a process of its own would have loaded its keys at another time
        vault = Vault(load_keys(house.made.home), house.app.database)
        assert vault.open([one.record_id for one in self._known]) == {o.record_id: o.payload for o in self._known}
        self.reads += 1

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()
        assert self.wrong == []
        assert self.reads > 0
        assert self.sealed

    def everything(self) -> list[Any]:
        return [*self._known, *self.sealed]


def test_rotated_and_retired_while_sealers_and_readers_go_on(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rotation.Rotation.rewrap, "__defaults__", (None, 25))
    app = house.app
    named = app.vault.patient_key("64001", "BN1", None)
    with Load(house, 10_000) as load:
        for _ in range(3):
            old = active(house)
            version, moved = masters.rotate(app, OFFICER)
            assert version == old + 1
            assert moved > 0
            masters.retire(app, OFFICER, old)
    everything = load.everything()
    assert set(wrapped_under(house)) == {version}
    fresh = Vault(load_keys(house.made.home), app.database)
    assert fresh.open([one.record_id for one in everything]) == {one.record_id: one.payload for one in everything}
    assert fresh.patient_key("64001", "BN1", None) == named
    assert fresh.seal(everything).existing == len(everything)
    keys = house.made.config / "bienho" / "keys"
    assert [path.name for path in keys.glob(f"{house.made.home.home_id}*.key")] == [key_path(house.made.home).name]


def test_what_is_still_needed_is_not_given_up(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    vault = house.app.vault
    vault.seal(entries(vault, 60))
    with pytest.raises(BienhoError) as told:
        masters.retire(house.app, OFFICER, active(house))
    assert told.value.code == "USE-KEY-ACTIVE"
    with pytest.raises(BienhoError) as told:
        masters.retire(house.app, OFFICER, 99)
    assert told.value.code == "USE-KEY-UNKNOWN"
    old = active(house)
    monkeypatch.setattr(rotation.Rotation.rewrap, "__defaults__", (None, 10))
    with pytest.raises(ZeroDivisionError):  # cut short after the first batch
        masters.rotate(house.app, OFFICER, progress=lambda _: 1 // 0)  # type: ignore[arg-type,return-value]
    with pytest.raises(BienhoError) as told:
        masters.retire(house.app, OFFICER, old)
    assert told.value.code == "USE-KEY-WRAPS"
    assert masters.rotate(house.app, OFFICER)[0] == old + 1
    masters.retire(house.app, OFFICER, old)
    # whoever held a ring of before and never looked again is refused, not lost
    with (
        house.app.database.connect(Role.WORKER) as worker,
        pytest.raises(Exception, match="retired"),
    ):
        worker.execute(
            "INSERT INTO vault.patient (patient_key, wrapped_key, key_version) VALUES (%b, %b, %s)",
            (bytes(16), b"x", old),
        )


KILLS: dict[str, tuple[Any, str]] = {
    "version entered": (Rotation, "begin"),
    "master key made": (FileKeys, "create"),
    "ring written": (config_keys, "write_ring"),
    "a batch moved": (rotation.Sealer, "rewrap"),
    "all moved": (Rotation, "rewrap"),
    "version retired": (Rotation, "retire"),
    "master key destroyed": (FileKeys, "destroy"),
}


def in_a_process_that_dies(home: Path, owner: Any, name: str, passage: int) -> int:
    """Rotate and retire in a fork that is killed after the `passage`-th call of a function; its status."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    try:
        real, left = getattr(owner, name), [passage]

        def deadly(*given: Any, **named: Any) -> Any:
            result = real(*given, **named)
            left[0] -= 1
            if not left[0]:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        setattr(owner, name, deadly)
        rotation.Rotation.rewrap.__defaults__ = (None, 5)
        with open_app(home) as app:
            ring = read_ring(home)
            assert ring is not None
            masters.rotate(app, OFFICER)
            masters.retire(app, OFFICER, ring.active)
    finally:
        os._exit(1)


@pytest.mark.parametrize("place", KILLS)
def test_killed_anywhere_the_same_commands_finish(house: House, place: str) -> None:
    app, (owner, name) = house.app, KILLS[place]
    batch = entries(app.vault, 40)
    app.vault.seal(batch)
    old = active(house)
    passage = 12 if place == "a batch moved" else 1
    assert in_a_process_that_dies(house.made.home.path, owner, name, passage) == -signal.SIGKILL
    assert Vault(load_keys(house.made.home), app.database).open([batch[0].record_id])
    if active(house) == old or wrapped_under(house).get(old):
        assert masters.rotate(app, OFFICER)[0] == old + 1
    masters.retire(app, OFFICER, old)
    ring = read_ring(house.made.home.path)
    assert ring is not None
    assert ([one.version for one in ring.versions], ring.retiring) == ([old + 1], ())
    assert wrapped_under(house).keys() == {old + 1}
    opened = Vault(load_keys(house.made.home), app.database).open([one.record_id for one in batch])
    assert opened == {one.record_id: one.payload for one in batch}


def test_erased_and_rotated_at_once_nothing_of_the_erased_can_be_read(house: House, tmp_path: Path) -> None:
    """Erased while data keys move: neither comes back under the new version, nor by a sealer at work."""
    app = house.app
    gone, kept = entries(app.vault, 30, start=700_000), entries(app.vault, 30, start=800_000)
    app.vault.seal([*gone, *kept])
    with app.database.connect(Role.ADMIN) as admin:
        old_wraps = [
            bytes(row[0])
            for row in admin.execute(
                "SELECT wrapped_key FROM vault.patient WHERE patient_key = ANY (%b)",
                ([bytes.fromhex(one.patient_key) for one in gone],),
            )
        ]
    wrong: list[BaseException] = []

    def erase(part: list[Any]) -> None:
        try:
            for one in part:
                app.vault.erase([one.patient_key], "Điều 14 Luật 91/2025/QH15")
                assert app.vault.seal([one]).erased == 1
        except BaseException as error:
            wrong.append(error)

    with Load(house, 900_000):
        threads = [threading.Thread(target=erase, args=(gone[part::2],)) for part in range(2)]
        for thread in threads:
            thread.start()
        masters.rotate(app, OFFICER)
        for thread in threads:
            thread.join()
        masters.rotate(app, OFFICER)
    assert wrong == []
    assert app.vault.open([one.record_id for one in gone]) == {}
    assert app.vault.open([one.record_id for one in kept]) == {one.record_id: one.payload for one in kept}
    for one in gone:
        for kind, text in one.blind:
            assert app.vault.find(kind, text) == []
    assert len(app.vault.find(*kept[0].blind[0])) == 2
    place = places.locate(house.made.home, create=False)
    assert place is not None
    with app.database.connect(Role.ADMIN, autocommit=True) as admin:
        admin.execute("CHECKPOINT")
        path = admin.execute("SELECT pg_relation_filepath('vault.patient')").fetchone()
    assert path is not None
    assert not any(wrap in (place.data / path[0]).read_bytes() for wrap in old_wraps)
    searcher = Searcher({text for one in gone[:6] for text in secrets_of(one)}, tmp_path)
    assert searcher.search(house.made.home.path, place.folder) == []


def test_every_step_is_told_and_only_an_administrator_may(house: House) -> None:
    with pytest.raises(Denied):
        masters.rotate(house.app, actor("analyst"))
    with pytest.raises(Denied):
        masters.retire(house.app, actor("analyst"), 1)
    masters.rotate(house.app, OFFICER)
    told = [
        event["entity"][0]["detail"]["act"]
        for event in audit.recent(house.app.database, limit=4)
        if event["entity"][0]["type"] == "key"
    ]
    assert told == ["rotate-done", "rotate-begun", "keys", "keys"]
    assert audit.verify(house.app.database, house.app.keys, house.made.home).ok


def give_up_the_old(app: App) -> None:
    for one in masters.status(app):
        if one.state == "old":
            masters.retire(app, OFFICER, one.version)


def test_a_backup_says_which_key_it_needs_and_opens_with_that_one(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Made under one version, restored with that version's file from its envelope after it was given up here."""
    app, old = house.app, active(house)
    give_up_the_old(app)
    known = entry(app.vault, 3)
    app.vault.seal([known])
    copy = tmp_path / "bản sao.bienho"
    backups.backup(app, copy)
    safe = tmp_path / "safe" / "back.key"
    safe.parent.mkdir()
    shutil.copy(key_path(house.made.home), safe)
    masters.rotate(app, OFFICER)
    give_up_the_old(app)
    assert backups.needed_versions(copy) == (old,)
    with pytest.raises(BienhoError) as told:
        backups.restore(copy, tmp_path / "without")
    assert told.value.code == "CFG-KEY-MISSING"
    place = safe if old == 1 else safe.with_name(f"back.{old}.key")
    safe.rename(place)
    monkeypatch.setenv("BIENHO_KEY_FILE", str(safe))
    folder = tmp_path / "khôi phục"
    backups.restore(copy, folder)
    try:
        with open_app(folder) as restored:
            assert restored.vault.open([known.record_id]) == {known.record_id: known.payload}
            assert [one.state for one in masters.status(restored)][-1] == "active"
    finally:
        with open_app(folder) as restored:
            home = restored.home
        remove_database(home)
