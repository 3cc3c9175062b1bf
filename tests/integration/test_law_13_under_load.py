"""Laws 1, 2, 13 and promise 6 at once: deliveries come in while the master key is rotated and a person is erased.

All of them are killed with SIGKILL at named points. Nothing is lost, and nothing of the erased can be read again.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bench.faults.history import equal_to_a_rebuild
from bienho.config import load_keys, read_ring
from bienho.core.ids import delivery_seq
from bienho.database import Role
from bienho.governance import audit
from bienho.lake.raw import store
from bienho.pipeline import App, erasure, erasure_list, open_app
from bienho.pipeline import backup as backups
from bienho.pipeline import keys as masters
from bienho.pipeline.ingest import ingest
from bienho.pipeline.writer import Writer
from bienho.privacy import Erasures, Vault, rotation
from support.dumps import dump_lake, dump_postgresql, postgresql_folder
from support.erased import (
    ASKS,
    CONFIRMS,
    FACILITY,
    PAPER,
    House,
    Person,
    nowhere,
    opened_records,
    own_house,
    said_in_raw,
    sent,
)
from support.governed import actor
from support.leaks import Searcher

pytestmark = pytest.mark.database
OFFICER = actor()
PEOPLE = tuple(Person(f"Rơ Châm Thử Nghiệm{letter}", f"7002000{place}") for place, letter in enumerate("ABCD"))
GONE, STAYS = PEOPLE[0], PEOPLE[1:]
ERASURE_DIES: dict[str, tuple[Any, str]] = {
    "entered in the register": (Erasures, "confirm"),
    "data key destroyed": (Vault, "erase"),
    "segment in its place": (store, "put_in_place"),
    "lake written": (Writer, "write"),
}
"""In this order, each a little further on: the next one finds what the one before it left."""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with own_house(tmp_path_factory.mktemp("load")) as house:
        yield house


def child(work: Callable[[], None]) -> int:
    pid = os.fork()
    if pid:
        return pid
    try:
        work()
        os._exit(0)
    finally:
        os._exit(1)


def ended(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def dying(home: Path, place: tuple[Any, str], work: Callable[[App], object], passage: int = 1) -> int:
    """Do it in a process that is killed after a function was called; how that process ended."""

    def deadly() -> None:
        owner, name = place
        real, left = getattr(owner, name), [passage]

        def wrapped(*given: Any, **named: Any) -> Any:
            result = real(*given, **named)
            left[0] -= 1
            if not left[0]:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        setattr(owner, name, wrapped)
        rotation.Rotation.rewrap.__defaults__ = (None, 2)
        with open_app(home) as app:
            work(app)

    return ended(child(deadly))


class Senders:
    """A process that takes deliveries in, one after the other, and notes each receipt; killed and begun again."""

    def __init__(self, home: Path, folder: Path) -> None:
        self._home, self._folder = home, folder
        self._log, self._stop, self._life = folder / "receipts", folder / "stop", 0
        self._pid = 0

    def begin(self) -> None:
        self._life += 1
        self._pid = child(self._send)

    def _send(self) -> None:
        with open_app(self._home) as app, self._log.open("a", encoding="utf-8") as log:
            for number in range(1_000):
                if self._stop.exists():
                    return
                visit = f"{self._life}x{number}"
                data = sent(*(one.visit(f"{one.number[-1]}-{visit}") for one in PEOPLE[:: 1 + number % 2]))
                path = self._folder / f"{visit}.xml"
                path.write_bytes(data)
                (told,) = ingest(app, [path], compute=False).deliveries
                log.write(json.dumps([delivery_seq(told.id), hashlib.sha256(data).hexdigest()]) + "\n")
                log.flush()
                time.sleep(0.8)  # others want the writer lock, and the machine, too

    def kill(self) -> None:
        os.kill(self._pid, signal.SIGKILL)
        ended(self._pid)

    def end(self) -> None:
        self._stop.touch()
        assert ended(self._pid) == 0

    def wait(self, more: int) -> None:
        """Until so many further receipts were given."""
        wanted, deadline = len(self.receipts()) + more, time.monotonic() + 120
        while len(self.receipts()) < wanted:
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def receipts(self) -> list[tuple[int, str]]:
        text = self._log.read_text(encoding="utf-8") if self._log.exists() else ""
        return [tuple(json.loads(line)) for line in text.splitlines() if line.endswith("]")]


@contextmanager
def senders(home: Path, folder: Path) -> Iterator[Senders]:
    found = Senders(home, folder)
    found.begin()
    try:
        yield found
    except BaseException:
        found.kill()
        raise


def wrapped_keys(app: App) -> list[tuple[bytes, bytes]]:
    with app.database.connect(Role.ADMIN) as admin:
        rows = admin.execute("SELECT patient_key, wrapped_key FROM vault.patient WHERE wrapped_key IS NOT NULL")
        return [(bytes(patient), bytes(wrapped)) for patient, wrapped in rows]


def opens(wraps: dict[int, bytes], patient: bytes, wrapped: bytes) -> bool:
    for key in wraps.values():
        try:
            return bool(AESGCM(key).decrypt(wrapped[:12], wrapped[12:], patient))
        except InvalidTag:
            continue
    return False


def test_nothing_is_lost_and_nothing_of_the_erased_is_left(house: House, tmp_path: Path) -> None:
    app, home = house.app, house.made.home.path
    incoming = tmp_path / "tới"
    incoming.mkdir()
    with senders(home, incoming) as sending:
        sending.wait(3)
        old_wraps, old_wrapped = dict(load_keys(house.made.home).wrap_keys().keys), wrapped_keys(app)
        key = app.vault.patient_key(FACILITY, GONE.number, None)
        asked = erasure.ask(app, ASKS, **PAPER, patients=[key])
        assert dying(home, (rotation.Sealer, "rewrap"), lambda own: masters.rotate(own, OFFICER), 2) == -signal.SIGKILL
        for name, place in ERASURE_DIES.items():
            confirm = name == "entered in the register"
            work = (lambda own: erasure.confirm(own, CONFIRMS, asked.erasure_id)) if confirm else erasure.finish
            assert dying(home, place, work) == -signal.SIGKILL, name
            if name == "segment in its place":
                sending.kill()
                sending.begin()
        assert [one.erasure_id for one in erasure.finish(app)] == [asked.erasure_id]
        assert masters.rotate(app, OFFICER)[0] == 2
        sending.wait(2)
        masters.retire(app, OFFICER, 1)
        sending.end()
    receipts = sending.receipts()
    late = quarantined(app)
    assert late, "the erased came again while they were being erased"
    again = erasure.ask(app, ASKS, **PAPER, places=late)
    erasure.confirm(app, CONFIRMS, again.erasure_id)

    # law 1: every receipt's bytes are there, or what an erasure left of them
    texts = said_in_raw(app)
    for seq, sha256 in receipts:
        header, data = app.raw.read(seq)
        assert header.sha256 == sha256
        assert header.tombstones or hashlib.sha256(data).hexdigest() == sha256
        assert STAYS[1].name.encode() in texts[seq], "everybody else is still there"
    # promise 6: every record opens under the new key, or is of the erased; the old one opens nothing any more
    ring = read_ring(home)
    assert ring is not None
    assert [one.version for one in ring.versions] == [2]
    with app.database.connect(Role.GOVERNANCE) as connection:
        (records,) = connection.execute(
            "SELECT count(*) FROM vault.record JOIN vault.patient USING (patient_key) WHERE erased_at IS NULL"
        ).fetchone() or (0,)
    assert len(opened_records(app)) == records > 0
    assert all(opens(old_wraps, *one) for one in old_wrapped)
    assert not any(opens(old_wraps, *one) for one in wrapped_keys(app))
    # law 13: neither in clear nor under a key that is left
    nowhere(app, GONE)
    equal_to_a_rebuild(app)
    copy = tmp_path / "sau.bienho"
    backups.backup(app, copy)
    places = [dump_lake(app, tmp_path / "lake"), dump_postgresql(app, tmp_path / "postgresql"), copy, home]
    places += [postgresql_folder(app), erasure_list.list_path(house.made.home)]
    assert Searcher(GONE.secrets, tmp_path).search(*places) == []
    patient = next(wrapped for one, wrapped in old_wrapped if one.hex() == key)
    assert not [
        path for path in postgresql_folder(app).rglob("base/**/*") if path.is_file() and patient in path.read_bytes()
    ]
    assert audit.verify(app.database, app.keys, house.made.home).ok


def quarantined(app: App) -> list[tuple[int, int]]:
    with app.writing() as lake:
        rows = lake.connection.execute(
            "SELECT delivery_seq, hoso FROM lake.quality.quarantine WHERE code = 'IN-ERASED' ORDER BY ALL"
        ).fetchall()
    return [(int(seq), int(hoso)) for seq, hoso in rows]
