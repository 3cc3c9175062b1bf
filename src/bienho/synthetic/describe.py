"""How a twin fits what is published: marginals of its people, monthly shape of its notifiable diseases.

The reference is a folder laid out as the team's facts (`gialai/communes.csv`, `gialai/age_sex_model.csv`,
`gialai/ethnic_by_old_province.csv`, `gialai/family_names_published.csv`, `surveillance/data/gdpm_*_monthly.csv`);
without one, what the project carries itself: communes of the profile, ages, peoples and names of this room.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bienho.config import load_profile
from bienho.core.errors import UsageError
from bienho.synthetic.people import blocks, make
from bienho.synthetic.people.crowd import number_of
from bienho.synthetic.people.names import KINH
from bienho.synthetic.people.roll import district_of
from bienho.synthetic.places import Map
from bienho.synthetic.plan import Plan
from bienho.synthetic.reference import document, rows

_SIDES = {"old Bình Định": "east", "old Gia Lai": "west", "52": "east", "64": "west"}
_PROVINCES = {"Binh Dinh": "east", "Gia Lai": "west"}
_SERIES = "surveillance/data/gdpm_gialai_binhdinh_1980_2017_monthly.csv"
_LIMITED = ("dengue", "hfmd")  # diseases whose shape is promised
_TOP = 14  # family names
# The least a twin must hold of a thing before it is judged: below, chance alone breaks a limit.
_LEAST = {"population": 50, "age_sex": 20_000, "ethnic": 4_000, "family": 2_500, "season": 300}
_LIMITS = {"population": 0.01, "age_sex": 0.5, "ethnic": 0.1, "family": 0.1, "season": 0.9}


@dataclass(frozen=True, slots=True)
class Fit:
    """One comparison. `value` is the greatest deviation over `parts` things (relative; of ages in points of a hundred),
    at `worst`, or a correlation of twelve months. `met` is None where no limit is set or the twin is too small."""

    measure: str
    group: str
    parts: int
    worst: str
    value: float
    limit: float | None
    met: bool | None

    def as_dict(self) -> dict[str, object]:
        """Plain values for `--json`."""
        return asdict(self)


@dataclass(slots=True)
class Tally:
    """What is counted of a twin. Ages are groups of five years (16: 80 and over), months 1 … 12."""

    communes: Counter[str] = field(default_factory=Counter)
    ages: Counter[tuple[str, int, str]] = field(default_factory=Counter)
    peoples: Counter[tuple[str, str]] = field(default_factory=Counter)
    families: Counter[tuple[str, str]] = field(default_factory=Counter)
    cases: Counter[tuple[str, str, int]] = field(default_factory=Counter)

    def add(self, people: pa.Table, last: date, sides: Mapping[str, str]) -> None:
        """People with the columns commune, sex, birth, ethnic_code, name, until: those living there at the end."""
        people = people.filter(pc.is_null(people["until"]))
        years = (number_of(last) - people["birth"].cast(pa.int32()).to_numpy().astype(np.int64)) * 4 + 3
        table = pa.table(
            {
                "commune": people["commune"].cast(pa.string()),
                "sex": people["sex"].cast(pa.string()),
                "age": np.minimum(years // 1461 // 5, 16),
                "ethnic": people["ethnic_code"].cast(pa.string()),
                "family": pc.list_element(pc.split_pattern(people["name"], " ", max_splits=1), 0),
            }
        )
        for commune, count in _counted(table, "commune"):
            self.communes[commune] += count
        for commune, age, sex, count in _counted(table, "commune", "age", "sex"):
            self.ages[sides[commune], age, sex] += count
        for commune, ethnic, count in _counted(table, "commune", "ethnic"):
            self.peoples[sides[commune], ethnic] += count
        kinh = table.filter(pc.equal(table["ethnic"], "01"))
        for commune, family, count in _counted(kinh, "commune", "family"):
            self.families[sides[commune], family] += count


def describe(tally: Tally, reference: Path | None) -> list[Fit]:
    """All comparisons. Errors: UsageError for a folder that is not laid out so."""
    found = [_population(tally, reference), *_ages(tally, reference), *_peoples(tally, reference)]
    found += _families(tally)
    if reference:
        found.append(_published_names(tally, reference))
        found += _seasons(tally, reference)
    return found


def tally_plan(seed: int, persons: int | None = None) -> Tally:
    """People made for the purpose and counted block by block; as many as live in the province by default."""
    atlas = Map(load_profile("gialai"))
    plan = Plan(persons=persons or sum(place.population for place in atlas.places), seed=seed)
    sides, found = {place.code: place.side for place in atlas.places}, Tally()
    for block in blocks(plan, atlas):
        found.add(pa.Table.from_batches([make(plan, atlas, block)[0]]), plan.end - timedelta(days=1), sides)
    return found


def tally_twin(folder: Path) -> Tally:
    """The people of a twin that was written, and its cases where it has a table of them (`truth/cases.parquet`)."""
    truth, found = folder / "truth", Tally()
    if not (truth / "people.parquet").is_file() or not (truth / "plan.json").is_file():
        raise UsageError(
            "USE-SYNTH-TRUTH", "Thư mục không chứa dữ liệu mô phỏng.", hint="chọn thư mục do `bienho synth` ghi ra"
        )
    plan = json.loads((truth / "plan.json").read_text(encoding="utf-8"))
    first = date.fromisoformat(plan["start"])
    last = Plan(start=first, months=plan["months"], versions=plan["versions"]).end - timedelta(days=1)
    sides = _sides()
    file = pq.ParquetFile(truth / "people.parquet")
    renamed = {"commune_code": "commune", "birth_date": "birth"}
    wanted = {"commune", "sex", "birth", "ethnic_code", "name", "until"}
    columns = [name for name in file.schema_arrow.names if renamed.get(name, name) in wanted]
    for batch in file.iter_batches(columns=columns):
        people = pa.Table.from_batches([batch])
        found.add(people.rename_columns([renamed.get(name, name) for name in people.column_names]), last, sides)
    if (truth / "cases.parquet").is_file():
        cases = pq.read_table(truth / "cases.parquet")
        days = next(name for name in ("onset", "onset_date") if name in cases.column_names)
        months = pa.table(
            {
                "disease": cases["disease"].cast(pa.string()),
                "commune": cases["commune"].cast(pa.string()),
                "month": pc.month(cases[days]),
            }
        )
        for disease, commune, month, count in _counted(months, "disease", "commune", "month"):
            found.cases[disease, sides[commune], month] += count
    return found


def _sides() -> dict[str, str]:
    """Half of the province by code of a commune, of before the merger too."""
    found = {r["old_code"]: _SIDES[r["province_code"]] for r in rows("old_communes.csv")}
    return found | {commune.code: commune.side for commune in load_profile("gialai").communes}


def _counted(table: pa.Table, *keys: str) -> Iterator[tuple[Any, ...]]:
    grouped = table.group_by(list(keys), use_threads=False).aggregate([([], "count_all")])
    yield from zip(*(grouped[name].to_pylist() for name in (*keys, "count_all")), strict=True)


def _read(reference: Path, name: str) -> list[dict[str, str]]:
    try:
        with (reference / name).open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))
    except OSError as error:
        raise UsageError(
            "USE-SYNTH-REFERENCE", f"Thư mục số liệu tham chiếu thiếu tệp {name}.", hint="xem cách sắp xếp trong README"
        ) from error


def _fit(
    measure: str, group: str, deviations: Mapping[str, float], *, parts: int | None = None, judged: bool = True
) -> Fit:
    """The worst of some deviations against the limit of the measure."""
    worst = max(deviations, key=lambda name: (abs(deviations[name]), name), default="")
    value, limit = abs(deviations.get(worst, 0.0)), _LIMITS[measure] if judged else None
    met = value <= limit if limit is not None and deviations else None
    return Fit(measure, group, len(deviations) if parts is None else parts, worst, value, limit, met)


def _relative(
    ours: Mapping[str, float], theirs: Mapping[str, float], least: float, names: Iterable[str] | None = None
) -> dict[str, float]:
    """Deviation of shares by name, for those of which a twin of this size should hold `least`."""
    whole, all_of = sum(ours.values()), sum(theirs.values())
    return {
        name: ours.get(name, 0) / whole / (theirs[name] / all_of) - 1
        for name in (theirs if names is None else names)
        if theirs[name] * whole >= least * all_of
    }


def _population(tally: Tally, reference: Path | None) -> Fit:
    if reference:
        theirs = {r["code"]: float(r["population"]) for r in _read(reference, "gialai/communes.csv")}
    else:
        theirs = {commune.code: float(commune.population) for commune in load_profile("gialai").communes}
    return _fit("population", "", _relative(tally.communes, theirs, _LEAST["population"]))


def _ages(tally: Tally, reference: Path | None) -> Iterator[Fit]:
    if reference:
        told = [(_SIDES[r["side"]], r["age"], r["pct_male"], r["pct_female"])
                for r in _read(reference, "gialai/age_sex_model.csv")]  # fmt: skip
    else:
        told = [(r["side"], r["age"], r["male_pct"], r["female_pct"]) for r in rows("age_sex.csv")]
    for side in ("east", "west"):
        whole = sum(count for (where, _, _), count in tally.ages.items() if where == side)
        deviations = {}
        for name, male, female in ((age, m, f) for where, age, m, f in told if where == side):
            group = int(name.split("-")[0].rstrip("+")) // 5
            for sex, share in (("M", male), ("F", female)):
                deviations[f"{name} {sex}"] = 100 * tally.ages[side, group, sex] / max(whole, 1) - float(share)
        yield _fit("age_sex", side, deviations, judged=whole >= _LEAST["age_sex"])


def _peoples(tally: Tally, reference: Path | None) -> Iterator[Fit]:
    theirs: dict[str, dict[str, float]] = {"east": {}, "west": {}}
    if reference:
        for r in _read(reference, "gialai/ethnic_by_old_province.csv"):
            theirs[_SIDES[r["old_province_code"]]][r["ethnic_code"] or "other"] = float(r["persons_census_2019"])
    else:
        data = document("names.yaml")
        for place in Map(load_profile("gialai")).places:
            shares = data["districts"].get(district_of(place), {})
            for people, share in {**shares, KINH: 100 - sum(shares.values())}.items():
                code = "01" if people == KINH else str(data["peoples"][people]["code"])
                mine = theirs[place.side]
                mine[code] = mine.get(code, 0) + share * place.population
    for side, told in theirs.items():
        ours: Counter[str] = Counter()
        for (where, code), count in tally.peoples.items():
            if where == side:
                ours[code if code in told else "other"] += count
        named = [code for code in told if code != "other"]
        if told and ours:
            yield _fit("ethnic", side, _relative(ours, told, _LEAST["ethnic"], named))


def _families(tally: Tally) -> Iterator[Fit]:
    """The most common names against the shares of names.yaml: published ones are of no side."""
    for side, told in document("names.yaml")["family"].items():
        ours = {name: count for (where, name), count in tally.families.items() if where == side}
        top = sorted(told, key=lambda name: -told[name])[:_TOP]
        if ours:
            yield _fit("family", side, _relative(ours, told, _LEAST["family"], top))


def _published_names(tally: Tally, reference: Path) -> Fit:
    """All Kinh of the province against shares of the whole country: to know, not to meet."""
    told = {r["family_name"]: float(r["pct"]) for r in _read(reference, "gialai/family_names_published.csv")}
    whole = max(sum(tally.families.values()), 1)
    ours: Counter[str] = Counter()
    for (_, name), count in tally.families.items():
        ours[name] += count
    deviations = {
        name: 100 * sum(ours[one] for one in name.split("/")) / whole / share - 1
        for name, share in list(told.items())[:_TOP]
    }
    return _fit("family", "published", deviations, judged=False)


def _seasons(tally: Tally, reference: Path) -> Iterator[Fit]:
    """Correlation of the twelve months with the mean shape of the years that had fifty cases or more."""
    if not tally.cases:
        return
    years: dict[tuple[str, str], dict[str, list[float]]] = {}
    for r in _read(reference, _SERIES):
        if (side := _PROVINCES.get(r["province"])) and r["cases"]:
            months = years.setdefault((r["disease"], side), {}).setdefault(r["year"], [0.0] * 12)
            months[int(r["month"]) - 1] += float(r["cases"])
    for disease in sorted({name for name, _, _ in tally.cases}):
        for side in ("east", "west"):
            shapes = [np.array(m) / sum(m) for m in years.get((disease, side), {}).values() if sum(m) >= 50]
            ours = np.array([tally.cases[disease, side, month] for month in range(1, 13)], float)
            if not shapes or not ours.any():
                continue
            value = float(np.corrcoef(np.mean(shapes, axis=0), ours)[0, 1])
            judged = disease in _LIMITED and ours.sum() >= _LEAST["season"]
            limit = _LIMITS["season"] if judged else None
            met = value >= limit if limit is not None else None
            yield Fit("season", f"{disease} {side}", round(ours.sum()), "", value, limit, met)
