"""From hits of the checks to findings: one row of `quality.finding` for each rule, row and field."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Sequence
from functools import cache

import pyarrow as pa

from bienho.quality import rule_eval, rule_judge, rule_lists, rule_rows, rule_text, rule_values
from bienho.quality.rule_model import Check, revision

_WORDS = (
    ("table_name", pa.string()),
    ("field", pa.string()),
    ("code", pa.string()),
    ("rule", pa.int32()),
    ("severity", pa.string()),
    ("advice", pa.string()),
    ("whole_table", pa.bool_()),
)


@cache
def judged_by() -> str:
    """Names the rules and the code that findings were made by: 12 hexadecimal digits."""
    digest = hashlib.sha256(revision().encode())
    for module in (rule_text, rule_values, rule_rows, rule_eval, rule_judge, rule_lists):
        digest.update(inspect.getsource(module).encode())
    return digest.hexdigest()[:12]


@cache
def rule_revision() -> int:
    """The same as the number that findings carry."""
    return int(judged_by()[:7], 16)


def check_words(checks: Sequence[Check]) -> pa.Table:
    """`hit` (position in `checks`) and what is said of it."""
    columns = {
        "table_name": [check.table for check in checks],
        "field": [check.field for check in checks],
        "code": [check.code for check in checks],
        "rule": [check.rule for check in checks],
        "severity": [check.severity for check in checks],
        "advice": [check.advice for check in checks],
        "whole_table": [check.whole_table for check in checks],
    }
    table = pa.table({name: pa.array(columns[name], kind) for name, kind in _WORDS})
    return table.add_column(0, "hit", pa.array(range(len(checks)), pa.int32()))


WAIVERS = "reference.rule_waiver"


def findings_sql(hits: str, words: str, waived: bool | None = None) -> str:
    """SELECT of rows of `quality.finding` from the relation `hits` of `rule_judge.HITS` and `words` of `check_words`.

    Reads `standard.xml130_dossier`. A place that a rule finds for two reasons is told once, the first. `waived`: those
    a facility's waiver covers on the day of service, or those none covers; None where there are no waivers. Names are
    made of the place alone, so they are the same however often and in whatever order dossiers are judged.
    """
    return f"""
    SELECT concat(version_id, '-r', rule, '-', table_name, '-', coalesce(row_no, 0), '-', coalesce(field, ''))
             AS finding_id,
           version_id, delivery_seq, delivery_id, dossier_key, facility_code, table_name, row_no, field, code, rule,
           severity, 'facility' AS owner,
           concat(table_name, ' dòng ' || row_no, ' ' || field, ': ', advice) AS message,
           {rule_revision()}::INTEGER AS rule_revision
    FROM (
      SELECT h.version_id, d.delivery_seq, d.delivery_id, d.dossier_key, d.facility_code, c.table_name,
             CASE WHEN NOT c.whole_table THEN h.row_no END AS row_no, c.field, c.code, c.rule, c.severity, c.advice
      FROM (
        SELECT version_id, row_no, day, min(hit) AS hit FROM {hits} JOIN {words} USING (hit)
        GROUP BY version_id, row_no, day, rule, table_name, field
      ) AS h JOIN {words} AS c USING (hit) JOIN standard.xml130_dossier AS d USING (version_id){_split(waived)}
    )"""


def split_sql(found: str, days: str, waived: bool) -> str:
    """SELECT of those rows of the relation `found`, which are findings, that are waived or are not; `days`: version_id
    and its `day` of service."""
    return f"SELECT c.* FROM {found} AS c JOIN {days} AS h USING (version_id){_split(waived, 'c')}"


def _split(waived: bool | None, facility: str = "d") -> str:
    if waived is None:
        return ""
    covers = f"w.rule = c.rule AND w.facility_code = {facility}.facility_code AND w.valid_from <= h.day"
    return f" {'SEMI' if waived else 'ANTI'} JOIN {WAIVERS} AS w ON {covers} AND h.day < w.valid_to"
