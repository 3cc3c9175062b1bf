"""The door of senders under load: a real `bienho serve` with its worker, clients of many facilities side by side.

Files are those of a twin, one dossier each, with a number of its own put in; of a tenth the facility sends a corrected
one later. Dossiers answered a second, time to the answer, and time from the answer until the findings are in the lake,
seen as pages see it. At the end every number that was answered is looked for in the lake.
"""

from __future__ import annotations

import base64
import itertools
import multiprocessing
import random
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from bench import homes, ports
from bench.measure import fresh_app
from bench.watch import Tree, Watch, jobs_done, settled, spread
from bienho.core.ids import delivery_seq
from bienho.governance import Actor, people
from bienho.governance.people import portal_api, systems
from bienho.governance.purposes import OPERATIONS
from bienho.pipeline import App, jobs, open_app
from bienho.pipeline.ingest import ingest
from bienho.synthetic import Plan, generate

SEED = 20261127
CLIENTS, PROCESSES = 20, 2
SECONDS = 20.0
RESENT = 0.1
TEMPLATES, PERSONS = 300, 600
ENVELOPE = 400
BY = Actor("system", "Bench", ("administrator",), "cli")
PAGE = 50_000
DOCUMENT = "1/QĐ-SYT"
_HOSO = re.compile(rb"<HOSO>.*?</HOSO>", re.DOTALL)
_FILE = re.compile(rb"<LOAIHOSO>(XML\d+)</LOAIHOSO><NOIDUNGFILE>([A-Za-z0-9+/=]+)</NOIDUNGFILE>")
_NUMBER = re.compile(rb"<MA_LK>([^<]+)</MA_LK>")
_WEIGHT = re.compile(rb"<CAN_NANG>[^<]*</CAN_NANG>")


@dataclass(frozen=True)
class Template:
    """A dossier of the twin: its sub-files unpacked, and the facility and number that stand in them."""

    files: tuple[tuple[bytes, bytes], ...]
    facility: bytes
    number: bytes

    def written(self, facility: str, number: str, correction: int = 0) -> bytes:
        """An envelope of this dossier as another facility's, under another number; a corrected one weighs more."""
        return envelope(facility, self.hoso(facility, number, correction))

    def hoso(self, facility: str, number: str, correction: int = 0) -> bytes:
        """The same without its envelope."""
        parts = []
        for name, text in self.files:
            body = text.replace(b"<MA_LK>" + self.number, b"<MA_LK>" + number.encode())
            body = body.replace(b"<MA_CSKCB>" + self.facility, b"<MA_CSKCB>" + facility.encode())
            if correction and name == b"XML1":
                body = _WEIGHT.sub(b"<CAN_NANG>%d</CAN_NANG>" % (50 + correction), body)
            packed = base64.b64encode(body)
            parts.append(b"<FILEHOSO><LOAIHOSO>%b</LOAIHOSO><NOIDUNGFILE>%b</NOIDUNGFILE></FILEHOSO>" % (name, packed))
        return b"<HOSO>%b</HOSO>" % b"".join(parts)


def envelope(facility: str, hosos: bytes, count: int = 1) -> bytes:
    """Dossiers of a facility in one envelope."""
    return (
        b'<?xml version="1.0" encoding="utf-8"?>\n<GIAMDINHHS><THONGTINDONVI><MACSKCB>%b</MACSKCB></THONGTINDONVI>'
        b"<THONGTINHOSO><NGAYLAP>20260103</NGAYLAP><SOLUONGHOSO>%d</SOLUONGHOSO><DANHSACHHOSO>%b"
        b"</DANHSACHHOSO></THONGTINHOSO><CHUKYDONVI/></GIAMDINHHS>" % (facility.encode(), count, hosos)
    )


@dataclass
class Sent:
    """What one client saw: (number, seconds to the answer, moment of the answer) of each 200, and the other codes.

    Where a rate is offered, seconds count from the moment a file was due: one that had to wait for the answer before
    it is not quick.
    """

    answered: list[tuple[str, float, float]] = field(default_factory=list)
    codes: Counter[str] = field(default_factory=Counter)
    cpu_s: float = 0.0

    def add(self, other: Sent) -> None:
        self.answered += other.answered
        self.codes += other.codes
        self.cpu_s += other.cpu_s


def templates(folder: Path, most: int = TEMPLATES, persons: int = PERSONS) -> list[Template]:
    """Dossiers of a small twin, those that are plainly packed."""
    generate(Plan(persons=persons, months=3, seed=SEED), folder)
    found = []
    for path in sorted(folder.glob("*/*.xml")):
        for hoso in _HOSO.findall(path.read_bytes()):
            files = tuple((name, base64.b64decode(packed)) for name, packed in _FILE.findall(hoso))
            number = _NUMBER.search(files[0][1]) if files and files[0][0] == b"XML1" else None
            if number and hoso.count(b"<FILEHOSO>") == len(files):
                found.append(Template(files, path.parent.name.encode(), number[1]))
    return random.Random(SEED).sample(found, min(most, len(found)))


def enrol(app: App, count: int) -> list[tuple[str, str, str]]:
    """(username, password, facility) of systems of so many facilities."""
    now = datetime.now(UTC)
    units = people.units.list_units(app.database, day=people.units.local_day(now))
    given = []
    for unit in [unit for unit in units if unit.facility_code][:count]:
        name = f"{unit.facility_code}-his".lower()
        systems.add(
            app.database, app.home, by=BY, client_id=name, name=name, unit=unit.code, scopes=("send", "receipt"),
            document=DOCUMENT, expires_at=now + timedelta(days=30), now=now,
        )  # fmt: skip
        password = portal_api.give(
            app.database, app.home, by=BY, client_id=name, addresses=["127.0.0.1"], document=DOCUMENT, now=now
        )
        given.append((name, password, unit.facility_code or ""))
    return given


@contextmanager
def served(
    home: Path, log: Path, port: int, environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """`bienho serve` in a process of its own until the block ends."""
    command = [sys.executable, "-m", "bienho", "--home", str(home), "serve", "--port", str(port)]
    with log.open("ab") as out:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=environment)
    try:
        end = time.monotonic() + 120
        while b"Ctrl-C" not in log.read_bytes():
            if process.poll() is not None or time.monotonic() > end:
                raise SystemExit(f"bench: the server did not come up:\n{log.read_text('utf-8')}")
            time.sleep(0.1)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(90)
        except subprocess.TimeoutExpired:
            process.kill()


def client_of(port: int, account: tuple[str, str, str]) -> Any:
    """The client of the tests, written from the public description of the API."""
    tests = str(Path(__file__).resolve().parents[1] / "tests")
    if tests not in sys.path:
        sys.path.append(tests)
    from support.portal_client import PortalClient  # noqa: PLC0415 - tests are no package of ours

    return PortalClient("127.0.0.1", port, *account)


def send_for(
    port: int, account: tuple[str, str, str], stock: Sequence[Template], seconds: float, seed: int, every: float = 0.0
) -> Sent:
    """One client that sends one file after the other; with `every`, one each so many seconds, as answers allow."""
    name, password, facility = account
    client, chance, told = client_of(port, account), random.Random(seed), Sent()
    if client.log_in()["maKetQua"] != "200":
        raise SystemExit(f"bench: {name} could not log in")
    head = f"username={name}&loaiHoSo=130&maTinh={facility[:2]}&maCSKCB={facility}&fileHSBase64=".encode()
    shown = {
        "accessToken": client.key["access_token"], "tokenId": client.key["id_token"], "passwordHash": client.digest,
    }  # fmt: skip
    earlier: list[tuple[Template, str]] = []
    due = time.time() + every * chance.random()
    end = time.time() + seconds
    for count in itertools.count():
        begun = max(time.time(), due) if every else time.time()
        if begun >= end:
            break
        if earlier and chance.random() < RESENT:
            template, number = chance.choice(earlier)
            data = template.written(facility, number, correction=count + 1)
        else:
            template, number = chance.choice(stock), f"B{seed:06d}{count:08d}"
            data = template.written(facility, number)
            earlier.append((template, number))
        packed = base64.b64encode(data).replace(b"+", b"%2B").replace(b"/", b"%2F").replace(b"=", b"%3D")
        if every:
            time.sleep(max(0.0, due - time.time()))
            begun, due = due, due + every
        answer = client.post("/api/qd130/guiHoSoXmlQD3176", head + packed, "application/x-www-form-urlencoded", **shown)
        now = time.time()
        told.codes[answer["maKetQua"]] += 1
        if answer["maKetQua"] == "200":
            told.answered.append((answer["maGiaoDich"], now - begun, now))
    client.close()
    return told


def _clients(port: int, accounts: Any, stock: Any, seconds: float, seed: int, every: float, pipe: Any) -> None:
    """Some clients in one process, each on a thread."""
    whole, lock = Sent(), threading.Lock()

    def run(account: tuple[str, str, str], number: int) -> None:
        told = send_for(port, account, stock, seconds, seed + number, every)
        with lock:
            whole.add(told)

    threads = [threading.Thread(target=run, args=(account, place)) for place, account in enumerate(accounts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    whole.cpu_s = time.process_time()
    pipe.send(whole)


def run(
    rounds: int,
    persons: int,
    dossiers: int,
    seconds: float = SECONDS,
    clients: int = CLIENTS,
    stored: int = 0,
    rate: float = 0.0,
    keep: Path | None = None,
) -> dict[str, Any]:
    """One run of so many seconds; `rounds`, `persons` and `dossiers` belong to other benches.

    `rate`: files a second that all clients offer together, 0 = as fast as they are answered. `keep`: a folder in which
    a home with so many `stored` dossiers is left for the next run.
    """
    with tempfile.TemporaryDirectory(prefix="bienho-doors-") as name, _home(stored, keep) as made:
        folder = Path(name)
        stock = templates(folder / "twin")
        accounts = enrol(made, clients)
        every = clients / rate if rate else 0.0
        return _measured(made, folder, stock, accounts, seconds, every) | {
            "clients": clients, "seconds": seconds, "offered_per_s": rate or None, "stored_before": stored,
            "resent": RESENT, "seed": SEED,
            "dossier_bytes": round(statistics.fmean(len(one.written("52001", "B1")) for one in stock)),
        }  # fmt: skip


@contextmanager
def _home(stored: int, keep: Path | None) -> Iterator[App]:
    """A new home, or a copy of one that holds so many dossiers."""
    if not stored:
        with fresh_app() as app:
            yield app
        return
    homes.KEPT = keep
    stock = homes.made_once(f"doors-{stored}", partial(_make_stored, stored))
    with homes.temporary_home(stock=stock) as made, open_app(made.home.path) as app:
        yield app


def _make_stored(count: int, stock: Path) -> None:
    with homes.temporary_home(ready=True, synced=False) as made, tempfile.TemporaryDirectory() as name:
        with open_app(made.home.path) as app:
            _store(app, Path(name), templates(Path(name, "twin")), count)
        made.database.close()
        homes.keep(made.home, stock)


def _store(app: App, folder: Path, stock: Sequence[Template], count: int) -> None:
    """Take so many dossiers in before, many to an envelope, and what follows from them; small files made one."""
    units = people.units.list_units(app.database, day=people.units.local_day(datetime.now(UTC)))
    facilities = [unit.facility_code for unit in units if unit.facility_code][:CLIENTS]
    numbers = iter(range(count))
    for block in range(0, count, 40_000):
        paths = []
        for place in range(block, min(count, block + 40_000), ENVELOPE):
            facility = facilities[place // ENVELOPE % len(facilities)]
            hosos = b"".join(
                stock[number % len(stock)].hoso(facility, f"S{number:012d}") for number in islice(numbers, ENVELOPE)
            )
            path = folder / f"{place:09d}.xml"
            path.write_bytes(envelope(facility, hosos, min(ENVELOPE, count - place)))
            paths.append(path)
        ingest(app, paths)
        for path in paths:
            path.unlink()
    for name in ("link", "scores", "signatures", "compact"):
        jobs.run(app, name)


def _measured(
    app: App, folder: Path, stock: list[Template], accounts: Any, seconds: float, every: float
) -> dict[str, Any]:
    with served(app.home.path, folder / "serve.log", ports.free()) as server:
        port = int(server.args[-1])  # type: ignore[index,arg-type]
        settled(app)
        tree = Tree(server.pid, app)
        watch, whole = Watch(app), Sent()
        ends = []
        methods = multiprocessing.get_context("spawn")
        begun = time.time()
        for part in range(PROCESSES):
            ours, theirs = methods.Pipe(duplex=False)
            given = (port, accounts[part::PROCESSES], stock, seconds, SEED % 1000 + part * 1000, every, theirs)
            process = methods.Process(target=_clients, args=given)
            process.start()
            ends.append((ours, process))
        for ours, process in ends:
            whole.add(ours.recv())
            process.join()
        sending = tree.spent()
        last = max((delivery_seq(number) for number, _, _ in whole.answered), default=0)
        watch.wait(last, 120)
        whole_s = time.time() - begun
        spent = tree.spent()
    lost = _lost(app, whole)
    if lost:
        raise SystemExit(f"bench: {len(lost)} answered numbers are not in the lake, such as {lost[0]}")
    moments = [(delivery_seq(number), moment) for number, _, moment in whole.answered]
    count = len(moments)
    return {
        "answered": count,
        "dossiers_per_s": round(count / seconds, 1),
        "answer_ms": spread([took * 1000 for _, took, _ in whole.answered]),
        "visible_s": spread(watch.delays(moments, "taken")),
        "scored_s": spread(watch.delays(moments, "scored")),
        "codes": dict(whole.codes),
        "cpu_ms_per_dossier": {name: round(value / max(count, 1) * 1000, 2) for name, value in spent.items()}
        | {"clients": round(whole.cpu_s / max(count, 1) * 1000, 2)},
        "cores_while_sending": {name: round(value / seconds, 2) for name, value in sending.items()}
        | {"clients": round(whole.cpu_s / seconds, 2)},
        "batches": watch.batches(),
        "jobs": {name: done for name, done in jobs_done(app, begun).items() if done["count"]},
        "until_all_visible_s": round(whole_s, 1),
        "lost": len(lost),
    }


def _lost(app: App, sent: Sent) -> list[str]:
    """Answered numbers that are not in the lake, as the command line reads it."""
    with open_app(app.home.path) as opened, opened.reading() as gate:
        operator = Actor("bench", "Bench", ("operator",), "cli")
        columns, order = ["delivery_id"], [("delivery_id", "asc")]
        there = set()
        for start in itertools.count(0, PAGE):
            _, reader = gate.read(operator, OPERATIONS, "standard.delivery", columns, (), order, PAGE, start)
            page = reader.read_all().column(0).to_pylist()
            there.update(page)
            if len(page) < PAGE:
                break
    return sorted({number for number, _, _ in sent.answered} - there)
