"""The allow-list for ad-hoc SQL: text in, a checked tree and the relations it wants out.

Nothing a user typed is ever run. The text is parsed (sqlglot, DuckDB dialect), every node of the tree must be of a
kind listed here, every relation must be a dataset of the catalogue or a CTE in scope, every function must be listed in
`sql_functions`. Relations and CTEs are then renamed to names only this module can produce, and the statement is
rendered anew. `engine_check` asks DuckDB's own parser about the rendered text before it runs.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from bienho.core.errors import LimitError, UsageError
from bienho.governance.sql_functions import ALLOWED, CLOCK, PAD_MAX, SQLGLOT_FORMS, TABLE_FUNCTIONS, words

ZONES = ("standard", "conformed", "quality", "derived", "reference")
TEXT_MAX = 20_000
NESTING_MAX = 60
NODES_MAX = 5_000
RELATIONS_MAX = 32
RESERVED = "__bienho"

_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.]{0,63}\Z")

_STATEMENTS = (exp.Select, exp.SetOperation, exp.Values, exp.Subquery)

_NODES: tuple[type[exp.Expression], ...] = (
    # statements and clauses
    exp.Select, exp.Union, exp.Except, exp.Intersect, exp.Subquery, exp.Values, exp.With, exp.CTE, exp.From, exp.Join,
    exp.Lateral, exp.Unnest, exp.Where, exp.Group, exp.Having, exp.Qualify, exp.Order, exp.Ordered, exp.Limit,
    exp.Offset, exp.Distinct, exp.GroupingSets, exp.Rollup, exp.Cube, exp.Table, exp.TableAlias, exp.Alias,
    # names and values
    exp.Identifier, exp.Column, exp.Star, exp.Columns, exp.Literal, exp.Boolean, exp.Null, exp.Paren, exp.Tuple,
    exp.Array, exp.Struct, exp.PropertyEQ, exp.Bracket, exp.Slice, exp.Dot, exp.Lambda, exp.Comprehension, exp.Var,
    exp.Interval, exp.IntervalSpan, exp.Map, exp.ToMap,
    # types and conditions
    exp.Cast, exp.TryCast, exp.DataType, exp.DataTypeParam, exp.Case, exp.If, exp.In, exp.Between, exp.Exists, exp.Any,
    exp.All, exp.Is, exp.And, exp.Or, exp.Not, exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.NullSafeEQ,
    exp.NullSafeNEQ, exp.Like, exp.ILike, exp.SimilarTo, exp.Escape, exp.Glob, exp.RegexpFullMatch,
    # arithmetic and windows
    exp.Add, exp.Sub, exp.Mul, exp.Div, exp.IntDiv, exp.Mod, exp.Pow, exp.Neg, exp.DPipe, exp.BitwiseAnd,
    exp.BitwiseOr, exp.BitwiseNot, exp.BitwiseLeftShift, exp.BitwiseRightShift, exp.ArrayContainsAll, exp.Window,
    exp.WindowSpec, exp.Filter, exp.WithinGroup, exp.IgnoreNulls, exp.RespectNulls, exp.AtTimeZone,
)  # fmt: skip
_NODE_SET = frozenset(_NODES)

#: Parts of a node that must be empty: the class is allowed, this use of it is not.
_EMPTY_ARGS: Mapping[type[exp.Expression], tuple[str, ...]] = {
    exp.Select: ("into", "hint", "kind", "match", "locks", "sample", "pivots", "connect", "prewhere", "settings",
                 "format", "options", "operation_modifiers", "laterals", "cluster", "distribute", "sort"),
    exp.Subquery: ("sample", "pivots", "locks"),
    exp.Table: ("catalog", "when", "version", "sample", "pivots", "only", "partition", "pattern", "hints", "changes",
                "rows_from", "ordinality", "system_time", "format", "indexed"),
    exp.With: ("recursive", "search"),
    exp.CTE: ("scalar", "key_expressions"),
    exp.Join: ("global", "hint", "match_condition", "expressions", "pivots"),
    exp.Column: ("catalog", "join_mark"),
    exp.DataType: ("kind",),
    exp.Lateral: ("view", "outer", "ordinality", "cross_apply"),
    exp.Unnest: ("offset",),
}  # fmt: skip

_SAFE_TYPES = words(
    """
    VARCHAR TEXT CHAR NCHAR NVARCHAR BOOLEAN TINYINT SMALLINT INT BIGINT INT128 UTINYINT USMALLINT UINT UBIGINT
    UINT128 FLOAT DOUBLE DECIMAL DATE TIME TIMESTAMP TIMESTAMPTZ TIMESTAMPNTZ TIMESTAMPLTZ TIMESTAMP_S TIMESTAMP_MS
    TIMESTAMP_NS INTERVAL STRUCT LIST ARRAY MAP
    """
)


class SqlRefused(UsageError):
    """The statement is outside the allow-list; the message says what was found."""


@dataclass(frozen=True, slots=True)
class Relation:
    """One place in the statement where a dataset is read: its stand-in name, its alias, and whether its columns got
    new names by place (`AS x(a, b)`)."""

    placeholder: str
    dataset: str
    alias: str
    renamed: bool


@dataclass(slots=True)
class CheckedSql:
    """A statement that passed; `text` holds stand-in names where the gate puts pinned relations."""

    tree: exp.Expression
    relations: list[Relation]
    cte_names: list[str]
    names: frozenset[str]
    text: str = ""

    @property
    def datasets(self) -> tuple[str, ...]:
        """Each dataset once, in order of first use."""
        return tuple(dict.fromkeys(relation.dataset for relation in self.relations))

    def render(self) -> str:
        """The statement written anew from the tree."""
        self.text = self.tree.sql(dialect="duckdb", comments=False)
        return self.text


@dataclass(slots=True)
class _Scope:
    """CTE names visible at one place of the tree: written name (lower case) → stand-in name."""

    ctes: dict[str, str] = field(default_factory=dict)

    def child(self) -> _Scope:
        return _Scope(dict(self.ctes))


def shown(name: str) -> str:
    """A name safe to print: what is not a plain identifier could hold a patient's data and is not repeated."""
    return f"«{name}»" if _PLAIN_NAME.fullmatch(name) else "«tên không in lại»"


def check(sql: str, datasets: Container[str]) -> CheckedSql:
    """Parse and judge one statement; `datasets` holds the ids that exist (`standard.xml130_1`).

    Raises SqlRefused (USE-SQL-…) naming what was found, or LimitError LIM-SQL-TEXT.
    """
    tree = _parse(sql)
    checked = CheckedSql(tree, [], [], frozenset())
    _check_nodes(tree)
    _name_subqueries(tree)
    _Binder(checked, datasets).visit(tree, _Scope())
    if len(checked.relations) > RELATIONS_MAX:
        raise LimitError("LIM-SQL-RELATIONS", f"Câu lệnh đọc quá {RELATIONS_MAX} bảng.", hint="Tách thành nhiều câu.")
    checked.names = frozenset(node.name.lower() for node in tree.find_all(exp.Identifier))
    _drop_schema_qualifiers(checked)
    text = checked.render()
    # Each stand-in is replaced by a subquery later on, wherever it stands: it must stand in one place only.
    if any(text.count(relation.placeholder) != 1 for relation in checked.relations):
        raise SqlRefused("USE-SQL-NAME", "Câu lệnh dùng tên dành riêng cho hệ thống.")
    return checked


def _parse(sql: str) -> exp.Expression:
    if len(sql) > TEXT_MAX:
        raise LimitError("LIM-SQL-TEXT", f"Câu lệnh dài quá {TEXT_MAX} ký tự.", hint="Rút gọn hoặc tách câu lệnh.")
    if RESERVED in sql.lower():
        raise SqlRefused("USE-SQL-NAME", "Câu lệnh dùng tên dành riêng cho hệ thống.")
    if "\x00" in sql:
        raise SqlRefused("USE-SQL-SYNTAX", "Câu lệnh có ký tự không hợp lệ.")
    if _nesting(sql) > NESTING_MAX:
        raise LimitError(
            "LIM-SQL-NESTING", f"Câu lệnh lồng ngoặc quá {NESTING_MAX} tầng.", hint="Viết lại đơn giản hơn."
        )
    try:
        statements = [tree for tree in sqlglot.parse(sql, read="duckdb") if tree is not None]
    except (SqlglotError, RecursionError, ValueError, TypeError, AttributeError, IndexError):
        # The parser's own message repeats the text, which may hold a patient's data.
        raise SqlRefused("USE-SQL-SYNTAX", "Không đọc được câu lệnh SQL.", hint="Xem lại cú pháp SELECT.") from None
    if len(statements) != 1:
        raise SqlRefused("USE-SQL-MANY", f"Cần đúng một câu lệnh, ở đây có {len(statements)}.")
    tree = statements[0]
    if not isinstance(tree, _STATEMENTS):
        raise SqlRefused(
            "USE-SQL-STATEMENT",
            f"Chỉ được dùng SELECT, WITH, UNION, VALUES; câu này là {shown(type(tree).__name__.upper())}.",
        )
    return tree


def _nesting(sql: str) -> int:
    """Deepest bracket nesting, counted without regard to quotes: an upper bound is enough for a limit."""
    depth = deepest = 0
    for char in sql:
        if char in "([{":
            depth += 1
            deepest = max(deepest, depth)
        elif char in ")]}":
            depth = max(0, depth - 1)
    return deepest


def _check_nodes(tree: exp.Expression) -> None:
    for count, node in enumerate(tree.walk()):
        if count > NODES_MAX:
            raise LimitError("LIM-SQL-NODES", "Câu lệnh có quá nhiều thành phần.", hint="Tách thành nhiều câu.")
        kind = type(node)
        if kind not in _NODE_SET:
            _check_function(node)
        for arg in _EMPTY_ARGS.get(kind, ()):
            if node.args.get(arg):
                raise SqlRefused("USE-SQL-CLAUSE", f"Không được dùng phần {shown(arg.upper())} ở {kind.__name__}.")
        if isinstance(node, exp.DataType):
            _check_type(node)
        elif isinstance(node, exp.Lambda) and not all(isinstance(a, exp.Identifier) for a in node.expressions):
            raise SqlRefused("USE-SQL-CLAUSE", "Hàm lambda viết sai dạng.")


def _check_function(node: exp.Expression) -> None:
    """Refuse any node that is not a listed function; the only way a node outside `_NODES` survives."""
    if type(node) is exp.Anonymous:
        name = str(node.this).lower()
        written = {name}
    elif isinstance(node, exp.GenerateSeries):
        name, written = "range", {"range"} if isinstance(node.parent, exp.Table) else set()
    elif isinstance(node, exp.Func):
        name = node.sql_name().lower()
        written = {alias.lower() for alias in type(node).sql_names()}
    else:
        raise SqlRefused("USE-SQL-CLAUSE", f"Không được dùng {shown(type(node).__name__)} trong câu lệnh.")
    if name in CLOCK or written & CLOCK:
        raise SqlRefused(
            "USE-SQL-CLOCK",
            f"Không được dùng hàm {shown(name)}: con số phải tính lại được vào ngày khác.",
            hint="Ghi ngày cụ thể, ví dụ DATE '2026-11-18'.",
        )
    in_from = isinstance(node.parent, exp.Table)
    allowed = TABLE_FUNCTIONS if in_from else ALLOWED | SQLGLOT_FORMS
    if not written & allowed:
        place = "làm bảng " if in_from else ""
        raise SqlRefused("USE-SQL-FUNCTION", f"Không được dùng hàm {shown(name)} {place}trong câu lệnh.")
    if name in {"pad", "lpad", "rpad"}:
        _check_pad(node)


def _check_pad(node: exp.Expression) -> None:
    length = node.args.get("expression") or (node.expressions[1] if len(node.expressions) > 1 else None)
    if not isinstance(length, exp.Literal) or length.is_string or int(str(length.this)) > PAD_MAX:
        raise SqlRefused("USE-SQL-FUNCTION", f"lpad/rpad cần độ dài là số viết sẵn, không quá {PAD_MAX}.")


def _check_type(node: exp.DataType) -> None:
    name = node.this.name if isinstance(node.this, exp.DataType.Type) else str(node.this)
    if name not in _SAFE_TYPES:
        raise SqlRefused("USE-SQL-TYPE", f"Không được ép sang kiểu {shown(name)}.")


def _name_subqueries(tree: exp.Expression) -> None:
    """Name nameless output expressions that read a relation after their own text, before stand-in names go in."""
    if isinstance(tree, exp.Select):
        for expression in list(tree.expressions):
            if not isinstance(expression, exp.Alias) and expression.find(exp.Table):
                name = expression.sql(dialect="duckdb", comments=False)[:80]
                expression.replace(exp.alias_(expression.copy(), name, quoted=True))


class _Binder:
    """Resolves every relation name in its scope and puts the stand-in names in."""

    def __init__(self, checked: CheckedSql, datasets: Container[str]) -> None:
        self.checked = checked
        self.datasets = datasets

    def visit(self, node: exp.Expression, scope: _Scope) -> None:
        """Walk down; a WITH opens a scope for its node, each CTE sees the ones before it."""
        clause = node.args.get("with")
        if isinstance(clause, exp.With):
            scope = scope.child()
            self._bind_ctes(clause, scope)
        if isinstance(node, exp.Table):
            self._bind_table(node, scope)
        for child in _children(node):
            if child is not clause:
                self.visit(child, scope)

    def _bind_ctes(self, clause: exp.With, scope: _Scope) -> None:
        seen: set[str] = set()
        for cte in clause.expressions:
            written = cte.alias
            if not written or written.lower() in seen:
                raise SqlRefused("USE-SQL-CTE", f"Tên {shown(written)} trong WITH bị thiếu hoặc lặp.")
            self.visit(cte.this, scope)
            seen.add(written.lower())
            stand_in = f"{RESERVED}_cte_{len(self.checked.cte_names)}__"
            self.checked.cte_names.append(stand_in)
            scope.ctes[written.lower()] = stand_in
            cte.args["alias"].set("this", exp.to_identifier(stand_in))

    def _bind_table(self, table: exp.Table, scope: _Scope) -> None:
        if not isinstance(table.this, exp.Identifier):
            return  # a table function, judged as a function
        name, schema = table.name, table.db
        if not schema:
            stand_in = scope.ctes.get(name.lower())
            if stand_in is None:
                raise _unknown_relation(name, "")
            self._rename(table, stand_in, name)
            return
        dataset = f"{schema}.{name}".lower()
        if schema.lower() not in ZONES or dataset not in self.datasets:
            raise _unknown_relation(name, schema)
        stand_in = f"{RESERVED}_rel_{len(self.checked.relations)}__"
        alias = table.args.get("alias")
        renamed = bool(alias is not None and alias.args.get("columns"))
        self.checked.relations.append(Relation(stand_in, dataset, table.alias or name, renamed))
        self._rename(table, stand_in, name)

    @staticmethod
    def _rename(table: exp.Table, stand_in: str, written: str) -> None:
        alias = table.args.get("alias")
        if alias is None:
            table.set("alias", exp.TableAlias(this=exp.to_identifier(written, quoted=True)))
        elif alias.args.get("this") is None:
            alias.set("this", exp.to_identifier(written, quoted=True))
        table.set("this", exp.to_identifier(stand_in))
        table.set("db", None)


def _children(node: exp.Expression) -> Iterable[exp.Expression]:
    return list(node.iter_expressions())


def _unknown_relation(name: str, schema: str) -> SqlRefused:
    full = f"{schema}.{name}" if schema else name
    hint = f"Bảng viết dạng vùng.tên; các vùng: {', '.join(ZONES)}. Xem bienho catalogue."
    return SqlRefused("USE-SQL-RELATION", f"Không có bảng {shown(full)} để đọc.", hint=hint)


def _drop_schema_qualifiers(checked: CheckedSql) -> None:
    """`standard.xml130_1.MA_BENH_CHINH` → `xml130_1.MA_BENH_CHINH`: after binding the schema is no longer there."""
    datasets = set(checked.datasets)
    for column in checked.tree.find_all(exp.Column):
        if column.db and f"{column.db}.{column.table}".lower() in datasets:
            column.set("db", None)


def masked(tree: exp.Expression, known: Container[str]) -> str:
    """The statement for the audit log: literals and unknown names replaced, keyed digests and small numbers kept.

    `known` holds names of columns and functions (lower case) that are no patient's data.
    """
    copy = tree.copy()
    for literal in list(copy.find_all(exp.Literal)):
        text = str(literal.this)
        if literal.is_string and not re.fullmatch(r"[0-9a-f]{32}", text):
            literal.replace(exp.Literal.string("?"))
        elif not literal.is_string and not re.fullmatch(r"[0-9]{1,4}", text):
            literal.replace(exp.Literal.number(0))
    for name in copy.find_all(exp.Identifier):
        text = str(name.this)
        if text.lower() not in known and not text.startswith(RESERVED):
            name.set("this", "_")
    return copy.sql(dialect="duckdb", comments=False)
