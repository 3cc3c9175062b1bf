"""Legal thresholds and forecasts asked of a real gate: lists, decisions and old counts in the lake; who may not ask."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from bienho.cli import warning
from bienho.cli.main import main
from bienho.core.errors import InputError
from bienho.governance import Actor, Denied, Gate
from bienho.lake import Lake
from bienho.pipeline import legal, outlook, series
from support.governed import actor, governed
from support.governed import table as arrow
from support.model_runner import built_in

pytestmark = pytest.mark.database
D = date.fromisoformat
AS_OF = D("2026-11-18")  # a Wednesday of week 47
QUY_NHON, PLEIKU = "21583", "23563"
OLD = "21556"  # a ward that is in Quy Nhơn now


def case(number: int, disease: str, commune: str | None, day: str, certainty: str = "probable") -> dict[str, Any]:
    return {
        "patient_key": f"p{number}", "disease": disease, "episode": 1, "deadline": "48h", "certainty": certainty,
        "seen_date": D(day), "report_date": D(day), "last_seen": D(day), "encounters": 1, "died": False,
        "facility_code": "52001", "commune_canonical": commune, "commune_divided": False,
        "side": "west" if commune == PLEIKU else "east", "sex": "female", "age_group": "5-9",
    }  # fmt: skip


def older(disease: str, commune: str, unit: str, year: int, number: int, cases: int) -> dict[str, Any]:
    return {
        "disease": disease, "commune": commune, "unit": unit, "year": year, "number": number, "cases": cases,
        "edition": "x", "valid_from": D("1900-01-01"),
    }  # fmt: skip


def decision(disease: str, kind: str) -> dict[str, Any]:
    return {
        "disease": disease, "commune": "*", "kind": kind, "year": 0, "document": "1", "decided_on": D("2026-01-01"),
    }  # fmt: skip


def rows() -> dict[str, list[dict[str, Any]]]:
    months = [
        older("dengue", OLD if year < 2025 else QUY_NHON, "month", year, 11, 10 + year % 2)
        for year in range(2018, 2026)
    ]
    weeks = [
        older("dengue", OLD if year < 2025 else QUY_NHON, "week", year, 47, 2 + year % 2) for year in range(2021, 2026)
    ]
    months[5]["cases"] = 900  # 2023
    others = [older("hfmd", PLEIKU, "month", year, 11, 1) for year in range(2021, 2026)]
    decisions = [
        decision("dengue", "endemic"),
        {"disease": "dengue", "commune": QUY_NHON, "kind": "epidemic_year", "year": 2023, "document": "2",
         "decided_on": D("2024-01-01")},
        decision("mumps", "not_endemic"),
    ]  # fmt: skip
    cases = [case(n, "dengue", QUY_NHON, "2026-11-05") for n in range(12)]
    cases += [case(20 + n, "mumps", PLEIKU, "2026-11-17") for n in range(3)]
    cases += [case(30, "hfmd", PLEIKU, "2026-11-17"), case(31, "dengue", None, "2026-11-17")]
    cases += [case(40, "mumps", PLEIKU, "2026-11-17", "suspected"), case(41, "mumps", PLEIKU, "2026-11-19")]
    window = {"edition": "x", "valid_from": D("1900-01-01")}
    return {
        "reference.case_history": [*months, *weeks, *others],
        "reference.epidemic_decision": [{**one, **window} for one in decisions],
        "derived.notifiable_case": cases,
    }


def seasons(memory: float = 0.8) -> list[dict[str, Any]]:
    """Six years of hand, foot and mouth disease in Quy Nhơn: a season, and levels that last."""
    rng, level, listed = np.random.default_rng(4), 0.0, []
    for year in range(2020, 2026):
        for month in range(1, 13):
            level = memory * level + rng.normal(0, 0.4)
            cases = int(rng.poisson(np.exp(4 + 0.3 * (month in (4, 5, 9, 10)) + level)))
            listed.append(older("hfmd", OLD if year < 2025 else QUY_NHON, "month", year, month, cases))
    return listed


@dataclass
class House:
    """An opened home as far as these commands use it; `who` asks."""

    gate: Gate
    who: Actor

    def reading(self) -> Any:
        return nullcontext(self.gate)

    def __enter__(self) -> House:
        return self

    def __exit__(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def filled() -> Iterator[House]:
    with governed() as house:
        with Lake.open(house.made.home, house.made.database, read_only=False) as lake:
            told = rows()
            told["reference.case_history"] += seasons()
            given = {name: arrow(name, listed) for name, listed in told.items()}
            given |= {name: built_in()[name] for name in ("reference.commune", "reference.notifiable")}
            for name, table in given.items():
                lake.connection.register("incoming", table)
                lake.connection.execute(f"INSERT INTO lake.{name} BY NAME SELECT * FROM incoming")
                lake.connection.unregister("incoming")
        yield House(house.gate, actor("epidemiologist"))


@pytest.fixture
def app(filled: House, monkeypatch: pytest.MonkeyPatch) -> Any:
    filled.who = actor("epidemiologist")
    for module in (legal, outlook, series):
        monkeypatch.setattr(module, "caller", lambda house: house.who)
    monkeypatch.setattr(warning, "open_app", lambda _home: filled)
    return filled


def test_a_day_of_november(app: Any) -> None:
    found = legal.standing(app, "giam-sat", AS_OF)
    assert (found.since, found.unplaced) == (None, 1)
    told = {(row["disease"], row["commune"]): row for row in found.rows}
    dengue, mumps = told["dengue", QUY_NHON], told["mumps", PLEIKU]
    assert (dengue["state"], dengue["article"], dengue["month"], dengue["week"]) == ("epidemic", "16.1.b", 12, 0)
    # 2023 was declared, 2020 takes its place
    assert [one["year"] for one in dengue["month_years"]] == [2025, 2024, 2022, 2021, 2020]
    assert (dengue["month_years_dropped"], dengue["short"], dengue["endemic_basis"]) == ([2023], False, "decided")
    assert (dengue["month_mean"], dengue["month_limit"]) == (10.4, pytest.approx(11.495, abs=1e-3))
    assert dengue["reason"] == (
        "Từ 01/11 có 12 ca, vượt ngưỡng 11,5 (trung bình 10,4 + 2 × độ lệch chuẩn 0,5) của tháng 11 các năm trước"
        " (2025: 11, 2024: 10, 2022: 10, 2021: 11, 2020: 10; bỏ năm có dịch 2023)."
    )
    assert (dengue["name"], dengue["name_vi"], dengue["deadline"]) == (
        "Phường Quy Nhơn",
        "Sốt xuất huyết Dengue",
        "48h",
    )
    # the one of tomorrow and the one only suspected are not counted
    assert (mumps["state"], mumps["article"], mumps["week"]) == ("warning", "22.1.c", 3)
    assert told.keys() == {("dengue", QUY_NHON), ("mumps", PLEIKU), ("hfmd", PLEIKU)}
    # one case in every November: assumed to live here, but no year has counted weeks
    hfmd = told["hfmd", PLEIKU]
    assert (hfmd["state"], hfmd["endemic"], hfmd["endemic_basis"]) == ("unknown", True, "assumed")
    counted = legal.standing(app, "giam-sat", D("2026-11-19"), sure="suspected", everything=True)
    assert next(row["month"] for row in counted.rows if row["disease"] == "mumps") == 5


@pytest.mark.parametrize("role", ["viewer", "leader", "administrator"])
def test_whoever_may_not_see_cases_of_communes_is_refused(app: Any, role: str) -> None:
    app.who = actor(role)
    with pytest.raises(Denied):
        legal.standing(app, "giam-sat", AS_OF)
    with pytest.raises(Denied):
        outlook.outlook(app, "giam-sat", "hfmd", AS_OF)


def test_three_months_ahead_with_their_worth(app: Any) -> None:
    found = outlook.outlook(app, "giam-sat", "hfmd", D("2026-01-20"))
    assert (found.first, found.months, found.origins) == (D("2020-01-01"), 72, 22)
    assert found.model in ("ensemble", "plain")
    served = sum(found.wis[found.model])
    assert served <= sum(found.wis["plain"])
    assert served < sum(found.wis["seasonal"])
    assert [(row["place"], row["month"]) for row in found.rows[:3]] == [
        ("east", D("2026-01-01")), ("east", D("2026-02-01")), ("east", D("2026-03-01")),
    ]  # fmt: skip
    assert [row["place"] for row in found.rows[3::3]] == ["west", "province"]
    for row in found.rows:
        assert 0 <= row["q0.025"] <= row["q0.1"] <= row["q0.5"] <= row["q0.9"] <= row["q0.975"]
        assert 0 <= row["above"] <= 1
    assert 5 < found.rows[0]["q0.5"] < 400
    assert found.rows[3]["q0.5"] < 1
    grouped = outlook.outlook(app, "giam-sat", "hfmd", D("2026-01-20"), place="group")
    counted = {row["place"]: row["q0.5"] for row in grouped.rows if row["ahead"] == 1}
    assert len(counted) == 28 + 1
    # every case of the house is of a ward of Quy Nhơn
    assert counted["Thành phố Quy Nhơn"] == pytest.approx(found.rows[0]["q0.5"], rel=0.1)
    assert counted["Huyện Chư Prông"] < 1
    with pytest.raises(InputError) as raised:
        outlook.outlook(app, "giam-sat", "hfmd", D("2024-02-20"))
    assert raised.value.code == "IN-FORECAST-HISTORY"


def test_the_commands_print_what_was_found(app: Any, tmp_path: Path) -> None:
    def run(*words: str) -> str:
        result = CliRunner().invoke(main, list(words))
        assert result.exit_code == 0, result.output
        return " ".join(result.output.split())

    assert app
    day = ("--as-of", str(AS_OF))
    told = json.loads(run("legal", *day, "--json"))
    assert [row["state"] for row in told["rows"]] == ["epidemic", "warning", "unknown"]
    assert "vượt ngưỡng 11,5" in run("legal", *day, "--csv")
    assert "1 ca trong tháng chưa rõ xã" in run("legal", *day)
    words = ("cases", "mumps", "--place", "side", "--by", "sex", "--since", "2026-11-01", "--as-of", "2026-11-22")
    lines = run(*words, "--certainty", "suspected").split(" ")
    assert lines[0] == '"series","t","year","epoch_in_year","date","observed"'
    assert len(lines) == 1 + 4 * 3
    assert '"west|female",3,2026,47,2026-11-16,5' in lines
    assert '"west|male",3,2026,47,2026-11-16,0' in lines
    assert CliRunner().invoke(main, ["cases", "mumps"]).exit_code == InputError.exit_code
    warm = tmp_path / "warm.csv"
    months = [(year, month) for year in range(2020, 2026) for month in range(1, 13)]
    lines = [f"{side},{year},{month},{24 + (year * month) % 5}" for side in ("east", "west") for year, month in months]
    warm.write_text("\n".join(["side,year,month,temperature", *lines]), encoding="utf-8")
    words = ("forecast", "show", "hfmd", "--as-of", "2026-01-20", "--climate", str(warm))
    assert len(json.loads(run(*words, "--json"))["rows"]) == 9
    assert "01/2026" in run(*words)
