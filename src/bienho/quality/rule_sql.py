"""Checks compiled to one set-based SQL statement: one scan per table, sums and partners by joins, decimals, no clock.

What the SQL in the rule files may say (F is a field of the check's own table):

| F | the text, blanks at its ends left out; NULL when absent, empty, or nothing but a mark that the vault holds it |
| p.F | whether anything is there, in the lake or in the vault |
| n.F, q.F, r.F | the number: an amount (15,3); for products a quantity (9,3), a rate (5,2); NULL when it is none |
| t.F, d.F | the moment (12 digits), the day (the first 8 digits) |
| v.F, vp.F, vn.F, vt.F, vd.F … | the same of XML1 of the visit |
| v.edition, v.day, v.received_day, v.received_year | of the dossier: position in EDITIONS, day of service, receipt |
| s.NAME | a sum of `sums.yaml` |
| near(a, b) | equal when rounded to hundredths, a half either way: rounding costs more than all the rest |

A check finds something when its `when` is true and its `must` is false; NULL finds nothing, so what cannot be read is
left to the cast checks. A field the vault holds can only be judged where its text is at hand (`texts`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from typing import Any

from bienho.contracts import Contract, catalogue
from bienho.quality.rule_lists import source
from bienho.quality.rule_model import EDITIONS, Check, Partner, rules, sums

VISIT = "XML1"
_TOKEN = re.compile(
    r"(?P<text>'(?:[^']|'')*')"
    r"|\b(?P<space>vp|vn|vq|vr|vt|vd|v|p|n|q|r|t|d|s)\.(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|\b(?P<bare>[A-Z][A-Z0-9_]*)\b(?!\s*\()"
)
MACROS = r"""
CREATE OR REPLACE MACRO rule_moment(x) AS
  CASE WHEN strlen(x) = 12 AND x >= '18' AND x < '22' AND NOT suffix(x, ' ') AND NOT suffix(x, E'\t')
            AND NOT suffix(x, E'\n') AND NOT suffix(x, E'\r')
       THEN try_strptime(x, '%Y%m%d%H%M') END;
CREATE OR REPLACE MACRO rule_day(x) AS
  CASE WHEN strlen(x) = 12 THEN CAST(rule_moment(x) AS DATE)
       WHEN strlen(x) = 8 AND x >= '18' AND x < '22' AND NOT suffix(x, ' ') AND NOT suffix(x, E'\t')
            AND NOT suffix(x, E'\n') AND NOT suffix(x, E'\r')
       THEN CAST(try_strptime(x, '%Y%m%d') AS DATE) END;
CREATE OR REPLACE MACRO rule_text(x) AS
  CASE WHEN x >= '!' AND NOT suffix(x, ' ') AND NOT suffix(x, E'\n') AND x <> '*' THEN x
       WHEN x > '' THEN nullif(nullif(trim(x, E' \t\n\r'), ''), '*') END;
CREATE OR REPLACE MACRO near(x, y) AS (x) - (y) BETWEEN -0.005 AND 0.005;
CREATE OR REPLACE MACRO rule_there(x) AS
  CASE WHEN x >= '!' THEN true WHEN x > '' THEN trim(x, E' \t\n\r') <> '' ELSE false END;
"""
"""Session macros of the statement, run once per connection.

rule_moment and rule_day: twelve, eight or twelve digits that are a moment of the years 1800 to 2199. Within twelve
bytes `try_strptime` takes nothing but digits, save blanks at the end. To trim costs ten times the rest, so it is done
only where a text begins or ends with a blank.
"""
_TYPED = {
    "x": "rule_text({0})",
    "p": "rule_there({0})",
    # an empty text is kept from the cast: to fail costs it twenty times what it costs to succeed
    "n": "CASE WHEN {0} > ' ' THEN TRY_CAST({0} AS DECIMAL(15,3)) END",
    # wide types: a product of two that fit 18 digits would be worked out in 18 digits, and overflow
    "q": "CASE WHEN {0} > ' ' THEN CAST(TRY_CAST({0} AS DECIMAL(9,3)) AS DECIMAL(19,3)) END",
    "r": "CASE WHEN {0} > ' ' THEN CAST(TRY_CAST({0} AS DECIMAL(5,2)) AS DECIMAL(19,2)) END",
    "t": "rule_moment({0})",
    "d": "rule_day({0})",
}
_OF_HEAD = {
    "is_visit": "h.document = 'visit'",
    "edition": f"list_position({list(EDITIONS)!r}, h.format_version) - 1",
    "received_day": "CAST(timezone('Asia/Ho_Chi_Minh', h.received_at) AS DATE)",
    "received_year": "year(timezone('Asia/Ho_Chi_Minh', h.received_at))",
}


@dataclass(frozen=True, slots=True)
class Compiled:
    """A statement giving (version_id BIGINT, row_no INTEGER, hit INTEGER, day DATE); `hit` is a position in `checks`,
    `day` that of service.

    `texts`: table → vault fields whose texts it reads from `text.xml130_N` (version_id, row_no, fields).
    """

    sql: str
    checks: tuple[Check, ...]
    texts: dict[str, tuple[str, ...]]


@cache
def contract_of(table: str) -> Contract:
    """The contract of XML0 … XML15."""
    return catalogue()[dataset_of(table)]


def dataset_of(table: str) -> str:
    return f"standard.xml130_{table.removeprefix('XML')}"


@cache
def _fields(table: str) -> frozenset[str]:
    return frozenset(one.name for one in contract_of(table).official_fields)


@dataclass
class _Columns:
    """Which typed columns a table's scan must give, as statements ask for them."""

    table: str
    wanted: dict[str, tuple[str, str]] = field(default_factory=dict)

    def ask(self, kind: str, name: str) -> str:
        if name not in _fields(self.table):
            raise ValueError(f"{self.table} has no field {name}")
        column = f"{kind}_{name}"
        self.wanted[column] = (kind, name)
        return column


class _Scope:
    """Turns the SQL of a rule file into SQL over the scans; remembers what it read."""

    def __init__(self, table: str, scans: dict[str, _Columns], alias: str = "a") -> None:
        self.table, self._scans, self._alias = table, scans, alias
        self.tables: set[str] = set()
        self.sums: set[str] = set()
        self.texts: set[tuple[str, str]] = set()

    def sql(self, text: str) -> str:
        return _TOKEN.sub(self._replaced, text)

    def column(self, kind: str, name: str, table: str, alias: str) -> str:
        if kind != "p" and contract_of(table).by_name[name].in_vault:
            self.texts.add((table, name))
        self.tables.add(table)
        return f'{alias}."{self._scans.setdefault(table, _Columns(table)).ask(kind, name)}"'

    def _replaced(self, match: re.Match[str]) -> str:
        space, name, bare = match["space"], match["name"], match["bare"]
        if match["text"]:
            return match["text"]
        if bare:
            if bare not in _fields(self.table):
                return bare
            return self.column("x", bare, self.table, "v" if self.table == VISIT else self._alias)
        if space == "s":
            self.sums.add(name)
            return f's."{name}"'
        if space.startswith("v"):
            if name in _OF_HEAD or name == "day":
                return f"v.{name}"
            return self.column(space[1:] or "x", name, VISIT, "v")
        return self.column(space, name, self.table, "v" if self.table == VISIT else self._alias)


def texts_read(check: Check) -> set[tuple[str, str]]:
    """(table, field) of the vault whose text a check must see."""
    scope = _Scope(check.table, {})
    _guarded(check, scope)
    scope.sql(check.must or "")
    if check.lookup:
        scope.sql(check.field or "")
    if check.partner:
        _partnered(check, check.partner, scope, {})
    return scope.texts


@cache
def checks(texts: bool) -> tuple[Check, ...]:
    """The checks of this release; without `texts` those that the lake alone can answer."""
    return tuple(check for rule in rules() if rule.on for check in rule.checks if texts or not texts_read(check))


@cache
def text_checks() -> tuple[Check, ...]:
    """The checks that the lake alone cannot answer."""
    return tuple(check for check in checks(True) if texts_read(check))


def compile_checks(
    asked: Sequence[Check], present: frozenset[str], lists: frozenset[str], as_of: date | None = None
) -> Compiled:
    """One statement for the checks that can be asked of the tables `present` with the `lists` there are.

    It reads `standard.xml130_dossier` and `standard.xml130_N` of the tables present, and `text.xml130_N` where texts of
    the vault are asked for. `as_of` stands in the place of every dossier's day of service: the rules of another day.
    """
    asked = [check for check in asked if set(check.needs) <= lists and _can_ask(check, present)]
    return _Statement(tuple(asked), present, as_of).compiled()


def _can_ask(check: Check, present: frozenset[str]) -> bool:
    return check.whole_table or check.table in present


class _Statement:
    def __init__(self, asked: tuple[Check, ...], present: frozenset[str], as_of: date | None) -> None:
        self._checks, self._present, self._as_of = asked, present, as_of
        self._scans: dict[str, _Columns] = {VISIT: _Columns(VISIT)}
        self._sums: set[str] = set()
        self._texts: set[tuple[str, str]] = set()
        self._lists: dict[str, str] = {}

    def compiled(self) -> Compiled:
        """What is asked comes first, for it says which columns the scans must give."""
        parts = [*self._rows(), *self._lookups(), *self._partners()]
        day = [self._scans[VISIT].ask("d", name) for name in ("NGAY_RA", "NGAY_VAO")]
        sums_sql = self._sums_cte()
        with_parts = [self._visit(day)]
        with_parts += [self._scan(table) for table in sorted(self._scans) if table != VISIT and table in self._present]
        with_parts.append(sums_sql)
        with_parts += [f"{alias} AS MATERIALIZED ({_dated(name)})" for name, alias in self._lists.items()]
        body = (
            " UNION ALL ".join(parts) or "SELECT NULL::BIGINT AS version_id, NULL::INTEGER, NULL::INTEGER WHERE false"
        )
        texts: dict[str, list[str]] = {}
        for table, name in sorted(self._texts):
            if table in self._present:
                texts.setdefault(table, []).append(name)
        sql = (
            f"WITH {', '.join(with_parts)} SELECT version_id, f.row_no, f.hit, v.day"
            f" FROM ({body}) AS f(version_id, row_no, hit) JOIN visit AS v USING (version_id)"
        )
        return Compiled(sql, self._checks, {table: tuple(names) for table, names in texts.items()})

    def _seen(self, scope: _Scope) -> None:
        self._sums |= scope.sums
        self._texts |= scope.texts

    def _rows(self) -> Iterator[str]:
        """The row checks of each table in one pass: flags first, a list of hits for the few rows that have one."""
        by_table: dict[str, list[tuple[int, str]]] = {}
        for number, check in enumerate(self._checks):
            if check.must is None:
                continue
            scope = _Scope(check.table, self._scans)
            condition = f"{_guarded(check, scope)} AND NOT ({scope.sql(check.must)})"
            if check.whole_table:
                by_table.setdefault(VISIT, []).append((number, condition))
            else:
                by_table.setdefault(check.table, []).append((number, condition))
            self._seen(scope)
        for table, flags in by_table.items():
            named = ", ".join(f"({sql}) AS f{number}" for number, sql in flags)
            hits = ", ".join(f"CASE WHEN f{number} THEN {number} END" for number, _ in flags)
            anything = " OR ".join(f"f{number}" for number, _ in flags)
            yield (
                f"SELECT version_id, row_no, unnest(list_filter([{hits}], lambda hit: hit IS NOT NULL))"
                f" FROM (SELECT {_place(table)}, {named} FROM {_from(table)}) WHERE {anything}"
            )

    def _lookups(self) -> Iterator[str]:
        for number, check in enumerate(self._checks):
            asked = check.lookup
            if asked is None:
                continue
            scope = _Scope(check.table, self._scans)
            code = scope.sql(check.field or "")
            if asked.list == "icd10" or asked.list.startswith("value_set ICD10"):
                code = f"rtrim({code}, '†*+')"
            if asked.each:
                code = f"unnest(string_split({code}, '{asked.each}'))"
            others = [(scope.sql(name), self._list(listed)) for name, listed in asked.only]
            more = "".join(f", {sql} AS other{at}" for at, (sql, _) in enumerate(others))
            rows = f"SELECT {_place(check.table)}, v.day, trim({code}) AS code{more} FROM {_from(check.table)}"
            rows += f" WHERE {_guarded(check, scope)}"
            semi = "".join(
                f" SEMI JOIN {alias} AS o{at} ON o{at}.code = c.other{at} AND {_in_force(f'o{at}')}"
                for at, (_, alias) in enumerate(others)
            )
            join = "SEMI" if asked.forbid else "ANTI"
            self._seen(scope)
            yield (
                f"SELECT DISTINCT version_id, row_no, {number} FROM (SELECT * FROM ({rows}) WHERE code <> '') AS c"
                f"{semi} {join} JOIN {self._list(asked.list)} AS l ON l.code = c.code AND {_in_force('l')}"
            )

    def _list(self, name: str) -> str:
        return self._lists.setdefault(name, f"list_{len(self._lists)}")

    def _partners(self) -> Iterator[str]:
        for number, check in enumerate(self._checks):
            if check.partner is None:
                continue
            if check.partner.table and check.partner.table not in self._present:
                continue
            scope = _Scope(check.table, self._scans)
            yield _partnered(check, check.partner, scope, self._scans, number)
            self._seen(scope)

    def _sums_cte(self) -> str:
        """One row a visit; a sum over a table that is not present is 0."""
        wanted: dict[str, list[str]] = {}
        outer = []
        for name in sorted(self._sums):
            given = sums()[name]
            terms = []
            for table in given["tables"]:
                if table in self._present:
                    wanted.setdefault(table, []).append(f"{self._summed(given, table)} AS {name}")
                    terms.append(f"CASE WHEN s_{table}.version_id IS NULL THEN 0 ELSE s_{table}.{name} END")
            outer.append(f"{' + '.join(terms) or '0'} AS {name}")
        joins = "".join(
            f" LEFT JOIN (SELECT version_id, {', '.join(parts)} FROM {_scan_name(table)} AS a GROUP BY version_id)"
            f" AS s_{table} ON s_{table}.version_id = v.version_id"
            for table, parts in wanted.items()
        )
        return f"sums AS (SELECT {', '.join(['v.version_id', *outer])} FROM visit AS v{joins})"

    def _summed(self, given: Mapping[str, Any], table: str) -> str:
        scope = _Scope(table, self._scans)
        where = scope.sql(given["where"]) if "where" in given else "true"
        if "rows" in given:
            return f"count(*) FILTER ({scope.sql(given['rows'])})"
        if "days" in given:
            return f"count(DISTINCT {scope.sql(given['days'])})"
        amount = scope.sql(given["sum"])
        there = scope.sql("p." + given["sum"].partition(".")[2])
        return (
            f"CASE WHEN bool_or({there} AND {amount} IS NULL) THEN NULL"
            f" ELSE coalesce(sum({amount}) FILTER ({where}), 0) END"
        )

    def _visit(self, day: Sequence[str]) -> str:
        scan = self._scans[VISIT]
        held = self._held(VISIT)
        read = VISIT in self._present
        columns = _typed(scan, held) if read else _untold(scan)
        join = f" LEFT JOIN {dataset_of(VISIT)} AS x USING (version_id)" if read else ""
        join += _text_join(VISIT) if held and read else ""
        of_head = ", ".join(f"{sql} AS {name}" for name, sql in _OF_HEAD.items())
        days = f"DATE '{self._as_of}'" if self._as_of else ", ".join([*day, "received_day"])
        return (
            f"visit AS MATERIALIZED (SELECT *, coalesce({days}) AS day FROM (SELECT h.version_id, 1::INTEGER AS row_no,"
            f" {', '.join([of_head, *columns])} FROM standard.xml130_dossier AS h{join}))"
        )

    def _scan(self, table: str) -> str:
        held = self._held(table)
        columns = ", ".join(["x.version_id", "x.row_no", *_typed(self._scans[table], held)])
        join = _text_join(table) if held else ""
        return f"{_scan_name(table)} AS MATERIALIZED (SELECT {columns} FROM {dataset_of(table)} AS x{join})"

    def _held(self, table: str) -> frozenset[str]:
        return frozenset(name for at, name in self._texts if at == table)


def _typed(scan: _Columns, held: frozenset[str]) -> list[str]:
    """The typed columns of a scan; texts of the vault come from beside it."""
    columns = []
    for column, (kind, name) in scan.wanted.items():
        side = "y" if kind != "p" and name in held else "x"
        text = f'{side}."{name}"'
        columns.append(f'{_TYPED[kind].format(text)} AS "{column}"')
    return columns


def _untold(scan: _Columns) -> list[str]:
    """The columns of a scan when the table is not there: NULL, of the types they have otherwise."""
    return [f'{_TYPED[kind].format("NULL::VARCHAR")} AS "{column}"' for column, (kind, _) in scan.wanted.items()]


def _text_join(table: str) -> str:
    texts = f"text.xml130_{table.removeprefix('XML')}"
    return f" LEFT JOIN {texts} AS y ON y.version_id = x.version_id AND y.row_no = x.row_no"


def _scan_name(table: str) -> str:
    return f"rows_{table.lower()}"


def _place(table: str) -> str:
    return "v.version_id, v.row_no" if table == VISIT else "a.version_id, a.row_no"


def _from(table: str) -> str:
    visits = "visit AS v JOIN sums AS s ON s.version_id = v.version_id"
    if table == VISIT:
        return visits
    return f"{_scan_name(table)} AS a JOIN ({visits}) ON v.version_id = a.version_id"


def _dated(name: str) -> str:
    """A list whose windows end on a day: a join that asks for NULL as well is done row by row."""
    return f"SELECT code, valid_from, coalesce(valid_to, DATE '9999-12-31') AS valid_to FROM ({source(name)})"


def _in_force(alias: str) -> str:
    return f"{alias}.valid_from <= c.day AND c.day < {alias}.valid_to"


def _guarded(check: Check, scope: _Scope) -> str:
    """When a check is asked: edition, day of service, first row, its own `when`; sizes are judged by reading."""
    parts = []
    if check.table == VISIT or check.whole_table:
        parts.append("v.is_visit")
    if check.first > 0:
        parts.append(f"v.edition >= {check.first}")
    if check.last < len(EDITIONS) - 1:
        parts.append(f"v.edition <= {check.last}")
    if check.since:
        parts.append(f"v.day >= DATE '{check.since}'")
    if check.until:
        parts.append(f"v.day < DATE '{check.until}'")
    if check.first_row:
        parts.append("a.row_no = 1")
    declared = contract_of(check.table).by_name[check.field] if check.field else None
    if declared and declared.format_rule == check.rule and declared.max_length is not None and check.must:
        parts.append(f"coalesce(length({scope.sql(declared.name)}) <= {declared.max_length}, true)")
    if check.when:
        parts.append(f"({scope.sql(check.when)})")
    return " AND ".join(parts) or "true"


def _partnered(check: Check, asked: Partner, scope: _Scope, scans: dict[str, _Columns], number: int = 0) -> str:
    keys = [scope.sql(name) for name in asked.same]
    rows = f"SELECT {_place(check.table)}, {', '.join(f'{sql} AS k{at}' for at, sql in enumerate(keys))}"
    rows += f" FROM {_from(check.table)} WHERE {_guarded(check, scope)} AND ({scope.sql(asked.of)})"
    if asked.unique:
        by = ", ".join(["version_id", *(f"k{at}" for at in range(len(keys)))])
        return (
            f"SELECT version_id, row_no, {number} FROM ({rows})"
            f" QUALIFY row_number() OVER (PARTITION BY {by} ORDER BY row_no) > 1"
        )
    other = _Scope(asked.table or check.table, scans, alias="b")
    found = f"SELECT b.version_id, {', '.join(f'{other.sql(name)} AS k{at}' for at, name in enumerate(asked.same))}"
    found += f" FROM {_scan_name(other.table)} AS b WHERE {other.sql(asked.inside)}"
    scope.texts |= other.texts
    equal = " AND ".join(["o.version_id = c.version_id", *(f"o.k{at} = c.k{at}" for at in range(len(keys)))])
    join = "SEMI" if asked.forbid else "ANTI"
    return f"SELECT c.version_id, c.row_no, {number} FROM ({rows}) AS c {join} JOIN ({found}) AS o ON {equal}"
