"""What to make (Plan) and what was made (Summary)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from types import MappingProxyType

from bienho.core.errors import UsageError
from bienho.standards.xml130.versions import editions
from bienho.synthetic.reference import document

ARCHIVE: dict[str, tuple[date, date]] = {
    # Archived visits lie well inside the time of their version, so that their version is never in doubt.
    "4210": (date(2021, 1, 1), date(2023, 5, 31)),
    "130": (date(2023, 8, 1), date(2023, 12, 10)),
    "4750": (date(2024, 2, 1), date(2024, 9, 30)),
    "3176": (date(2025, 2, 1), date(2025, 12, 31)),
}
VERSION_MIX = MappingProxyType({"3176": 0.88, "4750": 0.05, "130": 0.04, "4210": 0.03})
DIRT_KINDS = (
    "bad_date",
    "missing_field",
    "wrong_sum",
    "unknown_element",
    "broken_base64",
    "truncated_file",
    "wrong_count",
    "paper_missing",
    "paper_bad_date",
    "paper_too_long",
    "paper_unknown",
    "foreign_key",
    "board_inside",
    "bare_missing",
)


def version_on(day: date) -> str:
    """Format version the twin writes for a visit that ends on `day`: the newest edition in force."""
    in_force = [edition.name for edition in editions() if edition.in_force(day)]
    if not in_force:
        raise UsageError("USE-SYNTH-START", "Ngày bắt đầu sớm hơn mọi phiên bản định dạng hồ sơ.")
    return in_force[-1]


@dataclass(frozen=True, slots=True)
class Plan:
    """Size and shape of a twin.

    persons: people of the province made; months: length of the window of visits, from `start`; seed: of all chance.
    facilities: codes of the only facilities that receive them (empty: all). versions: weights of format versions; the
    version in force in the window takes the visits of the window, the others become archived visits of their own time.
    share_noncanonical: share of files in a dress met in real life. dirt: share of dossiers with one injected error, of
    `dirt_kinds` (one that needs a paper leaves a dossier without it clean). share_resent, share_duplicate: dossiers
    sent again with a correction, or unchanged. share_checkin: share of facilities that report arrivals (XML0) before
    the dossier. board: whether the assessment board sends its records. outbreaks: injected a year in the province, in
    proportion in a sample. scenarios: names of `data/scenarios.yaml`. until: the last day of sending; what is sent
    later is left out, and nothing else changes.
    entry_errors: how often people type wrong, 1 = as published (data/entry_errors.csv). violations: share of dossiers
    that break one rule of the rule list. share_late, share_missing: shares of files that leave weeks late, or never.
    All four are averages: each facility has rates of its own.
    """

    persons: int = 3000
    months: int = 12
    seed: int = 1
    start: date = date(2025, 9, 1)
    facilities: tuple[str, ...] = ()
    versions: Mapping[str, float] = field(default_factory=lambda: VERSION_MIX)
    share_noncanonical: float = 0.3
    dirt: float = 0.0
    dirt_kinds: tuple[str, ...] = DIRT_KINDS
    share_resent: float = 0.03
    share_duplicate: float = 0.015
    share_checkin: float = 0.08
    board: bool = True
    outbreaks: float = 12.0
    scenarios: tuple[str, ...] = ()
    until: date | None = None
    entry_errors: float = 0.0
    violations: float = 0.0
    share_late: float = 0.0
    share_missing: float = 0.0

    def __post_init__(self) -> None:
        if not 1 <= self.persons <= 5_000_000 or not 1 <= self.months <= 120:
            raise UsageError("USE-SYNTH-SIZE", "Số người phải từ 1 đến 5.000.000 và số tháng từ 1 đến 120.")
        shares = [self.share_noncanonical, self.dirt, self.share_resent, self.share_duplicate, self.share_checkin]
        shares += [self.violations, self.share_late, self.share_missing]
        if any(not 0 <= share <= 1 for share in shares):
            raise UsageError("USE-SYNTH-SHARE", "Các tỷ lệ phải nằm trong khoảng 0 đến 1.")
        if self.share_late + self.share_missing > 1:
            raise UsageError("USE-SYNTH-SHARE", "Tỷ lệ tệp gửi muộn và tỷ lệ tệp không gửi cộng lại không quá 1.")
        if not 0 <= self.entry_errors <= 100:
            raise UsageError("USE-SYNTH-SHARE", "Hệ số lỗi nhập liệu phải từ 0 đến 100.")
        if unknown := sorted(set(self.versions) - set(ARCHIVE)):
            raise UsageError("USE-SYNTH-VERSION", f"Không có phiên bản định dạng: {', '.join(unknown)}.")
        if any(weight < 0 for weight in self.versions.values()) or not self.versions.get(version_on(self.start), 0) > 0:
            raise UsageError(
                "USE-SYNTH-VERSION",
                f"Phiên bản {version_on(self.start)} đang có hiệu lực ở ngày bắt đầu nên phải có trọng số lớn hơn 0.",
            )
        if unknown := sorted(set(self.scenarios) - set(document("scenarios.yaml"))):
            raise UsageError(
                "USE-SYNTH-SCENARIO",
                f"Không có kịch bản: {', '.join(unknown)}.",
                hint=f"chọn trong: {', '.join(document('scenarios.yaml'))}",
            )
        if not 0 <= self.outbreaks <= 10_000:
            raise UsageError("USE-SYNTH-SHARE", "Số ổ dịch mỗi năm phải từ 0 đến 10.000.")
        if self.until is not None and not self.start <= self.until < self.end:
            raise UsageError("USE-SYNTH-UNTIL", "Ngày dừng gửi phải nằm trong khoảng thời gian của dữ liệu.")
        if unknown := sorted(set(self.dirt_kinds) - set(DIRT_KINDS)):
            raise UsageError("USE-SYNTH-DIRT", f"Không có loại lỗi: {', '.join(unknown)}.")
        if self.dirt > 0 and not self.dirt_kinds:
            raise UsageError("USE-SYNTH-DIRT", "Muốn cài lỗi thì phải chọn ít nhất một loại lỗi.")

    @property
    def end(self) -> date:
        """First day after the window."""
        month = self.start.month - 1 + self.months
        year = self.start.year + month // 12
        for day in range(self.start.day, 0, -1):
            try:
                return date(year, month % 12 + 1, day)
            except ValueError:
                continue
        raise AssertionError("a month has a first day")

    def as_dict(self) -> dict[str, object]:
        """The plan as JSON values, stored with the truth so that it can be made again."""
        values = {name: getattr(self, name) for name in self.__slots__}
        until = self.until.isoformat() if self.until else None
        values.update(start=self.start.isoformat(), versions=dict(self.versions), until=until)
        return values


@dataclass(slots=True)
class Summary:
    """What was written: `dossiers` counts HOSO in files, repeats too; `check_ins` arrivals reported, `assessments`
    records of the board, `births` newborns; `digest` is over names and bytes of files."""

    persons: int = 0
    dossiers: int = 0
    check_ins: int = 0
    assessments: int = 0
    births: int = 0
    files: int = 0
    bytes: int = 0
    by_version: dict[str, int] = field(default_factory=dict)
    by_kind: dict[str, int] = field(default_factory=dict)
    by_style: dict[str, int] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    injected: dict[str, int] = field(default_factory=dict)
    outcomes: dict[str, int] = field(default_factory=dict)
    digest: str = ""

    def as_dict(self) -> dict[str, object]:
        """Plain values for `--json`."""
        return asdict(self)
