"""Random histories of a home: deliveries, resends, copies, broken files, replays, code lists, jobs, erasures (law 4).

A history is lived incrementally and then compared with a lake made anew from raw. A second oracle, which shares no code
with the pipeline, says which content of each dossier must be the current one: the last one received. Several histories
can live in one home side by side, each with dossiers of its own: one ingest then takes in a file of each, and the jobs,
which work on the whole home, happen to all of them.
"""

from __future__ import annotations

import base64
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from bienho.config import DEFAULT
from bienho.core.errors import UsageError
from bienho.governance import Actor
from bienho.lake import maintenance
from bienho.pipeline import App, erasure, jobs
from bienho.pipeline.ingest import ingest
from bienho.pipeline.rebuild import rebuild
from bienho.pipeline.replay import replay

TIGHT = replace(DEFAULT, text_bytes=200)
FACILITIES = ("64001", "64020")
VISITS = ("A", "B", "C")
WORDS = ("deliver", "deliver", "deliver", "again", "broken")
"""What one history does in a step of its own."""
JOBS = ("mend", "drop-superseded", "compact", "signatures", "codes", "expire", "erase")
"""What happens to all of them."""
ASKS, CONFIRMS = Actor("an", "An", ("administrator",)), Actor("binh", "Bình", ("security-officer",))
Content = tuple[str, str, bool]
"""Main diagnosis, day of discharge, and whether it is too long for the tight limits."""
Said = list[tuple[str, str, Content]]
"""(facility, visit, content) of a file, in its order."""


def hoso(visit: str, facility: str, content: Content, more: str = "") -> str:
    """A dossier of one visit; `more`: further elements of its XML1."""
    diagnosis, day, long = content
    name = "Nguyễn Văn " + "A" * (300 if long else 1)
    xml = (
        f"<TONG_HOP><MA_LK>{visit}</MA_LK><MA_BN>N{visit}</MA_BN><HO_TEN>{name}</HO_TEN><MA_CSKCB>{facility}</MA_CSKCB>"
        f"<MA_BENH_CHINH>{diagnosis}</MA_BENH_CHINH><NGAY_VAO>{day}0800</NGAY_VAO><NGAY_RA>{day}0900</NGAY_RA>"
        f"<T_TONGCHI_BV>1000</T_TONGCHI_BV>{more}</TONG_HOP>"
    )
    packed = base64.b64encode(xml.encode()).decode()
    return f"<HOSO><FILEHOSO><LOAIHOSO>XML1</LOAIHOSO><NOIDUNGFILE>{packed}</NOIDUNGFILE></FILEHOSO></HOSO>"


def envelope(facility: str, parts: list[str], declared: int | None = None) -> bytes:
    return (
        f"<GIAMDINHHS><THONGTINDONVI><MACSKCB>{facility}</MACSKCB></THONGTINDONVI><THONGTINHOSO>"
        f"<SOLUONGHOSO>{len(parts) if declared is None else declared}</SOLUONGHOSO>"
        f"<DANHSACHHOSO>{''.join(parts)}</DANHSACHHOSO></THONGTINHOSO></GIAMDINHHS>"
    ).encode()


class History:
    """One random life of some dossiers, and what must be current at its end. `name` tells its dossiers from others'."""

    def __init__(self, app: App, folder: Path, seed: int, name: str = "") -> None:
        self.app = app
        self.folder = folder
        self.name = name
        self.chance = random.Random(seed)
        self.files: list[tuple[Path, Said]] = []
        self.current: dict[tuple[str, str], Content] = {}
        self.gone: set[tuple[str, str]] = set()
        self.hurried = 0.3  # share of ingests that leave `derived` for later
        app.limits = TIGHT

    def content(self) -> Content:
        chance = self.chance
        return chance.choice(("I10", "J00")), chance.choice(("20260105", "20260301")), chance.random() < 0.3

    def compose(self) -> tuple[Path, Said]:
        """A new file of one to four dossiers, some of them unreadable or too long."""
        facility = self.chance.choice(FACILITIES)
        said = [
            (facility, self.name + self.chance.choice(VISITS), self.content()) for _ in range(self.chance.randint(1, 4))
        ]
        parts = [hoso(visit, place, content) for place, visit, content in said]
        if self.chance.random() < 0.3:
            parts.insert(1, "<HOSO><FILEHOSO><LOAIHOSO>XML1</LOAIHOSO><NOIDUNGFILE>@</NOIDUNGFILE></FILEHOSO></HOSO>")
        return self.write(envelope(facility, parts, self.chance.choice((None, None, 9))), said)

    def write(self, data: bytes, said: Said) -> tuple[Path, Said]:
        path = self.folder / f"{self.name}{len(self.files)}.xml"
        path.write_bytes(data)
        self.files.append((path, said))
        return self.files[-1]

    def step(self) -> tuple[Path, Said]:
        """The file this history sends next: a new one, an old one, or one that cannot be read."""
        word = self.chance.choice(WORDS)
        if word == "again" and self.files:
            return self.chance.choice(self.files)
        if word == "broken":
            path = self.folder / f"{self.name}broken{self.chance.randrange(1 << 30)}.xml"
            path.write_bytes(self.chance.choice((b"", b"<html>", b"%PDF", envelope("64001", ["<HOSO/>"])[:-60])))
            return path, []
        return self.compose()

    def deliver(self) -> None:
        self.take_in(*self.compose())

    def take_in(self, path: Path, said: Said) -> None:
        ingest(self.app, [path], compute=self.chance.random() >= self.hurried)
        self.remember(said)

    def remember(self, said: Said) -> None:
        told = {(facility, visit): content for facility, visit, content in said}
        self.current |= {key: content for key, content in told.items() if key not in self.gone}

    def erase(self) -> None:
        """The patient of one visit is erased; what comes again under that visit is not taken in any more."""
        known = current_contents(self.app, {key: self.app.vault.dossier_key(*key) for key in self.current})
        if known:
            facility, visit = self.chance.choice(sorted(known))
            key = self.app.vault.patient_key(facility, f"N{visit}", visit)
            words = {"decision": "1/QĐ", "article": "Điều 1", "retention": "hết hạn"}
            asked = erasure.ask(self.app, ASKS, **words, patients=[key])
            erasure.confirm(self.app, CONFIRMS, asked.erasure_id)
            self.gone.add((facility, visit))
            self.current.pop((facility, visit))

    def end(self) -> None:
        """Everything is readable at last, and read."""
        self.app.limits = DEFAULT
        replay(self.app)
        jobs.bring_up_to_date(self.app)

    def agrees(self) -> None:
        """The current contents are those last received."""
        current = current_contents(self.app, {key: self.app.vault.dossier_key(*key) for key in self.current})
        assert current == {key: (diagnosis, day) for key, (diagnosis, day, _) in self.current.items()}
        assert not current_contents(self.app, {key: self.app.vault.dossier_key(*key) for key in self.gone})


def mend(app: App, chance: random.Random) -> None:
    """A limit is raised, some of what was set aside is read again, the limit falls back."""
    app.limits = DEFAULT
    sequences = list(range(1, app.raw.last_seq() + 1))
    try:
        replay(app, chance.sample(sequences, min(2, len(sequences))))
    except UsageError:
        replay(app)
    app.limits = TIGHT


def import_codes(app: App, chance: random.Random, folder: Path) -> None:
    """People decide on another edition of a list."""
    path = folder / "icd.csv"
    name = f"Tên {chance.random()}"
    path.write_text(
        "code,code_nodot,name_vi,name_en,chapter,block,category3\n"
        f"I10,I10,{name},Hypertension,IX,I10-I15,I10\nJ00,J00,{name},Cold,X,J00-J06,J00\n",
        encoding="utf-8",
    )
    year = chance.randint(2015, 2026)
    jobs.import_codes(app, "icd10", path, f"bản {name}", date(year, chance.randint(1, 12), 1))


def expire(app: App) -> None:
    """Two days later every older snapshot is forgotten and its files are removed."""
    with app.writing() as lake:
        maintenance.retain(lake, 1, datetime.now(UTC) + timedelta(days=2))


def do(app: App, job: str, chance: random.Random, folder: Path) -> None:
    """One of JOBS but for an erasure, which a history does itself."""
    own: dict[str, Callable[[], None]] = {
        "mend": lambda: mend(app, chance),
        "codes": lambda: import_codes(app, chance, folder),
        "expire": lambda: expire(app),
    }
    own.get(job, lambda: jobs.run(app, job))()


def live(app: App, folder: Path, seed: int, *, lives: int, steps: int) -> None:
    """Live some histories side by side to their end; AssertionError when a rebuild, or the second oracle, disagrees."""
    chance = random.Random(seed)
    histories = [History(app, folder, seed * 10_000 + number, f"{seed}-{number}-") for number in range(lives)]
    for _ in range(steps):
        sent = [(history, *history.step()) for history in histories]
        chance.shuffle(sent)
        ingest(app, [path for _, path, _ in sent], compute=chance.random() < 0.7)
        for history, _, said in sent:
            history.remember(said)
        if chance.random() < 0.6:
            job = chance.choice(JOBS)
            if job == "erase":
                chance.choice(histories).erase()
            else:
                do(app, job, chance, folder)
    histories[0].end()
    equal_to_a_rebuild(app)
    for history in histories:
        history.agrees()


def equal_to_a_rebuild(app: App) -> None:
    report = rebuild(app, compare=True)
    assert report.compared
    assert report.different == []


def current_contents(app: App, keys: dict[tuple[str, str], str]) -> dict[tuple[str, str], tuple[str, str]]:
    """(diagnosis, day) of dossiers as `conformed` has them."""
    names = {digest: key for key, digest in keys.items()}
    with app.writing() as lake:
        rows = lake.connection.execute(
            "SELECT e.encounter_key, c.icd10, strftime(e.service_date, '%Y%m%d') FROM lake.conformed.encounter AS e"
            " JOIN lake.conformed.condition AS c USING (version_id)"
            " ANTI JOIN lake.standard.superseded USING (version_id) WHERE e.encounter_key IN (SELECT unnest(?))",
            [list(names)],
        ).fetchall()
    assert len({row[0] for row in rows}) == len(rows), "two current versions of one dossier"
    return {names[key]: (diagnosis, day) for key, diagnosis, day in rows}
