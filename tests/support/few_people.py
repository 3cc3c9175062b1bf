"""Records of few people with few values, and a matcher whose weights can be reckoned by hand: for tests of the
index."""

from __future__ import annotations

import random
from typing import Any

import pyarrow as pa

from bienho.linkage import CLEAN
from bienho.linkage.persons import Decision, Rules

COLUMNS = ("left", "right", "weight", "veto")


def record(name: str, arrived: int, **values: Any) -> dict[str, Any]:
    return dict.fromkeys(CLEAN.names) | {"record_id": name, "arrived": arrived} | values


def table(rows: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=CLEAN)


class ByHand:
    """Four bits for every value that is the same, two less for one that is not; a veto between two numbers."""

    review = -2.0
    rules = Rules(link=6.0, floor=0.0, absent=-3.0, stop=1.0, bound=12.0, years=12)
    _compared = ("given", "birth_year", "phone", "cccd", "sex")

    def blocks(self, clean: pa.Table) -> pa.Table:
        rows = [
            {"record_id": row["record_id"], "rule": rule, "key": "|".join(str(row[name]) for name in names)}
            for row in clean.to_pylist()
            for rule, names in enumerate((("given", "birth_year"), ("phone",), ("cccd",)))
            if all(row[name] is not None for name in names)
        ]
        return pa.Table.from_pylist(
            rows, schema=pa.schema([("record_id", pa.string()), ("rule", pa.int8()), ("key", pa.string())])
        )

    def tell(self, left: list[dict[str, Any]], right: list[dict[str, Any]]) -> list[tuple[float, str | None]]:
        scored = self.score(table(left), table(right))
        return list(zip(scored["weight"].to_pylist(), scored["veto"].to_pylist(), strict=True))

    def score(self, left: pa.Table, right: pa.Table) -> pa.Table:
        rows = []
        for one, other in zip(left.to_pylist(), right.to_pylist(), strict=True):
            one, other = sorted((one, other), key=lambda row: row["record_id"])
            known = [name for name in self._compared if one[name] is not None and other[name] is not None]
            weight = sum(4.0 if one[name] == other[name] else -2.0 for name in known)
            veto = "cccd" if "cccd" in known and one["cccd"] != other["cccd"] else None
            rows.append(dict(zip(COLUMNS, (one["record_id"], other["record_id"], weight, veto), strict=True)))
        types = (pa.string(), pa.string(), pa.float64(), pa.string())
        return pa.Table.from_pylist(rows, schema=pa.schema(list(zip(COLUMNS, types, strict=True))))


def some_records(rng: random.Random, count: int) -> list[dict[str, Any]]:
    """Few values for many: crowds and ambiguity on purpose. Names are 32 hex digits, as patient keys are."""
    return [
        record(
            f"{rng.getrandbits(128):032x}",
            arrived,
            given=rng.choice(["hoa", "lan", "minh"]),
            birth_year=rng.choice([1950, 1951, 1980]),
            phone=rng.choice([None, "0900000001", "0900000002", "0900000003"]),
            cccd=rng.choice([None, None, "064190000001", "064190000002"]),
            sex=rng.choice(["1", "2", None]),
        )
        for arrived in range(count)
    ]


def some_decisions(rng: random.Random, names: list[str], count: int) -> list[Decision]:
    return [
        Decision(order, *sorted(rng.sample(names, 2)), rng.choice(["same", "different"]))  # type: ignore[arg-type]
        for order in range(count)
    ]
