"""Files of many senders at once: one wait for the disk, one number for one content, and nothing of another facility."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bienho.config import Limits
from bienho.core.errors import BienhoError, StorageError
from bienho.core.ids import delivery_seq
from bienho.database import Role
from bienho.governance import audit
from bienho.lake.raw import writer
from bienho.pipeline import App, open_app, reception
from bienho.pipeline.door import refused_attempts
from bienho.pipeline.ingest import catch_up, open_writer
from bienho.pipeline.reception import Reception
from bienho.sources.portal_api import Kept, Parcel
from support.archives import zipped
from support.homes import temporary_home
from support.sending import OTHER, OWN, envelope

pytestmark = pytest.mark.database
NAME, SERVICE = "52001-his", "guiHoSoXmlQD3176"


@pytest.fixture(scope="module")
def app() -> Iterator[App]:
    with temporary_home("nhà đông người gửi", ready=True) as made, open_app(made.home.path) as opened:
        yield opened


@pytest.fixture(scope="module")
def desk(app: App) -> Iterator[Reception]:
    with Reception(app) as opened:
        yield opened


def parcel(data: bytes, facility: str = OWN) -> Parcel:
    return Parcel(data, facility, NAME, SERVICE)


def refusal(desk: Reception, one: Parcel) -> str:
    with pytest.raises(BienhoError) as error:
        desk.keep(one)
    return error.value.code


def test_a_number_means_that_the_bytes_are_there(app: App, desk: Reception) -> None:
    data = envelope("R-1")
    kept = desk.keep(parcel(data))
    header, stored = app.raw.read(delivery_seq(kept.delivery_id))
    assert (stored, header.source, header.path, header.facility_asserted) == (
        data, "portal-api", f"{NAME}/{SERVICE}", OWN,
    )  # fmt: skip
    assert (header.received_at, kept.again) == (kept.received_at, False)


def test_the_same_again_gets_the_same_number_and_a_correction_a_new_one(app: App, desk: Reception) -> None:
    first, second = parcel(envelope("R-2")), parcel(envelope("R-2", seed=2))
    one = desk.keep(first)
    assert desk.keep(first) == replace(one, again=True)
    two = desk.keep(second)
    assert (two.again, two.delivery_id) != (one.again, one.delivery_id)
    assert desk.keep(second).delivery_id == two.delivery_id
    back = desk.keep(first)
    assert not back.again, "what was there before the correction says something new after it"
    assert delivery_seq(back.delivery_id) > delivery_seq(two.delivery_id)
    assert desk.keep(first) == replace(back, again=True)
    assert app.raw.last_seq() == delivery_seq(back.delivery_id)


def test_a_file_of_several_visits_is_known_again_only_as_a_whole(desk: Reception) -> None:
    both = parcel(envelope("R-3", "R-4"))
    one = desk.keep(both)
    assert desk.keep(both) == replace(one, again=True)
    desk.keep(parcel(envelope("R-4", seed=3)))
    assert not desk.keep(both).again


def test_what_does_not_tell_its_visits_is_known_again_for_some_minutes(app: App) -> None:
    now = datetime(2026, 11, 27, 5, tzinfo=UTC)
    with Reception(app, now=lambda: now) as desk:
        sent = parcel(zipped({"a.xml": envelope("R-5")}))
        one = desk.keep(sent)
        now += reception.AGAIN_WITHIN
        assert desk.keep(sent) == replace(one, again=True)
        now += timedelta(seconds=1)
        assert not desk.keep(sent).again


def test_many_at_once_share_one_wait_for_the_disk(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    held, waits = threading.Event(), []

    def fsync(descriptor: int) -> None:
        waits.append(descriptor)
        held.wait(20)

    with Reception(app) as desk, ThreadPoolExecutor(31) as pool:
        desk.keep(parcel(envelope("R-6")))  # connections are open now
        monkeypatch.setattr(writer.os, "fsync", fsync)
        sent = [pool.submit(desk.keep, parcel(envelope(f"R-6-{number}"))) for number in range(30)]
        while not waits:
            held.wait(0.01)
        held.set()
        numbers = {one.result().delivery_id for one in sent}
    assert len(numbers) == 30
    assert len(waits) < 10, "a disk that is waited for by each alone would have been asked thirty times"


def test_senders_wait_a_little_while_the_worker_is_behind() -> None:
    files = reception.BEHIND_FILES
    assert [reception.paused(waiting) for waiting in (0, files, 10**6)] == [0, 0, reception.MOST_PAUSE]
    assert 0 < reception.paused(files + 300) < reception.paused(files + 600) < reception.MOST_PAUSE


def test_nobody_is_answered_when_the_disk_does_not_take_it(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    before = app.raw.last_seq()

    def broken(_: int) -> None:
        raise OSError(5, os.strerror(5))

    with Reception(app) as desk:
        with monkeypatch.context() as patch:
            patch.setattr(writer.os, "fsync", broken)
            with pytest.raises(StorageError):
                desk.keep(parcel(envelope("R-7")))
        assert app.raw.last_seq() == before
        assert not desk.keep(parcel(envelope("R-7"))).again, "it goes on, and knows nothing of what failed"


def test_the_same_file_twice_in_one_group_gets_one_number(app: App) -> None:
    with Reception(app) as desk, ThreadPoolExecutor(8) as pool:
        found = list(pool.map(desk.keep, [parcel(envelope("R-8"))] * 8))
    assert len({one.delivery_id for one in found}) == 1
    assert [one.again for one in found].count(False) == 1


def test_what_names_another_facility_is_refused_and_noted(app: App, desk: Reception) -> None:
    before = app.raw.last_seq()
    assert refusal(desk, parcel(envelope("R-9", facility=OTHER))) == "DENY-FACILITY"
    assert app.raw.last_seq() == before
    desk.keep(parcel(envelope("R-10")))
    with app.database.connect(Role.WORKER, autocommit=True) as connection:
        noted = refused_attempts(connection, 1)[0]
    assert (noted["source"], noted["sender"], noted["code"]) == ("portal-api", OWN, "DENY-FACILITY")


def test_what_hides_another_facility_from_the_door_is_set_aside_as_the_senders_own(app: App, desk: Reception) -> None:
    honest = desk.keep(parcel(envelope("R-11")))
    hidden = envelope("R-11", facility=OTHER, seed=5).replace(b"<MACSKCB>52002</MACSKCB>", b"<MACSKCB >52002</MACSKCB>")
    foreign = desk.keep(parcel(hidden))
    zipped_in = desk.keep(parcel(zipped({"a.xml": envelope("R-11", facility=OTHER, seed=6)})))
    seqs = [delivery_seq(one.delivery_id) for one in (honest, foreign, zipped_in)]
    with app.writing() as lake, open_writer(app, lake, lake.catalog) as opened:
        catch_up(app.raw, opened)
        rows = lake.connection.execute(
            "SELECT facility_code, quarantined, hoso_found FROM lake.standard.delivery"
            " WHERE list_contains(?, delivery_seq) ORDER BY delivery_seq",
            [seqs],
        ).fetchall()
        aside = lake.connection.execute(
            "SELECT DISTINCT facility_code, code FROM lake.quality.quarantine WHERE list_contains(?, delivery_seq)",
            [seqs],
        ).fetchall()
        theirs = lake.connection.execute(
            "SELECT count(*) FROM lake.standard.xml130_dossier WHERE facility_code = ?", [OTHER]
        ).fetchone()
    assert rows == [(OWN, 0, 1), (OWN, 1, 1), (OWN, 1, 1)]
    assert aside == [(OWN, "IN-FACILITY-FOREIGN")]
    assert theirs == (0,)


def test_each_group_is_in_the_record_with_its_senders(app: App, desk: Reception) -> None:
    desk.keep(parcel(envelope("R-12")))
    event = audit.recent(app.database, limit=1)[0]
    assert (event["agent"][0]["who"], event["agent"][1]["who"]) == ("door:portal-api", f"client:{NAME}")
    assert event["entity"][0]["detail"] == {"client": NAME, "facility": OWN, "service": SERVICE}
    assert "R-12" not in json.dumps(event)
    assert audit.verify(app.database, app.keys, app.home).ok


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        (Limits(sender_hour_deliveries=1), "LIM-SENDER"),
        (Limits(waiting_deliveries=1), "BUSY-BACKLOG"),
        (Limits(delivery_bytes=100), "LIM-DELIVERY-BYTES"),
    ],
)
def test_limits_of_a_sender_and_of_the_house_hold_here_too(app: App, limits: Limits, code: str) -> None:
    with Reception(replace(app, limits=limits)) as desk:
        assert refusal(desk, parcel(envelope("R-13"))) == code


def test_memory_that_waits_for_the_disk_is_bounded(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    data = envelope("R-14")
    monkeypatch.setattr(reception, "WAITING_BYTES", len(data) + 1)
    held = threading.Event()
    monkeypatch.setattr(writer.os, "fsync", lambda _: held.wait(20))
    with Reception(app) as desk, ThreadPoolExecutor(2) as pool:
        first: list[Kept] = []
        waiting = pool.submit(lambda: first.append(desk.keep(parcel(data))))
        while not desk._bytes:
            held.wait(0.01)
        assert refusal(desk, parcel(envelope("R-15"))) == "BUSY-RECEPTION"
        held.set()
        waiting.result()
    assert len(first) == 1


def test_who_comes_when_the_house_closes_is_told_to_come_again(app: App) -> None:
    with Reception(app) as desk:
        desk.keep(parcel(envelope("R-16")))
    assert refusal(desk, parcel(envelope("R-17"))) == "BUSY-RECEPTION"
