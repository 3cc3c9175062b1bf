"""Visits written on the portal: kept as drafts, sent through the door every delivery comes by, read again from raw.

The portal is given a `Writing` and asks governance for leave (`visit-write`) before every call that shows or changes a
patient's words.
"""

from __future__ import annotations

import csv
import io
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files

from bienho.config import load_profile
from bienho.core.errors import BienhoError, InputError
from bienho.governance import Actor, people
from bienho.governance.roles import CLINICIAN
from bienho.governance.visit_book import Draft, Sent, VisitBook
from bienho.pipeline.app import App
from bienho.pipeline.sending import take
from bienho.pipeline.visits.checked import Fault, Visit, checked
from bienho.pipeline.visits.dossier import VERSION, Numbers, sheet_of, tables_of
from bienho.pipeline.visits.sheet import Sheet, blank
from bienho.pipeline.worker.queue import TAKE_IN, Asking
from bienho.privacy import Digests
from bienho.sources import FORM
from bienho.standards.xml130 import Dossier, read_delivery
from bienho.standards.xml130.write import write_delivery

log = logging.getLogger(__name__)
KIND = "private-practice"
REMEMBERED = ("ma_bac_si", "ma_phu_trach", "dich_vu", "ma_dich_vu", "gia_dich_vu")
PER_VISIT = (
    "vao_luc", "ra_luc", "ly_do", "ket_qua", "tai_kham", "chuyen", "noi_den", "so_giay", "ly_do_chuyen", "dau_hieu",
    "benh_ly", "can_lam_sang", "tinh_trang", "huong", "phuong_tien", "nguoi_ho_tong", "chuc_danh",
)  # fmt: skip
"""What a visit copied for another day does not take along."""
DEFAULTS = {"dan_toc": "01", "ket_qua": "7", "dich_vu": "Khám bệnh"}
"""What stands in a new sheet; the province of the house beside it."""


@dataclass(frozen=True, slots=True)
class Practice:
    """A facility whose people write visits here: its code and the name of its unit."""

    facility: str
    name: str


class Writing:
    """One installation's visits. `now` of the calls is an instant with a zone, `today` of a check local without one.

    `ask` tells the worker that something was received; that nobody hears it does no harm, it looks by itself.
    """

    def __init__(self, app: App, ask: Callable[[], object] | None = None) -> None:
        self.book = VisitBook(app.database, app.keys)
        self._app = app
        self._ask = ask or self._ask_worker

    def practices(self, actor: Actor, now: datetime) -> list[Practice]:
        """The private practices with a code in whose unit this account is a clinician, by code."""
        own = {one.unit for one in actor.memberships if one.role == CLINICIAN}
        if not own:
            return []
        units = people.units.list_units(self._app.database, kind=KIND, day=people.units.local_day(now))
        found = [Practice(one.facility_code, one.name) for one in units if one.code in own and one.facility_code]
        return sorted(found, key=lambda one: one.facility)

    def begin(self, actor: Actor, facility: str, now: datetime, like: Sheet | None = None) -> str:
        """A new draft with what this writer need not type; `like`: of the same patient, come again."""
        known = self.book.remembered(actor.account_id, facility)
        sheet = blank() if like is None else like.having(**dict.fromkeys(PER_VISIT, ""))
        first = {
            name: text
            for name, text in ({"tinh": load_profile().province_code} | DEFAULTS | known).items()
            if not sheet[name]
        }
        visit, _ = self.book.start(facility, actor.account_id, sheet.having(**first).plain(), now)
        return visit

    def reopen(self, actor: Actor, sent: Sent, now: datetime) -> None:
        """A draft that corrects what was sent; one that is there already stays."""
        self.book.start(sent.facility, actor.account_id, self.read(sent).plain(), now, sent.visit_id)

    def read(self, sent: Sent) -> Sheet:
        """What was sent, read again from raw. InputError IN-VISIT-GONE when it was erased since."""
        return sheet_of(self._dossier(sent).tables)

    def check(self, sheet: Sheet, now: datetime) -> tuple[Visit | None, list[Fault]]:
        """`checked` at the local time of an instant, by the communes of the house."""
        return checked(sheet, now.astimezone(people.units.LOCAL).replace(tzinfo=None), is_commune)

    def send(self, actor: Actor, draft: Draft, visit: Visit, now: datetime) -> Sent:
        """Write the dossier, bring it to the door, and note its receipt; the draft is gone afterwards.

        Killed after the receipt, the draft is sent again: the same numbers and words make a duplicate, not another
        visit. InputError and LimitError as the door's, BusyError BUSY-BACKLOG: nothing was received, the draft stays.
        """
        app, numbers = self._app, numbers_of(draft, visit)
        tables = tables_of(visit, draft.facility, numbers)
        created = f"{people.units.local_day(now):%Y%m%d}"
        data = write_delivery([tables], facility=draft.facility, created=created, version=VERSION)
        receipt, _ = take(app, data, draft.facility, FORM, lambda: now)
        key = Digests(app.keys).dossier_key(draft.facility, numbers.visit)
        sent = self.book.note_sent(draft, actor.account_id, receipt.seq, key, now)
        known = Sheet.kept(draft.texts)
        self.book.remember(actor.account_id, draft.facility, {name: known[name] for name in REMEMBERED})
        try:
            self._ask()
        except BienhoError as error:
            log.warning("the worker was not asked: %s", error.code)
        return sent

    def _dossier(self, sent: Sent) -> Dossier:
        header, data = self._app.raw.read(sent.delivery_seq)
        found = next(iter(read_delivery(data).dossiers), None) if not header.erased else None
        if not isinstance(found, Dossier):
            raise InputError(
                "IN-VISIT-GONE",
                "Lượt khám này không còn trong kho: dữ liệu của người bệnh đã được xóa theo quyết định.",
                hint="Không cần làm gì; hỏi cán bộ đầu mối dữ liệu của Sở nếu không biết quyết định này.",
                who="cơ sở gửi",
            )
        return found

    def _ask_worker(self) -> None:
        with Asking(self._app.database) as asking:
            asking.ask(TAKE_IN)


def numbers_of(draft: Draft, visit: Visit) -> Numbers:
    """The numbers of a visit: drawn with its draft, so that a correction goes under the same."""
    drawn = draft.visit_id
    patient = visit.patient or f"{draft.facility}.N{drawn[-12:]}"
    return Numbers(f"{draft.facility}.{drawn[:16]}", patient, f"PK.{drawn[:10]}")


@cache
def communes() -> Mapping[str, str]:
    """Code → name of every commune of the province's profile."""
    return {one.code: one.name for one in load_profile().communes}


def is_commune(province: str, code: str) -> bool:
    """Whether there may be such a commune: those of the profile's own province are known, others are believed."""
    return (code in communes()) == (province == load_profile().province_code)


@cache
def occupations() -> Mapping[str, str]:
    """Code of two digits → name: level 2 of the list of Decision 34/2020/QĐ-TTg."""
    text = (files("bienho.pipeline.visits") / "data" / "occupations.csv").read_text(encoding="utf-8")
    return {row["code"]: row["name"] for row in csv.DictReader(io.StringIO(text))}
