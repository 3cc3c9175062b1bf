"""Promise 7: a hostile file harms neither the house nor its neighbours, taken in through the whole house.

Every attack stands between good files. The good ones must come out as if they had been sent alone; every attack must
have the outcome that is promised for it, with a reason; nothing it names may be opened; what was received is still
there to the byte.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bienho.config import Limits
from bienho.pipeline import App, ask, open_app
from bienho.pipeline.ingest import ingest
from bienho.pipeline.report import IngestReport
from support.homes import temporary_home
from support.hostile import ATTACKS, MIB, WORDS, good
from support.province import whole_lake

pytestmark = pytest.mark.database
CANARY = "CANARY-7f3a91-of-the-host"
LIMITS = Limits()
NEIGHBOURS = 5
TOO_BIG_TO_KEEP = 4 * MIB


@pytest.fixture(scope="module")
def app() -> Iterator[App]:
    with temporary_home("nhà bị tấn công", ready=True) as made, open_app(made.home.path, limits=LIMITS) as opened:
        yield opened


@pytest.fixture(scope="module")
def canary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of the host that attacks try to read."""
    path = tmp_path_factory.mktemp("host") / "secret.txt"
    path.write_text(CANARY, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def files(canary: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    for number, (name, attack) in enumerate(ATTACKS.items()):
        (folder / f"{number:03d}b-{name}.xml").write_bytes(attack.make(canary))
        if number % (len(ATTACKS) // NEIGHBOURS) == 0:
            (folder / f"{number:03d}a-good.xml").write_bytes(good(number))
            (folder / f"{number:03d}c-good.xml").write_bytes(good(1000 + number))
    return folder


@pytest.fixture(scope="module")
def report(app: App, files: Path) -> IngestReport:
    return ingest(app, [files])


def test_good_neighbours_come_through(report: IngestReport) -> None:
    healthy = [one for one in report.deliveries if one.path.endswith("-good.xml")]
    assert len(healthy) >= 2 * NEIGHBOURS
    assert {one.outcome for one in healthy} <= {"accepted", "accepted_with_findings"}


def test_every_attack_has_the_outcome_that_is_promised(report: IngestReport) -> None:
    outcomes = {Path(one.path).stem[5:]: one for one in report.deliveries}
    wrong = {
        name: (outcomes[name].outcome, outcomes[name].reason)
        for name, attack in ATTACKS.items()
        if (attack.outcome != "any" and not outcomes[name].outcome.startswith(attack.outcome))
        or (attack.codes and outcomes[name].reason not in attack.codes)
        or not outcomes[name].reason
        or outcomes[name].reason == "IN-READER"
    }
    assert wrong == {}
    assert {name for name in ATTACKS if (outcomes[name].id is None) != (outcomes[name].outcome == "refused")} == set()


def test_every_refusal_is_in_the_log(app: App, report: IngestReport) -> None:
    logged = [row["code"] for row in ask.refused(app) for _ in range(row["times"])]
    assert sorted(logged) == sorted(str(one.reason) for one in report.deliveries if one.outcome == "refused")


def test_neighbours_are_stored_as_if_sent_alone(app: App, files: Path, report: IngestReport) -> None:
    """Sent once more without the attacks, each good file is found to be there already, content for content."""
    alone = sorted(files.glob("*-good.xml"))
    again = ingest(app, alone, compute=False)
    assert (again.dossiers, again.duplicates) == (len(alone), len(alone))


def test_nothing_an_attack_names_was_opened(app: App, report: IngestReport) -> None:
    for name, table in whole_lake(app).items():
        assert CANARY not in str(table.to_pylist()), name
    logs = [path for path in app.home.log_dir.rglob("*") if path.is_file()]
    assert not [path for path in logs if CANARY.encode() in path.read_bytes()]


def test_what_was_received_is_still_there_to_the_byte(app: App, files: Path, report: IngestReport) -> None:
    kept = {header.path: data for header, data in app.raw.scan() if header.size < TOO_BIG_TO_KEEP}
    for one in report.deliveries:
        path = Path(one.path)
        if one.id is not None and path.stat().st_size < TOO_BIG_TO_KEEP:
            assert kept[one.path] == path.read_bytes(), path.name


def test_formulas_scripts_and_paths_come_back_as_the_text_that_was_typed(app: App, canary: Path, files: Path) -> None:
    """Their outcome is that of any dossier; the exact text is given back to who may see it."""
    for typed, key in [(one.text, one.key) for one in WORDS.values() if one.key.endswith(("-0", "-1"))]:
        found = ask.dossier(app, "tra-cuu-ho-so", "64001", key, with_identifiers=True)
        row = found["tables"]["XML1"][0]
        assert (row["CHAN_DOAN_VAO"], row["MA_DANTOC"]) == (typed, typed)
