"""How right a linkage is, against records whose persons are known. Nothing here looks at a name or a number."""

from __future__ import annotations

from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from bienho.core.errors import InputError
from bienho.linkage.model.workspace import engine

TRUTH = ("record_id", "person")
LINKS = ("record_id", "person_id")
KINDS_OF_ERROR = ("twin", "mother", "father")
BINS = 10


def evaluate(
    truth: pa.Table, links: pa.Table, pairs: pa.Table | None = None, met: pa.Table | None = None
) -> dict[str, Any]:
    """Figures of the persons of `links` (record_id, person_id) against `truth` (record_id, person; and, where known,
    household, twin, mother, father: persons too, '' for none).

    pairwise and b_cubed: precision, recall, f1 (B-cubed: Bagga and Baldwin 1998, mean over records). persons: how many
    there are, how many were found whole and unmixed. false_pairs: wrongly joined pairs by what the two persons are to
    each other. missed_pairs: true pairs that were not joined. With `pairs` (schema PAIRS) calibration: by tenths of
    probability, expected and true share. With `met` (left, right; what blocking looked at) blocking: recall.
    Errors: InputError IN-LINK-COLUMNS, IN-LINK-IDS, IN-LINK-TRUTH (records of one file that the other lacks).
    """
    con = engine()
    try:
        _put(con, truth, links)
        found: dict[str, Any] = {
            "records": truth.num_rows, "pairwise": _pairwise(con), "b_cubed": _b_cubed(con), "persons": _persons(con),
            "false_pairs": _false_pairs(con, truth.column_names),
        }  # fmt: skip
        found["missed_pairs"] = found["pairwise"]["true_pairs"] - found["pairwise"]["right_pairs"]
        if pairs is not None:
            found["calibration"] = _calibration(con, pairs)
        if met is not None:
            con.register("met", met)
            right = _number(con, "SELECT count(*) FROM met AS m " + _BOTH + " WHERE a.person = b.person")
            found["blocking"] = {"recall": _share(right, found["pairwise"]["true_pairs"]), "pairs": met.num_rows}
        return found
    finally:
        con.close()


_BOTH = 'JOIN told AS a ON a.record_id = m."left" JOIN told AS b ON b.record_id = m."right"'


def _put(con: duckdb.DuckDBPyConnection, truth: pa.Table, links: pa.Table) -> None:
    """The table `told`: record_id, person_id (given), person (true) and what else the truth knows."""
    for table, names, what in ((truth, TRUTH, "sự thật"), (links, LINKS, "kết quả")):
        if missing := [name for name in names if name not in table.column_names]:
            raise InputError(
                "IN-LINK-COLUMNS",
                f"Bảng {what} thiếu cột: {', '.join(missing)}.",
                hint="Các cột bắt buộc: " + ", ".join(names),
                who="người chuẩn bị tệp",
            )
        ids = table["record_id"]
        if ids.null_count or pc.count_distinct(ids).as_py() != len(ids):
            raise InputError(
                "IN-LINK-IDS",
                f"Bảng {what} có record_id trống hoặc lặp lại; mỗi bản ghi phải có một mã riêng",
                hint="Kiểm tra cột record_id rồi chạy lại",
                who="người chuẩn bị tệp",
            )
    con.register("truth", truth)
    con.register("links", links)
    con.execute("CREATE TABLE told AS SELECT l.person_id, t.* FROM truth AS t JOIN links AS l USING (record_id)")
    both = _number(con, "SELECT count(*) FROM told")
    if not both or both != truth.num_rows or both != links.num_rows:
        raise InputError(
            "IN-LINK-TRUTH",
            f"Sự thật có {truth.num_rows} bản ghi, kết quả có {links.num_rows}, chung {both};"
            " phải là cùng một tập bản ghi",
            hint="Dùng đúng tệp sự thật của tệp đã ghép",
            who="người chuẩn bị tệp",
        )


def _number(con: duckdb.DuckDBPyConnection, sql: str) -> int:
    row = con.execute(sql).fetchone()
    return int(row[0] or 0) if row else 0


def _share(part: float, whole: float) -> float:
    """A share; of nothing all is right."""
    return part / whole if whole else 1.0


def _scores(precision: float, recall: float) -> dict[str, float]:
    both = precision + recall
    return {"precision": precision, "recall": recall, "f1": 2 * precision * recall / both if both else 0.0}


def _pairwise(con: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    def pairs(by: str) -> int:
        return _number(con, f"SELECT sum(n * (n - 1) // 2) FROM (SELECT count(*) AS n FROM told GROUP BY {by})")

    right, given, true = pairs("person_id, person"), pairs("person_id"), pairs("person")
    return _scores(_share(right, given), _share(right, true)) | {
        "right_pairs": right, "given_pairs": given, "true_pairs": true
    }  # fmt: skip


def _b_cubed(con: duckdb.DuckDBPyConnection) -> dict[str, float]:
    row = con.execute("""
        SELECT avg(n / given), avg(n / true_) FROM (
            SELECT count(*) OVER (PARTITION BY person_id, person) AS n, count(*) OVER (PARTITION BY person_id) AS given,
                   count(*) OVER (PARTITION BY person) AS true_ FROM told
        )
    """).fetchone()
    return _scores(*(float(value) for value in row or (0, 0)))


def _persons(con: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    true = _number(con, "SELECT count(DISTINCT person) FROM told")
    exact = _number(
        con,
        """
        SELECT count(*) FROM (
            SELECT person, count(DISTINCT person_id) AS parts, any_value(person_id) AS one FROM told GROUP BY person
        ) AS t JOIN (SELECT person_id, count(DISTINCT person) AS mixed FROM told GROUP BY person_id) AS g
            ON g.person_id = t.one WHERE t.parts = 1 AND g.mixed = 1
        """,
    )
    given = _number(con, "SELECT count(DISTINCT person_id) FROM told")
    return {"true": true, "given": given, "exact": exact, "exact_share": _share(exact, true)}


def _false_pairs(con: duckdb.DuckDBPyConnection, known: list[str]) -> dict[str, int]:
    """Wrong pairs by what the two are to each other: twins, parent and child, one household, strangers."""
    cases = [
        f"WHEN a.{kind} = b.person OR b.{kind} = a.person THEN '{kind}'" for kind in KINDS_OF_ERROR if kind in known
    ]
    if "household" in known:
        cases.append("WHEN a.household = b.household AND a.household <> '' THEN 'household'")
    kind = f"CASE {' '.join(cases)} ELSE 'stranger' END" if cases else "'stranger'"
    rows = con.execute(f"""
        SELECT {kind} AS kind, count(*) FROM told AS a JOIN told AS b
            ON a.person_id = b.person_id AND a.record_id < b.record_id AND a.person <> b.person
        GROUP BY 1 ORDER BY 1
    """).fetchall()
    return dict(rows)


def _calibration(con: duckdb.DuckDBPyConnection, pairs: pa.Table) -> list[dict[str, float]]:
    """By tenths of the probability: pairs, what was expected, what was true; vetoed pairs are not counted."""
    con.register("met_pairs", pairs.select(["left", "right", "probability", "veto"]))
    rows = con.execute(f"""
        SELECT least(floor(m.probability * {BINS}), {BINS - 1})::INT AS bin, count(*), avg(m.probability),
               avg((a.person = b.person)::INT)
        FROM met_pairs AS m {_BOTH} WHERE m.veto IS NULL GROUP BY 1 ORDER BY 1
    """).fetchall()
    return [
        {"from": bin_ / BINS, "to": (bin_ + 1) / BINS, "pairs": count, "expected": expected, "true": true}
        for bin_, count, expected, true in rows
    ]
