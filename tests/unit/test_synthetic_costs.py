"""What the stamp says of a visit in SQL against the builder's own functions: who pays, how one comes, the diagnoses."""

from __future__ import annotations

import random

import duckdb
import pyarrow as pa
import pytest

from bienho.config import load_profile
from bienho.synthetic import Plan
from bienho.synthetic.dossiers import dossier as builder
from bienho.synthetic.dossiers.money import Share, amount_text, split
from bienho.synthetic.dossiers.visits import Visit
from bienho.synthetic.places import Map
from bienho.synthetic.straight import costs, rows, stamp

PLAN = Plan(persons=900, months=6, seed=3, versions={"3176": 0.4, "4750": 0.2, "130": 0.2, "4210": 0.2})


@pytest.fixture(scope="module")
def told() -> tuple[Map, list[tuple[Visit, dict[str, object]]]]:
    """Visits as the builder takes them, each with what the SQL says of it."""
    atlas = Map(load_profile("gialai"))
    found = []
    for block in rows.Twin(PLAN, atlas).blocks(10**6):
        with duckdb.connect() as connection:
            tables = {
                "facilities": rows.facility_table(atlas), "communes": rows.commune_table(atlas),
                "olds": rows.old_table(atlas), "block_people": block.people, "block_homes": block.homes,
                "block_courses": block.courses, "block_births": block.births, "block_visits": block.visits,
            }  # fmt: skip
            for name, table in tables.items():
                connection.register("incoming", table)
                connection.execute(f"CREATE TABLE {name} AS SELECT * FROM incoming")
            for name, query in stamp.LOOKED_UP.items():
                connection.execute(f"CREATE TABLE {name} AS {query}")
            sql = f"SELECT visit_no, category, card_rate, small_sum, sponsored FROM ({stamp.texts(PLAN.seed)})"
            said = {row["visit_no"]: row for row in connection.execute(sql).to_arrow_table().to_pylist()}
        objects = block.objects(list(said))
        found += [(objects[number], row) for number, row in said.items()]
    return atlas, found


def card_of(visit: Visit) -> str:
    """As the builder has it: archives hold insured visits only."""
    person = visit.person
    card = person.card_on(visit.start.date())
    return card or (f"GD4{person.old.province_code}{person.insurance_id}" if visit.version == "4210" else "")


def test_benefit_and_category_are_the_builders(told: tuple[Map, list[tuple[Visit, dict[str, object]]]]) -> None:
    atlas, visits = told
    chance, seen = random.Random(1), set()
    with duckdb.connect() as connection:
        for visit, said in visits:
            card, person = card_of(visit), visit.person
            registered = atlas.registered(person.place, 2 if person.index % 3 == 0 else 1)
            assert said["category"] == builder._category(visit, card, registered), visit
            sponsored = card[:2] in builder.SPONSORED and (person.index + visit.serial) % builder.SPONSORED_EVERY == 0
            assert said["sponsored"] == sponsored, visit
            seen |= {f"category {said['category']}", f"rate {said['card_rate']}", f"sponsored {sponsored}"}
            seen |= {f"emergency {visit.emergency}", f"level {visit.clinic.level}", f"version {visit.version}"}
        sums = [chance.randrange(80_000_000) for _ in visits]
        asked = pa.table(
            {name: [said[name] for _, said in visits] for name in ("card_rate", "small_sum")} | {"insured": sums}
        )
        connection.register("asked", asked)
        ours = [benefit for (benefit,) in connection.execute(f"SELECT {costs.BENEFIT} FROM asked").fetchall()]
    assert ours == [
        builder._benefit(visit, card_of(visit), insured) for (visit, _), insured in zip(visits, sums, strict=True)
    ]
    assert set(ours) == {0, 80, 95, 100}
    assert {"emergency True", "sponsored True", "level 3", "version 4210", "category 1.3", "category 9"} <= seen


def texts(share: Share, level: int) -> dict[str, str]:
    """A line's shares as the builder writes them (`Lines.settle`)."""
    return {
        "THANH_TIEN_BH": amount_text(share.insured), "MUC_HUONG": str(level),
        "T_NGUONKHAC_VTTN": amount_text(share.other), "T_NGUONKHAC": amount_text(share.other),
        "T_BNTT": amount_text(share.own), "T_BNCCT": amount_text(share.copay), "T_BHTT": amount_text(share.fund),
    }  # fmt: skip


def test_shares_of_a_borrowed_line_are_those_the_builder_splits() -> None:
    """A line of a stencil at one benefit, lent to a visit with another."""
    chance, lines, visits, expected = random.Random(2), [], [], []
    for number in range(3_000):
        price = chance.randrange(1, 10**9)
        rate, insured = chance.choice((50, 100)), price * 100 // chance.choice((100, 130))
        line = (chance.randrange(1, 60_000), price, insured, 100, rate)
        lent, borrowed = ((chance.choice((0, 80, 95, 100)), chance.random() < 0.3) for _ in range(2))
        lines.append(texts(split(*line, lent[0], sponsored=lent[1]), lent[0]))
        visits.append({"number": number, "benefit": borrowed[0], "sponsored": borrowed[1]})
        expected.append(texts(split(*line, borrowed[0], sponsored=borrowed[1]), borrowed[0]))
    table = pa.Table.from_pylist(lines)
    held = {name: table.column(name) for name in table.column_names}
    amounts = costs.line_amounts(held)
    fields = costs.OF_TABLE["XML2"]
    with duckdb.connect() as connection:
        connection.register("v", pa.Table.from_pylist(visits))
        connection.register("kept", pa.table({"number": range(len(lines)), **held, **amounts}))
        connection.execute(f"CREATE TABLE s AS SELECT *{costs.LINE_TEXTS} FROM kept")
        chosen = ", ".join(f'{sql} AS "{name}"' for name, sql in fields.items())
        ours = connection.execute(f"SELECT {chosen} FROM v JOIN s USING (number) ORDER BY number").to_arrow_table()
    assert ours.to_pylist() == [{name: row[name] for name in fields} for row in expected]
    dataset = {costs.LINES[0]: pa.table({"stencil_no": [n // 2 for n in range(len(lines))], **amounts})}
    sums = costs.sums(dataset, pa.array(range(len(lines) // 2)).to_numpy()).to_pylist()
    for number, row in enumerate(sums):
        pair = [amounts["insured"][at].as_py() for at in (2 * number, 2 * number + 1)]
        assert row["insured"] == sum(pair)
        assert row["fund_80"] == sum((2 * one * 80 + 100) // 200 for one in pair)
