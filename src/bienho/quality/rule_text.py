"""The SQL of the rule files read into trees by DuckDB's own grammar: what of it a rule may say, which columns it reads.

What the SQL may say (F is a field of the check's own table):

| F | the text, blanks at its ends left out; NULL when absent, empty, or nothing but a mark that the vault holds it |
| p.F | whether anything is there, in the lake or in the vault |
| n.F, q.F, r.F | the number: an amount (15,3); for products a quantity (9,3), a rate (5,2); NULL when it is none |
| t.F, d.F | the moment (12 digits), the day (the first 8 digits) |
| v.F, vp.F, vn.F, vt.F, vd.F … | the same of XML1 of the visit |
| v.edition, v.day, v.received_day, v.received_year | of the dossier: position in EDITIONS, day of service, receipt |
| s.NAME | a sum of `sums.yaml` |
| near(a, b) | equal when rounded to hundredths, a half either way |
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import pyarrow as pa

Ask = Callable[[str, pa.Table], pa.Table]
"""Runs a statement of DuckDB that reads the rows given as `incoming`, and gives its rows, in order."""
Tree = tuple[Any, ...]
"""(operation, operand, …). Leaves: ("column", space, name) and ("constant", kind, value, scale)."""
SPACES = frozenset(["x", "p", "n", "q", "r", "t", "d", "v", "vx", "vp", "vn", "vq", "vr", "vt", "vd", "s"])
OF_HEAD = {"is_visit": "truth", "edition": "number", "day": "day", "received_day": "day", "received_year": "number"}
"""What `v.` says of the dossier itself, and its kind."""
_COMPARED = {
    "COMPARE_EQUAL": "=",
    "COMPARE_NOTEQUAL": "<>",
    "COMPARE_LESSTHAN": "<",
    "COMPARE_LESSTHANOREQUALTO": "<=",
    "COMPARE_GREATERTHAN": ">",
    "COMPARE_GREATERTHANOREQUALTO": ">=",
}
_PLAIN = {
    "CONJUNCTION_AND": "and",
    "CONJUNCTION_OR": "or",
    "OPERATOR_NOT": "not",
    "OPERATOR_COALESCE": "coalesce",
    "OPERATOR_IS_NOT_NULL": "is there",
    "COMPARE_IN": "in",
}
_HALF = ("constant", "number", 5, 3)
_LESS = ("constant", "number", -5, 3)
_read: dict[str, Tree] = {}


def learn(texts: Iterable[str], ask: Ask) -> None:
    """Read texts, all at once; a text is read once in the life of a process.

    ValueError names a text that is no SQL or says what no rule may say.
    """
    new = sorted({text for text in texts if text not in _read})
    if new:
        incoming = pa.table({"sql": ["SELECT " + ", ".join(f"({text})" for text in new)]})
        told = json.loads(
            ask("SELECT json_serialize_sql(sql) AS told FROM incoming", incoming).column("told")[0].as_py()
        )
        if told["error"]:
            raise ValueError(f"the rules are no SQL: {told.get('error_message')}")
        for text, node in zip(new, told["statements"][0]["node"]["select_list"], strict=True):
            _read[text] = _tree(node, text)


def tree_of(text: str) -> Tree:
    """The tree of a text that has been learnt."""
    return _read[text]


def leaves(of: Tree) -> Iterator[tuple[str, str]]:
    """(space, name) of every column a tree reads."""
    if of[0] == "column":
        yield of[1], of[2]
    elif of[0] != "constant":
        for part in of[1:]:
            if isinstance(part, tuple):
                yield from leaves(part)


def _tree(node: Mapping[str, Any], text: str) -> Tree:
    kind = node["type"]
    if kind == "COLUMN_REF":
        return _column(node["column_names"], text)
    if kind == "VALUE_CONSTANT":
        return _constant(node["value"], text)
    if kind in _COMPARED:
        return ("compare", _COMPARED[kind], _tree(node["left"], text), _tree(node["right"], text))
    if kind == "COMPARE_BETWEEN":
        return _between(*(_tree(node[part], text) for part in ("input", "lower", "upper")))
    if kind in _PLAIN:
        return (_PLAIN[kind], *(_tree(child, text) for child in node["children"]))
    if kind == "COMPARE_NOT_IN":
        return ("not", ("in", *(_tree(child, text) for child in node["children"])))
    if kind == "OPERATOR_CAST" and node["cast_type"]["id"] == "BOOLEAN":
        return ("constant", "truth", node["child"]["value"]["value"] == "t", 0)
    if kind == "OPERATOR_CAST" and node["cast_type"]["id"] in ("BIGINT", "DOUBLE"):
        return _tree(node["child"], text)  # how the grammar writes INTERVAL 24 HOUR
    if kind == "CASE_EXPR":
        made = _tree(node["else_expr"], text)
        for branch in reversed(node["case_checks"]):
            made = ("case", _tree(branch["when_expr"], text), _tree(branch["then_expr"], text), made)
        return made
    if kind == "FUNCTION":
        parts = [_tree(child, text) for child in node["children"]]
        if node["function_name"] == "near":
            return _between(("call", "-", *parts), _LESS, _HALF)
        return ("call", node["function_name"], *parts)
    raise ValueError(f"no rule may say {kind}: {text}")


def _between(value: Tree, low: Tree, high: Tree) -> Tree:
    return ("and", ("compare", ">=", value, low), ("compare", "<=", value, high))


def _column(names: list[str], text: str) -> Tree:
    if len(names) == 1:
        return ("column", "x", names[0])
    space, name = names
    if space not in SPACES:
        raise ValueError(f"no column is called {space}.{name}: {text}")
    if space == "v":
        return ("column", "v" if name in OF_HEAD else "vx", name)
    return ("column", space, name)


def _constant(given: Mapping[str, Any], text: str) -> Tree:
    kind = given["type"]["id"]
    if kind == "VARCHAR":
        return ("constant", "text", given["value"], 0)
    if kind in ("INTEGER", "BIGINT"):
        return ("constant", "number", given["value"], 0)
    if kind == "DECIMAL":
        return ("constant", "number", given["value"], given["type"]["type_info"]["scale"])
    raise ValueError(f"no rule may say a constant of {kind}: {text}")
