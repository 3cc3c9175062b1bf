"""The embedded server: shared by processes, found again after accidents, closed to everybody else."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from bienho.config import Home, KeyRing, create_key, load_keys
from bienho.core.errors import BienhoError, BusyError, ConfigError, StorageError
from bienho.database import Database, Role, binaries, open_database, places, remove_database, server, stop
from support import forks
from support.forks import Forked
from support.homes import Made, temporary_home

pytestmark = pytest.mark.database
PLAIN = 65534

HOLD = """
from bienho.config import Home, load_keys
from bienho.database import Role, open_database
home = Home.open()
with open_database(home, load_keys(home)) as database:
    with database.connect(Role.WORKER) as connection:
        gate.send(connection.execute("SELECT 1").fetchone()[0])
    gate.recv()
"""


@pytest.fixture
def made() -> Iterator[Made]:
    with temporary_home("nhà có dấu cách", synced=True) as made:
        yield made


@pytest.fixture(scope="module")
def standing() -> Iterator[Made]:
    """One for all who leave its server as it is."""
    with temporary_home("nhà có dấu cách", synced=True) as made:
        yield made


def running(home: Home) -> server.Postmaster | None:
    place = places.locate(home, create=False)
    return server.postmaster(place.data) if place else None


def place_of(home: Home) -> places.Place:
    place = places.locate(home, create=False)
    assert place is not None
    return place


class Holder:
    """Another process that uses the server until it is told to leave."""

    def __init__(self, made: Made) -> None:
        self._gate, theirs = forks.pipe()
        self.process = Forked(HOLD, environment=made.environment, gate=theirs)

    def holds(self) -> None:
        """Wait until it uses the server."""
        assert self._gate.poll(60)
        assert self._gate.recv() == 1

    def leave(self) -> None:
        self._gate.send(None)
        assert self.process.wait(30) == 0, self.process.communicate()[1]


def test_every_role_logs_in_to_a_home_with_a_blank_in_its_path(standing: Made) -> None:
    for role in Role:
        with standing.database.connect(role) as connection:
            assert connection.execute("SELECT current_user").fetchone() == (role.value,)
    assert int(standing.database.server_version().split(".")[0]) >= 16


def test_the_server_listens_on_a_private_socket_only(standing: Made) -> None:
    with standing.database.connect(Role.ADMIN) as admin:
        assert admin.execute("SHOW listen_addresses").fetchone() == ("",)
        assert admin.execute("SHOW fsync").fetchone() == ("on",)
        rules = admin.execute("SELECT type, auth_method FROM pg_hba_file_rules").fetchall()
    assert rules == [("local", "scram-sha-256")]
    found, place = running(standing.home), place_of(standing.home)
    assert found is not None
    for folder in (found.socket_folder, place.data, place.log):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert folder.stat().st_uid == place.account.uid != 0
    assert " " not in str(found.socket_folder)


def test_two_processes_opening_at_once_share_one_server_and_the_last_one_stops_it(made: Made) -> None:
    stop(made.home)
    made.database.close()
    children = [Holder(made) for _ in range(3)]
    for child in children:
        child.holds()
    first = running(made.home)
    assert first is not None
    for child in children[:-1]:
        child.leave()
    assert running(made.home) == first
    children[-1].leave()
    assert running(made.home) is None
    assert not first.socket_folder.exists()


def test_a_killed_user_leaves_a_server_that_the_next_one_adopts_and_stops(made: Made) -> None:
    made.database.close()
    child = Holder(made)
    child.holds()
    before = running(made.home)
    child.process.kill()
    child.process.wait()
    assert running(made.home) == before
    with open_database(made.home, made.keys) as database:
        assert running(made.home) == before
        database.connect(Role.WEB).close()
    assert running(made.home) is None


def test_a_killed_server_comes_back_with_what_was_committed(made: Made) -> None:
    with made.database.connect(Role.WORKER) as connection:
        connection.execute("CREATE TABLE lake.kept AS SELECT 7 AS n")
    found = running(made.home)
    assert found is not None
    os.kill(found.pid, signal.SIGKILL)
    with open_database(made.home, made.keys) as database, database.connect(Role.WEB) as connection:
        assert connection.execute("SELECT n FROM lake.kept").fetchone() == (7,)


def test_a_left_over_pid_file_with_a_reused_number_does_not_block_the_start(made: Made) -> None:
    made.database.close()
    place = place_of(made.home)
    stranger = subprocess.Popen(
        ["sleep", "60"],
        user=place.account.uid if place.account.lent else None,
        group=place.account.gid if place.account.lent else None,
        extra_groups=[] if place.account.lent else None,
    )
    try:
        left_over = place.data / "postmaster.pid"
        left_over.write_text(f"{stranger.pid}\n{place.data}\n1700000000\n5432\n/nowhere\n\n 0 0\nready\n")
        place.account.give(left_over)
        start = time.monotonic()
        with open_database(made.home, made.keys) as database:
            database.connect(Role.WORKER).close()
        assert time.monotonic() - start < 5
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_server_whose_socket_was_swept_away_is_replaced(made: Made) -> None:
    found = running(made.home)
    assert found is not None
    (found.socket_folder / ".s.PGSQL.5432").unlink()
    with open_database(made.home, made.keys) as database:
        database.connect(Role.WORKER).close()
        assert running(made.home) != found


def test_a_server_kept_by_serve_outlives_its_users_until_stop(made: Made) -> None:
    made.database.close()
    open_database(made.home, made.keys, keep_running=True).close()
    open_database(made.home, made.keys).close()
    assert running(made.home) is not None
    assert stop(made.home)
    assert running(made.home) is None
    assert not stop(made.home)
    open_database(made.home, made.keys).close()
    assert running(made.home) is None


def test_another_key_is_refused_plainly(standing: Made) -> None:
    other = KeyRing(standing.home.home_id, bytes(range(32)))
    with pytest.raises(ConfigError) as told:
        open_database(standing.home, other)
    assert told.value.code == "CFG-KEY-WRONG"
    standing.database.connect(Role.WORKER).close()


def test_a_squatted_socket_folder_is_refused(made: Made) -> None:
    found = running(made.home)
    assert found is not None
    made.database.close()
    found.socket_folder.mkdir(mode=0o777)
    found.socket_folder.chmod(0o777)
    try:
        with pytest.raises(StorageError) as told:
            open_database(made.home, made.keys)
        assert told.value.code == "STO-SOCKET-FOLDER"
    finally:
        found.socket_folder.rmdir()
    open_database(made.home, made.keys).close()


def test_a_home_in_use_in_another_container_is_refused(made: Made) -> None:
    found = running(made.home)
    assert found is not None
    place = place_of(made.home)
    (made.home.run_dir / places.MACHINE).write_text("elsewhere")
    hidden = place.data / "postmaster.pid"
    text = hidden.read_text()
    # what another process namespace looks like from here: a lock is held, and the process number means nothing
    hidden.write_text(text.replace(str(found.pid), str(2**22 - 1), 1))
    try:
        with pytest.raises(BusyError) as told:
            open_database(made.home, made.keys)
        assert told.value.code == "BUSY-ELSEWHERE"
    finally:
        hidden.write_text(text)
        places.note_machine(made.home)


def test_a_start_killed_while_it_notes_the_machine_locks_nobody_out(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted = made.home.run_dir / places.MACHINE
    before = noted.read_text()
    with monkeypatch.context() as killed:
        killed.setattr(places, "_machine", lambda: "this machine after its next start")
        killed.setattr(places.os, "replace", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            places.note_machine(made.home)
    assert noted.read_text() == before
    places.refuse_elsewhere(made.home)  # others use it: half a word would be another machine's


def test_a_data_folder_of_another_version_is_refused(made: Made) -> None:
    made.database.close()
    written = place_of(made.home).data / "PG_VERSION"
    text = written.read_text()
    written.write_text("12\n")
    with pytest.raises(ConfigError) as told:
        open_database(made.home, made.keys)
    assert told.value.code == "CFG-POSTGRES-VERSION"
    written.write_text(text)


def test_a_start_that_fails_says_why_and_the_next_one_works(made: Made) -> None:
    made.database.close()
    broken = place_of(made.home).data / "postgresql.conf"
    text = broken.read_text()
    broken.write_text(text + "\nno_such_setting = 1\n")
    with pytest.raises(StorageError) as told:
        open_database(made.home, made.keys)
    assert told.value.code == "STO-POSTGRES-START"
    assert "FATAL" in told.value.message
    broken.write_text(text)
    open_database(made.home, made.keys).close()


def test_a_hand_made_copy_of_a_relocated_home_is_refused(made: Made, tmp_path: Path) -> None:
    if not place_of(made.home).relocated:
        pytest.skip("the database lies in the home here, and is copied with it")
    subprocess.run(["cp", "-a", str(made.home.path), str(tmp_path / "copy")], check=True)
    with pytest.raises(StorageError) as told:
        open_database(Home.open(tmp_path / "copy"), made.keys)
    assert told.value.code == "STO-PLACE-FOREIGN"


def test_copies_of_a_home_that_come_at_once_each_get_a_place_of_their_own(made: Made, tmp_path: Path) -> None:
    if not place_of(made.home).relocated:
        pytest.skip("the database lies in the home here, and is copied with it")
    first = Home.create(tmp_path / "home-0")
    copies = [replace(first, path=Path(shutil.copytree(first.path, tmp_path / f"home-{n}"))) for n in range(1, 9)]
    for _ in range(20):
        found = claimed_at_once(copies)
        assert len({place.folder for place in found}) == len(copies)
        give_up_at_once(copies, found)


def claimed_at_once(homes: list[Home]) -> list[places.Place]:
    together = threading.Barrier(len(homes))

    def claim(home: Home) -> places.Place:
        together.wait()
        with places.start_lock(home):
            place = places.locate(home)
        assert place is not None
        return place

    with ThreadPoolExecutor(len(homes)) as threads:
        return list(threads.map(claim, homes))


def give_up_at_once(homes: list[Home], found: list[places.Place]) -> None:
    with ThreadPoolExecutor(len(homes)) as threads:
        list(threads.map(places.remove_place, homes, found))


def test_a_moved_home_finds_its_database_again(made: Made) -> None:
    with made.database.connect(Role.WORKER) as connection:
        connection.execute("CREATE TABLE lake.kept AS SELECT 7 AS n")
    made.database.close()
    moved = made.home.path.with_name("moved")
    made.home.path.rename(moved)
    home = Home.open(moved)
    try:
        with open_database(home, made.keys) as database, database.connect(Role.WEB) as connection:
            assert connection.execute("SELECT n FROM lake.kept").fetchone() == (7,)
    finally:
        moved.rename(made.home.path)


def test_the_writer_lock_lets_one_in_and_tells_the_others(standing: Made) -> None:
    told: list[str] = []
    with standing.database.writer_lock():
        with (
            pytest.raises(BusyError) as busy,
            standing.database.writer_lock(wait_seconds=0.2, on_wait=lambda: told.append("x")),
        ):
            pytest.fail("two writers at once")
        assert busy.value.code == "BUSY-WRITER"
        assert told == ["x"]
    with standing.database.writer_lock(wait_seconds=0, on_wait=lambda: told.append("y")):
        assert told == ["x"]


def test_a_waiting_writer_gets_the_lock_when_the_first_leaves(standing: Made) -> None:
    order: list[str] = []
    inside = threading.Event()

    def second() -> None:
        with standing.database.writer_lock(on_wait=inside.set):
            order.append("second")

    with standing.database.writer_lock():
        waiter = threading.Thread(target=second)
        waiter.start()
        assert inside.wait(10)
        order.append("first")
    waiter.join(10)
    assert order == ["first", "second"]


def test_a_lost_server_is_told_in_words_of_the_house(made: Made) -> None:
    stop(made.home)
    with pytest.raises(BienhoError) as told:
        made.database.connect(Role.WEB)
    assert told.value.code == "STO-DATABASE-UNREACHABLE"


def as_plain_account(work: Callable[[], None]) -> int:
    """Run `work` in a child that steps down from root for good; its exit code (the interpreter is already loaded)."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.setgroups([])
            os.setgid(PLAIN)
            os.setuid(PLAIN)
            work()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can step down; the other tests run as a plain account then")
def test_a_plain_account_needs_nothing_outside_its_home(monkeypatch: pytest.MonkeyPatch) -> None:
    programs = binaries.packaged() / "bin"
    if not all(folder.stat().st_mode & stat.S_IXOTH for folder in (programs, *programs.parents)):
        pytest.skip("the environment lies below a folder closed to plain accounts")
    with tempfile.TemporaryDirectory(prefix="bienho-plain-") as name:
        folder = Path(name)
        os.chown(folder, PLAIN, PLAIN)
        monkeypatch.setenv("XDG_CONFIG_HOME", str(folder / "config"))
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder / "gone"))

        def work() -> None:
            home = Home.create(folder / "nhà của tôi")
            create_key(home)
            with open_database(home, load_keys(home)) as database:
                database.connect(Role.PORTAL).close()
                place, found = place_of(home), running(home)
                assert found is not None
                assert place.data.is_relative_to(home.path)
                assert place.log.is_relative_to(home.log_dir)
                assert found.socket_folder.parent == Path("/tmp")

        assert as_plain_account(work) == 0


def test_a_new_home_below_a_closed_folder_changes_no_parents_mode(tmp_path: Path) -> None:
    closed = tmp_path / "đóng kín"
    closed.mkdir(mode=0o700)
    home = Home.create(closed / "home")
    create_key(home)
    try:
        with open_database(home, load_keys(home)) as database:
            database.connect(Role.GOVERNANCE).close()
        for folder in (closed, home.path):
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    finally:
        remove_database(home)


def test_a_server_of_somebody_elses_is_used_by_a_plain_admin(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    """Production: BIENHO_DATABASE_URL with an admin who owns a database and may make roles, no superuser."""
    place = made.home.path.with_name("other")
    other = Home.create(place)
    create_key(other)
    keys = load_keys(other)
    server_of = open_database(other, keys, migrated=False)
    try:
        with server_of.connect(Role.ADMIN, dbname="postgres", autocommit=True) as root:
            root.execute("CREATE ROLE kho LOGIN CREATEROLE PASSWORD 'mk'")
            root.execute("CREATE DATABASE kho OWNER kho TEMPLATE template0")
        at = server_of.parameters(Role.ADMIN)
        monkeypatch.setenv("BIENHO_DATABASE_URL", f"postgresql://kho:mk@/kho?host={at['host']}&port={at['port']}")
        with open_database(other, keys) as database:
            assert not database.embedded
            assert check_roles(database)
            assert database.migrate() == []
    finally:
        monkeypatch.delenv("BIENHO_DATABASE_URL")
        server_of.close()
        remove_database(other)


def check_roles(database: Database) -> bool:
    """The worker writes the lake and the web role sees it and nothing of the vault, on this server too."""
    with database.connect(Role.WORKER) as worker:
        worker.execute("CREATE TABLE lake.t AS SELECT 1 AS n")
    with database.connect(Role.WEB, autocommit=True) as web:
        assert web.execute("SELECT n FROM lake.t").fetchone() == (1,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            web.execute("SELECT * FROM vault.record")
    return True


@pytest.mark.parametrize("url", ["", "postgresql:///nothing", "not a url", "postgresql://u@h"])
def test_an_address_that_says_too_little_is_refused(standing: Made, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("BIENHO_DATABASE_URL", url)
    if not url:
        with open_database(standing.home, standing.keys) as database:
            assert database.embedded
        return
    with pytest.raises(ConfigError) as told:
        open_database(standing.home, standing.keys)
    assert told.value.code == "CFG-DATABASE-URL"


def test_an_address_where_nobody_answers_is_told(standing: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BIENHO_DATABASE_URL", "postgresql://kho:bi-mat@127.0.0.1:9/kho")
    with pytest.raises(StorageError) as told:
        open_database(standing.home, standing.keys)
    assert told.value.code == "STO-DATABASE-UNREACHABLE"
    assert "bi-mat" not in str(told.value)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root lends an account that may not reach the installed binaries")
def test_binaries_below_a_closed_folder_are_copied_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    state = Path(tempfile.mkdtemp(prefix="bienho-state-"))
    state.chmod(0o755)
    closed = tmp_path / "root"
    closed.mkdir(mode=0o700)
    package = binaries.packaged().parent
    for folder in (package, package.with_name(f"{package.name}.libs")):
        if folder.exists():
            subprocess.run(["cp", "-a", str(folder), str(closed)], check=True)
    install = closed / package.name / binaries.packaged().name
    monkeypatch.setattr(binaries, "packaged", lambda: install)
    monkeypatch.setattr(binaries, "STATE", state / "bienho")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    home = Home.create(tmp_path / "home")
    create_key(home)
    try:
        for _ in range(2):
            with open_database(home, load_keys(home)) as database:
                database.connect(Role.WORKER).close()
        copies = [path.name for path in (state / "bienho").iterdir() if path.name.startswith("postgresql-")]
        assert copies == [f"postgresql-{binaries.version(install)}"]
        assert stat.S_IMODE(closed.stat().st_mode) == 0o700
        (state / "bienho").chmod(0o777)
        with pytest.raises(StorageError) as told:
            binaries.own_folder(state / "bienho")
        assert told.value.code == "STO-STATE-FOLDER"
    finally:
        remove_database(home)
        shutil.rmtree(state)
