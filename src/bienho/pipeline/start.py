"""The first steps of a new house, each found out from how the house stands; nothing is ticked off and kept.

profile → units → administrators → second factors → contacts → envelopes of the key → backup → first delivery
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bienho.config import load_profile, read_ring
from bienho.governance import audit, people
from bienho.pipeline.app import App

ADMINISTRATORS = 2
"""Two: a recovery and an agreement take two persons, and one may fall ill."""


@dataclass(frozen=True, slots=True)
class Guide:
    """What people are told about a step: why, and the command that takes it (on the server)."""

    title_vi: str
    why_vi: str
    command: str


GUIDES: dict[str, Guide] = {
    "profile": Guide(
        "Kiểm tra hồ sơ tỉnh",
        "Danh sách xã, phường, cơ sở và đơn vị của tỉnh đọc được và khớp nhau.",
        "bienho doctor",
    ),
    "units": Guide(
        "Nạp đơn vị",
        "Mỗi phòng, cơ sở, xã trong hồ sơ tỉnh là một đơn vị có thể giao vai trò.",
        "bienho init",
    ),
    "administrators": Guide(
        "Hai người quản trị",
        "Khôi phục tài khoản và thỏa thuận cần hai người; một người nghỉ thì kho vẫn có người lo.",
        "bienho account add MÃ --name 'HỌ TÊN' --role administrator --os-user NGƯỜI_DÙNG_MÁY",
    ),
    "factors": Guide(
        "Mật khẩu và lớp xác thực thứ hai",
        "Mỗi người quản trị tự đặt trên máy chủ; chưa có thì cổng không mở ở chế độ vận hành.",
        "bienho account password; bienho account second-factor",
    ),
    "contacts": Guide(
        "Đầu mối của Sở",
        "Ai trả lời về dữ liệu, ai trả lời về an toàn thông tin; các đơn vị khác cử sau.",
        "bienho unit contact so-y-te --matter data --account MÃ --document 'SỐ_VĂN_BẢN'",
    ),
    "envelopes": Guide(
        "Nghi thức khóa: hai phong bì",
        "Mất khóa là mất dữ liệu. Chia khóa cho hai người cất ở hai nơi và lập biên bản.",
        "bienho keys split PHONG_BÌ_1 PHONG_BÌ_2",
    ),
    "backup": Guide(
        "Nơi sao lưu",
        "Sao lưu lần đầu ra nơi khác với máy chủ và với tệp khóa.",
        "bienho backup ĐÍCH",
    ),
    "delivery": Guide(
        "Lần nhận thử đầu tiên",
        "Nhận một tệp XML của một cơ sở rồi xem kết quả ở trang Giao nhận.",
        "bienho ingest TỆP",
    ),
}


@dataclass(frozen=True, slots=True)
class Step:
    """One step as it stands: `have` of `want`; `at`: when it was last done, where that is known."""

    code: str
    have: int
    want: int
    at: datetime | None = None

    @property
    def done(self) -> bool:
        """Whether nothing is left to do."""
        return self.have >= self.want

    def as_dict(self) -> dict[str, object]:
        return {
            "step": self.code,
            "done": self.done,
            "have": self.have,
            "want": self.want,
            "at": self.at,
            "command": GUIDES[self.code].command,
        }


def steps(app: App, now: datetime) -> list[Step]:
    """Every step, in the order in which they are taken. ConfigError when the profile of the province is broken."""
    db = app.database
    profile = load_profile()
    wanted = {unit.code for unit in people.units.first_units(profile)}
    known = {unit.code for unit in people.units.list_units(db)}
    administrators = people.administrators(db, now)
    named = {one.matter for one in people.contacts.list_contacts(db, unit=people.units.DEPARTMENT, at=now)}
    listed = len(profile.communes) + len(profile.facilities)
    deliveries = app.raw.last_seq()
    return [
        Step("profile", listed, listed),
        Step("units", len(wanted & known), len(wanted)),
        Step("administrators", len(administrators), ADMINISTRATORS),
        Step("factors", sum(administrators.values()), max(len(administrators), ADMINISTRATORS)),
        Step("contacts", len(named), len(people.contacts.MATTERS)),
        _envelopes(app),
        _commanded(app, "backup", "backup"),
        Step("delivery", deliveries, 1),
    ]


def _envelopes(app: App) -> Step:
    """Split since the version in use was made; a key kept by an outside service has no envelopes."""
    ring = read_ring(app.home.path)
    sealed = ring.sealed(ring.active) if ring else None
    if sealed and sealed.provider != "file":
        return Step("envelopes", 0, 0)
    return _commanded(app, "envelopes", f"keys-split:{ring.active if ring else 1}")


def _commanded(app: App, code: str, command: str) -> Step:
    at = audit.last_command(app.database, command)
    return Step(code, int(at is not None), 1, at)
