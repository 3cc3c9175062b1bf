"""A second opinion on a checked statement from DuckDB's own parser.

sqlglot and DuckDB are two parsers; where they disagree about a text, an allow-list kept with one of them can be walked
around. So the rendered text is parsed once more by the engine that will run it (`json_serialize_sql`, which parses and
binds nothing), and every kind of node, relation and function in its tree must be expected.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

import duckdb
import orjson

from bienho.governance.sql_check import SqlRefused
from bienho.governance.sql_functions import ALLOWED, OPERATORS, TABLE_FUNCTIONS, words

_EXPRESSION_CLASSES = words(
    """
    FUNCTION WINDOW OPERATOR COMPARISON CONJUNCTION CONSTANT COLUMN_REF CASE CAST BETWEEN STAR SUBQUERY LAMBDA
    POSITIONAL_REFERENCE
    """
)
_NODE_TYPES = words(
    """
    SELECT_NODE SET_OPERATION_NODE CTE_NODE BASE_TABLE SUBQUERY JOIN EMPTY EXPRESSION_LIST TABLE_FUNCTION
    ORDER_MODIFIER LIMIT_MODIFIER DISTINCT_MODIFIER ORDER_DEFAULT ASCENDING DESCENDING
    DECIMAL_TYPE_INFO LIST_TYPE_INFO STRUCT_TYPE_INFO ARRAY_TYPE_INFO
    """
)
_CALLS = ALLOWED | OPERATORS
#: What DuckDB's parser itself puts in for syntax already judged by `sql_check`.
_INTERNAL_CALLS = frozenset({"list_value", "struct_pack", "struct_extract", "list_apply", "list_filter", "row", "map"})


def second_opinion(cursor: duckdb.DuckDBPyConnection, text: str, relations: Collection[str]) -> None:
    """Raise SqlRefused (USE-SQL-ENGINE) unless DuckDB reads `text` as one SELECT over `relations` only."""
    row = cursor.execute("SELECT json_serialize_sql(?)", [text]).fetchone()
    serialized: dict[str, Any] = orjson.loads(row[0]) if row else {"error": True}
    if serialized.get("error") or len(serialized.get("statements", ())) != 1:
        raise SqlRefused("USE-SQL-ENGINE", "Bộ máy truy vấn không nhận câu lệnh này là một câu SELECT.")
    wanted = frozenset(relations)
    for node in _walk(serialized["statements"][0]):
        _judge(node, wanted)


def _walk(node: Any) -> Iterator[dict[str, Any]]:
    stack = [node]
    while stack:
        top = stack.pop()
        if isinstance(top, dict):
            yield top
            stack.extend(top.values())
        elif isinstance(top, list):
            stack.extend(top)


def _judge(node: dict[str, Any], relations: frozenset[str]) -> None:
    kind = node.get("type")
    if "class" in node:
        if node["class"] not in _EXPRESSION_CLASSES:
            raise _refusal()
        if "function_name" in node:
            _judge_call(node)
        return
    if not isinstance(kind, str) or "id" in node:
        return
    if kind not in _NODE_TYPES:
        raise _refusal()
    if kind == "BASE_TABLE":
        placed = node.get("schema_name") or node.get("catalog_name") or node.get("at_clause")
        if placed or node.get("table_name") not in relations or node.get("sample"):
            raise _refusal()
    elif kind == "TABLE_FUNCTION":
        call = node.get("function") or {}
        if call.get("function_name") not in TABLE_FUNCTIONS or call.get("schema") or call.get("catalog"):
            raise _refusal()
        node["function"] = call.get("children")  # the call itself is judged; its arguments are walked like the rest


def _judge_call(node: dict[str, Any]) -> None:
    name = str(node["function_name"]).lower()
    schema, catalog = node.get("schema") or "", node.get("catalog") or ""
    if catalog or schema not in ("", "main") or name not in _CALLS | _INTERNAL_CALLS:
        raise _refusal()


def _refusal() -> SqlRefused:
    return SqlRefused("USE-SQL-ENGINE", "Bộ máy truy vấn đọc câu lệnh khác với phần đã kiểm tra; không chạy.")
