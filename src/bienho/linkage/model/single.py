"""The SQL of features, keys and levels, turned into Python once: for one record planning costs more than the work.

DuckDB takes some ten milliseconds to set up a query of this size whether it meets one pair or a thousand. So the same
text is parsed once more and written as Python, with SQL's three values of truth: for every condition there are two
expressions, whether it is true and whether it is false; neither holds where it is unknown. Only what the room's own SQL
uses is known here, anything else is refused when the module is loaded. A property test holds both against each other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from rapidfuzz.distance import DamerauLevenshtein, JaroWinkler
from sqlglot import exp, parse_one

from bienho.linkage.model.blocking import RULES
from bienho.linkage.model.comparisons import BITS, COMPARISONS, TERM_SHIFT
from bienho.linkage.model.features import FEATURES, RARE, TERM_FEATURES
from bienho.linkage.model.score import TERM_OF
from bienho.linkage.model.terms import NAME, TERMS, digest
from bienho.linkage.model.weights import Weights

Row = dict[str, Any]

_KNOWN: dict[str, Callable[..., Any]] = {
    "jaro_winkler_similarity": JaroWinkler.similarity,
    "damerau_levenshtein": DamerauLevenshtein.distance,
    "length": len,
    "abs": abs,
    "left": lambda text, count: text[:count],
    "right": lambda text, count: text[-count:],
    "contains": lambda text, part: part in text,
    "greatest": max,
    "least": min,
    "text": str,
    "joined": lambda one, other: one + other,
    "minus": lambda one, other: one - other,
    "plus": lambda one, other: one + other,
    "times": lambda one, other: one * other,
}  # fmt: skip


def _strict(function: Callable[..., Any]) -> Callable[..., Any]:
    """As SQL functions are: null for any null."""

    def call(*given: Any) -> Any:
        return None if None in given else function(*given)

    return call


_CALLS = {f"f_{name}": _strict(function) for name, function in _KNOWN.items()}
_ARITHMETIC: dict[type[exp.Expression], str] = {
    exp.Sub: "minus",
    exp.Add: "plus",
    exp.Mul: "times",
    exp.DPipe: "joined",
}
_FUNCTIONS: dict[type[exp.Expression], str] = {
    exp.Abs: "abs", exp.Length: "length", exp.Left: "left", exp.Right: "right", exp.Contains: "contains",
    exp.JarowinklerSimilarity: "jaro_winkler_similarity",
}  # fmt: skip
_COMPARED: dict[type[exp.Expression], tuple[str, str]] = {
    exp.EQ: ("==", "!="),
    exp.NEQ: ("!=", "=="),
    exp.GTE: (">=", "<"),
    exp.LTE: ("<=", ">"),
    exp.LT: ("<", ">="),
}
_LOGIC: tuple[type[exp.Expression], ...] = (exp.And, exp.Or, exp.Not, exp.Is, exp.In, *_COMPARED)


class _Writer:
    """Writes an expression as Python; `name` says how a column is read."""

    def __init__(self, name: Callable[[str], str]) -> None:
        self._name = name

    def value(self, node: exp.Expression) -> str:
        """Python of the value, None for null."""
        if isinstance(node, exp.Paren):
            return f"({self.value(node.this)})"
        if isinstance(node, _LOGIC):
            return f"(True if {self.true(node)} else False if {self.false(node)} else None)"
        if isinstance(node, exp.Column):
            return self._name(node.name)
        if isinstance(node, exp.Literal):
            return repr(node.this) if node.is_string else node.this
        if isinstance(node, exp.Boolean):
            return repr(bool(node.this))
        if isinstance(node, exp.Null):
            return "None"
        if isinstance(node, exp.Cast):
            inner = self.value(node.this)
            return f"f_text({inner})" if node.to.is_type("text", "varchar") else inner
        if isinstance(node, exp.Case):
            whens = "".join(
                f"{self.value(one.args['true'])} if {self.true(one.this)} else " for one in node.args["ifs"]
            )
            default = node.args.get("default")
            return f"({whens}{self.value(default) if default is not None else 'None'})"
        return self._call(node)

    def _call(self, node: exp.Expression) -> str:
        if isinstance(node, exp.Coalesce):
            first, other = self.value(node.this), self.value(node.expressions[0])
            return f"({other} if {first} is None else {first})"
        if type(node) in _ARITHMETIC:
            return f"f_{_ARITHMETIC[type(node)]}({self.value(node.this)}, {self.value(node.expression)})"
        if isinstance(node, exp.Greatest | exp.Least):
            name = "greatest" if isinstance(node, exp.Greatest) else "least"
            return f"f_{name}({', '.join(map(self.value, (node.this, *node.expressions)))})"
        if isinstance(node, exp.Anonymous) and node.name.lower() in _KNOWN:
            return f"f_{node.name.lower()}({', '.join(map(self.value, node.expressions))})"
        if type(node) in _FUNCTIONS:
            given = [node.this, node.args.get("expression")]
            return f"f_{_FUNCTIONS[type(node)]}({', '.join(self.value(one) for one in given if one is not None)})"
        raise ValueError(f"no Python is known for this SQL: {node.sql()}")

    def true(self, node: exp.Expression) -> str:
        """Python that holds where the condition is true."""
        return self._truth(node, True)

    def false(self, node: exp.Expression) -> str:
        """Python that holds where the condition is false."""
        return self._truth(node, False)

    def _truth(self, node: exp.Expression, wanted: bool) -> str:
        if isinstance(node, exp.Paren):
            return self._truth(node.this, wanted)
        if isinstance(node, exp.Not):
            return self._truth(node.this, not wanted)
        if isinstance(node, exp.And | exp.Or):
            word = "and" if isinstance(node, exp.And) is wanted else "or"
            return f"({self._truth(node.this, wanted)} {word} {self._truth(node.expression, wanted)})"
        if isinstance(node, exp.Is):
            return f"({self.value(node.this)} is {'' if wanted else 'not '}None)"
        if type(node) in _COMPARED:
            one, other = self.value(node.this), self.value(node.expression)
            known = [
                f"{side} is not None" for side, of in ((one, node.this), (other, node.expression)) if not _sure(of)
            ]
            return "(" + " and ".join([*known, f"{one} {_COMPARED[type(node)][not wanted]} {other}"]) + ")"
        if isinstance(node, exp.In):
            one, among = self.value(node.this), ", ".join(self.value(one) for one in node.expressions)
            return f"({one} is not None and {one} {'' if wanted else 'not '}in ({among},))"
        return f"({self.value(node)} is {wanted})"


def _sure(node: exp.Expression) -> bool:
    return isinstance(node, exp.Literal | exp.Boolean)


def _function(body: str, arguments: str) -> Callable[..., Any]:
    """A function of the Python that `_Writer` made of this room's SQL."""
    return eval(f"lambda {arguments}: {body}", dict(_CALLS))  # noqa: S307 (own text, written at load)  # fmt: skip


def _read(sql: str) -> exp.Expression:
    return parse_one(sql, read="duckdb")


def _of_row(sql: str) -> str:
    return _Writer(lambda name: f"r[{name!r}]").value(_read(sql))


def _of_pair(sql: str) -> str:
    return _Writer(lambda name: f"{name[-1]}[{name[:-2]!r}]").value(_read(sql))


def _packed() -> str:
    levels = " | ".join(f"(c{place} << {BITS * place})" for place in range(len(COMPARISONS)))
    bound = ", ".join(f"c{place} := {_of_pair(comparison.case())}" for place, comparison in enumerate(COMPARISONS))
    terms = ""
    for place, comparison in enumerate(COMPARISONS):
        for number, level in enumerate(comparison.levels, 1):
            if level.term:
                terms += f"{_of_pair(TERM_OF[level.term])} if c{place} == {number} else "
    return f"(({bound}), {levels} | ((({terms}0) or 0) << {TERM_SHIFT}))[-1]"


_feature = _function("{" + ", ".join(f"{name!r}: {_of_row(sql)}" for name, sql in FEATURES.items()) + "}", "r")
_terms = {kind: _function(_of_row(sql), "r") for kind, sql in TERMS.items()}
_keys = [_function(_of_row(rule.key()), "r") for rule in RULES]
code: Callable[[Row, Row], int] = _function(_packed(), "l, r")
"""Code of two rows of `features_of`, as `score.code_sql` gives it."""


def features_of(weights: Weights, rows: Iterable[Row]) -> list[Row]:
    """Rows of `CLEAN` → rows of features, as `features.make_features` gives them."""
    found = []
    for row in rows:
        feature = _feature(row)
        for kind, name in TERM_FEATURES.items():
            term, classes = _terms[kind](row), weights.classes[kind]
            kept = None if term is None else classes.get(digest(kind, weights.salt, term))
            feature[name] = None if term is None else classes[""] if kept is None else kept
            if kind == NAME:
                feature["name_rare"] = kept is None or kept >= RARE
        feature["broad"] = weights.broad
        found.append(feature)
    return found


def keys_of(feature: Row) -> list[tuple[int, str]]:
    """(rule, key) of one row of features."""
    return [(rule, key) for rule, made in enumerate(_keys) if (key := made(feature)) is not None]
